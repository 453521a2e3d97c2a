package detect

import (
	"slices"

	"github.com/haetae/haetae/rule"
)

// evaluateChanged looks at the windows of those groups of a correlation that have
// had records since: once for all of them.
func (e *Engine) evaluateChanged(c *correlation) {
	for i := range c.changed {
		x := &c.changed[i]
		e.evaluate(c, x.group, x.from, x.to)
		x.group.place, x.group = 0, nil
	}
	c.changed, c.marks = c.changed[:0], 0
}

// changed is a group whose windows that end with a cell from one to before another are
// to be evaluated.
type changed struct {
	group    *group
	from, to int64
}

// mark notes that the windows of a group that a cell belongs to have changed.
func (c *correlation) mark(g *group, cell int64) {
	c.marks++
	if g.place == 0 {
		c.changed = append(c.changed, changed{g, cell, cell + c.grid.width})
		g.place = uint32(len(c.changed))
		return
	}
	x := &c.changed[g.place-1]
	x.from, x.to = min(x.from, cell), max(x.to, cell+c.grid.width)
}

// mayFire tells at a glance of a group whether a window of it may fire, or its finding
// may last longer.
func (c *correlation) mayFire(g *group) bool {
	if g.found != nil {
		return true
	}
	return g.total >= int64(c.typ.Min) && (!c.countsValues() || len(g.slots) >= int(c.least))
}

// evaluate looks at the windows that end in a cell with records in [from, to).
func (e *Engine) evaluate(c *correlation, g *group, from, to int64) {
	width := c.grid.width
	switch c.kind {
	case rule.EventCount, rule.Dormant:
		g.window(width, func(end *cell, in []cell) bool {
			if end.at < from {
				return true
			}
			if end.at >= to {
				return false
			}
			n := int64(0)
			for i := range in {
				n += in[i].n
			}
			if c.fires(n, float64(n)) {
				e.fire(c, g, in, float64(n), max(in[0].min, c.grid.begin(end.at)))
			}
			return true
		})
	case rule.ValueCount, rule.FirstSeen, rule.Absent, rule.Unknown: // countsValues
		g.distinct(func(end *cell, n int64) bool {
			if end.at < from {
				return true
			}
			if end.at >= to {
				return false
			}
			if c.typ.Min > 0 || c.typ.Share > 0 {
				all, of := g.sums(end.at, width)
				if all < int64(c.typ.Min) || c.typ.Share > 0 && float64(of) < c.typ.Share*float64(all) {
					return true
				}
			}
			if holds(c.typ.Bounds, float64(n)) {
				in := g.in(end.at, width)
				reached := min(n, int64(e.o.MaxValues))
				at, ok := g.reachedAt(int(max(1, c.least)), end.at, width)
				if !ok {
					at = end.max
				}
				if c.typ.Min > 0 {
					at = max(at, min(end.max, c.grid.begin(cellOf(in, int64(c.typ.Min)))))
				}
				e.fire(c, g, in, float64(reached), at)
				g.full = g.full || n >= int64(e.o.MaxValues)
			}
			return true
		})
	default:
		g.window(width, func(end *cell, in []cell) bool {
			if end.at < from {
				return true
			}
			if end.at >= to {
				return false
			}
			if x, n, ok := c.measure(in); ok && c.fires(n, x) {
				e.fire(c, g, in, x, end.max)
			}
			return true
		})
	}
	g.follow(width)
}

// fires reports whether a window of n records, measured x, fulfils the condition.
func (c *correlation) fires(n int64, x float64) bool {
	return n >= int64(c.typ.Min) && holds(c.typ.Bounds, x)
}

// sums counts a window's records, and those that were looked for.
func (g *group) sums(end, width int64) (all, of int64) {
	for _, c := range g.in(end, width) {
		all += c.n
		of += c.of
	}
	return all, of
}

// cellOf is the cell in which the n-th record of a window lies.
func cellOf(in []cell, n int64) int64 {
	for i := range in {
		if n -= in[i].n; n <= 0 {
			return in[i].at
		}
	}
	return in[len(in)-1].at
}

// in is the cells of the window that ends with a cell.
func (g *group) in(end, width int64) []cell {
	to := len(g.cells)
	for to > 0 && g.cells[to-1].at > end {
		to--
	}
	from := to
	for from > 0 && g.cells[from-1].at > end-width {
		from--
	}
	return g.cells[from:to]
}

// measure is the number of a window that its condition compares.
func (c *correlation) measure(in []cell) (x float64, n int64, ok bool) {
	var of int64
	var sum float64
	var values []float64
	for i := range in {
		n += in[i].n
		of += in[i].of
		if x := in[i].numbers; x != nil {
			sum += x.sum
			values = append(values, x.values...)
		}
	}
	if n == 0 {
		return 0, 0, false
	}
	switch c.kind {
	case rule.ValueSum:
		return sum, n, true
	case rule.ValueAvg:
		return sum / float64(n), n, true
	case rule.Ratio:
		if to := n - of; to > 0 {
			return float64(of) / float64(to), n, true
		}
		return 0, n, false
	}
	slices.Sort(values)
	switch c.kind {
	case rule.ValueMin:
		return values[0], n, true
	case rule.ValueMax:
		return values[len(values)-1], n, true
	case rule.ValueMedian:
		return percentile(values, 50), n, true
	}
	return percentile(values, c.typ.Percentile), n, true
}

// percentile is the nearest rank: a number that occurred.
func percentile(sorted []float64, p float64) float64 {
	i := int(p/100*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
