package score

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/drill"
)

// plainly is what a score says, reckoned by going over everything for each question.
type plainly struct {
	Scope                Scope
	First, High          map[string]Alarm // by phase; "" is all
	False, Mixed         int64
	Ahead, Late, Correct int64
	Evidence             int64
	BySeverity           map[string]int64
	Curve                map[string]int64
}

func has(list []string, v string) bool { return slices.Contains(list, v) }

// meaning of an alert, from the words of docs/drills.md.
func meaning(t *drill.Truth, a Alert) string {
	inside := func(v string) bool {
		if !strings.Contains(v, "/") {
			v += "/32"
		}
		p := netip.MustParsePrefix(v)
		n := netip.MustParsePrefix(t.Marks.Networks[0])
		return n.Contains(p.Addr()) && n.Bits() <= p.Bits()
	}
	var own, shared, others bool
	mark := func(is bool) { own, others = own || is, others || !is }
	for _, v := range a.Keys {
		if has(t.Marks.SharedKeys, v) {
			shared = true
			continue
		}
		mark(has(t.Marks.Keys, v))
	}
	for _, v := range a.Actors {
		mark(v == "a1")
	}
	for _, v := range a.Addresses {
		mark(inside(v))
	}
	for _, v := range a.Agents {
		mark(has(t.Marks.Agents, v))
	}
	if len(a.Keys)+len(a.Actors)+len(a.Addresses)+len(a.Agents)+len(a.Routes) == 0 {
		for _, f := range [][2]time.Time{{at("12 00:00:00"), at("14 00:00:00")}, {at("25 00:00:00"), at("26 00:00:00")}} {
			if !a.Time.Before(f[0]) && !a.Time.After(f[1]) {
				return "evidence"
			}
		}
		return "false"
	}
	route := has(a.Routes, "GET /profile")
	early, within := false, false
	for _, p := range t.Phases {
		early = early || a.Time.Before(p.First)
		within = within || !a.Time.Before(p.First) && a.Time.Sub(p.Last) <= 24*time.Hour
	}
	early = early && !within                     // a phase is still to come, and none goes on
	vague := shared && !own && !others && !route // the right key, and not which use of it
	switch {
	case vague && early, own && !others && early, shared && route && !others && early:
		return "ahead"
	case vague:
		return "late"
	case !own && !(shared && route):
		return "false"
	case others:
		return "mixed"
	case within:
		return "correct"
	}
	return "late"
}

