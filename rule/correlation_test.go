package rule

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parseOne(t *testing.T, text string) *Document {
	t.Helper()
	docs, err := Parse("p.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return docs[0]
}

// Every type, with all it may have.
func TestCorrelations(t *testing.T) {
	days := func(n int64) Span { return Span{n, 'd'} }
	gte := func(x float64) Condition { return Condition{Bounds: []Bound{{"gte", x}}} }
	field := func(x float64, f ...string) Condition { c := gte(x); c.Fields = f; return c }
	for _, c := range []struct {
		text string
		want Correlation
	}{
		{"type: event_count\nrules: [a]\ngroup-by: [x, y]\ntimespan: 90m\ncondition: {gte: 10}\ngenerate: true\nmin: 3\nlearning: 14d\nexclude: [e]",
			Correlation{Type: EventCount, GroupBy: []string{"x", "y"}, Timespan: Span{90, 'm'}, Condition: gte(10), Generate: true, Min: 3, Learning: days(14)}},
		{"type: value_count\nrules: [a]\ntimespan: 1y\ncondition: {gt: 100, lte: 200, field: [x, y]}",
			Correlation{Type: ValueCount, Timespan: Span{1, 'y'}, Condition: Condition{Bounds: []Bound{{"gt", 100}, {"lte", 200}}, Fields: []string{"x", "y"}}}},
		{"type: value_sum\nrules: [a]\ntimespan: 2M\ncondition: {gte: 1.5, field: rows}", Correlation{Type: ValueSum, Timespan: Span{2, 'M'}, Condition: field(1.5, "rows")}},
		{"type: value_avg\nrules: [a]\ntimespan: 1w\ncondition: {gte: 1, field: rows}", Correlation{Type: ValueAvg, Timespan: Span{1, 'w'}, Condition: field(1, "rows")}},
		{"type: value_percentile\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1, field: rows, percentile: 95}",
			Correlation{Type: ValuePercentile, Timespan: Span{1, 'h'}, Condition: Condition{Bounds: []Bound{{"gte", 1}}, Fields: []string{"rows"}, Percentile: 95}}},
		{"type: temporal\nrules: [a, b]\ntimespan: 5m", Correlation{Type: Temporal, Timespan: Span{5, 'm'}}},
		{"type: temporal_ordered\nrules: [a, b]\ntimespan: 30s\ncondition: a AND not b",
			Correlation{Type: TemporalOrdered, Timespan: Span{30, 's'}, Condition: Condition{Expr: &Expr{Op: ExprAnd, Args: []Expr{
				{Op: ExprName, Name: "a"}, {Op: ExprNot, Args: []Expr{{Op: ExprName, Name: "b"}}}}}}}},
		{"type: first_seen\nrules: [a]\ntimespan: 1d\nmemory: 400d\ncondition: {gte: 3, field: client.network}",
			Correlation{Type: FirstSeen, Timespan: days(1), Memory: days(400), Condition: field(3, "client.network")}},
		{"type: dormant\nrules: [a]\ntimespan: 1d\nidle: 30d\ncondition: {gte: 5}", Correlation{Type: Dormant, Timespan: days(1), Idle: days(30), Condition: gte(5)}},
		{"type: absent\nrules: [a]\nissued: [s]\nwithin: 30d\ntimespan: 1d\ncondition: {gte: 20, field: credential.token}",
			Correlation{Type: Absent, Timespan: days(1), Within: days(30), Condition: field(20, "credential.token")}},
		{"type: unknown\nrules: [a]\ngrace: 14d\nshare: 0.02\ntimespan: 1d\ncondition: {gte: 20, field: account}",
			Correlation{Type: Unknown, Timespan: days(1), Grace: days(14), Share: 0.02, Condition: field(20, "account")}},
		{"type: ratio\nof: [a]\nto: [b]\ntimespan: 1h\ncondition: {gte: 0.5}", Correlation{Type: Ratio, Timespan: Span{1, 'h'}, Condition: gte(0.5)}},
		{"type: deviation\nrules: [a]\ntimespan: 1h\nhistory: 8w\ncondition: {gte: 8}", Correlation{Type: Deviation, Timespan: Span{1, 'h'}, History: Span{8, 'w'}, Condition: gte(8)}},
		{"type: density\nrules: [a]\ntimespan: 1d\ncondition: {gte: 0.6, field: account}", Correlation{Type: Density, Timespan: days(1), Condition: field(0.6, "account")}},
		{"type: custody\nwhen: [custodian_left, rotation_overdue]\ngroup-by: [credential.key]",
			Correlation{Type: Custody, When: []string{"custodian_left", "rotation_overdue"}, GroupBy: []string{"credential.key"}}},
	} {
		d := parseOne(t, "title: C\ncorrelation:\n  "+strings.ReplaceAll(c.text, "\n", "\n  ")+"\n")
		got := *d.Correlation
		for _, r := range slices.Concat(got.Rules, got.Exclude, got.Issued, got.Of, got.To) {
			if r.Line < 3 || r.Name == "" {
				t.Errorf("%s: reference %v has no line or name", got.Type, r)
			}
		}
		got.Rules, got.Exclude, got.Issued, got.Of, got.To = nil, nil, nil, nil, nil
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", got.Type, diff)
		}
	}
}

