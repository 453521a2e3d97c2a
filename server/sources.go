package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// Way is how records of a source come in. Another way of taking records in adds its
// word here, says in SourcesOf what the folder knows of it, and calls arrivals.note
// when something came.
type Way string

const (
	WayImport Way = "import" // files, by haetae import
	WayFollow Way = "follow" // a live file
	WayHTTP   Way = "http"   // POST /v1/records
	WayOTLP   Way = "otlp"   // POST /v1/logs
	WayToken  Way = "token"  // there is a token to send with; nothing is known to have come
)

// DefaultWindow is how much time up to a source's last record its rate and shares are
// counted over.
const DefaultWindow = 24 * time.Hour

// Bounds of a window: below the first a rate is chance, above the second a question
// about sources would read years.
const (
	minWindow = time.Minute
	maxWindow = 366 * 24 * time.Hour
)

// SourceWay is one way in.
type SourceWay struct {
	Way Way `json:"way"`
	// Files or tokens there are.
	Count int `json:"count,omitempty"`
	// Last is when something last came this way; null when that is not known.
	Last *time.Time `json:"last_arrival"`
	// Of a running server, since its start: the records that came, and what a
	// followed file still holds and why it cannot be read.
	Records int64  `json:"records_since_start,omitempty"`
	Behind  int64  `json:"bytes_behind,omitempty"`
	Error   string `json:"error,omitempty"`
}

// SourceStatus is what arrives of one source.
type SourceStatus struct {
	Source string `json:"source"`
	// Declared: the catalog in force has it.
	Declared bool        `json:"declared"`
	Format   string      `json:"format,omitempty"`
	Ways     []SourceWay `json:"ways"`
	Records  int64       `json:"records"`
	First    *time.Time  `json:"first_record"`
	Last     *time.Time  `json:"last_record"`
	// LastArrival is when something last came in, as far as it is known: of imports
	// always, of live ways since the server's start.
	LastArrival *time.Time `json:"last_arrival"`
	// LagSeconds is how old the newest record was when it came; null when nothing
	// came since the server's start.
	LagSeconds *float64 `json:"lag_seconds"`
	// SilentSeconds is the time since the last record.
	SilentSeconds *float64 `json:"silent_seconds"`
	Aside         int64    `json:"aside"`
	// Cadence, Coverage and Gaps are those of the extent of a question.
	CadenceSeconds float64 `json:"cadence_seconds,omitempty"`
	Coverage       string  `json:"coverage"`
	Gaps           int     `json:"gaps"`
	Recent         Recent  `json:"recent"`
}

// Recent is what the records of a source were like up to its last one.
type Recent struct {
	WindowSeconds float64 `json:"window_seconds"`
	Records       int64   `json:"records"`
	// PerHour is over the window, or over the time since the first record if that is
	// shorter; less than an hour counts as one.
	PerHour float64 `json:"records_per_hour"`
	// Of the records: how many say who read, with which credential, from which
	// address, are on a route of the catalog, on one with items, and name an account.
	Actor      int64 `json:"actor"`
	Credential int64 `json:"credential"`
	Address    int64 `json:"address"`
	Route      int64 `json:"route"`
	Item       int64 `json:"item"`
	Account    int64 `json:"account"`
}

// Sources is the answer to GET /v1/sources.
type Sources struct {
	Sources []SourceStatus `json:"sources"`
}

// arrivals is what came in since the start, by source and way. Its zero value is ready.
type arrivals struct {
	mu sync.Mutex
	m  map[string]map[Way]arrival
}

type arrival struct {
	at      time.Time
	newest  event.Millis // of what came then
	records int64
}

func (a *arrivals) note(source string, way Way, at time.Time, newest event.Millis, accepted int) {
	if newest == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.m == nil {
		a.m = map[string]map[Way]arrival{}
	}
	if a.m[source] == nil {
		a.m[source] = map[Way]arrival{}
	}
	a.m[source][way] = arrival{at, newest, a.m[source][way].records + int64(accepted)}
}

