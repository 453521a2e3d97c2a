// Package journaltest is what a journal engine must do, as tests. The embedded
// engine runs it in plain go test; a clustered one runs it when it is given an
// address. A journal engine is done when this passes, and a promise that the
// ledger relies on belongs here before it belongs in an engine.
//
// What it is not: the crash tests. Those need to pull the plug, and stand beside
// each engine.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/haetae/haetae/journal"
)

// Place opens the same journal again and again; the one before is closed first.
type Place func() (journal.Journal, error)

// Run checks an engine. fresh returns a place with an empty journal.
func Run(t *testing.T, fresh func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"order", order},
		{"sizes", sizes},
		{"read from a position", readFrom},
		{"read stops", readStops},
		{"keeps no reference", keepsNothing},
		{"concurrent", concurrent},
		{"read beside append", readBesideAppend},
		{"context", contexts},
		{"too large", tooLarge},
		{"closed", closed},
		{"trim", trim},
		{"trim everything", trimEverything},
		{"a position that was never given", neverGiven},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t: t, open: fresh(t)}
			w.reopen()
			c.test(t, w)
			if err := w.j.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// world is an open journal and what it must hold.
type world struct {
	t    *testing.T
	open Place
	j    journal.Journal
	have []held
}

type held struct {
	pos   journal.Position
	entry string
}

func (w *world) reopen() {
	w.t.Helper()
	if w.j != nil {
		if err := w.j.Close(); err != nil {
			w.t.Fatalf("close: %v", err)
		}
	}
	j, err := w.open()
	if err != nil {
		w.t.Fatalf("open: %v", err)
	}
	w.j = j
}

func (w *world) last() journal.Position {
	if len(w.have) == 0 {
		return 0
	}
	return w.have[len(w.have)-1].pos
}

func (w *world) append(entries ...string) {
	w.t.Helper()
	for _, e := range entries {
		pos, err := w.j.Append(context.Background(), []byte(e))
		if err != nil {
			w.t.Fatalf("append: %v", err)
		}
		if pos <= w.last() {
			w.t.Fatalf("append gave position %d after %d", pos, w.last())
		}
		w.have = append(w.have, held{pos, e})
	}
}

func read(j journal.Journal, after journal.Position) (got []held, err error) {
	err = j.Read(after, func(pos journal.Position, entry []byte) error {
		got = append(got, held{pos, string(entry)})
		return nil
	})
	return got, err
}

// check compares what is read behind after with what must be there.
func (w *world) check(after journal.Position) {
	w.t.Helper()
	got, err := read(w.j, after)
	if err != nil {
		w.t.Fatalf("read behind %d: %v", after, err)
	}
	var want []held
	for _, h := range w.have {
		if h.pos > after {
			want = append(want, h)
		}
	}
	if !slices.Equal(got, want) {
		i := 0
		for i < len(got) && i < len(want) && got[i] == want[i] {
			i++
		}
		w.t.Fatalf("read behind %d: %d entries, want %d, and they differ from the %d. on", after, len(got), len(want), i)
	}
}

func order(t *testing.T, w *world) {
	w.check(0)
	for round := range 4 {
		for i := range 30 {
			w.append(fmt.Sprintf("entry %d of round %d", i, round))
		}
		w.check(0)
		w.reopen()
		w.check(0)
	}
}

func sizes(t *testing.T, w *world) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 511, 512, 513, 4095, 4096, 1 << 16, 1<<20 + 1, 5 << 20, 0, 7} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		w.append(string(b))
	}
	w.check(0)
	w.reopen()
	w.check(0)
}

func readFrom(t *testing.T, w *world) {
	for i := range 50 {
		w.append(fmt.Sprint(i))
	}
	for _, h := range w.have {
		w.check(h.pos)
	}
	w.reopen()
	w.check(w.have[20].pos)
}

