package alert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// The clock of a synctest bubble begins at midnight UTC, 2000-01-01, a Saturday.

func want(t *testing.T, o *office, lines ...string) {
	t.Helper()
	synctest.Wait()
	if lines == nil {
		lines = []string{}
	}
	slices.Sort(lines)
	if diff := cmp.Diff(lines, o.take()); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

func pass(d time.Duration) {
	time.Sleep(d) // the bubble's clock: no time passes outside
	synctest.Wait()
}

func TestGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
		defer stop()

		enqueue(t, d, made("sig-low", detect.Low, 1))
		want(t, o) // concerns nobody
		if n := d.Status().Signals; n != 0 {
			t.Errorf("%d signals are kept that nobody is told of", n)
		}

		enqueue(t, d, made("sig-a", detect.Medium, 3))
		want(t, o, "00:00:00 room sig-a r1 medium 3")
		enqueue(t, d, made("sig-a", detect.Medium, 3)) // no change
		pass(time.Hour)
		want(t, o)

		// It grows all the time: one message in half an hour, with the newest numbers.
		for n := range int64(65) {
			pass(35 * time.Second)
			enqueue(t, d, made("sig-a", detect.Medium, 10+n))
			pass(35 * time.Second)
		}
		want(t, o,
			"01:00:35 room sig-a r2 medium 10",
			"01:30:35 room sig-a r27 medium 35",
			"02:00:35 room sig-a r53 medium 61")

		// A rise is told at once, to whom it newly concerns as well.
		enqueue(t, d, made("sig-a", detect.High, 80))
		want(t, o, "02:15:50 room sig-a r67 high 80", "02:15:50 chief sig-a r67 high 80")
		pass(2 * time.Hour)
		want(t, o)

		// A late record can take back: that is told under the same rule.
		enqueue(t, d, made("sig-a", detect.Medium, 79))
		want(t, o, "04:15:50 room sig-a r68 medium 79", "04:15:50 chief sig-a r68 medium 79")

		// An exception: whoever heard of it hears that, and nobody else.
		s := made("sig-a", detect.Medium, 79)
		s.Status = detect.Suppressed
		enqueue(t, d, s)
		s.ID = "sig-new"
		enqueue(t, d, s)
		pass(time.Hour)
		want(t, o, "04:45:50 room sig-a r69 medium 79 suppressed", "04:45:50 chief sig-a r69 medium 79 suppressed")
	})
}

func TestChangeWhileUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		o := &office{hold: map[string]chan struct{}{"room": hold}}
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		enqueue(t, d, made("sig-a", detect.Medium, 1))
		want(t, o, "00:00:00 room sig-a r1 medium 1")
		enqueue(t, d, made("sig-a", detect.Medium, 2))
		if err := d.Acknowledge("sig-a", "kim", "", time.Now()); err != nil {
			t.Fatal(err)
		}
		close(hold)
		want(t, o, "00:00:00 room sig-a r3 medium 2 acknowledged")
		pass(24 * time.Hour)
		want(t, o)
	})
}

// A dead channel holds up no other, is asked less and less often, and tells what
// is so when it comes back.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		down := func(ch string, m message) error {
			if ch == "room" {
				return trouble("응답 코드 503", "answered 503")
			}
			return nil
		}
		o.answers(down)
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender, Seed: 7})
		defer stop()
		enqueue(t, d, made("sig-a", detect.High, 1), made("sig-b", detect.High, 1))
		pass(6 * time.Hour)

		var attempts []time.Time
		chief := 0
		o.mu.Lock()
		for _, p := range o.posts {
			if p.channel == "room" {
				attempts = append(attempts, p.at)
			} else {
				chief++
			}
		}
		o.posts = nil
		o.mu.Unlock()
		if chief != 2 {
			t.Errorf("the other channel was asked %d times, not twice", chief)
		}
		for i := 1; i < len(attempts); i++ {
			most := min(firstPause<<min(i-1, 10), maxPause)
			if gap := attempts[i].Sub(attempts[i-1]); gap < most/2 || gap > most {
				t.Errorf("pause %d is %s, not between %s and %s", i, gap, most/2, most)
			}
		}
		if n := len(attempts); n < 72 || n > 160 {
			t.Errorf("%d attempts in six hours", n)
		}
		s := d.Status()
		if c := s.Channels[0]; c.Queued != 2 || c.Failed != 0 || c.LastError != "answered 503" || c.LastErrorKO != "응답 코드 503" || c.NextTry.IsZero() || c.Failing.IsZero() {
			t.Errorf("status of the dead channel: %+v", c)
		}
		if c := s.Channels[1]; c.Queued != 0 || c.LastSuccess.IsZero() || c.LastError != "" {
			t.Errorf("status of the other: %+v", c)
		}

		enqueue(t, d, made("sig-a", detect.High, 50))
		o.take()
		o.answers(nil)
		pass(11 * time.Minute)
		got := strings.Join(o.take(), "\n")
		for _, part := range []string{"room sig-a r2 high 50", "room sig-b r1 high 1"} {
			if strings.Count(got, part) != 1 {
				t.Errorf("not once %q in\n%s", part, got)
			}
		}
	})
}

