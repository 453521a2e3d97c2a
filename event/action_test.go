package event

import "testing"

// TestActions: the numbers are on the disk, and each has a word that is read again.
func TestActions(t *testing.T) {
	want := []string{"other", "read", "create", "update", "delete", "export", "sign_in", "issue", "open", "revoke"}
	all := Actions()
	if len(all) != len(want) {
		t.Fatalf("%d actions, want %d", len(all), len(want))
	}
	for i, a := range all {
		if a.String() != want[i] {
			t.Errorf("action %d is %s, want %s", i, a, want[i])
		}
		if back, ok := ParseAction(want[i]); !ok || back != a {
			t.Errorf("%s is read as %s", want[i], back)
		}
	}
}
