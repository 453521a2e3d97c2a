package detect

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
)

func TestStale(t *testing.T) {
	f := FeedCover{MaxAge: 100, Every: 10, Since: 1000}
	for _, c := range []struct {
		name string
		seen [][2]event.Millis
		now  event.Millis
		want [][2]event.Millis
	}{
		{"not due yet", nil, 1010, nil},
		{"never", nil, 1011, [][2]event.Millis{{1000, 1011}}},
		{"fresh", [][2]event.Millis{{1005, 1200}}, 1300, nil},
		{"its content was written before it was set up", [][2]event.Millis{{500, 1200}}, 1300, nil},
		{"stale", [][2]event.Millis{{1005, 1200}}, 1301, [][2]event.Millis{{1300, 1301}}},
		{"late at first", [][2]event.Millis{{1500, 1500}}, 1550, [][2]event.Millis{{1000, 1500}}},
		{"a pause", [][2]event.Millis{{1005, 1200}, {1400, 1500}}, 1550, [][2]event.Millis{{1300, 1400}}},
		{"a pause, as it was known then", [][2]event.Millis{{1005, 1200}, {1400, 1500}}, 1350, [][2]event.Millis{{1300, 1350}}},
	} {
		f.Seen = c.seen
		if d := cmp.Diff(c.want, f.Stale(c.now)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

const resting = `
title: vips
name: vips
tags: [list.vips]
logsource: {category: access, product: haetae}
detection: {s: {account|expand: '%vips%'}, condition: s}
---
title: left
name: left
tags: [haetae.record]
logsource: {category: access, product: haetae}
detection: {s: {actor.left: 'true'}, condition: s}
---
title: leaver
name: leaver
correlation: {type: event_count, rules: [left], group-by: [actor.id], timespan: 1h, condition: {gte: 1}}
---
title: custodian
name: custodian
correlation: {type: custody, group-by: [credential.key], when: [custodian_left]}
---
title: overdue
name: overdue
correlation: {type: custody, group-by: [credential.key], when: [rotation_overdue]}
---
title: stranger
name: stranger
correlation: {type: unknown, rules: [left], group-by: [actor.id], timespan: 1h, grace: 1d, condition: {gte: 1, field: account}}
`

// TestRests: a stale feed is a signal that names the rules which rest on it, told once
// and not again while it only gets older.
func TestRests(t *testing.T) {
	covers := []FeedCover{
		{Name: "k", Kind: FeedKeys, MaxAge: 100}, {Name: "h", Kind: FeedHolders, MaxAge: 100}, {Name: "v", Kind: FeedList, List: "vips", MaxAge: 100},
		{Name: "r", Kind: FeedRegister, MaxAge: 100}, {Name: "x", Kind: FeedHoldings, MaxAge: 100}, {Name: "fresh", Kind: FeedKeys, MaxAge: 100, Seen: [][2]event.Millis{{0, 950}}},
	}
	e, err := New(rules(t, resting), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Feeds: covers})
	if err != nil {
		t.Fatal(err)
	}
	tell := func(now event.Millis) map[string]string {
		t.Helper()
		e.Stale(covers, catalog.Always, catalog.Never, now)
		if !e.HasChanged() {
			return nil
		}
		list, err := e.Changed(context.Background(), func(string, Severity) bool { return true }, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, s := range list {
			if s.Rule != "coverage-lost" || s.Severity != Medium || s.Group["cause"] != "feed_stale" {
				t.Errorf("another signal: %v", s)
			}
			rest, _, _ := strings.Cut(strings.TrimPrefix(s.Reason.EN, "rule "), ":")
			out[s.Group["feed"]] = rest
		}
		return out
	}
	want := map[string]string{"k": "custodian, overdue", "h": "custodian, leaver, stranger", "v": "vips", "r": "stranger", "x": "*"}
	if d := cmp.Diff(want, tell(1000)); d != "" {
		t.Error(d)
	}
	if again := tell(1010); again != nil {
		t.Errorf("told again while it only grew older: %v", again)
	}
	covers[0].Seen = [][2]event.Millis{{950, 1010}}
	covers[0].Every = 2000
	if got := tell(1020); got["k"] != "" || len(got) != 4 {
		t.Errorf("after the keys came: %v", got)
	}
	// The last that is told of a pause is its end.
	covers[4].Seen = [][2]event.Millis{{1500, 1550}}
	if got := tell(1600); got["x"] == "" {
		t.Errorf("after the holdings came: %v", got)
	}
	i := slices.IndexFunc(e.staleList(), func(l Loss) bool { return l.Feed == "x" })
	if l := e.staleList()[i]; l.Last != e.stamp(1500) {
		t.Errorf("the end of the pause is %s", l.Last)
	}
	// Only what overlaps the time that was asked for.
	e.Stale(covers, 5000, 6000, 1630)
	if l := e.staleList(); len(l) != 0 {
		t.Errorf("outside of the time that was asked for: %v", l)
	}
}

// TestFedList: a rule may ask for a list that a feed is to fill, before it has come.
func TestFedList(t *testing.T) {
	docs := rules(t, strings.Replace(listed, "tags: [list.vips]", "tags: []", 1))
	o := Options{Feeds: []FeedCover{{Name: "v", Kind: FeedList, List: "vips"}}}
	if _, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, o); err != nil {
		t.Error(err)
	}
}

// TestCustodians: a custodian is known by the pseudonym alone, whichever of the two
// kinds of id it is.
func TestCustodians(t *testing.T) {
	h := pseudonym.NewHasher([32]byte{1})
	day := func(d int) event.Millis { return event.Millis(d * 86_400_000) }
	e, err := New(rules(t, resting), &small{hasher: h}, Options{
		Keys: []Key{
			{ID: "k1", Who: PersonOf(h, "s1")}, {ID: "k2", Custodian: "s1"}, {ID: "k3", Who: PersonOf(h, "s2")}, {ID: "k4", Who: PersonOf(h, "s3")},
			{ID: "k5", Who: PersonOf(h, "s1"), Created: day(101)}, {ID: "k6"},
		},
		Holders: []Holder{
			{Person: PersonOf(h, "s1"), Left: day(40)}, {Person: PersonOf(h, "s2"), Left: day(40)}, {Person: PersonOf(h, "s2"), Joined: day(50)},
			{Person: PersonOf(h, "s3"), Left: day(200)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Custody(day(100))
	rep, err := e.Report(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, s := range rep.Signals {
		got[s.Group["credential.key"]] = s.Reached
	}
	if d := cmp.Diff(map[string]float64{"k1": 60, "k2": 60}, got); d != "" {
		t.Error(d)
	}
}
