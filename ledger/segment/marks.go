package segment

import (
	"encoding/binary"
	"iter"
)

// Bits beside the flags of a shape, in a file: the edition of live-only rules that
// looked at the lines follows, and the marks.
const (
	flagLooked = 1 << 8
	flagMarked = 1 << 9
)

func (s *Shape) lookedFlags() (f uint64) {
	if s.Looked != 0 {
		f |= flagLooked
	}
	if s.Marks != "" {
		f |= flagMarked
	}
	return f
}

// PackMarks makes a Shape.Marks of the numbers of rules, which ascend: the first, and
// then the difference to the one before, as varints. Equal sets make equal texts.
func PackMarks(numbers []uint32) string {
	b := make([]byte, 0, 2*len(numbers))
	last := uint32(0)
	for _, n := range numbers {
		b = binary.AppendUvarint(b, uint64(n-last))
		last = n
	}
	return string(b)
}

// MarksOf gives the numbers in a Shape.Marks.
func MarksOf(marks string) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		last := uint64(0)
		for b := []byte(marks); len(b) > 0; {
			v, n := binary.Uvarint(b)
			if n <= 0 {
				return
			}
			b = b[n:]
			if last += v; !yield(uint32(last)) {
				return
			}
		}
	}
}

// ValidMarks reports whether marks are as PackMarks writes them, of an edition that
// looked.
func ValidMarks(looked uint32, marks string) bool {
	if marks == "" {
		return true
	}
	if looked == 0 {
		return false
	}
	var numbers []uint32
	last := uint64(0)
	for b := []byte(marks); len(b) > 0; {
		v, n := binary.Uvarint(b)
		if n <= 0 || v == 0 && len(numbers) > 0 || v > 1<<32-1 || last+v > 1<<32-1 {
			return false
		}
		b = b[n:]
		last += v
		numbers = append(numbers, uint32(last))
	}
	return PackMarks(numbers) == marks // no number is written longer than it has to be
}
