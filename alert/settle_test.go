package alert

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// settles says which signals hold, all of which may have changed; everything is decided.
func settles(t testing.TB, d *Desk, signals ...detect.Signal) {
	t.Helper()
	if again, err := d.Settle(signals, signals, time.Now()); err != nil || !again.IsZero() {
		t.Fatalf("settle: %v, %v", again, err)
	}
}

// TestWithdrawn: what no longer holds is not told, climbs no further, and is told
// once as withdrawn to whoever was told of it.
func TestWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		mem := disk.NewMem()
		cfg := settings(t, escalating)
		other := made("sig-b", detect.High, 4)
		other.Group = map[string]string{"key": "k-8"}
		d, stop := opened(t, mem, cfg, Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 3), other)
		pass(time.Second)
		told := o.take()
		if len(told) == 0 || d.Status().Unacknowledged != 2 {
			t.Fatalf("told %q, status %+v", told, d.Status())
		}
		var of []string // who was told of sig-a
		for _, x := range told {
			if strings.Contains(x, " sig-a ") {
				of = append(of, x[len("00:00:00 "):strings.Index(x, " sig-a")])
			}
		}
		settles(t, d, other)
		pass(time.Second)
		var withdrawn []string
		for _, ch := range of {
			withdrawn = append(withdrawn, "00:00:01 "+ch+" sig-a r2 high 3 withdrawn")
		}
		want(t, o, withdrawn...)
		settles(t, d, other) // again: nothing more is told
		stop()
		// A restart tells nothing of it either, and the other one still climbs.
		d, stop = opened(t, mem, cfg, Options{sender: o.sender})
		defer stop()
		settles(t, d, other)
		pass(48 * time.Hour)
		for _, x := range o.take() {
			if strings.Contains(x, "sig-a") {
				t.Errorf("told after it was withdrawn: %s", x)
			}
		}
		if s := d.Status(); s.Unacknowledged != 1 || s.Waiting[0].Signal != "sig-b" {
			t.Errorf("the status is %+v", s)
		}
	})
}

// TestWithdrawnUntold: of a signal that nobody has heard of, nobody hears.
func TestWithdrawnUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		o.answers(func(string, message) error { return trouble("응답 코드 503", "answered 503") })
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		enqueue(t, d, made("sig-a", detect.High, 3))
		pass(time.Minute)
		o.take()
		o.answers(nil)
		settles(t, d)
		pass(24 * time.Hour)
		want(t, o)
		if s := d.Status(); s.Signals != 0 || s.Channels[0].Queued != 0 {
			t.Errorf("the status is %+v", s)
		}
	})
}

// TestWithdrawnUnderWay: a message that is under way arrives, and then that it no
// longer holds; one that is refused for good is followed by nothing.
func TestWithdrawnUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, refused := range []bool{false, true} {
			hold := make(chan struct{})
			o := &office{hold: map[string]chan struct{}{"room": hold}}
			if refused {
				o.answers(func(string, message) error { return refusal("응답 코드 400", "answered 400") })
			}
			d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
			enqueue(t, d, made("sig-a", detect.Medium, 1))
			synctest.Wait()
			o.take()
			settles(t, d)
			close(hold)
			synctest.Wait()
			got := o.take()
			if n := len(got); refused && n != 0 || !refused && (n != 1 || !strings.HasSuffix(got[0], "room sig-a r2 medium 1 withdrawn")) {
				t.Errorf("refused: %v, then told: %q", refused, got)
			}
			if n := d.Status().Signals; (n == 0) != refused {
				t.Errorf("refused: %v, and %d signals are kept", refused, n)
			}
			stop()
		}
	})
}

// TestFoundAgain: a withdrawn signal comes up again, and at once; where somebody has
// acknowledged it, it stays acknowledged, unless it is graver now.
func TestFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		mem := disk.NewMem()
		d, stop := opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.Medium, 3), made("sig-b", detect.Medium, 3), made("sig-c", detect.Medium, 3))
		synctest.Wait()
		for _, id := range []string{"sig-b", "sig-c"} {
			if err := d.Acknowledge(id, "kim", "", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		settles(t, d)
		pass(time.Minute)
		o.take()
		stop()
		d, stop = opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		settles(t, d, made("sig-a", detect.Medium, 3), made("sig-b", detect.Medium, 3), made("sig-c", detect.High, 3))
		want(t, o, "00:02:00 room sig-a r3 medium 3", "00:02:00 room sig-c r4 high 3", "00:02:00 chief sig-c r4 high 3")
		for id, taken := range map[string]bool{"sig-a": false, "sig-b": true, "sig-c": false} {
			if e := d.book.entries[id]; e.Taken != taken {
				t.Errorf("%s acknowledged: %v", id, e.Taken)
			}
		}
	})
}

