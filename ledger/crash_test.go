package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// TestCrash cuts the power at random moments of a random life: what was
// acknowledged is there once, nothing is there twice, and nothing that was never
// sent. The disk forgets, or tears, whatever was not synced.
func TestCrash(t *testing.T) {
	rnd := seed(t)
	for range 60 {
		m := create(t)
		sent, acked := map[int]bool{}, map[int]bool{}
		next := 0
		for range 1 + rnd.IntN(4) { // lives
			f := disk.NewFaulty(m)
			l, err := Open(f, "data", Options{StageRows: 30})
			if err != nil {
				t.Fatal(err)
			}
			f.FailFrom(1+rnd.IntN(60), errors.New("power is failing"))
			for range rnd.IntN(12) {
				var ns []int
				for range 1 + rnd.IntN(8) {
					n := next
					if rnd.IntN(4) == 0 && next > 0 {
						n = rnd.IntN(next)
					}
					if n == next {
						next++
					}
					if !slices.Contains(ns, n) {
						ns = append(ns, n)
					}
				}
				for _, n := range ns {
					sent[n] = true
				}
				switch rnd.IntN(6) {
				case 0:
					l.Seal()
				case 1:
					l.Compact(context.Background())
				}
				if rnd.IntN(4) == 0 {
					if importAll(l, ns, fmt.Sprint("file ", next)) == nil {
						for _, n := range ns {
							acked[n] = true
						}
					}
				} else if _, err := l.Append(context.Background(), records(ns...)); err == nil {
					for _, n := range ns {
						acked[n] = true
					}
				}
			}
			after := m.Crash(rnd)
			l.Close()
			m = after
		}
		l := open(t, m, Options{})
		got := content(t, l)
		// Between what was acknowledged and what was sent, record by record.
		present := map[int]bool{}
		for n := range sent {
			rows := want(t, m, map[int]bool{n: true})
			k := 0
			for _, r := range rows {
				if _, ok := slices.BinarySearch(got, r); ok {
					k++
				}
			}
			if k == len(rows) {
				present[n] = true
			} else if k != 0 {
				t.Fatalf("record %d is there in part: %d of %d fragments", n, k, len(rows))
			}
			if acked[n] && !present[n] {
				t.Fatalf("record %d was acknowledged and is lost", n)
			}
		}
		same(t, got, want(t, m, present), "after the crash")
		// And it is whole: it can be sealed, merged and reopened.
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
		if err := l.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
		same(t, content(t, l), want(t, m, present), "sealed after the crash")
		l.Close()
	}
}

// importAll imports records as one file would be, in pieces of three.
// TestSmallestEntries reopens a journal of records that take the fewest bytes:
// one moment, one actor, nothing but zeros beside the id. Such a burst could be
// acknowledged and then not be read back.
func TestSmallestEntries(t *testing.T) {
	for n := 1; n < 40; n++ {
		m := create(t)
		l := open(t, m, Options{})
		var rs []event.Record
		for i := range n {
			r := event.Record{Time: noon, Source: "gateway", Rows: event.RowsUnknown, ID: event.RecordID(strconv.Itoa(i))}
			rs = append(rs, r)
		}
		if _, err := l.Append(context.Background(), rs); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, err := Open(m, "data", Options{})
		if err != nil {
			t.Fatalf("%d records: %v", n, err)
		}
		if got := l.Stats().Records; got != int64(n) {
			t.Fatalf("%d records are there, want %d", got, n)
		}
		l.Close()
	}
}

func importAll(l *Ledger, ns []int, head string) error {
	var content []byte
	var ends []int
	for _, n := range ns {
		content = fmt.Appendf(content, "%s %d\n", head, n)
		ends = append(ends, len(content))
	}
	im, err := beginFile(l, ImportSpec{Source: "gateway", Name: "log"}, content)
	if errors.Is(err, errAlready) {
		return nil
	}
	if err != nil {
		return err
	}
	recs := records(ns...)
	off := int(im.Offset())
	at := slices.Index(ends, off) + 1
	for seq := 0; at < len(recs); seq++ {
		end := min(at+3, len(recs))
		b := l.NewBatch()
		for i := at; i < end; i++ {
			b.Add(&recs[i])
		}
		if err := im.Submit(part(im, Chunk{Seq: seq, Batch: b, Lines: int64(end - at)}, content[off:ends[end-1]])); err != nil {
			im.Suspend()
			return err
		}
		at, off = end, ends[end-1]
	}
	_, err = im.Commit("sum")
	return err
}

// TestEveryOperationFails makes each file operation of a small life fail, once
// not carried out and once carried out but reported as failed: after reopening,
// what was acknowledged is there, and nothing twice.
func TestEveryOperationFails(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			m := create(t)
			f := disk.NewFaulty(m)
			l, err := Open(f, "data", Options{StageRows: 4})
			if err != nil {
				t.Fatal(err)
			}
			if after {
				f.FailAfter(n, errors.New("broken"))
			} else {
				f.FailAt(n, errors.New("broken"))
			}
			acked, sent := map[int]bool{}, map[int]bool{}
			do := func(ns ...int) {
				for _, k := range ns {
					sent[k] = true
				}
				if _, err := l.Append(context.Background(), records(ns...)); err == nil {
					for _, k := range ns {
						acked[k] = true
					}
				}
			}
			do(1, 2, 3)
			l.Seal()
			do(3, 4)
			if importAll(l, []int{10, 11, 12, 13, 14, 15, 16}, "f") == nil {
				for k := 10; k < 17; k++ {
					acked[k] = true
				}
			}
			for k := 10; k < 17; k++ {
				sent[k] = true
			}
			l.Seal()
			do(5)
			l.Compact(context.Background())
			if f.Ops() < n {
				l.Close()
				if n < 20 {
					t.Fatalf("only %d operations were made to fail", n-1)
				}
				break
			}
			l.Close()
			l = open(t, m, Options{StageRows: 4})
			// What a sender repeats after an error counts once.
			if _, err := l.Append(context.Background(), records(1, 2, 3, 4, 5)); err != nil {
				t.Fatalf("operation %d: append after reopening: %v", n, err)
			}
			for _, k := range []int{1, 2, 3, 4, 5} {
				acked[k] = true
			}
			if err := importAll(l, []int{10, 11, 12, 13, 14, 15, 16}, "f"); err != nil {
				t.Fatalf("operation %d: import after reopening: %v", n, err)
			}
			for k := 10; k < 17; k++ {
				acked[k] = true
			}
			same(t, content(t, l), want(t, m, acked), fmt.Sprintf("operation %d (carried out: %v)", n, after))
			l.Close()
		}
	}
}
