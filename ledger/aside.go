package ledger

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
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
