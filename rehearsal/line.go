package rehearsal

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
)

// counters are what a placeholder may stand for.
type counters struct{ n, i, d int }

var placeholder = regexp.MustCompile(`\{([nid])((?:[-+*/%]\d+)*)(?::(\d+))?\}`)
var operation = regexp.MustCompile(`([-+*/%])(\d+)`)

// fill replaces the placeholders of a text.
func (c counters) fill(s string) string {
	if !strings.Contains(s, "{") {
		return s
	}
	return placeholder.ReplaceAllStringFunc(s, func(m string) string {
		p := placeholder.FindStringSubmatch(m)
		v := map[string]int{"n": c.n, "i": c.i, "d": c.d}[p[1]]
		for _, op := range operation.FindAllStringSubmatch(p[2], -1) {
			x, _ := strconv.Atoi(op[2])
			switch {
			case op[1] == "+":
				v += x
			case op[1] == "-":
				v -= x
			case op[1] == "*":
				v *= x
			case x == 0:
				v = 0
			case op[1] == "/":
				v /= x
			default:
				v %= x
			}
		}
		width, _ := strconv.Atoi(p[3])
		return fmt.Sprintf("%0*d", width, v)
	})
}

// maxRange bounds what a range counts up to, and with it a mistyped one.
const maxRange = 100_000

// expand gives the ids of a list: m0001..m0100 is a hundred of them.
func (p place) expand(key string, list []string) ([]string, error) {
	var out []string
	for _, s := range list {
		a, b, ok := strings.Cut(s, "..")
		if !ok {
			out = append(out, s)
			continue
		}
		head := strings.TrimRight(a, "0123456789")
		digits, last := strings.TrimPrefix(a, head), strings.TrimPrefix(b, head)
		from, err1 := strconv.Atoi(digits)
		to, err2 := strconv.Atoi(last)
		if err := errors.Join(err1, err2); err != nil || to < from || to-from >= maxRange {
			return nil, p.wrong(key, "m0001..m0100과 같은 범위가 아닙니다. %d개까지 쓸 수 있습니다", "is no range such as m0001..m0100 of at most %d", maxRange)
		}
		for v := from; v <= to; v++ {
			out = append(out, fmt.Sprintf("%s%0*d", head, len(digits), v))
		}
	}
	return out, nil
}

