package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/internal/written/writtentest"
)

// stand is a desk with one feed that is a file, and what it is asked to do.
type stand struct {
	t       *testing.T
	fs      disk.FS
	file    string
	feed    Feed
	log     bytes.Buffer
	changed int
	install []string
	desk    *Desk
}

func newStand(t *testing.T, kind detect.FeedKind) *stand {
	s := &stand{t: t, file: filepath.Join(t.TempDir(), "staff.csv")}
	mem := disk.NewMem()
	if err := mem.MkdirAll("data"); err != nil {
		t.Fatal(err)
	}
	s.fs = mem
	s.feed = Feed{Name: "staff", Kind: kind, List: "staff", File: s.file, Format: "csv", Every: time.Hour, MaxAge: 24 * time.Hour, Shrink: 50}
	return s
}

func (s *stand) options() Options {
	return Options{
		FS: s.fs, Data: "data", Hasher: hasher, Zone: func() *time.Location { return seoul }, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		Changed: func() { s.changed++ },
		Install: func(_ context.Context, f *Feed, from event.Millis, lines []byte) error {
			if strings.Contains(string(lines), "refuse") {
				return written.Mistakes{{File: f.Name, Line: 2, Field: "since", Problem: "no", ProblemKO: "아님"}}
			}
			s.install = append(s.install, fmt.Sprintf("%d %s", from, lines))
			return nil
		},
	}
}

func (s *stand) open() {
	s.t.Helper()
	var err error
	if s.desk, err = Open(&Config{Feeds: []Feed{s.feed}}, s.options()); err != nil {
		s.t.Fatal(err)
	}
}

// source writes the file as a job would, now.
func (s *stand) source(text string) {
	s.t.Helper()
	put(s.t, s.file, text)
	if err := os.Chtimes(s.file, time.Now(), time.Now()); err != nil {
		s.t.Fatal(err)
	}
}

// look looks once and gives how the feed stands.
func (s *stand) look() Status {
	s.t.Helper()
	s.desk.look(s.t.Context(), s.desk.slots[0])
	list, _ := s.desk.Status(time.Now())
	return list[0]
}

func (s *stand) holders() map[string]event.Millis {
	out := map[string]event.Millis{}
	for _, h := range s.desk.Registers().Holders {
		for _, id := range []string{"s1", "s2", "s3", "s4"} {
			if h.Person == detect.PersonOf(hasher, id) {
				out[id] = h.Left
			}
		}
	}
	return out
}

// TestAge: the age of a feed is that of its content by its source. Looks that find
// nothing new keep it fresh only if the source was written anew.
func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedHolders)
		s.open()
		if st := s.look(); st.State != Never || st.Error != "the file is not there" || st.Rows != 0 {
			t.Errorf("before it came: %+v", st)
		}
		s.source("id\ns1\ns2\n")
		written := event.MillisOf(time.Now())
		if st := s.look(); st.State != Fresh || st.Rows != 2 || st.Error != "" || s.changed != 1 {
			t.Errorf("when it came: %+v, changed %d", st, s.changed)
		}
		time.Sleep(20 * time.Hour)
		s.source("id\ns1\ns2\n")
		again := event.MillisOf(time.Now())
		if st := s.look(); st.State != Fresh || st.Age > 60 || s.changed != 1 {
			t.Errorf("written anew and the same: %+v, changed %d", st, s.changed)
		}
		time.Sleep(25 * time.Hour)
		st := s.look()
		if st.State != Stale || st.Age < 25*3600 || st.Error != "" || !st.Success.After(st.AsOf.Add(24*time.Hour)) {
			t.Errorf("read without trouble, and old: %+v", st)
		}
		s.source("id\ns1\ns2\n")
		late := event.MillisOf(time.Now())
		s.look()
		if d := cmp.Diff([][2]event.Millis{{written, again}, {late, late}}, s.desk.Covers()[0].Seen); d != "" {
			t.Error(d)
		}
	})
}

