// Package jsonlines reads logs of one JSON object a line, by the field mapping
// of the catalog: nginx with escape=json, Envoy, and whatever else writes JSON.
//
// The central idea: a log writes the same text between its values on every line.
// The decoder walks the object once, and finds what each value means by comparing
// the text in front of it (comma, key, colon, blanks) with what stood there on the
// line before, in one comparison; only where that fails does it read the key and
// look it up. Values nobody mapped are stepped over, not decoded. What is written as
// plainly as nearly all of a log is, quick reads; the grammar reads the rest.
package jsonlines

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

// Reads reports whether text looks like a JSON object.
func Reads(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 1 && text[0] == '{' && text[len(text)-1] == '}'
}

// Decoder reads lines of one source. It belongs to one goroutine.
type Decoder struct {
	fields  map[string][]field // by key, dotted when nested
	prefix  map[string]bool    // "a." for every key a.b: objects to look into
	lists   map[string]bool    // "a." for every key a.0: lists to look into
	order   []seen
	times   *line.Times
	clock   line.Clock
	scratch []byte
	strict  bool
	address catalog.AddressRule
	refused []line.Span // of the line at hand: values that must not be kept

	asked  map[string]int  // keys somebody asks for, by their place in noted, +1
	within map[string]bool // like prefix, of these
	places map[string]bool // like lists, of these
	noted  [][]byte        // of the line at hand, as they are written

	choices []choice
	slots   []slot // of the line at hand
}

// seen is a member of an object, and what stood in front of its value on the
// line before.
type seen struct {
	lead   string // from the end of the value before, or the brace, to the value
	first  bool   // in its object, so that lead has no comma
	path   string // of the object
	key    string // with the path
	fields []field
	enter  bool
	asked  int // see Decoder.asked

	// inside is the path of what an object in this place holds.
	inside string

	// For quick: lead once more, as words that overlap: its first eight bytes, the
	// eight from mid on and its last eight. They are all of it up to 24 bytes.
	words [3]uint64
	mid   int
	quick bool
	field field // of the value; fieldUnknown: it is stepped over
}

// newSeen remembers a member.
func (d *Decoder) newSeen(lead string, first bool, path, key string) seen {
	o := seen{lead: lead, first: first, path: path, key: key, fields: d.fields[key], enter: d.prefix[key+"."], inside: key + ".", asked: d.asked[key]}
	// An object that nothing else is made of: looking into it changes nothing.
	if len(o.fields) == 0 && !d.strict {
		o.enter = o.enter || d.within[key+"."]
	}
	if len(o.fields) == 1 {
		o.field = o.fields[0]
	}
	known := len(o.fields) == 1 || len(o.fields) == 0 && !d.strict
	if n := len(lead); n >= 8 && n <= 24 && path == "" && known {
		b := []byte(lead)
		o.quick, o.mid = true, min(8, n-8)
		o.words = [3]uint64{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[o.mid:]), binary.LittleEndian.Uint64(b[n-8:])}
	}
	return o
}

// New makes a decoder by a source's mapping.
func New(src *catalog.Source, now time.Time) (*Decoder, error) {
	if len(src.Fields)+len(src.Choices) == 0 {
		return nil, &noFields{src.Name}
	}
	d := &Decoder{fields: map[string][]field{}, prefix: map[string]bool{}, lists: map[string]bool{}, times: line.NewTimes(src.Zone), clock: line.NewClock(now), address: src.Address}
	for f, key := range src.Fields {
		d.mapped(key, fieldNamed(f))
	}
	d.choose(src)
	return d, nil
}

// mapped says what the value of a key is.
func (d *Decoder) mapped(key string, f field) {
	d.fields[key] = append(d.fields[key], f)
	for i := range len(key) {
		if key[i] == '.' {
			d.prefix[key[:i+1]] = true
			if next, _, _ := strings.Cut(key[i+1:], "."); isPlace(next) {
				d.lists[key[:i+1]] = true
			}
		}
	}
}

// noFields: nobody said which key is which field.
type noFields struct{ source string }

