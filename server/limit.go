package server

import (
	"context"
	"sync"
)

// limiter is the back-pressure: a bounded number of requests and of bytes, over
// all and for each source. No request waits here: who finds no room is told to come
// back, because a queue of waiting senders is memory too. Only what is not asked for
// an answer, and is one by configuration, waits: an input stands still meanwhile.
type limiter struct {
	mu        sync.Mutex
	freed     chan struct{} // closed when there may be room again; nil: nobody waits
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
	l.wake()
}

// wait takes a place for bytes, and waits until there is one. More than there may be
// at all is taken for as much.
func (l *limiter) wait(ctx context.Context, source string, bytes int64) (leave func(), err error) {
	bytes = min(bytes, l.maxBytes)
	err = l.until(ctx, func() bool {
		if l.bySource[source] >= l.maxSource || l.requests >= l.maxReq || l.bytes+bytes > l.maxBytes {
			return false
		}
		l.bySource[source]++
		l.requests++
		l.bytes += bytes
		return true
	})
	return func() { l.leave(source, bytes) }, err
}

// waitBytes is wait for bytes alone.
func (l *limiter) waitBytes(ctx context.Context, bytes int64) (leave func(), err error) {
	bytes = min(bytes, l.maxBytes)
	err = l.until(ctx, func() bool {
		if l.bytes+bytes > l.maxBytes {
			return false
		}
		l.bytes += bytes
		return true
	})
	return func() { l.give(bytes) }, err
}

// until tries again whenever something was given back.
func (l *limiter) until(ctx context.Context, try func() bool) error {
	for {
		l.mu.Lock()
		if try() {
			l.mu.Unlock()
			return nil
		}
		if l.freed == nil {
			l.freed = make(chan struct{})
		}
		freed := l.freed
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-freed:
		}
	}
}

// wake lets those who wait look again.
func (l *limiter) wake() {
	if l.freed != nil {
		close(l.freed)
		l.freed = nil
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
	l.wake()
}

func (l *limiter) load() (requests int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, l.bytes
}
