package ledger

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

const day = event.Millis(86_400_000)

// longAgo is record 2, of m2, 400 days before the others.
func longAgo() event.Record {
	r := record(2)
	r.Time = noon - 400*day
	return r
}

func appendAll(t testing.TB, l *Ledger, rs ...event.Record) {
	t.Helper()
	if _, err := l.Append(context.Background(), rs); err != nil {
		t.Fatal(err)
	}
}

// submit sends records as the pieces of an import, one each, from seq on.
func submit(t testing.TB, im *Import, seq int, rs ...event.Record) {
	t.Helper()
	for i := range rs {
		b := im.l.NewBatch()
		b.Add(&rs[i])
		if err := im.Submit(part(im, Chunk{Seq: seq + i, Batch: b, Lines: 1}, []byte("h\n"))); err != nil {
			t.Fatal(err)
		}
	}
}

func known(t testing.TB, l *Ledger, id event.AccountID) bool {
	t.Helper()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	_, ok, err := v.Lookup(l.Hasher().Account(id))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestRetainBesideAppend: an id that comes back at any moment of a retention
// which would destroy it is either kept or given a new ordinal, and the row that
// names it can be read.
func TestRetainBesideAppend(t *testing.T) {
	for n := 0; ; n++ {
		f := &hooked{FS: create(t)}
		l := open(t, f, Options{})
		appendAll(t, l, longAgo())
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
		again := longAgo()
		again.Time, again.ID = noon, "again"
		step, where := 0, ""
		f.hook = func(op, name string) {
			if step++; step == n+1 {
				f.hook, where = nil, op+" "+name
				appendAll(t, l, again)
			}
		}
		if _, err := l.Retain(noon - 300*day); err != nil {
			t.Fatal(err)
		}
		if where == "" {
			l.Close()
			if n < 4 {
				t.Fatalf("only %d moments", n)
			}
			return
		}
		rows := content(t, l) // fails if it names a destroyed id
		if len(rows) != 1 || !known(t, l, "m2") {
			t.Fatalf("append at %s: %d rows", where, len(rows))
		}
		l.Close()
		l = open(t, f.FS, Options{})
		same(t, content(t, l), rows, "reopened; append at "+where)
		l.Close()
	}
}

// TestRetainBesideImport: rows of an import that runs, or was interrupted, keep
// their ids, whether they are staged or not.
func TestRetainBesideImport(t *testing.T) {
	spec := ImportSpec{Source: "gateway", Name: "log", Size: 8}
	for _, suspended := range []bool{true, false} {
		for stage := 1; stage < 9; stage++ {
			m := create(t)
			l := open(t, m, Options{StageRows: stage})
			appendAll(t, l, longAgo())
			im := begin(t, l, spec)
			rs := records(10, 11, 12, 13, 16, 17, 18, 19)
			submit(t, im, 0, rs[:5]...)
			if suspended {
				im.Suspend()
			}
			got, err := l.Retain(noon - 300*day)
			if err != nil || got.Records != 1 || got.Ids < 1 {
				t.Fatalf("%+v %v", got, err)
			}
			seq := 5
			if suspended {
				im, seq = begin(t, l, spec), 0
			}
			submit(t, im, seq, rs[hLines(im):]...)
			if _, err := im.Commit("sum"); err != nil {
				t.Fatal(err)
			}
			all := map[int]bool{}
			for _, n := range []int{10, 11, 12, 13, 16, 17, 18, 19} {
				all[n] = true
			}
			same(t, content(t, l), want(t, m, all), "imported beside a retention")
			l.Close()
			l = open(t, m, Options{})
			same(t, content(t, l), want(t, m, all), "reopened")
			l.Close()
		}
	}
}

// TestRetainBusy: ids go although records keep coming, and if the run is cut
// short after the files are gone, the next one destroys them.
func TestRetainBusy(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	appendAll(t, l, longAgo(), record(3))
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, record(4))
	if err := l.SetHold(Hold{Name: "case", Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	// The hold is lifted for the files and stands again before the ids.
	l.compactMu.Lock()
	if _, err := l.LiftHold("case"); err != nil {
		t.Fatal(err)
	}
	var out Retained
	if err := l.retainFiles(noon-300*day, &out); err != nil || out.Records != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	if err := l.SetHold(Hold{Name: "case", Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, _, err := l.dropUnneeded(); !errors.As(err, &held) {
		t.Fatalf("ids destroyed under a hold: %v", err)
	}
	l.compactMu.Unlock()
	if l.Stats().Failed || !known(t, l, "m2") {
		t.Fatal("a hold between files and ids stopped the ledger, or came too late")
	}
	l.Close()
	l = open(t, m, Options{})
	defer l.Close()
	if _, err := l.LiftHold("case"); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, record(5))
	got, err := l.Retain(noon - 300*day)
	if err != nil || got.Segments != 0 || got.Ids != 1 || known(t, l, "m2") {
		t.Fatalf("%+v %v", got, err)
	}
}

// TestRetainStaged: what an unfinished import staged goes with its time, and the
// import goes on with the rest.
func TestRetainStaged(t *testing.T) {
	spec := ImportSpec{Source: "gateway", Name: "log", Size: 4}
	for _, suspended := range []bool{true, false} {
		m := create(t)
		l := open(t, m, Options{StageRows: 1})
		im := begin(t, l, spec)
		submit(t, im, 0, longAgo(), record(9))
		if suspended {
			im.Suspend()
		}
		got, err := l.Retain(noon - 300*day)
		if err != nil || got.Staged != 1 || got.Ids != 1 || got.Imports != 0 {
			t.Fatalf("%+v %v", got, err)
		}
		if names, _ := m.List("data/segments"); len(names) != 1 {
			t.Fatalf("segments %v are left", names)
		}
		seq := 2
		if suspended {
			im, seq = begin(t, l, spec), 0
		}
		submit(t, im, seq, record(10))
		if _, err := im.Commit("sum"); err != nil {
			t.Fatal(err)
		}
		same(t, content(t, l), want(t, m, map[int]bool{9: true, 10: true}), "the rest of the import")
		l.Close()
	}
}

// TestAbandonedImport: an import that nobody goes on with is given up by hand or
// by time, with all it staged, and not while a hold stands.
func TestAbandonedImport(t *testing.T) {
	m := create(t)
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	l := open(t, m, Options{StageRows: 2, Now: func() time.Time { return now }})
	defer l.Close()
	abandon := func() uint64 {
		im := begin(t, l, ImportSpec{Source: "gateway", Name: "access.log", Size: 9})
		submit(t, im, 0, records(1, 2, 3, 4)...)
		if err := l.AbortImport(im.ID()); !errors.Is(err, ErrImporting) {
			t.Fatalf("gave up a running import: %v", err)
		}
		im.Suspend()
		return im.ID()
	}
	gone := func(what string) {
		t.Helper()
		for _, dir := range []string{"segments", "seen"} {
			if names, _ := m.List("data/" + dir); len(names) != 0 {
				t.Fatalf("%s: %v are left in %s", what, names, dir)
			}
		}
		if u := l.Unfinished(); len(u) != 0 {
			t.Fatalf("%s: %+v", what, u)
		}
	}
	// One that was killed before it staged anything says when it began.
	early := begin(t, l, ImportSpec{Source: "gateway", Name: "early.log", Size: 9})
	early.Suspend()
	if u := l.Unfinished(); len(u) != 1 || u[0].Staged != 0 || !u[0].Touched.Equal(now) {
		t.Fatalf("%+v", u)
	}
	if err := l.AbortImport(early.ID()); err != nil {
		t.Fatal(err)
	}
	id := abandon()
	if u := l.Unfinished(); len(u) != 1 || u[0].Import != id || u[0].Staged == 0 || u[0].Running || !u[0].Touched.Equal(now) {
		t.Fatalf("%+v", u)
	}
	if err := l.SetHold(Hold{Name: "case", Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if err := l.AbortImport(id); !errors.As(err, &held) {
		t.Fatalf("under a hold: %v", err)
	}
	now = now.Add(importHorizon + time.Hour)
	if err := l.Compact(context.Background()); err != nil || len(l.Unfinished()) != 1 {
		t.Fatalf("under a hold: %v, %d left", err, len(l.Unfinished()))
	}
	if _, err := l.LiftHold("case"); err != nil {
		t.Fatal(err)
	}
	if err := l.AbortImport(id); err != nil {
		t.Fatal(err)
	}
	gone("by hand")
	if err := l.AbortImport(id); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("given up twice: %v", err)
	}
	abandon()
	now = now.Add(importHorizon - time.Hour)
	if err := l.Compact(context.Background()); err != nil || len(l.Unfinished()) != 1 {
		t.Fatalf("within the horizon: %v, %d left", err, len(l.Unfinished()))
	}
	now = now.Add(2 * time.Hour)
	if err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	gone("by time, in a merge")
	abandon()
	now = now.Add(importHorizon + time.Hour)
	if got, err := l.Retain(0); err != nil || got.Imports != 1 || got.Ids == 0 {
		t.Fatalf("%+v %v", got, err)
	}
	gone("by time, in a retention")
}

// TestRetainEditions: editions go once no record is left that they were in force
// for, with the accounts and people that only they named.
func TestRetainEditions(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{Now: func() time.Time { return (noon + 100*day).Time() }})
	holding := func(account, person string, from event.Millis) {
		t.Helper()
		if _, err := l.InstallHoldings("h", from, one(catalog.HoldingLine{Account: event.AccountID(account), Person: event.PersonID(person), Items: []string{"name"}})); err != nil {
			t.Fatal(err)
		}
		if _, err := l.InstallRegister("r", from, one(catalog.RegisterLine{Account: event.AccountID(account)})); err != nil {
			t.Fatal(err)
		}
	}
	holding("m2", "old person", noon-500*day)
	holding("m3", "person", noon-200*day)
	holding("m4", "next person", noon+50*day)
	appendAll(t, l, longAgo(), record(3))
	if got, err := l.Retain(noon - 450*day); err != nil || got.Editions != 0 {
		t.Fatalf("an edition went that is in force for a record: %+v %v", got, err)
	}
	if got, err := l.Retain(noon - 300*day); err != nil || got.Editions != 0 || got.Records != 1 {
		t.Fatalf("an edition went that is in force for records still to come: %+v %v", got, err)
	}
	if !known(t, l, "m2") {
		t.Fatal("an id went that an edition names")
	}
	v, _ := l.View()
	got, err := l.Retain(noon - 100*day)
	if err != nil || got.Editions != 2 || got.Persons != 1 || got.Ids != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	if len(v.Holdings()) != 3 || !v.Holdings()[0].Has(2) && v.Holdings()[0].Lines() != 1 {
		t.Fatal("a view lost an edition it began with")
	}
	v.Close()
	for range 2 {
		v, _ = l.View()
		if len(v.Holdings()) != 2 || len(v.Registers()) != 2 || v.Holdings()[0].From() != noon-200*day {
			t.Fatalf("%d holdings and %d registers are left", len(v.Holdings()), len(v.Registers()))
		}
		if _, ok, _ := v.LookupPerson(l.Hasher().Person("old person")); ok {
			t.Fatal("a destroyed person is still found")
		}
		if _, ok, _ := v.LookupPerson(l.Hasher().Person("person")); !ok {
			t.Fatal("a person of an edition in force is gone")
		}
		v.Close()
		l.Close()
		l = open(t, m, Options{})
	}
	// The number of one that went is not given out again.
	holding("m5", "another", noon-400*day)
	l.mu.RLock()
	if last := l.m.Holdings[2]; last.Number != 4 {
		t.Errorf("the fourth edition has number %d", last.Number)
	}
	l.mu.RUnlock()
	l.Close()
}

// TestRetainAside: files of lines set aside go by the time they were written,
// with their counts; a new one is begun.
func TestRetainAside(t *testing.T) {
	m := create(t)
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	l := open(t, m, Options{Now: func() time.Time { return now }})
	set := func() {
		t.Helper()
		if err := l.SetAside(0, []AsideLine{{Source: "g", Cause: "c", Text: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	set()
	now = now.AddDate(0, 1, 0)
	set()
	if got, err := l.Retain(event.MillisOf(now.AddDate(0, 0, -1))); err != nil || got.Aside != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	set()
	now = now.AddDate(0, 0, 1)
	if got, err := l.Retain(event.MillisOf(now)); err != nil || got.Aside != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if names, _ := m.List("data/aside"); len(names) != 0 {
		t.Fatalf("%v are left", names)
	}
	set()
	for range 2 {
		if cs, err := l.Aside(); err != nil || len(cs) != 1 || cs[0].Count != 1 {
			t.Fatalf("%v %v", cs, err)
		}
		l.Close()
		l = open(t, m, Options{})
	}
	l.Close()
}

// TestDestroyedLeavesNoBytes: after retention no file holds what it destroyed.
func TestDestroyedLeavesNoBytes(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{StageRows: 1})
	appendAll(t, l, longAgo())
	if _, err := l.Retain(noon - 300*day); err != nil {
		t.Fatal(err)
	}
	p := l.Hasher().Account("m2")
	l.Close()
	for _, dir := range []string{"segments", "dictionary", "seen", "editions", "aside"} {
		names, _ := m.List("data/" + dir)
		for _, n := range names {
			data, err := disk.ReadFile(m, path.Join("data", dir, n))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, p[:]) || strings.HasSuffix(n, ".seg") {
				t.Errorf("%s/%s still holds what was destroyed", dir, n)
			}
		}
	}
}

// TestNameSurvivesRefusedCommits: an id whose file was flushed by commits that
// came to nothing is sealed into the journal all the same.
func TestNameSurvivesRefusedCommits(t *testing.T) {
	rnd := seed(t)
	m := create(t)
	l := open(t, m, Options{})
	if err := l.SetHold(Hold{Name: "case", Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	im := begin(t, l, ImportSpec{Source: "gateway", Name: "log", Size: 9})
	submit(t, im, 0, record(2))
	for range 3 {
		var held *HeldError
		if _, err := l.Retain(noon); !errors.As(err, &held) {
			t.Fatal(err)
		}
	}
	live := record(2)
	live.ID = "another"
	appendAll(t, l, live)
	after := m.Crash(rnd)
	l.Close()
	l = open(t, after, Options{})
	defer l.Close()
	o, err := pseudonym.LoadOpening(after, "data.keys/open.key")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.LoadHeaders(o); err != nil {
		t.Fatal(err)
	}
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	ref, ok, err := v.Lookup(l.Hasher().Account("m2"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if id, err := v.RealID(o, ref); err != nil || id != "m2" {
		t.Fatalf("the account of an acknowledged record opens to %q, %v", id, err)
	}
}
