package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

func opener(t testing.TB, m *disk.Mem, l *Ledger) *pseudonym.Opener {
	t.Helper()
	o, err := pseudonym.LoadOpening(m, "data.keys/open.key")
	if err == nil {
		err = l.LoadHeaders(o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// countAside checks that so many lines are counted, and so many come back.
func countAside(t testing.TB, m *disk.Mem, l *Ledger, counted, kept int64) {
	t.Helper()
	cs, err := l.Aside()
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, c := range cs {
		n += c.Count
	}
	back := int64(0)
	if err := l.OpenAside(opener(t, m, l), func(AsideLine) error { back++; return nil }); err != nil {
		t.Fatal(err)
	}
	if n != counted || back != kept {
		t.Fatalf("%d lines counted and %d kept, want %d and %d", n, back, counted, kept)
	}
}

// TestAsideFlood: bad lines that fill many frames come back, all of them, and so
// do those after them.
func TestAsideFlood(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	lines := make([]AsideLine, 150_000)
	for i := range lines {
		lines[i] = AsideLine{Source: "gateway", File: "http", Line: int64(i + 1), Cause: "syntax", Text: []byte("x")}
	}
	lines[7].Text = bytes.Repeat([]byte("long"), 4<<20)
	lines[8].Source = strings.Repeat("s", 1<<20)
	for range 2 {
		if err := l.SetAside(0, lines, AsideCount{Source: "gateway", Cause: "syntax", Count: 1000}); err != nil {
			t.Fatal(err)
		}
		lines = lines[:10]
	}
	countAside(t, m, l, 150_000+10+2000, 150_000+10)
	names, _ := m.List("data/aside")
	if len(names) != 1 {
		t.Fatal(names)
	}
	f, err := m.Open(path.Join("data/aside", names[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	frames := 0
	err = walkAside(f, size, 0, 0, false, func(_ *asideSummary, n int64, _ []byte) error {
		if frames++; n > asideFill+1<<20 {
			t.Errorf("a frame has %d bytes", n)
		}
		return nil
	})
	if err != nil || frames < 4 {
		t.Errorf("%d frames, %v", frames, err)
	}
	l.Close()
	l = open(t, m, Options{})
	countAside(t, m, l, 150_000+10+2000, 150_000+10)
	l.Close()
}

// TestAsideManyKinds: a frame's summary stays small.
func TestAsideManyKinds(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	defer l.Close()
	var lines []AsideLine
	for i := range 2*asideMaxKinds + 5 {
		lines = append(lines, AsideLine{Source: "g", Field: fmt.Sprint(i), Cause: "c"})
	}
	if err := l.SetAside(0, lines); err != nil {
		t.Fatal(err)
	}
	countAside(t, m, l, int64(len(lines)), int64(len(lines)))
}

// opened remembers which files of lines set aside are opened.
type opened struct {
	disk.FS
	names []string
}

func (o *opened) Open(name string) (disk.File, error) {
	if strings.Contains(name, "/aside/") {
		o.names = append(o.names, name)
	}
	return o.FS.Open(name)
}

// TestAsideCountsReadNothing: the counts come from memory, and after an opening
// from the manifest and what came behind it, read by no sealed part.
func TestAsideCountsReadNothing(t *testing.T) {
	m := create(t)
	o := &opened{FS: m}
	l := open(t, o, Options{})
	for i := range 5 {
		if err := l.SetAside(0, []AsideLine{{Source: "g", Cause: "c"}}); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if err := l.SetHold(Hold{Name: "h", Reason: "any commit"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cs, err := l.Aside(); err != nil || len(cs) != 1 || cs[0].Count != 5 || len(o.names) != 0 {
		t.Fatalf("%v %v; read %v", cs, err, o.names)
	}
	l.Close()
	l = open(t, o, Options{})
	read := len(o.names) // by the opening, which makes what it counts durable
	if cs, err := l.Aside(); err != nil || len(cs) != 1 || cs[0].Count != 5 || len(o.names) != read {
		t.Fatalf("%v %v; read %v", cs, err, o.names)
	}
	l.Close()
	o.names = nil
	l = open(t, o, Options{})
	if len(o.names) != 1 {
		t.Fatalf("an opening of what the manifest counts read %v", o.names)
	}
	l.Close()
	// Everything is counted by the manifest now: a damaged frame is not met by
	// the counts, and is by whoever opens the lines.
	names, _ := m.List("data/aside")
	name := "data/aside/" + names[0]
	b, err := disk.ReadFile(m, name)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	if err := disk.WriteFile(m, name, b); err != nil {
		t.Fatal(err)
	}
	l = open(t, m, Options{})
	defer l.Close()
	if cs, err := l.Aside(); err != nil || len(cs) != 1 || cs[0].Count != 5 {
		t.Fatalf("%v %v", cs, err)
	}
	if err := l.OpenAside(opener(t, m, l), func(AsideLine) error { return nil }); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("a damaged last frame that the manifest knows: %v", err)
	}
}

// TestAsideDamage: each damaged byte of a file that the manifest does not know
// yet is noticed, but in the last frame, which may never have been acknowledged.
// It does not keep the ledger from opening.
func TestAsideDamage(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{Now: noon.Time}) // frames of one length
	for range 3 {
		if err := l.SetAside(0, []AsideLine{{Source: "g", Cause: "c", Text: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	names, _ := m.List("data/aside")
	data, err := disk.ReadFile(m, "data/aside/"+names[0])
	if err != nil {
		t.Fatal(err)
	}
	walk := func(b []byte) (n int, err error) {
		err = walkAside(bytes.NewReader(b), int64(len(b)), 0, 0, false, func(*asideSummary, int64, []byte) error { n++; return nil })
		return n, err
	}
	last := len(data) / 3 * 2
	for i := range last {
		b := slices.Clone(data)
		b[i] ^= 0xff
		if _, err := walk(b); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d of %d damaged: %v", i, last, err)
		}
	}
	for cut := range data {
		if n, err := walk(data[:cut]); err != nil || n != cut*3/len(data) {
			t.Fatalf("cut to %d bytes: %d frames, %v", cut, n, err)
		}
		// The manifest knows better.
		err := walkAside(bytes.NewReader(data[:cut]), int64(cut), 0, int64(len(data)), false, func(*asideSummary, int64, []byte) error { return nil })
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d bytes of %d acknowledged: %v", cut, len(data), err)
		}
	}
	b := slices.Clone(data)
	b[3] ^= 0xff
	if err := disk.WriteFile(m, "data/aside/"+names[0], b); err != nil {
		t.Fatal(err)
	}
	l = open(t, m, Options{})
	defer l.Close()
	if _, err := l.Aside(); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("the counts of a damaged file: %v", err)
	}
	if err := l.SetAside(0, []AsideLine{{Source: "g", Cause: "c"}}); err != nil {
		t.Fatal(err)
	}
}

// TestAsideFullDisk: lines that find no room are refused, those before and after
// come back, and the ledger goes on.
func TestAsideFullDisk(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	set := func() error { return l.SetAside(0, []AsideLine{{Source: "g", Cause: "c", Text: []byte("x")}}) }
	m.Limit(1)
	if set() == nil {
		t.Fatal("a line was set aside on a full disk")
	}
	m.Limit(0)
	for range 3 {
		if err := set(); err != nil {
			t.Fatal(err)
		}
		m.Limit(1)
		if set() == nil {
			t.Fatal("a line was set aside on a full disk")
		}
		m.Limit(0)
	}
	countAside(t, m, l, 3, 3)
	l.Close()
	l = open(t, m, Options{})
	countAside(t, m, l, 3, 3)
	l.Close()
}

// TestAsidePositions: the counts say where the first line of each kind stands,
// whatever order the lines come in, and after an opening too.
func TestAsidePositions(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	at := func(line int64, cause string) AsideLine {
		return AsideLine{Source: "web", File: "access.log", Line: line, Offset: 100 * line, Cause: cause, Text: []byte("x")}
	}
	for _, lines := range [][]AsideLine{{at(9, "time"), at(7, "time")}, {at(5, "time"), at(8, "format")}, {at(6, "time")}} {
		if err := l.SetAside(0, lines, AsideCount{Source: "web", Cause: "time", Count: 1}); err != nil {
			t.Fatal(err)
		}
	}
	want := []AsideCount{
		{Source: "web", Cause: "time", Count: 7, File: "access.log", Line: 5, Offset: 500},
		{Source: "web", Cause: "format", Count: 1, File: "access.log", Line: 8, Offset: 800},
	}
	for range 2 {
		if got, err := l.Aside(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		l.Close()
		l = open(t, m, Options{})
	}
	l.Close()
}
