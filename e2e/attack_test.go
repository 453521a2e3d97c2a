//go:build e2e

package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/capture"
)

// signingKey signs the tokens of all members. Somebody who left has kept it.
const (
	signingKey   = "sig-2024-09"
	signingValue = "the value of the key, which nobody should have"
)

// token is what a sign-in gives a member, and what the attacker makes without one.
func token(member, serial string) string {
	m := hmac.New(sha256.New, []byte(signingValue))
	m.Write([]byte(member + "." + serial))
	return member + "." + serial + "." + hex.EncodeToString(m.Sum(nil))
}

// memberService is a shop where a member signs in, gets a token, and reads pages
// with it. It looks at the signature and at nothing else, as many do.
func memberService(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	var serial atomic.Int64
	mux.HandleFunc(pages["login"].route, func(w http.ResponseWriter, r *http.Request) {
		member := r.FormValue("member")
		tok := token(member, fmt.Sprint("s", serial.Add(1)))
		capture.Actor(r.Context(), member, "member")
		capture.Credential(r.Context(), signingKey, capture.TokenID(tok))
		io.WriteString(w, tok)
	})
	for _, name := range []string{"profile", "addresses", "edit", "orders"} {
		mux.HandleFunc(pages[name].route, func(w http.ResponseWriter, r *http.Request) {
			tok := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			part := strings.Split(tok, ".")
			if len(part) != 3 || !hmac.Equal([]byte(token(part[0], part[1])), []byte(tok)) {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			capture.Actor(r.Context(), part[0], "member")
			capture.Credential(r.Context(), signingKey, capture.TokenID(tok))
			capture.Items(r.Context(), pages[name].items...)
			io.WriteString(w, "my data\n")
		})
	}
	return capture.Headers{Report: func(_ *http.Request, err error) { t.Errorf("the service: %v", err) }}.Wrap(mux)
}

// ordinaryPast writes a log of the month before: members sign in at all hours and
// read. Rules that learn have learnt from it.
func ordinaryPast(t *testing.T, members []string, until time.Time) string {
	t.Helper()
	var b bytes.Buffer
	line := func(at time.Time, n int, method, uri, member, tok string) {
		fmt.Fprintf(&b, `{"time":%q,"remote_addr":"10.1.%d.%d","request_method":%q,"request_uri":%q,"status":200,"http_user_agent":"ShopApp/8.2","request_id":"past-%d-%s","actor_id":%q,"actor_type":"member","key_id":%q,"token_id":%q,"data_subjects":"","data_rows":""}`+"\n",
			at.UTC().Format(time.RFC3339Nano), n/200%200, n%200, method, uri, n, uri, member, signingKey, tok)
	}
	n := 0
	for at := until.Add(-33 * 24 * time.Hour); at.Before(until); at = at.Add(20 * time.Minute) {
		n++
		m := members[n*37%len(members)]
		tok := string(capture.TokenID(token(m, fmt.Sprint("past", n))))
		line(at, n, "POST", "/auth/login", m, tok)
		line(at.Add(2*time.Second), n, "GET", "/my/profile", m, tok)
		line(at.Add(9*time.Second), n, "GET", "/my/orders", m, tok)
	}
	name := filepath.Join(t.TempDir(), "access-past.ndjson")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// api asks the running server.
func (h *haetae) api(method, path string, body, into any) {
	h.t.Helper()
	raw, err := os.ReadFile(filepath.Join(h.data, "server.json"))
	if err != nil {
		h.t.Fatal(err)
	}
	var at struct{ Listen, Token string }
	if err := json.Unmarshal(raw, &at); err != nil {
		h.t.Fatal(err)
	}
	text, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequest(method, "http://"+at.Listen+path, bytes.NewReader(text))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+at.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		h.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, got, err)
	}
	if err := json.Unmarshal(got, into); err != nil {
		h.t.Fatal(err)
	}
}

// heard is the part of a signal that is looked at.
type heard struct {
	Rule, Severity, Where, First, Last string
	Group                              map[string]string
	told
}

// told are the numbers of a signal, of an answer, and of the requests that were made.
type told struct {
	Reads, Accounts, People int64
	Items                   map[string]int64
}

func (s *heard) high() bool { return s.Severity == "high" || s.Severity == "critical" }

func (h *haetae) signals() (state string, list []heard) {
	h.t.Helper()
	var out struct {
		Status  struct{ State string }
		Signals []heard
	}
	h.api("GET", "/v1/signals", nil, &out)
	return out.Status.State, out.Signals
}

// bell is a server of somebody else's that is rung by webhook.
type bell struct {
	mu    sync.Mutex
	rings []string
}

func (b *bell) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rings = append(b.rings, string(text))
}

func (b *bell) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.rings...)
}

