package traffic

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/haetae/haetae/drill"
)

// visits is the ordinary traffic of one group.
type visits struct {
	t        *drill.Traffic
	group    int
	from, to int64
	perDay   int64
	week     int64 // what the weights of the shape add up to
	due      int64 // of a visit, in parts of week/7
	number   uint64
	steps    []step
	signIn   int // page, or nobody
	refresh  int
	failures float64 // in a hundred
	net      int     // nobody: the group's
	agent    uint8
	targets  int64
	daily    int64 // of a job: minutes since midnight; nobody
}

type step struct {
	page  int
	times float64 // in a hundred visits
}

// background prepares the ordinary traffic.
func (m *Maker) background() error {
	for i := range m.s.Background {
		t := &m.s.Background[i]
		v := &visits{
			t: t, group: m.group(t.Who), perDay: t.Day.At(m.scale), week: week(t.Shape), signIn: m.pageNamed(t.SignIn), refresh: m.pageNamed(t.Refresh),
			failures: t.Failures.Value(), net: m.network(t.Network), agent: agentKind(t.Agent), targets: t.Targets.At(m.scale), daily: nobody,
		}
		v.from, v.to = m.span(t.From, t.To)
		for _, st := range t.Steps {
			v.steps = append(v.steps, step{m.pageNamed(st.Page), st.Times.Value()})
		}
		if t.Daily != "" {
			at, err := time.Parse("15:04", t.Daily)
			if err != nil {
				return fmt.Errorf("background[%d].daily: %w", i, err)
			}
			v.daily = int64(at.Hour()*60 + at.Minute())
		}
		m.visits = append(m.visits, v)
	}
	return nil
}

// visit makes the visits of one group that begin in an hour.
func (m *Maker) visit(stream int, v *visits, at, end int64) {
	date, hourOfDay, weekday := m.local(at)
	if v.daily != nobody {
		m.jobs(stream, v, at, end)
		return
	}
	from, to := max(at, v.from), min(end, v.to)
	if v.group != nobody && m.groups[v.group].left != 0 {
		to = min(to, m.groups[v.group].left)
	}
	if from >= to {
		return
	}
	// In an hour lie perDay*weight/(week/7) visits; what is left of one is carried on.
	part := float64(to-from) / hour
	if v.group == 0 {
		for _, s := range m.sales {
			if s.from <= at && at < s.to {
				part *= s.factor
			}
		}
	}
	unit := v.week << 16
	v.due += int64(float64(7*weight(v.t.Shape, hourOfDay, weekday, m.holidays[date])<<16)*part) * v.perDay
	for ; v.due >= unit; v.due -= unit {
		v.number++
		id := uint64(stream+1)<<40 | v.number
		m.oneVisit(v, id, from+m.draw(id, 1, to-from), end, nobody)
	}
}

// jobs makes the visits of a job that begin in an hour: one by each of its group.
func (m *Maker) jobs(stream int, v *visits, at, end int64) {
	t := time.UnixMilli(at).In(m.s.Location())
	for d := range 2 { // an hour that is not a full one has a midnight in it
		begins := time.Date(t.Year(), t.Month(), t.Day()+d, int(v.daily/60), int(v.daily%60), 0, 0, t.Location()).UnixMilli()
		if begins < at || begins >= end || begins < v.from || begins >= v.to || v.group > 0 && m.groups[v.group].left != 0 && begins >= m.groups[v.group].left {
			continue
		}
		n := int64(1)
		if v.group > 0 {
			n = m.groups[v.group].count
		}
		for i := range n {
			v.number++
			id := uint64(stream+1)<<40 | v.number
			m.oneVisit(v, id, begins+m.draw(id, 1, 20_000), end, i)
		}
	}
}

// oneVisit makes the lines of a visit; actor is a place in the group, or nobody to
// have one drawn.
func (m *Maker) oneVisit(v *visits, id uint64, at, end, actor int64) {
	r := row{at: at, began: at, actor: nobody, target: nobody, group: int16(v.group), key: m.keyAt(v.group, at), phase: nobody, status: 200, rows: -1, agent: v.agent}
	net := v.net
	joined := m.people.JoinedBy(at / 1000)
	switch {
	case v.group == nobody:
		r.addr, r.pick = uint32(m.draw(id, 2, 1<<31)), uint8(m.draw(id, 3, 256))
	case v.group == 0:
		if joined == 0 {
			return
		}
		for try := uint64(0); ; try++ {
			r.actor = m.draw(id, 4+try<<8, joined)
			if !m.taken[r.actor] || try > 20 {
				break
			}
		}
		if m.taken[r.actor] {
			return
		}
	default:
		if r.actor = actor; actor == nobody {
			r.actor = m.draw(id, 4, m.groups[v.group].count)
		}
		if net == nobody {
			net = m.groups[v.group].office(at)
		}
	}
	if v.group != nobody {
		r.addr, r.pick = m.home(v.group, r.actor, net)
	}
	r.net = uint16(net)
	r.pid = m.process(nobody)
	if v.signIn != nobody {
		m.signIn(v, id, &r, end)
	} else if v.group != nobody {
		r.token = m.standing(v.group, r.actor)
	}
	reads := 0
	for i, st := range v.steps {
		n := int(st.times / 100)
		if float64(m.draw(id, 10+uint64(i), 10_000)) < (st.times-float64(100*n))*100 {
			n++
		}
		for k := range n {
			if reads++; reads > 1 {
				r.at += m.pause(v, id, uint64(reads))
			}
			if reads == 3 && v.refresh != nobody && m.draw(id, 5, 5) == 0 {
				f := r
				f.page, f.token = uint16(v.refresh), m.token(nobody)
				m.add(f, end)
				r.token = f.token
				r.at += 200 + m.draw(id, 6, 1500)
			}
			m.read(v, id, uint64(i)<<20|uint64(k), st.page, r, joined, end)
			r.number++
		}
	}
}

