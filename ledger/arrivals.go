package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Arrival is how records of a source came into the folder.
type Arrival struct {
	Source string
	// Followed: from a live file, else by imports.
	Followed bool
	Files    int
	// Last is when the last import ended; zero of followed files, of which the
	// folder keeps how far they were read and not when.
	Last time.Time
}

// Arrivals lists them, by source. It reads no files.
func (l *Ledger) Arrivals() ([]Arrival, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var out []Arrival
	add := func(a Arrival) {
		i := slices.IndexFunc(out, func(o Arrival) bool { return o.Source == a.Source && o.Followed == a.Followed })
		if i < 0 {
			out = append(out, a)
			return
		}
		out[i].Files++
		if a.Last.After(out[i].Last) {
			out[i].Last = a.Last
		}
	}
	for i := range l.m.Imports {
		if r := &l.m.Imports[i]; r.Done && r.ReplacedBy == 0 {
			add(Arrival{Source: r.Source, Files: 1, Last: r.Finished})
		}
	}
	streams, err := l.streams("")
	if err != nil {
		return nil, err
	}
	for i := range streams {
		if streams[i].Last == 0 {
			add(Arrival{Source: streams[i].Source, Followed: true, Files: 1})
		}
	}
	slices.SortStableFunc(out, func(a, b Arrival) int { return cmp.Compare(a.Source, b.Source) })
	return out, nil
}
