package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// TestTooManySubjects: a record is taken up to the bound, and refused beyond it
// with an error that says why.
func TestTooManySubjects(t *testing.T) {
	l := open(t, create(t), Options{})
	defer l.Close()
	r := record(1)
	r.Subjects = nil
	for i := range event.MaxSubjects {
		r.Subjects = append(r.Subjects, event.AccountID(fmt.Sprint("m", i)))
	}
	appendAll(t, l, r)
	r.ID, r.Subjects = "more", append(r.Subjects, "one more")
	var many *SubjectsError
	if _, err := l.Append(context.Background(), []event.Record{record(2), r}); !errors.As(err, &many) || many.Subjects != event.MaxSubjects+1 {
		t.Fatalf("beyond the bound: %v", err)
	}
	im := begin(t, l, ImportSpec{Source: "gateway", Name: "log", Size: 1})
	b := l.NewBatch()
	b.Add(&r)
	if err := im.Submit(Chunk{Batch: b, Lines: 1, End: 1}); !errors.As(err, &many) {
		t.Fatalf("an import beyond the bound: %v", err)
	}
	im.Suspend()
	if n := l.Stats().Records; n != 1 {
		t.Fatalf("%d records", n)
	}
}

// large are records that take about n bytes of the journal.
func large(n int) []event.Record {
	var out []event.Record
	for i := range n / 10_000 {
		r := record(7*i + 2)
		r.ID = event.RecordID(fmt.Sprint("large ", n, i))
		r.Client.Agent = fmt.Sprint(i) + strings.Repeat("a", 9900)
		out = append(out, r)
	}
	return out
}

// TestTooLarge: a request that would fail its neighbours is refused before it
// can, with an error that says how large it is; two of the largest that are
// taken go into the journal together.
func TestTooLarge(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	defer l.Close()
	var tooLarge *TooLargeError
	if _, err := l.Append(context.Background(), large(maxRequest+1<<20)); !errors.As(err, &tooLarge) || tooLarge.Max != maxRequest || tooLarge.Bytes <= maxRequest {
		t.Fatalf("%v", err)
	}
	b := l.NewBatch()
	many := record(1)
	many.Subjects = make([]event.AccountID, event.MaxSubjects)
	for i := range many.Subjects {
		many.Subjects[i] = "m1"
	}
	for range 400 {
		b.Add(&many)
	}
	if !errors.As(b.Err(), &tooLarge) || len(b.frags) > 3<<20 {
		t.Fatalf("a batch grew to %d rows, %v", len(b.frags), b.Err())
	}
	big := large(maxRequest - 1<<20)
	var group []*appendRequest
	for k := range 2 {
		b := l.NewBatch()
		for i := range big {
			big[i].ID = event.RecordID(fmt.Sprint("request ", k, " ", i))
			b.Add(&big[i])
		}
		group = append(group, &appendRequest{batch: b, size: b.bound(), reply: make(chan error, 1)})
	}
	if err := l.appendGroup(group); err != nil {
		t.Fatalf("two large requests at once: %v", err)
	}
}

// TestBound: a request never takes more of the journal than was reckoned.
func TestBound(t *testing.T) {
	l := open(t, create(t), Options{})
	defer l.Close()
	for _, n := range []int{0, 1, 3, 200, 5000} {
		b := l.NewBatch()
		for i := range n {
			r := record(i)
			r.Time -= event.Millis(i%3) * 1e12
			b.Add(&r)
		}
		_, sealed, err := l.resolve(b)
		if err != nil {
			t.Fatal(err)
		}
		got := len(encodeEntry(&entry{batches: []entryBatch{{batch: b, sealed: sealed}}}, [][]bool{nil}))
		if bound := b.bound(); got > bound || n > 100 && bound > 2*got {
			t.Errorf("%d records take %d bytes, %d were reckoned", n, got, bound)
		}
	}
}

