package feed

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
)

// row is one line of a register, by our names for its columns.
type row struct {
	line   int // of a CSV file; of JSON the place of the row, from 1
	values map[string]string
}

const (
	maxRows  = 5_000_000
	maxValue = 4096 // bytes
)

// table reads rows. Mistakes go to w, which names the source and quotes nothing: a
// register is made of ids and names.
func table(w *written.Reader, f *Feed, data []byte) []row {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		w.Failf(at(1+bytes.Count(data[:firstBad(data)], []byte("\n"))), "", "UTF-8이 아닙니다. UTF-8로 저장하십시오", "is not UTF-8: save it as UTF-8")
		return nil
	}
	if f.Format == "json" {
		return jsonTable(w, f, data)
	}
	return csvTable(w, f, data)
}

func firstBad(data []byte) int {
	n := 0
	for n < len(data) {
		c, size := utf8.DecodeRune(data[n:])
		if c == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

func at(line int) *yaml.Node { return &yaml.Node{Line: line} }

// theirs is what the source calls a column of ours.
func (f *Feed) theirs(column string) string {
	if s := f.Columns[column]; s != "" {
		return s
	}
	return column
}

func csvTable(w *written.Reader, f *Feed, data []byte) []row {
	in := csv.NewReader(bytes.NewReader(data))
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	known := columnsOf[f.Kind]
	head, err := in.Read()
	if err != nil {
		w.Failf(nil, "", "머리글이 없습니다. 열 이름: %s", "a header is missing: %s", strings.Join(known, ","))
		return nil
	}
	place := map[string]int{}
	width := len(head)
	for i, h := range head {
		h = strings.TrimSpace(h)
		for _, c := range known {
			switch t := f.theirs(c); {
			case h == t || f.Columns[c] == "" && strings.EqualFold(h, t):
				if _, twice := place[c]; twice {
					w.Failf(nil, c, "같은 열이 두 번 있습니다", "the column stands twice")
				}
				place[c] = i
			}
		}
		// A column that is nearly one of ours would be passed over without a word.
		low := strings.ToLower(h)
		if like := written.Nearest(low, known); like != "" && like != low && f.Columns[like] == "" {
			w.Failf(nil, like, "열 이름이 다릅니다. %s로 쓰거나 columns에 적으십시오", "a column is nearly called that: write %s, or name it in columns", like)
		}
	}
	for _, c := range known {
		if _, ok := place[c]; !ok && (c == known[0] || f.Columns[c] != "") {
			w.Failf(nil, c, "열이 없습니다", "there is no such column")
		}
	}
	if w.Found() > 0 {
		return nil
	}
	var out []row
	for {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if bad := new(csv.ParseError); errors.As(err, &bad) {
			w.Failf(at(bad.Line), "", "CSV 줄이 아닙니다", "not a line of CSV")
			if w.Found() > maxMistakes {
				return nil
			}
			continue
		}
		line, _ := in.FieldPos(0)
		if len(rec) != width {
			// What was cut in the middle of a line shows here.
			w.Failf(at(line), "", "열이 %d개인데 머리글은 %d개입니다", "has %d fields, and the header has %d", len(rec), width)
			if w.Found() > maxMistakes {
				return nil
			}
			continue
		}
		r := row{line: line, values: make(map[string]string, len(place))}
		for c, i := range place {
			r.set(w, c, strings.Clone(rec[i]))
		}
		if out = append(out, r); tooMany(w, len(out)) {
			return nil
		}
	}
}

// maxMistakes is how many are looked for: a file of another kind is one from end to end.
const maxMistakes = 1000

func tooMany(w *written.Reader, n int) bool {
	if n > maxRows {
		w.Failf(nil, "", "%d행보다 많습니다", "has more than %d rows", maxRows)
	}
	return n > maxRows || w.Found() > maxMistakes
}

func (r *row) set(w *written.Reader, column, s string) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
	case len(s) > maxValue:
		w.Fail(at(r.line), column, written.LongText, maxValue)
	case strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }):
		w.Fail(at(r.line), column, written.Control)
	default:
		r.values[column] = s
	}
}

