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
	"time"
)

// Position is where a live file was read up to. It is stored with the records
// that were read (ledger.Checkpoint), so that a crash repeats no line.
type Position struct {
	// Head is the digest of the first bytes, HeadSize of them: by it a file is
	// known again when its name has changed.
	Head     string `json:"head"`
	HeadSize int64  `json:"head_size"`
	Offset   int64  `json:"offset"` // behind the last whole line, unpacked
	Line     int64  `json:"line"`   // lines before Offset
	// Changed is when the file was written to last, as far as it was read: what
	// was written to later is newer.
	Changed time.Time `json:"changed,omitzero"`
	// Unread is set while nothing of the file was read and it has no line to know
	// it by. Changed is when it was seen then.
	Unread *Unread `json:"unread,omitempty"`
}

// headMax is how much of a file's beginning tells it from others: the first
// line of a log, with its time.
const headMax = 1024

var (
	// ErrKnown: Deliver found that somebody else has read on in the file. Known is
	// asked again.
	ErrKnown = errors.New("these lines were read by somebody else meanwhile")
	// ErrWait: Known cannot tell before the file has grown.
	ErrWait = errors.New("not enough of the file is there yet")
)

// Tail follows a live log through rotation (renamed, packed, and a new file made)
// and truncation (copied away, and cut to nothing). It reads by looking again
// from time to time; on the files of a busy server that costs a stat a second.
//
// Nothing is lost when several rotations fall between two looks: behind the file
// that was followed come those that were rotated away later, in their order, and
// then the one at the path.
type Tail struct {
	Path string
	// Every is how often the file is looked at; default 1 s.
	Every time.Duration
	// Deliver takes a chunk of whole lines. When it returns nil, the chunk and
	// the position behind it must be durable; on an error the same lines come
	// again.
	Deliver func(ctx context.Context, c *Chunk, after Position) error
	// Known, if set, tells where to go on in a file that was opened: r gives it
	// from a position on, and whole says that it will not grow any more.
	Known func(ctx context.Context, from Position, r io.Reader, whole bool) (Position, error)
	// Begun, if set, is given the position before the first byte, when the file is
	// seen and nothing of it was read yet. When it returns nil, the position must be
	// durable: only then the file is watched.
	Begun func(ctx context.Context, at Position) error
	// Opened is told that a file is followed from now on.
	Opened func()
	// Missing is told, once each time, that the file is not there.
	Missing func(err error)
	// Lost is told that what lies behind a position will never be read: the file
	// cannot be found again, or was cut and no copy of it is there.
	Lost func(was Position, cut bool)
	// Left, if set, is given a file that was rotated away and read to its end, once
	// its successor has lines: services write on to it for a while. Linger reads
	// what comes, and closes it.
	Left func(was Position, f *Left)
	// Failed, if set, is told what failed while lingering, and says how long to wait
	// before the next attempt.
	Failed func(err error) time.Duration
	// Cutter, if set, cuts a log that is not made of lines (Stream.Elements).
	Cutter func(at int64) Cutter
	// Digest makes Position.Head; default SHA-256. What it is given can be guessed.
	Digest func(head []byte) string

	pos   Position
	file  *tailFile
	asked bool    // Known was, for this file
	begun *Unread // what is durable, as long as no line was delivered
}

// Run follows the file from a position until ctx ends. With the zero Position
// it begins at the file's beginning.
func (t *Tail) Run(ctx context.Context, from Position) error {
	if t.Every == 0 {
		t.Every = time.Second
	}
	t.pos = from
	defer t.use(nil)
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
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			if !missing && t.Missing != nil {
				t.Missing(err)
			}
			missing = true
		default:
			return err
		}
		timer.Reset(t.Every)
	}
}

