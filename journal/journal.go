// Package journal gives entries a durable order. An entry is acknowledged only
// after it is on the disk, and what was acknowledged comes back, once, in order.
//
// It is a seam: the embedded engine is Local, files in a folder with one writer.
// What the rest of Haetae asks of it fits in four methods, so that a clustered
// log can stand in later; package journaltest says what an engine must do. An
// entry is opaque and atomic: a request is one entry however many partitions it
// touches, because a journal cannot make several entries appear together.
//
// What it is not: a queue. Nothing is delivered, and nobody but the ledger reads.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Position orders entries. It grows over restarts and trims; 0 is before all.
type Position uint64

// Journal is the seam. All methods may be called from any goroutine.
type Journal interface {
	// Append returns once entry is durable. It keeps nothing of entry after it
	// has returned.
	//
	// An error means that the entry is not in the journal and never will be,
	// with one exception: after ErrUnknown it may be there or not. That is the
	// answer when ctx ends while the entry is being written, and when an fsync
	// failed, which also stops the journal. A ctx that ends while the entry
	// waits for its turn takes it out of the line; then nothing was written.
	//
	// A full disk refuses the entry cleanly, and the next may succeed once
	// there is room.
	Append(ctx context.Context, entry []byte) (Position, error)

	// Read calls fn for every entry behind after that was acknowledged before
	// Read was called, in order. The slice is only valid during the call. An
	// error of fn ends the reading and is returned. If entries right behind
	// after were trimmed, the error is ErrTrimmed.
	Read(after Position, fn func(Position, []byte) error) error

	// Trim says that entries up to and including upTo are no longer needed.
	// When they go is the engine's business.
	Trim(upTo Position) error

	// Close ends the journal. What is waiting in Append is refused with
	// ErrClosed; what is being written is finished first.
	Close() error
}

var (
	// ErrCorrupt marks a place that is not as it was written, with whole
	// entries behind it: not a torn tail, and not to be skipped.
	ErrCorrupt = errors.New("corrupt")
	// ErrUnknown: the entry may or may not be in the journal.
	ErrUnknown = errors.New("outcome unknown")
	// ErrPoisoned: an earlier fsync failed. Which writes reached the disk is
	// then unknowable while the process runs (a second fsync may report
	// success for pages that were dropped), so everything is refused.
	ErrPoisoned = errors.New("the journal stopped after a failed fsync")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrTooLarge: the entry exceeds MaxEntry.
	ErrTooLarge = errors.New("entry too large")
	// ErrTrimmed: the entries asked for were trimmed. It is also an
	// fs.ErrNotExist: who reads beside a writer has to look for a newer
	// manifest and begin again.
	ErrTrimmed = fmt.Errorf("entries trimmed: %w", fs.ErrNotExist)
)

// MaxEntry bounds an entry, so that a damaged length cannot ask for the memory
// of the machine. A request of the ledger is at most half of it.
const MaxEntry = 64 << 20
