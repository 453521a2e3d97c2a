package edition

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync/atomic"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// MaxItems is how many kinds of item an edition can speak of: a set of them is
// one machine word, which is what makes a person cost nanoseconds.
const MaxItems = 64

// maxSets is how many different sets of items one edition can have; a platform
// with 20 optional items has hundreds.
const maxSets = 1 << 14

const (
	flagHolder = 1 << 15
	flagShared = 1 << 14
	setMask    = flagShared - 1
)

// ErrTooManyItems and ErrTooManySets are the limits above.
var (
	ErrTooManyItems = errors.New("holdings name more than 64 kinds of item")
	ErrTooManySets  = errors.New("holdings have more than 16,384 different sets of items")
)

// HoldingsBuilder collects the lines of an edition, in any order. It takes 14
// bytes a line while it works.
type HoldingsBuilder struct {
	name  string
	from  event.Millis
	items []string
	index map[string]int
	sets  []uint64
	setOf map[uint64]uint16
	parts [dictionary.Partitions][]holdingLine
	lines uint64
}

type holdingLine struct {
	local  uint32
	person dictionary.Ref
	set    uint16
}

// NewHoldingsBuilder begins an edition.
func NewHoldingsBuilder(name string, from event.Millis) *HoldingsBuilder {
	return &HoldingsBuilder{name: name, from: from, index: map[string]int{}, setOf: map[uint64]uint16{}}
}

// Add says that person stands behind account and has these items. Lines of the
// same account and person are united.
func (b *HoldingsBuilder) Add(account, person dictionary.Ref, items []string, holder bool) error {
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

func (b *HoldingsBuilder) set(mask uint64) (uint16, error) {
	s, ok := b.setOf[mask]
	if !ok {
		if len(b.sets) == maxSets {
			return 0, ErrTooManySets
		}
		s = uint16(len(b.sets))
		b.sets = append(b.sets, mask)
		b.setOf[mask] = s
	}
	return s, nil
}

// Write writes the edition.
//
//	magic, from (8), lines (8), length of name (4), name,
//	items (4), per item: length (4), name;  sets (4), per set: items (8)
//	crc32c of all before it (4)
//	per partition: section (see encodePart)
//	directory: per partition  offset (8), bytes (8), crc32c (4)
//	footer: offset of the directory (8), crc32c of the directory (4)
func (b *HoldingsBuilder) Write(w io.Writer) error {
	// A person is shared when it stands in more than one account.
	first := map[dictionary.Ref]dictionary.Ref{}
	shared := map[dictionary.Ref]bool{}
	for p := range b.parts {
		lines := b.parts[p]
		slices.SortStableFunc(lines, func(x, y holdingLine) int {
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
					return err
				}
				kept[n-1].set = set | (kept[n-1].set|l.set)&flagHolder
				continue
			}
			kept = append(kept, l)
		}
		b.parts[p] = kept
		for _, l := range kept {
			account := dictionary.MakeRef(byte(p), l.local)
			if a, ok := first[l.person]; !ok {
				first[l.person] = account
			} else if a != account {
				shared[l.person] = true
			}
		}
	}
	s := newSummer(w)
	s.head(holdingsMagic, b.from, b.lines, b.name)
	s.u32(uint32(len(b.items)))
	size := int64(28 + len(b.name) + 4)
	for _, it := range b.items {
		s.str(it)
		size += int64(4 + len(it))
	}
	s.u32(uint32(len(b.sets)))
	for _, m := range b.sets {
		s.u64(m)
	}
	size += int64(4 + 8*len(b.sets) + 4)
	if err := s.finish(); err != nil {
		return err
	}
	var dir []byte
	for p := range b.parts {
		sec := encodePart(b.parts[p], shared)
		if _, err := w.Write(sec); err != nil {
			return err
		}
		dir = binary.LittleEndian.AppendUint64(dir, uint64(size))
		dir = binary.LittleEndian.AppendUint64(dir, uint64(len(sec)))
		dir = binary.LittleEndian.AppendUint32(dir, crc32.Checksum(sec, castagnoli))
		size += int64(len(sec))
	}
	crc := crc32.Checksum(dir, castagnoli)
	dir = binary.LittleEndian.AppendUint64(dir, uint64(size))
	dir = binary.LittleEndian.AppendUint32(dir, crc)
	_, err := w.Write(dir)
	return err
}

