package ledger

import (
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
)

// Stats describes a folder for whoever runs it. It holds no personal data.
type Stats struct {
	Records      int64        `json:"records"`
	Rows         int64        `json:"rows"`
	Segments     int          `json:"segments"`
	Bytes        int64        `json:"segment_bytes"`
	MemtableRows int          `json:"memtable_rows"`
	Identities   uint64       `json:"identities"`
	Persons      uint64       `json:"persons"`
	First        event.Millis `json:"first"` // of what is sealed; 0 when nothing is
	Last         event.Millis `json:"last"`
	Manifest     uint64       `json:"manifest"`
	Epoch        uint64       `json:"epoch"`
	Catalog      uint32       `json:"catalog"`
	Registers    int          `json:"registers"`
	Holdings     int          `json:"holdings"`
	Imports      int          `json:"imports"`
	Interrupted  int          `json:"interrupted_imports"`
	RetainedFrom event.Millis `json:"retained_from"`
	Holds        []Hold       `json:"holds"`
	// Failed: a write had an unknown outcome and the folder must be reopened.
	Failed bool `json:"failed"`
}

// Stats counts. It reads no files.
func (l *Ledger) Stats() Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := Stats{
		Segments: len(l.m.Segments), Manifest: l.m.Number, Epoch: l.m.Epoch, Catalog: uint32(len(l.m.Catalogs)),
		Registers: len(l.m.Registers), Holdings: len(l.m.Holdings), RetainedFrom: l.m.RetainedFrom,
		Holds: append([]Hold{}, l.m.HeldBy...), Failed: l.failed != nil,
		Identities: l.identities.Total(), Persons: l.persons.Total(),
	}
	for i, ref := range l.m.Segments {
		z := ref.Zone
		s.Records += z.Primaries
		s.Rows += z.Rows
		s.Bytes += ref.Size
		if i == 0 || z.MinTime < s.First {
			s.First = z.MinTime
		}
		if i == 0 || z.MaxTime > s.Last {
			s.Last = z.MaxTime
		}
	}
	for _, t := range []*memtable{l.mem, l.frozen} {
		if t != nil {
			s.MemtableRows += t.rows
			s.Records += int64(t.records)
			s.Rows += int64(t.rows)
		}
	}
	for _, im := range l.m.Imports {
		if im.Done {
			s.Imports++
		} else {
			s.Interrupted++
		}
	}
	return s
}

// LoadHeaders makes everything this folder ever sealed openable by o.
func (l *Ledger) LoadHeaders(o *pseudonym.Opener) error {
	return loadHeaders(l, o)
}

// RealID opens one identity. Whoever calls it records the opening first.
func (v *View) RealID(o *pseudonym.Opener, r dictionary.Ref) (string, error) {
	sealed, err := v.l.identities.Sealed(r)
	if err != nil {
		return "", err
	}
	return o.Open(sealed)
}

// RealPerson opens one person.
func (v *View) RealPerson(o *pseudonym.Opener, r dictionary.Ref) (string, error) {
	sealed, err := v.l.persons.Sealed(r)
	if err != nil {
		return "", err
	}
	return o.Open(sealed)
}

// LookupPerson finds the ordinal of a person's id.
func (v *View) LookupPerson(p pseudonym.Pseudonym) (dictionary.Ref, bool, error) {
	return v.l.persons.Lookup(p)
}

// Import tells where the records of a stream came from, for an auditor: the
// name of the file an import read, and its SHA-256.
func (v *View) Import(stream string) (name, sha256 string, ok bool) {
	i := slices.IndexFunc(v.imports, func(r importRecord) bool { return streamOf(r.ID) == stream })
	if i < 0 {
		return "", "", false
	}
	return v.imports[i].Name, v.imports[i].SHA256, true
}
