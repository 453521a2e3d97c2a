package ledger

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// Lines that could not become records are set aside: counted in the open by
// source, field and cause, and kept for inspection sealed to the folder's
// opening key, since a broken line is as full of personal data as a whole one.
//
// A file of them is a sequence of frames:
//
//	length of summary (4), length of sealed part (4), crc32c of both (4),
//	crc32c of the twelve bytes before (4),
//	summary (JSON asideSummary), sealed part (age, JSON lines of AsideLine)
//
// The manifest names the files, each with what it counts up to some length.
// What is behind that length was acknowledged after the manifest, or never.
const (
	asideSuffix    = ".aside"
	asideFrameSize = 16
	// asideFill ends a frame: a flood of bad lines becomes many frames, each of
	// which is written, and read back, in little memory.
	asideFill = 4 << 20
	// asideMaxKinds ends a frame too, so that its summary stays small.
	asideMaxKinds = 1 << 10
	// asideMaxText is how much of a line is kept: the beginning tells what is
	// wrong.
	asideMaxText = 4 << 10
	// asideMaxName bounds the other strings of a line set aside.
	asideMaxName = 4 << 10
	// asideMaxPart bounds each part of a frame. The sealed part has at most
	// asideFill, one line more and what age adds; the summary asideMaxKinds
	// kinds of some hundred bytes. What is longer was not written so.
	asideMaxPart = 16 << 20
	// asideFileMax ends a file, so that retention need not wait for it long.
	asideFileMax = 64 << 20
)

// AsideLine is one line set aside.
type AsideLine struct {
	Source string `json:"source"`
	File   string `json:"file"`
	Line   int64  `json:"line,omitempty"`
	Offset int64  `json:"offset"`
	Field  string `json:"field,omitempty"`
	Cause  string `json:"cause"`
	Text   []byte `json:"text"` // its first 4 KiB are kept
}

// AsideCount is how many lines were set aside for one reason.
type AsideCount struct {
	Source string `json:"source"`
	Field  string `json:"field,omitempty"`
	Cause  string `json:"cause"`
	Count  int64  `json:"count"`
	// Where the first of them stood: a position, never what stands there. None,
	// if it is not known.
	File   string `json:"file,omitempty"`
	Line   int64  `json:"line,omitempty"`
	Offset int64  `json:"offset,omitempty"`
}

func (c AsideCount) kind() AsideCount {
	return AsideCount{Source: c.Source, Field: c.Field, Cause: c.Cause}
}

// first takes o's position if c has none, or a later one of the same file.
func (c *AsideCount) first(o AsideCount) {
	switch {
	case o.File == "" && o.Line == 0 && o.Offset == 0:
	case c.File == "" && c.Line == 0 && c.Offset == 0, c.File == o.File && o.Offset < c.Offset:
		c.File, c.Line, c.Offset = o.File, o.Line, o.Offset
	}
}

type asideSummary struct {
	At     time.Time    `json:"at"`
	Import uint64       `json:"import,omitempty"`
	Counts []AsideCount `json:"counts"`
}

// asideRef is a file of lines set aside: what its first Size bytes count.
type asideRef struct {
	Name   string       `json:"name"`
	Size   int64        `json:"size"`
	First  time.Time    `json:"first,omitzero"` // when the first frame was written
	Last   time.Time    `json:"last,omitzero"`
	Counts []AsideCount `json:"counts,omitempty"`
}

func (a *asideRef) add(s *asideSummary, size int64) {
	a.Size += size
	if a.First.IsZero() {
		a.First = s.At
	}
	a.Last = s.At
	a.Counts = addCounts(slices.Clone(a.Counts), s.Counts)
}

func addCounts(to, more []AsideCount) []AsideCount {
	for _, c := range more {
		if i := slices.IndexFunc(to, func(o AsideCount) bool { return o.kind() == c.kind() }); i >= 0 {
			to[i].Count += c.Count
			to[i].first(c)
		} else {
			to = append(to, c)
		}
	}
	return to
}

