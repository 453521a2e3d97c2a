package play

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

// withServer plays into a server that somebody else runs. It is set up as for any
// source: it has the catalog and follows the logs. Hold and retention go through it;
// the questions and the names of people are read beside it.
func (r *run) withServer(ctx context.Context) (err error) {
	if err := r.newLive(); err != nil {
		return err
	}
	l := r.live
	r.data, l.every = l.Server, 50*time.Millisecond
	address, err := server.ReadAddress(disk.OS, r.data)
	if err != nil {
		return err
	}
	l.c = server.NewClient(address)
	if err := r.admit(ctx); err != nil {
		return err
	}
	req, err := r.request()
	if err != nil {
		return err
	}
	if _, err := l.c.Import(ctx, req, nil, nil); err != nil {
		return err
	}
	into, err := filepath.Abs(l.Into)
	if err != nil {
		return err
	}
	if err := r.createLogs(into); err != nil {
		return err
	}
	defer l.closeLogs()
	if err := r.reopen(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, step := range []func(context.Context) error{r.feed, r.evidence, r.askBeside, r.judge} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	r.res.Disk = sizeOf(r.data)
	return nil
}

// admit finds what would spoil the drill, or what the drill would spoil.
func (r *run) admit(ctx context.Context) error {
	st, err := r.live.c.Status(ctx)
	if err != nil {
		return err
	}
	if st.Contents.Records > 0 {
		return ErrUsed
	}
	if _, err := r.live.c.Signals(ctx); err != nil {
		if a, ok := errors.AsType[*server.Answer](err); ok && a.Code == "no_detection" {
			return ErrUnasked
		}
		return err
	}
	for _, log := range r.s.Logs.Names {
		name := LogName(log, r.s.Logs.Of[log].Format)
		found := false
		for _, f := range st.Follow {
			found = found || f.Source == log && f.File == name
		}
		if !found {
			return &FollowError{log, filepath.Join(r.live.Into, name)}
		}
	}
	return nil
}

func (r *run) askBeside(ctx context.Context) error {
	if err := r.reopen(); err != nil {
		return err
	}
	return r.ask(ctx)
}

// beside reports whether the folder is another's, who is asked to change it.
func (r *run) beside() bool { return r.live != nil && r.live.Server != "" }

func (r *run) setHold(ctx context.Context, h ledger.Hold) error {
	if r.beside() {
		return r.live.c.SetHold(ctx, h)
	}
	return r.l.SetHold(h)
}

// retain runs the retention job; held says that a hold stopped it.
func (r *run) retain(ctx context.Context, before event.Millis) (held bool, err error) {
	if r.beside() {
		_, err = r.live.c.Retain(ctx, before)
		a, ok := errors.AsType[*server.Answer](err)
		if ok && a.Code == "held" {
			return true, nil
		}
		return false, err
	}
	_, err = r.l.Retain(before)
	if _, ok := errors.AsType[*ledger.HeldError](err); ok {
		return true, nil
	}
	return false, err
}

func (r *run) recordOpening(ctx context.Context, o server.Opening) error {
	if r.beside() {
		return r.live.c.RecordOpening(ctx, o)
	}
	return server.RecordOpening(ctx, r.l, o)
}
