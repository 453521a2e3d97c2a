package traffic

import (
	"math"
	"slices"
	"time"

	"github.com/haetae/haetae/drill"
)

// truth is counted as lines are made. For each person it has the items that were shown,
// the first second, and what is known of the lines that showed them.
type truth struct {
	m     *Maker
	out   drill.Truth
	items []uint32 // accounts, then people without one
	first []uint32 // seconds since the scenario began
	flags []uint16
	shown []uint32 // by account: items of pages whose lines name it

	ghosts  []uint64 // bits, by number that is nobody's
	byPage  []int64
	phases  []phaseTruth
	lost    []drill.Lost // by fault
	touched [][256]touch // by page

	attack, ordinary traces
}

// Flags of a person. For each fault that takes lines there are two more: a line that it
// took showed the person, and one that it did not.
const (
	flagNamed  = 1 << 0  // by a line that is left
	flagAnswer = 1 << 15 // of an account: its data was in an answer
)

func flagIn(fault int) uint16      { return 2 << (2 * fault) }
func flagOutside(fault int) uint16 { return 4 << (2 * fault) }

// touch is an account that a page showed a moment ago, so that reading it again and
// again costs nothing.
type touch struct {
	account int64 // and one
	taken   uint32
	lost    bool
}

type phaseTruth struct {
	first, last int64
	keys        []bool // that the attack used
	ordinary    []bool // that ordinary tokens had meanwhile
	pages       []drill.Share
}

// traces are what lines bear.
type traces struct {
	nets   []bool
	pages  []bool
	agents map[string]bool
	seen   [3][3][8]bool // format, kind, which
	actors map[string]bool
	keys   map[string]bool // of CloudTrail
	known  map[traceOf]bool
}

type traceOf struct {
	group  int16
	actor  int64
	format int
	key    int16
}

func newTraces(m *Maker) traces {
	return traces{make([]bool, len(m.nets)), make([]bool, len(m.pages)), map[string]bool{}, [3][3][8]bool{}, map[string]bool{}, map[string]bool{}, map[traceOf]bool{}}
}

func newTruth(m *Maker) *truth {
	s := m.s
	t := &truth{m: m, byPage: make([]int64, len(m.pages)), touched: make([][256]touch, len(m.pages)), phases: make([]phaseTruth, len(m.phases))}
	t.out = drill.Truth{Scenario: s.ID, Scale: m.scale, Seed: m.seed, From: s.From.Time, To: s.To.Time, Items: s.Items.Names}
	t.attack, t.ordinary = newTraces(m), newTraces(m)
	for i, p := range m.phases {
		t.phases[i] = phaseTruth{first: math.MaxInt64, keys: make([]bool, len(m.keys)), ordinary: make([]bool, len(m.keys)), pages: make([]drill.Share, len(m.pages))}
		t.out.Phases = append(t.out.Phases, drill.PhaseTruth{Name: p.s.Name})
	}
	if len(m.phases) > 0 {
		n := m.people.Accounts + m.people.Strangers
		t.items, t.first, t.flags = make([]uint32, n), make([]uint32, n), make([]uint16, n)
		t.shown = make([]uint32, m.people.Accounts)
	}
	for _, f := range s.Faults {
		from, to := m.span(f.From, f.To)
		if f.Kind == "retention" {
			from, to = m.from, min(m.to, f.Before.UnixMilli())
		}
		if f.Kind == "silent" || f.Kind == "missing" || f.Kind == "retention" {
			t.lost = append(t.lost, drill.Lost{Fault: f.Kind, Log: f.Log, From: m.moment(from), To: m.moment(to), ByHold: f.Kind == "retention"})
		}
	}
	return t
}

func (m *Maker) moment(ms int64) time.Time { return time.UnixMilli(ms).In(m.s.Location()) }

// count takes a line, in order of time; taken are the faults that took it.
func (t *truth) count(r *row, taken uint32) {
	m := t.m
	if r.phase == nobody {
		t.out.Background++
		t.ordinary.take(m, r)
		for i, p := range m.phases {
			if p.from > r.at || r.at >= p.to {
				continue
			}
			t.phases[i].pages[r.page].Others++
			if m.bears(r) {
				t.phases[i].ordinary[r.key] = true
			}
		}
		return
	}
	t.attack.take(m, r)
	ph := &t.phases[r.phase]
	ph.first, ph.last = min(ph.first, r.at), max(ph.last, r.at)
	if m.bears(r) {
		ph.keys[r.key] = true
	}
	ph.pages[r.page].Attack++
	out := &t.out.Phases[r.phase]
	t.out.Records++
	out.Records++
	for i := range t.lost {
		if taken>>i&1 != 0 {
			t.lost[i].Records++
		}
	}
	if r.group == 0 && r.actor < nobody {
		t.ghost(ghost(r.actor))
	}
	pg := m.pages[r.page]
	if pg.items == 0 || r.status/100 != 2 {
		return
	}
	t.out.Reads++
	out.Reads++
	t.byPage[r.page]++
	switch pg.whose {
	case "nobody":
		t.unresolved(r, pg)
	case "list":
		for _, a := range r.list {
			t.account(a, r, pg, taken, true)
		}
	default:
		if r.target < 0 {
			return
		}
		c := &t.touched[r.page][r.target&255]
		if now := (touch{r.target + 1, taken, r.lost}); *c != now {
			*c = now
			t.account(r.target, r, pg, taken, true)
		}
	}
}

// bears: the line has the key under the id that the scenario gives it.
func (m *Maker) bears(r *row) bool {
	return r.key != nobody && m.logs[m.pages[r.page].log].kind == "nginx"
}

