package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"time"
)

// Unread is what a file of which nothing was read is known again by: there is no
// line to tell it by, so its place in the file system and its neighbours do.
type Unread struct {
	// File is the inode and when it was made, since the number alone is given to the
	// next file once this one is removed. Without the device: all of this is about
	// one folder, and some devices have another number after each start. Empty: there
	// was no file.
	File string `json:"file,omitempty"`
	// Written is when it was written to last.
	Written time.Time `json:"written,omitzero"`
	// Before is the digest of the first bytes, BeforeSize of them, of the file that
	// was rotated away last before. Rotation removes the oldest first, so when this
	// one is still there, none of the later ones is missing.
	Before     string `json:"before,omitempty"`
	BeforeSize int64  `json:"before_size,omitempty"`
	// Newest is when anything in the folder that is named for the log was written to
	// last. What was rotated away later was written to later.
	Newest time.Time `json:"newest,omitzero"`
}

// madeID is an Unread.File.
func madeID(inode uint64, made time.Time) string {
	id := strconv.FormatUint(inode, 10)
	if !made.IsZero() {
		id += "@" + strconv.FormatInt(made.UnixNano(), 10)
	}
	return id
}

// begin makes durable that the file at the path is followed from its first byte
// on, before anything of it was read: else what is written to it and rotated away
// while nobody looks would never have been heard of. f is nil when there is none.
func (t *Tail) begin(ctx context.Context, f *tailFile) error {
	if t.Begun == nil {
		return nil
	}
	p, err := t.unread(f)
	if err != nil {
		return err
	}
	if err := t.Begun(ctx, p); err != nil {
		return err
	}
	t.pos, t.begun = p, p.Unread
	return nil
}

func (t *Tail) unread(f *tailFile) (Position, error) {
	if f != nil {
		if p, err := t.firstLine(f); err != nil || p.HeadSize > 0 {
			return p, err
		}
	}
	now := time.Now()
	u := &Unread{}
	list := t.rotated()
	if f != nil {
		u.File, u.Written = f.made(), f.info.ModTime()
		u.Newest = u.Written
	}
	for _, r := range list {
		if r.info.ModTime().After(u.Newest) {
			u.Newest = r.info.ModTime()
		}
	}
	if u.Newest.After(now) { // a clock was wrong; what comes must be newer
		u.Newest = now
	}
	for _, r := range slices.Backward(list) {
		if f != nil && os.SameFile(r.info, f.info) { // renamed just now
			continue
		}
		var err error
		if u.Before, u.BeforeSize, err = t.beginning(r.name); err == nil && u.BeforeSize > 0 {
			break
		}
		u.Before, u.BeforeSize = "", 0
	}
	return Position{Unread: u, Changed: now}, nil
}

// firstLine gives the position before the first line, if there is one already:
// then the file is known by it.
func (t *Tail) firstLine(f *tailFile) (p Position, err error) {
	defer f.shut()
	head, err := f.beginning()
	if errors.As(err, new(*BrokenError)) || errors.As(err, new(*BinaryError)) {
		return p, nil // said when it is read
	}
	if err != nil {
		return p, err
	}
	if len(head) < headMax {
		head = head[:bytes.LastIndexByte(head, '\n')+1]
	}
	if p.HeadSize = int64(len(head)); p.HeadSize > 0 {
		p.Head, p.Changed = t.digest(head), f.info.ModTime()
	}
	return p, nil
}

// beginning is the digest of a file's beginning.
func (t *Tail) beginning(name string) (digest string, size int64, err error) {
	f, err := openTail(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	head, err := f.beginning()
	if err != nil {
		return "", 0, err
	}
	return t.digest(head), int64(len(head)), nil
}

// beginning is at most headMax bytes, unpacked.
func (t *tailFile) beginning() ([]byte, error) {
	r, err := t.from(0)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, headMax))
}

// openUnread opens the file to go on with after nothing was read: the one that was
// watched, whatever its name is by now. f is the one at the path, nil for none.
func (t *Tail) openUnread(ctx context.Context, f *tailFile) error {
	was := t.pos.Unread
	if was == nil {
		return t.useFresh(ctx, f)
	}
	t.begun = was
	later, all := t.later(was)
	if len(later) == 0 {
		switch {
		case f == nil:
			return t.missing()
		case was.File == "": // it has come since
		case f.made() != was.File: // removed, and another put in its place
			t.lost(false)
		case !all && was.BeforeSize > 0 || f.info.Size() == 0 && !f.info.ModTime().Equal(was.Written):
			// The one before it was removed, which more rotations do; or it was
			// written to, and cut. There is no copy.
			t.lost(true)
		default:
			t.use(f)
			return nil
		}
		return t.useFresh(ctx, f)
	}
	f.Close()
	if !all {
		t.lost(false)
	}
	t.pos = Position{}
	return t.useNamed(later[0].name)
}

// useFresh goes on with the file at the path as one that was never seen before.
func (t *Tail) useFresh(ctx context.Context, f *tailFile) error {
	t.pos = Position{}
	if err := t.begin(ctx, f); err != nil {
		f.Close()
		return err
	}
	if f == nil {
		return t.missing()
	}
	t.use(f)
	return nil
}

// later lists what was rotated away since, oldest first and from the file that was
// watched on, and says whether it is certain that all of it is there. A copy and a
// packed file have nothing of the empty file they were made of. So it is certain
// only when the file before it is found, or the file itself and no copy from before
// that was renamed.
func (t *Tail) later(was *Unread) (later []rotation, all bool) {
	list := t.rotated()
	self, before := -1, -1
	for i, r := range list {
		if was.File != "" && madeOf(r.name) == was.File {
			self = i
			continue
		}
		if was.BeforeSize == 0 {
			continue
		}
		if f, err := openTail(r.name); err == nil {
			if head, err := t.headOf(f, was.BeforeSize); err == nil && head == was.Before {
				before = i
			}
			f.Close()
		}
	}
	first := -1
	for i, r := range list {
		behind := before >= 0 && i > before || self >= 0 && i >= self
		if i != before && (behind || r.info.ModTime().After(was.Newest)) {
			later = append(later, r)
			if first < 0 {
				first = i
			}
		}
	}
	return later, before >= 0 || self >= 0 && first == self
}

// beginAgain watches the file at the path after the one that was watched, which
// never had a line, is gone for good: a restart would look for it in vain, and
// take it for a loss.
func (t *Tail) beginAgain(ctx context.Context) error {
	if t.begun == nil {
		return nil
	}
	if st, err := t.file.Stat(); err != nil || st.Size() > 0 && !t.file.packed {
		return err // the beginning of a line waits there
	}
	f, err := openTail(t.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if f.made() == t.begun.File {
		return nil
	}
	for _, r := range t.siblings() {
		if madeOf(r.name) == t.begun.File {
			return nil
		}
	}
	pos := t.pos
	err = t.begin(ctx, f)
	t.pos = pos
	return err
}
