package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tailing runs a Tail by hand, look by look, so that no test waits.
type tailing struct {
	t    *testing.T
	tail *Tail
	got  []string
	pos  Position
	fail bool
}

func newTailing(t *testing.T, path string) *tailing {
	x := &tailing{t: t}
	x.start(path)
	return x
}

func (x *tailing) start(path string) {
	x.tail = &Tail{Path: path, Every: time.Second, Deliver: func(_ context.Context, c *Chunk, after Position) error {
		if x.fail {
			return errors.New("not now")
		}
		x.got = append(x.got, strings.Fields(string(c.Data))...)
		x.pos = after
		return nil
	}}
	x.tail.pos = x.pos
}

func (x *tailing) look() error { return x.tail.look(context.Background()) }

func (x *tailing) must() {
	x.t.Helper()
	if err := x.look(); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tailing) want(lines ...string) {
	x.t.Helper()
	if !slices.Equal(x.got, lines) {
		x.t.Fatalf("got %q, want %q", x.got, lines)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, text)
	f.Close()
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x := newTailing(t, path)
	if err := x.look(); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a missing file: %v", err)
	}
	appendTo(t, path, "a1\na2\nhal")
	x.must()
	x.want("a1", "a2")
	x.must() // nothing new
	appendTo(t, path, "f\na3\n")
	x.must()
	x.want("a1", "a2", "half", "a3")

	// Renamed; a line still goes to the old file, then a new one is there.
	os.Rename(path, path+".1")
	appendTo(t, path+".1", "a4\nlast")
	appendTo(t, path, "b1\n")
	x.must()
	x.want("a1", "a2", "half", "a3", "a4", "last", "b1")

	// Copied away and cut.
	os.Truncate(path, 0)
	appendTo(t, path, "c1\n")
	x.must()
	x.want("a1", "a2", "half", "a3", "a4", "last", "b1", "c1")
	// Cut, and longer than before by the time it is looked at.
	os.Truncate(path, 0)
	appendTo(t, path, "d1\nd2\nd3\n")
	x.must()
	x.want("a1", "a2", "half", "a3", "a4", "last", "b1", "c1", "d1", "d2", "d3")

	// A delivery that fails comes again.
	appendTo(t, path, "d4\n")
	x.fail = true
	if err := x.look(); err == nil {
		t.Fatal("a failed delivery went unnoticed")
	}
	x.fail = false
	x.must()
	x.want("a1", "a2", "half", "a3", "a4", "last", "b1", "c1", "d1", "d2", "d3", "d4")

	// Restarted, after a rotation nobody saw.
	appendTo(t, path, "d5\n")
	os.Rename(path, path+"-20250301")
	appendTo(t, path, "e1\n")
	x.tail.file.Close()
	x.got = nil
	x.start(path)
	x.must()
	x.want("d5", "e1")
}

// TestTailSameSize: cut, and grown to exactly the size it had.
func TestTailSameSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x := newTailing(t, path)
	text := func(r string) (s string) {
		for i := range 15 {
			s += fmt.Sprintf("%s-%02d-%s\n", r, i, strings.Repeat("x", 310))
		}
		return s
	}
	for n, r := range []string{"a", "b", "c"} {
		appendTo(t, path, text(r))
		x.must()
		if len(x.got) != 15*(n+1) {
			t.Fatalf("round %s: %d lines", r, len(x.got))
		}
		os.Truncate(path, 0)
	}
}
