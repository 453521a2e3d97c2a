package detect

import (
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// TestCover compares the episodes of a finding, whatever the order in which its parts
// come, with joining all that a window can hold both of.
func TestCover(t *testing.T) {
	rnd := seed(t)
	for range 300 {
		c := &correlation{grid: grid{cell: 1000, width: int64(2 + rnd.IntN(10))}}
		var parts []span
		for range 1 + rnd.IntN(20) {
			at := event.Millis(rnd.IntN(200_000))
			parts = append(parts, span{at, at + event.Millis(rnd.IntN(3000))})
		}
		apart := func(a, b event.Millis) bool { return c.grid.of(b)-c.grid.of(a) >= c.grid.width }
		var want []span
		sorted := slices.Clone(parts)
		slices.SortFunc(sorted, func(a, b span) int { return compare(int64(a.first), int64(b.first)) })
		for _, x := range sorted {
			if n := len(want); n > 0 && !apart(want[n-1].last, x.first) {
				want[n-1].last = max(want[n-1].last, x.last)
				continue
			}
			want = append(want, x)
		}
		f := &finding{corr: c}
		for _, i := range rnd.Perm(len(parts)) {
			f.cover(parts[i].first, parts[i].last)
			if rnd.IntN(2) == 0 && f.cover(parts[i].first, parts[i].last) {
				t.Fatal("the same again is news")
			}
		}
		if !slices.Equal(f.spans, want) || f.first != want[0].first || f.last != want[len(want)-1].last {
			t.Fatalf("episodes %v from %d to %d, want %v", f.spans, f.first, f.last, want)
		}
	}
}

// TestEpisodes: what a group does long after is another episode of the same signal, and
// what lies between is not in its predicate; of more than are kept the earliest become
// one, and that is said.
func TestEpisodes(t *testing.T) {
	const text = `
title: a read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: many by one actor
name: many
correlation: {type: event_count, rules: [read], group-by: [actor.id], timespan: 1h, condition: {gte: 3}}
`
	run := func(days int) (*Report, Signal) {
		e, err := New(rules(t, text), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		table := &Table{Agents: []string{"a"}, Clients: []segment.Client{{}}, Shapes: []segment.Shape{
			{Source: "s", Route: "GET /x", Key: "k", ActorType: "member", Action: event.ActionRead, Status: 200, Flags: segment.Primary},
		}}
		who := dictionary.MakeRef(0, 1)
		for d := range days {
			for i := range 3 {
				r := Row{Time: boundedFrom + event.Millis(d)*86_400_000 + event.Millis(i)*60_000, Home: who, Actor: who, HasActor: true}
				if err := e.Observe(table, []Row{r}, func(uint32) bool { return true }); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Advance(); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		rep, err := e.Report(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(rep.Signals, func(s Signal) bool { return s.Rule == "many" })
		if i < 0 {
			t.Fatal("there is no signal")
		}
		return rep, rep.Signals[i]
	}
	_, one := run(1)
	if len(one.Episodes) != 0 || strings.Contains(one.Where, "time") {
		t.Errorf("one episode: %v, %s", one.Episodes, one.Where)
	}
	_, three := run(3)
	if three.ID != one.ID || three.First != one.First || len(three.Episodes) != 3 || strings.Count(three.Where, "timestamp(") != 6 {
		t.Errorf("three episodes: %+v", three)
	}
	if rep, full := run(maxEpisodes); len(full.Episodes) != maxEpisodes || len(rep.Losses) != 0 {
		t.Errorf("%d episodes of %d, losses %v", len(full.Episodes), maxEpisodes, rep.Losses)
	}
	rep, more := run(maxEpisodes + 5)
	if len(more.Episodes) != maxEpisodes || more.First != one.First || more.Episodes[0][0] != one.First {
		t.Errorf("%d episodes are kept, from %s", len(more.Episodes), more.First)
	}
	if len(rep.Losses) != 1 || rep.Losses[0].Cause != string(episodesFull) || rep.Losses[0].Rule != "many" || rep.Losses[0].Records != 5 {
		t.Errorf("losses: %+v", rep.Losses)
	}
	if !slices.ContainsFunc(rep.Signals, func(s Signal) bool { return s.Rule == "coverage-lost" && s.Group["cause"] == "episodes_full" }) {
		t.Error("no signal says that episodes became one")
	}
}
