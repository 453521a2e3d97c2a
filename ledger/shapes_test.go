package ledger

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/segment"
)

// garbage is a request of a scanner: a path that no catalog knows, under a key
// that nobody has given out.
func garbage(source string, n int) event.Record {
	r := record(7*n + 2)
	r.Source, r.ID = source, event.RecordID(fmt.Sprint("garbage ", n))
	r.Route, r.Mapped, r.Status = fmt.Sprintf("GET /{word}/%d", n), false, 404
	r.Credential.Key, r.Subjects, r.Position = fmt.Sprint("kid-", n), nil, event.PositionNone
	return r
}

// shapesOf counts the shapes of the largest segment, and the records of each
// source that lost their path.
func shapesOf(t *testing.T, l *Ledger) (most int, all int64, lost map[string]int64) {
	t.Helper()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	lost = map[string]int64{}
	for _, r := range v.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(shapes))
		for p := range 256 {
			pt, err := r.Partition(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range pt.Groups() {
				sh := shapes[g.Shape]
				if sh.Flags&segment.Primary == 0 {
					continue
				}
				if all += int64(g.Rows); strings.HasPrefix(sh.Route, segment.TooMany) {
					lost[sh.Source] += int64(g.Rows)
					if sh.Key != segment.TooMany || sh.Flags&segment.Mapped != 0 || sh.Status != 404 {
						t.Errorf("kept as %+v", sh)
					}
				}
			}
		}
	}
	return most, all, lost
}

// TestShapesFlood: a flood of garbage paths and keys fills no table: what comes
// beyond the bound of its source is kept as one route, counted, and unmapped; the
// records of others, and those on known routes, keep all they have. The bound
// holds for each seal and for each stage of an import, live, sealed, merged and
// after an opening.
func TestShapesFlood(t *testing.T) {
	const flood = maxUnmapped + 3000
	m := create(t)
	l := open(t, m, Options{})
	var batch []event.Record
	for i := range flood {
		batch = append(batch, garbage("gateway", i))
		if len(batch) == 1000 {
			appendAll(t, l, batch...)
			batch = batch[:0]
		}
	}
	other := garbage("other", 1)
	known := record(9)
	known.Credential.Key = "sig-evidence"
	appendAll(t, l, other, known)
	check := func(when string, records, gone int64) {
		t.Helper()
		most, all, lost := shapesOf(t, l)
		if all != records || lost["gateway"] != gone || len(lost) != 1 || most > maxUnmapped+1000 {
			t.Errorf("%s: %d records, lost %v, %d shapes in one segment; want %d records, %d of them without a path", when, all, lost, most, records, gone)
		}
	}
	check("live", flood+2, 3000)
	l.Close()
	l = open(t, m, Options{})
	check("after an opening", flood+2, 3000)
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	check("sealed", flood+2, 3000)
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, r := range v.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		for _, sh := range shapes {
			found = found || sh.Key == "sig-evidence"
		}
	}
	v.Close()
	if !found {
		t.Error("the key of a record on a known route is gone")
	}
	// An import has a bound of its own.
	im := begin(t, l, ImportSpec{Source: "gateway", Name: "log", Size: 1})
	b := l.NewBatch()
	for i := range flood {
		r := garbage("gateway", flood+i)
		b.Add(&r)
	}
	if err := im.Submit(Chunk{Batch: b, Lines: flood, End: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Commit(""); err != nil {
		t.Fatal(err)
	}
	check("imported", 2*flood+2, 6000)
	if err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	check("merged", 2*flood+2, 6000)
	l.Close()
}

// TestManyShapesStay: files that are full of shapes are not merged into ones with
// more, and do not keep the others from it.
func TestManyShapesStay(t *testing.T) {
	var segs []segmentRef
	for i := range 40 {
		segs = append(segs, segmentRef{Name: fmt.Sprintf("%02d", i), Zone: segment.Zone{Rows: 1000, MinTime: noon, MaxTime: noon}})
	}
	full := func(s segmentRef) int64 {
		if s.Name < "10" {
			return maxShapeBytes / 2
		}
		return maxShapeBytes / 10
	}
	group := pickMerge(segs, full)
	size := int64(0)
	for _, s := range group {
		size += full(s)
	}
	if len(group) < mergeFan || size > maxShapeBytes || group[0].Name < "10" {
		t.Errorf("%d files with %d bytes of shapes", len(group), size)
	}
}
