//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/alert"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// mailServer is Debian's aiosmtpd in a folder of its own. It takes mail for
// anybody but gone@…, and for later@… at the second time of asking; it writes
// them into a Maildir.
type mailServer struct {
	t         *testing.T
	python    string
	dir, addr string
}

// smtpScript starts a server of the library with what a test asks for. Its words
// to refuse somebody quote the address, as those of real servers do.
const smtpScript = `
import asyncio, json, ssl, sys
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, AuthResult

o = json.loads(sys.argv[1])

class Handler(Mailbox):
    asked = set()
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 <%s>: no such user" % address
        if address.startswith("later@") and address not in self.asked:
            self.asked.add(address)
            return "451 4.7.1 <%s>: come back later" % address
        envelope.rcpt_tos.append(address)
        return "250 OK"

def login(server, session, envelope, mechanism, data):
    ok = data.login == b"haetae" and data.password == "한글 pass".encode()
    return AuthResult(success=ok, handled=False)

tls = None
if o["tls"] != "none":
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(o["cert"])
handler = Handler(o["maildir"])
def protocol():
    return SMTP(handler, hostname="mx.test", require_starttls=o["tls"] == "starttls",
        tls_context=tls if o["tls"] == "starttls" else None,
        authenticator=login, auth_required=o["login"], auth_require_tls=o["tls"] == "starttls",
        auth_exclude_mechanism=["PLAIN"] if o["only_login"] else [])

async def main():
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", o["port"], ssl=tls if o["tls"] == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
`

// readScript reads a Maildir with Python's own mail library: a mail that only Go
// can read is none.
const readScript = `
import json, mailbox, sys
from email import policy
from email.parser import BytesParser
out = []
for key, m in mailbox.Maildir(sys.argv[1]).items():
    m = BytesParser(policy=policy.default).parsebytes(m.as_bytes())
    out.append({"subject": m["subject"], "from": m["from"], "to": m["to"], "id": m["message-id"], "rcpt": m["x-rcptto"],
        "type": m.get_content_type(), "body": m.get_content(), "defects": [str(d) for d in m.defects]})
print(json.dumps(out))
`

type readMail struct {
	Subject, From, To, ID, Rcpt, Type, Body string
	Defects                                 []string
}

// python finds one that has aiosmtpd, installs it where that was allowed, or
// fails.
func python(t *testing.T) string {
	t.Helper()
	find := func() string {
		for _, p := range []string{os.Getenv("HAETAE_PYTHON"), "/usr/bin/python3", "python3"} {
			if p != "" && exec.Command(p, "-c", "import aiosmtpd").Run() == nil {
				return p
			}
		}
		return ""
	}
	if p := find(); p != "" {
		return p
	}
	if os.Getenv("CI") == "true" || os.Getenv("HAETAE_E2E_INSTALL") == "1" {
		for _, args := range [][]string{{"update", "-qq"}, {"install", "-y", "-qq", "--no-install-recommends", "python3-aiosmtpd"}} {
			cmd := exec.Command("apt-get", args...)
			cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		if p := find(); p != "" {
			return p
		}
	}
	t.Fatal("a mail server is missing, and this test cannot do without one.\n" +
		"Run `make test`, which installs it on Debian and Ubuntu, or install it yourself\n" +
		"(apt-get install python3-aiosmtpd), or name a Python that has it in HAETAE_PYTHON.")
	return ""
}

type mailOptions struct {
	TLS       string `json:"tls"`
	Login     bool   `json:"login"`
	OnlyLogin bool   `json:"only_login"`
	Port      int    `json:"port"`
	Cert      string `json:"cert"`
	Maildir   string `json:"maildir"`
}

// startMail starts the server. port 0 takes any.
func startMail(t *testing.T, o mailOptions) *mailServer {
	t.Helper()
	s := &mailServer{t: t, python: python(t), dir: t.TempDir()}
	o.Cert, o.Maildir = s.certificate(), filepath.Join(s.dir, "mail")
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(s.python, "-c", smtpScript, string(raw))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the mail server said:\n%s", &stderr)
		}
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		cmd.Wait()
		t.Fatalf("the mail server does not start: %v\n%s", err, &stderr)
	}
	s.addr = strings.TrimSpace(port)
	return s
}

