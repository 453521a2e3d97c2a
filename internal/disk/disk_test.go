package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// every runs a test on each file system, rooted in an empty folder.
func every(t *testing.T, test func(t *testing.T, fsys FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, OS, t.TempDir()) })
	t.Run("mem", func(t *testing.T) { test(t, memWith(t, "d"), "d") })
	t.Run("faulty", func(t *testing.T) { test(t, NewFaulty(memWith(t, "d")), "d") })
}

func memWith(t *testing.T, dir string) *Mem {
	t.Helper()
	m := NewMem()
	if err := m.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	return m
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func write(t *testing.T, f io.Writer, s string) {
	t.Helper()
	if n, err := io.WriteString(f, s); err != nil || n != len(s) {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func TestFiles(t *testing.T) {
	every(t, func(t *testing.T, fsys FS, dir string) {
		name := path.Join(dir, "a")
		if _, err := fsys.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open of a missing file: %v", err)
		}
		if _, err := fsys.Create(path.Join(dir, "none", "a")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("create in a missing folder: %v", err)
		}
		f := must(fsys.CreateNew(name))(t)
		write(t, f, "hello, ")
		write(t, f, "disk")
		if _, err := fsys.CreateNew(name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("second CreateNew: %v", err)
		}
		buf := make([]byte, 4)
		if n, err := f.ReadAt(buf, 7); n != 4 || err != nil || string(buf) != "disk" {
			t.Errorf("ReadAt: %d, %v, %q", n, err, buf)
		}
		if n, err := f.ReadAt(buf, 9); n != 2 || err != io.EOF {
			t.Errorf("ReadAt over the end: %d, %v", n, err)
		}
		if err := f.Truncate(5); err != nil {
			t.Fatal(err)
		}
		if n, err := f.Size(); n != 5 || err != nil {
			t.Errorf("size: %d, %v", n, err)
		}
		write(t, f, "!") // Truncate does not move the position: a hole
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := must(ReadFile(fsys, name))(t); string(got) != "hello\x00\x00\x00\x00\x00\x00!" {
			t.Errorf("content %q", got)
		}

		f = must(fsys.OpenAppend(name))(t)
		if err := f.Truncate(2); err != nil {
			t.Fatal(err)
		}
		write(t, f, "y") // goes to the new end
		f.Close()
		if got := must(ReadFile(fsys, name))(t); string(got) != "hey" {
			t.Errorf("content %q", got)
		}

		f = must(fsys.Open(name))(t)
		if _, err := f.Write([]byte("x")); err == nil {
			t.Error("a file opened for reading was written")
		}
		if got := must(io.ReadAll(f))(t); string(got) != "hey" {
			t.Errorf("read %q", got)
		}
		f.Close()
		if err := f.Sync(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("sync of a closed file: %v", err)
		}

		must(fsys.Create(name))(t).Close()
		if got := must(ReadFile(fsys, name))(t); len(got) != 0 {
			t.Errorf("Create kept %q", got)
		}
	})
}

func TestNames(t *testing.T) {
	every(t, func(t *testing.T, fsys FS, dir string) {
		sub := path.Join(dir, "x", "y")
		for range 2 {
			if err := fsys.MkdirAll(sub); err != nil {
				t.Fatal(err)
			}
		}
		for _, n := range []string{"b", "a", "c"} {
			if err := WriteFile(fsys, path.Join(sub, n), []byte(n)); err != nil {
				t.Fatal(err)
			}
		}
		if got := must(fsys.List(sub))(t); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("list %q", got)
		}
		if _, err := fsys.List(path.Join(dir, "z")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("list of a missing folder: %v", err)
		}
		if err := fsys.MkdirAll(path.Join(sub, "a", "b")); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("a folder below a file: %v", err)
		}
		if err := fsys.Remove(path.Join(dir, "x")); err == nil {
			t.Error("a folder with something in it was removed")
		}
		// An open file outlives its name.
		f := must(fsys.Open(path.Join(sub, "b")))(t)
		if err := fsys.Rename(path.Join(sub, "a"), path.Join(sub, "b")); err != nil {
			t.Fatal(err)
		}
		if got := must(io.ReadAll(f))(t); string(got) != "b" {
			t.Errorf("the open file reads %q", got)
		}
		f.Close()
		if got := must(ReadFile(fsys, path.Join(sub, "b")))(t); string(got) != "a" {
			t.Errorf("renamed file reads %q", got)
		}
		if err := fsys.Rename(path.Join(sub, "a"), path.Join(sub, "q")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("rename of a missing file: %v", err)
		}
		if err := fsys.Remove(path.Join(sub, "a")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove of a missing file: %v", err)
		}
		st := must(fsys.Stat(path.Join(sub, "b")))(t)
		if st.Size() != 1 || st.IsDir() || st.Mode().Perm() != 0o600 || st.Name() != "b" {
			t.Errorf("stat: %v", st)
		}
		if st := must(fsys.Stat(sub))(t); !st.IsDir() || st.Mode().Perm() != 0o700 {
			t.Errorf("stat of a folder: %v", st)
		}
		if err := fsys.RemoveAll(path.Join(dir, "x")); err != nil {
			t.Fatal(err)
		}
		if err := fsys.RemoveAll(path.Join(dir, "x")); err != nil {
			t.Errorf("RemoveAll of nothing: %v", err)
		}
		if got := must(fsys.List(dir))(t); len(got) != 0 {
			t.Errorf("left %q", got)
		}
		if n := must(fsys.Free(dir))(t); n == 0 {
			t.Error("no free bytes")
		}
	})
}

