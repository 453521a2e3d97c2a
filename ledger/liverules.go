package ledger

import (
	"cmp"
	"fmt"
	"slices"
)

// LiveRule is a rule that is decided while a line is at hand, in one wording. Its
// mark is kept with the records that it matched.
type LiveRule struct {
	ID      string `json:"id"`
	Wording uint64 `json:"wording"` // keyed hash of what the rule says
}

// liveRules are the live-only rules that ever looked at lines. Both lists only grow,
// so that a number in a segment means the same for ever.
type liveRules struct {
	// Rules gives each rule, in each wording, a number: its place.
	Rules []LiveRule `json:"rules,omitempty"`
	// Editions are the rules in force together, by number, ascending; the first is
	// edition 1.
	Editions [][]uint32 `json:"editions,omitempty"`
}

func (r liveRules) clone() liveRules {
	return liveRules{slices.Clone(r.Rules), slices.Clone(r.Editions)}
}

// number finds the numbers of rules and of their edition, and adds what is missing.
func (r *liveRules) number(rules []LiveRule) (edition uint32, numbers []uint32, added bool) {
	known := make(map[LiveRule]uint32, len(r.Rules))
	for i, x := range r.Rules {
		known[x] = uint32(i)
	}
	for _, x := range rules {
		n, ok := known[x]
		if !ok {
			n, added = uint32(len(r.Rules)), true
			r.Rules = append(r.Rules, x)
			known[x] = n
		}
		numbers = append(numbers, n)
	}
	all := slices.Clone(numbers)
	slices.Sort(all)
	all = slices.Compact(all)
	i := slices.IndexFunc(r.Editions, func(e []uint32) bool { return slices.Equal(e, all) })
	if i < 0 {
		i, added = len(r.Editions), true
		r.Editions = append(r.Editions, all)
	}
	return uint32(i + 1), numbers, added
}

// TakeLiveRules gives the rules in force their numbers, and that of their edition:
// what records then say that they were looked at by. It is 0 for none.
func (l *Ledger) TakeLiveRules(rules []LiveRule) (edition uint32, numbers []uint32, err error) {
	if len(rules) == 0 {
		return 0, nil, nil
	}
	// In one order, whatever that of the files is.
	order := make([]int, len(rules))
	sorted := make([]LiveRule, len(rules))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(rules[a].ID, rules[b].ID), cmp.Compare(rules[a].Wording, rules[b].Wording))
	})
	for i, at := range order {
		sorted[i] = rules[at]
	}
	l.mu.RLock()
	now := l.m.LiveRules.clone()
	l.mu.RUnlock()
	edition, got, added := now.number(sorted)
	if added {
		err := l.commit(func(m *manifest) error {
			edition, got, _ = m.LiveRules.number(sorted)
			return nil
		})
		if err != nil {
			return 0, nil, fmt.Errorf("take the live-only rules: %w", err)
		}
	}
	numbers = make([]uint32, len(rules))
	for i, at := range order {
		numbers[at] = got[i]
	}
	return edition, numbers, nil
}

// LiveRules are the rules of an edition, by number, ascending. Of one that was taken
// after the view they are known as well: a follower meets it in what arrives.
func (v *View) LiveRules(edition uint32) (numbers []uint32, err error) {
	v.l.mu.RLock()
	defer v.l.mu.RUnlock()
	list := v.l.m.LiveRules.Editions
	if edition == 0 || int(edition) > len(list) {
		return nil, fmt.Errorf("edition %d of the live-only rules was never in force: %w", edition, ErrCorrupt)
	}
	return list[edition-1], nil
}

// LiveRule is the rule of a number.
func (v *View) LiveRule(number uint32) (LiveRule, error) {
	v.l.mu.RLock()
	defer v.l.mu.RUnlock()
	list := v.l.m.LiveRules.Rules
	if int(number) >= len(list) {
		return LiveRule{}, fmt.Errorf("live-only rule %d was never in force: %w", number, ErrCorrupt)
	}
	return list[number], nil
}