// look reads what there is to read.
func (t *Tail) look(ctx context.Context) error {
	if t.file == nil {
		if err := t.open(ctx); err != nil {
			return err
		}
	}
	for {
		if err := t.truncated(); err != nil {
			return err
		}
		if err := t.drain(ctx, t.file.packed); err != nil {
			return err
		}
		now, err := os.Stat(t.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && os.SameFile(now, t.file.info) {
			return nil
		}
		// Renamed away. What was written between the last read and the rename is
		// still in the open file; a server writes on to it until it is told of the
		// rename, so it stays the followed one until its successor has lines.
		if err != nil {
			return t.missing()
		}
		name, err := t.after()
		if err != nil {
			return err
		}
		if name == t.Path && now.Size() == 0 {
			return t.beginAgain(ctx)
		}
		if err := t.drain(ctx, true); err != nil {
			return err
		}
		if err := t.next(name); err != nil {
			return err
		}
	}
}

func (t *Tail) missing() error {
	return fmt.Errorf("follow %s: %w", filepath.Base(t.Path), fs.ErrNotExist)
}

// open opens the file to go on with: the one the position speaks of, if it can
// be found under the path or as a rotated sibling, else the one after it.
func (t *Tail) open(ctx context.Context) error {
	f, err := openTail(t.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("follow %s: %w", filepath.Base(t.Path), err)
	}
	if t.pos.HeadSize == 0 {
		return t.openUnread(ctx, f)
	}
	if err == nil && t.matches(f) {
		t.use(f)
		return nil
	}
	// Rotated, or cut, while nobody was looking: finish the old file first.
	if old := t.sibling(nil); old != nil {
		f.Close()
		t.use(old)
		return nil
	}
	if err != nil {
		return t.missing()
	}
	f.Close()
	t.lost(false)
	was := t.pos
	t.pos = Position{}
	if !was.Changed.IsZero() {
		for _, s := range t.rotated() {
			if s.info.ModTime().After(was.Changed) {
				return t.useNamed(s.name)
			}
		}
	}
	return t.useNamed(t.Path)
}

// after names the file after the followed one: the oldest of those that were
// rotated away later, else the one at the path.
func (t *Tail) after() (string, error) {
	done, err := t.file.Stat()
	if err != nil {
		return "", err
	}
	list := t.rotated()
	at := -1
	for i, s := range list {
		if os.SameFile(s.info, done) {
			at = i
		}
	}
	if at < 0 { // packed, or renamed to something else, meanwhile
		for i, s := range list {
			if f, err := openTail(s.name); err == nil {
				if t.matches(f) {
					at = i
				}
				f.Close()
			}
		}
	}
	name := t.Path
	for i, s := range list {
		if at >= 0 && i == at+1 || at < 0 && s.info.ModTime().After(done.ModTime()) {
			name = s.name
			break
		}
	}
	return name, nil
}

// next goes on to the file of a name.
func (t *Tail) next(name string) error {
	was, old := t.pos, t.file
	t.pos, t.file = Position{}, nil
	if err := t.useNamed(name); err != nil {
		t.pos, t.file = was, old
		return err
	}
	if t.Left != nil && !old.packed && was.Offset > 0 {
		old.shut()
		t.Left(was, &Left{old})
		return nil
	}
	old.Close()
	return nil
}

func (t *Tail) useNamed(name string) error {
	f, err := openTail(name)
	if errors.Is(err, fs.ErrNotExist) {
		return t.missing()
	}
	if err != nil {
		return fmt.Errorf("follow %s: %w", filepath.Base(name), err)
	}
	t.use(f)
	return nil
}

// use goes on with f, nil for none.
func (t *Tail) use(f *tailFile) {
	if t.file != nil {
		t.file.Close()
	}
	t.file, t.asked = f, false
	if f != nil && t.Opened != nil {
		t.Opened()
	}
}

func (t *Tail) lost(cut bool) {
	if t.Lost != nil {
		t.Lost(t.pos, cut)
	}
}

// matches reports whether f begins as the position says, and is long enough.
func (t *Tail) matches(f *tailFile) bool {
	if f == nil {
		return false
	}
	if st, err := f.Stat(); err != nil || !f.packed && st.Size() < t.pos.Offset {
		return false
	}
	head, err := t.headOf(f, t.pos.HeadSize)
	return err == nil && head == t.pos.Head
}

func (t *Tail) headOf(f *tailFile, n int64) (string, error) {
	b, err := f.head(n)
	if err != nil {
		return "", err
	}
	return t.digest(b), nil
}

func (t *Tail) digest(head []byte) string {
	if t.Digest != nil {
		return t.Digest(head)
	}
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:])
}

