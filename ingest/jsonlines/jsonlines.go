// Package jsonlines reads logs of one JSON object a line, by the field mapping
// of the catalog: nginx with escape=json, Envoy, and whatever else writes JSON.
//
// The central idea: the keys of a log come in the same order on every line. The
// decoder walks the object once, and finds what each key means by comparing it
// with the key that stood there on the line before; only where that fails does
// it look the key up. Values nobody mapped are stepped over, not decoded.
package jsonlines

import (
	"bytes"
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
	fields  map[string][]catalog.Field // by key, dotted when nested
	prefix  map[string]bool            // "a." for every key a.b: objects to look into
	order   []seen
	times   *line.Times
	clock   line.Clock
	scratch []byte
	strict  bool
}

// seen is what stood at one place of the line before.
type seen struct {
	key    string // as written, with its path
	fields []catalog.Field
	enter  bool
}

// New makes a decoder by a source's mapping.
func New(src *catalog.Source, now time.Time) (*Decoder, error) {
	if len(src.Fields) == 0 {
		return nil, fmt.Errorf("source %s: its format is json and it maps no fields", src.Name)
	}
	d := &Decoder{fields: map[string][]catalog.Field{}, prefix: map[string]bool{}, times: line.NewTimes(src.Zone), clock: line.NewClock(now)}
	for f, key := range src.Fields {
		d.fields[key] = append(d.fields[key], f)
		for i := range len(key) {
			if key[i] == '.' {
				d.prefix[key[:i+1]] = true
			}
		}
	}
	return d, nil
}

// FieldRoute is the template an application logs itself; only the record form
// of ingest/records maps it.
const FieldRoute catalog.Field = "route"

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
	rec   *event.Record
	req   *catalog.Request
	err   *line.Error
	time  bool
}

// Decode implements ingest.Decoder.
func (d *Decoder) Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error {
	st := state{d: d, s: text, rec: rec, req: req}
	st.space()
	if !st.object("", 0) {
		if st.err != nil {
			return st.err
		}
		return &line.Error{Cause: line.Syntax}
	}
	st.space()
	if st.at != len(st.s) {
		return &line.Error{Cause: line.Syntax}
	}
	if st.err != nil {
		return st.err
	}
	if !st.time {
		return &line.Error{Field: "time", Cause: line.Missing}
	}
	return nil
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
	st.space()
	if st.at < len(st.s) && st.s[st.at] == '}' {
		st.at++
		return true
	}
	for {
		if st.at >= len(st.s) || st.s[st.at] != '"' {
			return false
		}
		what, ok := st.key(path)
		if !ok {
			return false
		}
		st.space()
		if st.at >= len(st.s) || st.s[st.at] != ':' {
			return false
		}
		st.at++
		st.space()
		if !st.member(what, depth) {
			return false
		}
		st.space()
		if st.at >= len(st.s) {
			return false
		}
		switch st.s[st.at] {
		case ',':
			st.at++
			st.space()
		case '}':
			st.at++
			return true
		default:
			return false
		}
	}
}

// key reads a key and says what it means.
func (st *state) key(path string) (*seen, bool) {
	d := st.d
	if st.place < len(d.order) {
		// The same key as on the line before, bytes and closing quote?
		o := &d.order[st.place]
		if k := o.key; len(k) > len(path) && strings.HasPrefix(k, path) {
			k = k[len(path):]
			end := st.at + 1 + len(k)
			if end < len(st.s) && st.s[end] == '"' && line.String(st.s[st.at+1:end]) == k {
				st.at = end + 1
				st.place++
				return o, true
			}
		}
	}
	raw, escaped, ok := st.str()
	if !ok {
		return nil, false
	}
	if escaped {
		var valid bool
		if raw, valid = unescape(nil, raw); !valid {
			return nil, false
		}
	}
	full := path + string(raw)
	o := seen{key: full, fields: d.fields[full], enter: d.prefix[full+"."]}
	if escaped || bytes.IndexByte(raw, '"') >= 0 || bytes.IndexByte(raw, '\\') >= 0 {
		st.place = len(d.order) + 1 // not to be predicted by its bytes
		return &o, true
	}
	if st.place < len(d.order) {
		d.order[st.place] = o
	} else if st.place == len(d.order) && len(d.order) < 1024 {
		d.order = append(d.order, o)
	} else {
		return &o, true
	}
	st.place++
	return &o, true
}

