package traffic_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/traffic"
	"github.com/haetae/haetae/event"
)

// TestSeeds: one seed gives the same bytes, another gives others.
func TestSeeds(t *testing.T) {
	text := madeUp(t, "", "\n"+attacks["database"], faulty)
	a, b, c := run(t, parse(t, text), 1, 5), run(t, parse(t, text), 1, 5), run(t, parse(t, text), 1, 6)
	for name := range a.logs {
		if !bytes.Equal(a.logs[name], b.logs[name]) {
			t.Errorf("%s has other bytes for the same seed", name)
		}
		if bytes.Equal(a.logs[name], c.logs[name]) {
			t.Errorf("%s has the same bytes for another seed", name)
		}
	}
	if fmt.Sprint(*a.m.Truth()) != fmt.Sprint(*b.m.Truth()) {
		t.Error("the truth differs")
	}
}

// TestTotals: each page is read as often as was said, by each account as the spread
// says, on the peak's day exactly its reads, and rising numbers rise.
func TestTotals(t *testing.T) {
	r := run(t, parse(t, madeUp(t, "", "\n"+attacks["forged"], " []")), 1, 9)
	f := r.read(t)
	zone := time.FixedZone("KST", 9*3600)
	routes, byAccount := map[string]int64{}, map[string]int64{}
	addresses, tokens := map[string]int{}, map[string]map[string]bool{}
	var peak int
	var last string
	var rising, ghosts []string
	slices.SortStableFunc(f.records, func(a, b event.Record) int { return int(a.Time - b.Time) })
	for i := range f.records {
		x := &f.records[i]
		if !strings.HasPrefix(x.Client.IP.String(), "203.0.113.") {
			continue
		}
		who := string(x.Actor.ID)
		addresses[x.Client.IP.String()]++
		if x.Status == 404 {
			ghosts = append(ghosts, who)
			continue
		}
		routes[x.Route]++
		if at := x.Time.Time().In(zone); at.Day() == 6 {
			peak++
		}
		if x.Route == "GET /mine/{actor}/book" {
			byAccount[who]++
		}
		if x.Route == "GET /mine" || x.Route == "GET /mine/{actor}/book" {
			if tokens[who] == nil {
				tokens[who] = map[string]bool{}
			}
			tokens[who][string(x.Credential.Token)] = true
			if len(tokens[who]) > 1 {
				t.Fatal("a forged account has two tokens")
			}
			if who != last && len(byAccount) < 2 {
				rising = append(rising, who)
			}
			last = who
		}
	}
	want := map[string]int64{"GET /mine": 400, "GET /mine/{actor}/book": 900, "GET /labels": 20, "GET /dump": 3}
	if fmt.Sprint(routes) != fmt.Sprint(want) {
		t.Errorf("pages were read %v, want %v", routes, want)
	}
	if peak != 700 {
		t.Errorf("the day of the peak has %d reads, want 700", peak)
	}
	if len(ghosts) != 120 || !slices.IsSorted(ghosts) {
		t.Errorf("%d ghosts, in order: %v", len(ghosts), slices.IsSorted(ghosts))
	}
	for k := range int64(97) {
		who := f.order[drill.Spread(drill.Spread(k, 97, 333), 333, 400)]
		if n := (k+1)*900/97 - k*900/97; byAccount[who] != n {
			t.Errorf("account %d of the page has %d reads, want %d", k, byAccount[who], n)
		}
	}
	if len(byAccount) != 97 || len(rising) == 0 {
		t.Errorf("%d accounts of the page", len(byAccount))
	}
	if len(addresses) != 50 {
		t.Errorf("%d addresses, want the pool's 50", len(addresses))
	}
	for _, n := range addresses {
		if n > 7*(1443/50/7+2) {
			t.Errorf("an address has %d lines", n)
		}
	}
}

// TestPeaks: wherever the day of the peak lies, nothing of the phase is left out.
func TestPeaks(t *testing.T) {
	for _, day := range []string{"2025-03-02", "2025-03-05", "2025-03-09", "2025-03-10"} {
		text := phaseHead + `credential: guessed, sign_in: login, tries: n900, hits: n60, ghosts: n33, order: random, network: away, agent: script, peak: ` + day + `, peak_reads: n100, pages: [{page: mine, reads: n333}]}`
		f := run(t, parse(t, madeUp(t, "", "\n"+text, " []")), 1, 2).read(t)
		days := map[string]int{}
		signIns, ghosts, reads := 0, 0, 0
		for i := range f.records {
			r := &f.records[i]
			if !strings.HasPrefix(r.Client.IP.String(), "203.0.113.") {
				continue
			}
			switch {
			case r.Action == event.ActionSignIn:
				signIns++
			case r.Status == 404:
				ghosts++
			default:
				reads++
				days[r.Time.Time().In(time.FixedZone("KST", 9*3600)).Format(time.DateOnly)]++
			}
		}
		want := 100
		if day == "2025-03-10" { // the phase is over
			want = 0
		}
		if signIns != 900 || ghosts != 33 || reads != 333 || days[day] != want {
			t.Errorf("%s: %d sign-ins, %d ghosts, %d reads, of that day %d", day, signIns, ghosts, reads, days[day])
		}
	}
}

