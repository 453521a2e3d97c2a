package detect

import (
	"slices"
	"testing"
	"time"

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
	if len(fired) < 8 {
		t.Errorf("only %d rules matched anything", len(fired))
	}
}
