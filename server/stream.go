package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/detect"
)

const (
	// streamKept is how many changes are kept for readers that were cut off. At ten
	// seconds between the changes of a signal that is an hour of three that grow all
	// the time, and some megabytes.
	streamKept = 1024
	// streamAhead is how many changes a reader may be behind before it is cut off.
	streamAhead = 256
	// streamPing is how often an idle stream says that it is there, so that what stands
	// in between does not close it.
	streamPing = 20 * time.Second
	// streamStuck is how long a reader may leave one write waiting. One that is still
	// connected and does not read would hold what is to be sent to it for ever.
	streamStuck = 30 * time.Second
)

// stream numbers the changes of signals and keeps the last ones, so that a reader
// that was cut off gets what it missed. The detector's mu guards it.
//
// The number of a change stands behind that of the stream, which is another after a
// restart and when a signal was forgotten: what a reader has then is to be read anew.
type stream struct {
	number uint64 // of the stream, at random
	last   uint64 // change, from 1
	kept   []change
	subs   map[chan change]struct{}
}

// change is a signal that is new or other than before.
type change struct {
	number uint64
	signal detect.Signal
}

func newStream() *stream { return &stream{number: rand.Uint64(), subs: map[chan change]struct{}{}} }

// begin ends all readers' streams, and begins another one.
func (s *stream) begin() {
	for ch := range s.subs {
		s.drop(ch)
	}
	*s = *newStream()
}

func (s *stream) drop(ch chan change) {
	if _, ok := s.subs[ch]; ok {
		delete(s.subs, ch)
		close(ch)
	}
}

// send tells readers of a change. One that is too slow is cut off, and comes again.
func (s *stream) send(x detect.Signal) {
	s.last++
	c := change{s.last, x}
	if len(s.kept) == 2*streamKept {
		n := copy(s.kept, s.kept[streamKept:])
		clear(s.kept[n:])
		s.kept = s.kept[:n]
	}
	s.kept = append(s.kept, c)
	for ch := range s.subs {
		select {
		case ch <- c:
		default:
			s.drop(ch)
		}
	}
}

// since gives the changes after the one with an id; false when they are not all kept,
// or the id is not of this stream.
func (s *stream) since(id string) ([]change, bool) {
	number, after, ok := strings.Cut(id, "-")
	n, err := strconv.ParseUint(after, 10, 64)
	if !ok || err != nil || number != fmt.Sprintf("%016x", s.number) || n > s.last || s.last-n > min(streamKept, uint64(len(s.kept))) {
		return nil, false
	}
	return slices.Clone(s.kept[len(s.kept)-int(s.last-n):]), true
}

// beginning is what a stream says first, and from where it goes on.
type beginning struct {
	all     []detect.Signal // where the reader begins with all
	anew    bool            // it had some, and is to forget them
	missed  []change
	number  uint64 // of the stream
	at      uint64 // the last change that is in all or missed
	changes chan change
}

// id is what a reader gives back to go on behind a change.
func (b *beginning) id(change uint64) string { return fmt.Sprintf("%016x-%d", b.number, change) }

// subscribe begins a stream for a reader that has had a change; empty: none. The
// channel is closed when the reader is too slow or has to begin anew.
func (d *detector) subscribe(last string) beginning {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stream
	b := beginning{number: s.number, at: s.last, changes: make(chan change, streamAhead)}
	s.subs[b.changes] = struct{}{}
	known := false
	if last != "" {
		b.missed, known = s.since(last)
		b.anew = !known
	}
	if !known {
		b.all = d.list()
	}
	return b
}

func (d *detector) unsubscribe(ch chan change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stream.drop(ch)
}

// getSignalStream sends all signals, then each that changes, as server-sent events;
// to a reader that was cut off what it has missed.
func (s *Server) getSignalStream(w http.ResponseWriter, r *http.Request) {
	if !s.detecting(w) {
		return
	}
	rc := http.NewResponseController(w)
	// A stream has no end, so each write has its own time.
	wait := func() { rc.SetWriteDeadline(time.Now().Add(streamStuck)) }
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	b := s.detector.subscribe(r.Header.Get("Last-Event-ID"))
	defer s.detector.unsubscribe(b.changes)
	send := func(id string, x *detect.Signal) error {
		data, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if id != "" {
			id = "id: " + id + "\n"
		}
		wait()
		if _, err := fmt.Fprintf(w, "event: signal\n%sdata: %s\n\n", id, data); err != nil {
			return err
		}
		return rc.Flush()
	}
	wait()
	if b.anew {
		fmt.Fprint(w, "event: reset\ndata: {}\n\n")
	}
	// The list has an id at its end alone: who is cut off within it begins it again.
	for i := range b.all {
		if send("", &b.all[i]) != nil {
			return
		}
	}
	for i := range b.missed {
		if send(b.id(b.missed[i].number), &b.missed[i].signal) != nil {
			return
		}
	}
	wait()
	if len(b.missed) == 0 {
		fmt.Fprintf(w, "id: %s\n\n", b.id(b.at))
	}
	if rc.Flush() != nil {
		return
	}
	ping := time.NewTicker(streamPing)
	defer ping.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.work.Done():
			return
		case c, ok := <-b.changes:
			if !ok || send(b.id(c.number), &c.signal) != nil {
				return
			}
		case <-ping.C:
			wait()
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil || rc.Flush() != nil {
				return
			}
		}
	}
}
