package alert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
	"unicode"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// Desk keeps the queue and tells people.
//
// mu guards everything below it. It is held while the disk is written and never
// while a message is under way.
type Desk struct {
	log     *slog.Logger
	now     func() time.Time
	lock    io.Closer
	pulse   *http.Client
	opts    Options
	wake    chan struct{} // holds one: something changed
	results chan result

	mu       sync.Mutex
	cfg      *Config
	rnd      *rand.Rand
	book     *book
	store    *store
	diskErr  error     // of the last write; nil when it succeeded
	diskNext time.Time // when to write again after an error
	routes   []*route
	heart    heart
	refused  written.Text // what is wrong with the settings that were read last
	running  bool
	closed   bool
}

// Options are what a Desk is given besides its Config.
type Options struct {
	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now
	// Item is the name of an item, such as door_code, in both languages; nil, or an
	// empty text: the item's id is told.
	Item func(id string) detect.Text
	// Seed makes the jitter of the back-off repeatable; 0 takes one at random.
	Seed uint64

	sender func(*Channel) sender // tests only
}

// ErrClosed is returned by a Desk that was closed.
var ErrClosed = errors.New("the alert queue is closed")

// Open reads the queue in dir, which it makes if it is missing and owns until
// Close. Nothing is told before Run.
func Open(fsys disk.FS, dir string, cfg *Config, o Options) (*Desk, error) {
	d := &Desk{cfg: cfg, log: o.Log, now: o.Now, wake: make(chan struct{}, 1), results: make(chan result, maxChannels+1), opts: o}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.now == nil {
		d.now = time.Now
	}
	seed := o.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	d.rnd = rand.New(rand.NewPCG(seed, 1))
	var err error
	if d.pulse, err = remote.Client("", false); err != nil {
		return nil, fmt.Errorf("open alert queue: %w", err)
	}
	for i := range cfg.Channels {
		l, err := newRoute(cfg, i, o)
		if err != nil {
			return nil, err
		}
		d.routes = append(d.routes, l)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("open alert queue: %w", err)
	}
	if d.lock, err = fsys.Lock(path.Join(dir, lockName)); err != nil {
		return nil, fmt.Errorf("open alert queue: %w", err)
	}
	if err := d.load(fsys, dir); err != nil {
		d.lock.Close()
		return nil, fmt.Errorf("open alert queue: %w", err)
	}
	return d, nil
}

// newRoute is the way to a channel. Its error tells the channel by its place, as mistakes in
// the file are told, and not by its name.
func newRoute(cfg *Config, i int, o Options) (l *route, err error) {
	l = &route{ch: &cfg.Channels[i]}
	if l.send, err = newSender(l.ch, o); err != nil { // for want of its authorities
		return nil, trouble("%s: %s", "%s: %s", written.Key(written.Index("channels", i), "ca_file"), written.TextOf(err))
	}
	return l, nil
}

func newSender(ch *Channel, o Options) (sender, error) {
	switch {
	case o.sender != nil:
		return o.sender(ch), nil
	case ch.Kind == Mail:
		return newMailer(ch), nil
	}
	return newPoster(ch)
}

// load reads the file and writes it anew. That a line could be read does not
// mean that it was synced; what is written now is.
func (d *Desk) load(fsys disk.FS, dir string) error {
	s, entries, cut, err := openStore(fsys, dir)
	if err != nil {
		return err
	}
	if cut {
		d.log.Warn("the last line of the alert queue was not whole and is left out", "file", queueName)
	}
	d.store, d.book = s, &book{cfg: d.cfg, entries: entries, item: d.opts.Item}
	now := d.stamp()
	for _, e := range d.book.sorted() {
		d.fit(e, now)
		for _, t := range e.Told {
			if l := d.route(t.Channel); t.Sent && t.State == sent && t.Tried.After(l.success) {
				l.success = t.Tried
			}
		}
		d.book.measure(e)
	}
	if e := entries[overflowID]; e != nil {
		d.book.lost = int64(e.Signal.Reached)
	}
	if err := s.rewrite(d.book.sorted()); err != nil {
		s.broken()
		return err
	}
	return nil
}

// stamp is the time as it is stored: without the monotonic clock, which a
// restart does not keep.
func (d *Desk) stamp() time.Time { return d.now().UTC().Round(0) }

// Found takes signals that are new or have changed. When it returns nil they
// survive a power cut. After an error they may be known to this process, and are
// told if they are, but may not survive it: hand them in again. A signal that has
// not changed changes nothing, so handing in too often does no harm.
//
// The detection that found them has decided everything before a moment. Once another
// has decided as much and has not found a signal, Settle withdraws it.
func (d *Desk) Found(decided time.Time, signals ...detect.Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	d.book.decided = decided.UTC().Round(0)
	c, errs := d.take(signals, d.stamp())
	if err := d.persist(c); err != nil {
		errs = append(errs, fmt.Errorf("write alert queue: %w", err))
	}
	d.stir()
	return errors.Join(errs...)
}

