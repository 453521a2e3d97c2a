package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// hooked is a receiver of alerts, and the settings that name it.
type hooked struct {
	mu   sync.Mutex
	said []detect.Signal // rule, severity and status of each message
}

func hook(t *testing.T) (h *hooked, alerts string) {
	t.Helper()
	h = &hooked{}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var s detect.Signal
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &s); err != nil {
			t.Errorf("%v in %s", err, body)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.said = append(h.said, s)
	}))
	t.Cleanup(srv.Close)
	alerts = filepath.Join(t.TempDir(), "alerts.yaml")
	text := `version: 1
channels:
  - {name: hook, kind: webhook, url: "` + srv.URL + `/hook", min_severity: low, per_minute: 600}
escalation:
  min_severity: high
  steps: [{after: 1h, channel: hook}]
`
	if err := os.WriteFile(alerts, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return h, alerts
}

func (h *hooked) words() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, s := range h.said {
		out = append(out, string(s.Status))
	}
	return strings.Join(out, " ")
}

// TestTakenBack: a signal that rules no longer find is taken back from the alerts,
// whether they changed while the server ran or while none did, and one that is found
// again is still acknowledged. Under another id of its rule it stays what it is.
func TestTakenBack(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	h, alerts := hook(t)
	rules := writeRules(t, liveRule)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(rules, "live.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with := func(o *Options) { o.Detect, o.Alerts = &DetectRequest{Rules: rules}, alerts }
	stricter := strings.Replace(liveRule, "gte: 3", "gte: 4", 1)
	r := w.serve(with)
	unacknowledged := func() int { return r.desk.Status().Unacknowledged }
	reload := func() {
		t.Helper()
		if status, said := r.reload(); status != 200 {
			t.Fatalf("%d %s", status, said)
		}
	}
	now := time.Now().Add(-time.Minute)
	for n := range 3 {
		r.post(nil, liveRecord(n, "stolen", now))
	}
	until(t, "alert", func() bool { return h.words() == "open" && unacknowledged() == 1 })
	write(stricter)
	reload()
	until(t, "withdrawal", func() bool { return h.words() == "open withdrawn" && unacknowledged() == 0 })
	write(liveRule)
	reload()
	until(t, "alert again", func() bool { return h.words() == "open withdrawn open" && unacknowledged() == 1 })
	ack := `{"id":"` + r.signals(t).Signals[0].ID + `","who":"kim"}`
	if status, _, said := r.call("POST", "/v1/signals/ack", r.address.Token, nil, strings.NewReader(ack)); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
	until(t, "word of the acknowledgement", func() bool { return h.words() == "open withdrawn open acknowledged" })
	r.end()

	// While no process ran.
	write(stricter)
	r = w.serve(with)
	until(t, "withdrawal after a restart", func() bool { return h.words() == "open withdrawn open acknowledged withdrawn" })
	r.end()
	write(strings.Replace(liveRule, "name: many", "name: many\nid: 0b0b8a9e-3d0f-4f3e-9b7e-1f6f0f3b1c55", 1))
	r = w.serve(with)
	until(t, "signal under another id", func() bool { return len(r.signals(t).Signals) == 1 })
	// A graver finding shows that the queue has settled, and that it is known who looks.
	r.post(nil, liveRecord(7, "second", now)+liveRecord(8, "second", now)+liveRecord(9, "second", now))
	until(t, "another alert", func() bool { return h.words() == "open withdrawn open acknowledged withdrawn open" })
	if n := unacknowledged(); n != 1 {
		t.Errorf("%d signals wait for somebody, want the second alone", n)
	}
	r.end()
}
