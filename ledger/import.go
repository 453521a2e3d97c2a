package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/ledger/segment"
)

// ImportSpec names the input of an import.
type ImportSpec struct {
	Source string // the catalog's name for the log
	Name   string // the file's own name, without folder
	Size   int64  // raw bytes; -1 for a stream that cannot be read twice
	Head   string // SHA-256 of the first 64 KiB of raw bytes, hex; "" for a stream
	// New imports even what looks like a copy of lines already imported.
	New bool
	// Redecode replaces the records of an earlier import of the same bytes.
	Redecode bool
}

// importRecord is an import as the manifest remembers it.
type importRecord struct {
	ID         uint64       `json:"id"`
	Source     string       `json:"source"`
	Name       string       `json:"name"`
	Size       int64        `json:"size"`
	Head       string       `json:"head,omitempty"`
	SHA256     string       `json:"sha256,omitempty"` // of the raw bytes, once read to the end
	Offset     int64        `json:"offset"`           // decompressed bytes that are in Staged or live
	Lines      int64        `json:"lines"`
	Records    int64        `json:"records"`
	Duplicates int64        `json:"duplicates"`
	Aside      int64        `json:"aside"`
	Done       bool         `json:"done"`
	Broken     bool         `json:"broken,omitempty"` // see Import.Broke
	Finished   time.Time    `json:"finished,omitzero"`
	Replaces   uint64       `json:"replaces,omitempty"`
	ReplacedBy uint64       `json:"replaced_by,omitempty"`
	Touched    time.Time    `json:"touched,omitzero"` // when it began or staged last, until done
	Staged     []segmentRef `json:"staged,omitempty"`
	Seen       []seenRef    `json:"seen,omitempty"` // of what is staged
}

// ImportResult says what an import did.
type ImportResult struct {
	Import     uint64 `json:"import"`
	Lines      int64  `json:"lines"`
	Records    int64  `json:"records"`
	Duplicates int64  `json:"duplicates"`
	Aside      int64  `json:"aside"`
	// Already is set when the very same bytes were imported before, so that
	// nothing was done.
	Already bool `json:"already,omitempty"`
	Resumed bool `json:"resumed,omitempty"`
}

// OverlapError says that the input repeats lines of an earlier import and its
// records carry no ids by which the repetitions could be told from new ones.
type OverlapError struct {
	Name    string
	Samples int
	Matches int
}

func (e *OverlapError) Error() string {
	return fmt.Sprintf("%s repeats lines that were imported before (%d of %d sampled lines) and its records carry no id: it would be counted twice", e.Name, e.Matches, e.Samples)
}

// ErrBeginAgain: records of the input arrived another way while it was being
// imported. What was staged is removed; importing it again takes the rest.
var ErrBeginAgain = errors.New("records of this file arrived another way meanwhile: begin the import again")

// ErrImporting: one import at a time, since they share the dictionary's growth.
var ErrImporting = errors.New("another import is running")

// Import is an import under way. Submit may be called by several workers;
// everything else by one goroutine.
type Import struct {
	l        *Ledger
	spec     ImportSpec
	rec      importRecord
	replaces uint64
	resumed  bool

	mu       sync.Mutex
	turn     *sync.Cond
	next     int // sequence number whose turn it is
	err      error
	builders map[int]*builder
	spare    *builder // an empty one, with its memory
	cache    monthCache
	rows     int
	marks    []mark
	// seen holds the import's own marks. They are private until the commit: a
	// record that also comes another way before that is taken there, since this
	// import may never be finished.
	seen    *seenSet
	samples int
	matches int
}

// FindImport returns a finished import whose input had the same size and head,
// so that the caller can compare the whole content before importing again.
func (l *Ledger) FindImport(spec ImportSpec) (id uint64, sha256 string, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, r := range l.m.Imports {
		if r.Done && r.ReplacedBy == 0 && spec.Head != "" && r.Head == spec.Head && r.Size == spec.Size && r.Source == spec.Source {
			return r.ID, r.SHA256, true
		}
	}
	return 0, "", false
}

// BeginImport starts an import, or goes on with one of the same input that was
// interrupted: Offset tells from where.
func (l *Ledger) BeginImport(spec ImportSpec) (*Import, error) {
	l.importMu.Lock()
	defer l.importMu.Unlock()
	return l.beginImport(spec)
}

