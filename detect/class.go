package detect

import (
	"slices"

	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/rule"
)

// A rule asks of an account or an actor whether it is one of those that the rule
// names, or whether there is one at all. So rows of one shape, whose agent is the same,
// and whose account and actor no rule names and nobody says to have left, are of one class: what matches one of them
// matches all.
type class struct {
	matched []rule.RuleIndex // but for those by row
	plans   [2]*plan         // of them alone, without and with the record counted
}

// classKey is a shape, in one of its meanings, an agent, and who.
type classKey struct {
	m     *meaning
	agent uint64
	who   who
}

// maxClasses bounds what is remembered of classes.
const maxClasses = 1 << 16

// who says of a row's account and actor whether there is one, and whether a rule
// names it.
type who uint8

const (
	hasAccount who = 1 << iota
	hasActor
	accountListed
	actorListed
	anyListed  = accountListed | actorListed
	whoClasses = int(hasAccount|hasActor) + 1 // of which nobody is listed
)

// nobody stands for an account that no rule names.
const nobody = "\x00"

// class gives the class of a row; nil if a rule names its account or actor.
func (e *Engine) class(t *Table, m *meaning, r *Row) *class {
	var w who
	agent := uint64(0)
	if len(m.byClass) > 0 {
		w = e.whoOf(m, r)
		if m.classAs&needAgent != 0 {
			agent = e.agentOf(t, r.Agent)
		}
	}
	if w&anyListed != 0 {
		return nil
	}
	x := e.matcher
	near := m.classAs&needAgent == 0
	k := classKey{m, agent, w}
	switch {
	case near && m.classes[w] != nil:
		return m.classes[w]
	case !near && x.classes[k] != nil:
		return x.classes[k]
	}
	c := &class{matched: m.matched}
	if len(m.byClass) > 0 {
		e.setShape(t, m, r.Shape)
		if m.classAs&needAgent != 0 {
			e.setRow(t, m, r, needAgent)
		}
		if w&hasAccount != 0 {
			x.ev.AddText(x.f.account, nobody)
		}
		if w&hasActor != 0 {
			x.ev.SetText(x.f.actorID, nobody)
		}
		c.matched = x.holding(slices.Clone(m.matched), m.byClass)
	}
	switch {
	case near:
		m.classes[w] = c
	case agent == 0 && t.Agents[r.Agent] != "": // there were too many to tell apart
	default:
		if len(x.classes) >= maxClasses {
			clear(x.classes)
		}
		x.classes[k] = c
	}
	return c
}

func (c *class) planOf(e *Engine, primary bool) *plan {
	i := 0
	if primary {
		i = 1
	}
	if c.plans[i] == nil {
		c.plans[i] = e.planOf(c.matched, primary)
	}
	return c.plans[i]
}

// whoOf is who a row is about and by, as far as rules of its shape ask.
func (e *Engine) whoOf(m *meaning, r *Row) (w who) {
	if m.classAs&needAccount != 0 {
		switch {
		case m.home && r.Home.IsAccount():
			w |= hasAccount
			if e.isListed(r.Home) {
				w |= accountListed
			}
		case m.actor && r.HasActor:
			w |= hasAccount
			if e.isListed(r.Actor) {
				w |= accountListed
			}
		}
	}
	if m.classAs&(needActor|needLeft) != 0 && r.HasActor {
		w |= hasActor
		if e.isListed(r.Actor) {
			w |= actorListed
		}
	}
	return w
}

// named is the accounts and actors that rules name, and what is known of those that
// were asked for.
type named struct {
	list  map[pseudonym.Pseudonym]struct{}
	asked []askedRef // by the low bits of the account
}

type askedRef struct {
	ref   uint64 // as a code; 0 = none
	named bool
}

const askedRefs = 1 << 12

func (l *named) add(p pseudonym.Pseudonym) {
	if l.list == nil {
		l.list = map[pseudonym.Pseudonym]struct{}{}
		l.asked = make([]askedRef, askedRefs)
	}
	l.list[p] = struct{}{}
}

// isListed reports whether a rule names an account or actor.
func (e *Engine) isListed(r dictionary.Ref) bool {
	l := &e.named
	if len(l.list) == 0 {
		return false
	}
	a := &l.asked[mix(refCode(r))%askedRefs]
	if a.ref != refCode(r) {
		p, err := e.world.Pseudonym(r)
		if err != nil {
			e.fail(err)
			return true
		}
		_, ok := l.list[p]
		*a = askedRef{refCode(r), ok}
	}
	return a.named
}
