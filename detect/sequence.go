package detect

import (
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// sequence evaluates temporal and temporal_ordered: whether all rules matched in a
// group within the timespan, in any order or in theirs. It needs no grid: it compares
// the times themselves, when the watermark has passed the last of them.
//
// What a condition asks for is looked for in the timespan before a record, and what it
// asks to be missing in the timespan after it as well: `a and not b` is an a that has no
// b within the timespan, on either side. So it is decided a timespan later.
type sequence struct {
	places   int
	groups   map[tuple]*sightings
	bothWays bool
}

type sightings struct {
	list []sighting
}

type sighting struct {
	at    event.Millis
	place int
}

func newSequence(c *correlation) *sequence {
	s := &sequence{groups: map[tuple]*sightings{}}
	if c.rule != nil {
		s.places = len(c.rule.Rules)
	}
	s.bothWays = c.typ.Expr != nil && denies(c.typ.Expr)
	for _, b := range c.typ.Bounds {
		s.bothWays = s.bothWays || b.Op != "gte" && b.Op != "gt"
	}
	return s
}

// denies reports whether a condition asks for something to be missing.
func denies(x *rule.Expr) bool {
	return x.Op == rule.ExprNot || slices.ContainsFunc(x.Args, func(a rule.Expr) bool { return denies(&a) })
}

// maxSightings bounds what is kept of one group within a timespan.
const maxSightings = 4096

func (s *sequence) add(e *Engine, c *correlation, k key, place int, _ uint64, at event.Millis) {
	g := s.groups[*k.tuple]
	if g == nil {
		if len(s.groups) >= e.o.MaxGroups {
			e.lose(c, stateFull, at)
			return
		}
		g = &sightings{}
		s.groups[*k.tuple] = g
	}
	if len(g.list) >= maxSightings {
		e.lose(c, stateFull, at)
		return
	}
	g.list = append(g.list, sighting{at, place})
}

// settle looks at the records that have become final since it was last asked.
func (s *sequence) settle(e *Engine, c *correlation, to event.Millis) {
	if s.bothWays {
		to -= c.span
	}
	if to <= c.settled {
		return
	}
	for k, g := range s.groups {
		slices.SortStableFunc(g.list, func(a, b sighting) int {
			if a.at != b.at {
				return compare(int64(a.at), int64(b.at))
			}
			return a.place - b.place
		})
		w := window{list: g.list, before: make([]int, s.places), around: make([]int, s.places)}
		for i, x := range g.list {
			if x.at >= to {
				break
			}
			w.move(i, c.span)
			if x.at < c.settled || i+1-w.from < c.typ.Min {
				continue
			}
			n, ok := s.complete(c, &w)
			if !ok {
				continue
			}
			end := cell{at: c.grid.of(x.at), min: g.list[w.from].at, max: x.at}
			e.fireWithin(c, &group{key: k, found: c.findings[k]}, []cell{end}, float64(n), x.at, firing{begin: x.at - c.span, end: x.at + 1, at: x.at})
		}
		i := 0
		for i < len(g.list) && g.list[i].at < to-c.span {
			i++
		}
		if g.list = slices.Delete(g.list, 0, i); len(g.list) == 0 {
			delete(s.groups, k)
		}
	}
	c.settle(to)
}

// window is the sightings within a timespan of one: by place, how many there are up to
// it and how many on both sides.
type window struct {
	list           []sighting
	from, at, to   int // the first before, the one, and behind the last after
	seen           int // up to at, and one more
	before, around []int
}

// move makes the i-th the one. It is moved forward only.
func (w *window) move(i int, span event.Millis) {
	x := w.list[i]
	for w.at = i; w.seen <= i; w.seen++ {
		w.before[w.list[w.seen].place]++
	}
	for ; w.to < len(w.list) && w.list[w.to].at <= x.at+span; w.to++ {
		w.around[w.list[w.to].place]++
	}
	for ; w.list[w.from].at < x.at-span; w.from++ {
		w.before[w.list[w.from].place]--
		w.around[w.list[w.from].place]--
	}
}

// kinds counts the places of which there is a sighting.
func kinds(places []int) (n int) {
	for _, of := range places {
		if of > 0 {
			n++
		}
	}
	return n
}

// complete reports whether what is within the timespan of a sighting fulfils the
// condition, and how many of the rules there are, as it counts them.
func (s *sequence) complete(c *correlation, w *window) (n int, ok bool) {
	n = kinds(w.before)
	if c.typ.Expr != nil {
		return n, exprHolds(c.typ.Expr, false, func(name string, denied bool) bool {
			i := slices.IndexFunc(c.typ.Rules, func(r rule.Ref) bool { return r.Name == name })
			return i >= 0 && (w.before[i] > 0 || denied && w.around[i] > 0)
		})
	}
	switch {
	case c.kind == rule.TemporalOrdered:
		n = 0
		for _, x := range w.list[w.from : w.at+1] {
			if n < s.places && x.place == n {
				n++
			}
		}
	case s.bothWays:
		n = kinds(w.around)
	}
	if len(c.typ.Bounds) > 0 {
		return n, holds(c.typ.Bounds, float64(n))
	}
	return n, n == s.places
}

// exprHolds evaluates a condition over names. denied is whether it stands below a not.
func exprHolds(x *rule.Expr, denied bool, name func(name string, denied bool) bool) bool {
	if x.Op == rule.ExprNot {
		denied = !denied
	}
	n := 0
	for i := range x.Args {
		if exprHolds(&x.Args[i], denied, name) {
			n++
		}
	}
	switch x.Op {
	case rule.ExprAnd:
		return n == len(x.Args)
	case rule.ExprOr:
		return n > 0
	case rule.ExprNot:
		return n == 0
	case rule.ExprAtLeast:
		return n >= x.N
	}
	return name(x.Name, denied)
}
