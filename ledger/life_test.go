package ledger

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// How many lives go wrong: in plain go test a few seconds of the minutes that all of them take.
var lives = flag.Int("lives", 160, "TestLives: how many operations to make fail, chosen by the seed; 0 is every one in every way")

// lifeCut is what the life retains from. Records from 1000 on lie before it.
const lifeCut = noonMillis - 300*day

const noonMillis = event.Millis(1_743_336_000_000) // noon

func lived(n int) event.Record {
	r := record(n)
	if n >= 1000 {
		r.Time -= 400 * day
	}
	return r
}

func theLived(ns ...int) []event.Record {
	var out []event.Record
	for _, n := range ns {
		out = append(out, lived(n))
	}
	return out
}

func numbers(from, to int) []int {
	var out []int
	for n := from; n < to; n++ {
		out = append(out, n)
	}
	return out
}

// life does everything that happens to a ledger once, small, in an order that
// matters. Whatever fails, it goes on, as a server and its senders do, and
// remembers what was acknowledged.
type life struct {
	t    *testing.T
	fs   disk.FS
	l    *Ledger // nil once it could not be opened again
	now  atomic.Int64
	sent map[int]bool
	// acked are the records that have to be there. Retention, tried or done,
	// takes those before lifeCut out.
	acked     map[int]bool
	retained  bool // done, and nothing old was sent since
	tried     bool
	held      bool // a hold stands for certain
	registers int
	holdings  int
	catalogs  int
	asideSent int64
	aside     int64
}

func newLife(t *testing.T, fsys disk.FS) *life {
	f := &life{t: t, fs: fsys, sent: map[int]bool{}, acked: map[int]bool{}}
	f.now.Store(int64(noon + 100*day))
	return f
}

func (f *life) options() Options {
	return Options{StageRows: 4, MemtableRows: 8, Now: func() time.Time { return event.Millis(f.now.Load()).Time() }}
}

func (f *life) open() {
	for range 2 {
		if l, err := Open(f.fs, "data", f.options()); err == nil {
			f.l = l
			return
		}
	}
	f.l = nil
}

// do is one step; it does nothing when there is no ledger any more.
func (f *life) do(step func(l *Ledger)) {
	if f.l != nil {
		step(f.l)
		if f.l != nil {
			f.l.waitSeal()
		}
	}
}

func (f *life) ack(ns []int, err error) {
	for _, n := range ns {
		f.sent[n] = true
		if n >= 1000 {
			f.retained = false
		}
		if err == nil {
			f.acked[n] = true
		}
	}
}

func (f *life) append(ns ...int) {
	f.do(func(l *Ledger) {
		_, err := l.Append(context.Background(), theLived(ns...))
		f.ack(ns, err)
	})
}

// importing imports ns as one file; stop suspends it after so many pieces.
func (f *life) importing(head string, redecode bool, stop int, ns ...int) {
	f.do(func(l *Ledger) {
		for _, n := range ns {
			f.sent[n] = true
		}
		line := []byte(head + "\n")
		im, err := beginFile(l, ImportSpec{Source: "gateway", Name: "log", Redecode: redecode}, bytes.Repeat(line, len(ns)))
		if errors.Is(err, errAlready) {
			f.ack(ns, nil)
			return
		}
		if err != nil {
			return
		}
		at := int(im.Offset()) / len(line)
		for seq := 0; at < len(ns); seq++ {
			b := l.NewBatch()
			end := min(at+2, len(ns))
			for _, n := range ns[at:end] {
				r := lived(n)
				b.Add(&r)
			}
			if im.Submit(part(im, Chunk{Seq: seq, Batch: b, Lines: int64(end - at)}, bytes.Repeat(line, end-at))) != nil || seq == stop {
				im.Suspend()
				return
			}
			at = end
		}
		_, err = im.Commit("sum of " + head)
		f.ack(ns, err)
	})
}

func (f *life) setAside() {
	f.do(func(l *Ledger) {
		f.asideSent += 2
		if l.SetAside(0, []AsideLine{{Source: "g", Cause: "c", Text: []byte("x")}, {Source: "g", Cause: "d"}}) == nil {
			f.aside += 2
		}
	})
}

func (f *life) install(from event.Millis, account event.AccountID) {
	f.do(func(l *Ledger) {
		if _, err := l.InstallRegister("r", from, one(catalog.RegisterLine{Account: account})); err == nil {
			f.registers++
		}
	})
	f.do(func(l *Ledger) {
		line := catalog.HoldingLine{Account: account, Person: event.PersonID("p" + account), Items: []string{"name"}}
		if _, err := l.InstallHoldings("h", from, one(line)); err == nil {
			f.holdings++
		}
	})
}

