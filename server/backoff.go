package server

import "time"

const (
	backoffFirst = time.Second // is waited after a failure, and twice as long after each further one
	backoffMost  = time.Minute
)

// backoff says when something that fails is to be tried again, and when a change of that
// is to be logged. It belongs to one goroutine.
type backoff struct {
	wait time.Duration // 0: it has not failed
	next time.Time
}

func (b *backoff) due(now time.Time) bool { return !now.Before(b.next) }

// failed notes a failure, and reports whether it is the first.
func (b *backoff) failed(now time.Time) (first bool) {
	first = b.wait == 0
	b.wait = min(max(2*b.wait, backoffFirst), backoffMost)
	b.next = now.Add(b.wait)
	return first
}

// succeeded notes that it went well, and reports whether it had failed before.
func (b *backoff) succeeded() (again bool) {
	again = b.wait > 0
	*b = backoff{}
	return again
}
