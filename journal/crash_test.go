package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/journal"
)

// history is a journal over several lives, and what is known about each entry
// that was ever handed to it.
type history struct {
	t       *testing.T
	what    string // how to repeat this one
	rnd     *rand.Rand
	mem     *disk.Mem
	faulty  *disk.Faulty
	j       *journal.Local
	n       int
	there   map[journal.Position]string // acknowledged
	unknown map[string]bool
	never   map[string]bool // refused, or unknown and then not found
	last    journal.Position
	trimmed journal.Position
}

func newHistory(t *testing.T, what string, seed uint64) *history {
	m := newDir(t)
	return &history{
		t: t, what: what, rnd: rand.New(rand.NewPCG(seed, 6)), mem: m, faulty: disk.NewFaulty(m),
		there: map[journal.Position]string{}, unknown: map[string]bool{}, never: map[string]bool{},
	}
}

func (h *history) fatal(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("%s: %s\noperations:\n\t%s", h.what, fmt.Sprintf(format, args...), strings.Join(h.faulty.Log(), "\n\t"))
}

// appendSome appends a group of entries, which share a frame.
func (h *history) appendSome() {
	entries := make([]string, 1+h.rnd.IntN(4))
	for i := range entries {
		h.n++
		entries[i] = fmt.Sprintf("%d:", h.n) + strings.Repeat(string(rune('a'+h.n%26)), h.rnd.IntN(1200))
	}
	pos, errs := h.j.AppendGroup(entries...)
	for i, e := range entries {
		switch err := errs[i]; {
		case err == nil:
			if pos[i] <= h.last {
				h.fatal("position %d after %d", pos[i], h.last)
			}
			h.there[pos[i]], h.last = e, pos[i]
		case errors.Is(err, journal.ErrUnknown):
			h.unknown[e] = true
		default:
			h.never[e] = true
		}
	}
}

func (h *history) trim() {
	upTo := h.trimmed + journal.Position(h.rnd.Uint64N(uint64(h.last-h.trimmed)+1))
	if h.rnd.IntN(4) == 0 {
		upTo = h.last
	}
	// From the moment Trim is called nobody may ask for these any more.
	h.trimmed = upTo
	h.j.Trim(upTo)
}

// live runs a random schedule.
func (h *history) live(steps int) {
	for range steps {
		if h.rnd.IntN(5) == 0 {
			h.trim()
		} else {
			h.appendSome()
		}
	}
}

func (h *history) open(fsys disk.FS) error {
	var err error
	size := 1 + h.rnd.Int64N(6000)
	if h.rnd.IntN(3) == 0 {
		size = 1 + h.rnd.Int64N(500) // about one entry in each file
	}
	h.j, err = journal.Open(fsys, "j", journal.Options{FileSize: size})
	return err
}

// check compares a journal that was opened anew with what is known, and settles
// what was unknown.
func (h *history) check(r reader) {
	h.t.Helper()
	ps, es, err := all(r, h.trimmed)
	if err != nil {
		h.fatal("read behind %d: %v", h.trimmed, err)
	}
	next := h.trimmed + 1
	for i, pos := range ps {
		if pos != next {
			h.fatal("read position %d, want %d", pos, next)
		}
		next++
		if want, ok := h.there[pos]; ok {
			if es[i] != want {
				h.fatal("position %d reads %.20q, want %.20q", pos, es[i], want)
			}
			continue
		}
		if !h.unknown[es[i]] {
			h.fatal("position %d reads %.20q, which was refused (%v) or never written", pos, es[i], h.never[es[i]])
		}
		delete(h.unknown, es[i])
		h.there[pos] = es[i]
	}
	if next <= h.last {
		h.fatal("acknowledged up to %d, read up to %d", h.last, next-1)
	}
	h.last = next - 1
	for e := range h.unknown {
		h.never[e] = true
	}
	clear(h.unknown)
}

// end ends the life of the process, in one of the ways a process ends.
func (h *history) end(powerCut bool) {
	if powerCut {
		h.mem = h.mem.Crash(h.rnd)
		h.faulty = disk.NewFaulty(h.mem)
	}
	// Else it was killed: no Close, and what is in the cache stays.
}