func reckon(w *world) plainly {
	out := plainly{First: map[string]Alarm{}, High: map[string]Alarm{}, BySeverity: map[string]int64{}, Curve: map[string]int64{}}
	for _, s := range drill.Severities {
		out.BySeverity[s] = 0
	}
	kst := time.FixedZone("KST", 9*3600)
	names := w.truth.Items
	phaseOf := func(p drill.Reached) string {
		for _, ph := range w.truth.Phases {
			if at := time.Unix(p.First, 0); !at.Before(ph.First) && !at.After(ph.Last) {
				return ph.Name
			}
		}
		return "?"
	}
	ratio := func(a, b int64) *float64 {
		if b == 0 {
			return nil
		}
		f := float64(a) / float64(b)
		return &f
	}
	alarm := func(phase string, a Alert) Alarm {
		r := Alarm{Time: a.Time.In(kst), Severity: a.Severity, Rule: a.Rule, ByItem: map[string]int64{}, PreventedByItem: map[string]float64{}}
		begin := w.truth.Phases[0].First
		if phase == "bulk" {
			begin = w.truth.Phases[1].First
		}
		r.After = int64(a.Time.Sub(begin) / time.Second)
		var all int64
		allItems := map[string]int64{}
		for _, n := range names {
			r.ByItem[n] = 0
		}
		for _, p := range w.reached {
			if phase != "" && phaseOf(p) != phase {
				continue
			}
			all++
			by := !time.Unix(p.First, 0).After(a.Time)
			if by {
				r.People++
			}
			for k, n := range names {
				if p.Items>>k&1 == 1 {
					allItems[n]++
					if by {
						r.ByItem[n]++
					}
				}
			}
		}
		r.Prevented = ratio(all-r.People, all)
		for n, v := range allItems {
			if v > 0 {
				r.PreventedByItem[n] = float64(v-r.ByItem[n]) / float64(v)
			}
		}
		return r
	}
	earliest := func(into map[string]Alarm, phase string, best *Alert) {
		if best != nil {
			into[phase] = alarm(phase, *best)
		}
	}
	for _, phase := range []string{"", "probe", "bulk"} {
		var first, high *Alert
		for i, a := range w.alerts {
			if meaning(w.truth, a) != "correct" || phase == "probe" && a.Time.After(at("05 00:00:00")) || phase == "bulk" && a.Time.Before(at("10 00:00:00")) {
				continue
			}
			if first == nil || a.Time.Before(first.Time) {
				first = &w.alerts[i]
			}
			if (a.Severity == "high" || a.Severity == "critical") && (high == nil || a.Time.Before(high.Time)) {
				high = &w.alerts[i]
			}
		}
		earliest(out.First, phase, first)
		earliest(out.High, phase, high)
	}
	for _, a := range w.alerts {
		switch meaning(w.truth, a) {
		case "correct":
			out.Correct++
		case "ahead":
			out.Ahead++
		case "late":
			out.Late++
		case "evidence":
			out.Evidence++
		case "mixed":
			out.Mixed++
			fallthrough
		default:
			out.False++
			out.BySeverity[a.Severity]++
		}
	}
	sc := &out.Scope
	sc.Truth, sc.Proved, sc.Possible, sc.Excluded = int64(len(w.reached)), int64(len(w.proved)), int64(len(w.maybe)), int64(len(w.not))
	truly := map[string]drill.Reached{}
	for _, p := range w.reached {
		truly[p.Person] = p
		day := time.Unix(p.First, 0).In(kst)
		for d := at("01 00:00:00").In(kst); d.Before(w.truth.To); d = d.AddDate(0, 0, 1) {
			if day.Before(d.AddDate(0, 0, 1)) {
				out.Curve[d.Format(time.DateOnly)]++
			}
		}
		if _, no := w.not[p.Person]; no {
			sc.ExcludedWrong++
		}
		if _, in := w.proved[p.Person]; in {
			continue
		}
		sc.Missed++
		if _, in := w.maybe[p.Person]; in {
			sc.PossibleTrue++
		}
		said := map[string]bool{}
		for _, s := range w.said {
			if (s.From.IsZero() || s.From.Unix() <= p.First) && (s.To.IsZero() || p.First <= s.To.Unix()) {
				said[s.Kind] = true
			}
		}
		switch {
		case !p.Named && (said[Gap] || said[CoverageLost]):
			sc.MissedInGap++
		case !p.Named && said[Unresolved]:
			sc.MissedUnresolved++
		default:
			sc.MissedUnsaid++
		}
	}
	for id := range w.proved {
		if _, is := truly[id]; is {
			sc.Right++
		} else {
			sc.Wrong++
		}
	}
	sc.Precision, sc.Recall = ratio(sc.Right, sc.Proved), ratio(sc.Right, sc.Truth)
	for k, n := range names {
		it := ItemScope{Item: n}
		for _, p := range w.reached {
			it.Truth += int64(p.Items >> k & 1)
			it.Right += int64(p.Items & w.proved[p.Person] >> k & 1)
		}
		for _, m := range w.proved {
			it.Proved += int64(m >> k & 1)
		}
		it.Wrong, it.Missed = it.Proved-it.Right, it.Truth-it.Right
		it.Precision, it.Recall = ratio(it.Right, it.Proved), ratio(it.Right, it.Truth)
		sc.Items = append(sc.Items, it)
	}
	return out
}

