package detect

import (
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
)

func seoul(t testing.TB) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, s string) event.Millis {
	t.Helper()
	x, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return event.MillisOf(x)
}

// TestCalendar: days are those of the zone, weekends need no file, and what a
// signal overlaps with is named once.
func TestCalendar(t *testing.T) {
	c, err := ReadCalendar("c.yaml", []byte(`
calendars:
  kr-holidays:
    - {day: 2026-01-01, ko: 신정, en: New Year's Day}
  events:
    - {from: 2026-11-11T00:00:00+09:00, until: 2026-11-12T12:00:00+09:00, ko: 할인 행사, en: sale day}
`), seoul(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		at   string
		want string
	}{
		{"2025-12-31T14:59:59Z", ""},
		{"2025-12-31T15:00:00Z", "kr-holidays"}, // midnight in Seoul
		{"2026-01-01T14:59:59Z", "kr-holidays"},
		{"2026-01-01T15:00:00Z", ""},
		{"2026-01-03T00:00:00+09:00", "weekend"}, // a Saturday
		{"2026-01-04T23:59:59+09:00", "weekend"},
		{"2026-01-05T00:00:00+09:00", ""},
		{"1969-12-28T12:00:00+09:00", "weekend"},
		{"2026-11-12T23:00:00+09:00", "events"}, // On is by the day
	} {
		if got := strings.Join(c.On(at(t, x.at)), " "); got != x.want {
			t.Errorf("on %s: %q, want %q", x.at, got, x.want)
		}
	}
	over := func(from, to string, names ...string) string {
		var out []string
		for _, x := range c.Over(at(t, from), at(t, to), names) {
			out = append(out, x.EN)
		}
		return strings.Join(out, ", ")
	}
	if got := over("2026-01-01T00:00:00+09:00", "2026-12-31T00:00:00+09:00"); got != "sale day, New Year's Day" {
		t.Errorf("over a year: %s", got)
	}
	if got := over("2026-01-01T00:00:00+09:00", "2026-12-31T00:00:00+09:00", "kr-holidays"); got != "New Year's Day" {
		t.Errorf("of one calendar: %s", got)
	}
	if got := over("2026-11-12T12:00:00+09:00", "2026-11-13T00:00:00+09:00"); got != "" {
		t.Errorf("after its end: %s", got)
	}
	var none *Calendar
	if none.On(0) != nil || none.Over(0, 1, nil) != nil {
		t.Error("no calendar has days")
	}
}

// TestMistakes: each mistake in a file beside the rules is named with its place.
func TestMistakes(t *testing.T) {
	z := seoul(t)
	for _, x := range []struct{ kind, text, want string }{
		{"calendar", "calendars: {a: [{day: 2026-13-01, ko: 가, en: a}]}", "c.yaml:1: calendars[0][0].day: is not a date"},
		{"calendar", "calendars: {a: [{day: 2026-01-01, en: a}]}", "c.yaml:1: calendars[0][0]: needs a name in ko and en"},
		{"calendar", "calendars: {a: [{from: 2026-01-02, until: 2026-01-01, ko: 가, en: a}]}", "c.yaml:1: calendars[0][0].until: is not after from"},
		{"calendar", "calendars: {a: [{day: 2026-01-02, until: 2026-01-01, ko: 가, en: a}]}", "has a day, or from and until"},
		{"calendar", "calender: {}", `c.yaml:1: unknown key; did you mean "calendars"?; known are calendars`},
		{"exceptions", "exceptions: [{id: a}]", "e.yaml:1: exceptions[0].rule: is missing"},
		{"exceptions", exception("from: 2026-01-01, until: 2027-06-01"), "e.yaml:1: exceptions[0].until: lasts longer than a year"},
		{"exceptions", exception("from: 2026-01-01, until: soon"), "e.yaml:1: exceptions[0].until: is not a date"},
		{"exceptions", exception("from: 2026-01-02, until: 2026-01-01"), "e.yaml:1: exceptions[0].until: is not after from"},
		{"keys", "key,rotates_by\nk,tomorrow\n", "k.csv:2: rotates_by: is not a date"},
		{"keys", "key,rotates_by\n,2026-01-01\n", "k.csv:2: key: is empty"},
		{"keys", "name\nx\n", "k.csv:1: key: there is no column key"},
		{"keys", "", "k.csv:1: a header is missing"},
		{"keys", "key,rotate_by\nk,2026-01-01\n", "k.csv:1: rotates_by: a column is nearly called that"},
		{"keys", "key,custodian\nk,\xb1\xe8\n", "k.csv:2: is not UTF-8"},
		{"keys", "key\n\"k\n", "k.csv:2: not a line of CSV"},
		{"exceptions", "exceptions:\n  - {id: a}\n  - id: a\n    until: 2026-01-01\n    rule: r\n", "e.yaml:3: exceptions[1].id: the id stands twice; first on line 2"},
	} {
		var err error
		switch x.kind {
		case "calendar":
			_, err = ReadCalendar("c.yaml", []byte(x.text), z)
		case "exceptions":
			_, err = ReadExceptions("e.yaml", []byte(x.text), z)
		default:
			_, err = ReadKeys("k.csv", strings.NewReader(x.text), z)
		}
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %q: %v, want %s", x.kind, x.text, err, x.want)
		}
	}
}

