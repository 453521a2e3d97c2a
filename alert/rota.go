package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

// Rota (당직표) says who is on call when: shifts that repeat by the week, and
// dates on which it is otherwise. Times are those of a wall clock in its zone,
// so that a shift begins at nine whatever the clock was put to.
type Rota struct {
	Zone   *time.Location
	People map[string][]string // to the names of their channels
	Roles  map[string]Role

	read   *written.Reader   // for mistakes that Use finds
	places map[string]string // of People, as messages name them
}

// Role is what an escalation asks for: "first on call".
type Role struct {
	Weekly []Shift // the first that fits holds
	Dated  []Override
}

// Shift of every week. One that ends at or before its beginning goes on into the
// next day.
type Shift struct {
	Days     [7]bool // by time.Weekday, of its beginning
	From, To int     // minutes of the day
	Who      []string
	Since    time.Time // the Monday of the week in which Who[0] is on call
}

// Override is when it is otherwise. It comes before every shift; of two, the
// later in the file holds.
type Override struct {
	From, To time.Time
	Who      string
}

const day = 24 * time.Hour

// OnCall says who is on call in a role at a moment, "" if nobody is.
func (r *Rota) OnCall(role string, t time.Time) string {
	on := r.Roles[role]
	for _, o := range slices.Backward(on.Dated) {
		if !t.Before(o.From) && t.Before(o.To) {
			return o.Who
		}
	}
	local := t.In(r.Zone)
	minute := local.Hour()*60 + local.Minute()
	// A date without a clock: noon in UTC has no daylight saving to fall into.
	date := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, time.UTC)
	for _, s := range on.Weekly {
		switch {
		case s.Days[date.Weekday()] && minute >= s.From && (minute < s.To || s.To <= s.From):
			return s.who(date)
		case s.To <= s.From && minute < s.To && s.Days[date.Add(-day).Weekday()]:
			return s.who(date.Add(-day))
		}
	}
	return ""
}

// who is on call in the week in which the shift began.
func (s Shift) who(date time.Time) string {
	if len(s.Who) == 1 {
		return s.Who[0]
	}
	weeks := int(monday(date).Sub(s.Since) / (7 * day))
	return s.Who[((weeks%len(s.Who))+len(s.Who))%len(s.Who)]
}

// monday of a date's week.
func monday(date time.Time) time.Time {
	return date.Add(-day * time.Duration((date.Weekday()+6)%7))
}

// Uncovered lists, for each role, the stretches of an ordinary week without
// anybody on call, as "mon 18:00 to tue 09:00". An escalation that falls into
// one tells every channel instead.
func (r *Rota) Uncovered() []string {
	const week = 7 * 24 * 60
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Roles)) {
		var covered [week]bool // from Monday
		for _, s := range r.Roles[name].Weekly {
			length := s.To - s.From
			if length <= 0 {
				length += 24 * 60
			}
			for d, on := range s.Days {
				for m := range length {
					if on {
						covered[((d+6)%7*24*60+s.From+m)%week] = true
					}
				}
			}
		}
		clock := func(m int) string {
			return fmt.Sprintf("%s %02d:%02d", dayNames[m/(24*60)%7], m/60%24, m%60)
		}
		for m := 0; m < week; m++ {
			if covered[m] {
				continue
			}
			from := m
			for m < week && !covered[m] {
				m++
			}
			out = append(out, fmt.Sprintf("%s: %s to %s", name, clock(from), clock(m)))
		}
	}
	return out
}