// TestNeighbours: what one request of a group does wrong is not the others'
// fault.
func TestNeighbours(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	defer l.Close()
	var group []*appendRequest
	for i := range 3 {
		b := l.NewBatch()
		r := record(50 * i) // hours apart
		b.Add(&r)
		group = append(group, &appendRequest{batch: b, reply: make(chan error, 1)})
	}
	broken := errors.New("broken")
	l.seen.fs = failSeen{m, broken}
	l.seen.files = append(l.seen.files, seenRef{Name: "x", First: hourOf(record(50).Time), Last: hourOf(record(50).Time)})
	l.answer(group)
	for i, r := range group {
		if err := <-r.reply; errors.Is(err, broken) != (i == 1) || (err == nil) != (i != 1) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	same(t, content(t, l), want(t, m, map[int]bool{0: true, 100: true}), "the neighbours")
}

type failSeen struct {
	disk.FS
	err error
}

func (f failSeen) Open(string) (disk.File, error) { return nil, f.err }

// TestMemtableBytes: long agents fill a memtable as many rows do.
func TestMemtableBytes(t *testing.T) {
	l := open(t, create(t), Options{MemtableBytes: 4 << 20})
	defer l.Close()
	for i := range 40 {
		var rs []event.Record
		for k := range 50 {
			r := record(50*i + k)
			r.Client.Agent = fmt.Sprint(i, k) + strings.Repeat("x", 8000)
			rs = append(rs, r)
		}
		appendAll(t, l, rs...)
		l.mu.RLock()
		if n := l.mem.bytes(); n > 5<<20 {
			t.Fatalf("the memtable has grown to %d bytes", n)
		}
		l.mu.RUnlock()
	}
	l.waitSeal()
	if l.Stats().Segments < 2 {
		t.Fatal("nothing was sealed")
	}
}

// TestMonthsAreCheap: a source whose clock runs wild does not take a large table
// for each month.
func TestMonthsAreCheap(t *testing.T) {
	l := open(t, create(t), Options{})
	defer l.Close()
	var rs []event.Record
	for i := range 300 {
		r := record(i)
		r.Time -= event.Millis(i) * 30 * day
		rs = append(rs, r)
	}
	appendAll(t, l, rs...)
	if n := l.mem.bytes(); n > 4<<20 {
		t.Fatalf("300 months take %d bytes", n)
	}
}

// noSegments refuses to make files in segments/ while closed.
type noSegments struct {
	disk.FS
	mu     sync.Mutex
	closed bool
}

func (n *noSegments) Create(name string) (disk.File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed && strings.Contains(name, "/segments/") {
		return nil, syscall.EACCES
	}
	return n.FS.Create(name)
}

// TestBehind: when segments cannot be written, two memtables fill and no more;
// once they can be, all that was acknowledged is there.
func TestBehind(t *testing.T) {
	m := create(t)
	f := &noSegments{FS: m, closed: true}
	l := open(t, f, Options{MemtableRows: 100})
	all := map[int]bool{}
	refused := error(nil)
	for i := 0; i < 300 && refused == nil; i++ {
		var ns []int
		for k := range 20 {
			ns = append(ns, 20*i+k)
		}
		if _, refused = l.Append(context.Background(), records(ns...)); refused == nil {
			for _, n := range ns {
				all[n] = true
			}
		}
	}
	if !errors.Is(refused, ErrBehind) || !errors.Is(refused, syscall.EACCES) {
		t.Fatalf("refused by %v", refused)
	}
	if err := l.Behind(); !errors.Is(err, ErrBehind) || !errors.Is(err, syscall.EACCES) {
		t.Errorf("while appends are refused: %v", err)
	}
	if n := l.Stats().MemtableRows; n > 2*100+100 {
		t.Fatalf("two memtables of 100 rows hold %d", n)
	}
	f.mu.Lock()
	f.closed = false
	f.mu.Unlock()
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := l.Behind(); err != nil {
		t.Errorf("after a seal: %v", err)
	}
	appendAll(t, l, record(9000))
	all[9000] = true
	same(t, content(t, l), want(t, m, all), "after segments could be written again")
	l.Close()
}

// TestCommitWithoutRoom: a commit that was certainly not installed does not stop
// the ledger.
func TestCommitWithoutRoom(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	defer l.Close()
	appendAll(t, l, record(1))
	m.Limit(1)
	if err := l.SetHold(Hold{Name: "h", Reason: "r"}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v", err)
	}
	if err := l.Seal(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v", err)
	}
	m.Limit(0)
	appendAll(t, l, record(2))
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	same(t, content(t, l), want(t, m, map[int]bool{1: true, 2: true}), "after room was made")
}
