package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

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
