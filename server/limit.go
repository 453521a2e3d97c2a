package server

import "sync"

// limiter is the back-pressure: a bounded number of requests and of bytes, over
// all and for each source. Nothing waits here: who finds no room is told to come
// back, because a queue of waiting senders is memory too.
type limiter struct {
	mu        sync.Mutex
	requests  int
	bytes     int64
	bySource  map[string]int
	maxReq    int
	maxSource int
	maxBytes  int64
}

func newLimiter(o *Options) *limiter {
	return &limiter{bySource: map[string]int{}, maxReq: o.MaxRequests, maxSource: o.MaxPerSource, maxBytes: o.MaxInFlight}
}

type admission int

const (
	admitted        admission = iota
	tooMany                   // the server is full: 503
	tooManyOfSource           // this source has its share: 429
)

// enter takes a place; leave gives it back.
func (l *limiter) enter(source string) admission {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.bySource[source] >= l.maxSource:
		return tooManyOfSource
	case l.requests >= l.maxReq:
		return tooMany
	}
	l.requests++
	l.bySource[source]++
	return admitted
}

func (l *limiter) leave(source string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests--
	l.bytes -= bytes
	if l.bySource[source]--; l.bySource[source] == 0 {
		delete(l.bySource, source)
	}
}

// take reserves n more bytes.
func (l *limiter) take(n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes+n > l.maxBytes {
		return false
	}
	l.bytes += n
	return true
}

// give takes back n bytes that were reserved beside those that leave gives.
func (l *limiter) give(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= n
}

func (l *limiter) load() (requests int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, l.bytes
}
