package scope_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// written is a record as a line, for comparing.
func written(at event.Millis, source, action, route string, status uint16, rows int32, actor, actorType, key string, c event.Client, subjects, items []string) string {
	return fmt.Sprint(at, source, action, route, status, rows, actor, actorType, key, c, subjects, items)
}

func tellRecords(t *testing.T, v *ledger.View, q scope.Query) (lines, ids []string) {
	t.Helper()
	last := event.Millis(-1 << 62)
	err := scope.Records(context.Background(), v, q, func(r *scope.Record) error {
		if r.Time < last {
			t.Fatalf("%v after %v", r.Time, last)
		}
		last = r.Time
		if slices.Contains(ids, r.UID()) {
			t.Fatalf("the id %s stands twice", r.UID())
		}
		ids = append(ids, r.UID())
		items := slices.Sorted(slices.Values(r.Items))
		lines = append(lines, written(r.Time, r.Source, r.Action.String(), r.Route, r.Status, r.Rows, r.Actor, r.ActorType, r.Key, r.Client, r.Subjects, items))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines, ids
}

// TestRecordsModel: over random histories, the records told are those a walk finds,
// whole, once, in the order of time, and under the same ids however they lie.
func TestRecordsModel(t *testing.T) {
	rnd := seed(t)
	for n := range worlds(t) {
		w := makeWorld(rnd)
		for _, o := range []layout{{}, {seals: true, shuffle: true}, {seals: true, merge: true}, {life: true}} {
			l, cats := w.load(t, o)
			v, err := l.View()
			if err != nil {
				t.Fatal(err)
			}
			w.hasher = v.Hasher()
			ref := w.reference(cats)
			for range 12 {
				q := w.question(rnd.IntN(4))
				ask := scope.Query{Where: q.text}
				if rnd.IntN(2) == 0 {
					ask.From = day(rnd.IntN(worldDays))
				}
				if rnd.IntN(2) == 0 {
					ask.To = day(rnd.IntN(worldDays + 2))
				}
				var want []string
				for _, m := range ref.find(q, ask.From, ask.To) {
					r := m.rec
					var names, items []string
					for _, s := range subjects(r, m.answer) {
						p := v.Hasher().Account(event.AccountID(s))
						names = append(names, hex.EncodeToString(p[:]))
					}
					slices.Sort(names)
					names = slices.Compact(names)
					actor := ""
					if id := kept(r); id != "" {
						p := v.Hasher().Actor(r.Actor.ID, r.Actor.Type)
						actor = hex.EncodeToString(p[:])
					}
					if m.read {
						items = slices.Sorted(slices.Values(m.items))
					}
					want = append(want, written(r.Time, r.Source, r.Action.String(), m.route, r.Status, r.Rows, actor, r.Actor.Type, r.Credential.Key, r.Client, names, items))
				}
				slices.Sort(want)
				scope.SetHeldRecords(t, 1<<18)
				got, ids := tellRecords(t, v, ask)
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("world %d, %+v, where %s, from %v to %v: (-want +got)\n%s", n, o, q.text, ask.From, ask.To, d)
				}
				scope.SetHeldRecords(t, 1+rnd.IntN(20))
				again, same := tellRecords(t, v, ask)
				if d := cmp.Diff(want, again); d != "" {
					t.Fatalf("world %d, in small stretches, where %s: (-want +got)\n%s", n, q.text, d)
				}
				if d := cmp.Diff(ids, same); d != "" {
					t.Fatalf("world %d: the ids differ:\n%s", n, d)
				}
			}
			// What a merge changes is where records lie, and no id.
			_, before := tellRecords(t, v, scope.Query{})
			v.Close()
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
			if err := l.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
			if v, err = l.View(); err != nil {
				t.Fatal(err)
			}
			if _, after := tellRecords(t, v, scope.Query{}); !slices.Equal(before, after) {
				t.Fatal("other ids after a merge")
			}
			v.Close()
			l.Close()
		}
	}
}