func TestLock(t *testing.T) {
	every(t, func(t *testing.T, fsys FS, dir string) {
		name := path.Join(dir, "LOCK")
		l := must(fsys.Lock(name))(t)
		if _, err := fsys.Lock(name); !errors.Is(err, ErrLocked) {
			t.Fatalf("second lock: %v", err)
		}
		l.Close()
		l = must(fsys.Lock(name))(t)
		l.Close()
		if got := must(fsys.List(dir))(t); !slices.Equal(got, []string{"LOCK"}) {
			t.Errorf("list %q", got)
		}
	})
}

func TestLimit(t *testing.T) {
	m := memWith(t, "d")
	m.Limit(10)
	f := must(m.Create("d/a"))(t)
	write(t, f, "123456")
	n, err := f.Write([]byte("789abc"))
	if n != 4 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("write over the limit: %d, %v", n, err)
	}
	if err := f.Truncate(8); err != nil {
		t.Fatal(err)
	}
	if free := must(m.Free("d"))(t); free != 2 {
		t.Errorf("free %d", free)
	}
	g := must(m.Create("d/b"))(t)
	write(t, g, "12")
	if err := m.Remove("d/a"); err != nil {
		t.Fatal(err)
	}
	if free := must(m.Free("d"))(t); free != 8 {
		t.Errorf("free %d after remove", free)
	}
	write(t, g, "34")
	if err := m.Rename("d/b", "d/c"); err != nil {
		t.Fatal(err)
	}
	if free := must(m.Free("d"))(t); free != 6 {
		t.Errorf("free %d after rename", free)
	}
}

