package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/golden"
)

// receiver is a real HTTP server that keeps what it got.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []*http.Request
	bodies []string
	answer func(w http.ResponseWriter, n int)
}

func newReceiver(t *testing.T, answer func(w http.ResponseWriter, n int)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.got, r.bodies = append(r.got, req), append(r.bodies, string(body))
	n := len(r.got)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, n)
	}
}

func (r *receiver) all() ([]*http.Request, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got, r.bodies
}

// example is the signal of docs/alerts.md.
func example() message {
	s := made("sig-3f9a0c1d2e4b5a697887", detect.High, 1204)
	s.Group = map[string]string{"credential.key": "shop-2026-01", "client.network": "203.0.113.0/24"}
	s.Where = `credential.key == "shop-2026-01" && client.network == "203.0.113.0/24"`
	s.Reason = detect.Text{
		KO: "서명키 shop-2026-01로 발급된 토큰 1,204개가 로그인 기록 없이 사용되었습니다.",
		EN: "1,204 tokens signed with shop-2026-01 were used that no login had issued.",
	}
	return message{
		key: s.ID + ".2.5d41402abc4b2a76", at: time.Date(2026, 9, 1, 1, 36, 0, 0, time.UTC), zone: time.UTC,
		link: "https://haetae.example/signals/" + s.ID, signal: s, revision: 2,
		items: map[string]detect.Text{"name": {KO: "성명", EN: "name"}, "door_code": {KO: "공동현관 비밀번호", EN: "door code"}},
	}
}

