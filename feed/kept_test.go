package feed

import (
	"testing"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// TestSeen: of too many stretches the earliest are forgotten, and their time counts as
// one for which nothing was known.
func TestSeen(t *testing.T) {
	k := &kept{MaxAge: 10, Every: 5, Since: 0}
	for i := range maxSeen + 50 {
		k.seen(event.Millis(100 * (i + 1)))
	}
	k.seen(100) // older than what is known
	c := k.cover()
	if len(c.Seen) != maxSeen || c.Seen[0][0] != 100*51 {
		t.Fatalf("%d stretches from %d", len(c.Seen), c.Seen[0][0])
	}
	stale := c.Stale(100 * (maxSeen + 50))
	if stale[0] != [2]event.Millis{0, 100 * 51} || len(stale) != maxSeen {
		t.Errorf("%d, first %v", len(stale), stale[0])
	}
	last := k.Seen
	k.seen(last[len(last)-1][1] + 10)
	if n := len(k.Seen); n != maxSeen || k.Seen[n-1][1] == last[n-1][1] {
		t.Errorf("what an engine may hold was changed: %v, %v", k.Seen[n-1], last[n-1])
	}
}

// FuzzKept: what is below the seal was written by this package; a file that was not is
// refused, and never a panic.
func FuzzKept(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"staff","kind":"holders","content":{"holders":[{"person":"zz"}]}}`))
	f.Add([]byte(`{"version":2,"name":"staff"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fsys := disk.NewMem()
		if err := fsys.MkdirAll("data/feeds"); err != nil {
			t.Fatal(err)
		}
		if err := disk.WriteFile(fsys, "data/feeds/staff.feed", append([]byte(magic), hasher.SealState(text)...)); err != nil {
			t.Fatal(err)
		}
		got, err := Kept(fsys, "data", hasher)
		if err != nil {
			return
		}
		var o detect.Options
		got.Into(&o)
		if len(o.Feeds) != 1 {
			t.Fatalf("%d feeds of one", len(o.Feeds))
		}
		o.Feeds[0].Stale(1 << 40)
	})
}
