package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
)

// TestGrownFile: a file that grows is imported day by day, each line once, with
// ids and without, within the horizon of fingerprints and long after it; what is
// known already is told, and what cannot be told is refused.
func TestGrownFile(t *testing.T) {
	for _, ids := range []bool{true, false} {
		for _, days := range []int{0, 30} {
			m := create(t)
			now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
			l := open(t, m, Options{Now: func() time.Time { return now }})
			later := func() {
				now = now.Add(time.Duration(days) * 24 * time.Hour)
				if err := l.Compact(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			o := logImport{ids: ids, each: 7}
			take := func(data []byte, records, known int64) {
				t.Helper()
				res, err := o.again(l, data)
				if err != nil || res.Records != records || res.Known != known || res.Already != (records == 0) {
					t.Fatalf("ids %v, %d days: %+v %v, want %d records and %d known", ids, days, res, err, records, known)
				}
				later()
			}
			refuse := func(data []byte, what string) {
				t.Helper()
				var overlap *OverlapError
				if res, err := o.again(l, data); !errors.As(err, &overlap) {
					t.Fatalf("ids %v, %d days: %s: %+v %v", ids, days, what, res, err)
				}
			}
			take(lines(0, 200), 200, 0)
			take(lines(0, 200), 0, 200)
			take(lines(0, 500), 300, 200)
			take(lines(0, 200), 0, 200) // an end that is known
			take(lines(0, 501), 1, 500)
			refuse(lines(0, 300), "a cut copy")
			refuse(lines(0, 2), "a small cut copy")
			refuse(append(lines(0, 400), lines(600, 900)...), "another end")
			countRecords(t, l, 501, "grown")
			o.spec.New = true
			if res, err := o.do(l, lines(600, 700)); err != nil || res.Records != 100 {
				t.Fatalf("%+v %v", res, err)
			}
			l.Close()
		}
	}
}

// TestUnendedLine: a file that ends inside a line is gone on with, whether that
// line made a record or not.
func TestUnendedLine(t *testing.T) {
	whole := lines(0, 60)
	start := len(lines(0, 40))
	for end := start; end < start+len(logLine(40))+3; end++ {
		for _, live := range []bool{false, true} {
			m := create(t)
			l := open(t, m, Options{})
			o := logImport{each: 7}
			if _, err := o.do(l, whole[:end]); err != nil {
				t.Fatal(err)
			}
			if live {
				f, err := followStep(l, nil, whole[:end+1], false, false)
				if err != nil {
					t.Fatalf("end %d: %v", end-start, err)
				}
				if _, err := followStep(l, f, whole, false, false); err != nil {
					t.Fatalf("end %d: %v", end-start, err)
				}
			}
			if _, err := o.do(l, whole); err != nil {
				t.Fatalf("end %d: %v", end-start, err)
			}
			countRecords(t, l, 60, fmt.Sprintf("ended %d bytes into a line, live %v", end-start, live))
			l.Close()
		}
	}
}

// TestCutStream: a packed file that was cut is repaired by the whole one, and the
// cut one again changes nothing.
func TestCutStream(t *testing.T) {
	whole := lines(0, 300)
	for _, n := range []int{0, 1, len(whole) / 3, len(whole) / 2, len(lines(0, 100)), len(whole)} {
		l := open(t, create(t), Options{})
		cut := logImport{each: 7, cut: true}
		if _, err := cut.do(l, whole[:n]); err != nil {
			t.Fatal(err)
		}
		if res, err := cut.do(l, whole[:n]); err != nil || n > 1 && !res.Already {
			t.Fatalf("the same cut file: %+v %v", res, err)
		}
		if _, err := (logImport{each: 7}).do(l, whole); err != nil {
			t.Fatal(err)
		}
		countRecords(t, l, 300, "repaired")
		l.Close()
	}
}

// TestAsideOnce: a line that cannot be read counts once through interruption and
// resumption, and not at all when the import came to nothing.
func TestAsideOnce(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{StageRows: 10})
	defer func() { l.Close() }()
	var data []byte
	for n := range 100 {
		data = append(data, logLine(n)...)
		data = append(data, "bad\n"...)
	}
	count := func() (n int64) {
		t.Helper()
		counts, err := l.Aside()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range counts {
			n += c.Count
		}
		return n
	}
	for _, stop := range []int{7, 3, 9} {
		if _, err := (logImport{each: 6, stop: stop}).do(l, data); !errors.Is(err, errStopped) {
			t.Fatal(err)
		}
		if n := count(); n != 0 {
			t.Fatalf("%d lines of an unfinished import are counted", n)
		}
		l.Close()
		l = open(t, m, Options{StageRows: 10})
	}
	res, err := logImport{each: 6}.do(l, data)
	if err != nil || !res.Resumed || res.Aside != 100 || count() != 100 {
		t.Fatalf("%+v %v, %d counted", res, err, count())
	}
	var overlap *OverlapError
	if _, err := (logImport{each: 6}).do(l, append([]byte("bad\nbad\n"), data...)); !errors.As(err, &overlap) {
		t.Fatalf("a copy behind other lines: %v", err)
	}
	if count() != 100 {
		t.Fatalf("%d counted after a refusal", count())
	}
	l.Close()
	l = open(t, m, Options{})
	if count() != 100 {
		t.Fatalf("%d counted after reopening", count())
	}
	if names, _ := m.List("data/aside"); len(names) == 0 {
		t.Fatal("no file is left")
	}
}

// TestLiveSketches: lines without ids that came live are noticed in a file that
// does not begin with what was followed, also after a crash.
func TestLiveSketches(t *testing.T) {
	rnd := seed(t)
	m := create(t)
	l := open(t, m, Options{})
	var rs []event.Record
	for n := range 200 {
		rs = append(rs, lineRecord(n, false))
	}
	appendAll(t, l, rs...)
	after := m.Crash(rnd)
	l.Close()
	l = open(t, after, Options{})
	defer l.Close()
	var overlap *OverlapError
	if _, err := (logImport{each: 50}).do(l, lines(0, 200)); !errors.As(err, &overlap) {
		t.Fatalf("lines that came live: %v", err)
	}
	countRecords(t, l, 200, "live")
}

// TestFollowedFileIsKnown: what was followed is not imported again, and what was
// imported is not followed again, also across the horizon and a crash.
func TestFollowedFileIsKnown(t *testing.T) {
	rnd := seed(t)
	for range 20 {
		m := create(t)
		now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
		o := Options{Now: func() time.Time { return now }}
		l := open(t, m, o)
		a, b, c := 1+rnd.IntN(100), 101+rnd.IntN(100), 201+rnd.IntN(100)
		if rnd.IntN(2) == 0 {
			if _, err := (logImport{each: 9}).do(l, lines(0, a)); err != nil {
				t.Fatal(err)
			}
		}
		f, err := followStep(l, nil, lines(0, b), false, false)
		if err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(2) == 0 {
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
			now = now.Add(20 * 24 * time.Hour)
			if err := l.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		countRecords(t, l, int64(b), "followed")
		if rnd.IntN(2) == 0 {
			after := m.Crash(rnd)
			l.Close()
			m = after
			l = open(t, m, o)
			state, ok := l.Checkpoint("follow")
			if !ok {
				t.Fatal("the position is gone")
			}
			if f, err = l.OpenFollowed("gateway", state); err != nil || f.Offset() != int64(len(lines(0, b))) {
				t.Fatalf("%+v %v", f, err)
			}
		}
		if res, err := (logImport{each: 9}).do(l, lines(0, b)); err != nil || !res.Already {
			t.Fatalf("the followed file: %+v %v", res, err)
		}
		if res, err := (logImport{each: 9}).do(l, lines(0, c)); err != nil || res.Known != int64(b) || res.Records != int64(c-b) {
			t.Fatalf("the followed file, grown: %+v %v", res, err)
		}
		if f, err = followStep(l, f, lines(0, 400), false, false); err != nil {
			t.Fatal(err)
		}
		countRecords(t, l, 400, "followed, imported and followed")
		l.Close()
	}
}

// TestRedecodeOnce: decoded again, a file has the records it had: its own, but
// for those that had come another way; and it is refused when that cannot be told.
func TestRedecodeOnce(t *testing.T) {
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	m := create(t)
	l := open(t, m, Options{Now: func() time.Time { return now }})
	defer l.Close()
	appendAll(t, l, lineRecord(1, true), lineRecord(2, true), lineRecord(3, true))
	data := append(lines(1, 7), lines(5, 6)...) // a line twice
	o := logImport{ids: true, each: 2}
	if res, err := o.do(l, data); err != nil || res.Records != 3 || res.Duplicates != 4 {
		t.Fatalf("%+v %v", res, err)
	}
	if res, err := o.do(l, append(slices.Clone(data), lines(10, 20)...)); err != nil || res.Records != 10 {
		t.Fatalf("grown: %+v %v", res, err)
	}
	data = append(data, lines(10, 20)...)
	countRecords(t, l, 16, "before")
	o.spec.Redecode = true
	for range 2 {
		if res, err := o.do(l, data); err != nil || res.Records != 13 || res.Duplicates != 4 {
			t.Fatalf("redecode: %+v %v", res, err)
		}
		countRecords(t, l, 16, "after redecode")
	}
	if res, err := (logImport{ids: true, each: 2}).do(l, data); err != nil || !res.Already {
		t.Fatalf("the same file: %+v %v", res, err)
	}
	// Another file with the same beginning is not taken for it.
	other := slices.Clone(data)
	other[len(other)-2] = '%'
	if _, err := o.do(l, other); !errors.Is(err, ErrNotImported) {
		t.Fatalf("another file: %v", err)
	}
	if err := l.SetHold(Hold{Name: "case", Reason: "evidence"}); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := o.do(l, data); !errors.As(err, &held) {
		t.Fatalf("under a hold: %v", err)
	}
	if _, err := l.LiftHold("case"); err != nil {
		t.Fatal(err)
	}
	// A hold that is set while it runs.
	o.piece = func(seq int) {
		if seq == 3 {
			if err := l.SetHold(Hold{Name: "late", Reason: "evidence"}); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := o.do(l, data); !errors.As(err, &held) {
		t.Fatalf("under a late hold: %v", err)
	}
	if _, err := l.LiftHold("late"); err != nil {
		t.Fatal(err)
	}
	o.piece = nil
	countRecords(t, l, 16, "after refusals")
	now = now.Add(8 * 24 * time.Hour)
	if err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	var elsewhere *ElsewhereError
	if _, err := o.do(l, data); !errors.As(err, &elsewhere) || elsewhere.Were != 3 {
		t.Fatalf("past the horizon: %v", err)
	}
	countRecords(t, l, 16, "past the horizon")
	// What was followed cannot be told by file.
	if _, err := followStep(l, nil, lines(100, 120), false, true); err != nil {
		t.Fatal(err)
	}
	if _, err := (logImport{ids: true, each: 2}).do(l, lines(100, 130)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.do(l, lines(100, 130)); !errors.Is(err, ErrFollowed) {
		t.Fatalf("a followed file: %v", err)
	}
}
