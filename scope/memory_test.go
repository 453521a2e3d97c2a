//go:build !race

package scope_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestMemory holds what a question allocates below a bound that does not grow
// with the records it finds, nor, much, with the keys they came with. The race
// detector makes every allocation larger, so that this is not built with it.
func TestMemory(t *testing.T) {
	const n = 60_000
	tests := map[string]struct {
		record func(i int, r *event.Record)
		wheres []string
		most   uint64
	}{
		"records of several subjects": {
			func(i int, r *event.Record) {
				r.Subjects = []event.AccountID{event.AccountID(fmt.Sprint("m", i%500)), event.AccountID(fmt.Sprint("m", i%500+1))}
				r.Position = event.PositionList
			},
			[]string{`route == "GET /x"`, `rows > 2`, `rows > 100`, `account != "m1"`, `account == "m1"`, `account != "m1" && rows > 2`},
			6 << 20,
		},
		"a key each": {
			func(i int, r *event.Record) { r.Credential.Key = fmt.Sprint("key-", i) },
			[]string{`route == "GET /x"`, `rows > 2`, `credential.key == "key-7"`, `credential.key != "key-7"`},
			10 << 20,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			mem := disk.NewMem()
			if err := ledger.Create(mem, "data", ""); err != nil {
				t.Fatal(err)
			}
			l, err := ledger.Open(mem, "data", ledger.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var recs []event.Record
			for i := range n {
				r := event.Record{
					Time: day(1) + event.Millis(i), Source: "gateway", ID: event.RecordID(fmt.Sprint(i)), Route: "GET /x",
					Mapped: true, Status: 200, Rows: 3, Actor: event.Actor{ID: "s1", Type: "staff"},
				}
				tt.record(i, &r)
				recs = append(recs, r)
			}
			if _, err := l.Append(context.Background(), recs); err != nil {
				t.Fatal(err)
			}
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
			v, err := l.View()
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if _, err := v.Segments()[0].Shapes(); err != nil { // which the segment keeps, for all questions
				t.Fatal(err)
			}
			for _, where := range tt.wheres {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if _, err := scope.Run(context.Background(), v, scope.Query{Where: where, Workers: 2}); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				got := after.TotalAlloc - before.TotalAlloc
				t.Logf("%-32s %6d KB", where, got>>10)
				if got > tt.most {
					t.Errorf("%s: %d KB allocated, want at most %d", where, got>>10, tt.most>>10)
				}
			}
		})
	}
}
