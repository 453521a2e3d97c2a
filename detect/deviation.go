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
	near    *hours               // of groups, that was added to before
	spare   []*codeMap[struct{}] // of hours that are settled
	settled int64
}

// hours is a group's history: hours with records, ascending.
type hours struct {
	key  tuple
	list []hourCount
}

type hourCount struct {
	hour int64
	n    int64
	min  event.Millis
	max  event.Millis

	values *codeMap[struct{}] // distinct, until it is settled
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

func (d *deviation) add(e *Engine, c *correlation, k key, _ int, v uint64, at event.Millis) {
	g := d.near
	if g == nil || g.key != *k.tuple {
		g = d.groups[*k.tuple]
	}
	if g == nil {
		if len(d.groups) >= e.o.MaxGroups/100 { // a group's history takes a hundred times a count
			e.lose(c, stateFull, at)
			return
		}
		g = &hours{key: *k.tuple}
		d.groups[*k.tuple] = g
	}
	d.near = g
	x := g.at(hourOf(at), at)
	x.min, x.max = min(x.min, at), max(x.max, at)
	if len(c.values) == 0 {
		x.n++
		return
	}
	if x.values == nil {
		x.values = d.set()
	}
	if x.values.len() >= e.o.MaxValues*10 {
		e.lose(c, stateFull, at)
		return
	}
	x.values.put(v)
	x.n = int64(x.values.len())
}

// set gives an empty set, with the memory of one that is no longer needed if there is
// one.
func (d *deviation) set() *codeMap[struct{}] {
	n := len(d.spare)
	if n == 0 {
		return &codeMap[struct{}]{}
	}
	set := d.spare[n-1]
	d.spare = d.spare[:n-1]
	set.clear()
	return set
}

// at finds or makes an hour.
func (g *hours) at(hour int64, first event.Millis) *hourCount {
	if n := len(g.list); n > 0 && g.list[n-1].hour == hour {
		return &g.list[n-1]
	}
	i, found := slices.BinarySearchFunc(g.list, hour, func(x hourCount, h int64) int { return compare(x.hour, h) })
	if !found {
		g.list = slices.Insert(g.list, i, hourCount{hour: hour, min: first, max: first})
	}
	return &g.list[i]
}

func (d *deviation) settle(e *Engine, c *correlation, to event.Millis) {
	until := hourOf(to)
	if until <= d.settled {
		return
	}
	d.near, d.spare = nil, nil
	for k, g := range d.groups {
		for i := range g.list {
			x := &g.list[i]
			if x.hour >= until || x.hour < d.settled {
				continue
			}
			if x.values != nil {
				d.spare, x.values = append(d.spare, x.values), nil
			}
			z, ok := g.judge(x, d.history)
			if ok && x.n >= int64(c.typ.Min) && holds(c.typ.Bounds, z) {
				begin := event.Millis(x.hour) * hourMillis
				e.fireWithin(c, &group{key: k, found: c.findings[k]}, []cell{{at: c.grid.of(x.max), min: x.min, max: x.max}}, z, x.max, firing{begin: begin, end: begin + hourMillis, at: x.max})
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
