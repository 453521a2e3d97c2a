// Package dictionary gives pseudonyms dense ordinals. Rows store the ordinal,
// four bytes, so that a set of accounts is a bitmap; the pseudonym and the
// sealed real id stand here, once.
//
// The central idea: an ordinal never changes and is never used again. Entries
// are durable before any row that names them, because an ordinal given twice
// would notify the wrong people. Each of the 256 partitions counts for itself,
// so partitions share nothing and can live on different machines.
//
// A dictionary is a list of immutable run files, in the order in which a manifest
// names them, and the entries in memory that came after. Nothing on disk says
// which files live: one that the manifest does not name was never written, as
// far as anybody can tell, and the ordinals in it are given out again.
//
// What it is not: a store of real ids. It cannot open what it keeps.
package dictionary

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

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
	// ErrFull: a partition holds 16,777,215 entries, or 4 GiB of sealed ids,
	// and can hold no more.
	ErrFull = errors.New("a partition of the dictionary is full")
	// ErrDropped: retention destroyed the entry.
	ErrDropped = errors.New("the entry was destroyed by retention")
	// ErrUnknown: no such ordinal was given out.
	ErrUnknown = errors.New("no such entry in the dictionary")
	// ErrHalfway: a Drop failed between memory and disk. Only a new Open knows
	// which entries there are.
	ErrHalfway = errors.New("an earlier drop failed halfway: open the dictionary again")
)

// Dictionary is one open dictionary. All methods are safe for concurrent use.
//
// A loaded entry takes 16 bytes of key and 6 to 12 of slots: with 40 million
// accounts and 44 million ghosts, all looked up at least once, about 2 GB.
type Dictionary struct {
	fs   disk.FS
	dir  string
	name string

	mu   sync.RWMutex // runs and next
	runs []*run
	next uint64

	writing sync.Mutex // one writer of run files
	halfway atomic.Bool
	parts   [Partitions]part
}

// part is one partition. Its table is read from the run files when an id is
// first looked up in it; count is right from the beginning.
type part struct {
	mu     sync.RWMutex
	loaded bool
	table
	// flushed entries are in a run file. Those from kept on have their rest in
	// tail: what is not flushed, and what was flushed and not yet committed (see
	// Unflushed).
	flushed, kept uint32
	tail          tail
	sealed        uint64 // bytes of sealed ids, in files and tail together
	// dropped marks places that a running Drop has destroyed while the old
	// files are still the ones that load reads.
	dropped []uint64
	// used marks places that Resolve gave to somebody since Watch.
	watching bool
	used     []uint64
}

// tail is what an entry has beside its key. Its slices are only ever appended
// to or replaced, so that a part of them can be read without the lock.
type tail struct {
	buckets []uint64
	ends    []uint32 // of sealed ids, within sealed
	sealed  []byte
}

func (t *tail) push(bucket uint64, sealed []byte) {
	t.buckets = append(t.buckets, bucket)
	t.sealed = append(t.sealed, sealed...)
	t.ends = append(t.ends, uint32(len(t.sealed)))
}

func (t *tail) entry(i uint32) []byte {
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.sealed[from:t.ends[i]:t.ends[i]]
}

// from is a copy without the first n entries.
func (t *tail) from(n uint32) tail {
	if int(n) == len(t.ends) {
		return tail{}
	}
	var out tail
	for i := n; int(i) < len(t.ends); i++ {
		out.push(t.buckets[i], t.entry(i))
	}
	return out
}

