package report

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/drill/score"
)

// mark is a moment on the timeline.
type mark struct {
	at          time.Time
	title, text string
	class       string // real or ours, and weak for what matters less
}

// above is what happened in reality.
func (v *view) above() []mark {
	r := v.Sc.Reality
	if r == nil {
		return nil
	}
	var out []mark
	if !r.Began.IsZero() {
		out = append(out, mark{r.Began, v.When(r.Began), v.T("실제 공격 시작", "the attack began"), "real"})
	}
	if !r.Known.IsZero() {
		out = append(out, mark{r.Known, v.When(r.Known), v.T("알려짐: ", "became known: ") + v.Of(r.By), "real"})
	}
	for _, c := range r.Counts {
		if c.On.IsZero() {
			continue // not every source says when
		}
		out = append(out, mark{c.On, v.When(c.On), v.count(c) + " · " + v.Of(c.By), "real weak"})
	}
	return out
}

// count is a number that was given out.
func (v *view) count(c score.Count) string { return v.Dec(c.Number) + " " + v.Of(c.Of) }

// below is what the tool did in the drill.
func (v *view) below() []mark {
	var out []mark
	say := func(a *score.Alarm, ko, en string) {
		began := v.T("시작 후 "+v.After(a.After), v.After(a.After)+" after it began")
		for _, p := range v.Stages() {
			if x := v.Alert(p); x != nil && x.Time.Equal(a.Time) {
				began = v.T("단계 시작 후 "+v.After(x.After), v.After(x.After)+" into its phase")
			}
		}
		out = append(out, mark{a.Time, v.Clock(a.Time), v.T(ko, en) + " · " + began + " · " +
			v.T(v.People(a.People)+" 조회됨", v.People(a.People)+" reached"), "ours"})
	}
	for i, w := range v.Sc.Ahead {
		if i == 0 {
			out = append(out, mark{w.Time, v.Clock(w.Time), v.T("공격에 앞선 경고", "warning ahead of the attack") + " · " + w.Rule, "ours weak"})
		}
	}
	o := v.Sc.Overall
	switch a, h := o.FirstCorrect, o.FirstHigh; {
	case h != nil && a != nil && a.Time.Equal(h.Time):
		say(h, "첫 올바른 경보(높음 이상)", "first correct alarm, of high severity")
	default:
		if a != nil {
			say(a, "첫 올바른 경보("+v.Severity(a.Severity)+")", "first correct alarm ("+a.Severity+")")
		}
		if h != nil {
			say(h, "첫 ‘높음’ 이상 경보", "first of high severity")
		}
	}
	if h := v.Sc.Hold; h != nil {
		out = append(out, mark{*h, v.Clock(*h), v.T("자료 보전 설정", "hold set: nothing is destroyed from here"), "ours weak"})
	}
	return out
}

// box is where a label stands; leader is the line that leads to it.
type box struct{ x0, x1, y0, y1 float64 }

func (a box) meets(b box) bool { return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1 }

// label is a mark with its place. y counts from the axis outwards.
type label struct {
	mark
	x      float64
	box    box
	lines  []string
	anchor string
}

const (
	titleSize = 12.5
	lineHigh  = 16
	mostWide  = 390
)

// place finds a place for every label, the nearest to the axis at which neither it nor
// its leader stands on another.
func place(a axis, marks []mark, w float64) []label {
	var list []label
	for _, m := range marks {
		l := label{mark: m, x: a.x(m.at), anchor: "start"}
		// Rather two lines to the right of the leader than one to its left.
		room := w - l.x - 7
		l.lines = append([]string{m.title}, wrapped(m.text, titleSize, min(mostWide, max(room, 150)))...)
		wide := widest(l.lines)
		l.box = box{x0: l.x + 7, x1: l.x + 7 + wide}
		if wide > room {
			l.lines = append([]string{m.title}, wrapped(m.text, titleSize, mostWide)...)
			l.anchor, l.box = "end", box{x0: l.x - 7 - widest(l.lines), x1: l.x - 7}
		}
		list = append(list, l)
	}
	// Labels to the right of their leader are placed from the right, since each keeps
	// clear of the leaders behind it, and then those to the left of theirs.
	slices.SortStableFunc(list, func(p, q label) int {
		if p.anchor != q.anchor {
			return strings.Compare(q.anchor, p.anchor)
		}
		if p.anchor == "end" {
			p, q = q, p
		}
		return q.at.Compare(p.at)
	})
	for i := range list {
		list[i].settle(list[:i])
	}
	return list
}

func widest(lines []string) float64 {
	wide := 0.0
	for _, s := range lines {
		wide = max(wide, size(s, titleSize))
	}
	return wide
}

