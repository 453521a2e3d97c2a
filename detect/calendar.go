package detect

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
)

// Calendar says what was known to be going on: public holidays, a sale day, a push
// campaign, a migration. Rules ask for a calendar by name (calendar: kr-holidays),
// and a signal names what it overlaps with.
type Calendar struct {
	zone    *time.Location
	entries []calendarEntry
	days    map[int64][]string // by day in zone, the names of the calendars
}

type calendarEntry struct {
	calendar string
	name     Text
	from, to event.Millis // [from, to)
}

// entry is how one is written.
type entry struct {
	Day   string `yaml:"day"`
	From  string `yaml:"from"`
	Until string `yaml:"until"`
	KO    string `yaml:"ko"`
	EN    string `yaml:"en"`
}

// ReadCalendar reads a calendar file. Days are those of zone.
//
//	calendars:
//	  kr-holidays:
//	    - {day: 2026-01-01, ko: 신정, en: New Year's Day}
//	  events:
//	    - {from: 2026-11-11T00:00:00+09:00, until: 2026-11-12T00:00:00+09:00, ko: 대규모 할인, en: sale day}
func ReadCalendar(name string, data []byte, zone *time.Location) (*Calendar, error) {
	r := beside(name)
	c := &Calendar{zone: zone, days: map[int64][]string{}}
	if root := r.Document(data, maxBesideMiB); root != nil {
		if n := r.Keys(root, "", "calendars")["calendars"]; n != nil {
			c = CalendarOf(r, n, "calendars", zone)
		}
	}
	return c, r.Err()
}

// CalendarOf reads the calendars that stand at a node of a file.
func CalendarOf(r *written.Reader, n *yaml.Node, field string, zone *time.Location) *Calendar {
	c := &Calendar{zone: zone, days: map[int64][]string{}}
	pairs, _ := r.Pairs(n, field)
	slices.SortStableFunc(pairs, func(a, b written.Pair) int { return strings.Compare(a.Name, b.Name) })
	for _, kv := range pairs {
		var list []entry
		r.Into(kv.Value, kv.Field, &list)
		for i, e := range list {
			at := written.Index(kv.Field, i)
			if e.KO == "" || e.EN == "" {
				r.FailAt(at, "ko와 en으로 이름을 적으십시오", "needs a name in ko and en")
			}
			if from, to, ok := e.span(r, at, zone); ok {
				c.add(calendarEntry{kv.Name, Text{KO: e.KO, EN: e.EN}, from, to})
			}
		}
	}
	return c
}

// span is the time of an entry; at is where it stands.
func (e *entry) span(r *written.Reader, at string, zone *time.Location) (from, to event.Millis, ok bool) {
	before := r.Found()
	if e.Day != "" {
		f := written.Key(at, "day")
		if e.From != "" || e.Until != "" {
			r.FailAt(f, "day를 쓰거나, from과 until을 함께 쓰십시오", "has a day, or from and until")
		}
		d, err := time.ParseInLocation(time.DateOnly, e.Day, zone)
		if err != nil {
			r.FailAt(f, "2026-01-01과 같은 날짜가 아닙니다", "is not a date such as 2026-01-01")
		}
		return event.MillisOf(d), event.MillisOf(d.AddDate(0, 0, 1)), r.Found() == before
	}
	for _, k := range []struct{ key, value string }{{"from", e.From}, {"until", e.Until}} {
		if f := written.Key(at, k.key); k.value == "" && !r.Has(f) {
			r.Fail(r.At(f), f, written.Missing)
		}
	}
	from, to = momentOf(r, at, "from", e.From, zone), momentOf(r, at, "until", e.Until, zone)
	switch f := written.Key(at, "until"); {
	case r.Found() > before:
	case to <= from:
		r.Fail(r.At(f), f, notAfter)
	case to-from > maxEntry:
		r.FailAt(f, "1년보다 깁니다. 날짜를 하나씩 적으십시오", "lasts longer than a year: name the days")
	}
	return from, to, r.Found() == before
}

// maxEntry is how long a calendar's entry may be: what lasts longer is no event.
const maxEntry = 366 * 86_400_000

var (
	badMoment = written.Kind{
		Code: "moment", KO: "날짜(2026-01-01)나 시각(2026-01-01T09:00:00+09:00)이 아닙니다", EN: "is not a date (2026-01-01) or a time (2026-01-01T09:00:00+09:00)",
	}
	notAfter = written.Kind{Code: "until", KO: "from보다 뒤여야 합니다", EN: "is not after from"}
)

// momentOf reads a date or a time with its offset; what is empty gives 0.
func momentOf(r *written.Reader, at, key, s string, zone *time.Location) event.Millis {
	if s == "" {
		return 0
	}
	t, ok := moment(s, zone)
	if f := written.Key(at, key); !ok {
		r.Fail(r.At(f), f, badMoment)
	}
	return t
}

func moment(s string, zone *time.Location) (event.Millis, bool) {
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return 0, false
	}
	return event.MillisOf(t), true
}

// maxBesideMiB bounds a file beside the rules: a list of a hundred thousand ids
// takes one or two.
const maxBesideMiB = 64

// beside begins to read a file that lies beside the rules.
func beside(name string) *written.Reader {
	return &written.Reader{File: name, References: true, Blank: true, Places: true}
}

func (c *Calendar) add(e calendarEntry) {
	c.entries = append(c.entries, e)
	for d := c.day(e.from); d <= c.day(e.to-1); d++ {
		if !slices.Contains(c.days[d], e.calendar) {
			c.days[d] = append(c.days[d], e.calendar)
		}
	}
}

func (c *Calendar) day(t event.Millis) int64 {
	_, off := t.Time().In(c.zone).Zone()
	ms := int64(t) + int64(off)*1000
	d := ms / 86_400_000
	if ms < 0 && ms%86_400_000 != 0 {
		d--
	}
	return d
}

// On names the calendars that have a moment's day.
func (c *Calendar) On(t event.Millis) []string {
	if c == nil {
		return nil
	}
	d := c.day(t)
	out := c.days[d]
	if w := ((d+4)%7 + 7) % 7; w == 0 || w == 6 { // 1970-01-01 was a Thursday
		return append(out[:len(out):len(out)], weekend)
	}
	return out
}

// weekend is the calendar of Saturdays and Sundays, which no file has to name.
const weekend = "weekend"

// Over names what was going on between two moments, of the named calendars or of
// all.
func (c *Calendar) Over(from, to event.Millis, calendars []string) []Text {
	if c == nil {
		return nil
	}
	var out []Text
	for _, e := range c.entries {
		if e.from <= to && from < e.to && (len(calendars) == 0 || slices.Contains(calendars, e.calendar)) && !slices.Contains(out, e.name) {
			out = append(out, e.name)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
