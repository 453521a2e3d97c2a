package server

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ingest/records"
	"github.com/haetae/haetae/ledger"
)

// Received is the answer to POST /v1/records.
type Received struct {
	Accepted   int `json:"accepted"`   // counted from now on
	Duplicates int `json:"duplicates"` // had been counted before
	Aside      int `json:"aside"`      // could not become records; kept, sealed
	// Of the records, how many lack something that stood in their line: a client
	// address that cannot be read, a text that was cut or cleaned.
	LostAddresses int64 `json:"lost_addresses,omitempty"`
	LostTexts     int64 `json:"lost_texts,omitempty"`
	// Delivery is "once" if sending the same request again changes no number,
	// "at-least-once" if it would count some records twice: they have no id and
	// the request had no Idempotency-Key.
	Delivery string `json:"delivery"`
	// Error is the first line that was set aside. The others still count: that
	// is what Accepted says.
	Error *failure `json:"error,omitempty"`
}

const (
	deliveryOnce    = "once"
	deliveryAtLeast = "at-least-once"

	// maxKey bounds an Idempotency-Key; a UUID has 36 characters.
	maxKey = 200
)

func (s *Server) postRecords(w http.ResponseWriter, r *http.Request) {
	source, ok := s.sender(w, r)
	if !ok {
		return
	}
	documents := s.documents(source, r.Header.Get("Content-Type"))
	if documents == nil && !isNDJSON(r.Header.Get("Content-Type")) {
		refuse(w, http.StatusUnsupportedMediaType, "media_type", "send lines of JSON as application/x-ndjson")
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey {
		refuse(w, http.StatusBadRequest, "idempotency_key", fmt.Sprintf("Idempotency-Key is longer than %d characters", maxKey))
		return
	}
	body, leave, ok := s.receive(w, r, source)
	defer leave()
	if ok {
		s.takeRecords(w, r, source, key, body, documents)
	}
}

// sender is the source that the token of a request was made for.
func (s *Server) sender(w http.ResponseWriter, r *http.Request) (source string, ok bool) {
	token := bearer(r)
	if token == "" {
		unauthorized(w, "send Authorization: Bearer TOKEN with a token made by: haetae token add SOURCE")
		return "", false
	}
	source, ok, err := s.tokens.source(token)
	if err != nil {
		s.fault(w, "read tokens", err)
		return "", false
	}
	if !ok {
		unauthorized(w, "this token is not known, or was taken away")
	}
	return source, ok
}

// receive reads the body of a request, within what the server and the source may
// have under way. leave gives back what was reserved, once the body is done with.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, source string) (body []byte, leave func(), ok bool) {
	switch s.limits.enter(source) {
	case tooMany:
		s.busy(w, http.StatusServiceUnavailable, "busy", "the server has as many requests as it takes; come back")
		return nil, func() {}, false
	case tooManyOfSource:
		s.busy(w, http.StatusTooManyRequests, "busy_source", "this source has as many requests under way as it may have; come back")
		return nil, func() {}, false
	}
	var reserved int64
	leave = func() { s.limits.leave(source, reserved) }
	ctl := http.NewResponseController(w)
	ctl.SetReadDeadline(time.Now().Add(s.opts.ReadTimeout))
	body, n, err := s.readBody(w, r)
	reserved = n
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, errTooLarge), errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is larger than %d bytes, counted after unpacking; send it in pieces", s.opts.MaxBody))
		return nil, leave, false
	case errors.Is(err, errNoRoom):
		s.busy(w, http.StatusServiceUnavailable, "busy", "the server holds as many bytes as it takes; come back")
		return nil, leave, false
	case errors.Is(err, errEncoding):
		refuse(w, http.StatusUnsupportedMediaType, "content_encoding", "Content-Encoding is gzip, zstd or nothing")
		return nil, leave, false
	case err != nil:
		refuse(w, http.StatusBadRequest, "unreadable", "the body ended early, came too slowly or is not what Content-Encoding says; nothing of it counts")
		return nil, leave, false
	}
	ctl.SetReadDeadline(time.Time{})
	return body, leave, true
}

