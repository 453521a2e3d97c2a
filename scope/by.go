package scope

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/segment"
)

// dimension is what --by groups by. ofShape is set when the shape decides.
type dimension struct {
	name    string
	ofShape func(*segment.Shape, *meaningPlan) string
	ofRow   func(v View, sh *segment.Shape, m *meaningPlan, sp *segmentPlan, ss *segment.Sessions, s uint32, at event.Millis) (string, error)
}

// Dimensions lists the words of --by. "item" groups nothing: the answer holds
// the people of each item anyway.
func Dimensions() []string {
	return []string{"action", "actor", "actor_type", "agent", "client", "country", "day", "hour", "item", "key", "month", "network", "route", "source", "status"}
}

func dimensionNamed(name string, zone *time.Location) (*dimension, error) {
	if zone == nil {
		zone = time.UTC
	}
	shape := func(of func(*segment.Shape, *meaningPlan) string) *dimension {
		return &dimension{name: name, ofShape: of, ofRow: func(_ View, sh *segment.Shape, m *meaningPlan, _ *segmentPlan, _ *segment.Sessions, _ uint32, _ event.Millis) (string, error) {
			return of(sh, m), nil
		}}
	}
	when := func(layout string) *dimension {
		return &dimension{name: name, ofRow: func(_ View, _ *segment.Shape, _ *meaningPlan, _ *segmentPlan, _ *segment.Sessions, _ uint32, at event.Millis) (string, error) {
			return at.Time().In(zone).Format(layout), nil
		}}
	}
	client := func(of func(segment.Client) string) *dimension {
		return &dimension{name: name, ofRow: func(_ View, _ *segment.Shape, _ *meaningPlan, sp *segmentPlan, ss *segment.Sessions, s uint32, _ event.Millis) (string, error) {
			return of(sp.clients[ss.Client[s]]), nil
		}}
	}
	switch name {
	case "item":
		return nil, nil
	case "route":
		return shape(func(sh *segment.Shape, m *meaningPlan) string {
			if m.Known {
				return m.Route
			}
			return sh.Route
		}), nil
	case "key":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return sh.Key }), nil
	case "source":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return sh.Source }), nil
	case "action":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return sh.Action.String() }), nil
	case "status":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return strconv.Itoa(int(sh.Status)) }), nil
	case "actor_type":
		return shape(func(sh *segment.Shape, _ *meaningPlan) string { return sh.ActorType }), nil
	case "day":
		return when("2006-01-02"), nil
	case "hour":
		return when("2006-01-02T15"), nil
	case "month":
		return when("2006-01"), nil
	case "client":
		return client(func(c segment.Client) string {
			if !c.IP.IsValid() {
				return ""
			}
			return c.IP.Unmap().String()
		}), nil
	case "country":
		return client(func(c segment.Client) string { return c.Country }), nil
	case "network":
		return client(func(c segment.Client) string { return c.Network }), nil
	case "agent":
		return &dimension{name: name, ofRow: func(_ View, _ *segment.Shape, _ *meaningPlan, sp *segmentPlan, ss *segment.Sessions, s uint32, _ event.Millis) (string, error) {
			return sp.agents[ss.Agent[s]], nil
		}}, nil
	case "actor":
		return &dimension{name: name, ofRow: func(v View, _ *segment.Shape, _ *meaningPlan, _ *segmentPlan, ss *segment.Sessions, s uint32, _ event.Millis) (string, error) {
			return actorGroup(v, ss.Actor[s], ss.HasActor[s])
		}}, nil
	}
	return nil, fmt.Errorf("--by %s: choose one of %s", name, strings.Join(Dimensions(), ", "))
}
