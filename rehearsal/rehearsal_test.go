package rehearsal_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/rehearsal"
)

const lookups = `title: Lookup
name: lookup
tags: [haetae.record]
logsource: {category: access, product: haetae}
detection: {page: {read: true, actor.type: staff}, condition: page}
---
title: Many
name: many
level: medium
correlation: {type: value_count, rules: [lookup], group-by: [actor.id], timespan: 1h, condition: {gte: 10, field: account}}
haetae:
  severity:
    - {level: high, when: {gte: 50}}
`

const twoAgents = `
defaults: {type: staff, ip: 10.1.1.1}
cases:
  - name: c
    records:
      - {at: 2026-03-02 09:00, every: 1m, times: 20, actor: s1, request: 'GET /support/members/m{n+1000000}'}
      - {at: 2026-03-02 09:00, every: 10s, times: 60, actor: s2, request: 'GET /support/members/m{n*2%100+1000000:7}'}
`

func run(t *testing.T, test string) (*rehearsal.Result, error) {
	t.Helper()
	return rehearsal.Run(context.Background(), fstest.MapFS{
		"r.yaml": {Data: []byte(lookups)}, "r.test.yaml": {Data: []byte(test)},
	}, ".")
}

// TestDifferences: each way in which signals can differ from what is expected is found.
func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		expect string
		want   []string // kind, rule, field, want, got
	}{
		{"    expect: [{rule: many, group: {actor.id: s1}, severity: medium, count: 20}, {rule: many, group: {actor.id: s2}, severity: high, accounts: '40..60', people: 0..99, reached: 2026-03-02 09:02}]", nil},
		{"    at_most: high", nil},
		{"    at_most: medium", []string{"too_severe many severity medium high"}},
		{"    at_most: medium\n    expect: [{rule: many, group: {actor.id: s2}, severity: high}]", nil},
		{"    at_most: low\n    expect: [{rule: many, group: {actor.id: s2}}, {rule: many, group: {actor.id: s3}}]", []string{"missing many   ", "too_severe many severity low medium"}},
		{"    expect: []", []string{"unexpected many severity  high", "unexpected many severity  medium"}},
		{"    expect: [{rule: many, group: {actor.id: s1}}, {rule: many, group: {actor.id: s2}}, {rule: many, group: {actor.id: s3}}]", []string{"missing many   "}},
		{"    expect: [{rule: many, group: {actor.id: s1}, severity: low}, {rule: many}]", []string{"differs many severity low medium"}},
		{"    expect: [{rule: many, group: {actor.id: s1}, count: '>= 21'}, {rule: many}]", []string{"differs many count >= 21 20"}},
		{"    expect: [{rule: many, group: {actor.id: s1}, reads: '<= 19'}, {rule: many, status: suppressed}]", []string{"differs many reads <= 19 20", "differs many status suppressed open"}},
		{"    expect: [{rule: many, group: {actor.id: s1}, reached: 2026-03-02 09:08}, {rule: many}]", []string{"differs many reached 2026-03-02 09:08 2026-03-02T09:09:00.000+09:00"}},
	} {
		res, err := run(t, twoAgents+c.expect)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range res.Tests[0].Cases[0].Differences {
			got = append(got, strings.Join([]string{string(d.Kind), d.Rule, d.Field, d.Want, d.Got}, " "))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.expect, d)
		}
		if res.Tests[0].Cases[0].Records != 80 {
			t.Errorf("%d records", res.Tests[0].Cases[0].Records)
		}
	}
}

// TestMistakes: what is wrong in a test file is said with its file and its case.
func TestMistakes(t *testing.T) {
	const record = "{at: 2026-03-02, actor: s1, request: GET /my/profile"
	for _, c := range []struct{ test, want string }{
		{"", "r.test.yaml:1: cases: there are no cases"},
		{"cases: [{name: c, records: [], expekt: []}]", `r.test.yaml:1: cases[0]: unknown key; did you mean "expect"?`},
		{"cases: [{name: c, records: []}]", "r.test.yaml:1: cases[0]: needs expect"},
		{"cases: [{expect: []}]", "has no name"},
		{"cases: [{name: c, expect: []}, {name: c, expect: []}]", "cases[1].name: the name stands twice"},
		{"cases: [{name: c, at_most: loud}]", "cases[0].at_most: is not one of"},
		{"cases: [{name: c, expect: [{severity: low}]}]", "cases[0].expect[0].rule: is missing"},
		{"cases: [{name: c, expect: [{rule: many, count: few}]}]", "cases[0].expect[0].count: is no number (12), bound (>= 10 or <= 20) or range (3..20)"},
		{"catalog: none\ncases: [{name: c, expect: []}]", "r.test.yaml:1: catalog: there is no catalog of that name; those that ship: "},
		{"cases: [{name: c, expect: [], records: [" + record + ", at: x}]}]", "cases[0].records[0].at: stands twice"},
		{"cases: [{name: c, expect: [], records: [{at: noon, request: GET /}]}]", "cases[0].records[0].at: is no moment"},
		{"cases: [{name: c, expect: [], records: [" + record + ", times: 2}]}]", "times needs every"},
		{"cases: [{name: c, expect: [], records: [" + record + ", every: soon, times: 2}]}]", "records[0].every: is no duration"},
		{"cases: [{name: c, expect: [], records: [" + record + ", ip: here}]}]", "records[0].ip: is no address"},
		{"cases: [{name: c, expect: [], records: [" + record + ", status: ok}]}]", "records[0].status: is no number"},
		{"cases: [{name: c, expect: [], records: [" + record + ", 'on': mondays}]}]", "weekdays or weekends"},
		{"cases: [{name: c, expect: [], records: [{at: 2026-03-02, request: /my/profile}]}]", "not a method and a path"},
		{"cases: [{name: c, expect: [], records: [" + record + ", subjects: m2..m1}]}]", "records[0].subjects: is no range"},
		{"register: [m5..m1]\ncases: [{name: c, expect: [], records: [" + record + "}]}]", "r.test.yaml:1: register: is no range"},
		{"lists: {a: ['*']}\ncases: [{name: c, expect: [], records: [" + record + "}]}]", "r.test.yaml:1: lists[0][0]: has a * or ?"},
	} {
		_, err := run(t, c.test)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.test, err, c.want)
		}
	}
	if _, err := rehearsal.Run(context.Background(), fstest.MapFS{"r.yaml": {Data: []byte(lookups)}, "x.test.yaml": {Data: []byte(twoAgents + "    expect: []")}}, "."); err == nil || !strings.Contains(err.Error(), "no rule file x.yaml") {
		t.Error(err)
	}
	res, err := rehearsal.Run(context.Background(), fstest.MapFS{"r.yaml": {Data: []byte(lookups)}}, ".")
	if err != nil || len(res.Untested) != 1 {
		t.Errorf("%v, %v", res, err)
	}
	bad := strings.Replace(lookups, "rules: [lookup]", "rules: [lokup]", 1)
	if _, err := rehearsal.Run(context.Background(), fstest.MapFS{"r.yaml": {Data: []byte(bad)}}, "."); err == nil || !strings.Contains(err.Error(), "r.yaml:10") {
		t.Errorf("rules without a test that cannot run: %v", err)
	}
}
