package traffic

import (
	"maps"
	"slices"
)

// The places of formats in traces.
const (
	ofNginx = iota
	ofPgaudit
	ofCloudtrail
)

func (l *writtenLog) place() int {
	switch l.kind {
	case "pgaudit":
		return ofPgaudit
	case "cloudtrail":
		return ofCloudtrail
	}
	return ofNginx
}

var agentsOf = [3]*[3][]string{ofNginx: &agents, ofPgaudit: &sqlAgents, ofCloudtrail: &awsAgents}

// take keeps what a line bears.
func (s *traces) take(m *Maker, r *row) {
	l := m.logs[m.pages[r.page].log]
	f := l.place()
	s.nets[r.net] = true
	s.pages[r.page] = true
	list := agentsOf[f][r.agent]
	s.seen[f][r.agent][int(r.pick)%len(list)] = true
	if r.group == nobody || r.actor == nobody || r.group == 0 && !m.taken[r.actor] {
		return
	}
	k := traceOf{r.group, r.actor, f, r.key}
	if s.known[k] {
		return
	}
	s.known[k] = true
	if f != ofCloudtrail {
		s.actors[string(m.appendWho(nil, r))] = true
		return
	}
	s.actors[string(m.appendARN(nil, r))] = true
	switch m.groups[r.group].kind {
	case "staff":
		s.keys[string(m.accessKey(nil, r))] = true
	case "service":
		s.keys[string(m.appendWho([]byte("arn:aws:iam::"+awsAccount+":role/"), r))] = true
	}
}

// words are the agents in the lines.
func (s *traces) words() map[string]bool {
	out := map[string]bool{}
	for f := range s.seen {
		for kind := range s.seen[f] {
			for i, yes := range s.seen[f][kind] {
				if yes {
					out[agentsOf[f][kind][i]] = true
				}
			}
		}
	}
	return out
}

// marks finds what stands in lines of the attack and in no other.
func (t *truth) marks() {
	m, out := t.m, &t.out.Marks
	keys, shared := map[string]bool{}, map[string]bool{}
	for i := range t.phases {
		for k, used := range t.phases[i].keys {
			switch {
			case !used:
			case t.phases[i].ordinary[k]:
				shared[m.keys[k].id] = true
			default:
				keys[m.keys[k].id] = true
			}
		}
	}
	split(t.attack.keys, t.ordinary.keys, keys, shared)
	maps.DeleteFunc(keys, func(k string, _ bool) bool { return shared[k] })
	actors, sharedActors := map[string]bool{}, map[string]bool{}
	split(t.attack.actors, t.ordinary.actors, actors, sharedActors)
	words, sharedWords := map[string]bool{}, map[string]bool{}
	split(t.attack.words(), t.ordinary.words(), words, sharedWords)
	nets, sharedNets, routes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, yes := range t.attack.nets {
		switch {
		case !yes:
		case t.near(i):
			sharedNets[m.nets[i].cidr] = true
		default:
			nets[m.nets[i].cidr] = true
		}
	}
	for i, yes := range t.attack.pages {
		if p := m.pages[i]; yes && p.route != "" {
			routes[p.route] = true
		}
	}
	out.Keys, out.SharedKeys, out.Actors, out.SharedActors = sorted(keys), sorted(shared), sorted(actors), sorted(sharedActors)
	out.Agents, out.Networks, out.Routes = sorted(words), sorted(nets), sorted(routes)
	out.SharedAgents, out.SharedNetworks = sorted(sharedWords), sorted(sharedNets)
}

// near: ordinary lines come from the same addresses.
func (t *truth) near(i int) bool {
	for k, yes := range t.ordinary.nets {
		if yes && t.m.nets[k].prefix.Overlaps(t.m.nets[i].prefix) {
			return true
		}
	}
	return false
}

// split tells what only the first has from what both have.
func split(of, also, own, both map[string]bool) {
	for k := range of {
		if also[k] {
			both[k] = true
		} else {
			own[k] = true
		}
	}
}

func sorted(of map[string]bool) []string { return slices.Sorted(maps.Keys(of)) }
