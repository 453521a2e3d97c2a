package detect

import (
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
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