// load reads the partition's keys. p.mu is held for writing. If it fails,
// nothing has changed and it can be tried again.
func (d *Dictionary) load(n int) error {
	p := &d.parts[n]
	if p.loaded {
		return nil
	}
	runs := d.use()
	defer release(runs)
	var t table
	for _, r := range runs {
		raw, err := r.keys(n)
		if err != nil {
			return fmt.Errorf("dictionary %s: %w", r.info.Name, err)
		}
		for ; len(raw) > 0; raw = raw[16:] {
			k := pseudonym.Pseudonym(raw[:16])
			if bit(p.dropped, t.count) {
				k = zero
			}
			t.push(k)
		}
	}
	if t.count != p.count {
		return fmt.Errorf("dictionary %s: partition %d has %d entries, not %d: %w", d.name, n, t.count, p.count, ErrCorrupt)
	}
	// A little more than needed, so that the first new ids do not double it.
	t.room(max(16, t.count+t.count/16))
	p.table, p.loaded = t, true
	return nil
}

func bit(words []uint64, i uint32) bool {
	return int(i/64) < len(words) && words[i/64]>>(i%64)&1 == 1
}

func setBit(words *[]uint64, i uint32) {
	for int(i/64) >= len(*words) {
		*words = append(*words, 0)
	}
	(*words)[i/64] |= 1 << (i % 64)
}

// read takes p's lock for reading, with its table loaded.
func (d *Dictionary) read(n int) (*part, error) {
	p := &d.parts[n]
	p.mu.RLock()
	if p.loaded {
		return p, nil
	}
	p.mu.RUnlock()
	p.mu.Lock()
	err := d.load(n)
	p.mu.Unlock()
	if err != nil {
		return nil, err
	}
	p.mu.RLock() // a table is never unloaded
	return p, nil
}

// Lookup finds an id's ordinal.
func (d *Dictionary) Lookup(k pseudonym.Pseudonym) (Ref, bool, error) {
	p, err := d.read(int(k[0]))
	if err != nil {
		return 0, false, err
	}
	defer p.mu.RUnlock()
	place, ok := p.find(&k)
	if !ok {
		return 0, false, nil
	}
	return MakeRef(k[0], place), true, nil
}

// Pseudonym returns the pseudonym of an entry.
func (d *Dictionary) Pseudonym(r Ref) (pseudonym.Pseudonym, error) {
	p, err := d.read(r.Part())
	if err != nil {
		return zero, err
	}
	defer p.mu.RUnlock()
	if r.Local() >= p.count {
		return zero, fmt.Errorf("dictionary %s: partition %d place %d: %w", d.name, r.Part(), r.Local(), ErrUnknown)
	}
	k := *p.key(r.Local())
	if k == zero {
		return zero, ErrDropped
	}
	return k, nil
}

