package edition

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math/bits"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// ErrNoAccount: a line was given that stands for no account.
var ErrNoAccount = errors.New("a line names no account")

// Register is an open edition of the register. It is held in memory: a bit for
// each ordinal that the dictionary has given out, ghosts included, ten megabytes
// for eighty million. It is immutable.
type Register struct {
	Edition
	words [dictionary.Partitions][]uint64
}

// Known reports whether there is an edition at all: a nil one stands for "nobody
// has installed any", which is not the same as an empty one.
func (r *Register) Known() bool { return r != nil }

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

// BuildRegister writes an edition. The accounts come in any order; one that is
// named twice counts once. It takes the memory of the open edition.
func BuildRegister(w io.Writer, name string, from event.Millis, refs iter.Seq[dictionary.Ref]) error {
	var set bitmap
	n := uint64(0)
	for ref := range refs {
		if !ref.IsAccount() {
			return fmt.Errorf("register %s: %w", name, ErrNoAccount)
		}
		if set.add(ref) {
			n++
		}
	}
	s := newSummer(w)
	s.head(registerKind, from, n, name)
	for _, words := range set {
		s.u32(uint32(len(words)))
		for _, x := range words {
			s.u64(x)
		}
	}
	if err := s.finish(); err != nil {
		return fmt.Errorf("register %s: %w", name, err)
	}
	return nil
}

// OpenRegister reads an edition; r is not needed afterwards.
func OpenRegister(r io.ReaderAt, size int64) (*Register, error) {
	reg, err := openRegister(r, size)
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	return reg, nil
}

func openRegister(r io.ReaderAt, size int64) (*Register, error) {
	in, crc, err := readSummed(r, size, registerKind)
	if err != nil {
		return nil, err
	}
	reg := &Register{Edition: Edition{crc: crc}}
	reg.read(in)
	n := uint64(0)
	for p := range reg.words {
		reg.words[p] = in.words(int(in.u32()))
		for _, w := range reg.words[p] {
			n += uint64(bits.OnesCount64(w))
		}
	}
	if in.bad {
		return nil, errEarly
	}
	if len(in.b) > 0 || n != reg.lines {
		return nil, fmt.Errorf("holds %d accounts, not %d: %w", n, reg.lines, ErrCorrupt)
	}
	return reg, nil
}

// bitmap is a set of ordinals.
type bitmap [dictionary.Partitions][]uint64

// add reports whether ref is new.
func (b *bitmap) add(ref dictionary.Ref) bool {
	w, l := &b[ref.Part()], ref.Local()
	for int(l/64) >= len(*w) {
		*w = append(*w, 0)
	}
	if (*w)[l/64]>>(l%64)&1 == 1 {
		return false
	}
	(*w)[l/64] |= 1 << (l % 64)
	return true
}

func (b *bitmap) has(ref dictionary.Ref) bool {
	w, l := b[ref.Part()], ref.Local()
	return int(l/64) < len(w) && w[l/64]>>(l%64)&1 == 1
}
