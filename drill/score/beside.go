package score

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/haetae/haetae/drill"
)

// rules counts what each rule did.
type rules struct{ of map[string]*RuleScore }

func newRules(names []string) *rules {
	r := &rules{map[string]*RuleScore{}}
	for _, n := range names {
		r.of[n] = &RuleScore{Rule: n}
	}
	return r
}

func (r *rules) add(a Alert, s sense) {
	n := r.of[a.Rule]
	if n == nil {
		n = &RuleScore{Rule: a.Rule}
		r.of[a.Rule] = n
	}
	switch s {
	case correct:
		if n.Correct++; n.First == nil {
			at := a.Time
			n.First, n.Severity = &at, a.Severity
		}
	case wrong, mixed:
		n.False++
	default:
		n.Other++
	}
}

// list has those first that rang first, then those that rang, then the silent.
func (r *rules) list() []RuleScore {
	out := []RuleScore{}
	for _, n := range r.of {
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b RuleScore) int {
		switch {
		case a.First != nil && b.First != nil:
			return cmp.Or(a.First.Compare(*b.First), cmp.Compare(a.Rule, b.Rule))
		case a.First != nil:
			return -1
		case b.First != nil:
			return 1
		}
		return cmp.Or(cmp.Compare(b.False+b.Other, a.False+a.Other), cmp.Compare(a.Rule, b.Rule))
	})
	return out
}

// beside is what stands beside the scope: numbers, faults, claims, reality, and what
// the scenario had to invent.
func (j *judge) beside() {
	j.numbers()
	j.faults()
	j.claims()
	j.reality()
	j.invented()
}

func (j *judge) numbers() {
	f, t, n := j.found.Numbers, j.t, &j.out.Numbers
	n.Reads, n.Accounts, n.Ghosts = Pair{t.Reads, f.Reads}, Pair{t.Accounts, f.Accounts}, Pair{t.Ghosts, f.Ghosts}
	n.People = Pair{j.all.people, f.People}
	if f.People == nil && j.found.Proved != nil {
		v := j.found.Proved.Len()
		n.People.Found = &v
	}
	n.ByItem, n.ReadsByItem, n.AccountsByItem = map[string]Pair{}, map[string]Pair{}, map[string]Pair{}
	for k, item := range t.Items {
		n.ByItem[item] = Pair{j.all.items[k], j.foundOf(item)}
		n.ReadsByItem[item] = Pair{t.ReadsByItem[item], given(f.ReadsByItem, item)}
		n.AccountsByItem[item] = Pair{t.AccountsByItem[item], given(f.AccountsByItem, item)}
	}
	var rows int64
	for _, s := range j.found.Statements {
		if s.Kind == Unresolved {
			rows += s.Rows
		}
	}
	n.Unresolved = Pair{t.UnresolvedRows, &rows}
}

// given is a number that a tool may have given.
func given(of map[string]int64, item string) *int64 {
	if v, ok := of[item]; ok {
		return &v
	}
	return nil
}

// foundOf is how many people the tool says an item was shown of: in its numbers, or in
// its list.
func (j *judge) foundOf(item string) *int64 {
	if v, ok := j.found.Numbers.ByItem[item]; ok {
		return &v
	}
	if j.found.Proved != nil {
		for _, it := range j.out.Scope.Items {
			if it.Item == item {
				v := it.Proved
				return &v
			}
		}
	}
	return nil
}

func (j *judge) faults() {
	loc := j.s.Location()
	for _, s := range j.found.Statements {
		if s.Kind == Hold && (j.out.Hold == nil || s.From.Before(*j.out.Hold)) {
			at := s.From.In(loc)
			j.out.Hold = &at
		}
	}
	j.out.Faults = []Fault{}
	for _, l := range j.t.Lost {
		f := Fault{Lost: l}
		f.From, f.To = l.From.In(loc), l.To.In(loc)
		for _, s := range j.found.Statements {
			if (s.Kind == Gap || s.Kind == CoverageLost) && s.overlaps(l.Log, l.From, l.To) {
				f.Said = true
			}
		}
		if w := j.written(l); w != nil {
			f.What = w.What
			f.Held = l.ByHold && !w.At.IsZero() && j.out.Hold != nil && j.out.Hold.Before(w.At.Time)
		}
		j.out.Faults = append(j.out.Faults, f)
	}
}

