package alert

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a rota names a time zone; a container may have none

	"go.yaml.in/yaml/v3"
)

// Error is one mistake in a file. It prints as "alerts.yaml:12: field: what" and
// quotes a value only where that cannot be a secret.
type Error struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 1-based; 0 when no line can be named
	Field   string `json:"field,omitempty"`
	Problem string `json:"problem"`
}

func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// Errors is all mistakes of the files of one configuration.
type Errors []Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single Error.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

const (
	maxFileBytes = 1 << 20 // a thousand people with a shift each take 100 KB
	maxErrors    = 100     // a wrong file (a log, say) does not print itself
	maxText      = 200     // bytes of a name or an address
)

// parser collects the mistakes of one file.
type parser struct {
	file  string
	errs  Errors
	lines map[string]*yaml.Node // the values by their fields, for mistakes found later
}

// failed returns the mistakes in the order of their lines, or nil.
func (p *parser) failed() error {
	if len(p.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(p.errs, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
	if n := len(p.errs); n > maxErrors {
		p.errs = append(p.errs[:maxErrors:maxErrors], Error{File: p.file, Problem: fmt.Sprintf("and %d more mistakes", n-maxErrors)})
	}
	return p.errs
}

func (p *parser) fail(n *yaml.Node, field, format string, args ...any) {
	e := Error{File: p.file, Field: field, Problem: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line = n.Line
	}
	p.errs = append(p.errs, e)
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// document returns the one mapping that a file is.
func (p *parser) document(text []byte) (root *yaml.Node) {
	// The YAML library has panicked on broken input before.
	defer func() {
		if recover() != nil {
			root = nil
			p.fail(nil, "", "not readable as YAML")
		}
	}()
	if len(text) > maxFileBytes {
		p.fail(nil, "", "the file is larger than 1 MiB")
		return nil
	}
	// The library's own words quote the text around a mistake, and somebody may
	// have written a password there.
	unreadable := func(err error) {
		e := Error{File: p.file, Problem: "not readable as YAML"}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			e.Line, _ = strconv.Atoi(m[1])
		}
		p.errs = append(p.errs, e)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF), err == nil && (doc.Kind != yaml.DocumentNode || len(doc.Content) != 1):
		p.errs = append(p.errs, Error{File: p.file, Line: 1, Problem: "the file is empty"})
		return nil
	case err != nil:
		unreadable(err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		p.fail(&second, "", "a second document begins here; the file is one")
		return nil
	} else if !errors.Is(err, io.EOF) {
		unreadable(err)
		return nil
	}
	return doc.Content[0]
}

type pair struct {
	name       string
	key, value *yaml.Node
}

func (p *parser) pairs(n *yaml.Node, field string) []pair {
	if n.Kind != yaml.MappingNode {
		p.fail(n, field, "expected keys and values, found %s", kindOf(n))
		return nil
	}
	seen := map[string]int{}
	var out []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			p.fail(k, field, "a key is a plain word")
			continue
		}
		at := join(field, k.Value)
		if line, twice := seen[k.Value]; twice {
			p.fail(k, at, "stands twice; first on line %d", line)
			continue
		}
		seen[k.Value] = k.Line
		if v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
			p.fail(k, at, "has no value")
			continue
		}
		out = append(out, pair{k.Value, k, v})
	}
	return out
}

// mapping returns the values by key. It reports unknown keys.
func (p *parser) mapping(n *yaml.Node, field string, known ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	for _, kv := range p.pairs(n, field) {
		if !slices.Contains(known, kv.name) {
			p.fail(kv.key, join(field, kv.name), "unknown key; known are %s", strings.Join(known, ", "))
			continue
		}
		out[kv.name] = kv.value
		p.lines[join(field, kv.name)] = kv.value
	}
	return out
}

func (p *parser) list(n *yaml.Node, field string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, field, "expected a list, found %s", kindOf(n))
		return nil
	}
	return n.Content
}

// text is one value. nil is an absent key, and gives "".
func (p *parser) text(n *yaml.Node, field string) string {
	switch {
	case n == nil:
	case n.Kind != yaml.ScalarNode:
		p.fail(n, field, "expected one value, found %s", kindOf(n))
	case strings.TrimSpace(n.Value) == "":
		p.fail(n, field, "is empty")
	case len(n.Value) > maxText*5:
		p.fail(n, field, "is longer than %d bytes", maxText*5)
	case strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		p.fail(n, field, "holds a control character")
	default:
		return n.Value
	}
	return ""
}

// word is a value out of a few.
func (p *parser) word(n *yaml.Node, field, byDefault string, known ...string) string {
	s := p.text(n, field)
	if s == "" {
		return byDefault
	}
	if !slices.Contains(known, s) {
		p.fail(n, field, "is not one of %s", strings.Join(known, ", "))
		return byDefault
	}
	return s
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// name is a word of ours that appears in headers, logs and addresses.
func (p *parser) name(n *yaml.Node, field string) string {
	s := p.text(n, field)
	if s != "" && !namePattern.MatchString(s) {
		p.fail(n, field, "a name is made of small letters, digits and -, at most 40")
		return ""
	}
	return s
}

func (p *parser) yes(n *yaml.Node, field string) bool {
	return p.word(n, field, "false", "true", "false") == "true"
}

func (p *parser) number(n *yaml.Node, field string, byDefault, least, most int) int {
	s := p.text(n, field)
	if s == "" {
		return byDefault
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > most {
		p.fail(n, field, "expected a number from %d to %d", least, most)
		return byDefault
	}
	return v
}

// duration is written as 90s, 15m, 1h30m or 2d.
func (p *parser) duration(n *yaml.Node, field string, byDefault, least, most time.Duration) time.Duration {
	s := p.text(n, field)
	if s == "" {
		return byDefault
	}
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); err != nil && ok {
		var v int
		if v, err = strconv.Atoi(days); v < 0 || v > 10000 {
			v = 10000
		}
		d = time.Duration(v) * 24 * time.Hour
	}
	if err != nil || d < least || d > most {
		p.fail(n, field, "expected a time from %s to %s, as 30s, 15m, 6h or 2d", least, most)
		return byDefault
	}
	return d
}

func (p *parser) zone(n *yaml.Node, field string) *time.Location {
	s := p.text(n, field)
	if s == "" {
		return time.UTC
	}
	// "Local" would make one file mean two things on two machines.
	z, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		p.fail(n, field, "unknown time zone; zones are named like Asia/Seoul or UTC")
		return time.UTC
	}
	return z
}

func (p *parser) version(root, n *yaml.Node) {
	switch s := p.text(n, "version"); {
	case n == nil:
		p.fail(root, "version", "is missing: version: 1")
	case s != "1":
		p.fail(n, "version", "this haetae reads version 1")
	}
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "a YAML reference, which is not supported: write the value out"
	}
	return "one value"
}

func join(field, key string) string {
	if len(key) > 40 {
		key = strings.ToValidUTF8(key[:40], "") + "…"
	}
	key = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, key)
	if field == "" {
		return key
	}
	return field + "." + key
}

func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