// Resolve finds the ordinals of many ids and gives new ids new ones. seal(i) is
// called for each new id and returns its sealed real id, which is copied: it may
// reuse one buffer. It is called with a lock held and must not call back.
// buckets may be nil. After an error some ids may have got their ordinals.
//
// Large batches are what makes it fast: it goes by partition, so that a lock is
// taken once and the lookups in one table overlap.
func (d *Dictionary) Resolve(ks []pseudonym.Pseudonym, buckets []uint64, seal func(i int) []byte, out []Ref) error {
	if d.halfway.Load() {
		return ErrHalfway
	}
	var start [Partitions + 1]int32
	for i := range ks {
		start[int(ks[i][0])+1]++
	}
	for i := range Partitions {
		start[i+1] += start[i]
	}
	order, _ := orders.Get().(*[]int32)
	if order == nil || cap(*order) < len(ks) {
		o := make([]int32, len(ks))
		order = &o
	}
	defer orders.Put(order)
	by := (*order)[:len(ks)]
	at := start
	for i := range ks {
		c := ks[i][0]
		by[at[c]] = int32(i)
		at[c]++
	}
	for n := range Partitions {
		if mine := by[start[n]:start[n+1]]; len(mine) > 0 {
			if err := d.resolvePart(n, mine, ks, buckets, seal, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// orders holds the scratch of Resolve.
var orders sync.Pool

func (d *Dictionary) resolvePart(n int, mine []int32, ks []pseudonym.Pseudonym, buckets []uint64, seal func(int) []byte, out []Ref) error {
	p := &d.parts[n]
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := d.load(n); err != nil {
		return err
	}
	for len(mine) > 0 {
		group := mine[:min(ahead, len(mine))]
		mine = mine[len(group):]
		p.warm(ks, group)
		for _, i := range group {
			k := &ks[i]
			place, ok := p.find(k)
			if !ok {
				b := uint64(0)
				if buckets != nil {
					b = buckets[i]
				}
				var err error
				if place, err = p.add(k, b, seal(int(i))); err != nil {
					return fmt.Errorf("dictionary %s: partition %d: %w", d.name, n, err)
				}
			}
			if p.watching {
				setBit(&p.used, place)
			}
			out[i] = MakeRef(byte(n), place)
		}
	}
	return nil
}

// add gives k the next place. p.mu is held for writing and the table is loaded.
func (p *part) add(k *pseudonym.Pseudonym, bucket uint64, sealed []byte) (uint32, error) {
	// The ends of a merged section have four bytes.
	if p.count == noLocal || p.sealed+uint64(len(sealed)) > math.MaxUint32 {
		return 0, ErrFull
	}
	p.room(p.count + 1)
	place := p.count
	p.push(*k)
	p.enter(k, place)
	p.tail.push(bucket, sealed)
	p.sealed += uint64(len(sealed))
	return place, nil
}

// Unflushed returns the sealed id of an entry that may not be durable yet, else
// nil; it must not be changed. An entry is durable from the Committed that
// follows its Flush: a file that no manifest names was never written.
func (d *Dictionary) Unflushed(r Ref) []byte {
	p := &d.parts[r.Part()]
	p.mu.RLock()
	defer p.mu.RUnlock()
	if l := r.Local(); l >= p.kept && l < p.count {
		return p.tail.entry(l - p.kept)
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

// Sealed returns the sealed real id of an entry.
func (d *Dictionary) Sealed(ref Ref) ([]byte, error) {
	if s := d.Unflushed(ref); len(s) > 0 {
		return s, nil
	}
	runs := d.use()
	defer release(runs)
	for _, r := range runs {
		if s := &r.secs[ref.Part()]; s.has(ref.Local()) {
			sealed, err := r.sealed(s, ref.Local()-s.first)
			if err != nil {
				return nil, fmt.Errorf("dictionary %s: partition %d place %d: %w", r.info.Name, ref.Part(), ref.Local(), err)
			}
			return sealed, nil
		}
	}
	if ref.Local() < d.Count(ref.Part()) {
		return nil, ErrDropped // in memory only, and given without a sealed id
	}
	return nil, fmt.Errorf("dictionary %s: partition %d place %d: %w", d.name, ref.Part(), ref.Local(), ErrUnknown)
}

// Entry is one entry as Each shows it.
type Entry struct {
	Ref       Ref
	Pseudonym pseudonym.Pseudonym
	Bucket    uint64 // pseudonym.Hasher.Bucket of the id; 0 for none
	Sealed    []byte // valid during the call
}

// Each calls fn for every entry of a partition that is not destroyed, in the
// order of their places. It holds one section of one run file in memory. fn must
// not call Resolve.
func (d *Dictionary) Each(n int, fn func(Entry) error) error {
	p, err := d.read(n)
	if err != nil {
		return err
	}
	// The runs and the tail are taken at one moment: together they are all.
	runs := d.use()
	defer release(runs)
	inFiles := uint32(0)
	for _, r := range runs {
		inFiles += r.secs[n].count
	}
	recent, keys := p.unwritten(inFiles)
	p.mu.RUnlock()
	for _, r := range runs {
		e, err := r.read(n)
		if err != nil {
			return fmt.Errorf("dictionary %s: %w", r.info.Name, err)
		}
		if err := e.each(n, fn); err != nil {
			return err
		}
	}
	return (&entries{first: inFiles, keys: keys, tail: recent}).each(n, fn)
}
