package scope

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// finish turns a partition's sets of accounts into counts: accounts, people
// with one account, items. What crosses partitions is put aside for settle.
func (w *worker) finish() error {
	for k, set := range w.own {
		reg := w.registers[k.register].Words(w.part)
		words, used := w.scratch.wordsOf([]*accountSet{set})
		eachWord(len(words[0]), used, func(i int) {
			eachBit(words[0][i]&^at(reg, i), i, func(l uint32) { w.t.ghost(k.group, dictionary.MakeRef(byte(w.part), l)) })
		})
		w.scratch.giveBack(words[0], used)
	}
	byGroup := map[int32][]classSet{}
	for c, s := range w.classes {
		byGroup[c.group] = append(byGroup[c.group], classSet{class: c, set: s})
	}
	for g, sets := range byGroup {
		if err := w.finishGroup(g, sets); err != nil {
			return err
		}
	}
	return nil
}

// at reads a word of a bitmap that may be shorter.
func at(words []uint64, i int) uint64 {
	if i < len(words) {
		return words[i]
	}
	return 0
}

// classSet is a class and its accounts.
type classSet struct {
	class
	set      *accountSet
	words    []uint64
	register []uint64 // nil: all exist
	// itemsIn maps the class's items to the bits of its holdings edition.
	itemsIn uint64
}

// existing gives the accounts of a word that the register in force knows.
func (s *classSet) existing(i int) uint64 {
	if s.class.register < 0 {
		return s.words[i]
	}
	return s.words[i] & at(s.register, i)
}

func (w *worker) finishGroup(g int32, sets []classSet) error {
	// Of one edition after the other.
	slices.SortFunc(sets, func(a, b classSet) int { return cmp.Compare(a.holdings, b.holdings) })
	list := make([]*accountSet, len(sets))
	for i := range sets {
		list[i] = sets[i].set
	}
	words, used := w.scratch.wordsOf(list)
	defer func() {
		for _, ws := range words {
			w.scratch.giveBack(ws, used)
		}
	}()
	n := 0
	for i := range sets {
		sets[i].words = words[i]
		n = len(words[i])
		if r := sets[i].class.register; r >= 0 {
			sets[i].register = w.registers[r].Words(w.part)
		}
	}
	var keep *keptPart
	if w.keep && g == 0 {
		w.t.kept = append(w.t.kept, keptPart{part: w.part})
		keep = &w.t.kept[len(w.t.kept)-1]
	}
	p := &peopleCounter{worker: w, c: &w.t.counts[g], group: g, sets: sets, keep: keep}
	if err := p.begin(); err != nil {
		return err
	}
	eachWord(n, used, p.word)
	p.end()
	return nil
}

// peopleCounter counts the accounts of one line in one partition, and who
// stands behind them.
type peopleCounter struct {
	*worker
	c     *counts
	group int32
	sets  []classSet
	keep  *keptPart

	parts   []*edition.Part // per edition in use
	cursors []edition.Cursor
	alone   bool // no other edition can say otherwise
	byMask  maskCounts
	mine    []personItems // people of the account at hand, under several editions

	simple bool // alone, and of all accounts
	shown  []shownItems
	in     []uint64 // of the word at hand, the accounts of each set
}

// shownItems are the items of a set of accounts, in the catalog's bits: of an
// account's holder, and of everybody behind it.
type shownItems struct{ own, behind uint64 }

