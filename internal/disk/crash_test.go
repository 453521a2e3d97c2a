package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
)

// outcomes crashes m many times and counts what describe says about the rests.
func outcomes(m *Mem, describe func(*Mem) string) map[string]int {
	seen := map[string]int{}
	for seed := range uint64(400) {
		seen[describe(m.Crash(rand.New(rand.NewPCG(seed, 3))))]++
	}
	return seen
}

func content(name string) func(*Mem) string {
	return func(m *Mem) string {
		b, err := ReadFile(m, name)
		if errors.Is(err, fs.ErrNotExist) {
			return "missing"
		}
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
}

func wantOutcomes(t *testing.T, got map[string]int, want ...string) {
	t.Helper()
	for _, w := range want {
		if got[w] == 0 {
			t.Errorf("never left %q; left %v", w, got)
		}
		delete(got, w)
	}
	if len(got) > 0 {
		t.Errorf("left %v as well", got)
	}
}

func TestCrashNames(t *testing.T) {
	start := func(t *testing.T) *Mem {
		m := memWith(t, "d")
		if err := WriteFile(m, "d/a", []byte("A")); err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Run("created", func(t *testing.T) {
		m := start(t)
		f := must(m.Create("d/b"))(t)
		write(t, f, "B")
		f.Sync() // the content, not the name
		wantOutcomes(t, outcomes(m, content("d/b")), "missing", "B")
		m = start(t)
		f = must(m.Create("d/b"))(t)
		write(t, f, "B")
		m.SyncDir("d") // the name, not the content
		wantOutcomes(t, outcomes(m, content("d/b")), "", "\x00", "B")
		m = start(t)
		f = must(m.Create("d/b"))(t)
		write(t, f, "B")
		f.Sync()
		m.SyncDir("d")
		wantOutcomes(t, outcomes(m, content("d/b")), "B")
	})
	t.Run("removed", func(t *testing.T) {
		m := start(t)
		m.Remove("d/a")
		wantOutcomes(t, outcomes(m, content("d/a")), "missing", "A")
		m = start(t)
		m.Remove("d/a")
		m.SyncDir("d")
		wantOutcomes(t, outcomes(m, content("d/a")), "missing")
	})
	both := func(m *Mem) string { return content("d/a")(m) + " " + content("d/b")(m) }
	t.Run("renamed", func(t *testing.T) {
		m := start(t)
		m.Rename("d/a", "d/b")
		wantOutcomes(t, outcomes(m, both), "A missing", "missing A")
		m = start(t)
		m.Rename("d/a", "d/b")
		m.SyncDir("d")
		wantOutcomes(t, outcomes(m, both), "missing A")
	})
	t.Run("replaced", func(t *testing.T) {
		m := start(t)
		if err := WriteFile(m, "d/b", []byte("B")); err != nil {
			t.Fatal(err)
		}
		m.Rename("d/a", "d/b")
		wantOutcomes(t, outcomes(m, both), "A B", "missing A")
	})
	t.Run("moved to another folder", func(t *testing.T) {
		m := start(t)
		m.MkdirAll("e")
		m.Rename("d/a", "e/a")
		m.SyncDir("e")
		wantOutcomes(t, outcomes(m, func(m *Mem) string { return content("d/a")(m) + " " + content("e/a")(m) }), "missing A")
	})
	t.Run("other folders are not synced", func(t *testing.T) {
		m := start(t)
		m.MkdirAll("d/e")
		f := must(m.Create("d/e/x"))(t)
		f.Close()
		m.SyncDir("d")
		wantOutcomes(t, outcomes(m, content("d/e/x")), "missing", "")
	})
}

func TestCrashContent(t *testing.T) {
	m := memWith(t, "d")
	if err := WriteFile(m, "d/a", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	f := must(m.OpenAppend("d/a"))(t)
	if err := f.Truncate(4); err != nil {
		t.Fatal(err)
	}
	got := outcomes(m, content("d/a"))
	wantOutcomes(t, got, "0123456789", "0123")
	f.Close()

	// Sectors of one write survive each by itself.
	m = memWith(t, "d")
	if err := WriteFile(m, "d/a", nil); err != nil {
		t.Fatal(err)
	}
	f = must(m.OpenAppend("d/a"))(t)
	write(t, f, string(bytes.Repeat([]byte{1}, 3*sector)))
	hole, cut, torn := false, false, false
	for left := range outcomes(m, content("d/a")) {
		b := []byte(left)
		cut = cut || len(b) < 3*sector
		torn = torn || len(b)%sector != 0
		hole = hole || len(b) == 3*sector && b[0] == 0 && b[2*sector] == 1
	}
	if !hole || !cut || !torn {
		t.Errorf("a crash never left a hole (%v), a cut (%v), a torn sector (%v)", hole, cut, torn)
	}
}

// TestDroppedSync: after a sync that failed as on Linux, a second one succeeds
// and the content is not there all the same, unless it was written again.
func TestDroppedSync(t *testing.T) {
	start := func() (*Mem, *Faulty, File) {
		m := memWith(t, "d")
		if err := WriteFile(m, "d/a", []byte("old")); err != nil {
			t.Fatal(err)
		}
		f := NewFaulty(m)
		file := must(f.OpenAppend("d/a"))(t)
		write(t, file, "new")
		f.FailDropping(1, syscall.EIO)
		if err := file.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		if got := content("d/a")(m); got != "oldnew" {
			t.Fatalf("the cache has %q", got)
		}
		return m, f, file
	}
	m, _, file := start()
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, outcomes(m, content("d/a")), "old\x00\x00\x00", "oldnew")
	m, _, file = start()
	if err := file.Truncate(3); err != nil {
		t.Fatal(err)
	}
	write(t, file, "again")
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, outcomes(m, content("d/a")), "oldagain")
}

func TestCrashedHandles(t *testing.T) {
	m := memWith(t, "d")
	f := must(m.Create("d/a"))(t)
	write(t, f, "x")
	l := must(m.Lock("d/LOCK"))(t)
	left := m.Crash(rand.New(rand.NewPCG(1, 1)))
	_, werr := f.Write([]byte("y"))
	_, rerr := f.ReadAt(make([]byte, 1), 0)
	_, oerr := m.Open("d/a")
	_, lerr := m.List("d")
	for i, err := range []error{werr, rerr, oerr, lerr, f.Sync(), f.Truncate(0), m.SyncDir("d"), m.Remove("d/a"), f.Close()} {
		if !errors.Is(err, ErrCrashed) {
			t.Errorf("%d: %v, want ErrCrashed", i, err)
		}
	}
	must(left.Lock("d/LOCK"))(t)
	l.Close()
	if _, err := left.Lock("d/LOCK"); !errors.Is(err, ErrLocked) {
		t.Errorf("the dead process freed the lock of the living one: %v", err)
	}
}

// TestCrashKeepsTheSynced makes random histories and checks the one promise of
// a disk: what was synced, under a name that was synced, is there; and what is
// there besides was written at some time.
func TestCrashKeepsTheSynced(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		m := memWith(t, "d")
		var have [4][]byte // content of each file
		var safe [4]int    // of which this much is synced; the rest is unsynced appends
		var files [4]File
		for range rnd.IntN(40) {
			i := rnd.IntN(4)
			name := fmt.Sprintf("d/%d", i)
			switch {
			case files[i] == nil:
				files[i] = must(m.OpenAppend(name))(t)
				if err := m.SyncDir("d"); err != nil {
					t.Fatal(err)
				}
			case rnd.IntN(3) == 0:
				if err := files[i].Sync(); err != nil {
					t.Fatal(err)
				}
				safe[i] = len(have[i])
			default:
				p := bytes.Repeat([]byte{byte(1 + rnd.IntN(255))}, rnd.IntN(2000))
				write(t, files[i], string(p))
				have[i] = append(have[i], p...)
			}
		}
		for again := range 5 {
			left := m.Crash(rnd)
			for i, f := range files {
				if f == nil {
					continue
				}
				got := must(ReadFile(left, fmt.Sprintf("d/%d", i)))(t)
				if len(got) < safe[i] || len(got) > len(have[i]) || !bytes.Equal(got[:safe[i]], have[i][:safe[i]]) {
					t.Fatalf("seed %d, crash %d: file %d lost synced content: %d of %d bytes", seed, again, i, len(got), safe[i])
				}
				for k := safe[i]; k < len(got); k++ {
					if got[k] != 0 && got[k] != have[i][k] {
						t.Fatalf("seed %d, crash %d: file %d byte %d was never written", seed, again, i, k)
					}
				}
				// What two crashed states share must not be changed through one.
				h := must(left.OpenAppend(fmt.Sprintf("d/%d", i)))(t)
				write(t, h, "left over")
				if err := h.Truncate(0); err != nil {
					t.Fatal(err)
				}
				write(t, h, "something else altogether")
			}
		}
	}
}

