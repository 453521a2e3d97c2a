package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/journal"
)

// counting counts what is read of files.
type counting struct {
	disk.FS
	reads *int
}

type countingFile struct {
	disk.File
	reads *int
}

func (c counting) Open(name string) (disk.File, error) {
	f, err := c.FS.Open(name)
	return countingFile{f, c.reads}, err
}

func (f countingFile) ReadAt(p []byte, at int64) (int, error) {
	*f.reads++
	return f.File.ReadAt(p, at)
}

// TestReadOn: who reads on in steps gets every entry once, in whatever steps, and does
// not pay for what lies before.
func TestReadOn(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 3))
	reads := 0
	j, err := journal.Open(counting{newDir(t), &reads}, "j", journal.Options{FileSize: 40_000})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	readers := make([]journal.Position, 5)
	const entries = 3000
	most := 0
	for n := 1; n <= entries; {
		for range 1 + rnd.IntN(20) {
			group := make([]string, 1+rnd.IntN(3))
			for i := range group {
				group[i] = fmt.Sprintf("entry %d", n)
				n++
			}
			if _, errs := j.AppendGroup(group...); errors.Join(errs...) != nil {
				t.Fatal(errs)
			}
		}
		for i := range readers {
			if i > 0 && rnd.IntN(i+1) > 0 {
				continue // some read seldom
			}
			left := 1 + rnd.IntN(100)
			before := reads
			err := j.Read(readers[i], func(pos journal.Position, entry []byte) error {
				if left == 0 {
					return stop
				}
				left--
				if pos != readers[i]+1 || string(entry) != fmt.Sprintf("entry %d", pos) {
					t.Fatalf("seed %d: reader %d at %d gets %d: %s", seed, i, readers[i], pos, entry)
				}
				readers[i] = pos
				return nil
			})
			if err != nil && err != stop {
				t.Fatal(err)
			}
			most = max(most, reads-before)
		}
		if rnd.IntN(10) == 0 {
			slowest := readers[0]
			for _, at := range readers {
				slowest = min(slowest, at)
			}
			if err := j.Trim(slowest); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A hundred entries, in frames of their own, take two reads each.
	if most > 260 {
		t.Errorf("seed %d: one step took %d reads", seed, most)
	}
	if _, err := j.Append(context.Background(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	j.Close()
}
