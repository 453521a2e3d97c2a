package scope

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// dimension is what --by groups by. Either the shape decides (ofShape), or a
// row has a code, and a code a label: labels are made once per code.
type dimension struct {
	name    string
	ofShape func(*segment.Shape, *meaningPlan) string
	code    func(ss *segment.Sessions, s uint32, at event.Millis) uint64
	label   func(v View, sp *segmentPlan, code uint64) (string, error)
	local   bool // codes mean something else in the next segment
}

// Dimensions lists the words of --by. Accounts and tokens are left out, since a
// line for each of them would be a list of pseudonyms; an actor's line shows
// the beginning of its pseudonym.
func Dimensions() []string {
	return []string{"action", "actor", "actor_type", "agent", "client", "country", "day", "hour", "item", "key", "month", "network", "route", "source", "status"}
}

// alsoCalled are the dimensions by the names of a predicate's fields.
var alsoCalled = map[string]string{
	"actor.id": "actor", "actor.type": "actor_type", "client.agent": "agent", "client.country": "country", "client.ip": "client",
	"client.network": "network", "credential.key": "key", "items": "item",
}

// Dimension gives the word of --by for a word or a field of a predicate.
func Dimension(name string) (string, bool) {
	if d, ok := alsoCalled[name]; ok {
		return d, true
	}
	return name, slices.Contains(Dimensions(), name)
}

// quarter is what all offsets of time zones in use are multiples of.
const quarter = 15 * 60 * 1000

func quarterOf(at event.Millis) event.Millis {
	q := at / quarter
	if at < 0 && at%quarter != 0 {
		q--
	}
	return q
}

func dimensionNamed(name string, zone *time.Location) (*dimension, error) {
	if zone == nil {
		zone = time.UTC
	}
	if d, ok := alsoCalled[name]; ok {
		name = d
	}
	shape := func(of func(*segment.Shape, *meaningPlan) string) (*dimension, error) {
		return &dimension{name: name, ofShape: of}, nil
	}
	when := func(layout string) (*dimension, error) {
		return &dimension{
			name: name,
			code: func(_ *segment.Sessions, _ uint32, at event.Millis) uint64 {
				return uint64(quarterOf(at))
			},
			label: func(_ View, _ *segmentPlan, code uint64) (string, error) {
				return event.Millis(int64(code) * quarter).Time().In(zone).Format(layout), nil
			},
		}, nil
	}
	client := func(of func(*segment.Client) string) (*dimension, error) {
		return &dimension{
			name: name, local: true,
			code:  func(ss *segment.Sessions, s uint32, _ event.Millis) uint64 { return uint64(ss.Client[s]) },
			label: func(_ View, sp *segmentPlan, code uint64) (string, error) { return of(&sp.clients[code]), nil },
		}, nil
	}
	switch name {
	case "item":
		return nil, nil
	case "route":
		return shape(func(_ *segment.Shape, m *meaningPlan) string { return m.route })
	case "key":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return keyOfShape(sh) })
	case "source":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return sh.Source })
	case "action":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return sh.Action.String() })
	case "status":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return strconv.Itoa(int(sh.Status)) })
	case "actor_type":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return sh.ActorType })
	case "day":
		return when("2006-01-02")
	case "hour":
		return when("2006-01-02T15")
	case "month":
		return when("2006-01")
	case "client":
		return client(address)
	case "country":
		return client(func(c *segment.Client) string { return c.Country })
	case "network":
		return client(func(c *segment.Client) string { return c.Network })
	case "agent":
		return &dimension{
			name: name, local: true,
			code:  func(ss *segment.Sessions, s uint32, _ event.Millis) uint64 { return uint64(ss.Agent[s]) },
			label: func(_ View, sp *segmentPlan, code uint64) (string, error) { return sp.agents[code], nil },
		}, nil
	case "actor":
		const has = 1 << 32
		return &dimension{
			name: name,
			code: func(ss *segment.Sessions, s uint32, _ event.Millis) uint64 {
				if !ss.HasActor[s] {
					return 0
				}
				return has | uint64(ss.Actor[s])
			},
			label: func(v View, _ *segmentPlan, code uint64) (string, error) {
				return actorGroup(v, dictionary.Ref(uint32(code)), code&has != 0)
			},
		}, nil
	case "account", "token", "credential.token":
		return nil, fmt.Errorf("--by %s: accounts and tokens are kept as pseudonyms, one line each would tell nobody anything; choose one of %s", name, strings.Join(Dimensions(), ", "))
	}
	return nil, fmt.Errorf("--by %s: choose one of %s", name, strings.Join(Dimensions(), ", "))
}

// grouper finds a row's line of --by. It belongs to one worker.
type grouper struct {
	codes    map[uint64]int32
	lastCode uint64
	last     int32
	some     bool
}

func (g *grouper) reset() {
	g.some = false
	if g.codes == nil {
		g.codes = map[uint64]int32{}
	}
	clear(g.codes)
}

// maxCodes bounds the codes remembered between rows.
const maxCodes = 1 << 20

func (w *worker) groupOfRow(sp *segmentPlan, sh *segment.Shape, m *meaningPlan, s uint32, at event.Millis) (int32, error) {
	if w.by.ofShape != nil {
		return w.groupNamed(w.by.ofShape(sh, m))
	}
	code := w.by.code(w.sessions, s, at)
	g := &w.grouper
	if g.some && g.lastCode == code {
		return g.last, nil
	}
	k, ok := g.codes[code]
	if !ok {
		name, err := w.by.label(w.view, sp, code)
		if err != nil {
			return 0, err
		}
		if k, err = w.groupNamed(name); err != nil {
			return 0, err
		}
		if len(g.codes) >= maxCodes {
			clear(g.codes)
		}
		g.codes[code] = k
	}
	g.some, g.lastCode, g.last = true, code, k
	return k, nil
}

// groupNamed gives the number of a line, or of the rest's.
func (w *worker) groupNamed(name string) (int32, error) {
	if w.plan.named != nil && !w.plan.named[name] {
		return w.t.group(restGroup)
	}
	return w.t.group(byPrefix + name)
}
