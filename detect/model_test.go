package detect

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/haetae/haetae/event"
)

func seed(t testing.TB) *rand.Rand {
	n := rand.Uint64()
	if s := os.Getenv("HAETAE_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with HAETAE_SEED=%d go test -run '^%s$' ./detect", n, t.Name())
		}
	})
	return rand.New(rand.NewPCG(n, 1))
}

// TestDistinct compares the incremental numbers of distinct values, in every window
// and after every record, with counting them anew; records come in any order, and
// what has passed the horizon is forgotten along the way.
func TestDistinct(t *testing.T) {
	rnd := seed(t)
	for world := range 400 {
		width := int64(1 + rnd.IntN(12))
		values := 1 + rnd.IntN(30)
		late := rnd.IntN(10) // cells by which a record may be late
		g := &group{}
		type seen struct {
			v  uint64
			at int64
		}
		var all []seen
		now := int64(0)
		for range 1 + rnd.IntN(300) {
			if rnd.IntN(3) == 0 {
				now += int64(rnd.IntN(4))
			}
			settled := now - int64(late)
			at := now - int64(rnd.IntN(late+1))
			x := seen{uint64(rnd.IntN(values)), at}
			all = append(all, x)
			g.note(at, event.Millis(at))
			g.add(x.v, at, event.Millis(at), width)
			if rnd.IntN(10) == 0 {
				g.expire(settled-width+1, settled, width)
			}
			g.distinct(func(c *cell, n int64) bool {
				if c.at < settled {
					return true // final, and no longer kept
				}
				in := map[uint64]bool{}
				for _, s := range all {
					if s.at <= c.at && s.at > c.at-width {
						in[s.v] = true
					}
				}
				if int64(len(in)) != n {
					t.Fatalf("world %d: window of %d cells that ends with %d holds %d values, want %d", world, width, c.at, n, len(in))
				}
				return true
			})
			if !slices.IsSortedFunc(g.cells, func(a, b cell) int { return compare(a.at, b.at) }) {
				t.Fatal("cells are not in order")
			}
		}
	}
}

// TestNth compares the moment at which a number was reached with looking it up.
func TestNth(t *testing.T) {
	rnd := seed(t)
	for range 200 {
		g := &group{}
		width := int64(1 + rnd.IntN(6))
		first := map[string]event.Millis{}
		for range 60 {
			at := int64(rnd.IntN(10))
			v, when := uint64(rnd.IntN(20)), event.Millis(at*1000+rnd.Int64N(1000))
			g.note(at, when)
			g.add(v, at, when, width)
			k := fmt.Sprint(v, " ", at)
			if f, ok := first[k]; !ok || when < f {
				first[k] = when
			}
		}
		end := int64(rnd.IntN(10))
		var times []event.Millis
		for v := range 20 {
			best := event.Millis(-1)
			for at := end - width + 1; at <= end; at++ {
				if f, ok := first[fmt.Sprint(v, " ", at)]; ok && (best < 0 || f < best) {
					best = f
				}
			}
			if best >= 0 {
				times = append(times, best)
			}
		}
		slices.Sort(times)
		for n := 1; n <= len(times); n++ {
			if got := g.nth(n, end, width); got != times[n-1] {
				t.Fatalf("the %d-th value of %d was there at %d, want %d", n, len(times), got, times[n-1])
			}
		}
		if g.nth(len(times)+1, end, width) != 0 {
			t.Fatal("there is a moment for a value that did not come")
		}
	}
}

// TestReachedAt: looking up the moment only when it may be earlier finds the same
// earliest moment as looking it up in every window after every record.
func TestReachedAt(t *testing.T) {
	rnd := seed(t)
	for world := range 300 {
		g := &group{found: nil}
		width := int64(1 + rnd.IntN(8))
		n := 1 + rnd.IntN(5)
		now, late := int64(0), int64(rnd.IntN(6))
		want := event.Millis(0)
		for range 200 {
			now += int64(rnd.IntN(3) / 2)
			at := now - rnd.Int64N(late+1)
			when := event.Millis(at*1000 + rnd.Int64N(1000))
			g.note(at, when)
			g.add(uint64(rnd.IntN(25)), at, when, width)
			for end := at; end < at+width; end++ {
				if !slices.ContainsFunc(g.cells, func(c cell) bool { return c.at == end }) {
					continue
				}
				if x := g.nth(n, end, width); x == 0 {
					continue
				} else if want == 0 || x < want {
					want = x
				}
				got, ok := g.reachedAt(n, end, width)
				if !ok {
					t.Fatal("there is no moment, and there is one")
				}
				if g.found == nil {
					g.found = &finding{at: got}
				}
				g.found.at = min(g.found.at, got)
			}
			if g.found != nil && g.found.at != want {
				t.Fatalf("world %d: reached at %d, want %d", world, g.found.at, want)
			}
			if rnd.IntN(10) == 0 {
				g.expire(now-late-width+1, now-late, width)
			}
		}
	}
}

// TestGrid: any two moments within a timespan share a window, and a window is at
// most a twenty-fourth and two cells longer.
func TestGrid(t *testing.T) {
	rnd := seed(t)
	for range 2000 {
		span := event.Millis(1000 + rnd.Int64N(400*86_400_000))
		g := gridFor(span.Time().Sub(event.Millis(0).Time()))
		a := event.Millis(rnd.Int64N(2e12))
		b := a + event.Millis(rnd.Int64N(int64(span)+1))
		if g.of(b)-g.of(a) >= g.width {
			t.Fatalf("%d ms apart, timespan %d: cells %d and %d of windows of %d", b-a, span, g.of(a), g.of(b), g.width)
		}
		if longest := event.Millis(g.width) * g.cell; longest > span+span/24+2*g.cell {
			t.Fatalf("timespan %d has windows of %d ms", span, longest)
		}
	}
}

func BenchmarkDistinct(b *testing.B) {
	for _, held := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint("window holds ", held), func(b *testing.B) {
			g := &group{}
			at := int64(0)
			for i := range b.N {
				if i%held == held-1 {
					at += 25
					g.expire(at-24, at, 25)
				}
				g.note(at, event.Millis(i))
				g.add(uint64(i%held)*0x9E3779B97F4A7C15, at, event.Millis(i), 25)
			}
		})
	}
}
