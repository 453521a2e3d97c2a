package scope

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Access is one access to one account's data, as the data subject is told of
// it (열람 내역).
type Access struct {
	Time      string   `json:"time"`
	Source    string   `json:"source"`
	Actor     string   `json:"actor"` // pseudonym; "" when the log names none
	ActorType string   `json:"actor_type"`
	Own       bool     `json:"own"` // the account itself
	Key       string   `json:"key"`
	Client    string   `json:"client"`
	Country   string   `json:"country,omitempty"`
	Network   string   `json:"network,omitempty"`
	Agent     string   `json:"agent,omitempty"`
	Action    string   `json:"action"`
	Route     string   `json:"route"`
	Status    uint16   `json:"status"`
	Read      bool     `json:"read"` // a successful answer with items
	Items     []string `json:"items"`
	Stream    string   `json:"stream"` // where the record came from
	Block     uint32   `json:"block"`  // which MiB of it

	at event.Millis
}

// Accesses is the answer to "who read my data".
type Accesses struct {
	// Known is false when no record, register or holdings line ever named the
	// account.
	Known     bool     `json:"known"`
	Accounts  int      `json:"accounts"` // looked at: one, or all in whose books a person stands
	Reads     int      `json:"reads"`
	Accesses  []Access `json:"accesses"`
	Truncated bool     `json:"truncated,omitempty"`
}

// Subject lists every access to an account's data, oldest first: records that
// name it, successful or not, and those of the account's own sessions only when
// they read something. limit bounds the list; 0 means no bound.
func Subject(ctx context.Context, v View, account event.AccountID, q Query, limit int) (*Accesses, error) {
	ref, ok, err := v.Lookup(v.Hasher().Account(account))
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	out := &Accesses{Known: ok, Accesses: []Access{}}
	if !ok {
		return out, nil
	}
	out.Accounts = 1
	p, err := newPlan(v, Query{From: q.From, To: q.To})
	if err != nil {
		return nil, err
	}
	zone := q.Zone
	if zone == nil && p.catalog != nil {
		zone = p.catalog.Zone()
	}
	if zone == nil {
		zone = time.UTC
	}
	for _, r := range v.Segments() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.subjectIn(v, r, ref, out); err != nil {
			return nil, fmt.Errorf("subject: %w", err)
		}
	}
	slices.SortStableFunc(out.Accesses, func(a, b Access) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	if limit > 0 && len(out.Accesses) > limit {
		out.Accesses, out.Truncated = out.Accesses[len(out.Accesses)-limit:], true
	}
	for i := range out.Accesses {
		a := &out.Accesses[i]
		a.Time = stamp(a.at, zone)
		if a.Read {
			out.Reads++
		}
	}
	return out, nil
}

// subjectIn finds one account's rows in a segment: in each group they stand
// together.
func (p *plan) subjectIn(v View, r *segment.Reader, ref dictionary.Ref, out *Accesses) error {
	pt, err := r.Partition(ref.Part())
	if err != nil || len(pt.Groups()) == 0 {
		return err
	}
	shapes, err := r.Shapes()
	if err != nil {
		return err
	}
	local := ref.Local()
	var homes []uint32
	var d segment.Details
	for g := range pt.Groups() {
		gr := &pt.Groups()[g]
		if gr.MaxTime < p.from || gr.MinTime >= p.to {
			continue
		}
		if homes, err = pt.Homes(g, homes); err != nil {
			return err
		}
		lo := sort.Search(len(homes), func(i int) bool { return homes[i] >= local })
		hi := lo
		for hi < len(homes) && homes[hi] == local {
			hi++
		}
		if lo == hi {
			continue
		}
		var sh shapePlan
		if err := p.prepareShape(&sh, shapes[gr.Shape], nil); err != nil {
			return err
		}
		if err := pt.Details(g, homes, &d, true); err != nil {
			return err
		}
		ss, err := pt.Sessions()
		if err != nil {
			return err
		}
		clients, err := r.Clients()
		if err != nil {
			return err
		}
		agents, err := r.Agents()
		if err != nil {
			return err
		}
		files, err := r.Files()
		if err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			at := d.Time[i]
			if at < p.from || at >= p.to {
				continue
			}
			m := sh.at(at)
			own := sh.shape.Flags&segment.HomeIsActor != 0
			if !m.named && !(sh.shape.Flags&(segment.Named|segment.Lifted) != 0) {
				continue // the account's own visit to a page without its data
			}
			s := d.Session[i]
			c := clients[ss.Client[s]]
			a := Access{
				at: at, Source: sh.shape.Source, ActorType: sh.shape.ActorType, Own: own, Key: sh.shape.Key,
				Country: c.Country, Network: c.Network, Agent: agents[ss.Agent[s]], Action: sh.shape.Action.String(),
				Route: sh.shape.Route, Status: sh.shape.Status, Read: m.read && m.named, Items: []string{},
				Stream: files[d.File[i]], Block: d.Block[i],
			}
			if c.IP.IsValid() {
				a.Client = c.IP.Unmap().String()
			}
			if a.Actor, err = actorGroup(v, ss.Actor[s], ss.HasActor[s]); err != nil {
				return err
			}
			if a.Read && p.catalog != nil {
				a.Items = p.catalog.ItemNames(m.Items)
			}
			out.Accesses = append(out.Accesses, a)
		}
	}
	return nil
}
