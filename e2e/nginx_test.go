//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haetae/haetae/capture"
)

const catalogText = `version: 1
account: {pattern: "m[0-9]+"}
items:
  name:  {ko: 성명, en: name, class: ordinary}
  phone: {ko: 휴대전화번호, en: phone number, class: contact}
sources:
  gateway:
    format: json
    fields: {time: time, id: request_id, actor.id: actor_id, actor.type: actor_type, credential.key: key_id, credential.token: token_id, client.ip: remote_addr, client.agent: http_user_agent, method: request_method, uri: request_uri, status: status, rows: data_rows, subjects: data_subjects}
routes:
  - {route: GET /my/profile, items: [name, phone], account: actor}
  - {route: "GET /support/members/{member}", items: [name], account: path.member}
  - {route: GET /seller/export, items: [name, phone], account: list}
  - {route: GET /admin/search, items: [name], account: none}
`

// service is a shop in one handler. It says whose data it answers.
func service(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	who := func(r *http.Request, kind string) {
		capture.Actor(r.Context(), r.Header.Get("Test-Actor"), kind)
		capture.Credential(r.Context(), "key-1", "token-"+r.Header.Get("Test-Actor"))
	}
	mux.HandleFunc("GET /my/profile", func(w http.ResponseWriter, r *http.Request) {
		who(r, "member")
		if r.URL.Query().Has("fail") {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, `{"name":"…"}`)
	})
	mux.HandleFunc("GET /support/members/{member}", func(w http.ResponseWriter, r *http.Request) {
		who(r, "staff")
		fmt.Fprintln(w, "{}")
	})
	mux.HandleFunc("GET /seller/export", func(w http.ResponseWriter, r *http.Request) {
		who(r, "partner")
		subjects := strings.Split(r.URL.Query().Get("of"), " ")
		capture.Subject(r.Context(), subjects...)
		capture.Rows(r.Context(), int64(len(subjects)))
		fmt.Fprintln(w, "csv")
	})
	mux.HandleFunc("GET /admin/search", func(w http.ResponseWriter, r *http.Request) {
		who(r, "staff")
		capture.Rows(r.Context(), 25)
		fmt.Fprintln(w, "[]")
	})
	return capture.Headers(mux)
}

