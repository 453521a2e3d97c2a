package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// told is an event as a reader of a stream gets it.
type told struct {
	event, id string
	signal    detect.Signal
}

// listener reads a stream over a connection of its own, which a test can cut.
type listener struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Scanner
	id   string // the last that was given
}

func (r *running) listen(t *testing.T, last string) *listener {
	t.Helper()
	l := &listener{t: t, id: last}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (_ net.Conn, err error) {
		l.conn, err = new(net.Dialer).DialContext(ctx, network, addr)
		return l.conn, err
	}}}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.Addr()+"/v1/signals/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.address.Token)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	l.in = bufio.NewScanner(res.Body)
	return l
}

func (l *listener) cut() { l.conn.Close() }

// next is the next event, or what sets the id alone; false when the stream ends.
func (l *listener) next() (e told, ok bool) {
	l.t.Helper()
	for l.in.Scan() {
		key, value, _ := strings.Cut(l.in.Text(), ": ")
		switch key {
		case "event":
			e.event = value
		case "id":
			e.id, l.id = value, value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.signal); err != nil {
				l.t.Fatal(err)
			}
		case "":
			if e.event != "" || e.id != "" {
				return e, true
			}
		}
	}
	return e, false
}

// groups are the keys of the next so many signals, sorted.
func (l *listener) groups(n int) string {
	l.t.Helper()
	var out []string
	for len(out) < n {
		e, ok := l.next()
		if !ok {
			l.t.Fatalf("the stream ends after %q", out)
		}
		if e.event == "signal" {
			out = append(out, e.signal.Group["credential.key"])
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestCutOff: a reader that is cut off gets what it missed, and nothing else. What it
// cannot be told any more, it reads anew: after a restart, and when a signal is gone.
func TestCutOff(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	rules := writeRules(t, liveRule)
	with := func(o *Options) { o.Detect = &DetectRequest{Rules: rules} }
	r := w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	now, next := time.Now().Add(-time.Minute), 0
	leak := func(key string) {
		t.Helper()
		n := len(r.signals(t).Signals)
		for range 3 {
			r.post(nil, liveRecord(next, key, now))
			next++
		}
		until(t, "signal", func() bool { return len(r.signals(t).Signals) == n+1 })
	}
	leak("a")
	l := r.listen(t, "")
	if got := l.groups(1); got != "a" {
		t.Fatalf("all is %q", got)
	}
	if l.id != "" {
		t.Fatal("a signal of the list has an id: a reader that is cut off within it would miss the rest")
	}
	if e, ok := l.next(); !ok || e.event != "" || e.id == "" {
		t.Fatalf("after the list comes %+v", e)
	}
	leak("b")
	if got := l.groups(1); got != "b" {
		t.Fatalf("then comes %q", got)
	}
	l.cut()
	leak("c")
	leak("d")
	l = r.listen(t, l.id)
	if got := l.groups(2); got != "c d" {
		t.Fatalf("what was missed is %q", got)
	}
	l.cut()
	l = r.listen(t, l.id) // nothing was missed
	leak("e")
	if got := l.groups(1); got != "e" {
		t.Fatalf("then comes %q", got)
	}
	anew := func(what, id string, n int) *listener {
		t.Helper()
		l := r.listen(t, id)
		if e, ok := l.next(); !ok || e.event != "reset" {
			t.Fatalf("%s: first comes %+v", what, e)
		}
		l.groups(n)
		if e, ok := l.next(); !ok || e.id == "" || e.id == id {
			t.Fatalf("%s: the list ends with %+v", what, e)
		}
		return l
	}
	for _, id := range []string{"sig-928b3da5b7393425ce1e", "-", "1-1", "ffffffffffffffff-1", l.id + "9", strings.Replace(l.id, "-", "-x", 1)} {
		anew("an id that nobody gave", id, 5).cut()
	}
	// A signal is gone: every stream ends, and begins anew.
	if err := os.WriteFile(filepath.Join(rules, "live.yaml"), []byte(strings.Replace(liveRule, "gte: 3", "gte: 4", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := r.reload(); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
	for ok := true; ok; _, ok = l.next() {
	}
	l = anew("a signal is gone", l.id, 0)
	l.cut()
	r.end()
	r = w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	anew("a restart", l.id, 0).cut()
	r.end()
}

// TestStreamKept: any id is answered with just the changes after it, or with nothing.
func TestStreamKept(t *testing.T) {
	s := newStream()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		s.send(detect.Signal{ID: fmt.Sprint(s.last + 1)})
		if rnd.IntN(20) > 0 {
			continue
		}
		n := uint64(rnd.Int64N(int64(s.last) + 3))
		got, ok := s.since((&beginning{number: s.number}).id(n))
		if want := n <= s.last && s.last-n <= streamKept; ok != want {
			t.Fatalf("after %d of %d: %v, want %v", n, s.last, ok, want)
		}
		if !ok {
			continue
		}
		if uint64(len(got)) != s.last-n {
			t.Fatalf("after %d of %d: %d changes", n, s.last, len(got))
		}
		for i, c := range got {
			if c.number != n+uint64(i)+1 || c.signal.ID != fmt.Sprint(c.number) {
				t.Fatalf("after %d: %+v at %d", n, c, i)
			}
		}
	}
	if len(s.kept) > 2*streamKept {
		t.Errorf("%d changes are kept", len(s.kept))
	}
	slow := make(chan change, 1)
	s.subs[slow] = struct{}{}
	for range 3 {
		s.send(detect.Signal{})
	}
	if c, ok := <-slow; !ok || c.number != s.last-2 {
		t.Errorf("a slow reader got %d", c.number)
	}
	if _, ok := <-slow; ok || len(s.subs) != 0 {
		t.Error("a slow reader is not cut off")
	}
}
