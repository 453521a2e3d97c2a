package ingest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLinger: a rotated file stays the followed one while its successor is empty;
// later it is handed over, and read until it is quiet, to an unfinished last line.
func TestLinger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	x := newTailing(t, path)
	appendTo(t, path, "a1\n")
	x.must()
	old, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var was Position
	var left *Left
	x.tail.Left = func(p Position, f *Left) { was, left = p, f }
	rotate(t, path, false)
	appendTo(t, path, "")
	old.WriteString("a2\na3")
	x.must()
	x.want("a1", "a2")
	old.WriteString("\n")
	x.must()
	x.want("a1", "a2", "a3")
	if left != nil {
		t.Fatal("handed over before its successor has lines")
	}
	appendTo(t, path, "b1\n")
	x.must()
	x.want("a1", "a2", "a3", "b1")
	if left == nil || was.Offset != 9 {
		t.Fatalf("handed over: %v at %+v", left != nil, was)
	}
	old.WriteString("a4\na5")
	var late []string
	lt := &Tail{Path: path, Every: time.Millisecond, Deliver: func(_ context.Context, c *Chunk, _ Position) error {
		late = append(late, string(c.Data))
		return nil
	}}
	if err := lt.Linger(context.Background(), left, was, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got := join(late); got != "a4\na5" {
		t.Errorf("late %q", got)
	}
	if f := (&Tail{Path: path}).Rotated(was); f == nil {
		t.Error("not found among the rotated ones")
	} else {
		f.Close()
	}
}

func join(parts []string) (out string) {
	for _, p := range parts {
		out += p
	}
	return out
}
