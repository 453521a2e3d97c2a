package journal_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/journal/journaltest"
)

func newDir(t testing.TB) *disk.Mem {
	t.Helper()
	m := disk.NewMem()
	if err := m.MkdirAll("j"); err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, fsys disk.FS, size int64) *journal.Local {
	t.Helper()
	j, err := journal.Open(fsys, "j", journal.Options{FileSize: size})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustAppend(t testing.TB, j journal.Journal, entry string) journal.Position {
	t.Helper()
	pos, err := j.Append(context.Background(), []byte(entry))
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

type reader interface {
	Read(journal.Position, func(journal.Position, []byte) error) error
}

// all returns what is behind after, by position.
func all(r reader, after journal.Position) ([]journal.Position, []string, error) {
	var ps []journal.Position
	var es []string
	err := r.Read(after, func(pos journal.Position, entry []byte) error {
		ps, es = append(ps, pos), append(es, string(entry))
		return nil
	})
	return ps, es, err
}

func TestConformance(t *testing.T) {
	for _, size := range []int64{0, 4000, 1} {
		t.Run(fmt.Sprintf("mem, files of %d", size), func(t *testing.T) {
			journaltest.Run(t, func(t *testing.T) journaltest.Place {
				m := newDir(t)
				return func() (journal.Journal, error) {
					return journal.Open(m, "j", journal.Options{FileSize: size})
				}
			})
		})
	}
	t.Run("os", func(t *testing.T) {
		journaltest.Run(t, func(t *testing.T) journaltest.Place {
			dir := t.TempDir()
			return func() (journal.Journal, error) {
				return journal.Open(disk.OS, dir, journal.Options{FileSize: 1 << 20})
			}
		})
	})
}

// TestOrderOfOperations is the golden of what an append does to the disk, and
// when it is acknowledged: after the last line.
func TestOrderOfOperations(t *testing.T) {
	m := newDir(t)
	f := disk.NewFaulty(m)
	var out strings.Builder
	step := func(title string) {
		fmt.Fprintf(&out, "%s:\n", title)
		for _, l := range f.Log() {
			fmt.Fprintf(&out, "\t%s\n", strings.ReplaceAll(l, "000000000000", "…"))
		}
		f.FailAt(0, nil)
	}
	j := open(t, f, 110)
	step("open, empty")
	mustAppend(t, j, "one")
	step("first append")
	mustAppend(t, j, "two")
	step("append")
	mustAppend(t, j, "three")
	step("append that begins a file")
	if err := j.Trim(3); err != nil {
		t.Fatal(err)
	}
	step("trim")
	j.Close()
	step("close")
	open(t, f, 110).Close()
	step("open and close")
	const want = `open, empty:
first append:
	create j/…00000001.journal
	write j/…00000001.journal
	sync j/…00000001.journal
	syncdir j
	write j/…00000001.journal
	sync j/…00000001.journal
append:
	write j/…00000001.journal
	sync j/…00000001.journal
append that begins a file:
	create j/…00000003.journal
	write j/…00000003.journal
	sync j/…00000003.journal
	syncdir j
	write j/…00000003.journal
	sync j/…00000003.journal
trim:
	remove j/…00000001.journal
	syncdir j
close:
open and close:
	sync j/…00000003.journal
	syncdir j
`
	if got := out.String(); got != want {
		t.Errorf("order of operations:\n%s\nwant:\n%s", got, want)
	}
}

// gate is a disk whose next sync waits.
type gate struct {
	disk.FS
	arrived, leave chan struct{}
	syncs          atomic.Int32
}

type gateFile struct {
	disk.File
	g *gate
}

func (g *gate) OpenAppend(name string) (disk.File, error) {
	f, err := g.FS.OpenAppend(name)
	return gateFile{f, g}, err
}

func (f gateFile) Sync() error {
	f.g.syncs.Add(1)
	f.g.arrived <- struct{}{}
	<-f.g.leave
	return f.File.Sync()
}

func TestAppendersShareAnFsync(t *testing.T) {
	g := &gate{FS: newDir(t), arrived: make(chan struct{}), leave: make(chan struct{})}
	j := open(t, g, 0)
	var wg sync.WaitGroup
	one := func(ctx context.Context, errp *error) {
		wg.Go(func() { _, *errp = j.Append(ctx, []byte("x")) })
	}
	var first error
	one(context.Background(), &first)
	<-g.arrived // the header of the file
	g.leave <- struct{}{}
	<-g.arrived // the entry is written, and being synced

	// Its context cannot end any more without the outcome being unknown; that
	// of an entry in the line can.
	ctx, cancel := context.WithCancel(context.Background())
	errs := make([]error, 50)
	for i := range errs {
		one(context.Background(), &errs[i])
	}
	var left error
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, left = j.Append(ctx, []byte("leaves the line"))
	}()
	for j.Waiting() < 51 {
		runtime.Gosched()
	}
	cancel()
	<-gone
	if !errors.Is(left, context.Canceled) || errors.Is(left, journal.ErrUnknown) {
		t.Errorf("leaving the line: %v", left)
	}
	g.leave <- struct{}{}
	<-g.arrived

	ctx, cancel = context.WithCancel(context.Background())
	var unknown error
	gone = make(chan struct{})
	g.leave <- struct{}{}
	wg.Wait()
	if n := g.syncs.Load(); n != 3 {
		t.Errorf("%d syncs for 51 entries and a header, want 3", n)
	}
	go func() {
		defer close(gone)
		_, unknown = j.Append(ctx, []byte("unknown"))
	}()
	<-g.arrived
	cancel()
	<-gone
	if !errors.Is(unknown, journal.ErrUnknown) || !errors.Is(unknown, context.Canceled) {
		t.Errorf("context that ended during the sync: %v", unknown)
	}
	g.leave <- struct{}{}
	for _, err := range append(errs, first) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, es, err := all(open(t, g.FS, 0), 0)
	if err != nil || len(es) != 52 || es[51] != "unknown" {
		t.Errorf("%d entries, %v", len(es), err)
	}
}

func TestCloseWaitsForTheWrite(t *testing.T) {
	g := &gate{FS: newDir(t), arrived: make(chan struct{}), leave: make(chan struct{})}
	j := open(t, g, 0)
	errs := make(chan error, 2)
	add := func() { _, err := j.Append(context.Background(), []byte("x")); errs <- err }
	go add()
	<-g.arrived
	go add()
	for j.Waiting() < 1 {
		runtime.Gosched()
	}
	closed := make(chan error)
	go func() { closed <- j.Close() }()
	if err := <-errs; !errors.Is(err, journal.ErrClosed) {
		t.Errorf("the one in the line: %v", err)
	}
	g.leave <- struct{}{}
	<-g.arrived
	g.leave <- struct{}{}
	if err := <-errs; err != nil {
		t.Errorf("the one being written: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	for _, size := range []int64{0, 200} { // the limit meets a frame, or a new file
		m := newDir(t)
		j := open(t, m, size)
		var want []string
		add := func(n int) error {
			e := strings.Repeat(fmt.Sprint(n%10), n)
			pos, err := j.Append(context.Background(), []byte(e))
			if err == nil {
				want = append(want, e)
				if int(pos) != len(want) {
					t.Fatalf("position %d for entry %d", pos, len(want))
				}
			}
			return err
		}
		for limit := int64(0); limit < 1500; limit += 13 {
			m.Limit(max(1, limit))
			for n := 120; n > 0; n -= 40 {
				if err := add(n); err != nil && (!errors.Is(err, syscall.ENOSPC) || errors.Is(err, journal.ErrUnknown)) {
					t.Fatalf("limit %d: %v", limit, err)
				}
			}
			_, got, err := all(j, 0)
			if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Fatalf("limit %d: %d entries of %d, %v", limit, len(got), len(want), err)
			}
			if limit%3 == 0 {
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				m.Limit(0)
				j = open(t, m, size)
				if j.Repaired() != 0 {
					t.Fatalf("limit %d: a refused entry left %d bytes", limit, j.Repaired())
				}
			}
		}
		if len(want) < 3 {
			t.Fatalf("only %d entries fitted", len(want))
		}
	}
}

func TestPoisoned(t *testing.T) {
	m := newDir(t)
	f := disk.NewFaulty(m)
	j := open(t, f, 0)
	mustAppend(t, j, "a")
	f.FailAt(2, syscall.EIO) // write, sync
	if _, err := j.Append(context.Background(), []byte("b")); !errors.Is(err, journal.ErrUnknown) || !errors.Is(err, journal.ErrPoisoned) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("append over a failing fsync: %v", err)
	}
	for range 2 {
		if _, err := j.Append(context.Background(), []byte("c")); !errors.Is(err, journal.ErrPoisoned) || errors.Is(err, journal.ErrUnknown) {
			t.Fatalf("append after a failed fsync: %v", err)
		}
	}
	if err := j.Trim(1); !errors.Is(err, journal.ErrPoisoned) {
		t.Errorf("trim after a failed fsync: %v", err)
	}
	if got := strings.Join(f.Log(), ","); strings.Count(got, "sync") != 1 {
		t.Errorf("the fsync was tried again: %s", got)
	}
	if _, es, err := all(j, 0); err != nil || len(es) != 1 {
		t.Errorf("what was acknowledged: %q, %v", es, err)
	}
	j.Close()
	j = open(t, m, 0)
	if pos := mustAppend(t, j, "d"); pos != 2 {
		t.Errorf("position %d after reopening", pos)
	}
}

