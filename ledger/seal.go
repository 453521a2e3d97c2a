package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/blob"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger/segment"
)

// openSegment is a live segment file. refs counts the ledger itself and every
// View that uses it; the file is closed when nobody does. Its name may be gone
// from the disk by then.
type openSegment struct {
	ref    segmentRef
	reader *segment.Reader
	blob   blob.Blob
	refs   int // guarded by Ledger.mu
}

func (l *Ledger) openSegment(ref segmentRef) error {
	b, err := l.blobs.Open(ref.Name)
	if err != nil {
		return fmt.Errorf("open segments/%s: %w", ref.Name, err)
	}
	r, err := segment.Open(b, ref.Size)
	if err != nil {
		b.Close()
		return fmt.Errorf("open segments/%s: %w", ref.Name, err)
	}
	r.Name = "segments/" + ref.Name
	l.mu.Lock()
	l.segments[ref.Name] = &openSegment{ref: ref, reader: r, blob: b, refs: 1}
	l.mu.Unlock()
	return nil
}

// releaseSegment ends one use of s. mu is held.
func (l *Ledger) releaseSegment(s *openSegment) {
	if s.refs--; s.refs == 0 {
		s.blob.Close()
	}
}

// putSegment writes one segment file durably.
func (l *Ledger) putSegment(name string, write func(io.Writer) (segment.Info, error)) (segmentRef, error) {
	var info segment.Info
	size, err := l.blobs.Put(context.Background(), name, func(w io.Writer) error {
		var err error
		info, err = write(w)
		return err
	})
	if err != nil {
		return segmentRef{}, fmt.Errorf("write segments/%s: %w", name, err)
	}
	return segmentRef{Name: name, Size: size, Zone: info.Zone}, nil
}

// newName takes the next file name. No name is ever used twice: every commit
// stores the highest number given out, and what a crash leaves behind it is
// removed at the next opening.
func (l *Ledger) newName(prefix, suffix string) string {
	return fmt.Sprintf("%s-%010d%s", prefix, l.newNumber(), suffix)
}

func (l *Ledger) newNumber() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nextFile = max(l.nextFile, l.m.NextFile)
	n := l.nextFile
	l.nextFile++
	return n
}

// sealOld begins to seal what is older than SealAfter.
func (l *Ledger) sealOld() {
	l.mu.RLock()
	due := !l.mem.empty() && l.opts.Now().Sub(l.mem.born) >= l.opts.SealAfter
	l.mu.RUnlock()
	if due {
		l.beginSeal()
	}
}

// beginSeal moves the memtable aside and writes it in the background. While an
// earlier one is still being written it waits, which is how a disk that cannot
// keep up slows the senders down instead of filling the memory.
func (l *Ledger) beginSeal() {
	l.waitSeal()
	l.mu.Lock()
	if l.mem.empty() || l.failed != nil || l.frozen != nil {
		l.mu.Unlock()
		if l.frozenWaiting() {
			l.retrySeal()
		}
		return
	}
	l.frozen, l.mem = l.mem, newMemtable()
	l.frozenAt = l.position
	l.mu.Unlock()
	l.retrySeal()
}

// full reports whether the memtable has to be sealed before more comes.
func (l *Ledger) full() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mem.rows >= l.opts.MemtableRows || l.mem.bytes() >= l.opts.MemtableBytes || l.mem.book.full()
}

// sealAgain is how long appends are refused, once a seal has failed, before the
// next attempt: each may write hundreds of megabytes.
const sealAgain = time.Second

// room makes room in the memtable. It waits for a seal under way; if one has
// failed it tries again, and gives up with ErrBehind.
func (l *Ledger) room() error {
	for l.full() {
		l.waitSeal()
		l.mu.RLock()
		frozen, err, tried := l.frozen != nil, l.sealError, l.sealTried
		l.mu.RUnlock()
		if !frozen {
			l.beginSeal()
			return nil
		}
		if err == nil || time.Since(tried) >= sealAgain {
			err = l.sealFrozen()
		}
		if err != nil {
			return fmt.Errorf("append: %w: %w", ErrBehind, err)
		}
	}
	return nil
}

// Behind tells, without appending, whether an append would be refused with
// ErrBehind. Like an append it has sealing tried again, so that a server which is
// sent nothing while it is not ready becomes ready by itself.
func (l *Ledger) Behind() error {
	if !l.full() {
		return nil
	}
	l.mu.RLock()
	frozen, err, tried := l.frozen != nil, l.sealError, l.sealTried
	l.mu.RUnlock()
	if !frozen || err == nil {
		return nil
	}
	if time.Since(tried) >= sealAgain {
		l.retrySeal()
	}
	return fmt.Errorf("%w: %w", ErrBehind, err)
}

func (l *Ledger) frozenWaiting() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.frozen != nil && l.failed == nil
}

func (l *Ledger) retrySeal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sealing != nil {
		return
	}
	done := make(chan struct{})
	l.sealing = done
	go func() {
		err := l.sealFrozen()
		l.mu.Lock()
		l.sealing = nil
		l.mu.Unlock()
		close(done)
		if err != nil {
			l.log.Error("seal failed; the records are safe in the journal and it will be tried again", "error", err)
		}
	}()
}

// waitSeal waits for the seal in the background, if there is one.
func (l *Ledger) waitSeal() {
	l.mu.RLock()
	done := l.sealing
	l.mu.RUnlock()
	if done != nil {
		<-done
	}
}

