package server

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// TestLateWriter: a service that keeps the descriptor of a log which was rotated
// away, and writes to it after the new file has lines, loses none of them; nor
// does what it writes while nobody follows, and nothing counts twice.
func TestLateWriter(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.json")
	w := newWorld(t, disk.OS, filepath.Join(dir, "d"))
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	say := func(f *os.File, text string) {
		t.Helper()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	follow := func(o *Options) {
		o.Follow = []Follow{{"gateway", log}}
		o.LingerFor = time.Hour
	}
	old := open()
	say(old, shopLines(0, 10))
	r := w.serve(follow)
	r.awaitCount(10)
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	next := open() // as logrotate's create: there, and nobody writes to it yet
	say(old, shopLines(10, 20))
	r.awaitCount(20)
	say(next, shopLines(100, 110))
	r.awaitCount(30)
	say(old, shopLines(20, 30))
	r.awaitCount(40)
	say(next, shopLines(110, 120))
	r.awaitCount(50)
	line := shopLines(30, 31)
	say(old, line[:40]) // in two parts
	say(next, shopLines(120, 121))
	r.awaitCount(51)
	say(old, line[40:])
	r.awaitCount(52)
	r.end()

	// While nobody follows.
	say(old, shopLines(31, 40))
	say(next, shopLines(121, 130))
	r = w.serve(follow)
	r.awaitCount(70)
	say(old, shopLines(40, 50))
	r.awaitCount(80)
	rep, err := NewClient(r.address).Import(context.Background(), ImportRequest{Source: "gateway", Files: []string{log + ".1", log}}, nil, nil)
	if err != nil || rep.Records != 0 || rep.Files[0].Known != 50 || rep.Files[1].Known != 30 {
		t.Errorf("imported: %+v, %v, want all of it known", rep, err)
	}
	if n := r.count("true"); n != 80 {
		t.Errorf("%d records, want 80", n)
	}
	if gaps := r.Ledger().Gaps(); len(gaps) != 0 {
		t.Errorf("gaps %+v", gaps)
	}
	r.end()
}