func indented(t *testing.T, raw []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// block is a fenced block of docs/alerts.md by its name.
func block(t *testing.T, name string) string {
	t.Helper()
	_, text, ok := strings.Cut(golden.Page(t, "docs/alerts.md"), "\n```"+name+"\n")
	text, _, _ = strings.Cut(text, "\n```")
	if !ok {
		t.Fatalf("docs/alerts.md has no block %s", name)
	}
	return text
}

// What the page shows is what is sent.
func TestPayload(t *testing.T) {
	m := example()
	raw, err := m.payload(&Channel{Kind: Webhook, Language: Both})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(block(t, "json webhook"), indented(t, raw)); diff != "" {
		t.Errorf("docs/alerts.md (-page +sent):\n%s\nsent:\n%s", diff, indented(t, raw))
	}
	m.step, m.role, m.open = 1, "first", 16*time.Minute
	raw, err = m.payload(&Channel{Kind: Webhook, Language: English, Personal: true})
	if err != nil {
		t.Fatal(err)
	}
	var p payload
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	if p.Title.KO != "" || p.Escalation == nil || p.Escalation.Unacknowledged != 960 || p.Personal.Where != m.signal.Where || p.Personal.Reason.KO != "" {
		t.Errorf("payload: %s", raw)
	}
	m = example()
	raw, err = m.slack(&Channel{Kind: Slack, Language: Korean})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(block(t, "json slack"), indented(t, raw)); diff != "" {
		t.Errorf("docs/alerts.md (-page +sent):\n%s\nsent:\n%s", diff, indented(t, raw))
	}
}

func TestSlackEscapes(t *testing.T) {
	m := example()
	m.signal.Title.KO = "<!channel> & " + strings.Repeat("가<", 3000)
	raw, _ := m.slack(&Channel{Kind: Slack, Language: Korean, Personal: true})
	m.signal.Where = "<@U1> " + strings.Repeat("&", 3000)
	raw2, _ := m.slack(&Channel{Kind: Slack, Language: Korean, Personal: true})
	for _, raw := range [][]byte{raw, raw2} {
		var body struct {
			Text   string
			Blocks []struct {
				Type string
				Text struct{ Type, Text string }
			}
		}
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(body.Text, "<") {
			t.Error("a value can mention somebody in the text")
		}
		for _, b := range body.Blocks {
			if n := len([]rune(b.Text.Text)); b.Type == "header" && n > 150 || n > 3000 {
				t.Errorf("%s of %d characters", b.Type, n)
			}
			if b.Text.Type == "mrkdwn" && strings.ContainsAny(b.Text.Text, "<>") {
				t.Error("a value can mention somebody in a block")
			}
		}
	}
}

// Over a real connection: headers, signature, and what each answer means.
func TestWebhook(t *testing.T) {
	answers := []struct {
		code      int
		header    string
		permanent bool
		after     time.Duration
		text      string
	}{
		{200, "", false, 0, ""}, {204, "", false, 0, ""},
		{302, "", true, 0, "answered 302: a redirect is not followed"},
		{400, "", true, 0, "answered 400"}, {404, "", true, 0, "answered 404"}, {410, "", true, 0, "answered 410"},
		{408, "", false, 0, "answered 408"}, {429, "30", false, 30 * time.Second, "answered 429"}, {429, "99999", false, time.Hour, "answered 429"},
		{503, "Tue, 01 Sep 2026 01:38:00 GMT", false, 2 * time.Minute, "answered 503"}, {500, "-5", false, 0, "answered 500"},
	}
	r := newReceiver(t, func(w http.ResponseWriter, n int) {
		a := answers[n-1]
		if a.header != "" {
			w.Header().Set("Retry-After", a.header)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(a.code)
		io.WriteString(w, "hunter2 does not appear in any error")
	})
	dir := t.TempDir()
	ch := &Channel{
		Name: "siem", Kind: Webhook, Language: Both, URLFile: file(t, dir, "url", r.URL+"/hook?token=hunter2\n"),
		SecretFile: file(t, dir, "key", "0123456789abcdef\n"), TokenFile: file(t, dir, "token", "t0ken"),
	}
	s, err := newPoster(ch)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		err := s.send(t.Context(), example())
		if a.text == "" {
			if err != nil {
				t.Errorf("%d: %v", a.code, err)
			}
			continue
		}
		p, ok := err.(*problem)
		if !ok || p.permanent != a.permanent || p.after != a.after || p.text != a.text {
			t.Errorf("%d: %+v", a.code, err)
		}
	}
	reqs, bodies := r.all()
	if len(reqs) != len(answers) {
		t.Fatalf("%d requests: a redirect was followed", len(reqs))
	}
	req := reqs[0]
	for name, want := range map[string]string{
		"Idempotency-Key": example().key, "Authorization": "Bearer t0ken", "Content-Type": "application/json; charset=utf-8",
		"X-Haetae-Timestamp": "1788226560", "X-Haetae-Signature": sign([]byte("0123456789abcdef"), "1788226560", []byte(bodies[0])),
	} {
		if got := req.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if req.Method != "POST" || req.URL.RequestURI() != "/hook?token=hunter2" {
		t.Errorf("%s %s", req.Method, req.URL)
	}
	// openssl dgst -sha256 -hmac 0123456789abcdef over "1.{}"
	if got := sign([]byte("0123456789abcdef"), "1", []byte("{}")); got != "v1=2af693cb56b22c16912222aeefdc75a01de562bf70ee2015f41ecea48382997f" {
		t.Errorf("signature: %s", got)
	}
}

// What goes wrong on the way says so in words that hold no address.
func TestNetworkErrors(t *testing.T) {
	dir := t.TempDir()
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it says that we hung up
	untrusted.StartTLS()
	defer untrusted.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, c := range map[string]struct{ url, want string }{
		"refused":   {"http://" + refused.Addr().String(), "call: connection refused"},
		"untrusted": {untrusted.URL, "call: the certificate is signed by nobody known here"},
		"plain":     {"https://" + newReceiver(t, nil).Listener.Addr().String(), "call: the other side does not speak TLS"},
		"silent":    {"http://" + silent.Addr().String(), "call: no answer in time"},
		"missing":   {"", "url_file: the file is empty"},
	} {
		url := ""
		if c.url != "" {
			url = strings.Replace(c.url, "://", "://hunter2:hunter2@", 1) + "/hunter2?x=hunter2"
		}
		s, err := newPoster(&Channel{Kind: Webhook, URLFile: file(t, dir, name, url)})
		if err != nil {
			t.Fatal(err)
		}
		patience := attemptTime
		if name == "silent" {
			patience = 200 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err = s.send(ctx, example())
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if p, ok := err.(*problem); !ok || p.permanent {
			t.Errorf("%s: is not tried again", name)
		} else if strings.Contains(p.KO(), "hunter2") || !strings.ContainsFunc(p.KO(), func(r rune) bool { return unicode.Is(unicode.Hangul, r) }) {
			t.Errorf("%s: in Korean it is %q", name, p.KO())
		}
	}
	// With its authority in a file, the same server is known.
	ca := file(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: untrusted.Certificate().Raw})))
	s, err := newPoster(&Channel{Kind: Webhook, URL: untrusted.URL, CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.send(t.Context(), example()); err == nil || err.Error() != "answered 404" {
		t.Errorf("with ca_file: %v", err)
	}
}

// The whole way, with a real server outside the bubble whose time is real.
func TestDeskOverHTTP(t *testing.T) {
	r := newReceiver(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(503)
		}
	})
	pulse := newReceiver(t, nil)
	dir := t.TempDir()
	url := file(t, dir, "url", r.URL)
	synctest.Test(t, func(t *testing.T) {
		c := settings(t, "version: 1\nchannels:\n  - {name: siem, kind: webhook, url_file: "+url+"}\n"+
			"heartbeat: {url: \""+pulse.URL+"\", interval: 1m, within: 90s, method: POST}\n")
		d, stop := opened(t, disk.NewMem(), c, Options{})
		defer stop()
		enqueue(t, d, made("sig-a", detect.High, 1))
		d.Alive(time.Now())
		for range 6 {
			pass(time.Minute)
			if time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) < 3*time.Minute {
				d.Alive(time.Now())
			}
		}
		s := d.Status()
		if s.Channels[0].Queued != 0 || s.Channels[0].LastSuccess.IsZero() || s.Channels[0].LastError != "answered 503" {
			t.Errorf("%+v", s.Channels[0])
		}
		if s.Heartbeat.Sent.IsZero() || !strings.HasPrefix(s.Heartbeat.Withheld, "detection has not said") || !strings.Contains(s.Heartbeat.WithheldKO, "이후 탐지의 동작 신호가 없습니다") {
			t.Errorf("%+v", s.Heartbeat)
		}
		if err := d.Try(t.Context(), "siem"); err != nil {
			t.Error(err)
		}
	})
	reqs, bodies := r.all()
	if len(reqs) != 3 || reqs[0].Header.Get(headerKey) != reqs[1].Header.Get(headerKey) {
		t.Fatalf("%d requests, and a repetition has another key", len(reqs))
	}
	if !strings.Contains(bodies[2], `"kind":"test"`) || !strings.Contains(bodies[1], `"kind":"signal"`) {
		t.Errorf("bodies: %q", bodies)
	}
	// Alive until minute 2, and within 90 s of that.
	if reqs, _ := pulse.all(); len(reqs) < 3 || len(reqs) > 4 || reqs[0].Method != "POST" || reqs[0].ContentLength != 0 {
		t.Errorf("%d heartbeats", len(reqs))
	}
}
