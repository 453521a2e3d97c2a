package dictionary

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// seed is drawn anew for each run; HAETAE_SEED repeats one.
func seed(t testing.TB) *rand.Rand {
	n := rand.Uint64()
	if s := os.Getenv("HAETAE_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with HAETAE_SEED=%d go test -run '^%s$' ./ledger/dictionary", n, t.Name())
		}
	})
	return rand.New(rand.NewPCG(n, 1))
}

const folder = "d"

func newFolder(t testing.TB) *disk.Mem {
	fs := disk.NewMem()
	if err := fs.MkdirAll(folder); err != nil {
		t.Fatal(err)
	}
	return fs
}

func open(t testing.TB, fs disk.FS, files []FileInfo) *Dictionary {
	t.Helper()
	d, err := Open(fs, folder, "ids", files)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// crowded makes pseudonyms of few partitions that share most of their bytes, so
// that probes collide and tags repeat.
func crowded(n int) pseudonym.Pseudonym {
	k := numbered(uint64(n))
	k[0] %= 3
	if n%2 == 0 {
		k[1], k[2], k[3] = 7, 7, byte(n%4)
	}
	return k
}

func sealedOf(n int) []byte { return fmt.Appendf(nil, "sealed %d", n) }

// model is what a dictionary ought to hold: a map.
type model struct {
	refs   map[int]Ref // by the number that makes the pseudonym
	counts [Partitions]uint32
}

func newModel() *model { return &model{refs: map[int]Ref{}} }

func (m *model) clone() *model {
	return &model{maps.Clone(m.refs), m.counts}
}

// resolve gives ids ordinals in both and compares.
func (m *model) resolve(t *testing.T, d *Dictionary, ids []int) {
	t.Helper()
	ks, buckets, out := make([]pseudonym.Pseudonym, len(ids)), make([]uint64, len(ids)), make([]Ref, len(ids))
	for i, n := range ids {
		ks[i], buckets[i] = crowded(n), uint64(n/1024)
	}
	var scratch []byte // reused on purpose
	if err := d.Resolve(ks, buckets, func(i int) []byte {
		scratch = append(scratch[:0], sealedOf(ids[i])...)
		return scratch
	}, out); err != nil {
		t.Fatal(err)
	}
	for i, n := range ids {
		want, ok := m.refs[n]
		if !ok {
			p := ks[i][0]
			want = MakeRef(p, m.counts[p])
			m.counts[p]++
			m.refs[n] = want
		}
		if out[i] != want {
			t.Fatalf("id %d got ordinal %x, want %x", n, out[i], want)
		}
	}
}

func (m *model) check(t *testing.T, d *Dictionary) {
	t.Helper()
	for n, want := range m.refs {
		got, ok, err := d.Lookup(crowded(n))
		if err != nil || !ok || got != want {
			t.Fatalf("lookup %d: %x, %v, %v, want %x", n, got, ok, err, want)
		}
		if k, err := d.Pseudonym(want); err != nil || k != crowded(n) {
			t.Fatalf("pseudonym of %x: %v, %v", want, k, err)
		}
		if s, err := d.Sealed(want); err != nil || !bytes.Equal(s, sealedOf(n)) {
			t.Fatalf("sealed id of %x: %q, %v", want, s, err)
		}
	}
	for n := -20; n < 0; n++ {
		if _, ok, err := d.Lookup(crowded(n)); ok || err != nil {
			t.Fatalf("found an id that was never given: %v", err)
		}
	}
	total := uint64(0)
	got := map[int]Ref{}
	for p := range Partitions {
		if d.Count(p) != m.counts[p] {
			t.Fatalf("partition %d: count %d, want %d", p, d.Count(p), m.counts[p])
		}
		total += uint64(m.counts[p])
		last := -1
		err := d.Each(p, func(e Entry) error {
			n, err := strconv.Atoi(strings.TrimPrefix(string(e.Sealed), "sealed "))
			if err != nil {
				return err
			}
			if e.Pseudonym != crowded(n) || e.Bucket != uint64(n/1024) || e.Ref.Part() != p || int(e.Ref.Local()) <= last {
				return fmt.Errorf("entry %d out of place: %x", n, e.Ref)
			}
			last = int(e.Ref.Local())
			got[n] = e.Ref
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(m.refs, got); diff != "" {
		t.Fatalf("Each (-want +got):\n%s", diff)
	}
	if d.Total() != total {
		t.Fatalf("total %d, want %d", d.Total(), total)
	}
}

// TestEqualsMap does random things to a dictionary and to a map.
func TestEqualsMap(t *testing.T) {
	rnd := seed(t)
	for range 12 {
		fs := newFolder(t)
		var files []FileInfo
		d, m := open(t, fs, nil), newModel()
		named := m.clone() // what the files hold
		for range 60 {
			switch rnd.IntN(9) {
			case 0, 1, 2, 3:
				ids := make([]int, rnd.IntN(300))
				for i := range ids {
					ids[i] = rnd.IntN(4000)
				}
				m.resolve(t, d, ids)
			case 4, 5:
				info, some, err := d.Flush()
				if err != nil {
					t.Fatal(err)
				}
				if some {
					files = append(files, info)
				}
				named = m.clone()
			case 6: // the machine stops; what was not named never was
				d.Close()
				d, m = open(t, fs, files), named.clone()
			case 7:
				out, err := d.Merge()
				if err != nil {
					t.Fatal(err)
				}
				files = out
			case 8:
				if rnd.IntN(3) > 0 {
					continue
				}
				gone := map[Ref]bool{}
				for n, r := range named.refs {
					if n%3 == rnd.IntN(3) {
						gone[r] = true
					}
				}
				out, n, err := d.Drop(func(r Ref) bool { return !gone[r] })
				if err != nil {
					t.Fatal(err)
				}
				if int(n) != len(gone) {
					t.Fatalf("%d entries dropped, want %d", n, len(gone))
				}
				files = out
				for _, of := range []*model{m, named} {
					maps.DeleteFunc(of.refs, func(_ int, r Ref) bool { return gone[r] })
				}
				for r := range gone {
					if _, err := d.Sealed(r); !errors.Is(err, ErrDropped) {
						t.Fatalf("sealed id of a destroyed entry: %v", err)
					}
					if _, err := d.Pseudonym(r); !errors.Is(err, ErrDropped) {
						t.Fatalf("pseudonym of a destroyed entry: %v", err)
					}
				}
			}
			if err := d.Clean(files); err != nil {
				t.Fatal(err)
			}
			if names, _ := fs.List(folder); len(names) != len(files) {
				t.Fatalf("%d files are left, %d live", len(names), len(files))
			}
		}
		m.check(t, d)
		d.Close()
		d = open(t, fs, files)
		named.check(t, d)
		d.Close()
	}
}

// TestDroppedLeavesNoBytes: what retention destroyed is not in any file.
func TestDroppedLeavesNoBytes(t *testing.T) {
	fs := newFolder(t)
	d, m := open(t, fs, nil), newModel()
	for at := 0; at < 500; at += 100 {
		ids := make([]int, 100)
		for i := range ids {
			ids[i] = at + i
		}
		m.resolve(t, d, ids)
		if _, _, err := d.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	victim := m.refs[123]
	files, n, err := d.Drop(func(r Ref) bool { return r != victim })
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if err := d.Clean(files); err != nil {
		t.Fatal(err)
	}
	names, _ := fs.List(folder)
	for _, name := range names {
		data, err := disk.ReadFile(fs, path.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		k := crowded(123)
		if bytes.Contains(data, k[:]) || bytes.Contains(data, sealedOf(123)) {
			t.Errorf("%s still holds the destroyed entry", name)
		}
		other := crowded(124)
		if !bytes.Contains(data, other[:]) {
			t.Errorf("%s has lost another entry", name)
		}
	}
	// It comes back as somebody new.
	delete(m.refs, 123)
	m.resolve(t, d, []int{123})
	if m.refs[123] == victim {
		t.Error("an ordinal was given out twice")
	}
	m.check(t, d)
}

// TestUnflushed: a sealed id has to go into the journal until the file that
// holds it is certainly named, however many flushes that takes.
func TestUnflushed(t *testing.T) {
	fs := newFolder(t)
	d, m := open(t, fs, nil), newModel()
	m.resolve(t, d, []int{1, 2, 3})
	has := func(n int) bool { return bytes.Equal(d.Unflushed(m.refs[n]), sealedOf(n)) }
	if !has(1) || !has(3) {
		t.Fatal("a new entry is not shown as unflushed")
	}
	d.Flush()
	if !has(1) {
		t.Fatal("after the flush the manifest may still fail: the entry must go on being shown")
	}
	m.resolve(t, d, []int{4})
	for range 3 {
		d.Flush()
		if !has(1) || !has(4) {
			t.Fatal("an entry of a flush that nobody committed is not shown any more")
		}
	}
	m.check(t, d)
	m.resolve(t, d, []int{5})
	d.Committed()
	if has(1) || has(4) || d.Unflushed(m.refs[1]) != nil {
		t.Fatal("a committed entry is still kept in memory")
	}
	if !has(5) {
		t.Fatal("an entry that came after the flush is not shown")
	}
	m.check(t, d)
}

func TestMergeLeavesFewFiles(t *testing.T) {
	rnd := seed(t)
	fs := newFolder(t)
	d, m := open(t, fs, nil), newModel()
	written := uint64(0)
	for range 200 {
		ids := make([]int, 1+rnd.IntN(40))
		for i := range ids {
			ids[i] = rnd.IntN(1 << 30)
		}
		m.resolve(t, d, ids)
		if _, _, err := d.Flush(); err != nil {
			t.Fatal(err)
		}
		before, _ := fs.List(folder)
		files, err := d.Merge()
		if err != nil {
			t.Fatal(err)
		}
		if len(files) > maxRuns {
			t.Fatalf("%d files are left", len(files))
		}
		if last := files[len(files)-1]; !slices.Contains(before, last.Name) {
			written += last.Entries
		}
		if err := d.Clean(files); err != nil {
			t.Fatal(err)
		}
	}
	m.check(t, d)
	if times := float64(written) / float64(d.Total()); times > 6 {
		t.Errorf("merges wrote each entry %.1f times", times)
	}
}

// TestSideBySide runs everything at once; the race detector is the judge.
func TestSideBySide(t *testing.T) {
	fs := newFolder(t)
	d := open(t, fs, nil)
	const ids = 3000
	var wg sync.WaitGroup
	var got [4][ids]Ref
	for w := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for at := 0; at < ids; at += 100 {
				ks := make([]pseudonym.Pseudonym, 100)
				for i := range ks {
					ks[i] = crowded(at + i)
				}
				if err := d.Resolve(ks, nil, func(i int) []byte { return sealedOf(at + i) }, got[w][at:at+100]); err != nil {
					t.Error(err)
				}
				for i, r := range got[w][at : at+100] {
					if s, err := d.Sealed(r); err != nil || !bytes.Equal(s, sealedOf(at+i)) {
						t.Errorf("sealed id %d: %q, %v", at+i, s, err)
					}
				}
			}
		}()
	}
	done := make(chan struct{})
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, _, err := d.Flush(); err != nil {
				t.Error(err)
			}
			if files, err := d.Merge(); err != nil {
				t.Error(err)
			} else if err := d.Clean(files); err != nil {
				t.Error(err)
			}
			if _, _, err := d.Drop(func(Ref) bool { return true }); err != nil {
				t.Error(err)
			}
		}
	}()
	wg.Add(1)
	go func() {
		defer wg.Done()
		for range 50 {
			for p := range 3 {
				last := -1
				if err := d.Each(p, func(e Entry) error {
					if int(e.Ref.Local()) != last+1 {
						return fmt.Errorf("place %d follows %d", e.Ref.Local(), last)
					}
					last++
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		}
		close(done)
	}()
	wg.Wait()
	for w := range got {
		if got[w] != got[0] {
			t.Error("two callers got different ordinals for one id")
		}
	}
	d.Close()
}

func TestFull(t *testing.T) {
	fs := newFolder(t)
	d := open(t, fs, nil)
	p := &d.parts[0]
	p.loaded, p.count = true, noLocal
	err := d.Resolve([]pseudonym.Pseudonym{{}}, nil, func(int) []byte { return nil }, make([]Ref, 1))
	if !errors.Is(err, ErrFull) {
		t.Errorf("count: %v", err)
	}
	p.count, p.sealed = 0, 1<<32-1
	err = d.Resolve([]pseudonym.Pseudonym{{}}, nil, func(int) []byte { return []byte("x") }, make([]Ref, 1))
	if !errors.Is(err, ErrFull) {
		t.Errorf("bytes: %v", err)
	}
}

func TestRef(t *testing.T) {
	r := MakeRef(200, 12345)
	if r.Part() != 200 || r.Local() != 12345 || !r.IsAccount() {
		t.Errorf("%x", r)
	}
	if n := NoAccount(200); n.IsAccount() || n.Part() != 200 {
		t.Errorf("%x", n)
	}
}
