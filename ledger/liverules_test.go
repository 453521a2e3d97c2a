package ledger

import (
	"context"
	"slices"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/segment"
)

// TestTakeLiveRules: a rule keeps its number whatever is in force beside it, another
// wording has another, and what is in force again is the edition it was.
func TestTakeLiveRules(t *testing.T) {
	fsys := create(t)
	l := open(t, fsys, Options{})
	a, b, b2 := LiveRule{"a", 1}, LiveRule{"b", 1}, LiveRule{"b", 2}
	take := func(rules ...LiveRule) (uint32, []uint32) {
		t.Helper()
		edition, numbers, err := l.TakeLiveRules(rules)
		if err != nil {
			t.Fatal(err)
		}
		return edition, numbers
	}
	if e, _ := take(); e != 0 {
		t.Errorf("no rules are edition %d", e)
	}
	e1, n1 := take(b, a)
	e2, n2 := take(a, b2)
	e3, n3 := take(a, b)
	if e1 != 1 || e2 != 2 || e3 != e1 || n3[0] != n1[1] || n3[1] != n1[0] || n2[0] != n1[1] || n2[1] == n1[0] {
		t.Errorf("%d %v, %d %v, %d %v", e1, n1, e2, n2, e3, n3)
	}
	before := l.m.Number
	take(b2, a)
	if l.m.Number != before {
		t.Error("what is known was committed again")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, fsys, Options{})
	defer l.Close()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	numbers, err := v.LiveRules(2)
	if err != nil || len(numbers) != 2 {
		t.Fatal(numbers, err)
	}
	if r, err := v.LiveRule(n2[1]); err != nil || r != b2 {
		t.Error(r, err)
	}
	for _, bad := range []uint32{0, 3} {
		if _, err := v.LiveRules(bad); err == nil {
			t.Errorf("edition %d was never in force", bad)
		}
	}
}

// marksOf counts records by their edition and marks.
func marksOf(t *testing.T, l *Ledger) map[[2]string]int64 {
	t.Helper()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	out := map[[2]string]int64{}
	for _, r := range v.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		for n := range 256 {
			pt, err := r.Partition(n)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range pt.Groups() {
				if sh := shapes[g.Shape]; sh.Flags&segment.Primary != 0 {
					out[[2]string{string(rune('0' + sh.Looked)), sh.Marks}] += int64(g.Rows)
				}
			}
		}
	}
	return out
}

// TestMarksStay: marks go through the journal, a restart, a seal and a merge, and a
// record that comes again with others is the record it was.
func TestMarksStay(t *testing.T) {
	fsys := create(t)
	l := open(t, fsys, Options{})
	if _, _, err := l.TakeLiveRules([]LiveRule{{"a", 1}, {"b", 1}}); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	add := func(from, to int, looked uint32, marks func(n int) []uint32) Receipt {
		t.Helper()
		var list []event.Record
		for n := from; n < to; n++ {
			r := record(n)
			r.Looked, r.Marks = looked, marks(n)
			list = append(list, r)
		}
		got, err := l.Append(ctx, list)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	third := func(n int) []uint32 {
		if n%3 == 0 {
			return []uint32{uint32(n % 2)}
		}
		return nil
	}
	add(0, 60, 1, third)
	add(60, 70, 0, func(int) []uint32 { return nil })
	want := marksOf(t, l)
	if len(want) != 4 || want[[2]string{"1", "\x00"}] != 10 || want[[2]string{"1", "\x01"}] != 10 || want[[2]string{"0", ""}] != 10 {
		t.Fatalf("%v", want)
	}
	same := func(when string) {
		t.Helper()
		if got := marksOf(t, l); !equalCounts(got, want) {
			t.Errorf("%s: %v, not %v", when, got, want)
		}
	}
	if got := add(0, 70, 1, func(int) []uint32 { return []uint32{0, 1} }); got.Accepted != 0 {
		t.Errorf("%d records came in twice", got.Accepted)
	}
	same("delivered again")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, fsys, Options{})
	same("from the journal")
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	same("sealed")
	if got := add(0, 70, 1, func(int) []uint32 { return []uint32{0, 1} }); got.Accepted != 0 {
		t.Errorf("%d records came in twice after the seal", got.Accepted)
	}
	add(70, 100, 1, third)
	want = marksOf(t, l)
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	same("merged")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func equalCounts(a, b map[[2]string]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for k, n := range a {
		if b[k] != n {
			return false
		}
	}
	return true
}

// TestManyMarks: whoever matches every combination of rules does not fill the table of
// shapes; beyond a bound records say that nothing looked at them.
func TestManyMarks(t *testing.T) {
	k := newShapeBook()
	k.limit = 10
	kept, unseen := map[string]bool{}, 0
	for n := range uint32(100) {
		sh := k.bound(segment.Shape{Source: "web", Route: "GET /", Flags: segment.Mapped, Looked: 1, Marks: segment.PackMarks([]uint32{n})})
		if sh.Marks == "" {
			unseen++
			if sh.Looked != 0 {
				t.Fatal("a record whose marks were not kept says that it was looked at")
			}
			continue
		}
		kept[sh.Marks] = true
	}
	if len(kept) != 10 || unseen != 90 {
		t.Errorf("%d sets of marks, %d records without", len(kept), unseen)
	}
	if sh := k.bound(segment.Shape{Source: "web", Route: "GET /", Looked: 1, Marks: segment.PackMarks([]uint32{3})}); !slices.Equal(slices.Collect(segment.MarksOf(sh.Marks)), []uint32{3}) {
		t.Error("a set that is known is not kept")
	}
}
