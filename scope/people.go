package scope

import (
	"math/bits"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
)

// finish turns a partition's sets of accounts into counts: accounts, people
// with one account, items. What crosses partitions is put aside for settle.
func (w *worker) finish() error {
	t := w.t
	// Ghosts of this partition: members who connected and whom the register in
	// force did not know.
	ghosts := map[int32]*accountSet{}
	for k, set := range w.own {
		reg := w.registers[k.register].Words(w.part)
		for i, x := range set.words {
			if i < len(reg) {
				x &^= reg[i]
			}
			if x == 0 {
				continue
			}
			g := ghosts[k.group]
			if g == nil {
				g = &accountSet{}
				ghosts[k.group] = g
			}
			for len(g.words) <= i {
				g.words = append(g.words, 0)
			}
			g.words[i] |= x
		}
	}
	for g, set := range ghosts {
		for len(t.ghosts) <= int(g) {
			t.ghosts = append(t.ghosts, nil)
		}
		eachBit(set.words, func(l uint32) {
			t.ghosts[g] = append(t.ghosts[g], dictionary.MakeRef(byte(w.part), l))
		})
	}
	byGroup := map[int32][]classSet{}
	for c, s := range w.classes {
		cs := classSet{class: c, words: s.words}
		if c.register >= 0 {
			cs.words, cs.outside = split(s.words, w.registers[c.register].Words(w.part))
		}
		byGroup[c.group] = append(byGroup[c.group], cs)
	}
	for g, sets := range byGroup {
		if err := w.finishGroup(g, sets); err != nil {
			return err
		}
	}
	return nil
}

// classSet is a class and its accounts, registered and not.
type classSet struct {
	class
	words, outside []uint64
	// itemsIn maps the class's items to the bits of its holdings edition.
	itemsIn uint64
}

func split(words, register []uint64) (in, out []uint64) {
	in, out = make([]uint64, len(words)), make([]uint64, len(words))
	for i, x := range words {
		r := uint64(0)
		if i < len(register) {
			r = register[i]
		}
		in[i], out[i] = x&r, x&^r
	}
	return in, out
}

func union(sets []classSet, pick func(*classSet) []uint64) []uint64 {
	var out []uint64
	for i := range sets {
		ws := pick(&sets[i])
		for len(out) < len(ws) {
			out = append(out, 0)
		}
		for k, x := range ws {
			out[k] |= x
		}
	}
	return out
}

func eachBit(words []uint64, fn func(l uint32)) {
	for i, x := range words {
		for ; x != 0; x &= x - 1 {
			fn(uint32(i<<6 | bits.TrailingZeros64(x)))
		}
	}
}

func (w *worker) finishGroup(g int32, sets []classSet) error {
	c := &w.t.counts[g]
	all := union(sets, func(s *classSet) []uint64 { return s.words })
	c.accounts += popcount(all)
	c.unregistered += popcount(union(sets, func(s *classSet) []uint64 { return s.outside }))
	var keep *keptPart
	if w.keep && g == 0 {
		w.t.kept = append(w.t.kept, keptPart{part: w.part})
		keep = &w.t.kept[len(w.t.kept)-1]
		eachBit(all, func(l uint32) { keep.locals = append(keep.locals, l) })
	}
	if len(w.holdings) == 0 {
		w.withoutHoldings(c, sets, all, g, keep)
		return nil
	}
	// One edition of the holdings: people with one account are counted here and
	// now. Several: a person may be another's in the next, so all are put aside.
	parts := make([]*edition.Part, len(w.holdings))
	maps := make([]itemMap, len(w.holdings))
	used := map[int16]bool{}
	for i := range sets {
		h := sets[i].holdings
		used[h] = true
		if parts[h] == nil {
			var err error
			if parts[h], err = w.holdings[h].Partition(w.part); err != nil {
				return err
			}
			maps[h] = newItemMap(w.catalog, w.holdings[h])
		}
		sets[i].itemsIn = maps[h].toHoldings(sets[i].items)
	}
	single := len(used) == 1
	slices.SortFunc(sets, func(a, b classSet) int { return int(a.holdings) - int(b.holdings) })
	cursors := make([]edition.Cursor, len(w.holdings))
	for h := range used {
		cursors[h] = parts[h].Cursor()
	}
	people := int64(0)
	var byMask maskCounts
	for i, x := range all {
		for ; x != 0; x &= x - 1 {
			l := uint32(i<<6 | bits.TrailingZeros64(x))
			bit := uint64(1) << (l & 63)
			found := false
			for k := 0; k < len(sets); {
				h := sets[k].holdings
				own, behind := uint64(0), uint64(0)
				for ; k < len(sets) && sets[k].holdings == h; k++ {
					if s := &sets[k]; i < len(s.words) && s.words[i]&bit != 0 {
						own |= s.itemsIn
						if s.behind {
							behind |= s.itemsIn
						}
					}
				}
				if own == 0 && behind == 0 {
					continue
				}
				from, to := cursors[h].Seek(l)
				found = found || to > from
				for n := from; n < to; n++ {
					line := parts[h].Line(n)
					shown := line.Mask & behind
					if line.Holder {
						shown |= line.Mask & own
					}
					if shown == 0 {
						continue
					}
					if single && !line.Shared {
						people++
						byMask.add(shown)
						if keep != nil {
							keep.persons = append(keep.persons, personItems{0, line.Person, maps[h].toCatalog(shown)})
						}
						continue
					}
					w.t.shared = append(w.t.shared, personItems{g, line.Person, maps[h].toCatalog(shown)})
				}
			}
			if !found {
				c.withoutHolding++
			}
		}
	}
	c.people += people
	for h := range used {
		if single {
			byMask.each(func(mask uint64, n int64) {
				addItems(c, maps[h].toCatalog(mask), n)
			})
		}
	}
	return nil
}

