package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ledger"
)

// follower reads one live file. Its position is in the same journal entry as
// the records that were read up to it, so neither a crash nor a failed append
// repeats or skips a line.
type follower struct {
	s    *Server
	f    Follow
	file string // without folder
	name string // of the checkpoint

	// Owned by the goroutine of run.
	cat    *catalog.Catalog
	src    *catalog.Source
	format string
	dec    ingest.Decoder
	made   time.Time // when dec was
	batch  *ledger.Batch
	cur    *ledger.Followed // the stream up to where it was read
	newest event.Millis     // of what was read
	gap    *ledger.Gap      // whose end is the next record
	left   *leftPosition    // the file before, as far as it was read when it was left
	found  string           // the format, where it had to be found out
	said   string           // the error that was logged, until lines are taken again
	cut    string           // the format that says what the log is cut into; none: lines

	mu     sync.Mutex
	offset int64
	last   event.Millis
	err    error
	counts ingest.Counts // since the start
}

func (s *Server) newFollower(f Follow) (*follower, error) {
	cat := s.ledger.Catalog()
	if cat == nil {
		return nil, ErrNoCatalog
	}
	if _, err := SourceOf(cat, f.Source, ""); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(f.File)
	if err != nil {
		return nil, err
	}
	// The path is hashed since people put names into paths.
	sum := sha256.Sum256([]byte(path))
	return &follower{
		s: s, f: Follow{f.Source, path}, file: filepath.Base(path),
		name: "follow " + f.Source + " " + hex.EncodeToString(sum[:8]), err: errUnwatched,
	}, nil
}

// followPosition is what the checkpoint holds.
type followPosition struct {
	ingest.Position
	Stream []byte       `json:"stream,omitempty"` // see ledger.Followed; none while nothing was read
	Newest event.Millis `json:"newest,omitempty"`
	// Left is the file that was followed before, so that a restart looks for what
	// was written to it late.
	Left *leftPosition `json:"left,omitempty"`
	// Gap is one whose end is the next record.
	Gap *ledger.Gap `json:"gap,omitempty"`
}

type leftPosition struct {
	ingest.Position
	Stream []byte       `json:"stream"`
	Newest event.Millis `json:"newest,omitempty"`
}

// What FollowStatus.Error says when nothing has failed.
const (
	FollowMissing   = "the file is not there"
	FollowUnwatched = "the file is not watched yet"
)

// errUnwatched is the error of a follower until its file is open and its position
// durable.
var errUnwatched = errors.New(FollowUnwatched)

// followRetry is how long a follower waits after an error. The file keeps what
// it cannot deliver.
const followRetry = 2 * time.Second

