package play_test

import (
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/play"
	"github.com/haetae/haetae/drill/score"
)

func found(t *testing.T, what string, p score.Pair, want int64) {
	t.Helper()
	if p.Found == nil || *p.Found != p.Truth || want >= 0 && p.Truth != want {
		t.Errorf("%s: found %v, truth %d, want %d", what, p.Found, p.Truth, want)
	}
}

// TestCoupang: the probe of January is told, the bulk phase at high severity within its
// first day, and the scope is exact for each person and item, with those who have no
// account. Reads, readers and people with a door code are three numbers.
func TestCoupang(t *testing.T) {
	s := scenario(t, "coupang-2025")
	sc := run(t, s, play.Options{Scale: 1000}).Score
	if !sc.Passed {
		t.Errorf("not passed: %v", sc.Failures)
	}
	probe, bulk := sc.Phases[0], sc.Phases[1]
	if a := probe.FirstCorrect; a == nil || a.After > 86_400 {
		t.Errorf("three forged tokens in January: %+v", a)
	}
	if a := bulk.FirstHigh; a == nil || a.After > 86_400 || a.People*100 > bulk.People {
		t.Errorf("the bulk phase at high severity within a day: %+v", a)
	}
	if len(sc.Ahead) == 0 || !sc.Ahead[0].Time.Before(probe.First) {
		t.Errorf("the key whose custodian had left, before it was used: %v", sc.Ahead)
	}
	x := sc.Scope
	if x.Truth != 37_550 || x.Right != x.Truth || x.Wrong != 0 || x.Missed != 0 {
		t.Errorf("scope: %+v", x)
	}
	for _, it := range x.Items {
		if it.Truth != it.Right || it.Wrong != 0 || it.Missed != 0 {
			t.Errorf("item %s: %+v", it.Item, it)
		}
	}
	// Without an account: those who have no e-mail address, and 33,220 members have one.
	n := sc.Numbers
	found(t, "people with an e-mail address", n.ByItem["email"], 33_220)
	found(t, "people", n.People, 37_550)
	found(t, "ghosts", n.Ghosts, 44_000)
	found(t, "reads of a page with a door code", n.ReadsByItem["door_code"], 50)
	found(t, "accounts of which it was read", n.AccountsByItem["door_code"], 34)
	found(t, "people who have one", n.ByItem["door_code"], 3)
	if fa := sc.FalseAlarms; fa.High != 0 || fa.False != 0 {
		t.Errorf("false alarms: %+v", fa)
	}
	if f := sc.Faults; len(f) != 1 || !f[0].Held || f[0].Records == 0 || f[0].People == 0 {
		t.Errorf("a hold in time keeps what was lost in reality: %+v", f)
	}
	if sc.Hold == nil || sc.Hold.Before(bulk.First) || sc.Hold.After(bulk.First.Add(24*time.Hour)) {
		t.Errorf("hold set at %v", sc.Hold)
	}
	// Trap 5: 560 million orders were claimed; the record shows 102,682 reads of lists.
	for _, c := range sc.Claims {
		if c.Proved == nil || *c.Proved != c.Truth {
			t.Errorf("claim about %s: proved %v, truth %d", c.Item, c.Proved, c.Truth)
		}
		if c.Item == "orders" && (c.Ratio == nil || *c.Ratio < 5000) {
			t.Errorf("orders: claimed %d, proved %v", c.Claimed, c.Proved)
		}
	}
}

// TestNoHold: where nobody sets a hold the answer is smaller, names nobody who was not
// reached, and says from when the record is gone.
func TestNoHold(t *testing.T) {
	sc := run(t, scenario(t, "coupang-2025"), play.Options{Scale: 10_000, NoHold: true}).Score
	x, f := sc.Scope, sc.Faults[0]
	if f.Held || !f.Said || x.Wrong != 0 || x.Missed == 0 || x.Missed != x.MissedInGap || x.Missed > f.People {
		t.Errorf("scope %+v, fault %+v", x, f)
	}
}

// TestTraps: the five traps that a drill should hold are there. The first two and the
// last are in TestCoupang with their numbers.
func TestTraps(t *testing.T) {
	s := scenario(t, "coupang-2025")
	if p := s.Population; p.Strangers.Value() != 4_330_000 {
		t.Error("people without an account")
	}
	// 4: by one of two awareness times the report was late.
	at := func(text string) time.Time {
		m, err := time.ParseInLocation("2006-01-02 15:04", text, s.Location())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	official, own, report := at("2025-11-17 16:00"), at("2025-11-18 22:52"), at("2025-11-19 21:35")
	if !s.Reality.Known.Equal(official) {
		t.Errorf("known at %v", s.Reality.Known)
	}
	for _, want := range []string{official.Format("2006-01-02 15:04"), own.Format("2006-01-02 15:04"), short(report.Sub(official)), short(report.Sub(own)), short(report.Sub(official) - 24*time.Hour)} {
		found := false
		for _, u := range s.Unsettled {
			found = found || strings.Contains(strings.ReplaceAll(u.EN, "\n", " "), want)
		}
		if !found {
			t.Errorf("what is not settled does not say %q", want)
		}
	}
	// 3: logs that do not reach back are stated, and nothing is called zero.
	sc := run(t, scenario(t, "skt-2025"), play.Options{Scale: 10_000}).Score
	if f := sc.Faults; len(f) != 1 || !f[0].Said || f[0].Held {
		t.Errorf("the log that is gone: %+v", f)
	}
	if x := sc.Scope; x.MissedInGap == 0 || x.MissedUnsaid != 0 || x.Wrong != 0 {
		t.Errorf("scope %+v", x)
	}
}

func short(d time.Duration) string {
	return d.Truncate(time.Hour).String()[:strings.Index(d.Truncate(time.Hour).String(), "h")] + " h " + (d % time.Hour).String()[:2] + " min"
}

// TestBackground: without its attack a scenario has at most one false alarm of high
// severity in a year.
func TestBackground(t *testing.T) {
	for _, s := range scenarios(t) {
		if !*all && !quick[s.ID] {
			continue
		}
		// How a key stands in its register belongs to the attack, too.
		for i := range s.Keys {
			s.Keys[i].CustodianLeft, s.Keys[i].RotatesBy = drill.Moment{}, drill.Moment{}
		}
		s.Attack, s.Expect.Rings = nil, nil
		sc := run(t, s, play.Options{NoHold: true, Scale: int64(s.Scale) * 2}).Score
		if fa := sc.FalseAlarms; float64(fa.High) > max(1, fa.Days/365) || sc.Scope.Wrong != 0 {
			t.Errorf("%s: %d of high severity in %.0f days, %d people named", s.ID, fa.High, fa.Days, sc.Scope.Wrong)
		}
	}
}