// A section: places (4), lines (4), then per place the number of its lines (1;
// 255 stands for "255 and more, the rest in the overflow"), overflow entries
// (4), per entry place (4) and further lines (4), then per line the person (4)
// and its set with flags (2), each as a column.
func encodePart(lines []holdingLine, shared map[dictionary.Ref]bool) []byte {
	if len(lines) == 0 {
		return nil
	}
	places := lines[len(lines)-1].local + 1
	counts := make([]byte, places)
	var over []byte
	for i := 0; i < len(lines); {
		j := i
		for j < len(lines) && lines[j].local == lines[i].local {
			j++
		}
		n := j - i
		if n > 254 {
			over = binary.LittleEndian.AppendUint32(over, lines[i].local)
			over = binary.LittleEndian.AppendUint32(over, uint32(n-255))
			n = 255
		}
		counts[lines[i].local] = byte(n)
		i = j
	}
	out := binary.LittleEndian.AppendUint32(nil, places)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(lines)))
	out = append(out, counts...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(over)/8))
	out = append(out, over...)
	for _, l := range lines {
		out = binary.LittleEndian.AppendUint32(out, uint32(l.person))
	}
	for _, l := range lines {
		set := l.set
		if shared[l.person] {
			set |= flagShared
		}
		out = binary.LittleEndian.AppendUint16(out, set)
	}
	return out
}

// Holdings is an open edition. Partitions are read when first asked for and
// kept: seven bytes a line and one a place.
type Holdings struct {
	name  string
	from  event.Millis
	lines uint64
	items []string
	sets  []uint64
	r     io.ReaderAt
	dir   [dictionary.Partitions]struct {
		offset, size int64
		crc          uint32
	}
	parts [dictionary.Partitions]atomic.Pointer[Part]
}

// Name is the edition's name as it was given.
func (h *Holdings) Name() string { return h.name }

// From is the date from which the edition is in force.
func (h *Holdings) From() event.Millis { return h.from }

// Lines is the number of (account, person) lines as they were given.
func (h *Holdings) Lines() uint64 { return h.lines }

// Items are the kinds of item, in the order of the bits of a mask.
func (h *Holdings) Items() []string { return h.items }

// OpenHoldings opens an edition; r must stay open.
func OpenHoldings(r io.ReaderAt, size int64) (*Holdings, error) {
	h, err := openHoldings(r, size)
	if err != nil {
		return nil, fmt.Errorf("holdings: %w", err)
	}
	return h, nil
}

const (
	partEntry      = 8 + 8 + 4
	holdingsFooter = 8 + 4
)

func openHoldings(r io.ReaderAt, size int64) (*Holdings, error) {
	dirSize := int64(dictionary.Partitions * partEntry)
	if size < 40+dirSize+holdingsFooter {
		return nil, fmt.Errorf("too short: %w", ErrCorrupt)
	}
	tail := make([]byte, dirSize+holdingsFooter)
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	dir, foot := tail[:dirSize], tail[dirSize:]
	if crc32.Checksum(dir, castagnoli) != binary.LittleEndian.Uint32(foot[8:]) || int64(binary.LittleEndian.Uint64(foot)) != size-int64(len(tail)) {
		return nil, fmt.Errorf("directory does not match: %w", ErrCorrupt)
	}
	h := &Holdings{r: r}
	end := size - int64(len(tail))
	start := end
	for p := range h.dir {
		e := dir[p*partEntry:]
		d := &h.dir[p]
		d.offset, d.size = int64(binary.LittleEndian.Uint64(e)), int64(binary.LittleEndian.Uint64(e[8:]))
		d.crc = binary.LittleEndian.Uint32(e[16:])
		if d.offset < 0 || d.size < 0 || d.offset > end || d.size > end-d.offset {
			return nil, fmt.Errorf("section out of place: %w", ErrCorrupt)
		}
		start = min(start, d.offset)
	}
	data, err := readAll(r, start)
	if err != nil {
		return nil, err
	}
	rest, err := header(data, holdingsMagic, &h.from, &h.lines, &h.name)
	if err != nil {
		return nil, err
	}
	short := fmt.Errorf("tables end early: %w", ErrCorrupt)
	take := func(n int) []byte {
		if rest == nil || n < 0 || n > len(rest) {
			rest = nil
			return nil
		}
		b := rest[:n:n]
		rest = rest[n:]
		return b
	}
	u32 := func() int {
		b := take(4)
		if b == nil {
			return -1
		}
		return int(binary.LittleEndian.Uint32(b))
	}
	n := u32()
	if n < 0 || n > MaxItems {
		return nil, short
	}
	for range n {
		b := take(u32())
		if b == nil && rest == nil {
			return nil, short
		}
		h.items = append(h.items, string(b))
	}
	if n = u32(); n < 0 || n > maxSets || 8*n != len(rest) {
		return nil, short
	}
	for range n {
		h.sets = append(h.sets, binary.LittleEndian.Uint64(take(8)))
	}
	return h, nil
}

// Part is one partition of an edition: lines sorted by place, then person. It
// is immutable.
type Part struct {
	counts  []byte
	starts  []uint32 // of every 64th place
	over    map[uint32]uint32
	persons []uint32
	sets    []uint16
	masks   []uint64
}

