package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/drill/traffic"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

// Live says how the logs grow that a server follows.
type Live struct {
	// Speed is how many seconds of the scenario pass in one; 0: as fast as it goes.
	Speed float64
	// From is up to where it is as fast as it goes whatever the Speed.
	From time.Time
	// Step is how much of the logs is written before the server is asked what it says of
	// it: whole hours. Default: a day, with Speed an hour.
	Step time.Duration
	// Server is the data folder of a running server that is fed instead of one of our
	// own, and Into the folder of the logs that it follows.
	Server, Into string

	between func(*run) error // tests: before each step
}

// Errors of a live run.
var (
	ErrStep      = errors.New("drill: a step is whole hours")
	ErrUsed      = errors.New("drill: the server has records already, and a drill is scored alone")
	ErrUnasked   = errors.New("drill: the server runs without detection")
	ErrNotEmpty  = errors.New("drill: a log has lines already")
	ErrStuck     = errors.New("drill: the server does not take the lines")
	ErrNoFollow  = errors.New("drill: the server does not follow a log of the scenario")
	ErrDetection = errors.New("drill: detection has failed")
)

// FollowError is a log that the server has to follow and does not.
type FollowError struct{ Source, File string }

func (e *FollowError) Error() string {
	return fmt.Sprintf("%v: start it with --follow %s=%s", ErrNoFollow, e.Source, e.File)
}
func (e *FollowError) Unwrap() error { return ErrNoFollow }

// LogName is how the log of a source is called.
func LogName(log, format string) string {
	switch format {
	case "pgaudit":
		return log + ".csv"
	case "cloudtrail":
		return log + ".json"
	}
	return log + ".ndjson"
}

// stuckAfter is for how long a server may take nothing before it is given up.
const stuckAfter = time.Minute

// live is the server and what it follows. The clock is read by the server's goroutines;
// all else is of whoever plays.
type live struct {
	*Live
	c     *server.Client
	stop  func() error // of our own server
	start func() error
	rules server.DetectRequest // of our own server
	logs  map[string]*os.File
	names map[string]string // of the files, by log
	clock atomic.Int64      // of the scenario, in ms since 1970
	every time.Duration     // how often the server is asked whether it has got so far
	began time.Time         // when the pace counts from
}

func (r *run) newLive() error {
	l := &live{Live: r.o.Live, logs: map[string]*os.File{}, names: map[string]string{}, every: 5 * time.Millisecond}
	x := *l.Live
	l.Live = &x
	if l.Step == 0 {
		if l.Step = 24 * time.Hour; l.Speed > 0 {
			l.Step = time.Hour
		}
	}
	if l.Step < time.Hour || l.Step%time.Hour != 0 {
		return ErrStep
	}
	l.clock.Store(r.s.From.UnixMilli())
	r.live = l
	return nil
}

// papers gives the folder catalog, register and holdings, as it is set up before the
// first line comes.
func (r *run) papers(ctx context.Context) error {
	if err := r.newLive(); err != nil {
		return err
	}
	req, err := r.request()
	if err != nil {
		return err
	}
	_, err = server.Import(ctx, r.l, req, server.ImportOptions{Workers: server.Workers(r.o.Workers)})
	return err
}

// follow starts a server of our own and writes the logs that it follows.
func (r *run) follow(ctx context.Context) error {
	l := r.live
	if err := r.l.Close(); err != nil {
		return err
	}
	r.l = nil
	if err := r.createLogs(r.dir); err != nil {
		return err
	}
	defer l.closeLogs()
	req, err := r.rules()
	if err != nil {
		return err
	}
	l.rules = req
	// A step of one log is read after that of another, so that the lines of the last come
	// a step later than those of the first. Of one log they come in order.
	if len(r.s.Logs.Names) > 1 {
		req.Lateness = l.Step
	}
	o := server.Options{
		Data: r.data, Listen: "127.0.0.1:0", Detect: &req, Workers: r.o.Workers,
		PollEvery: 10 * time.Millisecond, DetectEvery: 10 * time.Millisecond,
		Clock: func() time.Time { return time.UnixMilli(l.clock.Load()) },
	}
	for _, log := range r.s.Logs.Names {
		o.Follow = append(o.Follow, server.Follow{Source: log, File: l.logs[log].Name()})
	}
	l.start = func() error {
		srv, err := server.New(o)
		if err != nil {
			return err
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- srv.Run(ctx) }()
		l.stop = func() error { stop(); return <-done }
		r.l = srv.Ledger()
		address, err := server.ReadAddress(disk.OS, r.data)
		if err != nil {
			return err
		}
		l.c = server.NewClient(address)
		return nil
	}
	if err := l.start(); err != nil {
		return err
	}
	return r.feed(ctx)
}

// rest is what is decided when no further line comes: the traffic has ended, and the
// rules run over what is kept to its end.
func (r *run) rest(ctx context.Context) error {
	return r.history(ctx, r.live.rules, new([]signal))
}

func (r *run) createLogs(dir string) error {
	for _, log := range r.s.Logs.Names {
		name := LogName(log, r.s.Logs.Of[log].Format)
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("drill: %w", err)
		}
		r.live.logs[log], r.live.names[log] = f, name
		if st, err := f.Stat(); err != nil || st.Size() > 0 {
			r.live.closeLogs()
			return errors.Join(err, fmt.Errorf("%w: %s", ErrNotEmpty, name))
		}
	}
	return nil
}

func (l *live) closeLogs() {
	for _, f := range l.logs {
		f.Close()
	}
}

