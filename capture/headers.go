package capture

import (
	"net/http"
	"strconv"
	"strings"
)

// The response headers, as a proxy logs them and takes them out.
const (
	HeaderSubjects  = "X-Haetae-Subjects" // account ids with commas between them
	HeaderMore      = "X-Haetae-More"     // how many accounts there are, when they are not named
	HeaderRows      = "X-Haetae-Rows"
	HeaderItems     = "X-Haetae-Items"
	HeaderActorID   = "X-Haetae-Actor-Id"
	HeaderActorType = "X-Haetae-Actor-Type"
	HeaderKey       = "X-Haetae-Key"
	HeaderToken     = "X-Haetae-Token"

	headerPrefix = "x-haetae-"
)

// HeaderNames lists them all: a proxy must hide every one.
func HeaderNames() []string {
	return []string{HeaderSubjects, HeaderMore, HeaderRows, HeaderItems, HeaderActorID, HeaderActorType, HeaderKey, HeaderToken}
}

// DefaultMaxBytes is how much all headers of this package may take together.
// nginx reads an answer's whole head into proxy_buffer_size, one memory page of
// 4 or 8 KiB by default, and answers 502 if it does not fit; half of the smaller
// one is left to the service.
const DefaultMaxBytes = 2048

// minMaxBytes holds every header but the lists: four values of maxID bytes.
const minMaxBytes = 1280

// Headers is the way through a proxy.
type Headers struct {
	// MaxBytes bounds all headers together. Default DefaultMaxBytes, at least
	// 1,280. If it is larger than the proxy takes, the proxy refuses the answer
	// (nginx: 502) or loses the list (Envoy's header_to_metadata: at 8,192).
	MaxBytes int
	// Report is told what went wrong. Default: a warning to slog.Default.
	Report Reporter
}

// Middleware puts what handlers say into response headers, with the defaults of
// Headers. Use it only behind a proxy that takes them out again.
func Middleware(next http.Handler) http.Handler { return Headers{}.Wrap(next) }

// Wrap returns next with the middleware around it.
func (h Headers) Wrap(next http.Handler) http.Handler {
	limit := h.MaxBytes
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	limit = max(limit, minMaxBytes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		st, r := open(r)
		said := 0
		base, w := watch(w, func(header http.Header) {
			st.mu.Lock()
			defer st.mu.Unlock()
			said = st.said
			st.write(header, limit)
		})
		next.ServeHTTP(w, r)
		base.finish()
		st.mu.Lock()
		if st.said != said {
			st.fail(ErrLate)
		}
		errs := st.errs
		st.errs = nil
		st.mu.Unlock()
		for _, err := range errs {
			h.Report.tell(r, err)
		}
	})
}

// write sets the headers. All of the prefix belong to this package: what an
// answer carries from elsewhere, from another service or from its own client,
// does not count as said.
func (st *statement) write(header http.Header, limit int) {
	for name := range header {
		if len(name) >= len(headerPrefix) && strings.EqualFold(name[:len(headerPrefix)], headerPrefix) {
			delete(header, name)
		}
	}
	set := func(name, value string) {
		if value != "" {
			header.Set(name, value)
			limit -= cost(name, value)
		}
	}
	set(HeaderActorID, st.actor)
	set(HeaderActorType, st.actorType)
	set(HeaderKey, st.key)
	set(HeaderToken, st.token)
	// Room for both numbers is kept before the lists are looked at.
	const number = "2147483647"
	a := st.settle(limit-cost(HeaderSubjects, "")-cost(HeaderRows, number)-cost(HeaderMore, number), len(","))
	if a.rows >= 0 {
		set(HeaderRows, strconv.FormatInt(a.rows, 10))
	}
	if a.more > 0 {
		set(HeaderMore, strconv.FormatInt(a.more, 10))
	}
	set(HeaderSubjects, strings.Join(a.subjects, ","))
	// Items are a help for checking the catalog; they give way to subjects.
	if items := strings.Join(st.items, ","); cost(HeaderItems, items) <= limit {
		set(HeaderItems, items)
	}
}

// cost is what a header takes on the wire.
func cost(name, value string) int { return len(name) + len(": \r\n") + len(value) }