func readStops(t *testing.T, w *world) {
	w.append("a", "b", "c")
	stop, calls := errors.New("stop"), 0
	err := w.j.Read(0, func(journal.Position, []byte) error {
		if calls++; calls == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || calls != 2 {
		t.Errorf("read called %d times and returned %v", calls, err)
	}
	w.check(0)
}

func keepsNothing(t *testing.T, w *world) {
	buf := []byte("first")
	pos, err := w.j.Append(context.Background(), buf)
	if err != nil {
		t.Fatal(err)
	}
	copy(buf, "XXXXX")
	w.have = append(w.have, held{pos, "first"})
	w.check(0)
}

func concurrent(t *testing.T, w *world) {
	const writers, each = 16, 25
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			before := journal.Position(0)
			for k := range each {
				e := fmt.Sprintf("%d/%d", i, k)
				pos, err := w.j.Append(context.Background(), []byte(e))
				if err != nil || pos <= before {
					t.Errorf("append: position %d after %d, %v", pos, before, err)
					return
				}
				before = pos
				mu.Lock()
				w.have = append(w.have, held{pos, e})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(w.have, func(a, b held) int { return int(int64(a.pos) - int64(b.pos)) })
	w.check(0)
	w.reopen()
	w.check(0)
}

func readBesideAppend(t *testing.T, w *world) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			if _, err := w.j.Append(context.Background(), fmt.Append(nil, i)); err != nil {
				t.Errorf("append: %v", err)
			}
		}
	}()
	for seen, running := 0, true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		got, err := read(w.j, 0)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if len(got) < seen {
			t.Fatalf("read %d entries after it had read %d", len(got), seen)
		}
		seen = len(got)
		for i, h := range got {
			if h.entry != fmt.Sprint(i) {
				t.Fatalf("entry %d reads %q", i, h.entry)
			}
		}
		if !running && seen != 200 {
			t.Fatalf("read %d entries in the end", seen)
		}
	}
}

func contexts(t *testing.T, w *world) {
	w.append("before")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.j.Append(ctx, []byte("never")); !errors.Is(err, context.Canceled) || errors.Is(err, journal.ErrUnknown) {
		t.Errorf("append with an ended context: %v", err)
	}
	w.append("after")
	w.check(0)

	// Contexts that end at any time: acknowledged entries are there, refused
	// ones are not, and of unknown ones either may be.
	var mu sync.Mutex
	acked, unknown := map[string]bool{}, map[string]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 25 {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				e := fmt.Sprintf("%d/%d", i, k)
				_, err := w.j.Append(ctx, []byte(e))
				mu.Lock()
				switch {
				case err == nil:
					acked[e] = true
				case errors.Is(err, journal.ErrUnknown):
					unknown[e] = true
				case !errors.Is(err, context.Canceled):
					t.Errorf("append: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	w.append("end") // behind whatever was still being written
	got, err := read(w.j, w.have[1].pos)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range got {
		if !acked[h.entry] && !unknown[h.entry] && h.entry != "end" {
			t.Errorf("entry %s was refused and is there", h.entry)
		}
		delete(acked, h.entry)
	}
	if len(acked) > 0 {
		t.Errorf("acknowledged and not there: %v", acked)
	}
}

func tooLarge(t *testing.T, w *world) {
	w.append("before")
	if _, err := w.j.Append(context.Background(), make([]byte, journal.MaxEntry+1)); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("append over the limit: %v", err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), journal.MaxEntry/16)
	w.append(string(big), "after")
	w.check(0)
}

func closed(t *testing.T, w *world) {
	w.append("a")
	j := w.j
	w.reopen()
	if err := j.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := j.Append(context.Background(), []byte("b")); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("append to a closed journal: %v", err)
	}
	if _, err := read(j, 0); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("read of a closed journal: %v", err)
	}
	if err := j.Trim(1); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("trim of a closed journal: %v", err)
	}
	w.check(0)
}

func trim(t *testing.T, w *world) {
	rnd := rand.New(rand.NewPCG(2, 2))
	trimmed := journal.Position(0)
	for range 60 {
		w.append(string(make([]byte, rnd.IntN(2000))))
		if rnd.IntN(4) == 0 {
			trimmed = max(trimmed, w.have[rnd.IntN(len(w.have))].pos)
			if err := w.j.Trim(trimmed); err != nil {
				t.Fatalf("trim: %v", err)
			}
		}
		if rnd.IntN(10) == 0 {
			w.reopen()
		}
		w.check(trimmed)
		w.check(w.last())
	}
	// What was trimmed may be gone or not, but is never passed over in silence.
	got, err := read(w.j, 0)
	if err == nil {
		if !slices.Equal(got, w.have) {
			t.Errorf("read %d entries of %d without an error", len(got), len(w.have))
		}
	} else if !errors.Is(err, journal.ErrTrimmed) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read of what was trimmed: %v", err)
	}
}

func trimEverything(t *testing.T, w *world) {
	for round := range 6 {
		w.append("a", "b", string(make([]byte, 5000)))
		if err := w.j.Trim(w.last()); err != nil {
			t.Fatalf("trim: %v", err)
		}
		w.check(w.last())
		if round%2 == 1 {
			w.reopen()
			w.check(w.last())
		}
	}
	before := w.last()
	w.append("c") // checks that positions went on
	w.check(before)
	w.reopen()
	w.check(before)
}

func neverGiven(t *testing.T, w *world) {
	w.append("a", "b")
	if _, err := read(w.j, w.last()+1); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("read behind a position that was never given: %v", err)
	}
}