func TestCrashRepeats(t *testing.T) {
	build := func() *Mem {
		m := memWith(t, "d")
		for i := range 20 {
			f := must(m.Create(fmt.Sprintf("d/%d", i)))(t)
			write(t, f, string(bytes.Repeat([]byte{byte(i)}, 1500)))
			if i%3 == 0 {
				m.SyncDir("d")
			}
			if i%4 == 0 {
				m.Rename(fmt.Sprintf("d/%d", i), fmt.Sprintf("d/x%d", i))
			}
			if i%5 == 0 {
				m.RemoveAll(fmt.Sprintf("d/%d", i/2))
			}
		}
		return m
	}
	dump := func(m *Mem) string {
		out := ""
		for _, n := range must(m.List("d"))(t) {
			out += fmt.Sprintf("%s=%x\n", n, must(ReadFile(m, "d/"+n))(t))
		}
		return out
	}
	for seed := range uint64(20) {
		a := dump(build().Crash(rand.New(rand.NewPCG(seed, 5))))
		b := dump(build().Crash(rand.New(rand.NewPCG(seed, 5))))
		if a != b {
			t.Fatalf("seed %d does not repeat", seed)
		}
	}
}

func TestMemConcurrently(t *testing.T) {
	m := memWith(t, "d")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 50 {
				name := fmt.Sprintf("d/%d-%d", i, k)
				if err := WriteFile(m, name, []byte(name)); err != nil {
					t.Error(err)
				}
				if got, err := ReadFile(m, name); err != nil || string(got) != name {
					t.Errorf("%s: %q, %v", name, got, err)
				}
				m.List("d")
			}
		})
	}
	wg.Wait()
}

