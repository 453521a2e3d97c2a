package catalog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxTableLine is where a line stops being one: ids and item names never come
// near it, and no more than this is held in memory.
const maxTableLine = 1 << 20

type column struct {
	name string
	need bool
	list bool // separated by ";", or a list in NDJSON
}

// row is one line on its way through a reader. Its strings share one copy of
// the line, made per line, so that callers may keep ids without keeping a
// buffer of the file.
type row struct {
	columns []column
	values  []string
	lists   [][]string // NDJSON lists, by column
	places  []int      // byte each value begins at
	failed  bool
	report  func(column int, cause mistake)
}

func (r *row) bad(column int, cause mistake) {
	if !r.failed {
		r.failed = true
		r.report(column, cause)
	}
}

func (r *row) text(i int) string { return r.values[i] }

// id is a value that must name somebody.
func (r *row) id(i int) string {
	s := r.values[i]
	switch {
	case s == "":
		r.bad(i, valueEmpty)
	case len(s) > maxIDBytes:
		r.bad(i, valueLong)
	case !utf8.ValidString(s):
		r.bad(i, valueUTF8)
	case strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.bad(i, valueControl)
	}
	return s
}

func (r *row) eachName(i int, fn func(string)) {
	if r.lists[i] != nil {
		for _, s := range r.lists[i] {
			fn(s)
		}
		return
	}
	for rest := r.values[i]; rest != ""; {
		var s string
		s, rest, _ = strings.Cut(rest, ";")
		if s = strings.TrimSpace(s); s != "" {
			fn(s)
		}
	}
}

// readTable tells CSV from NDJSON by the first byte that is not space.
func readTable(name string, r io.Reader, columns []column, each func(*row) error) (Report, error) {
	rep := Report{Name: name}
	lines := &lineReader{r: bufio.NewReaderSize(r, 64<<10)}
	rw := &row{columns: columns, values: make([]string, len(columns)), lists: make([][]string, len(columns)), places: make([]int, len(columns))}
	fail := func(column int, cause mistake) {
		rep.Bad++
		if len(rep.Errors) < maxLineErrors {
			t := cause.kind().Say()
			e := LineError{Name: name, Line: lines.number, Code: cause.kind().Code, Cause: t.EN, CauseKO: t.KO}
			if column >= 0 {
				e.Column, e.Field = rw.places[column], columns[column].name
			}
			rep.Errors = append(rep.Errors, e)
		}
	}
	rw.report = fail
	var heading *heading
	ndjson := false
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return rep, nil
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return rep, fmt.Errorf("read %s: line %d: %w", name, lines.number+1, err)
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if heading == nil && !ndjson {
			if err != nil {
				return rep, &headingError{name, false, columnNames(columns)}
			}
			if ndjson = bytes.TrimLeft(line, " \t")[0] == '{'; !ndjson {
				if heading, err = parseHeading(string(line), columns, &rep); err != nil {
					return rep, err
				}
				continue
			}
		}
		rep.Lines++
		rw.failed = false
		clear(rw.values)
		clear(rw.lists)
		clear(rw.places)
		if err != nil {
			fail(-1, lineLong)
			continue
		}
		before := rep.Bad
		var cause mistake
		if ndjson {
			cause = rw.fromJSON(line)
		} else {
			cause = heading.split(string(line), rw)
		}
		if cause != sound {
			fail(-1, cause)
			continue
		}
		if !rw.failed {
			if err := each(rw); err != nil {
				return rep, fmt.Errorf("read %s: line %d: %w", name, lines.number, err)
			}
		}
		if rep.Bad == before {
			rep.Good++
		}
	}
}

// heading maps the fields of a CSV line to columns.
type heading struct {
	to     []int // field → column, or -1
	fields int
}

