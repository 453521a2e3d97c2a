package server

import (
	"fmt"
	"io/fs"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// TestOwnSourceInLine: a line may name the token's own source and no other.
func TestOwnSourceInLine(t *testing.T) {
	w := newWorld(t, disk.OS, path.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	line := func(id, source string) string {
		return `{"source":` + source + `,"time":1741564800.123,"id":"` + id + `","actor":{"id":"s103","type":"staff"},"method":"GET","uri":"/support/members/m1000042","status":200}` + "\n"
	}
	if status, got := r.post(nil, line("a", `"gateway"`)+line("b", `"gateway"`)); status != 200 || got.Accepted != 2 {
		t.Errorf("the token's own source: %d %+v, want 2 accepted", status, got)
	}
	for _, other := range []string{`"other"`, `"gateway "`} {
		status, got := r.post(nil, line("c", other))
		if status != 400 || got.Error == nil || got.Error.Field != "source" || !strings.Contains(got.Error.Message, "another source than its token is for") {
			t.Errorf("source %s: %d %+v, want 400 of field source", other, status, got)
		}
	}
	if _, got := r.post(nil, `{"time":1741564800,"uri":"/x","sorce":"gateway"}`); got.Error == nil || !strings.Contains(got.Error.Message, "those that are known: time, id, source") {
		t.Errorf("a mistyped field: %+v, want the list of fields", got.Error)
	}
	_, got := r.post(nil, strings.Replace(line("d", `"gateway"`), `"actor"`, `"client":{"ip":"999.1.2.3"},"actor"`, 1))
	if got.Accepted != 1 || got.LostAddresses != 1 {
		t.Errorf("an address that cannot be read: %+v, want it counted", got)
	}
	if _, _, text := r.call("GET", "/metrics", "", nil, nil); !strings.Contains(text, `haetae_lost_total{source="gateway",what="client address"} 1`) {
		t.Error("the metrics do not tell of lost addresses")
	}
	if n := r.count(`source == "gateway"`); n != 3 {
		t.Errorf("%d records of the source, want 3", n)
	}
	r.end()
}

// noRoom is a disk that reports how much is free.
type noRoom struct {
	disk.FS
	free uint64
}

func (n *noRoom) Free(string) (uint64, error) { return n.free, nil }

// TestReadyOnFullDisk: while a full disk refuses records, the server does not
// call itself ready, and it does again when there is room.
func TestReadyOnFullDisk(t *testing.T) {
	w := newWorld(t, disk.OS, path.Join(t.TempDir(), "d"))
	room := &noRoom{w.fs, 0}
	w.fs = room
	r := w.serve(nil)
	ready := func(what string, want int) {
		t.Helper()
		if status, _, text := r.call("GET", "/readyz", "", nil, nil); status != want {
			t.Errorf("%s: %d %s, want %d", what, status, text, want)
		}
	}
	ready("before anything was refused", 200)
	r.full.Store(time.Now().UnixNano())
	room.free = 1 << 40
	ready("a moment after a refusal, whatever the disk says", 503)
	r.full.Store(time.Now().Add(-time.Minute).UnixNano())
	room.free = 100
	ready("later, without room", 503)
	room.free = 1 << 30
	ready("later, with room", 200)
	r.full.Store(time.Now().UnixNano())
	if status, _ := r.post(nil, lines("a", 1)); status != 200 {
		t.Fatal(status)
	}
	ready("after a write that worked", 200)
	r.end()
}

// TestDamaged: a damaged file is a class of its own, and says what to do.
func TestDamaged(t *testing.T) {
	w := newWorld(t, disk.OS, path.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	for _, err := range []error{ledger.ErrCorrupt, &ledger.MissingError{File: "segments/x", Err: fs.ErrNotExist}, segment.ErrCorrupt, dictionary.ErrCorrupt, edition.ErrCorrupt, journal.ErrCorrupt} {
		rec := httptest.NewRecorder()
		r.fault(rec, "test", fmt.Errorf("segments/x: %w", err))
		if rec.Code != 500 || !strings.Contains(rec.Body.String(), `"code":"damaged"`) || strings.Contains(rec.Body.String(), "segments/x") {
			t.Errorf("%v: %d %s", err, rec.Code, rec.Body)
		}
	}
	r.end()
	if !strings.Contains(w.logs.String(), "segments/x") {
		t.Error("the log does not name the file")
	}
}
