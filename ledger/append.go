package ledger

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger/dictionary"
)

const (
	// queueLength is how many appends may wait; with the rows of each bounded
	// by the caller this is the back-pressure.
	queueLength = 256
	// groupRows ends a group commit: a larger one would make the first waiter
	// wait for the work of the last.
	groupRows = 1 << 16
)

// Receipt says what became of an append.
type Receipt struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
}

// Checkpoint is a reader's position in a source, stored in the same journal
// entry as the records that were read up to it, so that a crash neither repeats
// nor skips a line.
type Checkpoint struct {
	Name  string
	Value []byte
	// The stream behind and before the records, for a Followed one.
	followed, before *Followed
}

type appendRequest struct {
	batch      *Batch
	file       string
	checkpoint *Checkpoint
	size       int // in the journal, at most
	receipt    Receipt
	err        error // its own, not of the group
	reply      chan error
}

// NewBatch returns an empty batch that uses the catalog in force now.
func (l *Ledger) NewBatch() *Batch { return newBatch(l.hasher, l.validAccount()) }

// Append stores records durably. When it returns nil the records are in the
// journal, fsynced; when it returns an error none of them counts, except after
// ctx ended or journal.ErrUnknown, when the outcome is not known.
func (l *Ledger) Append(ctx context.Context, recs []event.Record) (Receipt, error) {
	b := l.NewBatch()
	for i := range recs {
		b.Add(&recs[i])
	}
	return l.AppendBatch(ctx, b, "", nil)
}

// AppendBatch is Append for a caller that fills the batch itself. file names
// the stream for the record's origin; cp may be nil. The batch, and what its
// ids point into, must not be touched until AppendBatch returns, not even after
// ctx has ended: it returns only when the appender is done with it.
func (l *Ledger) AppendBatch(ctx context.Context, b *Batch, file string, cp *Checkpoint) (Receipt, error) {
	if err := l.writable(); err != nil {
		return Receipt{}, fmt.Errorf("append: %w", err)
	}
	req := &appendRequest{batch: b, file: file, checkpoint: cp, reply: make(chan error, 1)}
	if b.err != nil {
		return Receipt{}, fmt.Errorf("append: %w", b.err)
	}
	req.size = b.bound() + len(file)
	if cp != nil {
		req.size += len(cp.Name) + len(cp.Value) + 10
		if cp.followed != nil {
			req.size += 64*maxMarks + 1<<10 // what is known of the stream
		}
	}
	if req.size > maxRequest {
		return Receipt{}, fmt.Errorf("append: %w", &TooLargeError{req.size, maxRequest})
	}
	select {
	case l.queue <- req:
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("append: %w", ctx.Err())
	case <-l.ctx.Done():
		return Receipt{}, fmt.Errorf("append: %w", ErrClosed)
	}
	select {
	case err := <-req.reply:
		return req.receipt, err
	case <-l.done:
		select {
		case err := <-req.reply:
			return req.receipt, err
		default:
			return Receipt{}, fmt.Errorf("append: %w", ErrClosed)
		}
	}
}

// appender is the one goroutine that moves records into the ledger. It owns the
// order journal → memtable.
func (l *Ledger) appender() {
	defer close(l.done)
	tick := time.NewTicker(max(l.opts.SealAfter/8, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
			l.sealOld()
		case req := <-l.queue:
			group := []*appendRequest{req}
			// Another request of any size still fits behind this.
			for rows, size := len(req.batch.frags), req.size; rows < groupRows && size <= journal.MaxEntry-maxRequest-64; {
				select {
				case more := <-l.queue:
					group = append(group, more)
					rows += len(more.batch.frags)
					size += more.size
					continue
				default:
				}
				break
			}
			l.answer(group)
		}
	}
}

// answer appends a group and tells its senders.
func (l *Ledger) answer(group []*appendRequest) {
	err := l.room()
	if err == nil {
		err = l.appendGroup(group)
	}
	if err != nil && len(group) > 1 && l.writable() == nil {
		// It may be the fault of one: each is judged by itself.
		for _, r := range group {
			l.answer([]*appendRequest{r})
		}
		return
	}
	for _, r := range group {
		if r.err == nil {
			r.err = err
		}
		if r.err != nil {
			r.receipt = Receipt{}
		}
		r.reply <- r.err
	}
	if err == nil && l.full() {
		l.beginSeal()
	}
}

