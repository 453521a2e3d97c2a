package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Position is where a live file was read up to. It is stored with the records
// that were read (ledger.Checkpoint), so that a crash repeats no line.
type Position struct {
	// Head is the SHA-256 of the first bytes, HeadSize of them: by it a file is
	// known again when its name has changed.
	Head     string `json:"head"`
	HeadSize int64  `json:"head_size"`
	Offset   int64  `json:"offset"` // behind the last whole line
	Line     int64  `json:"line"`   // lines before Offset
}

// headMax is how much of a file's beginning tells it from others: the first
// line of a log, with its time.
const headMax = 1024

// Tail follows a live log through rotation (renamed, and a new file made) and
// truncation (copied away, and cut to nothing). It reads by looking again from
// time to time; on the files of a busy server that costs a stat a second.
type Tail struct {
	Path string
	// Every is how often the file is looked at; default 1 s.
	Every time.Duration
	// Deliver takes a chunk of whole lines. When it returns nil, the chunk and
	// the position behind it must be durable; on an error the same lines come
	// again.
	Deliver func(ctx context.Context, c *Chunk, after Position) error
	// Missing is told, once each time, that the file is not there.
	Missing func(err error)

	pos  Position
	file *os.File
	info fs.FileInfo
}

// Run follows the file from a position until ctx ends. With the zero Position
// it begins at the file's beginning.
func (t *Tail) Run(ctx context.Context, from Position) error {
	if t.Every == 0 {
		t.Every = time.Second
	}
	t.pos = from
	defer func() {
		if t.file != nil {
			t.file.Close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	missing := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		err := t.look(ctx)
		switch {
		case err == nil:
			missing = false
		case errors.Is(err, fs.ErrNotExist):
			if !missing && t.Missing != nil {
				t.Missing(err)
			}
			missing = true
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			return err
		}
		timer.Reset(t.Every)
	}
}

// look reads what there is to read.
func (t *Tail) look(ctx context.Context) error {
	if t.file == nil {
		if err := t.open(); err != nil {
			return err
		}
	}
	for {
		if err := t.truncated(); err != nil {
			return err
		}
		if err := t.drain(ctx, false); err != nil {
			return err
		}
		now, err := os.Stat(t.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && os.SameFile(now, t.info) {
			return nil
		}
		// Renamed away. What was written between the last read and the rename is
		// still in the open file; a server may write on for a moment after the
		// rename, so it is given up only when a new file stands at the path.
		if err != nil {
			return fmt.Errorf("follow %s: %w", filepath.Base(t.Path), fs.ErrNotExist)
		}
		if err := t.drain(ctx, true); err != nil {
			return err
		}
		t.file.Close()
		t.file, t.pos = nil, Position{}
		if err := t.open(); err != nil {
			return err
		}
	}
}

// open opens the file to go on with: the one the position speaks of, if it can
// be found under the path or as a rotated sibling, else the one at the path.
func (t *Tail) open() error {
	f, err := os.Open(t.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("follow %s: %w", filepath.Base(t.Path), err)
	}
	if t.pos.HeadSize > 0 && (err != nil || !t.matches(f)) {
		// Rotated while nobody was looking: finish the old file first.
		if old := t.sibling(); old != nil {
			if f != nil {
				f.Close()
			}
			return t.use(old)
		}
		if err == nil {
			t.pos = Position{}
		}
	}
	if err != nil {
		return fmt.Errorf("follow %s: %w", filepath.Base(t.Path), fs.ErrNotExist)
	}
	return t.use(f)
}

func (t *Tail) use(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	t.file, t.info = f, info
	return nil
}

// matches reports whether f begins as the position says.
func (t *Tail) matches(f *os.File) bool {
	if f == nil {
		return false
	}
	head, err := headOf(f, t.pos.HeadSize)
	return err == nil && head == t.pos.Head
}

func headOf(f *os.File, n int64) (string, error) {
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// sibling finds the followed file under a rotated name: access.log.1,
// access.log-20250301. A compressed one is not looked into: its lines are
// imported, not followed.
func (t *Tail) sibling() *os.File {
	dir, base := filepath.Split(t.Path)
	entries, _ := os.ReadDir(filepath.Clean(dir + "."))
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), base)
		if !ok || suffix == "" || suffix[0] != '.' && suffix[0] != '-' || !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		if t.matches(f) {
			return f
		}
		f.Close()
	}
	return nil
}

// truncated notices that the file was cut: shorter than what was read, or with
// another beginning.
func (t *Tail) truncated() error {
	st, err := t.file.Stat()
	if err != nil {
		return err
	}
	if st.Size() < t.pos.Offset || t.pos.HeadSize > 0 && !t.matches(t.file) {
		t.pos = Position{}
	}
	return nil
}

// drain delivers all whole lines; last also the unfinished line at the end of a
// file that will not grow any more.
func (t *Tail) drain(ctx context.Context, last bool) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, done, err := t.piece(last)
		if err != nil || c == nil {
			return err
		}
		after := t.pos
		after.Offset, after.Line = c.End, t.pos.Line+c.Lines+int64(len(c.Asides))
		if after.HeadSize < headMax {
			after.HeadSize = min(headMax, after.Offset)
			if after.Head, err = headOf(t.file, after.HeadSize); err != nil {
				return err
			}
		}
		err = t.Deliver(ctx, c, after)
		c.Release()
		if err != nil {
			return err
		}
		t.pos = after
		if done {
			return nil
		}
	}
}

// piece reads the next chunk of whole lines behind the position.
func (t *Tail) piece(last bool) (c *Chunk, done bool, err error) {
	st, err := t.file.Stat()
	if err != nil {
		return nil, false, err
	}
	n := st.Size() - t.pos.Offset
	if n <= 0 {
		return nil, true, nil
	}
	s := &Stream{r: io.NewSectionReader(t.file, t.pos.Offset, n), line: t.pos.Line + 1, offset: t.pos.Offset}
	c, err = s.Next()
	if errors.Is(err, io.EOF) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	if !last && len(c.Data) > 0 && c.Data[len(c.Data)-1] != '\n' {
		// A line that is still being written waits for its end.
		cut := len(c.Data)
		for cut > 0 && c.Data[cut-1] != '\n' {
			cut--
		}
		c.Data = c.Data[:cut]
		c.Lines--
		c.End = c.Offset + int64(cut)
		if cut == 0 && len(c.Asides) == 0 {
			c.Release()
			return nil, true, nil
		}
		return c, true, nil
	}
	return c, c.End >= st.Size(), nil
}
