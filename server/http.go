package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/records", s.postRecords)
	mux.HandleFunc("POST /v1/logs", s.postLogs)
	mux.HandleFunc("POST "+grpcPath, s.postGRPC)
	admin := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, s.admin(h)) }
	admin("GET /v1/scope", s.getScope)
	admin("POST /v1/scope", s.postScope)
	admin("POST /v1/subjects", s.postSubjects)
	admin("GET /v1/signals", s.getSignals)
	admin("GET /v1/signals/stream", s.getSignalStream)
	admin("POST /v1/signals/ack", s.postAck)
	admin("GET /v1/alerts", s.getAlerts)
	admin("GET /v1/feeds", s.getFeeds)
	admin("POST /v1/feeds/accept", s.postFeedAccept)
	admin("POST /v1/rules/reload", s.postReload)
	admin("GET /v1/status", s.getStatus)
	admin("GET /v1/sources", s.getSources)
	admin("POST /v1/imports", s.postImports)
	admin("POST /v1/imports/abort", s.postAbort)
	admin("POST /v1/retain", s.postRetain)
	admin("POST /v1/holds", s.postHolds)
	admin("POST /v1/openings", s.postOpenings)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.getReady)
	mux.HandleFunc("GET /metrics", s.getMetrics)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/" && method != r.Method {
				w.Header().Set("Allow", method)
				writeError(w, http.StatusMethodNotAllowed, failure{Code: "method", Message: "this address takes " + method})
				return
			}
		}
		writeError(w, http.StatusNotFound, failure{Code: "not_found", Message: "there is nothing here; docs/http.md lists what there is"})
	})
	return s.outer(mux)
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// outer counts and logs every request by its pattern, never by its address,
// which may hold anything, and survives a panic without printing its value.
func (s *Server) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sw := &statusWriter{ResponseWriter: w}
		begin := time.Now()
		// Who does not take an answer does not hold a connection for ever; an
		// import sets deadlines of its own as it goes.
		http.NewResponseController(w).SetWriteDeadline(begin.Add(s.opts.ReadTimeout + s.opts.QueryTimeout))
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				what := fmt.Sprintf("%T", p)
				if re, ok := p.(runtime.Error); ok {
					what = re.Error()
				}
				s.log.Error("request panicked", "pattern", r.Pattern, "panic", what, "stack", string(debug.Stack()))
				if sw.status == 0 {
					writeError(sw, http.StatusInternalServerError, failure{Code: "internal", Message: "internal error; the server's log has more"})
				}
			}
			pattern := r.Pattern
			if pattern == "" || pattern == "/" {
				pattern = "other"
			}
			s.metrics.requests.add(label("pattern", pattern, "status", strconv.Itoa(sw.status)), 1)
			if s.log.Enabled(r.Context(), slog.LevelDebug) {
				s.log.Debug("request", "pattern", pattern, "status", sw.status, "took", time.Since(begin))
			}
		}()
		next.ServeHTTP(sw, r)
	})
}

func bearer(r *http.Request) string {
	kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// admin lets only the token of server.json through.
func (s *Server) admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(s.address.Token)) != 1 {
			unauthorized(w, "this needs the administrator's token, which stands in server.json in the data folder")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		next(w, r)
	}
}

func unauthorized(w http.ResponseWriter, message string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="haetae"`)
	writeError(w, http.StatusUnauthorized, failure{Code: "unauthorized", Message: message})
}

// failure is the body of every answer that is not a success. Message never holds
// a value from a record.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Line    int64  `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Field   string `json:"field,omitempty"`
	// Korean is Message for a Korean reader, where there is one: the command that
	// asked may speak another language than the server.
	Korean string `json:"message_ko,omitempty"`
}

// koreanOf is an error in Korean, or "" where it is not known.
func koreanOf(err error) string {
	var ko interface{ KO() string }
	if errors.As(err, &ko) {
		return ko.KO()
	}
	return ""
}

func writeError(w http.ResponseWriter, status int, f failure) {
	if own, ok := w.(interface{ writeFailure(int, failure) }); ok { // another protocol
		own.writeFailure(status, f)
		return
	}
	writeJSON(w, status, map[string]failure{"error": f})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text))
}

// retryAfter is what a refused sender is told to wait, in seconds: long enough
// that a few group commits have happened, short enough that a sender's own
// buffer does not overflow.
const retryAfter = "1"

func (s *Server) busy(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Retry-After", retryAfter)
	writeError(w, status, failure{Code: code, Message: message})
}

