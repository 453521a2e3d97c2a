package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// listening is a world whose server listens for syslog.
func listening(t *testing.T, more string, change func(*Options)) (*world, *running) {
	t.Helper()
	w := newWorld(t, disk.NewMem(), "d")
	file := inputsFile(t, "syslog:\n  - name: web\n    listen: 127.0.0.1:0\n    sources:\n      - {app: shop, source: gateway}\n"+more)
	return w, w.serve(func(o *Options) {
		o.Inputs = file
		if change != nil {
			change(o)
		}
	})
}

func (r *running) dial() net.Conn {
	r.w.t.Helper()
	c, err := net.Dial("tcp", r.InputStatuses()[0].Listen)
	if err != nil {
		r.w.t.Fatal(err)
	}
	r.w.t.Cleanup(func() { c.Close() })
	return c
}

func say(t *testing.T, c io.Writer, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if _, err := io.WriteString(c, s); err != nil {
			t.Fatal(err)
		}
	}
}

const syslogHead = "<134>1 2025-03-10T09:00:00Z web1 shop 1 - - "

func counted(s string) string { return fmt.Sprintf("%d %s", len(s), s) }

// TestSyslog: both framings and both headers, side by side; what is of no source is
// counted, what cannot be read is set aside with its connection and number, and nothing of
// a message is told.
func TestSyslog(t *testing.T) {
	w, r := listening(t, "", nil)
	lines := accesses(0, 600)
	var wg sync.WaitGroup
	for part, write := range []func(io.Writer, string){
		func(c io.Writer, l string) { say(t, c, counted(syslogHead+l)) },
		func(c io.Writer, l string) { say(t, c, syslogHead+l+"\n") },
		func(c io.Writer, l string) { say(t, c, "<134>Mar 10 09:00:00 web1 shop[1]: "+l+"\n") },
	} {
		c := r.dial()
		wg.Go(func() {
			for _, l := range lines[part*200 : part*200+200] {
				write(c, l)
			}
		})
	}
	wg.Wait()
	c := r.dial()
	say(t, c, "<134>Mar 10 09:00:00 web1 sshd[1]: Accepted password for "+marker+"\n", // of no source
		"no header "+marker+"\n", // set aside under the only source there is
		syslogHead+`{"time":"`+marker+`"}`+"\n",
		syslogHead+"\n", // nothing in it
		syslogHead+"@cee: "+accesses(600, 601)[0]+"\n",
		syslogHead+strings.Repeat("x", 1<<20+10)+"\n",
		syslogHead+"cut off "+marker)
	c.(*net.TCPConn).CloseWrite()
	st := r.until("all taken in", settled(607))
	if st.Accepted != 601 || st.Other != 1 || st.Aside != 4 || st.Empty != 1 || st.Messages != 607 || st.Error != "" {
		t.Errorf("%+v", st)
	}
	if n := r.count(`source == "gateway"`); n != 601 {
		t.Errorf("%d records", n)
	}
	asides, err := r.ledger.Aside()
	causes := map[string]string{}
	for _, a := range asides {
		causes[a.Cause] = fmt.Sprint(a.Source, " ", a.File, " ", a.Line)
	}
	for cause, at := range map[string]string{"syslog_header": "gateway syslog web connection 4 2", "clock": "gateway syslog web connection 4 3", "long_line": "gateway syslog web connection 4 6", "cut_off": "gateway syslog web connection 4 7"} {
		if causes[cause] != at {
			t.Errorf("%s is at %q, want %q (%v, %v)", cause, causes[cause], at, causes, err)
		}
	}
	_, _, status := r.call("GET", "/v1/status", r.address.Token, nil, nil)
	_, _, metrics := r.call("GET", "/metrics", r.address.Token, nil, nil)
	for _, want := range []string{`haetae_input_messages_total{input="web",outcome="other"} 1`, `haetae_input_messages_total{input="web",outcome="accepted"} 601`, `haetae_input_connections{input="web"}`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	r.end()
	for _, said := range []string{status, metrics, w.logs.String()} {
		if strings.Contains(said, marker) || strings.Contains(said, "m1000001") || strings.Contains(said, "web1") {
			t.Error("something of a message is told")
		}
	}
}

// TestSyslogUnknown: where a listener leads to several sources, a header that cannot be
// read is of none of them, and is kept all the same; the framing that cannot be followed
// ends a connection, and nothing else.
func TestSyslogUnknown(t *testing.T) {
	w := newWorld(t, disk.NewMem(), "d")
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	if _, _, err := l.InstallCatalog("c.yaml", []byte(intakeCatalog)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := w.serve(func(o *Options) {
		o.Inputs = inputsFile(t, "syslog:\n  - name: web\n    listen: 127.0.0.1:0\n    sources:\n      - {app: shop, source: app}\n      - {host: db1, source: web}\n")
	})
	c := r.dial()
	say(t, c, "no header\n", syslogHead+strings.TrimSpace(appLine("a1", "x", ""))+"\n", "<134>Mar 10 09:00:00 db1 nginx: "+webLine("00", "x", "-"), syslogHead+strings.TrimSpace(appLine("a1", "x", ""))+"\n")
	r.until("taken in", settled(4))
	st := r.InputStatuses()[0]
	if st.Accepted != 2 || st.Duplicates != 1 || st.Aside != 1 {
		t.Errorf("%+v", st)
	}
	if asides, _ := r.ledger.Aside(); len(asides) != 1 || asides[0].Source != syslogUnknown || asides[0].Line != 1 {
		t.Errorf("%+v", asides)
	}
	say(t, c, "12x")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a connection without framing goes on: %v", err)
	}
	r.until("counted", func(st InputStatus) bool { return st.Failed == 1 && st.Connections == 0 })
	say(t, r.dial(), syslogHead+strings.TrimSpace(appLine("a2", "x", ""))+"\n")
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 3 })
	r.end()
}

