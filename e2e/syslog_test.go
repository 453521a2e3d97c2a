//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gatewayLine is a line of the sample shop's gateway.
func gatewayLine(i int, key string) string {
	at := time.Date(2025, 3, 10, 9, 0, i, 0, time.UTC).Format(time.RFC3339)
	return fmt.Sprintf(`{"time":"%s","remote_addr":"203.0.113.9","request_method":"GET","request_uri":"/my/profile","status":200,"actor_id":"m1%06d","actor_type":"member","key_id":"%s","request_id":"%s-%d"}`, at, i, key, key, i)
}

// takesSyslog is a server that listens.
func takesSyslog(t *testing.T, inputs string) *haetae {
	t.Helper()
	dir := t.TempDir()
	h := newHaetae(t, filepath.Join(dir, "none.json"))
	file := filepath.Join(dir, "inputs.yaml")
	if err := os.WriteFile(file, []byte(inputs), 0o600); err != nil {
		t.Fatal(err)
	}
	h.serve("--inputs", file)
	return h
}

func (h *haetae) messages() (accepted, aside, other int64) {
	h.t.Helper()
	var st struct {
		Server struct {
			Inputs []struct{ Accepted, Aside, Other int64 }
		}
	}
	h.json(&st, "status", "--data", h.data, "--json")
	in := st.Server.Inputs[0]
	return in.Accepted, in.Aside, in.Other
}

// TestLogger: util-linux's logger, with each of its headers and framings.
func TestLogger(t *testing.T) {
	logger, err := exec.LookPath("logger")
	if err != nil {
		t.Fatal("logger is missing, and this test cannot do without it: it is of Debian's bsdutils")
	}
	port := freePort(t)
	h := takesSyslog(t, "version: 1\nsyslog:\n  - listen: 127.0.0.1:"+port+"\n    sources:\n      - {app: shop, source: gateway}\n      - {app: nginx, source: gateway}\n")
	ways := [][]string{{"--rfc5424", "--octet-count"}, {"--rfc5424"}, {"--rfc3164", "--octet-count"}, {"--rfc3164"}, {"--rfc5424=notq,notime,nohost"}}
	n := 0
	for i, way := range ways {
		key := fmt.Sprintf("way-%d", i)
		var in bytes.Buffer
		for range 40 {
			in.WriteString(gatewayLine(n, key) + "\n")
			n++
		}
		cmd := exec.Command(logger, append(way, "-T", "-n", "127.0.0.1", "-P", port, "-t", "shop", "-S", "4096")...)
		cmd.Stdin = &in
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("logger %v: %v\n%s", way, err, out)
		}
		other := exec.Command(logger, append(way, "-T", "-n", "127.0.0.1", "-P", port, "-t", "sshd", "something else")...)
		if out, err := other.CombinedOutput(); err != nil {
			t.Fatalf("logger %v: %v\n%s", way, err, out)
		}
	}
	h.caughtUp(n)
	await(t, "what is of no source", func() bool { _, _, other := h.messages(); return other == int64(len(ways)) })
	for i, way := range ways {
		if e := h.scope(fmt.Sprintf("credential.key == \"way-%d\"", i)); e.Records != 40 {
			t.Errorf("logger %v: %d records of 40", way, e.Records)
		}
	}
	if accepted, aside, _ := h.messages(); accepted != int64(n) || aside != 0 {
		t.Errorf("%d accepted, %d set aside", accepted, aside)
	}

	// The line of docs/sources.md, as it is typed there.
	page, err := os.ReadFile("../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, typed, found := strings.Cut(string(page), "```sh\nlogger ")
	typed, _, ends := strings.Cut(typed, "```")
	if !found || !ends || strings.Count(typed, "--port 6514") != 1 {
		t.Fatal("docs/sources.md sends no line by hand to port 6514")
	}
	if out, err := exec.Command("sh", "-c", "logger "+strings.Replace(typed, "--port 6514", "--port "+port, 1)).CombinedOutput(); err != nil {
		t.Fatalf("logger: %v\n%s", err, out)
	}
	h.caughtUp(n + 1)
	if e := h.scope(`account == "m1000042" && actor.id == "s101"`); e.Reads != 1 {
		t.Errorf("the line of the page: %+v", e)
	}
}

