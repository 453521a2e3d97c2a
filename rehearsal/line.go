package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
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
func expand(list []string) ([]string, error) {
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
			return nil, fmt.Errorf("%q is no range such as m0001..m0100 of at most %d", s, maxRange)
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
	l.Times, l.Days = max(l.Times, d.Times, 1), max(l.Days, d.Days, 1)
	return l
}

// maxRecords bounds what one line makes.
const maxRecords = 2_000_000

// records calls fn for each record of a line.
func (l Line) records(cat *catalog.Catalog, fn func(event.Record) error) error {
	at, err := moment(l.At, cat.Zone())
	if err != nil {
		return fmt.Errorf("at: %w", err)
	}
	every := time.Duration(0)
	if l.Every != "" {
		if every, err = time.ParseDuration(l.Every); err != nil || every <= 0 {
			return fmt.Errorf("every: %q is no duration such as 10s", l.Every)
		}
	}
	switch {
	case l.Times > 1 && every == 0:
		return errors.New("times needs every")
	case l.On != "" && l.On != "weekdays" && l.On != "weekends":
		return errors.New("on is weekdays or weekends")
	case len(l.Request) == 0:
		return errors.New("request is missing")
	case l.Times*l.Days*len(l.Request) > maxRecords:
		return fmt.Errorf("makes more than %d records", maxRecords)
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
				rec, err := l.record(cat, c, request)
				if err != nil {
					return err
				}
				rec.Time = event.MillisOf(first.Add(time.Duration(c.i-1)*every + time.Duration(step)*time.Second))
				if err := fn(rec); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// record makes one, as a decoder would of its line.
func (l *Line) record(cat *catalog.Catalog, c counters, request string) (event.Record, error) {
	r := event.Record{
		Source: l.Source, Actor: event.Actor{ID: event.ActorID(c.fill(l.Actor)), Type: c.fill(l.Type)},
		Credential: event.Credential{Key: c.fill(l.Key), Token: event.TokenID(c.fill(l.Token))},
		Client:     event.Client{Agent: c.fill(l.Agent), Country: c.fill(l.Country), Network: c.fill(l.Network)},
		Status:     200, Rows: event.RowsUnknown,
	}
	if ip := c.fill(l.IP); ip != "" {
		a, err := netip.ParseAddr(ip)
		if err != nil {
			return r, fmt.Errorf("ip: %q is no address", ip)
		}
		r.Client.IP = a
	}
	number := func(name, text string, bits int) (int64, error) {
		v, err := strconv.ParseInt(c.fill(text), 10, bits)
		if err != nil || v < 0 {
			return 0, fmt.Errorf("%s: %q is no number", name, text)
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
		return r, fmt.Errorf("request: %q is not a method and a path", request)
	}
	named := make([]string, len(l.Subjects))
	for i, s := range l.Subjects {
		named[i] = c.fill(s)
	}
	named, err := expand(named)
	if err != nil {
		return r, fmt.Errorf("subjects: %w", err)
	}
	req := catalog.Request{Method: method, URI: uri}
	for _, s := range named {
		req.Subjects = append(req.Subjects, event.AccountID(s))
	}
	cat.Fill(&r, req)
	return r, nil
}
