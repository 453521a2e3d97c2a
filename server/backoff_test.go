package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// said is a log of which a test reads the messages.
type said struct {
	mu   sync.Mutex
	list []string
}

func (s *said) Enabled(context.Context, slog.Level) bool { return true }
func (s *said) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s *said) WithGroup(string) slog.Handler            { return s }

func (s *said) Handle(_ context.Context, r slog.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, r.Message)
	return nil
}

func (s *said) count(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.list {
		if strings.Contains(m, part) {
			n++
		}
	}
	return n
}

func TestBackoff(t *testing.T) {
	var b backoff
	now := time.Unix(0, 0)
	if !b.due(now) || b.succeeded() {
		t.Error("before anything has failed")
	}
	var waits []time.Duration
	for n := range 9 {
		if first := b.failed(now); first != (n == 0) {
			t.Errorf("failure %d is the first: %v", n, first)
		}
		if b.due(b.next.Add(-1)) || !b.due(b.next) {
			t.Errorf("failure %d is due before its time, or not at it", n)
		}
		waits = append(waits, b.next.Sub(now))
		now = b.next
	}
	if waits[0] != backoffFirst || waits[3] != 8*backoffFirst || waits[8] != backoffMost {
		t.Errorf("waits %v", waits)
	}
	if !b.succeeded() || b.succeeded() || !b.failed(now) || b.next.Sub(now) != backoffFirst {
		t.Error("after a success it does not begin anew")
	}
}

// TestFullDiskOfDetection: on a disk that is full for an hour, the queue, the ledger and
// the server's own file are tried some dozens of times, and each says so once; a signal
// is listed all the same, and one that is new is offered to the desk at once. When there
// is room again everything is written down.
func TestFullDiskOfDetection(t *testing.T) {
	rules, beside := writeRules(t, fewRule), filepath.Join(t.TempDir(), "exceptions.yaml")
	text := "exceptions:\n  - {id: x, rule: few, group: {credential.key: k}, owner: Kim, reason: {ko: 점검, en: a check}, from: 1999-12-01, until: 2000-12-01}\n"
	if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	book, err := readBook(DetectRequest{Rules: rules, Exceptions: beside})
	if err != nil {
		t.Fatal(err)
	}
	cfg := idleAlerts(t)
	idlePacker(t)
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		if err := ledger.Create(mem, "d", ""); err != nil {
			t.Fatal(err)
		}
		own, of := disk.NewFaulty(mem), disk.NewFaulty(mem)
		log := &said{}
		s, end := idleServer(t, own, of, book, cfg, log)
		recs := append(twoReads(), twoReads()...)
		for i := range recs[2:] {
			recs[2+i].ID += "-other"
			recs[2+i].Credential.Key = "other" // which the exception is not about
		}
		if _, err := s.ledger.Append(t.Context(), recs); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		own.FailAt(0, nil) // it counts
		of.FailAt(0, nil)
		mem.Limit(1)
		time.Sleep(75 * time.Minute)
		synctest.Wait()
		if list, _ := s.detector.all(); len(list) != 2 || (list[0].Exception == nil) == (list[1].Exception == nil) {
			t.Fatalf("%d signals are listed", len(list))
		}
		for _, what := range []string{"put into the alert queue", "exceptions keep quiet could not", "how far detection has got could not"} {
			if n := log.count(what); n != 1 {
				t.Errorf("%q is said %d times, want once", what, n)
			}
		}
		if a, b := own.Ops(), of.Ops(); a < 20 || a > 1500 || b > 1500 {
			t.Errorf("%d and %d operations on a full disk", a, b)
		}
		// A minute is still to be waited for, and what is new does not wait.
		before := own.Ops()
		s.detector.publish([]detect.Signal{{ID: "sig-0123456789abcdef0123", Rule: "x", Severity: detect.High, Status: detect.Open, First: "2000-01-01T00:00:00Z", Last: "2000-01-01T00:00:00Z"}})
		time.Sleep(2 * detectEvery)
		synctest.Wait()
		if own.Ops() == before {
			t.Error("a new signal waits until the disk is tried again")
		}
		mem.Limit(0)
		time.Sleep(3 * backoffMost)
		synctest.Wait()
		for _, what := range []string{"into the alert queue again", "quiet could be written down again", "is written down again"} {
			if n := log.count(what); n != 1 {
				t.Errorf("%q is said %d times when there is room, want once", what, n)
			}
		}
		if n := s.desk.Status().Signals; n != 2 {
			t.Errorf("%d signals are in the queue, want 2", n)
		}
		v, err := s.ledger.View()
		if err != nil {
			t.Fatal(err)
		}
		list, err := scope.NotedExceptions(v)
		v.Close()
		if err != nil || len(list) != 2 { // in force, and the signal it keeps quiet
			t.Errorf("%+v, %v", list, err)
		}
		end()
	})
}

// TestCannotBegin: where no engine can be made ready it is tried again, and what keeps it
// from that is said once.
func TestCannotBegin(t *testing.T) {
	rules, beside := writeRules(t, fewRule), filepath.Join(t.TempDir(), "exceptions.yaml")
	text := "exceptions:\n  - {id: x, rule: few, owner: Kim, reason: {ko: 점검, en: a check}, from: 1999-12-01, until: 2000-12-01}\n"
	if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	book, err := readBook(DetectRequest{Rules: rules, Exceptions: beside})
	if err != nil {
		t.Fatal(err)
	}
	idlePacker(t)
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		if err := ledger.Create(mem, "d", ""); err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(mem, "d", ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), twoReads()); err != nil {
			t.Fatal(err)
		}
		mem.Limit(1)
		log := &said{}
		s := &Server{opts: Options{FS: mem, Data: "d", DetectEvery: detectEvery, Clock: time.Now}, ledger: l, log: slog.New(log)}
		s.detector = newDetector(s, book, nil)
		ctx, stop := context.WithCancel(t.Context())
		s.wg.Go(func() { s.detector.run(ctx) })
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if _, st := s.detector.all(); st.State != "failed" || st.Error == "" || log.count("cannot begin") != 1 {
			t.Errorf("%+v, said %d times", st, log.count("cannot begin"))
		}
		mem.Limit(0)
		time.Sleep(2 * backoffMost)
		synctest.Wait()
		if _, st := s.detector.all(); st.State != "live" || st.Error != "" || log.count("detection goes on") != 1 {
			t.Errorf("%+v when there is room, said %d times", st, log.count("detection goes on"))
		}
		stop()
		s.wg.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}
