package detect

import (
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// sequence evaluates temporal and temporal_ordered: whether all rules matched in a
// group within the timespan, in any order or in theirs. It needs no grid: it
// compares the times themselves, when the watermark has passed the last of them.
type sequence struct {
	places int
	groups map[tuple]*sightings
}

type sightings struct {
	list []sighting
}

type sighting struct {
	at    event.Millis
	place int
}

func newSequence(c *correlation) *sequence {
	n := 0
	if c.rule != nil {
		n = len(c.rule.Rules)
	}
	return &sequence{places: n, groups: map[tuple]*sightings{}}
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

func (s *sequence) settle(e *Engine, c *correlation, to event.Millis) {
	for k, g := range s.groups {
		slices.SortStableFunc(g.list, func(a, b sighting) int {
			if a.at != b.at {
				return int(a.at - b.at)
			}
			return a.place - b.place
		})
		from := 0
		for i, x := range g.list {
			if x.at >= to {
				break
			}
			for g.list[from].at < x.at-c.span {
				from++
			}
			if s.complete(c, g.list[from:i+1]) {
				e.fire(c, &group{key: k, found: c.findings[k]}, []cell{{at: c.grid.of(x.at), min: g.list[from].at, max: x.at}}, float64(s.distinct(g.list[from:i+1])), x.at)
			}
		}
		i := 0
		for i < len(g.list) && g.list[i].at < to-c.span {
			i++
		}
		if g.list = slices.Delete(g.list, 0, i); len(g.list) == 0 {
			delete(s.groups, k)
		}
	}
}

func (s *sequence) distinct(list []sighting) int {
	seen := map[int]bool{}
	for _, x := range list {
		seen[x.place] = true
	}
	return len(seen)
}

// complete reports whether a stretch of sightings fulfils the condition.
func (s *sequence) complete(c *correlation, list []sighting) bool {
	seen := make([]bool, s.places)
	if c.kind == rule.TemporalOrdered && c.typ.Expr == nil {
		want := 0
		for _, x := range list {
			if want < s.places && x.place == want {
				want++
			}
		}
		if len(c.typ.Bounds) > 0 {
			return holds(c.typ.Bounds, float64(want))
		}
		return want == s.places
	}
	n := 0
	for _, x := range list {
		if x.place < s.places && !seen[x.place] {
			seen[x.place] = true
			n++
		}
	}
	switch {
	case c.typ.Expr != nil:
		return exprHolds(c.typ.Expr, func(name string) bool {
			for i, r := range c.typ.Rules {
				if r.Name == name {
					return seen[i]
				}
			}
			return false
		})
	case len(c.typ.Bounds) > 0:
		return holds(c.typ.Bounds, float64(n))
	}
	return n == s.places
}

// exprHolds evaluates a condition over names.
func exprHolds(x *rule.Expr, name func(string) bool) bool {
	n := 0
	for i := range x.Args {
		if exprHolds(&x.Args[i], name) {
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
	return name(x.Name)
}