func exception(more string) string {
	return "exceptions: [{id: a, rule: r, owner: o, reason: {ko: 가, en: a}, " + more + "}]"
}

// TestException: an exception quiets the signals of its rule and group within its
// time, stands in each of them, and quiets no other.
func TestException(t *testing.T) {
	docs := rules(t, `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: reads
name: reads
correlation: {type: event_count, rules: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 5}}
`)
	rnd := seed(t)
	table, rows := someHistory(rnd, 3)
	first, last := rows[0].Time.Time(), rows[len(rows)-1].Time.Time()
	day := func(x time.Time, add int) string { return x.AddDate(0, 0, add).Format(time.DateOnly) }
	for _, x := range []struct {
		text  string
		quiet int
	}{
		{exception("from: " + day(first, -1) + ", until: " + day(last, 2) + ", group: {credential.key: k1}"), 0}, // another rule
		{strings.Replace(exception("from: "+day(first, -1)+", until: "+day(last, 2)+", group: {credential.key: k1}"), "rule: r", "rule: reads", 1), 1},
		{strings.Replace(exception("from: "+day(first, -1)+", until: "+day(last, 2)), "rule: r", "rule: reads", 1), 3},
		{strings.Replace(exception("from: "+day(first, -9)+", until: "+day(first, -1)), "rule: r", "rule: reads", 1), 0}, // over before
	} {
		xs, err := ReadExceptions("e.yaml", []byte(x.text), time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Exceptions: xs})
		if err != nil {
			t.Fatal(err)
		}
		mine := &Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents}
		if err := e.Observe(mine, rows, func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		rep, err := e.Report(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		quiet := 0
		for _, s := range rep.Signals {
			if (s.Status == Suppressed) != (s.Exception != nil) {
				t.Errorf("signal is %s with exception %v", s.Status, s.Exception)
			}
			if s.Status == Suppressed {
				quiet++
			}
		}
		if len(rep.Signals) != 3 || quiet != x.quiet {
			t.Errorf("%s: %d of %d signals are quiet, want %d of 3", x.text, quiet, len(rep.Signals), x.quiet)
		}
	}
	// A group that no signal of the rule can have would keep nothing quiet.
	for group, want := range map[string]string{
		"rule: reads, group: {client.ip: 192.0.2.1}": "e.yaml:1: exceptions[0].group: a field is none that the rule groups by",
		"rule: none, group: {shoe.size: x}":          "e.yaml:1: exceptions[0].group: a field is none that rules group by",
	} {
		xs, err := ReadExceptions("e.yaml", []byte(strings.Replace(exception("from: 2026-01-01, until: 2026-02-01"), "rule: r", group, 1)), time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Exceptions: xs}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", group, err, want)
		}
	}
}

