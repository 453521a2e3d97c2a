package server

import (
	"net/http"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

// subjectQuestion is the body of POST /v1/subjects: the id is in the body, since
// addresses end up in logs.
type subjectQuestion struct {
	Account string `json:"account"`
	From    string `json:"from"`
	To      string `json:"to"`
	Limit   int    `json:"limit"`
}

func (s *Server) postSubjects(w http.ResponseWriter, r *http.Request) {
	var q subjectQuestion
	if !readJSON(w, r, &q) {
		return
	}
	if q.Account == "" {
		writeError(w, http.StatusBadRequest, failure{Code: "account", Field: "account", Message: "give account: the id of an account or of a person"})
		return
	}
	if q.Limit < 0 {
		writeError(w, http.StatusBadRequest, failure{Code: "limit", Field: "limit", Message: "limit is 0 or more; 0 means no bound"})
		return
	}
	zone := s.zone()
	query := scope.Query{Zone: zone, Workers: s.opts.Workers, Now: event.MillisOf(time.Now()), Exceptions: true}
	if s.detector != nil {
		query.Quiet = s.detector.quiet()
	}
	if !readSpan(w, q.From, q.To, zone, &query) {
		return
	}
	ctx, stop := s.queryContext(r)
	defer stop()
	begin := time.Now()
	view, err := s.ledger.View()
	if err != nil {
		s.fault(w, "view", err)
		return
	}
	defer view.Close()
	got, err := scope.Subject(ctx, view, event.AccountID(q.Account), query, q.Limit)
	if err != nil {
		s.fault(w, "subject", err)
		return
	}
	s.metrics.querySeconds.observe(time.Since(begin))
	writeJSON(w, http.StatusOK, got)
}
