package house

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/haetae/haetae"

// tree is the repository, or a made-up one in the tests of the checks.
type tree struct {
	fs    fs.FS
	files []string // with slashes, sorted
}

// repository is this one: the files that git knows or would take.
func repository(t *testing.T) *tree {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal("the repository's root is not two folders up")
	}
	tr := &tree{fs: os.DirFS(root)}
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil {
		for name := range strings.SplitSeq(string(out), "\x00") {
			// What is deleted and not yet committed is listed too.
			if info, err := fs.Stat(tr.fs, name); name != "" && err == nil && info.Mode().IsRegular() {
				tr.files = append(tr.files, name)
			}
		}
	}
	if len(tr.files) == 0 { // no git, or an unpacked archive
		err := fs.WalkDir(tr.fs, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == ".git" || strings.HasPrefix(d.Name(), "haetae-data")) {
				return fs.SkipDir
			}
			if d.Type().IsRegular() {
				tr.files = append(tr.files, name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(tr.files)
	tr.files = slices.Compact(tr.files)
	if len(tr.files) < 50 {
		t.Fatalf("only %d files were found", len(tr.files))
	}
	return tr
}

func (tr *tree) read(name string) []byte {
	raw, err := fs.ReadFile(tr.fs, name)
	if err != nil {
		return nil
	}
	return raw
}

func (tr *tree) exists(name string) bool {
	_, err := fs.Stat(tr.fs, name)
	return err == nil
}

// with lists the files with an ending.
func (tr *tree) with(ending string) []string {
	var out []string
	for _, f := range tr.files {
		if strings.HasSuffix(f, ending) {
			out = append(out, f)
		}
	}
	return out
}

// text tells a text from data.
func text(raw []byte) bool { return !bytes.Contains(raw[:min(len(raw), 8<<10)], []byte{0}) }

// source is a parsed Go file.
type source struct {
	name string // of the file
	dir  string
	test bool
	*ast.File
	set *token.FileSet
}

func (tr *tree) sources() ([]source, error) {
	var out []source
	var errs []error
	for _, name := range tr.with(".go") {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, tr.read(name), parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, source{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), f, set})
	}
	return out, errors.Join(errs...)
}

// report fails the test once for each problem.
func report(t *testing.T, problems []string) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

// expect is for the tests of the checks: each want is part of one problem, and
// there are no others.
func expect(t *testing.T, problems []string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, w) }) {
			t.Errorf("nobody noticed %q in %q", w, problems)
		}
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems, want %d: %q", len(problems), len(want), problems)
	}
}
