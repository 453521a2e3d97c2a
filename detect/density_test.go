package detect

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
)

// TestDensity compares walks over blocks with counting, in every window of every block,
// how many accounts of it the group touched: while most of a block is only counted, when
// it has been forgotten, and when it begins again.
func TestDensity(t *testing.T) {
	rnd := seed(t)
	docs := rules(t, `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: dense
name: dense
correlation: {type: density, rules: [read], group-by: [credential.key], timespan: 5h, min: 6, condition: {gte: 0.2, field: account}}
`)
	const known, least = 40, 0.2 // of small's blocks; 8 accounts
	fired, quiet := 0, 0
	for range 12 {
		table, rows := someHistory(rnd, 1+rnd.IntN(8))
		for i := range rows { // of rare reads, so that blocks come and go
			if rnd.IntN(3) == 0 {
				rows[i].Shape = uint32(len(table.Shapes) - 1) // no read
			}
		}
		e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Lateness: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		c := e.correlations[0]
		for i := 0; i < len(rows); {
			n := min(1+rnd.IntN(80), len(rows)-i)
			if err := e.Observe(table, rows[i:i+n], func(uint32) bool { return true }); err != nil {
				t.Fatal(err)
			}
			if i += n; rnd.IntN(2) == 0 {
				if err := e.Advance(); err != nil {
					t.Fatal(err)
				}
			}
		}
		type block struct {
			key  string
			part int
		}
		byBlock := map[block][]Row{}
		for _, r := range rows {
			if s := &table.Shapes[r.Shape]; s.Action == event.ActionRead {
				k := block{s.Key, r.Home.Part()}
				byBlock[k] = append(byBlock[k], r)
			}
		}
		type result struct {
			first, at event.Millis
			reached   float64
		}
		want := map[string]*result{}
		for k, list := range byBlock {
			for _, last := range list {
				end := c.grid.of(last.Time)
				first, in := map[uint64]event.Millis{}, result{first: math.MaxInt64}
				for _, r := range list {
					if at := c.grid.of(r.Time); at > end || at <= end-c.grid.width {
						continue
					}
					in.first = min(in.first, r.Time)
					if _, ok := first[uint64(r.Home)]; !ok {
						first[uint64(r.Home)] = r.Time // rows are in order of time
					}
				}
				n := len(first)
				if in.reached = float64(n) / known; n < 6 || in.reached < least {
					quiet++
					continue
				}
				var times []event.Millis
				for _, at := range first {
					times = append(times, at)
				}
				slices.Sort(times)
				in.at = times[int(least*known)-1]
				if x := want[k.key]; x != nil {
					in = result{min(x.first, in.first), min(x.at, in.at), max(x.reached, in.reached)}
				}
				want[k.key] = &in
				fired++
			}
		}
		got := map[string]*result{}
		for _, f := range c.findings {
			key, err := e.text(fieldKey, f.key[0])
			if err != nil {
				t.Fatal(err)
			}
			got[key] = &result{f.first, f.at, f.reached}
		}
		if len(got) != len(want) {
			t.Fatalf("%d groups fire, want %d", len(got), len(want))
		}
		for key, x := range want {
			if got[key] == nil || *got[key] != *x {
				t.Fatalf("%s: %+v, want %+v", key, got[key], x)
			}
		}
	}
	if fired == 0 || quiet == 0 {
		t.Errorf("%d windows fired and %d did not: this test says nothing", fired, quiet)
	}
}