// feed writes the logs in the time of the scenario, waits after each step until the
// server has looked at what it was given, and notes what it says.
func (r *run) feed(ctx context.Context) error {
	l := r.live
	begin := time.Now()
	next := r.s.From.Add(l.Step)
	var end time.Time
	err := r.maker.Run(ctx, func(at time.Time, chunks []traffic.Chunk) error {
		end = at.Add(time.Hour)
		if err := r.appendHour(ctx, at, chunks); err != nil {
			return err
		}
		r.progress(Progress{Stage: Traffic, At: at, Lines: r.res.Lines})
		if end.Before(next) {
			return nil
		}
		next = next.Add(l.Step)
		if err := r.look(ctx, end); err != nil {
			return err
		}
		if l.between != nil {
			return l.between(r)
		}
		return nil
	})
	if err == nil {
		err = r.look(ctx, end)
	}
	if err != nil {
		return err
	}
	st, err := l.c.Status(ctx)
	if err != nil {
		return err
	}
	for _, f := range st.Follow {
		if f.Aside > 0 {
			return fmt.Errorf("drill: %d lines of the traffic were set aside", f.Aside)
		}
	}
	r.res.Records = r.res.Lines
	r.res.Made = time.Since(begin).Seconds()
	return nil
}

// appendHour writes an hour of every log: at once, or by and by as it happens.
func (r *run) appendHour(ctx context.Context, at time.Time, chunks []traffic.Chunk) error {
	l := r.live
	pieces := 1
	paced := l.Speed > 0 && !at.Before(l.From)
	if paced {
		if l.began.IsZero() {
			l.began = time.Now().Add(-l.wall(at.Sub(r.s.From.Time)))
		}
		pieces = max(1, int(l.wall(time.Hour)/time.Second))
	}
	from := make([]int, len(chunks))
	for i := range pieces {
		for k, c := range chunks {
			to := len(c.Lines)
			if i+1 < pieces {
				// Up to the end of a line.
				to = max(from[k], len(c.Lines)*(i+1)/pieces)
				to = max(from[k], bytes.LastIndexByte(c.Lines[:to], '\n')+1)
			}
			if _, err := l.logs[c.Log].Write(c.Lines[from[k]:to]); err != nil {
				return fmt.Errorf("drill: %w", err)
			}
			from[k] = to
		}
		if !paced {
			continue
		}
		now := at.Add(time.Hour * time.Duration(i+1) / time.Duration(pieces))
		l.clock.Store(now.UnixMilli())
		if err := sleep(ctx, time.Until(l.began.Add(l.wall(now.Sub(r.s.From.Time))))); err != nil {
			return err
		}
		if err := r.hear(ctx, now); err != nil {
			return err
		}
	}
	for _, c := range chunks {
		r.res.Lines += int64(c.Count)
		r.res.Bytes += int64(len(c.Lines))
	}
	return nil
}

// wall is how long a time of the scenario takes.
func (l *live) wall(d time.Duration) time.Duration { return time.Duration(float64(d) / l.Speed) }

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// look waits until the server has taken all that was written and has looked at it, and
// notes what it says by then.
func (r *run) look(ctx context.Context, at time.Time) error {
	l := r.live
	l.clock.Store(at.UnixMilli())
	behind, since := int64(-1), time.Now()
	for {
		st, err := l.c.Status(ctx)
		if err != nil {
			return err
		}
		n, trouble := l.left(st)
		if n == 0 && trouble == "" {
			sig, err := l.c.Signals(ctx)
			if err != nil {
				return err
			}
			switch {
			case sig.Status.State == "failed":
				return fmt.Errorf("%w: %s", ErrDetection, sig.Status.Error)
			case sig.Status.State == "live" && sig.Status.Pending == 0:
				return r.note(ctx, at, sig)
			}
			n = sig.Status.Pending + sig.Status.All - sig.Status.Done
		}
		if n != behind {
			behind, since = n, time.Now()
		}
		if time.Since(since) > stuckAfter {
			return fmt.Errorf("%w: %s", ErrStuck, trouble)
		}
		if err := sleep(ctx, l.every); err != nil {
			return err
		}
	}
}

// left is how many bytes of our logs the server has still to read, and what keeps it.
func (l *live) left(st *server.Status) (bytes int64, trouble string) {
	for _, f := range st.Follow {
		if l.names[f.Source] == f.File {
			bytes += f.Behind
			if f.Error != "" {
				trouble = f.Error
			}
		}
	}
	return bytes, trouble
}

// hear notes what the server says, however far it is.
func (r *run) hear(ctx context.Context, at time.Time) error {
	sig, err := r.live.c.Signals(ctx)
	if err != nil {
		return err
	}
	return r.note(ctx, at, sig)
}

func (r *run) note(ctx context.Context, at time.Time, sig *server.Signals) error {
	fresh := false
	for _, s := range sig.Signals {
		if before, known := r.level[s.ID]; known && s.Severity <= before {
			continue
		}
		if !fresh {
			fresh = true
			if err := r.reopen(); err != nil {
				return err
			}
		}
		if err := r.take(ctx, at, s); err != nil {
			return err
		}
	}
	return nil
}

// reopen reads the folder as it is now, where a server of somebody else's owns it.
func (r *run) reopen() (err error) {
	if r.live == nil || r.live.Server == "" {
		return nil
	}
	if r.l != nil {
		if err := r.l.Close(); err != nil {
			return err
		}
	}
	r.l, err = ledger.Open(disk.OS, r.data, ledger.Options{ReadOnly: true})
	return err
}
