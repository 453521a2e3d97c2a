package server

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestUnreadable: lines that could not be read and files that broke off are in
// every answer, with their number by source, also after a reopening.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, disk.OS, filepath.Join(dir, "d"))
	l := openLedger(t, disk.OS, w.dir, ledger.Options{})
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write([]byte(shopLines(0, 50) + "no line\n" + shopLines(50, 60)))
	z.Flush()
	file := filepath.Join(dir, "cut.json.gz")
	if err := os.WriteFile(file, gz.Bytes(), 0o600); err != nil { // without its end
		t.Fatal(err)
	}
	rep, err := Import(context.Background(), l, ImportRequest{Files: []string{file}, Source: "gateway"}, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f := rep.Files[0]; f.Broken == "" || f.Records != 60 || f.Aside != 1 {
		t.Fatalf("%+v", f)
	}
	if err := l.SetAside(0, []ledger.AsideLine{{Source: "admin", Cause: "x"}, {Source: "admin", Cause: "y"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		e, err := scope.Run(context.Background(), v, scope.Query{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := scope.Subject(context.Background(), v, event.AccountID("m1000001"), scope.Query{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		v.Close()
		for what, limits := range map[string][]scope.Limit{"scope": e.Limits, "subject": s.Limits} {
			for code, want := range map[string][2]string{"set_aside": {"3행", "3 (admin 2, gateway 1)"}, "broken_file": {"1개", "1 (gateway 1)"}} {
				found := false
				for _, lim := range limits {
					found = found || lim.Code == code && strings.Contains(lim.KO, want[0]) && strings.Contains(lim.EN, want[1])
				}
				if !found {
					t.Errorf("%s: no %s in %+v", what, code, limits)
				}
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openLedger(t, disk.OS, w.dir, ledger.Options{})
	}
}
