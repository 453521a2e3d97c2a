package detect

import (
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
)

// TestAccountOwn: what a member reads of their own is told from what they read of others,
// in the ledger by the shape of a row and while a line is at hand by its record.
func TestAccountOwn(t *testing.T) {
	const asks = "title: T\nname: own\nlevel: low\nlogsource: {category: webserver}\ndetection: {s: {cs-referer: x, account.own: 'true'}, condition: s}\n"
	docs, err := rule.Parse("r.yaml", []byte(asks))
	if err != nil {
		t.Fatal(err)
	}
	in, err := NewIntake(docs, numberer{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	look := in.For(catalog.FormatJSON)
	fields := make([][]byte, len(look.Asks()))
	for i := range fields {
		fields[i] = []byte(`"x"`)
	}
	for _, c := range []struct {
		what     string
		actor    event.Actor
		subjects []event.AccountID
		want     bool
	}{
		{"a member's own page", event.Actor{ID: "m1", Type: event.Member}, []event.AccountID{"m1"}, true},
		{"another's page", event.Actor{ID: "m1", Type: event.Member}, []event.AccountID{"m2"}, false},
		{"a list with both", event.Actor{ID: "m1", Type: event.Member}, []event.AccountID{"m1", "m2"}, false},
		{"a page of nobody", event.Actor{ID: "m1", Type: event.Member}, nil, false},
		{"staff with a member's number", event.Actor{ID: "m1", Type: "staff"}, []event.AccountID{"m1"}, false},
	} {
		rec := event.Record{Actor: c.actor, Subjects: c.subjects, Rows: event.RowsUnknown}
		look.Look([]byte(`{}`), fields, &rec, &catalog.Request{})
		if got := len(rec.Marks) > 0; got != c.want {
			t.Errorf("%s: own is %v", c.what, got)
		}
	}

	docs, err = rule.Parse("r.yaml", []byte("title: T\nname: own\nlevel: low\nlogsource: {category: access, product: haetae}\ndetection: {s: {account.own: 'true'}, condition: s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{Clients: []segment.Client{{}}, Agents: []string{""}}
	for _, flags := range []segment.Flags{segment.Named | segment.HomeIsActor, segment.Named, segment.HomeIsActor, 0} {
		table.Shapes = append(table.Shapes, segment.Shape{Route: "GET /bills/{member}", ActorType: event.Member, Flags: flags | segment.Primary})
	}
	for i, want := range []bool{true, false, false, false} {
		r := Row{Shape: uint32(i), Home: 1, Actor: 1, HasActor: true}
		matched, _ := e.rules(table, e.shape(table, r.Shape).at(r.Time), &r)
		if got := len(matched) > 0; got != want {
			t.Errorf("a row with the flags %v: own is %v", table.Shapes[i].Flags, got)
		}
	}
}
