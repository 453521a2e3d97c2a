package ledger

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Ref is a dictionary ordinal.
type Ref = dictionary.Ref

const (
	// mergeRows ends a merge: a file of 16 million rows answers in tens of
	// milliseconds a core and is still rewritten in seconds.
	mergeRows = 16 << 20
	// mergeFan is how many files of a day, or of a month, wait for a merge.
	mergeFan = 8
)

// replacement is a set of segment files that one commit exchanges for others.
type replacement struct {
	gone  []string
	added []segmentRef
}

func (r *replacement) apply(m *manifest) {
	if r == nil {
		return
	}
	m.Segments = slices.DeleteFunc(m.Segments, func(s segmentRef) bool { return slices.Contains(r.gone, s.Name) })
	m.Segments = append(m.Segments, r.added...)
}

// finishReplacement lets go of the files that the commit no longer names.
func (l *Ledger) finishReplacement(r *replacement) {
	if r == nil {
		return
	}
	l.mu.Lock()
	for _, name := range r.gone {
		if s := l.segments[name]; s != nil {
			delete(l.segments, name)
			l.releaseSegment(s)
		}
	}
	l.mu.Unlock()
	for _, name := range r.gone {
		if err := l.blobs.Delete(name); err != nil {
			l.log.Warn("a segment no longer in use could not be removed; the next opening removes it", "segment", name, "error", err)
		}
	}
}

// discard removes the files of a replacement that was not committed. A view may
// not have them, since no manifest named them.
func (l *Ledger) discard(r *replacement) {
	if r == nil {
		return
	}
	l.closeSegments(r.added)
	if l.writable() != nil {
		return // the manifest that names them may be there: the next opening knows
	}
	for _, ref := range r.added {
		l.blobs.Delete(ref.Name) // else the next opening removes it
	}
}

// closeSegments ends the ledger's own use of segments.
func (l *Ledger) closeSegments(refs []segmentRef) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ref := range refs {
		if s := l.segments[ref.Name]; s != nil {
			delete(l.segments, ref.Name)
			l.releaseSegment(s)
		}
	}
}

// Compact merges small files until none is left that is worth merging. It may
// run beside appends, imports and questions.
func (l *Ledger) Compact(ctx context.Context) error {
	for ctx.Err() == nil {
		done, err := l.compactOnce()
		if err != nil {
			return fmt.Errorf("compact: %w", err)
		}
		if done {
			if err := l.expireSeen(); err != nil {
				return fmt.Errorf("compact: %w", err)
			}
			if err := l.expireImports(); err != nil {
				return fmt.Errorf("compact: %w", err)
			}
			return l.mergeDictionaries()
		}
	}
	return ctx.Err()
}

func (l *Ledger) compactOnce() (done bool, err error) {
	l.compactMu.Lock()
	defer l.compactMu.Unlock()
	if err := l.writable(); err != nil {
		return false, err
	}
	l.mu.RLock()
	group := pickMerge(l.m.Segments, func(s segmentRef) int64 { return l.segments[s.Name].reader.ShapeBytes() })
	var rs []*segment.Reader
	for _, g := range group {
		rs = append(rs, l.segments[g.Name].reader)
	}
	l.mu.RUnlock()
	if len(group) == 0 {
		return true, nil
	}
	// Only this function, withoutImports and Retain, all under compactMu, take
	// files away, so the readers stay open.
	ref, err := l.putSegment(l.newName("merged", segmentSuffix), func(w io.Writer) (segment.Info, error) {
		return segment.Merge(w, rs)
	})
	if err != nil {
		return false, err
	}
	if err := l.openSegment(ref); err != nil {
		return false, err
	}
	r := &replacement{added: []segmentRef{ref}}
	for _, g := range group {
		r.gone = append(r.gone, g.Name)
	}
	if err := l.commit(func(m *manifest) error { r.apply(m); return nil }); err != nil {
		l.discard(r)
		return false, err
	}
	l.finishReplacement(r)
	return false, nil
}

