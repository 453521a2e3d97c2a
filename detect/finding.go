package detect

import (
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// finding is a group that fired: what a signal is made from. It only grows.
type finding struct {
	corr    *correlation
	key     tuple
	first   event.Millis // earliest record of a window that fired
	last    event.Millis // latest record of one, or of the group without a longer pause than the timespan since
	reached float64      // the largest number that was compared
	at      event.Millis // when the number was reached first; of event_count, the cell in which it was
	cell    int64        // in which the first window that fired ends
	level   Severity
	changed bool // since the signals were last taken

	spans   []span // see episodes; of custody none
	crowded bool   // in the list of its correlation, of those with too many

	inner map[innerKey]struct{} // groups of the correlations that it counts
	many  bool                  // there are more than maxInner of them
}

// fire notes that a window of the group fires, of which these are the cells.
func (e *Engine) fire(c *correlation, g *group, in []cell, reached float64, at event.Millis) {
	end := in[len(in)-1].at
	x := firing{begin: c.grid.begin(end - c.grid.width + 1), end: c.grid.begin(end + 1), at: at}
	if c.chain != nil && c.chain.settling && c.kind != rule.Density {
		x.at = c.moment(g, in)
	}
	e.fireWithin(c, g, in, reached, at, x)
}

// fireWithin is fire for a window that begins and ends as x says.
func (e *Engine) fireWithin(c *correlation, g *group, in []cell, reached float64, at event.Millis, x firing) {
	end := &in[len(in)-1]
	if c.parts != nil {
		x.parts = c.partsIn(&g.key, x.begin, x.end)
	}
	if c.chain != nil && c.chain.settling {
		x.key, x.first, x.last = g.key, in[0].min, end.max
		c.chain.fired = append(c.chain.fired, x)
	}
	if c.silent {
		return
	}
	f := g.found
	if f == nil {
		if f = c.findings[g.key]; f == nil {
			f = &finding{corr: c, key: g.key, first: in[0].min, last: end.max, at: at, cell: end.at, changed: true}
			c.findings[g.key] = f
		}
		g.found = f
	}
	f.reach(in[0].min, end.max)
	if end.at < f.cell {
		f.cell = end.at
	}
	if at < f.at {
		f.at, f.changed = at, true
	}
	if reached > f.reached {
		f.reached, f.changed = reached, true
	}
	if l := e.level(c, reached, c.grid.begin(end.at-c.grid.width+1), c.grid.begin(end.at)); l > f.level {
		f.level, f.changed = l, true
	}
	for _, p := range x.parts {
		f.rest(p)
	}
}

// reach lets a finding reach from one moment to another.
func (f *finding) reach(first, last event.Millis) {
	f.changed = f.cover(first, last) || f.changed
}

// follow lets the episodes of a finding last as long as its group goes on without a pause
// longer than the timespan.
func (g *group) follow(width int64) {
	f := g.found
	if f == nil {
		return
	}
	for i := range g.cells {
		c := &g.cells[i]
		n := len(f.spans) - 1 // the episode that began last before it
		for n >= 0 && f.spans[n].first > c.max {
			n--
		}
		if n < 0 {
			continue
		}
		if last := f.spans[n].last; c.max > last && f.corr.grid.of(last) > c.at-width {
			f.reach(last, c.max)
		}
	}
}
