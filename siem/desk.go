package siem

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// Batch is what an output has to send next.
type Batch struct {
	Events []Event
	Left   int // that its condition leaves out
	// Settle says that all of it was sent, but those refused, and moves the output's
	// place. After an error it may be called again.
	Settle func(refused int) error
}

// Feed keeps the places of the outputs and what is behind them.
type Feed interface {
	// Open makes sure that the output has a place: what comes from then on is kept.
	Open(name string) error
	// Keep forgets the places of all outputs but these.
	Keep(names []string) error
	// Records gives about so many records behind the place; nil if there are none.
	Records(ctx context.Context, name, where string, rows int) (*Batch, error)
	// Signals gives those that have changed since the output was told of them; nil if
	// none have.
	Signals(name string) (*Batch, error)
	// Place says how far an output has come.
	Place(name string) Place
}

// Place is how far an output has come, since it was made.
type Place struct {
	// From is when the output was made: what was acknowledged before is not sent.
	From    time.Time `json:"from,omitzero"`
	Behind  int64     `json:"entries_behind"` // of the journal
	Sent    int64     `json:"sent"`
	Left    int64     `json:"left_out"`
	Refused int64     `json:"refused"`
	Lost    int64     `json:"lost"`
	// LostEntries were gone from the journal before anybody could count their records.
	LostEntries int64 `json:"lost_entries"`
}

const (
	// lookEvery is how often an output that has nothing to send looks.
	lookEvery = 250 * time.Millisecond
	// The back-off of remote.Pause.
	firstPause = time.Second
	maxPause   = 5 * time.Minute
)

// State of an output.
type State string

const (
	Idle    State = "idle"    // nothing waits
	Sending State = "sending" //
	Waiting State = "waiting" // after a failure, until NextTry
)

