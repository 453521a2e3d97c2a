package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watching is a Tail whose begun positions are kept as well.
func watching(t *testing.T, path string) (x *tailing, lost *[]Position) {
	x, lost = newTailing(t, path), &[]Position{}
	x.watch(lost)
	return x, lost
}

func (x *tailing) watch(lost *[]Position) {
	x.tail.Begun = func(_ context.Context, at Position) error {
		if x.fail {
			return errors.New("not now")
		}
		x.pos = at
		return nil
	}
	x.tail.Lost = func(was Position, _ bool) { *lost = append(*lost, was) }
}

// again is a restart: what was read before stays in x.got.
func (x *tailing) again(lost *[]Position) {
	x.t.Helper()
	path := x.tail.Path
	x.tail.use(nil)
	x.start(path)
	x.watch(lost)
	x.must()
	x.must()
}

// hours go by between two calls of write: the clock of a file system is coarse, and
// these tests do not wait.
var hours int

func write(t *testing.T, path, text string) {
	t.Helper()
	appendTo(t, path, text)
	hours++
	at := time.Now().Add(time.Duration(hours) * time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func aged(t *testing.T, path, text string) {
	t.Helper()
	appendTo(t, path, text)
	at := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func copied(t *testing.T, path, to string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(data))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
}

// TestTailUnread: nothing had been read of a log when the follower ended. What was
// written to it and rotated away before the next one begins is read, and where
// that is not certain, it is told of.
func TestTailUnread(t *testing.T) {
	for _, c := range []struct {
		name   string
		before bool // a file was rotated away earlier
		absent bool // there is no file yet
		first  string
		away   func(t *testing.T, path string)
		want   []string
		lost   int
	}{
		{name: "nothing", away: func(*testing.T, string) {}},
		{name: "written to", away: func(t *testing.T, path string) { write(t, path, "a1\n") }, want: []string{"a1"}},
		{name: "renamed", away: func(t *testing.T, path string) {
			write(t, path, "a1\na2\n")
			rotate(t, path, false)
		}, want: []string{"a1", "a2"}},
		{name: "renamed to a date, and a new file", away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			os.Rename(path, path+"-20260301")
			write(t, path, "b1\n")
		}, want: []string{"a1", "b1"}},
		{name: "renamed three times", away: func(t *testing.T, path string) {
			for _, l := range []string{"a1\n", "b1\n", "c1\n"} {
				write(t, path, l)
				rotate(t, path, false)
			}
			write(t, path, "d1\n")
		}, want: []string{"a1", "b1", "c1", "d1"}},
		{name: "renamed without a line, then with one", away: func(t *testing.T, path string) {
			rotate(t, path, false)
			write(t, path, "b1\n")
			rotate(t, path, false)
			write(t, path, "")
		}, want: []string{"b1"}},
		{name: "half a line at first", first: "hal", away: func(t *testing.T, path string) {
			write(t, path, "f\na2\n")
			rotate(t, path, false)
			write(t, path, "b1\n")
		}, want: []string{"half", "a2", "b1"}},
		{name: "copied and cut", before: true, away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			os.Rename(path+".1", path+".2")
			copied(t, path, path+".1")
			write(t, path, "b1\n")
		}, want: []string{"a1", "b1"}},
		{name: "copied and cut twice", before: true, away: func(t *testing.T, path string) {
			os.Rename(path+".1", path+".3")
			write(t, path, "a1\n")
			copied(t, path, path+".2")
			write(t, path, "b1\n")
			copied(t, path, path+".1")
		}, want: []string{"a1", "b1"}},
		{name: "copied and cut, with nothing that was there before", away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			copied(t, path, path+".1")
			write(t, path, "b1\n")
		}, want: []string{"a1", "b1"}, lost: 1},
		{name: "copied and cut, and the copy removed", away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}, lost: 1},
		{name: "copied and cut twice, and the first one removed", before: true, away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			os.Remove(path + ".1")
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			write(t, path, "b1\n")
			copied(t, path, path+".1")
			write(t, path, "c1\n")
		}, want: []string{"b1", "c1"}, lost: 1},
		{name: "copied, cut and then renamed", away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			copied(t, path, path+".2")
			write(t, path, "b1\n")
			os.Rename(path, path+".1")
			write(t, path, "c1\n")
		}, want: []string{"a1", "b1", "c1"}, lost: 1},
		{name: "all that was there before is removed", before: true, away: func(t *testing.T, path string) {
			os.Remove(path + ".1")
			write(t, path, "z0\n")
		}, want: []string{"z0"}, lost: 1},
		{name: "packed", before: true, away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			rotate(t, path, true)
			write(t, path, "b1\n")
		}, want: []string{"a1", "b1"}},
		{name: "packed, and the one before too", before: true, away: func(t *testing.T, path string) {
			pack(t, path+".1")
			write(t, path, "a1\n")
			rotate(t, path, true)
			write(t, path, "b1\n")
			rotate(t, path, true)
			write(t, path, "c1\n")
		}, want: []string{"a1", "b1", "c1"}},
		{name: "packed without a line", before: true, away: func(t *testing.T, path string) {
			rotate(t, path, true)
			write(t, path, "b1\n")
		}, want: []string{"b1"}},
		{name: "packed, with nothing that was there before", away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			rotate(t, path, true)
			write(t, path, "b1\n")
		}, want: []string{"a1", "b1"}, lost: 1},
		{name: "gone with its neighbours", before: true, away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			rotate(t, path, true)
			write(t, path, "b1\n")
			rotate(t, path, true)
			os.Remove(path + ".2.gz")
			os.Remove(path + ".3")
			write(t, path, "c1\n")
		}, want: []string{"b1", "c1"}, lost: 1},
		{name: "removed", away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			os.Remove(path)
			write(t, path, "b1\n")
		}, want: []string{"b1"}, lost: 1},
		{name: "not there, then written to", absent: true, away: func(t *testing.T, path string) { write(t, path, "a1\n") }, want: []string{"a1"}},
		{name: "not there, then rotated", absent: true, before: true, away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			rotate(t, path, true)
			write(t, path, "b1\n")
		}, want: []string{"a1", "b1"}},
		{name: "not there, then rotated, with nothing before", absent: true, away: func(t *testing.T, path string) {
			write(t, path, "a1\n")
			rotate(t, path, false)
			write(t, path, "b1\n")
		}, want: []string{"a1", "b1"}, lost: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "access.log")
			if c.before {
				aged(t, path+".1", "history\n")
			}
			x, lost := watching(t, path)
			if c.absent {
				if err := x.look(); !errors.Is(err, os.ErrNotExist) {
					t.Fatalf("a missing file: %v", err)
				}
			} else {
				aged(t, path, c.first)
				x.must()
			}
			if x.pos.Unread == nil {
				t.Fatal("nothing is kept of a file without a line")
			}
			c.away(t, path)
			if _, err := os.Stat(path); err != nil {
				write(t, path, "")
			}
			x.again(lost)
			x.want(c.want...)
			if len(*lost) != c.lost {
				t.Errorf("%d files said to be lost, want %d", len(*lost), c.lost)
			}
			for _, was := range *lost {
				if was.Changed.IsZero() || was.Offset != 0 {
					t.Errorf("lost at %+v, want a moment", was)
				}
			}
			// And it goes on from there.
			x.again(lost)
			write(t, path, "z1\n")
			x.must()
			x.want(append(c.want, "z1")...)
			if len(*lost) != c.lost {
				t.Errorf("%d files said to be lost after one more start, want %d", len(*lost), c.lost)
			}
		})
	}
}

