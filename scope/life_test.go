package scope_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// life puts a world into a ledger that has a hard life: deliveries come twice and
// out of order, segments are sealed and merged at any moment, the machine loses
// its power, logs are imported in pieces that are interrupted, and decoded once
// more when a catalog was corrected. Nothing of this may show in an answer.
type life struct {
	t       testing.TB
	w       *world
	mem     *disk.Mem
	l       *ledger.Ledger
	cats    []*catalog.Catalog
	sent    []int // records with an id, acknowledged
	logs    []logFile
	nextLog int
	crashes int
	stages  ledger.Options
}

// logFile is an import that was committed: its lines are records of the world.
type logFile struct {
	spec    ledger.ImportSpec
	records []int
}

func (w *world) live(t testing.TB) (*ledger.Ledger, []*catalog.Catalog) {
	t.Helper()
	f := &life{t: t, w: w, mem: disk.NewMem(), stages: ledger.Options{StageRows: 20}}
	if err := ledger.Create(f.mem, "data", ""); err != nil {
		t.Fatal(err)
	}
	f.open()
	w.installEditions(t, f.l)
	takeRules(t, f.l)
	rnd := w.rnd
	for i, c := range w.catalogs {
		if _, _, err := f.l.InstallCatalog("made.yaml", w.text(c)); err != nil {
			t.Fatalf("%v\n%s", err, w.text(c))
		}
		f.cats = append(f.cats, f.l.Catalog())
		var todo []int
		for k := range w.records {
			if w.records[k].catalog == i {
				todo = append(todo, k)
			}
		}
		if i > 0 && len(f.logs) > 0 && rnd.IntN(2) == 0 {
			f.redecode(pick(rnd, f.logs), i)
		}
		rnd.Shuffle(len(todo), func(a, b int) { todo[a], todo[b] = todo[b], todo[a] })
		for len(todo) > 0 {
			n := min(len(todo), 1+rnd.IntN(100))
			f.deliver(todo[:n], i)
			todo = todo[n:]
			f.mishap()
		}
	}
	f.mishap()
	return f.l, f.cats
}

func (f *life) open() {
	var err error
	if f.l, err = ledger.Open(f.mem, "data", f.stages); err != nil {
		f.t.Fatal(err)
	}
	l := f.l
	f.t.Cleanup(func() { l.Close() })
}

// crash takes the power away: what was not synced may be lost in any part.
func (f *life) crash() {
	f.mem = f.mem.Crash(f.w.rnd)
	f.l.Close() // an error is what it should give
	f.open()
	f.crashes++
}

// mishap is what happens between two deliveries.
func (f *life) mishap() {
	f.t.Helper()
	var err error
	switch f.w.rnd.IntN(8) {
	case 0, 1:
		err = f.l.Seal()
	case 2:
		if err = f.l.Seal(); err == nil {
			err = f.l.Compact(context.Background())
		}
	case 3:
		f.crash()
	case 4:
		if err = f.l.Close(); err == nil {
			f.open()
		}
	case 5: // delivered again, in another order, together with nothing new
		if len(f.sent) > 0 {
			var again []event.Record
			for range 1 + f.w.rnd.IntN(30) {
				r := f.record(pick(f.w.rnd, f.sent))
				r.Looked, r.Marks = 2, []uint32{0, 1} // by other rules than before: it is the same record
				again = append(again, r)
			}
			_, err = f.l.Append(context.Background(), again)
		}
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// record is a record as the catalog in force now decodes it.
func (f *life) record(k int) event.Record { return f.w.decoded(&f.w.records[k], f.l.Catalog()) }

func (f *life) deliver(records []int, decoder int) {
	f.t.Helper()
	rnd := f.w.rnd
	asLog := rnd.IntN(3) == 0
	var live, lines []int
	for _, k := range records {
		if asLog && !f.w.records[k].opening {
			lines = append(lines, k)
		} else {
			live = append(live, k)
		}
	}
	if len(live) > 0 {
		var recs []event.Record
		for _, k := range live {
			recs = append(recs, f.record(k))
		}
		for _, k := range live { // some of them twice in one delivery
			if f.w.records[k].ID != "" && rnd.IntN(10) == 0 {
				recs = append(recs, f.record(k))
			}
		}
		if _, err := f.l.Append(context.Background(), recs); err != nil {
			f.t.Fatal(err)
		}
	}
	if len(lines) > 0 {
		f.nextLog++
		log := logFile{ledger.ImportSpec{Source: "gateway", Name: fmt.Sprint("log", f.nextLog), Size: int64(len(lines)) * logLine, New: true}, lines}
		f.importLog(log)
		f.logs = append(f.logs, log)
	}
	for _, k := range records {
		if f.w.records[k].ID != "" {
			f.sent = append(f.sent, k)
		}
	}
}

// logLine is the length of a line of the made-up logs. A log is known by its bytes,
// so that each line says which log it is of.
const logLine = 16

func (log *logFile) bytes() []byte {
	var b []byte
	for i := range log.records {
		b = fmt.Appendf(b, "%-9s%06d\n", log.spec.Name, i)
	}
	return b
}

// importLog imports a log, with interruptions.
func (f *life) importLog(log logFile) {
	f.t.Helper()
	rnd, content := f.w.rnd, log.bytes()
	for {
		probe, err := f.l.Probe(log.spec)
		if err != nil {
			f.t.Fatal(err)
		}
		if err := probe.Read(bytes.NewReader(content)); err != nil {
			f.t.Fatal(err)
		}
		im, err := probe.Begin()
		if err != nil {
			f.t.Fatal(err)
		}
		stop := -1
		if rnd.IntN(2) == 0 {
			stop = rnd.IntN(len(log.records) + 1)
		}
		at, seq := int(im.Offset())/logLine, 0
		for at < len(log.records) && at != stop {
			end := min(len(log.records), at+1+rnd.IntN(15))
			if at < stop && stop < end {
				end = stop
			}
			b := f.l.NewBatch()
			for _, k := range log.records[at:end] {
				rec := f.record(k)
				b.Add(&rec)
			}
			im.Sum().Write(content[at*logLine : end*logLine])
			if err := im.Submit(ledger.Chunk{Seq: seq, Batch: b, Lines: int64(end - at), Part: im.Sum().Part(), End: im.Sum().Offset()}); err != nil {
				f.t.Fatal(err)
			}
			at, seq = end, seq+1
		}
		if at == stop {
			if rnd.IntN(2) == 0 {
				im.Suspend()
			} else {
				f.crash()
			}
			continue
		}
		_, err = im.Commit(im.Sum().Digest())
		if errors.Is(err, ledger.ErrBeginAgain) {
			continue
		}
		if err != nil {
			f.t.Fatal(err)
		}
		return
	}
}

// redecode reads a log once more, by the catalog in force now.
func (f *life) redecode(log logFile, decoder int) {
	f.t.Helper()
	log.spec.New, log.spec.Redecode = false, true
	f.importLog(log)
	for _, k := range log.records {
		f.w.records[k].catalog = decoder
	}
}
