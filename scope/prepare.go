package scope

import (
	"fmt"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// plan is a question made ready for one view: constants hashed, editions
// chosen, the dimension of --by resolved.
type plan struct {
	view      View
	pred      *Predicate
	from, to  event.Millis // [from, to)
	by        *dimension
	keep      bool
	catalog   *catalog.Catalog
	registers []*edition.Register
	holdings  []*edition.Holdings

	refs [][]dictionary.Ref // per pseudonymised leaf, what its constants are
	toks [][]uint64         // per token leaf

	// splitByAccount: the predicate depends on the row's account, so a record
	// of several fragments may match in any of them and is counted by its
	// number instead of by its primary fragment.
	splitByAccount bool
	bounds         []event.Millis // moments at which an edition changes
}

func newPlan(v View, q Query) (*plan, error) {
	pred, err := Compile(q.Where)
	if err != nil {
		return nil, err
	}
	p := &plan{view: v, pred: pred, from: q.From, to: q.To, keep: q.Keep, catalog: v.Catalog(), registers: v.Registers(), holdings: v.Holdings()}
	if p.to == 0 {
		p.to = catalog.Never
	}
	if p.from == 0 {
		p.from = catalog.Always
	}
	if q.By != "" {
		if p.by, err = dimensionNamed(q.By, q.Zone); err != nil {
			return nil, err
		}
	}
	p.refs, p.toks = make([][]dictionary.Ref, len(pred.leaves)), make([][]uint64, len(pred.leaves))
	for i, l := range pred.leaves {
		switch l.pseudo {
		case pseudoToken:
			for _, id := range l.ids {
				p.toks[i] = append(p.toks[i], v.Hasher().Token(event.TokenID(id)))
			}
		case pseudoAccount, pseudoActor:
			p.splitByAccount = p.splitByAccount || l.pseudo == pseudoAccount
			for _, ps := range l.pseudonyms(v.Hasher()) {
				ref, ok, err := v.Lookup(ps)
				if err != nil {
					return nil, fmt.Errorf("look up an id of the predicate: %w", err)
				}
				if ok {
					p.refs[i] = append(p.refs[i], ref)
				}
			}
		}
	}
	for _, r := range p.registers[min(1, len(p.registers)):] {
		p.bounds = append(p.bounds, r.From())
	}
	for _, h := range p.holdings[min(1, len(p.holdings)):] {
		p.bounds = append(p.bounds, h.From())
	}
	slices.Sort(p.bounds)
	return p, nil
}

// within reports whether no edition changes inside lo..hi.
func (p *plan) within(lo, hi event.Millis) bool {
	for _, b := range p.bounds {
		if lo < b && b <= hi {
			return false
		}
	}
	return true
}

// segmentPlan is a plan made ready for one segment.
type segmentPlan struct {
	r       *segment.Reader
	shapes  []shapePlan
	clients []segment.Client
	agents  []string
	files   []string
	// leafClients and leafAgents hold, per leaf over that table, its truth for
	// each entry.
	leafClients [][]bool
	leafAgents  [][]bool
}

// shapePlan is what a shape means, by time.
type shapePlan struct {
	shape    segment.Shape
	meanings []meaningPlan
	possible bool // some meaning is not ruled out
}

type meaningPlan struct {
	catalog.Meaning
	verdict truth
	leaves  []truth // of the leaves decided by the shape; unknown for the others
	read    bool    // a successful answer with items
	named   bool    // the row's account is a subject by this catalog
	names   bool    // the record names somebody, if not in this fragment
	vars    map[string]any
}

func (p *plan) prepare(r *segment.Reader) (*segmentPlan, error) {
	sp := &segmentPlan{r: r}
	shapes, err := r.Shapes()
	if err != nil {
		return nil, err
	}
	sp.shapes = make([]shapePlan, len(shapes))
	some := false
	for i, sh := range shapes {
		if err := p.prepareShape(&sp.shapes[i], sh); err != nil {
			return nil, err
		}
		some = some || sp.shapes[i].possible
	}
	if !some {
		return nil, nil
	}
	if sp.clients, err = r.Clients(); err != nil {
		return nil, err
	}
	if sp.agents, err = r.Agents(); err != nil {
		return nil, err
	}
	sp.leafClients, sp.leafAgents = make([][]bool, len(p.pred.leaves)), make([][]bool, len(p.pred.leaves))
	for i, l := range p.pred.leaves {
		switch l.levels {
		case levelClient:
			sp.leafClients[i] = make([]bool, len(sp.clients))
			for k, c := range sp.clients {
				if sp.leafClients[i][k], err = l.value(clientVars(c)); err != nil {
					return nil, err
				}
			}
		case levelAgent:
			sp.leafAgents[i] = make([]bool, len(sp.agents))
			for k, a := range sp.agents {
				if sp.leafAgents[i][k], err = l.value(map[string]any{"client.agent": a}); err != nil {
					return nil, err
				}
			}
		}
	}
	return sp, nil
}

func clientVars(c segment.Client) map[string]any {
	ip := ""
	if c.IP.IsValid() {
		ip = c.IP.Unmap().String()
	}
	return map[string]any{"client.ip": ip, "client.country": c.Country, "client.network": c.Network}
}

func (p *plan) prepareShape(s *shapePlan, sh segment.Shape) error {
	s.shape = sh
	meanings := []catalog.Meaning{{From: catalog.Always, Until: catalog.Never}}
	if p.catalog != nil {
		meanings = p.catalog.Meanings(sh.Route, sh.Flags&segment.Mapped != 0)
	}
	for _, m := range meanings {
		mp := meaningPlan{Meaning: m, leaves: make([]truth, len(p.pred.leaves))}
		items := []string{}
		if p.catalog != nil {
			items = p.catalog.ItemNames(m.Items)
		}
		mp.vars = map[string]any{
			"source": sh.Source, "action": sh.Action.String(), "route": sh.Route, "status": int64(sh.Status),
			"credential.key": sh.Key, "actor.type": sh.ActorType, "items": items,
		}
		for i, l := range p.pred.leaves {
			mp.leaves[i] = unknown
			if l.pseudo != plain || l.timeOp != "" || l.levels&^levelShape != 0 {
				continue
			}
			v, err := l.value(mp.vars)
			if err != nil {
				return err
			}
			mp.leaves[i] = of(v)
		}
		mp.verdict = p.pred.root.eval(func(i int) truth { return mp.leaves[i] })
		mp.read = m.Known && m.Personal && m.Success.Contains(sh.Status)
		mp.named, mp.names = p.subject(sh, m)
		s.possible = s.possible || mp.verdict != no
		s.meanings = append(s.meanings, mp)
	}
	return nil
}

// subject tells whether the fragment's account is a subject of the record by
// the catalog in force now, whatever the catalog that decoded it said.
func (p *plan) subject(sh segment.Shape, m catalog.Meaning) (named, names bool) {
	switch m.Position {
	case event.PositionActor:
		named = sh.Flags&segment.HomeIsActor != 0
		names = named
	case event.PositionPath, event.PositionQuery:
		named = sh.Flags&segment.Named != 0 && sh.Position == m.Position ||
			sh.Flags&segment.Lifted != 0 && m.Position == event.PositionPath
		// The lifted id of an unmapped request by a member stands in a second
		// fragment.
		names = named || sh.Flags&(segment.Mapped|segment.Split) == segment.Split && m.Position == event.PositionPath
	case event.PositionList:
		named = sh.Flags&segment.Named != 0 && sh.Position == event.PositionList
		names = named
	}
	return named, names
}

// at gives the meaning in force at a moment.
func (s *shapePlan) at(t event.Millis) *meaningPlan {
	if len(s.meanings) == 1 {
		return &s.meanings[0]
	}
	for i := range s.meanings {
		if m := &s.meanings[i]; m.From <= t && t < m.Until {
			return m
		}
	}
	return &s.meanings[len(s.meanings)-1]
}

// one gives the meaning in force for all of lo..hi, or nil.
func (s *shapePlan) one(lo, hi event.Millis) *meaningPlan {
	if m := s.at(lo); hi < m.Until {
		return m
	}
	return nil
}

// actorGroup names an actor in a report without naming anybody.
func actorGroup(v View, ref dictionary.Ref, has bool) (string, error) {
	if !has {
		return "", nil
	}
	p, err := v.Pseudonym(ref)
	if err != nil {
		return "", err
	}
	return "p:" + p.Label(), nil
}
