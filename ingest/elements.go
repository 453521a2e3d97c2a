package ingest

import (
	"bytes"
	"errors"
	"io"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
)

// Cutter cuts a stream where it is not made of lines, as element.Cutter does. It
// belongs to one goroutine.
type Cutter interface {
	// Feed takes the next bytes and adds the elements that end in them.
	Feed(p []byte, cuts []element.Cut) []element.Cut
	// End says that the stream ended, and adds what is left.
	End(cuts []element.Cut) []element.Cut
	// Safe is the last place from which another Cutter would give the same elements.
	Safe() int64
	// Open is where the element begins that is not at its end yet, or -1.
	Open() int64
}

// Elements makes the stream one of elements: what is decoded, one at a time, are
// what the cutter gives and not lines. Bytes, offsets and numbers of lines stay
// those of the stream. It is called before the first chunk.
func (s *Stream) Elements(cutter func(at int64) Cutter) {
	s.elements, s.cutter = cutter(s.offset), cutter
}

// Documents is a chunk of a whole body of elements.
func Documents(body []byte, cutter func(at int64) Cutter) *Chunk {
	e := cutter(0)
	cuts := e.Feed(body, []element.Cut{})
	whole := len(cuts)
	cuts = e.End(cuts)
	return &Chunk{Data: body, Line: 1, End: int64(len(body)), cuts: cuts, partly: len(cuts) > whole}
}

// readElements makes the next chunk of a stream of documents. It ends behind an
// element, so that the stream can be gone on with there.
func (s *Stream) readElements() (*Chunk, error) {
	if s.err != nil && len(s.rest) == 0 {
		return nil, s.err
	}
	c := &Chunk{Seq: s.seq, buf: buffers.Get().(*[]byte)}
	b := append((*c.buf)[:0], s.rest...)
	s.rest = s.rest[:0]
	start := s.offset - int64(len(b))
	cuts := make([]element.Cut, 0, 1024)
	for s.err == nil {
		if len(b) >= ChunkSize {
			if len(cuts) > 0 {
				end := s.elements.Safe() - start
				s.rest = append(s.rest, b[end:]...)
				b = b[:end]
				break
			}
			// Only blanks and what stands around a list may come before an element.
			before := len(b)
			if from := s.elements.Open(); from >= start {
				before = int(from - start)
			}
			s.pass(b[:before])
			start += int64(before)
			b = b[:copy(b, b[before:])]
			if len(b) >= ChunkSize {
				b, cuts = s.passElement(c, b, start)
				start = s.offset - int64(len(b))
			}
			continue
		}
		n, err := s.r.Read(b[len(b) : len(b)+min(cap(b)-len(b), 256<<10)])
		cuts = s.elements.Feed(b[len(b):len(b)+n], cuts)
		b = b[:len(b)+n]
		s.offset += int64(n)
		if err != nil {
			s.stop(err)
		}
	}
	*c.buf = b
	if s.err != nil {
		whole := len(cuts)
		cuts = s.elements.End(cuts)
		if len(cuts) > whole && cuts[whole].From < start { // its beginning was set aside
			cuts = cuts[:whole]
		}
		c.Unfinished = !errors.Is(s.err, io.EOF)
		c.partly = len(cuts) > whole
	}
	if s.Taken != nil {
		c.Before = s.Tag()
		s.Taken.Write(b)
		c.After = s.Tag()
	}
	c.Data, c.Offset, c.Line, c.cuts = b, start, s.line, cuts
	c.Lines = int64(bytes.Count(b, []byte("\n")))
	s.line += c.Lines
	c.End = start + int64(len(b))
	if len(b) == 0 && len(c.Asides) == 0 && len(cuts) == 0 {
		c.Release()
		return nil, s.err
	}
	s.seq++
	return c, nil
}

// pass takes bytes that belong to no chunk.
func (s *Stream) pass(b []byte) {
	if s.Taken != nil {
		s.Taken.Write(b)
	}
	s.line += int64(bytes.Count(b, []byte("\n")))
}

