package ledger

import (
	"fmt"
	"io"
	"slices"

	"github.com/haetae/haetae/ledger/segment"
)

// sampleEvery thins the content fingerprints of records without an id: one in
// eight is enough to recognise a copy of a few dozen lines, and costs a byte a
// line for the days they are kept.
const sampleEvery = 8

// sampleMany is the number of samples after which a log is thinned further, to
// keep the memory for them in bounds.
const sampleMany = 1 << 20

// Chunk is one piece of the input, decoded.
type Chunk struct {
	Seq   int // consecutive from 0 in the order of the input
	Batch *Batch
	Lines int64
	Aside int64
	End   int64 // unpacked offset behind the piece
	Part  Part  // what it adds to the identity of the input; zero behind damage
	// Tail: the last line has no line feed and made a record. Whole: the log is not
	// one of lines, and what follows the piece is new wherever it stands in a line.
	Tail, Whole bool
	// Bad are the lines to be set aside: they are kept once the import is done,
	// and once only.
	Bad []AsideLine
}

// Submit takes one piece. It resolves ids side by side with other workers, then
// waits for the pieces before it, so that which of two repetitions counts, and
// what is staged up to an offset, does not depend on the number of workers.
func (im *Import) Submit(c Chunk) error {
	defer im.l.uses.begin()() // until the rows that name the ordinals are in a builder
	refs, err := im.l.ordinals(c.Batch)
	if c.Batch.err != nil {
		err = c.Batch.err
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	for im.next != c.Seq && im.err == nil {
		im.turn.Wait()
	}
	defer im.turn.Broadcast()
	if im.err != nil {
		return im.err
	}
	if err == nil {
		err = im.take(c, refs)
	}
	if err != nil {
		im.err = fmt.Errorf("import %s: %w", im.spec.Name, err)
		return im.err
	}
	im.next++
	return nil
}

// Fail wakes workers that wait for a piece which will never come.
func (im *Import) Fail(err error) {
	im.mu.Lock()
	if im.err == nil {
		im.err = err
	}
	im.mu.Unlock()
	im.turn.Broadcast()
}

func (im *Import) take(c Chunk, refs []Ref) error {
	keep, marks, err := im.claim(c.Batch)
	im.marks = append(im.marks, marks...)
	if err != nil {
		return err
	}
	for _, b := range im.builders {
		b.begin(c.Batch)
	}
	file := streamOf(im.rec.ID)
	for i := range c.Batch.frags {
		f := &c.Batch.frags[i]
		if !keep[f.record] {
			continue
		}
		n := im.cache.of(f.time)
		b := im.builders[n]
		if b == nil {
			if b, im.spare = im.spare, nil; b == nil {
				b = newBuilder(im.book)
			}
			b.begin(c.Batch)
			im.builders[n] = b
		}
		b.add(c.Batch, f, refs, b.file(file))
		im.rows++
	}
	kept := int64(countTrue(keep))
	im.rec.Lines += c.Lines
	im.rec.Aside += c.Aside
	im.rec.Records += kept
	im.rec.Duplicates += int64(c.Batch.records) - kept
	im.rec.Offset = c.End
	if c.Part.Line.At > 0 || c.Part.End.At > 0 {
		im.rec.Marks = thin(append(im.rec.Marks, c.Part.Marks...))
		im.rec.Line, im.rec.End, im.rec.Tail, im.rec.Feeds, im.rec.Whole = c.Part.Line, c.Part.End, c.Tail, c.Part.Lines, c.Whole
	}
	im.bad = append(im.bad, c.Bad...)
	for i := range c.Bad {
		im.badSize += len(c.Bad[i].Text) + 100
	}
	if im.badSize >= asideFlush {
		if err := im.flushAside(); err != nil {
			return err
		}
	}
	if im.rows >= im.l.opts.StageRows || im.book.full() {
		return im.stage()
	}
	return nil
}

// streamOf names an import's records inside segments.
func streamOf(id uint64) string { return fmt.Sprintf("import %d", id) }

// overlapMany is how many sampled lines without an id may be known already: two
// nodes behind one balancer log a health check in the same second now and then.
const overlapMany = 3

// claim decides which records are new. When the records of earlier imports are
// being replaced, their own fingerprints are of course known; a record that had
// come another way as well stays where it is.
func (im *Import) claim(b *Batch) ([]bool, []mark, error) {
	keep := make([]bool, b.records)
	var marks []mark
	every := uint64(sampleEvery)
	if im.samples > sampleMany {
		every *= 128
	}
	known := im.l.seen
	if len(im.rec.Replaces) > 0 {
		known = im.others
	}
	for i := range b.frags {
		f := &b.frags[i]
		if i > 0 && b.frags[i-1].record == f.record {
			continue // a further fragment of a record already decided
		}
		m := mark{hourOf(f.time), f.id}
		if f.id == 0 {
			keep[f.record] = true
			if f.sketch == 0 || f.sketch%every != 0 {
				continue
			}
			m.id = f.sketch
		}
		had, fresh, err := known.claimFor(im.seen, m)
		if err != nil {
			return nil, marks, err
		}
		if fresh {
			marks = append(marks, m)
		}
		switch {
		case f.id != 0:
			keep[f.record] = fresh
			if had {
				repeated, err := im.own.has(m)
				if err != nil {
					return nil, marks, err
				}
				if !repeated || len(im.rec.Replaces) > 0 {
					im.rec.Elsewhere++
				}
			}
		case had:
			if im.samples++; len(im.matches) < overlapMany {
				im.matches[f.sketch] = true
			}
		case fresh: // else the same line twice in one log: two accesses
			im.samples++
		}
	}
	if !im.spec.New && len(im.rec.Replaces) == 0 && len(im.matches) >= overlapMany {
		return keep, marks, &OverlapError{Name: im.spec.Name, Samples: im.samples, Matches: len(im.matches)}
	}
	return keep, marks, nil
}

// stage writes what was collected as segments and records, in one commit, that
// the input is done up to here. They stay invisible until Commit.
func (im *Import) stage() error {
	l := im.l
	var refs []segmentRef
	for _, n := range sortedMonths(im.builders) {
		b := im.builders[n]
		if b.rows() == 0 {
			continue
		}
		ref, err := l.putSegment(l.newName("import", segmentSuffix), func(w io.Writer) (segment.Info, error) {
			return segment.Write(w, &b.in)
		})
		if err != nil {
			return err
		}
		refs = append(refs, ref)
	}
	seen, err := l.putMarks(im.marks)
	if err != nil {
		return err
	}
	for i := range seen {
		seen[i].Import = im.rec.ID
	}
	// Before the commit that says the input is done up to here.
	if err := im.flushAside(); err != nil {
		return err
	}
	im.rec.Touched = l.opts.Now().UTC()
	im.rec.Staged = append(im.rec.Staged, refs...)
	im.rec.Seen = append(im.rec.Seen, seen...)
	err = l.commit(func(m *manifest) error {
		for i := range m.Imports {
			if m.Imports[i].ID == im.rec.ID {
				m.Imports[i] = im.rec
				m.Imports[i].Staged = slices.Clone(im.rec.Staged)
				m.Imports[i].Seen = slices.Clone(im.rec.Seen)
				m.Imports[i].Marks = slices.Clone(im.rec.Marks)
				m.Imports[i].Asides = slices.Clone(im.rec.Asides)
				return nil
			}
		}
		return fmt.Errorf("import %d vanished from the manifest: %w", im.rec.ID, ErrCorrupt)
	})
	if err != nil {
		return err
	}
	for _, s := range seen {
		im.seen.sealed(s, im.marks)
	}
	im.marks, im.rows, im.book = nil, 0, newShapeBook()
	for n, b := range im.builders {
		// A log in order of time needs one builder at a time.
		if im.spare == nil || b.rows() > im.spare.rows() {
			im.spare = b
		}
		delete(im.builders, n)
	}
	if im.spare != nil {
		im.spare.reset()
		im.spare.book = im.book
	}
	return nil
}