func (l *Ledger) appendGroup(group []*appendRequest) error {
	l.claimMu.Lock()
	defer l.claimMu.Unlock()
	defer l.uses.begin()() // until the rows that name the ordinals are in mem
	if err := l.writable(); err != nil {
		return fmt.Errorf("append: %w", err)
	}
	var marks []mark
	undo := func(err error) error {
		l.seen.release(marks)
		return fmt.Errorf("append: %w", err)
	}
	en := &entry{checkpoints: map[string][]byte{}}
	keeps := make([][]bool, len(group))
	refs := make([][]dictionary.Ref, len(group))
	kept := 0
	fresh := false // streams
	group = slices.DeleteFunc(slices.Clone(group), func(r *appendRequest) bool {
		r.err = nil
		if r.checkpoint == nil || r.checkpoint.followed == nil {
			return false
		}
		key, value, err := l.advance(r.checkpoint, en.checkpoints)
		if err != nil {
			r.err = fmt.Errorf("append: %w", err)
			return true
		}
		fresh = fresh || r.checkpoint.before.sum.at == 0
		en.checkpoints[key] = value
		return false
	})
	for i, r := range group {
		keep, m, err := l.claim(r.batch)
		marks = append(marks, m...)
		if err != nil {
			return undo(err)
		}
		keeps[i] = keep
		r.receipt.Duplicates = r.batch.records - countTrue(keep)
		r.receipt.Accepted = countTrue(keep)
		kept += r.receipt.Accepted
		out, sealed, err := l.resolve(r.batch)
		if err != nil {
			return undo(err)
		}
		refs[i] = out
		en.batches = append(en.batches, entryBatch{batch: r.batch, sealed: sealed, file: r.file})
		if r.checkpoint != nil {
			en.checkpoints[r.checkpoint.Name] = r.checkpoint.Value
		}
	}
	if fresh {
		defer func() {
			l.mu.Lock()
			l.streamsVersion++
			l.mu.Unlock()
		}()
	}
	if kept == 0 && len(en.checkpoints) == 0 {
		return nil // nothing but repetitions, all of which are durable already
	}
	pos, err := l.journal.Append(context.Background(), encodeEntry(en, keeps))
	if err != nil {
		if errors.Is(err, journal.ErrPoisoned) || errors.Is(err, journal.ErrUnknown) {
			// The records may come back when the journal is read again, so
			// their fingerprints must stay claimed.
			return l.fail(fmt.Errorf("append: %w", err))
		}
		return undo(err)
	}
	return l.apply(en, refs, keeps, marks, pos)
}

func countTrue(keep []bool) int {
	n := 0
	for _, k := range keep {
		if k {
			n++
		}
	}
	return n
}

// claim marks the records' ids as seen; keep tells which records are new.
func (l *Ledger) claim(b *Batch) (keep []bool, marks []mark, err error) {
	keep = make([]bool, b.records)
	for i := range b.frags {
		f := &b.frags[i]
		if i > 0 && b.frags[i-1].record == f.record {
			continue // a further fragment of a record already decided
		}
		if f.id == 0 {
			// It cannot be told from an equal access, but an import of the same
			// lines is to be noticed.
			keep[f.record] = true
			if m := (mark{hourOf(f.time), f.sketch}); m.id != 0 && m.id%sampleEvery == 0 {
				fresh, err := l.seen.claimSketch(m)
				if err != nil {
					return nil, marks, fmt.Errorf("look for repetitions: %w", err)
				}
				if fresh {
					marks = append(marks, m)
				}
			}
			continue
		}
		m := mark{hourOf(f.time), f.id}
		fresh, err := l.seen.claim(m.hour, m.id)
		if err != nil {
			return nil, marks, fmt.Errorf("look for repetitions: %w", err)
		}
		if fresh {
			keep[f.record] = true
			marks = append(marks, m)
		}
	}
	return keep, marks, nil
}

// resolve gives every id of b its ordinal. sealed holds the sealed real id of
// those that no dictionary file holds yet: they must be in the journal entry,
// since a crash takes the dictionary's memory with it.
func (l *Ledger) resolve(b *Batch) (refs []dictionary.Ref, sealed [][]byte, err error) {
	refs = make([]dictionary.Ref, len(b.ids))
	err = l.identities.Resolve(b.ids, b.buckets, func(i int) []byte { return l.sealer.Seal(nil, b.plain[i]) }, refs)
	if err != nil {
		return nil, nil, fmt.Errorf("resolve: %w", err)
	}
	sealed = make([][]byte, len(b.ids))
	for i, r := range refs {
		sealed[i] = l.identities.Unflushed(r)
	}
	return refs, sealed, nil
}

