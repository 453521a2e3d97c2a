package written

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Word is a value out of a few; nil, an absent key, gives what holds without it.
func (r *Reader) Word(n *yaml.Node, field, byDefault string, known ...string) string {
	if n == nil {
		return byDefault
	}
	s, ok := r.Scalar(n, field)
	if !ok {
		return byDefault
	}
	if !slices.Contains(known, s) {
		r.Fail(n, field, NoWord, strings.Join(known, ", "))
		return byDefault
	}
	return s
}

// Yes is true or false; nil, an absent key, is false.
func (r *Reader) Yes(n *yaml.Node, field string) bool {
	return r.Word(n, field, "false", "true", "false") == "true"
}

// Number is a whole number; nil, an absent key, gives what holds without it.
func (r *Reader) Number(n *yaml.Node, field string, byDefault, least, most int) int {
	if n == nil {
		return byDefault
	}
	s, ok := r.Scalar(n, field)
	if !ok {
		return byDefault
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > most {
		r.Fail(n, field, NoNumber, least, most)
		return byDefault
	}
	return v
}

// Zone is a time zone by its name; nil, an absent key, is UTC.
func (r *Reader) Zone(n *yaml.Node, field string) *time.Location {
	if n == nil {
		return time.UTC
	}
	s, ok := r.Scalar(n, field)
	if !ok {
		return time.UTC
	}
	// "Local" would make one file mean two things on two machines.
	if z, err := time.LoadLocation(s); err == nil && s != "" && s != "Local" {
		return z
	}
	r.Fail(n, field, NoZone)
	return time.UTC
}

// maxValue is how many bytes a value of these may have, far more than any needs.
const maxValue = 1000

// Version says at root that a file's version is missing, and of one that is there that it
// is another than 1.
func (r *Reader) Version(root *yaml.Node, keys map[string]*yaml.Node) {
	n := keys["version"]
	if n == nil {
		if !r.Has("version") {
			r.Failf(root, "version", "없습니다. version: 1로 쓰십시오", "is missing: version: 1")
		}
		return
	}
	if s, ok := r.Text(n, "version", maxValue); ok && s != "1" {
		r.Failf(n, "version", "이 haetae는 버전 1을 읽습니다", "this haetae reads version 1")
	}
}

// Duration is a time as 90s, 15m, 1h30m or 2d; nil, an absent key, gives what holds
// without it.
func (r *Reader) Duration(n *yaml.Node, field string, byDefault, least, most time.Duration) time.Duration {
	if n == nil {
		return byDefault
	}
	s, ok := r.Text(n, field, maxValue)
	if !ok {
		return byDefault
	}
	d, ok := Duration(s)
	if !ok || d < least || d > most {
		r.Fail(n, field, NoDuration, ShortDuration(least), ShortDuration(most))
		return byDefault
	}
	return d
}
