package score

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/haetae/haetae/internal/written"
)

// Aside is what could not be read of a file: it is counted, and the rest is scored.
type Aside struct {
	Lines    int64            // set aside
	Mistakes written.Mistakes // the first of them
}

// Err is the mistakes in both languages, nil if there are none.
func (a Aside) Err() error {
	if a.Lines == 0 {
		return nil
	}
	if more := a.Lines - int64(len(a.Mistakes)); more > 0 {
		m := written.ManyMore.Say(more)
		return append(slices.Clone(a.Mistakes), written.Mistake{File: a.Mistakes[0].File, Code: written.ManyMore.Code, Problem: m.EN, ProblemKO: m.KO})
	}
	return a.Mistakes
}

// mostMistakes are told one by one.
const mostMistakes = 50

// longestLine of a file of findings; a longer one is set aside.
const longestLine = 1 << 20

// What can be wrong with a file of findings.
var (
	noHeader   = written.Kind{Code: "header", KO: "첫 줄에 열 이름이 없습니다. 쓸 수 있는 이름: %s", EN: "the first line names no columns; known are %s"}
	noColumn   = written.Kind{Code: "unknown_column", KO: "모르는 열입니다. 쓸 수 있는 이름: %s. 그 밖의 열은 이름을 x_로 시작하십시오", EN: "is no known column; known are %s, and others begin with x_"}
	twice      = written.Kind{Code: "repeated_column", KO: "같은 열이 두 번 있습니다", EN: "stands twice"}
	fewer      = written.Kind{Code: "columns", KO: "열의 수가 첫 줄과 다릅니다", EN: "the line has another number of columns than the first"}
	notCSV     = written.Kind{Code: "csv", KO: "CSV로 읽을 수 없는 행입니다", EN: "the line is not readable as CSV"}
	notJSON    = written.Kind{Code: "json", KO: "JSON 객체가 아닌 행입니다", EN: "the line is no JSON object"}
	tooLong    = written.Kind{Code: "too_long", KO: "%d바이트보다 긴 행입니다", EN: "the line is longer than %d bytes"}
	noTime     = written.Kind{Code: "time", KO: "2025-04-14T03:00:00+09:00 같은 시각이 아닙니다", EN: "is no time such as 2025-04-14T03:00:00+09:00"}
	backwards  = written.Kind{Code: "order", KO: "from보다 앞섭니다", EN: "is before from"}
	noItem     = written.Kind{Code: "unknown_item", KO: "이 시나리오에 없는 항목입니다. 항목: %s", EN: "names no item of this scenario; items are %s"}
	noRows     = written.Kind{Code: "rows", KO: "0 이상의 정수여야 합니다", EN: "is not a whole number of 0 or more"}
	noID       = written.Kind{Code: "id", KO: "비어 있거나 %d바이트보다 깁니다", EN: "is empty or longer than %d bytes"}
	noValues   = written.Kind{Code: "values", KO: "글자열이나 글자열의 목록이어야 합니다", EN: "is no text and no list of texts"}
	noPlace    = written.Kind{Code: "address", KO: "IP 주소나 CIDR 대역이 아닙니다", EN: "is no IP address and no network in CIDR"}
	differs    = written.Kind{Code: "differs", KO: "같은 id의 앞 행과 다릅니다", EN: "differs from an earlier line of the same id"}
	badNumbers = written.Kind{Code: "json", KO: "JSON 객체 하나가 아닙니다", EN: "is not one JSON object"}
	badCount   = written.Kind{Code: "count", KO: "0 이상의 정수여야 합니다", EN: "is not a whole number of 0 or more"}
)

// lines reads a file line by line and collects what is wrong with it.
type lines struct {
	file  string
	b     *bufio.Reader
	n     int // of the line read last
	aside Aside
	long  []byte
}

func newLines(file string, r io.Reader) *lines {
	return &lines{file: file, b: bufio.NewReaderSize(r, 1<<16)}
}

