package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/event"
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

// calendarFile is what such a file holds:
//
//	calendars:
//	  kr-holidays:
//	    - {day: 2026-01-01, ko: 신정, en: New Year's Day}
//	  events:
//	    - {from: 2026-11-11T00:00:00+09:00, until: 2026-11-12T00:00:00+09:00, ko: 대규모 할인, en: sale day}
type calendarFile struct {
	Calendars map[string][]struct {
		Day   string `yaml:"day"`
		From  string `yaml:"from"`
		Until string `yaml:"until"`
		KO    string `yaml:"ko"`
		EN    string `yaml:"en"`
	} `yaml:"calendars"`
}

// ReadCalendar reads a calendar file. Days are those of zone.
func ReadCalendar(name string, data []byte, zone *time.Location) (*Calendar, error) {
	var f calendarFile
	if err := strictYAML(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &Calendar{zone: zone, days: map[int64][]string{}}
	var errs []error
	for _, cal := range sortedKeys(f.Calendars) {
		for i, e := range f.Calendars[cal] {
			where := fmt.Sprintf("%s: calendars.%s[%d]", name, cal, i+1)
			if e.KO == "" || e.EN == "" {
				errs = append(errs, fmt.Errorf("%s: needs a name in ko and en", where))
			}
			from, to, err := entrySpan(e.Day, e.From, e.Until, zone)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", where, err))
				continue
			}
			c.add(calendarEntry{cal, Text{KO: e.KO, EN: e.EN}, from, to})
		}
	}
	return c, errors.Join(errs...)
}

func entrySpan(day, from, until string, zone *time.Location) (event.Millis, event.Millis, error) {
	if day != "" {
		if from != "" || until != "" {
			return 0, 0, errors.New("has a day, or from and until")
		}
		d, err := time.ParseInLocation(time.DateOnly, day, zone)
		if err != nil {
			return 0, 0, errors.New("day is not a date such as 2026-01-01")
		}
		return event.MillisOf(d), event.MillisOf(d.AddDate(0, 0, 1)), nil
	}
	a, err := moment(from, zone)
	if err != nil {
		return 0, 0, fmt.Errorf("from %w", err)
	}
	b, err := moment(until, zone)
	if err != nil {
		return 0, 0, fmt.Errorf("until %w", err)
	}
	if b <= a {
		return 0, 0, errors.New("until is not after from")
	}
	if b-a > maxEntry {
		return 0, 0, errors.New("lasts longer than a year: name the days")
	}
	return a, b, nil
}

// maxEntry is how long a calendar's entry may be: what lasts longer is no event.
const maxEntry = 366 * 86_400_000

// moment reads a date or a time with its offset.
func moment(s string, zone *time.Location) (event.Millis, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return event.MillisOf(t), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, errors.New("is not a date (2026-01-01) or a time (2026-01-01T09:00:00+09:00)")
	}
	return event.MillisOf(t), nil
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

// strictYAML refuses keys that are not known and a second document.
func strictYAML(data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
