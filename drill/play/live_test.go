package play

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

func scenario(t *testing.T, id string) *drill.Scenario {
	t.Helper()
	s, err := drill.Read(os.DirFS("../../packs/scenarios"), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// key is a signal without what another folder calls otherwise: the pseudonyms.
func key(s signal, more any) string {
	group := map[string]string{}
	for k, v := range s.Group {
		if strings.HasPrefix(v, "p:") {
			v = "p"
		}
		group[k] = v
	}
	return fmt.Sprintf("%s %v %v", s.Rule, group, more)
}

// rang is when what was told first, at each severity.
func (r *run) rang() map[string]time.Time {
	out := map[string]time.Time{}
	for _, s := range r.told {
		k := key(s, s.Severity)
		if at, ok := out[k]; !ok || s.at.Before(at) {
			out[k] = s.at
		}
	}
	return out
}

// highest counts the signals by the severity that they came to.
func (r *run) highest() map[string]int {
	last := map[string]signal{}
	for _, s := range r.told {
		last[s.ID] = s
	}
	out := map[string]int{}
	for _, s := range last {
		out[key(s, s.Severity)]++
	}
	return out
}

// alike holds a live run against the run over history: the same signals of the same
// groups and severities, as early as the steps allow, and the same people.
func alike(t *testing.T, history, live *run, step time.Duration) {
	t.Helper()
	if h, l := history.highest(), live.highest(); !maps.Equal(h, l) {
		t.Errorf("history %v\nlive %v", h, l)
	}
	was := live.rang()
	for k, at := range history.rang() {
		// What was graver by the end of the same step was told once.
		told, ok := was[k]
		if ok && (told.Before(at.Add(-step)) || told.After(at.Add(2*step))) {
			t.Errorf("%s: in history at %v, live at %v", k, at, told)
		}
	}
	a, b := history.res.Score, live.res.Score
	if !reflect.DeepEqual(a.Scope, b.Scope) || !reflect.DeepEqual(a.Numbers, b.Numbers) {
		t.Errorf("scope\n%+v\n%+v\nnumbers\n%+v\n%+v", a.Scope, b.Scope, a.Numbers, b.Numbers)
	}
	if len(history.told) == 0 && len(history.s.Attack) > 0 {
		t.Error("nothing rang, so nothing was compared")
	}
}

func mustPlay(t *testing.T, s *drill.Scenario, o Options) *run {
	t.Helper()
	r, err := play(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func date(s *drill.Scenario, y int, m time.Month, d int) time.Time {
	return time.Date(y, m, d, 0, 0, 0, 0, s.Location())
}

// TestLive: a server that follows the logs says what the rules say over history, whether
// the logs grow by days or by hours, and whether it is started anew on the way.
func TestLive(t *testing.T) {
	for _, x := range []struct {
		id      string
		scale   int64
		until   [3]int
		step    time.Duration
		restart bool
	}{
		{"coupang-2025", 20_000, [3]int{2025, 4, 18}, 0, false},
		{"coupang-2025", 20_000, [3]int{2025, 4, 18}, 0, true},
		{"jeonbuk-2024", 100, [3]int{}, 24 * time.Hour, false},
		{"optus-2022", 10_000, [3]int{2022, 9, 19}, 12 * time.Hour, false},
		{"kt-2013", 10_000, [3]int{2013, 8, 25}, 6 * time.Hour, false},
		{"skt-2025", 20_000, [3]int{}, 0, false},
	} {
		if flag.Lookup("all").Value.String() != "true" && !x.restart && x.id != "optus-2022" {
			continue // with the other drills
		}
		t.Run(fmt.Sprint(x.id, " ", x.scale, " ", x.step, " ", x.restart), func(t *testing.T) {
			t.Parallel()
			s := scenario(t, x.id)
			o := Options{Scale: x.scale, Workers: 1}
			if x.until != [3]int{} {
				o.Until = date(s, x.until[0], time.Month(x.until[1]), x.until[2])
			}
			history := mustPlay(t, s, o)
			l := Live{Step: x.step}
			steps := 0
			if x.restart {
				l.between = func(r *run) error {
					if steps++; steps%40 != 0 {
						return nil
					}
					return errors.Join(r.live.stop(), r.live.start())
				}
			}
			o.Live = &l
			live := mustPlay(t, s, o)
			step := max(x.step, time.Hour)
			if x.step == 0 {
				step = 24 * time.Hour
			}
			alike(t, history, live, step)
			if x.restart && steps < 80 {
				t.Errorf("%d steps: the server was not started anew", steps)
			}
		})
	}
}

// TestLivePace: with a speed, time passes as fast as that and no faster.
func TestLivePace(t *testing.T) {
	s := scenario(t, "quiet-year")
	end := s.From.Add(48 * time.Hour)
	began := time.Now()
	mustPlay(t, s, Options{Scale: 50_000, Until: end, Live: &Live{Speed: 24 * 3600, From: s.From.Add(24 * time.Hour)}})
	if took := time.Since(began); took < time.Second || took > 20*time.Second {
		t.Errorf("a day at a day a second, after one as fast as it goes: %v", took)
	}
}

// TestLiveServer: a server that somebody else runs, set up as docs/drills.md says, is
// played into; the scope that is read beside it is the same.
func TestLiveServer(t *testing.T) {
	s := scenario(t, "coupang-2025")
	o := Options{Scale: 20_000, Until: date(s, 2025, 4, 18)}
	history := mustPlay(t, s, o)
	dir := t.TempDir()
	data, into := filepath.Join(dir, "data"), filepath.Join(dir, "logs")
	if err := os.Mkdir(into, 0o700); err != nil {
		t.Fatal(err)
	}
	o.Live = &Live{Server: data, Into: into}
	if _, err := play(t.Context(), s, o); !errors.Is(err, server.ErrNoServer) {
		t.Fatalf("without a server: %v", err)
	}
	keys := filepath.Join(dir, "keys.csv")
	if err := os.WriteFile(keys, history.maker.Keys(), 0o600); err != nil {
		t.Fatal(err)
	}
	catalog := filepath.Join(dir, "catalog.yaml")
	if err := os.WriteFile(catalog, history.maker.Catalog(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Create(disk.OS, data, ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(disk.OS, data, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.Import(t.Context(), l, server.ImportRequest{Catalog: catalog}, server.ImportOptions{})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(into, LogName(s.Logs.Names[0], s.Logs.Of[s.Logs.Names[0]].Format))
	serve := func(follow ...server.Follow) func() {
		t.Helper()
		srv, err := server.New(server.Options{
			Data: data, Listen: "127.0.0.1:0", Follow: follow, PollEvery: 10 * time.Millisecond, DetectEvery: 10 * time.Millisecond,
			Detect: &server.DetectRequest{Keys: keys, Lateness: 24 * time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- srv.Run(ctx) }()
		return func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	stop := serve()
	if _, err := play(t.Context(), s, o); !errors.Is(err, ErrNoFollow) {
		t.Fatalf("a server that does not follow: %v", err)
	}
	stop()
	stop = serve(server.Follow{Source: s.Logs.Names[0], File: log})
	defer stop()
	live := mustPlay(t, s, o)
	a, b := history.res.Score, live.res.Score
	if !reflect.DeepEqual(a.Scope, b.Scope) || !reflect.DeepEqual(a.Numbers, b.Numbers) {
		t.Errorf("scope\n%+v\n%+v", a.Scope, b.Scope)
	}
	if b.Overall.FirstHigh == nil || b.Overall.FirstHigh.Rule != a.Overall.FirstHigh.Rule {
		t.Errorf("first high alarm %+v, in history %+v", b.Overall.FirstHigh, a.Overall.FirstHigh)
	}
	// It has records now, which a second drill would be mixed up with.
	if _, err := play(t.Context(), s, o); !errors.Is(err, ErrUsed) {
		t.Errorf("a second drill: %v", err)
	}
}

func TestRefused(t *testing.T) {
	s := scenario(t, "quiet-year")
	for _, x := range []struct {
		o    Options
		want error
	}{
		{Options{Live: &Live{Step: 90 * time.Minute}}, ErrStep},
		{Options{Live: &Live{Step: time.Minute}}, ErrStep},
		{Options{Until: s.From.Time}, ErrUntil},
		{Options{Until: s.To.Add(time.Hour)}, ErrUntil},
	} {
		x.o.Scale = 50_000
		if _, err := play(t.Context(), s, x.o); !errors.Is(err, x.want) {
			t.Errorf("%+v: %v, want %v", x.o, err, x.want)
		}
	}
}