// pause is between two pages: seconds to minutes, of programs a second.
func (m *Maker) pause(v *visits, id, k uint64) int64 {
	if v.agent == script {
		return 200 + m.draw(id^k<<24, 7, 1500)
	}
	long := m.draw(id^k<<24, 7, 8)
	return 2000 + m.draw(id^k<<24, 8, 18_000<<(long/3))
}

// signIn makes the sign-in of a visit, and what failed before it.
func (m *Maker) signIn(v *visits, id uint64, r *row, end int64) {
	s := *r
	s.page = uint16(v.signIn)
	if float64(m.draw(id, 9, 10_000)) < v.failures*100 {
		for range 1 + m.draw(id, 16, 2) {
			f := s
			f.status, f.token, f.key = 401, 0, nobody
			f.pid, f.began = m.process(nobody), f.at
			m.add(f, end)
			s.at += 4000 + m.draw(id^uint64(s.at), 17, 15_000)
		}
	}
	s.token, s.began = m.token(nobody), s.at
	m.add(s, end)
	*r = s
	r.at += 500 + m.draw(id, 18, 4000)
	r.number++
}

// read makes a line of a page.
func (m *Maker) read(v *visits, id, k uint64, pg int, r row, joined, end int64) {
	p := m.pages[pg]
	r.page = uint16(pg)
	x := id ^ k<<20
	if joined == 0 && (p.whose == "path" || p.whose == "list") {
		return
	}
	switch p.whose {
	case "path":
		switch {
		case v.group == 0:
			r.target = r.actor
		default:
			r.target = m.anybody(v, x, joined)
		}
		r.rows = 1
	case "list":
		n := min(joined, max(1, p.rows/2+m.draw(x, 20, p.rows+1)), mostListed)
		step := 1 + m.draw(x, 21, max(1, joined/n))
		first := m.draw(x, 22, joined)
		r.list = m.room(int(n))
		for i := range r.list {
			r.list[i] = (first + int64(i)*step) % joined
		}
		r.rows = int32(n)
	case "nobody":
		r.rows = int32(min(1<<30, max(1, p.rows/2+m.draw(x, 20, p.rows+1))))
	default:
		if r.actor == nobody && len(p.parts) > 0 {
			r.target = m.draw(x, 22, max(1, joined)) // should the path have one
		} else {
			r.target = max(0, r.actor) % max(1, m.people.Accounts)
		}
	}
	if m.logs[p.log].kind == "nginx" && m.draw(x, 23, 300) == 0 {
		r.status, r.list, r.rows = 500, nil, -1
	}
	m.add(r, end)
}

// anybody is an account that somebody has to do with.
func (m *Maker) anybody(v *visits, x uint64, joined int64) int64 {
	if v.targets <= 0 || v.targets >= m.people.Accounts {
		return m.draw(x, 22, joined)
	}
	for try := range uint64(20) {
		if a := drill.Spread(m.draw(x, 22+try<<8, v.targets), v.targets, m.people.Accounts); a < joined {
			return a
		}
	}
	return 0
}

// home is the address of one of a group, and the browser or app.
func (m *Maker) home(g int, actor int64, net int) (addr uint32, pick uint8) {
	n := m.nets[net].n
	if g == 0 {
		x := drill.Mix(m.seed ^ uint64(actor)<<8 ^ 7)
		hi, _ := bits.Mul64(x, uint64(n))
		return uint32(hi), uint8(x)
	}
	return uint32(actor % n), uint8(drill.Mix(m.seed ^ uint64(actor)<<8 ^ uint64(g)))
}

// standing is the token that one of a group has without ever signing in.
func (m *Maker) standing(g int, actor int64) uint64 {
	return drill.Mix(m.seed ^ 1<<63 ^ uint64(g)<<48 ^ uint64(actor)<<1 ^ 1)
}
