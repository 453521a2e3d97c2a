//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nginx is one running in a folder of its own, with the files of
// docs/capture.md.
type nginx struct {
	t        *testing.T
	bin, dir string
	addr     string
	log      string
	rotated  int
}

// program finds nginx, installs it where that was allowed, or fails: a test that
// is quietly left out proves nothing.
func program(t *testing.T) string {
	t.Helper()
	find := func() string {
		for _, p := range []string{os.Getenv("HAETAE_NGINX"), "nginx", "/usr/sbin/nginx"} {
			if p == "" {
				continue
			}
			if bin, err := exec.LookPath(p); err == nil {
				return bin
			}
		}
		return ""
	}
	if bin := find(); bin != "" {
		return bin
	}
	if os.Getenv("CI") == "true" || os.Getenv("HAETAE_E2E_INSTALL") == "1" {
		for _, args := range [][]string{{"update", "-qq"}, {"install", "-y", "-qq", "--no-install-recommends", "nginx-light"}} {
			cmd := exec.Command("apt-get", args...)
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		if bin := find(); bin != "" {
			return bin
		}
	}
	t.Fatal("nginx is missing, and this test cannot do without it.\n" +
		"Run `make test`, which installs it on Debian and Ubuntu, or install it yourself\n" +
		"(apt-get install nginx-light), or name it in HAETAE_NGINX.")
	return ""
}

// startNginx puts nginx in front of a service.
func startNginx(t *testing.T, service string) *nginx {
	t.Helper()
	n := &nginx{t: t, bin: program(t), dir: t.TempDir()}
	n.log = filepath.Join(n.dir, "haetae.json")
	write := func(name, text string) {
		path := filepath.Join(n.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("conf.d/haetae.conf", file(t, "nginx", nginxLog))
	write("snippets/haetae.conf", file(t, "nginx", nginxProxy))
	// Somebody else may take the port between here and nginx; then it says so,
	// and another one is tried.
	for try := 1; ; try++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		n.addr = l.Addr().String()
		l.Close()
		server := file(t, "nginx", nginxServer)
		for _, change := range [][2]string{
			{"listen 80;", "listen " + n.addr + ";"},
			{"/var/log/nginx/haetae.json", n.log},
			{"proxy_pass http://127.0.0.1:8080;", "proxy_pass " + service + ";"},
		} {
			if strings.Count(server, change[0]) != 1 {
				t.Fatalf("docs/capture.md: the server block has not exactly one %q", change[0])
			}
			server = strings.Replace(server, change[0], change[1], 1)
		}
		write("sites-enabled/shop", server)
		write("nginx.conf", n.main())
		out, err := n.run().CombinedOutput()
		if err == nil {
			break
		}
		if try == 5 || !bytes.Contains(out, []byte("Address already in use")) {
			t.Fatalf("nginx does not start: %v\n%s", err, out)
		}
	}
	t.Cleanup(n.stop)
	return n
}

// main is what Debian's nginx.conf says, with every path below our folder. Two
// workers, since a log that is rotated has more than one writer in practice.
func (n *nginx) main() string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n"
	}
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "    %s_temp_path %s/temp_%s;\n", kind, n.dir, kind)
	}
	return fmt.Sprintf(`%sworker_processes 2;
pid %[2]s/nginx.pid;
error_log %[2]s/error.log warn;
events { worker_connections 256; }
http {
%[3]s    include conf.d/*.conf;
    include sites-enabled/*;
}
`, user, n.dir, temp.String())
}

func (n *nginx) run(args ...string) *exec.Cmd {
	cmd := exec.Command(n.bin, append([]string{"-p", n.dir, "-c", filepath.Join(n.dir, "nginx.conf"), "-e", filepath.Join(n.dir, "error.log")}, args...)...)
	return cmd
}

// rotate does what logrotate does on Debian: it renames the log and asks nginx
// to open a new one.
func (n *nginx) rotate() {
	n.t.Helper()
	n.rotated++
	if err := os.Rename(n.log, fmt.Sprintf("%s.%d", n.log, n.rotated)); err != nil {
		n.t.Fatal(err)
	}
	if out, err := n.run("-s", "reopen").CombinedOutput(); err != nil {
		n.t.Fatalf("nginx -s reopen: %v\n%s", err, out)
	}
	await(n.t, "nginx to open a new log", func() bool {
		_, err := os.Stat(n.log)
		return err == nil
	})
}

// lines is everything that was logged, over all rotations.
func (n *nginx) lines() []string {
	n.t.Helper()
	var out []string
	for i := 1; i <= n.rotated+1; i++ {
		name := n.log
		if i <= n.rotated {
			name = fmt.Sprintf("%s.%d", n.log, i)
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			n.t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}

func (n *nginx) stop() {
	if n.t.Failed() {
		raw, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
		n.t.Logf("nginx's error log:\n%s", raw)
	}
	raw, err := os.ReadFile(filepath.Join(n.dir, "nginx.pid"))
	if err != nil {
		return
	}
	var pid int
	fmt.Sscan(string(raw), &pid)
	n.run("-s", "quit").Run()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return
		}
	}
	syscall.Kill(pid, syscall.SIGTERM)
}

// await looks until something is so. Other programs give no other sign.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if so() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}