// certificates makes an authority, and certificates of it for two names.
func certificates(t *testing.T, dir string, names ...string) {
	t.Helper()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var authority *x509.Certificate
	var signer *ecdsa.PrivateKey
	for i, name := range append([]string{"ca"}, names...) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		if i == 0 {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
			authority, signer = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, authority, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(name+".pem", "CERTIFICATE", der)
		write(name+".key", "PRIVATE KEY", raw)
	}
}

// rsyslog starts Debian's with the settings of docs/sources.md.
func rsyslog(t *testing.T, dir, log, port string) {
	t.Helper()
	var bin string
	for _, p := range []string{os.Getenv("HAETAE_RSYSLOGD"), "rsyslogd", "/usr/sbin/rsyslogd"} {
		if found, err := exec.LookPath(p); p != "" && err == nil {
			bin = found
			break
		}
	}
	if bin == "" {
		t.Fatal("rsyslog is missing, and this test cannot do without it.\n" +
			"Run `make e2e`, which installs it on Debian, or name rsyslogd in HAETAE_RSYSLOGD.")
	}
	conf := settings(t, "rsyslog.conf")
	for _, change := range [][2]string{
		{"/var/log/nginx/haetae.json", log}, {"/var/spool/rsyslog", dir}, {"/etc/rsyslog.d/haetae-ca.pem", dir + "/ca.pem"},
		{"/etc/rsyslog.d/sender.pem", dir + "/sender.example.pem"}, {"/etc/rsyslog.d/sender.key", dir + "/sender.example.key"},
		{`target="haetae.example"`, `target="127.0.0.1"`}, {`port="6514"`, `port="` + port + `"`},
	} {
		if strings.Count(conf, change[0]) != 1 {
			t.Fatalf("docs/sources.md: rsyslog.conf has not exactly one %q", change[0])
		}
		conf = strings.Replace(conf, change[0], change[1], 1)
	}
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(bin, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("rsyslog said:\n%s", said.Bytes())
		}
	})
}

// TestRsyslog: rsyslog reads a log as it grows and sends it over TLS, each side with a
// certificate; what is written while Haetae is down waits in rsyslog's queue.
func TestRsyslog(t *testing.T) {
	dir := t.TempDir()
	certificates(t, dir, "haetae.example", "sender.example")
	port, log := freePort(t), filepath.Join(dir, "haetae.json")
	inputs := fmt.Sprintf("version: 1\nsyslog:\n  - listen: 127.0.0.1:%s\n    tls: {cert: %[2]s/haetae.example.pem, key: %[2]s/haetae.example.key, client_ca: %[2]s/ca.pem}\n    sources:\n      - {app: nginx, source: gateway}\n", port, dir)
	h := takesSyslog(t, inputs)
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	write := func(more int) {
		for range more {
			if _, err := f.WriteString(gatewayLine(n, "r") + "\n"); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	write(500)
	rsyslog(t, dir, log, port)
	h.caughtUp(n)
	write(500)
	h.caughtUp(n)
	h.end(syscall.SIGINT)
	write(500)
	file := filepath.Join(dir, "inputs.yaml")
	if err := os.WriteFile(file, []byte(inputs), 0o600); err != nil {
		t.Fatal(err)
	}
	h.serve("--inputs", file)
	// The first message after the connection ended may have gone into it unseen, and
	// rsyslog sends again what may not have arrived: syslog has no answer. Ids tell.
	h.caughtUp(n - 1)
	time.Sleep(time.Second)
	e := h.scope(`credential.key == "r"`)
	if e.Records > int64(n) || e.Records < int64(n-1) {
		t.Errorf("%d records of %d lines", e.Records, n)
	}
	if _, aside, other := h.messages(); aside != 0 || other != 0 {
		t.Errorf("%d set aside, %d of no source", aside, other)
	}
}
