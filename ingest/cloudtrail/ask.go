package cloudtrail

import (
	"strings"

	"github.com/haetae/haetae/ingest/element"
)

// wanted is a tree of the names that somebody asks for.
type wanted struct {
	at    int // of the field among those asked for, or -1
	below map[string]*wanted
}

// Ask implements ingest.Asked. A list is one value, and its elements have no names.
func (d *Decoder) Ask(names []string) {
	d.wants, d.fields = nil, make([][]byte, len(names))
	if len(names) == 0 {
		return
	}
	d.wants = &wanted{at: -1}
	for i, name := range names {
		at := d.wants
		for _, part := range strings.Split(name, ".") {
			if at.below == nil {
				at.below = map[string]*wanted{}
			}
			next := at.below[part]
			if next == nil {
				next = &wanted{at: -1}
				at.below[part] = next
			}
			at = next
		}
		at.at = i
	}
}

// Fields implements ingest.Asked.
func (d *Decoder) Fields() [][]byte {
	if d.wants != nil {
		clear(d.fields)
		d.collect(d.text, d.wants)
	}
	return d.fields
}

// collect looks no deeper than a name has parts.
func (d *Decoder) collect(text []byte, w *wanted) {
	o := element.Members(text)
	for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
		m := w.below[string(name)]
		if m == nil {
			continue
		}
		if m.at >= 0 {
			d.fields[m.at] = v
		}
		if m.below != nil && v[0] == '{' {
			d.collect(v, m)
		}
	}
}
