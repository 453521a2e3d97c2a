package scope_test

import (
	"context"
	"encoding/hex"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

var sameExtent = cmp.Options{
	cmpopts.IgnoreUnexported(scope.Extent{}),
	cmpopts.IgnoreFields(scope.Extent{}, "Ledger"),
	cmpopts.EquateEmpty(),
	cmp.Transformer("code", func(l scope.Limit) string { return l.Code }),
	cmpopts.SortSlices(func(a, b scope.Limit) bool { return a.Code < b.Code }),
	// Which records hold a malformed id is the ledger's to say.
	cmpopts.IgnoreSliceElements(func(l scope.Limit) bool { return l.Code == "malformed" }),
}

// worlds is how many random histories are tried; HAETAE_WORLDS says another
// number, as make worlds and CI do.
func worlds(t testing.TB) int {
	if s := os.Getenv("HAETAE_WORLDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 6
}

// TestModel is the claim of this product: over random histories and random
// questions, the answer equals a walk over every record, field by field, with
// any number of workers and however the rows lie in segments.
func TestModel(t *testing.T) {
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
			ref.actorName = func(r *event.Record) string {
				p := v.Hasher().Actor(r.Actor.ID, r.Actor.Type)
				return hex.EncodeToString(p[:])
			}
			var before *twice
			for range 25 {
				q := w.question(rnd.IntN(4))
				ask := scope.Query{Where: q.text, Keep: true, Sources: rnd.IntN(4) > 0}
				if rnd.IntN(2) == 0 {
					ask.From = day(rnd.IntN(worldDays))
				}
				if rnd.IntN(2) == 0 {
					ask.To = day(rnd.IntN(worldDays + 2))
				}
				if rnd.IntN(2) == 0 {
					ask.By = pick(rnd, dimensions)
				}
				if rnd.IntN(2) == 0 {
					ask.Now = day(worldDays - 10 + rnd.IntN(20))
				}
				if rnd.IntN(4) == 0 {
					scope.SetMaxGroups(t, 3)
				} else {
					scope.SetMaxGroups(t, 10_000)
				}
				want := ref.extent(q, ask.From, ask.To, ask.Now, ask.By, l.Catalog().Edition)
				scope.SetMaxAlone(t, 1+rnd.IntN(8))
				if ask.Sources {
					want.Sources = ref.shares(q, ask.From, ask.To)
					if slices.ContainsFunc(want.Sources, func(s scope.SourceShare) bool { return s.PeopleOnly == nil }) {
						want.Limits = append(want.Limits, scope.Limit{Code: "sources"})
					}
				}
				ref.count(ref.find(q, ask.From, ask.To))
				var set *scope.Set
				for _, ask.Workers = range []int{1, 1 + rnd.IntN(7)} {
					got, err := scope.Run(context.Background(), v, ask)
					if err != nil {
						t.Fatalf("world %d: %s: %v", n, q.text, err)
					}
					if d := cmp.Diff(want, got, sameExtent); d != "" {
						t.Fatalf("world %d, %+v\nwhere %s\nfrom %v to %v by %s, %d workers: (-want +got)\n%s", n, o, q.text, ask.From, ask.To, ask.By, ask.Workers, d)
					}
					set = got.Set()
				}
				now := &twice{set, ref.people, ref.accounts}
				now.same(t, "as counted")
				if before != nil {
					for _, op := range []scope.Operation{scope.And, scope.Or, scope.Minus} {
						before.apply(t, op, now).same(t, string(op))
					}
				}
				before = now
			}
			v.Close()
			l.Close()
		}
	}
}

// twice is a set twice: as the product keeps it, and by name.
type twice struct {
	set      *scope.Set
	people   map[string]map[string]bool
	accounts map[string]bool
}

func (k *twice) same(t *testing.T, what string) {
	t.Helper()
	want := scope.Counts{Accounts: int64(len(k.accounts)), People: int64(len(k.people)), Items: map[string]int64{}}
	for _, items := range k.people {
		for it := range items {
			want.Items[it]++
		}
	}
	if d := cmp.Diff(want, k.set.Counts()); d != "" {
		t.Fatalf("set %s: (-want +got)\n%s", what, d)
	}
	if !slices.IsSorted(k.set.Accounts) {
		t.Fatalf("set %s: accounts are not sorted", what)
	}
}

func (k *twice) apply(t *testing.T, op scope.Operation, o *twice) *twice {
	t.Helper()
	set, err := scope.Apply(op, k.set, o.set)
	if err != nil {
		t.Fatal(err)
	}
	out := &twice{set, map[string]map[string]bool{}, map[string]bool{}}
	in := func(a, b bool) bool {
		switch op {
		case scope.And:
			return a && b
		case scope.Or:
			return a || b
		}
		return a && !b
	}
	for _, as := range []map[string]bool{k.accounts, o.accounts} {
		for a := range as {
			if in(k.accounts[a], o.accounts[a]) {
				out.accounts[a] = true
			}
		}
	}
	for _, ps := range []map[string]map[string]bool{k.people, o.people} {
		for p, items := range ps {
			for it := range items {
				if in(k.people[p][it], o.people[p][it]) {
					if out.people[p] == nil {
						out.people[p] = map[string]bool{}
					}
					out.people[p][it] = true
				}
			}
		}
	}
	return out
}