func (f *life) retain() {
	f.do(func(l *Ledger) {
		f.tried = true
		if _, err := l.Retain(lifeCut); err == nil {
			f.retained = true
			if f.held {
				f.t.Error("a retention went on under a hold")
			}
		}
		maps.DeleteFunc(f.acked, func(n int, _ bool) bool { return n >= 1000 })
	})
}

const lifeCatalog = `version: 1
zone: Asia/Seoul
items:
  name: {ko: 성명, en: name, class: ordinary}
account:
  pattern: "m[0-9]{1,4}"
  member_types: [member]
sources:
  gateway:
    format: combined
    match: "access*"
    cadence: 6h
`

// live is the life.
func (f *life) live() {
	f.append(1, 2, 3)
	f.append(1000, 1002, 1009)
	f.do(func(l *Ledger) { l.Seal() })
	f.append(3, 4)
	f.setAside()
	f.now.Add(int64(6 * 60_000))
	f.do(func(l *Ledger) { l.sealOld() })
	f.importing("a", false, -1, numbers(10, 17)...)
	f.do(func(l *Ledger) {
		if _, _, err := l.InstallCatalog("life.yaml", []byte(lifeCatalog)); err == nil {
			f.catalogs++
		} else if _, perr := catalog.Parse("life.yaml", []byte(lifeCatalog)); perr != nil {
			f.t.Error(perr)
		}
	})
	f.install(noon-500*day, "m2")
	f.install(noon-350*day, "m3")
	f.install(noon+200*day, "m4")
	for i := range 7 {
		f.append(20 + i)
		f.do(func(l *Ledger) { l.Seal() })
	}
	f.append(numbers(30, 42)...) // seals by rows
	f.do(func(l *Ledger) { l.Compact(context.Background()) })
	f.importing("a", true, -1, numbers(10, 17)...) // redecode
	f.importing("b", false, 1, append(numbers(50, 55), 1010, 1011)...)
	f.do(func(l *Ledger) {
		for _, u := range l.Unfinished() {
			l.AbortImport(u.Import)
		}
	})
	f.importing("c", false, 2, append([]int{1020, 1021}, numbers(60, 66)...)...)
	f.do(func(l *Ledger) { f.held = l.SetHold(Hold{Name: "case", Reason: "r"}) == nil })
	f.do(func(l *Ledger) {
		if f.held {
			f.append(5)
			if _, err := l.Retain(lifeCut); err == nil {
				f.t.Error("a retention went on under a hold")
			}
		}
	})
	f.do(func(l *Ledger) {
		l.LiftHold("case")
		f.held = false
	})
	f.retain()
	f.importing("c", false, -1, append([]int{1020, 1021}, numbers(60, 66)...)...) // goes on
	delete(f.acked, 1020)                                                         // staged before the retention, or read after it: both are right
	delete(f.acked, 1021)
	f.append(9, 2) // of ids that retention destroyed
	f.do(func(l *Ledger) { l.Close(); f.open() })
	f.append(6)
	f.importing("d", false, 1, numbers(70, 77)...)
	f.setAside()
	f.now.Add(int64(8 * day))
	f.append(7)
	f.do(func(l *Ledger) { l.Seal() })
	f.do(func(l *Ledger) { l.Compact(context.Background()) }) // expires fingerprints and import d
	f.retain()
	f.append(8)
}

// rows caches what each record looks like, under the keys of one folder.
type rows struct {
	keys *disk.Mem
	of   map[int][]string
}

func (r *rows) record(t *testing.T, n int) []string {
	if r.of[n] == nil {
		m := r.folder(t)
		l := open(t, m, Options{})
		appendAll(t, l, lived(n))
		r.of[n] = content(t, l)
		l.Close()
	}
	return r.of[n]
}

// folder makes an empty folder with the keys.
func (r *rows) folder(t *testing.T) *disk.Mem {
	m := create(t)
	if r.keys == nil {
		r.keys = create(t) // its own: m may lose power
	}
	for _, n := range []string{"hash.key", "open.key"} {
		copyFile(t, r.keys, m, "data.keys/"+n)
	}
	rekey(t, m)
	return m
}