// snippet takes the nginx configuration out of docs/capture.md: what a reader
// copies is what is tested.
func snippet(t *testing.T) (httpBlock, location string) {
	doc, err := os.ReadFile("../docs/capture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "<!-- e2e: nginx -->\n```nginx\n")
	text, _, ok2 := strings.Cut(rest, "```")
	httpBlock, location, ok3 := strings.Cut(text, "# In the server or location block")
	if !ok || !ok2 || !ok3 {
		t.Fatal("docs/capture.md has lost its nginx block")
	}
	_, location, _ = strings.Cut(location, "\n")
	return httpBlock, location
}

type proxy struct {
	dir, addr, log, conf string
	cmd                  *exec.Cmd
}

func startNginx(t *testing.T, upstream string) *proxy {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	if err != nil {
		bin = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatal("nginx is missing: run `make e2e-install` (Debian: apt-get install nginx-light)")
	}
	p := &proxy{dir: t.TempDir()}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = ln.Addr().String()
	ln.Close()
	p.log = filepath.Join(p.dir, "access.ndjson")
	block, location := snippet(t)
	location = strings.ReplaceAll(location, "/var/log/nginx/access.ndjson", p.log)
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	conf := user + fmt.Sprintf(`
daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 64; }
http {
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  %[2]s
  server { listen %[3]s; location / { proxy_pass %[4]s; %[5]s } }
}`, p.dir, block, p.addr, upstream, location)
	p.conf = filepath.Join(p.dir, "nginx.conf")
	if err := os.WriteFile(p.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(bin, "-c", p.conf, "-p", p.dir)
	var out bytes.Buffer
	p.cmd.Stdout, p.cmd.Stderr = &out, &out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Signal(os.Interrupt)
		p.cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	waitFor(t, "nginx to listen", func() bool {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

// rotate does what logrotate does: rename, then tell nginx to open a new file.
func (p *proxy) rotate(t *testing.T) {
	t.Helper()
	if err := os.Rename(p.log, p.log+".1"); err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(filepath.Join(p.dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", "-USR1", strings.TrimSpace(string(pid))).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	waitFor(t, "nginx to open a new log", func() bool { _, err := os.Stat(p.log); return err == nil })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited 20 s for %s", what)
}

// truth counts what was really asked for.
type truth struct {
	records, reads, unresolved, rows int64
	accounts                         map[string]bool
}

func TestNginx(t *testing.T) {
	app := httptest.NewServer(service(t))
	defer app.Close()
	p := startNginx(t, app.URL)

	work := t.TempDir()
	data := filepath.Join(work, "data")
	bin := filepath.Join(work, "haetae")
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return out
	}
	run("go", "build", "-o", bin, "../cmd/haetae")
	cat := filepath.Join(work, "catalog.yaml")
	if err := os.WriteFile(cat, []byte(catalogText), 0o600); err != nil {
		t.Fatal(err)
	}
	run(bin, "init", "--data", data)
	run(bin, "import", "--data", data, "--catalog", cat)

	ctx, stop := context.WithCancel(context.Background())
	serve := exec.CommandContext(ctx, bin, "serve", "--data", data, "--listen", "127.0.0.1:0", "--follow", "gateway="+p.log)
	serve.Cancel = func() error { return serve.Process.Signal(os.Interrupt) }
	var logs bytes.Buffer
	serve.Stdout, serve.Stderr = &logs, &logs
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end := func() { once.Do(func() { stop(); serve.Wait() }) }
	defer func() {
		end()
		if t.Failed() {
			t.Log(logs.String())
		}
	}()

	want := truth{accounts: map[string]bool{}}
	get := func(path, actor string, status int) {
		t.Helper()
		req, _ := http.NewRequest("GET", "http://"+p.addr+path, nil)
		req.Header.Set("Test-Actor", actor)
		req.Header.Set("X-Haetae-Subjects", "m666") // a client that wants to be believed
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != status {
			t.Fatalf("%s: %d, want %d", path, res.StatusCode, status)
		}
		for h := range res.Header {
			if strings.HasPrefix(h, "X-Haetae") {
				t.Errorf("%s reached the client", h)
			}
		}
		want.records++
	}
	round := func(n int) {
		for i := range 10 {
			m := fmt.Sprintf("m%d", n+i)
			get("/my/profile", m, 200)
			want.reads++
			want.accounts[m] = true
		}
		get("/my/profile?fail", fmt.Sprintf("m%d", n+50), 500)
		get("/support/members/m"+fmt.Sprint(n+100), "s1", 200)
		want.accounts[fmt.Sprintf("m%d", n+100)] = true
		want.reads++
		get(fmt.Sprintf("/seller/export?of=m%d+m%d+m%d", n+200, n+201, n+1), "v1", 200)
		for _, k := range []int{n + 200, n + 201, n + 1} {
			want.accounts[fmt.Sprintf("m%d", k)] = true
		}
		want.reads++
		get("/admin/search", "s1", 200)
		want.reads++
		want.unresolved++
		want.rows += 25
		get("/nothing/here", "m1", 404)
	}
	type extent struct {
		Records, Reads, Accounts int64
		Unresolved               struct{ Records, Rows int64 }
	}
	ask := func() (e extent) {
		out, err := exec.Command(bin, "scope", "--data", data, "--where", `source == "gateway"`, "--json").Output()
		if err != nil {
			return e
		}
		json.Unmarshal(out, &e)
		return e
	}
	round(1000)
	// A file that is rotated away before anybody followed it is history, for
	// haetae import; so the follower must have begun.
	waitFor(t, "the follower to begin", func() bool { return ask().Records == want.records })
	p.rotate(t)
	round(2000)
	waitFor(t, "the follower to catch up", func() bool { return ask().Records == want.records })
	p.copyTruncate(t)
	round(3000)
	waitFor(t, "all records to arrive", func() bool { return ask().Records >= want.records })
	end()
	got := ask()
	if got.Records != want.records || got.Reads != want.reads || got.Accounts != int64(len(want.accounts)) ||
		got.Unresolved.Records != want.unresolved || got.Unresolved.Rows != want.rows {
		t.Fatalf("extent %+v; really: %d records, %d reads, %d accounts, %d unresolved of %d rows",
			got, want.records, want.reads, len(want.accounts), want.unresolved, want.rows)
	}
}

// copyTruncate rotates by copying and cutting the file, as logrotate can. What
// is written between the two is lost to everybody.
func (p *proxy) copyTruncate(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.log+".2", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.log, 0); err != nil {
		t.Fatal(err)
	}
}
