package detect

import (
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
)

// need is what a rule has to know of a row beside its shape to be decided.
type need uint16

const (
	needAgent need = 1 << iota
	needClient
	needTime
	needCalendar
	needRows
	needAccount
	needActor
	needToken
	needLeft
)

var needs = map[string]need{
	"time": needTime, "calendar": needCalendar, "rows": needRows, "account": needAccount, "actor.id": needActor, "credential.token": needToken, leftField: needLeft,
	"client.ip": needClient, "client.subnet": needClient, "client.country": needClient, "client.network": needClient,
	"client.agent": needAgent,
}

// matcher finds the base rules that match a row. What the shape decides, as it does
// of nearly all rules, is decided once for all rows of the shape, and what the agent
// decides once for all that share both. Of a row only those rules are asked that its
// shape leaves open, and only the fields they look at are written down.
type matcher struct {
	set  *rule.Set
	m    *rule.Matcher
	ev   *rule.Event
	need []need // by rule
	open map[rule.FieldID]bool
	out  []rule.RuleIndex

	refs []bool // by rule: it compares fields with each other

	classes map[classKey]*class
	f       struct {
		time, source, action, method, route, path, status, rows, account, actorID, actorType, key, token, ip, agent, country, network, items, read, subnet, calendar, left, own rule.FieldID
	}
}

func newMatcher(set *rule.Set, schema *rule.Schema) *matcher {
	m := &matcher{set: set, m: set.NewMatcher(), ev: set.NewEvent(), open: map[rule.FieldID]bool{}, classes: map[classKey]*class{}}
	byField := map[rule.FieldID]need{}
	for name, n := range needs {
		f, _ := schema.Field(name)
		byField[f] = n
		m.open[f] = true
	}
	for _, r := range set.Rules() {
		var n need
		if !notLive(r) { // its mark decides, which the shape has
			m.need, m.refs = append(m.need, n), append(m.refs, false)
			continue
		}
		for _, name := range r.Fields {
			if f, ok := schema.Field(name); ok { // else the record does not have it
				n |= byField[f]
			}
		}
		m.need, m.refs = append(m.need, n), append(m.refs, r.Refs)
	}
	id := func(name string) rule.FieldID { f, _ := schema.Field(name); return f }
	m.f.time, m.f.source, m.f.action, m.f.method, m.f.route, m.f.path = id("time"), id("source"), id("action"), id("method"), id("route"), id("path")
	m.f.status, m.f.rows, m.f.account, m.f.actorID, m.f.actorType = id("status"), id("rows"), id("account"), id("actor.id"), id("actor.type")
	m.f.key, m.f.token, m.f.ip, m.f.agent, m.f.country, m.f.network = id("credential.key"), id("credential.token"), id("client.ip"), id("client.agent"), id("client.country"), id("client.network")
	m.f.items, m.f.read, m.f.subnet, m.f.calendar, m.f.left, m.f.own = id("items"), id("read"), id("client.subnet"), id("calendar"), id(leftField), id(ownField)
	return m
}

// plan gives what is to be done with a row.
func (e *Engine) plan(t *Table, m *meaning, r *Row, primary bool) *plan {
	matched, cl := e.rules(t, m, r)
	if cl != nil {
		return cl.planOf(e, primary)
	}
	return e.planOf(matched, primary)
}

// rules gives the rules that match a row, until the next call, and its class if that
// decides all of them.
func (e *Engine) rules(t *Table, m *meaning, r *Row) ([]rule.RuleIndex, *class) {
	x := e.matcher
	if !m.ready {
		e.decide(t, m, r.Shape)
	}
	if m.unseen != nil && t.Shapes[r.Shape].Flags&segment.Primary != 0 {
		m.unseen.add(r.Time)
	}
	cl := e.class(t, m, r)
	if cl != nil && len(m.byRow) == 0 {
		return cl.matched, cl
	}
	e.setShape(t, m, r.Shape)
	if cl != nil {
		e.setRow(t, m, r, m.asks)
		x.out = append(x.out[:0], cl.matched...)
	} else {
		e.setRow(t, m, r, m.asks|m.classAs)
		x.out = x.holding(append(x.out[:0], m.matched...), m.byClass)
	}
	x.out = x.holding(x.out, m.byRow)
	return x.out, nil
}

