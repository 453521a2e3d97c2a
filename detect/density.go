package detect

import (
	"math"
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/edition"
)

// density looks at the blocks of ids that a group touches (rule type density): an
// account's number divided by 1,024 names its block, kept as a keyed pseudonym. Who
// walks over the numbers touches nearly every account of a block, in whatever order
// and from whatever address; who looks up customers touches few of many.
//
// The number that is compared is the share of the block's known accounts that the
// group has touched within the timespan, in its densest block of at least
// leastBlock accounts. Who is known is said by the register in force at the time: an
// account that it does not have is not counted. Without any register all are known that
// the ledger has met.
//
// A group touches many blocks once or twice, and few often. As long as a block has had
// fewer records than accounts are asked for, it cannot fire: until then its records
// stand in a list of the group and are only counted.
type density struct {
	walks  map[tuple]*walk
	near   [nearWalks]*walk // by hash: that were added to before
	blocks groups           // that may fire, by group and block
	n      int              // blocks with records, of all groups
	last   lastBlock
}

// walk is what a group has touched.
type walk struct {
	key    tuple
	list   []touch // as they came
	gone   int     // that stood before list
	counts codeMap[touches]
	none   int // of counts, blocks without a record
}

// touches is the records of a block in the list of its walk.
type touches struct {
	n    int32 // inBlocks where the block is one of blocks
	last int   // the place of the latest of them, which leads to the one before
}

type touch struct {
	account, block uint64 // the block is 0 when it has gone into blocks
	at             event.Millis
	before         int // a place; of the first of a block, one that is gone
}

const (
	inBlocks  = -1
	nearWalks = 256
)

// lastBlock is the account before, with its block: the next is often the same.
type lastBlock struct {
	account, block uint64
	known          []int // by register
	low            int   // the least that is enough to fire; 0 = none is
}

// leastBlock: of a block with fewer known accounts nothing is said.
const leastBlock = 32

func (d *density) add(e *Engine, c *correlation, k key, _ int, v uint64, at event.Millis) {
	if d.last.account != v || v == 0 {
		block, known, err := e.world.Bucket(refOf(v))
		if err != nil {
			e.fail(err)
			return
		}
		d.last = lastBlock{account: v, block: block, known: known}
		for _, n := range known { // nobody can touch more accounts of a block than there are
			if n >= max(leastBlock, c.typ.Min) && (d.last.low == 0 || n < d.last.low) {
				d.last.low = n
			}
		}
	}
	block, low := d.last.block, d.last.low
	if block == 0 || low == 0 {
		return
	}
	if registers := e.world.Registers(); len(registers) > 0 {
		if i, _ := edition.InForce(registers, at); !registers[i].Has(refOf(v)) {
			return
		}
	}
	w := d.walk(k)
	if w == nil {
		w = &walk{key: *k.tuple}
		d.walks[w.key] = w
		d.near[k.hash%nearWalks] = w
	}
	count := w.counts.get(block)
	if count == nil || count.n == 0 {
		if d.n >= e.o.MaxGroups {
			e.lose(c, stateFull, at)
			return
		}
		d.n++
		fresh := false
		if count, fresh = w.counts.put(block); !fresh {
			w.none--
		}
		count.last = -1
	}
	x := touch{v, block, at, count.last}
	if count.n != inBlocks {
		if count.n++; float64(count.n) < c.least*float64(low) || int(count.n) < c.typ.Min {
			count.last = w.gone + len(w.list)
			w.list = append(w.list, x)
			return
		}
		d.begin(c, w, block, count.last)
		*count = touches{n: inBlocks}
	}
	d.touch(e, c, w, x)
}

func (d *density) walk(k key) *walk {
	if w := d.near[k.hash%nearWalks]; w != nil && w.key == *k.tuple {
		return w
	}
	w := d.walks[*k.tuple]
	if w != nil {
		d.near[k.hash%nearWalks] = w
	}
	return w
}

// begin makes a block that may fire one of blocks, with its records in the list, which
// drops them when it forgets.
func (d *density) begin(c *correlation, w *walk, block uint64, last int) {
	g := d.blocks.add(&w.key, block, hashOf(&w.key, block))
	g.found = c.findings[w.key]
	for last >= w.gone {
		x := &w.list[last-w.gone]
		at := c.cell(x.at)
		g.note(at, x.at)
		g.add(x.account, at, x.at, c.grid.width)
		last, x.block = x.before, 0
	}
}

