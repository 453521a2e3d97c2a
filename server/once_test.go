package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
)

func zipped(t *testing.T, data string) []byte {
	t.Helper()
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	g.Write([]byte(data))
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// webLines are lines as nginx writes them: nothing tells one access from an equal
// one.
func webLines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		at := time.Date(2025, 3, 10, 9, 0, i, 0, time.UTC).Format("02/Jan/2006:15:04:05 -0700")
		fmt.Fprintf(&b, "203.0.113.%d - - [%s] \"GET /p/%d HTTP/1.1\" 200 512 \"-\" \"curl\"\n", i%200, at, i)
	}
	return b.String()
}

// TestImportByContent: a log that grows, is packed, renamed or sent as a stream
// is imported once, also when all fingerprints are long forgotten.
func TestImportByContent(t *testing.T) {
	dir := t.TempDir()
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
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	l := openLedger(t, fsys, "d", ledger.Options{Now: func() time.Time { return now }})
	if _, err := Import(context.Background(), l, ImportRequest{Catalog: write("web.yaml", string(web))}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	take := func(what string, req ImportRequest, stdin string, records, known int64) *FileReport {
		t.Helper()
		rep, err := Import(context.Background(), l, req, ImportOptions{Workers: 2, Stdin: strings.NewReader(stdin)})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		f := &rep.Files[0]
		if f.Records != records || f.Known != known || f.Already != (records == 0) {
			t.Fatalf("%s: %+v, want %d records and %d known lines", what, f, records, known)
		}
		now = now.Add(10 * 24 * time.Hour)
		if err := l.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
		return f
	}
	file := func(name, text string) ImportRequest { return ImportRequest{Files: []string{write(name, text)}} }
	take("the first day", file("access.log", webLines(0, 2000)), "", 2000, 0)
	take("again", file("access.log", webLines(0, 2000)), "", 0, 2000)
	take("the second day", file("access.log.1", webLines(0, 3000)), "", 1000, 2000)
	take("packed", file("access.log.1.gz", string(zipped(t, webLines(0, 3000)))), "", 0, 3000)
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	take("packed otherwise", file("a.zst", string(enc.EncodeAll([]byte(webLines(0, 3000)), nil))), "", 0, 3000)
	take("as a stream", ImportRequest{Files: []string{"-"}}, webLines(0, 3000), 0, 3000)
	take("a longer stream", ImportRequest{Files: []string{"-"}}, webLines(0, 3100), 100, 3000)
	var overlap *ledger.OverlapError
	if _, err := Import(context.Background(), l, file("cut.log", webLines(0, 1500)), ImportOptions{}); !errors.As(err, &overlap) || !overlap.Cut {
		t.Fatalf("a cut copy: %v", err)
	}
	if _, err := Import(context.Background(), l, file("other.log", webLines(0, 1500)+webLines(5000, 9000)), ImportOptions{}); !errors.As(err, &overlap) || overlap.Cut {
		t.Fatalf("another end: %v", err)
	}

	// A packed log that was cut is repaired by the whole one.
	whole := zipped(t, webLines(10000, 40000))
	cut := ImportRequest{Files: []string{write("b.log.gz", string(whole[:len(whole)/2]))}}
	rep, err := Import(context.Background(), l, cut, ImportOptions{})
	if err != nil || rep.Files[0].Broken == "" || rep.Records == 0 || rep.Records > 29000 {
		t.Fatalf("cut off: %+v, %v", rep, err)
	}
	got := rep.Records
	if again, err := Import(context.Background(), l, cut, ImportOptions{}); err != nil || !again.Files[0].Already || again.Files[0].Broken == "" || again.Files[0].BrokenKO == "" {
		t.Fatalf("cut off, again: %+v, %v", again, err)
	}
	take("repaired", file("b.log.gz", string(whole)), "", 30000-got, got)
	// One that was damaged counts what came before the damage.
	whole = zipped(t, webLines(50000, 150000))
	bad := bytes.Clone(whole)
	for i := range 200 {
		bad[len(bad)-2000+i] ^= 0x55
	}
	rep, err = Import(context.Background(), l, file("c.log.gz", string(bad)), ImportOptions{})
	if err != nil || rep.Files[0].Broken == "" || rep.Records == 0 {
		t.Fatalf("damaged: %+v, %v", rep, err)
	}
	got = rep.Records
	if again, err := Import(context.Background(), l, file("c.log.gz", string(bad)), ImportOptions{}); err != nil || again.Records != 0 || again.Files[0].Broken == "" || again.Files[0].BrokenKO == "" {
		t.Fatalf("damaged, again: %+v, %v", again, err)
	}
	take("repaired after damage", file("c.log.gz", string(whole)), "", 100000-got, got)
	if n := l.Stats().Records; n != 133100 {
		t.Errorf("%d records, want 133100", n)
	}
}

// TestFollowAndImport: a log that is followed is not imported again once it was
// rotated and packed, and one that was imported is followed from its end.
func TestFollowAndImport(t *testing.T) {
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
	r := w.serve(nil)
	c := NewClient(r.address)
	take := func(file string, records, known int64) {
		t.Helper()
		rep, err := c.Import(context.Background(), ImportRequest{Source: "gateway", Files: []string{file}}, nil, nil)
		if err != nil || rep.Records != records || rep.Files[0].Known != known {
			t.Fatalf("%s: %+v, %v, want %d records and %d known lines", filepath.Base(file), rep, err, records, known)
		}
	}
	write(log, shopLines(0, 100))
	take(log, 100, 0)
	r.end()
	r = w.serve(follow)
	write(log, shopLines(100, 150))
	r.awaitCount(150)
	c = NewClient(r.address)
	take(log, 0, 150)
	r.end()
	// While nobody follows: more lines, two rotations, one of them packed.
	write(log, shopLines(150, 200))
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(log, log+".1"), os.WriteFile(log+".1.gz", zipped(t, string(data)), 0o600)); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour)
	if err := errors.Join(os.Chtimes(log+".1.gz", at, at), os.Remove(log+".1"), os.Rename(log+".1.gz", log+".2.gz")); err != nil {
		t.Fatal(err)
	}
	write(log, shopLines(200, 250))
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(log, shopLines(250, 300))
	r = w.serve(follow)
	r.awaitCount(300)
	c = NewClient(r.address)
	take(log+".2.gz", 0, 200)
	take(log+".1", 0, 50)
	take(log, 0, 50)
	// Lost: gone before it was read.
	r.end()
	write(log, shopLines(300, 310))
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	write(log, shopLines(400, 410))
	rules := writeRules(t, liveRule)
	r = w.serve(func(o *Options) { follow(o); o.Detect = &DetectRequest{Rules: rules} })
	r.awaitCount(310)
	v, err := r.Ledger().View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	gaps := v.Gaps()
	if len(gaps) != 1 || gaps[0].Kind != ledger.GapLost || gaps[0].Source != "gateway" || gaps[0].From >= gaps[0].To {
		t.Errorf("gaps %+v, want one from the last record to the next", gaps)
	}
	if r.count("true") != 310 {
		t.Error("lines were counted twice")
	}
	// Live detection and scope say so too.
	until(t, "signal about what was lost", func() bool {
		for _, x := range r.signals(t).Signals {
			if x.Rule == "coverage-lost" && x.Group["source"] == "gateway" && x.Group["cause"] == ledger.GapLost {
				return true
			}
		}
		return false
	})
	// Cut, and nothing comes behind: the gap is known all the same, with an open end.
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	until(t, "gap with an open end", func() bool {
		gaps := r.Ledger().Gaps()
		return len(gaps) == 2 && gaps[1].Kind == ledger.GapCut && gaps[1].To == 0
	})
	write(log, shopLines(500, 505))
	r.awaitCount(315)
	if gaps := r.Ledger().Gaps(); len(gaps) != 2 || gaps[1].To == 0 {
		t.Errorf("gaps %+v, want the second to have ended", gaps)
	}
	r.end()
}