// TestExceptionBeyond: an exception that covers some of a signal's episodes and not all
// does not hold, and the signal names it; one that covers none, or is of another group, it
// does not name, and one that holds comes first.
func TestExceptionBeyond(t *testing.T) {
	var rows []Row
	for i := range 10 { // on 14 November 2023, and two days later
		rows = append(rows, boundedRow(0, i, 1, 1), boundedRow(0, 2*24*60+i, 1, 1))
	}
	one := func(id, from, until, key string) string {
		return "{id: " + id + ", rule: reads, owner: o, reason: {ko: 가, en: a}, from: " + from + ", until: " + until + ", group: {credential.key: " + key + "}}"
	}
	first, last := one("first", "2023-11-14", "2023-11-16", "k"), one("last", "2023-11-16", "2023-11-30", "k")
	for text, want := range map[string]string{
		first: " first",
		last:  " last",
		one("between", "2023-11-15", "2023-11-16", "k"):          " ",
		one("before", "2023-11-01", "2023-11-14", "k"):           " ",
		one("another", "2023-11-14", "2023-11-16", "k9"):         " ",
		one("whole", "2023-11-01", "2023-11-30", "k"):            "whole ",
		first + ", " + one("w", "2023-11-01", "2023-11-30", "k"): "w ",
		first + ", " + last: " first",
	} {
		xs, err := ReadExceptions("e.yaml", []byte("exceptions: ["+text+"]"), time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(rules(t, `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: reads
name: reads
correlation: {type: event_count, rules: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 5}}
`), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Exceptions: xs})
		if err != nil {
			t.Fatal(err)
		}
		_, table := boundedEngine(t, 1)
		if err := e.Observe(table, rows, func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		rep, err := e.Report(t.Context(), nil)
		if err != nil || len(rep.Signals) != 1 || len(rep.Signals[0].Episodes) != 2 {
			t.Fatalf("%+v, %v", rep, err)
		}
		s, got := rep.Signals[0], []string{"", ""}
		for i, x := range []*Exception{s.Exception, s.Beyond} {
			if x != nil {
				got[i] = x.ID
			}
		}
		if is := strings.Join(got, " "); is != want || (s.Status == Suppressed) != (s.Exception != nil) {
			t.Errorf("%s: %q and %s, want %q", text, is, s.Status, want)
		}
	}
}

// TestCustody: a key rings without a record, from the day its custodian left or it
// should have been exchanged, and no longer once it is retired.
func TestCustody(t *testing.T) {
	docs := rules(t, `
title: keys
name: custody
level: high
correlation: {type: custody, when: [custodian_left, rotation_overdue]}
`)
	keys, err := ReadKeys("k.csv", strings.NewReader(`key,custodian,custodian_left,rotates_by,retired
fine,kim,,2027-01-01,
left,lee,2026-03-01,2027-01-01,
left,park,,2027-01-01,
overdue,kim,,2026-02-01,
gone,lee,2026-03-01,,2026-03-02
`), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	found := func(now string) string {
		e.Custody(at(t, now))
		rep, err := e.Report(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range rep.Signals {
			out = append(out, s.Group["credential.key"])
		}
		return strings.Join(out, " ")
	}
	for _, x := range []struct{ now, want string }{
		{"2026-01-31T23:00:00Z", ""}, {"2026-02-01T00:00:00Z", "overdue"}, {"2026-03-05T00:00:00Z", "overdue left"},
	} {
		if got := found(x.now); got != x.want {
			t.Errorf("on %s: %q, want %q", x.now, got, x.want)
		}
	}
}

// The files beside the rules are written by people, and read without a panic.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("calendars: {a: [{day: 2026-01-01, ko: 가, en: a}]}"))
	f.Add([]byte(exception("from: 2026-01-01, until: 2026-02-01")))
	f.Add([]byte("key,custodian_left\nk,2026-01-01\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ReadCalendar("c", data, time.UTC); err == nil {
			c.On(1_700_000_000_000)
			c.Over(0, 1_700_000_000_000, nil)
		}
		ReadExceptions("e", data, time.UTC)
		ReadKeys("k", strings.NewReader(string(data)), time.UTC)
	})
}
