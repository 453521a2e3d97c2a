package edition

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/haetae/haetae/ledger/dictionary"
)

// Holdings is an open edition. Partitions are read when first asked for and
// kept: six bytes a line (eight with more than 16,384 sets) and one and
// a half a place. It is safe for concurrent use.
type Holdings struct {
	Edition
	// File is told in errors, as the file to be restored; set before anybody reads.
	File string

	items []string
	sets  []uint64
	r     io.ReaderAt
	dir   [dictionary.Partitions]struct {
		offset, size int64
		crc          uint32
	}
	parts [dictionary.Partitions]atomic.Pointer[Part]
}

// Known reports whether there is an edition at all; see Register.Known.
func (h *Holdings) Known() bool { return h != nil }

// Lines is the number of (account, person) lines as they were given.
func (h *Holdings) Lines() uint64 { return h.lines }

// Items are the kinds of item, in the order of the bits of a mask.
func (h *Holdings) Items() []string { return h.items }

// Sets are the sets of items that lines have, each as bits of Items.
func (h *Holdings) Sets() []uint64 { return h.sets }

// OpenHoldings opens an edition; r must stay open.
func OpenHoldings(r io.ReaderAt, size int64) (*Holdings, error) {
	h, err := openHoldings(r, size)
	if err != nil {
		return nil, fmt.Errorf("holdings: %w", err)
	}
	return h, nil
}

func openHoldings(r io.ReaderAt, size int64) (*Holdings, error) {
	tail := make([]byte, dictionary.Partitions*partEntry+holdingsFooter)
	end := size - int64(len(tail))
	if end < headSize+12 {
		return nil, fmt.Errorf("too short: %w", ErrCorrupt)
	}
	// The magic first: a file of a newer release may be laid out differently.
	magic := make([]byte, magicSize)
	if err := readFull(r, magic, 0); err != nil {
		return nil, err
	}
	if err := checkMagic(string(magic), holdingsKind); err != nil {
		return nil, err
	}
	if err := readFull(r, tail, end); err != nil {
		return nil, err
	}
	dir, foot := tail[:len(tail)-holdingsFooter], tail[len(tail)-holdingsFooter:]
	if sum(dir) != binary.LittleEndian.Uint32(foot[8:]) || int64(binary.LittleEndian.Uint64(foot)) != end {
		return nil, fmt.Errorf("directory does not match: %w", ErrCorrupt)
	}
	h := &Holdings{r: r}
	start := int64(binary.LittleEndian.Uint64(dir)) // sections follow each other from here
	at := start
	for p := range h.dir {
		e, d := dir[p*partEntry:], &h.dir[p]
		d.offset, d.size = int64(binary.LittleEndian.Uint64(e)), int64(binary.LittleEndian.Uint64(e[8:]))
		d.crc = binary.LittleEndian.Uint32(e[16:])
		if d.offset != at || d.size < 0 || at < 0 || at > end || d.size > end-at {
			return nil, fmt.Errorf("section out of place: %w", ErrCorrupt)
		}
		at += d.size
	}
	if at != end {
		return nil, fmt.Errorf("sections do not reach the directory: %w", ErrCorrupt)
	}
	in, crc, err := readSummed(r, start, holdingsKind)
	if err != nil {
		return nil, err
	}
	// Of both checksums, so of every byte.
	h.crc = sum(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc), sum(dir)))
	h.read(in)
	n := in.u32()
	if n > MaxItems {
		return nil, fmt.Errorf("%w: %w", ErrTooManyItems, ErrCorrupt)
	}
	for range n {
		h.items = append(h.items, in.str(len(in.b)))
	}
	h.sets = in.words(int(in.u32()))
	if in.bad {
		return nil, errEarly
	}
	if len(in.b) > 0 || len(h.sets) > maxSets {
		return nil, fmt.Errorf("tables do not end where the sections begin: %w", ErrCorrupt)
	}
	return h, nil
}

// Partition returns one partition.
func (h *Holdings) Partition(p int) (*Part, error) {
	if pt := h.parts[p].Load(); pt != nil {
		return pt, nil
	}
	d := h.dir[p]
	raw := make([]byte, d.size)
	err := readFull(h.r, raw, d.offset)
	if err == nil && sum(raw) != d.crc {
		err = fmt.Errorf("checksum does not match: %w", ErrCorrupt)
	}
	var pt *Part
	if err == nil {
		pt, err = decodePart(raw, h.sets)
	}
	if err != nil {
		return nil, fmt.Errorf("holdings %s: partition %d: %w", cmp.Or(h.File, h.name), p, err)
	}
	if !h.parts[p].CompareAndSwap(nil, pt) { // somebody else was first
		pt = h.parts[p].Load()
	}
	return pt, nil
}

// Has reports whether the account has any line.
func (h *Holdings) Has(ref dictionary.Ref) bool {
	pt, err := h.Partition(ref.Part())
	if err != nil {
		return true // unreadable is not "nobody": never a reason to destroy
	}
	return int(ref.Local()) < len(pt.counts) && pt.counts[ref.Local()] > 0
}

// Persons calls fn for the person of every line.
func (h *Holdings) Persons(fn func(dictionary.Ref)) error {
	for p := range h.dir {
		pt, err := h.Partition(p)
		if err != nil {
			return err
		}
		for _, person := range pt.persons {
			fn(dictionary.Ref(person))
		}
	}
	return nil
}