// TestOrders: each order reads every account once; rising rises, the others do not.
func TestOrders(t *testing.T) {
	for _, order := range []string{"rising", "random", "spread"} {
		text := phaseHead + `credential: forged, key: k-new, accounts: n333, ghosts: n33, order: ` + order + `, network: six, agent: script, pages: [{page: mine, reads: n333}]}`
		f := run(t, parse(t, madeUp(t, "", "\n"+text, " []")), 1, 2).read(t)
		slices.SortStableFunc(f.records, func(a, b event.Record) int { return int(a.Time - b.Time) })
		var list []string
		for i := range f.records {
			if strings.HasPrefix(f.records[i].Client.IP.String(), "2001:db8:") {
				list = append(list, string(f.records[i].Actor.ID))
			}
		}
		sorted := slices.IsSorted(list)
		slices.Sort(list)
		if n := len(slices.Compact(list)); n != 366 || sorted != (order == "rising") {
			t.Errorf("%s: %d numbers, in order: %v", order, n, sorted)
		}
	}
}

// TestWeek: offices rest on holidays and weekends, move when they move, and a sale has
// more visits.
func TestWeek(t *testing.T) {
	r := run(t, parse(t, madeUp(t, "", " []", " []")), 1, 4)
	f := r.read(t)
	zone := time.FixedZone("KST", 9*3600)
	days, homes, sessions := map[int]int{}, map[string]map[string]bool{}, map[string]int64{}
	jobs, failed, signed, keys := 0, 0, 0, map[string]map[bool]int{}
	var overHour int
	issued := map[string]event.Millis{}
	slices.SortStableFunc(f.records, func(a, b event.Record) int { return int(a.Time - b.Time) })
	for i := range f.records {
		x := &f.records[i]
		at := x.Time.Time().In(zone)
		id := string(x.Actor.ID)
		switch {
		case x.Actor.Type == "partner" && x.Source == "gate-two":
			if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || at.Day() == 3 || at.Hour() < 8 || at.Hour() > 19 {
				t.Fatalf("a partner works at %v", at) // 3 March is a holiday
			}
			if moved := strings.HasPrefix(x.Client.IP.String(), "10.2."); moved != (at.Day() >= 6) {
				t.Fatalf("a partner is at %v on %v", x.Client.IP, at)
			}
		case x.Actor.Type == "service" && x.Action == event.ActionRead && strings.HasPrefix(x.Route, "GET /aws/s3"):
			if jobs++; at.Hour() != 3 || at.Minute() < 10 || at.Minute() > 12 {
				t.Fatalf("a job runs at %v", at)
			}
			if issued[string(x.Credential.Token)] == 0 {
				t.Fatal("a service has a session that nobody gave out")
			}
		}
		if x.Action == event.ActionIssue || x.Action == event.ActionSignIn && x.Status == 200 {
			if tok := string(x.Credential.Token); tok != "" {
				issued[tok] = x.Time
			}
		}
		if x.Source != "gate" || x.Actor.Type != "member" {
			continue
		}
		days[at.Day()]++
		if homes[id] == nil {
			homes[id] = map[string]bool{}
		}
		homes[id][x.Client.IP.String()] = true
		if x.Action == event.ActionSignIn {
			if signed++; x.Status != 200 {
				failed++
				continue
			}
		}
		tok := string(x.Credential.Token)
		began, ok := issued[tok]
		if !ok {
			t.Fatal("a member has a token that nobody gave out")
		}
		sessions[tok]++
		if x.Time/3_600_000 != began/3_600_000 {
			overHour++
		}
		if keys[x.Credential.Key] == nil {
			keys[x.Credential.Key] = map[bool]int{}
		}
		keys[x.Credential.Key][at.Day() >= 4]++
	}
	if days[8] < 2*days[5] {
		t.Errorf("the sale has %d lines, an ordinary day %d", days[8], days[5])
	}
	if jobs != 20 {
		t.Errorf("%d lines of jobs, want 20", jobs)
	}
	for _, h := range homes {
		if len(h) != 1 {
			t.Fatal("a member has two homes")
		}
	}
	if overHour == 0 || 100*failed/signed < 5 || 100*failed/signed > 40 {
		t.Errorf("%d lines in a later hour than their sign-in, %d of %d sign-ins failed", overHour, failed, signed)
	}
	if keys["k-old"][true] > keys["k-old"][false]/20 || keys["k-new"][false] != 0 || keys["k-new"][true] == 0 {
		t.Errorf("keys before and after the rotation: %v", keys)
	}
	if n := len(sessions); n < 1500 {
		t.Errorf("%d tokens of members", n)
	}
}

