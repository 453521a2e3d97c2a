package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

// question is a scope query as it is asked over HTTP.
type question struct {
	Where   string `json:"where"`
	From    string `json:"from"`
	To      string `json:"to"`
	By      string `json:"by"`
	Explain bool   `json:"explain"`
}

// answered is an extent with how it was found, when that was asked for.
type answered struct {
	*scope.Extent
	Explain *scope.Explain `json:"explain,omitempty"`
}

func (s *Server) getScope(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := question{Where: v.Get("where"), From: v.Get("from"), To: v.Get("to"), By: v.Get("by"), Explain: v.Get("explain") != ""}
	for k, values := range v {
		switch k {
		case "where", "from", "to", "by", "explain":
		default:
			refuse(w, http.StatusBadRequest, "parameter", "the parameters are where, from, to, by and explain")
			return
		}
		if len(values) > 1 {
			writeError(w, http.StatusBadRequest, failure{Code: "parameter", Field: k, Message: k + " is given more than once"})
			return
		}
	}
	// Addresses end up in the logs of whatever stands in between.
	if NamesID(q.Where) {
		refuse(w, http.StatusBadRequest, "use_post", "a condition on account, actor.id or credential.token holds an id: send it with POST, in the body")
		return
	}
	s.answer(w, r, q)
}

// NamesID reports whether a predicate speaks of an id. One that does not compile
// is judged by its text: too often is better than too seldom.
func NamesID(where string) bool {
	if p, err := scope.Compile(where); err == nil {
		return p.NamesID()
	}
	text := strings.Join(strings.Fields(where), "")
	return slices.ContainsFunc([]string{"account", "actor.id", "credential.token"}, func(f string) bool { return strings.Contains(text, f) })
}

func (s *Server) postScope(w http.ResponseWriter, r *http.Request) {
	var q question
	if readJSON(w, r, &q) {
		s.answer(w, r, q)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, q question) {
	if strings.TrimSpace(q.Where) == "" {
		refuse(w, http.StatusBadRequest, "where", "no condition: give where; for all records, where=true")
		return
	}
	zone := s.zone()
	begin := time.Now()
	query := scope.Query{Where: q.Where, Zone: zone, Workers: s.opts.Workers, Now: event.MillisOf(begin), Exceptions: true, Sources: true}
	if s.detector != nil {
		query.Quiet = s.detector.quiet()
	}
	if !readSpan(w, q.From, q.To, zone, &query) {
		return
	}
	if q.By != "" {
		by, ok := scope.Dimension(q.By)
		if !ok {
			writeError(w, http.StatusBadRequest, failure{Code: "by", Field: "by", Message: "by is one of " + strings.Join(scope.Dimensions(), ", ")})
			return
		}
		query.By = by
	}
	ctx, stop := s.queryContext(r)
	defer stop()
	view, err := s.ledger.View()
	if err != nil {
		s.fault(w, "view", err)
		return
	}
	defer view.Close()
	e, err := scope.Run(ctx, view, query)
	if err != nil {
		var pe *scope.PredicateError
		if errors.As(err, &pe) {
			writeError(w, http.StatusBadRequest, failure{Code: "predicate", Field: "where", Line: int64(pe.Line), Column: pe.At, Message: withHint(pe)})
			return
		}
		s.fault(w, "scope", err)
		return
	}
	s.metrics.querySeconds.observe(time.Since(begin))
	ans := answered{Extent: e}
	if q.Explain {
		x := e.Explain()
		ans.Explain = &x
	}
	writeJSON(w, http.StatusOK, ans)
}

// withHint says what is wrong, and what would be right.
func withHint(e *scope.PredicateError) string {
	if e.Hint == "" {
		return e.Cause
	}
	return e.Cause + "; " + e.Hint
}

// queryContext ends with the request, with the server and after QueryTimeout.
func (s *Server) queryContext(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithTimeout(r.Context(), s.opts.QueryTimeout)
	end := context.AfterFunc(s.work, stop)
	return ctx, func() { end(); stop() }
}

// zone is the one in which dates are meant.
func (s *Server) zone() *time.Location {
	if c := s.ledger.Catalog(); c != nil {
		return c.Zone()
	}
	return time.UTC
}

// readSpan reads from and to.
func readSpan(w http.ResponseWriter, from, to string, zone *time.Location, q *scope.Query) bool {
	for _, t := range []struct {
		name, text string
		to         *event.Millis
	}{{"from", from, &q.From}, {"to", to, &q.To}} {
		m, err := parseFrom(t.text, zone)
		if err != nil {
			writeError(w, http.StatusBadRequest, failure{Code: t.name, Field: t.name, Message: "write a moment as 2025-03-10 or 2025-03-10T09:00:00+09:00"})
			return false
		}
		*t.to = m
	}
	if q.From != 0 && q.To != 0 && q.From >= q.To {
		writeError(w, http.StatusBadRequest, failure{Code: "from", Field: "from", Message: "from is not before to"})
		return false
	}
	return true
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
