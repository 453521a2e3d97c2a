package alert

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// life is a desk over several openings, and what was promised about each signal.
// There is no loop: what the loop would do is done by hand, in one goroutine, so
// that a seed repeats.
type life struct {
	t      *testing.T
	what   string
	rnd    *rand.Rand
	now    time.Time
	cfg    *Config
	mem    *disk.Mem
	faulty *disk.Faulty
	d      *Desk
	people map[string]int64 // of the last Found that returned nil
	tried  map[string]int64 // of the last Found at all
	acked  map[string]bool  // Acknowledge returned nil
}

func newLife(t *testing.T, what string, seed uint64) *life {
	return &life{
		t: t, what: what, rnd: rand.New(rand.NewPCG(seed, 9)), now: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
		cfg: settings(t, twoChannels), mem: disk.NewMem(), people: map[string]int64{}, tried: map[string]int64{}, acked: map[string]bool{},
	}
}

func (h *life) open() error {
	var err error
	h.d, err = Open(h.faulty, "alerts", h.cfg, Options{Now: func() time.Time { return h.now }, Seed: 1, sender: (&office{}).sender})
	return err
}

// some does n things of those that a desk does. Errors of the disk are its lot.
func (h *life) some(n int) {
	for range n {
		h.now = h.now.Add(time.Second)
		id := fmt.Sprintf("sig-%d", h.rnd.IntN(5))
		switch h.rnd.IntN(6) {
		case 0, 1, 2:
			h.tried[id]++
			s := made(id, detect.High, h.tried[id])
			s.Where = strings.Repeat("x", h.rnd.IntN(1500)) // over sectors
			if h.d.Found(time.Time{}, s) == nil {
				h.people[id] = h.tried[id]
			}
		case 3:
			if h.d.Acknowledge(id, "kim", "", h.now) == nil {
				h.acked[id] = true
			}
		default:
			h.deliver()
		}
	}
}

// deliver lets one attempt succeed or fail, as the loop would.
func (h *life) deliver() {
	for _, e := range h.d.book.sorted() {
		for _, t := range e.Told {
			if t.State != queued || h.rnd.IntN(2) == 0 {
				continue
			}
			r := result{route: h.d.route(t.Channel), id: e.Signal.ID, t: t, revision: e.Revision, severity: e.Signal.Severity, taken: e.Taken}
			if h.rnd.IntN(4) == 0 {
				r.err = refusal("응답 코드 400", "answered 400")
			}
			h.d.finish(r, false)
			return
		}
	}
}

// check holds what a new opening knows to what was promised.
func (h *life) check() {
	h.t.Helper()
	fail := func(format string, args ...any) {
		h.t.Helper()
		h.t.Fatalf("%s: %s\noperations:\n\t%s", h.what, fmt.Sprintf(format, args...), strings.Join(h.faulty.Log(), "\n\t"))
	}
	log := h.faulty
	h.faulty = disk.NewFaulty(h.mem)
	if err := h.open(); err != nil {
		h.faulty = log
		fail("does not open: %v", err)
	}
	for id, n := range h.people {
		e := h.d.book.entries[id]
		switch {
		case e == nil:
			h.faulty = log
			fail("%s was accepted and is gone", id)
		case e.Signal.People < n || e.Signal.People > h.tried[id]:
			h.faulty = log
			fail("%s has %d people; %d were accepted, %d tried", id, e.Signal.People, n, h.tried[id])
		case h.acked[id] && !e.Taken:
			h.faulty = log
			fail("%s was acknowledged, and is not", id)
		case h.acked[id] && len(e.Acks) == 0:
			fail("%s: who acknowledged is gone", id)
		}
		// Nothing is taken for told that never was: what is sent has a revision.
		for _, t := range e.Told {
			if t.State == sent && t.Revision < 1 || t.Revision > e.Revision {
				fail("%s: told %d of %d", id, t.Revision, e.Revision)
			}
		}
	}
	h.d.Close()
}