// TestPowerCuts runs random schedules over several lives of a journal. Each ends
// with a power cut in the middle of some operation, or with a kill.
func TestPowerCuts(t *testing.T) {
	for seed := range uint64(500) {
		h := newHistory(t, fmt.Sprintf("seed %d", seed), seed)
		for range 1 + h.rnd.IntN(5) {
			if h.rnd.IntN(4) == 0 { // the repair is cut off too
				h.faulty.FailFrom(1+h.rnd.IntN(6), disk.ErrCrashed)
				if err := h.open(h.faulty); err != nil && !errors.Is(err, disk.ErrCrashed) {
					h.fatal("open: %v", err)
				}
				h.end(h.rnd.IntN(3) > 0)
			}
			h.faulty.FailAt(0, nil)
			if h.rnd.IntN(3) > 0 {
				h.faulty.FailFrom(1+h.rnd.IntN(80), disk.ErrCrashed)
			}
			if err := h.open(h.faulty); err != nil {
				if !errors.Is(err, disk.ErrCrashed) {
					h.fatal("open: %v", err)
				}
			} else {
				h.check(h.j)
				h.live(h.rnd.IntN(25))
			}
			h.end(h.rnd.IntN(3) > 0)
		}
		h.faulty.FailAt(0, nil)
		r, err := journal.ReadOnly(h.mem, "j")
		if err != nil {
			t.Fatal(err)
		}
		kept := h.unknown
		h.unknown = map[string]bool{}
		for e := range kept {
			h.unknown[e] = true
		}
		h.check(r) // reading alone repairs nothing and sees the same
		if err := h.open(h.faulty); err != nil {
			h.fatal("open: %v", err)
		}
		h.check(h.j)
		h.live(5)
		h.check(h.j)
	}
}

// TestEveryOperationFails makes each operation of a fixed schedule go wrong in
// each way. Nothing acknowledged is lost, nothing refused comes back, with the
// process going on, being killed, or losing power afterwards.
func TestEveryOperationFails(t *testing.T) {
	for name, set := range map[string]func(*disk.Faulty, int){
		"refused":     func(f *disk.Faulty, n int) { f.FailAt(n, syscall.EIO) },
		"done":        func(f *disk.Faulty, n int) { f.FailAfter(n, syscall.EIO) },
		"short":       func(f *disk.Faulty, n int) { f.FailShort(n, syscall.ENOSPC) },
		"dropped":     func(f *disk.Faulty, n int) { f.FailDropping(n, syscall.EIO) },
		"all refused": func(f *disk.Faulty, n int) { f.FailFrom(n, syscall.EROFS) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, end := range []string{"kill", "power cut", "close"} {
				for seed := range uint64(3) {
					for n := 1; ; n++ {
						h := newHistory(t, fmt.Sprintf("operation %d, %s, seed %d", n, end, seed), seed)
						set(h.faulty, n)
						brief := (uint64(n)+seed)%2 == 0 // the life ends with the fault
						over := func() bool { return brief && h.faulty.Ops() >= n }
						for life := 0; life < 2 && !over(); life++ { // the second opens files that exist
							if err := h.open(h.faulty); err != nil {
								if errors.Is(err, journal.ErrCorrupt) {
									h.fatal("open: %v", err)
								}
								continue
							}
							h.check(h.j)
							for step := 0; step < 10 && !over(); step++ {
								h.live(1)
							}
						}
						ops := h.faulty.Ops()
						if end == "close" && h.j != nil {
							h.j.Close()
						}
						h.end(end == "power cut")
						h.faulty.FailAt(0, nil)
						if err := h.open(h.faulty); err != nil {
							h.fatal("open: %v", err)
						}
						h.check(h.j)
						h.live(6)
						h.check(h.j)
						// Whatever the next one read, it took for durable.
						h.end(true)
						if err := h.open(h.faulty); err != nil {
							h.fatal("open: %v", err)
						}
						h.check(h.j)
						if ops < n {
							break
						}
					}
				}
			}
		})
	}
}
