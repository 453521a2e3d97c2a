package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/haetae/haetae/drill"
)

// Options of a run.
type Options struct {
	Scale int64 // 1000 means 1:1,000; at least 1
	Seed  uint64
}

// Chunk is what a log got in an hour: lines that end with a newline, in order of
// arrival. Lines are valid until the call returns that they were handed to.
type Chunk struct {
	Log   string
	Lines []byte
	Count int
}

// Maker makes the traffic of one scenario. It belongs to one goroutine.
type Maker struct {
	s      *drill.Scenario
	scale  int64
	seed   uint64
	people *drill.People
	from   int64 // of the scenario, in ms since 1970
	to     int64

	logs     []*writtenLog
	pages    []*page
	nets     []*network
	groups   []*group // the members first
	keys     []key
	holidays map[int64]bool // days since 1970, in the scenario's zone
	sales    []sale

	visits []*visits
	phases []*phase
	taken  map[int64]bool // accounts of members who take part in the attack
	truth  *truth

	rows    []row // of this hour
	carry   []row // of later hours
	waiting []row // written, and not arrived
	order   []uint64
	places  []int64     // where lists are made; never used again
	own     [2]counters // of ordinary lines, and of the attack's
	done    bool
}

// counters number what is made. The attack has its own, so that ordinary lines are the
// same without it, byte for byte.
type counters struct {
	seq, tokens uint64
	pids        uint32
}

// row is a line that will be written.
type row struct {
	at      int64 // when it happened, in ms since 1970
	arrives int64
	seq     uint64
	token   uint64
	actor   int64   // place in its group; see ghost
	target  int64   // account in the path, the statement, the object; see ghost
	list    []int64 // accounts in the answer
	began   int64   // of the session, in ms
	rows    int32   // -1: the line does not say
	number  uint32  // of the line in its session
	pid     uint32  // of the session's process
	addr    uint32  // place in the network
	page    uint16
	status  uint16
	net     uint16
	group   int16 // -1: nobody
	key     int16 // -1: none
	phase   int16 // -1: none
	agent   uint8 // kind
	pick    uint8 // which of that kind
	lost    bool
	twice   bool
}

// nobody is no account, no group, no key.
const nobody = -1

// ghost is the place of the i-th number that is nobody's; it is its own inverse.
func ghost(i int64) int64 { return -2 - i }

const (
	minute = 60_000
	hour   = 60 * minute
	day    = 24 * hour
)

// New prepares a scenario at one scale.
func New(s *drill.Scenario, o Options) (*Maker, error) {
	if o.Scale < 1 {
		return nil, fmt.Errorf("traffic: scale 1:%d", o.Scale)
	}
	m := &Maker{s: s, scale: o.Scale, seed: o.Seed, people: s.People(o.Scale, o.Seed), from: s.From.UnixMilli(), to: s.To.UnixMilli()}
	if m.people.Accounts == 0 {
		return nil, errors.New("traffic: nobody has an account at this scale")
	}
	for _, f := range []func() error{m.world, m.evidence, m.background, m.attack} {
		if err := f(); err != nil {
			return nil, fmt.Errorf("traffic: %w", err)
		}
	}
	m.truth = newTruth(m)
	return m, nil
}

// Run makes all traffic, an hour at a time, and hands each to hour: what arrived in the
// hour that begins at at. Hours in which nothing arrives are handed over too. It runs
// once.
func (m *Maker) Run(ctx context.Context, each func(at time.Time, logs []Chunk) error) error {
	if m.done {
		return errors.New("traffic: this maker ran already")
	}
	m.done = true
	out := make([]Chunk, len(m.logs))
	for at := m.from; at < m.to || len(m.waiting) > 0; at += hour {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := min(at+hour, max(m.to, at))
		if at < m.to {
			m.fill(at, end)
		}
		m.write(at)
		for i, l := range m.logs {
			out[i] = Chunk{Log: l.name, Lines: l.buf, Count: l.count}
		}
		if err := each(time.UnixMilli(at).In(m.s.Location()), out); err != nil {
			return err
		}
	}
	m.truth.finish()
	return nil
}

// fill makes the rows that happen in an hour, in order of time.
func (m *Maker) fill(at, end int64) {
	m.rows = m.rows[:0]
	later := m.carry[:0]
	for _, r := range m.carry {
		if r.at < end {
			m.rows = append(m.rows, r)
		} else {
			later = append(later, r)
		}
	}
	m.carry = later
	for i, v := range m.visits {
		m.visit(i, v, at, end)
	}
	for _, p := range m.phases {
		m.advance(p, at)
	}
	m.sort(func(r *row) int64 { return r.at }, at)
}

