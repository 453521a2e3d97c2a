package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ingest/otlp"
)

// POST /v1/logs is where OpenTelemetry sends logs (OTLP/HTTP). What it says of
// tokens, room and disk is what POST /v1/records says; how it is said, and which
// statuses mean that a sender may try again, are of the specification of OTLP.

// logsWriter answers failures as OTLP has them.
type logsWriter struct {
	http.ResponseWriter
	encoding otlp.Encoding
}

// Unwrap lets http.ResponseController find the connection.
func (w *logsWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// logsRetryAfter is the longest that a sender is told to wait, in seconds: exporters
// give up a request after ten to thirty, and one that was told to wait for longer
// throws its logs away without having tried again.
const logsRetryAfter = "5"

// writeFailure is what writeError does here. Senders try again after 429, 502, 503
// and 504 and throw away what was answered otherwise, so a full disk is 503.
func (w *logsWriter) writeFailure(status int, f failure) {
	switch {
	case status == http.StatusInsufficientStorage:
		status = http.StatusServiceUnavailable
	case f.Code == "no_catalog" || f.Code == "no_fields" || f.Code == "no_source":
		// Somebody will install it: what was sent before then need not be lost.
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", logsRetryAfter)
	}
	if after := w.Header().Get("Retry-After"); len(after) > 1 {
		w.Header().Set("Retry-After", logsRetryAfter)
	}
	w.write(status, otlp.Refused(w.encoding, f.Message))
}

func (w *logsWriter) write(status int, body []byte) {
	w.Header().Set("Content-Type", w.encoding.ContentType())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

func (s *Server) postLogs(rw http.ResponseWriter, r *http.Request) {
	w := &logsWriter{rw, otlp.EncodingOf(r.Header.Get("Content-Type"))}
	source, ok := s.sender(w, r)
	if !ok {
		return
	}
	if w.encoding == otlp.Unknown {
		refuse(w, http.StatusUnsupportedMediaType, "media_type", "send logs of OTLP as application/x-protobuf or application/json")
		return
	}
	body, leave, ok := s.receive(w, r, source)
	defer leave()
	if ok {
		s.takeLogs(w, r, source, body)
	}
}

func (s *Server) takeLogs(w *logsWriter, r *http.Request, source string, body []byte) {
	cat := s.ledger.Catalog()
	if cat == nil {
		refuse(w, http.StatusConflict, "no_catalog", "the folder has no catalog yet: haetae import --data DIR --catalog FILE")
		return
	}
	src, ok := cat.Source(source)
	if !ok {
		refuse(w, http.StatusConflict, "no_source", "the catalog has no source of the name this token was made for")
		return
	}
	if src.Format != catalog.FormatJSON {
		refuse(w, http.StatusConflict, "no_fields", "the source has no fields in the catalog: packs/catalogs/otel.yaml has them")
		return
	}
	f, err := ingest.FormatNamed(src.Format)
	if err != nil {
		s.fault(w, "decoder", err)
		return
	}
	dec, err := f.New(src, time.Now())
	if err != nil {
		s.fault(w, "decoder", err)
		return
	}
	around := looksAround(src)
	if in := s.intake.Load(); in != nil {
		look := in.For(f.Name)
		around = around || look.Whole() || slices.ContainsFunc(look.Asks(), isAround)
		dec = ingest.Watched(dec, func() ingest.Watcher { return look })
	}
	lines, held, err := s.linesOf(w.encoding, body, around)
	defer func() { s.limits.give(held) }()
	switch {
	case errors.Is(err, errNoRoom):
		s.busy(w, http.StatusServiceUnavailable, "busy", "the server holds as many bytes as it takes; come back")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, "not_otlp", "the body is no ExportLogsServiceRequest; nothing of it counts")
		return
	}
	batch := s.ledger.NewBatch()
	var ans Received
	var aside asideOfRequest
	var first *line.Error
	var at int64
	chunk := &ingest.Chunk{Data: lines, Line: 1, End: int64(len(lines))}
	n := ingest.DecodeChunk(chunk, "otlp", src, cat, s.networks, dec, func(rec *event.Record) { batch.Add(rec) }, func(a ingest.Aside) {
		why := &line.Error{Field: a.Field, Cause: a.Cause}
		if first == nil {
			first, at = why, a.Origin.Line
		}
		ans.Aside++
		aside.add(source, a.Origin.Line, a.Origin.Offset, why, a.Text)
	})
	ans.LostAddresses, ans.LostTexts = n.LostAddresses, n.LostTexts
	if !s.store(w, r, source, batch, &aside, nil, &ans) {
		return
	}
	message := ""
	if first != nil {
		message = fmt.Sprintf("log record %d of the request: %s; the good ones are stored and counted, the bad ones are set aside: do not send them again", at, first)
	}
	w.write(http.StatusOK, otlp.Accepted(w.encoding, int64(ans.Aside), message))
}

// unreadable stands for a log record that is none: it is set aside as what it is, no
// JSON, with its number in the request.
const unreadable = "?"

// linesOf makes lines of the log records of a request. Room for them is taken as
// they grow; held is what the caller gives back.
func (s *Server) linesOf(e otlp.Encoding, body []byte, around bool) (lines []byte, held int64, err error) {
	err = otlp.Records(e, body, around, func(l []byte) error {
		if l == nil || len(l) > ingest.MaxLine {
			l = []byte(unreadable)
		}
		if need := len(lines) + len(l) + 1; need > cap(lines) {
			size := max(2*cap(lines), need, bodyPiece)
			if !s.limits.take(int64(size)) {
				return errNoRoom
			}
			held += int64(size)
			lines = append(make([]byte, 0, size), lines...)
		}
		lines = append(append(lines, l...), '\n')
		return nil
	})
	return bytes.TrimSuffix(lines, []byte("\n")), held, err
}

// isAround: what stands under a key is of the resource or the scope.
func isAround(key string) bool {
	first, _, _ := strings.Cut(key, ".")
	return first == "resource" || first == "scope"
}

// looksAround: a field of the source is of the resource or the scope.
func looksAround(src *catalog.Source) bool {
	for _, key := range src.Fields {
		if isAround(key) {
			return true
		}
	}
	for _, c := range src.Choices {
		for _, form := range c.Of {
			for _, p := range form {
				if p.Key && isAround(p.Text) {
					return true
				}
			}
		}
	}
	return false
}
