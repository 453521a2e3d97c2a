package score

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/plural"
	"github.com/haetae/haetae/internal/written"
)

var (
	errScenario = written.Errorf("정답 파일은 다른 시나리오의 것입니다", "the truth is of another scenario")
	errEdition  = written.Errorf("정답 파일은 이 시나리오의 다른 판에서 만들었습니다", "the truth was made of another edition of this scenario")
	errTwice    = written.Errorf("정답 파일에 같은 사람이 두 번 있습니다", "the truth names a person twice")
)

// Judge scores what was found. reached is gone through once. The sets of found are
// used up by it: a second Judge of the same may run after the first, not beside it.
func Judge(s *drill.Scenario, t *drill.Truth, reached iter.Seq2[drill.Reached, error], found *Found, list []Alert) (*Score, error) {
	switch {
	case t.Scenario != s.ID:
		return nil, errScenario
	case !slices.Equal(t.Items, s.Items.Names):
		return nil, errEdition
	}
	j := &judge{s: s, t: t, found: found, match: newMatcher(s, t)}
	j.out = &Score{
		Version: Version, Scenario: s.ID, Title: s.Title, Scale: t.Scale, Seed: t.Seed, From: t.From.In(s.Location()), To: t.To.In(s.Location()),
		Zone: s.Zone, Blind: append([]drill.Text{}, s.Expect.Blind...), Failures: []Failure{}, Rings: []Ring{}, Ahead: []Warning{},
	}
	j.parts()
	j.alerts(list)
	if err := j.people(reached); err != nil {
		return nil, err
	}
	j.scope()
	j.beside()
	j.fail()
	return j.out, nil
}

type judge struct {
	s     *drill.Scenario
	t     *drill.Truth
	found *Found
	match *matcher
	out   *Score

	rings  []*Alarm // every moment at which it is counted who had been reached
	counts []tally  // beside them
	all    tally
	phase  []tally
	right  []int64 // by item
	days   []int64 // when each day begins
	byDay  []int64
}

// tally counts people, and people by item.
type tally struct {
	phase          int // whose people are counted; -1: all
	people, proved int64
	items          []int64
}

func (t *tally) add(items uint32, proved bool) {
	t.people++
	if proved {
		t.proved++
	}
	eachBit(items, len(t.items), func(k int) { t.items[k]++ })
}

// parts begins the attack and its phases.
func (j *judge) parts() {
	loc := j.s.Location()
	j.all.items = make([]int64, len(j.t.Items))
	j.right = make([]int64, len(j.t.Items))
	j.out.Phases = []Part{}
	for _, p := range j.t.Phases {
		part := Part{Name: p.Name, First: p.First.In(loc), Last: p.Last.In(loc)}
		for _, a := range j.s.Attack {
			if a.Name == p.Name {
				part.What = a.What
			}
		}
		j.out.Phases = append(j.out.Phases, part)
		j.phase = append(j.phase, tally{items: make([]int64, len(j.t.Items))})
		if p.Records == 0 {
			continue
		}
		o := &j.out.Overall
		if o.First.IsZero() || part.First.Before(o.First) {
			o.First = part.First
		}
		if part.Last.After(o.Last) {
			o.Last = part.Last
		}
	}
	from := j.out.From
	for d := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, loc); d.Before(j.t.To) || len(j.days) == 0; d = d.AddDate(0, 0, 1) {
		j.days = append(j.days, d.Unix())
		j.out.Curve = append(j.out.Curve, Point{Day: d.Format(time.DateOnly)})
	}
	j.byDay = make([]int64, len(j.days))
}

// alerts finds the first correct ones, and counts the false.
func (j *judge) alerts(list []Alert) {
	fa := &j.out.FalseAlarms
	fa.Days = j.t.To.Sub(j.t.From).Hours() / 24
	fa.BySeverity, fa.PerDay = map[string]int64{}, map[string]float64{}
	for _, s := range drill.Severities {
		fa.BySeverity[s] = 0
	}
	for _, r := range j.s.Expect.Rings {
		j.out.Rings = append(j.out.Rings, Ring{Phase: r.Phase, Severity: r.Severity, By: r.By.Time})
	}
	rules := newRules(j.found.Rules)
	for _, a := range inOrder(list) {
		fa.Alerts++
		sense := j.match.of(a)
		rules.add(a, sense)
		switch sense {
		case correct:
			fa.Correct++
			j.correct(a)
		case ahead:
			fa.Ahead++
			j.out.Ahead = append(j.out.Ahead, Warning{Time: a.Time.In(j.s.Location()), Severity: a.Severity, Rule: a.Rule})
		case late:
			fa.Late++
		case evidence:
			fa.Evidence++
		default:
			if sense == mixed {
				fa.Mixed++
			}
			fa.False++
			fa.BySeverity[a.Severity]++
			if rank(a.Severity) >= high {
				fa.High++
			}
		}
	}
	j.out.Rules = rules.list()
	for s, n := range fa.BySeverity {
		fa.PerDay[s] = float64(n) / max(fa.Days, 1)
	}
	fa.HighPerYear = float64(fa.High) * 365 / max(fa.Days, 1)
	fa.Allowed = 1
	if f := j.s.Expect.FalseHigh; f != nil {
		fa.Allowed = f.Value()
	}
	// A short drill is measured as a year is: one false alarm in a month is one.
	fa.Allowed = math.Floor(fa.Allowed * max(1, fa.Days/365))
}

