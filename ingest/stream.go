package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
)

const (
	// ChunkSize is about how much is decoded at a time: enough that a worker is
	// busy for a millisecond, little enough to stay in a cache.
	ChunkSize = 1 << 20
	// MaxLine is the longest line that is decoded. A longer one is set aside,
	// and its bytes are never held together.
	MaxLine = 1 << 20
)

// Chunk is a run of whole lines.
type Chunk struct {
	Seq    int
	Data   []byte
	Line   int64 // number of the first line, 1-based
	Offset int64 // of the first byte, in the unpacked stream
	// End is where the next chunk begins. Asides are lines that were too long;
	// they stood before Data.
	End    int64
	Lines  int64 // in Data, without Asides
	Asides []Aside

	// Doubtful: the stream is damaged so close behind that lines which end behind
	// sound may not be what was logged. Unfinished: it broke within the last line.
	Doubtful, Unfinished bool
	sound                int64

	// Of a stream of elements: those in Data, and whether the last of them is what
	// the stream ended in.
	cuts   []element.Cut
	partly bool
	// passing: the last of Asides is not at its end yet.
	passing bool

	// Before and After are what Stream.Tag said with all bytes before Data taken,
	// and with those of Data too.
	Before, After any
	// raw writes what the chunk was made from, when that is more than Data.
	raw func(io.Writer) error

	buf *[]byte
}

// Sound is the part of Data that is as it was logged: all of it, but for the end
// of a stream that is broken.
func (c *Chunk) Sound() []byte {
	if c.cuts != nil {
		return c.soundElements()
	}
	n := len(c.Data)
	if c.Doubtful {
		n = int(min(int64(n), max(0, c.sound-c.Offset)))
	}
	if c.Doubtful || c.Unfinished {
		n = bytes.LastIndexByte(c.Data[:n], '\n') + 1
	}
	return c.Data[:n]
}

// CopyTo writes all the bytes that the chunk was made from. It is for the chunks
// of a Tail.
func (c *Chunk) CopyTo(w io.Writer) error {
	if c.raw != nil {
		return c.raw(w)
	}
	_, err := w.Write(c.Data)
	return err
}

// doubt is why the line up to an offset must not be decoded; ended: it has a line
// end.
func (c *Chunk) doubt(end int64, ended bool) *line.Error {
	switch {
	case c.Doubtful && end > c.sound:
		return &line.Error{Cause: line.Unverified}
	case c.Unfinished && !ended:
		return &line.Error{Cause: line.Undecoded}
	}
	return nil
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, ChunkSize+MaxLine); return &b }}

// Release lets the chunk's memory be used again.
func (c *Chunk) Release() {
	if c.buf != nil {
		buffers.Put(c.buf)
		c.buf, c.Data = nil, nil
	}
}

// Stream cuts an input into chunks.
type Stream struct {
	r       io.Reader
	packed  unpacker // nil when Packing is ""
	Packing string   // "gzip", "zstd" or ""
	rest    []byte   // the beginning of a line, carried to the next chunk
	offset  int64    // of the next unread byte, unpacked
	line    int64
	seq     int
	err     error
	sampled []byte
	at      int64 // see tailFile.next

	elements Cutter // see Elements
	cutter   func(at int64) Cutter

	// Taken, if set, is given every byte of the unpacked stream, in order, once it
	// belongs to a chunk; Tag makes Chunk.Before and Chunk.After.
	Taken io.Writer
	Tag   func() any

	// A chunk of a packed stream is held back until the next one was unpacked:
	// by then damage right behind it has been noticed.
	ahead   bool
	held    *Chunk
	heldErr error
}

