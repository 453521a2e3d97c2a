package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

func pack(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	g.Write(data)
	g.Close()
	if err := os.WriteFile(name+".gz", z.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chtimes(name+".gz", st.ModTime(), st.ModTime()) // as gzip does
	os.Remove(name)
}

// rotate renames as logrotate does, by numbers.
func rotate(t *testing.T, path string, packed bool) {
	t.Helper()
	for n := 8; n > 0; n-- {
		for _, end := range []string{"", ".gz"} {
			os.Rename(fmt.Sprintf("%s.%d%s", path, n, end), fmt.Sprintf("%s.%d%s", path, n+1, end))
		}
	}
	os.Rename(path, path+".1")
	if packed {
		pack(t, path+".1")
	}
}

// TestTailSeveralRotations: between two looks, and while nobody looked, with and
// without packing, no line is lost and none comes twice.
func TestTailSeveralRotations(t *testing.T) {
	for _, away := range []bool{false, true} {
		for _, packed := range []bool{false, true} {
			for _, dated := range []bool{false, true} {
				path := filepath.Join(t.TempDir(), "access.log")
				appendTo(t, path+".notes", "no log\n")
				x := newTailing(t, path)
				appendTo(t, path, "a1\n")
				x.must()
				if away {
					x.tail.use(nil)
				}
				appendTo(t, path, "a2\n")
				turn := func(day int) {
					if !dated {
						rotate(t, path, packed)
						return
					}
					name := fmt.Sprintf("%s-202503%02d", path, day)
					os.Rename(path, name)
					if packed {
						pack(t, name)
					}
				}
				turn(1)
				appendTo(t, path, "b1\nb2\n")
				turn(2)
				appendTo(t, path, "c1\n")
				turn(3)
				appendTo(t, path, "d1\n")
				if away {
					x.start(path)
				}
				lost := 0
				x.tail.Lost = func(Position, bool) { lost++ }
				x.must()
				x.must()
				x.want("a1", "a2", "b1", "b2", "c1", "d1")
				appendTo(t, path, "d2\n")
				x.must()
				x.want("a1", "a2", "b1", "b2", "c1", "d1", "d2")
				if lost != 0 {
					t.Errorf("away %v, packed %v, dated %v: %d files said to be lost", away, packed, dated, lost)
				}
			}
		}
	}
}

// TestTailLost: a file that is gone before it was read to its end is told of, and
// what was rotated away after it is read.
func TestTailLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x := newTailing(t, path)
	appendTo(t, path, "a1\n")
	x.must()
	x.tail.use(nil)
	appendTo(t, path, "a2\n")
	rotate(t, path, false)
	appendTo(t, path, "b1\n")
	rotate(t, path, false)
	appendTo(t, path, "c1\n")
	os.Remove(path + ".2")
	x.start(path)
	var lost []Position
	x.tail.Lost = func(was Position, cut bool) {
		if cut {
			t.Error("said to be cut")
		}
		lost = append(lost, was)
	}
	x.must()
	x.want("a1", "b1", "c1")
	if len(lost) != 1 || lost[0].Offset != 3 {
		t.Errorf("lost %+v, want one file from byte 3 on", lost)
	}
}

// TestTailCopied: a file that is copied away and cut loses nothing that is in the
// copy; without a copy it is told of.
func TestTailCopied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x := newTailing(t, path)
	cuts := 0
	x.tail.Lost = func(_ Position, cut bool) {
		if cut {
			cuts++
		}
	}
	appendTo(t, path, "a1\n")
	x.must()
	appendTo(t, path, "a2\n")
	data, _ := os.ReadFile(path)
	os.WriteFile(path+".1", data, 0o600)
	os.Truncate(path, 0)
	appendTo(t, path, "b1\nb2\nb3\n")
	x.must()
	x.want("a1", "a2", "b1", "b2", "b3")
	if cuts != 0 {
		t.Errorf("%d cuts although there is a copy", cuts)
	}
	os.Truncate(path, 0)
	appendTo(t, path, "c1\n")
	x.must()
	x.want("a1", "a2", "b1", "b2", "b3", "c1")
	if cuts != 1 {
		t.Errorf("%d cuts, want 1", cuts)
	}
}

// TestTailKnown: what somebody else has read is passed over, also when that is
// found out only on delivery.
func TestTailKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	long := strings.Repeat("x", MaxLine+5)
	appendTo(t, path, "a1\na2\n"+long+"\na3\n")
	x := newTailing(t, path)
	known := int64(3)
	deliver := x.tail.Deliver
	var took bytes.Buffer
	x.tail.Deliver = func(ctx context.Context, c *Chunk, after Position) error {
		if known == 3 {
			known = 6
			return ErrKnown
		}
		if err := c.CopyTo(&took); err != nil {
			t.Fatal(err)
		}
		return deliver(ctx, c, after)
	}
	x.tail.Known = func(_ context.Context, from Position, r io.Reader, _ bool) (Position, error) {
		from.Offset, from.Line = max(from.Offset, known), max(from.Line, known/3)
		return from, nil
	}
	x.must()
	x.want("a3")
	if want := long + "\na3\n"; took.String() != want {
		t.Errorf("%d bytes were taken, want %d", took.Len(), len(want))
	}
	x.tail.Known = func(context.Context, Position, io.Reader, bool) (Position, error) { return Position{}, ErrWait }
	x.tail.asked = false
	appendTo(t, path, "a4\n")
	x.must()
	x.want("a3")
}

// TestTailCountsUp: where the newest file has the highest number, what was there
// before is not taken for newer.
func TestTailCountsUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	old := time.Now().Add(-time.Hour)
	appendTo(t, path+".1", "old\n")
	if err := os.Chtimes(path+".1", old, old); err != nil {
		t.Fatal(err)
	}
	x := newTailing(t, path)
	appendTo(t, path, "a1\n")
	x.must()
	for n, at := range []time.Duration{10, 20} {
		name := fmt.Sprintf("%s.%d", path, n+2)
		os.Rename(path, name)
		if err := os.Chtimes(name, old.Add(at*time.Minute), old.Add(at*time.Minute)); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, fmt.Sprintf("b%d\n", n))
	}
	x.must()
	x.want("a1", "b0", "b1")
}