// TestFoundAgainUnderWay: a signal that is found again while a channel is being told
// that it is withdrawn is told again as soon as that has arrived, and not as it grows.
func TestFoundAgainUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		o := &office{}
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		enqueue(t, d, made("sig-a", detect.Medium, 3))
		pass(time.Second)
		want(t, o, "00:00:00 room sig-a r1 medium 3")
		o.mu.Lock()
		o.hold = map[string]chan struct{}{"room": hold}
		o.mu.Unlock()
		settles(t, d)
		pass(time.Second)
		settles(t, d, made("sig-a", detect.Medium, 3))
		close(hold)
		pass(time.Minute)
		want(t, o, "00:00:01 room sig-a r2 medium 3 withdrawn", "00:00:02 room sig-a r3 medium 3")
	})
}

// TestNotYetDecided: a detection that has decided less than the one before it takes
// nothing back; when it has decided as much, it does.
func TestNotYetDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		mem := disk.NewMem()
		d, stop := opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		begin := time.Now()
		if err := d.Found(begin, made("sig-a", detect.Medium, 3)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		o.take()
		stop()
		d, stop = opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		again, err := d.Settle(nil, nil, begin.Add(-time.Minute))
		if err != nil || !again.Equal(begin) {
			t.Fatalf("to be settled again at %v, %v", again, err)
		}
		want(t, o)
		settles(t, d)
		want(t, o, "00:00:00 room sig-a r2 medium 3 withdrawn")
	})
}

// TestAnotherID: a signal of the same rule and group under another id is the same
// leak: who was told is not told anew, and who has acknowledged it has.
func TestAnotherID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		mem := disk.NewMem()
		d, stop := opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 3))
		synctest.Wait()
		if err := d.Acknowledge("sig-a", "kim", "on it", time.Now()); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		o.take()
		settles(t, d, made("sig-b", detect.High, 3))
		pass(24 * time.Hour)
		want(t, o)
		stop()
		d, stop = opened(t, mem, settings(t, twoChannels), Options{sender: o.sender})
		defer stop()
		if e := d.book.entries["sig-b"]; e == nil || !e.Taken || e.Acks[0].Who != "kim" || d.book.entries["sig-a"] != nil {
			t.Errorf("the entries are %+v", d.book.entries)
		}
		// A graver one is more than was acknowledged.
		settles(t, d, made("sig-c", detect.Critical, 5))
		synctest.Wait()
		if got := o.take(); len(got) != 2 {
			t.Errorf("told: %q", got)
		}
		// Both are in the queue: they become one.
		other := made("sig-d", detect.Critical, 5)
		enqueue(t, d, other)
		synctest.Wait()
		if err := d.Acknowledge("sig-c", "lee", "", time.Now()); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		o.take()
		settles(t, d, other)
		pass(24 * time.Hour)
		if e := d.book.entries["sig-d"]; e == nil || !e.Taken || len(e.Acks) != 2 || len(d.book.entries) != 1 {
			t.Errorf("the entries are %+v", d.book.entries)
		}
		want(t, o)
		// Another group is another leak.
		third := made("sig-e", detect.Critical, 5)
		third.Group = map[string]string{"key": "k-8"}
		settles(t, d, third)
		synctest.Wait()
		if e := d.book.entries["sig-e"]; e == nil || e.Taken || len(e.Acks) != 0 {
			t.Errorf("an acknowledgement went to another group: %+v", e)
		}
	})
}

// TestSettleModel: random histories of finding, settling, acknowledging, attempts
// that succeed and fail, and restarts, against what may be so: nobody hears first of
// a signal that is withdrawn, everybody who was told hears of it once, and who has
// acknowledged is known.
func TestSettleModel(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 4))
			now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
			mem := disk.NewMem()
			cfg := settings(t, twoChannels)
			open := func() *Desk {
				d, err := Open(mem, "alerts", cfg, Options{Now: func() time.Time { return now }, Seed: 1, sender: (&office{}).sender})
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			d := open()
			holds := map[string]bool{}
			knows := map[[2]string]bool{} // channel, id: it was told that the signal holds, and nothing else since
			acked := map[string]bool{}
			list := func() (out []detect.Signal) {
				for _, id := range []string{"sig-0", "sig-1", "sig-2"} {
					if holds[id] {
						s := made(id, detect.High, 3)
						s.Group = map[string]string{"key": id}
						out = append(out, s)
					}
				}
				return out
			}
			deliver := func(all bool) {
				for _, e := range d.book.sorted() {
					for _, x := range slices.Clone(e.Told) {
						if x.State != queued || !all && rnd.IntN(2) == 0 {
							continue
						}
						id, gone := e.Signal.ID, e.Signal.Status == detect.Withdrawn
						k := [2]string{x.Channel, id}
						if gone && !knows[k] {
							t.Fatalf("%s hears that %s is withdrawn, and knows nothing of it", x.Channel, id)
						}
						if !gone && !holds[id] {
							t.Fatalf("%s hears of %s, which does not hold", x.Channel, id)
						}
						knows[k] = !gone
						d.finish(result{route: d.route(x.Channel), id: id, t: x, revision: e.Revision, severity: e.Signal.Severity, taken: e.Taken, gone: gone}, false)
					}
				}
			}
			settle := func() {
				if _, err := d.Settle(list(), list(), now); err != nil {
					t.Fatal(err)
				}
			}
			for range 60 {
				now = now.Add(time.Minute)
				id := fmt.Sprintf("sig-%d", rnd.IntN(3))
				switch rnd.IntN(6) {
				case 0:
					holds[id] = true
					if err := d.Found(time.Time{}, list()...); err != nil {
						t.Fatal(err)
					}
				case 1:
					holds[id] = false
					settle()
				case 2:
					if d.Acknowledge(id, "kim", "", now) == nil {
						acked[id] = true
					}
				case 3:
					d.Close() // as after a crash: nothing but what was written is known
					d = open()
					settle()
				default:
					deliver(false)
				}
			}
			settle()
			deliver(true)
			deliver(true)
			for k, told := range knows {
				if told && !holds[k[1]] {
					t.Errorf("%s was told of %s, and never that it is withdrawn", k[0], k[1])
				}
			}
			for id := range acked {
				if e := d.book.entries[id]; e == nil || len(e.Acks) == 0 {
					t.Errorf("who acknowledged %s is gone", id)
				} else if holds[id] && !e.Taken {
					t.Errorf("%s was acknowledged, and is not", id)
				}
			}
		})
	}
}

