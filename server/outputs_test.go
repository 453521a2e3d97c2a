package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// siemIndex is an Elasticsearch that keeps documents by their _id.
type siemIndex struct {
	*httptest.Server
	mu    sync.Mutex
	docs  map[string]map[string]any
	calls int
	down  bool
}

func newIndex(t *testing.T) *siemIndex {
	x := &siemIndex{docs: map[string]map[string]any{}}
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.calls++
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was stopped in the middle
		}
		if x.down || r.Header.Get("Authorization") != "ApiKey key-1" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var items []string
		all := bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
		for i := 0; i+1 < len(all); i += 2 {
			var action struct {
				Create struct {
					ID string `json:"_id"`
				}
			}
			var doc map[string]any
			if json.Unmarshal(all[i], &action) != nil || json.Unmarshal(all[i+1], &doc) != nil || action.Create.ID == "" {
				t.Errorf("%s\n%s", all[i], all[i+1])
				return
			}
			status := 201
			if x.docs[action.Create.ID] != nil {
				status = 409
			}
			x.docs[action.Create.ID] = doc
			items = append(items, fmt.Sprintf(`{"create":{"status":%d}}`, status))
		}
		fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
	}))
	t.Cleanup(x.Close)
	return x
}

// of lists documents of a class.
func (x *siemIndex) of(class int) (out []map[string]any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, d := range x.docs {
		if d["class_uid"] == float64(class) {
			out = append(out, d)
		}
	}
	return out
}

func (x *siemIndex) fail(down bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = down
}

// outputsFile writes an outputs file for an index and gives its name.
func outputsFile(t *testing.T, url, more string) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	put("key", "key-1\n")
	return put("outputs.yaml", fmt.Sprintf("version: 1\noutputs:\n  - {name: siem, kind: elastic_bulk, url: %q, token_file: key, index: logs%s}\n", url, more))
}

// reads are records of profile pages from n on.
func reads(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `{"time":"2025-03-10T00:%02d:%02dZ","id":"r%d","actor":{"id":"m%07d","type":"member"},"credential":{"key":"k1","token":"t%d"},"client":{"ip":"203.0.113.7"},"method":"GET","uri":"/my/profile","status":200}`+"\n",
			i/60%60, i%60, i, 1000000+i%50, i%50)
	}
	return b.String()
}

func (r *running) takeIn(t *testing.T, body string) {
	t.Helper()
	if status, _, said := r.call("POST", "/v1/records", r.w.token, map[string]string{"Content-Type": "application/x-ndjson"}, strings.NewReader(body)); status != 200 {
		t.Fatalf("%d %s", status, said)
	}
}

func (r *running) outputStatus(t *testing.T) *OutputsStatus {
	t.Helper()
	_, _, said := r.call("GET", "/v1/status", r.address.Token, nil, nil)
	var st Status
	if err := json.Unmarshal([]byte(said), &st); err != nil {
		t.Fatal(err)
	}
	return st.Outputs
}

// TestOutputs: records that are taken in reach the index, under pseudonyms; while it
// is down they wait and nobody else does; a restart loses none and repeats none.
func TestOutputs(t *testing.T) {
	x := newIndex(t)
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	file := outputsFile(t, x.URL, "")
	with := func(o *Options) { o.Outputs = file }
	r := w.serve(with)
	r.takeIn(t, reads(0, 70))
	until(t, "70 documents", func() bool { return len(x.of(6003)) == 70 })
	for _, d := range x.of(6003) {
		text := fmt.Sprint(d)
		if strings.Contains(text, "m10000") || !strings.Contains(text, "data_subjects:map[items:[name email] uids:[") || d["@timestamp"] == nil {
			t.Fatal("a document names somebody, or nobody")
		}
	}
	x.fail(true)
	for i := range 20 {
		r.takeIn(t, reads(70+10*i, 80+10*i))
	}
	until(t, "a failure is told", func() bool { return r.outputStatus(t).Outputs[0].Failures > 0 })
	if st := r.outputStatus(t).Outputs[0]; st.State != "waiting" || st.Behind == 0 || st.LastError != "answered 503" || st.Sent != 70 {
		t.Errorf("%+v", st)
	}
	_, _, metrics := r.call("GET", "/metrics", r.address.Token, nil, nil)
	for _, want := range []string{`haetae_output_records_total{output="siem",outcome="sent"} 70`, `haetae_output_entries_behind{output="siem"} `, `haetae_output_failures{output="siem"} `} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	if err := r.Ledger().Seal(); err != nil {
		t.Fatal(err)
	}
	r.end()
	// A start without the file sends nothing and keeps what waits.
	r = w.serve(nil)
	r.takeIn(t, reads(270, 280))
	if r.outputStatus(t) != nil || r.Ledger().Outlets()[0].Behind == 0 {
		t.Error("forgotten")
	}
	r.end()
	x.fail(false)
	r = w.serve(with)
	until(t, "all documents", func() bool { return len(x.of(6003)) == 280 })
	until(t, "nothing waits", func() bool { return r.outputStatus(t).Outputs[0].Behind == 0 })
	if st := r.outputStatus(t).Outputs[0]; st.Sent != 280 || st.Lost != 0 || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
	if logs := w.logs.String(); strings.Contains(logs, "key-1") || strings.Contains(logs, "m10000") || strings.Contains(logs, x.URL) {
		t.Error("the log holds a secret, an id or an address")
	}
	r.end()
}

