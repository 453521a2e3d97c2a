package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/haetae/haetae/ingest/kafka"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// TestKafkaRebalance: two servers share a topic and each record is in one of them; a
// third of the messages comes while a member joins, and another while one leaves.
func TestKafkaRebalance(t *testing.T) {
	t.Parallel() // it waits more than it works
	const total = 3000
	c := newCluster(t, 4)
	one, two := newWorld(t, disk.NewMem(), "d"), newWorld(t, disk.NewMem(), "d")
	var stop atomic.Bool
	sent := make(chan int)
	cl := c.client()
	go func() {
		n := 0
		for ; n < total && !stop.Load(); n += 50 {
			var recs []*kgo.Record
			for _, v := range accesses(n, n+50) {
				recs = append(recs, &kgo.Record{Value: []byte(v)})
			}
			if err := cl.ProduceSync(context.Background(), recs...).FirstErr(); err != nil {
				t.Error(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		sent <- n
	}()
	a := one.consume(c.inputs(""))
	a.until("alone", func(st InputStatus) bool { return st.Accepted > 0 && len(st.Partitions) == 4 })
	b := two.consume(c.inputs(""))
	b.until("given its part", func(st InputStatus) bool { return st.Accepted > 0 && len(st.Partitions) == 2 })
	a.until("left its part", func(st InputStatus) bool { return len(st.Partitions) == 2 })
	a.end()
	b.until("alone", func(st InputStatus) bool { return len(st.Partitions) == 4 })
	n := <-sent
	if n != total {
		t.Fatalf("%d sent", n)
	}
	end := time.Now().Add(20 * time.Second)
	l := openLedger(t, one.fs, one.dir, ledger.Options{ReadOnly: true})
	first := l.Stats().Records
	l.Close()
	for first+b.count(`source == "gateway"`) < total && time.Now().Before(end) {
		time.Sleep(20 * time.Millisecond)
	}
	if second := b.count(`source == "gateway"`); first+second != total || first == 0 || second == 0 {
		t.Errorf("%d and %d records of %d messages", first, second, total)
	}
	b.end()
}

// TestKafkaSASL: each mechanism; a wrong password is told as what it is, and mended
// without a restart.
func TestKafkaSASL(t *testing.T) {
	for _, mechanism := range []string{kafka.Plain, kafka.Scram256, kafka.Scram512} {
		t.Run(mechanism, func(t *testing.T) {
			c := newCluster(t, 1, kfake.EnableSASL(), kfake.Superuser(mechanism, "haetae", "right"))
			dir := t.TempDir()
			user, password := filepath.Join(dir, "user"), filepath.Join(dir, "password")
			for name, text := range map[string]string{user: "haetae\n", password: "wrong-" + marker + "\n"} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w := newWorld(t, disk.NewMem(), "d")
			file := c.inputs(fmt.Sprintf("    sasl: {mechanism: %s, user_file: %s, password_file: %s}\n", mechanism, user, password))
			r := w.consume(file)
			st := r.until("refused", func(st InputStatus) bool { return st.Error == kafka.Authentication })
			if st.Connected {
				t.Errorf("%+v", st)
			}
			if err := os.WriteFile(password, []byte("right\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r.until("let in", func(st InputStatus) bool { return st.Connected && st.Error == "" })
			r.end()
			if strings.Contains(w.logs.String(), marker) {
				t.Error("the password is in the log")
			}
		})
	}
}

// TestKafkaTLS: brokers with a certificate of an authority of ours, who ask for one.
func TestKafkaTLS(t *testing.T) {
	p := newPapers(t)
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	c := newCluster(t, 1, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{p.pair("localhost")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}))
	mine := p.pair("haetae")
	cl := c.client(kgo.DialTLSConfig(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{mine}, ServerName: "localhost"}))
	c.produceBy(cl, accesses(0, 10)...)
	w := newWorld(t, disk.NewMem(), "d")
	r := w.consume(c.inputs(fmt.Sprintf("    tls: {ca: %s, cert: %s, key: %s}\n", p.file("ca"), p.file("haetae.pem"), p.file("haetae.key"))))
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 10 })
	r.end()
	// Without our certificate, and with an authority that nobody knows.
	for _, more := range []string{fmt.Sprintf("    tls: {ca: %s}\n", p.file("ca")), "    tls: {}\n"} {
		r = w.consume(c.inputs(more))
		r.until("refused", func(st InputStatus) bool { return st.Error == kafka.Untrusted })
		r.end()
	}
	c2 := newCluster(t, 1)
	file := c2.inputs("")
	c2.Close()
	r = w.consume(file)
	r.until("unreachable", func(st InputStatus) bool { return st.Error == kafka.Unreachable })
	r.end()
}

// TestKafkaMadeAnew: a topic that was deleted and made anew begins at offset 0 again, and
// is another one.
func TestKafkaMadeAnew(t *testing.T) {
	c := newCluster(t, 1)
	c.produce(accesses(0, 30)...)
	w := newWorld(t, disk.NewMem(), "d")
	r := w.consume(c.inputs(""))
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 30 })
	r.end()
	if err := c.DeleteTopic("access"); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic("access", 1, nil); err != nil {
		t.Fatal(err)
	}
	c.produceBy(c.client(), accesses(100, 150)...)
	file := c.inputs("")
	text, _ := os.ReadFile(file)
	os.WriteFile(file, []byte(strings.Replace(string(text), "group: haetae", "group: anew", 1)), 0o600)
	r = w.consume(file)
	st := r.until("taken in anew", settled(50))
	if st.Accepted != 50 || st.Duplicates != 0 {
		t.Errorf("%+v", st)
	}
	r.end()
}

