package server

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestHolds: a hold that stands is not replaced, and one that was lifted is
// remembered, with by whom and why.
func TestHolds(t *testing.T) {
	mem := disk.NewMem()
	w := newWorld(t, mem, "d")
	l := openLedger(t, mem, "d", ledger.Options{})
	first := ledger.Hold{Name: "case-7", Reason: "order of the authority", By: "kim"}
	if err := l.SetHold(first); err != nil {
		t.Fatal(err)
	}
	if err := l.SetHold(ledger.Hold{Name: "case-7", Reason: "nothing", By: "thief"}); !errors.Is(err, ledger.ErrHoldStands) {
		t.Errorf("the same name again: %v, want ErrHoldStands", err)
	}
	if l.Stats().Failed {
		t.Error("a refused hold stopped the ledger")
	}
	if ok, err := l.LiftHoldBy("case-7", "lee", "the case is closed"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, _ := l.LiftHoldBy("case-7", "lee", ""); ok {
		t.Error("a hold was lifted twice")
	}
	if err := l.SetHold(ledger.Hold{Name: "case-7", Reason: "opened again", By: "kim"}); err != nil {
		t.Errorf("after it was lifted: %v", err)
	}
	l.Close()
	l = openLedger(t, mem, "d", ledger.Options{})
	hs := l.Stats().Holds
	if len(hs) != 2 || hs[0].Reason != first.Reason || hs[0].By != "kim" || hs[0].LiftedBy != "lee" || hs[0].LiftReason != "the case is closed" || hs[0].Stands() || !hs[1].Stands() {
		t.Errorf("the history is %+v", hs)
	}
	if n := len(ledger.Standing(hs)); n != 1 {
		t.Errorf("%d holds stand, want 1", n)
	}
	l.Close()
	w.fs = mem
	r := w.serve(nil)
	if _, _, text := r.call("GET", "/metrics", "", nil, nil); !strings.Contains(text, "\nhaetae_holds 1\n") {
		t.Error("the metrics count lifted holds")
	}
	r.end()
	for name, ok := range map[string]bool{"case-7": true, "사건-7": true, "a": true, "": false, "two words": false, "-x": false, "a\x1b[2J": false, "a\u202eb": false, strings.Repeat("x", 65): false} {
		if err := ledger.CheckHoldName(name); (err == nil) != ok {
			t.Errorf("CheckHoldName(%q) = %v", name, err)
		}
	}
}

// TestRetainKept: a retention says what is older and stays, and from when on it
// can go.
func TestRetainKept(t *testing.T) {
	w := newWorld(t, disk.NewMem(), "d")
	r := w.serve(nil)
	body := ""
	for _, day := range []string{"01", "02", "20"} {
		body += strings.ReplaceAll(lines("d"+day, 3), "2025-03-10", "2025-03-"+day)
	}
	if status, _ := r.post(nil, body); status != 200 {
		t.Fatal(status)
	}
	if err := r.Ledger().Seal(); err != nil {
		t.Fatal(err)
	}
	c := NewClient(r.address)
	cut, err := parseFrom("2025-03-10", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Retain(context.Background(), cut)
	if err != nil || got.Records != 0 || got.Kept != 6 || got.KeptUntil <= cut {
		t.Fatalf("%+v, %v, want 6 kept", got, err)
	}
	got, err = c.Retain(context.Background(), got.KeptUntil)
	if err != nil || got.Records != 9 || got.Kept != 0 {
		t.Errorf("at the moment it named: %+v, %v, want 9 destroyed", got, err)
	}
	r.end()
}

// TestOpenings: what was opened, why and for whom can be asked, and the
// recipient is no signing key.
func TestOpenings(t *testing.T) {
	w := newWorld(t, disk.NewMem(), "d")
	r := w.serve(nil)
	o := Opening{By: "kim", What: "scope export", Reason: "notices\x1b[2J\u202e to those\nconcerned", To: "age1qqq", Rows: 799}
	if err := NewClient(r.address).RecordOpening(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if err := NewClient(r.address).RecordOpening(context.Background(), Opening{By: "kim", What: "x", Reason: "\x07"}); err == nil {
		t.Error("a reason of control characters is taken")
	}
	v, err := r.Ledger().View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e, err := scope.Run(context.Background(), v, scope.Query{Where: `source == "haetae" && action == "open"`, By: "agent"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "haetae scope export: notices [2J to those concerned (to age1qqq)"
	if e.Records != 1 || len(e.By) != 1 || e.By[0].Value != want {
		t.Errorf("%+v, want one opening %q", e.By, want)
	}
	if e, err = scope.Run(context.Background(), v, scope.Query{Where: `credential.key != ""`}); err != nil || e.Records != 0 {
		t.Errorf("%d records have a key (%v): the recipient stands among the keys", e.Records, err)
	}
	r.end()
}