// TestAttack: while members sign in and read their own pages, somebody with the
// signing key makes tokens and walks through other members' pages, from several
// addresses, with curl. The signal that rings names the key, and its reads,
// accounts, people and items are those of the requests that curl made; the webhook
// is called; of the members nothing high is said.
func TestAttack(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal("curl is missing, and the attack is played with it: run `make e2e`, which installs it on Debian and Ubuntu")
	}
	app := httptest.NewServer(memberService(t))
	defer app.Close()
	n := startNginx(t, app.URL)
	h := newHaetae(t, n.log)
	b := readBooks(t)
	honest, victims := b.members[:200], b.members[200:]
	h.run("import", "--data", h.data, ordinaryPast(t, honest, time.Now().Add(-10*time.Minute)))

	var rung bell
	hook := httptest.NewServer(&rung)
	defer hook.Close()
	alerts := filepath.Join(t.TempDir(), "alerts.yaml")
	text := fmt.Sprintf("version: 1\nlink: https://haetae.example/signals/{id}\nchannels:\n  - {name: siem, kind: webhook, url: %q, min_severity: high}\n", hook.URL)
	if err := os.WriteFile(alerts, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h.serve("--lateness", "2s", "--alerts", alerts)
	await(t, "live detection", func() bool { state, _ := h.signals(); return state == "live" })

	// Members, as long as the attack goes on.
	ended := make(chan struct{})
	var members sync.WaitGroup
	members.Go(func() {
		client := &http.Client{}
		do := func(method, path, tok string) string {
			req, _ := http.NewRequest(method, "http://"+n.addr+path, nil)
			req.Header.Set("User-Agent", "ShopApp/8.2")
			req.Header.Set("Authorization", "Bearer "+tok)
			res, err := client.Do(req)
			if err != nil {
				t.Errorf("a member: %v", err)
				return ""
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != http.StatusOK {
				t.Errorf("a member: %s %s: %d", method, path, res.StatusCode)
			}
			return string(body)
		}
		for i, last := 0, false; !last; i++ {
			select {
			case <-ended:
				last = true // somebody signs in after the attack
			default:
			}
			tok := do("POST", "/auth/login?member="+honest[i*7%len(honest)], "")
			for _, path := range []string{"/my/profile", "/my/orders", "/my/addresses"}[:1+i%3] {
				do("GET", path, tok)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	time.Sleep(500 * time.Millisecond) // they were there before

	var asks []asked
	for i := range 60 {
		member := victims[i*11%len(victims)]
		if i == 17 {
			member = ghost // whoever walks over numbers meets some that nobody has
		}
		name := []string{"addresses", "edit", "addresses", "profile"}[i%4]
		path := strings.Replace(strings.TrimPrefix(pages[name].route, "GET "), "{n}", "1", 1)
		a := asked{page: name, method: "GET", path: path, actor: member, actorType: "member", key: signingKey, status: 200, subjects: []string{member}}
		out, err := exec.Command(curl, "--silent", "--show-error", "--fail", "--interface", fmt.Sprintf("127.0.0.%d", 2+i%8),
			"--header", "Authorization: Bearer "+token(member, fmt.Sprint("made", i)), "http://"+n.addr+path).CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
		asks = append(asks, a)
	}
	close(ended)
	members.Wait()

	x := b.count(asks, func(asked) bool { return true })
	want := told{x.Reads, x.Accounts, x.People, x.Items}
	ours := func(s heard) bool {
		return s.high() && s.Rule == "unissued_tokens" && s.Group["credential.key"] == signingKey
	}
	find := func(fits func(heard) bool) *heard {
		_, list := h.signals()
		for i := range list {
			if fits(list[i]) {
				return &list[i]
			}
		}
		return nil
	}
	await(t, "a high signal that names the key", func() bool { return find(ours) != nil })
	await(t, "the webhook", func() bool { return len(rung.all()) > 0 })
	// A signal that grows is told again after some seconds.
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && find(ours).Reads != want.Reads; {
		time.Sleep(200 * time.Millisecond)
	}
	s := find(ours)
	if d := cmp.Diff(want, s.told); d != "" {
		t.Errorf("asked for (-) and signalled (+):\n%s", d)
	}
	for _, q := range []map[string]string{{"where": s.Where}, {"where": s.Where, "from": s.First}} {
		var answer told
		h.api("POST", "/v1/scope", q, &answer)
		for i, c := range answer.Items {
			if c == 0 {
				delete(answer.Items, i)
			}
		}
		if d := cmp.Diff(want, answer); d != "" {
			t.Errorf("where %s: asked for (-) and answered (+):\n%s", q, d)
		}
	}
	if text := strings.Join(rung.all(), "\n"); !strings.Contains(text, "unissued_tokens") || strings.Contains(text, signingKey) {
		t.Errorf("the webhook was told %s", text)
	}
	checkOthers(t, h)
}

// checkOthers looks at all other high signals: each is about the key or an address
// that curl came from, and none about a member.
func checkOthers(t *testing.T, h *haetae) {
	t.Helper()
	_, list := h.signals()
	for _, s := range list {
		t.Logf("%s %s %v: %d reads, %d people", s.Severity, s.Rule, s.Group, s.Reads, s.People)
		if !s.high() {
			continue
		}
		ip := s.Group["client.ip"]
		curls := strings.HasPrefix(ip, "127.0.0.") && ip != "127.0.0.1"
		if s.Group["actor.id"] != "" || s.Group["account"] != "" || s.Group["credential.key"] != signingKey && !curls {
			t.Errorf("a high signal about somebody else: %s %v", s.Rule, s.Group)
		}
	}
}