func (a *arrivals) of(source string) map[Way]arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[Way]arrival{}
	for w, x := range a.m[source] {
		out[w] = x
	}
	return out
}

// SourcesOf looks into a ledger: every source of the catalog in force, and every
// other that has records, lines set aside or a token. tokens are those of the folder.
func SourcesOf(ctx context.Context, l *ledger.Ledger, tokens []Token, window time.Duration, now time.Time, workers int) (*Sources, error) {
	v, err := l.View()
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	defer v.Close()
	b := sourceBook{m: map[string]*SourceStatus{}}
	zone := time.UTC
	cat := v.Catalog()
	if cat != nil {
		zone = cat.Zone()
		for i := range cat.Sources {
			s := b.of(cat.Sources[i].Name)
			s.Declared, s.Format, s.CadenceSeconds = true, cat.Sources[i].Format, cat.Sources[i].Cadence.Seconds()
		}
	}
	for _, r := range v.Segments() {
		info, err := r.Info()
		if err != nil {
			return nil, fmt.Errorf("sources: %w", err)
		}
		for name, in := range info.Sources {
			if name == "haetae" || in.Records == 0 {
				continue // openings, which no source sends
			}
			s := b.of(name)
			s.Records += in.Records
			first, last := in.MinTime.Time(), in.MaxTime.Time()
			if s.First == nil || first.Before(*s.First) {
				s.First = &first
			}
			if s.Last == nil || last.After(*s.Last) {
				s.Last = &last
			}
		}
	}
	for name, n := range v.SetAside() {
		b.of(name).Aside = n
	}
	known, err := l.Arrivals()
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	b.ways(known, tokens)
	coverage, err := scope.Coverage(v, zone, event.MillisOf(now))
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	for _, c := range coverage {
		s := b.of(c.Source)
		s.Coverage, s.Gaps = c.Coverage, c.Gaps
	}
	out := &Sources{Sources: []SourceStatus{}}
	for _, s := range b.m {
		if s.Last != nil {
			silent := now.Sub(*s.Last).Seconds()
			s.SilentSeconds = &silent
			if s.Recent, err = recent(ctx, v, s, window, workers); err != nil {
				return nil, fmt.Errorf("sources: %w", err)
			}
		}
		out.Sources = append(out.Sources, *s)
	}
	slices.SortFunc(out.Sources, func(a, b SourceStatus) int { return cmp.Compare(a.Source, b.Source) })
	return out, nil
}

type sourceBook struct{ m map[string]*SourceStatus }

func (b *sourceBook) of(name string) *SourceStatus {
	s := b.m[name]
	if s == nil {
		s = &SourceStatus{Source: name, Ways: []SourceWay{}, Coverage: "unknown"}
		b.m[name] = s
	}
	return s
}

// ways adds what the folder knows of how records came in.
func (b *sourceBook) ways(known []ledger.Arrival, tokens []Token) {
	for _, a := range known {
		way := SourceWay{Way: WayImport, Count: a.Files}
		if a.Followed {
			way.Way = WayFollow
		}
		s := b.of(a.Source)
		if !a.Last.IsZero() {
			at := a.Last
			way.Last = &at
			s.arrivedAt(at)
		}
		s.Ways = append(s.Ways, way)
	}
	for _, t := range tokens {
		s := b.of(t.Source)
		if i := slices.IndexFunc(s.Ways, func(w SourceWay) bool { return w.Way == WayToken }); i >= 0 {
			s.Ways[i].Count++
		} else {
			s.Ways = append(s.Ways, SourceWay{Way: WayToken, Count: 1})
		}
	}
}

func (s *SourceStatus) arrivedAt(at time.Time) {
	if s.LastArrival == nil || at.After(*s.LastArrival) {
		s.LastArrival = &at
	}
}

