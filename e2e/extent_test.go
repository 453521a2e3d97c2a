//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/haetae/haetae/capture"
)

// haetae is the built program and its data folder.
type haetae struct {
	t    *testing.T
	bin  string
	data string
	log  string // the followed file

	serving *exec.Cmd
	output  bytes.Buffer // of the server, read only after it ended
}

func newHaetae(t *testing.T, log string) *haetae {
	t.Helper()
	dir := t.TempDir()
	h := &haetae{t: t, bin: filepath.Join(dir, "haetae"), data: filepath.Join(dir, "data"), log: log}
	build := exec.Command("go", "build", "-o", h.bin, "../cmd/haetae")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	h.run("init", "--data", h.data)
	h.run("import", "--data", h.data, "--catalog", "../packs/catalogs/shop.yaml",
		"--register", "../packs/sample/shop/register.csv@2025-01-01", "--holdings", "../packs/sample/shop/holdings.csv@2025-01-01")
	return h
}

func (h *haetae) run(args ...string) []byte {
	h.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(h.bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		h.t.Fatalf("haetae %s: %v\n%s", args[0], err, errs.Bytes())
	}
	return out.Bytes()
}

func (h *haetae) serve(more ...string) {
	h.t.Helper()
	os.Remove(filepath.Join(h.data, "server.json")) // of one that was killed
	args := []string{"serve", "--data", h.data, "--listen", "127.0.0.1:0", "--follow", "gateway=" + h.log}
	h.serving = exec.Command(h.bin, append(args, more...)...)
	h.serving.Stdout, h.serving.Stderr = &h.output, &h.output
	if err := h.serving.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		h.end(syscall.SIGINT)
		if h.t.Failed() {
			h.t.Logf("haetae serve said:\n%s", h.output.Bytes())
		}
	})
	await(h.t, "haetae serve to begin", func() bool {
		_, err := os.Stat(filepath.Join(h.data, "server.json"))
		return err == nil
	})
}

// end stops the server, in order or by force.
func (h *haetae) end(sig syscall.Signal) {
	if h.serving == nil {
		return
	}
	h.serving.Process.Signal(sig)
	h.serving.Wait()
	h.serving = nil
}

func (h *haetae) scope(where string) extent {
	h.t.Helper()
	var e extent
	out := h.run("scope", "--data", h.data, "--where", where, "--json")
	if err := json.Unmarshal(out, &e); err != nil {
		h.t.Fatalf("scope: %v\n%s", err, out)
	}
	return e
}

// caughtUp waits until as many records arrived as requests were made.
func (h *haetae) caughtUp(n int) {
	h.t.Helper()
	var last int64
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if last = h.scope("true").Records; last >= int64(n) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatalf("waited 30 s for %d records, and %d came", n, last)
}

// crowd makes requests from several clients at once, and keeps what was asked.
type crowd struct {
	t    *testing.T
	url  string
	seed uint64

	mu  sync.Mutex
	all []asked
}

