package detect

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/rule"
)

// TestDecidedByShape: what is decided once for a shape, and once for an agent, is
// what each rule says of each row when it is asked by itself.
func TestDecidedByShape(t *testing.T) {
	docs := append(shippedRules(t), rules(t, wide)...)
	docs = append(docs, rules(t, `
title: of two
name: of_two
logsource: {category: access, product: haetae}
detection: {a: {status: 404}, b: {client.agent|contains: '10'}, c: {time|minute|lt: 20}, condition: 2 of them}
`)...)
	e, err := New(docs, shopWorld(t), Options{Zone: time.UTC, Calendar: holidays(t)})
	if err != nil {
		t.Fatal(err)
	}
	table, rows := benchTraffic(20_000, true, 1_740_787_200_000)
	fired := everyRowMatches(t, e, table, rows)
	if len(fired) < 8 {
		t.Errorf("only %d rules matched anything", len(fired))
	}
}

// everyRowMatches compares the rules that match each row with those that hold for it
// one by one, and counts how often each did.
func everyRowMatches(t *testing.T, e *Engine, table *Table, rows []Row) map[rule.RuleIndex]int {
	t.Helper()
	x := e.matcher
	fired := map[rule.RuleIndex]int{}
	for i := range rows {
		r := &rows[i]
		s := e.shape(table, r.Shape)
		m := s.at(r.Time)
		matched, _ := e.rules(table, m, r)
		got := slices.Clone(matched)
		var want []rule.RuleIndex
		e.setShape(table, m, r.Shape)
		e.setRow(table, m, r, ^need(0))
		for k, d := range x.set.Rules() {
			if len(d.Sources) > 0 && x.set.Holds(rule.RuleIndex(k), x.ev, x.m) {
				want = append(want, rule.RuleIndex(k))
				fired[rule.RuleIndex(k)]++
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("row %d: rules %v match, want %v", i, got, want)
		}
	}
	return fired
}

// namedWorld has accounts that lists can name.
type namedWorld struct{ *benchWorld }

func idOf(r dictionary.Ref) string { return fmt.Sprintf("m%d", 1_000_000+uint32(r)) }

func (w namedWorld) Pseudonym(r dictionary.Ref) (pseudonym.Pseudonym, error) {
	return w.hasher.Account(event.AccountID(idOf(r))), nil
}

// TestMatchListed: deciding once for all whom no rule names matches the same rules as
// asking each rule of each row, whether lists are empty or name many.
func TestMatchListed(t *testing.T) {
	table, rows := benchTraffic(20_000, false, 1_740_787_200_000)
	lists := Lists{"abroad": {"nobody"}}
	for i := 0; i < len(rows); i += 40 {
		id := idOf(rows[i].Home)
		lists["claimed"], lists["vips"] = append(lists["claimed"], id), append(lists["vips"], id)
		lists["leavers"] = append(lists["leavers"], idOf(rows[i].Actor))
	}
	for i := range rows {
		if i%9 == 0 {
			rows[i].HasActor = false
		}
		if i%7 == 0 { // by somebody else
			rows[i].Actor = rows[i*31%len(rows)].Home
		}
	}
	docs := append(shippedRules(t), rules(t, `
title: of oneself
name: of_oneself
logsource: {category: access, product: haetae}
detection: {a: {account|fieldref: actor.id}, condition: a}
---
title: of nobody who is listed
name: of_others
logsource: {category: access, product: haetae}
tags: [list.claimed]
detection: {a: {account|expand: '%claimed%'}, b: {account|exists: true}, c: {client.agent|contains: '7'}, condition: b and c and not a}
`)...)
	for _, l := range []Lists{nil, lists} {
		e, err := New(docs, namedWorld{shopWorld(t)}, Options{Zone: time.UTC, Calendar: holidays(t), Lists: l})
		if err != nil {
			t.Fatal(err)
		}
		fired := everyRowMatches(t, e, table, rows)
		for i, d := range e.set.Rules() {
			if asks := slices.Contains([]string{"claimed_read", "of_oneself", "of_others"}, d.Doc.Key()); asks && fired[rule.RuleIndex(i)] == 0 && (l != nil || d.Doc.Key() != "claimed_read") {
				t.Errorf("%s never matched: this test says nothing about it", d.Doc.Key())
			}
		}
	}
}
