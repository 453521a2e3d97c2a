package detect

import (
	"math"

	"github.com/haetae/haetae/event"
)

// density looks at the blocks of ids that a group touches (rule type density): an
// account's number divided by 1,024 names its block, kept as a keyed pseudonym. Who
// walks over the numbers touches nearly every account of a block, in whatever order
// and from whatever address; who looks up customers touches few of many.
//
// The number that is compared is the share of the block's known accounts that the
// group has touched within the timespan, in its densest block of at least
// leastBlock accounts.
type density struct {
	blocks groups
	near   near
	last   *group // of blocks, that was added to before
}

// near is the account before, with its block: the next is often the same.
type near struct {
	account, block uint64
	known          int
}

// leastBlock: of a block with fewer known accounts nothing is said.
const leastBlock = 32

func (d *density) add(e *Engine, c *correlation, k key, _ int, v uint64, t event.Millis) {
	if d.near.account != v || v == 0 {
		block, known, err := e.world.Bucket(refOf(v))
		if err != nil {
			e.fail(err)
			return
		}
		d.near = near{v, block, known}
	}
	block, known := d.near.block, d.near.known
	// Nobody can touch more accounts of a block than there are.
	if block == 0 || known < max(leastBlock, c.typ.Min) {
		return
	}
	g := d.last
	if g == nil || g.sub != block || g.key != *k.tuple {
		hash := hashOf(k.tuple, block)
		if g = d.blocks.get(k.tuple, block, hash); g == nil {
			if d.blocks.n >= e.o.MaxGroups {
				e.lose(c, stateFull, t)
				return
			}
			g = d.blocks.add(k.tuple, block, hash)
			if len(c.findings) > 0 {
				g.found = c.findings[*k.tuple]
			}
		}
		d.last = g
	}
	at := c.cell(t)
	g.note(at, t)
	g.add(v, at, t, c.grid.width)
	if float64(len(g.slots)) < c.least*float64(known) || int64(len(g.slots)) < int64(c.typ.Min) {
		return
	}
	least := max(int64(c.typ.Min), 1)
	g.distinct(func(end *cell, n int64) bool {
		if end.at < at {
			return true
		}
		if end.at >= at+c.grid.width {
			return false
		}
		if share := min(1, float64(n)/float64(known)); n >= least && holds(c.typ.Bounds, share) {
			reached := max(least, int64(math.Ceil(c.least*float64(known))))
			first, _ := g.reachedAt(int(reached), end.at, c.grid.width)
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
	c.settle(to)
	if !c.sweeps(now) {
		return
	}
	d.last = nil
	d.blocks.expire(now-c.grid.width+1, now, c.grid.width)
}