func isAside(list []asideRef, name string) bool {
	return slices.ContainsFunc(list, func(a asideRef) bool { return a.Name == name })
}

// asideBook writes lines aside and knows how many there are.
type asideBook struct {
	turn sync.Mutex // one writer, or Retain; before commitMu
	file disk.File  // the last of files; nil when the next line begins one

	mu    sync.Mutex
	files []asideRef
	err   error // of reading them at the opening
}

// refs is what the next manifest says.
func (b *asideBook) refs() []asideRef {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.files)
}

// before gives the files that hold nothing newer than t. turn is held.
func (b *asideBook) before(t time.Time) []asideRef {
	return slices.DeleteFunc(b.refs(), func(a asideRef) bool { return a.Size == 0 || !a.Last.Before(t) })
}

// forget takes files out and says how many lines they held. turn is held, and
// shut has ended the last one.
func (b *asideBook) forget(gone []asideRef) (lines int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range gone {
		for _, c := range a.Counts {
			lines += c.Count
		}
	}
	b.files = slices.DeleteFunc(slices.Clone(b.files), func(a asideRef) bool { return isAside(gone, a.Name) })
	return lines
}

// shut makes the next line begin a file. turn is held.
func (b *asideBook) shut() error {
	if b.file == nil {
		return nil
	}
	f := b.file
	b.file = nil
	return f.Close()
}

// SetAside keeps lines for inspection, durably. imp is the import they came
// from, or 0; more counts lines that are not kept, because there were too many.
func (l *Ledger) SetAside(imp uint64, lines []AsideLine, more ...AsideCount) error {
	if len(lines)+len(more) == 0 {
		return nil
	}
	if err := l.setAside(imp, lines, more); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	return nil
}

func (l *Ledger) setAside(imp uint64, lines []AsideLine, more []AsideCount) error {
	l.aside.turn.Lock()
	defer l.aside.turn.Unlock()
	for first := true; first || len(lines) > 0; first = false {
		if err := l.writable(); err != nil {
			return err
		}
		sum := asideSummary{At: l.opts.Now().UTC(), Import: imp, Counts: more}
		more = nil
		frame, n, err := l.asideFrame(&sum, lines)
		if err != nil {
			return err
		}
		lines = lines[n:]
		if err := l.writeAside(frame, &sum); err != nil {
			return err
		}
	}
	return nil
}

// asideFrame makes a frame of the first n lines.
func (l *Ledger) asideFrame(sum *asideSummary, lines []AsideLine) (frame []byte, n int, err error) {
	sealed := bytes.NewBuffer(make([]byte, 0, 4<<10))
	w, err := pseudonym.SealTo(l.keys.Recipient, sealed)
	if err != nil {
		return nil, 0, err
	}
	enc := json.NewEncoder(w)
	counts := map[AsideCount]*AsideCount{}
	var order []*AsideCount
	kinds := len(sum.Counts)
	for n < len(lines) && sealed.Len() < asideFill && kinds < asideMaxKinds {
		ln := lines[n]
		ln.Text = ln.Text[:min(len(ln.Text), asideMaxText)]
		for _, s := range []*string{&ln.Source, &ln.File, &ln.Field, &ln.Cause} {
			*s = (*s)[:min(len(*s), asideMaxName)]
		}
		here := AsideCount{Source: ln.Source, Field: ln.Field, Cause: ln.Cause, Count: 1, File: ln.File, Line: ln.Line, Offset: ln.Offset}
		if c := counts[here.kind()]; c != nil {
			c.Count++
			c.first(here)
		} else {
			counts[here.kind()] = &here
			order = append(order, &here)
			kinds++
		}
		if err := enc.Encode(ln); err != nil {
			return nil, 0, err
		}
		n++
	}
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	all := slices.Clone(sum.Counts)
	for _, c := range order {
		all = append(all, *c)
	}
	sum.Counts = addCounts(nil, all)
	head, err := json.Marshal(sum)
	if err != nil {
		return nil, 0, err
	}
	if len(head) > asideMaxPart || sealed.Len() > asideMaxPart {
		return nil, 0, fmt.Errorf("a frame of %d and %d bytes: at most %d", len(head), sealed.Len(), asideMaxPart)
	}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(head)))
	frame = binary.LittleEndian.AppendUint32(frame, uint32(sealed.Len()))
	frame = binary.LittleEndian.AppendUint32(frame, crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, sealed.Bytes()))
	frame = binary.LittleEndian.AppendUint32(frame, crc32.Checksum(frame, castagnoli))
	return append(append(frame, head...), sealed.Bytes()...), n, nil
}

