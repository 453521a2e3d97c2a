package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// liveRule rings on the third account that one key reads within an hour.
const liveRule = `
title: Member's answer / 회원 조회
name: read
logsource: {category: access, product: haetae}
detection: {s: {read: true}, condition: s}
---
title: Many accounts by one key / 한 키로 많은 계정
name: many
level: high
correlation:
  type: value_count
  rules: [read]
  group-by: [credential.key]
  timespan: 1h
  condition: {gte: 3, field: account}
`

// record is a member's read as an application posts it.
func liveRecord(n int, key string, at time.Time) string {
	return fmt.Sprintf(`{"id":"r%d","time":%q,"actor":{"id":"m100%04d","type":"member"},"credential":{"key":%q,"token":"t%d"},"client":{"ip":"192.0.2.1"},"method":"GET","uri":"/my/profile","status":200}`+"\n",
		n, at.UTC().Format(time.RFC3339Nano), n, key, n)
}

func (r *running) signals(t *testing.T) Signals {
	t.Helper()
	status, _, text := r.call("GET", "/v1/signals", r.address.Token, nil, nil)
	var out Signals
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	return out
}

// until asks again and again; what it waits for is a matter of milliseconds.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}

func writeRules(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "live.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestLive: a signal comes up while records arrive, grows, is streamed, is the same
// after a restart and in a run over history, and names nobody in logs and metrics.
func TestLive(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	rules := writeRules(t, liveRule)
	with := func(o *Options) { o.Detect = &DetectRequest{Rules: rules} }
	r := w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
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
	events := bufio.NewScanner(res.Body)
	next := func() (s detect.Signal) {
		for events.Scan() {
			if data, ok := strings.CutPrefix(events.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &s); err != nil {
					t.Fatal(err)
				}
				return s
			}
		}
		t.Fatal("the stream has ended")
		return s
	}
	now := time.Now().Add(-time.Minute)
	body := ""
	for n := range 2 {
		body += liveRecord(n, "stolen", now)
	}
	r.post(nil, body)
	if got := r.signals(t); len(got.Signals) != 0 {
		t.Fatalf("two accounts already ring: %v", got.Signals)
	}
	r.post(nil, liveRecord(2, "stolen", now))
	s := next()
	if s.Rule != "many" || s.Severity != detect.High || s.Group["credential.key"] != "stolen" || s.Accounts != 3 || s.Reads != 3 || s.Items["email"] != 3 {
		t.Fatalf("the signal is %+v", s)
	}
	if n := r.count(s.Where); n != 3 {
		t.Fatalf("its condition finds %d records, want 3", n)
	}
	r.post(nil, liveRecord(3, "other", now))
	r.end()

	// After a restart, and in a run over history.
	r = w.serve(with)
	until(t, "signal after a restart", func() bool { return len(r.signals(t).Signals) == 1 })
	again := r.signals(t).Signals[0]
	rep, err := Detect(t.Context(), r.Ledger(), DetectRequest{Rules: rules}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Signals) != 1 {
		t.Fatalf("history finds %d signals", len(rep.Signals))
	}
	for _, other := range []detect.Signal{again, rep.Signals[0]} {
		a, _ := json.Marshal(s)
		b, _ := json.Marshal(other)
		if string(a) != string(b) {
			t.Errorf("live and not live differ:\n%s\n%s", a, b)
		}
	}
	_, _, metrics := r.call("GET", "/metrics", "", nil, nil)
	if !strings.Contains(metrics, `haetae_signals{severity="high",rule="many"} 1`) {
		t.Error("the signal is not counted in the metrics")
	}
	r.end()
	for _, text := range []string{w.logs.String(), metrics} {
		if strings.Contains(text, "m1000001") || strings.Contains(text, "192.0.2.1") || strings.Contains(text, "stolen") {
			t.Error("logs or metrics say whom the signal is about")
		}
	}
}

// TestReload: broken rules leave those before in force and say why; good ones take
// their place without a record lost.
func TestReload(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	rules := writeRules(t, liveRule)
	r := w.serve(func(o *Options) { o.Detect = &DetectRequest{Rules: rules} })
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	file := filepath.Join(rules, "live.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(liveRule, "value_count", "value_cuont", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, text := r.call("POST", "/v1/rules/reload", r.address.Token, nil, strings.NewReader("{}"))
	if status != http.StatusUnprocessableEntity || !strings.Contains(text, "live.yaml:11") || strings.Contains(text, "value_cuont") || !strings.Contains(text, "live.yaml:11: correlation.type: 알 수 없는 값") {
		t.Fatalf("broken rules: %d %s", status, text)
	}
	now := time.Now().Add(-time.Minute)
	for n := range 3 {
		r.post(nil, liveRecord(n, "stolen", now))
	}
	until(t, "signal by the rules before", func() bool { return len(r.signals(t).Signals) == 1 })
	if err := os.WriteFile(file, []byte(strings.Replace(liveRule, "gte: 3", "gte: 2", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	before := r.signals(t).Status.Restarts
	if status, _, text := r.call("POST", "/v1/rules/reload", r.address.Token, nil, strings.NewReader("{}")); status != 200 {
		t.Fatalf("good rules: %d %s", status, text)
	}
	for n := range 2 {
		r.post(nil, liveRecord(10+n, "second", now))
	}
	until(t, "signal by the new rules", func() bool {
		got := r.signals(t)
		return got.Status.Restarts > before && len(got.Signals) == 2
	})
	r.end()
}