// check compares what is there with what may be there, and returns it.
func (f *life) check(r *rows, m *disk.Mem, where string) (present map[int]bool) {
	t := f.t
	t.Helper()
	got := map[string]int{}
	total := 0
	for _, row := range content(t, f.l) { // fails if a row names a destroyed id
		got[row]++
		total++
	}
	present = map[int]bool{}
	o := opener(t, m, f.l)
	v, err := f.l.View()
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	defer v.Close()
	for n := range f.sent {
		there := 0
		want := map[string]int{}
		for _, row := range r.record(t, n) {
			want[row]++
		}
		for row, k := range want {
			if got[row] == k {
				there++
			} else if got[row] != 0 {
				t.Fatalf("%s: a row of record %d is there %d times", where, n, got[row])
			}
		}
		switch {
		case there != 0 && there != len(want):
			t.Fatalf("%s: record %d is there in part", where, n)
		case there == 0 && f.acked[n]:
			t.Fatalf("%s: record %d was acknowledged and is lost", where, n)
		case there != 0 && n >= 1000 && f.retained:
			t.Fatalf("%s: record %d outlived a retention", where, n)
		case there == 0:
			continue
		}
		present[n] = true
		total -= len(r.record(t, n))
		rec := lived(n)
		for _, id := range append(rec.Subjects, event.AccountID(rec.Actor.ID)) {
			if rec.Actor.Type != event.Member && string(id) == string(rec.Actor.ID) {
				continue
			}
			ref, ok, err := v.Lookup(v.Hasher().Account(id))
			if err != nil || !ok {
				t.Fatalf("%s: account %s of record %d is unknown: %v", where, id, n, err)
			}
			if real, err := v.RealID(o, ref); err != nil || real != string(id) {
				t.Fatalf("%s: account %s of record %d opens to %q, %v", where, id, n, real, err)
			}
		}
	}
	if total != 0 {
		t.Fatalf("%s: %d rows are of no record that was sent", where, total)
	}
	// Retention may take the first of three; no more of them.
	least := func(acked int) int {
		if f.tried {
			return acked - 1
		}
		return acked
	}
	if n := len(v.Registers()); n < least(f.registers) || n > 3 {
		t.Fatalf("%s: %d registers, %d were acknowledged", where, n, f.registers)
	}
	if n := len(v.Holdings()); n < least(f.holdings) || n > 3 {
		t.Fatalf("%s: %d holdings, %d were acknowledged", where, n, f.holdings)
	}
	if c := v.Catalog(); f.catalogs == 1 && (c == nil || c.Edition != 1) {
		t.Fatalf("%s: the catalog is lost", where)
	}
	cs, err := f.l.Aside()
	counted, back := int64(0), int64(0)
	for _, c := range cs {
		counted += c.Count
	}
	if err == nil {
		err = f.l.OpenAside(o, func(AsideLine) error { back++; return nil })
	}
	if err != nil || counted != back || counted < f.aside || counted > f.asideSent {
		t.Fatalf("%s: %d lines aside counted, %d come back, %d of %d acknowledged, %v", where, counted, back, f.aside, f.asideSent, err)
	}
	return present
}

// tidy checks that the folder has no file that the manifest does not name. It
// is right after an opening.
func (f *life) tidy(m *disk.Mem, where string) {
	f.t.Helper()
	f.l.mu.RLock()
	defer f.l.mu.RUnlock()
	named := map[string]bool{}
	add := func(dir, name string) { named[dir+"/"+name] = true }
	for _, s := range f.l.m.Segments {
		add(segmentDir, s.Name)
	}
	for _, s := range f.l.m.Seen {
		add(seenDir, s.Name)
	}
	for _, im := range f.l.m.Imports {
		for _, s := range im.Staged {
			add(segmentDir, s.Name)
		}
		for _, s := range im.Seen {
			add(seenDir, s.Name)
		}
	}
	for _, i := range slices.Concat(f.l.m.Identities, f.l.m.Persons) {
		add(dictionaryDir, i.Name)
	}
	for _, e := range slices.Concat(f.l.m.Catalogs, f.l.m.Registers, f.l.m.Holdings) {
		add(editionDir, e.File)
	}
	for _, a := range f.l.m.Aside {
		add(asideDir, a.Name)
	}
	for _, dir := range []string{segmentDir, seenDir, dictionaryDir, editionDir, asideDir} {
		names, err := m.List(path.Join("data", dir))
		if err != nil {
			f.t.Fatal(err)
		}
		for _, n := range names {
			if !named[dir+"/"+n] && !strings.HasSuffix(n, sealerSuffix) {
				f.t.Fatalf("%s: nobody names %s/%s", where, dir, n)
			}
			delete(named, dir+"/"+n)
		}
	}
	for n := range named {
		f.t.Fatalf("%s: %s is named and not there", where, n)
	}
}