// correct remembers an alert where it is the first of its kind. Alerts come in order.
func (j *judge) correct(a Alert) {
	j.first(&j.out.Overall, -1, a)
	for i, p := range j.t.Phases {
		if !during(p, a.Time) {
			continue
		}
		j.first(&j.out.Phases[i], i, a)
		for k := range j.out.Rings {
			r := &j.out.Rings[k]
			if r.Phase == p.Name && r.At == nil && rank(a.Severity) >= rank(r.Severity) {
				at := a.Time.In(j.s.Location())
				r.At, r.Met = &at, !at.After(r.By)
			}
		}
	}
}

func (j *judge) first(p *Part, phase int, a Alert) {
	put := func(at **Alarm) {
		if *at != nil {
			return
		}
		n := &Alarm{Time: a.Time.In(j.s.Location()), Severity: a.Severity, Rule: a.Rule, After: a.Time.Unix() - p.First.Unix()}
		*at = n
		j.rings = append(j.rings, n)
		j.counts = append(j.counts, tally{phase: phase, items: make([]int64, len(j.t.Items))})
	}
	put(&p.FirstCorrect)
	if rank(a.Severity) >= high {
		put(&p.FirstHigh)
	}
}

// people goes through the truth.
func (j *judge) people(reached iter.Seq2[drill.Reached, error]) error {
	f, sc := j.found, &j.out.Scope
	f.Proved.forget()
	gaps := spans(f.Statements, Gap, CoverageLost)
	rows := spans(f.Statements, Unresolved)
	held := j.heldInTime()
	when := make([]int64, len(j.rings))
	for i, r := range j.rings {
		when[i] = r.Time.Unix()
	}
	for p, err := range reached {
		if err != nil {
			return err
		}
		proved, in, again := f.Proved.see(p.Person)
		if again {
			return errTwice
		}
		j.all.add(p.Items, in)
		phase := j.phaseAt(p.First)
		if phase >= 0 {
			j.phase[phase].add(p.Items, in)
		}
		for i := range j.counts {
			if c := &j.counts[i]; p.First <= when[i] && (c.phase < 0 || c.phase == phase) {
				c.add(p.Items, in)
			}
		}
		j.byDay[j.dayOf(p.First)]++
		eachBit(p.Items&proved, len(j.right), func(k int) { j.right[k]++ })
		if _, no := f.Excluded.Items(p.Person); no {
			sc.ExcludedWrong++
		}
		if in {
			sc.Right++
			continue
		}
		sc.Missed++
		if _, maybe := f.Possible.Items(p.Person); maybe {
			sc.PossibleTrue++
		}
		// Whom a line names that is left could have been proved, whatever was stated. What
		// a retention job destroys is left only under a hold.
		named := p.Named && (held || !p.ByHold)
		switch {
		case !named && holds(gaps, p.First):
			sc.MissedInGap++
		case !named && holds(rows, p.First):
			sc.MissedUnresolved++
		default:
			sc.MissedUnsaid++
		}
	}
	if j.all.people != j.t.People {
		return errDifferent
	}
	return nil
}

// heldInTime says whether a hold was set before the first retention job ran.
func (j *judge) heldInTime() bool {
	return slices.ContainsFunc(j.found.Statements, func(s Statement) bool {
		return s.Kind == Hold && !slices.ContainsFunc(j.s.Faults, func(f drill.Fault) bool { return f.Kind == "retention" && !s.From.Before(f.At.Time) })
	})
}

// phaseAt is the phase that somebody was reached in: of two that overlap, the one that
// began first.
func (j *judge) phaseAt(at int64) int {
	best := -1
	for i, p := range j.t.Phases {
		if p.Records > 0 && p.First.Unix() <= at && at <= p.Last.Unix() && (best < 0 || p.First.Before(j.t.Phases[best].First)) {
			best = i
		}
	}
	return best
}

func (j *judge) dayOf(at int64) int {
	i, found := slices.BinarySearch(j.days, at)
	if found {
		return i
	}
	return max(i-1, 0)
}

