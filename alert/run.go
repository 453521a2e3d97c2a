package alert

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

const (
	// The back-off of remote.Pause.
	firstPause = 5 * time.Second
	maxPause   = 5 * time.Minute
	// burst is how many messages a channel takes at once before per_minute
	// holds: one incident is a handful of signals.
	burst = 5
	// maxNap is how long the loop sleeps at most. A clock that was put forward,
	// or a machine that slept, is noticed within it.
	maxNap = time.Minute
)

// route is a channel at work. The Desk's mu guards it, except for send, which is
// used under sending.
type route struct {
	ch      *Channel
	sending sync.Mutex
	send    sender

	busy    bool
	fails   int          // in a row, of those that are tried again
	retry   time.Time    // back-off
	paced   time.Time    // when the messages sent so far would be through at per_minute
	success time.Time    // the last
	failing time.Time    // since when no attempt succeeded; zero if the last did
	err     written.Text // of the last failure
	errAt   time.Time
}

func (l *route) worked(now time.Time) {
	l.fails, l.retry, l.success, l.failing = 0, time.Time{}, now, time.Time{}
}

func (l *route) problem(p *problem, now time.Time) {
	l.err, l.errAt = written.TextOf(p), now
	if l.failing.IsZero() {
		l.failing = now
	}
}

// free is when the channel takes the next message.
func (l *route) free() time.Time {
	at := l.paced.Add(-(burst - 1) * l.spacing())
	if l.retry.After(at) {
		return l.retry
	}
	return at
}

func (l *route) spacing() time.Duration { return time.Minute / time.Duration(l.ch.PerMinute) }

// result is how an attempt went.
type result struct {
	route    *route // nil: the heartbeat
	id       string
	t        *telling
	revision int64
	severity detect.Severity
	taken    bool
	gone     bool // that it is withdrawn
	err      error
}

// Run tells until ctx is done, and returns nil. It is the only loop: steps of
// the escalation, back-off, growth and heartbeat are moments at which it looks.
// It may be called once at a time.
func (d *Desk) Run(ctx context.Context) error {
	d.mu.Lock()
	if d.closed || d.running {
		d.mu.Unlock()
		return errors.Join(ErrClosed, errors.New("or Run was called twice"))
	}
	d.running = true
	d.mu.Unlock()
	var flights sync.WaitGroup
	defer func() {
		landed := make(chan struct{})
		go func() {
			flights.Wait()
			close(landed)
		}()
		for open := true; open || len(d.results) > 0; {
			select {
			case r := <-d.results:
				d.finish(r, true)
			case <-landed:
				open, landed = false, nil
			}
		}
		d.mu.Lock()
		d.running = false
		d.mu.Unlock()
	}()
	for ctx.Err() == nil {
		next := d.turn(ctx, &flights)
		timer := time.NewTimer(max(0, min(next.Sub(d.now()), maxNap)))
		select {
		case <-ctx.Done():
		case <-d.wake:
		case r := <-d.results:
			d.finish(r, ctx.Err() != nil)
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// turn does what is due, and says when to look again.
func (d *Desk) turn(ctx context.Context, flights *sync.WaitGroup) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.stamp()
	next := now.Add(maxNap)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	// What is told does not wait for the disk: telling twice after a crash is
	// better than not at all on a full disk.
	c := d.book.escalate(now)
	for _, e := range c.Put {
		d.log.Info("an alert is escalated", "signal", e.Signal.ID, "step", e.Steps)
	}
	if d.store.f != nil || !now.Before(d.diskNext) {
		d.persist(c)
	}
	if d.store.f == nil {
		sooner(d.diskNext)
	}
	best := map[string]pick{}
	for _, e := range d.book.entries {
		sooner(e.nextStep(d.cfg))
		for _, t := range e.Told {
			if t.State != queued || t.flying {
				continue
			}
			at := t.Due
			if t.retry.After(at) {
				at = t.retry
			}
			p := pick{e, t, at}
			if b, ok := best[t.Channel]; !ok || p.before(b, now) {
				best[t.Channel] = p
			}
		}
	}
	for _, l := range d.routes {
		p, ok := best[l.ch.Name]
		if !ok || l.busy {
			continue // a result will wake the loop
		}
		at := p.at
		if free := l.free(); free.After(at) {
			at = free
		}
		if at.After(now) {
			sooner(at)
			continue
		}
		d.start(ctx, flights, l, p, now)
	}
	sooner(d.beat(ctx, flights, now))
	return next
}

// pick is a telling that could be next on its channel.
type pick struct {
	e  *entry
	t  *telling
	at time.Time
}

// before orders what is due. What failed less often goes first, so that a message
// that the other side chokes on holds up no other; then, so that in a flood the
// gravest is told first, severity; then news before growth; then the older.
func (p pick) before(o pick, now time.Time) bool {
	due, other := !p.at.After(now), !o.at.After(now)
	switch {
	case due != other:
		return due
	case !due && !p.at.Equal(o.at):
		return p.at.Before(o.at)
	case p.t.attempts != o.t.attempts:
		return p.t.attempts < o.t.attempts
	case p.e.Signal.Severity != o.e.Signal.Severity:
		return p.e.Signal.Severity > o.e.Signal.Severity
	case (p.t.Revision == 0) != (o.t.Revision == 0):
		return p.t.Revision == 0
	case !p.t.Due.Equal(o.t.Due):
		return p.t.Due.Before(o.t.Due)
	case p.e != o.e:
		return p.e.Signal.ID < o.e.Signal.ID
	}
	return p.t.Step < o.t.Step
}

func (d *Desk) start(ctx context.Context, flights *sync.WaitGroup, l *route, p pick, now time.Time) {
	m := d.book.message(p.e, p.t, now)
	r := result{route: l, id: p.e.Signal.ID, t: p.t, revision: p.e.Revision, severity: p.e.Signal.Severity, taken: p.e.Taken, gone: p.e.Signal.Status == detect.Withdrawn}
	l.busy, p.t.flying = true, true
	if l.paced.Before(now) {
		l.paced = now
	}
	l.paced = l.paced.Add(l.spacing())
	flights.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, attemptTime)
		defer cancel()
		l.sending.Lock()
		r.err = l.send.send(ctx, m)
		l.sending.Unlock()
		d.results <- r
	})
}

