package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// awaitWatched waits until the server says that it watches its file.
func (r *running) awaitWatched() {
	r.w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		st := r.follows[0].status()
		if st.Error == "" {
			return
		}
		if time.Now().After(deadline) {
			r.w.t.Fatalf("not watched: %+v\n%s", st, r.w.logs.String())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestFollowEmpty: the power fails right after the server said that it watches an
// empty log. What is written to that log and rotated away before the server is back
// is read; where it cannot be found, or its like cannot be told from it, there is a
// gap.
func TestFollowEmpty(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	write := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	pack := func(name string) {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(name + ".gz")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z := gzip.NewWriter(f)
		z.Write(data)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name+".gz", st.ModTime(), st.ModTime()); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		before bool // a log was rotated away before
		away   func(log string)
		want   int64
		gaps   int
	}{
		{"renamed", false, func(log string) {
			write(log, shopLines(0, 10))
			rename(log, log+".1")
			write(log, shopLines(10, 15))
		}, 15, 0},
		{"copied and cut", true, func(log string) {
			write(log, shopLines(0, 10))
			rename(log+".1", log+".2")
			write(log+".1", shopLines(0, 10))
			if err := os.Truncate(log, 0); err != nil {
				t.Fatal(err)
			}
			write(log, shopLines(10, 15))
		}, 15, 0},
		{"packed", true, func(log string) {
			write(log, shopLines(0, 10))
			rename(log, log+"-20250310")
			pack(log + "-20250310")
			write(log, shopLines(10, 15))
		}, 15, 0},
		{"packed, and nothing before it", false, func(log string) {
			write(log, shopLines(0, 10))
			rename(log, log+".1")
			pack(log + ".1")
			write(log, shopLines(10, 15))
		}, 15, 1},
		{"removed", true, func(log string) {
			write(log, shopLines(0, 10))
			if err := os.Remove(log); err != nil {
				t.Fatal(err)
			}
			write(log, shopLines(10, 15))
		}, 5, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "access.json")
			if c.before {
				write(log+".1", shopLines(500, 510))
				at := time.Now().Add(-time.Hour)
				if err := os.Chtimes(log+".1", at, at); err != nil {
					t.Fatal(err)
				}
			}
			write(log, "")
			at := time.Now().Add(-time.Minute)
			if err := os.Chtimes(log, at, at); err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, disk.NewMem(), "d")
			follow := func(o *Options) { o.Follow = []Follow{{"gateway", log}} }
			r := w.serve(follow)
			r.awaitWatched()
			crashed := w.fs.(*disk.Mem).Crash(rnd)
			r.Server.Close()
			w.fs = crashed
			c.away(log)
			// Twice: the first start may end before anything was delivered.
			for range 2 {
				r = w.serve(follow)
				r.awaitCount(c.want)
				gaps := r.Ledger().Gaps()
				if len(gaps) != c.gaps {
					t.Errorf("gaps %+v, want %d", gaps, c.gaps)
				}
				for _, g := range gaps {
					if g.Kind != ledger.GapLost || g.Source != "gateway" || g.From == 0 || g.To == 0 {
						t.Errorf("gap %+v, want one of a lost file with both ends", g)
					}
				}
				r.end()
			}
			r = w.serve(follow)
			write(log, shopLines(15, 16))
			r.awaitCount(c.want + 1)
			r.end()
		})
	}
}

// TestFollowUnwatched: as long as the position of an empty log cannot be made
// durable, the server does not say that it watches it.
func TestFollowUnwatched(t *testing.T) {
	t.Parallel() // it waits more than it works
	log := filepath.Join(t.TempDir(), "access.json")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mem := disk.NewMem()
	w := newWorld(t, mem, "d")
	o := Options{Data: w.dir, Listen: "127.0.0.1:0", FS: mem, Logger: slog.New(slog.DiscardHandler), PollEvery: 5 * time.Millisecond,
		ShutdownTimeout: 5 * time.Second, Follow: []Follow{{"gateway", log}}}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	mem.Limit(1)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{s, w, stop, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	t.Cleanup(func() { r.Server.Close() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		st := r.follows[0].status()
		if st.Error == "" {
			t.Fatal("it is said to be watched")
		}
		if st.Error != errUnwatched.Error() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no error")
		}
	}
	if _, ok := r.Ledger().Checkpoint(r.follows[0].name); ok {
		t.Error("a position on a full disk")
	}
	mem.Limit(1 << 30)
	r.awaitWatched()
	if _, ok := r.Ledger().Checkpoint(r.follows[0].name); !ok {
		t.Error("watched without a position")
	}
	r.end()
}
