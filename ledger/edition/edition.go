// Package edition keeps the dated editions of two lists that only the platform
// has: the register (회원대장), which accounts exist, and the holdings
// (보유현황), which people stand behind an account and which items are not empty
// for each.
//
// The central idea: an edition never changes. A question about a read uses the
// edition that was in force when the read happened, else the nearest one, and
// says which. So an answer given in March can be given again in June.
//
// What it is not: a copy of the member database. It holds ordinals and which
// items exist, never their values.
package edition

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// ErrCorrupt marks bytes that are not what was written.
var ErrCorrupt = errors.New("corrupt")

const (
	registerMagic = "HTREGI01"
	holdingsMagic = "HTHOLD01"
	// nameMax bounds a name read back.
	nameMax = 1 << 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Dated is what InForce asks of an edition.
type Dated interface{ From() event.Millis }

// InForce chooses the edition for a moment from editions sorted by date: the
// last that began before or at it (exact), else the first (not exact). It
// returns -1 when there are none.
func InForce[T Dated](editions []T, at event.Millis) (index int, exact bool) {
	if len(editions) == 0 {
		return -1, false
	}
	for i := len(editions) - 1; i >= 0; i-- {
		if editions[i].From() <= at {
			return i, true
		}
	}
	return 0, false
}

// Register is an open edition of the register. It is held in memory: a bit for
// each ordinal, ten megabytes for eighty million.
type Register struct {
	name  string
	from  event.Millis
	lines uint64
	words [dictionary.Partitions][]uint64
}

// Name is the edition's name as it was given.
func (r *Register) Name() string { return r.name }

// From is the date from which the edition is in force.
func (r *Register) From() event.Millis { return r.from }

// Accounts is the number of accounts in it.
func (r *Register) Accounts() uint64 { return r.lines }

// Words is the bitmap of one partition, by place; it may be shorter than the
// partition and must not be changed.
func (r *Register) Words(part int) []uint64 { return r.words[part] }

// Has reports whether the account exists.
func (r *Register) Has(ref dictionary.Ref) bool {
	w, l := r.words[ref.Part()], ref.Local()
	return int(l/64) < len(w) && w[l/64]>>(l%64)&1 == 1
}

// BuildRegister writes an edition.
//
//	magic, from (8), accounts (8), length of name (4), name,
//	per partition: number of words (4), words (8 each)
//	crc32c of all before it (4)
func BuildRegister(w io.Writer, name string, from event.Millis, refs iter.Seq[dictionary.Ref]) error {
	var words [dictionary.Partitions][]uint64
	n := uint64(0)
	for ref := range refs {
		p, l := ref.Part(), int(ref.Local())
		for len(words[p]) <= l/64 {
			words[p] = append(words[p], 0)
		}
		if bit := uint64(1) << (l % 64); words[p][l/64]&bit == 0 {
			words[p][l/64] |= bit
			n++
		}
	}
	s := newSummer(w)
	s.head(registerMagic, from, n, name)
	for p := range words {
		s.u32(uint32(len(words[p])))
		for _, x := range words[p] {
			s.u64(x)
		}
	}
	return s.finish()
}

// OpenRegister reads an edition.
func OpenRegister(r io.ReaderAt, size int64) (*Register, error) {
	data, err := readAll(r, size)
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	reg := &Register{}
	rest, err := header(data, registerMagic, &reg.from, &reg.lines, &reg.name)
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	for p := range reg.words {
		if len(rest) < 4 {
			return nil, fmt.Errorf("register: ends early: %w", ErrCorrupt)
		}
		n := int(binary.LittleEndian.Uint32(rest))
		rest = rest[4:]
		if n > len(rest)/8 {
			return nil, fmt.Errorf("register: ends early: %w", ErrCorrupt)
		}
		reg.words[p] = make([]uint64, n)
		for i := range reg.words[p] {
			reg.words[p][i] = binary.LittleEndian.Uint64(rest[8*i:])
		}
		rest = rest[8*n:]
	}
	return reg, nil
}

// summer writes and sums. Its first error sticks.
type summer struct {
	w   io.Writer
	buf []byte
	crc uint32
	err error
}

func newSummer(w io.Writer) *summer { return &summer{w: w, buf: make([]byte, 0, 1<<16)} }

func (s *summer) flush() {
	if s.err != nil {
		return
	}
	s.crc = crc32.Update(s.crc, castagnoli, s.buf)
	_, s.err = s.w.Write(s.buf)
	s.buf = s.buf[:0]
}

func (s *summer) room() {
	if cap(s.buf)-len(s.buf) < 16 {
		s.flush()
	}
}

func (s *summer) u8(v byte)    { s.room(); s.buf = append(s.buf, v) }
func (s *summer) u16(v uint16) { s.room(); s.buf = binary.LittleEndian.AppendUint16(s.buf, v) }
func (s *summer) u32(v uint32) { s.room(); s.buf = binary.LittleEndian.AppendUint32(s.buf, v) }
func (s *summer) u64(v uint64) { s.room(); s.buf = binary.LittleEndian.AppendUint64(s.buf, v) }

func (s *summer) str(v string) {
	s.u32(uint32(len(v)))
	s.flush()
	s.buf = append(s.buf, v...)
	s.flush()
}

func (s *summer) head(magic string, from event.Millis, n uint64, name string) {
	s.buf = append(s.buf, magic...)
	s.u64(uint64(from))
	s.u64(n)
	s.str(name)
}

func (s *summer) finish() error {
	s.flush()
	if s.err != nil {
		return s.err
	}
	_, err := s.w.Write(binary.LittleEndian.AppendUint32(nil, s.crc))
	return err
}

func readAll(r io.ReaderAt, size int64) ([]byte, error) {
	if size < 32 {
		return nil, fmt.Errorf("too short: %w", ErrCorrupt)
	}
	data := make([]byte, size)
	if _, err := r.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	body := data[:size-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(data[size-4:]) {
		return nil, fmt.Errorf("checksum does not match: %w", ErrCorrupt)
	}
	return body, nil
}

func header(data []byte, magic string, from *event.Millis, n *uint64, name *string) (rest []byte, err error) {
	if string(data[:len(magic)]) != magic {
		return nil, fmt.Errorf("not such an edition, or of a newer release: %w", ErrCorrupt)
	}
	*from = event.Millis(binary.LittleEndian.Uint64(data[8:]))
	*n = binary.LittleEndian.Uint64(data[16:])
	l := int(binary.LittleEndian.Uint32(data[24:]))
	if l > nameMax || l > len(data)-28 {
		return nil, fmt.Errorf("name out of place: %w", ErrCorrupt)
	}
	*name = string(data[28 : 28+l])
	return data[28+l:], nil
}