// TestTailUnreadInode: the number of a file that was removed is given to another
// one, which is not taken for it.
func TestTailUnreadInode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x, lost := watching(t, path)
	aged(t, path, "")
	x.must()
	inode, made, ok := strings.Cut(x.pos.Unread.File, "@")
	if _, err := strconv.ParseUint(inode, 10, 64); err != nil {
		t.Fatalf("file %q: %v", x.pos.Unread.File, err)
	}
	if !ok {
		t.Fatal("the file system of temporary files does not keep when a file was made: set TMPDIR to one that does")
	}
	at, err := strconv.ParseInt(made, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	// As if the file at the path were the next one with the number.
	x.pos.Unread.File = fmt.Sprintf("%s@%d", inode, at-1)
	write(t, path, "b1\n")
	x.again(lost)
	x.want("b1")
	if len(*lost) != 1 {
		t.Errorf("%d files said to be lost, want 1", len(*lost))
	}

	// In truth, on a file system that gives the number away again.
	reused := false
	for range 10 {
		path := filepath.Join(t.TempDir(), "access.log")
		x, lost := watching(t, path)
		appendTo(t, path, "")
		x.must()
		x.tail.use(nil)
		time.Sleep(20 * time.Millisecond) // the clock of a file system is coarse
		os.Remove(path)
		write(t, path, "b1\n")
		now, _, _ := strings.Cut(madeOf(path), "@")
		reused = reused || strings.HasPrefix(x.pos.Unread.File, now+"@")
		x.again(lost)
		x.want("b1")
		if len(*lost) != 1 {
			t.Fatalf("%d files said to be lost, want 1", len(*lost))
		}
	}
	t.Logf("an inode was given away again: %v", reused)
}

