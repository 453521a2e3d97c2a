package ledger

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// TestImportResumes: an interrupted import goes on where its last staged piece
// ended, shows nothing before its commit, and ends as if it had run through.
func TestImportResumes(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{StageRows: 4})
	spec := ImportSpec{Source: "gateway", Name: "log", Size: 30}
	im := begin(t, l, spec)
	for seq := range 5 {
		b := l.NewBatch()
		for _, r := range records(seq*2, seq*2+1) {
			b.Add(&r)
		}
		if err := im.Submit(part(im, Chunk{Seq: seq, Batch: b, Lines: 2}, []byte("h\nh\n"))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(content(t, l)); n != 0 {
		t.Fatalf("%d rows show before the commit", n)
	}
	l.Close() // killed
	l = open(t, m, Options{StageRows: 4})
	if n := len(content(t, l)); n != 0 {
		t.Fatalf("%d rows show before the commit", n)
	}
	im = begin(t, l, spec)
	at := hLines(im)
	if at == 0 || at > 10 {
		t.Fatalf("goes on at %d", at)
	}
	all := map[int]bool{}
	for n := range 30 {
		all[n] = true
	}
	for seq := 0; at < 30; seq++ {
		b := l.NewBatch()
		r := record(at)
		b.Add(&r)
		at++
		if err := im.Submit(part(im, Chunk{Seq: seq, Batch: b, Lines: 1}, []byte("h\n"))); err != nil {
			t.Fatal(err)
		}
	}
	res, err := im.Commit("sum")
	if err != nil || res.Records != 30 || res.Duplicates != 0 || !res.Resumed {
		t.Fatalf("%+v %v", res, err)
	}
	same(t, content(t, l), want(t, m, all), "after resuming")
	if _, err := beginFile(l, spec, bytes.Repeat([]byte("h\n"), 30)); !errors.Is(err, errAlready) {
		t.Fatalf("the import is not known afterwards: %v", err)
	}
	l.Close()
}

// TestRedecode: the records of a file are replaced, all of them and no others.
func TestRedecode(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{StageRows: 10})
	if _, err := l.Append(context.Background(), records(100, 101, 102)); err != nil {
		t.Fatal(err)
	}
	spec := ImportSpec{Source: "gateway", Name: "log", Size: 20}
	run := func(spec ImportSpec, from int) {
		im := begin(t, l, spec)
		b := l.NewBatch()
		for i := range 20 {
			r := record(from + i)
			b.Add(&r)
		}
		if err := im.Submit(part(im, Chunk{Seq: 0, Batch: b, Lines: 20}, bytes.Repeat([]byte("h\n"), 20))); err != nil {
			t.Fatal(err)
		}
		if _, err := im.Commit("sum"); err != nil {
			t.Fatal(err)
		}
	}
	run(spec, 0)
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	spec.Redecode = true
	run(spec, 200) // as another catalog would have decoded them
	all := map[int]bool{100: true, 101: true, 102: true}
	for i := range 20 {
		all[200+i] = true
	}
	same(t, content(t, l), want(t, m, all), "after redecode")
	l.Close()
	l = open(t, m, Options{})
	same(t, content(t, l), want(t, m, all), "after redecode and reopening")
	l.Close()
}

// TestCopyRefused: records without ids that were imported before are refused as
// a copy, unless said to be new.
func TestCopyRefused(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	run := func(head string, from, to int, fresh bool) error {
		im, err := l.BeginImport(ImportSpec{Source: "gateway", Name: head, Size: int64(to), New: fresh})
		if err != nil {
			return err
		}
		b := l.NewBatch()
		for n := from; n < to; n++ {
			r := record(n)
			r.ID = ""
			b.Add(&r)
		}
		if err := im.Submit(Chunk{Seq: 0, Batch: b, Lines: int64(to - from), End: int64(to)}); err != nil {
			return errors.Join(err, im.Abort())
		}
		_, err = im.Commit(head)
		return err
	}
	if err := run("whole", 0, 400, false); err != nil {
		t.Fatal(err)
	}
	rows := len(content(t, l))
	var o *OverlapError
	if err := run("cut copy", 150, 300, false); !errors.As(err, &o) {
		t.Fatalf("a cut copy: %v", err)
	}
	if n := len(content(t, l)); n != rows {
		t.Fatalf("%d rows after the refusal, %d before", n, rows)
	}
	if err := run("the next file", 400, 700, false); err != nil {
		t.Fatalf("a new file: %v", err)
	}
	if err := run("cut copy", 150, 300, true); err != nil {
		t.Fatalf("a copy said to be new: %v", err)
	}
	l.Close()
}

// TestCameBothWays: a record that arrives live while its file is imported counts
// once, whichever was first, and only a live one that was second to the file
// makes the import begin again.
func TestCameBothWays(t *testing.T) {
	for _, liveFirst := range []bool{true, false} {
		m := create(t)
		l := open(t, m, Options{})
		im := begin(t, l, ImportSpec{Source: "gateway", Name: "log", Size: 3})
		if liveFirst {
			appendAll(t, l, record(2))
		}
		submit(t, im, 0, records(1, 2, 3)...)
		appendAll(t, l, record(2), record(9))
		res, err := im.Commit("sum")
		all := map[int]bool{2: true, 9: true}
		if liveFirst {
			all[1], all[3] = true, true
			if err != nil || res.Duplicates != 1 {
				t.Fatalf("%+v %v", res, err)
			}
		} else if !errors.Is(err, ErrBeginAgain) {
			t.Fatalf("%+v %v", res, err)
		}
		same(t, content(t, l), want(t, m, all), "both ways")
		l.Close()
	}
}

// TestRefusedAppendIsNoClash: a live record that was not stored does not make
// the import of its file begin again.
func TestRefusedAppendIsNoClash(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	defer l.Close()
	im := begin(t, l, ImportSpec{Source: "gateway", Name: "log", Size: 3})
	submit(t, im, 0, records(1, 2, 3)...)
	m.Limit(1)
	if _, err := l.Append(context.Background(), records(2)); err == nil {
		t.Fatal("an append to a full disk was acknowledged")
	}
	m.Limit(0)
	if _, err := im.Commit("sum"); err != nil {
		t.Fatal(err)
	}
	same(t, content(t, l), want(t, m, map[int]bool{1: true, 2: true, 3: true}), "after a refused append")
}

// TestRedecodeBesideAppend: appends go on while the segments of the file that is
// replaced are rewritten.
func TestRedecodeBesideAppend(t *testing.T) {
	f := &hooked{FS: create(t)}
	l := open(t, f, Options{})
	spec := ImportSpec{Source: "gateway", Name: "log", Size: 3}
	for range 2 {
		im := begin(t, l, spec)
		submit(t, im, 0, records(1, 2, 3)...)
		f.hook = func(op, name string) {
			if strings.Contains(name, "/kept-") {
				f.hook = nil
				appendAll(t, l, record(9)) // would wait for ever
			}
		}
		if _, err := im.Commit("sum"); err != nil {
			t.Fatal(err)
		}
		if spec.Redecode && f.hook != nil {
			t.Fatal("nothing was rewritten")
		}
		spec.Redecode = true
	}
	f.hook = nil
	l.Close()
	l = open(t, f.FS, Options{})
	defer l.Close()
	if n := l.Stats().Records; n != 4 {
		t.Fatalf("%d records, want 4", n)
	}
}
