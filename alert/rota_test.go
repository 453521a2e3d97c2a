package alert

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const koreanRota = `version: 1
zone: Asia/Seoul
people:
  kim: {channels: [kim-phone]}
  lee: {channels: [lee-phone, lee-mail]}
  park: {channels: [park-phone]}
roles:
  first:
    weekly:
      - {days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00", who: kim}
      - {days: [mon, tue, wed, thu], from: "18:00", to: "09:00", who: [lee, park], since: 2026-08-31}
      - {days: [fri], from: "18:00", to: "24:00", who: park}
      - {days: [sat], from: "00:00", to: "24:00", who: lee}
    dated:
      - {from: 2026-09-24T00:00, to: 2026-09-27T00:00, who: park}
      - {from: 2026-09-25T09:00, to: 2026-09-25T18:00, who: lee}
`

func rota(t testing.TB, text string) *Rota {
	t.Helper()
	r, err := ParseRota("rota.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOnCall(t *testing.T) {
	r := rota(t, koreanRota)
	for at, want := range map[string]string{
		"2026-09-01T08:59": "lee", // Tuesday; Monday's night, first week
		"2026-09-01T09:00": "kim",
		"2026-09-01T17:59": "kim",
		"2026-09-01T18:00": "lee",
		"2026-09-08T18:00": "park", // second week
		"2026-09-15T02:00": "lee",  // third
		"2026-08-25T20:00": "park", // the week before the first counts back
		"2026-09-11T08:00": "park", // Friday morning is Thursday's night
		"2026-09-11T18:00": "park",
		"2026-09-12T00:00": "lee", // Saturday
		"2026-09-13T00:00": "",    // Sunday: nobody
		"2026-09-14T08:00": "",    // Monday morning: Sunday has no night
		"2026-09-23T23:59": "park",
		"2026-09-24T12:00": "park", // Chuseok
		"2026-09-25T12:00": "lee",  // the later line holds
		"2026-09-25T18:00": "park",
		"2026-09-27T00:00": "",
	} {
		when, err := time.ParseInLocation("2006-01-02T15:04", at, r.Zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.OnCall("first", when.UTC()); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
	if got := r.OnCall("second", time.Now()); got != "" {
		t.Errorf("a role that is not there: %q", got)
	}
	got := r.Uncovered()
	want := []string{"first: mon 00:00 to mon 09:00", "first: sun 00:00 to mon 00:00"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A shift begins at nine on the wall, on days on which the clock is changed too.
func TestClockChange(t *testing.T) {
	r := rota(t, strings.Replace(koreanRota, "Asia/Seoul", "Europe/Berlin", 1))
	for at, want := range map[string]string{
		"2026-10-24T21:59:00Z": "lee", // 23:59 summer time, Saturday
		"2026-10-24T22:00:00Z": "",    // Sunday
		"2026-10-25T22:59:00Z": "",    // 23:59 winter time: Sunday has 25 hours
		"2026-10-26T07:59:00Z": "",    // 08:59
		"2026-10-26T08:00:00Z": "kim", // 09:00
		"2026-03-27T08:00:00Z": "kim", // 09:00 winter time
		"2026-03-30T06:59:00Z": "",    // 08:59 summer time
		"2026-03-30T07:00:00Z": "kim",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.OnCall("first", when); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
}

// Uncovered and OnCall say the same of every minute of a week.
func TestUncoveredEqualsOnCall(t *testing.T) {
	r := rota(t, koreanRota)
	monday := time.Date(2026, 11, 2, 0, 0, 0, 0, r.Zone)
	var gaps []string
	from := ""
	name := func(m int) string {
		return fmt.Sprintf("%s %02d:%02d", dayNames[m/(24*60)%7], m/60%24, m%60)
	}
	for m := range 7*24*60 + 1 {
		covered := m == 7*24*60 || r.OnCall("first", monday.Add(time.Duration(m)*time.Minute)) != ""
		if !covered && from == "" {
			from = name(m)
		} else if covered && from != "" {
			gaps = append(gaps, "first: "+from+" to "+name(m))
			from = ""
		}
	}
	if got := r.Uncovered(); !slices.Equal(gaps, got) {
		t.Errorf("by the minute %q, at once %q", gaps, got)
	}
}

func TestRotaMistakes(t *testing.T) {
	const text = `version: 1
zone: Seoul
people:
  Kim: {channels: [a]}
  lee: {channels: []}
  park: {}
roles:
  first:
    weekly:
      - {days: [mon, funday], from: 9, to: "25:00", who: lee}
      - {from: "09:00", who: nobody}
      - {from: "09:00", to: "18:00", who: [lee, park]}
      - {from: "09:00", to: "18:00", who: [], since: soon}
      - {from: "09:00", to: "18:00"}
    dated:
      - {from: 2026-09-24T00:00, to: 2026-09-23T00:00, who: lee}
      - {from: tomorrow, who: lee}
  second: {}
`
	_, err := ParseRota("rota.yaml", []byte(text))
	if err == nil {
		t.Fatal("no mistake was found")
	}
	for _, want := range []string{
		"rota.yaml:2: zone: unknown", "rota.yaml:4: people[0]: a name", "rota.yaml:5: people[1].channels: the list is empty", "rota.yaml:6: people[2].channels: is missing",
		"rota.yaml:10: roles[0].weekly[0].days[1]: is not one of", "rota.yaml:10: roles[0].weekly[0].from: expected a time", "rota.yaml:10: roles[0].weekly[0].to: expected",
		"rota.yaml:11: roles[0].weekly[1].to: is missing", "rota.yaml:11: roles[0].weekly[1].who: is not among people", "rota.yaml:12: roles[0].weekly[2].since: is missing",
		"rota.yaml:13: roles[0].weekly[3].who: the list is empty", "rota.yaml:13: roles[0].weekly[3].since: expected a date", "rota.yaml:14: roles[0].weekly[4].who: is missing",
		"rota.yaml:16: roles[0].dated[0].to: is not after", "rota.yaml:17: roles[0].dated[1].from: expected a date", "rota.yaml:17: roles[0].dated[1].to: expected",
		"rota.yaml:18: roles[1]: has neither",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not found: %s", want)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 17 {
		t.Errorf("%d mistakes:\n%v", n, err)
	}
}
