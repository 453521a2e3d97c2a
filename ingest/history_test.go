package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// logHistory is a random history of a live log: it is written to, rotated by
// renaming, with and without packing, or copied and cut, the oldest rotated files
// are removed, and the follower ends and begins again in between.
type logHistory struct {
	t     *testing.T
	rnd   *rand.Rand
	x     *tailing
	path  string
	lost  []Position
	live  bool
	all   []string // lines that were written
	log   []string // what happened
	clock time.Time
	// blind: the copy of a log that was cut is gone, and nothing of that log had been
	// read. Once it has lines again, nothing tells.
	cut, blind bool
}

func (h *logHistory) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

// touch gives what changed a later time than all before it.
func (h *logHistory) touch(name string) {
	h.clock = h.clock.Add(time.Second)
	if err := os.Chtimes(name, h.clock, h.clock); err != nil {
		h.t.Fatal(err)
	}
}

func (h *logHistory) write() {
	text := ""
	for range 1 + h.rnd.IntN(3) {
		line := fmt.Sprintf("line-%d", len(h.all))
		h.all = append(h.all, line)
		text += line + "\n"
	}
	appendTo(h.t, h.path, text)
	h.touch(h.path)
	h.note("write to %s", h.all[len(h.all)-1])
}

// shift renames the rotated files by one.
func (h *logHistory) shift() {
	for n := 30; n > 0; n-- {
		for _, end := range []string{"", ".gz"} {
			os.Rename(fmt.Sprintf("%s.%d%s", h.path, n, end), fmt.Sprintf("%s.%d%s", h.path, n+1, end))
		}
	}
}

func (h *logHistory) rotate() {
	switch kind := h.rnd.IntN(3); {
	case kind == 2 && (!h.live || h.x.pos.HeadSize > 0):
		h.shift()
		data, err := os.ReadFile(h.path)
		if err != nil {
			h.t.Fatal(err)
		}
		appendTo(h.t, h.path+".1", string(data))
		h.touch(h.path + ".1")
		if err := os.Truncate(h.path, 0); err != nil {
			h.t.Fatal(err)
		}
		h.touch(h.path)
		h.cut = true
		h.note("copy and cut")
	default:
		h.shift()
		if err := os.Rename(h.path, h.path+".1"); err != nil {
			h.t.Fatal(err)
		}
		if kind == 1 {
			pack(h.t, h.path+".1")
		}
		appendTo(h.t, h.path, "")
		h.touch(h.path)
		h.note("rename, packed %v", kind == 1)
	}
}

// remove takes the oldest rotated file away.
func (h *logHistory) remove() {
	for n := 31; n > 0; n-- {
		for _, end := range []string{"", ".gz"} {
			if err := os.Remove(fmt.Sprintf("%s.%d%s", h.path, n, end)); err == nil {
				h.note("remove .%d%s", n, end)
				h.blind = h.blind || h.cut && h.x.pos.HeadSize == 0
				return
			}
		}
	}
}

func (h *logHistory) start() {
	h.x.start(h.path)
	h.x.watch(&h.lost)
	h.live = true
	h.note("start at %+v %+v", h.x.pos, h.x.pos.Unread)
}

func (h *logHistory) stop() {
	h.x.tail.use(nil)
	h.live = false
	h.note("stop")
}

// TestTailHistories: whatever happens to a log while it is followed and while it is
// not, from before its first line on, no line comes twice, and one that does not
// come is told of.
func TestTailHistories(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	read, gaps, blind := 0, 0, 0
	for n := range uint64(300) {
		h := &logHistory{t: t, rnd: rand.New(rand.NewPCG(seed, n)), path: filepath.Join(t.TempDir(), "access.log"), clock: time.Now().Add(-24 * time.Hour)}
		h.x = &tailing{t: t}
		if h.rnd.IntN(2) == 0 {
			appendTo(t, h.path+".1", "history\n")
			h.touch(h.path + ".1")
		}
		appendTo(t, h.path, "")
		h.touch(h.path)
		h.start()
		h.x.must()
		for range 4 + h.rnd.IntN(16) {
			switch k := h.rnd.IntN(10); {
			case k < 3:
				h.write()
			case k < 5:
				h.rotate()
			case k == 5 && !h.live:
				h.remove()
			case k < 8 && h.live:
				h.stop()
			case k < 8:
				h.start()
				h.x.must()
			case h.live:
				h.x.must()
				h.note("look: %d lines", len(h.x.got))
			}
		}
		if !h.live {
			h.start()
		}
		for range 3 {
			if err := h.x.tail.look(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		h.stop()
		got := slices.DeleteFunc(slices.Clone(h.x.got), func(s string) bool { return s == "history" })
		read += len(got)
		gaps += len(h.lost)
		if h.blind {
			blind++
		}
		sorted := slices.Compact(slices.Sorted(slices.Values(got)))
		switch {
		case len(sorted) != len(got):
			t.Errorf("history %d: lines came twice: %q\n%q", n, got, h.log)
		case len(h.lost) == 0 && !h.blind && !slices.Equal(got, h.all):
			t.Errorf("history %d: got %q, want %q, and nothing was said to be lost\n%q", n, got, h.all, h.log)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d lines read, %d losses told, %d histories of which not all can be told", read, gaps, blind)
}
