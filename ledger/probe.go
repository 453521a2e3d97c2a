package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// OverlapError says that the input repeats lines that were read before and that
// it cannot be told which of its lines are new.
type OverlapError struct {
	Name string
	// Shared is how many of its first bytes are those of a stream read before.
	Shared int64
	// Cut: it ends inside that stream.
	Cut bool
	// Samples and Matches count lines without an id, where the beginnings differ.
	Samples, Matches int
	// Held: they are of records that were compared with those of the ledger, in
	// hours of which it has half of them already.
	Held bool
}

func (e *OverlapError) Error() string {
	switch {
	case e.Cut:
		return fmt.Sprintf("%s ends inside a log that was read before (their first %d bytes or more are the same): it looks like a cut copy", e.Name, e.Shared)
	case e.Shared > 0:
		return fmt.Sprintf("%s begins with the same %d bytes as a log that was read before and then differs from it: lines would be counted twice", e.Name, e.Shared)
	case e.Held:
		return fmt.Sprintf("%s repeats accesses that are in the record already (%d of %d that were compared, in the hours they are of): they would be counted twice", e.Name, e.Matches, e.Samples)
	}
	return fmt.Sprintf("%s repeats lines that were read before (%d of %d sampled lines) and its records carry no id: it would be counted twice", e.Name, e.Matches, e.Samples)
}

// Probe compares a stream with all that are known of its source: how much of it
// was read before? It belongs to one goroutine.
type Probe struct {
	l       *Ledger
	spec    ImportSpec
	sum     *Sum
	known   []*candidate
	version uint64
	// What to go on with, and from where.
	start  *Sum
	base   *streamRecord
	resume *importRecord
	stale  []uint64 // unfinished imports that cannot be gone on with

	buf     []byte // read behind start
	dropped bool   // buf was too much to keep, and nearly never needed
	ended   bool
	already bool
	broken  error
	end     Point // of the whole, for redecode
	chain   []uint64
}

// candidate is a known stream, or what an unfinished import has staged.
type candidate struct {
	points []Point
	i      int // the next to compare
	dead   bool
	stream *streamRecord
	imp    *importRecord
	// torn: a stream that is known to end inside a line goes on otherwise.
	torn bool
	// finish: the known end lies inside a line, which made a record: what follows
	// up to the next line feed is known too.
	finish bool
}

func (c *candidate) at() int64 { // equal up to here
	if c.i == 0 {
		return 0
	}
	return c.points[c.i-1].At
}

// Probe begins to compare. Its stream is read with Read.
func (l *Ledger) Probe(spec ImportSpec) (*Probe, error) {
	p := &Probe{l: l, spec: spec, sum: l.NewSum()}
	p.start = p.sum.clone()
	l.mu.RLock()
	defer l.mu.RUnlock()
	p.version = l.streamsVersion
	if spec.Redecode {
		return p, nil
	}
	if err := p.addStreams(""); err != nil {
		return nil, err
	}
	if spec.Fresh {
		return p, nil
	}
	for _, r := range l.m.Imports {
		if !r.Done && r.Source == spec.Source && r.New == spec.New && len(r.Replaces) == 0 && r.Offset > r.From && max(r.Line.At, r.End.At) == r.Offset {
			p.add(&candidate{points: pointsOf(r.Marks, r.Line, r.End), imp: &r})
		}
	}
	return p, nil
}

// addStreams takes up the known streams, or the one of an id. mu is held.
func (p *Probe) addStreams(id string) error {
	streams, err := p.l.streams(p.spec.Source)
	if err != nil || p.spec.New {
		return err
	}
	for i := range streams {
		if id == "" || streams[i].ID == id {
			p.add(&candidate{points: streams[i].points(), stream: &streams[i]})
		}
	}
	return nil
}

// add takes up a candidate. One that is known only before the place where the
// sum stands cannot be told from others any more.
func (p *Probe) add(c *candidate) {
	for c.i < len(c.points) && c.points[c.i].At <= p.sum.at {
		c.i++
	}
	if c.i < len(c.points) {
		p.known = append(p.known, c)
	}
}

