package traffic

import (
	"fmt"
	"math/bits"

	"github.com/haetae/haetae/drill"
)

// mostListed is how many accounts one line names at most. A line of a log has an end,
// and who reads one will not take more.
const mostListed = 10_000

// phase is a stretch of the attack.
type phase struct {
	s        *drill.Phase
	n        int16
	group    int
	of       drill.Chosen
	ghosts   int64
	failures int64   // sign-ins that fail
	main     []reads // pages of one account each
	loose    []reads // pages of many or of nobody
	signIn   int
	key      int
	net      int
	agent    uint8
	actors   []int64 // who takes part, for own and issued
	rotate   int64
	status   uint16 // of ghosts
	from, to int64

	pieces []piece
	next   int
	seq    *sequence
	lines  int64 // written so far, for addresses

	sessions []session // by actor
	unit     uint64    // token of the account that is being read
}

// reads is how often a page is read, by how many of the accounts.
type reads struct {
	page                     int
	times, accounts, reaches int64
	rows                     int64
	listed                   int64 // accounts a line lists: enough that each is listed once
}

// session is what somebody reads with.
type session struct {
	day    int64
	token  uint64
	pid    uint32
	number uint32
	began  int64
	open   bool
}

// piece is a part of an hour, in which so many lines lie.
type piece struct {
	hour, from, to int64
	lines          int64
}

// attack prepares the phases.
func (m *Maker) attack() error {
	m.taken = map[int64]bool{}
	for i := range m.s.Attack {
		s := &m.s.Attack[i]
		p := &phase{
			s: s, n: int16(i), group: m.group(s.Who), of: m.s.ChosenBy(s, m.scale), ghosts: s.Ghosts.At(m.scale), signIn: m.pageNamed(s.SignIn),
			key: m.key(s.Key), net: m.network(s.Network), agent: agentKind(s.Agent), rotate: s.Rotate.At(m.scale), status: 404,
			from: s.From.UnixMilli(), to: s.To.UnixMilli(),
		}
		if s.GhostStatus != 0 {
			p.status = uint16(s.GhostStatus)
		}
		switch s.Credential {
		case "forged", "guessed":
			p.group = 0
			p.failures = max(0, s.Tries.At(m.scale)-s.Hits.At(m.scale))
		case "none":
			p.group = nobody
		default:
			m.takePart(p)
		}
		for j := range s.Pages {
			if err := m.readsOf(p, &s.Pages[j]); err != nil {
				return fmt.Errorf("attack[%d].pages[%d]: %w", i, j, err)
			}
		}
		if p.ghosts > 0 && len(p.main) == 0 {
			return fmt.Errorf("attack[%d].pages: ghosts are tried on a page of one account", i)
		}
		p.seq = newSequence(m, p)
		m.plan(p)
		m.phases = append(m.phases, p)
	}
	return nil
}

// readsOf takes a page of a phase.
func (m *Maker) readsOf(p *phase, r *drill.Reads) error {
	pg := m.pageNamed(r.Page)
	w := m.pages[pg]
	out := reads{page: pg, times: r.Reads.At(m.scale), accounts: m.s.AccountsOf(p.s.Name, r, m.scale), reaches: min(r.Reaches.At(m.scale), m.people.Accounts), rows: w.rows}
	if w.whose != "list" && w.whose != "nobody" && (w.whose != "" || out.accounts > 0) {
		if out.accounts == 0 {
			return fmt.Errorf("no account is read")
		}
		// Of fewer reads than accounts only so many are read.
		out.accounts = min(out.accounts, out.times)
		p.main = append(p.main, out)
		return nil
	}
	if w.whose == "list" {
		if out.accounts == 0 {
			return fmt.Errorf("no account is listed")
		}
		if out.listed = min(out.accounts, max(w.rows, (out.accounts+out.times-1)/out.times)); out.listed > mostListed {
			return fmt.Errorf("a line would list %d accounts, more than %d", out.listed, mostListed)
		}
	}
	p.loose = append(p.loose, out)
	return nil
}