// after opens the folder of a life that went wrong, checks it, and lets senders
// and operators do again what they were not told had worked.
func (f *life) after(r *rows, m *disk.Mem, where string) {
	t := f.t
	f.fs = m
	l, err := Open(m, "data", f.options())
	if err != nil {
		t.Fatalf("%s: open: %v", where, err)
	}
	f.l = l
	f.tidy(m, where)
	present := f.check(r, m, where)
	var missing []int
	for _, n := range append(slices.Concat(numbers(1, 10), numbers(10, 17), numbers(20, 27), numbers(30, 42), numbers(60, 66), numbers(70, 77)), 100) {
		if !present[n] {
			missing = append(missing, n)
		}
	}
	f.append(missing...)
	f.setAside()
	must := func(what string, err error) {
		if err != nil {
			t.Fatalf("%s: %s: %v", where, what, err)
		}
	}
	for _, n := range missing {
		if !f.acked[n] {
			t.Fatalf("%s: record %d is refused", where, n)
		}
	}
	_, err = l.LiftHold("case")
	must("lift", err)
	for _, u := range l.Unfinished() {
		must("abort", l.AbortImport(u.Import))
	}
	must("seal", l.Seal())
	must("compact", l.Compact(context.Background()))
	f.held = false
	f.retain()
	if !f.retained {
		t.Fatalf("%s: retention is refused", where)
	}
	f.check(r, m, where+", continued")
	must("close", l.Close())
	f.open()
	if f.l == nil {
		t.Fatalf("%s: cannot be opened again", where)
	}
	f.tidy(m, where+", reopened")
	f.check(r, m, where+", reopened")
	must("close", f.l.Close())
}

// TestLives makes the operations of a whole life fail: each in the five ways in
// which a disk fails, with and without a power cut behind it.
func TestLives(t *testing.T) {
	base := seed(t).Uint64()
	broken := errors.New("broken")
	ways := []struct {
		name string
		set  func(f *disk.Faulty, n int)
	}{
		{"not done", func(f *disk.Faulty, n int) { f.FailAt(n, broken) }},
		{"done and reported as failed", func(f *disk.Faulty, n int) { f.FailAfter(n, broken) }},
		{"half written", func(f *disk.Faulty, n int) { f.FailShort(n, broken) }},
		{"synced into nothing", func(f *disk.Faulty, n int) { f.FailDropping(n, broken) }},
		{"and all after it", func(f *disk.Faulty, n int) { f.FailFrom(n, disk.ErrCrashed) }},
	}
	run := func(t *testing.T, r *rows, way, n int, crash bool) (ops int) {
		m := r.folder(t)
		f := disk.NewFaulty(m)
		lf := newLife(t, f)
		if lf.open(); lf.l == nil {
			t.Fatal("a new folder cannot be opened")
		}
		where := "a life without a fault"
		f.FailAt(0, nil)
		if n > 0 {
			ways[way].set(f, n)
		}
		lf.live()
		ops = f.Ops()
		if n > 0 && n <= ops {
			where = fmt.Sprintf("operation %d (%s) %s, power cut: %v", n, f.Log()[n-1], ways[way].name, crash)
		}
		after := m
		if crash {
			rnd := rand.New(rand.NewPCG(base, uint64(n<<8|way<<1)))
			after = m.Crash(rnd)
		}
		if lf.l != nil {
			lf.l.Close()
		}
		if n == 0 {
			// Not there: seven old ones, five and seven of imports that were given up.
			if len(lf.sent) != 60 || len(lf.acked) != 60-7-5-7 {
				t.Errorf("%d of %d records are acknowledged without a fault", len(lf.acked), len(lf.sent))
			}
			if !lf.retained || lf.registers != 3 || lf.holdings != 3 || lf.catalogs != 1 || lf.aside != 4 {
				t.Errorf("something of a life without a fault failed: retained %v, %d registers, %d holdings, %d catalogs, %d aside",
					lf.retained, lf.registers, lf.holdings, lf.catalogs, lf.aside)
			}
			log := strings.Join(f.Log(), "\n") + "\n"
			for _, did := range []string{"create data/segments/live-", "create data/segments/import-", "create data/segments/merged-",
				"create data/segments/kept-", "remove data/segments/live-", "remove data/segments/import-", "remove data/segments/merged-",
				"create data/seen/", "remove data/seen/", "create data/dictionary/persons-", "remove data/dictionary/persons-",
				"remove data/dictionary/identities-", "create data/editions/catalog-", "remove data/editions/holdings-",
				"remove data/editions/register-", "sync data/aside/"} {
				if !strings.Contains(log, did) {
					t.Errorf("a life never does: %s", did)
				}
			}
		}
		lf.after(r, after, where)
		return ops
	}
	ops := run(t, &rows{of: map[int][]string{}}, 0, 0, false)
	t.Logf("a life has %d operations", ops)
	type fault struct {
		way, n int
		crash  bool
	}
	var all []fault
	for way := range ways {
		for n := 1; n <= ops; n++ {
			all = append(all, fault{way, n, false}, fault{way, n, true})
		}
	}
	if *lives > 0 {
		rand.New(rand.NewPCG(base, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:min(len(all), *lives)]
	}
	// Each life is by itself, so that they may go wrong side by side.
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			t.Parallel()
			r := &rows{of: map[int][]string{}}
			for i := w; i < len(all); i += workers {
				run(t, r, all[i].way, all[i].n, all[i].crash)
			}
		})
	}
}