// mayIssue reports whether a row of a shape may be one that issues something.
func (e *Engine) mayIssue(t *Table, shape uint32) bool {
	s := e.shape(t, shape)
	for i := range s.meaning {
		m := &s.meaning[i]
		if !m.ready {
			e.decide(t, m, shape)
		}
		for _, list := range [][]rule.RuleIndex{m.matched, m.byClass, m.byRow} {
			for _, r := range list {
				for _, in := range e.inputs[r] {
					if in.role == roleIssue {
						return true
					}
				}
			}
		}
	}
	return false
}

// holding appends those of some rules that hold for the event.
func (x *matcher) holding(out, list []rule.RuleIndex) []rule.RuleIndex {
	for _, i := range list {
		if x.set.Holds(i, x.ev, x.m) {
			out = append(out, i)
		}
	}
	return out
}

// decide works out what a shape decides.
func (e *Engine) decide(t *Table, m *meaning, shape uint32) {
	x := e.matcher
	e.setShape(t, m, shape)
	m.ready = true
	e.live.decide(e, m, &t.Shapes[shape])
	for _, i := range x.set.Match(x.ev, x.m) {
		if x.need[i] == 0 {
			m.matched = append(m.matched, i)
		}
	}
	for i, r := range x.set.Rules() {
		if x.need[i] == 0 || len(r.Sources) == 0 {
			continue
		}
		may, must := x.set.May(r.Index, x.ev, x.m, func(f rule.FieldID) bool { return x.open[f] })
		switch {
		case must:
			m.matched = append(m.matched, r.Index)
		case !may:
		case x.need[i]&^(needAgent|needAccount|needActor|needLeft) == 0 && !x.refs[i]:
			m.byClass = append(m.byClass, r.Index)
			m.classAs |= x.need[i]
		default:
			m.byRow = append(m.byRow, r.Index)
			m.asks |= x.need[i]
		}
	}
}

// leftBy says whether a row's actor had left by its time.
func (e *Engine) leftBy(r *Row) bool {
	p, err := e.world.Pseudonym(r.Actor)
	if err != nil {
		e.fail(err)
		return false
	}
	return e.holders.left(p, r.Time) != 0
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
	if m.self {
		ev.SetBool(x.f.own, true)
	}
}

// setRow writes down what rules ask of a row beside its shape.
func (e *Engine) setRow(t *Table, m *meaning, r *Row, asks need) {
	x := e.matcher
	ev := x.ev
	if asks&needTime != 0 {
		ev.SetTime(x.f.time, int64(r.Time))
	}
	if asks&needCalendar != 0 {
		for _, c := range e.o.Calendar.On(r.Time) {
			ev.AddText(x.f.calendar, c)
		}
	}
	if asks&needRows != 0 && r.Rows != event.RowsUnknown {
		ev.SetInt(x.f.rows, int64(r.Rows))
	}
	if asks&needAgent != 0 && t.Agents[r.Agent] != "" {
		ev.SetText(x.f.agent, t.Agents[r.Agent])
	}
	if asks&needClient != 0 {
		c := &t.Clients[r.Client]
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
	}
	if asks&needToken != 0 && r.Token != 0 {
		ev.SetText(x.f.token, tokenText(r.Token))
	}
	if asks&needActor != 0 && r.HasActor {
		ev.SetText(x.f.actorID, e.refText(r.Actor))
	}
	if asks&needLeft != 0 && r.HasActor && e.holders != nil && e.leftBy(r) {
		ev.SetBool(x.f.left, true)
	}
	if asks&needAccount != 0 {
		if m.home && r.Home.IsAccount() {
			ev.AddText(x.f.account, e.refText(r.Home))
		} else if m.actor && r.HasActor {
			ev.AddText(x.f.account, e.refText(r.Actor))
		}
	}
}
