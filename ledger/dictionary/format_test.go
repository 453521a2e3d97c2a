package dictionary

import (
	"errors"
	"testing"

	"github.com/haetae/haetae/internal/golden"

	"github.com/haetae/haetae/internal/disk"
)

const thePage = "docs/formats/dictionary.md"

// TestPage: the page draws the file whose bytes TestBytes pins.
func TestPage(t *testing.T) {
	data, _ := small(t)
	golden.Drawn(t, thePage, "dictionary", data)
}

// TestPageDestroyed: and the same file after retention.
func TestPageDestroyed(t *testing.T) {
	data, info := small(t)
	fs := newFolder(t)
	write(t, fs, info.Name, data)
	d := open(t, fs, []FileInfo{info})
	defer d.Close()
	infos, n, err := d.Drop(func(r Ref) bool { return r != MakeRef(1, 0) })
	if err != nil || n != 1 || len(infos) != 1 {
		t.Fatal(infos, n, err)
	}
	after, err := disk.ReadFile(fs, folder+"/"+infos[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	golden.Drawn(t, thePage, "destroyed", after)
}

func TestNames(t *testing.T) {
	if magic != "HTDICT01" || suffix != ".dict" || unfinished != ".tmp" || dirEntry != 36 || footerSize != 16 || Partitions != 256 || noLocal != 0xffffff {
		t.Error("a name or size changed, and folders in the field have the old one: see " + thePage)
	}
	d := &Dictionary{name: "identities"}
	if n := d.fileName(42); n != "identities-0000000042.dict" {
		t.Errorf("a file is called %s: see %s", n, thePage)
	}
	for _, name := range []string{"identities-0000000042.dict", "identities-0000000042.dict.tmp"} {
		if n, ok := d.fileNumber(name); !ok || n != 42 {
			t.Errorf("%s is taken for number %d, %v", name, n, ok)
		}
	}
}

// TestOlderVersion: there is none, so one that claims to be is damage.
func TestOlderVersion(t *testing.T) {
	for _, head := range []string{"HTDICT00", "HTDICTxx", "HTDICT1", "HTDICK01"} {
		if err := checkMagic(head); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", head, err)
		}
	}
}
