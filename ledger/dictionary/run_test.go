package dictionary

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// small writes one run file of three entries in two partitions.
func small(t testing.TB) ([]byte, FileInfo) {
	fs := newFolder(t)
	d := open(t, fs, nil)
	defer d.Close()
	ks := []pseudonym.Pseudonym{{0: 1, 15: 0xa1}, {0: 9, 15: 0xa2}, {0: 1, 15: 0xa3}}
	sealed := []string{"AB", "C", ""}
	if err := d.Resolve(ks, []uint64{5, 6, 7}, func(i int) []byte { return []byte(sealed[i]) }, make([]Ref, 3)); err != nil {
		t.Fatal(err)
	}
	info, _, err := d.Flush()
	if err != nil {
		t.Fatal(err)
	}
	data, err := disk.ReadFile(fs, path.Join(folder, info.Name))
	if err != nil {
		t.Fatal(err)
	}
	return data, info
}

// TestBytes pins the format: these bytes are in folders in the field.
func TestBytes(t *testing.T) {
	data, info := small(t)
	want := strings.Join(strings.Fields(`
		4854444943543031
		010000000000000000000000000000a1 010000000000000000000000000000a3
		0500000000000000 0700000000000000  02000000 02000000  4142
		090000000000000000000000000000a2
		0600000000000000  01000000  43
		01000000 00000000 02000000 0800000000000000 0200000000000000 16d00e0f 3451a463
		09000000 00000000 01000000 4200000000000000 0100000000000000 627de97a 5eb58d74
		5f00000000000000 02000000 564c133b
	`), "")
	if got := hex.EncodeToString(data); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if info.Name != "ids-0000000001.dict" || info.Entries != 3 || info.Size != int64(len(data)) {
		t.Errorf("%+v", info)
	}
}

func write(t testing.TB, fs disk.FS, name string, data []byte) {
	t.Helper()
	if err := disk.WriteFile(fs, path.Join(folder, name), data); err != nil {
		t.Fatal(err)
	}
}

