package report

import (
	"fmt"
	"html/template"

	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/internal/plural"
)

// Alarm is the one that the page is about: the first of high severity, or the first at
// all where none was.
func (v *view) Alarm() *score.Alarm {
	if a := v.Sc.Overall.FirstHigh; a != nil {
		return a
	}
	return v.Sc.Overall.FirstCorrect
}

// Stage is the phase in which Alarm rang, where there are several: the time since an
// attack began says little where a test came months before it.
func (v *view) Stage() *score.Part {
	a := v.Alarm()
	if a == nil || len(v.Sc.Phases) < 2 {
		return nil
	}
	for i := range v.Sc.Phases {
		p := &v.Sc.Phases[i]
		if x := p.FirstCorrect; x != nil && x.Time.Equal(a.Time) {
			return p
		}
		if x := p.FirstHigh; x != nil && x.Time.Equal(a.Time) {
			return p
		}
	}
	return nil
}

// Stages are the phases, with what rang in each, where there are several.
func (v *view) Stages() []score.Part {
	if len(v.Sc.Phases) < 2 {
		return nil
	}
	return v.Sc.Phases
}

// Rang says which alarm of a phase it was, and when.
func (v *view) Rang(a *score.Alarm) string {
	if a == nil {
		return v.T("없음", "none")
	}
	return v.T(v.After(a.After)+" 뒤 · ", v.After(a.After)+" after · ") + v.Severity(a.Severity) + " · " + a.Rule
}

// Alert is an alarm of a phase, the first of high severity or else the first at all.
func (v *view) Alert(p score.Part) *score.Alarm {
	if p.FirstHigh != nil {
		return p.FirstHigh
	}
	return p.FirstCorrect
}

// IsHigh says whether Alarm is of high severity.
func (v *view) IsHigh() bool { return v.Sc.Overall.FirstHigh != nil }

// Attack says whether there was one.
func (v *view) Attack() bool { return len(v.Sc.Phases) > 0 }

// Kept is how many had not been reached when the alarm rang.
func (v *view) Kept() int64 {
	if a := v.Alarm(); a != nil {
		return v.Sc.Overall.People - a.People
	}
	return 0
}

// Headline says the result in sentences. Numbers are bold in it.
func (v *view) Headline() template.HTML {
	b := func(s string) template.HTML {
		return "<b>" + template.HTML(template.HTMLEscapeString(plural.Value(s))) + "</b>"
	}
	o, a := v.Sc.Overall, v.Alarm()
	say := func(ko, en string, args ...any) template.HTML {
		for i, x := range args {
			if s, ok := x.(string); ok {
				args[i] = template.HTMLEscapeString(s)
			}
		}
		return template.HTML(fmt.Sprintf(v.T(ko, en), args...))
	}
	if !v.Attack() {
		fa := v.Sc.FalseAlarms
		return say("공격이 없는 %s 동안 오경보가 %s건 있었고, 그중 심각도 ‘높음’ 이상은 %s건이었습니다.",
			"Over %s without an attack there were %s false alarms, %s of them of high severity or more.", v.Days(fa.Days), b(v.Num(fa.False)), b(v.Num(fa.High)))
	}
	if a == nil {
		return say("올바른 경보가 한 번도 없었습니다. %s의 개인정보가 조회되었습니다.", "No correct alarm rang. The data of %s was reached.", b(v.People(o.People)))
	}
	grade := v.T("심각도 ‘높음’ 이상의 첫 올바른 경보", "the first correct alarm of high severity")
	if !v.IsHigh() {
		grade = v.T("첫 올바른 경보(심각도 ‘"+v.Severity(a.Severity)+"’)", "the first correct alarm (severity "+a.Severity+")")
	}
	out := say("공격 시작 %s 뒤 %s가 울렸고, 그때까지 %s 가운데 %s의 개인정보가 조회되었습니다.",
		"%[1]s after the attack began %[2]s rang; the data of %[4]s out of %[3]s had been reached by then.",
		b(v.After(a.After)), grade, b(v.People(o.People)), b(v.People(a.People)))
	if p := v.Stage(); p != nil {
		x := v.Alert(*p)
		out = say("‘%s’ 단계가 시작되고 %s 뒤 %s가 울렸고, 그때까지 전체 %s 가운데 %s의 개인정보가 조회되었습니다.",
			"%[2]s after the phase “%[1]s” began %[3]s rang; the data of %[5]s out of %[4]s had been reached by then.",
			v.Of(p.What), b(v.After(x.After)), grade, b(v.People(o.People)), b(v.People(a.People)))
	} else if v.Lang == "en" && a.After == 0 {
		out = say("In the second in which the attack began %[1]s rang; the data of %[3]s out of %[2]s had been reached by then.",
			"In the second in which the attack began %[1]s rang; the data of %[3]s out of %[2]s had been reached by then.", grade, b(v.People(o.People)), b(v.People(a.People)))
	}
	if a.Prevented != nil {
		out += " " + say("그 순간 접속을 차단하였다면 나머지 %s(%s)은 조회되지 않았을 것입니다.",
			"Had access been cut off in that second, the other %s (%s) would not have been.", b(v.People(v.Kept())), b(v.Pct(a.Prevented)))
	}
	if r := v.Sc.Reality; r != nil && r.Days > 0 {
		out += " " + say("실제로는 %s 뒤에야 알려졌습니다(계기: %s).", "In reality it became known after %s, by %s.", b(v.Days(r.Days)), v.Of(r.By))
	}
	return out
}

