package report

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestPlace: over random timelines no label stands on another, nor outside.
func TestPlace(t *testing.T) {
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		a := axis{from: begin, to: begin.AddDate(1, 0, 0), x0: 10, x1: 910}
		var marks []mark
		for range 1 + r.IntN(14) {
			marks = append(marks, mark{at: begin.Add(time.Duration(r.IntN(365*24)) * time.Hour), title: "2025-01-01 00:00", text: strings.Repeat("수 ", 1+r.IntN(30))})
		}
		list := place(a, marks, 920)
		for i, l := range list {
			if l.box.x1 > 921 || l.box.y0 < 14 || l.box.y1-l.box.y0 != float64(len(l.lines))*lineHigh {
				t.Fatalf("seed %d: a label stands at %+v", seed, l.box)
			}
			for _, o := range list[:i] {
				if l.box.meets(o.box) {
					t.Fatalf("seed %d: labels at %+v and %+v", seed, l.box, o.box)
				}
			}
		}
	}
}

func TestWords(t *testing.T) {
	f := func(x float64) *float64 { return &x }
	ko, en := &view{Lang: "ko"}, &view{Lang: "en"}
	for _, c := range []struct{ got, want string }{
		{en.Pct(nil), "–"}, {en.Pct(f(0)), "0%"}, {en.Pct(f(1)), "100%"}, {en.Pct(f(0.99999)), "99.9%"}, {en.Pct(f(0.00001)), "<0.1%"}, {en.Pct(f(0.123)), "12.3%"},
		{en.Times(f(8278.4)), "8,278×"}, {ko.Times(f(1.25)), "1.3배"}, {en.Times(f(2)), "2×"},
		{en.After(0), "at once"}, {en.After(1), "1 second"}, {en.After(72 * 60), "1 hour 12 minutes"}, {en.After(86400 + 5), "1 day"}, {ko.After(90000), "1일 1시간"}, {en.After(3605), "1 hour"},
		{en.Days(1), "1 day"}, {en.Days(307.7), "308 days"}, {ko.Days(1.5), "1.5일"}, {en.People(1), "1 person"}, {ko.People(1234), "1,234명"},
		{en.Dec(0.001), "<0.01"}, {en.Dec(7.7), "7.7"}, {en.Dec(1000), "1,000"}, {en.Dec(0), "0"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for _, most := range []float64{1, 3, 9, 38, 1e3, 3.7e7} {
		if n := nice(most); len(n) < 2 || len(n) > 7 || n[len(n)-1] > most {
			t.Errorf("steps up to %v: %v", most, n)
		}
	}
	for _, line := range wrapped("first alarm · nine people · long words", 12.5, 90) {
		if strings.HasPrefix(line, "·") {
			t.Errorf("a line begins with a dot: %q", line)
		}
	}
}