func TestNewerFormat(t *testing.T) {
	data, info := small(t)
	fs := newFolder(t)
	write(t, fs, info.Name, append([]byte("HTDICT02"), data[8:]...))
	_, err := Open(fs, folder, "ids", []FileInfo{info})
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "format 2 and this release reads up to 1") {
		t.Errorf("%v", err)
	}
	write(t, fs, info.Name, append([]byte("HTSEGM01"), data[8:]...))
	if _, err := Open(fs, folder, "ids", []FileInfo{info}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

func TestMissingAndExchangedFiles(t *testing.T) {
	fs := newFolder(t)
	d, m := open(t, fs, nil), newModel()
	var files []FileInfo
	for i := range 3 {
		m.resolve(t, d, []int{2 * i, 2*i + 1, 100 + 2*i})
		info, _, err := d.Flush()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, info)
	}
	for name, list := range map[string][]FileInfo{
		"without the first": files[1:],
		"out of order":      {files[1], files[0], files[2]},
		"one twice":         {files[0], files[0]},
		"not there":         {{Name: "ids-0000000099.dict"}},
	} {
		if _, err := Open(fs, folder, "ids", list); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	// Another file of the same name and size.
	other := newFolder(t)
	o := open(t, other, nil)
	o.Resolve([]pseudonym.Pseudonym{crowded(1000), crowded(1001), crowded(1002)}, nil, func(int) []byte { return []byte("sealed 0") }, make([]Ref, 3))
	info, _, _ := o.Flush()
	info.CRC = files[0].CRC
	if _, err := Open(other, folder, "ids", []FileInfo{info}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a file with other entries: %v", err)
	}
	if d, err := Open(fs, folder, "ids", files[:2]); err != nil || d.next != 4 {
		t.Errorf("an older list does not open, or would reuse a file's name: %v", err)
	}
}

// readAllOf exercises every reader of a dictionary. It returns the first error.
func readAllOf(d *Dictionary) error {
	for p := range Partitions {
		if d.Count(p) == 0 {
			continue
		}
		if _, _, err := d.Lookup(pseudonym.Pseudonym{byte(p), 1}); err != nil {
			return err
		}
		for l := range min(d.Count(p), 64) {
			ref := MakeRef(byte(p), l)
			if _, err := d.Sealed(ref); err != nil && !errors.Is(err, ErrDropped) {
				return err
			}
			if _, err := d.Pseudonym(ref); err != nil && !errors.Is(err, ErrDropped) {
				return err
			}
		}
		if err := d.Each(p, func(Entry) error { return nil }); err != nil {
			return err
		}
	}
	_, _, err := d.Drop(func(Ref) bool { return false })
	return err
}

// TestEveryByteIsChecked: no single changed byte goes unnoticed.
func TestEveryByteIsChecked(t *testing.T) {
	data, info := small(t)
	for i := range data {
		fs := newFolder(t)
		bad := slices.Clone(data)
		bad[i] ^= 0x10
		write(t, fs, info.Name, bad)
		d, err := Open(fs, folder, "ids", []FileInfo{info})
		if err == nil {
			err = readAllOf(d)
			d.Close()
		}
		if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for n := range data {
		fs := newFolder(t)
		write(t, fs, info.Name, data[:n])
		cut := info
		cut.Size = int64(n)
		if _, err := Open(fs, folder, "ids", []FileInfo{cut}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// TestLoadCanBeTriedAgain: a disk that fails once does not spoil a partition.
func TestLoadCanBeTriedAgain(t *testing.T) {
	data, info := small(t)
	fs := newFolder(t)
	bad := slices.Clone(data)
	bad[8] ^= 1 // a key of partition 1
	write(t, fs, info.Name, bad)
	d := open(t, fs, []FileInfo{info})
	k := pseudonym.Pseudonym{0: 1, 15: 0xa3}
	if _, _, err := d.Lookup(k); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	if d.Count(1) != 2 {
		t.Fatalf("count %d after a failed load", d.Count(1))
	}
	f, _ := fs.OpenAppend(path.Join(folder, info.Name))
	f.Truncate(0)
	f.Write(data)
	if r, ok, err := d.Lookup(k); err != nil || !ok || r != MakeRef(1, 1) {
		t.Fatal(r, ok, err)
	}
}

func FuzzRunFile(f *testing.F) {
	data, _ := small(f)
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add([]byte(magic))
	empty := newFolder(f)
	d := open(f, empty, nil)
	d.Resolve([]pseudonym.Pseudonym{{}}, nil, func(int) []byte { return nil }, make([]Ref, 1))
	info, _, _ := d.Flush()
	one, _ := disk.ReadFile(empty, path.Join(folder, info.Name))
	f.Add(one)
	f.Fuzz(func(t *testing.T, data []byte) {
		// As it is, and with the directory's checksum made right, so that what
		// stands behind it is reached.
		for _, b := range [][]byte{data, rightened(data)} {
			fs := newFolder(t)
			write(t, fs, "ids-0000000001.dict", b)
			d, err := Open(fs, folder, "ids", []FileInfo{{Name: "ids-0000000001.dict", Size: int64(len(b))}})
			if err != nil {
				continue
			}
			readAllOf(d)
			d.Close()
		}
	})
}

// rightened repairs the checksums of a mutated file as far as they can be found.
func rightened(data []byte) []byte {
	b := slices.Clone(data)
	if len(b) < footerSize {
		return b
	}
	le := func(at int) int {
		return int(uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16 | uint32(b[at+3])<<24)
	}
	put := func(at int, v uint32) {
		b[at], b[at+1], b[at+2], b[at+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	at, end := le(len(b)-footerSize), len(b)-footerSize
	if at < 0 || at > end {
		return b
	}
	for e := at; e+dirEntry <= end; e += dirEntry {
		from, n, s := le(e+12), le(e+8), le(e+20)
		if from < 0 || n < 0 || s < 0 || from > at || n > at || s > at || from+28*n+s > at {
			continue
		}
		put(e+28, sum(b[from:from+16*n]))
		put(e+32, sum(b[from+16*n:from+28*n+s]))
	}
	put(len(b)-4, sum(b[at:end]))
	return b
}

// TestPowerCut: whatever the moment, what the manifest named is there, and what
// it did not name is as if it had never been.
func TestPowerCut(t *testing.T) {
	rnd := seed(t)
	for range 150 {
		fs := newFolder(t)
		faulty := disk.NewFaulty(fs)
		d, m := open(t, faulty, nil), newModel()
		var files []FileInfo
		named := m.clone()
		faulty.FailFrom(1+rnd.IntN(60), errors.New("power"))
		for step := 0; ; step++ {
			ids := make([]int, 1+rnd.IntN(60))
			for i := range ids {
				ids[i] = rnd.IntN(2000)
			}
			m.resolve(t, d, ids)
			info, some, err := d.Flush()
			if err != nil {
				break
			}
			if some {
				files = append(files, info)
			}
			named = m.clone()
			if step%4 == 3 {
				out, err := d.Merge()
				if err != nil {
					break
				}
				files = out
			}
			if step%7 == 5 {
				keep := map[Ref]bool{}
				for n, r := range named.refs {
					keep[r] = n%5 != 0
				}
				out, _, err := d.Drop(func(r Ref) bool { return keep[r] })
				if err != nil {
					if _, _, err := d.Flush(); !errors.Is(err, ErrHalfway) {
						t.Fatalf("after a failed drop the dictionary goes on: %v", err)
					}
					break
				}
				files = out
				for n, r := range named.refs {
					if !keep[r] {
						delete(named.refs, n)
					}
				}
				m = named.clone()
			}
			if rnd.IntN(8) == 0 {
				break
			}
		}
		after := fs.Crash(rnd)
		again := open(t, after, files)
		named.check(t, again)
		if err := again.Clean(files); err != nil {
			t.Fatal(err)
		}
		if names, _ := after.List(folder); len(names) != len(files) {
			t.Fatalf("files left: %v, live: %v", names, files)
		}
		named.resolve(t, again, []int{rnd.IntN(2000), 5000, 5001})
		info, _, err := again.Flush()
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
		again = open(t, after, append(files, info))
		named.check(t, again)
	}
}

// TestOrder pins what is done to the disk, in which order.
func TestOrder(t *testing.T) {
	fs := disk.NewFaulty(newFolder(t))
	d := open(t, fs, nil)
	d.Resolve([]pseudonym.Pseudonym{{1}}, nil, func(int) []byte { return nil }, make([]Ref, 1))
	if _, _, err := d.Flush(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"create d/ids-0000000001.dict.tmp",
		"write d/ids-0000000001.dict.tmp",
		"sync d/ids-0000000001.dict.tmp",
		"rename d/ids-0000000001.dict.tmp d/ids-0000000001.dict",
		"syncdir d",
	}
	if diff := cmp.Diff(want, fs.Log()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReportedAsFailed: an operation that was carried out but reported as failed
// leaves a dictionary that can go on or be opened again.
func TestReportedAsFailed(t *testing.T) {
	for n := 1; n <= 5; n++ {
		mem := newFolder(t)
		fs := disk.NewFaulty(mem)
		d, m := open(t, fs, nil), newModel()
		fs.FailAfter(n, errors.New("lost answer"))
		m.resolve(t, d, []int{1, 2, 3, 4})
		if _, _, err := d.Flush(); err == nil {
			t.Fatalf("operation %d: no error", n)
		}
		m.resolve(t, d, []int{3, 4, 5})
		info, _, err := d.Flush()
		if err != nil {
			t.Fatalf("operation %d: %v", n, err)
		}
		m.check(t, d)
		if err := d.Clean([]FileInfo{info}); err != nil {
			t.Fatal(err)
		}
		d.Close()
		m.check(t, open(t, mem.Crash(rand.New(rand.NewPCG(uint64(n), 1))), []FileInfo{info}))
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	fs := newFolder(t)
	names := []string{"sealer-00ff.header", "persons-0000000001.dict", "ids-x.dict", "ids-0000000002.seg"}
	for _, n := range names {
		write(t, fs, n, []byte("x"))
	}
	write(t, fs, "ids-0000000007.dict", []byte("x"))
	write(t, fs, "ids-0000000008.dict.tmp", []byte("x"))
	d := open(t, fs, nil)
	if err := d.Clean(nil); err != nil {
		t.Fatal(err)
	}
	left, _ := fs.List(folder)
	slices.Sort(names)
	if diff := cmp.Diff(names, left); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.next != 9 {
		t.Errorf("next file number %d, want 9", d.next)
	}
}

func TestErrorsNameNoId(t *testing.T) {
	d := open(t, newFolder(t), nil)
	_, err := d.Sealed(MakeRef(3, 4))
	if !errors.Is(err, ErrUnknown) || bytes.ContainsAny([]byte(err.Error()), "\x00") {
		t.Error(err)
	}
}