func TestFaulty(t *testing.T) {
	run := func(f *Faulty) (errs []error) {
		file, err := f.Create("d/a")
		errs = append(errs, err)
		if err != nil {
			return errs
		}
		_, err = file.Write([]byte("abcd"))
		return append(errs, err, file.Sync(), f.Rename("d/a", "d/b"))
	}
	for _, c := range []struct {
		name string
		set  func(*Faulty)
		bad  []bool
		a, b string
	}{
		{"nothing", func(f *Faulty) { f.FailAt(0, syscall.EIO) }, []bool{false, false, false, false}, "missing", "abcd"},
		{"at", func(f *Faulty) { f.FailAt(2, syscall.EIO) }, []bool{false, true, false, false}, "missing", ""},
		{"short", func(f *Faulty) { f.FailShort(2, syscall.EIO) }, []bool{false, true, false, false}, "missing", "ab"},
		{"after", func(f *Faulty) { f.FailAfter(4, syscall.EIO) }, []bool{false, false, false, true}, "missing", "abcd"},
		{"after create", func(f *Faulty) { f.FailAfter(1, syscall.EIO) }, []bool{true}, "", "missing"},
		{"from", func(f *Faulty) { f.FailFrom(3, syscall.EIO) }, []bool{false, false, true, true}, "abcd", "missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := memWith(t, "d")
			f := NewFaulty(m)
			c.set(f)
			errs := run(f)
			if len(errs) != len(c.bad) || f.Ops() != len(c.bad) || len(f.Log()) != len(c.bad) {
				t.Fatalf("%d steps, %d counted, log %q", len(errs), f.Ops(), f.Log())
			}
			for i, err := range errs {
				if errors.Is(err, syscall.EIO) != c.bad[i] {
					t.Errorf("step %d: %v", i, err)
				}
			}
			if a, b := content("d/a")(m), content("d/b")(m); a != c.a || b != c.b {
				t.Errorf("left a %q and b %q", a, b)
			}
		})
	}
}
