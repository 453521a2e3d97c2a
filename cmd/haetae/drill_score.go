package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/play"
	"github.com/haetae/haetae/drill/score"
)

// scoreFiles are what a tool hands in.
type scoreFiles struct{ truth, key, alerts, people, others, statements, numbers string }

func (a *app) drillScore() *cobra.Command {
	var s scenarios
	var f scoreFiles
	var asJSON bool
	var out, tool string
	c := a.command("score NAME --truth FILE --key FILE [--alerts FILE] [--people FILE]", drillScoreText)
	c.Args = a.args(1)
	a.scenarioFlags(c, &s)
	fl := c.Flags()
	fl.StringVar(&f.truth, "truth", "", a.say(drillFlags.truth))
	fl.StringVar(&f.key, "key", "", a.say(drillFlags.key))
	fl.StringVar(&f.alerts, "alerts", "", a.say(drillFlags.alerts))
	fl.StringVar(&f.people, "people", "", a.say(drillFlags.people))
	fl.StringVar(&f.others, "others", "", a.say(drillFlags.others))
	fl.StringVar(&f.statements, "statements", "", a.say(drillFlags.statements))
	fl.StringVar(&f.numbers, "numbers", "", a.say(drillFlags.numbers))
	fl.StringVar(&tool, "tool", "", a.say(drillFlags.tool))
	fl.StringVar(&out, "report", "", a.say(drillFlags.report))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.ValidArgsFunction = a.scenarioIDs(&s)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if f.truth == "" || f.key == "" {
			return a.usage(drillWords.needTruth)
		}
		if f.alerts == "" && f.people == "" {
			return a.usage(drillWords.needFindings)
		}
		sc, err := s.read(a, args[0])
		if err != nil {
			return a.fileError(err)
		}
		res, err := a.judge(sc, &f)
		if err != nil {
			return a.fileError(err)
		}
		res.Run.Tool = tool
		res.Run.Command = "haetae drill score " + sc.ID
		return a.scored(sc, res, nil, out, asJSON)
	}
	return c
}

// judge reads what was handed in and scores it.
func (a *app) judge(s *drill.Scenario, f *scoreFiles) (*score.Score, error) {
	var aside int64
	items := s.Items.Names
	found := &score.Found{}
	var alerts []score.Alert
	// tell says which lines could not be read; the rest counts.
	tell := func(file string, x score.Aside) {
		aside += x.Lines
		for _, m := range x.Mistakes {
			a.notef(drillWords.aside, a.said(m))
		}
		if more := x.Lines - int64(len(x.Mistakes)); more > 0 {
			a.notef(drillWords.asideMore, filepath.Base(file), more)
		}
	}
	for _, in := range []struct {
		file string
		read func(name string, r io.Reader) (score.Aside, error)
	}{
		{f.alerts, func(name string, r io.Reader) (x score.Aside, err error) {
			alerts, x, err = score.ReadAlerts(name, r)
			return x, err
		}},
		{f.people, func(name string, r io.Reader) (x score.Aside, err error) {
			found.Proved, x, err = score.ReadPeople(name, r, items)
			return x, err
		}},
		{f.others, func(name string, r io.Reader) (x score.Aside, err error) {
			found.Possible, found.Excluded, x, err = score.ReadOthers(name, r, items)
			return x, err
		}},
		{f.statements, func(name string, r io.Reader) (x score.Aside, err error) {
			found.Statements, x, err = score.ReadStatements(name, r)
			return x, err
		}},
		{f.numbers, func(name string, r io.Reader) (x score.Aside, err error) {
			found.Numbers, found.Rules, err = score.ReadNumbers(name, r, items)
			return x, err
		}},
	} {
		if in.file == "" {
			continue
		}
		r, err := os.Open(in.file)
		if err != nil {
			return nil, err
		}
		x, err := in.read(filepath.Base(in.file), bufio.NewReaderSize(r, 1<<20))
		r.Close()
		if err != nil {
			return nil, err
		}
		tell(in.file, x)
	}
	key, err := os.ReadFile(f.key)
	if err != nil {
		return nil, err
	}
	r, err := os.Open(f.truth)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	t, people, err := score.Open(bufio.NewReaderSize(r, 1<<20), bytes.TrimSpace(key))
	if err != nil {
		return nil, err
	}
	res, err := score.Judge(s, t, people, found, alerts)
	if err != nil {
		return nil, err
	}
	res.Run.Aside = aside
	return res, nil
}