// putAside writes lines into a file of an import's own, durably. It is named, and
// its lines count, when the import is done; retention takes it by its last frame
// like any other.
func (l *Ledger) putAside(imp uint64, lines []AsideLine) (asideRef, error) {
	ref := asideRef{Name: l.newName("aside", asideSuffix)}
	var data []byte
	for len(lines) > 0 {
		sum := asideSummary{At: l.opts.Now().UTC(), Import: imp}
		frame, n, err := l.asideFrame(&sum, lines)
		if err != nil {
			return ref, fmt.Errorf("set aside: %w", err)
		}
		lines = lines[n:]
		data = append(data, frame...)
		ref.add(&sum, int64(len(frame)))
	}
	if err := disk.WriteFile(l.fs, l.path(asideDir, ref.Name), data); err != nil {
		return ref, fmt.Errorf("set aside: %w", err)
	}
	return ref, nil
}

// asideFlush is how many bytes of lines are collected in memory.
const asideFlush = 4 << 20

// flushAside writes the lines set aside into a file of the import's own. It is
// named by the next stage's commit and counts once the import is done.
func (im *Import) flushAside() error {
	if len(im.bad) == 0 {
		return nil
	}
	ref, err := im.l.putAside(im.rec.ID, im.bad)
	if err != nil {
		return err
	}
	im.rec.Asides = append(im.rec.Asides, ref)
	im.bad, im.badSize = nil, 0
	return nil
}

// adopt takes over the files of an import that is done. The last file is the one
// that is written to, so they come before it.
func (b *asideBook) adopt(files []asideRef) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(slices.Clone(files), b.files...)
}

// writeAside appends one frame and counts it once it is durable. turn is held.
func (l *Ledger) writeAside(frame []byte, sum *asideSummary) error {
	b := &l.aside
	if b.file != nil {
		b.mu.Lock()
		last := b.files[len(b.files)-1]
		b.mu.Unlock()
		// A file is of one month, as segments are, or retention could not take it.
		sameMonth := last.First.IsZero() || last.First.Year() == sum.At.Year() && last.First.Month() == sum.At.Month()
		if last.Size > asideFileMax || !sameMonth {
			if err := b.shut(); err != nil {
				return err
			}
		}
	}
	if b.file == nil {
		if err := l.newAsideFile(); err != nil {
			return err
		}
	}
	b.mu.Lock()
	last := b.files[len(b.files)-1]
	b.mu.Unlock()
	if _, err := b.file.Write(frame); err != nil {
		// A full disk: once there is room the file goes on where it was. If it
		// cannot be cut there, nothing may follow: what comes behind an
		// unfinished frame would make it look like damage.
		if terr := b.file.Truncate(last.Size); terr != nil {
			return errors.Join(err, terr, b.shut())
		}
		return err
	}
	if err := b.file.Sync(); err != nil {
		return errors.Join(err, b.shut())
	}
	last.add(sum, int64(len(frame)))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = slices.Clone(b.files)
	b.files[len(b.files)-1] = last
	return nil
}

