package server

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
)

// TestDeclaredFormat: a log that is plainly not of the format its source
// declares is one error that says what to write, not a line set aside for each of
// its lines; here, through a server, and in a check. So is in Korean what broke.
func TestDeclaredFormat(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	in := inbox{t, t.TempDir()}
	declared := in.write("web.yaml", "version: 1\nitems: {}\nsources:\n  web: {format: combined}\nroutes: []\n")
	log := in.write("access.log", strings.Repeat(logLine("x"), 50))
	cut := in.write("cut.log.gz", packed(strings.Repeat(`10.0.0.1 - - [10/Mar/2025:09:00:00 +0900] "GET /a HTTP/1.1" 200 1 "-" "curl"`+"\n", 50))[:60])
	cut2 := in.write("cut2.log.gz", packed(strings.Repeat(`10.0.0.2 - - [10/Mar/2025:09:00:00 +0900] "GET /a HTTP/1.1" 200 1 "-" "curl"`+"\n", 50))[:60])
	req := ImportRequest{Catalog: declared, Files: []string{log, cut}}
	check := func(how string, rep *ImportReport) {
		t.Helper()
		if len(rep.Files) != 2 {
			t.Fatalf("%s: %+v", how, rep)
		}
		e := rep.Files[0].Error
		if e == nil || e.Code != "format" || !strings.Contains(e.Message, "format: json") || !strings.Contains(e.Korean, "카탈로그를 다음과 같이 고치십시오") {
			t.Errorf("%s: %+v, want one error in both languages", how, e)
		}
		if f := rep.Files[1]; !strings.Contains(f.Broken, "cut off") || !strings.Contains(f.BrokenKO, "끊겼습니다") {
			t.Errorf("%s: broken %q, %q", how, f.Broken, f.BrokenKO)
		}
		if rep.Aside > 1 {
			t.Errorf("%s: %d lines set aside", how, rep.Aside)
		}
	}
	r := w.serve(nil)
	rep, err := NewClient(r.address).Import(context.Background(), req, nil, nil)
	check("through a server", rep)
	if koreanOf(err) == "" {
		t.Errorf("%v says nothing in Korean", err)
	}
	r.end()
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	defer l.Close()
	req.Files[1] = cut2
	rep, _ = Import(context.Background(), l, req, ImportOptions{})
	check("here", rep)
	// Said on the command line is declared as well.
	rep, _ = Import(context.Background(), l, ImportRequest{Source: "web", Format: "json", Files: []string{in.write("c.log", `10.0.0.1 - - [10/Mar/2025:09:00:00 +0900] "GET /a HTTP/1.1" 200 1 "-" "curl"`+"\n")}}, ImportOptions{})
	if len(rep.Files) != 1 || rep.Files[0].Error == nil || rep.Files[0].Error.Code != "format" {
		t.Errorf("--format json for an access log: %+v", rep.Files)
	}
	text, err := os.ReadFile(declared)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Parse("web.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	_, err = CheckLog(context.Background(), bytes.NewReader(data), "access.log", cat, "", "", 1)
	if koreanOf(err) == "" || !strings.Contains(err.Error(), "declares web as combined") {
		t.Errorf("a check: %v", err)
	}
}

// TestLosses: what could not be kept of good lines is counted for followed files
// and for what is posted, in the status as well; an over-long line is masked.
func TestLosses(t *testing.T) {
	in := inbox{t, t.TempDir()}
	live := in.write("live.json", strings.ReplaceAll(shopLines(0, 3), "10.0.0.1", "999.0.0.1")+"broken\n")
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	r := w.serve(func(o *Options) { o.Follow = []Follow{{"gateway", live}} })
	r.awaitCount(3)
	if status, got := r.post(nil, strings.Replace(lines("x", 1), `"actor"`, `"client":{"ip":"999.1.2.3"},"actor"`, 1)); status != 200 || got.LostAddresses != 1 {
		t.Errorf("%d %+v, want a lost address", status, got)
	}
	secret := "Bearer abcdefghijklmnop"
	if status, got := r.post(nil, `{"x":"`+secret+strings.Repeat("y", ingest.MaxLine)+"\"}\n"); status != 400 || got.Aside != 1 {
		t.Errorf("an over-long line: %d %+v", status, got)
	}
	var st Status
	_, _, text := r.call("GET", "/v1/status", r.address.Token, nil, nil)
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		t.Fatal(err)
	}
	if st.LostAddresses != 4 || len(st.Follow) != 1 || st.Follow[0].LostAddresses != 3 || st.Follow[0].Aside != 1 {
		t.Errorf("the status says %d lost addresses, of the followed file %+v; want 4, and 3 with one line set aside", st.LostAddresses, st.Follow)
	}
	opener, err := pseudonym.LoadOpening(disk.OS, filepath.Join(ledger.KeyDirOf(w.dir), pseudonym.OpenKeyName))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = r.Ledger().OpenAside(opener, func(a ledger.AsideLine) error {
		n++
		if bytes.Contains(a.Text, []byte("abcdefghijklmnop")) {
			t.Errorf("%s: a token is kept", a.Cause)
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d lines set aside, %v: want 2", n, err)
	}
	r.end()
}