// or takes from d what a line does not say.
func (l Line) or(d Line) Line {
	for _, f := range []struct{ to, from *string }{
		{&l.At, &d.At}, {&l.Every, &d.Every}, {&l.On, &d.On}, {&l.Actor, &d.Actor}, {&l.Type, &d.Type}, {&l.Key, &d.Key}, {&l.Token, &d.Token}, {&l.IP, &d.IP},
		{&l.Country, &d.Country}, {&l.Network, &d.Network}, {&l.Agent, &d.Agent}, {&l.Source, &d.Source}, {&l.Status, &d.Status}, {&l.Rows, &d.Rows},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	if l.Request == nil {
		l.Request = d.Request
	}
	if l.Subjects == nil {
		l.Subjects = d.Subjects
	}
	if l.Fields == nil {
		l.Fields = d.Fields
	}
	l.Times, l.Days = max(l.Times, d.Times, 1), max(l.Days, d.Days, 1)
	return l
}

// maxRecords bounds what one line makes.
const maxRecords = 2_000_000

// records calls fn for each record of a line, which stands at p.
func (l Line) records(p place, w *watch, fn func(event.Record) error) error {
	at, err := p.moment("at", l.At, w.cat.Zone())
	if err != nil {
		return err
	}
	every := time.Duration(0)
	if l.Every != "" {
		if every, err = time.ParseDuration(l.Every); err != nil || every <= 0 {
			return p.wrong("every", "10s와 같은 간격이 아닙니다", "is no duration such as 10s")
		}
	}
	switch {
	case l.Times > 1 && every == 0:
		return p.wrong("times", "times에는 every가 있어야 합니다", "times needs every")
	case l.On != "" && l.On != "weekdays" && l.On != "weekends":
		return p.wrong("on", "weekdays나 weekends여야 합니다", "on is weekdays or weekends")
	case len(l.Request) == 0:
		return p.wrong("request", written.Missing.KO, written.Missing.EN)
	case l.Times*l.Days*len(l.Request) > maxRecords:
		return p.wrong("times", "기록이 %d건보다 많아집니다", "makes more than %d records", maxRecords)
	}
	c := counters{}
	for day := range l.Days {
		first := at.AddDate(0, 0, day)
		weekend := first.Weekday() == time.Saturday || first.Weekday() == time.Sunday
		if l.On == "weekdays" && weekend || l.On == "weekends" && !weekend {
			continue
		}
		c.d++
		for c.i = 1; c.i <= l.Times; c.i++ {
			c.n++
			for step, request := range l.Request {
				moment := first.Add(time.Duration(c.i-1)*every + time.Duration(step)*time.Second)
				rec, err := l.record(p, w, c, request, event.MillisOf(moment))
				if err != nil {
					return err
				}
				if err := fn(rec); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// record makes one, as a decoder would of its line.
func (l *Line) record(p place, w *watch, c counters, request string, at event.Millis) (event.Record, error) {
	r := event.Record{
		Time: at, Source: l.Source, Actor: event.Actor{ID: event.ActorID(c.fill(l.Actor)), Type: c.fill(l.Type)},
		Credential: event.Credential{Key: c.fill(l.Key), Token: event.TokenID(c.fill(l.Token))},
		Client:     event.Client{Agent: c.fill(l.Agent), Country: c.fill(l.Country), Network: c.fill(l.Network)},
		Status:     200, Rows: event.RowsUnknown,
	}
	if ip := c.fill(l.IP); ip != "" {
		a, err := netip.ParseAddr(ip)
		if err != nil {
			return r, p.wrong("ip", "IP 주소가 아닙니다", "is no address")
		}
		r.Client.IP = a
	}
	number := func(name, text string, bits int) (int64, error) {
		v, err := strconv.ParseInt(c.fill(text), 10, bits)
		if err != nil || v < 0 {
			return 0, p.wrong(name, "0 이상의 정수가 아닙니다", "is no number")
		}
		return v, nil
	}
	if l.Status != "" {
		v, err := number("status", l.Status, 16)
		if err != nil {
			return r, err
		}
		r.Status = uint16(v)
	}
	if l.Rows != "" {
		v, err := number("rows", l.Rows, 32)
		if err != nil {
			return r, err
		}
		r.Rows = int32(v)
	}
	method, uri, ok := strings.Cut(c.fill(request), " ")
	if !ok {
		return r, p.wrong("request", "메서드와 경로가 아닙니다. GET /my/profile처럼 쓰십시오", "is not a method and a path, as GET /my/profile")
	}
	named := make([]string, len(l.Subjects))
	for i, s := range l.Subjects {
		named[i] = c.fill(s)
	}
	named, err := p.expand("subjects", named)
	if err != nil {
		return r, err
	}
	req := catalog.Request{Method: method, URI: uri}
	for _, s := range named {
		req.Subjects = append(req.Subjects, event.AccountID(s))
	}
	w.cat.Fill(&r, req)
	w.look(l, c, &r, &req)
	return r, nil
}

// watch lets live-only rules look at the lines that are made up.
type watch struct {
	cat    *catalog.Catalog
	intake *detect.Intake // nil: there are none
	looks  map[string]*detect.Look
}

func (w *watch) look(l *Line, c counters, r *event.Record, req *catalog.Request) {
	if w.intake == nil {
		return
	}
	format := catalog.FormatJSON
	if src, ok := w.cat.Source(r.Source); ok && src.Format != catalog.FormatDetect {
		format = src.Format
	}
	look := w.looks[format]
	if look == nil {
		if w.looks == nil {
			w.looks = map[string]*detect.Look{}
		}
		look = w.intake.For(format).Plain()
		w.looks[format] = look
	}
	text := req.Method + " " + req.URI + " " + r.Client.Agent
	fields := make([][]byte, len(look.Asks()))
	for i, name := range look.Asks() {
		if v, ok := l.Fields[name]; ok {
			fields[i] = []byte(c.fill(v))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Fields)) {
		text += " " + c.fill(l.Fields[name])
	}
	look.Look([]byte(text), fields, r, req)
	r.Marks = slices.Clone(r.Marks)
}
