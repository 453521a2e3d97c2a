package dictionary

import (
	"fmt"
	"path"
	"slices"
)

const (
	// maxRuns is how many run files Merge leaves at most: what has to be read,
	// in that many pieces, when a partition is first looked up.
	maxRuns = 8
	// mergeRatio: a file takes part in a merge when the newer ones together
	// reach a quarter of it, so that an entry is rewritten a few times in all
	// and not every time.
	mergeRatio = 4
)

// Merge joins the newer run files when there are more than eight, and returns
// all that live. The old files stay until Clean.
func (d *Dictionary) Merge() ([]FileInfo, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.halfway.Load() {
		return nil, ErrHalfway
	}
	runs := d.use()
	defer release(runs)
	from := mergeFrom(runs)
	if from == len(runs) {
		return infos(runs), nil
	}
	r, err := d.put(func(n int) (*entries, error) { return join(runs[from:], n) })
	if err != nil {
		return nil, err
	}
	return d.replace(from, r), nil
}

// mergeFrom is the first of the run files to join; len(runs) for none.
func mergeFrom(runs []*run) int {
	if len(runs) <= maxRuns {
		return len(runs)
	}
	from, sum := len(runs)-1, runs[len(runs)-1].info.Entries
	for from > 0 && (from >= maxRuns || runs[from-1].info.Entries <= mergeRatio*sum) {
		from--
		sum += runs[from].info.Entries
	}
	return from
}

func infos(runs []*run) []FileInfo {
	out := make([]FileInfo, len(runs))
	for i, r := range runs {
		out[i] = r.info
	}
	return out
}

// replace puts r in the place of the runs from there on.
func (d *Dictionary) replace(from int, r *run) []FileInfo {
	d.mu.Lock()
	old := slices.Clone(d.runs[from:])
	d.runs = append(slices.Clone(d.runs[:from]), r)
	out := infos(d.runs)
	d.mu.Unlock()
	release(old) // read to the end already; an error in closing loses nothing
	return out
}

// join reads one partition of consecutive run files as one.
func join(runs []*run, n int) (*entries, error) {
	var out *entries
	for _, r := range runs {
		if r.secs[n].count == 0 {
			continue
		}
		e, err := r.read(n)
		if err != nil {
			return nil, fmt.Errorf("dictionary %s: %w", r.info.Name, err)
		}
		if out == nil {
			out = e
			continue
		}
		out.keys = append(out.keys, e.keys...)
		out.buckets = append(out.buckets, e.buckets...)
		base := uint32(len(out.tail.sealed))
		for _, end := range e.ends {
			out.ends = append(out.ends, base+end)
		}
		out.tail.sealed = append(out.tail.sealed, e.tail.sealed...)
	}
	return out, nil
}

// Watch begins to mark every ordinal that Resolve gives to anybody, so that Drop
// keeps it. What was given before, the caller looks up after Watch, wherever it
// may be by then. stop ends the marking.
func (d *Dictionary) Watch() (stop func()) {
	set := func(on bool) {
		for n := range Partitions {
			p := &d.parts[n]
			p.mu.Lock()
			p.watching, p.used = on, nil
			p.mu.Unlock()
		}
	}
	set(true)
	return func() { set(false) }
}

// Drop destroys the flushed entries that keep refuses: neither pseudonym nor
// sealed id is in the files it returns. Ordinals keep their meaning and are
// never given out again; an id that comes back gets a new one.
//
// keep is asked once for each entry, partition by partition, and an entry it
// refuses is not found from that moment on. So keep must already know every use
// of an ordinal that Resolve has given to anybody before Watch. It must not call
// back.
//
// When it fails, nothing on disk has changed, but what is in memory has: the
// dictionary then refuses to go on.
func (d *Dictionary) Drop(keep func(Ref) bool) ([]FileInfo, int64, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.halfway.Load() {
		return nil, 0, ErrHalfway
	}
	runs := d.use()
	defer release(runs)
	if len(runs) == 0 {
		return nil, 0, nil
	}
	dropped := int64(0)
	r, err := d.put(func(n int) (*entries, error) {
		e, err := join(runs, n)
		if err != nil || e == nil {
			return nil, err
		}
		gone := d.forget(n, e, keep)
		dropped += int64(gone)
		return e, nil
	})
	if err != nil {
		d.halfway.Store(true)
		return nil, 0, err
	}
	out := d.replace(0, r)
	for n := range Partitions {
		p := &d.parts[n]
		p.mu.Lock()
		p.dropped = nil // what load reads from now on is without them
		p.mu.Unlock()
	}
	return out, dropped, nil
}

// forget destroys the refused entries of one partition, in e and in memory at
// the same time: under the lock, Resolve finds an entry before keep is asked, or
// not at all.
func (d *Dictionary) forget(n int, e *entries, keep func(Ref) bool) (gone int) {
	p := &d.parts[n]
	p.mu.Lock()
	defer p.mu.Unlock()
	var left tail
	place := uint32(0)
	for _, piece := range e.keys {
		for i := range piece {
			if piece[i] != zero && !bit(p.used, place) && !keep(MakeRef(byte(n), place)) {
				piece[i] = zero
				e.buckets[place] = 0
				left.push(0, nil)
				setBit(&p.dropped, place)
				gone++
			} else {
				left.push(e.buckets[place], e.entry(place))
			}
			place++
		}
	}
	if gone == 0 {
		return 0
	}
	p.sealed -= uint64(len(e.tail.sealed) - len(left.sealed))
	e.tail = left
	// Flushed sealed ids go from memory too.
	if p.kept < p.flushed {
		p.tail = p.tail.from(p.flushed - p.kept)
		p.kept = p.flushed
	}
	if p.loaded {
		for l := range p.flushed {
			if bit(p.dropped, l) {
				*p.key(l) = zero
			}
		}
		p.rebuild(len(p.slots))
	}
	return gone
}

// Clean removes the run files of this dictionary that live does not name.
func (d *Dictionary) Clean(live []FileInfo) error {
	names, err := d.fs.List(d.dir)
	if err != nil {
		return fmt.Errorf("dictionary %s: %w", d.name, err)
	}
	for _, n := range names {
		if _, mine := d.fileNumber(n); !mine {
			continue
		}
		if slices.ContainsFunc(live, func(i FileInfo) bool { return i.Name == n }) {
			continue
		}
		if err := d.fs.Remove(path.Join(d.dir, n)); err != nil {
			return fmt.Errorf("dictionary %s: remove unnamed %s: %w", d.name, n, err)
		}
	}
	return nil
}