func (e *noFields) Error() string {
	return fmt.Sprintf("source %s: its format is json and it maps no fields", e.source)
}

// KO is Error in Korean.
func (e *noFields) KO() string {
	return fmt.Sprintf("로그 %s: 형식은 json인데 fields가 없습니다", e.source)
}

// FieldRoute is the template an application logs itself, and FieldSource the name
// of the record's source; only the record form of ingest/records maps them.
const (
	FieldRoute  catalog.Field = "route"
	FieldSource catalog.Field = "source"
)

// NewStrict makes a decoder that refuses keys it does not know, for a form that
// is ours.
func NewStrict(fields map[catalog.Field]string, now time.Time) (*Decoder, error) {
	d, err := New(&catalog.Source{Name: "records", Fields: fields}, now)
	if err == nil {
		d.strict = true
	}
	return d, err
}

// state is a line being read.
type state struct {
	d     *Decoder
	s     []byte
	at    int
	place int // index into order
	value int // where the value at hand begins
	rec   *event.Record
	req   *catalog.Request
	err   *line.Error
	made  []line.Span // what the value at hand was made from, if not of the one at value
	time  bool
	more  int32 // accounts in the answer, named or not
}

// Refused gives the places of what was refused in the last line that Decode gave
// an error for, so that whoever keeps the line can cover them.
func (d *Decoder) Refused() []line.Span { return d.refused }

// Decode implements ingest.Decoder.
func (d *Decoder) Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error {
	d.refused = d.refused[:0]
	clear(d.noted)
	st := state{d: d, s: text, rec: rec, req: req}
	clear(d.slots)
	st.space()
	if !st.object("", 0) {
		if st.err != nil {
			return st.err
		}
		return noJSON(text)
	}
	st.space()
	if st.at != len(st.s) {
		return noJSON(text)
	}
	st.chosen()
	if st.err != nil {
		return st.err
	}
	if !st.time {
		return &line.Error{Field: "time", Cause: line.Missing}
	}
	// Where the accounts are too many to be named, the answer held at least a row
	// for each.
	if st.more > 0 {
		rec.Rows = max(rec.Rows, st.more)
	}
	return nil
}

func noJSON(text []byte) *line.Error {
	if line.LooksAccessLog(text) {
		return &line.Error{Cause: line.IsAccessLog}
	}
	return &line.Error{Cause: line.Syntax}
}

func (st *state) space() {
	for st.at < len(st.s) {
		switch st.s[st.at] {
		case ' ', '\t', '\n', '\r':
			st.at++
		default:
			return
		}
	}
}

// maxDepth bounds nesting, so that a line of brackets cannot exhaust the stack.
const maxDepth = 32

// object reads an object whose keys have path in front.
func (st *state) object(path string, depth int) bool {
	if depth > maxDepth || st.at >= len(st.s) || st.s[st.at] != '{' {
		return false
	}
	st.at++
	for first := true; ; first = false {
		if path == "" && st.quick(first) {
			first = false
		}
		what := st.expected(path, first)
		if what == nil {
			var ok bool
			if what, ok = st.next(path, first); !ok {
				return false
			}
			if what == nil {
				return true
			}
		}
		if !st.member(what, depth) {
			return false
		}
	}
}

// expected compares what follows with what stood here on the line before. Those
// bytes were read by the grammar then, in the same position of an object with the
// same path, so that they need not be read again.
func (st *state) expected(path string, first bool) *seen {
	if st.place >= len(st.d.order) {
		return nil
	}
	o := &st.d.order[st.place]
	end := st.at + len(o.lead)
	if end > len(st.s) || line.String(st.s[st.at:end]) != o.lead || o.first != first || o.path != path {
		return nil
	}
	st.at = end
	// Another writer may put blanks where the one before put none.
	if end < len(st.s) && st.s[end] <= ' ' {
		st.space()
	}
	st.place++
	return o
}

// maxOrder bounds what is remembered of a line, so that a line of a million keys
// does not stay in memory.
const maxOrder = 1024