// takePart chooses who takes part with an account or a token of their own. Members who
// do are no ordinary members.
func (m *Maker) takePart(p *phase) {
	n := max(1, p.s.Actors.At(m.scale))
	g := m.groups[p.group]
	all := g.count
	if p.group == 0 {
		all = max(1, m.people.JoinedBy(p.from/1000))
	}
	n = min(n, all)
	for i := range n {
		a := i
		if p.group == 0 {
			a = all - 1 - drill.Spread(i, n, all)
			m.taken[a] = true
		}
		p.actors = append(p.actors, a)
	}
	p.sessions = make([]session, n)
	if p.signIn != nobody || p.s.Credential != "own" {
		return
	}
	for _, v := range m.visits { // they sign in where their group does, to the same log
		if v.group == p.group && v.signIn != nobody && len(p.s.Pages) > 0 && m.pages[v.signIn].log == m.pages[m.pageNamed(p.s.Pages[0].Page)].log {
			p.signIn = v.signIn
			return
		}
	}
}

// plan lays the lines of a phase over its hours: by the weights of its shape, and so
// that the day of the peak has exactly its reads.
func (m *Maker) plan(p *phase) {
	cuts := []int64{p.from, p.to}
	var before, peak int64 // reads
	total := p.seq.reads()
	if !p.s.Peak.IsZero() {
		y, mo, d := p.s.Peak.In(m.s.Location()).Date()
		begin := dayStart(m, y, int(mo), d)
		cuts = []int64{p.from, min(max(begin, p.from), p.to), min(max(dayStart(m, y, int(mo), d+1), p.from), p.to), p.to}
		peak = min(p.s.PeakReads.At(m.scale), total)
	}
	var parts [][]piece
	var weights [][]int64
	var sums []int64
	for i := range len(cuts) - 1 {
		ps, ws, sum := m.piecesOf(p, cuts[i], cuts[i+1])
		parts, weights, sums = append(parts, ps), append(weights, ws), append(sums, sum)
	}
	lines := []int64{p.seq.lines()}
	if len(parts) == 3 {
		if sums[1] == 0 {
			peak = 0
		}
		if rest := sums[0] + sums[2]; rest > 0 {
			before = mulDiv(total-peak, sums[0], rest)
		} else {
			peak = total
		}
		lines = newSequence(m, p).linesUntil(before, before+peak)
	}
	settle(lines, sums)
	for i := range parts {
		var sum, given int64
		for k := range parts[i] {
			sum += weights[i][k]
			upto := mulDiv(lines[i], sum, sums[i])
			parts[i][k].lines = upto - given
			given = upto
		}
		p.pieces = append(p.pieces, parts[i]...)
	}
}

// settle moves lines that would lie in a part without time to the one before it, or
// behind it.
func settle(lines, sums []int64) {
	for i := len(sums) - 1; i > 0; i-- {
		if sums[i] == 0 {
			lines[i-1], lines[i] = lines[i-1]+lines[i], 0
		}
	}
	for i := range len(sums) - 1 {
		if sums[i] == 0 {
			lines[i+1], lines[i] = lines[i+1]+lines[i], 0
		}
	}
}

// piecesOf cuts a span at the hours that are made.
func (m *Maker) piecesOf(p *phase, from, to int64) (out []piece, weights []int64, sum int64) {
	if from >= to {
		return nil, nil, 0
	}
	flat := false
	for range 2 {
		for at := m.from + (from-m.from)/hour*hour; at < to; at += hour {
			a, b := max(at, from), min(at+hour, to)
			date, h, wd := m.local(at)
			w := int64(1)
			if !flat {
				w = weight(p.s.Shape, h, wd, m.holidays[date])
			}
			out, weights = append(out, piece{hour: at, from: a, to: b}), append(weights, w*(b-a)/1000)
			sum += w * (b - a) / 1000
		}
		if sum > 0 {
			break
		}
		// A phase in hours in which its shape has nobody: it took place all the same.
		out, weights, flat = nil, nil, true
	}
	return out, weights, sum
}

// advance makes the lines of a phase in an hour.
func (m *Maker) advance(p *phase, at int64) {
	for ; p.next < len(p.pieces) && p.pieces[p.next].hour == at; p.next++ {
		pc := &p.pieces[p.next]
		var s act
		var base, last int64
		for i := range pc.lines {
			if !p.seq.next(&s) {
				break
			}
			now := pc.from + mulDiv(i, pc.to-pc.from, pc.lines)
			if s.kind == actRead {
				if s.ord == 0 || i == 0 {
					base, last = now, now
				}
				// The reads of an account come together, unless they are many.
				if s.of <= 16 {
					if s.ord > 0 && i > 0 {
						last += 400 + m.draw(uint64(s.k)<<8|uint64(s.ord), 30+uint64(p.n), 2200)
					}
					now = max(base, last)
				}
			}
			m.do(p, &s, min(now, pc.to-1), pc)
		}
	}
}