// next is how far the stream has to be read to decide more.
func (p *Probe) next() (int64, bool) {
	at, ok := int64(0), false
	for _, c := range p.known {
		switch {
		case c.dead:
		case c.finish:
			return p.sum.at + 1, true
		case c.i < len(c.points) && (!ok || c.points[c.i].At < at):
			at, ok = c.points[c.i].At, true
		}
	}
	return at, ok
}

// Read reads as much of the stream as it takes to decide. What it read behind
// the place to go on from, Rest gives back. An error of r that is not its end
// counts as its end: the caller finds it again.
func (p *Probe) Read(r io.Reader) error {
	if p.spec.Redecode {
		_, err := io.Copy(p.sum, r)
		p.end = p.sum.point()
		if err != nil {
			p.broken = err
			p.end = p.sum.linePoint()
		}
		return p.findReplaced()
	}
	for {
		next, ok := p.next()
		if !ok {
			break
		}
		if _, err := io.CopyN(onlyWriter{p}, r, next-p.sum.at); err != nil {
			p.stop(err)
			break
		}
		p.compare()
	}
	if !p.ended && p.base != nil && p.resume == nil && p.sum.at == p.start.at {
		p.more(r)
	}
	if err := p.decide(); err != nil || p.already || !p.dropped {
		return err
	}
	return ErrReadAgain
}

// ErrReadAgain: the input shares a beginning with an unfinished import and then
// differs from it. It has to be read from its beginning again, with Fresh.
var ErrReadAgain = errors.New("the input must be read from its beginning again")

// onlyWriter hides what io.CopyN would try first.
type onlyWriter struct{ io.Writer }

// probeKeep is how much is kept of what may have to be gone back over. Between
// two marks all is kept; behind a mark that is shared there is no going back, if
// it is not an unfinished import's.
const probeKeep = 1 << 20

// Write takes bytes of the stream in.
func (p *Probe) Write(b []byte) (int, error) {
	if !p.dropped {
		p.buf = append(p.buf, b...)
	}
	return p.sum.Write(b)
}

// goOn moves the place to go on from to where the stream was read to.
func (p *Probe) goOn(base *streamRecord, resume *importRecord) {
	if p.resume != nil && resume == nil {
		p.stale = append(p.stale, p.resume.ID)
	}
	p.buf, p.dropped = p.buf[:0], false
	p.start, p.base, p.resume = p.sum.clone(), base, resume
}

// compare is called at each place that next named.
func (p *Probe) compare() {
	here := p.sum.point()
	for _, c := range p.known {
		if c.dead {
			continue
		}
		if c.finish {
			if p.sum.at == p.sum.lineAt {
				c.finish = false
				p.goOn(c.stream, nil)
			}
			continue
		}
		if c.i == len(c.points) || c.points[c.i].At != here.At {
			continue
		}
		if c.points[c.i] != here {
			c.dead = true
			c.torn = c.stream != nil && here.At == c.stream.End.At && c.i > 0
			continue
		}
		c.i++
		switch {
		case c.imp != nil:
			if c.i == len(c.points) {
				if c.imp.From == p.start.at && c.imp.Base == p.base.reachOr(0) {
					p.goOn(p.base, c.imp)
				} else {
					p.stale = append(p.stale, c.imp.ID)
				}
			}
		case here.At == c.stream.Line.At, here.At == c.stream.End.At && c.stream.Whole:
			p.goOn(c.stream, nil)
		case here.At == c.stream.End.At:
			if c.finish = c.stream.Tail; p.start.at == 0 {
				p.base = c.stream // it was one line without an end
			}
		}
	}
	if len(p.buf) > probeKeep && slices.ContainsFunc(p.known, func(c *candidate) bool { return !c.dead && c.i > 1 && c.at() > p.start.at }) {
		p.buf, p.dropped = nil, true
	}
}

func (r *streamRecord) reachOr(none int64) int64 {
	if r == nil {
		return none
	}
	return r.reach()
}

// more looks whether the stream goes on behind what is known of it: whether there
// is a line, or the beginning of one.
func (p *Probe) more(r io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := r.Read(b)
		p.buf = append(p.buf, b[:n]...)
		if bytes.IndexByte(b[:n], '\n') >= 0 {
			return
		}
		if err != nil {
			p.ended = true
			if !errors.Is(err, io.EOF) {
				p.broken, p.already = err, true
			} else if len(p.buf) == 0 {
				p.already = true
			}
			return
		}
	}
}