// TestSyslogTLS: a sender needs a certificate of the authority; one that was renewed
// counts without a restart, and one that cannot be read leaves the one before.
func TestSyslogTLS(t *testing.T) {
	t.Parallel() // it waits more than it works
	p := newPapers(t)
	p.pair("first")
	first, _ := os.ReadFile(p.file("first.pem"))
	firstKey, _ := os.ReadFile(p.file("first.key"))
	p.write("server.pem", first)
	p.write("server.key", firstKey)
	sender := p.pair("sender")
	_, r := listening(t, fmt.Sprintf("    tls: {cert: %s, key: %s, client_ca: %s}\n", p.file("server.pem"), p.file("server.key"), p.file("ca")), nil)
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	dial := func(certs ...tls.Certificate) (*tls.Conn, error) {
		return tls.Dial("tcp", r.InputStatuses()[0].Listen, &tls.Config{RootCAs: pool, Certificates: certs})
	}
	c, err := dial(sender)
	if err != nil {
		t.Fatal(err)
	}
	say(t, c, counted(syslogHead+accesses(0, 1)[0]))
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 1 })
	// Nobody without one: the server says so when it has looked.
	stranger, err := dial()
	if err == nil {
		stranger.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err = stranger.Read(make([]byte, 1)); err == nil {
			t.Error("a stranger is let in")
		}
	}
	other := newPapers(t)
	if c, err := dial(other.pair("sender")); err == nil {
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("one of another authority is let in")
		}
	}
	plain := r.dial()
	say(t, plain, syslogHead+accesses(1, 2)[0]+"\n")
	r.until("counted", func(st InputStatus) bool { return st.Failed == 3 })
	plain.Close()
	// Half a renewal: the certificate is new and the key is not.
	p.pair("second")
	second, _ := os.ReadFile(p.file("second.pem"))
	secondKey, _ := os.ReadFile(p.file("second.key"))
	named := func() string {
		c, err := dial(sender)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	p.write("server.pem", second)
	for end := time.Now().Add(10 * time.Second); r.InputStatuses()[0].Error == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got := named(); got != "first" {
			t.Fatalf("%s is shown", got)
		}
	}
	if st := r.InputStatuses()[0]; st.Error != InputCertificate {
		t.Errorf("%+v", st)
	}
	p.write("server.key", secondKey)
	for end := time.Now().Add(10 * time.Second); named() != "second" && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if st := r.InputStatuses()[0]; named() != "second" || st.Error != "" {
		t.Errorf("the renewed certificate is not shown: %+v", st)
	}
	// A connection from before goes on.
	say(t, c, counted(syslogHead+accesses(2, 3)[0]))
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 2 })
	r.end()
}

// TestSyslogBounds: so many connections and no more; who begins a message and does not end
// it is let go; what was read when the server stops is taken in.
func TestSyslogBounds(t *testing.T) {
	w, r := listening(t, "    connections: 2\n", func(o *Options) { o.ReadTimeout = 300 * time.Millisecond })
	a, b := r.dial(), r.dial()
	r.until("two", func(st InputStatus) bool { return st.Connections == 2 })
	third := r.dial()
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Error("a third connection is open")
	}
	r.until("refused", func(st InputStatus) bool { return st.Refused == 1 })
	say(t, a, syslogHead+"{")
	if _, err := a.Read(make([]byte, 1)); err == nil {
		t.Error("who does not end a message may stay")
	}
	st := r.until("let go", func(st InputStatus) bool { return st.Connections == 1 })
	if st.Failed != 1 || st.Aside != 1 {
		t.Errorf("%+v", st)
	}
	say(t, b, syslogHead+accesses(0, 1)[0]+"\n") // who says nothing may stay
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 1 })
	r.end()
	if strings.Contains(w.logs.String(), "127.0.0.1:") && strings.Contains(w.logs.String(), a.LocalAddr().String()) {
		t.Error("the address of a sender is told")
	}
}

// TestSyslogFlood: one connection that sends more than may be held does not take more
// memory than that, and the others go on.
func TestSyslogFlood(t *testing.T) {
	_, r := listening(t, "", func(o *Options) { o.MaxBody, o.MaxInFlight = 1<<20, 1<<20 })
	flood := r.dial()
	done := make(chan error, 1)
	go func() {
		large := counted(syslogHead + `{"filler":"` + strings.Repeat("x", 900_000) + `"}`)
		for range 20 {
			if _, err := io.WriteString(flood, large); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	c := r.dial()
	for _, l := range accesses(0, 100) {
		say(t, c, syslogHead+l+"\n")
		if _, held := r.limits.load(); held > 1<<20 {
			t.Errorf("%d bytes are held", held)
		}
	}
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 100 })
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.until("all", settled(120))
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n, held := r.limits.load()
		if n == 0 && held == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes of %d requests are not given back", held, n)
		}
	}
	r.end()
}
