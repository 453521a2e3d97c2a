package server

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/haetae/haetae/internal/disk"
)

// TestByteOrderMark: a log with a byte order mark loses no line however it comes
// in, and what was read of it is known again: followed in parts, after a restart,
// rotated, imported as a whole and packed.
func TestByteOrderMark(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.json")
	w := newWorld(t, disk.OS, filepath.Join(dir, "d"))
	write := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	follow := func(o *Options) { o.Follow = []Follow{{"gateway", log}} }
	const mark = "\ufeff"
	write(log, mark) // alone, before any line
	r := w.serve(follow)
	r.awaitWatched()
	write(log, shopLines(0, 1))
	r.awaitCount(1)
	write(log, shopLines(1, 10))
	r.awaitCount(10)
	r.end()
	write(log, shopLines(10, 20))
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(log, mark+shopLines(20, 30))
	r = w.serve(follow)
	r.awaitCount(30)
	take := func(name string, records, known int64) {
		t.Helper()
		rep, err := NewClient(r.address).Import(context.Background(), ImportRequest{Source: "gateway", Files: []string{name}}, nil, nil)
		if err != nil || rep.Records != records || rep.Files[0].Known != known || rep.Files[0].Aside != 0 {
			t.Errorf("%s: %+v, %v, want %d records and %d known lines", filepath.Base(name), rep, err, records, known)
		}
	}
	take(log+".1", 0, 20)
	packed := filepath.Join(dir, "packed.gz")
	if err := os.WriteFile(packed, zipped(t, mark+shopLines(0, 20)+shopLines(40, 45)), 0o600); err != nil {
		t.Fatal(err)
	}
	take(packed, 5, 20)
	whole := filepath.Join(dir, "whole.json")
	write(whole, mark+shopLines(50, 55))
	take(whole, 5, 0)
	write(whole, shopLines(55, 60))
	take(whole, 5, 5)
	if n := r.count("true"); n != 45 {
		t.Errorf("%d records, want 45", n)
	}

	status, got := r.post(nil, mark+lines("a", 3))
	if got.Error != nil || status != 200 || got.Accepted != 3 {
		t.Errorf("posted: %d %+v, want 3 records", status, got)
	}
	if status, got = r.post(nil, mark+"\n"+lines("b", 1)+mark+lines("c", 1)); status != 400 || got.Accepted != 1 || got.Aside != 1 || got.Error.Line != 3 {
		t.Errorf("posted, a mark in the middle: %d %+v, want line 3 set aside", status, got)
	}
	if counts, err := r.Ledger().Aside(); err != nil || len(counts) != 1 || counts[0].Count != 1 {
		t.Errorf("set aside: %+v, %v, want the line with a mark in the middle", counts, err)
	}
	r.end()
}
