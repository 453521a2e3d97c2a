package ledger

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/haetae/haetae/blob"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// Retained says what a retention run destroyed.
type Retained struct {
	Segments int   `json:"segments"`
	Records  int64 `json:"records"`
	// Staged is how many records of unfinished imports went, Imports how many
	// such imports were given up because nobody had gone on with them for
	// importHorizon.
	Staged  int64 `json:"staged"`
	Imports int   `json:"imports"`
	// Editions is how many registers and holdings went that were in force only
	// before every record that is left.
	Editions int `json:"editions"`
	// Aside is how many lines set aside went.
	Aside int64 `json:"aside"`
	// Ids is how many identities were destroyed because no record, register or
	// holdings line needs them any more, Persons how many persons.
	Ids     int64 `json:"ids"`
	Persons int64 `json:"persons"`
	// Kept is how many records are older than the moment and stay, because their
	// file also holds newer ones. They can go once the moment is KeptUntil.
	Kept      int64        `json:"kept"`
	KeptUntil event.Millis `json:"kept_until,omitempty"`
}

// Retain destroys what is older than before: whole segment files, staged ones of
// unfinished imports included, files of lines set aside, editions that were in
// force only for what is gone, then the dictionary entries that nothing needs
// any more. A month that reaches beyond before stays whole: destroying is by
// file, so that it costs nothing and cannot be half done. Appends and imports go
// on meanwhile.
func (l *Ledger) Retain(before event.Millis) (Retained, error) {
	out, err := l.retain(before)
	if err != nil {
		err = fmt.Errorf("retain: %w", err)
	}
	return out, err
}

func (l *Ledger) retain(before event.Millis) (out Retained, err error) {
	if err := l.Seal(); err != nil {
		return out, err
	}
	l.compactMu.Lock()
	defer l.compactMu.Unlock()
	if err := l.retainFiles(before, &out); err != nil {
		return Retained{}, err
	}
	if err := l.dropHeld(before); err != nil {
		return out, err
	}
	l.mu.RLock()
	unneeded := l.m.Unneeded
	l.mu.RUnlock()
	if !unneeded {
		return out, nil
	}
	// A crash up to the commit leaves the mark, and the next run does this.
	out.Ids, out.Persons, err = l.dropUnneeded()
	return out, err
}

// retainFiles is the part of Retain that takes whole files away. compactMu is
// held.
func (l *Ledger) retainFiles(before event.Millis, out *Retained) error {
	l.importMu.Lock()
	defer l.importMu.Unlock()
	l.mu.RLock()
	running := l.running
	l.mu.RUnlock()
	if running != nil {
		running.mu.Lock()
		defer running.mu.Unlock()
	}
	l.aside.turn.Lock()
	defer l.aside.turn.Unlock()
	if err := l.aside.shut(); err != nil {
		return err
	}

	r, staged := &replacement{}, &replacement{}
	var editions []editionRef
	var aside []asideRef
	old := func(s segmentRef) bool { return s.Zone.MaxTime < before }
	err := l.commit(func(m *manifest) error {
		if held := Standing(m.HeldBy); len(held) > 0 {
			return &HeldError{held}
		}
		for _, s := range m.Segments {
			if old(s) {
				r.gone = append(r.gone, s.Name)
				out.Segments++
				out.Records += int64(s.Zone.Primaries)
			}
		}
		if len(r.gone) > 0 && before > m.RetainedFrom {
			m.RetainedFrom = before
		}
		// Of the time before it nothing is known anyway.
		m.Gaps = slices.DeleteFunc(m.Gaps, func(g Gap) bool {
			_, to := g.Span(math.MaxInt64)
			return to < m.RetainedFrom
		})
		r.apply(m)
		for i := range m.Imports {
			for _, s := range m.Imports[i].Staged {
				if old(s) {
					staged.gone = append(staged.gone, s.Name)
					out.Staged += int64(s.Zone.Primaries)
				}
			}
			m.Imports[i].Staged = slices.DeleteFunc(m.Imports[i].Staged, old)
		}
		editions = l.pastEditions(m, before)
		out.Editions = len(editions)
		past := func(e editionRef) bool {
			return slices.ContainsFunc(editions, func(g editionRef) bool { return g.File == e.File })
		}
		m.Registers, m.Holdings = slices.DeleteFunc(m.Registers, past), slices.DeleteFunc(m.Holdings, past)
		aside = l.aside.before(before.Time())
		m.Aside = slices.DeleteFunc(m.Aside, func(a asideRef) bool { return isAside(aside, a.Name) })
		if len(r.gone)+len(staged.gone)+len(editions) > 0 {
			m.Unneeded = true
		}
		return nil
	}, func() {
		l.editions.remove(editions)
		out.Aside = l.aside.forget(aside)
	})
	if err != nil {
		return err
	}
	if running != nil {
		running.rec.Staged = slices.DeleteFunc(running.rec.Staged, old)
	}
	l.finishReplacement(r)
	if err := l.keptBeyond(before, out); err != nil {
		return err
	}
	l.finishReplacement(staged)
	for _, e := range editions {
		l.remove(editionDir, e.File)
	}
	for _, a := range aside {
		l.remove(asideDir, a.Name)
	}
	out.Imports, err = l.expireUnfinished()
	return err
}

