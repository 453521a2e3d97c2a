package rule

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// memberSet compiles a rule on a list of account ids and one of addresses.
func memberSet(t testing.TB, ids, addresses []string) *Set {
	t.Helper()
	docs, err := Parse("m.yaml", []byte(`title: listed
name: listed
logsource: {category: access, product: haetae}
detection:
  who: {actor.id|expand: '%ids%'}
  where: {client.agent|expand: '%agents%'}
  condition: who or where
---
title: not listed
name: not_listed
logsource: {category: access, product: haetae}
detection:
  who: {actor.id|expand: '%ids%'}
  where: {client.agent|expand: '%agents%'}
  condition: not who and not where
`))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(docs, AccessRecord(), Options{Placeholders: map[string][]string{"ids": ids, "agents": addresses}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestMembers compares membership of lists of any length with looking through them:
// ids with regard to case, other texts without it.
func TestMembers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 1))
	in := func(list []string, s string, equal func(a, b string) bool) bool {
		for _, x := range list {
			if equal(x, s) {
				return true
			}
		}
		return false
	}
	hits := 0
	for range 200 {
		some := func() (out []string) {
			for range 1 + rnd.IntN(12) {
				out = append(out, fmt.Sprintf("%c%d", "aAkK"[rnd.IntN(4)], rnd.IntN(6)))
			}
			return out
		}
		ids, agents := some(), some()
		set := memberSet(t, ids, agents)
		e, m := set.NewEvent(), set.NewMatcher()
		source, _ := AccessRecord().Source("access")
		actor, _ := set.Field("actor.id")
		agent, _ := set.Field("client.agent")
		for range 30 {
			e.Reset(source)
			who, what := some()[0], some()[0]
			want := in(ids, who, func(a, b string) bool { return a == b }) || in(agents, what, strings.EqualFold)
			e.SetText(actor, who)
			e.SetText(agent, what)
			if set.Holds(0, e, m) != want || set.Holds(1, e, m) == want {
				t.Fatalf("%s by %s: in %v or %v is %t", who, what, ids, agents, want)
			}
			if matched := set.Match(e, m); len(matched) != 1 || (matched[0] == 0) != want {
				t.Fatalf("Match and Holds disagree: %v", matched)
			}
			if want {
				hits++
			}
			e.Reset(source)
			if set.Holds(0, e, m) || !set.Holds(1, e, m) {
				t.Fatal("nobody is on a list")
			}
		}
	}
	if hits == 0 {
		t.Error("nobody was on a list")
	}
}

// BenchmarkMembers is one rule alone that asks whether somebody is on a list. The time
// does not follow the list.
func BenchmarkMembers(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var ids []string
			for i := range n {
				ids = append(ids, fmt.Sprintf("m%07d", i))
			}
			set := memberSet(b, ids, []string{"curl", "wget", "python", "go", "java"})
			e, m := set.NewEvent(), set.NewMatcher()
			actor, _ := set.Field("actor.id")
			e.Reset(1)
			e.SetText(actor, "m9999999")
			b.ReportAllocs()
			for b.Loop() {
				set.Holds(0, e, m)
			}
		})
	}
}