// TestTailUnreadFails: as long as the position cannot be kept, the file is not
// watched and nothing of it is read.
func TestTailUnreadFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x, _ := watching(t, path)
	opened := 0
	x.tail.Opened = func() { opened++ }
	x.fail = true
	for _, text := range []string{"", "a1\n"} {
		appendTo(t, path, text)
		if err := x.look(); err == nil || opened != 0 || x.tail.file != nil {
			t.Fatalf("%q: watched %d times, %v", text, opened, err)
		}
	}
	x.fail = false
	x.must()
	x.want("a1")
	if opened != 1 {
		t.Errorf("opened %d times, want 1", opened)
	}
}

// TestTailUnreadFirstLine: a log that has lines is known by them before the first
// is delivered.
func TestTailUnreadFirstLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x, lost := watching(t, path)
	aged(t, path, "a1\na2\nhal")
	deliver := x.tail.Deliver
	x.tail.Deliver = func(context.Context, *Chunk, Position) error { return errors.New("no room") }
	if err := x.look(); err == nil {
		t.Fatal("a failed delivery went unnoticed")
	}
	x.tail.Deliver = deliver
	if x.pos.HeadSize != 6 || x.pos.Offset != 0 || x.pos.Unread != nil {
		t.Fatalf("position %+v", x.pos)
	}
	rotate(t, path, true)
	write(t, path, "b1\n")
	x.again(lost)
	x.want("a1", "a2", "hal", "b1")
	if len(*lost) != 0 {
		t.Errorf("lost %+v", *lost)
	}
}

// TestTailUnreadIdle: a log without lines is rotated day after day, and the oldest
// are removed, while it is followed. A restart finds what it follows then, and does
// not take what is gone for lost.
func TestTailUnreadIdle(t *testing.T) {
	for _, packed := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "access.log")
		x, lost := watching(t, path)
		begun := 0
		keep := x.tail.Begun
		x.tail.Begun = func(ctx context.Context, at Position) error {
			begun++
			return keep(ctx, at)
		}
		appendTo(t, path, "")
		x.must()
		for range 6 {
			rotate(t, path, packed)
			for n := 3; n < 10; n++ {
				os.Remove(fmt.Sprintf("%s.%d", path, n))
				os.Remove(fmt.Sprintf("%s.%d.gz", path, n))
			}
			appendTo(t, path, "")
			for range 3 {
				x.must()
			}
		}
		if begun < 2 || begun > 7 {
			t.Errorf("packed %v: begun %d times in six days", packed, begun)
		}
		write(t, path, "a1\n")
		rotate(t, path, false)
		write(t, path, "b1\n")
		x.again(lost)
		if !slices.Equal(x.got, []string{"a1", "b1"}) || len(*lost) != 0 {
			t.Errorf("packed %v: got %q, %d lost", packed, x.got, len(*lost))
		}
	}
}
