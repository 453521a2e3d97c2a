package alert

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

const tenSignals = twoChannels + "queue: {signals: 10}\n"

// TestRoomSettled: what had to leave the queue, and has not changed, is not told anew
// each time a detection says what holds.
func TestRoomSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		d, stop := opened(t, disk.NewMem(), settings(t, tenSignals), Options{sender: o.sender})
		defer stop()
		var all []detect.Signal
		for i := range 12 {
			s := made(fmt.Sprintf("sig-%02d", i), detect.Medium, 1)
			s.Group = map[string]string{"key": s.ID}
			all = append(all, s)
			enqueue(t, d, s)
			pass(time.Minute)
		}
		if n := len(o.take()); n != 12 {
			t.Fatalf("%d were told", n)
		}
		all[3].People = 2
		for range 3 {
			if _, err := d.Settle(all, all[3:4], time.Now()); err != nil {
				t.Fatal(err)
			}
			pass(time.Hour)
		}
		got := o.take()
		if len(got) != 1 || !strings.Contains(got[0], "room sig-03 r2 medium 2") || d.Status().Lost != 0 {
			t.Errorf("told %q, and %d lost", got, d.Status().Lost)
		}
	})
}

func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, o := disk.NewMem(), &office{}
		down := func(string, message) error { return trouble("응답 코드 503", "answered 503") }
		o.answers(down)
		var log testLog
		d, stop := opened(t, mem, settings(t, tenSignals), Options{sender: o.sender, Log: log.logger()})
		for i := range 10 {
			enqueue(t, d, made(fmt.Sprintf("sig-%d", i), detect.Medium, 1))
			pass(time.Second)
		}
		// One more of the same: refused, and said.
		err := d.Found(time.Time{}, made("sig-more", detect.Medium, 1))
		if !Refused(err) || Refused(errors.Join(err, io.ErrShortWrite)) || Refused(nil) || !strings.Contains(err.Error(), "sig-more") {
			t.Fatalf("beyond the bound: %v", err)
		}
		if s := d.Status(); s.Lost != 1 || s.Signals != 11 || !strings.Contains(log.String(), "the alert queue is full") {
			t.Errorf("not said: %+v\n%s", s, log.String())
		}
		// Those that are known still grow.
		enqueue(t, d, made("sig-3", detect.Medium, 33))
		// A graver one takes the place of the oldest of the least grave.
		enqueue(t, d, made("sig-grave", detect.Critical, 5))
		if s := d.Status(); s.Lost != 2 || d.book.entries["sig-0"] != nil || d.book.entries["sig-grave"] == nil {
			t.Errorf("no place for a graver one: %+v", s)
		}
		stop()
		o.take()
		o.answers(nil)

		// The loss is told, and known after a restart.
		d, stop = opened(t, mem, settings(t, tenSignals), Options{sender: o.sender})
		defer stop()
		pass(time.Minute)
		got := strings.Join(o.take(), "\n")
		for _, part := range []string{"chief " + overflowID, "room " + overflowID, "room sig-3 r2 medium 33", "chief sig-grave r1"} {
			if !strings.Contains(got, part) {
				t.Errorf("no %q in\n%s", part, got)
			}
		}
		if s := d.Status(); s.Lost != 2 {
			t.Errorf("%d lost after a restart", s.Lost)
		}
		if title := d.book.entries[overflowID].Signal.Title.KO; title != "알림 대기열 한도 초과로 탐지 2건의 알림 누락" {
			t.Errorf("title: %s", title)
		}

		// What was told needs no place any more: nothing is lost by the next.
		for i := range 8 {
			enqueue(t, d, made(fmt.Sprintf("sig-later-%d", i), detect.Medium, 1))
		}
		if s := d.Status(); s.Lost != 2 || s.Signals != 11 {
			t.Errorf("%+v", s)
		}
		if d.book.entries["sig-grave"] == nil {
			t.Error("one that nobody has taken went before those that were finished")
		}
	})
}

// Bytes are bounded too.
func TestLargeSignal(t *testing.T) {
	d, err := Open(disk.NewMem(), "alerts", settings(t, twoChannels), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := made("sig-a", detect.High, 1)
	s.Where = strings.Repeat("x", maxSignalBytes)
	if err := d.Found(time.Time{}, s, made("sig-b", detect.High, 1)); err == nil || !strings.Contains(err.Error(), "sig-a takes") || strings.Contains(err.Error(), "xxx") {
		t.Errorf("a large one: %v", err)
	}
	if d.book.entries["sig-b"] == nil {
		t.Error("the other one was not taken")
	}
	s.Where = strings.Repeat("x", maxSignalBytes-2000)
	for i := range 2 * maxBookBytes / maxSignalBytes {
		s.ID = fmt.Sprintf("sig-%d", i)
		err = d.Found(time.Time{}, s)
	}
	if !errors.Is(err, ErrFull) || d.book.bytes > maxBookBytes+maxBookBytes/20 {
		t.Errorf("%d bytes held: %v", d.book.bytes, err)
	}
	for _, id := range []string{"", "a b", "x\r\nBcc: y", "가", strings.Repeat("x", 129)} {
		if err := d.Found(time.Time{}, made(id, detect.High, 1)); err == nil {
			t.Errorf("id %q was taken", id)
		}
	}
	if err := d.Acknowledge("sig-1", "kim\nx", "", time.Now()); err == nil {
		t.Error("two lines as a name")
	}
}

func TestHeartbeat(t *testing.T) {
	c := settings(t, twoChannels+"heartbeat: {url: \"https://watch.example/x\", interval: 1m, within: 3m}\n")
	o := &office{}
	fsys := disk.NewFaulty(disk.NewMem())
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	d, err := Open(fsys, "alerts", c, Options{Now: func() time.Time { return now }, sender: o.sender})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	expect := func(part string) {
		t.Helper()
		if why := d.silent(now); !strings.Contains(why.EN, part) || (part == "") != (why.EN == "") || (why.KO == "") != (why.EN == "") {
			t.Errorf("silent because %q, want %q", why, part)
		}
	}
	expect("not yet said")
	d.Alive(now)
	expect("")
	now = now.Add(3 * time.Minute)
	expect("")
	now = now.Add(time.Second)
	expect("since 2026-09-01T00:00:00.000Z")
	d.Alive(now)
	expect("")
	fsys.FailFrom(1, errors.New("gone"))
	d.Found(time.Time{}, made("sig-a", detect.High, 1))
	expect("cannot be written")
	fsys.FailAt(0, nil)
	enqueue(t, d, made("sig-a", detect.High, 1))
	expect("")

	// When no channel works, the heartbeat is what still tells somebody.
	for _, l := range d.routes {
		l.problem(trouble("응답 코드 503", "answered 503"), now)
	}
	expect("")
	now = now.Add(deadChannels)
	d.Alive(now)
	expect("no channel works")
	d.routes[1].worked(now)
	expect("")
}
