package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/scope"
)

// sample writes the shop's files into a folder and returns a request for them.
func sample(t *testing.T) ImportRequest {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string {
		data, err := fs.ReadFile(packs.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(out, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return out
	}
	return ImportRequest{
		Catalog:  file("catalogs/shop.yaml"),
		Register: []DatedFile{{File: file("sample/shop/register.csv")}},
		Holdings: []DatedFile{{File: file("sample/shop/holdings.csv")}},
		Files:    []string{file("sample/shop/access.ndjson.gz")},
	}
}

func openLedger(t *testing.T, fsys disk.FS, dir string, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(fsys, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// reached asks whom the stolen key reached; the sample knows: 720 reads, 799
// people.
func reached(t *testing.T, l *ledger.Ledger) *scope.Extent {
	t.Helper()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e, err := scope.Run(context.Background(), v, scope.Query{Where: `credential.key == "sig-2024-04"`})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func wantSample(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	e := reached(t, l)
	if e.Records != 800 || e.Reads != 720 || e.Accounts != 720 || e.People != 799 || *e.Ghosts != 80 {
		t.Errorf("records %d, reads %d, accounts %d, people %d, ghosts %d; want 800, 720, 720, 799, 80", e.Records, e.Reads, e.Accounts, e.People, *e.Ghosts)
	}
}

// TestImportStopped: an import that is stopped, again and again, by the user or
// by a power cut, goes on where its last staged piece ended and ends with the
// same answer. Until it is committed nothing of it is visible.
func TestImportStopped(t *testing.T) {
	for _, how := range []string{"stopped", "power cut"} {
		t.Run(how, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 1))
			mem := disk.NewMem()
			if err := ledger.Create(mem, "d", ""); err != nil {
				t.Fatal(err)
			}
			req := sample(t)
			faulty := disk.NewFaulty(mem)
			var now disk.FS = faulty
			l := openLedger(t, now, "d", ledger.Options{StageRows: 3000})
			editions := req
			editions.Files = nil
			if _, err := Import(context.Background(), l, editions, ImportOptions{}); err != nil {
				t.Fatal(err)
			}
			logs := ImportRequest{Files: req.Files}
			resumed, failures := false, 0
			for n := 20; ; n += 20 {
				broken := errors.New("the disk is gone")
				faulty.FailFrom(n, broken)
				rep, err := Import(context.Background(), l, logs, ImportOptions{Workers: 3})
				if err == nil {
					resumed = rep.Files[0].Resumed
					break
				}
				if !errors.Is(err, broken) && !errors.Is(err, ledger.ErrFailed) {
					t.Fatal(err)
				}
				failures++
				if e := reached(t, l); e.Records != 0 {
					t.Fatalf("%d records of an unfinished import are visible", e.Records)
				}
				l.Close()
				if how == "power cut" {
					mem = mem.Crash(rnd)
				}
				faulty = disk.NewFaulty(mem)
				l = openLedger(t, faulty, "d", ledger.Options{StageRows: 3000})
			}
			if failures == 0 || !resumed {
				t.Errorf("%d failures, resumed %v: the test tested nothing", failures, resumed)
			}
			faulty.FailAt(0, nil)
			wantSample(t, l)
			rep, err := Import(context.Background(), l, logs, ImportOptions{})
			if err != nil || !rep.Files[0].Already {
				t.Errorf("the same file again: %+v, %v, want Already", rep, err)
			}
		})
	}
}

// TestImportInterrupted: Ctrl-C in the middle leaves a folder that can be used,
// and the same command ends with the same answer.
func TestImportInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := ledger.Create(disk.OS, dir, ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, disk.OS, dir, ledger.Options{StageRows: 2000})
	req := sample(t)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Import(ctx, l, req, ImportOptions{Workers: 2}); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	ctx, stop = context.WithCancel(context.Background())
	in := &stopping{stop: stop, after: 300 << 10}
	data, err := os.ReadFile(req.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	in.r = bytes.NewReader(data)
	req.Files = []string{"-"}
	if _, err := Import(ctx, l, req, ImportOptions{Workers: 2, Stdin: in}); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	if e := reached(t, l); e.Records != 0 {
		t.Fatalf("%d records of an unfinished import are visible", e.Records)
	}
	if _, err := Import(context.Background(), l, req, ImportOptions{Workers: 2, Stdin: bytes.NewReader(data)}); err == nil {
		wantSample(t, l)
	} else {
		t.Fatal(err)
	}
}

type stopping struct {
	r     *bytes.Reader
	after int
	stop  func()
}

func (s *stopping) Read(b []byte) (int, error) {
	n, err := s.r.Read(b[:min(len(b), 32<<10)])
	if s.after -= n; s.after <= 0 {
		s.stop()
	}
	return n, err
}

// TestOverlap: a cut copy of a log whose lines carry no ids is refused, and the
// folder is as before; with New it is taken.
func TestOverlap(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "203.0.113.%d - - [10/Mar/2025:09:%02d:%02d +0900] \"GET /p/%d HTTP/1.1\" 200 512 \"-\" \"curl\"\n", i%200, i/60%60, i%60, i)
	}
	all := b.String()
	write := func(name, text string) string {
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	web, err := fs.ReadFile(packs.FS, "catalogs/web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	whole, part := write("access.log", all), write("access.log.1", all[len(all)/2:])
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, fsys, "d", ledger.Options{})
	if _, err := Import(context.Background(), l, ImportRequest{Catalog: write("web.yaml", string(web)), Files: []string{whole}}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	var overlap *ledger.OverlapError
	if _, err := Import(context.Background(), l, ImportRequest{Files: []string{part}}, ImportOptions{}); !errors.As(err, &overlap) {
		t.Fatalf("a cut copy: %v, want an OverlapError", err)
	}
	if n := l.Stats().Records; n != 2000 {
		t.Errorf("%d records after the refusal, want 2000", n)
	}
	rep, err := Import(context.Background(), l, ImportRequest{Files: []string{part}, New: true}, ImportOptions{})
	if err != nil || rep.Records == 0 {
		t.Errorf("with New: %+v, %v", rep, err)
	}
}

// TestRedecode: a catalog that took the wrong account is corrected, and the same
// file decoded again replaces what was there.
func TestRedecode(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	cat := func(account string) string {
		return "version: 1\naccount: {pattern: 'm[0-9]+'}\nitems:\n  name: {ko: 성명, en: name, class: ordinary}\nsources:\n  app: {format: json, fields: {time: t, id: id, method: m, uri: u, status: s}}\n" +
			"routes:\n  - {route: 'GET /a/{x}/{y}', items: [name], account: " + account + "}\n"
	}
	var log strings.Builder
	for i := range 50 {
		fmt.Fprintf(&log, `{"t":"2025-03-10T09:00:%02dZ","id":"r%d","m":"GET","u":"/a/m1/m%d","s":200}`+"\n", i, i, i+100)
	}
	file := write("app.json", log.String())
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, fsys, "d", ledger.Options{})
	accounts := func() int64 {
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		e, err := scope.Run(context.Background(), v, scope.Query{Where: "true"})
		if err != nil || e.Records != 50 {
			t.Fatalf("%+v, %v, want 50 records", e, err)
		}
		return e.Accounts
	}
	if _, err := Import(context.Background(), l, ImportRequest{Catalog: write("one.yaml", cat("path.x")), Files: []string{file}}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := accounts(); n != 1 {
		t.Errorf("%d accounts by the wrong catalog, want 1", n)
	}
	rep, err := Import(context.Background(), l, ImportRequest{Catalog: write("two.yaml", cat("path.y")), Files: []string{file}, Redecode: true}, ImportOptions{})
	if err != nil || rep.Records != 50 {
		t.Fatalf("redecode: %+v, %v", rep, err)
	}
	if n := accounts(); n != 50 {
		t.Errorf("%d accounts after redecode, want 50", n)
	}
}

// TestImportOverHTTP: the server's own import gives the same report and the same
// errors as one at home.
func TestImportOverHTTP(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	c := NewClient(r.address)
	req := sample(t)
	var last Progress
	rep, err := c.Import(context.Background(), req, nil, func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if rep.Records != 20000 || last.Lines != 20000 || last.Read != last.Size {
		t.Errorf("report %+v, last progress %+v", rep, last)
	}
	wantSample(t, r.Ledger())
	again, err := c.Import(context.Background(), ImportRequest{Files: req.Files}, nil, nil)
	if err != nil || !again.Files[0].Already {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := c.Import(context.Background(), ImportRequest{Files: req.Files, Source: "nowhere"}, nil, nil); !errors.Is(err, ErrNoSource) {
		t.Errorf("unknown source: %v, want ErrNoSource", err)
	}
	// While one runs, a second is told so.
	r.importing.Lock()
	var answer *Answer
	if _, err := c.Import(context.Background(), ImportRequest{Files: req.Files}, nil, nil); !errors.As(err, &answer) || answer.Status != 409 {
		t.Errorf("second import: %v, want 409", err)
	}
	r.importing.Unlock()
	// A command that goes away stops its import.
	ctx, stop := context.WithCancel(context.Background())
	data, err := os.ReadFile(req.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	in := &stopping{r: bytes.NewReader(data), after: 200 << 10, stop: stop}
	if _, err := c.Import(ctx, ImportRequest{Files: []string{"-"}}, in, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a command that goes away: %v", err)
	}
	got, err := c.Import(context.Background(), ImportRequest{Files: []string{"-"}}, bytes.NewReader(data), nil)
	for deadline := time.Now().Add(10 * time.Second); errors.As(err, &answer) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond) // the server has not yet noticed
		got, err = c.Import(context.Background(), ImportRequest{Files: []string{"-"}}, bytes.NewReader(data), nil)
	}
	if err != nil || !got.Files[0].Already || got.Files[0].Known != 20000 {
		t.Errorf("the stream again: %+v, %v, want it to be known", got, err)
	}
	wantSample(t, r.Ledger())
	r.end()
}

// TestReportKeys pins the names of the report's keys: scripts depend on them.
func TestReportKeys(t *testing.T) {
	data, err := json.Marshal(ImportReport{Files: []FileReport{{}}, Catalog: &CatalogReport{}})
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	keys := func(m map[string]any) map[string]bool {
		out := map[string]bool{}
		for k := range m {
			out[k] = true
		}
		return out
	}
	want := map[string]bool{"catalog": true, "register": true, "holdings": true, "files": true, "lines": true, "records": true, "duplicates": true, "aside": true, "failed": true}
	if d := cmp.Diff(want, keys(m)); d != "" {
		t.Errorf("report: (-want +got)\n%s", d)
	}
	want = map[string]bool{"file": true, "source": true, "bytes": true, "import": true, "lines": true, "records": true, "duplicates": true, "aside": true, "seconds": true}
	if d := cmp.Diff(want, keys(m["files"].([]any)[0].(map[string]any))); d != "" {
		t.Errorf("file: (-want +got)\n%s", d)
	}
}
