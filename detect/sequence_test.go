package detect

import (
	"testing"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/segment"
)

// TestNotWithin compares conditions that ask for something to be missing with looking at
// all the records of a group: what is missing has to be so on both sides, within the
// timespan, however often the watermark is moved.
func TestNotWithin(t *testing.T) {
	rnd := seed(t)
	docs := rules(t, `
title: an issue
name: issue
logsource: {category: access, product: haetae}
detection: {s: {action: issue}, condition: s}
---
title: a failure
name: failure
logsource: {category: access, product: haetae}
detection: {s: {status|gte: 400}, condition: s}
---
title: without
name: without
correlation: {type: temporal, rules: [failure, issue], group-by: [actor.id], timespan: 45m, condition: failure and not issue}
---
title: alone
name: alone
correlation: {type: temporal, rules: [failure, issue], group-by: [actor.id], timespan: 45m, condition: {lte: 1}}
---
title: in order
name: in_order
correlation: {type: temporal_ordered, rules: [failure, issue], group-by: [actor.id], timespan: 45m}
`)
	const span = event.Millis(45 * 60_000)
	found, none := 0, 0
	for range 12 {
		table, rows := someHistory(rnd, 1+rnd.IntN(2))
		e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Lateness: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if err := e.Observe(table, rows[i:i+1], func(uint32) bool { return true }); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(3) == 0 {
				if err := e.Advance(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		failure := func(r Row) bool { return table.Shapes[r.Shape].Status >= 400 }
		issue := func(r Row) bool { return table.Shapes[r.Shape].Action == event.ActionIssue }
		want := [3]map[tuple]event.Millis{{}, {}, {}}
		first := func(i int, r Row) {
			k := tuple{refCode(r.Actor)}
			if at, ok := want[i][k]; !ok || r.Time < at {
				want[i][k] = r.Time
			}
		}
		for _, x := range rows {
			if !x.HasActor || !failure(x) && !issue(x) {
				continue
			}
			var failures, issues, before int // within the timespan, on both sides; and failures up to it
			for _, y := range rows {
				if !y.HasActor || y.Actor != x.Actor || y.Time < x.Time-span || y.Time > x.Time+span {
					continue
				}
				if failure(y) {
					failures++
					if y.Time <= x.Time {
						before++
					}
				}
				if issue(y) {
					issues++
				}
			}
			if before > 0 && issues == 0 {
				first(0, x)
			}
			if failures == 0 || issues == 0 {
				first(1, x)
			}
			if issue(x) && before > 0 {
				first(2, x)
			}
		}
		for i, c := range e.correlations {
			if len(c.findings) != len(want[i]) {
				t.Errorf("%s: %d groups, want %d", c.id, len(c.findings), len(want[i]))
			}
			for k, at := range want[i] {
				if f := c.findings[k]; f == nil || f.at != at {
					t.Errorf("%s: a group is not found, or not then", c.id)
				}
				found++
			}
			none += 40 - len(want[i])
			if n := len(c.extra.(*sequence).groups); n > 0 {
				t.Errorf("%s keeps %d groups that are past", c.id, n)
			}
		}
		if t.Failed() {
			return
		}
	}
	if found < 100 || none < 10 {
		t.Errorf("%d groups are found, %d are not", found, none)
	}
}

// TestReachedInOrder: what a sequence with a number has reached is what its condition
// compares, so that what came out of order makes it no graver.
func TestReachedInOrder(t *testing.T) {
	docs := rules(t, `
title: first
name: first
logsource: {category: access, product: haetae}
detection: {s: {status: 401}, condition: s}
---
title: second
name: second
logsource: {category: access, product: haetae}
detection: {s: {status: 403}, condition: s}
---
title: third
name: third
logsource: {category: access, product: haetae}
detection: {s: {status: 404}, condition: s}
---
title: in order
name: in_order
level: medium
correlation: {type: temporal_ordered, rules: [first, second, third], group-by: [actor.id], timespan: 1h, condition: {gte: 2}}
haetae:
  severity:
    - {level: high, when: {gte: 3}}
`)
	var shapes []segment.Shape
	for _, status := range []uint16{401, 403, 404} {
		shapes = append(shapes, segment.Shape{Source: "s", Route: "GET /x", Key: "k", ActorType: "member", Action: event.ActionRead, Status: status, Flags: segment.Primary})
	}
	for _, c := range []struct {
		order   [3]uint32
		reached float64
		level   Severity
	}{
		{[3]uint32{0, 1, 2}, 3, High},
		{[3]uint32{0, 2, 1}, 2, Medium},
	} {
		e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		table := &Table{Agents: []string{"a"}, Clients: []segment.Client{{}}, Shapes: shapes}
		for minute, shape := range c.order {
			if err := e.Observe(table, []Row{boundedRow(shape, minute, 1, 0)}, func(uint32) bool { return true }); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		found := e.correlations[0].findings
		if len(found) != 1 {
			t.Fatalf("%v: %d groups are found", c.order, len(found))
		}
		for _, f := range found {
			if f.reached != c.reached || f.level != c.level {
				t.Errorf("%v: reached %v, %s; want %v, %s", c.order, f.reached, f.level, c.reached, c.level)
			}
		}
	}
}
