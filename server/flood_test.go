package server

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
)

// peakHeap is the most heap that was seen while fn ran.
func peakHeap(fn func()) uint64 {
	var most atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			}
		}
	}()
	fn()
	close(done)
	<-ended
	return most.Load()
}

func packed(s string) string {
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	g.Write([]byte(s))
	g.Close()
	return z.String()
}

// manySubjects are n records, each of which names per accounts.
func manySubjects(n, per int) string {
	var b strings.Builder
	for k := range n {
		fmt.Fprintf(&b, `{"time":"2025-03-01T00:12:29.348+09:00","id":"z%d","method":"GET","uri":"/unknown","status":200,"subjects":[`, k)
		for i := range per {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"m%d"`, 1_000_000+k*per+i)
		}
		b.WriteString("]}\n")
	}
	return b.String()
}

// TestFlood: a request of a few kilobytes that unpacks to 16 MiB of the worst
// takes little memory, and every line of it is accounted for.
func TestFlood(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	r := w.serve(nil)
	const lines = 1 << 23 // 16 MiB
	for _, test := range []struct {
		name, body      string
		aside, accepted int
		status          int
	}{
		{"lines of one letter", strings.Repeat("x\n", lines), lines, 0, 400},
		{"records with too many subjects", manySubjects(15, 80_000), 15, 0, 400},
		{"records with as many subjects as they may have", manySubjects(100, 10_000), 0, 0, 413},
		{"a quarter of them", manySubjects(25, 10_000), 0, 25, 200},
	} {
		var status int
		var got Received
		body := packed(test.body)
		runtime.GC() // of what came before
		peak := peakHeap(func() { status, got = r.post(map[string]string{"Content-Encoding": "gzip"}, body) })
		t.Logf("%s: %d KiB packed: %d, peak heap %d MiB", test.name, len(body)>>10, status, peak>>20)
		if status != test.status || got.Aside != test.aside || got.Accepted != test.accepted {
			t.Errorf("%s: %d %+v, want %d with %d set aside and %d accepted", test.name, status, got, test.status, test.aside, test.accepted)
		}
		if peak > 512<<20 {
			t.Errorf("%s: %d MiB are more than one request may take", test.name, peak>>20)
		}
	}
	l := r.Ledger()
	counts, err := l.Aside()
	if err != nil {
		t.Fatal(err)
	}
	var n, kept int64
	for _, c := range counts {
		n += c.Count
	}
	opener, err := pseudonym.LoadOpening(disk.OS, filepath.Join(ledger.KeyDirOf(w.dir), pseudonym.OpenKeyName))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.OpenAside(opener, func(ledger.AsideLine) error { kept++; return nil }); err != nil {
		t.Fatal(err)
	}
	if n != lines+15 || kept != asideKept+15 {
		t.Errorf("%d lines counted and %d kept, want %d and %d", n, kept, lines+15, asideKept+15)
	}
	r.end()
}

// fullAside is a disk that is full for lines set aside.
type fullAside struct {
	disk.FS
	on atomic.Bool
}

func (f *fullAside) OpenAppend(name string) (disk.File, error) {
	if f.on.Load() && strings.Contains(name, "/aside/") {
		return nil, syscall.ENOSPC
	}
	return f.FS.OpenAppend(name)
}

// TestFullAside: 507 says that nothing counts, so nothing does: who sends again
// as told has sent once.
func TestFullAside(t *testing.T) {
	f := &fullAside{FS: disk.OS}
	w := newWorld(t, f, filepath.Join(t.TempDir(), "data"))
	r := w.serve(nil)
	f.on.Store(true)
	body := lines("", 5) + "broken\n"
	if status, _, text := r.call("POST", "/v1/records", w.token, nil, strings.NewReader(body)); status != 507 || !strings.Contains(text, "nothing of this request counts") {
		t.Fatalf("%d %s", status, text)
	}
	if n := r.count("true"); n != 0 {
		t.Errorf("%d records count after 507", n)
	}
	f.on.Store(false)
	if status, got := r.post(nil, body); status != 400 || got.Accepted != 5 || got.Aside != 1 {
		t.Errorf("sent again: %d %+v", status, got)
	}
	if n := r.count("true"); n != 5 {
		t.Errorf("%d records of 5", n)
	}
	r.end()
}

// TestLedgerRefusals: what the ledger refuses has a code a sender can act on.
func TestLedgerRefusals(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	r := w.serve(nil)
	for _, test := range []struct {
		err    error
		status int
		code   string
		retry  bool
	}{
		{&ledger.TooLargeError{Bytes: 9, Max: 8}, 413, "too_large", false},
		{&ledger.SubjectsError{Subjects: 10_001}, 413, "too_many_subjects", false},
		{ledger.ErrBehind, 503, "behind", true},
	} {
		rec := httptest.NewRecorder()
		r.fault(rec, "append", fmt.Errorf("append: %w", test.err))
		if rec.Code != test.status || !strings.Contains(rec.Body.String(), `"code":"`+test.code+`"`) || (rec.Header().Get("Retry-After") != "") != test.retry {
			t.Errorf("%v: %d %v %s", test.err, rec.Code, rec.Header(), rec.Body)
		}
	}
	r.end()
}

// fixedSegments is a folder in which no segment can be written.
type fixedSegments struct {
	disk.FS
	on atomic.Bool
}

func (f *fixedSegments) Create(name string) (disk.File, error) {
	if f.on.Load() && strings.Contains(name, "/segments/") {
		return nil, syscall.EACCES
	}
	return f.FS.Create(name)
}

// TestReadyBehind: a server that refuses records because it cannot write them
// into files is not ready, and is again by itself once it can.
func TestReadyBehind(t *testing.T) {
	f := &fixedSegments{FS: disk.OS}
	w := newWorld(t, f, filepath.Join(t.TempDir(), "data"))
	r := w.serve(func(o *Options) { o.MemtableRows = 50 })
	ready := func() int {
		status, _, _ := r.call("GET", "/readyz", "", nil, nil)
		return status
	}
	if got := ready(); got != 200 {
		t.Fatalf("at the start: %d", got)
	}
	f.on.Store(true)
	refused := 0
	for i := 0; i < 100 && refused == 0; i++ {
		status, _, text := r.call("POST", "/v1/records", w.token, nil, strings.NewReader(lines(fmt.Sprint("b", i), 20)))
		if status == 503 && strings.Contains(text, `"behind"`) {
			refused = status
		}
	}
	if refused == 0 || ready() != 503 {
		t.Fatalf("refused with %d, ready with %d; want 503 and 503", refused, ready())
	}
	f.on.Store(false)
	until(t, "readiness", func() bool { return ready() == 200 })
	r.end()
}

// TestUnknownField: the sender is told which field it has mistyped, and no place
// where counts are kept is.
func TestUnknownField(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	r := w.serve(nil)
	status, got := r.post(nil, `{"time":1741564800,"uri":"/x","sorce":"gateway"}`)
	if status != 400 || got.Error == nil || got.Error.Field != "sorce" {
		t.Errorf("%d %+v, want the field named", status, got)
	}
	counts, err := r.Ledger().Aside()
	if err != nil || len(counts) != 1 || counts[0].Field != "" || counts[0].Cause != "unknown_field" {
		t.Errorf("%v %v, want one cause without the field", counts, err)
	}
	if _, _, text := r.call("GET", "/metrics", "", nil, nil); strings.Contains(text, "sorce") {
		t.Error("the field is in the metrics")
	}
	r.end()
}
