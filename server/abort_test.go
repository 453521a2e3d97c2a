package server

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// TestAbort: an import that was interrupted is in the status with its name and
// number, and can be given up by it; not while a hold stands, and not twice.
func TestAbort(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	im, err := l.BeginImport(ledger.ImportSpec{Source: "gateway", Name: "access.log.1", Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	im.Suspend()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := w.serve(nil)
	c := NewClient(r.address)
	unfinished := func() []ledger.UnfinishedImport {
		t.Helper()
		st, err := c.Status(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return st.Contents.Unfinished
	}
	list := unfinished()
	if len(list) != 1 || list[0].Name != "access.log.1" || list[0].Running {
		t.Fatalf("the status has %+v", list)
	}
	id := list[0].Import
	code := func(id uint64) (int, string) {
		t.Helper()
		err := c.AbortImport(context.Background(), id)
		var a *Answer
		if !errors.As(err, &a) {
			t.Fatalf("import %d: %v", id, err)
		}
		return a.Status, a.Code
	}
	if status, code := code(id + 1); status != 404 || code != "unknown_import" {
		t.Errorf("one that is not there: %d %s", status, code)
	}
	if err := c.SetHold(context.Background(), ledger.Hold{Name: "case", Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	if status, code := code(id); status != 409 || code != "held" {
		t.Errorf("under a hold: %d %s", status, code)
	}
	if _, err := c.LiftHold(context.Background(), "case", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := c.AbortImport(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	if list := unfinished(); len(list) != 0 {
		t.Errorf("still there: %+v", list)
	}
	if status, _ := code(id); status != 404 {
		t.Errorf("twice: %d", status)
	}
	if status, _, text := r.call("POST", "/v1/imports/abort", w.token, nil, strings.NewReader(`{"import":1}`)); status != 401 {
		t.Errorf("with a sender's token: %d %s", status, text)
	}
	r.end()
}