// keptBeyond counts what is older than before and stays. The caller keeps others
// from removing segments.
func (l *Ledger) keptBeyond(before event.Millis, out *Retained) error {
	l.mu.RLock()
	segs := slices.Clone(l.m.Segments)
	l.mu.RUnlock()
	for _, s := range segs {
		if s.Zone.MinTime >= before {
			continue
		}
		l.mu.RLock()
		reader := l.segments[s.Name].reader
		l.mu.RUnlock()
		n, err := older(reader, before)
		if err != nil {
			return fmt.Errorf("retain: segments/%s: %w", s.Name, err)
		}
		out.Kept += n
		if n > 0 {
			out.KeptUntil = max(out.KeptUntil, s.Zone.MaxTime+1)
		}
	}
	return nil
}

// older counts a segment's records before a moment. Only groups that the moment
// divides are decoded.
func older(r *segment.Reader, before event.Millis) (n int64, err error) {
	shapes, err := r.Shapes()
	if err != nil {
		return 0, err
	}
	var homes []uint32
	var d segment.Details
	for p := range 256 {
		pt, err := r.Partition(p)
		if err != nil {
			return 0, err
		}
		for g, gr := range pt.Groups() {
			if shapes[gr.Shape].Flags&segment.Primary == 0 || gr.MinTime >= before {
				continue
			}
			if gr.MaxTime < before {
				n += int64(gr.Rows)
				continue
			}
			if homes, err = pt.Homes(g, homes); err != nil {
				return 0, err
			}
			if err := pt.Details(g, homes, &d, false); err != nil {
				return 0, err
			}
			for _, t := range d.Time[:gr.Rows] {
				if t < before {
					n++
				}
			}
		}
	}
	return n, nil
}

// remove takes away a file that no manifest names any more.
func (l *Ledger) remove(dir, name string) {
	if err := l.fs.Remove(l.path(dir, name)); err != nil {
		l.log.Warn("a file no longer in use could not be removed; the next opening removes it", "file", dir+"/"+name, "error", err)
	}
}

