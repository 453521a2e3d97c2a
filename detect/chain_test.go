package detect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// A plain reference for correlations of correlations: everything is counted anew from
// all the records.

// plainEvent is what a rule counts: a record, or a moment of a correlation.
type plainEvent struct {
	at          event.Millis
	first, last event.Millis
	of          *plainEpisode // of a moment
	key         tuple
	value       uint64
	place       int
}

type plainEpisode struct{ first, last event.Millis }

type plainFinding struct {
	first, last, at event.Millis
	reached         float64
}

// plainCount gives the moments of an event_count or value_count, and its findings.
func plainCount(events []plainEvent, span time.Duration, least int, distinct bool) (moments []plainEvent, found map[tuple]plainFinding) {
	g := gridFor(span)
	found = map[tuple]plainFinding{}
	groups := map[tuple][]plainEvent{}
	for _, x := range events {
		groups[x.key] = append(groups[x.key], x)
	}
	for k, list := range groups {
		slices.SortStableFunc(list, func(a, b plainEvent) int { return cmp.Compare(a.at, b.at) })
		var ends []int64
		for _, x := range list {
			ends = append(ends, g.of(x.at))
		}
		var ep *plainEpisode
		over, told := event.Millis(-1), event.Millis(-1)
		for _, end := range slices.Compact(ends) {
			var in []plainEvent
			for _, x := range list {
				if c := g.of(x.at); c <= end && c > end-g.width {
					in = append(in, x)
				}
			}
			n, at := 0, event.Millis(0)
			seen := map[uint64]bool{}
			for _, x := range in {
				if distinct && seen[x.value] {
					continue
				}
				seen[x.value] = true
				if n++; n == least {
					at = max(x.at, g.begin(end))
				}
			}
			if n < least {
				continue
			}
			first, last := in[0].at, in[len(in)-1].at
			for _, x := range in {
				if x.of != nil {
					first, last = min(first, x.of.first), max(last, x.of.last)
				}
			}
			f, ok := found[k]
			if !ok {
				f = plainFinding{first, last, at, float64(n)}
			}
			f.first, f.last, f.reached = min(f.first, first), max(f.last, last), max(f.reached, float64(n))
			found[k] = f
			begin, until := g.begin(end-g.width+1), g.begin(end+1)
			if ep == nil || begin >= over {
				ep = &plainEpisode{first, last}
				told = -1
			}
			ep.first, ep.last, over = min(ep.first, first), max(ep.last, last), until
			if begin >= told {
				told = until
				moments = append(moments, plainEvent{at: at, of: ep, key: k})
			}
		}
	}
	return moments, found
}

// plainOrder gives the findings of temporal_ordered over two kinds of moments.
func plainOrder(events []plainEvent, span event.Millis) map[tuple]plainFinding {
	found := map[tuple]plainFinding{}
	for _, end := range events {
		var in []plainEvent
		for _, x := range events {
			if x.key == end.key && x.at <= end.at && end.at-x.at <= span {
				in = append(in, x)
			}
		}
		complete := slices.ContainsFunc(in, func(b plainEvent) bool {
			return b.place == 1 && slices.ContainsFunc(in, func(a plainEvent) bool { return a.place == 0 && a.at <= b.at })
		})
		if !complete {
			continue
		}
		f, ok := found[end.key]
		if !ok {
			f = plainFinding{end.at, end.at, end.at, 2}
		}
		f.at = min(f.at, end.at)
		for _, x := range in { // the finding rests on all moments of the window
			f.first, f.last = min(f.first, x.at, x.of.first), max(f.last, x.at, x.of.last)
		}
		found[end.key] = f
	}
	return found
}

const chainRules = `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: a failure
name: failure
logsource: {category: access, product: haetae}
detection: {s: {status|gte: 400}, condition: s}
---
title: failures of one actor under a key
name: failures
correlation: {type: event_count, rules: [failure], group-by: [credential.key, actor.id], timespan: 1h, condition: {gte: 2}}
---
title: places of one actor
name: places
correlation: {type: value_count, rules: [read], group-by: [actor.id], timespan: 90m, condition: {gte: 3, field: client.ip}}
---
title: failures and then places
name: in_order
correlation: {type: temporal_ordered, rules: [failures, places], group-by: [actor.id], timespan: 1h}
---
title: actors with failures
name: actors
correlation: {type: value_count, rules: [failures], group-by: [credential.key], timespan: 6h, condition: {gte: 3, field: actor.id}}
---
title: again and again
name: again
correlation: {type: event_count, rules: [places], group-by: [actor.id], timespan: 8h, condition: {gte: 2}}
`