// finish writes down how an attempt went. When the desk is stopping, a failure
// says nothing about the channel.
func (d *Desk) finish(r result, stopping bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.stamp()
	if r.route == nil {
		d.beaten(r.err, now)
		return
	}
	l, t := r.route, r.t
	l.busy, t.flying = false, false
	e := d.book.holder(r.id, t)
	if r.err == nil {
		l.worked(now)
		t.attempts, t.retry = 0, time.Time{}
		t.told(r, now, sent, written.Text{})
	} else if stopping {
		return // queued still
	} else {
		p := network(sending, r.err)
		l.problem(p, now)
		if p.permanent {
			d.log.Error("an alert was refused for good", "channel", t.Channel, "signal", r.id, "step", t.Step, "error", p.text)
			t.told(r, now, failed, written.TextOf(p))
		} else {
			t.attempts++
			l.fails++
			t.retry = now.Add(d.pause(t.attempts))
			l.retry = now.Add(max(d.pause(l.fails), p.after))
			d.log.Warn("an alert could not be sent and is tried again", "channel", t.Channel, "signal", r.id, "step", t.Step, "attempt", t.attempts, "error", p.text)
			return // nothing to keep: a restart tries at once
		}
	}
	if e == nil {
		return
	}
	if e.Revision != r.revision { // it changed while it was told
		t.grow(e, d.book.growEvery(e), now)
		back := t.Gone && t.Step == 0 && e.open() // it was found again meanwhile
		if (e.Taken && !r.taken || e.Signal.Status == detect.Withdrawn || back) && t.Sent {
			t.State, t.Due = queued, now
		}
	}
	if e.Signal.Status == detect.Withdrawn && !t.Sent {
		// It was refused while it was withdrawn: nobody has heard of it.
		e.Told = slices.DeleteFunc(e.Told, func(x *telling) bool { return x == t })
		if e.forgotten() {
			d.book.drop(e)
			d.persist(change{Gone: []string{e.Signal.ID}})
			return
		}
	}
	d.book.measure(e)
	d.persist(change{Put: []*entry{e}})
}

func (t *telling) told(r result, now time.Time, s state, why written.Text) {
	t.State, t.Error, t.ErrorKO, t.Due = s, why.EN, why.KO, time.Time{}
	t.Revision, t.Severity, t.Tried = r.revision, r.severity, now
	if s == sent {
		t.Sent, t.Gone = true, r.gone
	}
}

// pause is the back-off after the n-th failure in a row.
func (d *Desk) pause(n int) time.Duration {
	return remote.Pause(n, firstPause, maxPause, d.rnd.Int64N)
}
