package detect

import (
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// What a rule has to know of a row to be decided.
type need uint8

const (
	needShape need = 1 << iota
	needAgent
	needClient
	needRow
)

var needs = map[string]need{
	"time": needRow, "calendar": needRow, "rows": needRow, "account": needRow, "actor.id": needRow, "credential.token": needRow,
	"client.ip": needClient, "client.subnet": needClient, "client.country": needClient, "client.network": needClient,
	"client.agent": needAgent,
}

// needOf says what a rule has to know.
func needOf(s *rule.Schema, r *rule.Rule) need {
	n := needShape
	for _, f := range r.Fields {
		id, ok := s.Field(f)
		if !ok {
			continue // the record does not have it
		}
		for name, k := range needs {
			if own, _ := s.Field(name); own == id {
				n |= k
			}
		}
	}
	return n
}

// matcher finds the base rules that match a row. Rules that ask only for the shape
// and the agent, as nearly all do, are decided once for all rows that share them.
type matcher struct {
	set    *rule.Set
	schema *rule.Schema
	m      *rule.Matcher
	ev     *rule.Event
	need   []need           // by rule
	wide   need             // of the rules that Match decides
	apart  []rule.RuleIndex // evaluated one by one: they need the client or the row
	out    []rule.RuleIndex
	f      struct {
		time, source, action, method, route, path, status, rows, account, actorID, actorType, key, token, ip, agent, country, network, items, read, subnet, calendar rule.FieldID
	}
}

func newMatcher(set *rule.Set, schema *rule.Schema) *matcher {
	m := &matcher{set: set, schema: schema, m: set.NewMatcher(), ev: set.NewEvent()}
	for i, r := range set.Rules() {
		n := needOf(schema, r)
		m.need = append(m.need, n)
		if n&(needClient|needRow) != 0 {
			m.apart = append(m.apart, rule.RuleIndex(i))
		} else {
			m.wide |= n
		}
	}
	id := func(name string) rule.FieldID { f, _ := schema.Field(name); return f }
	m.f.time, m.f.source, m.f.action, m.f.method, m.f.route, m.f.path = id("time"), id("source"), id("action"), id("method"), id("route"), id("path")
	m.f.status, m.f.rows, m.f.account, m.f.actorID, m.f.actorType = id("status"), id("rows"), id("account"), id("actor.id"), id("actor.type")
	m.f.key, m.f.token, m.f.ip, m.f.agent, m.f.country, m.f.network = id("credential.key"), id("credential.token"), id("client.ip"), id("client.agent"), id("client.country"), id("client.network")
	m.f.items, m.f.read, m.f.subnet, m.f.calendar = id("items"), id("read"), id("client.subnet"), id("calendar")
	return m
}

// maxCombos bounds what is remembered of combinations in one table.
const maxCombos = 1 << 16

// rules gives the rules that match a row. The result is valid until the next call.
func (e *Engine) rules(t *Table, s *shapeFacts, m *meaning, r *Row) []rule.RuleIndex {
	x := e.matcher
	var base []rule.RuleIndex
	if x.wide&needAgent == 0 {
		if !m.ready {
			e.setShape(t, m, r.Shape)
			m.matched, m.ready = x.match(), true
		}
		base = m.matched
	} else {
		k := comboKey{shape: r.Shape, agent: r.Agent, client: uint32(m.from >> 20)} // a meaning's start tells it from the shape's others
		var ok bool
		if base, ok = t.combos[k]; !ok {
			e.setShape(t, m, r.Shape)
			e.setAgent(t, r)
			base = x.match()
			if t.combos == nil || len(t.combos) >= maxCombos {
				t.combos = map[comboKey][]rule.RuleIndex{}
			}
			t.combos[k] = base
		}
	}
	if len(x.apart) == 0 {
		return base
	}
	x.out = append(x.out[:0], base...)
	e.setShape(t, m, r.Shape)
	e.setAgent(t, r)
	e.setRow(t, m, r)
	for _, i := range x.apart {
		if len(x.set.Rules()[i].Sources) > 0 && x.set.Holds(i, x.ev, x.m) {
			x.out = append(x.out, i)
		}
	}
	return x.out
}

// match is Match without the rules that are evaluated one by one.
func (x *matcher) match() []rule.RuleIndex {
	var out []rule.RuleIndex
	for _, i := range x.set.Match(x.ev, x.m) {
		if !slices.Contains(x.apart, i) {
			out = append(out, i)
		}
	}
	return out
}

func (e *Engine) setShape(t *Table, m *meaning, i uint32) {
	x, sh := e.matcher, &t.Shapes[i]
	ev := x.ev
	ev.Reset(rule.RecordSource)
	ev.SetText(x.f.source, sh.Source)
	ev.SetText(x.f.action, sh.Action.String())
	if m.route != "" {
		ev.SetText(x.f.route, m.route)
		if m.path != "" {
			ev.SetText(x.f.method, m.method)
			ev.SetText(x.f.path, m.path)
		}
	}
	if sh.Status != 0 {
		ev.SetInt(x.f.status, int64(sh.Status))
	}
	if sh.ActorType != "" {
		ev.SetText(x.f.actorType, sh.ActorType)
	}
	if sh.Key != "" {
		ev.SetText(x.f.key, sh.Key)
	}
	for _, it := range m.items {
		ev.AddText(x.f.items, it)
	}
	ev.SetBool(x.f.read, m.read)
}

func (e *Engine) setAgent(t *Table, r *Row) {
	if a := t.Agents[r.Agent]; a != "" {
		e.matcher.ev.SetText(e.matcher.f.agent, a)
	}
}

func (e *Engine) setRow(t *Table, m *meaning, r *Row) {
	x, c := e.matcher, &t.Clients[r.Client]
	ev := x.ev
	ev.SetTime(x.f.time, int64(r.Time))
	for _, c := range e.o.Calendar.On(r.Time) {
		ev.AddText(x.f.calendar, c)
	}
	if r.Rows != event.RowsUnknown {
		ev.SetInt(x.f.rows, int64(r.Rows))
	}
	if c.IP.IsValid() {
		ev.SetAddr(x.f.ip, c.IP)
		ev.SetAddr(x.f.subnet, subnet(c.IP.Unmap()))
	}
	if c.Country != "" {
		ev.SetText(x.f.country, c.Country)
	}
	if c.Network != "" {
		ev.SetText(x.f.network, c.Network)
	}
	if r.Token != 0 {
		ev.SetText(x.f.token, tokenText(r.Token))
	}
	if r.HasActor {
		ev.SetText(x.f.actorID, e.refText(r.Actor))
	}
	if m.home && r.Home.IsAccount() {
		ev.AddText(x.f.account, e.refText(r.Home))
	} else if m.actor && r.HasActor {
		ev.AddText(x.f.account, e.refText(r.Actor))
	}
}