// Line is one person behind an account.
type Line struct {
	Person dictionary.Ref // in the dictionary of persons
	Mask   uint64         // bits of Holdings.Items
	Holder bool           // the account is this person's own
	Shared bool           // the person stands in other accounts too
}

// Partition returns one partition.
func (h *Holdings) Partition(p int) (*Part, error) {
	if pt := h.parts[p].Load(); pt != nil {
		return pt, nil
	}
	d := h.dir[p]
	raw := make([]byte, d.size)
	if _, err := h.r.ReadAt(raw, d.offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("holdings %s: %w", h.name, err)
	}
	if crc32.Checksum(raw, castagnoli) != d.crc {
		return nil, fmt.Errorf("holdings %s: partition %d: checksum does not match: %w", h.name, p, ErrCorrupt)
	}
	pt, err := decodePart(raw, h.sets)
	if err != nil {
		return nil, fmt.Errorf("holdings %s: partition %d: %w", h.name, p, err)
	}
	h.parts[p].Store(pt)
	return pt, nil
}

func decodePart(raw []byte, masks []uint64) (*Part, error) {
	pt := &Part{masks: masks, over: map[uint32]uint32{}}
	if len(raw) == 0 {
		return pt, nil
	}
	bad := fmt.Errorf("section does not add up: %w", ErrCorrupt)
	if len(raw) < 12 {
		return nil, bad
	}
	places, lines := int(binary.LittleEndian.Uint32(raw)), int(binary.LittleEndian.Uint32(raw[4:]))
	raw = raw[8:]
	if places > len(raw)-4 {
		return nil, bad
	}
	pt.counts, raw = raw[:places:places], raw[places:]
	over := int(binary.LittleEndian.Uint32(raw))
	raw = raw[4:]
	if over > len(raw)/8 {
		return nil, bad
	}
	for i := range over {
		pt.over[binary.LittleEndian.Uint32(raw[8*i:])] = binary.LittleEndian.Uint32(raw[8*i+4:])
	}
	raw = raw[8*over:]
	if lines*6 != len(raw) {
		return nil, bad
	}
	pt.persons, pt.sets = make([]uint32, lines), make([]uint16, lines)
	for i := range pt.persons {
		pt.persons[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	raw = raw[4*lines:]
	for i := range pt.sets {
		pt.sets[i] = binary.LittleEndian.Uint16(raw[2*i:])
		if int(pt.sets[i]&setMask) >= len(masks) {
			return nil, bad
		}
	}
	at := uint64(0)
	for i := range pt.counts {
		if i%64 == 0 {
			pt.starts = append(pt.starts, uint32(at))
		}
		at += uint64(pt.count(uint32(i)))
	}
	if at != uint64(lines) {
		return nil, bad
	}
	return pt, nil
}

func (pt *Part) count(local uint32) uint32 {
	n := uint32(pt.counts[local])
	if n == 255 {
		n += pt.over[local]
	}
	return n
}

// Lines gives the range of an account's lines; Line reads one.
func (pt *Part) Lines(local uint32) (from, to uint32) {
	if int(local) >= len(pt.counts) {
		return 0, 0
	}
	from = pt.starts[local/64]
	for l := local &^ 63; l < local; l++ {
		from += pt.count(l)
	}
	return from, from + pt.count(local)
}

// Line reads line i.
func (pt *Part) Line(i uint32) Line {
	s := pt.sets[i]
	return Line{
		Person: dictionary.Ref(pt.persons[i]), Mask: pt.masks[s&setMask],
		Holder: s&flagHolder != 0, Shared: s&flagShared != 0,
	}
}

// Cursor walks accounts in ascending order, a few nanoseconds each.
type Cursor struct {
	pt    *Part
	local uint32
	at    uint32
}

// Cursor begins a walk.
func (pt *Part) Cursor() Cursor { return Cursor{pt: pt} }

// Seek gives the range of lines of local, which must not be less than before.
func (c *Cursor) Seek(local uint32) (from, to uint32) {
	pt := c.pt
	if int(local) >= len(pt.counts) {
		return 0, 0
	}
	if local-c.local >= 64 {
		c.local = local &^ 63
		c.at = pt.starts[local/64]
	}
	for ; c.local < local; c.local++ {
		c.at += pt.count(c.local)
	}
	return c.at, c.at + pt.count(local)
}

// Has reports whether the account has any line.
func (h *Holdings) Has(ref dictionary.Ref) bool {
	pt, err := h.Partition(ref.Part())
	if err != nil {
		return true // unreadable is not "nobody": never a reason to destroy
	}
	return int(ref.Local()) < len(pt.counts) && pt.counts[ref.Local()] > 0
}