// TestShrink: what is empty or has lost more than half is not taken until somebody says
// that it is right, and then only so far.
func TestShrink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedHolders)
		s.open()
		s.source("id\n")
		if st := s.look(); st.Refused == nil || st.State != Never {
			t.Errorf("an empty one at first: %+v", st)
		}
		s.source("id\ns1\ns2\ns3\ns4\n")
		s.look()
		before := s.holders()
		for _, text := range []string{"id\n", "id\ns1\n"} {
			s.source(text)
			st := s.look()
			if st.Refused == nil || st.Refused.Before != 4 || st.Rows != 4 || !strings.Contains(st.Error, "haetae feed accept staff") || st.Fails == 0 {
				t.Errorf("%q: %+v", text, st)
			}
			if d := cmp.Diff(before, s.holders()); d != "" {
				t.Errorf("%q: a short one was taken: %s", text, d)
			}
		}
		if _, err := s.desk.Accept("other", nil); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		full := errors.New("the disk is full")
		if _, err := s.desk.Accept("staff", func(Refused) error { return full }); !errors.Is(err, full) || s.look().Refused == nil {
			t.Errorf("%v: it was accepted, and nobody wrote down by whom", err)
		}
		var noted Refused
		got, err := s.desk.Accept("staff", func(r Refused) error { noted = r; return nil })
		if noted != got {
			t.Errorf("%+v was noted", noted)
		}
		if err != nil || got.Rows != 1 || got.Before != 4 {
			t.Fatalf("%+v, %v", got, err)
		}
		s.source("id\n") // it has become shorter still: not what was accepted
		if st := s.look(); st.Refused == nil {
			t.Errorf("shorter than what was accepted: %+v", st)
		}
		s.source("id\ns1\n")
		asOf := event.MillisOf(time.Now())
		if st := s.look(); st.Refused != nil || st.Rows != 1 || st.Error != "" {
			t.Errorf("accepted: %+v", st)
		}
		if d := cmp.Diff(map[string]event.Millis{"s1": 0, "s2": asOf, "s3": asOf, "s4": asOf}, s.holders()); d != "" {
			t.Errorf("whoever is missing has left: %s", d)
		}
		if _, err := s.desk.Accept("staff", nil); !errors.Is(err, ErrNothing) {
			t.Error(err)
		}
		s.source("id\ns1\ns2\n") // s2 was missing by mistake
		s.look()
		if d := cmp.Diff(map[string]event.Millis{"s1": 0, "s2": 0, "s3": asOf, "s4": asOf}, s.holders()); d != "" {
			t.Errorf("back without a date: %s", d)
		}
	})
}

// TestReadOtherwise: when the settings say another way of reading, or the catalog another
// zone, the same content is read anew, and nobody has left by that.
func TestReadOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedHolders)
		s.feed.Columns = map[string]string{"id": "name"}
		s.open()
		s.source("id,name,left\ns1,s3,2026-01-01\ns2,s4,\n")
		s.look()
		s.feed.Columns = nil
		s.open()
		s.look()
		want := map[string]event.Millis{"s1": day("2026-01-01"), "s2": 0, "s3": day("2026-01-01")}
		if d := cmp.Diff(want, s.holders()); d != "" {
			t.Error(d)
		}
		s.desk.o.Zone = func() *time.Location { return time.UTC }
		s.look()
		if got := s.holders()["s1"]; got != day("2026-01-01")+9*3_600_000 {
			t.Errorf("in another zone the day begins at %d", got)
		}
	})
}

// TestBroken: content with a mistake leaves the one before, and says where it is.
func TestBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedHolders)
		s.open()
		s.source("id,left\ns1,\ns2,2026-01-01\n")
		s.look()
		before := s.holders()
		s.source("id,left\ns1,\ns2," + writtentest.Marker + "\ns3,\n")
		st := s.look()
		if !strings.HasPrefix(st.Error, "staff:3: left: is no date") || st.Rows != 2 || st.State != Fresh {
			t.Errorf("%+v", st)
		}
		if d := cmp.Diff(before, s.holders()); d != "" {
			t.Error(d)
		}
	})
}

