package server

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	detection "github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// markedRules ring on actors, accounts and tokens, and name some of them.
const markedRules = `title: Staff reads a member / 직원의 회원 조회
name: read
logsource: {category: access, product: haetae}
detection:
  s: {read: true}
  none: {actor.id: nobody-` + marker + `}
  condition: s and not none
---
title: One actor / 한 접속자
name: by_actor
level: high
correlation:
  type: value_count
  rules: [read]
  group-by: [actor.id, credential.token]
  timespan: 1h
  condition: {gte: 1, field: account}
haetae:
  reason:
    ko: "{group.actor.id}가 {count}명을 조회하였습니다"
    en: "{group.actor.id} read {count} with {group.credential.token}"
---
title: One account / 한 계정
name: by_account
level: critical
correlation:
  type: event_count
  rules: [read]
  group-by: [account]
  timespan: 1h
  condition: {gte: 1}
`

// markedExceptions keep one of them quiet, by an id that nobody else may see.
const markedExceptions = `exceptions:
  - id: known
    rule: by_account
    group: {account: mem-` + marker + `}
    owner: owner
    reason: {ko: 검토함, en: reviewed}
    from: 2025-03-01
    until: 2025-06-01
`

// TestPrivacyOfDetection does with detection and alerts what TestPrivacy does with
// records: marked values go into every way in, and what comes out is searched.
// Rules and exceptions may name ids, since they are files of whoever runs the
// server; what the server says about them must not.
func TestPrivacyOfDetection(t *testing.T) {
	top := t.TempDir()
	in := inbox{t, filepath.Join(top, "inbox-"+marker)}
	rules := filepath.Join(in.dir, "rules")
	if err := os.MkdirAll(rules, 0o700); err != nil {
		t.Fatal(err)
	}
	in.write("rules/r.yaml", markedRules)
	var mu sync.Mutex
	var told strings.Builder // everything that reached the webhook
	signals := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		signals++
		told.WriteString(r.URL.String() + "\n")
		r.Header.Write(&told)
		told.Write(body)
		if signals == 2 { // an error of the other side is logged
			http.Error(w, marker, http.StatusInternalServerError)
		}
	}))
	defer hook.Close()
	alerts := in.write("alerts.yaml", `version: 1
link: https://haetae.example/signals/{id}
channels:
  - {name: hook, kind: webhook, url: "`+hook.URL+`/hook", min_severity: informational, per_minute: 600}
`)
	w := newWorld(t, disk.OS, filepath.Join(top, "d"))
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	if _, err := Import(context.Background(), l, ImportRequest{
		Catalog: in.write("app.yaml", markedCatalog), Files: []string{in.write("history.json", markedLog)},
		Register: []DatedFile{{File: in.write("register.csv", "account\nmem-"+marker+"\n")}},
		Holdings: []DatedFile{{File: in.write("holdings.csv", "account,person,items\nmem-"+marker+",p-"+marker+",name\n")}},
	}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.token, _, err = AddToken(w.fs, w.dir, "app"); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	detect := &DetectRequest{Rules: rules, Exceptions: in.write("exceptions.yaml", markedExceptions), Keys: in.write("keys.csv", "key,custodian,custodian_left\nk1,cust-"+marker+",2025-01-01\n")}
	r := w.serve(func(o *Options) { o.Detect, o.Alerts = detect, alerts })
	until(t, "signals from history", func() bool { return len(r.signals(t).Signals) >= 4 })
	before := len(r.signals(t).Signals)
	if status, got := r.post(nil, `{"time":"`+time.Now().UTC().Format(time.RFC3339)+`","id":"http-`+marker+`","actor":{"id":"h-`+marker+`","type":"staff"},"credential":{"token":"t-`+marker+`"},"method":"GET","uri":"/members/h-`+marker+`","status":200}`+"\n"); status != 200 {
		t.Fatalf("%d %+v", status, got)
	}
	until(t, "signal of what was posted", func() bool { return len(r.signals(t).Signals) > before })
	until(t, "webhook", func() bool { mu.Lock(); defer mu.Unlock(); return signals >= 4 })
	admin := r.address.Token
	ask := func(method, where, body string, status int) string {
		t.Helper()
		got, _, text := r.call(method, where, admin, nil, strings.NewReader(body))
		if got != status {
			t.Errorf("%s %s: %d %s, want %d", method, where, got, text, status)
		}
		out.WriteString(text + "\n")
		return text
	}
	list := r.signals(t).Signals
	quiet, open := 0, ""
	for _, s := range list {
		if s.Exception != nil {
			quiet++
		} else if s.Severity >= detection.High {
			open = s.ID
		}
		if s.Where != "" && r.count(s.Where) == 0 {
			t.Errorf("the condition of %s finds nothing", s.Rule)
		}
	}
	if quiet == 0 {
		t.Error("the exception for a marked account keeps nothing quiet: the test looks at too little")
	}
	ask("GET", "/v1/signals", "", 200)
	ask("GET", "/v1/alerts", "", 200)
	ask("POST", "/v1/signals/ack", `{"id":"sig-`+marker+`","who":"who"}`, 404)
	ask("POST", "/v1/signals/ack", `{"`+marker+`":1}`, 400)
	ask("POST", "/v1/signals/ack", `{"id":"`+open+`","who":"who-`+marker+`","note":"note-`+marker+`"}`, 200)
	// Broken rules and files beside them.
	for name, text := range map[string]string{
		"a condition":   strings.Replace(markedRules, "condition: s and not none", "condition: s and "+marker, 1),
		"no YAML":       markedRules + "\n x: [" + marker,
		"a number":      strings.Replace(markedRules, "gte: 1,", "gte: "+marker+"x,", 1),
		"a time":        strings.Replace(markedRules, "timespan: 1h", "timespan: "+marker+"q", 1),
		"a network":     strings.Replace(markedRules, "actor.id: nobody-", "client.ip|cidr: ", 1),
		"an amount":     strings.Replace(markedRules, "actor.id: nobody-", "rows|gte: x", 1),
		"an expression": strings.Replace(markedRules, "actor.id: nobody-"+marker, "actor.id|re: '("+marker+"'", 1),
	} {
		in.write("rules/r.yaml", text)
		if status, _, said := r.call("POST", "/v1/rules/reload", admin, nil, strings.NewReader("{}")); status != 422 {
			t.Errorf("%s: %d %s", name, status, said)
		} else if strings.Contains(said, marker) && name != "a condition" { // a word of the language, not a value
			t.Errorf("%s: the marker is in %s", name, said)
		}
	}
	in.write("rules/r.yaml", markedRules)
	r.ReloadRules()
	until(t, "end of the error", func() bool { return r.signals(t).Status.Error == "" })
	for _, broken := range []string{markedExceptions + "x" + marker, strings.Replace(markedExceptions, "2025-06-01", marker, 1), "exceptions: [" + marker} {
		in.write("exceptions.yaml", broken)
		r.ReloadRules()
		until(t, "an error about exceptions", func() bool { return r.signals(t).Status.Error != "" })
		out.WriteString(r.signals(t).Status.Error + "\n")
		in.write("exceptions.yaml", markedExceptions)
		r.ReloadRules()
		until(t, "end of the error", func() bool { return r.signals(t).Status.Error == "" })
	}
	os.Remove(filepath.Join(in.dir, "exceptions.yaml"))
	r.ReloadRules()
	until(t, "an error about a missing file", func() bool { return r.signals(t).Status.Error != "" })
	ask("GET", "/v1/signals", "", 200)
	ask("GET", "/metrics", "", 200)
	ask("GET", "/v1/status", "", 200)
	time.Sleep(100 * time.Millisecond)
	r.end()
	out.WriteString(w.logs.String())
	mu.Lock()
	out.WriteString(told.String())
	mu.Unlock()
	if !strings.Contains(w.logs.String(), "msg=signal") || !strings.Contains(w.logs.String(), "the rules were not read again") {
		t.Error("the log has no signal or no error: the test looks at too little")
	}
	if i := strings.Index(out.String(), marker); i >= 0 {
		text := out.String()
		t.Errorf("the marker got out: …%s…", text[max(0, i-300):min(len(text), i+100)])
	}
	// In the folder only the queue may have it, in what somebody wrote about a signal.
	err = filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		text := strings.NewReplacer("who-"+marker, "", "note-"+marker, "").Replace(string(data))
		if strings.Contains(p, marker) || strings.Contains(text, marker) {
			i := strings.Index(text, marker)
			t.Errorf("the marker is in %s: %q", strings.TrimPrefix(p, w.dir), text[max(0, i-100):min(len(text), i+50)])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
