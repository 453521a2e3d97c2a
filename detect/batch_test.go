package detect

import (
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/internal/pseudonym"
)

// TestBatch: how many rows come at a time, and whether the tables are new with each of
// them, changes no signal, for every kind of correlation; and neither do sessions, whose
// rows follow each other with the same key and value.
func TestBatch(t *testing.T) {
	rnd := seed(t)
	docs := rules(t, everyKind)
	for world := range 6 {
		table, rows := someHistory(rnd, 1+rnd.IntN(20))
		if world%2 == 1 { // sessions: what the row before had, more often than not
			for i := 1; i < len(rows); i++ {
				if rnd.IntN(5) > 0 {
					r := rows[i-1]
					r.Time, r.Rows = rows[i].Time, rows[i].Rows
					if rnd.IntN(3) == 0 {
						r.Shape = rows[i].Shape
					}
					rows[i] = r
				}
			}
		}
		w := &small{hasher: pseudonym.NewHasher([32]byte{1})}
		w.registers = someRegister(t, rows[0].Time)
		primary := func(uint32) bool { return true }
		// The watermark moves at the same rows whatever a batch is: there batches end.
		steps := []int{len(rows)}
		for range rnd.IntN(30) {
			steps = append(steps, rnd.IntN(len(rows)))
		}
		slices.Sort(steps)
		run := func(batch func() int, newTables bool) string {
			e, err := New(docs, w, Options{Lateness: 30 * time.Minute, MaxValues: 50})
			if err != nil {
				t.Fatal(err)
			}
			again := func() *Table { return &Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents} }
			mine, at := again(), 0
			for _, step := range steps {
				for at < step {
					n := min(batch(), step-at)
					if newTables {
						mine = again()
					}
					if err := e.Observe(mine, slices.Clone(rows[at:at+n]), primary); err != nil {
						t.Fatal(err)
					}
					at += n
				}
				if err := e.Advance(); err != nil {
					t.Fatal(err)
				}
			}
			return report(t, e)
		}
		want := run(func() int { return 1 }, false)
		for name, batch := range map[string]func() int{
			"two": func() int { return 2 }, "seven": func() int { return 7 }, "any": func() int { return 1 + rnd.IntN(200) }, "all": func() int { return len(rows) },
		} {
			if d := cmp.Diff(want, run(batch, world%3 == 0)); d != "" {
				t.Fatalf("world %d of %d rows: batches of %s differ from rows one by one (-one +batch)\n%s", world, len(rows), name, d)
			}
		}
	}
}

// TestGroupsByKey compares the index of groups with a map, over adding, finding and
// forgetting.
func TestGroupsByKey(t *testing.T) {
	rnd := seed(t)
	for range 20 {
		var gs groups
		want := map[string]int64{} // the last cell of each
		now := int64(0)
		for range 3000 {
			k := tuple{uint64(rnd.IntN(400)), uint64(rnd.IntN(2))}
			part := uint64(1 + rnd.IntN(3))
			name, hash := fmt.Sprint(k, part), hashOf(&k, part)
			g := gs.get(&k, part, hash)
			if _, ok := want[name]; ok != (g != nil) {
				t.Fatalf("a group is found: %v, want %v", g != nil, ok)
			}
			if g == nil {
				g = gs.add(&k, part, hash)
			}
			if g.key != k || g.more.part != part {
				t.Fatal("another group is found")
			}
			g.note(now, 0)
			want[name] = now
			if rnd.IntN(200) == 0 {
				now += int64(1 + rnd.IntN(5))
				gs.expire(now-2, now, 3, nil)
				for name, last := range want {
					if last < now-2 {
						delete(want, name)
					}
				}
			}
			if gs.n != len(want) {
				t.Fatalf("%d groups, want %d", gs.n, len(want))
			}
		}
	}
}

// TestCodeMap compares it with a map.
func TestCodeMap(t *testing.T) {
	rnd := seed(t)
	for range 50 {
		var m codeMap[int]
		want := map[uint64]int{}
		for i := range 1 + rnd.IntN(2000) {
			code := uint64(rnd.IntN(500))
			v, fresh := m.put(code)
			if _, ok := want[code]; fresh == ok {
				t.Fatalf("a code is new: %v", fresh)
			}
			*v, want[code] = i, i
			switch rnd.IntN(300) {
			case 0:
				odd := rnd.IntN(2)
				m.keep(func(_ uint64, v *int) bool { return *v%2 == odd })
				for c, v := range want {
					if v%2 != odd {
						delete(want, c)
					}
				}
			case 1:
				m.clear()
				clear(want)
			}
			if m.len() != len(want) {
				t.Fatalf("%d codes, want %d", m.len(), len(want))
			}
		}
		for code := range uint64(500) {
			v, ok := want[code]
			if got := m.get(code); (got != nil) != ok || ok && *got != v {
				t.Fatal("a code has another value")
			}
		}
	}
}

// TestGroupSize: a group is four cache lines; see group.
func TestGroupSize(t *testing.T) {
	if n := unsafe.Sizeof(group{}); n != 256 {
		t.Errorf("a group has %d bytes", n)
	}
}