// TestLedgerKinds: a register of members goes to the ledger once for each content, dated
// by its age, and a mistake that is found there has its line of the source.
func TestLedgerKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedRegister)
		s.open()
		s.source("account,since\nm1,\nm2,2020-01-01\n")
		asOf := event.MillisOf(time.Now())
		s.look()
		s.source("account,since\nm1,\nm2,2020-01-01\n")
		s.look()
		want := fmt.Sprintf("%d {\"account\":\"m1\"}\n{\"account\":\"m2\",\"since\":\"2020-01-01\"}\n", asOf)
		if len(s.install) != 1 || s.install[0] != want || s.changed != 0 {
			t.Errorf("%q, changed %d", s.install, s.changed)
		}
		s.source("account,since\nm1,\n\nm2,refuse\n")
		if st := s.look(); st.Error != "staff:4: since: no" || st.Rows != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// TestRun: looks come each hour, after a failure sooner and then ever later, and stop.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedList)
		s.open()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.desk.Run(ctx); close(done) }()
		status := func() Status {
			synctest.Wait()
			list, _ := s.desk.Status(time.Now())
			return list[0]
		}
		time.Sleep(time.Minute)
		if n := status().Fails; n < 2 || n > 4 { // at 0, 10, 30 and 70 s, each up to a tenth off
			t.Errorf("%d looks in the first minute", n)
		}
		time.Sleep(12 * time.Hour)
		if n := status().Fails; n < 16 || n > 30 {
			t.Errorf("%d looks in twelve hours of failures: the pause does not grow to an hour and stay there", n)
		}
		s.source("value\nm1\n")
		time.Sleep(70 * time.Minute)
		if st := status(); st.Fails != 0 || st.Rows != 1 {
			t.Errorf("%+v", st)
		}
		if d := cmp.Diff(map[string][]string{"staff": {"m1"}}, s.desk.Registers().Lists); d != "" {
			t.Error(d)
		}
		stop()
		<-done
	})
}

// TestReload: a mistake changes nothing, a feed that is no longer there is forgotten, and
// one that stays keeps what it brought while the looks go on.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedHolders)
		s.open()
		s.source("id\ns1\n")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.desk.Run(ctx); close(done) }()
		time.Sleep(time.Minute)
		file := filepath.Join(t.TempDir(), "feeds.yaml")
		put(t, file, "version: 1\nfeeds:\n  - {name: staff, kind: people, from: {file: x}}\n")
		if err := s.desk.Reload(file); err == nil {
			t.Error("a mistake was taken")
		}
		if _, wrong := s.desk.Status(time.Now()); !strings.Contains(wrong.EN, "feeds[0].kind") {
			t.Errorf("what is wrong is not told: %q", wrong.EN)
		}
		put(t, file, fmt.Sprintf("version: 1\nfeeds:\n  - {name: staff, kind: holders, from: {file: %q}, every: 10m}\n", s.file))
		if err := s.desk.Reload(file); err != nil {
			t.Fatal(err)
		}
		s.source("id\ns1\ns2\n")
		time.Sleep(12 * time.Minute)
		if got := s.holders(); len(got) != 2 {
			t.Errorf("after a reload: %v", got)
		}
		put(t, file, "version: 1\nfeeds: []\n")
		if err := s.desk.Reload(file); err != nil {
			t.Fatal(err)
		}
		stop()
		<-done
		if r := s.desk.Registers(); r.Holders != nil || len(r.Feeds) != 0 {
			t.Errorf("a feed that is no longer there: %+v", r)
		}
		if list, err := names(s.fs, "data/feeds"); err != nil || len(list) != 0 {
			t.Errorf("its file is still there: %q, %v", list, err)
		}
	})
}

