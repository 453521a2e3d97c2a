package siem

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Secrets and data that no error may hold.
const (
	token  = "b6f1-secret-token"
	marker = "m1000042"
)

// receiver is what a test sends to. It reads strictly, and behaves as it is told.
type receiver struct {
	t *testing.T
	*httptest.Server

	mu    sync.Mutex
	got   map[string]int // by the event's name
	order []string
	calls int
	// answer, if it says so, answers instead of taking the events in.
	answer func(call int, names []string, w http.ResponseWriter, r *http.Request) bool
}

// body reads a request's body, unpacked.
func body(t *testing.T, r *http.Request) []byte {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return nil
		}
		in = z
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		t.Error(err)
	}
	return raw
}

func strictly(t *testing.T, raw []byte, into any) bool {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		t.Errorf("%v: %s", err, raw)
		return false
	}
	return true
}

type sentEvent struct {
	Name string `json:"name"`
	Text string `json:"text"`
	At   string `json:"@timestamp,omitempty"`
}

func (r *receiver) take(names []string) {
	for _, n := range names {
		r.got[n]++
		r.order = append(r.order, n)
	}
}

// collector is Splunk's.
func collector(t *testing.T) *receiver {
	c := &receiver{t: t, got: map[string]int{}}
	moment := regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`)
	acks := map[string]int{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if got := r.Header.Get("Authorization"); got != "Splunk "+token {
			t.Errorf("authorization %q", got)
		}
		raw := body(t, r)
		if r.URL.Path == ackPath {
			// The third time it is asked, the indexer has it.
			var ask struct{ Acks []int64 }
			if !strictly(t, raw, &ask) || len(ask.Acks) != 1 || r.URL.Query().Get("channel") == "" || r.URL.Query().Get("channel") != r.Header.Get("X-Splunk-Request-Channel") {
				t.Errorf("asked for acknowledgements as %s %s", r.URL, raw)
				return
			}
			id := fmt.Sprint(ask.Acks[0])
			acks[id]++
			fmt.Fprintf(w, `{"acks":{%q:%v}}`, id, acks[id] >= 3)
			return
		}
		if r.Method != "POST" || r.URL.Path != collectorPath || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s, %s", r.Method, r.URL, r.Header.Get("Content-Type"))
		}
		c.calls++
		var names []string
		for line := range bytes.Lines(raw) {
			var e struct {
				Time       json.Number
				Host       string
				Source     string
				SourceType string
				Index      string
				Event      sentEvent
			}
			if !strictly(t, line, &e) {
				return
			}
			if !moment.MatchString(string(e.Time)) || e.Source != "haetae" || e.SourceType != "haetae:ocsf" || e.Index != "access" || e.Host != "h1" || e.Event.Name == "" {
				t.Errorf("envelope %s", line)
			}
			names = append(names, e.Event.Name)
		}
		if c.answer != nil && c.answer(c.calls, names, w, r) {
			return
		}
		c.take(names)
		ack := ""
		if r.Header.Get("X-Splunk-Request-Channel") != "" {
			ack = fmt.Sprintf(`,"ackId":%d`, c.calls)
		}
		io.WriteString(w, `{"text":"Success","code":0`+ack+`}`)
	}))
	t.Cleanup(c.Close)
	return c
}

// index is an Elasticsearch: create of an _id that is there is a conflict.
func index(t *testing.T, refuse func(call int, name string) (int, string)) *receiver {
	c := &receiver{t: t, got: map[string]int{}}
	ids := map[string]bool{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.Method != "POST" || r.URL.Path != "/_bulk" || r.Header.Get("Content-Type") != "application/x-ndjson" || r.Header.Get("Authorization") != "ApiKey "+token {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		c.calls++
		raw := body(t, r)
		if !bytes.HasSuffix(raw, []byte("\n")) {
			t.Error("a bulk request ends with a line end")
		}
		all := slices.Collect(bytes.Lines(raw))
		if len(all)%2 != 0 {
			t.Error("an action without its document")
			return
		}
		var items, names []string
		failed := false
		for i := 0; i < len(all); i += 2 {
			var action map[string]struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			}
			var doc sentEvent
			if !strictly(t, all[i], &action) || !strictly(t, all[i+1], &doc) {
				return
			}
			a, ok := action["create"]
			if _, err := time.Parse(time.RFC3339, doc.At); !ok || len(action) != 1 || a.Index != "logs-haetae" || a.ID == "" || err != nil {
				t.Errorf("%s%s", all[i], all[i+1])
			}
			names = append(names, doc.Name)
			status, kind := 201, ""
			if refuse != nil {
				status, kind = refuse(c.calls, doc.Name)
			}
			if status == 201 && ids[a.ID] {
				status, kind = 409, "version_conflict_engine_exception"
			}
			if status == 201 {
				ids[a.ID] = true
				c.got[doc.Name]++
				c.order = append(c.order, doc.Name)
				items = append(items, fmt.Sprintf(`{"create":{"_index":"logs-haetae","_id":%q,"status":201,"result":"created"}}`, a.ID))
				continue
			}
			failed = true
			items = append(items, fmt.Sprintf(`{"create":{"_id":%q,"status":%d,"error":{"type":%q,"reason":"of %s"}}}`, a.ID, status, kind, doc.Text))
		}
		if c.answer != nil && c.answer(c.calls, names, w, r) {
			return
		}
		fmt.Fprintf(w, `{"took":3,"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
	}))
	t.Cleanup(c.Close)
	return c
}

func event(name string) Event {
	return Event{UID: "u-" + name, Time: time.UnixMilli(1741532832007), Line: fmt.Appendf(nil, `{"name":%q,"text":"of %s"}`, name, marker)}
}

func events(names ...string) (out []Event) {
	for _, n := range names {
		out = append(out, event(n))
	}
	return out
}

func namesOf(es []Event) (out []string) {
	for _, e := range es {
		out = append(out, strings.TrimPrefix(e.UID, "u-"))
	}
	return out
}

// secretFile writes a secret and gives its file.
func secretFile(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