// A message that the other side chokes on holds up no other.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		o.answers(func(ch string, m message) error {
			if m.signal.ID == "sig-poison" {
				return trouble("응답 코드 500", "answered 500")
			}
			return nil
		})
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		enqueue(t, d, made("sig-poison", detect.Critical, 1))
		pass(10 * time.Minute)
		o.take()
		enqueue(t, d, made("sig-b", detect.Medium, 1))
		pass(maxPause)
		if got := strings.Join(o.take(), "\n"); !strings.Contains(got, "room sig-b r1") {
			t.Errorf("held up: %s", got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		o.answers(func(ch string, m message) error { return &problem{text: "answered 429", after: 10 * time.Minute} })
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		enqueue(t, d, made("sig-a", detect.Medium, 1))
		pass(9 * time.Minute)
		want(t, o, "00:00:00 room sig-a r1 medium 1")
		pass(2 * time.Minute)
		want(t, o, "00:10:00 room sig-a r1 medium 1")
	})
}

// What was refused for good stays, is seen, and can be sent again.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		o := &office{}
		o.answers(func(ch string, m message) error {
			if ch == "room" {
				return refusal("응답 코드 404", "answered 404")
			}
			return nil
		})
		d, stop := opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 1))
		pass(24 * time.Hour)
		want(t, o, "00:00:00 room sig-a r1 high 1", "00:00:00 chief sig-a r1 high 1")
		stop()

		d, stop = opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		pass(time.Hour)
		want(t, o)
		s := d.Status()
		if s.Channels[0].Failed != 1 || len(s.Failures) != 1 || s.Failures[0].Error != "answered 404" || s.Failures[0].Signal != "sig-a" {
			t.Errorf("the failure is not to be seen: %+v %+v", s.Channels[0], s.Failures)
		}
		o.answers(nil)
		if n, err := d.Retry("room"); n != 1 || err != nil {
			t.Errorf("Retry: %d, %v", n, err)
		}
		want(t, o, "01:00:00 room sig-a r1 high 1")
		if _, err := d.Retry("nowhere"); !errors.Is(err, ErrNoChannel) {
			t.Errorf("Retry of no channel: %v", err)
		}
		// Growth is another chance too.
		o.answers(func(ch string, m message) error { return refusal("응답 코드 400", "answered 400") })
		enqueue(t, d, made("sig-a", detect.High, 2))
		pass(time.Hour)
		o.answers(nil)
		o.take()
		enqueue(t, d, made("sig-a", detect.High, 3))
		pass(time.Minute)
		if got := o.take(); len(got) != 2 {
			t.Errorf("after a refusal, growth was not told: %q", got)
		}
	})
}

// The gravest first, and no more than a channel's readers can read.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		var all []detect.Signal
		for i := range 300 {
			all = append(all, made(fmt.Sprintf("sig-%03d", i), detect.Medium, 1))
		}
		enqueue(t, d, all...)
		pass(time.Second)
		enqueue(t, d, made("sig-high", detect.Critical, 9))
		pass(time.Minute)
		got := o.take()
		if len(got) < 20 || len(got) > 27 {
			t.Errorf("%d messages in the first minute", len(got))
		}
		if !strings.Contains(strings.Join(got[:8], "\n"), "room sig-high") {
			t.Errorf("the critical one waits: %q", got[:8])
		}
		pass(15 * time.Minute)
		if q := d.Status().Channels[0].Queued; q != 0 {
			t.Errorf("%d still queued", q)
		}
	})
}

const escalating = twoChannels + `  - {name: kim-phone, kind: webhook, url: "https://kim.example/", standby: true, min_severity: critical}
  - {name: lee-phone, kind: webhook, url: "https://lee.example/", standby: true}
  - {name: ciso, kind: webhook, url: "https://ciso.example/", standby: true}
rota: rota.yaml
escalation:
  steps:
    - {after: 15m, role: first}
    - {after: 30m, role: second}
    - {after: 1h, channel: ciso}
`

// On 2000-01-01, Kim is on call until two o'clock. Nobody ever is second.
const nightRota = `version: 1
zone: UTC
people:
  kim: {channels: [kim-phone]}
  lee: {channels: [lee-phone]}
roles:
  first:
    weekly:
      - {from: "18:00", to: "02:00", who: kim}
      - {from: "02:00", to: "18:00", who: lee}
  second:
    dated:
      - {from: 1999-01-01T00:00, to: 1999-01-02T00:00, who: lee}
`

