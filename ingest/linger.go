package ingest

import (
	"context"
	"time"
)

// Left is a file that was rotated away and read to its end, still open: so it is
// found under any name, and after it was packed and removed.
type Left struct{ file *tailFile }

// Close lets it go.
func (l *Left) Close() error { return l.file.Close() }

// Rotated finds the file of a position among those that were rotated away; nil if
// it is not there.
func (t *Tail) Rotated(from Position) *Left {
	t.pos = from
	if f := t.sibling(nil); f != nil {
		return &Left{f}
	}
	return nil
}

// Linger delivers what is still written to a file that was rotated away, until it
// was quiet for some time, and closes it. A line without an end is delivered then.
// Of a packed file there is nothing to wait for.
func (t *Tail) Linger(ctx context.Context, f *Left, from Position, quiet time.Duration) error {
	if t.Every == 0 {
		t.Every = time.Second
	}
	t.pos = from
	t.use(f.file)
	defer t.use(nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	size, since := int64(-1), time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		st, err := t.file.Stat()
		if err != nil {
			return err
		}
		if st.Size() != size {
			size, since = st.Size(), time.Now()
		}
		last := t.file.packed || time.Since(since) >= quiet
		// One that was cut is used for something else now.
		if !t.file.packed && size < t.pos.Offset {
			return nil
		}
		err = t.drain(ctx, last)
		switch {
		case err != nil && (t.Failed == nil || ctx.Err() != nil):
			return err
		case err != nil:
			timer.Reset(t.Failed(err))
			since = time.Now()
		case last:
			return nil
		default:
			timer.Reset(t.Every)
		}
	}
}
