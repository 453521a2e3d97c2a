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
	blocks map[blockOf]*group
}

type blockOf struct {
	key   tuple
	block uint64
}

// leastBlock: of a block with fewer known accounts nothing is said.
const leastBlock = 32

func (d *density) add(e *Engine, c *correlation, k tuple, _ int, v uint64, r *Row) {
	block, known, err := e.world.Bucket(refOf(v))
	if err != nil {
		e.fail(err)
		return
	}
	if block == 0 || known < leastBlock {
		return
	}
	if d.blocks == nil {
		d.blocks = map[blockOf]*group{}
	}
	b := blockOf{k, block}
	g := d.blocks[b]
	if g == nil {
		if len(d.blocks) >= e.o.MaxGroups {
			e.lose(c, stateFull, r.Time)
			return
		}
		g = &group{key: k, found: c.findings[k]}
		d.blocks[b] = g
	}
	at := c.grid.of(r.Time)
	g.note(at, r.Time)
	g.add(v, at, r.Time, c.grid.width)
	if float64(len(g.slots)) < c.least*float64(known) {
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
	if now == c.grid.of(c.settled) {
		return
	}
	c.settled = to
	if !c.sweeps(now) {
		return
	}
	for b, g := range d.blocks {
		if !g.expire(now-c.grid.width+1, now, c.grid.width) {
			delete(d.blocks, b)
		}
	}
}