// TestNewcomers: nobody visits before joining, and the register of an early day lacks
// the newest.
func TestNewcomers(t *testing.T) {
	r := run(t, parse(t, madeUp(t, ", register: 2025-03-06", " []", " []")), 1, 4)
	f := r.read(t)
	if n := len(f.known); n != 380 {
		t.Errorf("the register of the middle has %d accounts, want 380", n)
	}
	r = run(t, parse(t, madeUp(t, "", " []", " []")), 1, 4)
	since := map[string]event.Millis{}
	var b bytes.Buffer
	if err := r.m.WriteRegister(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.ReadRegisterIn(time.FixedZone("KST", 9*3600), "register.csv", &b, func(l catalog.RegisterLine) error {
		since[string(l.Account)] = l.Since
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	f, young := r.read(t), 0
	for i := range f.records {
		if x := &f.records[i]; x.Actor.Type == "member" {
			if since[string(x.Actor.ID)] > x.Time {
				t.Fatal("a member visits before joining")
			}
			if since[string(x.Actor.ID)] > event.MillisOf(time.Date(2025, 3, 2, 0, 0, 0, 0, time.UTC)) {
				young++
			}
		}
	}
	if young == 0 {
		t.Error("no newcomer visits")
	}
}

// TestFiles: the register of keys and the calendar are what their readers read.
func TestFiles(t *testing.T) {
	m, err := traffic.New(parse(t, madeUp(t, "", " []", " []")), traffic.Options{Scale: 1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(m.Keys())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"key", "purpose", "custodian", "custodian_left", "rotates_by", "retired"}, {"k-old", "members, staff", "d1", "2025-03-05", "", "2025-03-04"}, {"k-new", "members", "d2", "", "2026-03-04", ""}}
	if fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("%v", rows)
	}
	zone := time.FixedZone("KST", 9*3600)
	c, err := detect.ReadCalendar("calendar.yaml", m.Calendar(), zone)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.On(event.MillisOf(time.Date(2025, 3, 8, 12, 0, 0, 0, zone))); !slices.Contains(got, "events") {
		t.Errorf("on the sale day: %v", got)
	}
	if got := c.On(event.MillisOf(time.Date(2025, 3, 3, 12, 0, 0, 0, zone))); !slices.Contains(got, "kr-holidays") {
		t.Errorf("on a holiday: %v", got)
	}
	if bytes.Contains(m.Calendar(), []byte("rotation")) {
		t.Error("what was not announced stands in the calendar")
	}
	if _, err := traffic.New(coupang(t), traffic.Options{Scale: 0}); err == nil {
		t.Error("a scale of 0 is taken")
	}
}

// TestMarks: what an alert can name stands in lines of the attack and in no other.
func TestMarks(t *testing.T) {
	for name, want := range map[string]string{
		"forged":     "[] [k-old] [] [] [203.0.113.0/24]",
		"own staff":  "[] [k-new] [] [s101 s102] []",
		"own member": "[] [k-new k-old] 3 [] [203.0.113.0/24]",
		"guessed":    "[] [k-new k-old] [] [] [203.0.113.0/24]",
		"none":       "[] [] [] [] [203.0.113.0/24]",
		"issued":     "[] [k-new k-old] [] [v101] []",
		"newest":     "[] [k-new] [] [] [203.0.113.0/24]",
		"database":   "[] [] [] [s101 s102] []",
		"cloud":      "[] [arn:aws:iam::111122223333:role/b101] [] [arn:aws:sts::111122223333:assumed-role/b101/b101] [203.0.113.0/24]",
	} {
		m := run(t, parse(t, madeUp(t, "", "\n"+attacks[name], " []")), 1, 7).m.Truth().Marks
		actors := fmt.Sprint(m.Actors)
		if len(m.Actors) == 3 {
			actors = "3"
		}
		if got := fmt.Sprintf("%v %v %v %v %v", m.Keys, m.SharedKeys, actors, m.SharedActors, m.Networks); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if len(m.Routes) == 0 {
			t.Errorf("%s: no routes", name)
		}
	}
}
