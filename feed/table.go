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

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
)

// row is one line of a register, by our names for its columns.
type row struct {
	line   int // of a CSV file; of JSON the place of the row, from 1
	values map[string]string
}

const (
	maxRows  = 1_000_000 // of a kind that is kept in memory
	maxLines = 5_000_000 // of one that goes to the ledger
	maxValue = 4096      // bytes
)

// taker takes rows, one at a time: the next one is written over it.
type taker struct {
	w    *written.Reader
	row  row
	n    int
	most int
	take func(*row)
}

// begin makes the row that is filled next.
func (t *taker) begin(line int) *row {
	t.row.line = line
	if t.row.values == nil {
		t.row.values = map[string]string{}
	}
	clear(t.row.values)
	return &t.row
}

// end takes the row; false if enough is enough.
func (t *taker) end() bool {
	if t.n++; t.n > t.most {
		t.w.Failf(nil, "", "%d행보다 많습니다", "has more than %d rows", t.most)
		return false
	}
	t.take(&t.row)
	return t.w.Found() <= maxMistakes
}

// maxMistakes is how many are looked for: a file of another kind is one from end to end.
const maxMistakes = 1000

// table reads rows and gives how many there are. Mistakes go to w, which names the
// source and quotes nothing: a register is made of ids and names.
func table(w *written.Reader, f *Feed, data []byte, take func(*row)) int {
	t := &taker{w: w, most: maxRows, take: take}
	if f.Kind == detect.FeedRegister || f.Kind == detect.FeedHoldings {
		t.most = maxLines
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		w.Failf(at(1+bytes.Count(data[:firstBad(data)], []byte("\n"))), "", "UTF-8이 아닙니다. UTF-8로 저장하십시오", "is not UTF-8: save it as UTF-8")
		return 0
	}
	if f.Format == "json" {
		t.json(f, data)
	} else {
		t.csv(f, data)
	}
	return t.n
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

func (t *taker) csv(f *Feed, data []byte) {
	w := t.w
	in := csv.NewReader(bytes.NewReader(data))
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	known := columnsOf[f.Kind]
	head, err := in.Read()
	if err != nil {
		w.Failf(nil, "", "머리글이 없습니다. 열 이름: %s", "a header is missing: %s", strings.Join(known, ","))
		return
	}
	place := map[string]int{}
	width := len(head)
	for i, h := range head {
		h = strings.TrimSpace(h)
		for _, c := range known {
			switch name := f.theirs(c); {
			case h == name || f.Columns[c] == "" && strings.EqualFold(h, name):
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
		return
	}
	for {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if bad := new(csv.ParseError); errors.As(err, &bad) {
			w.Failf(at(bad.Line), "", "CSV 줄이 아닙니다", "not a line of CSV")
			if w.Found() > maxMistakes {
				return
			}
			continue
		}
		line, _ := in.FieldPos(0)
		if len(rec) != width {
			// What was cut in the middle of a line shows here.
			w.Failf(at(line), "", "열이 %d개인데 머리글은 %d개입니다", "has %d fields, and the header has %d", len(rec), width)
			if w.Found() > maxMistakes {
				return
			}
			continue
		}
		r := t.begin(line)
		for c, i := range place {
			r.set(w, c, rec[i])
		}
		if !t.end() {
			return
		}
	}
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

// json takes an array of objects, an object with that array below a key ("data" where
// none is named), or an object a line.
func (t *taker) json(f *Feed, data []byte) {
	j := &jsonRows{t: t, f: f, seen: map[string]bool{}}
	j.start(data)
	switch first, _ := j.dec.Token(); first {
	case json.Delim('['):
		if f.Rows != "" {
			j.shape()
			return
		}
		if j.array() && j.dec.More() {
			j.broken()
		}
	case json.Delim('{'):
		j.below(data)
	case nil:
		j.broken()
	default:
		j.shape()
	}
	if t.n == 0 || t.w.Found() > 0 {
		return
	}
	for _, c := range columnsOf[f.Kind] {
		if f.Columns[c] != "" && !j.seen[c] {
			t.w.Failf(nil, c, "어느 행에도 없습니다", "is in no row")
		}
	}
}

// jsonRows is a JSON document that is read row by row, so that not all of it is in
// memory as values.
type jsonRows struct {
	t    *taker
	f    *Feed
	dec  *json.Decoder
	seen map[string]bool // columns
}

func (j *jsonRows) broken() {
	j.t.w.Failf(at(j.t.n+1), "", "JSON으로 읽을 수 없습니다", "not readable as JSON")
}

func (j *jsonRows) shape() {
	j.t.w.Failf(nil, "", "객체의 배열이 아닙니다", "is no array of objects")
}

// one takes the next value as a row; false when there is no use in going on.
func (j *jsonRows) one() bool {
	var o map[string]any
	if err := j.dec.Decode(&o); err != nil {
		if _, wrong := errors.AsType[*json.UnmarshalTypeError](err); wrong {
			j.t.w.Failf(at(j.t.n+1), "", "객체가 아닙니다", "is no object")
		} else {
			j.broken()
		}
		return false
	}
	r := j.t.begin(j.t.n + 1)
	if o == nil {
		j.t.w.Failf(at(r.line), "", "객체가 아닙니다", "is no object")
	}
	for _, c := range columnsOf[j.f.Kind] {
		v, ok := o[j.f.theirs(c)]
		j.seen[c] = j.seen[c] || ok
		r.set(j.t.w, c, j.f.scalar(j.t.w, r.line, c, v))
	}
	return j.t.end()
}

// array takes the rest of an array that has begun; false if it is broken.
func (j *jsonRows) array() bool {
	for j.dec.More() {
		if !j.one() {
			return false
		}
	}
	if _, err := j.dec.Token(); err != nil {
		j.broken()
		return false
	}
	return true
}

// skip passes over the rest of an object that has begun, until a key; found says that
// it is there, and its value comes next.
func (j *jsonRows) skip(until string) (found, ok bool) {
	for j.dec.More() {
		key, err := j.dec.Token()
		if err != nil {
			return false, false
		}
		if until != "" && key == until {
			return true, true
		}
		var value json.RawMessage
		if j.dec.Decode(&value) != nil {
			return false, false
		}
	}
	_, err := j.dec.Token()
	return false, err == nil
}

// below takes the array in an object that has begun, or several objects, a line each.
func (j *jsonRows) below(data []byte) {
	want := j.f.Rows
	if want == "" {
		want = "data"
	}
	found, ok := j.skip(want)
	if found {
		if first, _ := j.dec.Token(); first == json.Delim('[') {
			if !j.array() {
				return
			}
			if _, ok := j.skip(""); !ok || j.dec.More() {
				j.broken()
			}
			return
		}
	}
	switch {
	case !ok:
		j.broken()
	case j.f.Rows != "":
		j.shape()
	default:
		for j.start(data); j.dec.More() && j.one(); {
		}
	}
}

// start begins with the first byte.
func (j *jsonRows) start(data []byte) {
	j.dec = json.NewDecoder(bytes.NewReader(data))
	j.dec.UseNumber()
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
