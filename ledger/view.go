package ledger

import (
	"fmt"
	"sync"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// View is the ledger at one moment: everything acknowledged before it was
// taken, and nothing that comes later. Close it when the answer is given; files
// it uses stay open until then.
type View struct {
	l         *Ledger
	number    uint64
	readers   []*segment.Reader
	held      []*openSegment
	catalog   *catalog.Catalog
	catalogs  []editionRef
	olds      *catalogCache
	registers []*edition.Register
	holdings  []*edition.Holdings
	imports   []importRecord
	gaps      []Gap
	aside     map[string]int64
	retained  event.Millis
	once      sync.Once
}

// View takes one.
func (l *Ledger) View() (*View, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view()
}

// view is View with mu held.
func (l *Ledger) view() (*View, error) {
	if l.closed {
		return nil, ErrClosed
	}
	v := &View{
		l: l, number: l.m.Number, catalog: l.catalog, catalogs: l.m.Catalogs, olds: l.editions.catalogs,
		registers: l.editions.registers, holdings: l.editions.holdings,
		imports: l.m.Imports, gaps: l.m.Gaps, retained: l.m.RetainedFrom, aside: map[string]int64{},
	}
	for _, a := range l.aside.refs() {
		for _, c := range a.Counts {
			v.aside[c.Source] += c.Count
		}
	}
	for _, ref := range l.m.Segments {
		s := l.segments[ref.Name]
		s.refs++
		v.held = append(v.held, s)
		v.readers = append(v.readers, s.reader)
	}
	for _, t := range []*memtable{l.frozen, l.mem} {
		if t == nil {
			continue
		}
		rs, err := t.readers()
		if err != nil {
			return nil, fmt.Errorf("view: %w", err)
		}
		v.readers = append(v.readers, rs...)
	}
	return v, nil
}

// viewOf is a view of rows that are in no file.
func (l *Ledger) viewOf(readers []*segment.Reader) (*View, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, ErrClosed
	}
	return &View{
		l: l, number: l.m.Number, catalog: l.catalog, catalogs: l.m.Catalogs, olds: l.editions.catalogs, readers: readers,
		registers: l.editions.registers, holdings: l.editions.holdings, retained: l.m.RetainedFrom, aside: map[string]int64{},
	}, nil
}

// Close lets the view's files go.
func (v *View) Close() error {
	v.once.Do(func() {
		v.l.mu.Lock()
		defer v.l.mu.Unlock()
		for _, s := range v.held {
			v.l.releaseSegment(s)
		}
	})
	return nil
}

// Segments are all rows of the view.
func (v *View) Segments() []*segment.Reader { return v.readers }

// Lookup finds the ordinal of an id; false means no record ever named it.
func (v *View) Lookup(p pseudonym.Pseudonym) (dictionary.Ref, bool, error) {
	return v.l.identities.Lookup(p)
}

// Hasher is the folder's keyed hash.
func (v *View) Hasher() *pseudonym.Hasher { return v.l.hasher }

// Count is the number of ordinals given out in a partition.
func (v *View) Count(part int) uint32 { return v.l.identities.Count(part) }

// Catalog is the catalog in force.
func (v *View) Catalog() *catalog.Catalog { return v.catalog }

// Registers are the register's editions, oldest first.
func (v *View) Registers() []*edition.Register { return v.registers }

// Holdings are the holdings' editions, oldest first.
func (v *View) Holdings() []*edition.Holdings { return v.holdings }

// Number is the manifest's number: with it an answer can be asked again.
func (v *View) Number() uint64 { return v.number }

// RetainedFrom is the time before which records were destroyed by retention; 0
// if none were.
func (v *View) RetainedFrom() event.Millis { return v.retained }

// SetAside is how many lines of each source could not become records and are
// kept aside.
func (v *View) SetAside() map[string]int64 { return v.aside }

// BrokenFiles is how many files of each source could be read only in part,
// leaving out those that were imported again since.
func (v *View) BrokenFiles() map[string]int64 {
	out := map[string]int64{}
	for _, r := range v.imports {
		if r.Done && r.Broken && r.ReplacedBy == 0 {
			out[r.Source]++
		}
	}
	return out
}

// Pseudonym gives the pseudonym of an ordinal.
func (v *View) Pseudonym(r dictionary.Ref) (pseudonym.Pseudonym, error) {
	return v.l.identities.Pseudonym(r)
}
