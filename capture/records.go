package capture

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// line is an access record as POST /v1/records takes it (package
// ingest/records documents the keys).
type line struct {
	Time       string     `json:"time"`
	ID         string     `json:"id"`
	Actor      actorLine  `json:"actor"`
	Credential credLine   `json:"credential"`
	Client     clientLine `json:"client"`
	Method     string     `json:"method"`
	URI        string     `json:"uri"`
	Status     int        `json:"status"`
	Rows       *int64     `json:"rows,omitempty"`
	Subjects   []string   `json:"subjects,omitempty"`
}

type actorLine struct {
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
}

type credLine struct {
	Key   string `json:"key,omitempty"`
	Token string `json:"token,omitempty"`
}

type clientLine struct {
	IP    string `json:"ip,omitempty"`
	Agent string `json:"agent,omitempty"`
}

// Records is the middleware for a service that nothing stands in front of: it
// writes one access record a line to w, after the answer. Each line is one
// Write. Failed tells of writes that did not succeed; it may be nil, and then a
// lost record is lost silently, which is rarely right.
func Records(next http.Handler, w io.Writer, failed func(error)) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s := &said{}
		begin := time.Now()
		cw := &writer{ResponseWriter: rw, before: func(int) {}}
		defer func() {
			// Also when the handler panics: what was sent was sent.
			cw.begin(http.StatusOK)
			b, err := json.Marshal(s.line(r, begin, cw.status))
			if err == nil {
				mu.Lock()
				_, err = w.Write(append(b, '\n'))
				mu.Unlock()
			}
			if err != nil && failed != nil {
				failed(err)
			}
		}()
		next.ServeHTTP(cw, r.WithContext(context.WithValue(r.Context(), contextKey{}, s)))
	})
}

func (s *said) line(r *http.Request, begin time.Time, status int) line {
	s.mu.Lock()
	defer s.mu.Unlock()
	var id [16]byte
	rand.Read(id[:])
	l := line{
		Time: begin.UTC().Format("2006-01-02T15:04:05.000Z"), ID: hex.EncodeToString(id[:]),
		Actor: actorLine{s.actor[0], s.actor[1]}, Credential: credLine{s.key, s.token},
		Client: clientLine{Agent: r.UserAgent()}, Method: r.Method, URI: r.URL.RequestURI(), Status: status, Subjects: s.subjects,
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		l.Client.IP = host
	}
	if s.hasRows {
		l.Rows = &s.rows
	}
	return l
}
