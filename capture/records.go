package capture

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
)

// Sink takes access records, one line of JSON each, with its line end.
type Sink interface {
	// WriteRecord keeps the line or says why not. It may not hold on to the
	// slice.
	WriteRecord(line []byte) error
}

// Records is the way without a proxy: the service writes the access record
// itself, when the answer is complete. Every request becomes a record, whether
// or not a handler said anything: an answer that names nobody is counted as
// unresolved, which is how a forgotten handler is found.
type Records struct {
	// Sink takes the records. Required. See Lines and NewPost.
	Sink Sink
	// ClientIP says where a request came from. Default: the connection's own
	// address. Behind a load balancer, read the header that it sets, and only
	// that: clients can send X-Forwarded-For themselves.
	ClientIP func(*http.Request) netip.Addr
	// RequestID gives the record's id. Default: a random one. An id counts once,
	// so one that a client can choose lets the client hide requests.
	RequestID func(*http.Request) string
	// Report is told what went wrong. Default: a warning to slog.Default.
	Report Reporter
}

// maxLineSubjects is how many bytes of subjects a record takes. Its line must
// stay under 1 MiB, beyond which lines are set aside.
const maxLineSubjects = 900 << 10

// record is the JSON form described in package ingest/records.
type record struct {
	Time       string      `json:"time"`
	ID         string      `json:"id"`
	Actor      *actor      `json:"actor,omitempty"`
	Credential *credential `json:"credential,omitempty"`
	Client     *client     `json:"client,omitempty"`
	Method     string      `json:"method"`
	URI        string      `json:"uri"`
	Status     int         `json:"status"`
	Rows       *int64      `json:"rows,omitempty"`
	Subjects   []string    `json:"subjects,omitempty"`
}

type actor struct {
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
}

type credential struct {
	Key   string `json:"key,omitempty"`
	Token string `json:"token,omitempty"`
}

type client struct {
	IP    string `json:"ip,omitempty"`
	Agent string `json:"agent,omitempty"`
}

// Wrap returns next with the middleware around it.
func (c Records) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		st, r := open(r)
		base, w := watch(w, func(http.Header) {})
		returned := false
		// Deferred, since an answer that broke off half way was an access too.
		defer func() {
			status := base.status
			switch {
			case status != 0:
			case returned:
				status = http.StatusOK
			default: // panicked with nothing sent: the connection is cut
				status = http.StatusInternalServerError
			}
			c.keep(st, r, begun, status)
		}()
		next.ServeHTTP(w, r)
		returned = true
	})
}

func (c Records) keep(st *statement, r *http.Request, begun time.Time, status int) {
	st.mu.Lock()
	a := st.settle(maxLineSubjects, len(`"",`))
	rec := record{
		Time: event.MillisOf(begun).String(), ID: c.id(r),
		Method: clean(r.Method, 32), URI: uri(r), Status: status, Subjects: a.subjects,
	}
	if st.actor != "" || st.actorType != "" {
		rec.Actor = &actor{st.actor, st.actorType}
	}
	if st.key != "" || st.token != "" {
		rec.Credential = &credential{st.key, st.token}
	}
	if a.rows >= 0 {
		rec.Rows = &a.rows
	}
	errs := st.errs
	st.errs = nil
	st.mu.Unlock()

	if cl := (client{Agent: clean(r.UserAgent(), 1024)}); true {
		if ip := c.ip(r); ip.IsValid() {
			cl.IP = ip.Unmap().WithZone("").String()
		}
		if cl != (client{}) {
			rec.Client = &cl
		}
	}
	line, err := json.Marshal(rec)
	if err == nil {
		err = c.Sink.WriteRecord(append(line, '\n'))
	}
	if err != nil {
		errs = append(errs, err)
	}
	for _, err := range errs {
		c.Report.tell(r, err)
	}
}

func (c Records) id(r *http.Request) string {
	if c.RequestID != nil {
		if id := c.RequestID(r); id != "" && passable(id, maxID) {
			return id
		}
	}
	return rand.Text()
}

func (c Records) ip(r *http.Request) netip.Addr {
	if c.ClientIP != nil {
		return c.ClientIP(r)
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}

// uri is what the client asked for, before any handler took a prefix off it.
// Bytes that do not belong into a URI are written as nginx does, in percents.
func uri(r *http.Request) string {
	s := r.RequestURI
	if s == "" { // a request made by hand, in a test
		s = r.URL.RequestURI()
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f {
			const hex = "0123456789ABCDEF"
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// clean makes free text fit for a record.
func clean(s string, max int) string {
	if len(s) > max {
		s = s[:max]
	}
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}