// visit makes n requests.
func (c *crowd) visit(b *books, n int) {
	c.t.Helper()
	const clients = 4
	var wg sync.WaitGroup
	for i := range clients {
		c.seed++
		v := &visitor{rnd: rand.New(rand.NewPCG(c.seed, uint64(i))), members: b.members}
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for range n / clients {
				a := v.next()
				if err := c.ask(client, a); err != nil {
					c.t.Errorf("%s %s: %v", a.method, pages[a.page].route, err)
					return
				}
				c.mu.Lock()
				c.all = append(c.all, a)
				c.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func (c *crowd) ask(client *http.Client, a asked) error {
	req, err := http.NewRequest(a.method, c.url+a.path, nil)
	if err != nil {
		return err
	}
	actor, typ, key := a.actor, a.actorType, a.key
	if actor == "" {
		actor, typ, key = "m1", "member", "sig-2024-09" // of an answer that will be dropped
	}
	req.Header.Set("Authorization", "Session "+actor+"/"+typ+"/"+key)
	req.Header.Set("User-Agent", `Mozilla/5.0 ("quotes" and \ and 한국어)`)
	// A client that wants to be believed.
	req.Header.Set(capture.HeaderSubjects, "m6666666")
	req.Header.Set(capture.HeaderActorID, "m6666666")
	req.Header.Set("X-Request-Id", "the-same-for-all")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != a.status {
		return fmt.Errorf("status %d, want %d", res.StatusCode, a.status)
	}
	for name := range res.Header {
		if strings.HasPrefix(name, "X-Haetae-") {
			return fmt.Errorf("%s reached the client", name)
		}
	}
	return nil
}

// compare asks Haetae several questions and compares every answer with what was
// asked for.
func (c *crowd) compare(h *haetae, b *books) {
	c.t.Helper()
	for _, q := range []struct {
		where string
		fits  func(asked) bool
	}{
		{"true", func(asked) bool { return true }},
		{`credential.key == "sig-2024-04"`, func(a asked) bool { return a.key == "sig-2024-04" }},
		{`actor.type == "partner"`, func(a asked) bool { return a.actorType == "partner" }},
		{`actor.type == "staff" && status == 200`, func(a asked) bool { return a.actorType == "staff" && a.status == 200 }},
		{`actor.id == "s103"`, func(a asked) bool { return a.actor == "s103" }},
		{`route == "GET /my/addresses/{n}/edit"`, func(a asked) bool { return a.page == "edit" }},
		{`"door_code" in items`, func(a asked) bool { return a.page == "edit" }},
		{`status >= 500`, func(a asked) bool { return a.status >= 500 }},
		{`inCIDR(client.ip, "127.0.0.0/8") && client.agent.contains("한국어")`, func(asked) bool { return true }},
		{`credential.key == "nobody has this"`, func(asked) bool { return false }},
	} {
		got := h.scope(q.where)
		want := b.count(c.all, q.fits)
		// An item that nobody's answer showed may be 0 or absent.
		for i, n := range got.Items {
			if n == 0 {
				delete(got.Items, i)
			}
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			c.t.Errorf("where %s: asked for (-) and answered (+):\n%s", q.where, d)
		}
	}
}

// seed is drawn anew each time and printed; HAETAE_SEED repeats a run.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := rand.Uint64N(1 << 32)
	if v := os.Getenv("HAETAE_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal("HAETAE_SEED is a number")
		}
		s = n
	}
	t.Logf("repeat with HAETAE_SEED=%d", s)
	return s
}

func start(t *testing.T) (*nginx, *haetae, *crowd, *books) {
	t.Helper()
	app := httptest.NewUnstartedServer(service(t))
	app.Config.ErrorLog = log.New(io.Discard, "", 0) // dropped answers are meant
	app.Start()
	t.Cleanup(app.Close)
	n := startNginx(t, app.URL)
	h := newHaetae(t, n.log)
	return n, h, &crowd{t: t, url: "http://" + n.addr, seed: seed(t)}, readBooks(t)
}

// TestLiveLog: the extent is what was asked for, through rotations in the middle
// of the traffic.
func TestLiveLog(t *testing.T) {
	n, h, c, b := start(t)
	h.serve()
	c.visit(b, 200)
	h.caughtUp(200)
	for range 3 {
		var wg sync.WaitGroup
		wg.Go(func() { c.visit(b, 400) })
		n.rotate()
		wg.Wait()
		h.caughtUp(len(c.all))
	}
	c.compare(h, b)

	// The same answers after a stop, from the folder alone.
	h.end(syscall.SIGINT)
	c.compare(h, b)
	c.checkLog(n.lines())
}

// TestKilled: the server is killed while it follows, the log rotates while nobody
// looks, and nothing is lost or counted twice.
func TestKilled(t *testing.T) {
	n, h, c, b := start(t)
	for range 3 {
		h.serve()
		var wg sync.WaitGroup
		wg.Go(func() { c.visit(b, 200) })
		time.Sleep(time.Duration(rand.Uint64N(400)) * time.Millisecond) // at any moment
		h.end(syscall.SIGKILL)
		wg.Wait()
	}
	h.serve()
	h.caughtUp(len(c.all))
	h.end(syscall.SIGKILL)
	c.visit(b, 100)
	n.rotate()
	c.visit(b, 100)
	h.serve()
	h.caughtUp(len(c.all))
	c.compare(h, b)
}

// checkLog reads the log without Haetae: every line is JSON, there is one for
// each request, and the items that the service named are the page's.
func (c *crowd) checkLog(lines []string) {
	c.t.Helper()
	if len(lines) != len(c.all) {
		c.t.Errorf("%d lines for %d requests", len(lines), len(c.all))
	}
	more, tokens := 0, map[string]bool{}
	for i, text := range lines {
		var line map[string]string
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			c.t.Fatalf("line %d is no JSON of texts: %v", i+1, err)
		}
		if strings.Contains(text, "m6666666") || strings.Contains(text, "the-same-for-all") || strings.Contains(text, "Session") {
			c.t.Fatalf("line %d holds what a client made up, or its session", i+1)
		}
		if line["data_more"] != "" {
			more++
			if line["data_subjects"] != "" || line["data_more"] != line["data_rows"] {
				c.t.Errorf("line %d names some subjects, and there are more", i+1)
			}
		}
		tokens[line["token_id"]] = true
		if line["status"] != "200" || line["data_items"] == "" {
			continue
		}
		known := false
		for _, p := range pages {
			known = known || strings.Join(p.items, ",") == line["data_items"]
		}
		if !known {
			c.t.Errorf("line %d: items %q", i+1, line["data_items"])
		}
	}
	long := 0
	for _, a := range c.all {
		if a.page == "export" && len(a.subjects) == 0 && a.status == 200 {
			long++
		}
	}
	if more != long {
		c.t.Errorf("%d lines say that there are more, of %d long exports", more, long)
	}
	if len(tokens) < 100 {
		c.t.Errorf("only %d tokens were told apart", len(tokens))
	}
}