var dayNames = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// ParseRota reads a rota file. All mistakes are reported at once, as Errors.
func ParseRota(name string, text []byte) (*Rota, error) {
	p := newParser(name)
	root := p.Document(text, maxFileMiB)
	if root == nil {
		return nil, p.Err()
	}
	r := &Rota{People: map[string][]string{}, Roles: map[string]Role{}, read: p.Reader, places: map[string]string{}}
	keys := p.Keys(root, "", "version", "zone", "people", "roles")
	p.Version(root, keys)
	p.must(root, "", keys, "zone", "people", "roles")
	r.Zone = p.Zone(keys["zone"], "zone")
	if n := keys["people"]; n != nil {
		people, _ := p.Pairs(n, "people")
		for _, kv := range people {
			p.person(r, kv)
		}
	}
	if n := keys["roles"]; n != nil {
		roles, _ := p.Pairs(n, "roles")
		for _, kv := range roles {
			if !namePattern.MatchString(kv.Name) {
				p.Fail(kv.Key, kv.Field, badName)
				continue
			}
			r.Roles[kv.Name] = p.role(r, kv.Value, kv.Field)
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

func (p *parser) person(r *Rota, kv written.Pair) {
	field := kv.Field
	if !namePattern.MatchString(kv.Name) {
		p.Fail(kv.Key, field, badName)
		return
	}
	r.People[kv.Name], r.places[kv.Name] = nil, field
	keys := p.Keys(kv.Value, field, "channels")
	n := keys["channels"]
	if n == nil {
		if keys != nil {
			p.must(kv.Key, field, keys, "channels")
		}
		return
	}
	list := p.list(n, field+".channels")
	if n.Kind == yaml.SequenceNode && len(list) == 0 {
		p.Failf(n, field+".channels", "목록이 비어 있어 이 사람에게 알릴 수 없습니다", "the list is empty: this person could not be told")
	}
	for i, n := range list {
		r.People[kv.Name] = append(r.People[kv.Name], p.name(n, written.Index(field+".channels", i)))
	}
}

func (p *parser) role(r *Rota, n *yaml.Node, field string) Role {
	var role Role
	keys := p.Keys(n, field, "weekly", "dated")
	if keys["weekly"] == nil && keys["dated"] == nil && n.Kind == yaml.MappingNode {
		p.Failf(n, field, "weekly도 dated도 없습니다", "has neither weekly nor dated shifts")
	}
	if n := keys["weekly"]; n != nil {
		for i, n := range p.list(n, field+".weekly") {
			role.Weekly = append(role.Weekly, p.shift(r, n, written.Index(field+".weekly", i)))
		}
	}
	if n := keys["dated"]; n != nil {
		for i, n := range p.list(n, field+".dated") {
			role.Dated = append(role.Dated, p.override(r, n, written.Index(field+".dated", i)))
		}
	}
	return role
}

func (p *parser) shift(r *Rota, n *yaml.Node, field string) Shift {
	var s Shift
	keys := p.Keys(n, field, "days", "from", "to", "who", "since")
	if n.Kind != yaml.MappingNode {
		return s
	}
	if keys["days"] == nil {
		s.Days = [7]bool{true, true, true, true, true, true, true}
	} else {
		for i, n := range p.list(keys["days"], field+".days") {
			d := slices.Index(dayNames[:], p.text(n, written.Index(field+".days", i)))
			if d < 0 {
				p.Fail(n, written.Index(field+".days", i), written.NoWord, strings.Join(dayNames[:], ", "))
				continue
			}
			s.Days[(d+1)%7] = true
		}
	}
	s.From, s.To = p.clock(n, keys["from"], field+".from"), p.clock(n, keys["to"], field+".to")
	switch who := keys["who"]; {
	case who == nil:
		p.must(n, field, keys, "who")
	case who.Kind == yaml.SequenceNode:
		for i, n := range who.Content {
			s.Who = append(s.Who, p.who(r, n, written.Index(field+".who", i)))
		}
		if len(s.Who) == 0 {
			p.Failf(who, field+".who", "목록이 비어 있습니다", "the list is empty")
		}
	default:
		s.Who = []string{p.who(r, who, field+".who")}
	}
	since := keys["since"]
	switch {
	case since == nil && len(s.Who) > 1:
		p.Failf(n, field+".since", "없습니다. 여러 사람이 교대하면 첫 사람이 당직인 주의 날짜를 쓰십시오", "is missing: the date in whose week the first of several is on call")
	case since != nil:
		d, err := time.Parse(time.DateOnly, p.text(since, field+".since"))
		if err != nil {
			p.Failf(since, field+".since", "2026-01-05처럼 날짜를 쓰십시오", "expected a date, as 2026-01-05")
		}
		s.Since = monday(d.Add(12 * time.Hour))
	}
	return s
}

// clock reads 09:00. 24:00 is the end of the day.
func (p *parser) clock(shift, n *yaml.Node, field string) int {
	if n == nil {
		if !p.Has(field) {
			p.Fail(shift, field, written.Missing)
		}
		return 0
	}
	s := p.text(n, field)
	if s == "24:00" {
		return 0
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		p.Failf(n, field, `"09:00"처럼 따옴표 안에 시각을 쓰십시오`, `expected a time of the day in quotes, as "09:00"`)
		return 0
	}
	return t.Hour()*60 + t.Minute()
}

func (p *parser) who(r *Rota, n *yaml.Node, field string) string {
	s := p.name(n, field)
	if _, ok := r.People[s]; s != "" && !ok {
		p.Failf(n, field, "people에 없는 사람입니다", "is not among people")
	}
	return s
}

func (p *parser) override(r *Rota, n *yaml.Node, field string) Override {
	var o Override
	keys := p.Keys(n, field, "from", "to", "who")
	if n.Kind != yaml.MappingNode {
		return o
	}
	for _, k := range []struct {
		name string
		to   *time.Time
	}{{"from", &o.From}, {"to", &o.To}} {
		t, err := time.ParseInLocation("2006-01-02T15:04", p.text(keys[k.name], written.Key(field, k.name)), r.Zone)
		if err != nil {
			at := keys[k.name]
			if at == nil {
				at = n
			}
			p.Failf(at, written.Key(field, k.name), "2026-10-03T09:00처럼 날짜와 시각을 쓰십시오", "expected a date and a time, as 2026-10-03T09:00")
		}
		*k.to = t
	}
	if !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To) {
		p.Failf(n, field+".to", "from보다 뒤의 시각이어야 합니다", "is not after from")
	}
	p.must(n, field, keys, "who")
	o.Who = p.who(r, keys["who"], field+".who")
	return o
}
