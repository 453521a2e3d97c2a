package detect

import (
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/scope"
)

// Row is one fragment of a record, as the ledger keeps it: ids are ordinals, the
// rest are places in the tables of a Table.
type Row struct {
	Time                 event.Millis
	Shape, Client, Agent uint32
	Home                 dictionary.Ref // the account, or no account of its partition
	Actor                dictionary.Ref
	HasActor             bool
	Token                uint64 // 0 = none
	Rows                 int32
}

// Table is what the rows of one segment or batch have in common, with what the
// engine works out about it once. It belongs to one engine.
type Table struct {
	Shapes  []segment.Shape
	Clients []segment.Client
	Agents  []string

	shapes []*shapeFacts
	client []clientCodes
	agent  []agentCode
}

// ownSource is the source of the records that Haetae writes about itself.
const ownSource = "haetae"

// shapeFacts is what a shape means and which rules it decides. It is worked out once
// for all tables: a live run has one for every batch.
type shapeFacts struct {
	own     bool // Haetae wrote it about itself
	codes   [fieldKinds]uint64
	meaning []meaning // by time
}

type meaning struct {
	from, until event.Millis
	items       []string
	read        bool  // a successful answer with items
	home, actor bool  // whose data it is: see scope.Whose
	self        bool  // it is that of whoever asked
	fanOut      int32 // accounts that one answer shows by the catalog; 0: not declared
	route       string
	routeCode   uint64
	method      string
	path        string
	methodCode  uint64

	// What the shape decides of the rules, once ready.
	ready   bool
	matched []rule.RuleIndex // match, whatever the rest
	byClass []rule.RuleIndex // match or do not by the agent, and by who is on a list
	classAs need             // what these ask
	byRow   []rule.RuleIndex // by more than that: what asks says
	asks    need
	unseen  *unseen            // live-only rules that never looked at such records; nil: none
	classes [whoClasses]*class // where no agent is asked for
}

type clientCodes struct {
	known                        bool
	ip, subnet, network, country uint64
}

type agentCode struct {
	known bool
	code  uint64
}

// maxFacts bounds what is remembered of shapes: about 100 MB.
const maxFacts = 1 << 17

// shape gives a shape's facts.
func (e *Engine) shape(t *Table, i uint32) *shapeFacts {
	if len(t.shapes) < len(t.Shapes) {
		t.shapes = append(t.shapes, make([]*shapeFacts, len(t.Shapes)-len(t.shapes))...)
	}
	s := t.shapes[i]
	if s == nil {
		sh := &t.Shapes[i]
		if s = e.facts[*sh]; s == nil {
			s = e.factsOf(sh)
			if len(e.facts) >= maxFacts {
				clear(e.facts)
			}
			e.facts[*sh] = s
		}
		t.shapes[i] = s
	}
	return s
}

// factsOf works out a shape's facts.
func (e *Engine) factsOf(sh *segment.Shape) *shapeFacts {
	s := &shapeFacts{own: sh.Source == ownSource}
	mapped := sh.Flags&segment.Mapped != 0
	ms := []catalog.Meaning{{From: catalog.Always, Until: catalog.Never}}
	if e.catalog != nil {
		ms = e.catalog.Meanings(sh.Route, mapped)
	}
	for _, m := range ms {
		x := meaning{from: m.From, until: m.Until, route: scope.RouteName(sh, m)}
		if m.Known {
			x.items = e.catalog.ItemNames(m.Items)
			x.read = m.Personal && m.Success.Contains(sh.Status)
		}
		x.fanOut = int32(m.FanOut)
		x.home, x.actor = scope.Whose(sh, m)
		x.self = x.actor || x.home && sh.Flags&segment.HomeIsActor != 0
		x.routeCode = e.codes.text(x.route)
		x.method, x.path, _ = strings.Cut(x.route, " ")
		x.methodCode = e.codes.text(x.method)
		s.meaning = append(s.meaning, x)
	}
	set := func(k fieldKind, text string) { s.codes[k] = e.codes.text(text) }
	set(fieldSource, sh.Source)
	set(fieldKey, sh.Key)
	set(fieldActorType, sh.ActorType)
	set(fieldAction, sh.Action.String())
	if sh.Status != 0 {
		s.codes[fieldStatus] = uint64(sh.Status)
	}
	return s
}

func (s *shapeFacts) at(t event.Millis) *meaning {
	if len(s.meaning) == 1 {
		return &s.meaning[0]
	}
	for i := range s.meaning {
		if m := &s.meaning[i]; m.from <= t && t < m.until {
			return m
		}
	}
	return &s.meaning[len(s.meaning)-1]
}

func (e *Engine) clientOf(t *Table, i uint32) *clientCodes {
	if int(i) >= len(t.client) {
		t.client = append(t.client, make([]clientCodes, len(t.Clients)-len(t.client))...)
	}
	c := &t.client[i]
	if !c.known {
		in := &t.Clients[i]
		c.known = true
		ip := in.IP.Unmap()
		c.ip = e.codes.addr(ip)
		c.subnet = e.codes.addr(subnet(ip))
		c.network = e.codes.text(in.Network)
		c.country = e.codes.text(in.Country)
	}
	return c
}

func (e *Engine) agentOf(t *Table, i uint32) uint64 {
	if int(i) >= len(t.agent) {
		t.agent = append(t.agent, make([]agentCode, len(t.Agents)-len(t.agent))...)
	}
	a := &t.agent[i]
	if !a.known {
		a.known = true
		a.code = e.codes.text(t.Agents[i])
	}
	return a.code
}
