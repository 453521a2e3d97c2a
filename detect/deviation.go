package detect

import (
	"math"
	"slices"

	"github.com/haetae/haetae/event"
)

// deviation compares a group's hour with the same hour of the week before (rule
// type deviation). The comparison is robust: distance from the median in units of
// the median absolute deviation, so that one odd week neither fires nor blinds it.
//
// An hour is judged when the watermark has passed it, and only when the group has
// at least minWeeks of history for that hour of the week; until then it learns.
type deviation struct {
	history int64 // hours
	groups  map[tuple]*hours
	settled int64
}

// hours is a group's history: hours with records, ascending.
type hours struct {
	list []hourCount
	open map[int64]map[uint64]bool // distinct values of hours not settled yet
}

type hourCount struct {
	hour int64
	n    int64
	min  event.Millis
	max  event.Millis
}

const (
	hourMillis  = event.Millis(3_600_000)
	weekHours   = 168
	minWeeks    = 3
	scaleOfMAD  = 1.4826 // makes the deviation of a normal distribution its standard deviation
	leastSpread = 1      // a group that never changes is not judged by less than this
)

func newDeviation(c *correlation) *deviation {
	return &deviation{history: int64(millis(c.typ.History.Duration()) / hourMillis), groups: map[tuple]*hours{}, settled: math.MinInt64}
}

func hourOf(t event.Millis) int64 {
	h := int64(t / hourMillis)
	if t < 0 && t%hourMillis != 0 {
		h--
	}
	return h
}

func (d *deviation) add(e *Engine, c *correlation, k tuple, _ int, v uint64, r *Row) {
	g := d.groups[k]
	if g == nil {
		if len(d.groups) >= e.o.MaxGroups/100 { // a group's history takes a hundred times a count
			e.lose(c, stateFull, r.Time)
			return
		}
		g = &hours{open: map[int64]map[uint64]bool{}}
		d.groups[k] = g
	}
	h := hourOf(r.Time)
	i, found := slices.BinarySearchFunc(g.list, h, func(x hourCount, h int64) int { return compare(x.hour, h) })
	if !found {
		g.list = slices.Insert(g.list, i, hourCount{hour: h, min: r.Time, max: r.Time})
	}
	x := &g.list[i]
	x.min, x.max = min(x.min, r.Time), max(x.max, r.Time)
	if len(c.values) == 0 {
		x.n++
		return
	}
	set := g.open[h]
	if set == nil {
		set = map[uint64]bool{}
		g.open[h] = set
	}
	if len(set) >= e.o.MaxValues*10 {
		e.lose(c, stateFull, r.Time)
		return
	}
	set[v] = true
	x.n = int64(len(set))
}

func (d *deviation) settle(e *Engine, c *correlation, to event.Millis) {
	until := hourOf(to)
	if until <= d.settled {
		return
	}
	for k, g := range d.groups {
		for i := range g.list {
			x := &g.list[i]
			if x.hour >= until || x.hour < d.settled {
				continue
			}
			delete(g.open, x.hour)
			z, ok := g.judge(x, d.history)
			if ok && x.n >= int64(c.typ.Min) && holds(c.typ.Bounds, z) {
				e.fire(c, &group{key: k, found: c.findings[k]}, []cell{{at: c.grid.of(x.max), min: x.min, max: x.max}}, z, x.max)
			}
		}
		i := 0
		for i < len(g.list) && g.list[i].hour < until-d.history-weekHours {
			i++
		}
		if g.list = slices.Delete(g.list, 0, i); len(g.list) == 0 {
			delete(d.groups, k)
		}
	}
	d.settled = until
}

// judge gives the distance of an hour from its like.
func (g *hours) judge(x *hourCount, history int64) (z float64, ok bool) {
	first := g.list[0].hour
	var like []float64
	for h := x.hour - weekHours; h >= x.hour-history && h >= first; h -= weekHours {
		n := 0.0 // an hour without records is a zero that was looked at
		if i, found := slices.BinarySearchFunc(g.list, h, func(y hourCount, h int64) int { return compare(y.hour, h) }); found {
			n = float64(g.list[i].n)
		}
		like = append(like, n)
	}
	if len(like) < minWeeks {
		return 0, false
	}
	m := median(like)
	for i := range like {
		like[i] = math.Abs(like[i] - m)
	}
	// Counts of n scatter by its root even when nothing has changed.
	spread := max(scaleOfMAD*median(like), math.Sqrt(m), leastSpread)
	return (float64(x.n) - m) / spread, true
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
