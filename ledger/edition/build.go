package edition

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

const (
	// MaxItems is how many kinds of item an edition can speak of: a set of them
	// is one machine word, which is what makes a person cost nanoseconds.
	MaxItems = 64
	// maxSets bounds the table of different sets of items, which is held in
	// memory whole: 32 MiB. 22 items that are filled in or not, each regardless
	// of the others, make that many.
	maxSets = 1 << 22
)

// ErrTooManyItems and ErrTooManySets are the limits above.
var (
	ErrTooManyItems = errors.New("holdings name more than 64 kinds of item")
	ErrTooManySets  = errors.New("holdings have more than 4,194,304 different sets of items")
)

// HoldingsBuilder collects the lines of an edition, in any order. It takes 12
// bytes a line, 15 with the room its slices grow into, and two bits a person: for
// 48 million lines about 0.7 GB.
type HoldingsBuilder struct {
	name  string
	from  event.Millis
	items []string
	index map[string]int
	sets  []uint64
	setOf map[uint64]uint32
	parts [dictionary.Partitions][]holdingLine
	lines uint64
}

type holdingLine struct {
	local  uint32
	person dictionary.Ref
	set    uint32 // with flags
}

// NewHoldingsBuilder begins an edition.
func NewHoldingsBuilder(name string, from event.Millis) *HoldingsBuilder {
	return &HoldingsBuilder{name: name, from: from, index: map[string]int{}, setOf: map[uint64]uint32{}}
}

// Add says that person stands behind account and has these items. Lines of the
// same account and person are united.
func (b *HoldingsBuilder) Add(account, person dictionary.Ref, items []string, holder bool) error {
	if !account.IsAccount() || !person.IsAccount() {
		return ErrNoAccount
	}
	mask := uint64(0)
	for _, it := range items {
		i, ok := b.index[it]
		if !ok {
			if i = len(b.items); i == MaxItems {
				return ErrTooManyItems
			}
			b.index[it] = i
			b.items = append(b.items, it)
		}
		mask |= 1 << i
	}
	set, err := b.set(mask)
	if err != nil {
		return err
	}
	if holder {
		set |= flagHolder
	}
	p := account.Part()
	b.parts[p] = append(b.parts[p], holdingLine{account.Local(), person, set})
	b.lines++
	return nil
}

func (b *HoldingsBuilder) set(mask uint64) (uint32, error) {
	s, ok := b.setOf[mask]
	if !ok {
		if len(b.sets) == maxSets {
			return 0, ErrTooManySets
		}
		s = uint32(len(b.sets))
		b.sets = append(b.sets, mask)
		b.setOf[mask] = s
	}
	return s, nil
}

// Write writes the edition, partition by partition.
func (b *HoldingsBuilder) Write(w io.Writer) error {
	if err := b.write(w); err != nil {
		return fmt.Errorf("holdings %s: %w", b.name, err)
	}
	return nil
}

func (b *HoldingsBuilder) write(w io.Writer) error {
	shared, err := b.unite()
	if err != nil {
		return err
	}
	s := newSummer(w)
	s.head(holdingsKind, b.from, b.lines, b.name)
	s.u32(uint32(len(b.items)))
	for _, it := range b.items {
		s.str(it)
	}
	s.u32(uint32(len(b.sets)))
	for _, m := range b.sets {
		s.u64(m)
	}
	if err := s.finish(); err != nil {
		return err
	}
	at := s.size
	var dir, sec []byte
	for p := range b.parts {
		sec = appendPart(sec[:0], b.parts[p], shared, setWidth(len(b.sets)))
		if _, err := w.Write(sec); err != nil {
			return err
		}
		dir = binary.LittleEndian.AppendUint64(dir, uint64(at))
		dir = binary.LittleEndian.AppendUint64(dir, uint64(len(sec)))
		dir = binary.LittleEndian.AppendUint32(dir, sum(sec))
		at += int64(len(sec))
	}
	crc := sum(dir)
	dir = binary.LittleEndian.AppendUint64(dir, uint64(at))
	dir = binary.LittleEndian.AppendUint32(dir, crc)
	_, err = w.Write(dir)
	return err
}

// unite sorts the lines by account and person, makes one of those that agree in
// both, and finds the people who are left in more than one line: they stand
// behind more than one account.
func (b *HoldingsBuilder) unite() (shared *bitmap, err error) {
	once, shared := new(bitmap), new(bitmap)
	for p := range b.parts {
		lines := b.parts[p]
		slices.SortFunc(lines, func(x, y holdingLine) int {
			if c := cmp.Compare(x.local, y.local); c != 0 {
				return c
			}
			return cmp.Compare(x.person, y.person)
		})
		kept := lines[:0]
		for _, l := range lines {
			if n := len(kept); n > 0 && kept[n-1].local == l.local && kept[n-1].person == l.person {
				set, err := b.set(b.sets[kept[n-1].set&setMask] | b.sets[l.set&setMask])
				if err != nil {
					return nil, err
				}
				kept[n-1].set = set | (kept[n-1].set|l.set)&flagHolder
				continue
			}
			kept = append(kept, l)
		}
		b.parts[p] = kept
		for _, l := range kept {
			if !once.add(l.person) {
				shared.add(l.person)
			}
		}
	}
	return shared, nil
}

// appendPart encodes the lines of one partition as a section.
func appendPart(out []byte, lines []holdingLine, shared *bitmap, width int) []byte {
	if len(lines) == 0 {
		return out
	}
	places := lines[len(lines)-1].local + 1
	out = binary.LittleEndian.AppendUint32(out, places)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(lines)))
	at := len(out)
	out = append(out, make([]byte, places)...)
	counts := out[at:]
	var over []byte
	for i := 0; i < len(lines); {
		j := i
		for j < len(lines) && lines[j].local == lines[i].local {
			j++
		}
		n := j - i
		if n >= manyLines {
			over = binary.LittleEndian.AppendUint32(over, lines[i].local)
			over = binary.LittleEndian.AppendUint32(over, uint32(n-manyLines))
			n = manyLines
		}
		counts[lines[i].local] = byte(n)
		i = j
	}
	out = binary.LittleEndian.AppendUint32(out, uint32(len(over)/8))
	out = append(out, over...)
	for _, l := range lines {
		out = binary.LittleEndian.AppendUint32(out, uint32(l.person))
	}
	for _, l := range lines {
		set := l.set
		if shared.has(l.person) {
			set |= flagShared
		}
		if width == 2 {
			out = binary.LittleEndian.AppendUint16(out, uint16(set>>16)|uint16(set))
		} else {
			out = binary.LittleEndian.AppendUint32(out, set)
		}
	}
	return out
}
