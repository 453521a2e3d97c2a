// Package dictionary gives pseudonyms dense ordinals. Rows store the ordinal,
// four bytes, so that a set of accounts is a bitmap; the pseudonym and the
// sealed real id stand here, once.
//
// The central idea: an ordinal never changes and is never used again. Entries
// are durable before any row that names them, because an ordinal given twice
// would notify the wrong people. Each of the 256 partitions counts for itself,
// so partitions share nothing and can live on different machines.
//
// What it is not: a store of real ids. It cannot open what it keeps.
package dictionary

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// Ref is an ordinal: the partition in the high byte, the place within it below.
type Ref uint32

// noLocal is the place that means "in this partition, but under no account".
const noLocal = 1<<24 - 1

// Partitions is fixed: it is the first byte of a pseudonym.
const Partitions = 256

// MakeRef joins a partition and a place.
func MakeRef(part byte, local uint32) Ref { return Ref(uint32(part)<<24 | local&noLocal) }

// NoAccount is the home of rows of a partition that no account owns.
func NoAccount(part int) Ref { return MakeRef(byte(part), noLocal) }

// Part is the partition.
func (r Ref) Part() int { return int(r >> 24) }

// Local is the place within the partition.
func (r Ref) Local() uint32 { return uint32(r) & noLocal }

// IsAccount tells an ordinal from NoAccount.
func (r Ref) IsAccount() bool { return r.Local() != noLocal }

var (
	// ErrCorrupt marks bytes that are not what was written.
	ErrCorrupt = errors.New("corrupt")
	// ErrFull: a partition holds 16,777,215 entries and can hold no more.
	ErrFull = errors.New("a partition of the dictionary is full")
	// ErrDropped: retention destroyed the entry.
	ErrDropped = errors.New("the entry was destroyed by retention")
)

// Dictionary is one open dictionary. All methods are safe for concurrent use.
type Dictionary struct {
	fs   disk.FS
	dir  string
	name string

	mu   sync.RWMutex // runs and next
	runs []*run
	next uint64

	flushMu sync.Mutex // one writer of run files
	parts   [Partitions]part
}

// part is one partition. Its table is read from the run files when an id is
// first looked up in it.
type part struct {
	mu      sync.RWMutex
	loaded  bool
	count   uint32 // entries in all
	flushed uint32 // entries that a run file holds
	keys    [][]pseudonym.Pseudonym
	slots   []uint32 // local+1; open addressing
	buckets []uint64 // of entries from flushed on
	sealed  [][]byte // the same
}

// chunk is how many keys are kept in one piece: large enough to be cheap, small
// enough that growing does not copy.
const chunk = 1 << 12

func (p *part) key(local uint32) *pseudonym.Pseudonym { return &p.keys[local/chunk][local%chunk] }

func (p *part) push(k pseudonym.Pseudonym) {
	if p.count%chunk == 0 {
		p.keys = append(p.keys, make([]pseudonym.Pseudonym, 0, min(chunk, max(64, int(p.count)))))
	}
	last := &p.keys[len(p.keys)-1]
	*last = append(*last, k)
	p.count++
}

// slotOf starts the probe with bytes the partition number does not fix.
func slotOf(k *pseudonym.Pseudonym) uint64 {
	return uint64(k[1]) | uint64(k[2])<<8 | uint64(k[3])<<16 | uint64(k[4])<<24 | uint64(k[5])<<32
}

func (p *part) find(k *pseudonym.Pseudonym) (uint32, bool) {
	if len(p.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(p.slots) - 1)
	for i := slotOf(k) & mask; ; i = (i + 1) & mask {
		s := p.slots[i]
		if s == 0 {
			return 0, false
		}
		if *p.key(s - 1) == *k {
			return s - 1, true
		}
	}
}

func (p *part) insert(k *pseudonym.Pseudonym, local uint32) {
	mask := uint64(len(p.slots) - 1)
	i := slotOf(k) & mask
	for p.slots[i] != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = local + 1
}

// room makes space for n entries at a load of at most 0.7.
func (p *part) room(n uint32) {
	if 10*uint64(n) <= 7*uint64(len(p.slots)) {
		return
	}
	size := max(16, 2*len(p.slots))
	for 10*uint64(n) > 7*uint64(size) {
		size *= 2
	}
	p.slots = make([]uint32, size)
	var zero pseudonym.Pseudonym
	for l := range p.count {
		if k := p.key(l); *k != zero { // zero: destroyed by retention
			p.insert(k, l)
		}
	}
}

