// Package journal gives entries a durable order. An entry is acknowledged only
// after it is on the disk, and what was acknowledged comes back, once, in order.
//
// It is a seam: the embedded engine is Local, files in a folder with one writer.
// What the rest of Haetae asks of it fits in four methods, so that a clustered
// log can stand in later. An entry is opaque and atomic: a request is one entry
// however many partitions it touches, because a journal cannot make several
// entries appear together.
//
// What it is not: a queue. Nothing is delivered, and nobody but the ledger reads.
package journal

import (
	"context"
	"errors"
)

// Position orders entries. It grows over restarts and trims; 0 is before all.
type Position uint64

// Journal is the seam.
type Journal interface {
	// Append returns once entry is durable. If ctx ends while it waits for its
	// turn, nothing was written; if the write itself fails in a way that leaves
	// the outcome open, the error is ErrUnknown and the journal is poisoned.
	Append(ctx context.Context, entry []byte) (Position, error)
	// Read calls fn for every entry behind after, in order. The slice is only
	// valid during the call.
	Read(after Position, fn func(Position, []byte) error) error
	// Trim says that entries up to and including upTo are no longer needed.
	Trim(upTo Position) error
	Close() error
}

var (
	// ErrCorrupt marks an entry that is not what was written, with whole
	// entries behind it: not a torn tail, and not to be skipped.
	ErrCorrupt = errors.New("corrupt")
	// ErrUnknown: the entry may or may not be durable.
	ErrUnknown = errors.New("outcome unknown")
	// ErrPoisoned: an earlier fsync failed. Which writes reached the disk is
	// then unknowable while the process runs (a second fsync may report
	// success for pages that were dropped), so everything is refused.
	ErrPoisoned = errors.New("the journal stopped after a failed fsync")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrTooLarge: the entry exceeds MaxEntry.
	ErrTooLarge = errors.New("entry too large")
)

// MaxEntry bounds an entry, so that a damaged length cannot ask for the memory
// of the machine.
const MaxEntry = 64 << 20
