package drill

import (
	"math/bits"
	"strconv"
)

// People is the population of a scenario at one scale: who exists, who stands in
// whose book, who has which item. Everything follows from places: accounts are 0 to
// Accounts-1, and so are people without one.
type People struct {
	Accounts  int64
	Strangers int64

	numbers   int64 // from the first number to the highest
	first     int64
	prefix    string
	digits    int
	empty     int64
	joined    int64
	books     int64 // accounts in whose books strangers stand
	shared    int64 // percent
	listed    int64 // percent
	items     []holding
	seed      uint64
	from, end int64 // of the scenario, in seconds
}

// holding is for whom an item is not empty.
type holding struct {
	members, strangers float64 // percent
	among              []among
}

// among is so many of the accounts that a phase reads on a page, evenly.
type among struct {
	of             Chosen
	accounts, hold int64
}

// Chosen are the accounts of a phase: N of all that there are, evenly, or the N that
// joined last.
type Chosen struct {
	N, All int64
	Newest bool
}

// Place is the place among all of the k-th of them.
func (c Chosen) Place(k int64) int64 {
	if c.Newest {
		return c.All - c.N + k
	}
	return Spread(k, c.N, c.All)
}

// Over says whether a place is one of them, and which.
func (c Chosen) Over(place int64) (int64, bool) {
	if c.Newest {
		k := place - (c.All - c.N)
		return k, k >= 0
	}
	return SpreadOver(place, c.N, c.All)
}

// ChosenBy are the accounts that a phase reads at 1:scale.
func (s *Scenario) ChosenBy(phase *Phase, scale int64) Chosen {
	c := Chosen{All: s.Population.Accounts.At(scale), Newest: phase.New}
	c.N = phase.Accounts.At(scale)
	if phase.Credential == "guessed" {
		c.N = phase.Hits.At(scale)
	}
	c.N = min(c.N, c.All)
	return c
}

// MostItems is how many items a scenario may have.
const MostItems = 32

// People of the scenario at 1:scale.
func (s *Scenario) People(scale int64, seed uint64) *People {
	p := &s.Population
	out := &People{
		Accounts: p.Accounts.At(scale), Strangers: p.Strangers.At(scale),
		first: int64(p.First.Value()), prefix: p.Prefix, digits: p.Digits,
		empty: p.Empty.At(scale), joined: p.Joined.At(scale),
		shared: int64(p.Shared.Value()), listed: int64(p.Listed.Value()),
		seed: seed, from: s.From.Unix(), end: s.To.Unix(),
	}
	out.books = out.Accounts
	if p.Books.Given() {
		out.books = min(out.books, p.Books.At(scale))
	}
	out.numbers = out.Accounts + p.Unused.At(scale)
	for _, it := range s.Items.All() {
		h := holding{members: 100}
		if it.Members != nil {
			h.members = it.Members.Value()
		}
		if it.Strangers != nil {
			h.strangers = it.Strangers.Value()
		}
		if it.Among != nil {
			if r := s.reads(it.Among.Phase, it.Among.Page); r != nil {
				n := s.AccountsOf(it.Among.Phase, r, scale)
				h.among = append(h.among, among{s.ChosenBy(s.phase(it.Among.Phase), scale), n, min(n, it.Among.Accounts.At(scale))})
			}
		}
		out.items = append(out.items, h)
	}
	return out
}

// reads finds what a phase reads of a page.
func (s *Scenario) reads(phase, page string) *Reads {
	p := s.phase(phase)
	if p == nil {
		return nil
	}
	for j := range p.Pages {
		if p.Pages[j].Page == page {
			return &p.Pages[j]
		}
	}
	return nil
}

func (s *Scenario) phase(name string) *Phase {
	for i := range s.Attack {
		if s.Attack[i].Name == name {
			return &s.Attack[i]
		}
	}
	return nil
}

// AccountsOf is of how many accounts a phase reads a page.
func (s *Scenario) AccountsOf(phase string, r *Reads, scale int64) int64 {
	n := s.ChosenBy(s.phase(phase), scale).N
	if r.Accounts.Given() {
		n = min(n, r.Accounts.At(scale))
	}
	return n
}