// str reads a string's raw inside.
func (st *state) str() (raw []byte, escaped, ok bool) {
	if st.at >= len(st.s) || st.s[st.at] != '"' {
		return nil, false, false
	}
	from := st.at + 1
	for at := from; ; {
		i := bytes.IndexByte(st.s[at:], '"')
		if i < 0 {
			return nil, false, false
		}
		raw = st.s[from : at+i]
		if j := bytes.IndexByte(raw[at-from:], '\\'); j < 0 {
			st.at = at + i + 1
			return raw, escaped, true
		}
		escaped = true
		back := 0
		for k := at + i - 1; k >= from && st.s[k] == '\\'; k-- {
			back++
		}
		if back%2 == 0 {
			st.at = at + i + 1
			return raw, true, true
		}
		at += i + 1
	}
}

// member reads the value of a key.
func (st *state) member(what *seen, depth int) bool {
	if st.at >= len(st.s) {
		return false
	}
	switch c := st.s[st.at]; {
	case c == '{' && what.enter:
		path := what.key + "."
		return st.object(path, depth+1)
	case c == '[' && len(what.fields) == 1 && what.fields[0] == catalog.FieldSubjects:
		return st.list()
	case len(what.fields) == 0:
		if st.d.strict && st.err == nil {
			st.err = &line.Error{Cause: line.Unknown}
		}
		return st.skip(depth)
	case c == '"':
		raw, escaped, ok := st.str()
		if !ok {
			return false
		}
		if escaped {
			// A string of its own: it must outlive the line.
			if raw, ok = unescape(nil, raw); !ok {
				return false
			}
		}
		for _, f := range what.fields {
			st.take(f, raw)
		}
		return true
	case c == '{' || c == '[':
		if !st.skip(depth) {
			return false
		}
		st.wrong(what.fields[0])
		return true
	default:
		raw, ok := st.scalar()
		if !ok {
			return false
		}
		if line.String(raw) == "null" {
			return true
		}
		for _, f := range what.fields {
			st.take(f, raw)
		}
		return true
	}
}

func (st *state) wrong(f catalog.Field) {
	if st.err == nil {
		st.err = &line.Error{Field: string(f), Cause: line.Type}
	}
}

// scalar reads a number, true, false or null.
func (st *state) scalar() ([]byte, bool) {
	from := st.at
	for st.at < len(st.s) {
		switch st.s[st.at] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return st.s[from:st.at], isScalar(st.s[from:st.at])
		}
		st.at++
	}
	return st.s[from:], isScalar(st.s[from:])
}

// isScalar holds to JSON's grammar.
func isScalar(s []byte) bool {
	switch line.String(s) {
	case "true", "false", "null":
		return true
	}
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	zero := i < len(s) && s[i] == '0'
	from := i
	if !digits() || zero && i-from > 1 {
		return false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s)
}

// skip steps over any value.
func (st *state) skip(depth int) bool {
	if depth > maxDepth || st.at >= len(st.s) {
		return false
	}
	switch st.s[st.at] {
	case '"':
		raw, escaped, ok := st.str()
		if ok && escaped {
			_, ok = unescape(st.d.scratch[:0], raw)
		}
		return ok
	case '{', '[':
		open := st.s[st.at]
		end := byte('}')
		if open == '[' {
			end = ']'
		}
		st.at++
		st.space()
		if st.at < len(st.s) && st.s[st.at] == end {
			st.at++
			return true
		}
		for {
			if open == '{' {
				if !st.skipString() {
					return false
				}
				st.space()
				if st.at >= len(st.s) || st.s[st.at] != ':' {
					return false
				}
				st.at++
				st.space()
			}
			if !st.skip(depth + 1) {
				return false
			}
			st.space()
			if st.at >= len(st.s) {
				return false
			}
			c := st.s[st.at]
			st.at++
			if c == end {
				return true
			}
			if c != ',' {
				return false
			}
			st.space()
		}
	}
	_, ok := st.scalar()
	return ok
}

