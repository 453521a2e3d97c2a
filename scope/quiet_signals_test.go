package scope_test

import (
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/scope"
)

// TestQuietSignals: of a signal that grew it counts what was noted last; what an earlier
// note has beyond that counts too.
func TestQuietSignals(t *testing.T) {
	x, y := scope.Exception{ID: "x"}, scope.Exception{ID: "y"}
	note := func(e scope.Exception, signal, where string, first, last event.Millis) scope.Noted {
		return scope.Noted{Is: scope.Quiet, Exception: e, Signal: signal, Where: where, First: first, Last: last}
	}
	var noted []scope.Noted
	for i := range event.Millis(1000) {
		noted = append(noted, note(x, "grows", string(rune('a'+i%26)), 5, 10+i))
	}
	noted = append(noted,
		note(x, "shrinks", "all", 1, 100), note(x, "shrinks", "less", 20, 90),
		note(y, "grows", "of another exception", 5, 6),
		scope.Noted{Is: scope.InForce, Exception: y},
	)
	want := map[scope.Exception][]scope.Noted{
		x: {note(x, "grows", string(rune('a'+999%26)), 5, 1009), note(x, "shrinks", "all", 1, 100), note(x, "shrinks", "less", 20, 90)},
		y: {note(y, "grows", "of another exception", 5, 6)},
	}
	got := scope.QuietSignals(noted)
	for _, list := range got {
		if len(list) == 3 && list[0].Signal == "shrinks" {
			list[0], list[1], list[2] = list[2], list[0], list[1]
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestQuietOfOneAccount: a signal about one account of a record is not about another
// account that the record names, whoever is asked about; one about the reader is about
// all of them.
func TestQuietOfOneAccount(t *testing.T) {
	mem := disk.NewMem()
	if err := ledger.Create(mem, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(mem, "data", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	text, err := fs.ReadFile(packs.FS, "catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.InstallCatalog("shop.yaml", text); err != nil {
		t.Fatal(err)
	}
	const at = event.Millis(1_741_564_800_000)
	rec := event.Record{
		Time: at, Source: "web", ID: "1", Actor: event.Actor{ID: "s1", Type: "staff"}, Subjects: []event.AccountID{"m1000001", "m1000002"}, Position: event.PositionList,
		Action: event.ActionExport, Route: "GET /seller/shipments/export", Mapped: true, Status: 200, Rows: 2,
	}
	if _, err := l.Append(t.Context(), []event.Record{rec}); err != nil {
		t.Fatal(err)
	}
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	ids := func(list []scope.Exception) (out []string) {
		for _, x := range list {
			out = append(out, x.ID)
		}
		return out
	}
	q := scope.Query{Exceptions: true}
	for id, where := range map[string]string{"of a": `account == "m1000001"`, "of b": `account == "m1000002"`, "of reader": `actor.id == "s1"`} {
		q.Quiet = append(q.Quiet, scope.Noted{Is: scope.Quiet, Exception: scope.Exception{ID: id, From: id}, Signal: id, Where: where, First: at, Last: at})
	}
	for _, c := range []struct {
		account, where string
		want           []string
	}{
		{"m1000001", `account == "m1000001"`, []string{"of a", "of reader"}},
		{"m1000002", `account == "m1000002"`, []string{"of b", "of reader"}},
		{"", `actor.id == "s1"`, []string{"of a", "of b", "of reader"}},
	} {
		q.Where = c.where
		e, err := scope.Run(t.Context(), v, q)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, ids(e.Exceptions)); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.where, d)
		}
		if c.account == "" {
			continue
		}
		g, err := scope.Subject(t.Context(), v, event.AccountID(c.account), q, 0)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, ids(g.Exceptions)); d != "" || g.Total != 1 {
			t.Errorf("%d accesses to %s (-want +got)\n%s", g.Total, c.account, d)
		}
	}
}
