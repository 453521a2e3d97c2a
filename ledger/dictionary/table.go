package dictionary

import (
	"encoding/binary"

	"github.com/haetae/haetae/internal/pseudonym"
)

// table is the keys of one partition by place, and an open-addressing hash
// table from key to place. A slot is 0 when empty; otherwise its low 24 bits are
// place+1 and its high 8 bits are one byte of the key, so that a probe that
// passes by other entries does not touch their keys, each of which would be
// another miss of the cache.
type table struct {
	count uint32
	keys  [][]pseudonym.Pseudonym // in pieces of chunk, so that growing copies nothing
	slots []uint32
}

// chunk is how many keys are kept in one piece: large enough to be cheap, small
// enough that the unused end of the last one, in 256 partitions, costs 8 MB on
// average.
const chunk = 1 << 12

const (
	placeMask = 1<<24 - 1
	tagMask   = ^uint32(placeMask)
)

var zero pseudonym.Pseudonym // the key of a destroyed entry

func (t *table) key(place uint32) *pseudonym.Pseudonym { return &t.keys[place/chunk][place%chunk] }

// push appends a key without entering it into slots.
func (t *table) push(k pseudonym.Pseudonym) {
	if t.count%chunk == 0 {
		// Small folders have few entries in each of 256 partitions.
		t.keys = append(t.keys, make([]pseudonym.Pseudonym, 0, min(chunk, max(64, int(t.count)))))
	}
	last := &t.keys[len(t.keys)-1]
	if len(*last) == cap(*last) {
		grown := make([]pseudonym.Pseudonym, len(*last), min(chunk, 2*cap(*last)))
		copy(grown, *last)
		*last = grown
	}
	*last = append(*last, k)
	t.count++
}

// probe is where the search for k begins. The first byte is the partition, the
// same for all.
func probe(k *pseudonym.Pseudonym) uint64 { return binary.LittleEndian.Uint64(k[:8]) >> 8 }

func tag(k *pseudonym.Pseudonym) uint32 { return uint32(k[15]) << 24 }

func (t *table) find(k *pseudonym.Pseudonym) (uint32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask, tg := uint64(len(t.slots)-1), tag(k)
	for i := probe(k) & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return 0, false
		}
		if s&tagMask == tg {
			if place := s&placeMask - 1; *t.key(place) == *k {
				return place, true
			}
		}
	}
}

// enter puts a pushed key into slots, which have room for it.
func (t *table) enter(k *pseudonym.Pseudonym, place uint32) {
	mask := uint64(len(t.slots) - 1)
	i := probe(k) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = tag(k) | (place + 1)
}

// room makes space for n entries at a load of at most 0.7. A partition has at
// most 16 million, 330 thousand of 84 million in all, so doubling at once stalls
// nobody for long.
func (t *table) room(n uint32) {
	if 10*uint64(n) <= 7*uint64(len(t.slots)) {
		return
	}
	size := max(16, len(t.slots))
	for 10*uint64(n) > 7*uint64(size) {
		size *= 2
	}
	t.rebuild(size)
}

// rebuild enters all keys that are not destroyed into size new slots.
func (t *table) rebuild(size int) {
	t.slots = make([]uint32, size)
	place := uint32(0)
	for _, piece := range t.keys {
		for i := range piece {
			if piece[i] != zero {
				t.enter(&piece[i], place)
			}
			place++
		}
	}
}

// ahead is how many lookups are in flight at once: the processor waits for one
// miss of the cache about as long as for a dozen that do not depend on each
// other. Measured on two virtual Xeon cores that others used too, random known
// ids in batches of 16,384: about 35 ns an id among 1 million, 80 to 95 among 20
// million; one at a time 48 and 170 (BenchmarkResolve).
const ahead = 32

// warm reads the slot and the stored key of each of at most ahead keys, all at
// once, so that the lookups that follow find them in the cache. What it returns
// means nothing; it keeps the reads from being optimised away.
func (t *table) warm(ks []pseudonym.Pseudonym, which []int32) (sum byte) {
	if len(t.slots) == 0 {
		return 0
	}
	var at [ahead]uint32
	mask := uint64(len(t.slots) - 1)
	for j, i := range which {
		at[j] = t.slots[probe(&ks[i])&mask]
	}
	for j, i := range which {
		// Past the first slot the search stays within a line of the cache.
		k := &ks[i]
		tg := tag(k)
		s := at[j]
		for n := probe(k) + 1; s != 0 && s&tagMask != tg; n++ {
			s = t.slots[n&mask]
		}
		if s != 0 {
			sum ^= t.key(s&placeMask - 1)[0]
		}
	}
	return sum
}