func (p *peopleCounter) begin() error {
	if len(p.holdings) == 0 {
		return nil
	}
	p.parts, p.cursors = make([]*edition.Part, len(p.holdings)), make([]edition.Cursor, len(p.holdings))
	p.alone = len(p.live) == 1
	open := func(h int) (err error) {
		if p.parts[h] == nil {
			if p.parts[h], err = p.holdings[h].Partition(p.part); err == nil {
				p.cursors[h] = p.parts[h].Cursor()
			}
		}
		return err
	}
	for i := range p.sets {
		s := &p.sets[i]
		if err := open(int(s.holdings)); err != nil {
			return err
		}
		m := &p.maps[s.holdings]
		s.itemsIn = m.toHoldings(s.items)
		known := m.toCatalog(s.itemsIn)
		p.t.missing |= s.items &^ catalog.ItemSet(known)
		shown := shownItems{own: known}
		if s.behind {
			shown.behind = known
		}
		p.shown = append(p.shown, shown)
	}
	first, last := p.sets[0].holdings, p.sets[len(p.sets)-1].holdings // in order
	p.simple = p.alone && first == last
	if !p.alone {
		for _, h := range p.live {
			if err := open(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// word counts the accounts of word i.
func (p *peopleCounter) word(i int) {
	all, outside := uint64(0), uint64(0)
	for k := range p.sets {
		s := &p.sets[k]
		x := s.words[i]
		in := s.existing(i)
		all |= in
		if out := x &^ in; out != 0 {
			outside |= out
			if s.own {
				eachBit(out, i, func(l uint32) { p.t.ghost(p.group, dictionary.MakeRef(byte(p.part), l)) })
			}
		}
	}
	p.c.unregistered += int64(bits.OnesCount64(outside))
	if all == 0 {
		return
	}
	p.c.accounts += int64(bits.OnesCount64(all))
	if p.byItem && p.group == 0 {
		p.eachItem(i, func(item int, shown uint64) { p.t.byItem.accounts[item] += int64(bits.OnesCount64(shown)) })
	}
	if len(p.holdings) == 0 {
		p.holders(i, all)
		return
	}
	if p.keep != nil {
		eachBit(all, i, func(l uint32) { p.keep.locals = append(p.keep.locals, l) })
	}
	if p.simple {
		p.simply(i, all)
		return
	}
	for x := all; x != 0; x &= x - 1 {
		p.account(i, x&-x, uint32(i<<6|bits.TrailingZeros64(x)))
	}
}

// holders counts the holders of a word of accounts, of whom nothing more is
// known: by item, not by account, 64 at a time.
func (p *peopleCounter) holders(i int, all uint64) {
	p.c.people += int64(bits.OnesCount64(all))
	p.eachItem(i, func(item int, shown uint64) { p.c.items[item] += int64(bits.OnesCount64(shown)) })
	if p.keep == nil {
		return
	}
	// No holdings, no persons: the account stands for its holder.
	eachBit(all, i, func(l uint32) {
		p.keep.locals = append(p.keep.locals, l)
		mask := catalog.ItemSet(0)
		for k := range p.sets {
			if s := &p.sets[k]; s.existing(i)>>(l&63)&1 != 0 {
				mask |= s.items
			}
		}
		p.keep.persons = append(p.keep.persons, personItems{0, dictionary.MakeRef(byte(p.part), l), uint64(mask)})
	})
}

// eachItem gives, for each item, the accounts of a word in whose answers it was.
func (p *peopleCounter) eachItem(i int, fn func(item int, shown uint64)) {
	items := catalog.ItemSet(0)
	for k := range p.sets {
		items |= p.sets[k].items
	}
	for x := uint64(items); x != 0; x &= x - 1 {
		shown := uint64(0)
		for k := range p.sets {
			if s := &p.sets[k]; uint64(s.items)&(x&-x) != 0 {
				shown |= s.existing(i)
			}
		}
		fn(bits.TrailingZeros64(x), shown)
	}
}

// maxLines is from how many lines of an account on its people are united with
// the others at the end instead of among themselves.
const maxLines = 64

// simply counts the people behind a word of accounts where one edition of the
// holdings speaks of all of them: what account does, without asking which.
func (p *peopleCounter) simply(i int, all uint64) {
	h := p.sets[0].holdings
	pt, cursor, masks := p.parts[h], &p.cursors[h], p.masks[h]
	in := p.in[:0]
	for k := range p.sets {
		in = append(in, p.sets[k].existing(i))
	}
	p.in = in
	for x := all; x != 0; x &= x - 1 {
		own, behind, bit := uint64(0), uint64(0), x&-x
		for k, w := range in {
			if w&bit != 0 {
				own |= p.shown[k].own
				behind |= p.shown[k].behind
			}
		}
		from, to := cursor.Seek(uint32(i<<6 | bits.TrailingZeros64(x)))
		if from == to {
			p.c.withoutHolding++
		}
		for n := from; n < to; n++ {
			set, holder, shared := pt.Set(n)
			shown := behind
			if holder {
				shown |= own
			}
			switch shown &= masks[set]; {
			case shown == 0:
			case shared:
				p.t.shared = append(p.t.shared, personItems{p.group, pt.Person(n), shown})
			case p.keep != nil:
				p.person(pt.Person(n), shown)
			default:
				p.c.people++
				p.byMask.add(shown)
			}
		}
	}
}

// account counts the people behind an account.
func (p *peopleCounter) account(i int, bit uint64, l uint32) {
	found := false
	p.mine = p.mine[:0]
	for k := 0; k < len(p.sets); {
		h := p.sets[k].holdings
		own, behind := uint64(0), uint64(0)
		read := false
		for ; k < len(p.sets) && p.sets[k].holdings == h; k++ {
			if s := &p.sets[k]; s.existing(i)&bit != 0 {
				read = true
				own |= s.itemsIn
				if s.behind {
					behind |= s.itemsIn
				}
			}
		}
		if !read {
			continue
		}
		from, to := p.cursors[h].Seek(l)
		found = found || to > from
		for n := from; n < to; n++ {
			line := p.parts[h].Line(n)
			shown := line.Mask & behind
			if line.Holder {
				shown |= line.Mask & own
			}
			if shown == 0 {
				continue
			}
			mask := p.maps[h].toCatalog(shown)
			switch {
			case line.Shared, !p.alone && !p.only(l, line.Person):
				p.t.shared = append(p.t.shared, personItems{p.group, line.Person, mask})
			case p.alone:
				p.person(line.Person, mask)
			default:
				p.mine = append(p.mine, personItems{p.group, line.Person, mask})
			}
		}
	}
	for n := range p.mine {
		m := &p.mine[n]
		if m.mask == 0 {
			continue
		}
		for k := n + 1; k < len(p.mine); k++ {
			if p.mine[k].person == m.person {
				m.mask |= p.mine[k].mask
				p.mine[k].mask = 0
			}
		}
		p.person(m.person, m.mask)
	}
	if !found {
		p.c.withoutHolding++
	}
}

// person counts somebody who can stand nowhere else.
func (p *peopleCounter) person(ref dictionary.Ref, mask uint64) {
	p.c.people++
	p.byMask.add(mask)
	if p.keep != nil {
		p.keep.persons = append(p.keep.persons, personItems{0, ref, mask})
	}
}

// only reports whether every edition that can be in force has the person in
// this account and in no other. Most people do not move between two editions,
// and so do not have to be sorted together with everybody at the end.
func (p *peopleCounter) only(l uint32, person dictionary.Ref) bool {
	for _, h := range p.live {
		from, to := p.cursors[h].Seek(l)
		if to-from > maxLines {
			return false
		}
		ok := false
		for n := from; n < to; n++ {
			if line := p.parts[h].Line(n); line.Person == person {
				ok = !line.Shared
				break
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

func (p *peopleCounter) end() {
	p.byMask.each(func(mask uint64, n int64) { addItems(p.c, mask, n) })
}

func addItems(c *counts, mask uint64, n int64) {
	for ; mask != 0; mask &= mask - 1 {
		c.items[bits.TrailingZeros64(mask)] += n
	}
}

// settle unites what crosses partitions: split records, people who stand in
// several accounts, member actors seen away from home.
func (p *plan) settle(t *tally) error {
	for k, s := range t.split {
		t.record(k.group, s.by, int64(s.n), returned{}, true)
		if k.group == 0 && s.by.read && s.by.listed {
			t.partlyNamed(int64(s.n), k.rows, segment.Fragments(k.record))
		}
	}
	for k := range t.actors {
		if !p.registers[k.register].Has(k.ref) {
			t.ghost(k.group, k.ref)
		}
	}
	for g, refs := range t.ghosts {
		slices.Sort(refs)
		t.counts[g].ghosts = int64(len(slices.Compact(refs)))
	}
	// People by group and person; equal ones are neighbours after the sort.
	slices.SortFunc(t.shared, func(a, b personItems) int {
		return cmp.Compare(uint64(a.group)<<32|uint64(a.person), uint64(b.group)<<32|uint64(b.person))
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
			t.persons = append(t.persons, s)
		}
	}
	return nil
}
