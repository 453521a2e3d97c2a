package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/internal/written"
)

// Feeds is the answer to GET /v1/feeds.
type Feeds struct {
	Feeds []feed.Status `json:"feeds"`
	// Error is what is wrong with settings that were read since, and not taken.
	Error   string `json:"error,omitempty"`
	ErrorKO string `json:"error_ko,omitempty"`
}

// openFeeds begins with what feeds brought before. Without a file of them that stays,
// gets older, and is told as such: a server that was started without its feeds would
// else see nothing and say nothing.
func (s *Server) openFeeds() error {
	if s.opts.Feeds == "" {
		var err error
		s.kept, err = feed.Kept(s.opts.FS, s.opts.Data, s.ledger.Hasher())
		return err
	}
	cfg, err := feed.Load(s.opts.Feeds)
	if err != nil {
		return err
	}
	s.feeds, err = feed.Open(cfg, feed.Options{
		FS: s.opts.FS, Data: s.opts.Data, Hasher: s.ledger.Hasher(), Zone: s.zone, Log: s.log,
		Install: s.installFeed,
		Changed: func() {
			s.fed.Add(1)
			if s.detector != nil {
				s.detector.restart("a feed has changed")
			}
		},
	})
	return err
}

func (s *Server) reloadFeeds() error {
	if s.feeds == nil {
		return nil
	}
	err := s.feeds.Reload(s.opts.Feeds)
	s.fed.Add(1)
	return err
}

// registers are what feeds have brought.
func (s *Server) registers() feed.Registers {
	if s.feeds == nil {
		return s.kept
	}
	return s.feeds.Registers()
}

// covers says how current they are.
func (s *Server) covers() []detect.FeedCover {
	if s.feeds == nil {
		return s.kept.Feeds
	}
	return s.feeds.Covers()
}

// installFeed makes a register of members, or holdings, an edition of the ledger.
func (s *Server) installFeed(_ context.Context, f *feed.Feed, from event.Millis, lines []byte) error {
	switch f.Kind {
	case detect.FeedRegister:
		return installFed(f, from, lines, s.ledger.InstallRegister, func(name string, in io.Reader, fn func(catalog.RegisterLine) error) (catalog.Report, error) {
			return catalog.ReadRegisterIn(s.zone(), name, in, fn)
		})
	case detect.FeedHoldings:
		return installFed(f, from, lines, s.ledger.InstallHoldings, s.ledger.Catalog().ReadHoldings)
	}
	return errors.New("a feed of another kind is not for the ledger")
}

