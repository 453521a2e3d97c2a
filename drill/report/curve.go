package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// vertex is how many had been reached at a moment.
type vertex struct {
	at time.Time
	n  int64
}

// Curve draws how many people had been reached over time, the alarm, and those that it
// could have spared.
func (v *view) Curve(wide bool) template.HTML {
	o, loc := v.Sc.Overall, v.S.Location()
	w, h, class := 920.0, 330.0, "wide"
	if !wide {
		w, h, class = 350, 280, "narrow"
	}
	d := &drawing{w: w, id: "curve-" + class + "-" + v.Lang}
	span := o.Last.Sub(o.First)
	a := axis{x1: w, from: o.First.Add(-span / 25).In(loc), to: o.Last.Add(span/14 + time.Hour).In(loc)}
	var known time.Time
	if r := v.Sc.Reality; r != nil && r.Known.After(o.First) && r.Known.Before(o.Last.Add(max(span, 60*24*time.Hour))) {
		known = r.Known
		if end := known.Add(span / 14); end.After(a.to) {
			a.to = end.In(loc)
		}
	}
	const top, foot = 34, 26
	high := float64(max(o.People, 1)) * 1.04
	y := func(n float64) float64 { return h - foot - (h-foot-top)*n/high }

	d.defs = fmt.Sprintf(`<defs><pattern id="%s-h" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="7" height="7" class="spared"/><line x1="0" y1="0" x2="0" y2="7" class="hatch"/></pattern></defs>`, d.id)
	steps := nice(high)
	a.x0 = 8 + size(v.Dec(steps[len(steps)-1]), 11.5)
	for _, n := range steps {
		d.line(a.x0, y(n), w, y(n), "grid")
		d.text(a.x0-6, y(n)+4, "tick", "end", v.Dec(n))
	}
	d.line(a.x0, y(0), w, y(0), "rule")
	ticks, layout := a.ticks(44)
	for _, t := range ticks {
		if x := a.x(t); x > a.x0+24 && x < w-28 {
			d.line(x, y(0), x, y(0)+5, "rule")
			d.text(x, y(0)+19, "tick", "middle", t.Format(layout))
		}
	}
	points := v.points(a)
	alarm := v.Alarm()
	if alarm != nil && v.Kept() > 0 {
		var path strings.Builder
		fmt.Fprintf(&path, "M%.1f %.1f", a.x(alarm.Time), y(float64(alarm.People)))
		for _, p := range points {
			if p.at.After(alarm.Time) {
				fmt.Fprintf(&path, "L%.1f %.1f", a.x(p.at), y(float64(p.n)))
			}
		}
		fmt.Fprintf(&path, "L%.1f %.1fZ", a.x(a.to), y(float64(alarm.People)))
		d.add(`<path d="%s" fill="url(#%s-h)"/>`, path.String(), d.id)
	}
	var path strings.Builder
	for i, p := range points {
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], a.x(p.at), y(float64(p.n)))
	}
	d.add(`<path d="%s" class="reached"/>`, path.String())
	desc := v.T("조회된 정보주체 "+v.People(o.People), v.People(o.People)+" reached in the end")
	if !known.IsZero() {
		x := a.x(known)
		d.line(x, top-14, x, y(0), "known real")
		anchor, at := "end", x-6
		if x < w/2 {
			anchor, at = "start", x+6
		}
		d.text(at, top-18, "label real", anchor, v.T("실제로 알려진 날 ", "in reality known ")+v.Date(known))
		desc += "; " + v.T("실제로 알려진 날 ", "in reality known on ") + v.Date(known)
	}
	if alarm != nil {
		desc += "; " + v.T("경보 ", "alarm ") + v.Clock(alarm.Time) + ": " + v.People(alarm.People)
		v.drawAlarm(d, a, y, alarm.Time, alarm.People, w)
	}
	return d.done(h, class, v.T("시간에 따라 조회된 정보주체 수", "People reached over time"), desc)
}

// drawAlarm marks the alarm and says how many it could have spared.
func (v *view) drawAlarm(d *drawing, a axis, y func(float64) float64, at time.Time, n int64, w float64) {
	x, py := a.x(at), y(float64(n))
	d.line(x, 20, x, y(0), "alarm")
	d.add(`<circle cx="%.1f" cy="%.1f" r="5.5" class="dot ours"/>`, x, py)
	anchor, tx := "start", x+8
	if x > w*0.6 {
		anchor, tx = "end", x-8
	}
	// Two lines from the top, where the curve is not yet: it only rises.
	d.text(tx, 50, "label ours", anchor, v.T("경보 ", "alarm ")+v.Clock(at))
	d.text(tx, 66, "label ours more", anchor, v.T("그때까지 "+v.People(n), v.People(n)+" until then"))
	kept, whole := v.Kept(), v.Sc.Overall.People
	lines := []string{v.T("막을 수 있었던 "+v.People(kept), v.People(kept)+" could"), v.T("(전체의 "+v.Pct(v.Alarm().Prevented)+")", "have been spared ("+v.Pct(v.Alarm().Prevented)+")")}
	half := widest(lines)/2 + 6
	// Without room for the words, the key below the drawing says what the area is.
	if float64(kept) < float64(whole)*0.12 || a.x1-x < 2*half {
		return
	}
	cx := max(min(x+(a.x1-x)*0.7, a.x1-half), x+half)
	cy := y(float64(n) + float64(kept)*0.27)
	for i, s := range lines {
		d.text(cx, cy-4+17*float64(i), []string{"label halo", "label halo more"}[i], "middle", s)
	}
}

// points are the ends of days within the axis, with the alarm among them.
func (v *view) points(a axis) []vertex {
	o := v.Sc.Overall
	out := []vertex{{a.from, 0}, {o.First, 0}}
	alarm := v.Alarm()
	for _, p := range v.Sc.Curve {
		day, err := time.ParseInLocation(time.DateOnly, p.Day, v.S.Location())
		if err != nil {
			continue
		}
		end := day.AddDate(0, 0, 1)
		if !end.After(o.First) {
			continue
		}
		if end.After(o.Last) {
			end = o.Last
		}
		if alarm != nil && alarm.Time.After(out[len(out)-1].at) && alarm.Time.Before(end) {
			out = append(out, vertex{alarm.Time, alarm.People})
		}
		out = append(out, vertex{end, p.People})
		if end.Equal(o.Last) {
			break
		}
	}
	return append(out, vertex{a.to, o.People})
}

// nice are round numbers from 0 up to a number, four or five of them.
func nice(most float64) []float64 {
	step := math.Pow10(int(math.Floor(math.Log10(most / 4))))
	for _, f := range []float64{1, 2, 2.5, 5, 10} {
		if most/(step*f) <= 5 {
			step *= f
			break
		}
	}
	step = max(step, 1)
	var out []float64
	for n := 0.0; n <= most; n += step {
		out = append(out, n)
	}
	return out
}