// TestMemBehavesLikeOS drives both with one random history.
func TestMemBehavesLikeOS(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		roots := []struct {
			fs  FS
			dir string
		}{{OS, t.TempDir()}, {memWith(t, "r"), "r"}}
		files := [2]File{}
		for step := range 200 {
			op, a, b := rnd.IntN(11), fmt.Sprintf("f%d", rnd.IntN(4)), fmt.Sprintf("f%d", rnd.IntN(4))
			size, data := rnd.Int64N(3000), make([]byte, rnd.IntN(2000))
			for i := range data {
				data[i] = byte(rnd.IntN(256))
			}
			var said [2]string
			for i, r := range roots {
				var err error
				var got []byte
				name := path.Join(r.dir, a)
				reopen := func(f File, e error) {
					if err = e; e == nil {
						if files[i] != nil {
							files[i].Close()
						}
						files[i] = f
					}
				}
				switch op {
				case 0:
					reopen(r.fs.Create(name))
				case 1:
					reopen(r.fs.CreateNew(name))
				case 2:
					reopen(r.fs.OpenAppend(name))
				case 3:
					reopen(r.fs.Open(name))
				case 4:
					err = r.fs.Rename(name, path.Join(r.dir, b))
				case 5:
					err = r.fs.Remove(name)
				case 6, 7:
					if files[i] != nil {
						_, err = files[i].Write(data)
					}
				case 8:
					if files[i] != nil {
						err = files[i].Truncate(size)
					}
				case 9:
					if files[i] != nil {
						got = make([]byte, len(data))
						var n int
						n, err = files[i].Read(got)
						got = got[:n]
					}
				case 10:
					got, err = ReadFile(r.fs, name)
				}
				kind := "ok"
				switch {
				case errors.Is(err, fs.ErrNotExist):
					kind = "missing"
				case errors.Is(err, fs.ErrExist):
					kind = "exists"
				case errors.Is(err, io.EOF):
					kind = "end"
				case err != nil:
					kind = "failed"
				}
				names, _ := r.fs.List(r.dir)
				said[i] = fmt.Sprintf("%s %x %q", kind, got, names)
			}
			if said[0] != said[1] {
				t.Fatalf("seed %d step %d op %d on %s %s:\n os  %.200s\n mem %.200s", seed, step, op, a, b, said[0], said[1])
			}
		}
		for _, f := range files {
			if f != nil {
				f.Close()
			}
		}
	}
}

func TestWriteFileOrder(t *testing.T) {
	f := NewFaulty(memWith(t, "d"))
	if err := WriteFile(f, "d/a", []byte("new")); err != nil {
		t.Fatal(err)
	}
	want := "create d/a.tmp\nwrite d/a.tmp\nsync d/a.tmp\nrename d/a.tmp d/a\nsyncdir d"
	if got := strings.Join(f.Log(), "\n"); got != want {
		t.Errorf("order of operations:\n%s\nwant:\n%s", got, want)
	}
}

// TestWriteFileCut cuts the power, and fails, at every operation of a WriteFile.
func TestWriteFileCut(t *testing.T) {
	old, fresh := bytes.Repeat([]byte("old "), 400), bytes.Repeat([]byte("fresh "), 700)
	type way struct {
		name string
		set  func(f *Faulty, n int)
	}
	for _, w := range []way{
		{"cut", func(f *Faulty, n int) { f.FailFrom(n, ErrCrashed) }},
		{"refused", func(f *Faulty, n int) { f.FailAt(n, syscall.EIO) }},
		{"done", func(f *Faulty, n int) { f.FailAfter(n, syscall.EIO) }},
		{"short", func(f *Faulty, n int) { f.FailShort(n, syscall.ENOSPC) }},
	} {
		t.Run(w.name, func(t *testing.T) {
			for n := 1; ; n++ {
				m := memWith(t, "d")
				if err := WriteFile(m, "d/a", old); err != nil {
					t.Fatal(err)
				}
				f := NewFaulty(m)
				w.set(f, n)
				failed := WriteFile(f, "d/a", fresh)
				for seed := range uint64(50) {
					left := m.Crash(rand.New(rand.NewPCG(seed, 2)))
					got := must(ReadFile(left, "d/a"))(t)
					if !bytes.Equal(got, fresh) && (failed == nil || !bytes.Equal(got, old)) {
						t.Fatalf("operation %d, seed %d: %d bytes left, error %v", n, seed, len(got), failed)
					}
				}
				if f.Ops() < n {
					if failed != nil {
						t.Fatal(failed)
					}
					break
				}
			}
		})
	}
}