// written is the fault of the scenario that took something away.
func (j *judge) written(l drill.Lost) *drill.Fault {
	var best *drill.Fault
	for i := range j.s.Faults {
		f := &j.s.Faults[i]
		if f.Kind != l.Fault || f.Log != "" && l.Log != "" && f.Log != l.Log {
			continue
		}
		// Of two alike, the one whose span it is.
		if best == nil || f.From.Equal(l.From) || f.Before.Equal(l.To) {
			best = f
		}
	}
	return best
}

func (j *judge) claims() {
	j.out.Claims = []Claim{}
	for _, o := range j.s.Outside {
		for _, c := range o.Claims {
			n := Claim{At: o.At.Time, By: o.Kind, What: o.What, Item: c.Item, Of: c.Of, Claimed: c.Amount.At(j.t.Scale)}
			if c.Of == "people" {
				n.Proved = j.foundOf(c.Item)
				if k := slices.Index(j.t.Items, c.Item); k >= 0 {
					n.Truth = j.all.items[k]
				}
			} else {
				n.Truth = j.t.ReadsByItem[c.Item]
				if v, ok := j.found.Numbers.ReadsByItem[c.Item]; ok {
					n.Proved = &v
				}
			}
			if n.Proved != nil {
				n.Ratio = share(n.Claimed, *n.Proved)
			}
			j.out.Claims = append(j.out.Claims, n)
		}
	}
}

func (j *judge) reality() {
	r := j.s.Reality
	if r.Known.IsZero() && r.Began.IsZero() && len(r.Counts) == 0 {
		return
	}
	out := &Reality{Began: r.Began.Time, Known: r.Known.Time, By: r.By, Counts: []Count{}}
	if !r.Began.IsZero() && !r.Known.IsZero() {
		out.Days = days(r.Known.Sub(r.Began.Time))
	}
	for _, c := range r.Counts {
		out.Counts = append(out.Counts, Count{On: c.On.Time, Number: c.Number.Value(), Of: c.Of, By: c.By, Sources: j.links(c.Source)})
	}
	if n := len(r.Counts); n > 1 && r.Counts[0].Number.Value() > 0 {
		v := r.Counts[n-1].Number.Value() / r.Counts[0].Number.Value()
		out.Factor = &v
	}
	if a := j.out.Overall.FirstHigh; a != nil && !r.Known.IsZero() {
		v := days(r.Known.Sub(a.Time))
		out.Earlier = &v
	}
	j.out.Reality = out
}

func days(d time.Duration) float64 { return math.Round(d.Hours()/24*10) / 10 }

func (j *judge) links(names []string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, j.s.Sources.Of[n])
	}
	return out
}

func (j *judge) invented() {
	j.out.Invented = []Invented{}
	for _, name := range j.s.Used() {
		f := j.s.Figure(name)
		n := Invented{Figure: name, Value: f.Number(), AtScale: atScale(f, j.t.Scale), Unit: f.Unit, Sources: j.links(f.Source)}
		switch {
		case f.Invented != (drill.Text{}):
			n.Kind, n.Why = "invented", f.Invented
		case f.Uncertain != (drill.Text{}):
			n.Kind, n.Why = "uncertain", f.Uncertain
		case f.Calc != (drill.Text{}):
			n.Kind, n.Why = "calc", f.Calc
		default:
			continue
		}
		j.out.Invented = append(j.out.Invented, n)
	}
}

// atScale is a figure as a drill is played with it, which drill.Amount does for what is
// counted; a share keeps its fractions here.
func atScale(f *drill.Figure, scale int64) float64 {
	v := f.Number()
	if f.Fixed {
		return v
	}
	n := math.Round(v / float64(scale))
	if n == 0 && v > 0 {
		n = 1
	}
	return n
}
