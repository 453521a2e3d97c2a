package server

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
)

// Status is the answer to GET /v1/status.
type Status struct {
	Version  string         `json:"version"`
	Started  time.Time      `json:"started"`
	Ready    bool           `json:"ready"`
	Requests int            `json:"requests_under_way"`
	InFlight int64          `json:"bytes_in_flight"`
	Contents Contents       `json:"contents"`
	Follow   []FollowStatus `json:"follow"`
	Inputs   []InputStatus  `json:"inputs"`
	// Of the records taken in by every way but imports since the start,
	// how many lack something that stood in their line (see Received).
	LostAddresses int64 `json:"lost_addresses"`
	LostTexts     int64 `json:"lost_texts"`
	// Outputs is null without an outputs file.
	Outputs *OutputsStatus `json:"outputs"`
}

// FollowStatus is how a followed file is doing.
type FollowStatus struct {
	Source string `json:"source"`
	File   string `json:"file"` // without its folder
	// Behind is how many bytes are written and not yet read.
	Behind int64     `json:"bytes_behind"`
	Last   time.Time `json:"last_record,omitzero"`
	Error  string    `json:"error,omitempty"`
	// Since the start: lines set aside, and records that lack something that
	// stood in their line.
	Aside         int64 `json:"aside"`
	LostAddresses int64 `json:"lost_addresses"`
	LostTexts     int64 `json:"lost_texts"`
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) {
	c, err := ContentsOf(s.ledger)
	if err != nil {
		s.fault(w, "status", err)
		return
	}
	st := Status{Version: s.opts.Version, Started: s.started, Ready: s.ready.Load(), Contents: c, Follow: []FollowStatus{}}
	st.Requests, st.InFlight = s.limits.load()
	st.LostAddresses, st.LostTexts = s.metrics.lostAddresses.Load(), s.metrics.lostTexts.Load()
	for _, f := range s.follows {
		st.Follow = append(st.Follow, f.status())
	}
	st.Outputs = s.outputsStatus()
	st.Inputs = s.InputStatuses()
	writeJSON(w, http.StatusOK, st)
}

func (s *Server) getReady(w http.ResponseWriter, _ *http.Request) {
	switch {
	case !s.ready.Load():
		writeText(w, http.StatusServiceUnavailable, "stopping\n")
	case s.ledger.Stats().Failed:
		writeText(w, http.StatusServiceUnavailable, "a write had an unknown outcome: restart the server\n")
	case s.isFull():
		writeText(w, http.StatusServiceUnavailable, "the disk of the data folder is full\n")
	case s.ledger.Behind() != nil:
		writeText(w, http.StatusServiceUnavailable, "records that were taken cannot be written into files: see the server's log\n")
	default:
		writeText(w, http.StatusOK, "ready\n")
	}
}

const (
	// fullFor is how long a full disk is believed in at least: free space may be
	// reported that a quota or a reserve keeps from being written.
	fullFor = 5 * time.Second
	// roomAgain is the free space with which a disk that was full is tried again:
	// a few of the largest requests.
	roomAgain = 64 << 20
)

// isFull reports whether the last write found no room and there still is none.
// Whoever asks sends its records elsewhere meanwhile, so no write would tell.
func (s *Server) isFull() bool {
	at := s.full.Load()
	if at == 0 {
		return false
	}
	if time.Since(time.Unix(0, at)) < fullFor {
		return true
	}
	free, err := s.opts.FS.Free(s.opts.Data)
	return err == nil && free < roomAgain
}

