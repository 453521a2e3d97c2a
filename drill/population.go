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
	among              []spread
}

// spread is so many accounts out of all, evenly: the accounts a phase reads on a
// page, of which the first few hold the item.
type spread struct{ accounts, hold int64 }

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
				h.among = append(h.among, spread{s.AccountsOf(it.Among.Phase, r, scale), it.Among.Accounts.At(scale)})
			}
		}
		out.items = append(out.items, h)
	}
	return out
}

// reads finds what a phase reads of a page.
func (s *Scenario) reads(phase, page string) *Reads {
	for i := range s.Attack {
		if s.Attack[i].Name != phase {
			continue
		}
		for j := range s.Attack[i].Pages {
			if s.Attack[i].Pages[j].Page == page {
				return &s.Attack[i].Pages[j]
			}
		}
	}
	return nil
}

// AccountsOf is of how many accounts a phase reads a page.
func (s *Scenario) AccountsOf(phase string, r *Reads, scale int64) int64 {
	var all int64
	for _, p := range s.Attack {
		if p.Name == phase {
			all = p.Accounts.At(scale)
		}
	}
	n := all
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

// Empty says whether an account has nothing that is not empty.
func (p *People) Empty(i int64) bool {
	_, yes := SpreadOver(i, p.empty, p.Accounts)
	return yes
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
	for _, s := range h.among {
		if j, yes := SpreadOver(i, s.accounts, p.Accounts); yes {
			_, yes = SpreadOver(j, s.hold, s.accounts)
			return yes
		}
	}
	return float64(p.Draw(i, 100+uint64(k), 1_000_000)) < h.members*10_000
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
