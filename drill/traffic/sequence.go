package traffic

import (
	"math/bits"
	"time"

	"github.com/haetae/haetae/drill"
)

// act is what the attack does next.
type act struct {
	kind    actKind
	page    int
	k       int64 // which account, ghost, failure or reading of a loose page
	ord, of int64 // of the lines about this account
	stream  int   // of a loose page
}

type actKind uint8

const (
	actRead    actKind = iota // of one account's page; of guessed, its sign-in first
	actGhost                  // a number that is nobody's
	actFailure                // a sign-in that fails
	actLoose                  // a page of many accounts, or of nobody
)

// sequence is all that a phase does, in order and without a time. Accounts come one
// after another, each with all that is read of it; between them lies the rest, evenly,
// but for ghosts among rising numbers, which come where their number stands.
type sequence struct {
	m      *Maker
	p      *phase
	stride int64 // of order spread
	rising bool
	flows  []flow // ghosts, failures, loose pages

	q       int64 // accounts begun
	main    flow  // lines about accounts
	k       int64 // the account being read
	counts  []int64
	at      int // page of it
	ord, of int64
	ghosts  int64
}

// flow is how much of something is done.
type flow struct {
	kind   actKind
	stream int
	done   int64
	all    int64
}

func newSequence(m *Maker, p *phase) *sequence {
	s := &sequence{m: m, p: p, counts: make([]int64, len(p.main)+1), stride: 1}
	s.rising = p.s.Order == "" || p.s.Order == "rising"
	for _, r := range p.main {
		s.main.all += r.times
	}
	if p.s.Credential == "guessed" {
		s.main.all += p.of.N
	}
	if s.main.all == 0 {
		s.q = p.of.N
	}
	if p.s.Order == "spread" && p.of.N > 1 {
		s.stride = p.of.N * 618 / 1000
		for s.stride < 1 || gcd(s.stride, p.of.N) != 1 {
			s.stride++
		}
	}
	if p.ghosts > 0 && !s.rising {
		s.flows = append(s.flows, flow{kind: actGhost, all: p.ghosts})
	}
	if p.failures > 0 {
		s.flows = append(s.flows, flow{kind: actFailure, all: p.failures})
	}
	for i, r := range p.loose {
		s.flows = append(s.flows, flow{kind: actLoose, stream: i, all: r.times})
	}
	return s
}

// reads is how many lines ask for a page.
func (s *sequence) reads() int64 {
	n := s.main.all
	if s.p.s.Credential == "guessed" {
		n -= s.p.of.N
	}
	for _, r := range s.p.loose {
		n += r.times
	}
	return n
}

// lines is how many there are in all.
func (s *sequence) lines() int64 {
	n := s.main.all + s.p.ghosts + s.p.failures
	for _, r := range s.p.loose {
		n += r.times
	}
	return n
}

// linesUntil counts the lines up to a number of reads, from there to another, and
// behind it. It uses the sequence up.
func (s *sequence) linesUntil(first, second int64) []int64 {
	out := []int64{0, 0, s.lines()}
	var a act
	var reads, lines int64
	for reads < second && s.next(&a) {
		lines++
		if a.kind == actLoose || a.kind == actRead && !(s.p.s.Credential == "guessed" && a.ord == 0) {
			reads++
		}
		if reads == first && first > 0 && out[0] == 0 {
			out[0] = lines
		}
	}
	out[1] = lines - out[0]
	out[2] -= lines
	return out
}

// next gives what comes next; false at the end.
func (s *sequence) next(a *act) bool {
	for {
		if s.ord < s.of {
			s.read(a)
			return true
		}
		if s.rising && s.ghosts < s.p.ghosts && s.ghosts < s.ghostsBefore() {
			*a = act{kind: actGhost, page: s.p.main0(), k: s.ghostNumber(s.ghosts)}
			s.ghosts++
			return true
		}
		var best *flow
		if s.q < s.p.of.N {
			best = &s.main
		}
		for i := range s.flows {
			if f := &s.flows[i]; f.done < f.all && (best == nil || f.before(best)) {
				best = f
			}
		}
		switch {
		case best == nil:
			return false
		case best == &s.main:
			s.begin()
			continue
		}
		*a = act{kind: best.kind, k: best.done, stream: best.stream}
		switch best.kind {
		case actGhost:
			a.page, a.k = s.p.main0(), s.ghostNumber(best.done)
		case actFailure:
			a.page = s.p.signIn
		case actLoose:
			a.page = s.p.loose[best.stream].page
		}
		best.done++
		return true
	}
}