// TestJudgeModel holds scores of random worlds against going over everything.
func TestJudgeModel(t *testing.T) {
	for seed := range uint64(300) {
		w := random(rand.New(rand.NewPCG(seed, 1)))
		got, want := w.judge(t), reckon(w)
		for i := range got.Scope.Items {
			got.Scope.Items[i].Text = drill.Text{}
		}
		has := plainly{
			Scope: got.Scope, First: map[string]Alarm{}, High: map[string]Alarm{}, False: got.FalseAlarms.False, Mixed: got.FalseAlarms.Mixed,
			Ahead: got.FalseAlarms.Ahead, Late: got.FalseAlarms.Late, Correct: got.FalseAlarms.Correct, Evidence: got.FalseAlarms.Evidence, BySeverity: got.FalseAlarms.BySeverity, Curve: map[string]int64{},
		}
		for _, p := range append([]Part{got.Overall}, got.Phases...) {
			if p.FirstCorrect != nil {
				has.First[p.Name] = *p.FirstCorrect
			}
			if p.FirstHigh != nil {
				has.High[p.Name] = *p.FirstHigh
			}
		}
		for _, p := range got.Curve {
			if p.People > 0 {
				has.Curve[p.Day] = p.People
			}
		}
		if d := cmp.Diff(want, has, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); d != "" {
			t.Fatalf("seed %d: want (-), got (+):\n%s", seed, d)
		}
		if passed := got.Scope.Wrong+got.Scope.ExcludedWrong+got.Scope.MissedUnsaid == 0 && got.Rings[0].Met && got.FalseAlarms.High <= 1; got.Passed != passed {
			t.Fatalf("seed %d: passed is %v with %+v", seed, got.Passed, got.Failures)
		}
	}
}

// TestOrder: the order of lines does not matter.
func TestOrder(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		w := random(r)
		first, _ := json.Marshal(w.judge(t))
		c := clone(w)
		r.Shuffle(len(c.reached), func(a, b int) { c.reached[a], c.reached[b] = c.reached[b], c.reached[a] })
		r.Shuffle(len(c.alerts), func(a, b int) { c.alerts[a], c.alerts[b] = c.alerts[b], c.alerts[a] })
		r.Shuffle(len(c.said), func(a, b int) { c.said[a], c.said[b] = c.said[b], c.said[a] })
		if second, _ := json.Marshal(c.judge(t)); string(first) != string(second) {
			t.Fatalf("seed %d: another order, another score:\n%s\n%s", seed, first, second)
		}
	}
}

func codes(s *Score) []string {
	out := []string{}
	for _, f := range s.Failures {
		out = append(out, f.Code)
	}
	return out
}

// TestFailures: what fails a drill, and beside each what nearly does.
func TestFailures(t *testing.T) {
	missing := func(w *world, named bool, first string) {
		w.reached[0].Named, w.reached[0].First = named, at(first).Unix()
		delete(w.proved, w.reached[0].Person)
	}
	gap := Statement{Kind: Gap, Log: "web", From: at("12 00:00:00"), To: at("13 00:00:00")}
	for _, c := range []struct {
		name string
		do   func(*world)
		want []string
	}{
		{"nothing wrong", func(*world) {}, nil},
		{"a wrong person", func(w *world) { w.proved["c1"] = 1 }, []string{"wrong_person"}},
		{"a wrong person who is only possible", func(w *world) { w.maybe["c1"] = 1 }, nil},
		{"a wrong item of a right person", func(w *world) { w.proved[w.reached[0].Person] = 7 }, nil},
		{"a true person excluded", func(w *world) { w.not[w.reached[0].Person] = 0 }, []string{"excluded_person"}},
		{"another excluded", func(w *world) { w.not["c1"] = 0 }, nil},
		{"missed, nothing said", func(w *world) { missing(w, false, "12 10:00:00") }, []string{"missed_person"}},
		{"missed in a stated gap", func(w *world) { missing(w, false, "12 10:00:00"); w.said = []Statement{gap} }, nil},
		{"missed at its end", func(w *world) { missing(w, false, "13 00:00:00"); w.said = []Statement{gap} }, nil},
		{"missed after it", func(w *world) { missing(w, false, "13 00:00:01"); w.said = []Statement{gap} }, []string{"missed_person"}},
		{"missed in it, though a line names them", func(w *world) { missing(w, true, "12 10:00:00"); w.said = []Statement{gap} }, []string{"missed_person"}},
		{"missed on rows that were stated", func(w *world) {
			missing(w, false, "12 10:00:00")
			w.said = []Statement{{Kind: Unresolved, Rows: 3}}
		}, nil},
		{"a hold excuses nobody", func(w *world) {
			missing(w, false, "12 10:00:00")
			w.said = []Statement{{Kind: Hold, From: at("02 00:00:00")}}
		}, []string{"missed_person"}},
		{"possible is not proved", func(w *world) { missing(w, true, "12 10:00:00"); w.maybe[w.reached[0].Person] = 1 }, []string{"missed_person"}},
		{"too late", func(w *world) { w.alerts[0].Time = at("10 12:00:01") }, []string{"ring"}},
		{"just in time", func(w *world) { w.alerts[0].Time = at("10 12:00:00") }, nil},
		{"not severe enough", func(w *world) { w.alerts[0].Severity = "medium" }, []string{"ring"}},
		{"of the other phase", func(w *world) { w.alerts[0].Time = at("03 10:00:00") }, []string{"ring"}},
		{"one false high alarm", func(w *world) {
			w.alerts = append(w.alerts, Alert{Time: at("22 00:00:00"), Severity: "high", Rule: "x", Keys: []string{"y"}})
		}, nil},
		{"two", func(w *world) {
			f := Alert{Time: at("22 00:00:00"), Severity: "critical", Rule: "x", Keys: []string{"y"}}
			w.alerts = append(w.alerts, f, f)
		}, []string{"false_high"}},
		{"many of medium severity", func(w *world) {
			f := Alert{Time: at("22 00:00:00"), Severity: "medium", Rule: "x", Keys: []string{"y"}}
			w.alerts = append(w.alerts, f, f, f)
		}, nil},
	} {
		w := perfect(rand.New(rand.NewPCG(1, 3)), 50)
		c.do(w)
		got := w.judge(t)
		if d := cmp.Diff(append([]string{}, c.want...), codes(got)); d != "" || got.Passed != (len(c.want) == 0) {
			t.Errorf("%s: passed %v, failures want (-), got (+):\n%s", c.name, got.Passed, d)
		}
	}
}

