package ledger

import (
	"errors"
	"path"
	"testing"

	"github.com/haetae/haetae/internal/disk"
)

// TestNewestManifestGone: a folder whose newest manifest somebody removed does not
// open as what it was before, neither to be read nor to be written, and says which
// file is missing. With the file put back nothing is lost; a torn note, or none, as
// after a loss of power, keeps nothing from opening.
func TestNewestManifestGone(t *testing.T) {
	m := disk.NewMem()
	if err := Create(m, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := Open(m, "data", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SetHold(Hold{Name: "kept", Reason: "test", By: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	man, err := latestManifest(m, "data")
	if err != nil {
		t.Fatal(err)
	}
	name := path.Join("data", manifestDir, manifestName(man.Number))
	kept, err := disk.ReadFile(m, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Remove(name); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {ReadOnly: true}} {
		l, err := Open(m, "data", o)
		if err == nil {
			l.Close()
			t.Fatalf("read only %v: a folder without its newest manifest opens", o.ReadOnly)
		}
		missing, ok := errors.AsType[*MissingError](err)
		if !ok || missing.File != path.Join(manifestDir, manifestName(man.Number)) {
			t.Fatalf("the error is %v, which does not say that the manifest is missing", err)
		}
	}
	if err := disk.WriteFile(m, name, kept); err != nil {
		t.Fatal(err)
	}
	for _, note := range []string{"", "garbage", "99", "99999999999x\n"} {
		if err := disk.WriteFile(m, path.Join("data", manifestDir, newestManifest), []byte(note)); err != nil {
			t.Fatal(err)
		}
		l, err := Open(m, "data", Options{ReadOnly: true})
		if err != nil {
			t.Fatalf("with %q as the note: %v", note, err)
		}
		if len(l.Stats().Holds) != 1 {
			t.Error("what was committed last is gone")
		}
		l.Close()
	}
}
