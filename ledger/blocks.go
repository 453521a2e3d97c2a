package ledger

import (
	"fmt"

	"github.com/haetae/haetae/ledger/dictionary"
)

// Blocks gives every identity with a numeric id and the block of 1,024 numbers that
// the id lies in, as a keyed pseudonym of the block.
func (v *View) Blocks(fn func(r dictionary.Ref, block uint64)) error {
	for n := range dictionary.Partitions {
		err := v.l.identities.Each(n, func(e dictionary.Entry) error {
			if e.Bucket != 0 {
				fn(e.Ref, e.Bucket)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("blocks: %w", err)
		}
	}
	return nil
}