// TestWrongPersonHurts: adding a wrong person lowers precision and fails the drill.
func TestWrongPersonHurts(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 4))
		w := random(r)
		before := w.judge(t)
		w.proved = maps.Clone(w.proved)
		w.proved[fmt.Sprintf("x%d", seed)] = 1 + r.Uint32N(7)
		after := w.judge(t)
		if before.Scope.Right > 0 && *after.Scope.Precision >= *before.Scope.Precision {
			t.Fatalf("seed %d: precision %v became %v", seed, *before.Scope.Precision, *after.Scope.Precision)
		}
		if after.Passed || after.Scope.Wrong != before.Scope.Wrong+1 || *orZero(after.Scope.Recall) != *orZero(before.Scope.Recall) {
			t.Fatalf("seed %d: %+v", seed, after.Scope)
		}
	}
}

func orZero(f *float64) *float64 {
	if f == nil {
		return new(float64)
	}
	return f
}

// TestBeside: faults, claims, reality and what is invented.
func TestBeside(t *testing.T) {
	w := perfect(rand.New(rand.NewPCG(1, 5)), 100)
	w.said = []Statement{
		{Kind: Hold, From: at("24 00:00:00")},
		{Kind: CoverageLost, Log: "web", From: at("12 23:00:00"), To: at("14 00:00:00")},
	}
	got := w.judge(t)
	if f := got.Faults; len(f) != 2 || !f[0].Said || f[0].Held || f[1].Said || !f[1].Held || f[0].What.EN != "nothing was logged" {
		t.Errorf("faults: %+v", f)
	}
	doors := got.Scope.Items[2].Truth
	if c := got.Claims; len(c) != 2 || c[0].Claimed != 6000 || c[0].Truth != 2000 || c[0].Proved != nil || c[0].Ratio != nil ||
		c[1].Truth != doors || *c[1].Proved != doors || *c[1].Ratio != 6000/float64(doors) {
		t.Errorf("claims: %+v", c)
	}
	if r := got.Reality; r.Days != 25.5 || *r.Factor != 100 || *r.Earlier != 18.5 || len(r.Counts) != 2 || r.Counts[0].Sources[0] != "https://news.example/1" {
		t.Errorf("reality: %+v", r)
	}
	var kinds []string
	for _, f := range got.Invented {
		kinds = append(kinds, fmt.Sprint(f.Figure, " ", f.Kind, " ", f.AtScale))
	}
	if d := cmp.Diff([]string{"first invented 1", "all calc 50.5", "pool invented 4", "reads uncertain 2000"}, kinds); d != "" {
		t.Errorf("invented: %s", d)
	}
	if n := got.Numbers; n.Reads.Found != nil || *n.People.Found != 100 || *n.ByItem["door"].Found != doors {
		t.Errorf("numbers: %+v", n)
	}
	var names []string
	for _, r := range got.Rules {
		names = append(names, fmt.Sprint(r.Rule, r.Correct, r.False))
	}
	if d := cmp.Diff([]string{"forged1 0", "silent-rule0 0"}, names); d != "" {
		t.Errorf("rules: %s", d)
	}
}