// newAsideFile begins a file: first there is one, then the manifest names it.
func (l *Ledger) newAsideFile() error {
	name := l.newName("aside", asideSuffix)
	f, err := l.fs.OpenAppend(l.path(asideDir, name)) // so that a truncation moves the end
	if err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.path(asideDir)); err != nil {
		f.Close()
		return err
	}
	set := func(files []asideRef) {
		l.aside.mu.Lock()
		l.aside.files = files
		l.aside.mu.Unlock()
	}
	old := l.aside.refs()
	set(append(slices.Clone(old), asideRef{Name: name}))
	if err := l.commit(func(*manifest) error { return nil }); err != nil {
		set(old)
		f.Close()
		return err
	}
	l.aside.file = f
	return nil
}

// loadAside counts what was set aside after the manifest was written. Damage
// does not keep the ledger from opening, since no answer about people depends on
// these files; Aside says it.
func (l *Ledger) loadAside() {
	l.aside.files, l.aside.err = slices.Clone(l.m.Aside), nil
	for i := range l.aside.files {
		a := &l.aside.files[i]
		err := l.readAside(a.Name, a.Size, true, a.Size, func(s *asideSummary, size int64, _ []byte) error {
			a.add(s, size)
			return nil
		})
		if err != nil {
			*a = l.m.Aside[i]
			l.aside.err = cmp.Or(l.aside.err, fmt.Errorf("read aside/%s: %w", a.Name, err))
		}
	}
	if l.aside.err != nil {
		l.log.Error("lines set aside cannot be counted", "error", l.aside.err)
	}
}

// keepAside makes durable what loadAside counted behind the manifest. It can be
// read, but it may be what a failed sync left in the system's memory, which no
// further sync writes: so it is written anew, and the old file is named no more.
func (l *Ledger) keepAside() error {
	for i := range l.aside.files {
		a := &l.aside.files[i]
		if a.Size == l.m.Aside[i].Size {
			continue
		}
		name := l.newName("aside", asideSuffix)
		if err := l.copyAside(a.Name, name, a.Size); err != nil {
			return fmt.Errorf("keep aside/%s: %w", a.Name, err)
		}
		a.Name = name
	}
	return nil
}

func (l *Ledger) copyAside(from, to string, size int64) error {
	in, err := l.fs.Open(l.path(asideDir, from))
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := l.fs.Create(l.path(asideDir, to))
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, io.NewSectionReader(in, 0, size)); err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return l.fs.SyncDir(l.path(asideDir))
}

// Aside counts what was set aside, by source, field and cause. It reads no
// files.
func (l *Ledger) Aside() ([]AsideCount, error) {
	l.aside.mu.Lock()
	defer l.aside.mu.Unlock()
	var out []AsideCount
	for _, a := range l.aside.files {
		out = addCounts(out, a.Counts)
	}
	slices.SortFunc(out, func(a, b AsideCount) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Field+a.Cause, b.Field+b.Cause))
	})
	return out, l.aside.err
}

// OpenAside reads the lines themselves, with the opening key.
func (l *Ledger) OpenAside(opener *pseudonym.Opener, fn func(AsideLine) error) error {
	for _, a := range l.aside.refs() {
		err := l.readAside(a.Name, 0, false, a.Size, func(_ *asideSummary, _ int64, sealed []byte) error {
			r, err := opener.OpenStream(bytes.NewReader(sealed))
			if err != nil {
				return err
			}
			dec := json.NewDecoder(r)
			for {
				var ln AsideLine
				if err := dec.Decode(&ln); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return fmt.Errorf("lines set aside: %w", ErrCorrupt)
				}
				if err := fn(ln); err != nil {
					return err
				}
			}
		})
		if err != nil && isAside(l.aside.refs(), a.Name) { // else retention took it just now
			return fmt.Errorf("read aside/%s: %w", a.Name, err)
		}
	}
	return nil
}