// ordinals is resolve for an import, which needs no sealed ids: they go to the disk
// with the dictionary. What it returns is memory of b.
func (l *Ledger) ordinals(b *Batch) ([]dictionary.Ref, error) {
	if cap(b.refs) < len(b.ids) {
		b.refs = make([]dictionary.Ref, len(b.ids), max(len(b.ids), 2*cap(b.refs)))
	}
	refs := b.refs[:len(b.ids)]
	var sealed []byte
	err := l.identities.Resolve(b.ids, b.buckets, func(i int) []byte {
		sealed = l.sealer.Seal(sealed[:0], b.plain[i])
		return sealed
	}, refs)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	return refs, nil
}

// apply puts a durable entry into the memtable.
func (l *Ledger) apply(en *entry, refs [][]dictionary.Ref, keeps [][]bool, marks []mark, pos journal.Position) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mem.empty() {
		l.mem.born = l.opts.Now()
	}
	for i, eb := range en.batches {
		if err := l.mem.add(eb.batch, refs[i], keeps[i], eb.file); err != nil {
			l.failed = err
			return err
		}
		l.tell(eb.batch, refs[i], keeps[i])
	}
	l.mem.marks = append(l.mem.marks, marks...)
	for k, v := range en.checkpoints {
		l.mem.checkpoints[k] = v
	}
	l.position = pos
	return nil
}

// replay brings the memtable to where the journal ends.
func (l *Ledger) replay() error {
	dir := path.Join(l.dir, journalDir)
	var read interface {
		Read(journal.Position, func(journal.Position, []byte) error) error
	}
	if l.opts.ReadOnly {
		r, err := journal.ReadOnly(l.fs, dir)
		if err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		read = r
	} else {
		j, err := journal.Open(l.fs, dir, journal.Options{FileSize: l.opts.journalFile})
		if err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
		l.journal, read = j, j
	}
	l.position = l.m.Journal
	err := read.Read(l.m.Journal, func(pos journal.Position, data []byte) error {
		en, err := decodeEntry(append([]byte(nil), data...))
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", pos, err)
		}
		var marks []mark
		refs := make([][]dictionary.Ref, len(en.batches))
		keeps := make([][]bool, len(en.batches))
		for i, eb := range en.batches {
			keep, m, err := l.claim(eb.batch)
			if err != nil {
				return err
			}
			keeps[i] = keep
			marks = append(marks, m...)
			refs[i] = make([]dictionary.Ref, len(eb.batch.ids))
			if err := l.identities.Resolve(eb.batch.ids, eb.batch.buckets, func(k int) []byte { return eb.sealed[k] }, refs[i]); err != nil {
				return err
			}
		}
		return l.apply(en, refs, keeps, marks, pos)
	})
	if err != nil {
		return fmt.Errorf("replay journal: %w", err)
	}
	return nil
}

// Checkpoint returns what was stored last under name.
func (l *Ledger) Checkpoint(name string) ([]byte, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, t := range []*memtable{l.mem, l.frozen} {
		if t != nil {
			if v, ok := t.checkpoints[name]; ok {
				return v, true
			}
		}
	}
	v, ok := l.m.Checkpoints[name]
	return v, ok
}

func loadHeaders(l *Ledger, o *pseudonym.Opener) error {
	names, err := l.fs.List(l.path(dictionaryDir))
	if err != nil {
		return fmt.Errorf("open dictionary: %w", err)
	}
	for _, n := range names {
		if !strings.HasSuffix(n, sealerSuffix) {
			continue
		}
		data, err := disk.ReadFile(l.fs, l.path(dictionaryDir, n))
		if err != nil {
			return fmt.Errorf("open dictionary: %w", err)
		}
		if err := o.AddHeader(data); err != nil {
			return fmt.Errorf("open dictionary/%s: %w", n, err)
		}
	}
	return nil
}

// keepSealer stores the sealer's header durably before its first use: journal
// entries refer to it, and only its header, opened with the opening key, can
// open what it sealed.
func (l *Ledger) keepSealer(s *pseudonym.Sealer) error {
	name := path.Join(l.dir, dictionaryDir, fmt.Sprintf("sealer-%016x%s", s.ID(), sealerSuffix))
	if err := disk.WriteFile(l.fs, name, s.Header()); err != nil {
		return fmt.Errorf("keep sealer: %w", err)
	}
	return nil
}
