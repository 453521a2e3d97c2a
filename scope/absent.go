package scope

import (
	"maps"
	"slices"
	"strings"

	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// A condition on a fact that no record holds gives a zero that looks like "looked,
// and there was none". This file tells the two apart.

// knownTo refuses items and sources that nobody can mean.
func (p *Predicate) knownTo(v View) error {
	if len(p.mentions) == 0 {
		return nil
	}
	sources := map[string]bool{ownSource: true}
	if c := v.Catalog(); c != nil {
		var items []string
		for _, it := range c.Items {
			items = append(items, it.Name)
		}
		if err := p.known("items", items); err != nil {
			return err
		}
		for i := range c.Sources {
			sources[c.Sources[i].Name] = true
		}
	}
	for _, r := range v.Segments() {
		info, err := r.Info()
		if err != nil {
			return err
		}
		for name := range info.Sources {
			sources[name] = true
		}
	}
	return p.known("source", slices.Sorted(maps.Keys(sources)))
}

// presence tells where a field's values lie. Exactly one of its functions is
// set. Fields that no record lacks (time, source, action, route) have none, nor
// do items and account, of whose absence unmapped and unresolved tell.
type presence struct {
	shape   func(*segment.Shape) bool
	client  func(*segment.Client) bool
	agent   bool
	session func(*segment.Sessions, uint32) bool
}

var presences = map[string]presence{
	"status":            {shape: func(s *segment.Shape) bool { return s.Status != 0 }},
	"rows":              {shape: func(s *segment.Shape) bool { return s.Flags&segment.HasRows != 0 }},
	marksField:          {shape: func(s *segment.Shape) bool { return s.Looked != 0 }},
	"actor.type":        {shape: func(s *segment.Shape) bool { return s.ActorType != "" }},
	"credential.key":    {shape: func(s *segment.Shape) bool { return keyOfShape(s) != "" }},
	"client.ip":         {client: func(c *segment.Client) bool { return c.IP.IsValid() }},
	"client.country":    {client: func(c *segment.Client) bool { return c.Country != "" }},
	"client.network":    {client: func(c *segment.Client) bool { return c.Network != "" }},
	"client.agent":      {agent: true},
	"actor.id":          {session: func(ss *segment.Sessions, s uint32) bool { return ss.HasActor[s] }},
	"credential.token":  {session: func(ss *segment.Sessions, s uint32) bool { return ss.Token[s] != 0 }},
	"credential.issued": {session: func(ss *segment.Sessions, s uint32) bool { return ss.Token[s] != 0 }},
}

// absentFields remarks on the fields of the predicate that are empty in every
// record of the span asked for, when there are records at all. It stops at the
// first value it meets, so that only a question about nothing costs anything.
func (p *plan) absentFields() ([]Limit, error) {
	var names []string
	for _, l := range p.pred.leaves {
		for _, n := range l.names {
			if _, ok := presences[n]; ok && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var absent []string
	for _, n := range names {
		some, err := p.anyRow(presences[n])
		if err != nil {
			return nil, err
		}
		if !some {
			absent = append(absent, n)
		}
	}
	if len(absent) == 0 {
		return nil, nil
	}
	every := presence{shape: func(*segment.Shape) bool { return true }}
	if some, err := p.anyRow(every); err != nil || !some {
		return nil, err // no record, so none that lacks anything
	}
	slices.Sort(absent)
	list := strings.Join(absent, ", ")
	return []Limit{{
		"field_absent",
		"조건에 쓴 다음 필드가 해당 기간의 어느 기록에도 없습니다. 위의 수는 '없음'이 아니라 '알 수 없음'을 뜻합니다: " + list,
		"The condition asks for fields that no record of the time asked about has; the numbers then mean \"not known\", not \"none\": " + list,
	}}, nil
}

// anyRow reports whether some record within the span has a value.
func (p *plan) anyRow(has presence) (bool, error) {
	for _, r := range p.view.Segments() {
		info, err := r.Info()
		if err != nil {
			return false, err
		}
		if info.MaxTime < p.from || info.MinTime >= p.to {
			continue
		}
		some, err := p.anyIn(r, has, info.MinTime >= p.from && info.MaxTime < p.to)
		if some || err != nil {
			return some, err
		}
	}
	return false, nil
}

// anyIn looks into one segment. Its tables hold nothing that no row uses, so that
// they decide when all rows count, and when none has a value.
func (p *plan) anyIn(r *segment.Reader, has presence, whole bool) (bool, error) {
	shapes, err := r.Shapes()
	if err != nil {
		return false, err
	}
	clients, err := r.Clients()
	if err != nil {
		return false, err
	}
	agents, err := r.Agents()
	if err != nil {
		return false, err
	}
	row := has.session
	switch {
	case has.shape != nil:
		if !slices.ContainsFunc(shapes, func(s segment.Shape) bool { return has.shape(&s) }) {
			return false, nil
		}
		row = nil
	case has.client != nil:
		if !slices.ContainsFunc(clients, func(c segment.Client) bool { return has.client(&c) }) {
			return false, nil
		}
		row = func(ss *segment.Sessions, s uint32) bool { return has.client(&clients[ss.Client[s]]) }
	case has.agent:
		if !slices.ContainsFunc(agents, func(a string) bool { return a != "" }) {
			return false, nil
		}
		row = func(ss *segment.Sessions, s uint32) bool { return agents[ss.Agent[s]] != "" }
	}
	if whole && has.session == nil {
		return true, nil
	}
	var homes []uint32
	var d segment.Details
	for part := range dictionary.Partitions {
		pt, err := r.Partition(part)
		if err != nil {
			return false, err
		}
		for g, gr := range pt.Groups() {
			if gr.MaxTime < p.from || gr.MinTime >= p.to || has.shape != nil && !has.shape(&shapes[gr.Shape]) {
				continue
			}
			if row == nil && gr.MinTime >= p.from && gr.MaxTime < p.to {
				return true, nil
			}
			if homes, err = pt.Homes(g, homes); err != nil {
				return false, err
			}
			if err := pt.Details(g, homes, &d, false); err != nil {
				return false, err
			}
			ss, err := pt.Sessions()
			if err != nil {
				return false, err
			}
			for i, at := range d.Time {
				if at >= p.from && at < p.to && (row == nil || row(ss, d.Session[i])) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// unseenTypes remarks on a comparison of actor.type with words that no record
// has, in all of the ledger. Which words there are is not fixed, so that it is
// no mistake; but "stafff" must not be answered with a bare zero.
func (p *plan) unseenTypes() ([]Limit, error) {
	var asked []string
	for _, l := range p.pred.leaves {
		asked = append(asked, l.types...)
	}
	if len(asked) == 0 {
		return nil, nil
	}
	seen := map[string]bool{}
	for _, r := range p.view.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			return nil, err
		}
		for i := range shapes {
			if t := shapes[i].ActorType; t != "" {
				seen[t] = true
			}
		}
	}
	if len(seen) == 0 || !slices.ContainsFunc(asked, func(t string) bool { return !seen[t] }) {
		return nil, nil
	}
	list := strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
	return []Limit{{
		"value_unseen",
		"조건에 쓴 actor.type 값이 어느 기록에도 없습니다. 기록에 있는 값: " + list,
		"The condition compares actor.type with a word that no record has; the words there are: " + list,
	}}, nil
}