func (l *Ledger) beginImport(spec ImportSpec) (*Import, error) {
	if err := l.writable(); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	im := &Import{l: l, spec: spec, builders: map[int]*builder{}}
	im.turn = sync.NewCond(&im.mu)
	l.mu.Lock()
	if l.running != nil {
		l.mu.Unlock()
		return nil, fmt.Errorf("import: %w", ErrImporting)
	}
	l.running = im
	known := l.m.Imports
	l.mu.Unlock()
	for _, r := range known {
		if !r.Done && spec.Head != "" && r.Head == spec.Head && r.Size == spec.Size && r.Source == spec.Source && r.Redecode() == spec.Redecode {
			im.rec, im.resumed = r, true
			im.rec.Staged = slices.Clone(r.Staged)
			im.rec.Seen = slices.Clone(r.Seen)
			im.replaces = r.Replaces
			im.seen = newSeenSet(l.fs, l.path(seenDir), im.rec.Seen)
			l.seen.watch(im.seen)
			clash, err := im.clashes()
			if err != nil {
				im.end()
				return nil, fmt.Errorf("import: %w", err)
			}
			if clash {
				// Since the interruption some of its records came another way.
				if err := im.Abort(); err != nil {
					return nil, err
				}
				return l.beginImport(spec)
			}
			return im, nil
		}
	}
	im.seen = newSeenSet(l.fs, l.path(seenDir), nil)
	l.seen.watch(im.seen)
	var replaces uint64
	if spec.Redecode {
		id, _, ok := l.FindImport(spec)
		if !ok {
			im.end()
			return nil, fmt.Errorf("redecode %s: no earlier import of this file is known: %w", spec.Name, fs.ErrNotExist)
		}
		replaces = id
	}
	im.rec = importRecord{ID: l.newNumber(), Source: spec.Source, Name: spec.Name, Size: spec.Size, Head: spec.Head, Replaces: replaces, Touched: l.opts.Now().UTC()}
	err := l.commit(func(m *manifest) error {
		m.Imports = append(m.Imports, im.rec)
		return nil
	})
	if err != nil {
		im.end()
		return nil, fmt.Errorf("import: %w", err)
	}
	im.replaces = replaces
	return im, nil
}

// Redecode tells whether r replaces an earlier import.
func (r *importRecord) Redecode() bool { return r.Replaces != 0 }

