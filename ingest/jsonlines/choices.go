package jsonlines

import (
	"bytes"
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ingest/line"
)

// A field may be the first of several keys that has a value, a text put together
// from keys, or a word for a word of the log (catalog.Choice). The values of such
// keys are held back while a line is walked, each in a slot; the fields are made of
// them at its end. A line of which every field is one key has no slots.

// firstSlot is the number of the first slot: what is below are fields.
const firstSlot field = 32

// slot is the value of a key, as take is given it.
type slot struct {
	v        []byte
	plain    bool
	from, to int // in the line
}

// choice is a catalog.Choice over slots.
type choice struct {
	field  field
	forms  [][]piece
	values map[string]string
}

type piece struct {
	text string
	slot int // -1: text
	raw  bool
}

// choose prepares the choices of a source, in the order of the fields.
func (d *Decoder) choose(src *catalog.Source) {
	slots := map[string]int{}
	for f := fieldTime; f < firstSlot; f++ {
		if int(f) >= len(names) {
			break
		}
		c, ok := src.Choices[names[f]]
		if !ok {
			continue
		}
		made := choice{field: f, values: c.Values}
		for _, form := range c.Of {
			var pieces []piece
			for _, p := range form {
				if !p.Key {
					pieces = append(pieces, piece{text: p.Text, slot: -1})
					continue
				}
				n, known := slots[p.Text]
				if !known {
					n = len(d.slots)
					slots[p.Text] = n
					d.slots = append(d.slots, slot{})
					d.mapped(p.Text, firstSlot+field(n))
				}
				pieces = append(pieces, piece{slot: n, raw: p.Raw})
			}
			made.forms = append(made.forms, pieces)
		}
		d.choices = append(d.choices, made)
	}
}

// hold keeps a value until the line is read.
func (st *state) hold(f field, v []byte, plain bool) {
	if line.Absent(v) {
		v = nil
	}
	st.d.slots[f-firstSlot] = slot{v, plain, st.value, st.at}
}

// chosen makes the fields of what was held back.
func (st *state) chosen() {
	for i := range st.d.choices {
		c := &st.d.choices[i]
		v, plain := st.pick(c)
		if c.values != nil {
			word, ok := "", false
			if v == nil {
				word, ok = c.values[catalog.Absent]
			} else if word, ok = c.values[string(v)]; !ok {
				word, ok = c.values[catalog.Other]
			}
			if ok {
				v, plain = []byte(word), false
			}
		}
		if v != nil {
			st.take(c.field, v, plain)
		}
	}
}

// pick is the value of the first form whose keys all have one, or nil. What of
// the line it was made from is what take refuses, if it does.
func (st *state) pick(c *choice) (v []byte, plain bool) {
	for _, form := range c.forms {
		if slices.ContainsFunc(form, func(p piece) bool { return p.slot >= 0 && st.d.slots[p.slot].v == nil }) {
			continue
		}
		st.made = st.made[:0]
		for _, p := range form {
			if p.slot >= 0 {
				st.made = append(st.made, line.Span{From: st.d.slots[p.slot].from, To: st.d.slots[p.slot].to})
			}
		}
		if len(form) == 1 && form[0].slot >= 0 {
			s := st.d.slots[form[0].slot]
			return s.v, s.plain
		}
		for _, p := range form { // of its own: it must outlive the line
			switch {
			case p.slot < 0:
				v = append(v, p.text...)
			case c.field != fieldURI:
				v = append(v, st.d.slots[p.slot].v...)
			case p.raw:
				v = append(v, staying(st.d.slots[p.slot].v, len(v) > 0 && !bytes.Contains(v, []byte("?")))...)
			default:
				v = appendEscaped(v, st.d.slots[p.slot].v)
			}
		}
		return v, false
	}
	return nil, false
}

const hex = "0123456789ABCDEF"

// dots stand for a value that would be a step in a path.
const dots = "…"

// appendEscaped adds a value that is one name in an address. Whoever chooses it
// must not choose the route with it.
func appendEscaped(to, v []byte) []byte {
	if len(bytes.Trim(v, ".")) == 0 {
		return append(to, dots...)
	}
	for _, b := range v {
		if b <= ' ' || strings.IndexByte("%?#;/&=+", b) >= 0 {
			to = append(to, '%', hex[b>>4], hex[b&15])
			continue
		}
		to = append(to, b)
	}
	return to
}

// staying is a piece of an address as it is, unless it would climb over what
// stands before it.
func staying(v []byte, behind bool) []byte {
	if !behind {
		return v
	}
	path := v
	if i := bytes.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	depth := 0
	for _, s := range bytes.Split(path, []byte("/")) {
		if i := bytes.IndexByte(s, ';'); i >= 0 {
			s = s[:i]
		}
		s = bytes.ReplaceAll(bytes.ToLower(s), []byte("%2e"), []byte("."))
		switch string(s) {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return []byte("/" + dots)
		}
	}
	return v
}