// TestAsideSurvivesStop: lines set aside before the last staged piece are there
// when the import goes on, once.
func TestAsideSurvivesStop(t *testing.T) {
	mem := disk.NewMem()
	if err := ledger.Create(mem, "d", ""); err != nil {
		t.Fatal(err)
	}
	req := sample(t)
	l := openLedger(t, mem, "d", ledger.Options{StageRows: 1000})
	editions := req
	editions.Files = nil
	if _, err := Import(context.Background(), l, editions, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("this is not JSON\n", 50) + shopLines(0, 30000) + strings.Repeat("nor this\n", 3)
	for _, after := range []int{len(text) / 2, len(text) - 10} {
		ctx, stop := context.WithCancel(context.Background())
		in := &stopping{r: bytes.NewReader([]byte(text)), after: after, stop: stop}
		if _, err := Import(ctx, l, ImportRequest{Source: "gateway", Files: []string{"-"}}, ImportOptions{Workers: 2, Stdin: in}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	rep, err := Import(context.Background(), l, ImportRequest{Source: "gateway", Files: []string{"-"}}, ImportOptions{Workers: 2, Stdin: strings.NewReader(text)})
	if err != nil || !rep.Files[0].Resumed || rep.Aside != 53 || rep.Records != 30000 {
		t.Fatalf("%+v, %v, want it to go on", rep, err)
	}
	counts, err := l.Aside()
	if err != nil || len(counts) != 1 || counts[0].Count != 53 {
		t.Errorf("set aside: %+v, %v, want 53", counts, err)
	}
}