func (s *Server) takeRecords(w http.ResponseWriter, r *http.Request, source, key string, body []byte, documents *ingest.Format) {
	cat := s.ledger.Catalog()
	if cat == nil {
		refuse(w, http.StatusConflict, "no_catalog", "the folder has no catalog yet: haetae import --data DIR --catalog FILE")
		return
	}
	var keyed *keyed
	if key != "" {
		k := s.newKeyed(source, key, body)
		keyed = &k
	}
	batch := s.ledger.NewBatch()
	dec, err := records.New(cat, source, time.Now())
	if err != nil {
		s.fault(w, "decoder", err)
		return
	}
	if in := s.intake.Load(); in != nil {
		dec.Watch(in.For(catalog.FormatJSON))
	}
	ans := Received{Delivery: deliveryOnce}
	var aside asideOfRequest
	var rec event.Record
	var number, offset int64
	// identify makes a record count once that has no id of its own.
	identify := func(rec *event.Record, number int64) {
		if rec.ID != "" {
			return
		}
		if keyed == nil {
			ans.Delivery = deliveryAtLeast
		} else {
			rec.ID = keyed.recordID(number)
		}
	}
	if documents != nil {
		src, ok := cat.Source(source)
		if !ok {
			s.fault(w, "decoder", ErrNoSource)
			return
		}
		n, err := s.takeDocuments(documents, src, cat, body, func(rec *event.Record) {
			number++
			identify(rec, number)
			batch.Add(rec)
		}, func(a ingest.Aside) {
			if ans.Error == nil {
				ans.Error = &failure{Code: "line", Line: a.Origin.Line, Field: a.Field, Message: a.Cause.EN}
			}
			ans.Aside++
			aside.add(source, a.Origin.Line, a.Origin.Offset, &line.Error{Field: a.Field, Cause: a.Cause}, a.Text)
		})
		if err != nil {
			s.fault(w, "decoder", err)
			return
		}
		dec.Lost = records.Lost{Addresses: n.LostAddresses, Texts: n.LostTexts}
		body = nil
	}
	for len(body) > 0 && batch.Err() == nil {
		text, rest, _ := bytes.Cut(body, []byte("\n"))
		size := int64(len(body) - len(rest))
		body = rest
		number++
		at := offset
		offset += size
		text = bytes.TrimSuffix(text, []byte("\r"))
		if at == 0 {
			text = line.Unmarked(text)
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		bad := &line.Error{Cause: line.LongLine}
		if len(text) <= ingest.MaxLine {
			bad = dec.Decode(text, &rec) // covers what must not be kept
		} else {
			line.Mask(text[:asideMaxText])
		}
		if bad != nil {
			if ans.Error == nil {
				ans.Error = &failure{Code: "line", Line: number, Field: bad.Field, Message: bad.Cause.EN}
				if bad.Cause == line.Unknown {
					ans.Error.Message += "; those that are known: " + recordFields
				}
			}
			ans.Aside++
			aside.add(source, number, at, bad, text)
			continue
		}
		ingest.Locate(s.networks, &rec)
		dec.Look(text, &rec)
		identify(&rec, number)
		rec.Origin = event.Origin{File: "http", Line: number, Offset: at}
		batch.Add(&rec)
	}
	ans.LostAddresses, ans.LostTexts = dec.Lost.Addresses, dec.Lost.Texts
	var remember *ledger.Checkpoint
	if keyed != nil {
		cp, release, err := s.claim(keyed)
		if err != nil {
			refuse(w, http.StatusUnprocessableEntity, "idempotency_key_reused", err.Error()+"; nothing of this request counts: send these lines with a new key")
			return
		}
		defer release()
		remember = cp
	}
	if !s.store(w, r, source, batch, &aside, remember, &ans) {
		return
	}
	status := http.StatusOK
	if ans.Error != nil {
		status = http.StatusBadRequest
		ans.Error.Message += "; the good lines of this request are stored and counted, the bad ones are set aside: do not send them again"
	}
	writeJSON(w, status, ans)
}

// store makes durable what came of a request, and counts it. ok says that it did, and
// that nothing is answered yet.
func (s *Server) store(w http.ResponseWriter, r *http.Request, source string, batch *ledger.Batch, aside *asideOfRequest, remember *ledger.Checkpoint, ans *Received) (ok bool) {
	if err := batch.Err(); err != nil {
		s.fault(w, "append", err)
		return false
	}
	// The lines set aside come first: if there is no room for them nothing of the
	// request counts, as the answer says. A crash in between sets them aside once
	// more; the other way round they would be lost, or the records counted twice.
	if err := s.ledger.SetAside(0, aside.lines, aside.more...); err != nil {
		s.fault(w, "set aside", err)
		return false
	}
	begin, newest := time.Now(), batch.Newest()
	if batch.Len() > 0 {
		got, err := s.ledger.AppendBatch(r.Context(), batch, "http", remember)
		if err != nil {
			s.fault(w, "append", err)
			return false
		}
		s.full.Store(0)
		way := WayHTTP
		if _, ok := w.(*logsWriter); ok {
			way = WayOTLP
		}
		s.arrived.note(source, way, time.Now(), newest, got.Accepted)
		ans.Accepted, ans.Duplicates = got.Accepted, got.Duplicates
		s.metrics.appendSeconds.observe(time.Since(begin))
	}
	for outcome, n := range map[string]int{"accepted": ans.Accepted, "duplicate": ans.Duplicates, "aside": ans.Aside} {
		s.metrics.records.add(label("source", source, "outcome", outcome), int64(n))
	}
	s.metrics.lostFrom(source, ans.LostAddresses, ans.LostTexts)
	return true
}

// documents is the format of a source whose logs are JSON documents, if a request
// says that it brings one; else nil.
func (s *Server) documents(source, contentType string) *ingest.Format {
	kind, _, err := mime.ParseMediaType(contentType)
	cat := s.ledger.Catalog()
	if err != nil || kind != "application/json" || cat == nil {
		return nil
	}
	src, ok := cat.Source(source)
	if !ok || src.Format == catalog.FormatDetect {
		return nil
	}
	f, err := ingest.FormatNamed(src.Format)
	if err != nil || !f.Documents {
		return nil
	}
	return &f
}

// takeDocuments decodes a body as the files of the source are.
func (s *Server) takeDocuments(f *ingest.Format, src *catalog.Source, cat *catalog.Catalog, body []byte, each func(*event.Record), aside func(ingest.Aside)) (ingest.Counts, error) {
	dec, err := f.New(src, time.Now())
	if err != nil {
		return ingest.Counts{}, err
	}
	dec = watchedBy(s.intake.Load, f.Name, dec)
	return ingest.DecodeChunk(ingest.Documents(body, f.Cutter), "http", src, cat, s.networks, dec, each, aside), nil
}

// recordFields is the table of package ingest/records, for a sender that has
// mistyped one. The mistake itself is said back only where it cannot be an id.
const recordFields = "time, id, source, actor.id, actor.type, credential.key, credential.token, client.ip, client.agent, client.country, client.network, method, uri, route, status, rows, subjects, more"

// asideField is the field by which a line set aside is counted. A field that no
// schema knows is the sender's own word: it may be shown to the sender, and is no
// key to count by, since there would be as many of them as somebody likes.
func asideField(e *line.Error) string {
	if e.Cause == line.Unknown {
		return ""
	}
	return e.Field
}

// asideOfRequest bounds what one request can make the folder keep: a body of 16
// MiB holds eight million lines of one letter.
type asideOfRequest struct {
	lines []ledger.AsideLine
	more  []ledger.AsideCount // of those that are counted and not kept
}

// asideKept is how many lines of one request are kept: enough to see what is
// wrong with a sender, at most 4 MiB.
const asideKept = 1000

func (a *asideOfRequest) add(source string, number, offset int64, why *line.Error, text []byte) {
	field := asideField(why)
	if len(a.lines) < asideKept {
		a.lines = append(a.lines, asideLine(source, "http", number, offset, field, why.Cause.Code, text))
		return
	}
	for i := range a.more { // a handful: fields and causes are fixed
		if m := &a.more[i]; m.Field == field && m.Cause == why.Cause.Code {
			m.Count++
			return
		}
	}
	a.more = append(a.more, ledger.AsideCount{Source: source, Field: field, Cause: why.Cause.Code, Count: 1})
}

// asideMaxText is how much of a line is kept: the beginning tells what is wrong.
const asideMaxText = 4 << 10

func asideLine(source, file string, number, offset int64, field, cause string, text []byte) ledger.AsideLine {
	if len(text) > asideMaxText {
		text = text[:asideMaxText]
	}
	return ledger.AsideLine{Source: source, File: file, Line: number, Offset: offset, Field: field, Cause: cause, Text: bytes.Clone(text)}
}