func (s *Server) getMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m := metricWriter{w}
	requests, bytes := s.limits.load()
	m.value("haetae_requests_under_way", "gauge", "Requests to take records in that are being worked on.", requests)
	m.value("haetae_bytes_in_flight", "gauge", "Bytes of requests that are held.", bytes)
	st := s.ledger.Stats() // reads no file, so a scrape costs nothing
	m.value("haetae_records", "gauge", "Records in the ledger.", st.Records)
	m.value("haetae_segments", "gauge", "Segment files.", st.Segments)
	m.value("haetae_segment_bytes", "gauge", "Bytes of the segment files.", st.Bytes)
	m.value("haetae_memtable_rows", "gauge", "Rows that are in the journal and not yet in a file.", st.MemtableRows)
	m.value("haetae_ids", "gauge", "Ids that have a pseudonym.", st.Identities)
	m.value("haetae_holds", "gauge", "Holds that stop retention.", len(ledger.Standing(st.Holds)))
	failed := 0
	if st.Failed {
		failed = 1
	}
	m.value("haetae_failed", "gauge", "1 when a write had an unknown outcome and the server must be started again.", failed)
	m.value("haetae_import_lines_total", "counter", "Lines read by imports since the start.", s.metrics.importLines.Load())
	m.vec("haetae_records_total", "counter", "Records taken in over HTTP, from followed files and by inputs, by source and outcome.", &s.metrics.records)
	m.vec("haetae_lost_total", "counter", "Records that lack a value of their line, which could not be read or was cut, by source and what.", &s.metrics.lost)
	m.vec("haetae_requests_total", "counter", "Answers, by pattern and status.", &s.metrics.requests)
	if s.detector != nil {
		m.vec("haetae_signals", "gauge", "Signals, by severity and rule.", s.detector.counts())
	}
	s.feedMetrics(m)
	var behind counterVec
	for _, f := range s.follows {
		st := f.status()
		behind.add(label("source", st.Source), st.Behind)
	}
	m.vec("haetae_follow_bytes_behind", "gauge", "Bytes of followed files that are not read yet, by source.", &behind)
	s.outputMetrics(m)
	s.inputMetrics(m)
	m.head("haetae_append_seconds", "histogram", "Time until records were durable.")
	s.metrics.appendSeconds.write(w, "haetae_append_seconds")
	m.head("haetae_query_seconds", "histogram", "Time of a question.")
	s.metrics.querySeconds.write(w, "haetae_query_seconds")
	if free, err := s.opts.FS.Free(s.opts.Data); err == nil {
		m.value("haetae_disk_free_bytes", "gauge", "Bytes that can still be written to the data folder.", free)
	}
	m.value("haetae_goroutines", "gauge", "Goroutines.", runtime.NumGoroutine())
}

// retainRequest is the body of POST /v1/retain.
type retainRequest struct {
	Before event.Millis `json:"before"` // milliseconds since 1970
}

func (s *Server) postRetain(w http.ResponseWriter, r *http.Request) {
	var req retainRequest
	if !readJSON(w, r, &req) {
		return
	}
	if req.Before <= 0 || req.Before > event.MillisOf(time.Now()) {
		refuse(w, http.StatusBadRequest, "before", "before is a moment in the past, in milliseconds since 1970")
		return
	}
	done, err := s.ledger.Retain(req.Before)
	if err != nil {
		s.changeFault(w, "retain", err)
		return
	}
	s.log.Info("retained", "records", done.Records, "segments", done.Segments)
	writeJSON(w, http.StatusOK, done)
}

// holdRequest is the body of POST /v1/holds.
type holdRequest struct {
	Set  *newHold `json:"set,omitempty"`
	Lift string   `json:"lift,omitempty"`
	// By and Reason are of whoever lifts.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

type newHold struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"`
}

type holdAnswer struct {
	Found bool `json:"found"`
}

func (s *Server) postHolds(w http.ResponseWriter, r *http.Request) {
	var req holdRequest
	if !readJSON(w, r, &req) {
		return
	}
	var ans holdAnswer
	var err error
	switch {
	case req.Set != nil && req.Lift == "":
		h := ledger.Hold{Name: req.Set.Name, Reason: OneLine(req.Set.Reason), By: OneLine(req.Set.By)}
		if err := ledger.CheckHoldName(h.Name); err != nil {
			writeError(w, http.StatusBadRequest, failure{Code: "hold_name", Field: "set.name", Message: err.Error()})
			return
		}
		if h.Reason == "" {
			writeError(w, http.StatusBadRequest, failure{Code: "hold", Field: "set.reason", Message: "a hold needs a reason"})
			return
		}
		err = s.ledger.SetHold(h)
		ans.Found = true
	case req.Set == nil && req.Lift != "":
		ans.Found, err = s.ledger.LiftHoldBy(req.Lift, OneLine(req.By), OneLine(req.Reason))
	default:
		refuse(w, http.StatusBadRequest, "hold", "give set or lift")
		return
	}
	if err != nil {
		s.changeFault(w, "hold", err)
		return
	}
	writeJSON(w, http.StatusOK, ans)
}

// Retain asks the server to destroy what is older.
func (c *Client) Retain(ctx context.Context, before event.Millis) (done ledger.Retained, err error) {
	err = c.ask(ctx, "/v1/retain", retainRequest{before}, &done)
	return done, err
}

// SetHold asks the server to place a hold.
func (c *Client) SetHold(ctx context.Context, h ledger.Hold) error {
	return c.ask(ctx, "/v1/holds", holdRequest{Set: &newHold{h.Name, h.Reason, h.By}}, &holdAnswer{})
}

// LiftHold asks the server to lift one.
func (c *Client) LiftHold(ctx context.Context, name, by, reason string) (bool, error) {
	var a holdAnswer
	err := c.ask(ctx, "/v1/holds", holdRequest{Lift: name, By: by, Reason: reason}, &a)
	return a.Found, err
}
