package jsonlines

import (
	"strconv"
	"strings"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

// Lists are read in two ways: as the accounts of an answer, and by single places, of
// which a mapping names some. One list may be both.

// isPlace: a number leads into a list.
func isPlace(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// places reads a list of which single places are mapped: a.0 is the first of a.
func (st *state) places(path string, depth int) bool {
	if depth > maxDepth {
		return false
	}
	st.at++
	st.space()
	if st.at < len(st.s) && st.s[st.at] == ']' {
		st.at++
		return true
	}
	for i := 0; ; i++ {
		key := path + strconv.Itoa(i)
		what := st.d.newSeen("", i == 0, path, key)
		if !st.member(&what, depth) {
			return false
		}
		if more, ok := st.another(); !more {
			return ok
		}
	}
}

// another reads what stands behind an element of a list: a comma, and so there is
// another one, or the end. ok is false if it is neither.
func (st *state) another() (more, ok bool) {
	st.space()
	if st.at >= len(st.s) {
		return false, false
	}
	c := st.s[st.at]
	st.at++
	if c == ',' {
		st.space()
	}
	return c == ',', c == ',' || c == ']'
}

// list reads the subjects as an array of strings or numbers.
func (st *state) list() bool {
	st.at++
	st.space()
	if st.at < len(st.s) && st.s[st.at] == ']' {
		st.at++
		return true
	}
	for {
		if st.at >= len(st.s) {
			return false
		}
		var raw []byte
		var ok bool
		switch st.s[st.at] {
		case '"':
			var how howWritten
			raw, how = st.str()
			ok = how != unended
			if how == escaped {
				raw, ok = line.Unescape(nil, raw)
			}
		case '{', '[':
			ok = st.skip(0)
			st.wrong(fieldSubjects)
		default:
			raw, ok = st.scalar()
		}
		if !ok {
			return false
		}
		if !line.Absent(raw) && line.String(raw) != "null" {
			if err := line.CheckID("subjects", raw); err != nil && st.err == nil {
				st.err = err
			}
			st.req.Subjects = append(st.req.Subjects, event.AccountID(line.String(raw)))
		}
		if more, ok := st.another(); !more {
			return ok
		}
	}
}
