package scope_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

// TestQuiet: over random histories, an answer lists just those exceptions of which a
// walk over every record finds one that is both the answer's and a quiet signal's.
func TestQuiet(t *testing.T) {
	rnd := seed(t)
	touched, not := 0, 0
	for n := range worlds(t) {
		w := makeWorld(rnd)
		l, cats := w.load(t, pick(rnd, []layout{{}, {seals: true, shuffle: true}, {seals: true, merge: true}}))
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		w.hasher = v.Hasher()
		ref := w.reference(cats)
		ref.actorName = func(r *event.Record) string {
			p := v.Hasher().Actor(r.Actor.ID, r.Actor.Type)
			return hex.EncodeToString(p[:])
		}
		for range 15 {
			q := w.question(rnd.IntN(3))
			ask := scope.Query{Where: q.text, Exceptions: true, Workers: 1 + rnd.IntN(4)}
			if rnd.IntN(2) == 0 {
				ask.From = day(rnd.IntN(worldDays))
			}
			if rnd.IntN(2) == 0 {
				ask.To = day(rnd.IntN(worldDays + 2))
			}
			var want []string
			for x := range 4 {
				id, hit := fmt.Sprint("x", x), false
				// Sometimes more of them than are asked about at once.
				for range 1 + rnd.IntN(2)*rnd.IntN(20) {
					s := w.question(rnd.IntN(3))
					first := day(rnd.IntN(worldDays)) + event.Millis(rnd.IntN(86_400_000))
					last := first + event.Millis(rnd.Int64N(5*86_400_000))
					ask.Quiet = append(ask.Quiet, scope.Noted{Is: scope.Quiet, Exception: scope.Exception{ID: id, Rule: "r"}, Signal: fmt.Sprint("s", len(ask.Quiet)), Where: s.text, First: first, Last: last})
					from, to := max(first, ask.From), last+1
					if ask.To != 0 {
						to = min(to, ask.To)
					}
					both := question{test: func(v *values) bool { return q.test(v) && s.test(v) }}
					hit = hit || from < to && len(ref.find(both, from, to)) > 0
				}
				if hit {
					want = append(want, id)
					touched++
				} else {
					not++
				}
			}
			// What was noted of others than signals touches nothing.
			ask.Quiet = append(ask.Quiet, scope.Noted{Is: scope.InForce, Exception: scope.Exception{ID: "none", Rule: "r"}, First: day(0), Last: day(worldDays)})
			rnd.Shuffle(len(ask.Quiet), func(i, j int) { ask.Quiet[i], ask.Quiet[j] = ask.Quiet[j], ask.Quiet[i] })
			e, err := scope.Run(context.Background(), v, ask)
			if err != nil {
				t.Fatalf("world %d: %s: %v", n, q.text, err)
			}
			var got []string
			for _, x := range e.Exceptions {
				got = append(got, x.ID)
			}
			slices.Sort(got)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("world %d: %s from %v to %v (-want +got)\n%s", n, q.text, ask.From, ask.To, d)
			}
		}
		v.Close()
		l.Close()
	}
	if touched < 10 || not < 10 {
		t.Errorf("%d exceptions touched an answer, %d did not: the test looks at too little", touched, not)
	}
}