func TestTrimRemovesFiles(t *testing.T) {
	m := newDir(t)
	j := open(t, m, 1000)
	for range 100 {
		mustAppend(t, j, strings.Repeat("x", 90))
	}
	count := func() int {
		names, err := m.List("j")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	before := count()
	if err := j.Trim(50); err != nil {
		t.Fatal(err)
	}
	if now := count(); now >= before || now < before/3 {
		t.Errorf("%d files of %d after trimming half", now, before)
	}
	if _, _, err := all(j, 10); !errors.Is(err, journal.ErrTrimmed) {
		t.Errorf("read of trimmed entries: %v", err)
	}
	if err := j.Trim(1 << 40); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, "y")
	if err := j.Trim(100); err != nil {
		t.Fatal(err)
	}
	if now := count(); now != 1 {
		t.Errorf("%d files after trimming everything", now)
	}
	ps, es, err := all(j, 100)
	if err != nil || len(es) != 1 || ps[0] != 101 {
		t.Errorf("%v %q %v", ps, es, err)
	}
}

// TestTrimAfterUnfinishedFile: a file that lost power before its header was whole is begun
// again, and so are the entries in it: Trim takes no file for one that comes before itself.
func TestTrimAfterUnfinishedFile(t *testing.T) {
	m := newDir(t)
	const size = 100 // less than sixteen headers, so that an empty file is not small
	j := open(t, m, size)
	mustAppend(t, j, strings.Repeat("x", 90))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := m.OpenAppend("j/00000000000000000002.journal")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	j = open(t, m, size)
	if err := j.Trim(1); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, strings.Repeat("y", 90))
	mustAppend(t, j, "z")
	for range 2 {
		if err := j.Trim(1); err != nil {
			t.Fatal(err)
		}
	}
	if ps, _, err := all(j, 1); err != nil || len(ps) != 2 {
		t.Errorf("%v, %v: entries 2 and 3 are needed", ps, err)
	}
}