// TestChainPlain compares correlations of correlations with counting them anew.
func TestChainPlain(t *testing.T) {
	rnd := seed(t)
	compared := map[string]int{}
	for range 30 {
		table, rows := someHistory(rnd, 2+rnd.IntN(6))
		e, err := New(rules(t, chainRules), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Lateness: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(rows); {
			n := min(1+rnd.IntN(300), len(rows)-i)
			if err := e.Observe(table, rows[i:i+n], func(uint32) bool { return true }); err != nil {
				t.Fatal(err)
			}
			if err := e.Advance(); err != nil {
				t.Fatal(err)
			}
			i += n
		}
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		var failures, reads []plainEvent
		for _, r := range rows {
			sh := &table.Shapes[r.Shape]
			if !r.HasActor {
				continue
			}
			if sh.Status >= 400 {
				key := e.codes.text(sh.Key)
				failures = append(failures, plainEvent{at: r.Time, key: tuple{key, refCode(r.Actor)}})
			}
			if sh.Action == event.ActionRead {
				ip := e.codes.addr(table.Clients[r.Client].IP)
				reads = append(reads, plainEvent{at: r.Time, key: tuple{refCode(r.Actor)}, value: ip})
			}
		}
		failed, _ := plainCount(failures, time.Hour, 2, false)
		places, _ := plainCount(reads, 90*time.Minute, 3, true)
		var both, byKey []plainEvent
		for _, x := range failed {
			both = append(both, plainEvent{at: x.at, of: x.of, key: tuple{x.key[1]}, place: 0})
			byKey = append(byKey, plainEvent{at: x.at, of: x.of, key: tuple{x.key[0]}, value: x.key[1]})
		}
		for _, x := range places {
			both = append(both, plainEvent{at: x.at, of: x.of, key: x.key, place: 1})
		}
		_, again := plainCount(places, 8*time.Hour, 2, false)
		_, actors := plainCount(byKey, 6*time.Hour, 3, true)
		for name, want := range map[string]map[tuple]plainFinding{"in_order": plainOrder(both, 3_600_000), "again": again, "actors": actors} {
			i := slices.IndexFunc(e.correlations, func(c *correlation) bool { return c.id == name })
			got := e.correlations[i].findings
			if len(got) != len(want) {
				t.Errorf("%s: %d groups, want %d", name, len(got), len(want))
			}
			for k, w := range want {
				compared[name]++
				g := got[k]
				if g == nil {
					t.Errorf("%s: a group is not found", name)
					continue
				}
				if g.first != w.first || g.last < w.last || name == "in_order" && (g.at != w.at || g.last != w.last) || g.reached != w.reached {
					t.Errorf("%s: from %d to %d, reached %v at %d, want from %d to %d, %v at %d", name, g.first, g.last, g.reached, g.at, w.first, w.last, w.reached, w.at)
				}
			}
		}
		for _, c := range e.correlations {
			if c.chain != nil && (len(c.findings) > 0 || len(c.chain.episodes) > 0) || len(c.parts) > 0 {
				t.Errorf("%s: what is past is kept, or a signal that nobody asked for", c.id)
			}
		}
		if t.Failed() {
			return
		}
	}
	for _, name := range []string{"in_order", "again", "actors"} {
		if compared[name] < 5 {
			t.Errorf("%s: %d groups were compared", name, compared[name])
		}
	}
}

// TestChainExtent: the predicate of a chain finds the records of the groups it rests
// on, from the first of the first to the last that goes on.
func TestChainExtent(t *testing.T) {
	e, err := New(rules(t, strings.Replace(chainRules, "group-by: [credential.key], timespan: 6h", "timespan: 6h", 1)), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{Agents: []string{"a"}, Clients: []segment.Client{{}}, Shapes: []segment.Shape{
		{Source: "s", Route: "GET /x", Key: "k", ActorType: "member", Action: event.ActionOther, Status: 404, Flags: segment.Primary},
	}}
	var rows []Row
	from := event.Millis(1_700_000_000_000)
	for i := range 9 { // three actors, each three failures
		who := dictionary.MakeRef(0, uint32(i%3))
		rows = append(rows, Row{Time: from + event.Millis(i)*60_000, Home: who, Actor: who, HasActor: true})
	}
	other := dictionary.MakeRef(0, 7) // fails once
	rows = append(rows, Row{Time: from + 300_000, Home: other, Actor: other, HasActor: true})
	if err := e.Observe(table, rows, func(uint32) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if err := e.Finish(); err != nil {
		t.Fatal(err)
	}
	rep, err := e.Report(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Signals) != 1 || rep.Signals[0].Rule != "actors" {
		t.Fatalf("signals: %+v", rep.Signals)
	}
	s := rep.Signals[0]
	group := func(i int) string {
		return fmt.Sprintf(`credential.key == "k" && actor.id == pseudonym("00%02x%s")`, i, strings.Repeat("00", 14))
	}
	want := fmt.Sprintf("(((%s) || (%s) || (%s)) && status >= 400)", group(0), group(1), group(2))
	if s.Where != want || s.Exact {
		t.Errorf("where %s (exact: %v), want %s", s.Where, s.Exact, want)
	}
	if s.First != e.stamp(from) || s.Last != e.stamp(from+8*60_000) || s.ReachedAt != e.stamp(from+5*60_000) || s.Reached != 3 {
		t.Errorf("%s to %s, %v reached at %s", s.First, s.Last, s.Reached, s.ReachedAt)
	}
}

// TestChainBound: moments beyond what is kept are said to be lost.
func TestChainBound(t *testing.T) {
	var rows []Row
	table, more := someHistory(seed(t), 3)
	rows = append(rows, more...)
	e, err := New(rules(t, chainRules), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{MaxGroups: 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Observe(table, rows, func(uint32) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if err := e.Finish(); err != nil {
		t.Fatal(err)
	}
	for _, c := range e.correlations {
		if len(c.parts) > 4 || c.chain != nil && len(c.chain.episodes) > 4 {
			t.Errorf("%s keeps more than it may", c.id)
		}
	}
	if len(e.losses) == 0 {
		t.Error("nothing is said to be lost")
	}
}
