package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/journal"
)

const firstFile = "j/00000000000000000001.journal"

// sample writes a journal whose bytes repeat: groups of entries, one frame each.
func sample(t testing.TB, size int64, groups ...[]string) *disk.Mem {
	t.Helper()
	m := newDir(t)
	j, err := journal.Open(m, "j", journal.FixedSalt(journal.Options{FileSize: size}))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if _, errs := j.AppendGroup(g...); errors.Join(errs...) != nil {
			t.Fatal(errs)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

func contentOf(t testing.TB, m *disk.Mem, name string) []byte {
	t.Helper()
	b, err := disk.ReadFile(m, name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// with returns a copy of the journal folder with one file replaced.
func with(t testing.TB, m *disk.Mem, name string, data []byte) *disk.Mem {
	t.Helper()
	out := newDir(t)
	names, err := m.List("j")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		n = path.Join("j", n)
		b := data
		if n != name {
			b = contentOf(t, m, n)
		}
		if err := disk.WriteFile(out, n, b); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestFormat pins the bytes. Whoever changes them changes formatVersion too, and
// keeps what reads these.
func TestFormat(t *testing.T) {
	m := sample(t, 0, []string{"one"}, []string{"two", ""})
	const want = `
00000000  48 54 4a 52 4e 4c 30 31  01 00 00 00 00 00 00 00  |HTJRNL01........|
00000010  73 61 6c 74 79 73 65 61  00 00 00 00 80 c7 b3 7e  |saltysea.......~|
00000020  f5 48 4a 66 07 00 00 00  01 00 00 00 00 00 00 00  |.HJf............|
00000030  01 00 00 00 65 f1 9a 81  fc 2c e9 4a 03 00 00 00  |....e....,.J....|
00000040  6f 6e 65 f5 48 4a 66 0b  00 00 00 02 00 00 00 00  |one.HJf.........|
00000050  00 00 00 02 00 00 00 c0  87 cb ff 47 bc 50 c4 03  |...........G.P..|
00000060  00 00 00 74 77 6f 00 00  00 00                    |...two....|
`
	if got := "\n" + hex.Dump(contentOf(t, m, firstFile)); got != want {
		t.Errorf("the file is\n%s\nwant\n%s", got, want)
	}
}

func TestNewerVersionIsRefused(t *testing.T) {
	m := sample(t, 0, []string{"one"})
	b := contentOf(t, m, firstFile)
	copy(b, "HTJRNL02")
	for _, b := range [][]byte{b, b[:32]} {
		m = with(t, m, firstFile, b)
		_, err := journal.Open(m, "j", journal.Options{})
		var newer *journal.VersionError
		if !errors.As(err, &newer) || newer.Found != 2 || !strings.Contains(err.Error(), "use the release that wrote it") {
			t.Errorf("open: %v", err)
		}
		r, _ := journal.ReadOnly(m, "j")
		if _, _, err := all(r, 0); !errors.As(err, &newer) {
			t.Errorf("read: %v", err)
		}
	}
}

// TestEveryByteDamaged flips each byte of a journal of several files. Damage in
// the last frame, which cannot be told from a torn one, costs that frame, and
// Repaired says so; damage anywhere else is reported with its place. Never is
// an entry wrong or missing in silence.
func TestEveryByteDamaged(t *testing.T) {
	groups := [][]string{{"a", "bb"}, {"ccc"}, {"dddd", strings.Repeat("e", 70)}, {"f"}, {"g", "h", "i"}, {"last one", "of all"}}
	m := sample(t, 150, groups...)
	var want []string
	for _, g := range groups {
		want = append(want, g...)
	}
	kept := want[:len(want)-2]
	names, _ := m.List("j")
	if len(names) < 3 {
		t.Fatalf("%d files", len(names))
	}
	for fi, n := range names {
		n = path.Join("j", n)
		good := contentOf(t, m, n)
		lastFrame := bytes.LastIndex(good, []byte("\xf5HJf"))
		for at := range good {
			for _, bit := range []byte{1, 0x80, 0xff} {
				bad := bytes.Clone(good)
				bad[at] ^= bit
				d := with(t, m, n, bad)
				r, err := journal.ReadOnly(d, "j")
				if err != nil {
					t.Fatal(err)
				}
				_, ro, roErr := all(r, 0)
				j, err := journal.Open(d, "j", journal.Options{})
				if fi == len(names)-1 && at >= lastFrame {
					if err != nil || j.Repaired() != int64(len(good)-lastFrame) {
						t.Fatalf("%s byte %d: %v", n, at, err)
					}
					if _, got, err := all(j, 0); err != nil || !slices.Equal(got, kept) {
						t.Fatalf("%s byte %d: %q, %v", n, at, got, err)
					}
					if roErr != nil || !slices.Equal(ro, kept) {
						t.Fatalf("%s byte %d: read only: %q, %v", n, at, ro, roErr)
					}
					continue
				}
				for _, err := range []error{err, roErr} {
					var newer *journal.VersionError
					if errors.As(err, &newer) && (at == 6 || at == 7) {
						continue
					}
					if !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), path.Base(n)) || !strings.Contains(err.Error(), "at byte ") {
						t.Fatalf("%s byte %d damaged: %v", n, at, err)
					}
				}
				if !slices.Equal(ro, want[:len(ro)]) {
					t.Fatalf("%s byte %d: read only saw %q", n, at, ro)
				}
				if !bytes.Equal(contentOf(t, d, n), bad) {
					t.Fatalf("%s byte %d: a refused journal was changed", n, at)
				}
			}
		}
	}
}

func TestEveryLengthCut(t *testing.T) {
	groups := [][]string{{"a", "bb"}, {"ccc"}, {strings.Repeat("e", 70)}, {"f"}, {"last"}}
	m := sample(t, 150, groups...)
	names, _ := m.List("j")
	var want []string
	for _, g := range groups {
		want = append(want, g...)
	}
	for fi, n := range names {
		n = path.Join("j", n)
		good := contentOf(t, m, n)
		for size := range good {
			d := with(t, m, n, good[:size])
			j, err := journal.Open(d, "j", journal.Options{FileSize: 150})
			if fi < len(names)-1 {
				if !errors.Is(err, journal.ErrCorrupt) {
					t.Fatalf("%s cut to %d: %v", n, size, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s cut to %d: %v", n, size, err)
			}
			_, got, err := all(j, 0)
			if err != nil || !slices.Equal(got, want[:len(got)]) {
				t.Fatalf("%s cut to %d: %q, %v", n, size, got, err)
			}
			if pos := mustAppend(t, j, "next"); int(pos) != len(got)+1 {
				t.Fatalf("%s cut to %d: position %d behind %d entries", n, size, pos, len(got))
			}
			j.Close()
			if _, again, err := all(open(t, d, 0), 0); err != nil || len(again) != len(got)+1 {
				t.Fatalf("%s cut to %d: %d entries, %v", n, size, len(again), err)
			}
		}
	}
}

func TestMissingAndForeignFiles(t *testing.T) {
	m := sample(t, 1, []string{"a"}, []string{"b"}, []string{"c"})
	names, _ := m.List("j")
	if err := m.Remove(path.Join("j", names[1])); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(m, "j", journal.Options{}); !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), "lacks entries 2 to 2") {
		t.Errorf("open with a hole: %v", err)
	}
	r, _ := journal.ReadOnly(m, "j")
	if _, _, err := all(r, 0); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("read with a hole: %v", err)
	}

	m = sample(t, 0, []string{"a"})
	for _, n := range []string{"j/README", "j/core"} {
		if err := disk.WriteFile(m, n, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	open(t, m, 0).Close()
	// A file that is renamed tells entries at the wrong place.
	b := contentOf(t, m, firstFile)
	if err := m.Rename(firstFile, "j/00000000000000000007.journal"); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(m, "j", journal.Options{}); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("open of a renamed file: %v", err)
	}
	if err := disk.WriteFile(m, "j/7.journal", b); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(m, "j", journal.Options{}); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("open with a file of no position: %v", err)
	}
	if _, err := journal.ReadOnly(m, "nowhere"); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

// TestEntryHoldingAFrame: somebody sends an entry that looks like a journal, and
// the power goes while it is written. What was sent must not pass for a frame.
func TestEntryHoldingAFrame(t *testing.T) {
	inner := sample(t, 0, []string{"x"}, []string{"y"}, []string{"z"}, []string{"forged"})
	forged := string(contentOf(t, inner, firstFile)[32:])
	m := newDir(t)
	j := open(t, m, 0) // with a salt nobody knows
	mustAppend(t, j, "real")
	mustAppend(t, j, forged)
	j.Close()
	good := contentOf(t, m, firstFile)
	for cut := 1; cut < len(forged); cut++ {
		d := with(t, m, firstFile, good[:len(good)-cut])
		if _, got, err := all(open(t, d, 0), 0); err != nil || !slices.Equal(got, []string{"real"}) {
			t.Fatalf("cut by %d: %q, %v", cut, got, err)
		}
	}
}

// TestBogusLengths: heads with a right checksum and a wrong length.
func TestBogusLengths(t *testing.T) {
	m := sample(t, 0, []string{"one"}, []string{"two"})
	good := contentOf(t, m, firstFile)
	for _, n := range []uint32{4, 5, 6, 8, 100, 1 << 20, journal.MaxEntry, journal.MaxEntry + 5, 1 << 31, 1<<32 - 1} {
		for _, count := range []uint32{0, 1, 2, 1 << 31, 1<<32 - 1} {
			bad := bytes.Clone(good)
			binary.LittleEndian.PutUint32(bad[36:], n)
			binary.LittleEndian.PutUint32(bad[48:], count)
			sum := crc32.Checksum(append([]byte("saltysea"), bad[32:52]...), crc32.MakeTable(crc32.Castagnoli))
			binary.LittleEndian.PutUint32(bad[52:], sum)
			d := with(t, m, firstFile, bad)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := journal.Open(d, "j", journal.Options{})
			runtime.ReadMemStats(&after)
			if !errors.Is(err, journal.ErrCorrupt) {
				t.Errorf("length %d, count %d: %v", n, count, err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
				t.Errorf("length %d, count %d: %d bytes allocated for a file of %d", n, count, got, len(bad))
			}
		}
	}
}

// FuzzFile reads a folder whose last file is anything at all.
func FuzzFile(f *testing.F) {
	m := sample(f, 0, []string{"one"}, []string{"two", "", "three"}, []string{strings.Repeat("x", 300)})
	good := contentOf(f, m, firstFile)
	f.Add(good, false)
	f.Add(good, true)
	f.Add(good[:len(good)-7], true)
	f.Add(good[:32], false)
	f.Add([]byte("HTJRNL99"), false)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, data []byte, rechecksum bool) {
		if rechecksum {
			data = bytes.Clone(data)
			journal.Rechecksum(data)
		}
		m := newDir(t)
		if err := disk.WriteFile(m, firstFile, data); err != nil {
			t.Fatal(err)
		}
		r, err := journal.ReadOnly(m, "j")
		if err != nil {
			t.Fatal(err)
		}
		_, seen, roErr := all(r, 0)
		j, err := journal.Open(m, "j", journal.Options{})
		if err != nil {
			if !bytes.Equal(contentOf(t, m, firstFile), data) {
				t.Fatal("a refused journal was changed")
			}
			return
		}
		_, got, err := all(j, 0)
		if (err == nil) != (roErr == nil) || !slices.Equal(seen, got) {
			t.Fatalf("read %q, %v beside it and %q, %v in it", seen, roErr, got, err)
		}
		pos, aerr := j.Append(context.Background(), []byte("behind"))
		if aerr != nil {
			t.Fatal(aerr)
		}
		if err != nil {
			return
		}
		if int(pos) != len(got)+1 {
			t.Fatalf("position %d behind %d entries", pos, len(got))
		}
		j.Close()
		j = open(t, m, 0)
		if _, again, err := all(j, 0); err != nil || fmt.Sprint(again) != fmt.Sprint(append(got, "behind")) {
			t.Fatalf("%q, %v", again, err)
		}
	})
}
