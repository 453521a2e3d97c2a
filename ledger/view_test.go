package ledger

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// hooked calls a hook before it makes a file or lists a folder.
type hooked struct {
	disk.FS
	hook func(op, name string)
}

func (h *hooked) call(op, name string) {
	if h.hook != nil {
		h.hook(op, name)
	}
}

func (h *hooked) Create(name string) (disk.File, error) {
	h.call("create", name)
	return h.FS.Create(name)
}

func (h *hooked) List(dir string) ([]string, error) {
	h.call("list", dir)
	return h.FS.List(dir)
}

// TestViewBesideSeal: a view has each row once, whatever a seal has done so far.
func TestViewBesideSeal(t *testing.T) {
	f := &hooked{FS: create(t)}
	l := open(t, f, Options{})
	defer l.Close()
	if _, err := l.Append(context.Background(), records(1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	before := content(t, l)
	steps := 0
	f.hook = func(op, name string) {
		steps++
		same(t, content(t, l), before, "before "+op+" "+name)
	}
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	if steps < 4 { // a segment, a dictionary, fingerprints, a manifest
		t.Fatalf("only %d steps", steps)
	}
}

func one[T any](x T) iter.Seq2[T, error] { return func(yield func(T, error) bool) { yield(x, nil) } }

// TestEditionWithItsManifest: a view that has the manifest of an edition has the
// edition.
func TestEditionWithItsManifest(t *testing.T) {
	f := &hooked{FS: create(t)}
	l := open(t, f, Options{})
	defer l.Close()
	f.hook = func(op, name string) {
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		l.mu.RLock()
		defer l.mu.RUnlock()
		if n := len(l.m.Registers); v.Number() == l.m.Number && len(v.Registers()) != n {
			t.Errorf("%s %s: manifest %d names %d registers, its view has %d", op, name, v.Number(), n, len(v.Registers()))
		}
	}
	for range 3 {
		if _, err := l.InstallRegister("r", 0, one(catalog.RegisterLine{Account: "m1"})); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEverythingSideBySide runs all that a server runs at once. The race
// detector is one judge. The other: every view has all that was acknowledged
// before it, once; no row in it names an id that is destroyed.
func TestEverythingSideBySide(t *testing.T) {
	dir := t.TempDir() + "/data"
	if err := Create(disk.OS, dir, ""); err != nil {
		t.Fatal(err)
	}
	l, err := Open(disk.OS, dir, Options{MemtableRows: 40, StageRows: 30})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	loop := func(fn func(i int) error) {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := fn(i); err != nil && ctx.Err() == nil {
					t.Error(err)
					stop()
				}
			}
		})
	}
	var mu sync.Mutex // acked holds what has been acknowledged, not what will have been
	acked := int64(0)
	cut := noon - 300*86_400_000
	loop(func(i int) error {
		var rs []event.Record
		for k := range 5 {
			r := record(7*(5*i+k) + 2)
			r.ID = event.RecordID("live " + strconv.Itoa(5*i+k))
			rs = append(rs, r)
		}
		mu.Lock()
		defer mu.Unlock()
		if _, err := l.Append(ctx, rs); err != nil {
			return err
		}
		acked += 5
		return nil
	})
	loop(func(i int) error { // records that retention takes, whose ids others use too
		old := record(2)
		old.ID, old.Time = event.RecordID("old "+strconv.Itoa(i)), cut-86_400_000
		id := event.AccountID("m" + strconv.Itoa(i%50))
		old.Actor.ID, old.Subjects = event.ActorID(id), []event.AccountID{id}
		_, err := l.Append(ctx, []event.Record{old})
		return err
	})
	loop(func(int) error { return l.Seal() })
	loop(func(int) error { return l.Compact(ctx) })
	loop(func(int) error { _, err := l.Retain(cut); return err })
	loop(func(i int) error {
		if i%2 == 0 {
			time.Sleep(time.Millisecond)
		}
		_, err := l.InstallHoldings("h", event.Millis(i), one(catalog.HoldingLine{Account: event.AccountID("m" + strconv.Itoa(i%50)), Person: event.PersonID("p" + strconv.Itoa(i%50)), Items: []string{"name"}}))
		return err
	})
	loop(func(i int) error {
		return l.SetAside(0, []AsideLine{{Source: "gateway", Cause: "time", Text: []byte("x")}})
	})
	loop(func(i int) error {
		im, err := l.BeginImport(ImportSpec{Source: "gateway", Name: "log", Size: int64(i)})
		if err != nil {
			return err
		}
		var pieces sync.WaitGroup
		for seq := range 6 {
			pieces.Go(func() {
				b := l.NewBatch()
				for k := range 10 {
					r := record(7*k + 2)
					r.ID, r.Time = event.RecordID("import "+strconv.Itoa(60*i+10*seq+k)), cut-40*86_400_000
					b.Add(&r)
				}
				im.Submit(Chunk{Seq: seq, Batch: b, Lines: 10, End: int64(10 * (seq + 1))})
			})
		}
		pieces.Wait()
		if i%3 == 0 {
			im.Suspend()
			if err := l.AbortImport(im.ID()); err != nil && !errors.Is(err, ErrClosed) {
				return err
			}
			return nil
		}
		_, err = im.Commit("sum " + strconv.Itoa(i))
		return err
	})
	loop(func(i int) error {
		mu.Lock()
		want := acked
		v, err := l.View()
		mu.Unlock()
		if err != nil {
			return err
		}
		defer v.Close()
		got := int64(0)
		for _, r := range v.Segments() {
			info, err := r.Info()
			if err != nil {
				return err
			}
			if info.MaxTime >= cut {
				got += info.Primaries
			}
		}
		if got != want {
			t.Errorf("a view has %d records, %d were acknowledged", got, want)
			stop()
		}
		l.Stats()
		l.Unfinished()
		_, err = l.Aside()
		return err
	})
	time.Sleep(2 * time.Second)
	stop()
	wg.Wait()
	if t.Failed() {
		return
	}
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Retain(cut); err != nil {
		t.Fatal(err)
	}
	content(t, l) // fails if a row names a destroyed id
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(disk.OS, dir, Options{}); err != nil {
		t.Fatal(err)
	}
	content(t, l)
	if names, err := disk.OS.List(dir + "/segments"); err != nil || strings.Contains(strings.Join(names, " "), "unfinished") {
		t.Error(names, err)
	}
}
