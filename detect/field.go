package detect

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// fieldKind is a field that a rule may group by or count.
type fieldKind uint8

const (
	fieldNone fieldKind = iota
	fieldSource
	fieldAction
	fieldMethod
	fieldRoute
	fieldStatus
	fieldRows
	fieldAccount
	fieldActorID
	fieldActorType
	fieldKey
	fieldToken
	fieldIP
	fieldSubnet
	fieldAgent
	fieldCountry
	fieldNetwork
	fieldDay
	fieldKinds
)

// fieldNames are the names of the record's fields as rules call them.
var fieldNames = map[string]fieldKind{
	"source": fieldSource, "action": fieldAction, "method": fieldMethod, "route": fieldRoute, "status": fieldStatus, "rows": fieldRows,
	"account": fieldAccount, "actor.id": fieldActorID, "actor.type": fieldActorType, "credential.key": fieldKey, "credential.token": fieldToken,
	"client.ip": fieldIP, "client.subnet": fieldSubnet, "client.agent": fieldAgent, "client.country": fieldCountry, "client.network": fieldNetwork,
	"day": fieldDay,
}

// fieldKindsOf is fieldNames by the schema's ids, which Sigma's names for the same
// share.
func fieldKindsOf(schema *rule.Schema) map[rule.FieldID]fieldKind {
	out := make(map[rule.FieldID]fieldKind, len(fieldNames))
	for name, k := range fieldNames {
		if id, ok := schema.Field(name); ok {
			out[id] = k
		}
	}
	return out
}

// own are the fields that package rule's access record does not have and the
// engine adds: the items an answer carried by the catalog, whether it was an answer
// with items at all, the network an address is rotated in, the calendars that have
// the record's day, whether it is about the actor's own account, whether its actor had left
// by then, and that day, which is only for grouping and counting.
var own = []rule.Field{{Name: "items", Blank: true}, {Name: "read"}, {Name: "client.subnet", Blank: true}, {Name: "calendar", Blank: true}, {Name: ownField}, {Name: leftField}, {Name: "day"}}

// ownField is true of a record about the account of whoever asked, and absent otherwise.
const ownField = "account.own"

// leftField is true of a record whose actor had left by its time, and absent otherwise.
const leftField = "actor.left"

// Schema is what rules may ask of a record in the ledger.
func Schema() *rule.Schema {
	s, err := rule.AccessRecord().With(own, nil)
	if err != nil {
		panic("detect: " + err.Error()) // a mistake in the table above
	}
	return s
}

// subnet is the network an address is rotated in: /24, of IPv6 /48.
func subnet(a netip.Addr) netip.Addr {
	if !a.IsValid() {
		return a
	}
	n := 24
	if a.Is6() {
		n = 48
	}
	p, err := a.Prefix(n)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}

// value gives a field's value for a row as a code; ok is false when the record
// does not say.
func (e *Engine) value(k fieldKind, t *Table, s *shapeFacts, m *meaning, r *Row) (v uint64, ok bool) {
	switch k {
	case fieldRoute:
		return m.routeCode, m.routeCode != 0
	case fieldMethod:
		return m.methodCode, m.methodCode != 0
	case fieldSource, fieldAction, fieldActorType, fieldKey, fieldStatus:
		v = s.codes[k]
		return v, v != 0
	case fieldRows:
		return uint64(max(0, r.Rows)), r.Rows != event.RowsUnknown
	case fieldAccount:
		switch {
		case m.home && r.Home.IsAccount():
			return refCode(r.Home), true
		case m.actor && r.HasActor:
			return refCode(r.Actor), true
		}
		return 0, false
	case fieldActorID:
		return refCode(r.Actor), r.HasActor
	case fieldToken:
		return r.Token, r.Token != 0
	case fieldIP, fieldSubnet, fieldNetwork, fieldCountry:
		if ip := t.Clients[r.Client].IP.Unmap(); ip.Is4() && k <= fieldSubnet {
			return addr4(ip, k == fieldSubnet), true
		}
		c := e.clientOf(t, r.Client)
		switch k {
		case fieldIP:
			v = c.ip
		case fieldSubnet:
			v = c.subnet
		case fieldNetwork:
			v = c.network
		default:
			v = c.country
		}
		return v, v != 0
	case fieldAgent:
		v = e.agentOf(t, r.Agent)
		return v, v != 0
	case fieldDay:
		return uint64(int64(r.Time+e.zoneShift(r.Time))/86_400_000) + 1, true
	}
	return 0, false
}

// zoneShift is what the catalog's zone adds to UTC.
func (e *Engine) zoneShift(t event.Millis) event.Millis {
	if t < e.shiftFrom || t >= e.shiftTo {
		_, off := t.Time().In(e.zone).Zone()
		e.shift = event.Millis(off) * 1000
		e.shiftFrom = t - t%3_600_000
		e.shiftTo = e.shiftFrom + 3_600_000
	}
	return e.shift
}

// text writes a code for a person: an id as its pseudonym.
func (e *Engine) text(k fieldKind, v uint64) (string, error) {
	switch k {
	case fieldAccount, fieldActorID:
		p, err := e.world.Pseudonym(refOf(v))
		if err != nil {
			return "", fmt.Errorf("pseudonym of a group: %w", err)
		}
		return fmt.Sprintf("p:%x", p[:]), nil
	case fieldStatus, fieldRows:
		return strconv.FormatUint(v, 10), nil
	case fieldToken:
		return fmt.Sprintf("t:%016x", v), nil
	case fieldIP:
		return e.codes.addrOf(v).String(), nil
	case fieldSubnet:
		a := e.codes.addrOf(v)
		if a.Is6() {
			return a.String() + "/48", nil
		}
		return a.String() + "/24", nil
	case fieldDay:
		return event.Millis((int64(v) - 1) * 86_400_000).Time().Format("2006-01-02"), nil
	}
	if v < uint64(len(e.codes.byText)) {
		return e.codes.byText[v], nil
	}
	return "", nil
}