// do makes one line of the attack, and a sign-in before it where one is needed.
func (m *Maker) do(p *phase, s *act, at int64, pc *piece) {
	r := row{at: at, began: at, actor: nobody, target: nobody, group: int16(p.group), key: int16(p.key), phase: p.n, status: 200, rows: -1, agent: p.agent, net: uint16(p.net), page: uint16(s.page)}
	w := m.pages[s.page]
	if r.key == nobody {
		r.key = m.keyAt(p.group, at)
	}
	m.place(p, &r, s)
	switch s.kind {
	case actGhost:
		r.target, r.status = ghost(s.k), p.status
		if w.whose == "path" && r.status == 200 {
			r.rows = 1
		}
	case actFailure:
		r.status, r.key, r.token = 401, nobody, 0
		if r.actor = nobody; m.draw(uint64(s.k), 40, 10) < 4 { // most names fit nobody
			r.actor = m.draw(uint64(s.k), 41, m.people.Accounts)
		}
		r.target = max(0, r.actor)
		m.put(r, pc)
		return
	case actRead:
		if r.target = p.of.Place(s.k); w.whose == "path" {
			r.rows = 1
		}
	case actLoose:
		m.many(p, s, &r)
	}
	switch p.s.Credential {
	case "forged", "guessed":
		switch {
		case s.kind == actGhost || s.kind == actLoose:
			r.token = m.token(p.n)
			if r.actor = r.target; s.kind == actLoose {
				r.actor = p.of.Place(s.k % max(1, p.of.N))
			}
		default:
			if s.ord == 0 {
				p.unit = m.token(p.n)
			}
			r.actor, r.token = r.target, p.unit
		}
		if w.whose == "actor" || w.whose == "" {
			r.rows = -1
		}
	case "own", "issued":
		a := int(s.k % int64(len(p.actors)))
		r.actor = p.actors[a]
		m.inSession(p, &p.sessions[a], &r, pc)
		if w.whose == "actor" {
			r.target = r.actor
		}
	}
	m.put(r, pc)
}

// inSession gives a row the session of its actor: one for each day.
func (m *Maker) inSession(p *phase, s *session, r *row, pc *piece) {
	d, _, _ := m.local(r.at)
	if !s.open || s.day != d {
		*s = session{day: d, token: m.token(p.n), pid: m.process(p.n), began: r.at, open: true}
		if p.s.Credential == "own" && p.signIn != nobody {
			in := *r
			in.at = max(pc.from, r.at-1000-m.draw(s.token, 42, 5000))
			in.page, in.token, in.list, in.rows, in.target, in.status = uint16(p.signIn), s.token, nil, -1, nobody, 200
			s.began = in.at
			in.began, in.pid = s.began, s.pid
			m.put(in, pc)
			s.number++
		}
	}
	r.token, r.pid, r.began, r.number = s.token, s.pid, s.began, s.number
	if p.s.Credential == "issued" && m.logs[m.pages[r.page].log].kind == "nginx" {
		r.token = m.standing(p.group, r.actor)
	}
	s.number++
}

// place gives a row its address: another one each so many lines.
func (m *Maker) place(p *phase, r *row, s *act) {
	switch {
	case p.rotate > 0:
		i := p.lines / p.rotate
		r.addr, r.pick = uint32(i%m.nets[p.net].n), uint8(drill.Mix(m.seed^uint64(i)))
	case p.actors != nil:
		a := p.actors[s.k%int64(len(p.actors))]
		r.addr, r.pick = m.home(p.group, a, p.net)
	}
	p.lines++
}

// many fills in whom a line lists, or how many rows it says.
func (m *Maker) many(p *phase, s *act, r *row) {
	l := &p.loose[s.stream]
	switch m.pages[l.page].whose {
	case "list":
		r.list = m.room(int(l.listed))
		for i := range r.list {
			k := (s.k*l.listed + int64(i)) % l.accounts
			r.list[i] = p.of.Place(drill.Spread(k, l.accounts, p.of.N))
		}
		r.rows = int32(l.listed)
	case "nobody":
		r.rows = int32(min(1<<30, l.rows))
		// Which part of those it reaches: for the truth alone.
		r.target = s.k
	}
}

// put takes a row of the attack: those stay in their hour.
func (m *Maker) put(r row, pc *piece) {
	m.add(r, pc.hour+hour)
}

// mulDiv is a*b/c without overflow; 0 if c is.
func mulDiv(a, b, c int64) int64 {
	if c == 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q)
}
