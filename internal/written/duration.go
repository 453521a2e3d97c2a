package written

import (
	"strconv"
	"strings"
	"time"
)

// NoDuration is a time that is none, or too short or too long.
var NoDuration = Kind{"duration", "%s 이상 %s 이하의 기간이어야 합니다. 30s, 15m, 6h, 2d처럼 쓰십시오", "expected a time from %s to %s, as 30s, 15m, 6h or 2d"}

// Duration reads 90s, 15m, 1h30m or 2d.
func Duration(s string) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); err != nil && ok {
		var v int
		if v, err = strconv.Atoi(days); v < 0 || v > 10000 {
			v = 10000
		}
		d = time.Duration(v) * 24 * time.Hour
	}
	return d, err == nil
}

// ShortDuration is a duration as a file writes it.
func ShortDuration(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.of && d%u.of == 0 {
			return strconv.FormatInt(int64(d/u.of), 10) + u.name
		}
	}
	return d.String()
}