func parseHeading(line string, columns []column, rep *Report) (*heading, error) {
	h := &heading{}
	var cause mistake
	found := make([]bool, len(columns))
	h.fields, cause = eachCSVField(line, func(_, _ int, value string) {
		value = strings.ToLower(strings.TrimSpace(value))
		to := -1
		for i, c := range columns {
			if c.name == value && !found[i] {
				to, found[i] = i, true
			}
		}
		if to < 0 && len(rep.Ignored) < 100 {
			rep.Ignored = append(rep.Ignored, clip(value))
		}
		h.to = append(h.to, to)
	})
	var missing []string
	none := true
	for i, c := range columns {
		none = none && !found[i]
		if c.need && !found[i] {
			missing = append(missing, c.name)
		}
	}
	if none || cause != sound {
		rep.Ignored = nil
		return nil, &headingError{rep.Name, false, columnNames(columns)}
	}
	if missing != nil {
		rep.Ignored = nil
		return nil, &headingError{rep.Name, true, strings.Join(missing, ", ")}
	}
	return h, nil
}

func columnNames(columns []column) string {
	var out []string
	for _, c := range columns {
		if c.need {
			out = append(out, c.name)
		}
	}
	return strings.Join(out, ", ")
}

func (h *heading) split(line string, rw *row) (cause mistake) {
	n, cause := eachCSVField(line, func(i, place int, value string) {
		if i < len(h.to) && h.to[i] >= 0 {
			rw.values[h.to[i]], rw.places[h.to[i]] = strings.TrimSpace(value), place+1
		}
	})
	switch {
	case cause != sound:
		return cause
	case n < h.fields:
		return lineFew
	case n > h.fields:
		return lineMany
	}
	return sound
}

// eachCSVField splits one line of CSV (RFC 4180, except that a quoted field
// ends on its line: an unclosed quote must not swallow the rest of the file).
func eachCSVField(line string, fn func(i, place int, value string)) (n int, cause mistake) {
	for at := 0; ; n++ {
		if at < len(line) && line[at] == '"' {
			start := at
			at++
			var unquoted []byte
			from := at
			for {
				q := strings.IndexByte(line[at:], '"')
				if q < 0 {
					return n, lineQuote
				}
				at += q + 1
				if at < len(line) && line[at] == '"' {
					unquoted = append(unquoted, line[from:at]...)
					at++
					from = at
					continue
				}
				break
			}
			value := line[from : at-1]
			if unquoted != nil {
				value = string(append(unquoted, value...))
			}
			if at < len(line) && line[at] != ',' {
				return n, lineAfterQuote
			}
			fn(n, start, value)
		} else {
			end := strings.IndexByte(line[at:], ',')
			if end < 0 {
				end = len(line)
			} else {
				end += at
			}
			fn(n, at, line[at:end])
			at = end
		}
		if at >= len(line) {
			return n + 1, sound
		}
		at++ // the comma
	}
}

func (rw *row) fromJSON(line []byte) (cause mistake) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return lineJSON
	}
	for i, c := range rw.columns {
		raw, ok := object[c.name]
		if !ok {
			if c.need && !c.list {
				rw.bad(i, valueMissing)
			}
			continue
		}
		text, list, cause := jsonValue(raw, c.list)
		if cause != sound {
			rw.bad(i, cause)
			return sound
		}
		rw.values[i], rw.lists[i] = text, list
	}
	return sound
}

var errLongLine = errors.New("line too long")

// lineReader gives lines without their ends and never holds a longer one than
// allowed.
type lineReader struct {
	r      *bufio.Reader
	buf    []byte
	number int64
}

func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if !long && len(l.buf)+len(part) > maxTableLine+2 {
			long = true
			l.buf = l.buf[:0]
		}
		if err == nil && !long && len(l.buf) == 0 {
			return l.end(part), nil // the whole line lies in the reader's buffer
		}
		if !long {
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case err != nil && len(l.buf) == 0 && !long:
			return nil, io.EOF
		}
		if long {
			l.number++
			return nil, errLongLine
		}
		return l.end(l.buf), nil
	}
}

func (l *lineReader) end(line []byte) []byte {
	l.number++
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
