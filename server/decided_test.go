package server

import (
	"log/slog"
	"math/rand/v2"
	"path"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// TestDecidedAcrossRestarts: processes that each live for some minutes decide together
// what one would, and the time between them does not count as listened to. A cut of the
// power takes back no signal that is listed.
func TestDecidedAcrossRestarts(t *testing.T) {
	book, cfg := idleBook(t, writeRules(t, fewRule)), idleAlerts(t)
	idlePacker(t)
	synctest.Test(t, func(t *testing.T) {
		// listened is how long it takes until the signal is listed, in processes that
		// live for so long each.
		listened := func(each time.Duration) time.Duration {
			mem := disk.NewMem()
			if err := ledger.Create(mem, "d", ""); err != nil {
				t.Fatal(err)
			}
			s, end := idleServer(t, mem, mem, book, cfg, slog.DiscardHandler)
			if _, err := s.ledger.Append(t.Context(), twoReads()); err != nil {
				t.Fatal(err)
			}
			all := time.Duration(0)
			for all < 3*time.Hour {
				for until := all + each; all < until; all += time.Minute {
					time.Sleep(time.Minute)
					synctest.Wait()
					if list, _ := s.detector.all(); len(list) > 0 {
						end()
						return all + time.Minute
					}
				}
				end()
				time.Sleep(20 * time.Hour)
				s, end = idleServer(t, mem, mem, book, cfg, slog.DiscardHandler)
			}
			end()
			return all
		}
		one := listened(3 * time.Hour)
		if one > 2*time.Hour {
			t.Fatalf("one process decides in %v", one)
		}
		for _, each := range []time.Duration{4 * time.Minute, 15 * time.Minute} {
			// A process needs a second to begin.
			if got := listened(each); got < one-2*time.Minute || got > one+2*time.Minute {
				t.Errorf("processes of %v decide in %v, and one in %v", each, got, one)
			}
		}
		for seed := range uint64(20) {
			mem := disk.NewMem()
			if err := ledger.Create(mem, "d", ""); err != nil {
				t.Fatal(err)
			}
			s, end := idleServer(t, mem, mem, book, cfg, slog.DiscardHandler)
			if _, err := s.ledger.Append(t.Context(), twoReads()); err != nil {
				t.Fatal(err)
			}
			for range 3 * 3600 {
				time.Sleep(detectEvery)
				synctest.Wait()
				if list, _ := s.detector.all(); len(list) > 0 {
					break
				}
				time.Sleep(time.Second)
			}
			after := mem.Crash(rand.New(rand.NewPCG(seed, 0)))
			end()
			s, end = idleServer(t, after, after, book, cfg, slog.DiscardHandler)
			if list, _ := s.detector.all(); len(list) != 1 {
				t.Errorf("seed %d: %d signals after the power was cut, want 1", seed, len(list))
			}
			end()
		}
	})
}

// TestDecidedDamaged: a file that cannot be read stops nothing, and is written anew.
func TestDecidedDamaged(t *testing.T) {
	book, cfg := idleBook(t, writeRules(t, fewRule)), idleAlerts(t)
	idlePacker(t)
	synctest.Test(t, func(t *testing.T) {
		for _, text := range []string{"", "haetae decided 2\n{}\n", decidedFirst, decidedFirst + "[", decidedFirst + `{"idle":-1}`} {
			mem := disk.NewMem()
			if err := ledger.Create(mem, "d", ""); err != nil {
				t.Fatal(err)
			}
			if err := disk.WriteFile(mem, path.Join("d", decidedName), []byte(text)); err != nil {
				t.Fatal(err)
			}
			s, end := idleServer(t, mem, mem, book, cfg, slog.DiscardHandler)
			if _, err := s.ledger.Append(t.Context(), twoReads()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
			idleHolds(t, s, "beside a damaged file", 1, 1)
			end()
			if d, err := readDecided(mem, "d"); err != nil || d.idle() < 2*time.Hour-time.Second {
				t.Errorf("%q was followed by %+v, %v", text, d, err)
			}
		}
	})
}

// TestDecidedFile pins the form of the file, which docs/formats.md shows.
func TestDecidedFile(t *testing.T) {
	text, err := decided{Watermark: 1767225600000, Newest: 1767225000000, Idle: 1800000}.file()
	if want := "haetae decided 1\n{\"watermark\":1767225600000,\"newest\":1767225000000,\"idle\":1800000}\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v, want %q: see docs/formats.md", text, err, want)
	}
}

func FuzzDecided(f *testing.F) {
	f.Add([]byte(decidedFirst + `{"watermark":5,"newest":4,"idle":3}`))
	f.Add([]byte(decidedFirst + "x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		mem := disk.NewMem()
		if err := mem.MkdirAll("d"); err != nil {
			t.Fatal(err)
		}
		if err := disk.WriteFile(mem, "d/"+decidedName, text); err != nil {
			t.Fatal(err)
		}
		if d, err := readDecided(mem, "d"); err == nil && d.Idle < 0 {
			t.Errorf("%+v", d)
		}
	})
}
