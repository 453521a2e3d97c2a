package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// The log of these tests has a line for each record, "<number> <padding>#": a
// line without its last sign is broken.

func logLine(n int) string {
	return fmt.Sprintf("%d %s#\n", n, strings.Repeat("x", n*37%300))
}

// lineRecord is the record of a line: of an account of its own.
func lineRecord(n int, ids bool) event.Record {
	r := event.Record{
		Time: noon + event.Millis(n)*1009, Source: "gateway", Actor: event.Actor{ID: "s1", Type: "staff"}, Route: "GET /m", Mapped: true,
		Action: event.ActionRead, Status: 200, Rows: event.RowsUnknown, Subjects: []event.AccountID{event.AccountID("m" + strconv.Itoa(n))}, Position: event.PositionPath,
	}
	if ids {
		r.ID = event.RecordID("r" + strconv.Itoa(n))
	}
	return r
}

// decode reads one line, with or without its end.
func decode(line []byte, ids bool) (r event.Record, ok bool) {
	text, ok := bytes.CutSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("#"))
	if !ok {
		return r, false
	}
	number, _, _ := bytes.Cut(text, []byte(" "))
	n, err := strconv.Atoi(string(number))
	return lineRecord(n, ids), err == nil
}

// eachLine cuts data at its lines.
func eachLine(data []byte, fn func(line []byte)) {
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			end = len(data)
		}
		fn(data[:end])
		data = data[end:]
	}
}

// logImport is an import of a log as the server does it.
type logImport struct {
	ids   bool
	spec  ImportSpec
	each  int       // lines a chunk
	piece func(int) // called before a chunk
	stop  int       // before this chunk the import is suspended; 0: never
	cut   bool      // the stream breaks at its end
}

var errStopped = errors.New("stopped")