// TestReaderBesideWriter reads from a second opening while entries are appended
// and trimmed: what it sees has no hole and nothing torn.
func TestReaderBesideWriter(t *testing.T) {
	dir := t.TempDir()
	for name, place := range map[string]struct {
		fs  disk.FS
		dir string
	}{"mem": {newDir(t), "j"}, "os": {disk.OS, dir}} {
		t.Run(name, func(t *testing.T) {
			j, err := journal.Open(place.fs, place.dir, journal.Options{FileSize: 4000})
			if err != nil {
				t.Fatal(err)
			}
			r, err := journal.ReadOnly(place.fs, place.dir)
			if err != nil {
				t.Fatal(err)
			}
			var trimmed atomic.Uint64
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := 1; i <= 400; i++ {
					pos, err := j.Append(context.Background(), []byte(strings.Repeat(fmt.Sprint(i, ","), 1+i%50)))
					if err != nil || int(pos) != i {
						t.Errorf("append: %d, %v", pos, err)
						return
					}
					if i%60 == 0 {
						trimmed.Store(uint64(pos) - 30)
						if err := j.Trim(pos - 30); err != nil {
							t.Error(err)
						}
					}
				}
			}()
			for running := true; running; {
				select {
				case <-done:
					running = false
				default:
				}
				from := journal.Position(trimmed.Load())
				next := from + 1
				err := r.Read(from, func(pos journal.Position, e []byte) error {
					if pos != next || string(e) != strings.Repeat(fmt.Sprint(pos, ","), 1+int(pos)%50) {
						return fmt.Errorf("read position %d, want %d: %q", pos, next, e)
					}
					next++
					return nil
				})
				if err != nil && !(errors.Is(err, journal.ErrTrimmed) && uint64(from) < trimmed.Load()) {
					t.Fatal(err)
				}
				if !running && next != 401 {
					t.Fatalf("read up to %d in the end", next-1)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, par := range []int{1, 64} {
		b.Run(fmt.Sprintf("appenders=%d", par), func(b *testing.B) {
			j, err := journal.Open(disk.OS, b.TempDir(), journal.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			entry := make([]byte, 4096)
			b.SetBytes(int64(len(entry)))
			b.SetParallelism(par)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := j.Append(context.Background(), entry); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