// pickMerge chooses files to merge: of one month (UTC), oldest first, adjacent
// in time, mergeFan or more of them and no more than mergeRows rows and
// maxShapeBytes of shapes together. A
// file that is already large is left alone, so that each row is rewritten a few
// times at most: once into a day, once into a month's part.
func pickMerge(segs []segmentRef, shapes func(segmentRef) int64) []segmentRef {
	months := map[int][]segmentRef{}
	for _, s := range segs {
		months[month(s.Zone.MinTime)] = append(months[month(s.Zone.MinTime)], s)
	}
	for _, n := range sortedMonths(months) {
		list := months[n]
		slices.SortFunc(list, func(a, b segmentRef) int {
			switch {
			case a.Zone.MinTime != b.Zone.MinTime:
				return cmpMillis(a.Zone.MinTime, b.Zone.MinTime)
			case a.Name < b.Name:
				return -1
			case a.Name > b.Name:
				return 1
			}
			return 0
		})
		// Tiers by size: files are merged with files of their own order of
		// magnitude.
		for limit := int64(mergeRows / mergeFan / mergeFan); limit <= mergeRows/2; limit *= mergeFan {
			var group []segmentRef
			rows, size := int64(0), int64(0)
			for _, s := range list {
				n := shapes(s)
				// One that a flood has filled is left alone: the others go on without it.
				if int64(s.Zone.Rows) > limit || n > maxShapeBytes/mergeFan {
					continue
				}
				if rows+int64(s.Zone.Rows) > mergeRows || size+n > maxShapeBytes {
					break
				}
				group = append(group, s)
				rows += int64(s.Zone.Rows)
				size += n
			}
			if len(group) >= mergeFan {
				return group
			}
		}
	}
	return nil
}

func cmpMillis(a, b event.Millis) int {
	if a < b {
		return -1
	} else if a > b {
		return 1
	}
	return 0
}

// expireSeen forgets the fingerprints that were sealed longer ago than
// seenHorizon.
func (l *Ledger) expireSeen() error {
	before := l.opts.Now().Add(-seenHorizon)
	l.mu.RLock()
	gone := map[string]bool{}
	for _, r := range l.m.Seen {
		if r.Sealed.Before(before) {
			gone[r.Name] = true
		}
	}
	l.mu.RUnlock()
	if len(gone) == 0 {
		return nil
	}
	err := l.commit(func(m *manifest) error {
		m.Seen = slices.DeleteFunc(m.Seen, func(r seenRef) bool { return gone[r.Name] })
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget old fingerprints: %w", err)
	}
	l.seen.forget(gone)
	for name := range gone {
		// What cannot be removed now is removed by the next opening.
		l.fs.Remove(l.path(seenDir, name))
	}
	return nil
}

// mergeDictionaries joins run files when there are many of them.
func (l *Ledger) mergeDictionaries() error {
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	if len(l.m.Identities) <= mergeFan && len(l.m.Persons) <= mergeFan {
		return nil
	}
	err := l.commitLocked(func(m *manifest) (err error) {
		if m.Identities, err = l.identities.Merge(); err != nil {
			return l.fail(err)
		}
		if m.Persons, err = l.persons.Merge(); err != nil {
			return l.fail(err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("merge dictionaries: %w", err)
	}
	if err := l.identities.Clean(l.m.Identities); err != nil {
		return err
	}
	return l.persons.Clean(l.m.Persons)
}

// withoutImports prepares the removal of every row that came from some imports.
// The caller holds compactMu until the commit, so that no merge moves the rows
// meanwhile.
func (l *Ledger) withoutImports(ids []uint64) (_ *replacement, err error) {
	names := map[string]bool{}
	for _, id := range ids {
		names[streamOf(id)] = true
	}
	from := func(file string) bool { return names[file] }
	l.mu.RLock()
	segs := slices.Clone(l.m.Segments)
	l.mu.RUnlock()
	r := &replacement{}
	defer func() {
		if err != nil {
			l.discard(r)
		}
	}()
	for _, s := range segs {
		l.mu.RLock()
		reader := l.segments[s.Name].reader
		l.mu.RUnlock()
		files, err := reader.Files()
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(files, from) {
			continue
		}
		r.gone = append(r.gone, s.Name)
		ref, err := l.putSegment(l.newName("kept", segmentSuffix), func(w io.Writer) (segment.Info, error) {
			return segment.Filter(w, []*segment.Reader{reader}, from)
		})
		if err != nil {
			return nil, err
		}
		if ref.Zone.Rows == 0 {
			if err := l.blobs.Delete(ref.Name); err != nil {
				return nil, err
			}
			continue
		}
		if err := l.openSegment(ref); err != nil {
			return nil, err
		}
		r.added = append(r.added, ref)
	}
	return r, nil
}

func (l *Ledger) path(parts ...string) string {
	return path.Join(append([]string{l.dir}, parts...)...)
}
