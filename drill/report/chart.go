package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
	"time"
)

// drawing is an SVG that grows. Its colours are classes of the page's style.
type drawing struct {
	b    strings.Builder
	w    float64
	id   string
	defs string
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// text writes one line. class says size and colour, anchor is start, middle or end.
func (d *drawing) text(x, y float64, class, anchor, s string) {
	d.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// done closes the drawing, with what it says for whoever does not see it.
func (d *drawing) done(h float64, class, title, desc string) template.HTML {
	return template.HTML(fmt.Sprintf(
		`<svg class="chart %s" viewBox="0 0 %.0f %.0f" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>%s%s</svg>`,
		class, d.w, math.Ceil(h), d.id, d.id, d.id, html.EscapeString(title), d.id, html.EscapeString(desc), d.defs, d.b.String()))
}

// size is how wide a line is, near enough to keep lines apart: Hangul is as wide as
// high in every font, the rest about half.
func size(s string, px float64) float64 {
	w := 0.0
	for _, c := range s {
		switch {
		case c >= 0x1100:
			w++
		case c == ' ' || c == '.' || c == ',' || c == ':' || c == 'i' || c == 'l':
			w += 0.34
		case c >= 'A' && c <= 'Z':
			w += 0.72
		default:
			w += 0.63
		}
	}
	return w * px
}

// wrapped breaks a text into lines of at most so many pixels, between words.
func wrapped(s string, px, most float64) []string {
	var out []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch longer := line + " " + word; {
		case line == "":
			line = word
		case word == "·":
			line = longer // a line never begins with it
		case size(longer, px) <= most:
			line = longer
		default:
			out = append(out, line)
			line = word
		}
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}

// axis puts moments on a line.
type axis struct {
	from, to time.Time
	x0, x1   float64
}

func (a axis) x(t time.Time) float64 {
	whole := a.to.Sub(a.from).Seconds()
	if whole <= 0 {
		return a.x0
	}
	return a.x0 + (a.x1-a.x0)*t.Sub(a.from).Seconds()/whole
}

// ticks are moments that are round in the zone of the axis, so few that their labels
// fit.
func (a axis) ticks(label float64) ([]time.Time, string) {
	most := max(2, int((a.x1-a.x0)/(label+16)))
	span := a.to.Sub(a.from).Hours() / 24
	begin := time.Date(a.from.Year(), a.from.Month(), a.from.Day(), 0, 0, 0, 0, a.from.Location())
	collect := func(t time.Time, next func(time.Time) time.Time) []time.Time {
		var out []time.Time
		for ; !t.After(a.to); t = next(t) {
			if !t.Before(a.from) {
				out = append(out, t)
			}
		}
		return out
	}
	for _, days := range []int{1, 2, 7, 14} {
		if span/float64(days) <= float64(most) {
			return collect(begin, func(t time.Time) time.Time { return t.AddDate(0, 0, days) }), "01-02"
		}
	}
	month := time.Date(a.from.Year(), a.from.Month(), 1, 0, 0, 0, 0, a.from.Location())
	for _, months := range []int{1, 2, 3, 6, 12, 24, 60, 120} {
		if span/30.4/float64(months) <= float64(most) {
			t := month.AddDate(0, -((int(month.Month()) - 1) % min(months, 12)), 0)
			return collect(t, func(t time.Time) time.Time { return t.AddDate(0, months, 0) }), "2006-01"
		}
	}
	return nil, ""
}