// TestOtherTruth: a truth that does not belong to the scenario scores nothing.
func TestOtherTruth(t *testing.T) {
	for name, do := range map[string]func(*world){
		"scenario": func(w *world) { w.truth.Scenario = "other" },
		"items":    func(w *world) { w.truth.Items = []string{"name"} },
		"count":    func(w *world) { w.truth.People = 1 },
		"twice":    func(w *world) { w.reached[1] = w.reached[0] },
	} {
		w := perfect(rand.New(rand.NewPCG(1, 6)), 10)
		w.truth.People = 10
		do(w)
		if _, err := Judge(scenario(t), w.truth, w.people(), w.found(), nil); err == nil {
			t.Errorf("%s: was scored", name)
		}
	}
}

// TestQuiet: a year without an attack.
func TestQuiet(t *testing.T) {
	w := perfect(rand.New(rand.NewPCG(1, 7)), 0)
	w.truth.Phases, w.truth.Lost = nil, nil
	w.alerts = nil
	got := w.judge(t)
	if got.Scope.Precision != nil || got.Overall.FirstCorrect != nil || got.Overall.Recall != nil {
		t.Errorf("shares of nothing: %+v", got.Scope)
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
}

// TestPhasesAtOnce: of two phases at once, somebody is reached in the one that began
// first, and a phase without a line reaches nobody and is no time for an alarm.
func TestPhasesAtOnce(t *testing.T) {
	w := perfect(rand.New(rand.NewPCG(1, 12)), 40)
	w.truth.Phases = []drill.PhaseTruth{
		{Name: "bulk", First: at("10 00:00:00"), Last: at("20 00:00:00"), Records: 5},
		{Name: "probe", First: at("03 00:00:00"), Last: at("12 00:00:00"), Records: 5},
		{Name: "never", First: at("01 00:00:00"), Last: at("30 00:00:00")},
	}
	w.alerts = append(w.alerts, Alert{Time: at("25 00:00:00"), Severity: "high", Rule: "forged", Keys: []string{"old"}})
	got := w.judge(t)
	early := int64(0)
	for _, p := range w.reached {
		if p.First <= at("12 00:00:00").Unix() {
			early++
		}
	}
	if p := got.Phases; p[1].People != early || p[0].People != 40-early || p[2].People != 0 || p[2].FirstCorrect != nil {
		t.Errorf("%d reached by the 12th, and by phase %d, %d and %d", early, p[1].People, p[0].People, p[2].People)
	}
	if p := got.Phases; p[0].FirstHigh.People != 0 || p[1].FirstHigh.People == 0 || got.FalseAlarms.Late != 1 || !got.Overall.First.Equal(at("03 00:00:00")) {
		t.Errorf("alarms: %+v %+v", p[0].FirstHigh, p[1].FirstHigh)
	}
}

// TestBorders: the second of the alarm counts as reached, a hold after the retention job
// kept nothing, and what is said of one log is not said of another.
func TestBorders(t *testing.T) {
	w := perfect(rand.New(rand.NewPCG(1, 13)), 10)
	for i := range w.reached {
		w.reached[i].First = at("10 01:00:01").Unix()
	}
	w.reached[0].First = at("10 01:00:00").Unix()
	w.said = []Statement{
		{Kind: Hold, From: at("25 00:00:01")},
		{Kind: Gap, Log: "database", From: at("01 00:00:00"), To: at("30 00:00:00")},
	}
	got := w.judge(t)
	if a := got.Overall.FirstHigh; a.People != 1 || *a.Prevented != 0.9 || a.After != 7*86400+3600 {
		t.Errorf("alarm: %+v", a)
	}
	for _, f := range got.Faults {
		if f.Said || f.Held {
			t.Errorf("fault: %+v", f)
		}
	}
}
