package drill

import (
	"math/rand/v2"
	"testing"
)

// TestPlaces holds the arithmetic of places against counting, over random sizes.
func TestPlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := &People{Accounts: 1 + r.Int64N(300), Strangers: r.Int64N(200), first: 1000, prefix: "m", digits: 4, shared: r.Int64N(101), empty: r.Int64N(5)}
		p.numbers, p.books = p.Accounts+r.Int64N(400), 1+r.Int64N(p.Accounts)
		used := map[int64]bool{}
		for i := range p.Accounts {
			n := p.number(i) - p.first
			if used[n] || n < 0 || n >= p.numbers {
				t.Fatalf("account %d of %d has number %d of %d, twice or outside", i, p.Accounts, n, p.numbers)
			}
			used[n] = true
		}
		last := int64(-1)
		for i := range p.Unused() {
			g := p.gap(i)
			if used[g] || g <= last {
				t.Fatalf("ghost %d has number %d, which is used or not above %d", i, g, last)
			}
			last = g
		}
		n := 1 + r.Int64N(p.Accounts)
		on := map[int64]int64{}
		for i := range n {
			on[Spread(i, n, p.Accounts)] = i
		}
		var empty int64
		books := map[int64]int{}
		for i := range p.Accounts {
			j, yes := SpreadOver(i, n, p.Accounts)
			if want, is := on[i]; yes != is || yes && j != want {
				t.Fatalf("place %d: SpreadOver says %d %v, counting %d %v", i, j, yes, want, is)
			}
			if p.Empty(i) {
				empty++
			}
			p.StrangersOf(i, func(j int64) { books[j]++ })
		}
		if empty != min(p.empty, p.Accounts) {
			t.Fatalf("%d accounts are empty, want %d", empty, p.empty)
		}
		p.from, p.end, p.joined = 1000, 1000+1+r.Int64N(5000), r.Int64N(p.Accounts+1)
		for range 20 {
			at := p.from - 3 + r.Int64N(p.end-p.from+6)
			var want int64
			for i := range p.Accounts {
				if p.Joined(i) <= at {
					want++
				}
			}
			if got := p.JoinedBy(at); got != max(want, p.Accounts-p.joined) {
				t.Fatalf("%d accounts had joined, JoinedBy says %d", want, got)
			}
		}
		for i := range p.Accounts {
			var below int64
			for n := range p.number(i) - p.first {
				if !used[n] {
					below++
				}
			}
			if got := p.UnusedBelow(i); got != below {
				t.Fatalf("below account %d lie %d unused numbers, UnusedBelow says %d", i, below, got)
			}
		}
		for j := range p.Strangers {
			if books[j] < 1 || books[j] > 2 {
				t.Fatalf("stranger %d stands in %d books", j, books[j])
			}
		}
	}
}

// TestAmong: of the accounts a phase reads on a page, so many hold the item as were said.
func TestAmong(t *testing.T) {
	p := &People{Accounts: 33_674, items: []holding{{members: 7, among: []among{{Chosen{N: 33_674, All: 33_674}, 34, 3}}}}}
	held := 0
	for i := range int64(34) {
		if p.Items(Spread(i, 34, p.Accounts)) != 0 {
			held++
		}
	}
	if held != 3 {
		t.Errorf("%d of the 34 accounts hold the item, want 3", held)
	}
	// The account that lies first among all would be empty, and holds the item.
	p.empty = 500
	held = 0
	empty := 0
	for i := range p.Accounts {
		if p.Empty(i) {
			empty++
		}
	}
	for i := range int64(34) {
		if p.Items(Spread(i, 34, p.Accounts)) != 0 {
			held++
		}
	}
	if held != 3 || empty != 500 {
		t.Errorf("%d accounts hold the item and %d are empty, want 3 and 500", held, empty)
	}
}
