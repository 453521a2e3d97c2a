package scope

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger/dictionary"
)

// FuzzDecodeSaved: whatever stands in a file with a right checksum is refused as
// damage, or is a set that is the same after it was saved once more.
func FuzzDecodeSaved(f *testing.F) {
	dir := f.TempDir()
	for _, set := range []Set{
		{},
		{Items: []string{"name", "email"}, Accounts: []dictionary.Ref{1, 2, 1 << 30}, People: []Person{{3, 1}, {9, 3}}},
		{Holders: true, Items: []string{"name"}, Accounts: []dictionary.Ref{7}, People: []Person{{7, 1}}},
	} {
		name := "s" + string(rune('a'+len(set.People)))
		if err := Save(disk.OS, dir, &Saved{Name: name, Set: set}); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, name+savedSuffix))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[len(savedMagic) : len(b)-4])
		os.Remove(filepath.Join(dir, name+savedSuffix))
	}
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0, 0, '{', '}', 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		b := append([]byte(savedMagic), body...)
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
		got, err := decodeSaved(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		got.Name = "again"
		mem := disk.NewMem()
		if err := mem.MkdirAll("d"); err != nil {
			t.Fatal(err)
		}
		if err := Save(mem, "d", got); err != nil {
			t.Fatal(err)
		}
		again, err := Load(mem, "d", "again")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got, again); d != "" {
			t.Error(d)
		}
	})
}

// FuzzCompile: no text makes the compiler panic; what it refuses is refused with
// a place inside the text; what it takes for free of ids has no field that is
// kept as a pseudonym.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"", "true", `credential.key == "k"`, `credential .token == "secret"`, "actor\n.id == \"x\"", `account in ["a", ""]`,
		`!(status == 200 ? rows > 3 : "name" in items)`, `items.exists(i, i == "name")`, `time.getHours("Asia/Seoul") < 6`,
		`time >= timestamp("2025-03-10T00:00:00+09:00")`, `inCIDR(client.ip, "10.0.0.0/8")`, `actor.id == pseudonym("0123456789abcdef0123456789abcdef")`,
		"credential.issued != true", `size(items) > 2 && items[2] == "x"`, `route.matches("[")`, "((((((", `"\xff"`, "time < timestamp(0)", "e -= t" + strings.Repeat("]", 280), // CEL's parser gives up
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, where string) {
		p, err := Compile(where)
		if err != nil {
			var pe *PredicateError
			if !errors.As(err, &pe) {
				t.Fatalf("%q: %v", where, err)
			}
			if lines := strings.Count(where, "\n") + strings.Count(where, "\r") + 1; pe.Line < 0 || pe.Line > lines {
				t.Errorf("%q: line %d of %d", where, pe.Line, lines)
			}
			pe.KO()
			return
		}
		p.levels()
		for _, l := range p.leaves {
			for _, n := range l.names {
				if k := fieldNamed(n).kind; k != plain && k != issued && !p.NamesID() {
					t.Errorf("%q speaks of %s", where, n)
				}
			}
		}
	})
}

func TestNamesID(t *testing.T) {
	for where, want := range map[string]bool{
		"credential .token == \"secret-1\"": true, "actor\n.id == \"x\"": true, "( account ) == \"m1\"": true, `"m1" == account`: true,
		`actor.id == pseudonym("0123456789abcdef0123456789abcdef")`: true, `status == 200 || !(account in ["a"])`: true,
		`route == "GET /account"`: false, "credential.issued": false, "": false, `client.agent == "actor.id"`: false,
	} {
		p, err := Compile(where)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if got := p.NamesID(); got != want {
			t.Errorf("%s: %v, want %v", where, got, want)
		}
	}
}
