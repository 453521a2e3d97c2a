package jsonlines

import "strings"

// Ask implements ingest.Asked: values of these keys are noted while a line is read,
// whatever the mapping says of them, and change nothing of what it becomes.
func (d *Decoder) Ask(names []string) {
	d.noted, d.asked, d.within = make([][]byte, len(names)), map[string]int{}, map[string]bool{}
	d.places = map[string]bool{}
	for i, name := range names {
		d.asked[name] = i + 1
		for k := range len(name) {
			if name[k] == '.' {
				d.within[name[:k+1]] = true
				if next, _, _ := strings.Cut(name[k+1:], "."); isPlace(next) {
					d.places[name[:k+1]] = true
				}
			}
		}
	}
	d.order = d.order[:0] // what it remembers of a member may be other now
}

// Fields implements ingest.Asked.
func (d *Decoder) Fields() [][]byte { return d.noted }