// settle finds the height of a label among those that stand.
func (l *label) settle(stand []label) {
	high := float64(len(l.lines)) * lineHigh
	free := func(y float64, leaders bool) bool {
		b := box{l.box.x0, l.box.x1, y, y + high}
		lead := box{l.x - 3, l.x + 3, 0, y + high}
		for _, o := range stand {
			if b.meets(box{o.box.x0 - 8, o.box.x1 + 8, o.box.y0 - 4, o.box.y1 + 4}) {
				return false
			}
			if leaders && (lead.meets(o.box) || b.meets(box{o.x - 3, o.x + 3, 0, o.box.y1})) {
				return false
			}
		}
		return true
	}
	// Where no height keeps clear of every leader, a leader passes behind a text.
	y, most := 14.0, 14+float64(len(stand)+1)*60
	for ; y < most && !free(y, true); y += 4 {
	}
	if y >= most {
		for y = 14; !free(y, false); y += 4 {
		}
	}
	l.box.y0, l.box.y1 = y, y+high
}

// Moment is a line of the timeline where there is no room to draw it.
type Moment struct {
	When, Text string
	Real       bool
}

// Moments are the marks of both sides in their order.
func (v *view) Moments() []Moment {
	all := append(v.above(), v.below()...)
	slices.SortStableFunc(all, func(a, b mark) int { return a.at.Compare(b.at) })
	var out []Moment
	for _, m := range all {
		out = append(out, Moment{m.title, m.text, strings.HasPrefix(m.class, "real")})
	}
	return out
}

// Timeline draws reality above the axis and the drill below it.
func (v *view) Timeline() template.HTML {
	const w = 920.0
	d := &drawing{w: w, id: "time-" + v.Lang}
	above, below := v.above(), v.below()
	loc := v.S.Location()
	a := axis{x0: 10, x1: w - 10}
	widen := func(t time.Time) {
		if t.IsZero() {
			return
		}
		if a.from.IsZero() || t.Before(a.from) {
			a.from = t
		}
		if t.After(a.to) {
			a.to = t
		}
	}
	for _, m := range slices.Concat(above, below) {
		widen(m.at)
	}
	for _, p := range v.Sc.Phases {
		widen(p.First)
		widen(p.Last)
	}
	if a.from.IsZero() {
		widen(v.Sc.From)
		widen(v.Sc.To)
	}
	pad := max(a.to.Sub(a.from)/60, time.Hour)
	a.from, a.to = a.from.Add(-pad).In(loc), a.to.Add(pad).In(loc)

	up, down := place(a, above, w), place(a, below, w)
	top, deep := 0.0, 0.0
	for _, l := range up {
		top = max(top, l.box.y1)
	}
	for _, l := range down {
		deep = max(deep, l.box.y1)
	}
	const head, band = 26, 34
	y := head + top + 10
	d.text(0, 14, "side real", "start", v.T("실제로는", "In reality"))
	end := y + band + deep + 12
	if len(below) == 0 {
		end += 8
	}
	// The axis: the attack's phases as bars, months below them.
	d.line(0, y, w, y, "rule")
	for _, p := range v.Sc.Phases {
		if p.First.IsZero() {
			continue
		}
		x := a.x(p.First)
		d.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="8" rx="2" class="attack"/>`, x, y-4, max(a.x(p.Last)-x, 3))
	}
	ticks, layout := a.ticks(44)
	for _, t := range ticks {
		x := a.x(t)
		if x < 28 || x > w-28 {
			continue
		}
		d.line(x, y+4, x, y+9, "rule")
		d.text(x, y+22, "tick", "middle", t.Format(layout))
	}
	d.leaders(up, y, -1)
	d.leaders(down, y+band, 1)
	if len(below) == 0 {
		d.text(0, y+band+14, "label ours", "start", v.T("올바른 경보 없음", "no correct alarm"))
	}
	d.text(0, end+14, "side ours", "start", v.T("이 훈련에서는", "In this drill")+v.tool())
	var desc []string
	for _, m := range slices.Concat(above, below) {
		desc = append(desc, m.title+" "+m.text)
	}
	return d.done(end+22, "wide", v.T("실제와 훈련의 시간표", "Timeline of reality and of the drill"), strings.Join(desc, "; "))
}

func (v *view) tool() string {
	if v.Sc.Run.Tool == "" {
		return ""
	}
	return " · " + v.Sc.Run.Tool
}

// leaders draws labels and the lines that lead to them; sign is -1 above the axis.
func (d *drawing) leaders(list []label, y, sign float64) {
	for _, l := range list {
		to := y + sign*l.box.y1
		if sign > 0 {
			to = y + l.box.y0 + lineHigh
			d.line(l.x, y-34, l.x, to-2, "lead "+l.class)
		} else {
			d.line(l.x, y, l.x, to+4, "lead "+l.class)
		}
	}
	for _, l := range list {
		first := y + sign*l.box.y0 + 12
		axis := y
		if sign < 0 {
			first = y - l.box.y1 + 12
		} else {
			axis = y - 34
		}
		d.add(`<circle cx="%.1f" cy="%.1f" r="4.5" class="dot %s"/>`, l.x, axis, l.class)
		x := l.box.x0
		if l.anchor == "end" {
			x = l.box.x1
		}
		for i, s := range l.lines {
			class := "label " + l.class
			if i > 0 {
				class += " more"
			}
			d.text(x, first+float64(i)*lineHigh, class, l.anchor, s)
		}
	}
}
