package segment

import (
	"math/bits"
	"slices"
	"sort"

	"github.com/haetae/haetae/event"
)

// fileBlocks predicts from a row's time the block of the source file it came
// from: logs are written in order of time, so that the block is nearly always
// the last one to begin before it, and what is stored of it is a zero.
type fileBlocks struct {
	blocks []uint32       // ascending
	times  []event.Millis // the first of each block

	begins []event.Millis // times, made ascending
	grid   []uint32       // the prediction at each step of time
	base   event.Millis
	shift  uint
}

func bitsFor(n int) int { return bits.Len(uint(n)) }

// prepare makes f ready to predict.
func (f *fileBlocks) prepare() {
	n := len(f.blocks)
	if n == 0 {
		return
	}
	f.begins = slices.Clone(f.times)
	for i := 1; i < n; i++ {
		f.begins[i] = max(f.begins[i], f.begins[i-1])
	}
	f.base = f.begins[0]
	span := uint64(f.begins[n-1] - f.base)
	f.shift = uint(max(0, bits.Len64(span)-bitsFor(2*n)))
	f.grid = make([]uint32, span>>f.shift+2)
	k := 0
	for g := range f.grid {
		from := uint64(g) << f.shift
		for k+1 < n && uint64(f.begins[k+1]-f.base) <= from {
			k++
		}
		f.grid[g] = uint32(k)
	}
}

// predict gives the place in f.blocks where a row of time t is expected.
func (f *fileBlocks) predict(t event.Millis) int {
	if t <= f.base {
		return f.last(0, t)
	}
	g := uint64(t-f.base) >> f.shift
	if g >= uint64(len(f.grid)-1) {
		return len(f.blocks) - 1
	}
	return f.last(int(f.grid[g]), t)
}

// last is the last block from k on that begins by t.
func (f *fileBlocks) last(k int, t event.Millis) int {
	end := len(f.begins)
	for step := 0; k+1 < end && f.begins[k+1] <= t; step++ {
		if step == 8 { // many blocks of one moment
			return k + sort.Search(end-k-1, func(i int) bool { return f.begins[k+1+i] > t })
		}
		k++
	}
	return k
}

// find is the place of a block that is in the table.
func (f *fileBlocks) find(block uint32) int {
	if i := int(block - f.blocks[0]); i < len(f.blocks) && f.blocks[i] == block {
		return i // none is missing before it
	}
	i, _ := slices.BinarySearch(f.blocks, block)
	return i
}

// firstTimes notes the first time of each block of one file.
type firstTimes struct {
	dense []event.Millis // of low block numbers, which are nearly all
	on    []bool
	rest  map[uint32]event.Millis
	// The block noted last, since rows come in runs of one.
	block uint32
	time  event.Millis
	any   bool
}

// denseBlocks covers a file of 4 TiB in blocks of 1 MiB.
const denseBlocks = 1 << 22

func (f *firstTimes) note(block uint32, t event.Millis) {
	if f.any && f.block == block && f.time <= t {
		return
	}
	f.block, f.time, f.any = block, t, true
	if block >= denseBlocks {
		if was, ok := f.rest[block]; !ok || t < was {
			if f.rest == nil {
				f.rest = map[uint32]event.Millis{}
			}
			f.rest[block] = t
		} else {
			f.time = was
		}
		return
	}
	if int(block) >= len(f.dense) {
		n := max(int(block)+1, 2*len(f.dense))
		f.dense = append(f.dense, make([]event.Millis, n-len(f.dense))...)
		f.on = append(f.on, make([]bool, n-len(f.on))...)
	}
	if !f.on[block] || t < f.dense[block] {
		f.dense[block], f.on[block] = t, true
	} else {
		f.time = f.dense[block]
	}
}

// noteAll takes over what another segment knows of the file.
func (f *firstTimes) noteAll(b *fileBlocks) {
	for i := range b.blocks {
		f.note(b.blocks[i], b.times[i])
	}
}

func (f *firstTimes) table() fileBlocks {
	var b fileBlocks
	for i, on := range f.on {
		if on {
			b.blocks, b.times = append(b.blocks, uint32(i)), append(b.times, f.dense[i])
		}
	}
	high := make([]uint32, 0, len(f.rest))
	for i := range f.rest {
		high = append(high, i)
	}
	slices.Sort(high)
	for _, i := range high {
		b.blocks, b.times = append(b.blocks, i), append(b.times, f.rest[i])
	}
	b.prepare()
	return b
}
