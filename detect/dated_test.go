package detect

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// registerOf has the accounts 0 to before n of a partition.
func registerOf(t *testing.T, from event.Millis, n uint32) *edition.Register {
	t.Helper()
	var buf bytes.Buffer
	err := edition.BuildRegister(&buf, "register", from, func(yield func(dictionary.Ref) bool) {
		for i := range n {
			if !yield(dictionary.MakeRef(0, i)) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := edition.OpenRegister(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// datedWorld is a block of 200 accounts.
type datedWorld struct {
	small
	*Blocks
}

func (w *datedWorld) Bucket(r dictionary.Ref) (uint64, []int, error) { return w.Blocks.Bucket(r) }

// TestDensityDated: the share is that of the accounts which were members by the register
// in force at the time, not by that of now, and who is no member is not counted.
func TestDensityDated(t *testing.T) {
	docs := rules(t, `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: dense
name: dense
correlation: {type: density, rules: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 0.5, field: account}}
`)
	all := func(fn func(dictionary.Ref, uint64)) error {
		for i := range uint32(200) {
			fn(dictionary.MakeRef(0, i), 7)
		}
		return nil
	}
	from := boundedFrom
	later := from + 10*86_400_000
	// reached is the share at which the rule fires, when accounts from one to another are
	// read; 0 if it does not.
	reached := func(registers []*edition.Register, at event.Millis, first, until uint32) float64 {
		w := &datedWorld{small{hasher: pseudonym.NewHasher([32]byte{1}), registers: registers}, NewBlocks(all, registers)}
		e, err := New(docs, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		table := &Table{Agents: []string{"a"}, Clients: []segment.Client{{}}, Shapes: []segment.Shape{
			{Source: "s", Route: "GET /x", Key: "k", ActorType: "member", Action: event.ActionRead, Status: 200, Flags: segment.Primary | segment.Named},
		}}
		var rows []Row
		for i := first; i < until; i++ {
			rows = append(rows, Row{Time: at + event.Millis(i)*100, Home: dictionary.MakeRef(0, i)})
		}
		if err := e.Observe(table, rows, func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if err := e.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, f := range e.correlations[0].findings {
			return f.reached
		}
		return 0
	}
	two := []*edition.Register{registerOf(t, from, 80), registerOf(t, later, 160)}
	got := []float64{
		reached(nil, from, 0, 100),          // of all 200
		reached(two, from+1000, 0, 60),      // of 80
		reached(two, later+60_000, 0, 60),   // of 160
		reached(two, later+60_000, 0, 120),  // of 160
		reached(two, from+1000, 50, 150),    // 30 of 80: the others were no members then
		reached(two[1:], from+1000, 0, 120), // by the nearest
	}
	if d := cmp.Diff([]float64{0.5, 0.75, 0, 0.75, 0, 0.75}, got); d != "" {
		t.Errorf("shares (-want +got)\n%s", d)
	}
}