func (l *Ledger) readAside(name string, from int64, summaries bool, acked int64, fn func(*asideSummary, int64, []byte) error) error {
	f, err := l.fs.Open(l.path(asideDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return &MissingError{Err: err}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	return walkAside(f, size, from, acked, summaries, fn)
}

// walkAside reads frames from a place on, one at a time; fn gets the summary, the
// frame's size and, unless only summaries are wanted, the sealed part. Without
// it the checksum of a frame that is whole in length is taken on trust, except
// for the last.
//
// A frame that is not whole is corruption if it lies before acked, which the
// manifest knows, or if a whole one comes behind it: frames are synced one by
// one. Otherwise it is one whose SetAside never returned, and the file ends
// there.
func walkAside(r io.ReaderAt, size, from, acked int64, summaries bool, fn func(*asideSummary, int64, []byte) error) error {
	if size < acked {
		return fmt.Errorf("%d bytes are missing: %w", acked-size, ErrCorrupt)
	}
	for at := from; at < size; {
		s, sealed, next, err := asideAt(r, at, size, summaries)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		if err != nil {
			if at < acked {
				return fmt.Errorf("frame at byte %d: %w", at, err)
			}
			more, err2 := asideBehind(r, at+1, size)
			if err2 != nil {
				return err2
			}
			if more {
				return fmt.Errorf("frame at byte %d, with whole ones behind it: %w", at, err)
			}
			return nil
		}
		if err := fn(s, next-at, sealed); err != nil {
			return err
		}
		at = next
	}
	return nil
}

// asideAt reads the frame at a place. An error that is not ErrCorrupt is one of
// reading.
func asideAt(r io.ReaderAt, at, size int64, summary bool) (s *asideSummary, sealed []byte, next int64, err error) {
	var h [asideFrameSize]byte
	if size-at < asideFrameSize {
		return nil, nil, 0, fmt.Errorf("ends early: %w", ErrCorrupt)
	}
	if err := readAt(r, h[:], at); err != nil {
		return nil, nil, 0, err
	}
	head, rest, ok := asideLengths(h[:])
	next = at + asideFrameSize + head + rest
	if !ok || next > size {
		return nil, nil, 0, fmt.Errorf("impossible length: %w", ErrCorrupt)
	}
	want := head + rest
	if summary && next < size {
		want = head
	}
	body := make([]byte, want)
	if err := readAt(r, body, at+asideFrameSize); err != nil {
		return nil, nil, 0, err
	}
	if want == head+rest && crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(h[8:]) {
		return nil, nil, 0, fmt.Errorf("checksum does not match: %w", ErrCorrupt)
	}
	s = &asideSummary{}
	if err := json.Unmarshal(body[:head], s); err != nil {
		return nil, nil, 0, fmt.Errorf("damaged summary: %w", ErrCorrupt)
	}
	return s, body[head:], next, nil
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	return err
}

// asideLengths reads a frame's head; ok is false if none was written like it.
func asideLengths(h []byte) (head, sealed int64, ok bool) {
	head, sealed = int64(binary.LittleEndian.Uint32(h)), int64(binary.LittleEndian.Uint32(h[4:]))
	ok = crc32.Checksum(h[:12], castagnoli) == binary.LittleEndian.Uint32(h[12:]) && head <= asideMaxPart && sealed <= asideMaxPart
	return head, sealed, ok
}

// asideBehind reports whether a whole frame begins anywhere from a place on.
func asideBehind(r io.ReaderAt, from, size int64) (bool, error) {
	const step = 1 << 20
	buf := make([]byte, step+asideFrameSize)
	for ; size-from >= asideFrameSize; from += step {
		b := buf[:min(int64(len(buf)), size-from)]
		if err := readAt(r, b, from); err != nil {
			return false, err
		}
		for i := 0; i < step && len(b)-i >= asideFrameSize; i++ {
			if _, _, ok := asideLengths(b[i : i+asideFrameSize]); !ok {
				continue
			}
			_, _, _, err := asideAt(r, from+int64(i), size, false)
			if err == nil {
				return true, nil
			}
			if !errors.Is(err, ErrCorrupt) {
				return false, err
			}
		}
	}
	return false, nil
}