// certificate is for 127.0.0.1, signed by itself, and with its key in one file.
func (s *mailServer) certificate() string {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	name := filepath.Join(s.dir, "cert.pem")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

func (s *mailServer) mails() []readMail {
	s.t.Helper()
	out, err := exec.Command(s.python, "-c", readScript, filepath.Join(s.dir, "mail")).Output()
	var all []readMail
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	if err != nil {
		s.t.Fatalf("read the mails: %v\n%s", err, out)
	}
	return all
}

// desk delivers to the server, with settings added to its channel.
func (s *mailServer) desk(keys ...string) *alert.Desk {
	s.t.Helper()
	text := fmt.Sprintf("version: 1\nzone: Asia/Seoul\nlink: https://haetae.example/signals/{id}\nchannels:\n"+
		"  - name: mail\n    kind: mail\n    host: 127.0.0.1\n    port: %s\n    from: 해태 <haetae@shop.example>\n    %s\n", s.addr, strings.Join(keys, "\n    "))
	name := filepath.Join(s.dir, "alerts.yaml")
	for f, content := range map[string]string{"alerts.yaml": text, "password": "한글 pass\n", "wrong": "hunter2 hunter2\n"} {
		if err := os.WriteFile(filepath.Join(s.dir, f), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	cfg, err := alert.Load(name)
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := alert.Open(disk.OS, filepath.ToSlash(filepath.Join(s.dir, "alerts")), cfg, alert.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
		if err := d.Close(); err != nil {
			s.t.Error(err)
		}
	})
	if err := d.Found(time.Time{}, stolenKey); err != nil {
		s.t.Fatal(err)
	}
	return d
}

var stolenKey = detect.Signal{
	ID: "sig-3f9a0c1d2e4b5a697887", Rule: "unissued-token", Severity: detect.High, Status: detect.Open,
	Title: detect.Text{KO: "발급 이력이 없는 토큰으로 개인정보 조회", EN: "Reads with tokens that nobody issued"},
	First: "2026-09-01T01:00:00.000Z", Last: "2026-09-01T01:20:00.000Z", Reads: 3612, Accounts: 1204, People: 1204,
	Group: map[string]string{"credential.key": "k-4815162342"}, Where: `credential.key == "k-4815162342"`,
}

func TestMailArrives(t *testing.T) {
	for name, c := range map[string]struct {
		o    mailOptions
		keys []string
	}{
		"starttls and login": {mailOptions{TLS: "starttls", Login: true}, []string{"tls: starttls", "ca_file: cert.pem", "username: haetae", "password_file: password"}},
		"implicit":           {mailOptions{TLS: "implicit"}, []string{"tls: implicit", "ca_file: cert.pem"}},
		"AUTH LOGIN alone":   {mailOptions{TLS: "starttls", Login: true, OnlyLogin: true}, []string{"tls: starttls", "ca_file: cert.pem", "username: haetae", "password_file: password"}},
		"without TLS":        {mailOptions{TLS: "none"}, []string{"tls: none"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startMail(t, c.o)
			d := s.desk(append(c.keys, `to: [cpo@shop.example, "보안팀 <sec@shop.example>"]`)...)
			await(t, "the mail to be sent", func() bool {
				ch := d.Status().Channels[0]
				if ch.LastError != "" {
					t.Fatalf("not sent: %s", ch.LastError)
				}
				return !ch.LastSuccess.IsZero()
			})
			all := s.mails()
			if len(all) != 1 {
				t.Fatalf("%d mails", len(all))
			}
			m := all[0]
			const subject = "[해태] [높음] 발급 이력이 없는 토큰으로 개인정보 조회 (정보주체 1,204명) / [high] Reads with tokens that nobody issued (1,204 people)"
			if m.Subject != subject || m.From != "해태 <haetae@shop.example>" || m.To != "cpo@shop.example, 보안팀 <sec@shop.example>" || m.Type != "text/plain" || len(m.Defects) > 0 {
				t.Errorf("headers: %+v", m)
			}
			if !strings.HasPrefix(m.ID, "<"+stolenKey.ID+".1.") || !strings.HasSuffix(m.ID, "@shop.example>") {
				t.Errorf("Message-ID: %s", m.ID)
			}
			for _, part := range []string{"정보주체 수: 1,204명\n", "최초 조회: 2026-09-01 10:00:00 (KST)\n", "People: 1,204\n", "https://haetae.example/signals/" + stolenKey.ID} {
				if !strings.Contains(strings.ReplaceAll(m.Body, "\r\n", "\n"), part) {
					t.Errorf("no %q in\n%s", part, m.Body)
				}
			}
			if strings.Contains(m.Body+m.Subject, "4815162342") {
				t.Error("the key stands in a mail of a channel that did not ask for it")
			}
		})
	}
}

// What a server refuses is judged by its code, and told without an address.
func TestMailRefused(t *testing.T) {
	t.Run("one of two", func(t *testing.T) {
		s := startMail(t, mailOptions{TLS: "none"})
		d := s.desk("tls: none", "to: [gone@shop.example, cpo@shop.example]")
		await(t, "the mail to be sent", func() bool { return !d.Status().Channels[0].LastSuccess.IsZero() })
		if all := s.mails(); len(all) != 1 || !strings.Contains(all[0].Rcpt, "cpo@") {
			t.Errorf("mails: %+v", all)
		}
	})
	t.Run("all", func(t *testing.T) {
		s := startMail(t, mailOptions{TLS: "none"})
		d := s.desk("tls: none", "to: [gone@shop.example]")
		await(t, "the mail to be refused", func() bool { return d.Status().Channels[0].Failed == 1 })
		if f := d.Status().Failures; len(f) != 1 || f[0].Error != "recipient 1 of 1: the mail server answered 550" {
			t.Errorf("failures: %+v", f)
		}
	})
	t.Run("for now", func(t *testing.T) {
		s := startMail(t, mailOptions{TLS: "none"})
		d := s.desk("tls: none", "to: [later@shop.example, cpo@shop.example]")
		await(t, "both to be sent", func() bool { return !d.Status().Channels[0].LastSuccess.IsZero() })
		all := s.mails()
		if len(all) != 2 || all[0].ID != all[1].ID || all[0].Rcpt == all[1].Rcpt {
			t.Errorf("mails: %+v", all)
		}
		if e := d.Status().Channels[0].LastError; e != "recipient 1 of 2: the mail server answered 451" {
			t.Errorf("error: %s", e)
		}
	})
	t.Run("the password", func(t *testing.T) {
		s := startMail(t, mailOptions{TLS: "starttls", Login: true})
		d := s.desk("tls: starttls", "ca_file: cert.pem", "username: haetae", "password_file: wrong", "to: [cpo@shop.example]")
		await(t, "the login to be refused", func() bool { return d.Status().Channels[0].Failed == 1 })
		if e := d.Status().Channels[0].LastError; e != "login: the mail server answered 535" {
			t.Errorf("error: %s", e)
		}
		// Once the password is right, what had been refused can be sent.
		if err := os.WriteFile(filepath.Join(s.dir, "wrong"), []byte("한글 pass\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Try(t.Context(), "mail"); err != nil {
			t.Error(err)
		}
		if n, err := d.Retry("mail"); n != 1 || err != nil {
			t.Errorf("Retry: %d, %v", n, err)
		}
		await(t, "it to be sent", func() bool { return len(s.mails()) == 2 })
	})
	t.Run("the certificate", func(t *testing.T) {
		s := startMail(t, mailOptions{TLS: "starttls"})
		d := s.desk("tls: starttls", "to: [cpo@shop.example]")
		await(t, "an error", func() bool { return d.Status().Channels[0].LastError != "" })
		if c := d.Status().Channels[0]; c.LastError != "STARTTLS: the certificate is signed by nobody known here" || c.Queued != 1 {
			t.Errorf("%+v", c)
		}
	})
	t.Run("no STARTTLS", func(t *testing.T) {
		s := startMail(t, mailOptions{TLS: "none"})
		d := s.desk("tls: starttls", "to: [cpo@shop.example]")
		await(t, "an error", func() bool { return d.Status().Channels[0].LastError != "" })
		if c := d.Status().Channels[0]; c.LastError != "the server offers no STARTTLS" || len(s.mails()) != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// A server that is not there gets the mail when it is.
func TestMailServerComesBack(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := &mailServer{t: t, dir: t.TempDir(), addr: fmt.Sprint(port)}
	d := s.desk("tls: none", "to: [cpo@shop.example]")
	await(t, "an error", func() bool { return d.Status().Channels[0].LastError == "connect: connection refused" })
	real := startMail(t, mailOptions{TLS: "none", Port: port})
	await(t, "the mail to be sent", func() bool { return !d.Status().Channels[0].LastSuccess.IsZero() })
	if all := real.mails(); len(all) != 1 {
		t.Errorf("%d mails", len(all))
	}
}
