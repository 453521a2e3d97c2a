package ledger

import (
	"context"
	"sync"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/segment"
)

// TestFollow: a view and what is told after it are all rows, none of them twice,
// however many append, seal and merge meanwhile.
func TestFollow(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{MemtableRows: 40})
	defer l.Close()
	const senders, each = 4, 60
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if _, err := l.Append(context.Background(), records(s*1000+2*i, s*1000+2*i+1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			if err := l.Compact(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	type follow struct {
		before int64
		mu     sync.Mutex
		after  map[event.Millis]int
	}
	var follows []*follow
	var ends []func()
	for range 8 {
		f := &follow{after: map[event.Millis]int{}}
		v, end, err := l.Follow(func(tap Tap) {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, r := range tap.Rows {
				if tap.Shapes[r.Shape].Flags&segment.Primary != 0 {
					f.after[r.Time]++
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range v.Segments() {
			info, err := r.Info()
			if err != nil {
				t.Fatal(err)
			}
			f.before += info.Primaries
		}
		v.Close()
		follows, ends = append(follows, f), append(ends, end)
	}
	wg.Wait()
	for i, f := range follows {
		f.mu.Lock()
		told := int64(0)
		for _, n := range f.after {
			told += int64(n)
		}
		f.mu.Unlock()
		if f.before+told != senders*each*2 {
			t.Errorf("follower %d saw %d records and was told %d, of %d", i, f.before, told, senders*each*2)
		}
		ends[i]()
	}
	if _, err := l.Append(context.Background(), records(9999)); err != nil {
		t.Fatal(err)
	}
	for i, f := range follows {
		told := 0
		for _, n := range f.after {
			told += n
		}
		if f.before+int64(told) != senders*each*2 {
			t.Errorf("follower %d was told after its end", i)
		}
	}
}

// TestFollowHistory: what concerns what was told before is told, and what does not
// is not.
func TestFollowHistory(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	defer l.Close()
	told := 0
	v, end, err := l.Follow(func(tap Tap) {
		if tap.History {
			told++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	v.Close()
	step := func(want int, what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if told != want {
			t.Fatalf("after %s: told %d times, want %d", what, told, want)
		}
	}
	_, err = l.Append(context.Background(), records(1, 2, 3))
	step(0, "an append", err)
	step(0, "a seal", l.Seal())
	step(0, "a merge", l.Compact(context.Background()))
	_, _, err = l.InstallCatalog("c.yaml", []byte("version: 1\nsources: {gateway: {format: combined}}\n"))
	step(1, "a catalog", err)
	step(2, "an import", importAll(l, []int{10, 11, 12}, "head"))
}