// showScore prints a score as text: the two minutes of it.
func (a *app) showScore(s *drill.Scenario, sc *score.Score, res *play.Result) {
	const minutes = "2006-01-02 15:04"
	fmt.Fprintf(a.stdout, "%s  1:%s\n\n", a.both(s.Title), count(sc.Scale))
	if r := sc.Reality; r != nil {
		a.printf(drillWords.reality, a.both(r.By), r.Days)
	}
	ring := func(words text, x *score.Alarm, none text) {
		if x == nil {
			a.printf(none)
			return
		}
		share := 0.0
		if x.Prevented != nil {
			share = *x.Prevented
		}
		a.printf(words, x.Time.In(s.Location()).Format(minutes), x.Rule, a.both(score.SeverityText(x.Severity)), count(x.People), floor(100*share))
	}
	if len(s.Attack) > 0 {
		if len(sc.Ahead) > 0 {
			x := sc.Ahead[0]
			a.printf(drillWords.ahead, x.Time.In(s.Location()).Format(minutes), x.Rule, a.both(score.SeverityText(x.Severity)))
		}
		ring(drillWords.first, sc.Overall.FirstCorrect, drillWords.noAlarm)
		ring(drillWords.high, sc.Overall.FirstHigh, drillWords.noHigh)
		for _, p := range sc.Phases {
			line := a.say(drillWords.notSeen)
			if x := cmp.Or(p.FirstHigh, p.FirstCorrect); x != nil {
				line = a.sayf(drillWords.phaseRang, a.both(score.SeverityText(x.Severity)), x.Rule, span(time.Duration(x.After)*time.Second, a))
			}
			fmt.Fprintf(a.stdout, "    %s: %s\n", p.Name, line)
		}
		a.showScope(s, sc)
	}
	f := sc.FalseAlarms
	a.printf(drillWords.falseAlarms, f.False, f.Days, f.High, f.Allowed)
	for _, x := range sc.Faults {
		words := drillWords.faultUnsaid
		switch {
		case x.Held:
			words = drillWords.faultHeld
		case x.Said:
			words = drillWords.faultSaid
		}
		a.printf(words, a.both(x.What), count(x.Records))
	}
	for _, x := range sc.Claims {
		proved := "–"
		if x.Proved != nil {
			proved = count(*x.Proved)
		}
		it := s.Items.Of[x.Item]
		a.printf(drillWords.claim, a.say(text{it.KO, it.EN}), count(x.Claimed), proved)
	}
	if res != nil {
		a.printf(drillWords.cost, count(res.Lines), bytesText(res.Bytes), durationText(res.Made), durationText(res.Detected), durationText(res.Asked), bytesText(res.Disk), res.Lost)
	}
	a.printf(drillWords.inventedCount, len(sc.Invented), s.ID)
	if sc.Passed {
		a.printf(drillWords.passed)
		return
	}
	a.printf(drillWords.failed)
	for _, x := range sc.Failures {
		fmt.Fprintf(a.stdout, "  - %s\n", a.both(x.Text))
	}
}

// showScope prints who was named against who was reached.
func (a *app) showScope(s *drill.Scenario, sc *score.Score) {
	t := newTable(1, 2, 3, 4, 5, 6)
	t.add("", a.say(drillWords.truth), a.say(drillWords.found), a.say(drillWords.wrong), a.say(drillWords.missed), a.say(drillWords.inReads), a.say(drillWords.ofAccounts))
	cell := func(p score.Pair) string {
		if p.Found == nil {
			return "–"
		}
		return count(*p.Found)
	}
	t.add(a.say(drillWords.people), count(sc.Scope.Truth), count(sc.Scope.Proved), count(sc.Scope.Wrong), count(sc.Scope.Missed))
	for _, x := range sc.Scope.Items {
		t.add("  "+a.both(x.Text), count(x.Truth), count(x.Proved), count(x.Wrong), count(x.Missed), cell(sc.Numbers.ReadsByItem[x.Item]), cell(sc.Numbers.AccountsByItem[x.Item]))
	}
	for _, p := range []struct {
		name text
		score.Pair
	}{{drillWords.reads, sc.Numbers.Reads}, {drillWords.accountsRead, sc.Numbers.Accounts}, {drillWords.ghosts, sc.Numbers.Ghosts}} {
		t.add(a.say(p.name), count(p.Truth), cell(p.Pair))
	}
	fmt.Fprintln(a.stdout)
	t.write(a.stdout)
	if n := sc.Scope.MissedInGap + sc.Scope.MissedUnresolved; n > 0 {
		a.printf(drillWords.missedSaid, count(sc.Scope.MissedInGap), count(sc.Scope.MissedUnresolved))
	}
	fmt.Fprintln(a.stdout)
}

// floor cuts a percentage behind two digits: what is not all is not written as all.
func floor(percent float64) float64 { return math.Floor(percent*100) / 100 }

// span writes a duration in days and hours.
func span(d time.Duration, a *app) string {
	if d < 48*time.Hour {
		return durationText(d.Seconds())
	}
	return a.sayf(drillWords.days, d.Hours()/24)
}
