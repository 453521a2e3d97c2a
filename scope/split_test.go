package scope_test

import (
	"context"
	"slices"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestSplit: a record of several accounts counts once, whichever of them match,
// and not at all where none does.
func TestSplit(t *testing.T) {
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(fsys, "data", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lists := [][]event.AccountID{
		{"m1", "m2"}, {"m2", "m1"}, {"m1", "m2", "m3"}, {"m3", "m2", "m1"}, {"m3", "m4"}, {"m1"}, {"m4"}, {"m2", "m3"},
	}
	var recs []event.Record
	for i, subjects := range lists {
		for n := range 1 + i%2 { // equal ones, without an id, read by two catalogs
			recs = append(recs, event.Record{
				Edition: uint32(1 + n), Time: day(1) + event.Millis(i), Source: "gateway", Route: "GET /x", Mapped: true, Status: 200, Rows: int32(i),
				Subjects: subjects, Position: event.PositionList,
			})
		}
	}
	if _, err := l.Append(context.Background(), recs); err != nil {
		t.Fatal(err)
	}
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for where, matches := range map[string]func(a event.AccountID, rows int32) bool{
		`account != "m1"`:                        func(a event.AccountID, _ int32) bool { return a != "m1" },
		`account == "m1"`:                        func(a event.AccountID, _ int32) bool { return a == "m1" },
		`account in ["m1", "m2"]`:                func(a event.AccountID, _ int32) bool { return a == "m1" || a == "m2" },
		`!(account in ["m1", "m2"])`:             func(a event.AccountID, _ int32) bool { return a != "m1" && a != "m2" },
		`!(account in ["m1", "m2", "m3"])`:       func(a event.AccountID, _ int32) bool { return a != "m1" && a != "m2" && a != "m3" },
		`account != "m1" && rows > 2`:            func(a event.AccountID, n int32) bool { return a != "m1" && n > 2 },
		`account == "m2" ? rows < 3 : rows >= 3`: func(a event.AccountID, n int32) bool { return (a == "m2") == (n < 3) },
		`account in ["m1", "m2"] && rows == 3`:   func(a event.AccountID, n int32) bool { return (a == "m1" || a == "m2") && n == 3 },
		`account == "nobody" || rows == 2`:       func(_ event.AccountID, n int32) bool { return n == 2 },
		`rows > 2`:                               func(_ event.AccountID, n int32) bool { return n > 2 },
	} {
		want, decoded := int64(0), []uint32(nil)
		for i, r := range recs {
			for _, a := range r.Subjects {
				if matches(a, recs[i].Rows) {
					want++
					if !slices.Contains(decoded, r.Edition) {
						decoded = append(decoded, r.Edition)
					}
					break
				}
			}
		}
		for _, by := range []string{"", "day", "status"} {
			got, err := scope.Run(context.Background(), v, scope.Query{Where: where, By: by})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(decoded)
			if !slices.Equal(got.Editions.Decoded, decoded) {
				t.Errorf("%s by %q: read by the catalogs %v, want %v", where, by, got.Editions.Decoded, decoded)
			}
			if got.Records != want || by != "" && want > 0 && got.By[0].Records != want {
				t.Errorf("%s by %q: %d records, want %d; %+v", where, by, got.Records, want, got.By)
			}
		}
	}
}
