package ledger

import (
	"errors"
	"fmt"
	"io"
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
	// New imports even what looks like a copy of lines already imported.
	New bool
	// Redecode replaces the records of earlier imports of the same content.
	Redecode bool
	// Fresh does not go on with an unfinished import.
	Fresh bool
}

// importRecord is an import as the manifest remembers it.
type importRecord struct {
	ID         uint64       `json:"id"`
	Source     string       `json:"source"`
	Name       string       `json:"name"`
	Size       int64        `json:"size"`
	SHA256     string       `json:"sha256,omitempty"` // of the unpacked bytes, once read to the end
	Stream     string       `json:"stream,omitempty"` // the id of what is known of the content
	From       int64        `json:"from,omitempty"`   // unpacked bytes that were known before
	Known      int64        `json:"known,omitempty"`  // lines in them
	Base       int64        `json:"base,omitempty"`   // how far the stream was known then: From, or behind it inside a line
	After      uint64       `json:"after,omitempty"`  // the import that had read the bytes before From; 0 a follower
	Offset     int64        `json:"offset"`           // unpacked bytes that are in Staged or live
	Marks      []Point      `json:"marks,omitempty"`  // of what is staged
	Line       Point        `json:"line,omitzero"`    // behind the last line feed before Offset
	End        Point        `json:"end,omitzero"`     // at Offset, if that is inside a line
	Tail       bool         `json:"tail,omitempty"`   // that line made a record
	Whole      bool         `json:"whole,omitempty"`  // End is no end inside anything, see Chunk
	Feeds      int64        `json:"feeds,omitempty"`  // line feeds before Line
	Broken     bool         `json:"broken,omitempty"` // reading ended before the end of the file
	New        bool         `json:"new,omitempty"`    // said to be new
	Lines      int64        `json:"lines"`
	Records    int64        `json:"records"`
	Duplicates int64        `json:"duplicates"`
	Elsewhere  int64        `json:"elsewhere,omitempty"` // those of Duplicates that had come another way
	Aside      int64        `json:"aside"`
	Done       bool         `json:"done"`
	Finished   time.Time    `json:"finished,omitzero"`
	Replaces   []uint64     `json:"replaces,omitempty"`
	ReplacedBy uint64       `json:"replaced_by,omitempty"`
	Touched    time.Time    `json:"touched,omitzero"` // when it began or staged last, until done
	Staged     []segmentRef `json:"staged,omitempty"`
	Seen       []seenRef    `json:"seen,omitempty"`   // of what is staged
	Asides     []asideRef   `json:"asides,omitempty"` // of what is staged
}

// ImportResult says what an import did.
type ImportResult struct {
	Import     uint64 `json:"import"`
	Lines      int64  `json:"lines"`
	Records    int64  `json:"records"`
	Duplicates int64  `json:"duplicates"`
	Aside      int64  `json:"aside"`
	// Known is how many lines at its beginning had been imported or followed
	// before. They are not among Lines.
	Known int64 `json:"known,omitempty"`
	// Already is set when all of it was known, so that nothing was done.
	Already bool `json:"already,omitempty"`
	Resumed bool `json:"resumed,omitempty"`
}

// ErrBeginAgain: records of the input arrived another way while it was being
// imported. What was staged is removed; importing it again takes the rest.
var ErrBeginAgain = errors.New("records of this file arrived another way meanwhile: begin the import again")

// ErrImporting: one import at a time, since they share the dictionary's growth.
var ErrImporting = errors.New("another import is running")

// Import is an import under way. Submit may be called by several workers;
// everything else by one goroutine.
type Import struct {
	l       *Ledger
	spec    ImportSpec
	rec     importRecord
	resumed bool
	sum     *Sum
	base    *streamRecord    // what the stream goes on from
	reaches map[string]int64 // of the source's streams, as the input was compared with them
	// own are the fingerprints of the imports that read the beginning of the same
	// stream: a record that is among them was repeated in it.
	own *seenSet
	// others are the fingerprints that are not of the imports being replaced.
	others  *seenSet
	whole   Point // what the input must end with, when it replaces
	bad     []AsideLine
	badSize int

	mu       sync.Mutex
	turn     *sync.Cond
	next     int // sequence number whose turn it is
	err      error
	builders map[int]*builder
	book     *shapeBook
	spare    *builder // an empty one, with its memory
	cache    monthCache
	rows     int
	marks    []mark
	// seen holds the import's own marks. They are private until the commit: a
	// record that also comes another way before that is taken there, since this
	// import may never be finished.
	seen    *seenSet
	samples int
	matches map[uint64]bool // sketches of lines that were known, until there are enough
}