// next is the next line that is not blank, without its end; nil at the end of the
// file. It holds until next is called again.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.b.ReadSlice('\n')
		l.long = l.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			if len(l.long) <= longestLine {
				l.long = append(l.long, line...)
			}
			line, err = l.b.ReadSlice('\n')
		}
		if len(l.long) > 0 {
			line = append(l.long, line...)
			l.long = line
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: %w", l.file, err)
		}
		if len(line) == 0 {
			return nil, nil
		}
		l.n++
		if l.n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) > longestLine:
			l.wrong("", tooLong, longestLine)
		case len(bytes.TrimSpace(line)) > 0:
			return line, nil
		}
	}
}

// wrong sets the line aside.
func (l *lines) wrong(field string, k written.Kind, args ...any) {
	l.aside.Lines++
	if len(l.aside.Mistakes) < mostMistakes {
		l.aside.Mistakes = append(l.aside.Mistakes, l.mistake(field, k, args...))
	}
}

func (l *lines) mistake(field string, k written.Kind, args ...any) written.Mistake {
	t := k.Say(args...)
	return written.Mistake{File: l.file, Line: max(l.n, 1), Field: field, Code: k.Code, Problem: t.EN, ProblemKO: t.KO}
}

// table is a CSV file whose first line names its columns.
type table struct {
	*lines
	at     map[string]int // by name
	width  int
	fields []string
}

// newTable reads the header. Without one there is nothing to read.
func newTable(l *lines, head []byte, needed, known []string) (*table, error) {
	t := &table{lines: l, at: map[string]int{}}
	all := strings.Join(known, ", ")
	names, ok := split(head, nil)
	if !ok {
		return nil, written.Mistakes{l.mistake("", noHeader, all)}
	}
	var wrong written.Mistakes
	for i, name := range names {
		name = strings.TrimSpace(name)
		_, again := t.at[name]
		switch {
		case strings.HasPrefix(name, "x_"):
		case !slices.Contains(known, name):
			// Not the name: a file without a header begins with somebody's id.
			wrong = append(wrong, l.mistake(written.Index("columns", i), noColumn, all))
		case again:
			wrong = append(wrong, l.mistake(written.Index("columns", i), twice))
		default:
			t.at[name] = i
		}
	}
	for _, n := range needed {
		if _, ok := t.at[n]; !ok && len(wrong) == 0 {
			wrong = append(wrong, l.mistake(n, written.Missing))
		}
	}
	if len(wrong) > 0 {
		return nil, wrong[:min(len(wrong), mostMistakes)]
	}
	t.width = len(names)
	return t, nil
}

// row is the next line that can be read as one; false at the end.
func (t *table) row() (bool, error) {
	for {
		line, err := t.next()
		if err != nil || line == nil {
			return false, err
		}
		var ok bool
		t.fields, ok = split(line, t.fields[:0])
		switch {
		case !ok:
			t.wrong("", notCSV)
		case len(t.fields) != t.width:
			t.wrong("", fewer)
		default:
			return true, nil
		}
	}
}

// value of a column, "" where the file has none.
func (t *table) value(name string) string {
	if i, ok := t.at[name]; ok {
		return strings.TrimSpace(t.fields[i])
	}
	return ""
}

// split is a line of CSV. A line is a row: a field with a line end in it is none, so
// that one wrong quote spoils one line and not the file.
func split(line []byte, out []string) ([]string, bool) {
	if !utf8.Valid(line) {
		return out, false
	}
	s := string(line)
	for {
		if !strings.HasPrefix(s, `"`) {
			field, rest, more := strings.Cut(s, ",")
			if strings.Contains(field, `"`) {
				return out, false
			}
			out = append(out, field)
			if !more {
				return out, true
			}
			s = rest
			continue
		}
		end, doubled := 1, false
		for {
			i := strings.IndexByte(s[end:], '"')
			if i < 0 {
				return out, false
			}
			end += i + 1
			if !strings.HasPrefix(s[end:], `"`) {
				break
			}
			end, doubled = end+1, true
		}
		field := s[1 : end-1]
		if doubled {
			field = strings.ReplaceAll(field, `""`, `"`)
		}
		out = append(out, field)
		switch rest := s[end:]; {
		case rest == "":
			return out, true
		case rest[0] != ',':
			return out, false
		default:
			s = rest[1:]
		}
	}
}