// Every operation of the disk fails once, in each of four ways. Nothing that was
// accepted is lost, whether the process goes on, ends, or the power is cut.
func TestEveryOperationFails(t *testing.T) {
	ways := map[string]func(*disk.Faulty, int){
		"refused":  func(f *disk.Faulty, n int) { f.FailAt(n, syscall.EIO) },
		"done":     func(f *disk.Faulty, n int) { f.FailAfter(n, syscall.EIO) },
		"short":    func(f *disk.Faulty, n int) { f.FailShort(n, syscall.ENOSPC) },
		"dropping": func(f *disk.Faulty, n int) { f.FailDropping(n, syscall.EIO) },
		"from":     func(f *disk.Faulty, n int) { f.FailFrom(n, syscall.EIO) },
	}
	for way, set := range ways {
		t.Run(way, func(t *testing.T) {
			for n := 1; ; n++ {
				h := newLife(t, fmt.Sprintf("operation %d %s", n, way), 1)
				h.faulty = disk.NewFaulty(h.mem)
				set(h.faulty, n)
				if err := h.open(); err == nil {
					h.some(30)
				} else if !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("%s: %v", h.what, err)
				}
				ops := h.faulty.Ops()
				running := h.mem
				for seed := range uint64(6) {
					h.mem = running.Crash(rand.New(rand.NewPCG(seed, 2)))
					h.check()
				}
				if n > ops {
					break
				}
			}
		})
	}
}

// The power is cut at every operation, over several lives.
func TestPowerCuts(t *testing.T) {
	lives := 150
	if testing.Short() {
		lives = 20
	}
	for seed := range uint64(lives) {
		h := newLife(t, fmt.Sprintf("seed %d (go test -run TestPowerCuts)", seed), seed)
		for range 4 {
			h.faulty = disk.NewFaulty(h.mem)
			h.faulty.FailFrom(1+h.rnd.IntN(60), disk.ErrCrashed)
			if err := h.open(); err == nil {
				h.some(40)
			}
			h.mem = h.mem.Crash(h.rnd)
			h.check()
			h.people, h.acked = h.known() // what is there now has to stay
		}
	}
}

func (h *life) known() (people map[string]int64, acked map[string]bool) {
	people, acked = map[string]int64{}, map[string]bool{}
	for id, e := range h.d.book.entries {
		people[id], acked[id] = e.Signal.People, e.Taken
	}
	return people, acked
}

// The order of operations is the promise.
func TestOperations(t *testing.T) {
	h := newLife(t, "", 1)
	h.faulty = disk.NewFaulty(h.mem)
	if err := h.open(); err != nil {
		t.Fatal(err)
	}
	const anew = "create alerts/alerts.queue.tmp, write alerts/alerts.queue.tmp, sync alerts/alerts.queue.tmp, rename alerts/alerts.queue.tmp alerts/alerts.queue, syncdir alerts"
	expect := func(what, ops string) {
		t.Helper()
		if got := strings.Join(h.faulty.Log(), ", "); got != ops {
			t.Errorf("%s: %s", what, got)
		}
		h.faulty.FailAt(0, nil)
	}
	expect("open", "mkdir alerts, mkdir alerts, "+anew)
	enqueue(t, h.d, made("sig-a", detect.High, 1), made("sig-b", detect.High, 1))
	expect("enqueue", "write alerts/alerts.queue, sync alerts/alerts.queue")
	enqueue(t, h.d, made("sig-a", detect.High, 1))
	expect("enqueue without a change", "")
	h.faulty.FailAt(2, syscall.EIO)
	enqueue(t, h.d, made("sig-a", detect.High, 2))
	expect("after a failed sync", "write alerts/alerts.queue, sync alerts/alerts.queue, "+anew)
	h.faulty.FailFrom(1, syscall.EIO)
	if err := h.d.Found(time.Time{}, made("sig-a", detect.High, 3)); !errors.Is(err, syscall.EIO) {
		t.Errorf("on a dead disk: %v", err)
	}
	if err := h.d.Found(time.Time{}, made("sig-a", detect.High, 3)); !errors.Is(err, syscall.EIO) {
		t.Errorf("the same again, not yet durable: %v", err)
	}
	if h.d.Status().Disk == "" {
		t.Error("a dead disk is not in the status")
	}
	h.faulty.FailAt(0, nil)
	enqueue(t, h.d, made("sig-a", detect.High, 3))
	expect("once it is back", anew)
}

// The file stays near what it has to hold.
func TestCompaction(t *testing.T) {
	h := newLife(t, "", 1)
	h.faulty = disk.NewFaulty(h.mem)
	if err := h.open(); err != nil {
		t.Fatal(err)
	}
	for n := range int64(4000) {
		enqueue(t, h.d, made("sig-a", detect.High, n))
	}
	if size := h.d.store.size; size > 2*h.d.book.bytes+compactSlack+4096 {
		t.Errorf("%d bytes for %d", size, h.d.book.bytes)
	}
	if !strings.Contains(strings.Join(h.faulty.Log()[4:], " "), "rename") {
		t.Error("it was never written anew")
	}
}
