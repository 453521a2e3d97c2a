package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Broken says that reading ended before the end of the file. What came before is
// imported, and the rest is taken when the whole file comes.
func (im *Import) Broken() {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.rec.Broken = true
}

// Commit makes the import visible, all at once. sha256 is the digest of the
// unpacked input, for an auditor.
func (im *Import) Commit(sha256 string) (ImportResult, error) {
	if len(im.rec.Replaces) > 0 {
		im.l.compactMu.Lock() // no merge moves the rows that go
		defer im.l.compactMu.Unlock()
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.err != nil {
		im.end()
		return ImportResult{}, im.err
	}
	l := im.l
	fail := func(err error) (ImportResult, error) {
		im.end()
		return ImportResult{}, fmt.Errorf("import %s: %w", im.spec.Name, err)
	}
	giveUp := func(err error) (ImportResult, error) {
		return ImportResult{}, errors.Join(fmt.Errorf("import %s: %w", im.spec.Name, err), im.abort())
	}
	if err := im.stage(); err != nil {
		return fail(err)
	}
	if err := im.checkReplaced(); err != nil {
		return giveUp(err)
	}
	var overlap *OverlapError
	if err := im.repeats(); errors.As(err, &overlap) {
		return ImportResult{}, errors.Join(err, im.abort())
	} else if err != nil {
		return fail(err)
	}
	// What is replaced is rewritten first, since that takes as long as the files
	// are large and appends go on meanwhile.
	var replacement *replacement
	if len(im.rec.Replaces) > 0 {
		var err error
		if replacement, err = l.withoutImports(im.rec.Replaces); err != nil {
			return fail(err)
		}
	}
	committed := false
	defer func() {
		if !committed {
			l.discard(replacement)
			l.closeSegments(im.rec.Staged)
		}
	}()
	// From here to the commit nobody else claims anything.
	l.claimMu.Lock()
	defer l.claimMu.Unlock()
	if l.seen.clashed() {
		return giveUp(ErrBeginAgain)
	}
	stream, err := im.stream()
	if errors.Is(err, ErrBeginAgain) {
		return giveUp(err)
	}
	if err != nil {
		return fail(err)
	}
	for _, r := range im.rec.Staged {
		if err := l.openSegment(r); err != nil {
			return fail(err)
		}
	}
	gone := map[string]bool{} // fingerprints of what is replaced
	im.rec.SHA256, im.rec.Done, im.rec.Finished = sha256, true, l.opts.Now().UTC()
	err = l.commit(func(m *manifest) error {
		if held := m.held(); held != nil && len(im.rec.Replaces) > 0 {
			return held
		}
		if replacement.apply(m); replacement != nil {
			m.Unneeded = true
		}
		m.Aside = append(slices.Clone(im.rec.Asides), m.Aside...)
		m.Segments = append(m.Segments, im.rec.Staged...)
		for _, r := range m.Seen {
			if slices.Contains(im.rec.Replaces, r.Import) {
				gone[r.Name] = true
			}
		}
		m.Seen = slices.DeleteFunc(m.Seen, func(r seenRef) bool { return gone[r.Name] })
		m.Seen = append(m.Seen, im.rec.Seen...)
		if stream != nil {
			m.keepStream(*stream)
		}
		for i := range m.Streams {
			if slices.Contains(im.rec.Replaces, m.Streams[i].Last) {
				m.Streams[i].Last = im.rec.ID
			}
		}
		for i := range m.Imports {
			switch id := m.Imports[i].ID; {
			case id == im.rec.ID:
				m.Imports[i] = im.rec
				m.Imports[i].Staged, m.Imports[i].Seen, m.Imports[i].Marks, m.Imports[i].Asides, m.Imports[i].Touched = nil, nil, nil, nil, time.Time{}
			case slices.Contains(im.rec.Replaces, id):
				m.Imports[i].ReplacedBy = im.rec.ID
			}
		}
		return nil
	}, func() {
		l.streamsVersion++
		l.aside.adopt(im.rec.Asides)
	})
	if held := (*HeldError)(nil); errors.As(err, &held) {
		return giveUp(err)
	}
	if err != nil {
		return fail(err)
	}
	committed = true
	defer im.end()
	l.finishReplacement(replacement)
	if len(gone) > 0 {
		l.seen.forget(gone)
		for name := range gone {
			l.fs.Remove(l.path(seenDir, name))
		}
	}
	if err := l.seen.adopt(im.rec.Seen); err != nil {
		return ImportResult{}, l.fail(fmt.Errorf("import %s: %w", im.spec.Name, err))
	}
	return ImportResult{
		Import: im.rec.ID, Lines: im.rec.Lines, Records: im.rec.Records, Known: im.rec.Known,
		Duplicates: im.rec.Duplicates, Aside: im.rec.Aside, Resumed: im.resumed,
	}, nil
}

// checkReplaced refuses to replace an import by what is not its content, or when
// records that had come another way cannot be told any more.
func (im *Import) checkReplaced() error {
	if len(im.rec.Replaces) == 0 {
		return nil
	}
	if end := im.rec.endPoint(); end != im.whole {
		return fmt.Errorf("the file has changed while it was read: %w", ErrBeginAgain)
	}
	im.l.mu.RLock()
	defer im.l.mu.RUnlock()
	elsewhere := int64(0)
	for i := range im.l.m.Imports {
		r := &im.l.m.Imports[i]
		if !slices.Contains(im.rec.Replaces, r.ID) {
			continue
		}
		if r.ReplacedBy != 0 {
			return ErrBeginAgain
		}
		elsewhere += r.Elsewhere
	}
	if elsewhere > im.rec.Elsewhere {
		return &ElsewhereError{elsewhere, im.rec.Elsewhere}
	}
	return nil
}

func (r *importRecord) endPoint() Point {
	if r.End.At > 0 {
		return r.End
	}
	return r.Line
}

// ElsewhereError says that an import cannot be decoded again: some of its records
// had come another way before and were counted there, and the fingerprints by
// which they could be told are forgotten.
type ElsewhereError struct{ Were, Are int64 }

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%d of its records had come another way and were counted there; only %d of them can still be told, since fingerprints are kept for %d days: decoded again they would be counted twice", e.Were, e.Are, seenHorizon/(24*time.Hour))
}

