package detect

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/segment"
)

// TestLearning: a group that fired while the engine learned can still become high.
func TestLearning(t *testing.T) {
	docs := rules(t, `
title: read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: many
name: many
level: high
correlation: {type: event_count, rules: [read], group-by: [credential.key], timespan: 1h, learning: 7d, condition: {gte: 3}}
`)
	w := &small{hasher: pseudonym.NewHasher([32]byte{1})}
	table, rows := someHistory(seed(t), 1)
	rows = rows[:0]
	for _, day := range []int64{0, 1, 10} {
		for i := range int64(5) {
			rows = append(rows, Row{Time: 1_700_000_000_000 + event.Millis(day*86_400_000+i*60_000)})
		}
	}
	severity := func(n int) Severity {
		e, err := New(docs, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Observe(&Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents}, rows[:n], func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, f := range e.correlations[0].findings {
			return f.level
		}
		return Informational
	}
	if s := severity(10); s != Medium {
		t.Errorf("while learning: %s", s)
	}
	if s := severity(15); s != High {
		t.Errorf("when it has learnt: %s", s)
	}
}

// TestLearningExtent: what an extent says makes nothing high either, while tokens that
// were issued before the record may be in use.
func TestLearningExtent(t *testing.T) {
	docs := rules(t, `
title: read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: issue
name: issue
logsource: {category: access, product: haetae}
detection: {s: {action: issue}, condition: s}
---
title: not issued
name: absent
level: low
correlation: {type: absent, rules: [read], issued: [issue], group-by: [credential.key], within: 6h, cadence: 90m, timespan: 30m, condition: {gte: 4, field: credential.token}}
haetae:
  severity:
    - {level: critical, when: {gte: 50, of: people}}
`)
	people := func(context.Context, string, event.Millis, event.Millis) (Extent, error) {
		return Extent{People: 100}, nil
	}
	for hours, want := range map[int]Severity{1: Medium, 8: Critical} {
		e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		table := &Table{Agents: []string{"a"}, Clients: []segment.Client{{}}, Shapes: []segment.Shape{
			{Source: "s", Route: "GET /x", Key: "k", ActorType: "member", Action: event.ActionRead, Status: 200, Flags: segment.Primary},
			{Source: "s", Route: "POST /in", Key: "k", ActorType: "member", Action: event.ActionIssue, Status: 200, Flags: segment.Primary},
		}}
		var rows []Row
		for minute := 0; minute < 24*60; minute += 30 {
			rows = append(rows, boundedRow(1, minute, 1, 1))
			if minute == hours*60 {
				for n := range 5 {
					rows = append(rows, boundedRow(0, minute+1+n, 2, uint64(100+n)))
				}
			}
		}
		if err := e.Observe(table, rows, func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		rep, err := e.Report(t.Context(), people)
		if err != nil || len(rep.Signals) != 1 || rep.Signals[0].Severity != want {
			t.Errorf("after %d hours: %+v, %v, want one that is %s", hours, rep.Signals, err, want)
		}
	}
}

// TestLearningShown: the rules that are said to learn are those by which nothing can be
// high yet, whatever their type, and until the moment that is said.
func TestLearningShown(t *testing.T) {
	rnd := seed(t)
	text := strings.ReplaceAll(everyKind, "correlation: {", "level: high\ncorrelation: {learning: 3d, ")
	text = strings.ReplaceAll(text, "level: high\ncorrelation: {learning: 3d, type: event_count", "level: high\ncorrelation: {type: event_count") // one kind never learns
	text = strings.ReplaceAll(text, "level: high, when", "level: critical, when")
	docs := rules(t, text)
	w := &small{hasher: pseudonym.NewHasher([32]byte{1})}
	high, learnt := 0, 0
	for range 8 {
		table, rows := someHistory(rnd, 12)
		w.registers = someRegister(t, rows[0].Time)
		e, err := New(docs, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if e.Learning() != nil {
			t.Fatal("rules learn before there is a record")
		}
		first := rows[0].Time
		for i := range rows {
			first = min(first, rows[i].Time)
			if err := e.Observe(&Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents}, rows[i:i+1], func(uint32) bool { return true }); err != nil {
				t.Fatal(err)
			}
			if i%97 != 0 && i != len(rows)-1 {
				continue
			}
			if err := e.Advance(); err != nil {
				t.Fatal(err)
			}
			learns := map[string]bool{}
			for _, x := range e.Learning() {
				learns[x.Rule] = true
				until, err := time.Parse(time.RFC3339Nano, x.Until)
				if err != nil || !until.After(e.newest.Time()) || until.Before(first.Time().Add(72*time.Hour)) {
					t.Fatalf("%s learns until %s at %s: %v", x.Rule, x.Until, e.stamp(e.newest), err)
				}
			}
			for _, c := range e.correlations {
				rule := c.doc.Key()
				if !learns[rule] && c.typ.Learning.Duration() > 0 && e.newest.Time().Before(first.Time().Add(72*time.Hour)) {
					t.Fatalf("%s learns, and is not said to", rule)
				}
				for _, f := range c.findings {
					if f.level < High {
						continue
					}
					if learns[rule] {
						t.Fatalf("%s is %s while it learns", rule, f.level)
					}
					high++
				}
			}
			learnt += len(learns)
		}
	}
	if high == 0 || learnt == 0 {
		t.Errorf("%d were high and %d learned: the test looks at too little", high, learnt)
	}
}
