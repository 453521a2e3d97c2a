package traffic_test

import (
	"os"
	"testing"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/event"
)

func coupang(t testing.TB) *drill.Scenario {
	t.Helper()
	s, err := drill.Read(os.DirFS("../../packs/scenarios"), "coupang-2025")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCoupang: the lines, read as any log is, say exactly what the truth says.
func TestCoupang(t *testing.T) {
	s := coupang(t)
	r := run(t, s, 20_000, 1)
	f := r.read(t)
	// The key signs ordinary tokens too; those of the attack are the ones that no
	// sign-in issued.
	issued := map[event.TokenID]bool{}
	for _, r := range f.records {
		if r.Action == event.ActionSignIn || r.Action == event.ActionIssue {
			issued[r.Credential.Token] = true
		}
	}
	f.take(nil, func(r *event.Record) bool {
		return r.Credential.Key == "sig-2024-04" && r.Actor.Type == "member" && r.Credential.Token != "" && !issued[r.Credential.Token]
	})
	f.hold(r)
	truth := r.m.Truth()
	if want := truth.Records + truth.Background; int64(len(f.records)) != want {
		t.Errorf("%d records, want %d", len(f.records), want)
	}
	if m := truth.Marks; len(m.Keys) != 0 || len(m.SharedKeys) != 1 || m.SharedKeys[0] != "sig-2024-04" || len(m.Networks) != 2 || len(m.Agents) != 0 {
		t.Errorf("marks %+v", m)
	}
	for id, n := range f.ids {
		if n != 1 || len(id) != 32 {
			t.Fatal("an id of a request stands on two lines, or is none")
		}
	}
}