// stream is what is known of the input's stream with the import, nil for nothing.
// It refuses when somebody else has read on in it meanwhile. claimMu is held.
func (im *Import) stream() (*streamRecord, error) {
	r := &im.rec
	if len(r.Replaces) > 0 || r.endPoint().At <= r.From {
		return nil, nil
	}
	im.l.mu.RLock()
	now, err := im.l.streams(r.Source)
	im.l.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	base := streamRecord{ID: r.Stream, Source: r.Source}
	mine := pointsOf(r.Marks, r.Line, r.End)
	for i := range now {
		moved := now[i].reach() != im.reaches[now[i].ID]
		if now[i].ID == r.Stream {
			if base = now[i]; moved {
				return nil, ErrBeginAgain
			}
		} else if moved && !r.New {
			if _, more := shared(now[i].points(), mine); more {
				return nil, ErrBeginAgain
			}
		}
	}
	out := base.extend(r.From, r.Marks, r.Line, r.End)
	out.Tail, out.Whole, out.Lines, out.Last = r.Tail, r.Whole, r.Feeds, r.ID
	return &out, nil
}

// Suspend stops an import and keeps what is staged, so that the same input goes
// on from there.
func (im *Import) Suspend() { im.end() }

// Abort gives an import up and removes what it staged.
func (im *Import) Abort() error {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.abort()
}

func (im *Import) abort() error {
	defer im.end()
	if err := im.l.dropImports(func(r *importRecord) bool { return r.ID == im.rec.ID }); err != nil {
		return fmt.Errorf("abort import: %w", err)
	}
	return nil
}
