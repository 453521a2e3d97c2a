package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/alert"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// fewRule rings on up to three records of a key within half an hour: what a later
// record can take back, and so is decided when the lateness has passed.
const fewRule = `
title: Member's answer / 회원 조회
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: Few / 적은 조회
name: few
level: high
correlation: {type: event_count, rules: [read], group-by: [credential.key], timespan: 30m, condition: {lte: 3}}
`

func twoReads() (recs []event.Record) {
	for n := range 2 {
		recs = append(recs, event.Record{
			Time: event.MillisOf(time.Now()), ID: event.RecordID(fmt.Sprint(n)), Source: "app", Actor: event.Actor{ID: "m1", Type: "member"},
			Credential: event.Credential{Key: "k"}, Client: event.Client{IP: netip.AddrFrom4([4]byte{10, 0, 0, 1})}, Action: event.ActionRead, Route: "GET /x", Status: 200, Rows: event.RowsUnknown,
		})
	}
	return recs
}

func idleBook(t *testing.T, rules string) *ruleBook {
	t.Helper()
	book, err := readBook(DetectRequest{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func idleAlerts(t *testing.T) *alert.Config {
	t.Helper()
	alerts := filepath.Join(t.TempDir(), "alerts.yaml")
	if err := os.WriteFile(alerts, []byte("version: 1\nchannels:\n  - {name: hook, kind: webhook, url: \"http://127.0.0.1:1/hook\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := alert.Load(alerts)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// idlePacker makes the packer of segments, which is one for all tests: its channels
// must not be made in a bubble.
func idlePacker(t *testing.T) {
	t.Helper()
	outside := disk.NewMem()
	if err := ledger.Create(outside, "d", ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, outside, "d", ledger.Options{})
	if _, err := l.Append(t.Context(), twoReads()); err != nil {
		t.Fatal(err)
	}
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
}

// idleServer is a process that detects; nobody is told, since the desk does not run. Its
// own files and the queue are on one disk, the ledger may be on another.
func idleServer(t *testing.T, fsys, of disk.FS, book *ruleBook, cfg *alert.Config, log slog.Handler) (*Server, func()) {
	t.Helper()
	l, err := ledger.Open(of, "d", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := alert.Open(fsys, "d/alerts", cfg, alert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{opts: Options{FS: fsys, Data: "d", DetectEvery: detectEvery, Clock: time.Now}, ledger: l, desk: desk, log: slog.New(log)}
	s.detector = newDetector(s, book, desk)
	ctx, stop := context.WithCancel(t.Context())
	s.wg.Go(func() { s.detector.run(ctx) })
	time.Sleep(time.Second)
	synctest.Wait()
	return s, func() {
		stop()
		s.wg.Wait()
		if err := errors.Join(desk.Close(), l.Close()); err != nil && !errors.Is(err, disk.ErrCrashed) {
			t.Error(err)
		}
	}
}

func idleHolds(t *testing.T, s *Server, when string, listed, queued int) {
	t.Helper()
	synctest.Wait()
	list, st := s.detector.all()
	if st.State != "live" || len(list) != listed || s.desk.Status().Signals != queued {
		t.Errorf("%s: %s, %d signals and %d in the queue, want %d and %d", when, st.State, len(list), s.desk.Status().Signals, listed, queued)
	}
}

// TestIdle: while nothing comes, what waits for the lateness is decided by the clock.
// A server that is started anew holds it at once, and takes back no alert.
func TestIdle(t *testing.T) {
	rules := writeRules(t, fewRule)
	book, cfg := idleBook(t, rules), idleAlerts(t)
	idlePacker(t)
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		if err := ledger.Create(mem, "d", ""); err != nil {
			t.Fatal(err)
		}
		begin := func() (*Server, func()) { return idleServer(t, mem, mem, book, cfg, slog.DiscardHandler) }
		holds := func(s *Server, when string, listed, queued int) {
			t.Helper()
			idleHolds(t, s, when, listed, queued)
		}
		s, end := begin()
		holds(s, "without a record", 0, 0)
		if _, err := s.ledger.Append(t.Context(), twoReads()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		holds(s, "before the lateness has passed", 0, 0)
		time.Sleep(40 * time.Minute)
		holds(s, "when it has", 1, 1)
		end()
		for range 3 {
			time.Sleep(time.Hour) // while no process runs
			s, end = begin()
			holds(s, "after a restart", 1, 1)
			end()
		}
		s, end = begin()
		time.Sleep(5 * time.Minute)
		holds(s, "some minutes after", 1, 1)
		// Another engine beside it goes on from where this one is.
		s.detector.restart("a test")
		time.Sleep(time.Second)
		holds(s, "an engine in its place", 1, 1)
		if _, st := s.detector.all(); st.Restarts != 2 {
			t.Errorf("%d engines", st.Restarts)
		}
		// Other rules find nothing: then it is taken back.
		other := *book
		other.docs = nil
		for _, d := range book.docs {
			if d.Name == "read" {
				other.docs = append(other.docs, d)
			}
		}
		s.detector.take(&other)
		s.detector.restart("a test")
		time.Sleep(2 * time.Second)
		list, _ := s.detector.all()
		for _, x := range list {
			if x.Rule == "few" {
				t.Errorf("a rule that is gone still finds %s", x.ID)
			}
		}
		if n := s.desk.Status().Signals; n != len(list) {
			t.Errorf("%d signals are in the queue, and %d hold", n, len(list))
		}
		end()
	})
}