// mulDiv is a*b/c without overflow.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q)
}

// Spread is the place among all of the i-th of n things that lie evenly in them.
func Spread(i, n, all int64) int64 { return mulDiv(i, all, n) }

// SpreadOver says whether a place is one of the n that lie evenly in all, and which.
func SpreadOver(place, n, all int64) (int64, bool) {
	if n == 0 {
		return 0, false
	}
	// The smallest i with i*all/n >= place.
	hi, lo := bits.Mul64(uint64(place), uint64(n))
	q, rest := bits.Div64(hi, lo, uint64(all))
	i := int64(q)
	if rest > 0 {
		i++
	}
	return i, i < n && Spread(i, n, all) == place
}

// number is the account number of an account: the used ones lie evenly in all.
func (p *People) number(i int64) int64 { return p.first + Spread(i, p.Accounts, p.numbers) }

// AppendAccount appends the id of an account.
func (p *People) AppendAccount(b []byte, i int64) []byte { return p.appendNumber(b, p.number(i)) }

// Unused is how many numbers are nobody's.
func (p *People) Unused() int64 { return p.numbers - p.Accounts }

// AppendGhost appends the i-th number that is nobody's, in rising order. Past the
// last of them numbers go on above the highest account.
func (p *People) AppendGhost(b []byte, i int64) []byte {
	unused := p.Unused()
	if i >= unused {
		return p.appendNumber(b, p.first+p.numbers+(i-unused))
	}
	return p.appendNumber(b, p.first+p.gap(i))
}

