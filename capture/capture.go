// Package capture lets a service say whose data it answered.
//
// The best log is useless if it does not name the account. A service knows what
// the proxy in front of it cannot: which members stand in the answer, how many
// rows, who asked and by which key. A handler says so, and the middleware hands
// it up in response headers that the proxy logs and strips (docs/capture.md has
// the nginx and Envoy side), or writes access records itself where there is no
// proxy.
//
//	mux.HandleFunc("GET /support/members/{member}", func(w http.ResponseWriter, r *http.Request) {
//		capture.Actor(r.Context(), agent.ID, "staff")
//		capture.Subject(r.Context(), member.ID)
//		json.NewEncoder(w).Encode(member)
//	})
//	http.ListenAndServe(addr, capture.Headers(mux))
//
// What it is not: an access control, or a place where a bearer token could be
// put: Credential takes the ids of key and token, and refuses what looks like
// their value.
package capture

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// The response headers. The proxy logs them and must not let them through.
const (
	HeaderSubjects  = "X-Haetae-Subjects"
	HeaderRows      = "X-Haetae-Rows"
	HeaderActorID   = "X-Haetae-Actor-Id"
	HeaderActorType = "X-Haetae-Actor-Type"
	HeaderKey       = "X-Haetae-Key"
	HeaderToken     = "X-Haetae-Token"
)

// headerNames is all of them: what a client must not be able to send in.
var headerNames = []string{HeaderSubjects, HeaderRows, HeaderActorID, HeaderActorType, HeaderKey, HeaderToken}

// MaxSubjectsBytes bounds the subjects header. nginx reads the headers of an
// answer into one buffer (proxy_buffer_size), 4 KiB by default; a larger one
// fails the whole answer. A list that does not fit is left out as a whole, and
// the number of rows stands alone: the read is then counted as unresolved, which
// is true, instead of naming some of its subjects, which would be wrong.
const MaxSubjectsBytes = 3 << 10

// said is what a handler has said of its answer.
type said struct {
	mu       sync.Mutex
	subjects []string
	known    map[string]bool
	rows     int64
	hasRows  bool
	actor    [2]string
	key      string
	token    string
	sent     bool
}

type contextKey struct{}

func of(ctx context.Context) *said {
	s, _ := ctx.Value(contextKey{}).(*said)
	return s
}

// Subject says that the answer holds data of these accounts. It may be called
// as often as accounts are found, before the first byte is written. Without the
// middleware it does nothing, so that a handler can be tested alone.
func Subject(ctx context.Context, accounts ...string) {
	s := of(ctx)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range accounts {
		if a == "" || s.known[a] {
			continue
		}
		if s.known == nil {
			s.known = map[string]bool{}
		}
		s.known[a] = true
		s.subjects = append(s.subjects, a)
	}
}

// Rows says how many rows the answer holds, whether or not they are named.
func Rows(ctx context.Context, n int64) {
	if s := of(ctx); s != nil && n >= 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rows, s.hasRows = n, true
	}
}

// Actor says who asked: their id and one of the catalog's words for what they
// are ("member", "staff", "partner", "service").
func Actor(ctx context.Context, id, kind string) {
	if s := of(ctx); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.actor = [2]string{id, kind}
	}
}

// Credential says by which signing key, and which token of it, given by their
// ids. A value that could be used as a token is dropped.
func Credential(ctx context.Context, key, token string) {
	if s := of(ctx); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.key, s.token = unlessBearer(key), unlessBearer(token)
	}
}

func unlessBearer(s string) string {
	l := strings.ToLower(s)
	if strings.HasPrefix(l, "bearer ") || strings.HasPrefix(l, "basic ") || strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2 {
		return ""
	}
	return s
}

// Headers is the middleware for a service behind a proxy: what the handler said
// goes into the response headers, just before the first byte.
func Headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &said{}
		// A client cannot speak for the service.
		for _, h := range headerNames {
			r.Header.Del(h)
		}
		cw := &writer{ResponseWriter: w, before: func(status int) { s.headers(w.Header()) }}
		next.ServeHTTP(cw, r.WithContext(context.WithValue(r.Context(), contextKey{}, s)))
		cw.begin(http.StatusOK)
	})
}

// headers writes what was said, once.
func (s *said) headers(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent {
		return
	}
	s.sent = true
	set := func(name, v string) {
		if v = safe(v); v != "" {
			h.Set(name, v)
		}
	}
	set(HeaderActorID, s.actor[0])
	set(HeaderActorType, s.actor[1])
	set(HeaderKey, s.key)
	set(HeaderToken, s.token)
	list, ok := joined(s.subjects)
	if ok {
		set(HeaderSubjects, list)
	}
	switch {
	case s.hasRows:
		set(HeaderRows, strconv.FormatInt(s.rows, 10))
	case !ok:
		set(HeaderRows, strconv.Itoa(len(s.subjects)))
	}
}

// joined lists the subjects, if all of them fit and can be listed.
func joined(subjects []string) (string, bool) {
	n := 0
	for _, a := range subjects {
		if n += len(a) + 1; n > MaxSubjectsBytes || safe(a) != a || strings.Contains(a, ",") {
			return "", false
		}
	}
	return strings.Join(subjects, ","), true
}

// safe keeps what can stand in a header's value: a line break would end it.
func safe(s string) string {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == 0x7f {
			return ""
		}
	}
	return s
}

// writer calls before once, ahead of the first byte of the answer.
type writer struct {
	http.ResponseWriter
	before func(status int)
	begun  bool
	status int
}

func (w *writer) begin(status int) {
	if !w.begun {
		w.begun, w.status = true, status
		w.before(status)
	}
}

func (w *writer) WriteHeader(status int) {
	if status >= 200 { // 1xx answers come before the real one
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// Flush sends what there is, headers included.
func (w *writer) Flush() {
	w.begin(http.StatusOK)
	http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