// Broken is why the stream ended before its own end, as far as it was read.
func (p *Probe) Broken() error { return p.broken }

// stop says that the stream ended, or where it broke.
func (p *Probe) stop(err error) {
	p.ended = true
	here := p.sum.point()
	if !errors.Is(err, io.EOF) {
		p.broken = err
		here = p.sum.linePoint() // what is behind it is no line
	}
	// Without its last line feed it is no other stream.
	fed := Point{}
	if p.broken == nil && p.sum.at > p.sum.lineAt {
		s := p.sum.clone()
		s.Write([]byte{'\n'})
		fed = s.point()
	}
	for _, c := range p.known {
		if c.stream == nil {
			continue
		}
		if fed.At > 0 && slices.Contains(c.points, fed) {
			p.already = true
		}
		// Nothing but more of a line that was taken, or a place that is known.
		if c.finish || here.At > 0 && slices.Contains(c.points[:c.i], here) {
			p.already = true
		}
	}
	if here.At > 0 && here.At == p.start.at && p.base != nil && p.resume == nil {
		p.already = true
	}
}

// decide refuses what shares more with a known stream than can be told from it.
func (p *Probe) decide() error {
	if p.already {
		return nil
	}
	for _, c := range p.known {
		if c.stream == nil || c.at() == 0 {
			continue
		}
		inside := p.ended && !c.dead && c.i < len(c.points) && p.sum.at < c.stream.reach()
		beyond := c.dead && c.i > 1 && c.at() > p.start.at
		if inside || beyond || c.torn {
			return &OverlapError{Name: p.spec.Name, Shared: c.at(), Cut: inside}
		}
	}
	return nil
}

// Already reports whether the whole stream was read before.
func (p *Probe) Already() bool { return p.already }

// Last is the import that read the end of what is known, 0 for none or a follower.
func (p *Probe) Last() uint64 {
	if p.base == nil {
		return 0
	}
	return p.base.Last
}

// Start is the place to go on from, and how many line feeds are before it.
func (p *Probe) Start() (offset, lines int64) { return p.start.at, p.start.lines }

// Known is how many lines were read before, not counting what an unfinished
// import has staged.
func (p *Probe) Known() int64 {
	switch {
	case p.already:
		return p.sum.lines + int64(min(1, p.sum.at-p.sum.lineAt))
	case p.resume != nil:
		return p.resume.Known
	case p.base == nil:
		return 0
	}
	return p.start.lines
}

// Rest is what was read behind Start.
func (p *Probe) Rest() io.Reader { return bytes.NewReader(p.buf) }

// findReplaced finds the imports whose records the whole stream holds.
func (p *Probe) findReplaced() error {
	p.l.mu.RLock()
	defer p.l.mu.RUnlock()
	byID := map[uint64]*importRecord{}
	for i := range p.l.m.Imports {
		byID[p.l.m.Imports[i].ID] = &p.l.m.Imports[i]
	}
	var last *importRecord
	for i := range p.l.m.Imports {
		r := &p.l.m.Imports[i]
		if r.Done && r.ReplacedBy == 0 && r.Source == p.spec.Source && p.end.At > 0 && (r.End == p.end || r.End.At == 0 && r.Line == p.end) {
			last = r
		}
	}
	if last == nil {
		return fmt.Errorf("redecode %s: %w", p.spec.Name, ErrNotImported)
	}
	for r := last; ; {
		p.chain = append(p.chain, r.ID)
		if r.From == 0 {
			return nil
		}
		before := byID[r.After]
		for before != nil && before.ReplacedBy != 0 {
			before = byID[before.ReplacedBy]
		}
		if before == nil {
			return fmt.Errorf("redecode %s: its first %d bytes: %w", p.spec.Name, r.From, ErrFollowed)
		}
		r = before
	}
}

var (
	// ErrNotImported: there is no import of exactly this content.
	ErrNotImported = fmt.Errorf("no earlier import of exactly this content is known: %w", fs.ErrNotExist)
	// ErrFollowed: records that came by following are not told apart by file, so
	// they cannot be replaced.
	ErrFollowed = errors.New("they were followed, not imported, and cannot be decoded again")
)

func newStreamID() string { return rand.Text()[:16] }
