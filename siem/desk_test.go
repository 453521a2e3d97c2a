package siem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// made is a feed: events in their order, and the place of each output.
type made struct {
	mu      sync.Mutex
	events  []Event
	at      map[string]int
	refused map[string]int
	opened  []string
	kept    []string
	signals []Event      // to be told of once
	settle  func() error // fails instead of moving the place
	asked   []string     // conditions
}

func newMade(names ...string) *made {
	return &made{events: events(names...), at: map[string]int{}, refused: map[string]int{}}
}

func (m *made) Open(name string) error { m.opened = append(m.opened, name); return nil }
func (m *made) Keep(names []string) error {
	m.kept = names
	return nil
}
func (m *made) Place(name string) Place {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Place{Behind: int64(len(m.events) - m.at[name]), Sent: int64(m.at[name] - m.refused[name]), Refused: int64(m.refused[name])}
}

func (m *made) Records(_ context.Context, name, where string, rows int) (*Batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, where)
	at := m.at[name]
	if at == len(m.events) {
		return nil, nil
	}
	end := min(at+rows, len(m.events))
	return &Batch{Events: m.events[at:end], Settle: func(refused int) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.settle != nil {
			if err := m.settle(); err != nil {
				return err
			}
		}
		m.at[name], m.refused[name] = end, m.refused[name]+refused
		return nil
	}}, nil
}

func (m *made) Signals(string) (*Batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.signals) == 0 {
		return nil, nil
	}
	return &Batch{Events: m.signals, Settle: func(int) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.signals = nil
		return nil
	}}, nil
}

// scripted is a sender that does what it is told, and notes when.
type scripted struct {
	mu    sync.Mutex
	began time.Time
	when  []time.Duration
	took  []string
	say   func(call int, es []Event) outcome
}

func (s *scripted) send(ctx context.Context, es []Event) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.when = append(s.when, time.Since(s.began).Round(time.Second))
	out := outcome{}
	if s.say != nil {
		out = s.say(len(s.when), es)
	}
	for _, e := range es {
		if !slices.ContainsFunc(out.left, func(l Event) bool { return l.UID == e.UID }) {
			s.took = append(s.took, namesOf([]Event{e})...)
		}
	}
	return out
}

func deskOf(t *testing.T, feed Feed, s sender, outputs ...Output) *Desk {
	t.Helper()
	d := &Desk{feed: feed, check: anyCondition, log: slog.New(slog.DiscardHandler), make: func(*Output) (sender, error) { return s, nil }}
	d.ctx, d.stop = context.WithCancel(context.Background())
	if err := d.adopt(&Config{Outputs: outputs}); err != nil {
		t.Fatal(err)
	}
	return d
}

func anyCondition(string) error { return nil }

func run(t *testing.T, d *Desk) (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	return func() { stop(); <-done }
}

func output(name string) Output {
	return Output{Name: name, Kind: Lines, What: Both, Events: 2, Bytes: 1 << 20}
}

// TestBackOff: a receiver that is down is tried ever more seldom, one that says when
// is tried then, and what waited comes in order and once.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMade("a", "b", "c", "d", "e")
		s := &scripted{began: time.Now(), say: func(call int, es []Event) outcome {
			switch {
			case call <= 12:
				return failed(es, troublef("응답 코드 503", "answered 503"))
			case call == 13:
				tr := troublef("응답 코드 429", "answered 429")
				tr.after = 8 * time.Minute
				return failed(es, tr)
			}
			return outcome{}
		}}
		d := deskOf(t, m, s, output("one"))
		end := run(t, d)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		list, _ := d.Status()
		if st := list[0]; st.State != Waiting || st.Failures < 3 || st.LastError != "answered 503" || st.LastErrorKO != "응답 코드 503" || st.NextTry.IsZero() || st.Behind != 5 || st.Since.IsZero() {
			t.Errorf("%+v", st)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(s.took, want) {
			t.Errorf("took %v", s.took)
		}
		for i := 1; i < 12; i++ {
			gap, most := s.when[i]-s.when[i-1], min(firstPause<<(i-1), maxPause)
			if gap < most/2-time.Second || gap > most+time.Second {
				t.Errorf("after failure %d: %v, at most %v", i, gap, most)
			}
		}
		if gap := s.when[13] - s.when[12]; gap < 8*time.Minute || gap > 9*time.Minute {
			t.Errorf("was asked for 8 minutes and waited %v", gap)
		}
		list, _ = d.Status()
		if st := list[0]; st.State != Idle || st.Failures != 0 || st.Behind != 0 || st.Sent != 5 || !st.Since.IsZero() || st.LastSuccess.IsZero() {
			t.Errorf("%+v", st)
		}
		end()
	})
}

