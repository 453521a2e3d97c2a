package detect

import (
	"github.com/haetae/haetae/event"
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
}

// fire notes that a window of the group fires, which ends with cell end.
func (e *Engine) fire(c *correlation, g *group, in []cell, reached float64, at event.Millis) {
	end := &in[len(in)-1]
	f := g.found
	if f == nil {
		if f = c.findings[g.key]; f == nil {
			f = &finding{corr: c, key: g.key, first: in[0].min, last: end.max, at: at, cell: end.at, changed: true}
			c.findings[g.key] = f
		}
		g.found = f
	}
	if in[0].min < f.first {
		f.first, f.changed = in[0].min, true
	}
	if end.max > f.last {
		f.last, f.changed = end.max, true
	}
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
}

// follow lets a finding last as long as its group goes on without a pause longer
// than the timespan.
func (g *group) follow(width int64) {
	f := g.found
	if f == nil {
		return
	}
	for i := range g.cells {
		c := &g.cells[i]
		if c.max > f.last && f.corr.grid.of(f.last) > c.at-width {
			f.last, f.changed = c.max, true
		}
	}
}
