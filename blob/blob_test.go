package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/haetae/haetae/blob"
	"github.com/haetae/haetae/blob/blobtest"
	"github.com/haetae/haetae/internal/disk"
)

func TestFolder(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		blobtest.Run(t, func(t *testing.T) blob.Store { return folder(t, mem(t), "b") })
	})
	t.Run("disk", func(t *testing.T) {
		blobtest.Run(t, func(t *testing.T) blob.Store { return folder(t, disk.OS, t.TempDir()) })
	})
}

func mem(t *testing.T) *disk.Mem {
	m := disk.NewMem()
	if err := m.MkdirAll("b"); err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	return m
}

func folder(t *testing.T, fsys disk.FS, dir string) blob.Store {
	t.Helper()
	s, err := blob.Folder(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func putWhole(s blob.Store, name string, data []byte) error {
	_, err := s.Put(context.Background(), name, func(w io.Writer) error { _, err := w.Write(data); return err })
	return err
}

// TestOrder: what is durable before what. A rename before the sync would be a
// whole name for half a file.
func TestOrder(t *testing.T) {
	f := disk.NewFaulty(mem(t))
	f.FailAt(0, nil)
	if err := putWhole(folder(t, f, "b"), "a", []byte("data")); err != nil {
		t.Fatal(err)
	}
	want := []string{"create b/a.unfinished", "write b/a.unfinished", "sync b/a.unfinished", "rename b/a.unfinished b/a", "syncdir b"}
	if !slices.Equal(f.Log(), want) {
		t.Errorf("operations %q, want %q", f.Log(), want)
	}
}

// TestEveryOperationFails: a Put that fails leaves nothing that a later Put of
// the same name, after reopening, would trip over; a Put that returned is there
// after a power cut, whole; and none is there in part.
func TestEveryOperationFails(t *testing.T) {
	boom := errors.New("boom")
	data := bytes.Repeat([]byte("0123456789"), 1000)
	for _, how := range []func(*disk.Faulty, int){
		func(f *disk.Faulty, n int) { f.FailAt(n, boom) },
		func(f *disk.Faulty, n int) { f.FailAfter(n, boom) },
		func(f *disk.Faulty, n int) { f.FailShort(n, boom) },
		func(f *disk.Faulty, n int) { f.FailDropping(n, boom) },
		func(f *disk.Faulty, n int) { f.FailFrom(n, boom) },
	} {
		for n := 1; ; n++ {
			m := mem(t)
			f := disk.NewFaulty(m)
			s := folder(t, f, "b")
			how(f, n)
			err := putWhole(s, "a", data)
			if f.Ops() < n {
				break
			}
			if err != nil && !errors.Is(err, boom) {
				t.Fatalf("operation %d: %v", n, err)
			}
			after := m.Crash(rand.New(rand.NewPCG(uint64(n), 1)))
			s = folder(t, after, "b")
			list, lerr := s.List()
			if lerr != nil {
				t.Fatal(lerr)
			}
			switch {
			case len(list) == 0 && err == nil:
				t.Fatalf("operation %d: an acknowledged blob is gone", n)
			case len(list) == 1:
				b, oerr := s.Open("a")
				if oerr != nil {
					t.Fatal(oerr)
				}
				got := make([]byte, len(data)+1)
				k, _ := b.ReadAt(got, 0)
				if !bytes.Equal(got[:k], data) {
					t.Fatalf("operation %d: half a blob has a name", n)
				}
				b.Close()
			default:
				if err := putWhole(s, "a", data); err != nil {
					t.Fatalf("operation %d: put again: %v", n, err)
				}
			}
			if _, serr := after.Stat("b/a.unfinished"); !errors.Is(serr, fs.ErrNotExist) {
				t.Fatalf("operation %d: a leftover stays after reopening: %v", n, serr)
			}
		}
	}
}