// fault answers an error of the ledger.
func (s *Server) fault(w http.ResponseWriter, what string, err error) {
	var large *ledger.TooLargeError
	var subjects *ledger.SubjectsError
	switch {
	case errors.As(err, &large):
		writeError(w, http.StatusRequestEntityTooLarge, failure{Code: "too_large", Message: large.Error() + "; nothing of this request counts"})
		return // the sender's mistake
	case errors.As(err, &subjects):
		writeError(w, http.StatusRequestEntityTooLarge, failure{Code: "too_many_subjects", Field: "subjects", Message: subjects.Error() + "; nothing of this request counts"})
		return
	case errors.Is(err, syscall.ENOSPC):
		s.full.Store(time.Now().UnixNano())
		w.Header().Set("Retry-After", "30")
		writeError(w, http.StatusInsufficientStorage, failure{Code: "disk_full", Message: "the disk of the data folder is full; nothing of this request counts"})
	case errors.Is(err, ledger.ErrBehind):
		w.Header().Set("Retry-After", "30")
		writeError(w, http.StatusServiceUnavailable, failure{Code: "behind", Message: "records that were taken cannot be written into files, so no more are taken until they can; nothing of this request counts, send it again later"})
	case errors.Is(err, ledger.ErrClosed), errors.Is(err, context.Canceled):
		s.busy(w, http.StatusServiceUnavailable, "stopping", "the server is stopping")
	case errors.Is(err, context.DeadlineExceeded):
		writeError(w, http.StatusGatewayTimeout, failure{Code: "too_slow", Message: "the question took longer than the server allows"})
	case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, segment.ErrCorrupt), errors.Is(err, dictionary.ErrCorrupt), errors.Is(err, edition.ErrCorrupt), errors.Is(err, journal.ErrCorrupt):
		writeError(w, http.StatusInternalServerError, failure{Code: "damaged", Message: "a file of the data folder is damaged or missing; the server's log names it. Leave the folder as it is, and restore the file from a backup"})
	case errors.Is(err, ledger.ErrFailed), errors.Is(err, journal.ErrPoisoned):
		writeError(w, http.StatusServiceUnavailable, failure{Code: "outcome_unknown", Message: "a write had an unknown outcome; the server takes nothing more until it is started again"})
	default:
		writeError(w, http.StatusInternalServerError, failure{Code: "internal", Message: "internal error; the server's log has more"})
	}
	s.log.Error(what, "error", err)
}

// refuse answers a request that is the sender's mistake.
func refuse(w http.ResponseWriter, status int, code, message string) {
	writeError(w, status, failure{Code: code, Message: message})
}

// readJSON reads a small JSON body strictly: an unknown key is a mistake that
// would otherwise change a question's meaning in silence.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(10 * time.Second))
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.More() {
		err = errors.New("more than one value")
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	if err == nil {
		return true
	}
	var large *http.MaxBytesError
	var typ *json.UnmarshalTypeError
	var syn *json.SyntaxError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", "the body is larger than 1 MiB")
	case errors.As(err, &typ):
		writeError(w, http.StatusBadRequest, failure{Code: "bad_json", Message: "a value has the wrong type", Field: typ.Field})
	case errors.As(err, &syn):
		refuse(w, http.StatusBadRequest, "bad_json", fmt.Sprintf("the body is not JSON: position %d", syn.Offset))
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		// The key is the sender's own word, but it could be anything, so those
		// that are known are named instead.
		refuse(w, http.StatusBadRequest, "bad_json", "the body has a key that is not known here; those that are: "+strings.Join(keysOf(reflect.TypeOf(v)), ", "))
	default:
		refuse(w, http.StatusBadRequest, "bad_json", "the body is not one JSON value")
	}
	return false
}

// keysOf lists the JSON keys of a struct, those of structs in it with a dot.
func keysOf(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct || inner == reflect.TypeFor[time.Time]() {
			out = append(out, name)
			continue
		}
		for _, k := range keysOf(inner) {
			out = append(out, name+"."+k)
		}
	}
	return out
}

// changeFault answers an error of a change that an administrator asked for.
func (s *Server) changeFault(w http.ResponseWriter, what string, err error) {
	var held *ledger.HeldError
	if errors.As(err, &held) {
		refuse(w, http.StatusConflict, "held", held.Error())
		return
	}
	if errors.Is(err, ledger.ErrHoldStands) {
		refuse(w, http.StatusConflict, "hold_stands", ledger.ErrHoldStands.Error())
		return
	}
	s.fault(w, what, err)
}
