package score

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/haetae/haetae/drill"
)

// After the last hostile line an alarm may take this long and is still one of the
// attack.
const grace = 24 * time.Hour

// sense is what an alert turns out to be.
type sense int

const (
	wrong    sense = iota // names nothing of the attack
	mixed                 // names the attack, and others
	evidence              // names nothing, and evidence had a fault
	late                  // names the attack alone, and at no time of it
	ahead                 // names a credential of the attack before it, or between two phases
	correct
)

// matcher knows what belongs to an attack.
type matcher struct {
	keys, shared, actors, agents, sharedAgents, routes map[string]bool
	networks, sharedNetworks                           []netip.Prefix
	phases                                             []drill.PhaseTruth
	faults                                             []span
}

// span of seconds, both ends included.
type span struct{ from, to int64 }

func newMatcher(s *drill.Scenario, t *drill.Truth) *matcher {
	set := func(list []string) map[string]bool {
		out := make(map[string]bool, len(list))
		for _, v := range list {
			out[v] = true
		}
		return out
	}
	m := &matcher{
		keys: set(t.Marks.Keys), shared: set(t.Marks.SharedKeys), actors: set(append(slices.Clone(t.Marks.Actors), t.Marks.SharedActors...)), agents: set(t.Marks.Agents), sharedAgents: set(t.Marks.SharedAgents), routes: set(t.Marks.Routes),
		phases: t.Phases,
	}
	m.networks, m.sharedNetworks = prefixes(t.Marks.Networks), prefixes(t.Marks.SharedNetworks)
	day := int64(grace / time.Second)
	for _, f := range s.Faults {
		// A fault that has no span, such as lines that come late, excuses no alert.
		switch {
		case !f.At.IsZero():
			m.faults = append(m.faults, span{f.At.Unix(), f.At.Unix() + day})
		case !f.From.IsZero() && !f.To.IsZero():
			m.faults = append(m.faults, span{f.From.Unix(), f.To.Unix() + day})
		}
	}
	return m
}

// of says what an alert is.
func (m *matcher) of(a Alert) sense {
	named := len(a.Keys) + len(a.Actors) + len(a.Addresses) + len(a.Agents) + len(a.Routes)
	if named == 0 {
		at := a.Time.Unix()
		if slices.ContainsFunc(m.faults, func(f span) bool { return f.from <= at && at <= f.to }) {
			return evidence
		}
		return wrong
	}
	own, shared, others := 0, 0, 0
	tally := func(values []string, is func(string) bool) {
		for _, v := range values {
			if is(v) {
				own++
			} else {
				others++
			}
		}
	}
	for _, k := range a.Keys {
		switch {
		case m.keys[k]:
			own++
		case m.shared[k]:
			shared++
		default:
			others++
		}
	}
	tally(a.Actors, func(v string) bool { return m.actors[v] })
	tally(slices.DeleteFunc(slices.Clone(a.Agents), func(v string) bool { return m.sharedAgents[v] }), func(v string) bool { return m.agents[v] })
	tally(slices.DeleteFunc(slices.Clone(a.Addresses), func(v string) bool { return within(v, m.sharedNetworks) }), func(v string) bool { return within(v, m.networks) })
	// A route is of the attack and of everybody. Beside a shared key it tells which use
	// of the key is meant; alone it tells something where most of its lines were the
	// attack's.
	route := slices.ContainsFunc(a.Routes, func(r string) bool { return m.routes[r] })
	switch {
	case own == 0 && others == 0 && shared > 0 && !route:
		if m.before(a.Time) {
			return ahead
		}
		return late // the right key, and not which use of it
	case own == 0 && shared+others == 0:
		if m.mostly(a) {
			return correct
		}
		return wrong
	case own == 0 && (shared == 0 || !route):
		return wrong
	case others > 0:
		return mixed
	case m.before(a.Time):
		return ahead
	case !slices.ContainsFunc(m.phases, func(p drill.PhaseTruth) bool { return during(p, a.Time) }):
		return late
	}
	return correct
}

// before says whether a phase was still to come, and none went on.
func (m *matcher) before(at time.Time) bool {
	return slices.ContainsFunc(m.phases, func(p drill.PhaseTruth) bool { return p.Records > 0 && at.Before(p.First) }) &&
		!slices.ContainsFunc(m.phases, func(p drill.PhaseTruth) bool { return during(p, at) })
}

// mostly says whether, in a phase that went on then, most lines on the routes that an
// alert names were the attack's.
func (m *matcher) mostly(a Alert) bool {
	return slices.ContainsFunc(m.phases, func(p drill.PhaseTruth) bool {
		var all drill.Share
		for _, r := range a.Routes {
			n, is := p.Routes[r]
			if !is {
				return false
			}
			all.Attack, all.Others = all.Attack+n.Attack, all.Others+n.Others
		}
		return during(p, a.Time) && all.Attack > all.Others
	})
}

func prefixes(list []string) (out []netip.Prefix) {
	for _, n := range list {
		if p, ok := network(n); ok {
			out = append(out, p)
		}
	}
	return out
}

// within says whether an address or network lies in one of a list.
func within(address string, list []netip.Prefix) bool {
	p, ok := network(address)
	return ok && slices.ContainsFunc(list, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) })
}

// during says whether an alarm rang while a phase went on, or soon after.
func during(p drill.PhaseTruth, at time.Time) bool {
	return p.Records > 0 && !at.Before(p.First) && !at.After(p.Last.Add(grace))
}

// rank of a severity; -1 for none.
func rank(severity string) int { return slices.Index(drill.Severities, severity) }

var high = rank("high")

// inOrder sorts alerts by time, and those of one moment in an order that does not
// depend on that of the file.
func inOrder(list []Alert) []Alert {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b Alert) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(rank(b.Severity), rank(a.Severity)), cmp.Compare(a.Rule, b.Rule))
	})
	return out
}

// spans is where statements of some kinds speak, without overlaps, in order.
func spans(list []Statement, kinds ...string) []span {
	var all []span
	for _, s := range list {
		if !slices.Contains(kinds, s.Kind) {
			continue
		}
		n := span{-1 << 62, 1 << 62}
		if !s.From.IsZero() {
			n.from = s.From.Unix()
		}
		if !s.To.IsZero() {
			n.to = s.To.Unix()
		}
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, n := range all {
		if k := len(out) - 1; k >= 0 && n.from <= out[k].to {
			out[k].to = max(out[k].to, n.to)
			continue
		}
		out = append(out, n)
	}
	return out
}

func holds(list []span, at int64) bool {
	i, found := slices.BinarySearchFunc(list, at, func(s span, at int64) int { return cmp.Compare(s.from, at) })
	return found || i > 0 && at <= list[i-1].to
}