// gap is the place of the i-th number that is nobody's.
func (p *People) gap(i int64) int64 {
	// Below place x stand ceil(x*A/N) used ones; find the smallest x with
	// x+1-used(x+1) = i+1.
	lo, hi := i, p.numbers-1
	for lo < hi {
		mid := lo + (hi-lo)/2
		if mid+1-p.usedBelow(mid+1) >= i+1 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// usedBelow is how many used numbers stand below a place.
func (p *People) usedBelow(place int64) int64 {
	hi, lo := bits.Mul64(uint64(place), uint64(p.Accounts))
	q, rest := bits.Div64(hi, lo, uint64(p.numbers))
	if rest > 0 {
		q++
	}
	return min(int64(q), p.Accounts)
}

func (p *People) appendNumber(b []byte, n int64) []byte {
	b = append(b, p.prefix...)
	var buf [20]byte
	digits := strconv.AppendInt(buf[:0], n, 10)
	for range p.digits - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// AppendStranger appends the id of a person without an account.
func (p *People) AppendStranger(b []byte, i int64) []byte {
	b = append(b, 'c')
	var buf [20]byte
	digits := strconv.AppendInt(buf[:0], i, 10)
	for range p.digits - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// UnusedBelow is how many numbers that are nobody's lie below that of an account.
func (p *People) UnusedBelow(i int64) int64 { return Spread(i, p.Accounts, p.numbers) - i }

// Highest is the highest number that AppendGhost writes for n numbers, or an account has.
func (p *People) Highest(n int64) int64 { return p.first + p.numbers - 1 + max(0, n-p.Unused()) }

// Empty says whether an account has nothing that is not empty. One that a figure says
// to hold an item is not: the next one is instead.
func (p *People) Empty(i int64) bool {
	if _, yes := SpreadOver(i, p.empty, p.Accounts); yes && !p.said(i) {
		return true
	}
	if i == 0 || p.said(i) {
		return false
	}
	_, yes := SpreadOver(i-1, p.empty, p.Accounts)
	return yes && p.said(i-1)
}

// said: of the accounts that a phase reads on a page, this one holds an item.
func (p *People) said(i int64) bool {
	for _, h := range p.items {
		for _, a := range h.among {
			if held, read := a.holds(i); held && read {
				return true
			}
		}
	}
	return false
}

// holds says whether an account is one of those read, and if so whether it holds the
// item.
func (a *among) holds(i int64) (held, read bool) {
	k, yes := a.of.Over(i)
	if !yes {
		return false, false
	}
	j, yes := SpreadOver(k, a.accounts, a.of.N)
	if !yes {
		return false, false
	}
	_, held = SpreadOver(j, a.hold, a.accounts)
	return held, true
}

// Joined is when an account signed up, in seconds: those that joined during the
// scenario have the highest numbers, the others signed up before it.
func (p *People) Joined(i int64) int64 {
	k := i - (p.Accounts - p.joined)
	if k < 0 {
		return p.from - 86400*(1+int64(p.Draw(i, 1, 2000)))
	}
	return p.from + mulDiv(k, p.end-p.from, max(p.joined, 1))
}

// JoinedBy is how many accounts had signed up at a second: those are the first so many.
func (p *People) JoinedBy(at int64) int64 {
	before := p.Accounts - p.joined
	if p.joined == 0 || at < p.from {
		return before
	}
	// The largest k with from + k*(end-from)/joined <= at.
	k := mulDiv(at-p.from+1, p.joined, p.end-p.from)
	for k > 0 && p.Joined(before+k-1) > at {
		k--
	}
	for k < p.joined && p.Joined(before+k) <= at {
		k++
	}
	return before + min(k, p.joined)
}

// Items of an account's own person, as bits in the order of the scenario.
func (p *People) Items(i int64) uint32 {
	if p.Empty(i) {
		return 0
	}
	var mask uint32
	for k, h := range p.items {
		if p.holds(i, k, h) {
			mask |= 1 << k
		}
	}
	return mask
}

func (p *People) holds(i int64, k int, h holding) bool {
	for _, a := range h.among {
		if held, read := a.holds(i); read {
			return held
		}
	}
	return float64(p.Draw(i, 100+uint64(k), 1_000_000)) < h.members*10_000
}

// ListedItems is what an entry of an address book holds of another member: of the
// member's items those that people without an account can have. A door code or an
// order history is not in somebody else's book.
func (p *People) ListedItems(i int64) uint32 {
	var mask uint32
	for k, h := range p.items {
		if h.strangers > 0 {
			mask |= 1 << k
		}
	}
	if mask == 0 {
		return 0
	}
	return p.Items(i) & mask
}

// StrangerItems is Items of a person without an account.
func (p *People) StrangerItems(j int64) uint32 {
	var mask uint32
	for k, h := range p.items {
		if float64(p.Draw(j, 200+uint64(k), 1_000_000)) < h.strangers*10_000 {
			mask |= 1 << k
		}
	}
	return mask
}

// StrangersOf is the people without an account in the book of an account: each stands in
// one book, and some in that of a second account too.
func (p *People) StrangersOf(i int64, yield func(j int64)) {
	book, has := SpreadOver(i, p.books, p.Accounts)
	if !has || p.Strangers == 0 {
		return
	}
	p.inBook(book, yield)
	if p.shared > 0 && p.books > 1 {
		p.inBook((book+p.books/3+1)%p.books, func(j int64) {
			if int64(p.Draw(j, 3, 100)) < p.shared {
				yield(j)
			}
		})
	}
}

func (p *People) inBook(book int64, yield func(int64)) {
	for j := p.before(book); j < p.before(book+1); j++ {
		yield(j)
	}
}

// before is how many strangers have their first book before this one.
func (p *People) before(book int64) int64 {
	hi, lo := bits.Mul64(uint64(book), uint64(p.Strangers))
	q, rest := bits.Div64(hi, lo, uint64(p.books))
	if rest > 0 {
		q++
	}
	return int64(q)
}

// MemberOf is the other member in the book of an account, if there is one.
func (p *People) MemberOf(i int64) (int64, bool) {
	if p.listed == 0 || p.Accounts < 3 || int64(p.Draw(i, 4, 100)) >= p.listed {
		return 0, false
	}
	k := (i + 1 + int64(p.Draw(i, 5, uint64(p.Accounts-1)))) % p.Accounts
	return k, true
}

// Draw is a number below n that follows from a place, a purpose and the seed.
func (p *People) Draw(i int64, purpose, n uint64) uint64 {
	hi, _ := bits.Mul64(Mix(p.seed^purpose<<48^uint64(i)), n)
	return hi
}

// Mix scatters a number over all numbers (the finaliser of SplitMix64).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
