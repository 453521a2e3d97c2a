package detect

import "github.com/haetae/haetae/ledger/dictionary"

// Blocks answers World's Bucket from a walk over all identities (ledger.View has
// one): 8 bytes each, loaded when it is first asked.
type Blocks struct {
	each   func(func(r dictionary.Ref, block uint64)) error
	known  map[uint64]int                  // accounts, by block
	of     [dictionary.Partitions][]uint64 // block of each account
	loaded bool
}

// NewBlocks makes them of a walk.
func NewBlocks(each func(func(r dictionary.Ref, block uint64)) error) *Blocks {
	return &Blocks{each: each}
}

// Bucket names the block of an account and how many accounts of it are known.
func (b *Blocks) Bucket(r dictionary.Ref) (uint64, int, error) {
	if !b.loaded {
		b.loaded, b.known = true, map[uint64]int{}
		err := b.each(func(r dictionary.Ref, block uint64) {
			list := &b.of[r.Part()]
			if n := int(r.Local()) + 1; n > len(*list) {
				*list = append(*list, make([]uint64, n-len(*list))...)
			}
			(*list)[r.Local()] = block
			b.known[block]++
		})
		if err != nil {
			return 0, 0, err
		}
	}
	list := b.of[r.Part()]
	if int(r.Local()) >= len(list) {
		return 0, 0, nil
	}
	block := list[r.Local()]
	return block, b.known[block], nil
}