// clashes reports whether any staged record has been claimed by others.
func (im *Import) clashes() (bool, error) {
	stop := errors.New("found")
	for _, ref := range im.rec.Seen {
		err := im.seen.each(ref, func(m mark) error {
			had, err := im.l.seen.has(m)
			if err == nil && had {
				err = stop
			}
			return err
		})
		if errors.Is(err, stop) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

func (im *Import) end() {
	im.l.seen.watch(nil)
	im.l.mu.Lock()
	if im.l.running == im {
		im.l.running = nil
	}
	im.l.mu.Unlock()
}

// ID numbers the import within its folder.
func (im *Import) ID() uint64 { return im.rec.ID }

// Broke notes that the file could not be read to its end, so that answers say
// so. Call it before Commit.
func (im *Import) Broke() {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.rec.Broken = true
}

// Offset is how far, in decompressed bytes, the input is already staged.
func (im *Import) Offset() int64 { return im.rec.Offset }

// Lines is how many lines of the input are already staged.
func (im *Import) Lines() int64 { return im.rec.Lines }

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
	End   int64 // decompressed offset behind the piece
}

// Submit takes one piece. It resolves ids side by side with other workers, then
// waits for the pieces before it, so that which of two repetitions counts, and
// what is staged up to an offset, does not depend on the number of workers.
func (im *Import) Submit(c Chunk) error {
	defer im.l.uses.begin()() // until the rows that name the ordinals are in a builder
	refs, _, err := im.l.resolve(c.Batch)
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
				b = newBuilder()
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
	if im.rows >= im.l.opts.StageRows {
		return im.stage()
	}
	return nil
}

// streamOf names an import's records inside segments.
func streamOf(id uint64) string { return fmt.Sprintf("import %d", id) }

// claim decides which records are new. When the records of an earlier import
// are being replaced, their ids are of course known: the whole file counts.
func (im *Import) claim(b *Batch) ([]bool, []mark, error) {
	if im.replaces != 0 {
		keep := make([]bool, b.records)
		for i := range keep {
			keep[i] = true
		}
		return keep, nil, nil
	}
	keep := make([]bool, b.records)
	var marks []mark
	every := uint64(sampleEvery)
	if im.samples > sampleMany {
		every *= 128
	}
	for i := range b.frags {
		f := &b.frags[i]
		if i > 0 && b.frags[i-1].record == f.record {
			continue // a further fragment of a record already decided
		}
		m := mark{hourOf(f.time), f.id}
		if f.id == 0 {
			keep[f.record] = true
			if im.spec.New || f.sketch == 0 || f.sketch%every != 0 {
				continue
			}
			m.id = f.sketch
		}
		had, fresh, err := im.l.seen.claimFor(im.seen, m)
		if err != nil {
			return nil, marks, err
		}
		if fresh {
			marks = append(marks, m)
		}
		switch {
		case f.id != 0:
			keep[f.record] = fresh
		case had:
			im.samples++
			im.matches++
		case fresh: // else the same line twice in one log: two accesses
			im.samples++
		}
	}
	if im.matches >= 3 && im.matches*5 >= im.samples {
		return keep, marks, &OverlapError{Name: im.spec.Name, Samples: im.samples, Matches: im.matches}
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
	im.rec.Touched = l.opts.Now().UTC()
	im.rec.Staged = append(im.rec.Staged, refs...)
	im.rec.Seen = append(im.rec.Seen, seen...)
	err = l.commit(func(m *manifest) error {
		for i := range m.Imports {
			if m.Imports[i].ID == im.rec.ID {
				m.Imports[i] = im.rec
				m.Imports[i].Staged = slices.Clone(im.rec.Staged)
				m.Imports[i].Seen = slices.Clone(im.rec.Seen)
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
	im.marks, im.rows = nil, 0
	for n, b := range im.builders {
		// A log in order of time needs one builder at a time.
		if im.spare == nil || b.rows() > im.spare.rows() {
			im.spare = b
		}
		delete(im.builders, n)
	}
	if im.spare != nil {
		im.spare.reset()
	}
	return nil
}

// Commit makes the import visible, all at once. sha256 is the digest of the raw
// input, hex.
func (im *Import) Commit(sha256 string) (ImportResult, error) {
	if im.replaces != 0 {
		im.l.compactMu.Lock() // no merge moves the rows that go
		defer im.l.compactMu.Unlock()
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.err != nil {
		im.end()
		return ImportResult{}, im.err
	}
	l := im.l
	if err := im.stage(); err != nil {
		im.end()
		return ImportResult{}, fmt.Errorf("import %s: %w", im.spec.Name, err)
	}
	// What is replaced is rewritten first, since that takes as long as the files
	// are large and appends go on meanwhile.
	var replacement *replacement
	if im.replaces != 0 {
		var err error
		if replacement, err = l.withoutImport(im.replaces); err != nil {
			im.end()
			return ImportResult{}, fmt.Errorf("redecode %s: %w", im.spec.Name, err)
		}
	}
	committed := false
	defer func() {
		if !committed {
			l.discard(replacement)
			l.closeSegments(im.rec.Staged)
		}
	}()
	// From here to the commit nobody else claims anything.
	l.claimMu.Lock()
	defer l.claimMu.Unlock()
	if l.seen.clashed() {
		return ImportResult{}, errors.Join(fmt.Errorf("import %s: %w", im.spec.Name, ErrBeginAgain), im.abort())
	}
	defer im.end()
	for _, r := range im.rec.Staged {
		if err := l.openSegment(r); err != nil {
			return ImportResult{}, fmt.Errorf("import %s: %w", im.spec.Name, err)
		}
	}
	im.rec.SHA256, im.rec.Done, im.rec.Finished = sha256, true, l.opts.Now().UTC()
	err := l.commit(func(m *manifest) error {
		if replacement.apply(m); replacement != nil {
			m.Unneeded = true
		}
		m.Segments = append(m.Segments, im.rec.Staged...)
		m.Seen = append(m.Seen, im.rec.Seen...)
		for i := range m.Imports {
			switch m.Imports[i].ID {
			case im.rec.ID:
				m.Imports[i] = im.rec
				m.Imports[i].Staged, m.Imports[i].Seen, m.Imports[i].Touched = nil, nil, time.Time{}
			case im.replaces:
				m.Imports[i].ReplacedBy = im.rec.ID
			}
		}
		return nil
	})
	if err != nil {
		return ImportResult{}, fmt.Errorf("import %s: %w", im.spec.Name, err)
	}
	committed = true
	l.finishReplacement(replacement)
	if err := l.seen.adopt(im.rec.Seen); err != nil {
		return ImportResult{}, l.fail(fmt.Errorf("import %s: %w", im.spec.Name, err))
	}
	return ImportResult{
		Import: im.rec.ID, Lines: im.rec.Lines, Records: im.rec.Records,
		Duplicates: im.rec.Duplicates, Aside: im.rec.Aside, Resumed: im.resumed,
	}, nil
}

// Suspend stops an import and keeps what is staged, so that the same input goes
// on from there.
func (im *Import) Suspend() { im.end() }

// Abort gives an import up and removes what it staged.
func (im *Import) Abort() error {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.abort()
}

func (im *Import) abort() error {
	defer im.end()
	if err := im.l.dropImports(func(r *importRecord) bool { return r.ID == im.rec.ID }); err != nil {
		return fmt.Errorf("abort import: %w", err)
	}
	return nil
}
