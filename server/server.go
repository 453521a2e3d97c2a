package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/alert"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/inputs"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/siem"
)

// Server owns a data folder and answers on an address.
type Server struct {
	opts    Options
	log     *slog.Logger
	ledger  *ledger.Ledger
	tokens  *tokenBook
	limits  *limiter
	metrics metrics
	arrived arrivals
	address Address
	started time.Time

	listener net.Listener
	http     *http.Server

	// work ends when the server stops: imports, questions and followers hang
	// off it. It ends before the listener closes, so that an import is
	// suspended at once and not waited for.
	work     context.Context
	stopWork context.CancelFunc
	wg       sync.WaitGroup // followers and the merger

	follows   []*follower
	inputs    *inputs.Config // nil without
	syslogs   []*syslogInput
	kafkas    []*kafkaInput
	topics    topicLocks
	detector  *detector      // nil without detection
	desk      *alert.Desk    // nil without alerts
	feeds     *feed.Desk     // nil without a file of feeds
	kept      feed.Registers // in that case, what there was before
	fed       atomic.Int64   // counts changes of what feeds have brought
	outputs   *siem.Desk     // nil without outputs
	importing sync.Mutex     // one import at a time, as the ledger allows
	reloading sync.Mutex     // so that of two reloads the one that read last counts
	keys      keyLocks
	networks  ingest.Networks // nil without a file
	// full is when a write last found the disk full, in nanoseconds since 1970;
	// 0 after one that did not.
	full  atomic.Int64
	ready atomic.Bool

	noted *[]scope.Noted // of exceptions; nil: to be read. Of whoever makes an engine ready

	intake     atomic.Pointer[detect.Intake] // nil: no live-only rules
	intakeMu   sync.Mutex
	intakeBook *ruleBook // that it was made of, and by which zone
	intakeZone string
	intakeFed  int64

	closeOnce sync.Once
	closeErr  error
}

// New opens the folder and the listening port. It takes no record before Run.
func New(o Options) (_ *Server, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{opts: o, log: o.Logger, limits: newLimiter(&o), started: time.Now()}
	s.tokens = &tokenBook{fs: o.FS, dir: o.Data}
	if s.networks, err = openNetworks(o.Networks); err != nil {
		return nil, err
	}
	s.ledger, err = ledger.Open(o.FS, o.Data, ledger.Options{KeyDir: o.KeyDir, SealAfter: o.SealAfter, MemtableRows: o.MemtableRows, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.ledger.Close()
		}
	}()
	s.work, s.stopWork = context.WithCancel(context.Background())
	for _, f := range o.Follow {
		fw, err := s.newFollower(f)
		if err != nil {
			return nil, fmt.Errorf("follow %s: %w", path.Base(f.File), err)
		}
		s.follows = append(s.follows, fw)
	}
	if err = s.openFeeds(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.closeInputs()
		}
	}()
	if err = s.openInputs(); err != nil {
		return nil, err
	}
	if err = s.openDetection(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && s.desk != nil {
			s.desk.Close()
		}
	}()
	if err = s.openOutputs(); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s.address = newAddress(s.listener.Addr().String())
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // for gRPC
	s.http = &http.Server{
		Protocols:         &protocols,
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// The library's own complaints name remote addresses; they matter only
		// to somebody who is looking for a fault.
		ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	if err = s.address.write(o.FS, o.Data); err != nil {
		s.listener.Close()
		return nil, err
	}
	return s, nil
}

// Addr is the address that is listened on.
func (s *Server) Addr() string { return s.address.Listen }

// Ledger is the folder, for callers in the same process.
func (s *Server) Ledger() *ledger.Ledger { return s.ledger }

// Run serves until ctx ends, then stops in order: no new requests, those under
// way are answered, followers and inputs store what they have read, the folder is closed.
func (s *Server) Run(ctx context.Context) error {
	for _, f := range s.follows {
		s.wg.Go(func() { f.run(s.work) })
	}
	s.runInputs()
	s.wg.Go(func() { s.mergeNow(s.work) })
	s.runDetection()
	if s.feeds != nil {
		s.wg.Go(func() { s.feeds.Run(s.work) })
	}
	if s.outputs != nil {
		s.wg.Go(func() { s.outputs.Run(s.work) })
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	s.ready.Store(true)
	s.log.Info("serving", "address", s.Addr(), "follow", len(s.follows), "inputs", len(s.syslogs)+len(s.kafkas))
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	}
	return errors.Join(err, s.Close())
}

// Close stops the server. It may be called more than once.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.ready.Store(false)
		s.stopWork()
		ctx, stop := context.WithTimeout(context.Background(), s.opts.ShutdownTimeout)
		defer stop()
		var errs []error
		if err := s.http.Shutdown(ctx); err != nil {
			s.http.Close()
			errs = append(errs, fmt.Errorf("stop: requests were cut off: %w", err))
		}
		s.listener.Close()
		s.closeInputs()
		s.wg.Wait()
		if s.desk != nil {
			if err := s.desk.Close(); err != nil {
				errs = append(errs, fmt.Errorf("close alerts: %w", err))
			}
		}
		// Before the lock is let go, so that it is not the next owner's.
		if err := s.opts.FS.Remove(path.Join(s.opts.Data, addressName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		if err := s.ledger.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close: %w", err))
		}
		s.log.Info("stopped")
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

// mergeNow merges small segments from time to time.
func (s *Server) mergeNow(ctx context.Context) {
	tick := time.NewTicker(s.opts.MergeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.ledger.Compact(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("merge failed", "error", err)
			}
		}
	}
}
