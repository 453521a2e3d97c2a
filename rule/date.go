package rule

import "time"

// datePart is the part of a date that a modifier means.
type datePart uint8

const (
	dateNone datePart = iota
	dateMinute
	dateHour
	dateDay
	dateWeek
	dateMonth
	dateYear
)

var datePartNames = [...]string{"", "minute", "hour", "day", "week", "month", "year"}

func (d datePart) String() string { return datePartNames[d] }

var dateParts = map[string]datePart{
	"minute": dateMinute, "hour": dateHour, "day": dateDay, "week": dateWeek, "month": dateMonth, "year": dateYear,
}

func (d datePart) bounds() (least, most int64) {
	switch d {
	case dateMinute:
		return 0, 59
	case dateHour:
		return 0, 23
	case dateDay:
		return 1, 31
	case dateWeek:
		return 1, 53
	case dateMonth:
		return 1, 12
	}
	return 0, 9999
}

// of takes the part out of a moment, in the moment's zone. Weeks are those of
// ISO 8601.
func (d datePart) of(t time.Time) int64 {
	switch d {
	case dateMinute:
		return int64(t.Minute())
	case dateHour:
		return int64(t.Hour())
	case dateDay:
		return int64(t.Day())
	case dateWeek:
		_, week := t.ISOWeek()
		return int64(week)
	case dateMonth:
		return int64(t.Month())
	}
	return int64(t.Year())
}

// readDate reads a date such as 2025-03-01T09:30:00 or 2025-03-01 09:30 as it is
// written. An offset after it is ignored: a log in local time is asked for its
// local hour.
func readDate(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02") || s[4] != '-' && s[4] != '/' || s[7] != s[4] {
		return time.Time{}, false
	}
	y, ok1 := digits(s[0:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:10])
	hour, minute := 0, 0
	ok := ok1 && ok2 && ok3
	if rest := s[10:]; rest != "" {
		if len(rest) < len("T15:04") || rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ' || rest[3] != ':' {
			return time.Time{}, false
		}
		var ok4, ok5 bool
		hour, ok4 = digits(rest[1:3])
		minute, ok5 = digits(rest[4:6])
		ok = ok && ok4 && ok5
	}
	if !ok || m < 1 || m > 12 || d < 1 || hour > 23 || minute > 59 {
		return time.Time{}, false
	}
	t := time.Date(y, time.Month(m), d, hour, minute, 0, 0, time.UTC)
	return t, t.Day() == d // no 30th of February
}

func digits(s string) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