// withoutHoldings counts account holders, of whom nothing more is known.
func (w *worker) withoutHoldings(c *counts, sets []classSet, all []uint64, g int32, keep *keptPart) {
	c.people += popcount(all)
	for i, x := range all {
		for ; x != 0; x &= x - 1 {
			bit := x & -x
			items := catalog.ItemSet(0)
			for k := range sets {
				if s := &sets[k]; i < len(s.words) && s.words[i]&bit != 0 {
					items |= s.items
				}
			}
			addItems(c, uint64(items), 1)
			if keep != nil {
				l := uint32(i<<6 | bits.TrailingZeros64(x))
				// No holdings, no persons: the account stands for its holder.
				keep.persons = append(keep.persons, personItems{0, dictionary.MakeRef(byte(w.part), l), uint64(items)})
			}
		}
	}
}

func addItems(c *counts, mask uint64, n int64) {
	for ; mask != 0; mask &= mask - 1 {
		c.items[bits.TrailingZeros64(mask)] += n
	}
}

// maskCounts counts sets of items; there are few different ones.
type maskCounts struct {
	last uint64
	n    int64
	m    map[uint64]int64
}

func (c *maskCounts) add(mask uint64) {
	if mask == c.last {
		c.n++
		return
	}
	c.flush()
	c.last, c.n = mask, 1
}

func (c *maskCounts) flush() {
	if c.n > 0 {
		if c.m == nil {
			c.m = map[uint64]int64{}
		}
		c.m[c.last] += c.n
		c.n = 0
	}
}

func (c *maskCounts) each(fn func(mask uint64, n int64)) {
	c.flush()
	for mask, n := range c.m {
		fn(mask, n)
	}
}

// itemMap translates between the catalog's items and those of a holdings
// edition, which are matched by name.
type itemMap struct {
	to   [catalog.MaxItems]int8 // catalog bit → holdings bit, -1 = unknown there
	from [catalog.MaxItems]int8
	same bool
}

func newItemMap(c *catalog.Catalog, h *edition.Holdings) itemMap {
	var m itemMap
	for i := range m.to {
		m.to[i], m.from[i] = -1, -1
	}
	for i, name := range h.Items() {
		if b, ok := c.ItemBit(name); ok {
			m.to[b], m.from[i] = int8(i), int8(b)
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
	for ; mask != 0; mask &= mask - 1 {
		if b := m.from[bits.TrailingZeros64(mask)]; b >= 0 {
			out |= 1 << b
		}
	}
	return out
}

// settle unites what crosses partitions: split records, people who stand in
// several accounts, member actors seen away from home.
func (p *plan) settle(t *tally) error {
	for k, s := range t.split {
		c := &t.counts[k.group]
		c.records++
		if s.read {
			c.reads++
			if k.group == 0 {
				t.routes[k.route]++
			}
		}
	}
	for k := range t.actors {
		if !p.registers[k.register].Has(k.ref) {
			for len(t.ghosts) <= int(k.group) {
				t.ghosts = append(t.ghosts, nil)
			}
			t.ghosts[k.group] = append(t.ghosts[k.group], k.ref)
		}
	}
	for g, refs := range t.ghosts {
		slices.Sort(refs)
		t.counts[g].ghosts = int64(len(slices.Compact(refs)))
	}
	// People by group and person; equal ones are neighbours after the sort.
	slices.SortFunc(t.shared, func(a, b personItems) int {
		switch {
		case a.group != b.group:
			return int(a.group) - int(b.group)
		case a.person < b.person:
			return -1
		case a.person > b.person:
			return 1
		}
		return 0
	})
	for i := 0; i < len(t.shared); {
		s := t.shared[i]
		for i++; i < len(t.shared) && t.shared[i].group == s.group && t.shared[i].person == s.person; i++ {
			s.mask |= t.shared[i].mask
		}
		c := &t.counts[s.group]
		c.people++
		addItems(c, s.mask, 1)
		if p.keep && s.group == 0 {
			t.kept = append(t.kept, keptPart{part: -1, persons: []personItems{s}})
		}
	}
	return nil
}