// scope turns what was counted into shares.
func (j *judge) scope() {
	o, sc := j.out, &j.out.Scope
	sc.Truth, sc.Proved = j.all.people, j.found.Proved.Len()
	sc.Wrong = sc.Proved - sc.Right
	sc.Possible, sc.Excluded = j.found.Possible.Len(), j.found.Excluded.Len()
	sc.Precision, sc.Recall = share(sc.Right, sc.Proved), share(sc.Right, sc.Truth)
	proved := j.found.Proved.counted(len(j.t.Items))
	sc.Items = []ItemScope{}
	for k, name := range j.t.Items {
		it := ItemScope{Item: name, Text: j.itemName(name), Truth: j.all.items[k], Proved: proved[k], Right: j.right[k]}
		it.Wrong, it.Missed = it.Proved-it.Right, it.Truth-it.Right
		it.Precision, it.Recall = share(it.Right, it.Proved), share(it.Right, it.Truth)
		sc.Items = append(sc.Items, it)
	}
	fill := func(p *Part, t tally) {
		p.People, p.Proved, p.Recall, p.ByItem = t.people, t.proved, share(t.proved, t.people), j.named(t.items)
	}
	fill(&o.Overall, j.all)
	for i := range o.Phases {
		fill(&o.Phases[i], j.phase[i])
	}
	for i, r := range j.rings {
		c, final := j.counts[i], j.all
		if c.phase >= 0 {
			final = j.phase[c.phase]
		}
		r.People, r.ByItem = c.people, j.named(c.items)
		r.Prevented = share(final.people-c.people, final.people)
		r.PreventedByItem = map[string]float64{}
		for k, name := range j.t.Items {
			if v := share(final.items[k]-c.items[k], final.items[k]); v != nil {
				r.PreventedByItem[name] = *v
			}
		}
	}
	var sum int64
	for i, n := range j.byDay {
		sum += n
		o.Curve[i].People = sum
	}
}

func (j *judge) named(items []int64) map[string]int64 {
	out := make(map[string]int64, len(items))
	for k, name := range j.t.Items {
		out[name] = items[k]
	}
	return out
}

func (j *judge) itemName(name string) drill.Text {
	if it := j.s.Items.Of[name]; it != nil {
		return drill.Text{KO: it.KO, EN: it.EN}
	}
	return drill.Text{KO: name, EN: name}
}

// share is nil where there is no whole.
func share(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	v := float64(part) / float64(whole)
	return &v
}

// fail says what was not passed.
func (j *judge) fail() {
	o := j.out
	count := func(code string, n int64, ko, en string) {
		if n > 0 {
			o.Failures = append(o.Failures, Failure{code, drill.Text{
				KO: fmt.Sprintf(ko, digits.Grouped(n)), EN: plural.Settle(fmt.Sprintf(en, plural.One(digits.Grouped(n)))),
			}})
		}
	}
	sc := o.Scope
	count("wrong_person", sc.Wrong, "조회되지 않은 정보주체 %s명을 조회된 것으로 확정하였습니다", "%s people are named without having been reached")
	count("excluded_person", sc.ExcludedWrong, "실제로 조회된 정보주체 %s명을 대상에서 제외하였습니다", "%s people are excluded though reached")
	count("missed_person", sc.MissedUnsaid, "실제로 조회된 정보주체 %s명이 확정되지 않았고, 기록의 공백이나 대상 미상으로 밝힌 범위에도 들지 않습니다",
		"%s people are neither named nor within a stated gap or stated rows that name nobody, though reached")
	for _, r := range o.Rings {
		if !r.Met {
			sev, what := SeverityText(r.Severity), j.phaseName(r.Phase)
			o.Failures = append(o.Failures, Failure{"ring", drill.Text{
				KO: fmt.Sprintf("‘%s’ 단계에서 %s까지 심각도 ‘%s’ 이상의 올바른 경보가 없었습니다", what.KO, r.By.Format("2006-01-02 15:04"), sev.KO),
				EN: fmt.Sprintf("%s: no correct alarm of severity %s or more by %s", what.EN, sev.EN, r.By.Format("2006-01-02 15:04")),
			}})
		}
	}
	if fa := o.FalseAlarms; float64(fa.High) > fa.Allowed {
		n, most := digits.Grouped(fa.High), digits.Decimal(fa.Allowed)
		o.Failures = append(o.Failures, Failure{"false_high", drill.Text{
			KO: fmt.Sprintf("심각도 ‘높음’ 이상의 오경보가 %s건으로, 허용된 %s건을 넘었습니다", n, most),
			EN: fmt.Sprintf("false alarms of high severity or more: %s, where %s may be", n, most),
		}})
	}
	o.Passed = len(o.Failures) == 0
}

// phaseName is what a phase does, in words.
func (j *judge) phaseName(name string) drill.Text {
	for _, a := range j.s.Attack {
		if a.Name == name {
			return a.What
		}
	}
	return drill.Text{KO: name, EN: name}
}

// SeverityText is a severity in words.
func SeverityText(severity string) drill.Text {
	ko := map[string]string{"informational": "참고", "low": "낮음", "medium": "보통", "high": "높음", "critical": "심각"}
	return drill.Text{KO: ko[severity], EN: severity}
}
