package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Settings of one listener, as a file of inputs says them.
type Settings struct {
	Name        string
	Listen      string // host:port
	TLS         *TLS   // nil: messages come as they are
	Sources     []Route
	Connections int           // at once
	Idle        time.Duration // how long a connection may say nothing
}

// Route leads messages of a program, of a host, to a source of the catalog. What is
// empty is any.
type Route struct{ App, Host, Source string }

// SourceOf is the source of a message, by the first route that fits; "" where none
// does.
func (s *Settings) SourceOf(h *Header) string {
	for _, r := range s.Sources {
		if (r.App == "" || r.App == h.App) && (r.Host == "" || r.Host == h.Host) {
			return r.Source
		}
	}
	return ""
}

// Source is what every message is of, if there is only one; else "".
func (s *Settings) Source() string {
	for _, r := range s.Sources {
		if r.Source != s.Sources[0].Source {
			return ""
		}
	}
	return s.Sources[0].Source
}

// Options is what a listener works with.
type Options struct {
	// Open gives what takes the messages of a connection: it makes them durable, and
	// returns when they are, or when ctx has ended and they cannot be. roomy: Room was
	// given for them.
	Open func(connection int64) (take func(ctx context.Context, frames []Frame, roomy bool) error)
	// Room waits until MaxMessage bytes may be held, and says how to give them back.
	Room func(ctx context.Context) (leave func(), err error)
	// ReadTimeout is how long a message may take from its first byte to its last, and a
	// handshake of TLS.
	ReadTimeout time.Duration
	// Failed is told what went wrong with a connection, which ends by it, or with the
	// certificate. It names no address.
	Failed func(what string, err error)
}

// Counts of a listener, since the start but for Open.
type Counts struct {
	Open        int64 // connections now
	Connections int64
	Refused     int64 // more at once than may be
	Failed      int64 // handshakes, and connections that were ended for what came on them
}

// Listener receives messages on one address.
type Listener struct {
	set  Settings
	opts Options
	l    net.Listener
	cert *certificates // nil without TLS

	open, connections, refused, failed atomic.Int64
	wg                                 sync.WaitGroup
}

// Listen opens the port. Nothing is taken before Serve.
func Listen(set Settings, o Options) (*Listener, error) {
	l := &Listener{set: set, opts: o}
	if set.TLS != nil {
		l.cert = &certificates{files: *set.TLS, failed: func(err error) { o.Failed("certificate", err) }}
		if err := l.cert.Load(); err != nil {
			return nil, err
		}
	}
	var err error
	l.l, err = net.Listen("tcp", set.Listen)
	return l, err
}

// Addr is the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.l.Addr() }

// Counts is how the listener is doing.
func (l *Listener) Counts() Counts {
	return Counts{l.open.Load(), l.connections.Load(), l.refused.Load(), l.failed.Load()}
}

// Problem is what is wrong with the certificate files as they are now; those before go
// on.
func (l *Listener) Problem() error {
	if l.cert == nil {
		return nil
	}
	return l.cert.Problem()
}

// acceptPause is how long a listener rests that has no descriptor for a connection.
const acceptPause = 100 * time.Millisecond

// Close lets go of the port. It is for a listener that does not serve.
func (l *Listener) Close() error { return l.l.Close() }

// Serve takes messages until ctx ends. What was read by then is made durable.
func (l *Listener) Serve(ctx context.Context) {
	defer l.wg.Wait()
	defer context.AfterFunc(ctx, func() { l.l.Close() })()
	for {
		c, err := l.l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			l.opts.Failed("accept", err)
			select {
			case <-ctx.Done():
			case <-time.After(acceptPause):
			}
			continue
		}
		if l.open.Load() >= int64(l.set.Connections) {
			l.refused.Add(1)
			c.Close()
			continue
		}
		l.open.Add(1)
		number := l.connections.Add(1)
		l.wg.Go(func() {
			defer l.open.Add(-1)
			defer c.Close()
			if what, err := l.serve(ctx, c, number); err != nil && ctx.Err() == nil {
				l.failed.Add(1)
				l.opts.Failed(what, err)
			}
		})
	}
}

// serve takes the messages of one connection. what says what failed.
func (l *Listener) serve(ctx context.Context, c net.Conn, number int64) (what string, err error) {
	defer context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Now()) })()
	if l.cert != nil {
		secured := tls.Server(c, l.cert.Config())
		shake, stop := context.WithTimeout(ctx, l.opts.ReadTimeout)
		err := secured.HandshakeContext(shake)
		stop()
		if err != nil {
			return "handshake", withoutAddress(err)
		}
		c = secured
	}
	r := &patient{conn: c, ctx: ctx, idle: l.set.Idle, whole: l.opts.ReadTimeout}
	f := NewFramer(r)
	defer f.Close()
	var leave func()
	f.Grow = func() (err error) {
		leave, err = l.opts.Room(ctx)
		return err
	}
	f.Shrink = func() { leave() }
	take := l.opts.Open(number)
	var frames []Frame
	for {
		r.pending = f.Pending()
		frames, err = f.Read(frames)
		if len(frames) > 0 {
			if err := take(ctx, frames, f.Grown()); err != nil {
				return "store", err
			}
		}
		var timeout net.Error
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return "", nil
		case errors.As(err, &timeout) && timeout.Timeout():
			if len(frames) == 0 { // idle, as connections may be
				return "", nil
			}
			return "slow", errSlow
		case errors.Is(err, ErrFraming):
			return "framing", err
		default: // the other side is gone
			return "", nil
		}
	}
}

var errSlow = errors.New("syslog: a message took too long to come")

// withoutAddress leaves out whom a connection was with.
func withoutAddress(err error) error {
	if op := new(net.OpError); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// patient reads from a connection with two patiences: one for a connection that says
// nothing, one for a message that has begun.
type patient struct {
	conn        net.Conn
	ctx         context.Context
	idle, whole time.Duration
	pending     bool
	until       time.Time // when what has begun must be whole
}

func (p *patient) Read(b []byte) (int, error) {
	deadline := time.Now().Add(p.idle)
	switch {
	case !p.pending:
		p.until = time.Time{}
	case p.until.IsZero():
		p.until = time.Now().Add(p.whole)
		fallthrough
	default:
		deadline = p.until
	}
	p.conn.SetReadDeadline(deadline)
	if p.ctx.Err() != nil {
		return 0, p.ctx.Err()
	}
	return p.conn.Read(b)
}
