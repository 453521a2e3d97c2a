package ledger

import (
	"context"
	"path"
	"strings"
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// TestDamage: whichever byte of a file that answers rest on is damaged, a checksum
// tells, and the error names the file, since the hint is to restore that file
// from a backup.
func TestDamage(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	if _, _, err := l.InstallCatalog("c.yaml", []byte("items:\n  name: {ko: 성명, en: name, class: ordinary} # a remark\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.InstallRegister("r", 0, one(catalog.RegisterLine{Account: "m1"})); err != nil {
		t.Fatal(err)
	}
	if _, err := l.InstallHoldings("h", 0, one(catalog.HoldingLine{Account: "m1", Person: "p1", Items: []string{"name"}})); err != nil {
		t.Fatal(err)
	}
	rs := records(1, 2, 3, 4, 5)
	for i := range rs {
		rs[i].Subjects, rs[i].Position = []event.AccountID{"m1", event.AccountID("m" + string(rune('2'+i)))}, event.PositionList
	}
	if _, err := l.Append(context.Background(), rs); err != nil {
		t.Fatal(err)
	}
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	read := func() error {
		l, err := Open(m, "data", Options{ReadOnly: true})
		if err != nil {
			return err
		}
		defer l.Close()
		v, err := l.View()
		if err != nil {
			return err
		}
		defer v.Close()
		for _, r := range v.Segments() {
			if err := readAll(r); err != nil {
				return err
			}
		}
		for p := range dictionary.Partitions {
			for _, h := range v.Holdings() {
				if _, err := h.Partition(p); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, dir := range []string{"segments", "editions"} {
		names, err := m.List(path.Join("data", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			seen++
			file := path.Join("data", dir, name)
			whole, err := disk.ReadFile(m, file)
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < len(whole); at += 1 + len(whole)/300 {
				bad := append([]byte(nil), whole...)
				bad[at] ^= 0x20
				if err := disk.WriteFile(m, file, bad); err != nil {
					t.Fatal(err)
				}
				if err := read(); err == nil {
					t.Errorf("%s: byte %d of %d is damaged, and nobody noticed", name, at, len(whole))
				} else if !strings.Contains(err.Error(), name) {
					t.Errorf("%s: byte %d of %d: %v", name, at, len(whole), err)
				} else if strings.Count(err.Error(), name) > 1 {
					t.Errorf("%s is named more than once: %v", name, err)
				}
				if t.Failed() {
					break
				}
			}
			if err := disk.WriteFile(m, file, whole); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen != 4 {
		t.Errorf("%d files, want a segment, a catalog, a register and holdings", seen)
	}
}

// readAll reads every column and table of a segment.
func readAll(r *segment.Reader) error {
	if _, err := r.Info(); err != nil {
		return err
	}
	if _, err := r.Shapes(); err != nil {
		return err
	}
	if _, err := r.Clients(); err != nil {
		return err
	}
	if _, err := r.Agents(); err != nil {
		return err
	}
	if _, err := r.Files(); err != nil {
		return err
	}
	var homes []uint32
	var d segment.Details
	for p := range dictionary.Partitions {
		pt, err := r.Partition(p)
		if err != nil {
			return err
		}
		for g := range pt.Groups() {
			if homes, err = pt.Homes(g, homes); err != nil {
				return err
			}
			if err := pt.Details(g, homes, &d, true); err != nil {
				return err
			}
		}
	}
	return nil
}
