package detect

import (
	"math/bits"
	"slices"
)

// groups is the groups of a correlation by their keys. They lie in pages, which
// neither move nor are allocated one by one, and are found by an index of numbers
// without pointers: of ten million groups the collector looks at the pages alone.
type groups struct {
	index []uint64 // hash << 32 | number+1, open addressing; 0 = none
	pages []*page
	used  []int32  // groups of each page
	free  []uint32 // numbers without a group
	n     int
}

// pageGroups makes a page 32 KB, which the allocator adds no header to.
const pageGroups = 128

type page [pageGroups]group

// hashOf is the hash by which a key is found. part tells groups of the same
// key apart, of the kinds that have any.
func hashOf(k *tuple, part uint64) uint32 {
	h := part
	for _, v := range k {
		h = (h ^ v) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	h *= 0xBF58476D1CE4E5B9
	return uint32(h >> 32)
}

// get finds a group; nil if there is none.
func (gs *groups) get(k *tuple, part uint64, hash uint32) *group {
	if len(gs.index) == 0 {
		return nil
	}
	mask := uint32(len(gs.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		x := gs.index[i]
		if x == 0 {
			return nil
		}
		if uint32(x>>32) == hash {
			if g := gs.at(uint32(x) - 1); g.key == *k && (part == 0 || g.more.part == part) {
				return g
			}
		}
	}
}

func (gs *groups) at(n uint32) *group { return &gs.pages[n/pageGroups][n%pageGroups] }

// add makes a group that is not there yet.
func (gs *groups) add(k *tuple, part uint64, hash uint32) *group {
	if 4*(gs.n+1) > 3*len(gs.index) {
		gs.reindex(gs.n + 1)
	}
	if len(gs.free) == 0 {
		gs.grow()
	}
	n := gs.free[len(gs.free)-1]
	gs.free = gs.free[:len(gs.free)-1]
	gs.used[n/pageGroups]++
	g := gs.at(n)
	*g = group{key: *k, hash: hash, held: true}
	if part != 0 {
		g.more = &groupMore{part: part}
	}
	g.cells, g.edges, g.slots = g.oneCell[:0], g.twoEdges[:0], g.oneSlot[:0]
	gs.n++
	gs.enter(hash, n)
	return g
}

// grow makes a page.
func (gs *groups) grow() {
	p := len(gs.pages)
	for i, old := range gs.pages {
		if old == nil {
			p = i
			break
		}
	}
	if p == len(gs.pages) {
		gs.pages, gs.used = append(gs.pages, nil), append(gs.used, 0)
	}
	gs.pages[p] = &page{}
	for i := pageGroups - 1; i >= 0; i-- {
		gs.free = append(gs.free, uint32(p*pageGroups+i))
	}
}

func (gs *groups) enter(hash, n uint32) {
	mask := uint32(len(gs.index) - 1)
	i := hash & mask
	for gs.index[i] != 0 {
		i = (i + 1) & mask
	}
	gs.index[i] = uint64(hash)<<32 | uint64(n+1)
}

// reindex makes the index anew, for n groups. It stays as large as it was unless that
// would be far too large.
func (gs *groups) reindex(n int) {
	size := 1 << bits.Len(uint(4*n/3+4))
	if had := len(gs.index); size <= had && had <= 8*size {
		clear(gs.index)
	} else {
		gs.index = make([]uint64, size)
	}
	for p, pg := range gs.pages {
		if pg == nil || gs.used[p] == 0 {
			continue
		}
		for i := range pg {
			if g := &pg[i]; g.held {
				gs.enter(g.hash, uint32(p*pageGroups+i))
			}
		}
	}
}

// expire forgets what is past in each group, and the groups of which nothing is left;
// forgotten, if given, is told of these. Pages that have become empty are given back,
// but for as many as are in use.
func (gs *groups) expire(before, now, width int64, forgotten func(g *group)) {
	gone, used := 0, 0
	for p, pg := range gs.pages {
		if pg == nil || gs.used[p] == 0 {
			continue
		}
		for i := range pg {
			g := &pg[i]
			if !g.held || !g.past(before) && g.expire(before, now, width) {
				continue
			}
			if forgotten != nil {
				forgotten(g)
			}
			g.held, g.found, g.more = false, nil, nil
			g.cells, g.edges, g.slots = nil, nil, nil
			gs.used[p]--
			gone++
			gs.free = append(gs.free, uint32(p*pageGroups+i))
		}
		if gs.used[p] > 0 {
			used++
		}
	}
	if gone == 0 {
		return
	}
	gs.n -= gone
	gs.giveBack(used)
	gs.reindex(gs.n)
}

// giveBack gives empty pages back, but for some.
func (gs *groups) giveBack(keep int) {
	given := false
	for p, pg := range gs.pages {
		if pg == nil || gs.used[p] > 0 {
			continue
		}
		if keep--; keep < 0 {
			gs.pages[p], given = nil, true
		}
	}
	if given {
		gs.free = slices.DeleteFunc(gs.free, func(n uint32) bool { return gs.pages[n/pageGroups] == nil })
	}
}