// pastEditions are the registers and holdings of m whose time ended before every
// record there is, and that no record still to come is counted by. commitMu is
// held.
func (l *Ledger) pastEditions(m *manifest, before event.Millis) []editionRef {
	oldest := min(before, event.MillisOf(l.opts.Now()))
	for _, s := range m.Segments {
		oldest = min(oldest, s.Zone.MinTime)
	}
	for _, im := range m.Imports {
		for _, s := range im.Staged {
			oldest = min(oldest, s.Zone.MinTime)
		}
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.running != nil {
		return nil // it may hold records of any age; the next run decides
	}
	for _, t := range []*memtable{l.mem, l.frozen} {
		if t != nil && t.rows > 0 {
			oldest = min(oldest, t.first)
		}
	}
	var past []editionRef
	for _, refs := range [][]editionRef{l.editions.registerRefs, l.editions.holdingRefs} {
		for i := 0; i+1 < len(refs) && refs[i+1].From <= oldest; i++ {
			past = append(past, refs[i])
		}
	}
	return past
}

// refSet is a set of ordinals.
type refSet [dictionary.Partitions][]uint64

func (s *refSet) add(r dictionary.Ref) {
	w, n := &s[r.Part()], r.Local()
	for int(n/64) >= len(*w) {
		*w = append(*w, 0)
	}
	(*w)[n/64] |= 1 << (n % 64)
}

func (s *refSet) has(r dictionary.Ref) bool {
	w, n := s[r.Part()], r.Local()
	return int(n/64) < len(w) && w[n/64]>>(n%64)&1 == 1
}

// dropUnneeded destroys the identities that no row and no edition names, and the
// persons that no holdings name. compactMu is held; everybody else goes on:
// ordinals given out from Watch on are kept by the dictionary, and those given
// before have reached, once uses has settled, a place where they are found here.
func (l *Ledger) dropUnneeded() (ids, persons int64, err error) {
	defer l.identities.Watch()()
	defer l.persons.Watch()()
	l.uses.settle()
	needed, err := l.neededIDs()
	if err != nil {
		return 0, 0, err
	}
	l.mu.RLock()
	registers, holdings := l.editions.registers, l.editions.holdings
	l.mu.RUnlock()
	neededPersons := &refSet{}
	for _, h := range holdings {
		if err := h.Persons(neededPersons.add); err != nil {
			return 0, 0, err
		}
	}
	keep := func(r dictionary.Ref) bool {
		return needed.has(r) ||
			slices.ContainsFunc(registers, func(e *edition.Register) bool { return e.Has(r) }) ||
			slices.ContainsFunc(holdings, func(e *edition.Holdings) bool { return e.Has(r) })
	}
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	begun := false
	err = l.commitLocked(func(m *manifest) (err error) {
		if held := Standing(m.HeldBy); len(held) > 0 {
			return &HeldError{held}
		}
		begun = true
		if m.Identities, ids, err = l.identities.Drop(keep); err != nil {
			return err
		}
		if m.Persons, persons, err = l.persons.Drop(neededPersons.has); err != nil {
			return err
		}
		m.Unneeded = false
		return nil
	})
	if err != nil && begun {
		// The entries are gone from memory and not from what the manifest names.
		return 0, 0, l.fail(err)
	}
	if err != nil {
		return 0, 0, err
	}
	if err := l.identities.Clean(l.m.Identities); err != nil {
		return ids, persons, err
	}
	return ids, persons, l.persons.Clean(l.m.Persons)
}

// neededIDs collects the ordinals of every row: of segments, visible or staged,
// of the memtable and of the import that runs. Rows only ever move in that
// order's reverse, so looking from the end of it misses none.
func (l *Ledger) neededIDs() (*refSet, error) {
	needed := &refSet{}
	l.importMu.Lock()
	l.mu.RLock()
	running := l.running
	l.mu.RUnlock()
	if running != nil {
		running.mu.Lock()
		for _, b := range running.builders {
			b.eachRef(needed.add)
		}
		running.mu.Unlock()
	}
	l.importMu.Unlock()

	l.mu.RLock()
	m := l.m
	var readers []*segment.Reader
	for _, s := range m.Segments {
		readers = append(readers, l.segments[s.Name].reader) // open, since compactMu is held
	}
	for _, t := range []*memtable{l.mem, l.frozen} {
		if t != nil {
			readers = t.eachRef(needed.add, readers)
		}
	}
	l.mu.RUnlock()
	for _, r := range readers {
		if err := eachRef(r, needed.add); err != nil {
			return nil, err
		}
	}
	for _, im := range m.Imports {
		for _, s := range im.Staged {
			if err := l.eachStagedRef(s, needed.add); err != nil {
				return nil, err
			}
		}
	}
	return needed, nil
}

func (l *Ledger) eachStagedRef(ref segmentRef, fn func(dictionary.Ref)) error {
	b, err := l.blobs.Open(ref.Name)
	if errors.Is(err, blob.ErrNotFound) && !l.staged(ref.Name) {
		return nil // its import was given up just now
	}
	if err != nil {
		return fmt.Errorf("open segments/%s: %w", ref.Name, notThere(err))
	}
	defer b.Close()
	r, err := segment.Open(b, ref.Size)
	if err != nil {
		return fmt.Errorf("open segments/%s: %w", ref.Name, err)
	}
	r.Name = "segments/" + ref.Name
	return eachRef(r, fn)
}

// staged reports whether the manifest names the segment, staged or visible.
func (l *Ledger) staged(name string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	is := func(s segmentRef) bool { return s.Name == name }
	return slices.ContainsFunc(l.m.Segments, is) ||
		slices.ContainsFunc(l.m.Imports, func(r importRecord) bool { return slices.ContainsFunc(r.Staged, is) })
}

// eachRef calls fn for every home and actor of a segment.
func eachRef(r *segment.Reader, fn func(dictionary.Ref)) error {
	for p := range dictionary.Partitions {
		pt, err := r.Partition(p)
		if err != nil {
			return err
		}
		if len(pt.Groups()) == 0 {
			continue
		}
		ss, err := pt.Sessions()
		if err != nil {
			return err
		}
		for i, h := range ss.Home {
			if ref := dictionary.MakeRef(byte(p), h); ref.IsAccount() {
				fn(ref)
			}
			if ss.HasActor[i] {
				fn(ss.Actor[i])
			}
		}
	}
	return nil
}

// eachRef is the same for rows that are not encoded yet.
func (b *builder) eachRef(fn func(dictionary.Ref)) {
	for _, s := range b.in.Sessions {
		if s.Home.IsAccount() {
			fn(s.Home)
		}
		if s.HasActor {
			fn(s.Actor)
		}
	}
}

// eachRef calls fn for the newest rows and appends the encoded ones to readers.
// Ledger.mu is held.
func (t *memtable) eachRef(fn func(dictionary.Ref), readers []*segment.Reader) []*segment.Reader {
	for _, p := range t.months {
		readers = append(readers, p.chunks...)
		if p.active != nil {
			p.active.eachRef(fn)
		}
	}
	return readers
}
