package ledger

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/internal/disk"
)

// contents are the files below a folder.
func contents(t *testing.T, m *disk.Mem, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, sub := range []string{"", manifestDir, segmentDir, dictionaryDir, editionDir, seenDir, asideDir, journalDir} {
		names, err := m.List(path.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			name := path.Join(dir, sub, n)
			if data, err := disk.ReadFile(m, name); err == nil {
				out[name] = string(data)
			}
		}
	}
	return out
}

// TestMissing: whichever file is gone that answers rest on, opening says which one,
// for writing too, and leaves the folder as it is.
func TestMissing(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	if _, _, err := l.InstallCatalog("c.yaml", []byte("items:\n  name: {ko: 성명, en: name, class: ordinary}\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.InstallRegister("r", 0, one(catalog.RegisterLine{Account: "m1"})); err != nil {
		t.Fatal(err)
	}
	if _, err := l.InstallHoldings("h", 0, one(catalog.HoldingLine{Account: "m1", Person: "p1", Items: []string{"name"}})); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := l.Append(context.Background(), records(4*i, 4*i+1, 4*i+2)); err != nil {
			t.Fatal(err)
		}
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for name, data := range contents(t, m, "data") {
		dir := path.Base(path.Dir(name))
		switch {
		case dir == segmentDir, dir == editionDir, dir == dictionaryDir && strings.HasSuffix(name, ".dict"):
		default:
			continue
		}
		seen[dir]++
		if err := m.Remove(name); err != nil {
			t.Fatal(err)
		}
		before := contents(t, m, "data")
		for _, readOnly := range []bool{true, false} {
			l, err := Open(m, "data", Options{ReadOnly: readOnly})
			var missing *MissingError
			if err == nil {
				l.Close()
				t.Fatalf("%s is gone and nobody noticed", name)
			}
			if want := strings.TrimPrefix(name, "data/"); !errors.As(err, &missing) || missing.File != want || !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), want+" is not there") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := contents(t, m, "data"); !maps.Equal(before, after) {
			t.Errorf("%s: opening changed the folder: %q, then %q", name, slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
		}
		if err := disk.WriteFile(m, name, []byte(data)); err != nil {
			t.Fatal(err)
		}
		open(t, m, Options{ReadOnly: true}).Close()
	}
	for _, dir := range []string{segmentDir, editionDir, dictionaryDir} {
		if seen[dir] < 2 {
			t.Errorf("%d files of %s were looked at", seen[dir], dir)
		}
	}
}
