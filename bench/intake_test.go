//go:build sigmahq

package bench

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

// TestIntake imports the same log with no rules that look at lines, and with rules of
// SigmaHQ: those that look at no line of it, and more and more that do. HAETAE_SIGMAHQ names
// the archive; the rules are not part of this repository. The runs take turns, and the
// least processor time of each counts: other work on the machine only adds to it.
func TestIntake(t *testing.T) {
	archive := os.Getenv("HAETAE_SIGMAHQ")
	if archive == "" {
		t.Fatal("HAETAE_SIGMAHQ has to name the archive of SigmaHQ's rules")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "access.ndjson")
	logFile(t, log, *lines, false)
	cat := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(cat, []byte(catalogText), 0o600); err != nil {
		t.Fatal(err)
	}
	onWeb := regexp.MustCompile(`(?m)^\s+category: (webserver|proxy)\s*$`)
	keywords := regexp.MustCompile(`(?m)^\s+[a-z_]*keywords:\s*$`)
	type run struct {
		name, rules string
		least       time.Duration
	}
	runs := []run{{name: "no rules"}}
	for _, c := range []struct {
		name string
		has  func(text []byte) bool
	}{
		{"on CloudTrail, of which no line is", regexp.MustCompile(`(?m)^\s+service: cloudtrail\s*$`).Match},
		{"on the web, without keywords", func(text []byte) bool { return onWeb.Match(text) && !keywords.Match(text) }},
		{"on the web", onWeb.Match},
		{"all", func([]byte) bool { return true }},
	} {
		rules := filepath.Join(dir, "rules "+c.name)
		n := unpackRules(t, archive, rules, c.has)
		runs = append(runs, run{name: fmt.Sprintf("%d rules, %s", n, c.name), rules: rules})
	}
	syscall.Sync()
	for n := range 3 {
		for i := range runs {
			x := &runs[i]
			data := filepath.Join(dir, fmt.Sprint("data", i, n))
			if err := ledger.Create(disk.OS, data, ""); err != nil {
				t.Fatal(err)
			}
			l, err := ledger.Open(disk.OS, data, ledger.Options{})
			if err != nil {
				t.Fatal(err)
			}
			// An import of the catalog alone prepares the rules, too, which is not what
			// a line costs.
			begun := cpu()
			req := server.ImportRequest{Catalog: cat, Rules: x.rules}
			if _, err := server.Import(context.Background(), l, req, server.ImportOptions{}); err != nil {
				t.Fatal(err)
			}
			prepared := cpu() - begun
			req.Files = []string{log}
			begun = cpu()
			rep, err := server.Import(context.Background(), l, req, server.ImportOptions{})
			work := cpu() - begun - prepared
			if err != nil || rep.Records != int64(*lines) {
				t.Fatalf("%+v %v", rep, err)
			}
			if x.least == 0 || work < x.least {
				x.least = work
			}
			st := l.Stats()
			t.Logf("%s: %.0f ns a line (%.0f ms before the first), %.2f bytes a record", x.name, float64(work.Nanoseconds())/float64(*lines), prepared.Seconds()*1000, float64(st.Bytes)/float64(st.Records))
			l.Close()
			os.RemoveAll(data)
		}
	}
	for _, x := range runs[1:] {
		t.Logf("%s: %.3f times the processor time of an import without", x.name, x.least.Seconds()/runs[0].least.Seconds())
	}
}

// unpackRules writes some of the rules into a folder.
func unpackRules(t *testing.T, archive, dir string, has func(text []byte) bool) (n int) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || !strings.HasSuffix(h.Name, ".yml") {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !has(text) {
			continue
		}
		n++
		if err := os.WriteFile(filepath.Join(dir, path.Base(h.Name)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