// truncated notices that the file was cut: shorter than what was read, or with
// another beginning. A copy of it, if there is one, has the rest.
func (t *Tail) truncated() error {
	if t.file.packed {
		return nil
	}
	st, err := t.file.Stat()
	if err != nil {
		return err
	}
	if st.Size() >= t.pos.Offset && (t.pos.HeadSize == 0 || t.matches(t.file)) {
		return nil
	}
	if old := t.sibling(st); old != nil {
		t.use(old)
		return nil
	}
	t.lost(true)
	t.pos, t.asked = Position{}, false
	return nil
}

// drain delivers all whole lines; last also the unfinished line at the end of a
// file that will not grow any more.
func (t *Tail) drain(ctx context.Context, last bool) error {
	defer func() { t.file.shut() }()
	for again := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ready, err := t.ask(ctx, last); err != nil || !ready {
			return err
		}
		c, done, err := t.piece(last)
		if broken := (*BrokenError)(nil); errors.As(err, &broken) {
			t.lost(false) // of a packed file; what came before was delivered
			return nil
		}
		if err != nil || c == nil {
			return err
		}
		after := t.pos
		after.Offset, after.Line = c.End, t.pos.Line+c.Lines+int64(len(c.Asides))
		if err := t.stamp(&after); err != nil {
			return err
		}
		err = t.Deliver(ctx, c, after)
		c.Release()
		if errors.Is(err, ErrKnown) && again < 3 {
			again++
			t.asked = false
			t.file.shut()
			continue
		}
		if err != nil {
			return err
		}
		t.pos, t.begun, again = after, nil, 0
		if done {
			return nil
		}
	}
}

// stamp notes what the file is known again by.
func (t *Tail) stamp(p *Position) (err error) {
	p.Unread = nil
	if p.HeadSize < headMax {
		p.HeadSize = min(headMax, p.Offset)
		if p.Head, err = t.headOf(t.file, p.HeadSize); err != nil {
			return err
		}
	}
	st, err := t.file.Stat()
	if err == nil {
		p.Changed = st.ModTime()
	}
	return err
}

// ask finds out where to go on in a file that was opened, and whether anything
// can be read yet.
func (t *Tail) ask(ctx context.Context, last bool) (ready bool, err error) {
	if t.asked || t.Known == nil {
		return true, nil
	}
	r, err := t.file.from(t.pos.Offset)
	if err != nil {
		return false, err
	}
	if st, err := t.file.Stat(); err != nil || !t.file.packed && st.Size() == t.pos.Offset {
		return false, err
	}
	p, err := t.Known(ctx, t.pos, r, last)
	if errors.Is(err, ErrWait) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if p.Offset > t.pos.Offset {
		t.pos.Offset, t.pos.Line = p.Offset, p.Line
		if err := t.stamp(&t.pos); err != nil {
			return false, err
		}
	}
	t.asked = true
	return true, nil
}

// piece reads the next chunk of whole lines behind the position.
func (t *Tail) piece(last bool) (c *Chunk, done bool, err error) {
	if t.file.packed {
		c, err = t.file.next(t.pos)
		if errors.Is(err, io.EOF) {
			return nil, true, nil
		}
		return c, false, err
	}
	st, err := t.file.Stat()
	if err != nil {
		return nil, false, err
	}
	n := st.Size() - t.pos.Offset
	if n <= 0 {
		return nil, true, nil
	}
	s := &Stream{r: io.NewSectionReader(t.file.f, t.pos.Offset, n), line: t.pos.Line + 1, offset: t.pos.Offset}
	if t.Cutter != nil {
		s.Elements(t.Cutter)
	}
	c, err = s.Next()
	if errors.Is(err, io.EOF) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	done = c.End >= st.Size()
	if c.Documents() {
		if !last && c.shorten() {
			done = true
		}
		if len(c.Data) == 0 && len(c.Asides) == 0 {
			c.Release()
			return nil, true, nil
		}
	} else if !last && len(c.Data) > 0 && c.Data[len(c.Data)-1] != '\n' {
		// A line that is still being written waits for its end.
		done = true
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
	}
	if len(c.Asides) > 0 {
		f, from, end := t.file.f, t.pos.Offset, c.End
		c.raw = func(w io.Writer) error {
			_, err := io.Copy(w, io.NewSectionReader(f, from, end-from))
			return err
		}
	}
	return c, done, nil
}
