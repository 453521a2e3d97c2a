package scope

import (
	"math/bits"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger/edition"
)

// maskCounts counts sets of items. There are few different ones, so that a
// small table nearly always has the one at hand.
type maskCounts struct {
	table [64]struct {
		mask uint64
		n    int64
	}
	m map[uint64]int64
}

func (c *maskCounts) add(mask uint64) {
	e := &c.table[mask*0x9E3779B97F4A7C15>>58]
	if e.mask != mask {
		if e.n > 0 {
			if c.m == nil {
				c.m = map[uint64]int64{}
			}
			c.m[e.mask] += e.n
		}
		e.mask, e.n = mask, 0
	}
	e.n++
}

func (c *maskCounts) each(fn func(mask uint64, n int64)) {
	for i := range c.table {
		if e := &c.table[i]; e.n > 0 {
			fn(e.mask, e.n)
		}
	}
	for mask, n := range c.m {
		fn(mask, n)
	}
}

// itemMap translates between the catalog's items and those of a holdings
// edition, which are matched by name.
type itemMap struct {
	to   [catalog.MaxItems]int8 // catalog bit → holdings bit, -1 = unknown there
	from [catalog.MaxItems]int8
	same bool // and so nothing has to be done
}

func newItemMap(c *catalog.Catalog, h *edition.Holdings) itemMap {
	m := itemMap{same: true}
	for i := range m.to {
		m.to[i], m.from[i] = -1, -1
	}
	for i, name := range h.Items() {
		if b, ok := c.ItemBit(name); ok {
			m.to[b], m.from[i] = int8(i), int8(b)
			m.same = m.same && b == i
		} else {
			m.same = false
		}
	}
	return m
}

func (m *itemMap) toHoldings(s catalog.ItemSet) (out uint64) {
	for x := uint64(s); x != 0; x &= x - 1 {
		if b := m.to[bits.TrailingZeros64(x)]; b >= 0 {
			out |= 1 << b
		}
	}
	return out
}

func (m *itemMap) toCatalog(mask uint64) (out uint64) {
	if m.same {
		return mask
	}
	for ; mask != 0; mask &= mask - 1 {
		if b := m.from[bits.TrailingZeros64(mask)]; b >= 0 {
			out |= 1 << b
		}
	}
	return out
}

// sets are the edition's sets of items, in the catalog's bits.
func (m *itemMap) sets(h *edition.Holdings) []uint64 {
	if m.same {
		return h.Sets()
	}
	out := make([]uint64, len(h.Sets()))
	for i, mask := range h.Sets() {
		out[i] = m.toCatalog(mask)
	}
	return out
}