// Tile is a number that stands large.
type Tile struct{ Name, Value, Note string }

// Tiles are the numbers for whoever reads nothing else.
func (v *view) Tiles() []Tile {
	sc, fa := v.Sc.Scope, v.Sc.FalseAlarms
	var out []Tile
	if v.Attack() {
		if a := v.Alarm(); a != nil {
			out = append(out,
				Tile{v.T("경보 시점까지 조회된 정보주체", "People reached when it rang"), v.Num(a.People), v.T("전체 "+v.People(v.Sc.Overall.People)+" 중", "of "+v.People(v.Sc.Overall.People))},
				Tile{v.T("막을 수 있었던 비율", "Could have been spared"), v.Pct(a.Prevented), v.T("경보 즉시 차단하였을 때", "if stopped when it rang")})
		} else {
			out = append(out, Tile{v.T("조회된 정보주체", "People reached"), v.Num(v.Sc.Overall.People), v.T("올바른 경보 없음", "no correct alarm")})
		}
		exact := Tile{v.T("범위의 정밀도 / 재현율", "Scope: precision / recall"), v.Pct(sc.Precision) + " / " + v.Pct(sc.Recall), ""}
		exact.Note = v.T(fmt.Sprintf("잘못 확정 %s, 누락 %s", v.People(sc.Wrong), v.People(sc.Missed)), v.Num(sc.Wrong)+" wrong, "+v.Num(sc.Missed)+" missed")
		out = append(out, exact)
	}
	return append(out, Tile{v.T("심각도 높음 이상의 오경보", "False alarms, high or above"), v.Num(fa.High), v.T(v.Days(fa.Days)+" 동안", "in "+v.Days(fa.Days))})
}

// Stated are the missed people who are excused.
func (v *view) Stated() int64 { return v.Sc.Scope.MissedInGap + v.Sc.Scope.MissedUnresolved }

// Row is a number in truth and as found.
type Row struct {
	Name, Truth, Found string
	Sub, Equal, Given  bool
}

// Numbers are the rows of the four numbers, the people by item below the people.
func (v *view) Numbers() []Row {
	n := v.Sc.Numbers
	row := func(name string, p score.Pair, sub bool) Row {
		return Row{name, v.Num(p.Truth), v.Maybe(p.Found), sub, p.Found != nil && *p.Found == p.Truth, p.Found != nil}
	}
	out := []Row{
		row(v.T("조회(건)", "reads"), n.Reads, false), row(v.T("계정(개)", "accounts"), n.Accounts, false), row(v.T("정보주체(명)", "people"), n.People, false),
	}
	for _, name := range v.S.Items.Names {
		if p, ok := n.ByItem[name]; ok {
			out = append(out, row(v.Item(name), p, true))
		}
	}
	out = append(out, row(v.T("존재하지 않는 회원번호(개)", "ghosts: numbers that are nobody’s"), n.Ghosts, false))
	if n.Unresolved.Truth > 0 || n.Unresolved.Found != nil && *n.Unresolved.Found > 0 {
		out = append(out, row(v.T("대상이 기록되지 않은 행", "rows that name nobody"), n.Unresolved, false))
	}
	return out
}

// Severities from the gravest.
func (v *view) Severities() []string {
	return []string{"critical", "high", "medium", "low", "informational"}
}

// Scaled says that the drill was smaller than reality.
func (v *view) Scaled() bool { return v.Sc.Scale > 1 }

// Fired and Silent are rules with and without a correct alarm.
func (v *view) Fired() []score.RuleScore { return v.rules(true) }

func (v *view) Silent() []score.RuleScore { return v.rules(false) }

func (v *view) rules(fired bool) []score.RuleScore {
	var out []score.RuleScore
	for _, r := range v.Sc.Rules {
		if (r.Correct > 0) == fired {
			out = append(out, r)
		}
	}
	return out
}

// Reached is how many of an item's people had been reached at the alarm.
func (v *view) Reached(item string) string {
	if a := v.Alarm(); a != nil {
		return v.Num(a.ByItem[item])
	}
	return none
}

// Phase is the description of a phase.
func (v *view) Phase(name string) string {
	for _, p := range v.Sc.Phases {
		if p.Name == name && v.Of(p.What) != "" {
			return v.Of(p.What)
		}
	}
	return name
}
