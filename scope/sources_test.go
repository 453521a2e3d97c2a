package scope_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

// shares divides an answer among its sources: each is counted for itself, and whoever
// stands in the set of no other is known by it alone.
func (x *reference) shares(q question, from, to event.Millis) []scope.SourceShare {
	of := map[string][]match{}
	for _, m := range x.find(q, from, to) {
		of[m.rec.Source] = append(of[m.rec.Source], m)
	}
	numbersOf := map[string]numbers{}
	accounts, people := map[string]map[string]bool{}, map[string]map[string]bool{}
	readers := 0
	for s, ms := range of {
		numbersOf[s] = x.count(ms)
		accounts[s], people[s] = x.accounts, map[string]bool{}
		for p := range x.people {
			people[s][p] = true
		}
		if numbersOf[s].reads > 0 {
			readers++
		}
	}
	all := map[string]bool{}
	overlap := func(sets map[string]map[string]bool) bool {
		clear(all)
		n := 0
		for _, set := range sets {
			n += len(set)
			maps.Copy(all, set)
		}
		return n != len(all)
	}
	told := readers <= max(2, scope.MaxAlone()) || !overlap(accounts) && !overlap(people)
	alone := func(s string, sets map[string]map[string]bool) *int64 {
		n := int64(0)
		for k := range sets[s] {
			others := slices.DeleteFunc(slices.Collect(maps.Keys(sets)), func(o string) bool { return o == s || !sets[o][k] })
			if len(others) == 0 {
				n++
			}
		}
		return &n
	}
	out := []scope.SourceShare{}
	for _, s := range slices.Sorted(maps.Keys(of)) {
		n := numbersOf[s]
		share := scope.SourceShare{
			Source: s, Records: n.records, Reads: n.reads, Accounts: n.accounts, People: n.people, Items: n.items, Unresolved: n.unresolved,
		}
		if told || n.reads == 0 {
			share.AccountsOnly, share.PeopleOnly = alone(s, accounts), alone(s, people)
		}
		out = append(out, share)
	}
	return out
}

// TestSharesAddUp: what must hold between the numbers of the sources and the whole,
// whoever counted.
func TestSharesAddUp(t *testing.T) {
	rnd := seed(t)
	overlaps := 0
	for range worlds(t) {
		w := makeWorld(rnd)
		l, _ := w.load(t, layout{seals: true, shuffle: true})
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		for _, where := range []string{"true", `actor.type == "staff"`, `status == 200`, `"name" in items`} {
			e, err := scope.Run(context.Background(), v, scope.Query{Where: where, Sources: true})
			if err != nil {
				t.Fatal(err)
			}
			var records, reads, people, only, unresolved int64
			for _, s := range e.Sources {
				records, reads, people, only, unresolved = records+s.Records, reads+s.Reads, people+s.People, only+*s.PeopleOnly, unresolved+s.Unresolved.Records
				if *s.PeopleOnly > s.People || *s.AccountsOnly > s.Accounts || s.People > e.People {
					t.Errorf("%s: %+v", where, s)
				}
			}
			if records != e.Records || reads != e.Reads || unresolved != e.Unresolved.Records {
				t.Errorf("%s: %d records, %d reads, %d unresolved by source of %d, %d, %d", where, records, reads, unresolved, e.Records, e.Reads, e.Unresolved.Records)
			}
			if people < e.People || only > e.People {
				t.Errorf("%s: %d people, of whom %d by one source, of %d", where, people, only, e.People)
			}
			if people > e.People {
				overlaps++
			}
		}
		v.Close()
		l.Close()
	}
	if overlaps == 0 {
		t.Error("nobody was in two sources: the test looks at too little")
	}
}
