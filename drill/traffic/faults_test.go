package traffic_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
)

const faulty = `
  - {kind: silent, log: gate, from: 2025-03-04 09:10, to: 2025-03-04 20:30, what: {ko: 가, en: a}}
  - {kind: missing, log: gate-two, from: 2025-03-05, to: 2025-03-07 12:00, what: {ko: 가, en: a}}
  - {kind: late, log: gate, share: n10, by: 3h, what: {ko: 가, en: a}}
  - {kind: doubled, log: gate, share: n7, what: {ko: 가, en: a}}
  - {kind: skew, log: gate-two, by: 90s, what: {ko: 가, en: a}}
  - {kind: retention, at: 2025-03-10, before: 2025-03-03 18:00, what: {ko: 가, en: a}}`

// A phase on both logs that suffer, of which some people are reached once.
const suffers = "\n" + phaseHead + `credential: forged, key: k-old, accounts: n333, ghosts: n120, order: rising, network: away, rotate: n7, agent: browser, pages: [{page: mine, reads: n250, accounts: n250}, {page: book, reads: n100, accounts: n97}, {page: labels, reads: n30, accounts: n300}]}`

// TestFaults: what faults take, delay and repeat of a log, held against the log
// without them.
func TestFaults(t *testing.T) {
	whole, broken := run(t, parse(t, madeUp(t, "", suffers, " []")), 1, 3), run(t, parse(t, madeUp(t, "", suffers, faulty)), 1, 3)
	all, left := whole.read(t), broken.read(t)
	zone := time.FixedZone("KST", 9*3600)
	at := func(s string) time.Time { return must(time.ParseInLocation("2006-01-02 15:04", s, zone)) }
	spans := []struct {
		log      string
		from, to time.Time
	}{{"gate", at("2025-03-04 09:10"), at("2025-03-04 20:30")}, {"gate-two", at("2025-03-05 00:00"), at("2025-03-07 12:00")}}
	taken := func(r *event.Record) bool {
		for _, s := range spans {
			if r.Source == s.log && !r.Time.Time().Before(s.from) && r.Time.Time().Before(s.to) {
				return true
			}
		}
		return false
	}
	key := func(r *event.Record) string { return r.Source + string(r.ID) }
	times := map[string]event.Millis{}
	for i := range left.records {
		times[key(&left.records[i])] = left.records[i].Time
	}
	attack := func(r *event.Record) bool { return strings.HasPrefix(r.Client.IP.String(), "203.0.113.") }
	lost := [2]int64{}
	for i := range all.records {
		r := &all.records[i]
		got, is := times[key(r)]
		if is == taken(r) {
			t.Fatalf("a line of %s at %s: left %v", r.Source, r.Time, is)
		}
		want := r.Time
		if r.Source == "gate-two" {
			want += 90_000
		}
		if is && got != want {
			t.Fatalf("a line of %s at %s says %s", r.Source, r.Time, got)
		}
		delete(times, key(r))
		if taken(r) && attack(r) {
			lost[slices.IndexFunc(spans[:], func(s struct {
				log      string
				from, to time.Time
			}) bool {
				return s.log == r.Source
			})]++
		}
	}
	if len(times) != 0 {
		t.Errorf("%d lines are in no log without faults", len(times))
	}
	repeated(t, broken)
	delayed(t, broken)

	// The truth is that of the lines without faults; who is named follows from those left.
	all.take(nil, attack)
	left.take(nil, attack)
	for p := range all.people {
		all.named[p] = len(left.people[p]) > 0
	}
	all.hold(broken)
	truth := broken.m.Truth()
	if len(truth.Lost) != 3 || truth.Lost[0].Records != lost[0] || truth.Lost[1].Records != lost[1] || lost[0] == 0 || lost[1] == 0 || !truth.Lost[2].ByHold || truth.Lost[0].ByHold {
		t.Errorf("lost %+v, want %v", truth.Lost, lost)
	}
	// People whom only what a fault took shows: those of the whole log, without those that
	// the lines left show, besides what the fault itself took.
	before := event.MillisOf(at("2025-03-03 18:00"))
	for i, in := range []func(*event.Record) bool{
		func(r *event.Record) bool { return r.Source == "gate" && taken(r) },
		func(r *event.Record) bool { return r.Source == "gate-two" && taken(r) },
		func(r *event.Record) bool { return r.Time < before },
	} {
		inside, outside := all.again(), all.again()
		inside.take(nil, func(r *event.Record) bool { return attack(r) && in(r) })
		outside.take(nil, func(r *event.Record) bool { return attack(r) && !in(r) && !taken(r) })
		var only int64
		for p := range inside.people {
			if len(outside.people[p]) == 0 {
				only++
			}
		}
		if truth.Lost[i].People != only || only == 0 || truth.Lost[i].Records != inside.matched {
			t.Errorf("fault %d: %+v, want %d people of %d records", i, truth.Lost[i], only, inside.matched)
		}
	}
}

func must(t time.Time, err error) time.Time {
	if err != nil {
		panic(err)
	}
	return t
}

// repeated: some lines stand there twice, byte for byte, and none three times.
func repeated(t *testing.T, r *made) {
	t.Helper()
	n := map[string]int{}
	for l := range bytes.Lines(r.logs["gate"]) {
		n[string(l)]++
	}
	twice := 0
	for _, k := range n {
		if k > 2 {
			t.Fatal("a line stands there three times")
		}
		twice += k - 1
	}
	if share := 100 * twice / len(n); share < 5 || share > 9 {
		t.Errorf("%d of %d lines stand there twice, want 7 in a hundred", twice, len(n))
	}
	for l := range bytes.Lines(r.logs["gate-two"]) {
		if n[string(l)]++; n[string(l)] > 1 {
			t.Fatal("a line of a log without that fault stands there twice")
		}
	}
}

// delayed: some lines come in a later hour, by no more than three hours.
func delayed(t *testing.T, r *made) {
	t.Helper()
	late, all := 0, 0
	for i, h := range r.hours {
		for l := range bytes.Lines(r.by["gate"][i]) {
			at := must(time.Parse("2006-01-02T15:04:05.000Z07:00", string(l[9:9+29])))
			all++
			switch {
			case !at.Before(h.Add(time.Hour)) || at.Before(h.Add(-3*time.Hour)):
				t.Fatalf("a line of %v comes in the hour of %v", at, h)
			case at.Before(h):
				late++
			}
		}
	}
	// Of ten in a hundred most are delayed into another hour.
	if share := 1000 * late / all; share < 50 || share > 100 {
		t.Errorf("%d of %d lines came later", late, all)
	}
	for _, log := range []string{"db", "trail"} {
		if !bytes.Equal(bytes.Join(r.by[log], nil), r.logs[log]) {
			t.Error("hours are not in order")
		}
	}
}