// Status is how an output stands. It holds no address, no token and nothing of an
// event.
type Status struct {
	Name  string `json:"name"`
	Kind  Kind   `json:"kind"`
	State State  `json:"state"`
	Place
	SignalsSent int64     `json:"signals_sent"`          // since the start
	Since       time.Time `json:"behind_since,omitzero"` // when it last had sent everything
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorKO string    `json:"last_error_ko,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	Failures    int       `json:"failures"` // in a row
	NextTry     time.Time `json:"next_try,omitzero"`
	LastRefusal string    `json:"last_refusal,omitempty"` // the receiver's word
	// LastRefusedTime is the time of the event that was refused last.
	LastRefusedTime time.Time `json:"last_refused_event_time,omitzero"`
}

// Desk runs the outputs of a file.
type Desk struct {
	feed  Feed
	check func(where string) error
	log   *slog.Logger
	make  func(*Output) (sender, error)

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	routes  []*route
	refused written.Text // what is wrong with a file that was read since
}

// route is an output at work.
type route struct {
	d      *Desk
	o      Output
	send   sender
	cancel context.CancelFunc
	ended  chan struct{}

	mu sync.Mutex
	st Status
}

// Open prepares the outputs; Run begins to send.
func Open(cfg *Config, feed Feed, check func(where string) error, log *slog.Logger) (*Desk, error) {
	d := &Desk{feed: feed, check: check, log: log, make: newSender}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d, d.adopt(cfg)
}

// Run sends until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	d.mu.Lock()
	for _, r := range d.routes {
		r.start()
	}
	d.mu.Unlock()
	<-ctx.Done()
	d.stop()
	d.wg.Wait()
}

// Reload reads the file again. A mistake changes nothing: the outputs before go on.
func (d *Desk) Reload(file string) error {
	cfg, err := Load(file, d.check)
	if err == nil {
		err = d.adopt(cfg)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.refused = written.TextOf(err)
		d.log.Error("the outputs were not read again; those before go on", "error", err)
		return err
	}
	d.refused = written.Text{}
	for _, r := range d.routes {
		r.start()
	}
	return nil
}

// adopt puts outputs in force. One whose settings are the same goes on as it is, one
// with the same name keeps its place.
func (d *Desk) adopt(cfg *Config) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var routes []*route
	var names []string
	for _, o := range cfg.Outputs {
		names = append(names, o.Name)
		i := slices.IndexFunc(d.routes, func(r *route) bool { return reflect.DeepEqual(r.o, o) })
		if i >= 0 {
			routes = append(routes, d.routes[i])
			continue
		}
		send, err := d.make(&o)
		if err != nil {
			return err
		}
		if err := d.feed.Open(o.Name); err != nil {
			return err
		}
		routes = append(routes, &route{d: d, o: o, send: send, st: Status{Name: o.Name, Kind: o.Kind, State: Idle}})
	}
	for _, old := range d.routes {
		if !slices.Contains(routes, old) {
			old.end()
		}
	}
	d.routes = routes
	return d.feed.Keep(names)
}

// start begins to send, if it has not begun. Desk.mu is held.
func (r *route) start() {
	if r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.d.ctx)
	r.cancel, r.ended = cancel, make(chan struct{})
	r.d.wg.Go(func() {
		defer close(r.ended)
		r.run(ctx)
	})
}

func (r *route) end() {
	if r.cancel != nil {
		r.cancel()
		<-r.ended
	}
}

func (r *route) run(ctx context.Context) {
	for ctx.Err() == nil {
		some := false
		if r.o.wants(Signals) {
			some = r.round(ctx, true, func() (*Batch, error) { return r.d.feed.Signals(r.o.Name) })
		}
		if r.o.wants(Records) && ctx.Err() == nil {
			if r.round(ctx, false, func() (*Batch, error) { return r.d.feed.Records(ctx, r.o.Name, r.o.Where, r.o.Events) }) {
				some = true
			}
		}
		if !some {
			r.set(func(st *Status) { st.State, st.Since = Idle, time.Time{} })
			sleep(ctx, lookEvery)
		}
	}
}

// round sends a batch, if there is one.
func (r *route) round(ctx context.Context, signals bool, next func() (*Batch, error)) bool {
	b, err := next()
	if err != nil {
		if ctx.Err() == nil {
			r.failed(ctx, troublef("보낼 기록을 읽지 못하였습니다(%s)", "what is to be sent could not be read (%s)", written.TextOf(err)))
		}
		return true
	}
	if b == nil {
		return false
	}
	r.set(func(st *Status) {
		if st.State = Sending; st.Since.IsZero() {
			st.Since = time.Now()
		}
	})
	refused, ok := r.deliver(ctx, b.Events)
	if !ok {
		return true // stopped: it is sent again
	}
	for {
		err := b.Settle(refused)
		if err == nil {
			break
		}
		if !r.failed(ctx, troublef("보낸 위치를 저장하지 못하였습니다(%s)", "how far was sent could not be written down (%s)", written.TextOf(err))) {
			return true
		}
	}
	r.set(func(st *Status) {
		if st.Failures = 0; signals {
			st.SignalsSent += int64(len(b.Events) - refused)
		}
	})
	return true
}

// deliver sends events until each is taken or refused; false when ctx has ended.
func (r *route) deliver(ctx context.Context, events []Event) (refused int, ok bool) {
	for len(events) > 0 {
		piece := r.piece(events)
		events = events[len(piece):]
		for len(piece) > 0 {
			out := r.send.send(ctx, piece)
			if n := len(out.refused); n > 0 {
				refused += n
				at := out.refused[n-1].Time
				r.set(func(st *Status) { st.LastRefusal, st.LastRefusedTime = out.why, at })
				// By its time the event is found again in what is kept; no more of it is said.
				r.d.log.Warn("the receiver will never take some events; they are left out", "output", r.o.Name, "events", n, "why", out.why, "last_event_time", at.UTC())
			}
			piece = out.left
			if out.err == nil {
				r.set(func(st *Status) {
					st.LastSuccess, st.NextTry, st.State, st.Failures = time.Now(), time.Time{}, Sending, 0
				})
			} else if !r.failed(ctx, out.err) {
				return refused, false
			}
		}
	}
	return refused, true
}

// piece is what fits into one request, one event at least.
func (r *route) piece(events []Event) []Event {
	size := 0
	for i := range events {
		if size += len(events[i].Line) + 200; i > 0 && (size > r.o.Bytes || i >= r.o.Events) {
			return events[:i]
		}
	}
	return events
}

// failed notes a failure and waits; false when ctx has ended.
func (r *route) failed(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var t *trouble
	after := time.Duration(0)
	if errors.As(err, &t) {
		after = t.after
	}
	now := time.Now()
	r.mu.Lock()
	st := &r.st
	st.Failures++
	wait := max(remote.Pause(st.Failures, firstPause, maxPause, rand.Int64N), after)
	text := written.TextOf(err)
	st.State, st.LastError, st.LastErrorKO, st.LastErrorAt, st.NextTry = Waiting, text.EN, text.KO, now, now.Add(wait)
	n := st.Failures
	r.mu.Unlock()
	r.d.log.Warn("an output could not send and tries again", "output", r.o.Name, "failures", n, "in", wait.Round(time.Second), "error", text.EN)
	return sleep(ctx, wait) == nil
}

func (r *route) set(fn func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn(&r.st)
}

// Status says how the outputs stand, and what is wrong with a file that was read
// since those in force.
func (d *Desk) Status() (out []Status, settings written.Text) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out = []Status{}
	for _, r := range d.routes {
		r.mu.Lock()
		st := r.st
		r.mu.Unlock()
		st.Place = d.feed.Place(r.o.Name)
		out = append(out, st)
	}
	return out, d.refused
}
