package rule

import "slices"

// A rule is evaluated for an event only if something happened without which it
// cannot match: one of a set of atoms came true, or one of a set of fields is
// there. pick is such a set, with a guess at how often that happens.
type pick struct {
	atoms  []int32
	fields []FieldID
	cost   float64
}

// none reports that nothing is known without which the condition cannot hold.
func (p pick) none() bool { return len(p.atoms) == 0 && len(p.fields) == 0 }

// fieldCost is the guess for a field to be there: most events of a lane have
// most of its fields.
const fieldCost = 0.9

// need derives the cheapest pick of a condition, or of its negation.
func (b *laneBuilder) need(p *plan, negated bool) pick {
	switch {
	case p.op == opTest:
		return b.needOfAtom(p.atom, negated)
	case p.op == opNot:
		return b.need(p.kids[0], !negated)
	case p.op == opAnd && !negated, p.op == opOr && negated:
		// All parts hold, so the best of their picks will do.
		best := pick{}
		for _, k := range p.kids {
			if q := b.need(k, negated); !q.none() && (best.none() || q.cost < best.cost) {
				best = q
			}
		}
		return best
	case p.op == opAtLeast && negated:
		return pick{} // few of the parts hold, maybe none
	}
	// One part holds, so what each needs is needed together. Of n out of k, any
	// k-n+1 hold one, so the cheapest of these.
	picks := make([]pick, 0, len(p.kids))
	for _, k := range p.kids {
		picks = append(picks, b.need(k, negated))
	}
	if p.op == opAtLeast {
		slices.SortStableFunc(picks, func(a, b pick) int {
			switch x, y := a.price(), b.price(); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
		picks = picks[:len(picks)-p.n+1]
	}
	union := pick{}
	for _, q := range picks {
		if q.none() {
			return pick{}
		}
		union.atoms = append(union.atoms, q.atoms...)
		union.fields = append(union.fields, q.fields...)
		union.cost += q.cost
	}
	slices.Sort(union.atoms)
	slices.Sort(union.fields)
	union.atoms = slices.Compact(union.atoms)
	union.fields = slices.Compact(union.fields)
	return union
}

func (p pick) price() float64 {
	if p.none() {
		return 1e9
	}
	return p.cost
}

func (b *laneBuilder) needOfAtom(num int32, negated bool) pick {
	a := &b.atoms[num]
	field := pick{cost: fieldCost}
	switch {
	case a.test == nil && !negated:
		return pick{atoms: []int32{num}, cost: b.chance(num)}
	case a.test == nil || a.test.field == "":
		if a.test != nil && a.guard >= 0 && !negated {
			return b.needOfAtom(a.guard, false)
		}
		return pick{}
	case a.test.kind == testNull:
		if negated {
			field.fields = []FieldID{a.test.id}
			return field
		}
		return pick{}
	case negated:
		return pick{}
	case a.guard >= 0:
		return b.needOfAtom(a.guard, false)
	}
	field.fields = []FieldID{a.test.id}
	return field
}

// chance guesses how often an atom is true: long literals are rare, beginnings
// (C:\Windows\) common, and what many rules ask is common in what they look at.
func (b *laneBuilder) chance(num int32) float64 {
	sum := 0.0
	for _, l := range b.ofAtom[num] {
		t := b.texts[l]
		n := len(t.text)
		c := 0.0
		switch t.shape {
		case shapeEqual:
			c = 0.01
		case shapePrefix:
			c = max(0.02, 0.5/float64(1+n))
		case shapeSuffix:
			c = max(0.004, 0.5/float64(1+n*n))
		default:
			c = max(0.002, 1/float64(1+n*n))
		}
		sum += c * (1 + float64(b.textUses[l])/4)
	}
	return min(sum, fieldCost-0.01)
}
