package detect

import (
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
)

// Blocks answers World's Bucket from a walk over all identities (ledger.View has
// one): 4 bytes each, loaded when it is first asked.
type Blocks struct {
	each   func(func(r dictionary.Ref, block uint64)) error
	dated  []*edition.Register
	list   []block
	of     [dictionary.Partitions][]uint32 // place in list of each account's block, and one more
	loaded bool
}

// block is a block of ids.
type block struct {
	id    uint64
	known []int // accounts of it, by register; without one, all of them
}

// NewBlocks makes them of a walk, and of the registers that say who was a member when.
func NewBlocks(each func(func(r dictionary.Ref, block uint64)) error, registers []*edition.Register) *Blocks {
	return &Blocks{each: each, dated: registers}
}

// Bucket names the block of an account and how many accounts of it are known, by
// register.
func (b *Blocks) Bucket(r dictionary.Ref) (uint64, []int, error) {
	if !b.loaded {
		if err := b.load(); err != nil {
			return 0, nil, err
		}
	}
	list := b.of[r.Part()]
	if int(r.Local()) >= len(list) {
		return 0, nil, nil
	}
	n := list[r.Local()]
	if n == 0 {
		return 0, nil, nil
	}
	x := &b.list[n-1]
	return x.id, x.known, nil
}

func (b *Blocks) load() error {
	b.loaded = true
	places := map[uint64]uint32{}
	return b.each(func(r dictionary.Ref, id uint64) {
		list := &b.of[r.Part()]
		if n := int(r.Local()) + 1; n > len(*list) {
			*list = append(*list, make([]uint32, n-len(*list))...)
		}
		place, ok := places[id]
		if !ok {
			b.list = append(b.list, block{id, make([]int, max(1, len(b.dated)))})
			place = uint32(len(b.list))
			places[id] = place
		}
		(*list)[r.Local()] = place
		known := b.list[place-1].known
		if len(b.dated) == 0 {
			known[0]++
		}
		for i, x := range b.dated {
			if x.Has(r) {
				known[i]++
			}
		}
	})
}
