package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// TestUnfinished: what an interrupted import has kept is listed by name and number,
// and destroyed by the number.
func TestUnfinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	call := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(context.Background(), append(args, "--data", dir, "--lang", "en"), strings.NewReader(""), &out, &errs); code != want {
			t.Fatalf("%v: exit code %d, want %d: %s%s", args, code, want, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	call(exitOK, "init")
	if got := call(exitOK, "unfinished", "list"); got != "no import is unfinished\n" {
		t.Errorf("in an empty folder: %q", got)
	}
	l, err := ledger.Open(disk.OS, dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	im, err := l.BeginImport(ledger.ImportSpec{Source: "web", Name: "access.log.1", Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	im.Suspend()
	number := strconv.FormatUint(l.Unfinished()[0].Import, 10)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := call(exitOK, "unfinished", "list"); !strings.Contains(got, number+"  access.log.1  web") {
		t.Errorf("the list: %q", got)
	}
	if got := call(exitOK, "status"); !strings.Contains(got, "access.log.1") {
		t.Errorf("the status: %q", got)
	}
	var offered bytes.Buffer
	run(context.Background(), []string{"__complete", "unfinished", "abort", "--data", dir, ""}, strings.NewReader(""), &offered, &offered)
	if !strings.Contains(offered.String(), number+"\taccess.log.1") {
		t.Errorf("completion: %q", offered.String())
	}
	call(exitUsage, "unfinished", "abort", "seven")
	if got := call(exitFailed, "unfinished", "abort", "4711"); !strings.Contains(got, "no unfinished import has the number 4711") {
		t.Errorf("one that is not there: %q", got)
	}
	if got := call(exitOK, "unfinished", "abort", number); !strings.Contains(got, "import "+number+" is given up") {
		t.Errorf("giving up: %q", got)
	}
	if got := call(exitOK, "unfinished", "list", "--json"); strings.TrimSpace(got) != "[]" {
		t.Errorf("afterwards: %q", got)
	}
}