// next reads up to the next member's value and says what the member means; nil
// is the end of the object.
func (st *state) next(path string, first bool) (*seen, bool) {
	d, from := st.d, st.at
	st.space()
	if st.at < len(st.s) && st.s[st.at] == '}' {
		st.at++
		return nil, true
	}
	if !first {
		if st.at >= len(st.s) || st.s[st.at] != ',' {
			return nil, false
		}
		st.at++
		st.space()
	}
	raw, how := st.str()
	if how == unended {
		return nil, false
	}
	if how == escaped {
		var ok bool
		if raw, ok = line.Unescape(nil, raw); !ok {
			return nil, false
		}
	}
	st.space()
	if st.at >= len(st.s) || st.s[st.at] != ':' {
		return nil, false
	}
	st.at++
	st.space()
	key := path + string(raw)
	o := d.newSeen(string(st.s[from:st.at]), first, strings.Clone(path), key)
	switch {
	case st.place < len(d.order):
		d.order[st.place] = o
	case st.place == len(d.order) && st.place < maxOrder:
		d.order = append(d.order, o)
	default:
		return &o, true
	}
	st.place++
	return &d.order[st.place-1], true
}

// member reads the value of a key.
func (st *state) member(what *seen, depth int) bool {
	if what.asked == 0 {
		return st.read(what, depth)
	}
	from, asked := st.at, what.asked
	ok := st.read(what, depth)
	if ok {
		st.d.noted[asked-1] = st.s[from:st.at]
	}
	return ok
}

func (st *state) read(what *seen, depth int) bool {
	if st.at >= len(st.s) {
		return false
	}
	switch c := st.s[st.at]; {
	case c == '{' && what.enter:
		return st.object(what.inside, depth+1)
	case c == '[' && len(what.fields) == 1 && what.fields[0] == fieldSubjects:
		from := st.at
		if ok := st.list(); !ok || !what.enter || !st.d.lists[what.inside] {
			return ok
		}
		st.at = from // ids are all the accounts, ids.0 is something else as well
		return st.places(what.inside, depth+1)
	case c == '[' && what.enter && (st.d.lists[what.inside] || st.d.places[what.inside]):
		return st.places(what.inside, depth+1)
	case len(what.fields) == 0:
		if st.d.strict && st.err == nil {
			st.err = &line.Error{Field: line.Identifier(what.key), Cause: line.Unknown}
		}
		return st.skip(depth)
	case c == '"':
		st.value = st.at
		raw, how := st.str()
		if how == unended {
			return false
		}
		if how == escaped {
			// A string of its own: it must outlive the line.
			var ok bool
			if raw, ok = line.Unescape(nil, raw); !ok {
				return false
			}
		}
		for _, f := range what.fields {
			st.take(f, raw, how == printable)
		}
		return true
	case c == '{' || c == '[':
		st.value = st.at
		if !st.skip(depth) {
			return false
		}
		st.wrong(what.fields[0])
		for _, f := range what.fields {
			if f := st.d.owner(f); f == fieldKey || f == fieldToken {
				st.refuse()
			}
		}
		return true
	default:
		st.value = st.at
		raw, ok := st.scalar()
		if !ok {
			return false
		}
		if line.String(raw) == "null" {
			return true
		}
		for _, f := range what.fields {
			st.take(f, raw, true)
		}
		return true
	}
}

// refuse remembers that the value at hand must not be kept, not even with a line
// that is set aside.
func (st *state) refuse() {
	if len(st.made) > 0 {
		st.d.refused = append(st.d.refused, st.made...)
		return
	}
	st.d.refused = append(st.d.refused, line.Span{From: st.value, To: st.at})
}

func (st *state) wrong(f field) { st.fail(st.d.owner(f), line.Type) }

// owner is the field that a slot is for, the first if there are several.
func (d *Decoder) owner(f field) field {
	if f < firstSlot {
		return f
	}
	for _, c := range d.choices {
		for _, form := range c.forms {
			for _, p := range form {
				if p.slot == int(f-firstSlot) {
					return c.field
				}
			}
		}
	}
	return fieldUnknown
}