// touch enters a record into a block that may fire.
func (d *density) touch(e *Engine, c *correlation, w *walk, x touch) {
	g := d.blocks.get(&w.key, x.block, hashOf(&w.key, x.block))
	at := c.cell(x.at)
	g.note(at, x.at)
	g.add(x.account, at, x.at, c.grid.width)
	if float64(len(g.slots)) < c.least*float64(d.last.low) || len(g.slots) < c.typ.Min || c.silent {
		return
	}
	d.evaluate(e, c, g, d.last.known, at, at+c.grid.width)
}

// evaluate looks at the windows of a block that end in a cell in [from, to).
func (d *density) evaluate(e *Engine, c *correlation, g *group, byRegister []int, from, to int64) {
	least := max(int64(c.typ.Min), 1)
	registers := e.world.Registers()
	g.distinct(func(end *cell, n int64) bool {
		if end.at < from {
			return true
		}
		if end.at >= to {
			return false
		}
		known := byRegister[0]
		if len(registers) > 0 { // by the cell and not by its records, of which more may come
			i, _ := edition.InForce(registers, c.grid.begin(end.at))
			known = byRegister[i]
		}
		if known < max(leastBlock, c.typ.Min) {
			return true
		}
		if share := min(1, float64(n)/float64(known)); n >= least && holds(c.typ.Bounds, share) {
			reached := max(least, int64(math.Ceil(c.least*float64(known))))
			first := event.Millis(0)
			if c.chain != nil && c.chain.settling {
				first = max(g.nth(int(reached), end.at, c.grid.width), c.grid.begin(end.at))
			} else {
				first, _ = g.reachedAt(int(reached), end.at, c.grid.width)
			}
			e.fire(c, g, g.in(end.at, c.grid.width), share, first)
		}
		return true
	})
}

func (d *density) settle(e *Engine, c *correlation, to event.Millis) {
	now := c.grid.of(to)
	if now == c.settledCell {
		return
	}
	if c.chain != nil {
		d.final(e, c, c.settledCell, now)
	}
	c.settle(to)
	if !c.sweeps(now) {
		return
	}
	before := now - c.grid.width + 1
	d.blocks.expire(before, now, c.grid.width, func(g *group) {
		w := d.walks[g.key]
		w.counts.get(g.more.part).n = 0
		w.none++
		d.n--
	})
	d.near = [nearWalks]*walk{}
	for k, w := range d.walks {
		d.n -= w.forget(c.grid.begin(before))
		if w.none > w.counts.len()/2 {
			w.counts.keep(func(_ uint64, t *touches) bool { return t.n != 0 })
			w.none = 0
		}
		if w.counts.len() == 0 {
			delete(d.walks, k)
		}
	}
}

// final looks at the windows that end in a cell in [from, to), none of which a record can
// reach any more.
func (d *density) final(e *Engine, c *correlation, from, to int64) {
	for _, p := range d.blocks.pages {
		if p == nil {
			continue
		}
		for i := range p {
			g := &p[i]
			if !g.held || len(g.slots) == 0 {
				continue
			}
			_, known, err := e.world.Bucket(refOf(g.slots[0].value))
			if err != nil {
				e.fail(err)
				return
			}
			d.evaluate(e, c, g, known, from, to)
		}
	}
}

// forget drops what lies before a moment or has gone into blocks, up to the first that
// does not, and tells how many blocks are without a record by that.
func (w *walk) forget(before event.Millis) (blocks int) {
	n := 0
	for ; n < len(w.list); n++ {
		x := &w.list[n]
		if x.block == 0 {
			continue
		}
		if x.at >= before {
			break
		}
		t := w.counts.get(x.block)
		if t.n--; t.n == 0 {
			blocks++
			w.none++
		}
	}
	w.gone += n
	w.list = slices.Delete(w.list, 0, n)
	if n := len(w.list); cap(w.list) > 64 && n < cap(w.list)/4 {
		w.list = slices.Clone(w.list)
	}
	return blocks
}