// take accepts signals.
func (d *Desk) take(signals []detect.Signal, now time.Time) (all change, errs []error) {
	lost := d.book.lost
	for _, s := range signals {
		if s.ID == overflowID {
			continue // our own, back from somewhere
		}
		c, err := d.book.accept(s, now)
		if err != nil {
			errs = append(errs, err)
		}
		all.merge(c)
	}
	if d.book.lost > lost {
		first := ""
		if e := d.book.entries[overflowID]; e != nil {
			first = e.Signal.First
		}
		c, err := d.book.accept(d.book.overflow(first, now), now)
		if err != nil {
			errs = append(errs, err)
		}
		all.merge(c)
		d.log.Error("the alert queue is full: signals were dropped", "dropped", d.book.lost-lost, "in_all", d.book.lost, "bound", d.cfg.MaxSignals)
	}
	return all, errs
}

// merge adds what another change did after c.
func (c *change) merge(next change) {
	c.Put = slices.DeleteFunc(c.Put, func(e *entry) bool {
		return slices.Contains(next.Gone, e.Signal.ID) || slices.Contains(next.Put, e)
	})
	c.Put = append(c.Put, next.Put...)
	c.Gone = append(c.Gone, next.Gone...)
}

// Acknowledge says that somebody has taken a signal. It stops the escalation,
// and whoever was told is told so, once. If the severity rises above what it is
// now, the signal comes up again. As with Found, after an error it may hold
// only until a restart. ErrUnknown: there is no such signal.
func (d *Desk) Acknowledge(id, who, note string, at time.Time) error {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	switch {
	case who == "" || len(who) > maxWho || slices.ContainsFunc([]rune(who), unicode.IsControl):
		return fmt.Errorf("acknowledge: who is 1 to %d bytes on one line", maxWho)
	case len(note) > maxNote || slices.ContainsFunc([]rune(note), control):
		return fmt.Errorf("acknowledge: a note is at most %d bytes", maxNote)
	case at.IsZero():
		return errors.New("acknowledge: the time is missing")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	c, err := d.book.acknowledge(id, who, note, at.UTC().Round(0), d.stamp())
	if err != nil {
		return err
	}
	if err := d.persist(c); err != nil {
		return fmt.Errorf("write alert queue: %w", err)
	}
	d.stir()
	return nil
}

// Retry queues again what a channel had refused for good, and says how much.
func (d *Desk) Retry(channel string) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, ErrClosed
	}
	l := d.route(channel)
	if l == nil {
		return 0, fmt.Errorf("retry %q: %w", channel, ErrNoChannel)
	}
	var c change
	n, now := 0, d.stamp()
	for _, e := range d.book.sorted() {
		for _, t := range e.Told {
			if t.Channel == channel && t.State == failed {
				t.State, t.Due, t.Error, t.ErrorKO = queued, now, "", ""
				n++
				c.merge(change{Put: []*entry{e}})
			}
		}
	}
	l.retry = time.Time{}
	if err := d.persist(c); err != nil {
		return n, fmt.Errorf("write alert queue: %w", err)
	}
	d.stir()
	return n, nil
}

// ErrNoChannel is returned for a channel that the alerts file does not have.
var ErrNoChannel = errors.New("there is no such channel")

// Try sends a test message on a channel at once, past the queue, and returns how
// that went.
func (d *Desk) Try(ctx context.Context, channel string) error {
	now := d.stamp()
	e := &entry{Since: now, Revision: 1, Signal: detect.Signal{
		ID: detect.SignalID("haetae-alert-test", nil), Rule: "haetae-alert-test", Severity: detect.Informational, Status: detect.Open,
		First: stamp(now), Last: stamp(now), Title: detect.Text{KO: "알림 설정 시험", EN: "Test of the alert settings"},
	}}
	d.mu.Lock()
	l, m := d.route(channel), d.book.message(e, &telling{Channel: channel}, now)
	d.mu.Unlock()
	if l == nil {
		return fmt.Errorf("try %q: %w", channel, ErrNoChannel)
	}
	m.test = true
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	l.sending.Lock() // a sender makes one attempt at a time
	err := l.send.send(ctx, m)
	l.sending.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		p := network(sending, err)
		l.problem(p, d.stamp())
		return fmt.Errorf("channel %s: %w", channel, p)
	}
	l.worked(d.stamp())
	d.stir()
	return nil
}

// Close gives the queue back. Run must have returned.
func (d *Desk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	if d.running {
		return errors.New("close alert queue: Run has not returned")
	}
	d.closed = true
	d.store.broken()
	return d.lock.Close()
}

// stir wakes the loop.
func (d *Desk) stir() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *Desk) route(channel string) *route {
	for _, l := range d.routes {
		if l.ch.Name == channel {
			return l
		}
	}
	return nil
}

// persist makes a change durable, together with whatever could not be written
// before.
func (d *Desk) persist(c change) error {
	s := d.store
	if s.f != nil && len(c.Put)+len(c.Gone) == 0 {
		return nil
	}
	var err error
	if s.f != nil && s.size <= 2*d.book.bytes+compactSlack {
		if err = s.append(c); err == nil {
			return nil
		}
		d.log.Warn("the alert queue could not be appended to and is written anew", "error", err)
	}
	err = s.rewrite(d.book.sorted())
	if err != nil {
		s.broken()
		d.diskNext = d.now().Add(diskPause)
		d.log.Error("the alert queue could not be written", "error", err)
	} else if d.diskErr != nil {
		d.log.Info("the alert queue can be written again")
	}
	d.diskErr = err
	return err
}

// diskPause is how long a failed write waits for the next try, if nobody asks
// for one before.
const diskPause = 5 * time.Second
