package journal

import (
	"context"
	"fmt"
	"slices"
)

// request is an entry on its way. The fields but entry are set before done is
// closed.
type request struct {
	entry []byte
	pos   Position
	err   error
	done  chan struct{}
}

// Append implements Journal. Appenders that come while the disk is busy share
// the next fsync: there is no timer, and alone one never waits for another.
func (j *Local) Append(ctx context.Context, entry []byte) (Position, error) {
	if len(entry) > MaxEntry {
		return 0, fmt.Errorf("append %d bytes to the journal: %w: at most %d", len(entry), ErrTooLarge, MaxEntry)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append to the journal: %w", err)
	}
	r := &request{entry: entry, done: make(chan struct{})}
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return 0, fmt.Errorf("append to the journal: %w", j.err)
	}
	j.queue = append(j.queue, r)
	if !j.writing {
		j.writing = true
		go j.run()
	}
	j.mu.Unlock()
	select {
	case <-r.done:
		return r.result()
	case <-ctx.Done():
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := slices.Index(j.queue, r); i >= 0 {
		j.queue = slices.Delete(j.queue, i, i+1)
		return 0, fmt.Errorf("append to the journal: %w", ctx.Err())
	}
	select {
	case <-r.done:
		return r.result()
	default:
		// Its bytes were copied when it left the line, so the caller may go.
		return 0, fmt.Errorf("append to the journal: %w: %w", ErrUnknown, ctx.Err())
	}
}

func (r *request) result() (Position, error) {
	if r.err != nil {
		return 0, fmt.Errorf("append to the journal: %w", r.err)
	}
	return r.pos, nil
}

// run writes until nobody waits. There is at most one at a time, and none while
// the journal rests, so that a journal that is dropped leaves nothing behind.
func (j *Local) run() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		group := j.take()
		if len(group) == 0 {
			j.writing = false
			j.idle.Broadcast()
			return
		}
		rotate := j.rotate
		j.mu.Unlock()
		err := j.write(uint32(len(group)), rotate)
		j.mu.Lock()
		for i, r := range group {
			r.pos, r.err = j.next+Position(i), err
			close(r.done)
		}
		if err == nil {
			j.next += Position(len(group))
			j.size += int64(len(j.buf))
		}
		if cap(j.buf) > 2*groupBytes {
			j.buf = nil // one large entry must not hold its memory for ever
		}
	}
}

// take moves the entries of the next frame from the line into buf. It is called
// with mu held, and copies, so that an appender whose context ends may leave.
func (j *Local) take() []*request {
	if j.err != nil {
		j.refuseAll()
		return nil
	}
	j.buf = append(j.buf[:0], make([]byte, frameSize)...)
	n := 0
	for _, r := range j.queue {
		if n > 0 && len(j.buf)+entrySize+len(r.entry) > groupBytes {
			break
		}
		j.buf = appendEntry(j.buf, r.entry)
		n++
	}
	group := slices.Clone(j.queue[:n])
	j.queue = slices.Delete(j.queue, 0, n)
	return group
}

// refuseAll tells everybody in the line why nothing is written any more.
func (j *Local) refuseAll() {
	for _, r := range j.queue {
		r.err = j.err
		close(r.done)
	}
	j.queue = nil
}

// write puts buf on the disk. On an error nothing of it is in the journal, or
// the error is ErrUnknown and the journal is poisoned.
func (j *Local) write(count uint32, rotate bool) error {
	full := j.size > headerSize && j.size+int64(len(j.buf)) > j.opts.FileSize
	if j.file == nil || rotate || full {
		j.mu.Lock()
		j.rotate = true // also if it fails: see begin
		j.mu.Unlock()
		if err := j.begin(); err != nil {
			return err
		}
	}
	finishFrame(j.buf, j.next, count, j.salt)
	if _, err := j.file.Write(j.buf); err != nil {
		err = fmt.Errorf("write: %w", err)
		// Take back what may be there, durably, or a power cut could bring
		// back an entry that was refused.
		if terr := j.file.Truncate(j.size); terr != nil {
			return fmt.Errorf("%w: %w: take back: %w", ErrUnknown, j.poison(err), terr)
		}
		if serr := j.file.Sync(); serr != nil {
			return fmt.Errorf("%w: %w: take back: %w", ErrUnknown, j.poison(err), serr)
		}
		return err
	}
	if err := j.file.Sync(); err != nil {
		// What is in the cache may never reach the disk, and whoever opens the
		// journal next, without a power cut between, would read it and build on
		// it. So it goes from the cache too, as far as that can be had.
		terr := j.file.Truncate(j.size)
		_ = terr // nothing is claimed about the entry either way
		return fmt.Errorf("%w: %w", ErrUnknown, j.poison(fmt.Errorf("sync: %w", err)))
	}
	return nil
}
