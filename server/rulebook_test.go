package server

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// badLink is read without a mistake; only together with the others is it one.
var badLink = strings.Replace(liveRule, "rules: [read]", "rules: [raed]", 1)

func (r *running) reload() (status int, said string) {
	status, _, said = r.call("POST", "/v1/rules/reload", r.address.Token, nil, strings.NewReader("{}"))
	return status, said
}

// TestMistakenRules: what would keep rules from running is found before they take the
// place of others, at the start and at a reload, and whatever lies in the folder by
// then, an engine that is made anew runs those in force.
func TestMistakenRules(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	rules := writeRules(t, badLink)
	beside := filepath.Join(rules, "exceptions.txt")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(rules, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("exceptions.txt", "exceptions: []\n")
	with := func(o *Options) { o.Detect = &DetectRequest{Rules: rules, Exceptions: beside} }
	o := Options{Data: w.dir, Listen: "127.0.0.1:0", FS: w.fs, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	with(&o)
	if s, err := New(o); err == nil {
		s.Close()
		t.Fatal("a server begins with rules that cannot run")
	} else if !strings.Contains(err.Error(), "live.yaml:12") || !strings.Contains(err.Error(), "raed") {
		t.Fatalf("the mistake is not named: %v", err)
	}
	write("live.yaml", liveRule)
	r := w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	for _, broken := range []struct{ name, text, want string }{
		{"live.yaml", badLink, "live.yaml:12"},
		{"live.yaml", strings.Replace(liveRule, "[credential.key]", "[time]", 1), "time"},
		{"exceptions.txt", "exceptions: [x]\n", "exceptions.txt"},
	} {
		write(broken.name, broken.text)
		if status, said := r.reload(); status != http.StatusUnprocessableEntity || !strings.Contains(said, broken.want) {
			t.Errorf("%s: %d %s", broken.want, status, said)
		}
		if st := r.signals(t).Status; st.State != "live" || !strings.Contains(st.Error, broken.want) {
			t.Errorf("%s: the status is %+v", broken.want, st)
		}
	}
	// History changes, and the engine that is made for it does not see what lies there.
	before := r.signals(t).Status.Restarts
	r.detector.restart("history is another")
	until(t, "another engine", func() bool { return r.signals(t).Status.Restarts > before })
	if st := r.signals(t).Status; st.State != "live" || st.Error == "" {
		t.Errorf("the status is %+v", st)
	}
	now := time.Now().Add(-time.Minute)
	for n := range 3 {
		r.post(nil, liveRecord(n, "stolen", now))
	}
	until(t, "signal by the rules in force", func() bool { return len(r.signals(t).Signals) == 1 })
	// Once they are well again, no mistake is left.
	write("live.yaml", liveRule)
	write("exceptions.txt", "exceptions: []\n")
	if status, said := r.reload(); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
	until(t, "the end of the mistake", func() bool { return r.signals(t).Status.Error == "" })
	r.end()
}

// TestForgotten: a signal that no longer holds by the rules in force is no longer
// told of, as after a restart, and a stream ends so that its reader begins again.
func TestForgotten(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	rules := writeRules(t, liveRule)
	r := w.serve(func(o *Options) { o.Detect = &DetectRequest{Rules: rules} })
	now := time.Now().Add(-time.Minute)
	for n := range 3 {
		r.post(nil, liveRecord(n, "stolen", now))
	}
	until(t, "signal", func() bool { return len(r.signals(t).Signals) == 1 })
	stream, err := http.NewRequest("GET", "http://"+r.Addr()+"/v1/signals/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream.Header.Set("Authorization", "Bearer "+r.address.Token)
	res, err := http.DefaultClient.Do(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := os.WriteFile(filepath.Join(rules, "live.yaml"), []byte(strings.Replace(liveRule, "gte: 3", "gte: 4", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := r.reload(); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
	until(t, "an end of the signal", func() bool { return len(r.signals(t).Signals) == 0 })
	if text, err := io.ReadAll(res.Body); err != nil || strings.Count(string(text), "event: signal") != 1 {
		t.Errorf("the stream: %v, %q", err, text)
	}
	r.post(nil, liveRecord(3, "stolen", now))
	until(t, "signal by the new rules", func() bool { return len(r.signals(t).Signals) == 1 })
	r.end()
}

// TestLateRecords: records that come after the time has passed them are taken in as
// well, and the signal says so. It is the one that a run over history finds.
func TestLateRecords(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	rules := writeRules(t, liveRule)
	r := w.serve(func(o *Options) { o.Detect = &DetectRequest{Rules: rules} })
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	now := time.Now()
	r.post(nil, liveRecord(0, "other", now))
	until(t, "time going on", func() bool { return r.signals(t).Status.Watermark.After(now.Add(-time.Hour)) })
	for n := range 3 {
		r.post(nil, liveRecord(10+n, "stolen", now.Add(-5*time.Hour)))
	}
	until(t, "signal of late records", func() bool { return len(r.signals(t).Signals) == 1 })
	s := r.signals(t).Signals[0]
	rep, err := Detect(t.Context(), r.Ledger(), DetectRequest{Rules: rules}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Signals) != 1 || rep.Signals[0].ID != s.ID || rep.Signals[0].Reads != s.Reads || s.Reads != 3 || !s.Late {
		t.Errorf("the signal is %+v, of history %+v", s, rep.Signals)
	}
	// What changes without a late record is not said to be late.
	for n := range 3 {
		r.post(nil, liveRecord(20+n, "third", now))
	}
	until(t, "another signal", func() bool { return len(r.signals(t).Signals) == 2 })
	for _, x := range r.signals(t).Signals {
		if x.Late != (x.ID == s.ID) {
			t.Errorf("late: %v of %+v", x.Late, x.Group)
		}
	}
	r.end()
}