func (o logImport) do(l *Ledger, data []byte) (ImportResult, error) {
	o.spec.Source, o.spec.Name = "gateway", "log"
	p, err := l.Probe(o.spec)
	if err != nil {
		return ImportResult{}, err
	}
	var in io.Reader = iotest.OneByteReader(bytes.NewReader(data))
	if o.cut {
		in = io.MultiReader(in, iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	err = p.Read(in)
	if errors.Is(err, ErrReadAgain) {
		o.spec.Fresh = true
		return o.do(l, data)
	}
	if err != nil {
		return ImportResult{}, err
	}
	if p.Already() {
		return ImportResult{Already: true, Known: p.Known()}, nil
	}
	im, err := p.Begin()
	if err != nil {
		return ImportResult{}, err
	}
	at := im.Sum().Offset()
	if start, _ := p.Start(); start != at && !o.spec.Redecode {
		return ImportResult{}, fmt.Errorf("starts at %d and not %d", start, at)
	}
	if rest, _ := io.ReadAll(p.Rest()); !o.spec.Redecode && !bytes.HasPrefix(data[at:], rest) {
		return ImportResult{}, errors.New("what was read ahead is not what follows")
	}
	data = data[at:]
	for seq := 0; len(data) > 0; seq++ {
		if o.piece != nil {
			o.piece(seq)
		}
		if o.stop > 0 && seq == o.stop {
			im.Suspend()
			return ImportResult{}, errStopped
		}
		c := Chunk{Seq: seq, Batch: l.NewBatch()}
		size := 0
		eachLine(data, func(line []byte) {
			if c.Lines == int64(o.each) {
				return
			}
			size += len(line)
			c.Lines++
			whole := line[len(line)-1] == '\n'
			if r, ok := decode(line, o.ids); ok && (whole || !o.cut) {
				c.Batch.Add(&r)
				c.Tail = !whole
				return
			}
			c.Aside++
			c.Bad = append(c.Bad, AsideLine{Source: "gateway", Cause: "broken", Text: line})
		})
		sound := data[:size]
		if o.cut {
			sound = sound[:bytes.LastIndexByte(sound, '\n')+1]
		}
		im.Sum().Write(sound)
		c.Part, c.End = im.Sum().Part(), im.Offset()+int64(size)
		if seq > 0 {
			im.mu.Lock()
			c.End = im.rec.Offset + int64(size)
			im.mu.Unlock()
		}
		if err := im.Submit(c); err != nil {
			var overlap *OverlapError
			if errors.As(err, &overlap) {
				return ImportResult{}, errors.Join(err, im.Abort())
			}
			im.Suspend()
			return ImportResult{}, err
		}
		data = data[size:]
	}
	if o.cut {
		im.Broken()
	}
	return im.Commit(im.Sum().Digest())
}

// must imports again when records came another way meanwhile.
func (o logImport) again(l *Ledger, data []byte) (res ImportResult, err error) {
	for range 4 {
		if res, err = o.do(l, data); !errors.Is(err, ErrBeginAgain) {
			break
		}
	}
	return res, err
}

// followStep reads on in a live file, as the server does. It returns how far.
func followStep(l *Ledger, f *Followed, data []byte, last, ids bool) (*Followed, error) {
	for range 4 {
		var err error
		if f == nil {
			f, err = l.FollowLog("gateway", "log", bytes.NewReader(data), last)
		} else {
			f, err = f.Resume("log", bytes.NewReader(data[f.Offset():]), last)
		}
		if errors.Is(err, ErrNotYet) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		rest := data[f.Offset():]
		if !last {
			rest = rest[:bytes.LastIndexByte(rest, '\n')+1]
		}
		if len(rest) == 0 {
			return f, nil
		}
		b, tail := l.NewBatch(), false
		eachLine(rest, func(line []byte) {
			if r, ok := decode(line, ids); ok {
				b.Add(&r)
				tail = line[len(line)-1] != '\n'
			}
		})
		next, err := f.Take(func(w io.Writer) error { _, err := w.Write(rest); return err }, tail)
		if err != nil {
			return nil, err
		}
		state, err := next.State()
		if err != nil {
			return nil, err
		}
		if _, err := l.AppendBatch(context.Background(), b, "log", next.Checkpoint("follow", state, f)); err == nil {
			return next, nil
		} else if !errors.Is(err, ErrStreamMoved) {
			return nil, err
		}
		if f.Offset() == 0 {
			f = nil
		}
	}
	return nil, errors.New("moved for ever")
}

func lines(from, to int) []byte {
	var b []byte
	for n := from; n < to; n++ {
		b = append(b, logLine(n)...)
	}
	return b
}

func countRecords(t testing.TB, l *Ledger, want int64, what string) {
	t.Helper()
	rows := content(t, l)
	for i := 1; i < len(rows); i++ {
		if rows[i] == rows[i-1] {
			t.Fatalf("%s: a line is counted twice", what)
		}
	}
	if n := l.Stats().Records; n != want || int64(len(rows)) != want {
		t.Fatalf("%s: %d records in %d rows, want %d", what, n, len(rows), want)
	}
}

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

// onceWorld is one random history of a log: it grows, is rotated, followed, and
// imported whole, in part and while it grows; imports are stopped and the power
// fails; and days go by.
type onceWorld struct {
	t     *testing.T
	rnd   *rand.Rand
	m     *disk.Mem
	l     *Ledger
	now   time.Time
	ids   bool
	files [][]byte // the last is the live one
	next  int      // number of the next line
	f     *Followed
	at    int // the file that is followed
	want  map[int]bool
	log   []string
}

func (w *onceWorld) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *onceWorld) open() {
	w.l = open(w.t, w.m, Options{StageRows: 1 + w.rnd.IntN(60), Now: func() time.Time { return w.now }})
	w.f = nil
	if state, ok := w.l.Checkpoint("follow"); ok {
		f, err := w.l.OpenFollowed("gateway", state)
		if err != nil {
			w.t.Fatal(err)
		}
		w.f = f
		// The file is known by what was read of it.
		w.at = slices.IndexFunc(w.files, func(data []byte) bool {
			s := w.l.NewSum()
			s.Write(data[:min(len(data), int(f.Offset()))])
			return s.point() == f.sum.point()
		})
		if w.at < 0 {
			w.t.Fatal("the followed file is not found again")
		}
	}
}

func (w *onceWorld) grow() {
	live := &w.files[len(w.files)-1]
	for range w.rnd.IntN(60) {
		*live = append(*live, logLine(w.next)...)
		w.next++
	}
}

// written is the live file as it may be found: with its last line half written.
func (w *onceWorld) written(i int) []byte {
	data := w.files[i]
	if i == len(w.files)-1 && w.rnd.IntN(3) == 0 && len(data) > 0 {
		data = data[:len(data)-w.rnd.IntN(min(len(data), 40))]
	}
	return data
}

func (w *onceWorld) acked(data []byte) {
	eachLine(data, func(line []byte) {
		if _, ok := decode(line, w.ids); ok && line[len(line)-1] == '\n' {
			n, _ := strconv.Atoi(string(line[:bytes.IndexByte(line, ' ')]))
			w.want[n] = true
		}
	})
}

func (w *onceWorld) follow() {
	for {
		data, last := w.files[w.at], w.at < len(w.files)-1
		if !last {
			data = w.written(w.at)
		}
		if w.f != nil && int64(len(data)) < w.f.Offset() {
			return
		}
		f, err := followStep(w.l, w.f, data, last, w.ids)
		var overlap *OverlapError
		if errors.As(err, &overlap) && !last {
			w.note("follow %d: waits: %v", w.at, err)
			return
		}
		if err != nil {
			w.t.Fatalf("follow: %v\n%s", err, strings.Join(w.log, "\n"))
		}
		if f != nil {
			w.f = f
			w.note("follow %d to %d", w.at, f.Offset())
			w.acked(data[:f.Offset()])
		}
		if !last {
			return
		}
		w.f, w.at = nil, w.at+1
	}
}

func (w *onceWorld) imported(i int) {
	data := w.written(i)
	o := logImport{ids: w.ids, each: 1 + w.rnd.IntN(20)}
	switch w.rnd.IntN(5) {
	case 0: // a cut copy
		data = data[:w.rnd.IntN(len(data)+1)]
	case 1: // a packed one that is cut
		data, o.cut = data[:w.rnd.IntN(len(data)+1)], true
	}
	if w.rnd.IntN(4) == 0 {
		o.stop = 1 + w.rnd.IntN(6)
	}
	if w.rnd.IntN(6) == 0 {
		at := w.rnd.IntN(5)
		o.piece = func(seq int) {
			if seq == at {
				w.follow()
			}
		}
	}
	res, err := o.again(w.l, data)
	var overlap *OverlapError
	w.note("import of %d bytes of %d of file %d, cut %v: %+v %v", len(data), len(w.files[i]), i, o.cut, res, err)
	switch {
	case err == nil:
		w.acked(data)
	case errors.As(err, &overlap), errors.Is(err, errStopped), errors.Is(err, ErrBeginAgain):
	default:
		w.t.Fatalf("import: %v\n%s", err, strings.Join(w.log, "\n"))
	}
}

// check: no line counts twice, and none that was taken is missing.
func (w *onceWorld) check(exact bool) {
	w.t.Helper()
	rows := content(w.t, w.l)
	for i := 1; i < len(rows); i++ {
		if rows[i] == rows[i-1] {
			w.t.Fatalf("a line is counted twice\n%s", strings.Join(w.log, "\n"))
		}
	}
	if len(rows) < len(w.want) || exact && len(rows) != len(w.want) || len(rows) > w.next {
		w.t.Fatalf("%d lines, want %d of %d\n%s", len(rows), len(w.want), w.next, strings.Join(w.log, "\n"))
	}
}

// TestOnce of histories: after all of it each file is imported whole, and every
// line is there once.
func TestOnceOfHistories(t *testing.T) {
	rnd := seed(t)
	n := 150
	if testing.Short() {
		n = 20
	}
	for range n {
		w := &onceWorld{
			t: t, rnd: rnd, m: create(t), ids: rnd.IntN(2) == 0, now: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC),
			files: [][]byte{nil}, want: map[int]bool{},
		}
		w.note("ids %v", w.ids)
		w.open()
		follows := rnd.IntN(3) > 0
		for range 5 + rnd.IntN(30) {
			switch rnd.IntN(11) {
			case 0, 1:
				w.grow()
			case 2:
				if len(w.files[len(w.files)-1]) > 0 {
					w.files = append(w.files, nil)
					w.note("rotate")
				}
			case 3, 4:
				if follows {
					w.follow()
				}
			case 5, 6, 7:
				w.imported(rnd.IntN(len(w.files)))
			case 8:
				if err := w.l.Seal(); err != nil {
					t.Fatal(err)
				}
			case 9:
				w.now = w.now.Add(time.Duration(rnd.IntN(6)) * 24 * time.Hour)
				w.note("%v", w.now)
				if err := w.l.Compact(context.Background()); err != nil {
					t.Fatal(err)
				}
			case 10:
				w.note("power cut")
				after := w.m.Crash(rnd)
				w.l.Close()
				w.m = after
				w.open()
			}
			w.check(false)
		}
		for i := range w.files {
			res, err := logImport{ids: w.ids, each: 10}.again(w.l, w.files[i])
			w.note("whole file %d: %+v %v", i, res, err)
			if err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(w.log, "\n"))
			}
			w.acked(w.files[i])
		}
		if len(w.want) != w.next {
			t.Fatalf("%d of %d lines were delivered", len(w.want), w.next)
		}
		w.check(true)
		w.l.Close()
	}
}