// TestSettleFails: whatever operation of the disk fails while a signal is withdrawn and
// another goes on under a new id, in whatever way, and whether or not the process ends
// then: once it is settled, both have happened, and who was told is told once.
func TestSettleFails(t *testing.T) {
	ways := map[string]func(*disk.Faulty, int){
		"refused":  func(f *disk.Faulty, n int) { f.FailAt(n, syscall.EIO) },
		"done":     func(f *disk.Faulty, n int) { f.FailAfter(n, syscall.EIO) },
		"short":    func(f *disk.Faulty, n int) { f.FailShort(n, syscall.ENOSPC) },
		"dropping": func(f *disk.Faulty, n int) { f.FailDropping(n, syscall.EIO) },
		"from":     func(f *disk.Faulty, n int) { f.FailFrom(n, syscall.EIO) },
	}
	for way, set := range ways {
		for _, ends := range []bool{false, true} {
			for n, reached := 1, true; reached; n++ {
				now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
				mem, cfg := disk.NewMem(), settings(t, twoChannels)
				open := func(f disk.FS) *Desk {
					d, err := Open(f, "alerts", cfg, Options{Now: func() time.Time { return now }, Seed: 1, sender: (&office{}).sender})
					if err != nil {
						t.Fatal(err)
					}
					return d
				}
				said := map[string]int{}
				deliver := func(d *Desk) {
					for _, e := range d.book.sorted() {
						for _, x := range e.Told {
							if x.State == queued {
								said[x.Channel+" "+e.Signal.ID+" "+string(e.Signal.Status)]++
								d.finish(result{route: d.route(x.Channel), id: e.Signal.ID, t: x, revision: e.Revision, severity: e.Signal.Severity, taken: e.Taken, gone: e.Signal.Status == detect.Withdrawn}, false)
							}
						}
					}
				}
				old, gone := made("sig-old", detect.Medium, 1), made("sig-gone", detect.Medium, 1)
				gone.Group = map[string]string{"key": "k-8"}
				heir := old
				heir.ID = "sig-new"
				faulty := disk.NewFaulty(mem)
				d := open(faulty)
				enqueue(t, d, old, gone)
				deliver(d)
				if err := d.Acknowledge("sig-old", "kim", "", now); err != nil {
					t.Fatal(err)
				}
				deliver(d)
				set(faulty, n)
				d.Settle([]detect.Signal{heir}, []detect.Signal{heir}, now) // with whatever outcome
				if reached = faulty.Ops() >= n; !reached && n == 1 {
					t.Fatal("nothing was written")
				}
				faulty.FailAt(0, nil)
				if ends {
					d.Close()
					d = open(mem)
				}
				if _, err := d.Settle([]detect.Signal{heir}, []detect.Signal{heir}, now); err != nil {
					t.Fatalf("%s %d: %v", way, n, err)
				}
				deliver(d)
				d.Close()
				d = open(mem)
				deliver(d)
				if e := d.book.entries["sig-new"]; e == nil || !e.Taken || len(e.Acks) != 1 || len(d.book.entries) != 2 {
					t.Errorf("%s %d, ends %v: the entries are %v", way, n, ends, slices.Collect(maps.Keys(d.book.entries)))
				}
				want := map[string]int{"room sig-old open": 2, "room sig-gone open": 1, "room sig-gone withdrawn": 1}
				if diff := cmp.Diff(want, said); diff != "" {
					t.Errorf("%s %d, ends %v: (-want +got)\n%s", way, n, ends, diff)
				}
				d.Close()
			}
		}
	}
}
