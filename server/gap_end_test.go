package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/haetae/haetae/internal/disk"
)

// TestGapEnds: a gap ends with the first record behind it, also if the server is
// restarted in between, while the new log is still empty.
func TestGapEnds(t *testing.T) {
	top := t.TempDir()
	log := filepath.Join(top, "access.json")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, disk.OS, filepath.Join(top, "d"))
	follow := func(o *Options) { o.Follow = []Follow{{"gateway", log}} }
	write(log, "")
	r := w.serve(follow)
	r.awaitWatched()
	r.end()
	// Another file in its place, while nobody looks: what the first one got is not known.
	write(log+".new", "")
	if err := os.Rename(log+".new", log); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r = w.serve(follow)
		r.awaitWatched()
		if gaps := r.Ledger().Gaps(); len(gaps) != 1 || gaps[0].To != 0 {
			t.Fatalf("gaps %+v, want one without an end", gaps)
		}
		r.end()
	}
	r = w.serve(follow)
	r.awaitWatched()
	write(log, shopLines(0, 5))
	r.awaitCount(5)
	if gaps := r.Ledger().Gaps(); len(gaps) != 1 || gaps[0].To == 0 {
		t.Errorf("gaps %+v, want one that ended", gaps)
	}
	r.end()
}