// TestCrash: the power is cut at each operation of a look. What is there afterwards is
// the content before or the new one, and what was reported as taken is there.
func TestCrash(t *testing.T) {
	for n := 1; ; n++ {
		over := false
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t, detect.FeedHolders)
			mem := s.fs.(*disk.Mem)
			s.open()
			s.source("id\ns1\ns2\n")
			s.look()
			faulty := disk.NewFaulty(mem)
			s.fs = faulty
			s.open()
			s.source("id\ns1\ns2\ns3\n")
			faulty.FailFrom(n, disk.ErrCrashed)
			st := s.look()
			if over = faulty.Ops() < n; over && st.Error != "" {
				t.Errorf("nothing failed: %+v", st)
			}
			if !over && n < 6 && st.Error == "" {
				t.Errorf("at operation %d of %q: reported as taken", n, faulty.Log())
			}
			for seed := range uint64(5) {
				s.fs = mem.Crash(rand.New(rand.NewPCG(seed, uint64(n))))
				s.open()
				got := len(s.holders())
				if got != 2 && got != 3 || over && got != 3 {
					t.Errorf("at operation %d of %q, seed %d: %d holders", n, faulty.Log(), seed, got)
				}
			}
		})
		if over {
			if n < 5 {
				t.Errorf("only %d operations: the test looks at too little", n)
			}
			return
		}
	}
}

// TestDiskFull: what cannot be kept is not taken, and is tried again.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedHolders)
		s.open()
		faulty := disk.NewFaulty(s.fs)
		s.desk.o.FS = faulty
		s.source("id\ns1\n")
		faulty.FailAt(3, errors.New("no space"))
		if st := s.look(); st.Error != "cannot be written into the data folder: no space" || st.Rows != 0 || s.changed != 0 {
			t.Errorf("%+v, changed %d", st, s.changed)
		}
		if st := s.look(); st.Error != "" || st.Rows != 1 || s.changed != 1 {
			t.Errorf("%+v, changed %d", st, s.changed)
		}
	})
}

// TestDamaged: a file that was changed, or belongs to another folder's key, is refused
// and not taken for an empty one.
func TestDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, detect.FeedHolders)
		s.open()
		s.source("id\ns1\n")
		s.look()
		name := "data/feeds/staff.feed"
		whole, err := disk.ReadFile(s.fs, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{whole[:len(whole)-1], whole[:4], {}, append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1)} {
			if err := disk.WriteFile(s.fs, name, data); err != nil {
				t.Fatal(err)
			}
			if _, err := Kept(s.fs, "data", hasher); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%d bytes: %v", len(data), err)
			}
		}
	})
}

// TestMarker: no id and no name of a content is on the disk, in the log, or in how the
// feed stands, whether it is sound or broken.
func TestMarker(t *testing.T) {
	m := writtentest.Marker
	for kind, texts := range map[detect.FeedKind][2]string{
		detect.FeedHolders: {"id,team,moved_from,left\n" + m + "," + m + "," + m + ",\n", "id,left\n" + m + "," + m + "\n"},
		detect.FeedKeys:    {"key,custodian,owner,purpose\n" + m + "," + m + "," + m + "," + m + "\n", "key,retired\n" + m + "," + m + "\n"},
		detect.FeedList:    {"value\n" + m + "\n", "value\n" + m + "*\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t, kind)
			s.open()
			for _, text := range texts {
				s.source(text)
				st := s.look()
				if said := fmt.Sprintf("%+v", st); strings.Contains(said, m) {
					t.Errorf("%s: %s", kind, said)
				}
			}
			if list, _ := s.desk.Status(time.Now()); list[0].Fails == 0 || list[0].Rows != 1 {
				t.Errorf("%s: %+v", kind, list[0])
			}
			if strings.Contains(s.log.String(), m) {
				t.Errorf("%s: %s", kind, s.log.String())
			}
			f, err := s.fs.Open("data/feeds/staff.feed")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			sealed, err := io.ReadAll(f)
			if err != nil || bytes.Contains(sealed, []byte(m)) {
				t.Errorf("%s: on the disk, %v", kind, err)
			}
			// Below the seal there is no person either.
			plain, err := hasher.OpenState(bytes.TrimPrefix(sealed, []byte(magic)))
			if err != nil {
				t.Fatal(err)
			}
			if kind == detect.FeedHolders && bytes.Contains(plain, []byte(m)) || kind == detect.FeedKeys && bytes.Count(plain, []byte(m)) != 1 {
				t.Errorf("%s: persons under the seal: %s", kind, plain)
			}
		})
	}
}
