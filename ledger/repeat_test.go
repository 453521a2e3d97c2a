package ledger

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestRepeatedTail: past the horizon of fingerprints, a tail that was copied out of
// a log is refused, with ids and without, in pieces of any size; what is really
// new is not, nor is what is said to be.
func TestRepeatedTail(t *testing.T) {
	for _, ids := range []bool{false, true} {
		m := create(t)
		now := time.Now()
		o := Options{Now: func() time.Time { return now }, StageRows: 100}
		l := open(t, m, o)
		all := logImport{each: 50, ids: ids}
		if _, err := all.do(l, lines(0, 5000)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(seenHorizon + time.Hour)
		if err := l.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(l.m.Seen) != 0 {
			t.Fatalf("%d files of fingerprints are left", len(l.m.Seen))
		}
		var overlap *OverlapError
		for _, part := range [][2]int{{4000, 5000}, {4990, 5000}, {1000, 1400}, {4500, 9000}} {
			if _, err := all.do(l, lines(part[0], part[1])); !errors.As(err, &overlap) || !overlap.Held || overlap.Matches < 10 {
				t.Errorf("ids %v, lines %v again: %v", ids, part, err)
			}
		}
		countRecords(t, l, 5000, "after refusals")
		if n := len(l.Unfinished()); n != 0 {
			t.Errorf("%d refused imports are left", n)
		}
		// Another log of the same hours and the same source, and one that goes on.
		if _, err := all.do(l, lines(5000, 6000)); err != nil {
			t.Errorf("ids %v: new lines: %v", ids, err)
		}
		sure := all
		sure.spec.New = true
		before := l.Stats().Records
		if res, err := sure.do(l, lines(4000, 5000)); err != nil || res.Records != 1000 {
			t.Errorf("ids %v, said to be new: %+v, %v", ids, res, err)
		}
		if n := l.Stats().Records; n != before+1000 {
			t.Errorf("%d records, want %d", n, before+1000)
		}
		l.Close()
	}
}