// A chain over two files, in the wrong order, by name and by id.
func TestChain(t *testing.T) {
	first := `
title: Failures, then a success
name: chain
correlation:
  type: temporal_ordered
  rules: [many, 4d0a2c83-c62c-4ed4-b475-c7e23a9269b8]
  group-by: [who, route]
  timespan: 10m
  aliases:
    who: {many: user, success: account}
---
title: Many failures
name: many
correlation: {type: event_count, rules: [fail], group-by: [route, user], timespan: 10m, condition: {gte: 10}, generate: true}
`
	second := `
title: Success
id: 4d0a2c83-c62c-4ed4-b475-c7e23a9269b8
name: success
logsource: {category: access}
detection: {sel: {status: 200}, condition: sel}
---
title: Failure
name: fail
logsource: {category: access}
detection: {sel: {status: 401}, condition: sel}
---
title: Alone
logsource: {category: access}
detection: {sel: {status: 500}, condition: sel}
`
	docs, err := Parse("first.yaml", []byte(first))
	if err != nil {
		t.Fatal(err)
	}
	more, err := Parse("second.yaml", []byte(second))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(append(docs, more...), AccessRecord(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	cs := set.Correlations()
	if len(cs) != 2 || cs[0].Doc.Name != "many" || cs[1].Doc.Name != "chain" {
		t.Fatalf("the correlations are not in the order of their references")
	}
	chain := cs[1]
	if chain.Rules[0].Correlation != cs[0] || chain.Rules[0].Rule != -1 || set.Rules()[chain.Rules[1].Rule].Doc.Name != "success" {
		t.Errorf("references: %+v", chain.Rules)
	}
	user, _ := set.Field("user")
	if diff := cmp.Diff([]GroupField{{Name: "who", ByRule: []FieldID{user, fieldAccount}, Inner: []int{1, -1}}, {Name: "route", ID: fieldRoute, Inner: []int{0, -1}}}, chain.GroupBy); diff != "" {
		t.Errorf("group-by (-want +got):\n%s", diff)
	}
	if !slices.Equal(chain.Missing, []string{"user"}) {
		t.Errorf("missing %q", chain.Missing)
	}
	signals := map[string]bool{}
	for _, r := range set.Rules() {
		signals[r.Doc.Title] = r.Signals
	}
	for _, c := range cs {
		signals[c.Doc.Title] = c.Signals
	}
	want := map[string]bool{"Failures, then a success": true, "Many failures": false, "Success": false, "Failure": true, "Alone": true}
	// Failure is a part of Many failures, which says generate.
	if diff := cmp.Diff(want, signals); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
}

// TestChainRefused: what has no meaning of a correlation as an event is refused where
// it is referred to.
func TestChainRefused(t *testing.T) {
	const base = `
title: Failure
name: fail
logsource: {category: access}
detection: {sel: {status: 401}, condition: sel}
---
title: Many failures
name: many
correlation: {type: event_count, rules: [fail], group-by: [client.ip], timespan: 10m, condition: {gte: 10}}
---
title: Overdue
name: overdue
correlation: {type: custody, when: [rotation_overdue]}
---
title: Outer
name: outer
correlation:
`
	for text, want := range map[string]string{
		"type: event_count, rules: [many], group-by: [account], timespan: 1h, condition: {gte: 2}":                           `"account" is no field by which the correlation "many" groups`,
		"type: value_count, rules: [many], group-by: [client.ip], timespan: 1h, condition: {gte: 2, field: actor.id}":        `"actor.id" is no field by which the correlation "many" groups`,
		"type: temporal, rules: [fail, overdue], timespan: 1h":                                                               `"overdue" looks at no events`,
		"type: temporal, rules: [fail, outer], timespan: 1h":                                                                 "refers to itself: outer, outer",
		"type: absent, rules: [fail], issued: [many], within: 2h, timespan: 1h, condition: {gte: 2, field: account}":         `"many" is a correlation`,
		"type: event_count, rules: [fail], exclude: [many], group-by: [account], timespan: 1h, condition: {gte: 2}":          `"many" is a correlation`,
		"type: temporal, rules: [many, fail], group-by: [who], timespan: 1h, aliases: {who: {many: account, fail: account}}": `"account" is no field by which the correlation "many" groups`,
	} {
		docs, err := Parse("p.yaml", []byte(base+"  {"+text+"}\n"))
		if err == nil {
			_, err = Compile(docs, AccessRecord(), Options{})
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "p.yaml:") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestExtension(t *testing.T) {
	d := parseOne(t, `
title: T
level: medium
correlation: {type: event_count, rules: [a], group-by: [credential.key], timespan: 1h, min: 5, condition: {gte: 3}}
haetae:
  reason:
    ko: "키 {group.credential.key}: {count}건 {{그대로}}"
    en: "key {group.credential.key}: {count} of {min} from {first} to {last}"
  severity:
    - {level: high, when: {gte: 20}}
    - {level: critical, when: {gt: 1000, of: people}}
  fan_out: declared
  calendar: [holidays, sale]
`)
	x := d.Haetae
	if got := x.Reason.KO.Render(func(name string) string { return "<" + name + ">" }); got != "키 <group.credential.key>: <count>건 {그대로}" {
		t.Errorf("reason: %s", got)
	}
	if got := x.Reason.EN.Placeholders(); !slices.Equal(got, []string{"group.credential.key", "count", "min", "first", "last"}) {
		t.Errorf("placeholders: %q", got)
	}
	want := []Escalation{{LevelHigh, "count", []Bound{{"gte", 20}}}, {LevelCritical, "people", []Bound{{"gt", 1000}}}}
	if diff := cmp.Diff(want, x.Severity); diff != "" {
		t.Errorf("severity (-want +got):\n%s", diff)
	}
	if x.FanOut != "declared" || !slices.Equal(x.Calendars, []string{"holidays", "sale"}) {
		t.Errorf("fan-out %q, calendars %q", x.FanOut, x.Calendars)
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"45s": 45 * time.Second, "90m": 90 * time.Minute, "1h": time.Hour, "30d": 720 * time.Hour,
		"2w": 336 * time.Hour, "6M": 180 * 24 * time.Hour, "2y": 730 * 24 * time.Hour, "30y": maxSpan,
	} {
		s, err := ParseSpan(text)
		if err != nil || s.Duration() != want || s.String() != text {
			t.Errorf("%s: %v, %s, %v", text, s.Duration(), s, err)
		}
	}
	for _, text := range []string{"", "5", "m", "-5m", "+5m", "1.5h", "5 m", "5D", "0s", "31y", "999999999999999d", "٣d"} {
		if s, err := ParseSpan(text); err == nil {
			t.Errorf("%q is %s", text, s)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		op           string
		below, at, a bool
	}{{"gt", false, false, true}, {"gte", false, true, true}, {"lt", true, false, false}, {"lte", true, true, false}, {"eq", false, true, false}, {"neq", true, false, true}} {
		b := Bound{c.op, 5}
		if got := [3]bool{b.Holds(4.5), b.Holds(5), b.Holds(5.5)}; got != [3]bool{c.below, c.at, c.a} {
			t.Errorf("%s 5: %v", c.op, got)
		}
	}
	between := Condition{Bounds: []Bound{{"gt", 100}, {"lte", 200}}}
	if between.Holds(100) || !between.Holds(101) || !between.Holds(200) || between.Holds(201) || between.Holds(math.NaN()) {
		t.Error("a range is not one")
	}
}

func TestExprString(t *testing.T) {
	e, err := parseCondition("not (a or b) and 2 of x*", []string{"a", "b", "x1", "x2", "x3"})
	if want := "not (a or b) and 2 of [x1, x2, x3]"; err != nil || e.String() != want {
		t.Errorf("%s, %v", fmt.Sprint(e), err)
	}
}