// TestKafkaRemoved: messages that were removed before they were read are counted, and are
// a gap of the source.
func TestKafkaRemoved(t *testing.T) {
	c := newCluster(t, 1)
	c.produce(accesses(0, 10)...)
	w := newWorld(t, disk.NewMem(), "d")
	r := w.consume(c.inputs(""))
	r.until("taken in", func(st InputStatus) bool { return st.Accepted == 10 })
	r.end()
	c.produce(accesses(10, 40)...)
	if err := c.DeleteRecords("access", 0, 30); err != nil {
		t.Fatal(err)
	}
	r = w.consume(c.inputs(""))
	st := r.until("the rest taken in", func(st InputStatus) bool { return st.Accepted == 10 })
	if st.Removed != 20 {
		t.Errorf("%+v", st)
	}
	v, err := r.ledger.View()
	if err != nil {
		t.Fatal(err)
	}
	gaps := v.Gaps()
	v.Close()
	if len(gaps) != 1 || gaps[0].Kind != ledger.GapRemoved || gaps[0].From.String() != "2025-03-10T09:00:09.000Z" || gaps[0].To.String() != "2025-03-10T09:00:30.000Z" {
		t.Errorf("%+v", gaps)
	}
	r.end()
}

// TestKafkaTransactions: what a producer took back is no access.
func TestKafkaTransactions(t *testing.T) {
	c := newCluster(t, 1)
	cl := c.client(kgo.TransactionalID("shop"))
	for i, how := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		c.produceBy(cl, accesses(i*10, i*10+10)...)
		if err := cl.EndTransaction(t.Context(), how); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, disk.NewMem(), "d")
	r := w.consume(c.inputs(""))
	c.produce(accesses(90, 91)...)
	r.until("taken in", func(st InputStatus) bool { return st.Accepted >= 21 })
	if n := r.count(`source == "gateway"`); n != 21 {
		t.Errorf("%d records", n)
	}
	r.end()
}

// fullJournal is a disk that has no room for the journal.
type fullJournal struct {
	disk.FS
	on *atomic.Bool
}

func (f fullJournal) wrap(file disk.File, err error) (disk.File, error) {
	if err != nil {
		return nil, err
	}
	return fullFile{file, f.on}, nil
}

func (f fullJournal) Create(name string) (disk.File, error)     { return f.wrap(f.FS.Create(name)) }
func (f fullJournal) CreateNew(name string) (disk.File, error)  { return f.wrap(f.FS.CreateNew(name)) }
func (f fullJournal) OpenAppend(name string) (disk.File, error) { return f.wrap(f.FS.OpenAppend(name)) }

type fullFile struct {
	disk.File
	on *atomic.Bool
}

func (f fullFile) Write(b []byte) (int, error) {
	if f.on.Load() {
		return 0, syscall.ENOSPC
	}
	return f.File.Write(b)
}

// TestKafkaDiskFull: while the disk is full nothing is committed and the status says so;
// when there is room again everything is taken in, once.
func TestKafkaDiskFull(t *testing.T) {
	c := newCluster(t, 2)
	var full atomic.Bool
	w := newWorld(t, fullJournal{disk.NewMem(), &full}, "d")
	r := w.consume(c.inputs(""))
	r.until("connected", func(st InputStatus) bool { return st.Connected })
	full.Store(true)
	c.produce(accesses(0, 100)...)
	r.until("stands still", func(st InputStatus) bool { return st.Error == InputStore })
	if n := r.count(`source == "gateway"`); n != 0 {
		t.Errorf("%d records", n)
	}
	full.Store(false)
	r.until("goes on", func(st InputStatus) bool { return st.Accepted == 100 && st.Error == "" })
	if n := r.count(`source == "gateway"`); n != 100 {
		t.Errorf("%d records", n)
	}
	r.end()
}
