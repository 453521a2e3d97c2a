package scope_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/scope"
)

// TestTooMany: records whose path was one too many are counted as unmapped, under
// a route of their own, and the answer says how many there are, whatever is asked.
func TestTooMany(t *testing.T) {
	mem := disk.NewMem()
	if err := ledger.Create(mem, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(mem, "data", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const all = 10_500 // the bound is 10,000
	var recs []event.Record
	for i := range all {
		recs = append(recs, event.Record{
			Time: 1_741_564_800_000 + event.Millis(i)*1000, Source: "web", ID: event.RecordID(fmt.Sprint(i)), Route: fmt.Sprintf("GET /{word}/%d", i),
			Credential: event.Credential{Key: fmt.Sprint("kid-", i)}, Status: 404, Rows: event.RowsUnknown,
		})
	}
	if _, err := l.Append(context.Background(), recs); err != nil {
		t.Fatal(err)
	}
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for _, c := range []struct {
		q             scope.Query
		matched, lost int64
		said          string
	}{
		{scope.Query{Where: "true"}, all, 500, "500 (web 500)"},
		{scope.Query{Where: `credential.key == "kid-7"`}, 1, 0, "500 (web 500)"},
		{scope.Query{Where: `credential.key == "` + segment.TooMany + `"`}, 500, 500, "500 (web 500)"},
		{scope.Query{Where: "true", From: recs[10_400].Time}, 100, 100, "100 (web 100)"},
		{scope.Query{Where: "true", To: recs[9_000].Time}, 9_000, 0, ""},
	} {
		e, err := scope.Run(context.Background(), v, c.q)
		if err != nil {
			t.Fatal(err)
		}
		lost := int64(0)
		for _, r := range e.Unmapped.Routes {
			if strings.HasPrefix(r.Route, segment.TooMany) {
				lost += r.Records
			}
		}
		i := slices.IndexFunc(e.Limits, func(l scope.Limit) bool { return l.Code == "too_many_shapes" })
		if e.Records != c.matched || e.Unmapped.Records != c.matched || lost != c.lost || (i >= 0) != (c.said != "") || i >= 0 && !strings.Contains(e.Limits[i].EN, c.said) {
			t.Errorf("%s from %d: %d records, %d unmapped, %d without a path, limits %+v", c.q.Where, c.q.From, e.Records, e.Unmapped.Records, lost, e.Limits)
		}
	}
}