// TestBesideOneAnother: one receiver that is down holds up no other, an event that is
// refused no other event, and signals do not wait for records.
func TestBesideOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMade("a", "bad", "c")
		m.signals = events("sig")
		down := &scripted{began: time.Now(), say: func(_ int, es []Event) outcome { return failed(es, errors.New("no")) }}
		up := &scripted{began: time.Now(), say: func(_ int, es []Event) outcome {
			if i := slices.IndexFunc(es, func(e Event) bool { return e.UID == "u-bad" }); i >= 0 {
				return outcome{left: slices.Delete(slices.Clone(es), i, i+1), refused: es[i : i+1], why: "mapper"}
			}
			return outcome{}
		}}
		d := &Desk{feed: m, check: anyCondition, log: slog.New(slog.DiscardHandler), make: func(o *Output) (sender, error) {
			if o.Name == "down" {
				return down, nil
			}
			return up, nil
		}}
		d.ctx, d.stop = context.WithCancel(context.Background())
		one, two := output("down"), output("up")
		one.What = Records
		if err := d.adopt(&Config{Outputs: []Output{one, two}}); err != nil {
			t.Fatal(err)
		}
		end := run(t, d)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if p := m.Place("up"); p.Behind != 0 || p.Sent != 2 || p.Refused != 1 {
			t.Errorf("%+v", p)
		}
		if p := m.Place("down"); p.Behind != 3 {
			t.Errorf("%+v", p)
		}
		list, _ := d.Status()
		if list[1].SignalsSent != 1 || list[1].LastRefusal != "mapper" || !list[1].LastRefusedTime.Equal(event("bad").Time) || up.took[0] != "sig" {
			t.Errorf("%+v, %v", list[1], up.took)
		}
		end()
	})
}

// TestSettle: a place that cannot be written down is tried again, and nothing is sent
// twice for it; after a stop in between it is.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMade("a", "b")
		full := 4
		m.settle = func() error {
			if full--; full > 0 {
				return errors.New("no space")
			}
			return nil
		}
		s := &scripted{began: time.Now()}
		end := run(t, deskOf(t, m, s, output("one")))
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(s.took, []string{"a", "b"}) || m.Place("one").Behind != 0 {
			t.Errorf("took %v, %+v", s.took, m.Place("one"))
		}
		m.mu.Lock()
		m.events = append(m.events, events("c")...)
		m.settle = func() error { return errors.New("no space") }
		m.mu.Unlock()
		time.Sleep(time.Minute)
		end()
		m.settle = nil
		s2 := &scripted{began: time.Now()}
		end = run(t, deskOf(t, m, s2, output("one")))
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.Equal(s2.took, []string{"c"}) {
			t.Errorf("took %v", s2.took)
		}
		end()
	})
}

// TestPieces: no request is larger than is said, but for one event that is.
func TestPieces(t *testing.T) {
	o := output("one")
	o.Events, o.Bytes = 3, 1000
	r := &route{o: o}
	es := events("a", "b", "c", "d")
	if n := len(r.piece(es)); n != 3 {
		t.Error(n)
	}
	es[1].Line = []byte(strings.Repeat("x", 900))
	if n := len(r.piece(es)); n != 1 {
		t.Error(n)
	}
	if n := len(r.piece(es[1:])); n != 1 {
		t.Error(n)
	}
}

// TestReload: what is the same goes on, what is other begins anew at its place, what
// is gone is forgotten, and a mistake changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "outputs.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := func(name, more string) string {
		return fmt.Sprintf("  - {name: %s, kind: http_ndjson, url: 'http://127.0.0.1:9/x'%s}\n", name, more)
	}
	write("version: 1\noutputs:\n" + one("a", "") + one("b", "") + one("c", ""))
	cfg, err := Load(file, anyCondition)
	if err != nil {
		t.Fatal(err)
	}
	m := newMade()
	made := 0
	d := &Desk{feed: m, check: anyCondition, log: slog.New(slog.DiscardHandler), make: func(*Output) (sender, error) { made++; return &scripted{}, nil }}
	d.ctx, d.stop = context.WithCancel(context.Background())
	if err := d.adopt(cfg); err != nil {
		t.Fatal(err)
	}
	end := run(t, d)
	defer end()
	write("version: 1\noutputs:\n" + one("a", "") + one("b", ", where: 'status == 200'") + one("d", ""))
	if err := d.Reload(file); err != nil {
		t.Fatal(err)
	}
	if made != 5 || !slices.Equal(m.kept, []string{"a", "b", "d"}) || !slices.Equal(m.opened, []string{"a", "b", "c", "b", "d"}) {
		t.Errorf("%d, kept %v, opened %v", made, m.kept, m.opened)
	}
	write("version: 1\noutputs:\n" + one("a", ", kindd: x"))
	if err := d.Reload(file); err == nil {
		t.Error("a mistake was taken")
	}
	list, wrong := d.Status()
	if len(list) != 3 || !strings.HasPrefix(wrong.EN, "outputs.yaml:3:") || wrong.KO == wrong.EN {
		t.Errorf("%+v, %+v", list, wrong)
	}
	write("version: 1\noutputs: []\n")
	if err := d.Reload(file); err != nil {
		t.Fatal(err)
	}
	if list, wrong = d.Status(); len(list) != 0 || wrong.EN != "" || len(m.kept) != 0 {
		t.Errorf("%+v, %+v, %v", list, wrong, m.kept)
	}
}
