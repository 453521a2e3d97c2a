package rule

import (
	"cmp"
	"slices"
)

// step asks an atom and says where to go on. A condition is a run of steps that
// ends as soon as the answer is known.
type step struct {
	atom    int32
	yes, no int32 // the next step, or an end
}

// The ends of a program.
const (
	yes int32 = -1
	no  int32 = -2
)

// maxSteps bounds the program of one rule: 3 of 200 searches unfolds to 600
// copies of a search, and a hostile rule to far more.
const maxSteps = 1 << 18

// program appends the steps of a condition that goes on at yes or no, and gives
// the first of them. It is written from the end, so that where to go on is always
// known.
func (b *laneBuilder) program(p *plan, yes, no int32) int32 {
	if len(b.steps) > b.limit {
		return no // newLane refuses the rule
	}
	switch p.op {
	case opTest:
		b.steps = append(b.steps, step{p.atom, yes, no})
		return int32(len(b.steps) - 1)
	case opNot:
		return b.program(p.kids[0], no, yes)
	case opAnd, opOr:
		kids := slices.Clone(p.kids)
		// What is cheap and decides most often is asked first.
		slices.SortStableFunc(kids, func(x, y *plan) int {
			return cmp.Compare(b.price(x, p.op == opAnd), b.price(y, p.op == opAnd))
		})
		next := yes
		if p.op == opOr {
			next = no
		}
		for _, k := range slices.Backward(kids) {
			if p.op == opAnd {
				next = b.program(k, next, no)
			} else {
				next = b.program(k, yes, next)
			}
		}
		return next
	}
	return b.atLeast(p, yes, no)
}

// atLeast keeps the count of parts that hold in the place of the program: after i
// parts of which c held, it is at next[c].
func (b *laneBuilder) atLeast(p *plan, yes, no int32) int32 {
	k := len(p.kids)
	next := make([]int32, p.n+1)
	for c := range next {
		next[c] = no
	}
	next[p.n] = yes
	for i := k - 1; i >= 0; i-- {
		for c := range p.n {
			switch {
			case c > i: // cannot be
			case c+k-i < p.n: // too few are left
				next[c] = no
			default:
				next[c] = b.program(p.kids[i], next[c+1], next[c])
			}
		}
	}
	return next[0]
}

// price orders the parts of a condition: how long it takes to ask, and how likely
// the answer decides nothing.
func (b *laneBuilder) price(p *plan, and bool) float64 {
	if p.op != opTest {
		x := 1.0
		for _, k := range p.kids {
			x += b.price(k, p.op == opAnd)
		}
		return x
	}
	a := &b.atoms[p.atom]
	switch {
	case a.test == nil && and:
		return b.chance(p.atom)
	case a.test == nil:
		return 1 - b.chance(p.atom)
	case a.guard >= 0 && and:
		return 1 + b.chance(a.guard)
	case a.test.kind == testRegexp:
		return 50
	case a.test.field == "":
		return 20
	}
	return 2
}