// load reads the partition's keys. p.mu is held for writing.
func (d *Dictionary) load(n int) error {
	p := &d.parts[n]
	if p.loaded {
		return nil
	}
	d.mu.RLock()
	runs := slices.Clone(d.runs)
	d.mu.RUnlock()
	total := p.count
	p.count, p.keys = 0, nil
	for _, r := range runs {
		ks, err := r.keys(n)
		if err != nil {
			return fmt.Errorf("dictionary %s: %w", r.info.Name, err)
		}
		for _, k := range ks {
			p.push(k)
		}
	}
	if p.count != total {
		return fmt.Errorf("dictionary %s: partition %d has %d entries, not %d: %w", d.name, n, p.count, total, ErrCorrupt)
	}
	p.room(max(16, p.count+p.count/4))
	p.loaded = true
	return nil
}

// Lookup finds an id's ordinal.
func (d *Dictionary) Lookup(k pseudonym.Pseudonym) (Ref, bool, error) {
	p := &d.parts[k[0]]
	p.mu.RLock()
	if !p.loaded {
		p.mu.RUnlock()
		p.mu.Lock()
		err := d.load(int(k[0]))
		p.mu.Unlock()
		if err != nil {
			return 0, false, err
		}
		p.mu.RLock()
	}
	l, ok := p.find(&k)
	p.mu.RUnlock()
	return MakeRef(k[0], l), ok, nil
}

// Resolve finds the ordinals of many ids and gives new ids new ones. seal(i) is
// called for each new id and returns its sealed real id. buckets may be nil.
func (d *Dictionary) Resolve(ks []pseudonym.Pseudonym, buckets []uint64, seal func(i int) []byte, out []Ref) error {
	// By partition, so that a lock is taken and a table touched once.
	var start [Partitions + 1]int32
	for i := range ks {
		start[int(ks[i][0])+1]++
	}
	for i := range Partitions {
		start[i+1] += start[i]
	}
	order := make([]int32, len(ks))
	at := start
	for i := range ks {
		c := ks[i][0]
		order[at[c]] = int32(i)
		at[c]++
	}
	for n := range Partitions {
		mine := order[start[n]:start[n+1]]
		if len(mine) == 0 {
			continue
		}
		if err := d.resolvePart(n, mine, ks, buckets, seal, out); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dictionary) resolvePart(n int, mine []int32, ks []pseudonym.Pseudonym, buckets []uint64, seal func(int) []byte, out []Ref) error {
	p := &d.parts[n]
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := d.load(n); err != nil {
		return err
	}
	for _, i := range mine {
		k := &ks[i]
		if l, ok := p.find(k); ok {
			out[i] = MakeRef(byte(n), l)
			continue
		}
		if p.count == noLocal {
			return ErrFull
		}
		p.room(p.count + 1)
		l := p.count
		p.push(*k)
		p.insert(k, l)
		b := uint64(0)
		if buckets != nil {
			b = buckets[i]
		}
		p.buckets = append(p.buckets, b)
		p.sealed = append(p.sealed, seal(int(i)))
		out[i] = MakeRef(byte(n), l)
	}
	return nil
}

// Unflushed returns the sealed id of an entry that no run file holds yet, else
// nil.
func (d *Dictionary) Unflushed(r Ref) []byte {
	p := &d.parts[r.Part()]
	p.mu.RLock()
	defer p.mu.RUnlock()
	if l := r.Local(); l >= p.flushed && l < p.count {
		return p.sealed[l-p.flushed]
	}
	return nil
}

// Count is the number of ordinals given out in a partition.
func (d *Dictionary) Count(n int) uint32 {
	p := &d.parts[n]
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.count
}

// Total is the number of ordinals given out.
func (d *Dictionary) Total() uint64 {
	t := uint64(0)
	for n := range Partitions {
		t += uint64(d.Count(n))
	}
	return t
}

// Pseudonym returns the pseudonym of an entry.
func (d *Dictionary) Pseudonym(r Ref) (pseudonym.Pseudonym, error) {
	p := &d.parts[r.Part()]
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := d.load(r.Part()); err != nil {
		return pseudonym.Pseudonym{}, err
	}
	if r.Local() >= p.count {
		return pseudonym.Pseudonym{}, fmt.Errorf("no entry %d in partition %d", r.Local(), r.Part())
	}
	return *p.key(r.Local()), nil
}