// Open recognises gzip and zstd by their first bytes, and refuses what is plainly
// no log (*BinaryError).
func Open(r io.Reader) (*Stream, error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	// What is not packed is read into the chunks, without a buffer between.
	whole := io.MultiReader(bytes.NewReader(head), r)
	s := &Stream{r: whole, line: 1}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		s.Packing = "gzip"
		z, err := newGzip(whole)
		if err != nil {
			return nil, s.broken(err)
		}
		s.r, s.packed = z, z
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		s.Packing = "zstd"
		z, err := newZstd(whole)
		if err != nil {
			return nil, s.broken(err)
		}
		s.r, s.packed = z, z
	}
	sample, err := s.Sample()
	if err == nil {
		err = refuseBinary(sample)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close gives the unpacker back.
func (s *Stream) Close() {
	if s.held != nil {
		s.held.Release()
		s.held = nil
	}
	if s.packed != nil {
		s.packed.Close()
	}
}

// Sample returns the first bytes of the unpacked stream, which Next delivers
// again.
func (s *Stream) Sample() ([]byte, error) {
	if s.sampled == nil {
		b := make([]byte, 64<<10)
		n, err := io.ReadFull(s.r, b)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && s.Packing == "" {
			return nil, err
		}
		s.sampled = b[:n]
		s.r = io.MultiReader(bytes.NewReader(s.sampled), s.r)
	}
	return s.sampled, nil
}

// Unpacked reads the stream before its first chunk. What it gives, Next does not.
func (s *Stream) Unpacked() io.Reader { return unpacked{s} }

type unpacked struct{ s *Stream }

func (u unpacked) Read(b []byte) (int, error) {
	n, err := u.s.r.Read(b)
	if u.s.offset += int64(n); err != nil && !errors.Is(err, io.EOF) && u.s.packed != nil {
		err = u.s.broken(err)
	}
	return n, err
}

// Begin says where the stream stands after its beginning was read: the first
// chunk begins at offset, behind so many lines, with rest, which was read already.
func (s *Stream) Begin(offset, lines int64, rest io.Reader) {
	s.r = io.MultiReader(rest, s.r)
	s.offset, s.line = offset, lines+1
	if s.elements != nil {
		s.Elements(s.cutter)
	}
}

// Skip passes over n unpacked bytes, which held that many lines.
func (s *Stream) Skip(n, lines int64) error {
	got, err := io.CopyN(io.Discard, s.r, n)
	s.offset += got
	s.line += lines
	if err != nil {
		return fmt.Errorf("skip %d bytes: %w", n, eof(err))
	}
	return nil
}

// Next returns the next chunk, or io.EOF. After a break in a compressed stream
// the lines before it have been delivered, those that may be wrong marked as
// such, and the error is *BrokenError.
func (s *Stream) Next() (*Chunk, error) {
	if s.Packing == "" {
		return s.read()
	}
	if !s.ahead {
		s.held, s.heldErr = s.read()
		s.ahead = true
	}
	c, err := s.held, s.heldErr
	if c == nil {
		return nil, err
	}
	s.held, s.heldErr = s.read()
	var b *BrokenError
	if errors.As(s.err, &b) && b.Damaged {
		for _, d := range []*Chunk{c, s.held} {
			if d != nil && d.End > b.Verified {
				d.Doubtful, d.sound = true, b.Verified
				b.Doubtful = min(b.Doubtful, max(d.Offset, b.Verified))
			}
		}
	}
	return c, nil
}

// read makes the next chunk.
func (s *Stream) read() (*Chunk, error) {
	if s.elements != nil {
		return s.readElements()
	}
	if s.err != nil && len(s.rest) == 0 {
		return nil, s.err
	}
	c := &Chunk{Seq: s.seq, buf: buffers.Get().(*[]byte)}
	b := append((*c.buf)[:0], s.rest...)
	s.rest = s.rest[:0]
	start := s.offset - int64(len(b))
	for s.err == nil {
		if len(b) >= ChunkSize {
			if cut := bytes.LastIndexByte(b, '\n'); cut >= 0 {
				s.rest = append(s.rest, b[cut+1:]...)
				b = b[:cut+1]
				break
			}
			// One line, and already too long: let it go by.
			s.passLong(c, b, start)
			start, b = s.offset, b[:0]
			continue
		}
		room := min(cap(b)-len(b), 256<<10)
		n, err := s.r.Read(b[len(b) : len(b)+room])
		b = b[:len(b)+n]
		s.offset += int64(n)
		if err != nil {
			s.stop(err)
		}
	}
	*c.buf = b
	if s.Taken != nil {
		c.Before = s.Tag()
		s.Taken.Write(b)
		c.After = s.Tag()
	}
	c.Data, c.Offset, c.Line = b, start, s.line
	c.Lines = int64(bytes.Count(b, []byte("\n")))
	if len(b) > 0 && b[len(b)-1] != '\n' {
		c.Lines++
	}
	if s.err != nil && !errors.Is(s.err, io.EOF) {
		c.Unfinished = true
	}
	s.line += c.Lines
	c.End = start + int64(len(b))
	if len(b) == 0 && len(c.Asides) == 0 {
		c.Release()
		return nil, s.err
	}
	s.seq++
	return c, nil
}

func (s *Stream) stop(err error) {
	switch {
	case errors.Is(err, io.EOF):
		s.err = io.EOF
	case s.packed != nil:
		s.err = s.broken(err)
	default:
		s.err = err
	}
}

func (s *Stream) broken(err error) *BrokenError {
	b := &BrokenError{Packing: s.Packing, Offset: s.offset, Err: err, Doubtful: s.offset}
	if s.packed != nil {
		b.Verified = s.packed.verified()
	}
	b.Junk = errors.Is(err, errJunk)
	b.Damaged = !b.Junk && !errors.Is(err, io.ErrUnexpectedEOF)
	return b
}

// passLong skips the rest of a line that is longer than MaxLine. What was read
// behind it is carried on.
func (s *Stream) passLong(c *Chunk, b []byte, start int64) {
	c.Asides = append(c.Asides, Aside{
		Origin: event.Origin{Line: s.line, Offset: start}, Cause: line.LongLine, Text: bytes.Clone(b[:AsideText]),
	})
	s.line++
	taken := s.Taken
	if taken == nil {
		taken = io.Discard
	}
	taken.Write(b)
	buf := make([]byte, 128<<10)
	for {
		n, err := s.r.Read(buf)
		s.offset += int64(n)
		i := bytes.IndexByte(buf[:n], '\n')
		if i < 0 {
			taken.Write(buf[:n])
		} else {
			taken.Write(buf[:i+1])
			// Put what follows the line back in front.
			s.r = io.MultiReader(bytes.NewReader(bytes.Clone(buf[i+1:n])), s.r)
			s.offset -= int64(n - i - 1)
			if err != nil {
				s.stop(err)
			}
			return
		}
		if err != nil {
			s.stop(err)
			return
		}
	}
}

// cutLine splits off the first line, without its end.
func cutLine(data []byte) (text, rest []byte, more bool) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return bytes.TrimSuffix(data, []byte("\r")), nil, false
	}
	return bytes.TrimSuffix(data[:i], []byte("\r")), data[i+1:], true
}