// jsonTable takes an array of objects, an object with that array below a key ("data"
// where none is named), or an object a line.
func jsonTable(w *written.Reader, f *Feed, data []byte) []row {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var list []map[string]any
	broken := func(n int) []row {
		w.Failf(at(n), "", "JSON으로 읽을 수 없습니다", "not readable as JSON")
		return nil
	}
	shape := func() []row {
		w.Failf(nil, f.Rows, "객체의 배열이 아닙니다", "is no array of objects")
		return nil
	}
	var first json.RawMessage
	if err := dec.Decode(&first); err != nil {
		return broken(1)
	}
	switch first = bytes.TrimSpace(first); {
	case first[0] == '[':
		if !unmarshal(first, &list) {
			return shape()
		}
		if f.Rows != "" {
			return shape()
		}
		if dec.More() {
			return broken(1)
		}
	case first[0] != '{':
		return shape()
	default:
		var whole map[string]json.RawMessage
		if !unmarshal(first, &whole) {
			return broken(1)
		}
		key := f.Rows
		if key == "" {
			key = "data"
		}
		if inner, ok := whole[key]; ok && (f.Rows != "" || bytes.HasPrefix(bytes.TrimSpace(inner), []byte("["))) {
			if !unmarshal(inner, &list) || dec.More() {
				return shape()
			}
			break
		}
		if f.Rows != "" {
			return shape()
		}
		// An object a line.
		dec = json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		for dec.More() {
			var one map[string]any
			if dec.Decode(&one) != nil || one == nil {
				return broken(len(list) + 1)
			}
			if list = append(list, one); tooMany(w, len(list)) {
				return nil
			}
		}
	}
	out := make([]row, 0, len(list))
	seen := map[string]bool{}
	for i, o := range list {
		r := row{line: i + 1, values: map[string]string{}}
		if o == nil {
			w.Failf(at(r.line), "", "객체가 아닙니다", "is no object")
		}
		for _, c := range columnsOf[f.Kind] {
			v, ok := o[f.theirs(c)]
			seen[c] = seen[c] || ok
			r.set(w, c, f.scalar(w, r.line, c, v))
		}
		if out = append(out, r); tooMany(w, len(out)) {
			return nil
		}
	}
	for _, c := range columnsOf[f.Kind] {
		if f.Columns[c] != "" && !seen[c] && len(list) > 0 {
			w.Failf(nil, c, "어느 행에도 없습니다", "is in no row")
		}
	}
	return out
}

func unmarshal(data []byte, v any) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(v) == nil
}

// scalar is a value as text. The items of holdings may be a list.
func (f *Feed) scalar(w *written.Reader, line int, column string, v any) string {
	switch v := v.(type) {
	case nil:
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	case []any:
		var parts []string
		for _, x := range v {
			s, ok := x.(string)
			if !ok || column != "items" || strings.ContainsAny(s, ";,|\" ") {
				w.Failf(at(line), column, "값 하나가 아닙니다", "is not one value")
				return ""
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ";")
	default:
		w.Failf(at(line), column, "값 하나가 아닙니다", "is not one value")
	}
	return ""
}

// badDate is a day or moment that is none.
var badDate = written.Kind{Code: "date", KO: "날짜가 아닙니다. 2026-03-02나 2026-03-02T09:00:00+09:00처럼 쓰십시오", EN: "is no date: write 2026-03-02 or 2026-03-02T09:00:00+09:00"}

// layouts are how systems of personnel write a day.
var layouts = []string{time.DateOnly, "20060102", "2006/01/02", "2006.01.02", "2006. 1. 2.", "2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// date is a moment; a day is its midnight in the zone. day says that it was a day.
func (r *row) date(w *written.Reader, column string, zone *time.Location) (t event.Millis, day bool) {
	s := r.values[column]
	// Systems that know no empty date write one that nobody lives to see.
	if s == "" || strings.HasPrefix(s, "9999") || strings.HasPrefix(s, "0000") {
		return 0, false
	}
	for i, l := range layouts {
		if x, err := time.ParseInLocation(l, s, zone); err == nil && x.Year() > 1900 {
			return event.MillisOf(x), i < 5
		}
	}
	x, err := time.Parse(time.RFC3339, s)
	if err != nil || x.Year() <= 1900 {
		w.Fail(at(r.line), column, badDate)
	}
	return event.MillisOf(x), false
}

// need is a value that a row cannot do without.
func (r *row) need(w *written.Reader, column string) string {
	s := r.values[column]
	if s == "" {
		w.Fail(at(r.line), column, written.NoText)
	}
	return s
}