// Seal writes everything acknowledged so far into segments.
func (l *Ledger) Seal() error {
	if err := l.writable(); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	for range 2 { // a seal that was under way, then what came since
		l.waitSeal()
		l.mu.Lock()
		if l.frozen == nil && !l.mem.empty() {
			l.frozen, l.mem = l.mem, newMemtable()
			l.frozenAt = l.position
		}
		l.mu.Unlock()
		if err := l.sealFrozen(); err != nil {
			return fmt.Errorf("seal: %w", err)
		}
	}
	return nil
}

// sealFrozen seals what was moved aside, and remembers if that failed.
func (l *Ledger) sealFrozen() error {
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	l.mu.RLock()
	t, pos := l.frozen, l.frozenAt
	l.mu.RUnlock()
	if t == nil {
		return nil
	}
	err := l.seal(t, pos)
	l.mu.Lock()
	l.sealError, l.sealTried = err, time.Now()
	l.mu.Unlock()
	return err
}

// seal is steps 2 to 4 of the order in the package comment.
func (l *Ledger) seal(t *memtable, pos journal.Position) error {
	var refs []segmentRef
	committed := false
	defer func() {
		if !committed {
			l.discard(&replacement{added: refs})
		}
	}()
	for _, n := range sortedMonths(t.months) {
		rs, err := t.months[n].all()
		if err != nil {
			return err
		}
		if len(rs) == 0 {
			continue
		}
		ref, err := l.putSegment(l.newName("live", segmentSuffix), func(w io.Writer) (segment.Info, error) {
			return segment.Merge(w, rs)
		})
		if err != nil {
			return err
		}
		refs = append(refs, ref)
	}
	seen, err := l.putMarks(t.marks)
	if err != nil {
		return err
	}
	for _, r := range refs {
		if err := l.openSegment(r); err != nil {
			return err
		}
	}
	err = l.commit(func(m *manifest) error {
		m.Segments = append(m.Segments, refs...)
		m.Seen = append(m.Seen, seen...)
		m.Journal = pos
		if m.Checkpoints == nil {
			m.Checkpoints = map[string][]byte{}
		}
		for k, v := range t.checkpoints {
			r, ok, err := streamOfCheckpoint(k, v)
			if err != nil {
				return err
			}
			if ok {
				m.keepStream(r)
			} else {
				m.Checkpoints[k] = v
			}
		}
		return nil
	}, func() { l.frozen = nil })
	if err != nil {
		return err
	}
	committed = true
	for _, s := range seen {
		l.seen.sealed(s, t.marks)
	}
	// A crash here repeats nothing: replay starts behind the manifest's position.
	if err := l.trim(pos); err != nil {
		return fmt.Errorf("trim journal: %w", err)
	}
	return nil
}

func (l *Ledger) putMarks(marks []mark) ([]seenRef, error) {
	if len(marks) == 0 {
		return nil, nil
	}
	name := l.newName("seen", seenSuffix)
	first, last, err := writeSeen(l.fs, path.Join(l.dir, seenDir), name, marks)
	if err != nil {
		return nil, err
	}
	return []seenRef{{Name: name, Sealed: l.opts.Now().UTC(), First: first, Last: last, Count: int64(len(marks))}}, nil
}

func sortedMonths[V any](m map[int]V) []int {
	out := make([]int, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// clean removes what a crash left: files that no manifest names.
func (l *Ledger) clean() error {
	live := map[string]bool{}
	for _, s := range l.m.Segments {
		live[s.Name] = true
	}
	for _, im := range l.m.Imports {
		for _, s := range im.Staged {
			live[s.Name] = true
		}
	}
	names, err := l.blobs.List()
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	for _, n := range names {
		if !live[n] {
			if err := l.blobs.Delete(n); err != nil && !errors.Is(err, blob.ErrNotFound) {
				return fmt.Errorf("remove unnamed segments/%s: %w", n, err)
			}
		}
	}
	seen := map[string]bool{}
	for _, s := range l.m.Seen {
		seen[s.Name] = true
	}
	for _, im := range l.m.Imports {
		for _, s := range im.Seen {
			seen[s.Name] = true
		}
	}
	if err := l.removeOthers(seenDir, func(n string) bool { return seen[n] }); err != nil {
		return err
	}
	if err := l.identities.Clean(l.m.Identities); err != nil {
		return err
	}
	if err := l.persons.Clean(l.m.Persons); err != nil {
		return err
	}
	// A sealer whose header was not finished has sealed nothing.
	if err := l.removeOthers(dictionaryDir, func(n string) bool { return !strings.HasSuffix(n, sealerSuffix+".tmp") }); err != nil {
		return err
	}
	editions := map[string]bool{}
	for _, list := range [][]editionRef{l.m.Catalogs, l.m.Registers, l.m.Holdings} {
		for _, e := range list {
			editions[e.File] = true
		}
	}
	if err := l.removeOthers(asideDir, func(n string) bool {
		return isAside(l.m.Aside, n) || slices.ContainsFunc(l.m.Imports, func(r importRecord) bool { return isAside(r.Asides, n) })
	}); err != nil {
		return err
	}
	return l.removeOthers(editionDir, func(n string) bool { return editions[n] })
}

func (l *Ledger) removeOthers(sub string, keep func(name string) bool) error {
	dir := path.Join(l.dir, sub)
	names, err := l.fs.List(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", sub, err)
	}
	for _, n := range names {
		if keep(n) || strings.HasSuffix(n, sealerSuffix) {
			continue
		}
		if err := l.fs.Remove(path.Join(dir, n)); err != nil {
			return fmt.Errorf("remove unnamed %s/%s: %w", sub, n, err)
		}
	}
	return nil
}