// passElement skips the rest of an element that is longer than MaxLine. It gives
// what was read behind it, and the elements in that.
func (s *Stream) passElement(c *Chunk, b []byte, start int64) ([]byte, []element.Cut) {
	c.Asides = append(c.Asides, Aside{
		Origin: event.Origin{Line: s.line, Offset: start}, Cause: line.LongLine, Text: bytes.Clone(b[:AsideText]),
	})
	s.pass(b)
	buf := make([]byte, 128<<10)
	for s.err == nil {
		n, err := s.r.Read(buf)
		cuts := s.elements.Feed(buf[:n], []element.Cut{})
		at := s.offset
		s.offset += int64(n)
		if err != nil {
			s.stop(err)
		}
		if len(cuts) == 0 && s.elements.Open() == start {
			s.pass(buf[:n])
			c.passing = s.err != nil
			continue
		}
		end := int64(0)
		if len(cuts) > 0 && cuts[0].From == start {
			end = cuts[0].To - at
			cuts = cuts[1:]
		}
		if end < 0 { // a broken one ends before the blanks behind it
			end = 0
		}
		s.pass(buf[:end])
		return append(b[:0], buf[end:n]...), cuts
	}
	return b[:0], []element.Cut{}
}

// Documents reports whether the chunk is of a stream of documents.
func (c *Chunk) Documents() bool { return c.cuts != nil }

// shorten takes an element off the end that is still being written, and reports
// whether there was one. What follows it must not be read as if it stood alone: a
// statement may hold whatever looks like an element.
func (c *Chunk) shorten() bool {
	switch {
	case c.passing:
		c.Asides, c.Data, c.cuts = nil, nil, []element.Cut{}
	case c.partly:
		n := len(c.cuts) - 1
		c.End = c.cuts[n].From
		c.Data, c.cuts, c.partly = c.Data[:c.End-c.Offset], c.cuts[:n], false
		c.Lines = int64(bytes.Count(c.Data, []byte("\n")))
	default:
		return false
	}
	return true
}

// soundElements is Chunk.Sound of a chunk of elements.
func (c *Chunk) soundElements() []byte {
	if !c.Doubtful && !c.Unfinished && !c.partly {
		return c.Data
	}
	n := int64(0)
	for _, e := range c.cuts {
		if !e.Broken && (!c.Doubtful || e.To <= c.sound) {
			n = e.To - c.Offset
		}
	}
	return c.Data[:n]
}

// piece is one line or element of a chunk.
type piece struct {
	text   []byte
	offset int64
	line   int64
	err    *line.Error // why it must not be decoded
	inside bool        // it is an element of a document that stands on a line
}

// element gives the element of a number. Before it stands what comes before the
// first one, on the lines counted so far.
func (c *Chunk) element(i int, last *piece) piece {
	e := c.cuts[i]
	p := piece{text: c.Data[e.From-c.Offset : e.To-c.Offset], offset: e.From}
	p.line = last.line + int64(bytes.Count(c.Data[last.offset-c.Offset:e.From-c.Offset], []byte("\n")))
	switch {
	case c.Doubtful && e.To > c.sound:
		p.err = &line.Error{Cause: line.Unverified}
	case i == len(c.cuts)-1 && c.partly && c.Unfinished:
		p.err = &line.Error{Cause: line.Undecoded}
	case i == len(c.cuts)-1 && c.partly:
		p.err = &line.Error{Cause: line.CutOff}
	case e.Broken:
		p.err = &line.Error{Cause: line.Syntax}
	case len(p.text) > MaxLine:
		p.err = &line.Error{Cause: line.LongLine}
	}
	return p
}

// unfolder is a decoder of JSON documents that can say which elements are in one that
// stands on a line: a log that is followed is read by lines.
type unfolder interface {
	Unfold(text []byte) []element.Cut
}

// unfold takes the elements of a document instead of the line it stands on.
func (d *decoding) unfold(document piece, cuts []element.Cut) {
	d.n.Lines--
	if len(cuts) == 0 { // an empty list
		d.take(piece{offset: document.offset, line: document.line})
	}
	for _, c := range cuts {
		p := piece{text: document.text[c.From:c.To], offset: document.offset + c.From, line: document.line, inside: true}
		if c.Broken {
			p.err = &line.Error{Cause: line.Syntax}
		}
		d.take(p)
	}
}

// elementsOf gives the first elements of a sample, which may be cut off anywhere.
func elementsOf(f Format, sample []byte) [][]byte {
	c := f.Cutter(0)
	cuts := c.Feed(sample, nil)
	var out [][]byte
	for _, e := range cuts[:min(len(cuts), detectLines)] {
		out = append(out, sample[e.From:e.To])
	}
	if from := c.Open(); len(out) == 0 && from >= 0 {
		out = append(out, sample[from:])
	}
	return out
}