// add takes a row for the hour that ends at end, or for a later one.
func (m *Maker) add(r row, end int64) {
	side := sideOf(r.phase)
	m.own[side].seq++
	r.seq = m.own[side].seq | side<<62
	switch {
	case r.at >= m.to: // the scenario is over
	case r.at >= end:
		m.carry = append(m.carry, r)
	default:
		m.rows = append(m.rows, r)
	}
}

// sort puts order in the order of time; of one moment, in that in which they were made.
func (m *Maker) sort(when func(*row) int64, at int64) {
	m.order = m.order[:0]
	for i := range m.rows {
		m.order = append(m.order, uint64(when(&m.rows[i])-at)<<36|uint64(i))
	}
	slices.Sort(m.order)
}

// index of a row that stands in order.
func index(o uint64) int { return int(o & (1<<36 - 1)) }

// write lets the faults have the hour's rows, counts the truth, and writes what
// arrives.
func (m *Maker) write(at int64) {
	for _, l := range m.logs {
		l.buf, l.count, l.expected = l.buf[:0], 0, 0
	}
	delayed := false
	if at < m.to {
		for _, o := range m.order {
			r := &m.rows[index(o)]
			l := m.logs[m.pages[r.page].log]
			taken := l.suffer(m, r)
			delayed = delayed || r.arrives != r.at
			m.truth.count(r, taken)
		}
	} else {
		m.rows, m.order = m.rows[:0], m.order[:0]
	}
	if delayed || len(m.waiting) > 0 {
		m.arrivals(at)
	}
	m.makeRoom()
	for _, o := range m.order {
		r := &m.rows[index(o)]
		if r.lost {
			continue
		}
		l := m.logs[m.pages[r.page].log]
		from := len(l.buf)
		l.buf = l.format(m, l, r, l.buf)
		if l.count++; r.twice {
			l.buf = append(l.buf, l.buf[from:]...)
			l.count++
		}
	}
	for _, l := range m.logs {
		if l.count > 0 {
			l.width = len(l.buf)/l.count + 1
		}
	}
}

// makeRoom gives each log a buffer for what it is about to get, and the old one back
// first: grown line by line, an hour of a large service would stand in memory twice.
func (m *Maker) makeRoom() {
	for _, o := range m.order {
		if r := &m.rows[index(o)]; !r.lost {
			l := m.logs[m.pages[r.page].log]
			if l.expected++; r.twice {
				l.expected++
			}
		}
	}
	for _, l := range m.logs {
		if n := l.expected * l.width * 17 / 16; n > cap(l.buf) {
			l.buf = nil
			l.buf = make([]byte, 0, n)
		}
	}
}

// arrivals replaces the rows that happened in an hour by those that arrive in it.
func (m *Maker) arrivals(at int64) {
	end := at + hour
	rows := make([]row, 0, len(m.order))
	for _, o := range m.order {
		switch r := m.rows[index(o)]; {
		case r.lost:
		case r.arrives < end:
			rows = append(rows, r)
		default:
			m.waiting = append(m.waiting, r)
		}
	}
	still := m.waiting[:0]
	for _, r := range m.waiting {
		if r.arrives < end {
			rows = append(rows, r)
		} else {
			still = append(still, r)
		}
	}
	m.waiting = still
	m.rows = rows
	m.sort(func(r *row) int64 { return r.arrives }, at)
}

// draw is a number below n that follows from a row of a stream and a purpose.
func (m *Maker) draw(x uint64, purpose uint64, n int64) int64 {
	return int64(drill.Mix(m.seed^x*0x9e3779b97f4a7c15^purpose<<52) % uint64(max(n, 1)))
}

// sideOf is 1 for the attack.
func sideOf(phase int16) uint64 {
	if phase == nobody {
		return 0
	}
	return 1
}

// token gives a token that nobody had before.
func (m *Maker) token(phase int16) uint64 {
	side := sideOf(phase)
	m.own[side].tokens++
	return drill.Mix(m.seed ^ (m.own[side].tokens<<1 | side<<62))
}

// process gives the number of a new session's process, which no other has for long.
func (m *Maker) process(phase int16) uint32 {
	side := sideOf(phase)
	m.own[side].pids = (m.own[side].pids + 1) % 2_000_000
	return 1000 + 2*m.own[side].pids + uint32(side)
}

// room gives a list of n places that is nobody else's.
func (m *Maker) room(n int) []int64 {
	if len(m.places) < n {
		m.places = make([]int64, max(n, 1<<14))
	}
	out := m.places[:n:n]
	m.places = m.places[n:]
	return out
}
