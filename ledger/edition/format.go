package edition

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"github.com/haetae/haetae/event"
)

// Two kinds of file, pinned by a test; docs/formats/edition.md draws the bytes.
// Numbers are little endian. Both begin with a head:
//
//	magic (8), from (8), lines (8), length of name (4), name
//
// A register goes on with, per partition, number of words (4) and the words of
// its bitmap (8 each), and ends with the crc32c of all before it (4).
//
// Holdings go on with
//
//	items (4), per item: length (4), name;  sets (4), per set: items as bits (8)
//	crc32c of all before it (4)
//	per partition with lines, a section:
//	    places (4), lines (4), per place the number of its lines (1; 255 stands
//	    for 255 and as many more as the overflow says), overflows (4), per
//	    overflow place (4) and further lines (4), per line the person (4), per
//	    line the number of its set with two flags (2 or 4, see setWidth)
//	directory: per partition  offset (8), bytes (8), crc32c (4)
//	footer: offset of the directory (8), crc32c of the directory (4)
const (
	registerKind = "HTREGI"
	holdingsKind = "HTHOLD"
	version      = "01"
	magicSize    = 8
	headSize     = magicSize + 8 + 8 + 4

	partEntry      = 8 + 8 + 4
	holdingsFooter = 8 + 4

	// nameMax bounds an edition's name: it stands in answers.
	nameMax = 1 << 12
	// narrowSets is how many sets of items two bytes can tell apart beside the
	// two flags. A platform with a dozen optional items stays below it.
	narrowSets = 1 << 14
)

// The flags of a line, as its set number is kept in four bytes; in two bytes
// they are the two highest bits just the same.
const (
	flagHolder = 1 << 31 // the account is this person's own
	flagShared = 1 << 30 // the person stands behind other accounts too
	setMask    = flagShared - 1
)

// setWidth is how many bytes a line's set takes in a file of so many sets.
func setWidth(sets int) int {
	if sets <= narrowSets {
		return 2
	}
	return 4
}

var (
	// ErrCorrupt marks bytes that are not what was written.
	ErrCorrupt = errors.New("corrupt")
	// ErrNewer marks a file of a format this release does not know yet.
	ErrNewer = errors.New("written by a newer release")

	errEarly = fmt.Errorf("ends early: %w", ErrCorrupt)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// checkMagic accepts this release's format and names any other.
func checkMagic(head, kind string) error {
	if head == kind+version {
		return nil
	}
	if len(head) == magicSize && head[:len(kind)] == kind {
		if n, err := strconv.ParseUint(head[len(kind):], 10, 8); err == nil && n > 1 {
			return fmt.Errorf("has format %d and this release reads up to 1: use the release that wrote it, or a newer one: %w", n, ErrNewer)
		}
	}
	return fmt.Errorf("not such an edition: %w", ErrCorrupt)
}

// summer writes and sums. Its first error sticks.
type summer struct {
	w    io.Writer
	buf  []byte
	size int64
	crc  uint32
	err  error
}

func newSummer(w io.Writer) *summer { return &summer{w: w, buf: make([]byte, 0, 1<<16)} }

func (s *summer) flush() {
	if s.err != nil {
		return
	}
	s.crc = crc32.Update(s.crc, castagnoli, s.buf)
	s.size += int64(len(s.buf))
	_, s.err = s.w.Write(s.buf)
	s.buf = s.buf[:0]
}

func (s *summer) room() {
	if cap(s.buf)-len(s.buf) < 8 {
		s.flush()
	}
}

func (s *summer) u32(v uint32) { s.room(); s.buf = binary.LittleEndian.AppendUint32(s.buf, v) }
func (s *summer) u64(v uint64) { s.room(); s.buf = binary.LittleEndian.AppendUint64(s.buf, v) }

func (s *summer) str(v string) {
	s.u32(uint32(len(v)))
	s.flush()
	s.buf = append(s.buf, v...)
}

func (s *summer) head(kind string, from event.Millis, lines uint64, name string) {
	if len(name) > nameMax {
		s.err = fmt.Errorf("name of more than %d bytes", nameMax)
		return
	}
	s.buf = append(s.buf, kind+version...)
	s.u64(uint64(from))
	s.u64(lines)
	s.str(name)
}

// finish appends the checksum of all before it.
func (s *summer) finish() error {
	s.flush()
	if s.err != nil {
		return s.err
	}
	s.size += 4
	_, err := s.w.Write(binary.LittleEndian.AppendUint32(nil, s.crc))
	return err
}

// reader takes values off a slice. Running out sticks.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// str takes a string of at most limit bytes.
func (r *reader) str(limit int) string {
	n := int(r.u32())
	if n > limit {
		r.bad = true
	}
	return string(r.take(n))
}

// words takes n words; n is checked against what is there before memory is
// taken for it.
func (r *reader) words(n int) []uint64 {
	if n < 0 || n > len(r.b)/8 {
		r.bad = true
	}
	b := r.take(8 * n)
	if len(b) == 0 {
		return nil
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out
}

// readSummed reads the first size bytes, of which the last four are the checksum
// of the others, and returns the others and the checksum.
func readSummed(r io.ReaderAt, size int64, kind string) (*reader, uint32, error) {
	if size < headSize+4 {
		return nil, 0, fmt.Errorf("too short: %w", ErrCorrupt)
	}
	data := make([]byte, size)
	if err := readFull(r, data, 0); err != nil {
		return nil, 0, err
	}
	if err := checkMagic(string(data[:magicSize]), kind); err != nil {
		return nil, 0, err
	}
	body, crc := data[:size-4], binary.LittleEndian.Uint32(data[size-4:])
	if sum(body) != crc {
		return nil, 0, fmt.Errorf("checksum does not match: %w", ErrCorrupt)
	}
	return &reader{b: body[magicSize:]}, crc, nil
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return errEarly
	}
	return err
}

// Edition is what the two kinds of edition have in common.
type Edition struct {
	name  string
	from  event.Millis
	lines uint64
	crc   uint32
}

// Name is the edition's name as it was given.
func (e *Edition) Name() string { return e.name }

// From is the date from which the edition is in force.
func (e *Edition) From() event.Millis { return e.from }

// CRC tells two editions of the same name apart: it depends on every byte.
func (e *Edition) CRC() uint32 { return e.crc }

func (e *Edition) read(r *reader) {
	e.from, e.lines, e.name = event.Millis(r.u64()), r.u64(), r.str(nameMax)
}
