package detect

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/segment"
)

// TestOwnRecords: what Haetae writes about itself, such as an exception that came into
// force, has the time of its clock. A log that is behind that, because it is read from
// its beginning or was held up, is not late for it: it gives the same signals.
func TestOwnRecords(t *testing.T) {
	rnd := seed(t)
	docs := rules(t, everyKind)
	table, rows := someHistory(rnd, 10)
	table.Shapes = append(table.Shapes, segment.Shape{Source: "haetae", Route: "EXCEPT /many", ActorType: "staff", Action: event.ActionUpdate, Flags: segment.Primary})
	own := Row{Time: rows[len(rows)-1].Time + 300*86_400_000, Shape: uint32(len(table.Shapes) - 1), Home: rows[0].Home}
	w := &small{hasher: pseudonym.NewHasher([32]byte{1})}
	w.registers = someRegister(t, rows[0].Time)
	signals := func(rows []Row) string {
		e, err := New(docs, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		mine := &Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents}
		for _, r := range rows {
			if err := e.Observe(mine, []Row{r}, func(uint32) bool { return true }); err != nil {
				t.Fatal(err)
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
		if rep.Late > 0 || len(rep.Signals) == 0 {
			t.Errorf("%d records were late, %d signals", rep.Late, len(rep.Signals))
		}
		rep.Rows = 0
		text, err := json.MarshalIndent(rep, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := signals(rows)
	for _, at := range []int{0, len(rows) / 2, len(rows)} {
		if d := cmp.Diff(want, signals(slices.Insert(slices.Clone(rows), at, own))); d != "" {
			t.Errorf("a record of its own before the %dth changes the signals (-without +with)\n%s", at, d)
		}
	}
}