// before says whether a flow is further behind than another.
func (f *flow) before(o *flow) bool {
	h1, l1 := bits.Mul64(uint64(2*f.done+1), uint64(o.all))
	h2, l2 := bits.Mul64(uint64(2*o.done+1), uint64(f.all))
	return h1 < h2 || h1 == h2 && l1 < l2
}

// main0 is the page on which ghosts are tried: the first of the phase.
func (p *phase) main0() int {
	if len(p.main) > 0 {
		return p.main[0].page
	}
	return 0
}

// begin takes the next account.
func (s *sequence) begin() {
	n := s.p.of.N
	switch k := s.q; {
	case s.rising:
		s.k = k
	case s.p.s.Order == "spread":
		s.k = mulMod(k, s.stride, n)
	default:
		s.k = s.shuffled(k, n)
	}
	s.q++
	s.ord, s.of, s.at = 0, 0, 0
	s.counts[0] = 0
	if s.p.s.Credential == "guessed" {
		s.counts[0], s.of = 1, 1
	}
	for i := range s.p.main {
		r := &s.p.main[i]
		var c int64
		if r.accounts == n {
			c = share(s.k, r.times, n)
		} else if j, yes := drill.SpreadOver(s.k, r.accounts, n); yes {
			c = share(j, r.times, r.accounts)
		}
		s.counts[i+1] = c
		s.of += c
	}
}

// share is what the j-th of n has of a total.
func share(j, total, n int64) int64 {
	return mulDiv(j+1, total, n) - mulDiv(j, total, n)
}

// read gives the next line about an account.
func (s *sequence) read(a *act) {
	for s.counts[s.at] == 0 {
		s.at++
	}
	s.counts[s.at]--
	page := s.p.signIn
	if s.at > 0 {
		page = s.p.main[s.at-1].page
	}
	*a = act{kind: actRead, page: page, k: s.k, ord: s.ord, of: s.of}
	s.ord++
	s.main.done++
}

// ghostsBefore is how many of rising ghosts lie below the next account.
func (s *sequence) ghostsBefore() int64 {
	if s.q >= s.p.of.N {
		return s.p.ghosts
	}
	below, unused := s.m.people.UnusedBelow(s.p.of.Place(s.q)), s.m.people.Unused()
	if s.p.ghosts >= unused {
		return below
	}
	hi, lo := bits.Mul64(uint64(below), uint64(s.p.ghosts))
	q, rest := bits.Div64(hi, lo, uint64(unused))
	if rest > 0 {
		q++
	}
	return int64(q)
}

// ghostNumber is which number that is nobody's the i-th ghost has.
func (s *sequence) ghostNumber(i int64) int64 {
	if unused := s.m.people.Unused(); s.p.ghosts < unused {
		return drill.Spread(i, s.p.ghosts, unused)
	}
	return i
}

// shuffled is the k-th of n in an order that follows from the seed: a small cipher over
// the next power of four, walked until it falls below n.
func (s *sequence) shuffled(k, n int64) int64 {
	half := (bits.Len64(uint64(n-1)) + 1) / 2
	mask := uint64(1)<<half - 1
	x := uint64(k)
	for {
		l, r := x>>half, x&mask
		for round := range uint64(4) {
			l, r = r, l^drill.Mix(r^s.m.seed^round<<56^uint64(s.p.n)<<48)&mask
		}
		if x = l<<half | r; x < uint64(n) {
			return int64(x)
		}
	}
}

func mulMod(a, b, n int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return int64(bits.Rem64(hi, lo, uint64(n)))
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// dayStart is midnight of a day in the scenario's zone.
func dayStart(m *Maker, year, month, day int) int64 {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, m.s.Location()).UnixMilli()
}