func (f *follower) run(ctx context.Context) {
	for {
		err := f.once(ctx)
		if ctx.Err() != nil {
			return
		}
		err = withoutFolder(err) // a folder may be named for a person, and status is shown to many
		f.set(err)
		// It is tried every two seconds, on a full disk for hours: said once.
		if text := err.Error(); text != f.said {
			f.said = text
			f.s.log.Error("follow", "source", f.f.Source, "file", f.file, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(followRetry):
		}
	}
}

func (f *follower) once(ctx context.Context) error {
	var from followPosition
	f.cur = nil
	if data, ok := f.s.ledger.Checkpoint(f.name); ok {
		err := json.Unmarshal(data, &from)
		if err == nil && from.Offset > 0 {
			f.cur, err = f.s.ledger.OpenFollowed(f.f.Source, from.Stream)
		}
		if err != nil {
			return fmt.Errorf("position of %s: %w", f.file, err)
		}
	}
	f.newest, f.left, f.gap = from.Newest, from.Left, from.Gap
	f.mu.Lock()
	f.offset = from.Offset
	f.mu.Unlock()
	t := ingest.Tail{
		Path: f.f.File, Every: f.s.opts.PollEvery, Deliver: f.deliver, Known: f.known, Lost: f.lost, Begun: f.begun, Opened: f.opened, Digest: f.s.ledger.Hasher().Stream,
		Missing: func(error) {
			f.set(fs.ErrNotExist)
			f.s.log.Warn("followed file is not there", "source", f.f.Source, "file", f.file)
		},
	}
	f.cut = f.declared()
	t.Cutter = cutter(f.cut)
	// What is written to a rotated file late is read beside the file that is
	// followed now.
	ctx, stop := context.WithCancel(ctx)
	var late sync.WaitGroup
	defer late.Wait()
	defer stop()
	cut := f.cut
	linger := func(was leftPosition, file *ingest.Left) {
		late.Go(func() { f.linger(ctx, was, file, cut) })
	}
	if f.left != nil {
		finder := ingest.Tail{Path: f.f.File, Digest: t.Digest}
		if file := finder.Rotated(f.left.Position); file != nil {
			linger(*f.left, file)
		}
	}
	t.Left = func(was ingest.Position, file *ingest.Left) {
		state, err := f.cur.State()
		if err != nil {
			f.s.log.Error("a rotated file is not watched any more", "source", f.f.Source, "file", f.file, "error", err)
			file.Close()
			return
		}
		f.left = &leftPosition{was, state, f.newest}
		linger(*f.left, file)
	}
	return t.Run(ctx, from.Position)
}

// linger takes what a service still writes to a file after it was rotated away
// and its successor has lines. How far the file is known is in the ledger with
// its records, so no line of it comes twice however often this begins again.
func (f *follower) linger(ctx context.Context, was leftPosition, file *ingest.Left, cut string) {
	late := &follower{s: f.s, f: f.f, file: f.file, name: f.name + " late", newest: was.Newest, cut: cut}
	var err error
	if late.cur, err = f.s.ledger.OpenFollowed(f.f.Source, was.Stream); err == nil {
		t := ingest.Tail{Path: f.f.File, Every: f.s.opts.PollEvery, Deliver: late.deliver, Known: late.known, Digest: f.s.ledger.Hasher().Stream, Failed: func(err error) time.Duration {
			f.lateFailed(err)
			return followRetry
		}, Cutter: cutter(cut)}
		err = t.Linger(ctx, file, was.Position, f.s.opts.LingerFor)
	} else {
		file.Close()
	}
	if err != nil && ctx.Err() == nil {
		f.lateFailed(err)
	}
}

func (f *follower) lateFailed(err error) {
	err = withoutFolder(err)
	f.set(err)
	f.s.log.Error("what was written late to a rotated file", "source", f.f.Source, "file", f.file, "error", err)
}

func (f *follower) set(err error) {
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
}

// known passes over what was imported, or followed under another name.
func (f *follower) known(_ context.Context, from ingest.Position, r io.Reader, whole bool) (ingest.Position, error) {
	var next *ledger.Followed
	var err error
	switch {
	case from.Offset == 0:
		next, err = f.s.ledger.FollowLog(f.f.Source, f.file, r, whole)
	case f.cur == nil || f.cur.Offset() != from.Offset:
		return from, fmt.Errorf("position of %s: %w", f.file, ledger.ErrCorrupt)
	default:
		next, err = f.cur.Resume(f.file, r, whole)
	}
	if errors.Is(err, ledger.ErrNotYet) {
		return from, ingest.ErrWait
	}
	if err != nil {
		return from, err
	}
	f.cur = next
	return ingest.Position{Offset: next.Offset(), Line: next.Lines()}, nil
}

// lost begins a gap: from the last record that was read to the next one.
func (f *follower) lost(was ingest.Position, cut bool) {
	f.gap = &ledger.Gap{Source: f.f.Source, From: f.newest, Kind: ledger.GapLost}
	if cut {
		f.gap.Kind = ledger.GapCut
	}
	if f.newest == 0 && !was.Changed.IsZero() {
		f.gap.From = event.MillisOf(was.Changed)
	}
	// It is known at once, with an open end. If this cannot be written, deliver
	// does not go on without it.
	if err := f.s.ledger.AddGap(*f.gap); err != nil {
		f.s.log.Error("a gap cannot be recorded yet", "source", f.f.Source, "file", f.file, "error", withoutFolder(err))
	}
	f.s.log.Warn("a followed file was not read to its end", "source", f.f.Source, "file", f.file, "cut", cut)
}

// opened: a file is watched, as its position is durable.
func (f *follower) opened() { f.set(nil) }

// begun keeps the position before the first byte of a file.
func (f *follower) begun(ctx context.Context, at ingest.Position) error {
	if f.gap != nil { // the position it began at is not known any more behind this
		if err := f.s.ledger.AddGap(*f.gap); err != nil {
			return err
		}
	}
	position, err := json.Marshal(followPosition{Position: at, Newest: f.newest, Left: f.left, Gap: f.gap})
	if err != nil {
		return err
	}
	_, err = f.s.ledger.AppendBatch(ctx, f.s.ledger.NewBatch(), f.file, &ledger.Checkpoint{Name: f.name, Value: position})
	return err
}

func (f *follower) deliver(ctx context.Context, c *ingest.Chunk, after ingest.Position) error {
	if err := f.prepare(c); err != nil {
		return err
	}
	var bad []ledger.AsideLine
	newest, oldest := f.newest, event.Millis(0)
	tail := tailOf(c)
	made := false
	n := ingest.DecodeChunk(c, f.file, f.src, f.cat, f.s.networks, f.dec, func(rec *event.Record) {
		newest = max(newest, rec.Time)
		if oldest == 0 || rec.Time < oldest {
			oldest = rec.Time
		}
		made = made || rec.Origin.Offset == tail
		f.batch.Add(rec)
	}, func(a ingest.Aside) {
		bad = append(bad, asideLine(f.f.Source, f.file, a.Origin.Line, a.Origin.Offset, a.Field, a.Cause.Code, a.Text))
	})
	next, err := f.cur.Take(c.CopyTo, made)
	if err != nil {
		return err
	}
	state, err := next.State()
	if err != nil {
		return err
	}
	position, err := json.Marshal(followPosition{Position: after, Stream: state, Newest: newest, Left: f.left})
	if err != nil {
		return err
	}
	if f.cur.Moved() {
		return ingest.ErrKnown
	}
	if f.gap != nil {
		if f.gap.To = oldest; oldest == 0 {
			f.gap.To = event.MillisOf(time.Now())
		}
		if err := f.s.ledger.AddGap(*f.gap); err != nil {
			return err
		}
	}
	// Lines set aside come first: a crash in between sets them aside once more,
	// the other way round they would be lost.
	if err := f.s.ledger.SetAside(0, bad); err != nil {
		return err
	}
	begin, newestHere := time.Now(), f.batch.Newest()
	got, err := f.s.ledger.AppendBatch(ctx, f.batch, f.file, next.Checkpoint(f.name, position, f.cur))
	if errors.Is(err, ledger.ErrStreamMoved) {
		return ingest.ErrKnown
	}
	if err != nil {
		return err
	}
	f.cur, f.newest, f.gap = next, newest, nil
	f.s.metrics.appendSeconds.observe(time.Since(begin))
	f.s.arrived.note(f.f.Source, WayFollow, time.Now(), newestHere, got.Accepted)
	f.s.metrics.lostFrom(f.f.Source, n.LostAddresses, n.LostTexts)
	for outcome, n := range map[string]int{"accepted": got.Accepted, "duplicate": got.Duplicates, "aside": int(n.Aside)} {
		f.s.metrics.records.add(label("source", f.f.Source, "outcome", outcome), int64(n))
	}
	f.mu.Lock()
	f.offset, f.last, f.err = after.Offset, max(f.last, newest), nil
	f.counts.Aside += n.Aside
	f.counts.LostAddresses += n.LostAddresses
	f.counts.LostTexts += n.LostTexts
	f.mu.Unlock()
	if f.said != "" {
		f.said = ""
		f.s.log.Info("follow goes on", "source", f.f.Source, "file", f.file)
	}
	return nil
}

// declared is the format of the log, as far as it is known before a line is read.
func (f *follower) declared() string {
	if cat := f.s.ledger.Catalog(); cat != nil {
		if src, ok := cat.Source(f.f.Source); ok && src.Format != catalog.FormatDetect {
			return src.Format
		}
	}
	return f.found
}

// cutter is how a log of a format is cut, where it is made of something else than
// lines. JSON documents are followed as lines.
func cutter(format string) func(at int64) ingest.Cutter {
	f, err := ingest.FormatNamed(format)
	if err != nil || f.Documents {
		return nil
	}
	return f.Cutter
}

// errCut ends reading, to begin again with what the log is made of.
var errCut = errors.New("follow: the log is of another format than it was read as, and is read anew")

// prepare takes the catalog in force, and finds the format from the first lines.
func (f *follower) prepare(c *ingest.Chunk) error {
	// A decoder refuses times that are far ahead of when it was made.
	if cat := f.s.ledger.Catalog(); cat != f.cat || time.Since(f.made) > time.Hour {
		src, err := SourceOf(cat, f.f.Source, "")
		if err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		if f.format = src.Format; f.format == catalog.FormatDetect {
			if f.format = ingest.Detect(c.Data).Format; f.format == "" {
				return errors.New("follow: the first lines are of no known format")
			}
		}
		format, err := ingest.FormatNamed(f.format)
		if err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		if (cutter(f.format) != nil || cutter(f.cut) != nil) && f.format != f.cut {
			f.found = f.format
			return errCut
		}
		if f.dec, err = format.New(src, time.Now()); err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		f.dec = watchedBy(f.s.intake.Load, f.format, f.dec)
		f.cat, f.src, f.batch, f.made = cat, src, f.s.ledger.NewBatch(), time.Now()
	}
	f.batch.Reset()
	return nil
}

func (f *follower) status() FollowStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := FollowStatus{Source: f.f.Source, File: f.file, Aside: f.counts.Aside, LostAddresses: f.counts.LostAddresses, LostTexts: f.counts.LostTexts}
	if f.last > 0 {
		st.Last = f.last.Time()
	}
	if info, err := os.Stat(f.f.File); err == nil {
		st.Behind = max(0, info.Size()-f.offset)
	}
	switch {
	case errors.Is(f.err, fs.ErrNotExist):
		st.Error = FollowMissing
	case f.err != nil:
		st.Error = f.err.Error()
	}
	return st
}