// installFed reads lines twice: a mistake in any of them keeps all from being installed.
func installFed[L any](f *feed.Feed, from event.Millis, lines []byte,
	install func(string, event.Millis, iter.Seq2[L, error]) (int64, error),
	read func(string, io.Reader, func(L) error) (catalog.Report, error),
) error {
	rep, err := read(f.Name, bytes.NewReader(lines), func(L) error { return nil })
	if err != nil {
		return written.Errorf("읽을 수 없습니다", "cannot be read")
	}
	if len(rep.Errors) > 0 {
		var found written.Mistakes
		for _, e := range rep.Errors {
			found = append(found, written.Mistake{File: f.Name, Line: int(e.Line), Field: e.Field, Code: e.Code, Problem: e.Cause, ProblemKO: e.CauseKO})
		}
		return found[:min(len(found), 100)]
	}
	_, err = install(f.Name, from, func(yield func(L, error) bool) {
		_, err := read(f.Name, bytes.NewReader(lines), func(l L) error {
			if !yield(l, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			var none L
			yield(none, err)
		}
	})
	if err != nil {
		return written.Errorf("데이터 폴더에 등록하지 못하였습니다", "could not be installed in the data folder")
	}
	return nil
}

func (s *Server) feeding(w http.ResponseWriter) bool {
	if s.feeds == nil {
		refuse(w, http.StatusNotFound, "no_feeds", "this server runs without feeds")
		return false
	}
	return true
}

func (s *Server) getFeeds(w http.ResponseWriter, _ *http.Request) {
	if !s.feeding(w) {
		return
	}
	list, wrong := s.feeds.Status(time.Now())
	writeJSON(w, http.StatusOK, Feeds{list, wrong.EN, wrong.KO})
}

// Acceptance says that somebody takes content of a feed which was refused for being
// short: the body of POST /v1/feeds/accept. It changes what rules see, and so who said it
// and why becomes a record of our own, before it is done.
type Acceptance struct {
	Name   string `json:"name"`
	By     string `json:"by"` // account on the machine
	Reason string `json:"reason"`
}

func (a *Acceptance) check() error {
	switch {
	case OneLine(a.By) == "":
		return errors.New("acceptance: by is needed")
	case OneLine(a.Reason) == "":
		return errors.New("acceptance: a reason is needed")
	case len(a.Reason) > 1000:
		return errors.New("acceptance: the reason is longer than 1,000 bytes")
	case len(a.By) > 200:
		return errors.New("acceptance: by is longer than 200 bytes")
	}
	return nil
}

// record is the record of an acceptance. The reason stands where a user agent would, as
// that of an opening.
func (a *Acceptance) record(got feed.Refused, now time.Time) event.Record {
	return event.Record{
		Time: event.MillisOf(now), Source: OwnSource,
		Actor:  event.Actor{ID: event.ActorID(a.By), Type: "staff"},
		Client: event.Client{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Agent: fmt.Sprintf("haetae feed accept: %d rows, before %d: %s", got.Rows, got.Before, OneLine(a.Reason))},
		Action: event.ActionUpdate, Route: "ACCEPT /feed/" + a.Name, Rows: event.RowsUnknown,
	}
}

func (s *Server) postFeedAccept(w http.ResponseWriter, r *http.Request) {
	if !s.feeding(w) {
		return
	}
	var req Acceptance
	if !readJSON(w, r, &req) {
		return
	}
	if err := req.check(); err != nil {
		refuse(w, http.StatusBadRequest, "acceptance", err.Error())
		return
	}
	switch got, err := s.feeds.Accept(req.Name, func(got feed.Refused) error {
		_, err := s.ledger.Append(r.Context(), []event.Record{req.record(got, time.Now())})
		return err
	}); {
	case errors.Is(err, feed.ErrUnknown):
		writeError(w, http.StatusNotFound, failure{Code: "unknown_feed", Field: "name", Message: "there is no such feed"})
	case errors.Is(err, feed.ErrNothing):
		writeError(w, http.StatusConflict, failure{Code: "nothing_refused", Field: "name", Message: "nothing of this feed was refused for being short"})
	case err != nil:
		s.fault(w, "accept a feed", err)
	default:
		s.log.Info("a short feed was accepted", "feed", req.Name, "by", req.By, "rows", got.Rows, "before", got.Before)
		writeJSON(w, http.StatusOK, got)
	}
}

// feedMetrics are those of each feed.
func (s *Server) feedMetrics(m metricWriter) {
	if s.feeds == nil {
		return
	}
	var fresh, age, success, rows, fails counterVec
	list, _ := s.feeds.Status(time.Now())
	for _, f := range list {
		l := label("feed", f.Name, "kind", string(f.Kind))
		is := int64(0)
		if f.State == feed.Fresh {
			is = 1
		}
		fresh.add(l, is)
		rows.add(l, int64(f.Rows))
		fails.add(l, int64(f.Fails))
		if f.State != feed.Never {
			age.add(l, f.Age)
			success.add(l, f.Success.Unix())
		}
	}
	m.vec("haetae_feed_fresh", "gauge", "1 while what a feed brought is not older than it may be.", &fresh)
	m.vec("haetae_feed_age_seconds", "gauge", "Age of what a feed brought, by its source.", &age)
	m.vec("haetae_feed_success_timestamp_seconds", "gauge", "When a look at a feed last succeeded.", &success)
	m.vec("haetae_feed_rows", "gauge", "Rows of a feed that are in force.", &rows)
	m.vec("haetae_feed_failures", "gauge", "Looks at a feed that have failed in a row.", &fails)
}

// Feeds asks the running server how its feeds stand.
func (c *Client) Feeds(ctx context.Context) (*Feeds, error) {
	var out Feeds
	return &out, c.get(ctx, "/v1/feeds", &out)
}

// AcceptFeed tells the running server that a feed is right to be so short.
func (c *Client) AcceptFeed(ctx context.Context, a Acceptance) (got feed.Refused, err error) {
	err = c.ask(ctx, "/v1/feeds/accept", a, &got)
	return got, err
}