// BeginImport starts an import of a stream that nothing is known of and that
// will not be known again: content is known by a Probe.
func (l *Ledger) BeginImport(spec ImportSpec) (*Import, error) {
	p, err := l.Probe(spec)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return p.Begin()
}

// Begin starts an import of the probed stream, from its Start, or goes on with
// one that was interrupted.
func (p *Probe) Begin() (*Import, error) {
	l := p.l
	l.importMu.Lock()
	defer l.importMu.Unlock()
	im := &Import{l: l, spec: p.spec, builders: map[int]*builder{}, book: newShapeBook(), sum: p.start, base: p.base, matches: map[uint64]bool{}}
	im.turn = sync.NewCond(&im.mu)
	if err := l.writable(); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	l.mu.Lock()
	if l.running != nil {
		l.mu.Unlock()
		return nil, fmt.Errorf("import: %w", ErrImporting)
	}
	l.running = im
	l.mu.Unlock()
	if err := im.begin(p); err != nil {
		im.end()
		return nil, fmt.Errorf("import: %w", err)
	}
	return im, nil
}

func (im *Import) begin(p *Probe) error {
	l := im.l
	if p.spec.Redecode {
		// What is in memory has no file yet, and so nobody it belongs to.
		if err := l.Seal(); err != nil {
			return err
		}
	}
	l.mu.RLock()
	known, seen, held := l.m.Imports, l.m.Seen, l.m.held()
	streams, err := l.streams(im.spec.Source)
	moved := l.streamsVersion != p.version
	l.mu.RUnlock()
	switch {
	case err != nil:
		return err
	case moved:
		return ErrBeginAgain
	case p.spec.Redecode && held != nil:
		return held
	}
	im.reaches = map[string]int64{}
	for i := range streams {
		im.reaches[streams[i].ID] = streams[i].reach()
	}
	if p.base != nil && im.reaches[p.base.ID] != p.base.reach() {
		return ErrBeginAgain
	}
	// What has staged nothing is nothing to go on with.
	stale := slices.Clone(p.stale)
	for _, r := range known {
		if !r.Done && len(r.Staged) == 0 && r.Offset == r.From {
			stale = append(stale, r.ID)
		}
	}
	if p.resume != nil {
		im.rec, im.resumed = *p.resume, true
		im.rec.Staged, im.rec.Seen = slices.Clone(im.rec.Staged), slices.Clone(im.rec.Seen)
		im.rec.Marks, im.rec.Asides = slices.Clone(im.rec.Marks), slices.Clone(im.rec.Asides)
	} else {
		part := im.sum.Part()
		im.rec = importRecord{
			ID: l.newNumber(), Source: im.spec.Source, Name: im.spec.Name, Size: im.spec.Size, New: im.spec.New, Replaces: p.chain,
			From: im.sum.at, Offset: im.sum.at, Base: p.base.reachOr(0), Marks: part.Marks, Line: part.Line, End: part.End, Feeds: part.Lines, Whole: p.base != nil && p.base.Whole,
		}
		if p.spec.Redecode {
			im.sum = l.NewSum()
			im.rec = importRecord{ID: im.rec.ID, Source: im.spec.Source, Name: im.spec.Name, Size: im.spec.Size, Replaces: p.chain}
			im.whole = p.end
		}
		if im.base != nil {
			im.rec.Stream, im.rec.After, im.rec.Known = im.base.ID, im.base.Last, p.Known()
		} else {
			im.rec.Stream = newStreamID()
		}
	}
	im.sum.marks = nil // they are in the record
	of := map[uint64]bool{}
	for _, id := range p.chain {
		of[id] = true
	}
	for id := im.rec.After; id != 0 && !of[id]; {
		of[id] = true
		i := slices.IndexFunc(known, func(r importRecord) bool { return r.ID == id })
		if i < 0 {
			break
		}
		if id = known[i].After; known[i].ReplacedBy != 0 {
			id = known[i].ReplacedBy
		}
	}
	theirs := func(r seenRef) bool { return !of[r.Import] }
	im.own = newSeenSet(l.fs, l.path(seenDir), slices.DeleteFunc(slices.Clone(seen), theirs))
	im.others = newSeenSet(l.fs, l.path(seenDir), slices.DeleteFunc(slices.Clone(seen), func(r seenRef) bool { return !theirs(r) }))
	im.seen = newSeenSet(l.fs, l.path(seenDir), im.rec.Seen)
	l.seen.watch(im.seen)
	if im.resumed {
		clash, err := im.clashes()
		if err != nil {
			return err
		}
		if clash {
			// Since the interruption some of its records came another way.
			stale = append(stale, im.rec.ID)
		}
		if err := im.drop(stale); err != nil {
			return err
		}
		if clash {
			return ErrBeginAgain
		}
		return nil
	}
	if err := im.drop(stale); err != nil {
		return err
	}
	im.rec.Touched = l.opts.Now().UTC()
	return l.commit(func(m *manifest) error {
		m.Imports = append(m.Imports, im.rec)
		return nil
	})
}

