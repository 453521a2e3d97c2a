package ledger

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
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