// manyLines is the number of lines from which one byte does not tell it.
const manyLines = 255

// Part is one partition of an edition: lines sorted by place, then person. It
// is immutable.
type Part struct {
	counts  []byte
	starts  []uint32          // first line of every stride-th place
	over    map[uint32]uint32 // lines beyond manyLines
	persons []uint32
	narrow  []uint16 // sets with flags, in one of two widths
	wide    []uint32
	masks   []uint64
}

// stride is how far apart the places are whose first line is kept: half a byte a
// place, and seven additions at most to find any other.
const stride = 8

func decodePart(raw []byte, masks []uint64) (*Part, error) {
	pt := &Part{masks: masks}
	if len(raw) == 0 {
		return pt, nil
	}
	in := &reader{b: raw}
	bad := fmt.Errorf("section does not add up: %w", ErrCorrupt)
	places, lines := int(in.u32()), int(in.u32())
	// A copy, so that the rest of raw need not be kept.
	pt.counts = bytes.Clone(in.take(places))
	over := int(in.u32())
	if in.bad || over > len(in.b)/8 {
		return nil, bad
	}
	for range over {
		place, n := in.u32(), in.u32()
		if int(place) >= places || pt.counts[place] != manyLines {
			return nil, bad
		}
		if pt.over == nil {
			pt.over = map[uint32]uint32{}
		}
		pt.over[place] = n
	}
	width := setWidth(len(masks))
	if lines != len(in.b)/(4+width) || lines*(4+width) != len(in.b) {
		return nil, bad
	}
	pt.persons = make([]uint32, lines)
	persons, sets := in.take(4*lines), in.take(width*lines)
	for i := range pt.persons {
		pt.persons[i] = binary.LittleEndian.Uint32(persons[4*i:])
	}
	if width == 2 {
		pt.narrow = make([]uint16, lines)
		for i := range pt.narrow {
			pt.narrow[i] = binary.LittleEndian.Uint16(sets[2*i:])
		}
	} else {
		pt.wide = make([]uint32, lines)
		for i := range pt.wide {
			pt.wide[i] = binary.LittleEndian.Uint32(sets[4*i:])
		}
	}
	for i := range lines {
		if int(pt.set(uint32(i))&setMask) >= len(masks) {
			return nil, bad
		}
	}
	pt.starts = make([]uint32, 0, (places+stride-1)/stride)
	at := uint64(0)
	for i := range pt.counts {
		if i%stride == 0 {
			pt.starts = append(pt.starts, uint32(at))
		}
		if at += uint64(pt.count(uint32(i))); at > uint64(lines) {
			return nil, bad
		}
	}
	if at != uint64(lines) {
		return nil, bad
	}
	return pt, nil
}

func (pt *Part) count(local uint32) uint32 {
	n := uint32(pt.counts[local])
	if n == manyLines {
		n += pt.over[local]
	}
	return n
}

// set is the number of line i's set with the flags where four bytes have them.
func (pt *Part) set(i uint32) uint32 {
	if pt.wide != nil {
		return pt.wide[i]
	}
	s := uint32(pt.narrow[i])
	return s&(narrowSets-1) | s>>14<<30
}

// Line is one person behind an account.
type Line struct {
	Person dictionary.Ref // in the dictionary of persons
	Mask   uint64         // bits of Holdings.Items
	Holder bool           // the account is this person's own
	Shared bool           // the person stands in other accounts too
}

// Line reads line i.
func (pt *Part) Line(i uint32) Line {
	s := pt.set(i)
	return Line{
		Person: dictionary.Ref(pt.persons[i]), Mask: pt.masks[s&setMask],
		Holder: s&flagHolder != 0, Shared: s&flagShared != 0,
	}
}

// Set is of line i what few lines differ in: the number of its set of items (see
// Holdings.Sets), and the flags of Line.
func (pt *Part) Set(i uint32) (set uint32, holder, shared bool) {
	s := pt.set(i)
	return s & setMask, s&flagHolder != 0, s&flagShared != 0
}

// Person is the person of line i, in the dictionary of persons.
func (pt *Part) Person(i uint32) dictionary.Ref { return dictionary.Ref(pt.persons[i]) }

// Lines gives the range of an account's lines; Line reads one.
func (pt *Part) Lines(local uint32) (from, to uint32) {
	c := pt.Cursor()
	return c.Seek(local)
}

// Cursor finds one account after the other. Accounts in ascending order cost a
// few nanoseconds each; any order is right.
type Cursor struct {
	pt    *Part
	local uint32
	at    uint32 // first line of local
}

// Cursor begins a walk.
func (pt *Part) Cursor() Cursor { return Cursor{pt: pt} }

// Seek gives the range of lines of local.
func (c *Cursor) Seek(local uint32) (from, to uint32) {
	pt := c.pt
	if int(local) >= len(pt.counts) {
		return 0, 0
	}
	if local-c.local >= stride { // also when local lies before
		c.local = local &^ (stride - 1)
		c.at = pt.starts[local/stride]
	}
	for ; c.local < local; c.local++ {
		c.at += pt.count(c.local)
	}
	return c.at, c.at + pt.count(local)
}
