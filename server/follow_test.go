package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// shopLines are lines as the sample's gateway writes them, without ids, so that
// a line read twice would count twice.
func shopLines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `{"time": "2025-03-10T09:%02d:%02d.%03d+09:00", "remote_addr": "10.0.0.1", "request_method": "GET", "request_uri": "/support/members/m1%06d", "status": 200, "actor_id": "s103", "actor_type": "staff"}`+"\n",
			i/60%60, i%60, i%1000, i)
	}
	return b.String()
}

func (r *running) awaitCount(want int64) {
	r.w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		n := r.count("true")
		if n == want {
			return
		}
		if n > want || time.Now().After(deadline) {
			r.w.t.Fatalf("%d records, want %d; %+v\n%s", n, want, r.follows[0].status(), r.w.logs.String())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// TestFollow: a live log is read once and only once, through appends in the
// middle of a line, rotation, truncation, and restarts of the server, one of
// them without a clean stop and one that misses a rotation.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.json")
	w := newWorld(t, disk.OS, filepath.Join(dir, "d"))
	appendTo := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	follow := func(o *Options) { o.Follow = []Follow{{"gateway", log}} }
	r := w.serve(follow) // the file is not there yet
	appendTo(log, shopLines(0, 100))
	r.awaitCount(100)
	half := shopLines(100, 101)
	appendTo(log, half[:30])
	appendTo(log, half[30:]+shopLines(101, 200))
	r.awaitCount(200)

	// Rotation, with lines written to the old file after the rename.
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(log+".1", shopLines(200, 250))
	appendTo(log, shopLines(250, 300))
	r.awaitCount(300)
	r.end()

	// While nobody looks: more lines, a rotation, a new file.
	appendTo(log, shopLines(300, 350))
	if err := os.Rename(log, log+".2"); err != nil {
		t.Fatal(err)
	}
	appendTo(log, shopLines(350, 400))
	r = w.serve(follow)
	r.awaitCount(400)

	// Truncation: copied away and cut.
	if err := os.WriteFile(log, []byte(shopLines(400, 420)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitCount(420)

	// A broken line is set aside and does not stop the others.
	appendTo(log, "not json\n"+shopLines(420, 430))
	r.awaitCount(430)
	st := r.follows[0].status()
	if st.Behind != 0 || st.Error != "" || st.File != "access.json" {
		t.Errorf("status %+v, want nothing behind and no error", st)
	}
	_, _, metrics := r.call("GET", "/metrics", "", nil, nil)
	for _, want := range []string{`haetae_records_total{source="gateway",outcome="aside"} 1`, `haetae_follow_bytes_behind{source="gateway"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if err := r.Ledger().Seal(); err != nil { // the position survives the seal
		t.Fatal(err)
	}
	r.end()
	r = w.serve(follow)
	appendTo(log, shopLines(430, 440))
	r.awaitCount(440)
	r.end()
}

// TestFollowPath: a folder's name may be a person's, and does not get into the log
// or the status, whatever fails.
func TestFollowPath(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, disk.OS, filepath.Join(dir, "d"))
	log := filepath.Join(dir, "kim-minsu-800101", "log") // a folder where a file is meant
	if err := os.MkdirAll(log, 0o700); err != nil {
		t.Fatal(err)
	}
	r := w.serve(func(o *Options) { o.Follow = []Follow{{"gateway", log}} })
	for deadline := time.Now().Add(10 * time.Second); r.follows[0].status().Error == ""; {
		if time.Now().After(deadline) {
			t.Fatal("no error")
		}
		time.Sleep(2 * time.Millisecond)
	}
	_, _, status := r.call("GET", "/v1/status", r.address.Token, nil, nil)
	r.end()
	for what, text := range map[string]string{"status": status, "log": w.logs.String()} {
		if !strings.Contains(text, "log") || strings.Contains(text, "kim-minsu") {
			t.Errorf("%s: %s", what, text)
		}
	}
}

func FuzzParseFrom(f *testing.F) {
	for _, s := range []string{"", "2025-03-10", "2025-03-10T09:00:00+09:00", "2025-03-10T09:00:00.123Z", "0000-01-01", "9999-12-31T23:59:59Z", "2025-02-30", "1"} {
		f.Add(s)
	}
	seoul := time.FixedZone("KST", 9*3600)
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseFrom(s, seoul)
		if y := m.Time().Year(); err != nil || s == "" || y < 0 || y > 9999 { // RFC 3339 has no others
			return
		}
		again, err := parseFrom(m.Time().Format(time.RFC3339Nano), seoul)
		if err != nil || again != m {
			t.Errorf("%q: %v, then %v, %v", s, m, again, err)
		}
	})
}