// recent counts the records of the window that ends with the last record. Each number
// is an answer of scope, so that it is the one that a person gets who asks the same.
func recent(ctx context.Context, v *ledger.View, s *SourceStatus, window time.Duration, workers int) (Recent, error) {
	last := event.MillisOf(*s.Last)
	from := last - event.Millis(window.Milliseconds())
	r := Recent{WindowSeconds: window.Seconds()}
	of := "source == " + strconv.Quote(s.Source)
	for _, q := range []struct {
		where string
		n     *int64
	}{
		{"", &r.Records}, {` && actor.id != ""`, &r.Actor}, {` && (credential.key != "" || credential.token != "")`, &r.Credential},
		{` && client.ip != ""`, &r.Address}, {` && size(items) > 0`, &r.Item}, {` && account != ""`, &r.Account},
	} {
		e, err := scope.Run(ctx, v, scope.Query{Where: of + q.where, From: max(1, from), To: last + 1, Workers: workers, Now: last})
		if err != nil {
			return r, err
		}
		if *q.n = e.Records; q.where == "" {
			r.Route = e.Records - e.Unmapped.Records
		}
	}
	span := min(window, s.Last.Sub(*s.First))
	r.PerHour = float64(r.Records) / max(span, time.Hour).Hours()
	return r, nil
}

// live adds what a running server knows.
func (s *Server) live(st *SourceStatus) {
	for way, a := range s.arrived.of(st.Source) {
		at, lag := a.at, max(0, a.at.Sub(a.newest.Time()).Seconds())
		if st.LastArrival == nil || !at.Before(*st.LastArrival) {
			st.LastArrival, st.LagSeconds = &at, &lag
		}
		i := slices.IndexFunc(st.Ways, func(w SourceWay) bool { return w.Way == way })
		if i < 0 {
			i = len(st.Ways)
			st.Ways = append(st.Ways, SourceWay{Way: way})
		}
		st.Ways[i].Last, st.Ways[i].Records = &at, a.records
	}
	for _, f := range s.follows {
		fs := f.status()
		if fs.Source != st.Source {
			continue
		}
		i := slices.IndexFunc(st.Ways, func(w SourceWay) bool { return w.Way == WayFollow })
		if i < 0 {
			i = len(st.Ways)
			st.Ways = append(st.Ways, SourceWay{Way: WayFollow, Count: 1})
		}
		st.Ways[i].Behind += fs.Behind
		st.Ways[i].Error = cmp.Or(st.Ways[i].Error, fs.Error)
	}
	slices.SortFunc(st.Ways, func(a, b SourceWay) int { return cmp.Compare(a.Way, b.Way) })
}

// CheckWindow refuses a window that tells nothing.
func CheckWindow(d time.Duration) bool { return d >= minWindow && d <= maxWindow }

func (s *Server) getSources(w http.ResponseWriter, r *http.Request) {
	window := DefaultWindow
	for k, values := range r.URL.Query() {
		d, err := time.ParseDuration(values[0])
		if k != "window" || len(values) > 1 || err != nil || !CheckWindow(d) {
			refuse(w, http.StatusBadRequest, "parameter", "the parameter is window, a time from 1m to 8784h")
			return
		}
		window = d
	}
	tokens, err := Tokens(s.opts.FS, s.opts.Data)
	if err != nil {
		s.fault(w, "sources", err)
		return
	}
	ctx, stop := s.queryContext(r)
	defer stop()
	ans, err := SourcesOf(ctx, s.ledger, tokens, window, time.Now(), s.opts.Workers)
	if err != nil {
		s.fault(w, "sources", err)
		return
	}
	for i := range ans.Sources {
		s.live(&ans.Sources[i])
	}
	writeJSON(w, http.StatusOK, ans)
}

// Sources asks the server what arrives.
func (c *Client) Sources(ctx context.Context, window time.Duration) (*Sources, error) {
	var s Sources
	return &s, c.get(ctx, "/v1/sources?window="+url.QueryEscape(window.String()), &s)
}

// FolderSources is SourcesOf of a folder beside no server.
func FolderSources(ctx context.Context, fsys disk.FS, dir string, l *ledger.Ledger, window time.Duration, workers int) (*Sources, error) {
	tokens, err := Tokens(fsys, dir)
	if err != nil {
		return nil, err
	}
	return SourcesOf(ctx, l, tokens, window, time.Now(), workers)
}