// TestOutputsWhere: a condition leaves records out, and they are counted.
func TestOutputsWhere(t *testing.T) {
	x := newIndex(t)
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	file := outputsFile(t, x.URL, `, where: 'account == "m1000003" && items.size() > 0'`)
	r := w.serve(func(o *Options) { o.Outputs = file })
	r.takeIn(t, reads(0, 100))
	until(t, "two documents", func() bool { return len(x.of(6003)) == 2 })
	until(t, "the others are counted", func() bool { return r.outputStatus(t).Outputs[0].Left == 98 })
	// A mistake in the file changes nothing and is told.
	if err := os.WriteFile(file, []byte("version: 1\noutputs: [{name: siem}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.ReloadRules(); err == nil {
		t.Error("a mistake was taken")
	}
	st := r.outputStatus(t)
	if len(st.Outputs) != 1 || !strings.Contains(st.Settings, "outputs.yaml:2") || !strings.Contains(st.SettingsKO, "없습니다") {
		t.Errorf("%+v", st)
	}
	if err := os.WriteFile(file, []byte("version: 1\noutputs: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.ReloadRules(); err != nil {
		t.Fatal(err)
	}
	if len(r.outputStatus(t).Outputs) != 0 || len(r.Ledger().Outlets()) != 0 {
		t.Error("an output that is gone is kept")
	}
	r.end()
}

// TestOutputsCrash cuts the power anywhere: every record that was acknowledged is in
// the index, once.
func TestOutputsCrash(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 2))
	for range 8 {
		x := newIndex(t)
		file := outputsFile(t, x.URL, ", what: records, batch_events: 7")
		m := disk.NewMem()
		w := newWorld(t, m, "d")
		// The output is there before the first fault.
		r := w.serve(func(o *Options) { o.Outputs = file })
		r.end()
		n, acked := 0, map[int]bool{}
		for range 3 {
			f := disk.NewFaulty(m)
			w.fs = f
			r := w.serve(func(o *Options) { o.Outputs = file })
			f.FailFrom(1+rnd.IntN(60), disk.ErrCrashed)
			for range 8 {
				if rnd.IntN(3) == 0 {
					r.Ledger().Seal()
				}
				k := 1 + rnd.IntN(9)
				if status, _, _ := r.call("POST", "/v1/records", w.token, nil, strings.NewReader(reads(n, n+k))); status == 200 {
					for i := range k {
						acked[n+i] = true
					}
				}
				n += k
			}
			after := m.Crash(rnd)
			r.stop()
			<-r.done
			m = after
		}
		w.fs = m
		r = w.serve(func(o *Options) { o.Outputs = file })
		until(t, "all is sent", func() bool { return r.Ledger().Outlets()[0].Behind == 0 })
		v, err := ContentsOf(r.Ledger())
		if err != nil {
			t.Fatal(err)
		}
		// What was acknowledged is kept, and what is kept was sent, once by its id. What
		// was sent and not acknowledged can be there too.
		if v.Records < int64(len(acked)) || int64(len(x.of(6003))) != v.Records {
			t.Fatalf("seed %d: %d acknowledged, %d kept, %d in the index", seed, len(acked), v.Records, len(x.of(6003)))
		}
		r.end()
	}
}

// findings are the events of signals, by activity and version.
func (x *siemIndex) findings() map[string]int {
	out := map[string]int{}
	for _, d := range x.of(2004) {
		out[fmt.Sprint(d["activity_id"], " v", d["unmapped"].(map[string]any)["version"], " ", d["finding_info"].(map[string]any)["uid"])]++
	}
	return out
}

// TestOutputSignals: one leak is one finding: created, updated when it has grown,
// closed when it is no longer found, each state once, over restarts.
func TestOutputSignals(t *testing.T) {
	t.Parallel() // it waits more than it works
	x := newIndex(t)
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	file := outputsFile(t, x.URL, ", what: signals")
	rules := writeRules(t, liveRule)
	with := func(o *Options) { o.Outputs, o.Detect = file, &DetectRequest{Rules: rules} }
	now := time.Now().Add(-time.Hour)
	some := func(from, to int) (body string) {
		for i := from; i < to; i++ {
			body += liveRecord(i, "k1", now.Add(time.Duration(i)*time.Second))
		}
		return body
	}
	r := w.serve(with)
	r.takeIn(t, some(0, 3))
	until(t, "finding", func() bool { return len(x.findings()) == 1 })
	id := r.signals(t).Signals[0].ID
	if x.findings()["1 v1 "+id] != 1 {
		t.Fatalf("%v", x.findings())
	}
	until(t, "it is written down", func() bool { return r.outputStatus(t).Outputs[0].SignalsSent == 1 })
	r.takeIn(t, some(3, 6)) // it grows, which is told some seconds later
	r.end()
	r = w.serve(with)
	until(t, "growth", func() bool { return x.findings()["2 v2 "+id] == 1 })
	until(t, "it is written down", func() bool { return r.outputStatus(t).Outputs[0].SignalsSent == 1 })
	r.end()
	r = w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	time.Sleep(2 * signalsEvery)
	if got := x.findings(); len(got) != 2 {
		t.Errorf("the same state was told again: %v", got)
	}
	// Its rule asks for more: it is no longer found.
	if err := os.WriteFile(filepath.Join(rules, "live.yaml"), []byte(strings.Replace(liveRule, "gte: 3", "gte: 300", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.ReloadRules(); err != nil {
		t.Fatal(err)
	}
	until(t, "close", func() bool { return x.findings()["3 v3 "+id] == 1 })
	if len(x.of(6003)) != 0 {
		t.Error("records were sent too")
	}
	for _, d := range x.of(2004) {
		if d["finding_info"].(map[string]any)["title"] == "" || strings.Contains(fmt.Sprint(d), "m100000") {
			t.Errorf("%v", d)
		}
	}
	r.end()
}
