// Package blobtest is what a blob store must do, as tests. The embedded folder
// runs it in plain go test; object storage will run it when it is given an
// address. A promise that the ledger relies on belongs here before it belongs in
// a store.
//
// What it is not: the crash tests. Those need to pull the plug, and stand beside
// each store.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/haetae/haetae/blob"
)

// Run checks a store. fresh returns an empty one.
func Run(t *testing.T, fresh func(t *testing.T) blob.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"put and read", putAndRead},
		{"never replaced", neverReplaced},
		{"all or nothing", allOrNothing},
		{"context", contexts},
		{"names", names},
		{"delete while open", deleteOpen},
		{"concurrent", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

func put(t *testing.T, s blob.Store, name string, data []byte) {
	t.Helper()
	n, err := s.Put(context.Background(), name, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(len(data)) {
		t.Fatalf("put %s says %d bytes, want %d", name, n, len(data))
	}
}

func read(t *testing.T, s blob.Store, name string) []byte {
	t.Helper()
	b, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	size, err := b.Size()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	if n, err := b.ReadAt(data, 0); int64(n) != size || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("read %d of %d bytes of %s: %v", n, size, name, err)
	}
	return data
}

func wantList(t *testing.T, s blob.Store, want ...string) {
	t.Helper()
	got, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("list gives %q, want %q", got, want)
	}
}

// Sizes around the buffers, written in pieces of any size; read at any place.
func putAndRead(t *testing.T, s blob.Store) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i, size := range []int{0, 1, 4095, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 17} {
		name := fmt.Sprintf("blob-%d", i)
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(rnd.Uint32())
		}
		n, err := s.Put(context.Background(), name, func(w io.Writer) error {
			for rest := data; len(rest) > 0; {
				m := min(len(rest), 1+rnd.IntN(2<<20))
				if _, err := w.Write(rest[:m]); err != nil {
					return err
				}
				rest = rest[m:]
			}
			return nil
		})
		if err != nil || n != int64(size) {
			t.Fatalf("put %d bytes: %d, %v", size, n, err)
		}
		if !bytes.Equal(read(t, s, name), data) {
			t.Fatalf("%d bytes come back changed", size)
		}
		if size == 0 {
			continue
		}
		b, err := s.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		at := rnd.IntN(size)
		part := make([]byte, min(100, size-at))
		if _, err := b.ReadAt(part, int64(at)); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(part, data[at:at+len(part)]) {
			t.Fatalf("read at %d: %v", at, err)
		}
		if n, err := b.ReadAt(make([]byte, 10), int64(size)); n != 0 || !errors.Is(err, io.EOF) {
			t.Fatalf("read behind the end: %d bytes, %v", n, err)
		}
		b.Close()
	}
}

func neverReplaced(t *testing.T, s blob.Store) {
	put(t, s, "a", []byte("first"))
	if _, err := s.Put(context.Background(), "a", func(w io.Writer) error { _, err := w.Write([]byte("second")); return err }); !errors.Is(err, blob.ErrExists) {
		t.Fatalf("put over a blob: %v", err)
	}
	if got := read(t, s, "a"); string(got) != "first" {
		t.Fatalf("the blob now holds %q", got)
	}
	if err := s.Delete("a"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", []byte("third"))
}

func allOrNothing(t *testing.T, s blob.Store) {
	stop := errors.New("stop")
	_, err := s.Put(context.Background(), "a", func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 3<<20)); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatalf("put hides the writer's error: %v", err)
	}
	wantList(t, s)
	if _, err := s.Open("a"); !errors.Is(err, blob.ErrNotFound) {
		t.Fatalf("half a blob can be opened: %v", err)
	}
	put(t, s, "a", []byte("whole"))
	wantList(t, s, "a")
}

func contexts(t *testing.T, s blob.Store) {
	ctx, stop := context.WithCancel(context.Background())
	_, err := s.Put(ctx, "a", func(w io.Writer) error {
		stop()
		_, err := w.Write([]byte("late"))
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("put after the end of its context: %v", err)
	}
	wantList(t, s)
}

func names(t *testing.T, s blob.Store) {
	for _, name := range []string{"", ".", "..", "a/b", "../a", ".hidden", "/"} {
		if _, err := s.Put(context.Background(), name, func(io.Writer) error { return nil }); !errors.Is(err, blob.ErrName) {
			t.Errorf("put %q: %v", name, err)
		}
		if _, err := s.Open(name); !errors.Is(err, blob.ErrName) {
			t.Errorf("open %q: %v", name, err)
		}
		if err := s.Delete(name); !errors.Is(err, blob.ErrName) {
			t.Errorf("delete %q: %v", name, err)
		}
	}
	if _, err := s.Open("absent"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open what is not there: %v", err)
	}
	if err := s.Delete("absent"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("delete what is not there: %v", err)
	}
	for _, name := range []string{"b", "a", "c.seg", "a-1"} {
		put(t, s, name, nil)
	}
	wantList(t, s, "a", "a-1", "b", "c.seg")
}

func deleteOpen(t *testing.T, s blob.Store) {
	put(t, s, "a", []byte("still here"))
	b, err := s.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := s.Delete("a"); err != nil {
		t.Fatal(err)
	}
	wantList(t, s)
	got := make([]byte, 10)
	if _, err := b.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) || string(got) != "still here" {
		t.Fatalf("an open blob after its deletion: %q, %v", got, err)
	}
}

func concurrent(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 8 {
				name := fmt.Sprintf("%d-%d", i, j)
				data := bytes.Repeat([]byte{byte(i), byte(j)}, 1000)
				if _, err := s.Put(context.Background(), name, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	list, err := s.List()
	if err != nil || len(list) != 64 {
		t.Fatalf("%d blobs, %v", len(list), err)
	}
	for _, name := range list {
		var i, j byte
		fmt.Sscanf(name, "%d-%d", &i, &j)
		if !bytes.Equal(read(t, s, name), bytes.Repeat([]byte{i, j}, 1000)) {
			t.Fatalf("blob %s holds another's bytes", name)
		}
	}
}
