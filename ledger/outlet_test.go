package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// receiver is what an outlet passes on to.
type receiver struct {
	rows map[string]int // and how often each came
}

// takeAll passes on whatever there is.
func (r *receiver) takeAll(t testing.TB, o *Outlet, rows int) error {
	t.Helper()
	for {
		p, err := o.Next(rows)
		if err != nil || p == nil {
			return err
		}
		r.take(t, p)
		if err := o.Done(p, OutletCounts{Sent: p.Records}); err != nil {
			return err
		}
	}
}

func (r *receiver) take(t testing.TB, p *Pending) {
	t.Helper()
	for _, row := range contentOf(t, p.View) {
		r.rows[row]++
	}
}

// has checks that everything came, and if once, nothing twice.
func (r *receiver) has(t testing.TB, rows []string, once bool) {
	t.Helper()
	for _, row := range rows {
		if r.rows[row] == 0 || once && r.rows[row] != 1 {
			t.Fatalf("a row came %d times; %d rows of %d", r.rows[row], len(r.rows), len(rows))
		}
	}
	if len(r.rows) != len(rows) {
		t.Fatalf("%d rows came, and there are %d", len(r.rows), len(rows))
	}
}

// TestOutlet: what is acknowledged is passed on once, over seals, merges and
// restarts, also by who opens the folder and knows of no outlet.
func TestOutlet(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{journalFile: 600})
	appendAll(t, l, records(900, 901)...) // before the outlet was made
	o, err := l.Outlet("siem")
	if err != nil {
		t.Fatal(err)
	}
	before := content(t, l)
	r := &receiver{map[string]int{}}
	for i := range 40 {
		appendAll(t, l, records(3*i, 3*i+1, 3*i+2)...)
		switch i % 8 {
		case 1, 5:
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		case 3:
			if err := l.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
		case 6:
			if err := r.takeAll(t, o, 5); err != nil {
				t.Fatal(err)
			}
		case 7:
			l.Close()
			other := open(t, m, Options{journalFile: 600})
			if err := other.Seal(); err != nil {
				t.Fatal(err)
			}
			other.Close()
			l = open(t, m, Options{journalFile: 600})
			if o, err = l.Outlet("siem"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	if s := l.Outlets(); len(s) != 1 || s[0].Name != "siem" || s[0].Behind != 1 || s[0].Sent != 117 {
		t.Errorf("%+v", s)
	}
	if err := r.takeAll(t, o, 5); err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(content(t, l), func(row string) bool { _, ok := slices.BinarySearch(before, row); return ok })
	r.has(t, all, true)
	if s := l.Outlets(); s[0].Behind != 0 || s[0].Sent != 120 || s[0].Lost != 0 {
		t.Errorf("%+v", s)
	}
	// Nothing is kept for it any more.
	if n := journalBytes(t, m); n > 3000 {
		t.Errorf("%d bytes of the journal are kept", n)
	}
	l.Close()
}

func journalBytes(t testing.TB, m *disk.Mem) (n int64) {
	t.Helper()
	names, err := m.List("data/journal")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		st, err := m.Stat("data/journal/" + name)
		if err != nil {
			t.Fatal(err)
		}
		n += st.Size()
	}
	return n
}

// TestOutletCrash cuts the power anywhere: what was acknowledged comes, more than
// once at most.
func TestOutletCrash(t *testing.T) {
	rnd := seed(t)
	for range 60 {
		m := create(t)
		l := open(t, m, Options{journalFile: 500})
		if _, err := l.Outlet("siem"); err != nil {
			t.Fatal(err)
		}
		l.Close()
		r := &receiver{map[string]int{}}
		n := 0
		for range 1 + rnd.IntN(4) {
			f := disk.NewFaulty(m)
			l := open(t, f, Options{journalFile: 500})
			o, err := l.Outlet("siem")
			if err != nil {
				t.Fatal(err)
			}
			f.FailFrom(1+rnd.IntN(80), errors.New("power is failing"))
			for range rnd.IntN(14) {
				switch rnd.IntN(4) {
				case 0:
					l.Seal()
				case 1:
					r.takeAll(t, o, 1+rnd.IntN(9))
				default:
					k := 1 + rnd.IntN(4)
					ns := make([]int, k)
					for i := range ns {
						ns[i] = n + i
					}
					n += k
					l.Append(context.Background(), records(ns...))
				}
			}
			after := m.Crash(rnd)
			l.Close()
			m = after
		}
		l = open(t, m, Options{journalFile: 500})
		o, err := l.Outlet("siem")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.takeAll(t, o, 1000); err != nil {
			t.Fatal(err)
		}
		for _, row := range content(t, l) {
			if r.rows[row] == 0 {
				t.Fatalf("an acknowledged row never came (%d of %d)", len(r.rows), n)
			}
		}
		if s := l.Outlets()[0]; s.Lost != 0 || s.LostEntries != 0 || s.Behind != 0 {
			t.Fatalf("%+v", s)
		}
		l.Close()
	}
}

// TestOutletHeld: no more of the journal is kept than may be, and what goes is counted.
func TestOutletHeld(t *testing.T) {
	m := create(t)
	o := Options{journalFile: 1000, HoldBytes: 4000}
	l := open(t, m, o)
	slow, err := l.Outlet("slow")
	if err != nil {
		t.Fatal(err)
	}
	fast, _ := l.Outlet("fast")
	r := &receiver{map[string]int{}}
	for i := range 60 {
		appendAll(t, l, records(2*i, 2*i+1)...)
		if i%10 == 9 {
			if err := r.takeAll(t, fast, 50); err != nil {
				t.Fatal(err)
			}
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := journalBytes(t, m); n > 6000 {
		t.Errorf("%d bytes are kept of 4,000", n)
	}
	r.has(t, content(t, l), true)
	late := &receiver{map[string]int{}}
	if err := late.takeAll(t, slow, 50); err != nil {
		t.Fatal(err)
	}
	s := l.Outlets()
	if s[0].Lost != 0 || s[0].Sent != 120 || s[1].Lost == 0 || s[1].Sent+s[1].Lost != 120 || s[1].Behind != 0 {
		t.Errorf("%+v", s)
	}
	// One that is dropped keeps nothing.
	if err := l.DropOutlet("slow"); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = open(t, m, o)
	if s := l.Outlets(); len(s) != 1 || s[0].Name != "fast" {
		t.Errorf("%+v", s)
	}
	l.Close()
}

// TestOutletRetain: what is destroyed is not passed on, and is counted.
func TestOutletRetain(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{journalFile: 400})
	o, err := l.Outlet("siem")
	if err != nil {
		t.Fatal(err)
	}
	old := func(n int, at event.Millis) event.Record {
		r := record(n)
		r.Time = at
		return r
	}
	for i := range 10 {
		if _, err := l.Append(context.Background(), []event.Record{old(i, noon-event.Millis(40*86_400_000))}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		if _, err := l.Append(context.Background(), []event.Record{old(1000+i, noon)}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := l.Retain(noon - 20*86_400_000)
	if err != nil || got.Records != 10 {
		t.Fatalf("%+v, %v", got, err)
	}
	if s := l.Outlets()[0]; s.Lost != 10 {
		t.Errorf("%+v", s)
	}
	r := &receiver{map[string]int{}}
	if err := r.takeAll(t, o, 50); err != nil {
		t.Fatal(err)
	}
	r.has(t, content(t, l), true)
	if s := l.Outlets()[0]; s.Lost != 10 || s.Sent != 10 {
		t.Errorf("%+v", s)
	}
	l.Close()
}

// TestOutletMemo: what a sender keeps beside its place is durable, and a failed write
// changes nothing.
func TestOutletMemo(t *testing.T) {
	m := create(t)
	f := disk.NewFaulty(m)
	l := open(t, f, Options{})
	o, err := l.Outlet("siem")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.SetMemo(json.RawMessage(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	f.FailFrom(1, errors.New("full"))
	if err := o.SetMemo(json.RawMessage(`{"a":2}`)); err == nil || string(o.Memo()) != `{"a":1}` {
		t.Errorf("%s, %v", o.Memo(), err)
	}
	f.FailAt(0, nil)
	l.Close()
	l = open(t, m, Options{ReadOnly: true})
	if s := l.Outlets(); len(s) != 1 || string(l.outlets["siem"].Memo()) != `{"a":1}` {
		t.Errorf("%+v", s)
	}
	l.Close()
	if _, err := (&Ledger{}).Outlet("../x"); err == nil || strings.Contains(err.Error(), "..") {
		t.Error(err)
	}
}

func FuzzDecodeOutlet(f *testing.F) {
	raw, _ := encodeOutlet(&outletState{At: 7, OutletCounts: OutletCounts{Sent: 3}, Memo: json.RawMessage(`{}`)})
	f.Add(raw)
	f.Add([]byte("haetae outlet 2 crc32c=00000000\n{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeOutlet(data)
		if err != nil {
			return
		}
		again, err := encodeOutlet(&s)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := decodeOutlet(again); err != nil || fmt.Sprint(o) != fmt.Sprint(s) {
			t.Fatal("does not come back")
		}
	})
}

// TestOutletTrimmed: where somebody has removed a part of the journal that was not passed on,
// the outlet goes on behind it, and does not say that nothing was lost.
func TestOutletTrimmed(t *testing.T) {
	m := create(t)
	o := Options{journalFile: 400}
	l := open(t, m, o)
	if _, err := l.Outlet("siem"); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		appendAll(t, l, records(2*i, 2*i+1)...)
	}
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	names, err := m.List("data/journal")
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	slices.Sort(names)
	for _, name := range names[:2] {
		if err := m.Remove("data/journal/" + name); err != nil {
			t.Fatal(err)
		}
	}
	l = open(t, m, o)
	out, err := l.Outlet("siem")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{map[string]int{}}
	for range 2 { // the first finds the gap
		if err := r.takeAll(t, out, 50); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Outlets()[0]; s.LostEntries == 0 || s.LostEntries+s.Sent/2 != 6 || s.Behind != 0 {
		t.Errorf("%+v", s)
	}
	l.Close()
}
