package traffic

import (
	"regexp"
	"time"

	"github.com/haetae/haetae/packs"
)

// Shapes of a day, in weights by the hour. They are drawn after no source.
var (
	evenings = [24]int64{10, 6, 4, 3, 3, 5, 12, 24, 34, 38, 42, 46, 52, 46, 42, 42, 44, 50, 60, 74, 90, 96, 80, 40}
	office   = [24]int64{9: 80, 10: 100, 11: 95, 12: 30, 13: 85, 14: 100, 15: 100, 16: 95, 17: 80}
	night    = [24]int64{0: 90, 1: 100, 2: 100, 3: 100, 4: 90, 5: 60, 22: 20, 23: 60}
)

// weight is how much of a week's visits falls into an hour, of week in all.
func weight(shape string, hourOfDay int, weekday time.Weekday, holiday bool) int64 {
	weekend := weekday == time.Saturday || weekday == time.Sunday
	switch shape {
	case "members":
		if weekend || holiday {
			return evenings[hourOfDay] * 12
		}
		return evenings[hourOfDay] * 10
	case "office":
		if weekend || holiday {
			return 0
		}
		return office[hourOfDay]
	case "night":
		return night[hourOfDay]
	}
	return 1
}

// week is what the weights of an ordinary week add up to.
func week(shape string) int64 {
	var sum int64
	for d := time.Sunday; d <= time.Saturday; d++ {
		for h := range 24 {
			sum += weight(shape, h, d, false)
		}
	}
	return sum
}

var holidayLine = regexp.MustCompile(`(?m)^\s*- \{day: (\d{4}-\d{2}-\d{2}),`)

// calendarFile is the calendar of Korean holidays that ships.
func calendarFile() []byte {
	b, err := packs.FS.ReadFile("calendars/kr.yaml")
	if err != nil {
		panic("the calendar of Korea is not embedded") // packs has it, or the build is broken
	}
	return b
}

// holidays are the days of that calendar, since 1970.
func holidays() map[int64]bool {
	out := map[int64]bool{}
	for _, d := range holidayLine.FindAllSubmatch(calendarFile(), -1) {
		if t, err := time.Parse(time.DateOnly, string(d[1])); err == nil {
			out[t.Unix()/86400] = true
		}
	}
	return out
}