func (st *state) skipString() bool {
	raw, escaped, ok := st.str()
	if ok && escaped {
		_, ok = unescape(st.d.scratch[:0], raw)
	}
	return ok
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
		var ok, escaped bool
		switch st.s[st.at] {
		case '"':
			raw, escaped, ok = st.str()
			if ok && escaped {
				raw, ok = unescape(nil, raw)
			}
		case '{', '[':
			ok = st.skip(0)
			st.wrong(catalog.FieldSubjects)
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
		st.space()
		if st.at >= len(st.s) {
			return false
		}
		c := st.s[st.at]
		st.at++
		if c == ']' {
			return true
		}
		if c != ',' {
			return false
		}
		st.space()
	}
}

// take puts a value into the record. Of a key that comes twice the last counts,
// as in every JSON library.
func (st *state) take(f catalog.Field, v []byte) {
	fail := func(c line.Cause) {
		if st.err == nil {
			st.err = &line.Error{Field: string(f), Cause: c}
		}
	}
	check := func(err *line.Error) bool {
		if err != nil && st.err == nil {
			st.err = err
		}
		return err == nil
	}
	if line.Absent(v) {
		v = nil
	}
	rec, req := st.rec, st.req
	switch f {
	case catalog.FieldTime:
		if v == nil {
			fail(line.Missing)
			return
		}
		at, ok := st.d.times.Parse(v)
		if !ok {
			fail(line.Time)
			return
		}
		if check(st.d.clock.Check(at)) {
			rec.Time, st.time = at, true
		}
	case catalog.FieldID:
		if check(line.CheckID(string(f), v)) {
			rec.ID = event.RecordID(line.String(v))
		}
	case catalog.FieldActorID:
		if check(line.CheckID(string(f), v)) {
			rec.Actor.ID = event.ActorID(line.String(v))
		}
	case catalog.FieldActorType:
		if check(line.CheckID(string(f), v)) {
			rec.Actor.Type = line.String(v)
		}
	case catalog.FieldKey:
		if check(line.CheckToken(string(f), v)) {
			rec.Credential.Key = line.String(v)
		}
	case catalog.FieldToken:
		if check(line.CheckToken(string(f), v)) {
			rec.Credential.Token = event.TokenID(line.String(v))
		}
	case catalog.FieldIP:
		rec.Client.IP = line.IP(v)
	case catalog.FieldAgent:
		if st.d.valid(v) {
			rec.Client.Agent = line.String(v)
		} else {
			rec.Client.Agent = string(bytes.ToValidUTF8(v, []byte("?")))
		}
	case catalog.FieldCountry:
		if check(line.CheckID(string(f), v)) {
			rec.Client.Country = line.String(v)
		}
	case catalog.FieldNetwork:
		if check(line.CheckID(string(f), v)) {
			rec.Client.Network = line.String(v)
		}
	case catalog.FieldMethod:
		if check(line.CheckID(string(f), v)) {
			req.Method = line.String(v)
		}
	case catalog.FieldURI:
		req.URI = line.String(v)
	case FieldRoute:
		req.Route = line.String(v)
	case catalog.FieldStatus:
		rec.Status = 0
		if v != nil {
			n, ok := line.Status(v)
			if !ok {
				fail(line.Type)
			}
			rec.Status = n
		}
	case catalog.FieldRows:
		rec.Rows = event.RowsUnknown
		if v != nil {
			n, ok := line.Count(v)
			if !ok {
				fail(line.Type)
				return
			}
			rec.Rows = n
		}
	case catalog.FieldSubjects:
		if check(line.CheckText(string(f), v)) {
			req.List = line.String(v)
		}
	}
}

func (d *Decoder) valid(v []byte) bool { return line.CheckText("", v) == nil }
