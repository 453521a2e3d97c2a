package line

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
)

// TestTimes compares with package time, over zones, fractions and neighbours, as
// the remembered hour must never leak into the next.
func TestTimes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	seoul := time.FixedZone("", 9*3600)
	d := NewTimes(nil)
	at := time.Date(2024, 2, 28, 23, 59, 58, 0, time.UTC)
	for range 20_000 {
		at = at.Add(time.Duration(rnd.Int64N(int64(90 * time.Minute)))).Truncate(time.Millisecond)
		zone := []*time.Location{time.UTC, seoul, time.FixedZone("", -(3*3600 + 1800))}[rnd.IntN(3)]
		layout := []string{"2006-01-02T15:04:05.000Z07:00", "2006-01-02 15:04:05.000-0700", "2006-01-02T15:04:05.000000-07:00", "02/Jan/2006:15:04:05.000 -0700"}[rnd.IntN(4)]
		text := at.In(zone).Format(layout)
		got, ok := d.Parse([]byte(text))
		if !ok || got != event.MillisOf(at) {
			t.Fatalf("%s: %v %v", text, got, ok)
		}
	}
	// A time that names no zone is in the source's.
	local := NewTimes(seoul)
	if got, ok := local.Parse([]byte("2025-03-01T09:00:00")); !ok || got != event.MillisOf(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Fatal(got, ok)
	}
	for _, bad := range []string{"", "x", "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z", "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00+9", "2025-01-01T00:00", "12a", "1.", "99999999999999", "32/Jan/2025:00:00:00 +0000"} {
		if _, ok := NewTimes(nil).Parse([]byte(bad)); ok {
			t.Errorf("%q was read as a time", bad)
		}
	}
}

func TestIP(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		a := netip.Addr{}
		if want != "" {
			a = netip.MustParseAddr(want)
		}
		if got := IP([]byte(text)); got != a {
			t.Errorf("%q: %v, want %v", text, got, a)
		}
	}
	f("1.2.3.4", "1.2.3.4")
	f("255.255.255.255", "255.255.255.255")
	f("1.2.3.4:5678", "1.2.3.4")
	f("[2001:db8::1]:443", "2001:db8::1")
	f("2001:db8::1", "2001:db8::1")
	f("fe80::1%eth0", "fe80::1")
	f("::ffff:1.2.3.4", "1.2.3.4")
	f("256.1.1.1", "")
	f("1.2.3", "")
	f("1.2.3.4.5", "")
	f("", "")
	f("-", "")
	f("unix:", "")
}

func TestCount(t *testing.T) {
	f := func(text string, want int32, ok bool) {
		t.Helper()
		if got, o := Count([]byte(text)); o != ok || ok && got != want {
			t.Errorf("%q: %d %v", text, got, o)
		}
	}
	f("0", 0, true)
	f("2147483647", 2147483647, true)
	f("2147483648", 0, false)
	f("12.0", 12, true)
	f("12.5", 0, false)
	f("-1", 0, false)
	f("", 0, false)
	f("1e3", 0, false)
}

// Every cause has a Korean text of its own, and no two share a code.
func TestCauses(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range causes {
		if c.Code == "" || c.EN == "" || c.KO == "" || c.EN == c.KO || seen[c.Code] {
			t.Errorf("cause %+v", c)
		}
		seen[c.Code] = true
		if CauseText(c.Code, true) != c.KO || CauseText(c.Code, false) != c.EN {
			t.Errorf("cause %s is not found by its code", c.Code)
		}
	}
}
