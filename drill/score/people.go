package score

import (
	"hash/maphash"
	"math/bits"
)

// People is a set of people with the items of each, as bits. It holds the bytes of
// every id and compares these: a hash only says where to look, so that two people are
// never taken for one. 37 million ids of nine bytes take about a gigabyte.
//
// It is not safe for concurrent use.
type People struct {
	seed   maphash.Seed
	shards [1 << shardBits]shard
	n      int64
}

// Many small tables, so that the one that grows copies little.
const shardBits = 8

type shard struct {
	ids   []byte   // each its length in two bytes, and its bytes
	at    []uint32 // of an entry: where its id begins in ids
	items []uint32
	seen  []uint64 // bits by entry
	slots []uint32 // entry+1; 0 is free
}

// longest is how long an id may be: its length has two bytes, and a shard four for where
// it begins.
const longest = 4096

// NewPeople is an empty set.
func NewPeople() *People { return &People{seed: maphash.MakeSeed()} }

// Len is how many people are in it.
func (p *People) Len() int64 {
	if p == nil {
		return 0
	}
	return p.n
}

// Add unites: somebody who is in it already has the items of both.
func (p *People) Add(person string, items uint32) {
	h := maphash.String(p.seed, person)
	s := &p.shards[h>>(64-shardBits)]
	if (len(s.at)+1)*4 > len(s.slots)*3 {
		s.grow(p.seed)
	}
	slot, e := s.find(h, person)
	if e < 0 {
		s.at = append(s.at, uint32(len(s.ids)))
		s.ids = append(append(s.ids, byte(len(person)), byte(len(person)>>8)), person...)
		s.items = append(s.items, 0)
		if len(s.at) > len(s.seen)*64 {
			s.seen = append(s.seen, 0)
		}
		e = len(s.at) - 1
		s.slots[slot] = uint32(e + 1)
		p.n++
	}
	s.items[e] |= items
}

// Items of somebody; false if they are not in it.
func (p *People) Items(person string) (uint32, bool) {
	s, e := p.entry(person)
	if e < 0 {
		return 0, false
	}
	return s.items[e], true
}

// see is Items that remembers who was asked for, and says whether they were before.
func (p *People) see(person string) (items uint32, in, again bool) {
	s, e := p.entry(person)
	if e < 0 {
		return 0, false, false
	}
	bit := uint64(1) << (e % 64)
	again = s.seen[e/64]&bit != 0
	s.seen[e/64] |= bit
	return s.items[e], true, again
}

// forget makes nobody seen.
func (p *People) forget() {
	if p == nil {
		return
	}
	for i := range p.shards {
		clear(p.shards[i].seen)
	}
}

// counted is how many hold each item.
func (p *People) counted(items int) []int64 {
	out := make([]int64, items)
	if p == nil {
		return out
	}
	for i := range p.shards {
		for _, m := range p.shards[i].items {
			eachBit(m, items, func(k int) { out[k]++ })
		}
	}
	return out
}

func eachBit(mask uint32, most int, f func(int)) {
	for ; mask != 0; mask &= mask - 1 {
		if k := bits.TrailingZeros32(mask); k < most {
			f(k)
		}
	}
}

func (p *People) entry(person string) (*shard, int) {
	if p == nil || p.n == 0 {
		return nil, -1
	}
	h := maphash.String(p.seed, person)
	s := &p.shards[h>>(64-shardBits)]
	if len(s.slots) == 0 {
		return nil, -1
	}
	_, e := s.find(h, person)
	return s, e
}

// find gives the entry, or -1 and the slot where it belongs.
func (s *shard) find(h uint64, person string) (slot, entry int) {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		e := int(s.slots[i]) - 1
		if e < 0 || string(s.id(e)) == person {
			return int(i), e
		}
	}
}

func (s *shard) id(e int) []byte {
	at := s.at[e]
	n := uint32(s.ids[at]) | uint32(s.ids[at+1])<<8
	return s.ids[at+2 : at+2+n]
}

func (s *shard) grow(seed maphash.Seed) {
	s.slots = make([]uint32, max(8, 2*len(s.slots)))
	mask := uint64(len(s.slots) - 1)
	for e := range s.at {
		i := maphash.Bytes(seed, s.id(e)) & mask
		for s.slots[i] != 0 {
			i = (i + 1) & mask
		}
		s.slots[i] = uint32(e + 1)
	}
}