// unresolved counts a read whose line names nobody.
func (t *truth) unresolved(r *row, pg *page) {
	t.out.Unresolved++
	if k := t.m.logs[pg.log].kind; k == "nginx" || k == "pgaudit" && pg.does != "export" {
		t.out.UnresolvedRows += int64(r.rows)
	}
	for i := range t.m.phases[r.phase].loose {
		l := &t.m.phases[r.phase].loose[i]
		if l.page != int(r.page) {
			continue
		}
		for k := mulDiv(r.target, l.reaches, l.times); k < mulDiv(r.target+1, l.reaches, l.times); k++ {
			t.account(drill.Spread(k, l.reaches, t.m.people.Accounts), r, pg, 0, false)
		}
	}
}

// account counts whom a page about an account shows.
func (t *truth) account(a int64, r *row, pg *page, taken uint32, named bool) {
	p := t.m.people
	var flags uint16
	if named {
		t.shown[a] |= pg.items
		if !r.lost {
			flags |= flagNamed
		}
		for i := range t.lost {
			switch {
			case taken>>i&1 != 0:
				flags |= flagIn(i)
			case !r.lost:
				flags |= flagOutside(i)
			}
		}
	}
	t.flags[a] |= flagAnswer
	t.person(a, p.Items(a)&pg.items, r, flags)
	if !pg.book {
		return
	}
	p.StrangersOf(a, func(j int64) { t.person(p.Accounts+j, p.StrangerItems(j)&pg.items, r, flags) })
	if k, ok := p.MemberOf(a); ok {
		t.person(k, p.ListedItems(k)&pg.items, r, flags)
	}
}

// person counts that some items of a person were shown.
func (t *truth) person(i int64, items uint32, r *row, flags uint16) {
	if items == 0 {
		return
	}
	at := uint32((r.at - t.m.from) / 1000)
	if t.items[i] == 0 {
		t.out.Phases[r.phase].People++
		t.first[i] = at
	}
	t.items[i] |= items
	t.first[i] = min(t.first[i], at)
	t.flags[i] |= flags
}

// ghost remembers a number that is nobody's.
func (t *truth) ghost(i int64) {
	for int64(len(t.ghosts)) <= i/64 {
		t.ghosts = append(t.ghosts, 0)
	}
	if bit := uint64(1) << (i % 64); t.ghosts[i/64]&bit == 0 {
		t.ghosts[i/64] |= bit
		t.out.Ghosts++
	}
}

// finish adds up.
func (t *truth) finish() {
	m, out := t.m, &t.out
	out.PeopleByItem, out.ReadsByItem, out.AccountsByItem = map[string]int64{}, map[string]int64{}, map[string]int64{}
	people, accounts := make([]int64, drill.MostItems), make([]int64, drill.MostItems)
	for i, mask := range t.items {
		if mask == 0 {
			continue
		}
		out.People++
		add(people, mask)
		for f := range t.lost {
			if t.flags[i]&flagIn(f) != 0 && t.flags[i]&flagOutside(f) == 0 {
				t.lost[f].People++
			}
		}
	}
	for a, mask := range t.shown {
		add(accounts, mask)
		if t.flags[a]&flagAnswer != 0 {
			out.Accounts++
		}
	}
	for i, name := range m.s.Items.Names {
		out.PeopleByItem[name], out.AccountsByItem[name] = people[i], accounts[i]
		for p, n := range t.byPage {
			if m.pages[p].items>>i&1 != 0 {
				out.ReadsByItem[name] += n
			}
		}
	}
	for i, ph := range t.phases {
		out.Phases[i].Routes = map[string]drill.Share{}
		for k, n := range ph.pages {
			if p := m.pages[k]; n.Attack > 0 && p.route != "" {
				all := out.Phases[i].Routes[p.route]
				out.Phases[i].Routes[p.route] = drill.Share{Attack: all.Attack + n.Attack, Others: all.Others + n.Others}
			}
		}
		if out.Phases[i].Records > 0 {
			out.Phases[i].First, out.Phases[i].Last = m.moment(ph.first), m.moment(ph.last)
		}
	}
	out.Lost = t.lost
	t.marks()
}

// add counts the bits of a mask.
func add(counts []int64, mask uint32) {
	for i := 0; mask != 0; i, mask = i+1, mask>>1 {
		counts[i] += int64(mask & 1)
	}
}

// Truth is what the attack did, once Run has ended.
func (m *Maker) Truth() *drill.Truth {
	out := m.truth.out
	out.Items = slices.Clone(out.Items)
	return &out
}

// People are those whom the attack reached, once Run has ended: the holders of accounts
// first, in order.
func (m *Maker) People(yield func(drill.Reached) bool) {
	t := m.truth
	var buf []byte
	for i, mask := range t.items {
		if mask == 0 {
			continue
		}
		r := drill.Reached{Items: mask, First: m.from/1000 + int64(t.first[i]), Named: t.flags[i]&flagNamed != 0}
		for f := range t.lost {
			r.ByHold = r.ByHold || r.Named && t.lost[f].ByHold && t.flags[i]&flagIn(f) != 0 && t.flags[i]&flagOutside(f) == 0
		}
		if a := int64(i); a < m.people.Accounts {
			r.Account = true
			buf = m.people.AppendAccount(buf[:0], a)
		} else {
			buf = m.people.AppendStranger(buf[:0], a-m.people.Accounts)
		}
		r.Person = string(buf)
		if !yield(r) {
			return
		}
	}
}
