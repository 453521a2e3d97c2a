package ledger

import (
	"slices"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/segment"
)

// TestMalformedInList: a subject that fits no account pattern is told of on
// every row of the record, wherever in the list it stands.
func TestMalformedInList(t *testing.T) {
	valid := func(id event.AccountID) bool { return id[0] == 'm' }
	for _, list := range [][]event.AccountID{{"BAD", "m1", "m2"}, {"m1", "BAD", "m2"}, {"m1", "m2", "BAD"}, {"m1", "m2"}, {"BAD"}} {
		b := newBatch(testHasher(), valid)
		r := record(1)
		r.Subjects = list
		b.Add(&r)
		want := slices.Contains(list, "BAD")
		for i, f := range b.frags {
			if got := b.shapes[f.shape].Flags&segment.Malformed != 0; got != want {
				t.Errorf("%q: fragment %d says malformed %v, want %v", list, i, got, want)
			}
		}
		if n := max(1, len(list)-len(slices.DeleteFunc(slices.Clone(list), func(id event.AccountID) bool { return valid(id) }))); len(b.frags) != n {
			t.Errorf("%q: %d fragments, want %d", list, len(b.frags), n)
		}
	}
}