func escalatingSettings(t *testing.T) *Config {
	t.Helper()
	c := settings(t, escalating)
	r, err := ParseRota("rota.yaml", []byte(nightRota))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Use(r); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEscalation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, o := disk.NewMem(), &office{}
		d, stop := opened(t, mem, escalatingSettings(t), Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 1), made("sig-m", detect.Medium, 1))
		want(t, o, "00:00:00 room sig-a r1 high 1", "00:00:00 chief sig-a r1 high 1", "00:00:00 room sig-m r1 medium 1")
		pass(16 * time.Minute)
		want(t, o, "00:15:00 kim-phone sig-a step 1 r1 high 1")
		s := d.Status()
		if s.Unacknowledged != 1 || s.Waiting[0].Signal != "sig-a" || s.Waiting[0].Step != 1 || s.Waiting[0].NextTo != "second" ||
			s.Waiting[0].Age != "16m0s" || s.Waiting[0].NextStep.Sub(s.At) != 14*time.Minute {
			t.Errorf("status: %+v", s.Waiting)
		}
		// The second step has nobody on call: all are told. It falls into a time
		// in which the process does not run.
		stop()
		pass(20 * time.Minute)
		d, stop = opened(t, mem, escalatingSettings(t), Options{sender: o.sender})
		defer stop()
		want(t, o, "00:36:00 room sig-a step 2 r1 high 1", "00:36:00 chief sig-a step 2 r1 high 1")
		// Growth is not for those who are called.
		enqueue(t, d, made("sig-a", detect.High, 2))
		want(t, o, "00:36:00 room sig-a r2 high 2", "00:36:00 chief sig-a r2 high 2")

		if err := d.Acknowledge("sig-a", "Lee", "looking", time.Now()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := strings.Join(o.take(), "\n")
		for _, ch := range []string{"room", "chief", "kim-phone"} {
			if !strings.Contains(got, "00:36:00 "+ch+" sig-a r3 high 2 acknowledged") {
				t.Errorf("%s was not told that it is taken:\n%s", ch, got)
			}
		}
		pass(3 * time.Hour)
		want(t, o)
		if n := d.Status().Unacknowledged; n != 0 {
			t.Errorf("%d unacknowledged", n)
		}
		// Growth of what is taken comes seldom.
		enqueue(t, d, made("sig-a", detect.High, 3))
		pass(time.Hour)
		want(t, o)
		pass(3 * time.Hour)
		if got := o.take(); len(got) != 2 {
			t.Errorf("growth after it was taken: %q", got)
		}

		// Graver than what was acknowledged: it comes up again, from the beginning.
		enqueue(t, d, made("sig-a", detect.Critical, 9))
		synctest.Wait()
		if got := strings.Join(o.take(), "\n"); strings.Count(got, "r5 critical 9") != 3+2 || strings.Contains(got, "acknowledged") {
			t.Errorf("not told anew, once on each channel and step told before:\n%s", got)
		}
		pass(16 * time.Minute)
		want(t, o, "07:51:00 lee-phone sig-a step 1 r5 critical 9")
		if err := d.Acknowledge("sig-none", "Lee", "", time.Now()); !errors.Is(err, ErrUnknown) {
			t.Errorf("unknown signal: %v", err)
		}
	})
}

// An acknowledgement survives, and so does what it was of.
func TestAcknowledgedOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, o := disk.NewMem(), &office{}
		d, stop := opened(t, mem, escalatingSettings(t), Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 1))
		synctest.Wait()
		if err := d.Acknowledge("sig-a", "Lee", "n", time.Now()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		o.take()
		d, stop = opened(t, mem, escalatingSettings(t), Options{sender: o.sender})
		defer stop()
		enqueue(t, d, made("sig-a", detect.High, 1)) // detection hands in what it knows
		pass(5 * time.Hour)
		want(t, o)
		e := d.book.entries["sig-a"]
		if len(e.Acks) != 1 || e.Acks[0].Who != "Lee" || e.Acks[0].Note != "n" || e.Acks[0].Severity != detect.High {
			t.Errorf("acknowledgements: %+v", e.Acks)
		}
	})
}

// What is queued or half sent when the process stops is sent by the next, under
// the same key.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		o := &office{hold: map[string]chan struct{}{"room": make(chan struct{})}}
		d, stop := opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 1))
		synctest.Wait()
		first := ""
		for _, p := range o.posts {
			if p.channel == "room" {
				first = p.m.key
			}
		}
		stop()
		o.take()
		o.hold = nil
		_, stop = opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		synctest.Wait()
		if len(o.posts) != 1 || o.posts[0].channel != "room" || o.posts[0].m.key != first {
			t.Errorf("after a restart: %v, key %s before", o.posts, first)
		}
	})
}
