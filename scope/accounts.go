package scope

import (
	"math/bits"
	"slices"
)

// accountSet is a set of accounts of one partition, by place. While there are
// few it is a list, so that ten thousand groups of --by do not each hold a
// bitmap of a partition of 150,000.
type accountSet struct {
	list  []uint32
	words []uint64
}

// listMax bounds the list: beyond it a bitmap is smaller or soon will be.
const listMax = 512

func (s *accountSet) add(l uint32) {
	if s.words == nil {
		if n := len(s.list); n > 0 && s.list[n-1] == l {
			return
		}
		if len(s.list) < listMax {
			s.list = append(s.list, l)
			return
		}
		s.spread(l)
	}
	s.room(l)
	s.words[l>>6] |= 1 << (l & 63)
}

// addSorted adds places in ascending order, one or two nanoseconds each.
func (s *accountSet) addSorted(ls []uint32) {
	if len(ls) == 0 {
		return
	}
	if s.words == nil {
		if len(s.list)+len(ls) <= listMax {
			for _, l := range ls {
				s.add(l)
			}
			return
		}
		s.spread(ls[len(ls)-1])
	}
	s.room(ls[len(ls)-1])
	words := s.words
	for _, l := range ls {
		words[l>>6] |= 1 << (l & 63)
	}
}

func (s *accountSet) spread(l uint32) {
	for _, x := range s.list {
		l = max(l, x)
	}
	s.words = make([]uint64, int(l>>6)+1)
	for _, x := range s.list {
		s.words[x>>6] |= 1 << (x & 63)
	}
	s.list = nil
}

func (s *accountSet) room(l uint32) {
	if i := int(l >> 6); i >= len(s.words) {
		s.words = append(s.words, make([]uint64, i+1-len(s.words)+len(s.words)/4)...)
	}
}

// scratchSets lends bitmaps that are empty, and takes them back by emptying
// only the words that were used.
type scratchSets struct{ free [][]uint64 }

func (f *scratchSets) borrow(n int) []uint64 {
	if k := len(f.free); k > 0 {
		ws := f.free[k-1]
		f.free = f.free[:k-1]
		if cap(ws) >= n {
			return ws[:n]
		}
	}
	return make([]uint64, n, n+n/4)
}

func (f *scratchSets) giveBack(ws []uint64, used []int) {
	if used == nil {
		clear(ws)
	} else {
		for _, i := range used {
			if i < len(ws) {
				ws[i] = 0
			}
		}
	}
	f.free = append(f.free, ws)
}

// wordsOf gives the bitmaps of some sets, all of one length, and the numbers of
// the words that can hold something; nil means any.
func (f *scratchSets) wordsOf(sets []*accountSet) (words [][]uint64, used []int) {
	n, sparse := 0, true
	for _, s := range sets {
		if s.words != nil {
			sparse = false
			n = max(n, len(s.words))
		}
		for _, l := range s.list {
			n = max(n, int(l>>6)+1)
		}
	}
	for _, s := range sets {
		ws := f.borrow(n)
		copy(ws, s.words)
		for _, l := range s.list {
			ws[l>>6] |= 1 << (l & 63)
			if sparse {
				used = append(used, int(l>>6))
			}
		}
		words = append(words, ws)
	}
	if sparse {
		slices.Sort(used)
		return words, slices.Compact(append([]int{}, used...))
	}
	return words, nil
}

// eachWord calls fn for the numbers in used, or for all of n.
func eachWord(n int, used []int, fn func(i int)) {
	if used != nil {
		for _, i := range used {
			fn(i)
		}
		return
	}
	for i := range n {
		fn(i)
	}
}

func eachBit(x uint64, i int, fn func(l uint32)) {
	for ; x != 0; x &= x - 1 {
		fn(uint32(i<<6 | bits.TrailingZeros64(x)))
	}
}
