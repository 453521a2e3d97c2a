package detect

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
)

// TestRestart: an engine that begins anywhere with all records that had come by then,
// in the order of their hour as a ledger gives them, and goes on with the rest as they
// come, ends with the signals of one that was never stopped.
func TestRestart(t *testing.T) {
	rnd := seed(t)
	docs := rules(t, everyKind)
	stops := 0
	for range 4 {
		table, rows := someHistory(rnd, 1+rnd.IntN(8))
		w := &small{hasher: pseudonym.NewHasher([32]byte{1})}
		w.registers = someRegister(t, rows[0].Time)
		lateness := time.Duration(1+rnd.IntN(90)) * time.Minute
		primary := func(uint32) bool { return true }
		arrival := slices.Clone(rows)
		delay := make(map[Row]event.Millis, len(rows))
		for _, r := range rows {
			delay[r] = r.Time + rnd64(rnd, int64(lateness/time.Millisecond))
		}
		slices.SortStableFunc(arrival, func(a, b Row) int { return compare(int64(delay[a]), int64(delay[b])) })
		fresh := func() *Engine {
			e, err := New(docs, w, Options{Lateness: lateness, MaxValues: 50})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		// live gives an engine the records as they come.
		live := func(e *Engine, rows []Row) string {
			mine := &Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents}
			for len(rows) > 0 {
				n := min(1+rnd.IntN(60), len(rows))
				if err := e.Observe(mine, rows[:n], primary); err != nil {
					t.Fatal(err)
				}
				if err := e.Advance(); err != nil {
					t.Fatal(err)
				}
				rows = rows[n:]
			}
			return report(t, e)
		}
		want := live(fresh(), arrival)
		for range 5 {
			// What had come lies in the ledger, and is read by the hour, as Run does.
			at := rnd.IntN(len(arrival) + 1)
			stops++
			e := fresh()
			mine := &Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents}
			kept := slices.Clone(arrival[:at])
			slices.SortStableFunc(kept, func(a, b Row) int { return compare(hourOf(a.Time), hourOf(b.Time)) })
			back := max(hourMillis, millis(lateness))
			for i := range kept {
				if err := e.Observe(mine, kept[i:i+1], primary); err != nil {
					t.Fatal(err)
				}
				if i+1 == len(kept) || hourOf(kept[i+1].Time) != hourOf(kept[i].Time) {
					if err := e.AdvanceTo(e.newest - back); err != nil {
						t.Fatal(err)
					}
				}
			}
			if d := cmp.Diff(want, live(e, arrival[at:])); d != "" {
				t.Fatalf("stopped after %d of %d records, lateness %v (-never +stopped)\n%s", at, len(arrival), lateness, d)
			}
		}
	}
	if stops < 20 {
		t.Errorf("%d stops", stops)
	}
}
