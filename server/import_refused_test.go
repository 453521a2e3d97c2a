package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// inbox writes files into a folder and gives their paths.
type inbox struct {
	t   *testing.T
	dir string
}

func (i inbox) write(name, text string) string {
	i.t.Helper()
	f := filepath.Join(i.dir, name)
	if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
	return f
}

const oneSource = `version: 1
items:
  name: {ko: 성명, en: name, class: ordinary}
sources:
  app: {format: json, fields: {time: time, id: id, method: method, uri: uri, status: status}}
routes:
  - {route: GET /a, items: [%s], account: none}
`

func logLine(id string) string {
	return `{"time":"2025-03-10T09:00:00Z","id":"` + id + `","method":"GET","uri":"/a","status":200}` + "\n"
}

// TestRefusedFiles: a file that cannot be imported does not keep the others from
// it, here and through a server, and the report has a line for each.
func TestRefusedFiles(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	in := inbox{t, t.TempDir()}
	cat := in.write("app.yaml", fmt.Sprintf(oneSource, "name"))
	check := func(how string, prefix string, imp func(ImportRequest) (*ImportReport, error)) {
		t.Helper()
		good1, good2 := in.write(prefix+"1.json", logLine(prefix+"1")), in.write(prefix+"2.json", logLine(prefix+"2")+"not json\n"+logLine(prefix+"3")+"neither\n")
		missing := filepath.Join(in.dir, "missing.json")
		rep, err := imp(ImportRequest{Catalog: cat, Files: []string{good1, missing, in.dir, good2}})
		var some *FilesError
		if !errors.As(err, &some) || some.Of != 4 || len(some.Errs) != 2 {
			t.Fatalf("%s: %v, want a FilesError of 2 of 4", how, err)
		}
		var fe *FileError
		if !errors.As(some.Errs[0], &fe) || fe.Path != missing || !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrFolder) {
			t.Errorf("%s: %v, want the path and kind of both", how, some.Errs)
		}
		if strings.Contains(err.Error(), in.dir) {
			t.Errorf("%s: %v names the folder, and it is logged", how, err)
		}
		if rep == nil || len(rep.Files) != 4 || rep.Failed != 2 || rep.Records != 3 || rep.Catalog == nil {
			t.Fatalf("%s: %+v, want four files, two of them failed, and 3 records", how, rep)
		}
		if f := rep.Files[1]; f.File != "missing.json" || f.Error == nil || f.Error.Code != "missing_file" || f.Error.Message == "" {
			t.Errorf("%s: %+v, want missing_file", how, f)
		}
		if f := rep.Files[2]; f.Error == nil || f.Error.Code != "folder" {
			t.Errorf("%s: %+v, want folder", how, f)
		}
		if c := rep.Files[3].Causes; len(c) != 1 || c[0].Count != 2 || c[0].Line != 2 || c[0].Cause != "syntax" {
			t.Errorf("%s: causes %+v, want two of syntax, the first in line 2", how, c)
		}
	}
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	check("here", "h", func(req ImportRequest) (*ImportReport, error) {
		return Import(context.Background(), l, req, ImportOptions{Workers: 2})
	})
	l.Close()
	r := w.serve(nil)
	check("through a server", "s", func(req ImportRequest) (*ImportReport, error) {
		return NewClient(r.address).Import(context.Background(), req, nil, nil)
	})
	// A mistake before the logs still says what was done.
	rep, err := NewClient(r.address).Import(context.Background(), ImportRequest{Catalog: cat, Register: []DatedFile{{File: in.write("bad.csv", "x\n")}}}, nil, nil)
	if err == nil || rep == nil || rep.Catalog == nil {
		t.Errorf("a bad register: %+v, %v, want the catalog in the report and an error", rep, err)
	}
	r.end()
}

// TestEarlierCatalog: a catalog that was replaced does not come back unnoticed.
func TestEarlierCatalog(t *testing.T) {
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, fsys, "d", ledger.Options{})
	in := inbox{t, t.TempDir()}
	first, second := in.write("first.yaml", fmt.Sprintf(oneSource, "")), in.write("second.yaml", fmt.Sprintf(oneSource, "name"))
	install := func(file string, again bool) (*ImportReport, error) {
		return Import(context.Background(), l, ImportRequest{Catalog: file, Again: again}, ImportOptions{})
	}
	for i, file := range []string{first, second, second} {
		if rep, err := install(file, false); err != nil || rep.Catalog.Changed != (i < 2) {
			t.Fatalf("install %d: %+v, %v", i, rep, err)
		}
	}
	_, err := install(first, false)
	var earlier *EarlierCatalogError
	if !errors.As(err, &earlier) || earlier.Edition != 1 || earlier.InForce != 2 {
		t.Fatalf("the first again: %v, want an EarlierCatalogError of edition 1, 2 in force", err)
	}
	if n := l.Catalog().Edition; n != 2 {
		t.Errorf("edition %d is in force, want 2", n)
	}
	if rep, err := install(first, true); err != nil || rep.Catalog.Edition != 3 {
		t.Fatalf("meant so: %+v, %v, want edition 3", rep, err)
	}
	// Now the first is in force, and the second is the earlier one.
	if rep, err := install(first, false); err != nil || rep.Catalog.Changed {
		t.Errorf("the one in force: %+v, %v", rep, err)
	}
	if _, err := install(second, false); !errors.As(err, &earlier) || earlier.Edition != 2 {
		t.Errorf("the second again: %v", err)
	}
}

// TestUnfinishedByName: an import that was interrupted is named by its file, so
// that somebody knows which command to run again.
func TestUnfinishedByName(t *testing.T) {
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, fsys, "d", ledger.Options{})
	im, err := l.BeginImport(ledger.ImportSpec{Source: "app", Name: "access.log.1", Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	im.Suspend()
	c, err := ContentsOf(l)
	if err != nil || c.Interrupted != 1 || len(c.Unfinished) != 1 || c.Unfinished[0].Name != "access.log.1" || c.Unfinished[0].Running {
		t.Errorf("%+v, %v, want access.log.1", c.Unfinished, err)
	}
}