// drop gives up unfinished imports that this one makes useless.
func (im *Import) drop(ids []uint64) error {
	if len(ids) == 0 {
		return nil
	}
	return im.l.dropImports(func(r *importRecord) bool { return slices.Contains(ids, r.ID) })
}

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

// Sum takes in the bytes of the input as they are cut into chunks.
func (im *Import) Sum() *Sum { return im.sum }

// ID numbers the import within its folder.
func (im *Import) ID() uint64 { return im.rec.ID }

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

// Broken says that reading ended before the end of the file. What came before is
// imported, and the rest is taken when the whole file comes.
func (im *Import) Broken() {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.rec.Broken = true
}

// Commit makes the import visible, all at once. sha256 is the digest of the
// unpacked input, for an auditor.
func (im *Import) Commit(sha256 string) (ImportResult, error) {
	if len(im.rec.Replaces) > 0 {
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
	fail := func(err error) (ImportResult, error) {
		im.end()
		return ImportResult{}, fmt.Errorf("import %s: %w", im.spec.Name, err)
	}
	giveUp := func(err error) (ImportResult, error) {
		return ImportResult{}, errors.Join(fmt.Errorf("import %s: %w", im.spec.Name, err), im.abort())
	}
	if err := im.stage(); err != nil {
		return fail(err)
	}
	if err := im.checkReplaced(); err != nil {
		return giveUp(err)
	}
	var overlap *OverlapError
	if err := im.repeats(); errors.As(err, &overlap) {
		return ImportResult{}, errors.Join(err, im.abort())
	} else if err != nil {
		return fail(err)
	}
	// What is replaced is rewritten first, since that takes as long as the files
	// are large and appends go on meanwhile.
	var replacement *replacement
	if len(im.rec.Replaces) > 0 {
		var err error
		if replacement, err = l.withoutImports(im.rec.Replaces); err != nil {
			return fail(err)
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
		return giveUp(ErrBeginAgain)
	}
	stream, err := im.stream()
	if errors.Is(err, ErrBeginAgain) {
		return giveUp(err)
	}
	if err != nil {
		return fail(err)
	}
	for _, r := range im.rec.Staged {
		if err := l.openSegment(r); err != nil {
			return fail(err)
		}
	}
	gone := map[string]bool{} // fingerprints of what is replaced
	im.rec.SHA256, im.rec.Done, im.rec.Finished = sha256, true, l.opts.Now().UTC()
	err = l.commit(func(m *manifest) error {
		if held := m.held(); held != nil && len(im.rec.Replaces) > 0 {
			return held
		}
		if replacement.apply(m); replacement != nil {
			m.Unneeded = true
		}
		m.Aside = append(slices.Clone(im.rec.Asides), m.Aside...)
		m.Segments = append(m.Segments, im.rec.Staged...)
		for _, r := range m.Seen {
			if slices.Contains(im.rec.Replaces, r.Import) {
				gone[r.Name] = true
			}
		}
		m.Seen = slices.DeleteFunc(m.Seen, func(r seenRef) bool { return gone[r.Name] })
		m.Seen = append(m.Seen, im.rec.Seen...)
		if stream != nil {
			m.keepStream(*stream)
		}
		for i := range m.Streams {
			if slices.Contains(im.rec.Replaces, m.Streams[i].Last) {
				m.Streams[i].Last = im.rec.ID
			}
		}
		for i := range m.Imports {
			switch id := m.Imports[i].ID; {
			case id == im.rec.ID:
				m.Imports[i] = im.rec
				m.Imports[i].Staged, m.Imports[i].Seen, m.Imports[i].Marks, m.Imports[i].Asides, m.Imports[i].Touched = nil, nil, nil, nil, time.Time{}
			case slices.Contains(im.rec.Replaces, id):
				m.Imports[i].ReplacedBy = im.rec.ID
			}
		}
		return nil
	}, func() {
		l.streamsVersion++
		l.aside.adopt(im.rec.Asides)
	})
	if held := (*HeldError)(nil); errors.As(err, &held) {
		return giveUp(err)
	}
	if err != nil {
		return fail(err)
	}
	committed = true
	defer im.end()
	l.finishReplacement(replacement)
	if len(gone) > 0 {
		l.seen.forget(gone)
		for name := range gone {
			l.fs.Remove(l.path(seenDir, name))
		}
	}
	if err := l.seen.adopt(im.rec.Seen); err != nil {
		return ImportResult{}, l.fail(fmt.Errorf("import %s: %w", im.spec.Name, err))
	}
	return ImportResult{
		Import: im.rec.ID, Lines: im.rec.Lines, Records: im.rec.Records, Known: im.rec.Known,
		Duplicates: im.rec.Duplicates, Aside: im.rec.Aside, Resumed: im.resumed,
	}, nil
}

// checkReplaced refuses to replace an import by what is not its content, or when
// records that had come another way cannot be told any more.
func (im *Import) checkReplaced() error {
	if len(im.rec.Replaces) == 0 {
		return nil
	}
	if end := im.rec.endPoint(); end != im.whole {
		return fmt.Errorf("the file has changed while it was read: %w", ErrBeginAgain)
	}
	im.l.mu.RLock()
	defer im.l.mu.RUnlock()
	elsewhere := int64(0)
	for i := range im.l.m.Imports {
		r := &im.l.m.Imports[i]
		if !slices.Contains(im.rec.Replaces, r.ID) {
			continue
		}
		if r.ReplacedBy != 0 {
			return ErrBeginAgain
		}
		elsewhere += r.Elsewhere
	}
	if elsewhere > im.rec.Elsewhere {
		return &ElsewhereError{elsewhere, im.rec.Elsewhere}
	}
	return nil
}

func (r *importRecord) endPoint() Point {
	if r.End.At > 0 {
		return r.End
	}
	return r.Line
}

// ElsewhereError says that an import cannot be decoded again: some of its records
// had come another way before and were counted there, and the fingerprints by
// which they could be told are forgotten.
type ElsewhereError struct{ Were, Are int64 }

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%d of its records had come another way and were counted there; only %d of them can still be told, since fingerprints are kept for %d days: decoded again they would be counted twice", e.Were, e.Are, seenHorizon/(24*time.Hour))
}

// stream is what is known of the input's stream with the import, nil for nothing.
// It refuses when somebody else has read on in it meanwhile. claimMu is held.
func (im *Import) stream() (*streamRecord, error) {
	r := &im.rec
	if len(r.Replaces) > 0 || r.endPoint().At <= r.From {
		return nil, nil
	}
	im.l.mu.RLock()
	now, err := im.l.streams(r.Source)
	im.l.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	base := streamRecord{ID: r.Stream, Source: r.Source}
	mine := pointsOf(r.Marks, r.Line, r.End)
	for i := range now {
		moved := now[i].reach() != im.reaches[now[i].ID]
		if now[i].ID == r.Stream {
			if base = now[i]; moved {
				return nil, ErrBeginAgain
			}
		} else if moved && !r.New {
			if _, more := shared(now[i].points(), mine); more {
				return nil, ErrBeginAgain
			}
		}
	}
	out := base.extend(r.From, r.Marks, r.Line, r.End)
	out.Tail, out.Whole, out.Lines, out.Last = r.Tail, r.Whole, r.Feeds, r.ID
	return &out, nil
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
