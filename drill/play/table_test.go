package play_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/play"
	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/packs"
)

var (
	update = flag.Bool("update", false, "write docs/drills-table.md anew, of all scenarios")
	all    = flag.Bool("all", false, "play every scenario, and not only the quick ones")
)

const tableFile = "../../docs/drills-table.md"

// quick are the scenarios whose rows are held against the table in every run of the
// tests; the others take a minute together.
var quick = map[string]bool{"jeonbuk-2024": true, "optus-2022": true, "desjardins-2017": true, "kosaf-2023": true}

func scenarios(t *testing.T) []*drill.Scenario {
	t.Helper()
	files, err := fs.Sub(packs.FS, "scenarios")
	if err != nil {
		t.Fatal(err)
	}
	list, err := drill.All(files)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func scenario(t *testing.T, id string) *drill.Scenario {
	t.Helper()
	for _, s := range scenarios(t) {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no scenario %s", id)
	return nil
}

func run(t *testing.T, s *drill.Scenario, o play.Options) *play.Result {
	t.Helper()
	res, err := play.Run(context.Background(), s, o)
	if err != nil {
		t.Fatalf("%s: %v", s.ID, err)
	}
	return res
}

// TestTable: docs/drills-table.md says what the drills come to now, so that a change that
// makes one worse, or better, is seen in a diff.
func TestTable(t *testing.T) {
	whole := *all || *update
	var alarms, scopes []string
	for _, s := range scenarios(t) {
		if whole || quick[s.ID] {
			sc := run(t, s, play.Options{}).Score
			alarms, scopes = append(alarms, alarmRows(s, sc)...), append(scopes, scopeRow(sc))
		}
	}
	if *update {
		text := head + alarmHead + strings.Join(alarms, "") + middle + scopeHead + strings.Join(scopes, "")
		if err := os.WriteFile(tableFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	raw, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(alarms, "") + strings.Join(scopes, "")
	var want strings.Builder
	for line := range strings.Lines(string(raw)) {
		id, _, _ := strings.Cut(strings.TrimPrefix(line, "| `"), "`")
		if strings.HasPrefix(line, "| `") && (whole || quick[id]) {
			want.WriteString(line)
		}
	}
	if d := cmp.Diff(want.String(), got); d != "" {
		t.Errorf("docs/drills-table.md differs from what the drills come to, want (-), got (+):\n%s\nif the change is meant: go test ./drill/play -run TestTable -update", d)
	}
}

const (
	head = `# What the drills come to

All scenarios that ship, at their own scale and with seed 1, through the import, the rules of the pack and the scope.
Written by ` + "`go test ./drill/play -run TestTable -update`" + `; ` + "`make drills`" + ` plays them again and fails where a line here is
no longer true. How a score is reckoned: [drills.md](drills.md#the-score). A drill is a reconstruction: what is invented in
one is listed by ` + "`haetae drill show NAME`" + `.

## When it rang

One line for each phase of the attack. *First* is the first correct signal of any severity, *high* the first of high
severity or more; in brackets the time since the phase began and the people of that phase who had been reached by then.
*Spared* is who would not have been reached in that phase, had access been cut off at the first of high severity, or, where
there is none, at the first. *Ahead* is a warning about the key before it was used.

`
	alarmHead = `| scenario | scale | phase | first | high | spared | in reality |
|---|---|---|---|---|---|---|
`
	middle = `
## Whom it named, and what it cost

*Precision* and *recall* are of the people who were named one by one. Whom no line names cannot be named: *stated* is how
many of the missed lie in a gap, or on rows that name nobody, of which the answer spoke. False signals are those of the
whole scenario by severity: critical, high, medium, low. A fault of the evidence was *said* (the answer speaks of the gap) or
*held* (a hold was set in time). First and last count are what was given out in reality, in full.

`
	scopeHead = `| scenario | people | precision | recall | missed, of them stated | false c/h/m/l | high a year | faults | first and last count | passed |
|---|---|---|---|---|---|---|---|---|---|
`
)

func alarmRows(s *drill.Scenario, sc *score.Score) []string {
	if len(sc.Phases) == 0 {
		return nil
	}
	var out []string
	reality := "–"
	if r := sc.Reality; r != nil {
		reality = "not known, " + r.By.EN
		if r.Days > 0 {
			reality = fmt.Sprintf("%.0f days, %s", r.Days, r.By.EN)
		}
	}
	for _, p := range sc.Phases {
		first, high, spared := "none", "none", "–"
		say := func(a *score.Alarm) string {
			spared = percent(a.Prevented)
			return fmt.Sprintf("%s, %s (%s, %s)", a.Rule, a.Severity, after(a.After), digits.Grouped(a.People))
		}
		if p.FirstCorrect != nil {
			first = say(p.FirstCorrect)
		}
		if p.FirstHigh != nil {
			high = say(p.FirstHigh)
		}
		for i, w := range sc.Ahead {
			if i == 0 && p.Name == sc.Phases[0].Name {
				first += fmt.Sprintf("; ahead: %s, %s, %s earlier", w.Rule, w.Severity, after(int64(p.First.Sub(w.Time)/time.Second)))
			}
		}
		out = append(out, fmt.Sprintf("| `%s` | 1:%s | %s | %s | %s | %s | %s |\n", s.ID, digits.Grouped(sc.Scale), p.Name, first, high, spared, reality))
	}
	return out
}

func scopeRow(sc *score.Score) string {
	x, fa := sc.Scope, sc.FalseAlarms
	missed := "0"
	if x.Missed > 0 {
		missed = fmt.Sprintf("%s, %s", digits.Grouped(x.Missed), digits.Grouped(x.MissedInGap+x.MissedUnresolved))
	}
	var faults []string
	for _, f := range sc.Faults {
		word := "unsaid"
		switch {
		case f.Held:
			word = "held"
		case f.Said:
			word = "said"
		}
		faults = append(faults, f.Fault+": "+word)
	}
	counts := "–"
	if r := sc.Reality; r != nil && len(r.Counts) > 0 {
		a, b := r.Counts[0], r.Counts[len(r.Counts)-1]
		if counts = digits.Decimal(a.Number) + " " + a.Of.EN; len(r.Counts) > 1 {
			counts += ", " + digits.Decimal(b.Number) + " " + b.Of.EN
		}
	}
	passed := "yes"
	if !sc.Passed {
		var why []string
		for _, f := range sc.Failures {
			why = append(why, f.EN)
		}
		for _, b := range sc.Blind {
			why = append(why, b.EN)
		}
		passed = "no: " + strings.Join(why, "; ")
	}
	by := fa.BySeverity
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s | %d/%d/%d/%d | %.1f | %s | %s | %s |\n", sc.Scenario, digits.Grouped(x.Truth), percent(x.Precision), percent(x.Recall), missed,
		by["critical"], by["high"], by["medium"], by["low"], fa.HighPerYear, or(strings.Join(faults, ", "), "–"), counts, passed)
}

func or(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// percent never rounds to all or nothing what is not.
func percent(v *float64) string {
	switch {
	case v == nil:
		return "–"
	case *v == 0 || *v == 1:
		return fmt.Sprintf("%.0f %%", 100**v)
	case *v > 0.9995:
		return "> 99.9 %"
	case *v < 0.0005:
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100**v)
}

func after(seconds int64) string {
	switch d := time.Duration(seconds) * time.Second; {
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	default:
		return fmt.Sprintf("%.0f d", d.Hours()/24)
	}
}
