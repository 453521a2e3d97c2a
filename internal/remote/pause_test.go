package remote

import (
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	const most = 5 * time.Minute
	whole := func(n int64) int64 { return n - 1 }
	half := func(int64) int64 { return 0 }
	for n, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second, 10: most, 11: most, 70: most, 1 << 40: most,
	} {
		if got := Pause(n, time.Second, most, whole); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
		if got := Pause(n, time.Second, most, half); got != want/2 {
			t.Errorf("%d: %v, want half of %v", n, got, want)
		}
	}
	if got := Pause(1, time.Hour, most, whole); got != most {
		t.Error(got)
	}
}
