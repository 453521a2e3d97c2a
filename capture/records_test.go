package capture_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/capture"
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/records"
	"github.com/haetae/haetae/packs"
)

// decode reads lines as a server would: with ingest/records, by the catalog of
// the sample shop.
func decode(t *testing.T, text []byte) []event.Record {
	t.Helper()
	raw, err := packs.FS.ReadFile("catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Parse("shop.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	d, err := records.New(cat, "gateway", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var out []event.Record
	for line := range bytes.Lines(text) {
		var rec event.Record
		if err := d.Decode(bytes.TrimSuffix(line, []byte("\n")), &rec); err != nil {
			t.Fatalf("line %d cannot be read: %v", len(out)+1, err)
		}
		out = append(out, rec.Clone())
	}
	return out
}

// serve answers one request and returns the record of it.
func serve(t *testing.T, c capture.Records, r *http.Request, h http.HandlerFunc) event.Record {
	t.Helper()
	var out bytes.Buffer
	c.Sink = capture.Lines(&out)
	func() {
		defer func() { recover() }()
		c.Wrap(h).ServeHTTP(httptest.NewRecorder(), r)
	}()
	recs := decode(t, out.Bytes())
	if len(recs) != 1 {
		t.Fatalf("%d records of one request", len(recs))
	}
	return recs[0]
}

func TestRecord(t *testing.T) {
	before := event.MillisOf(time.Now())
	r := httptest.NewRequest("GET", "/seller/shipments/export?day=1", nil)
	r.RemoteAddr = "[2001:db8::7]:4711"
	r.Header.Set("User-Agent", "curl\t8 \"x\"")
	var errs told
	rec := serve(t, capture.Records{Report: errs.report}, r, func(w http.ResponseWriter, r *http.Request) {
		capture.Actor(r.Context(), "v7", "partner")
		capture.Credential(r.Context(), "k1", "t1")
		io.WriteString(w, "begun")
		capture.Subject(r.Context(), "m1000001", "m1000002") // the record is written at the end
		capture.Items(r.Context(), "name")
		capture.Rows(r.Context(), 5)
	})
	errs.expect(t)
	if rec.Time < before || rec.Time > event.MillisOf(time.Now()) {
		t.Errorf("time %v", rec.Time)
	}
	if rec.ID == "" || rec.Route != "GET /seller/shipments/export" || rec.Status != 200 || rec.Rows != 5 ||
		rec.Actor != (event.Actor{ID: "v7", Type: "partner"}) || rec.Credential != (event.Credential{Key: "k1", Token: "t1"}) ||
		rec.Client.IP != netip.MustParseAddr("2001:db8::7") || rec.Client.Agent != "curl 8 \"x\"" {
		t.Errorf("%+v", rec)
	}
	if len(rec.Subjects) != 2 || rec.Subjects[0] != "m1000001" || rec.Subjects[1] != "m1000002" || rec.Position != event.PositionList {
		t.Errorf("%d subjects at %v", len(rec.Subjects), rec.Position)
	}
}

func TestRecordOfEveryOutcome(t *testing.T) {
	for _, c := range []struct {
		name   string
		h      http.HandlerFunc
		status uint16
	}{
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, 200},
		{"refused", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 403) }, 403},
		{"panicked before", func(http.ResponseWriter, *http.Request) { panic("x") }, 500},
		{"panicked after", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x"); panic("x") }, 200},
		{"aborted", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 500},
	} {
		rec := serve(t, capture.Records{}, httptest.NewRequest("GET", "/my/orders", nil), c.h)
		if rec.Status != c.status {
			t.Errorf("%s: status %d, want %d", c.name, rec.Status, c.status)
		}
	}
}

// A path that a mux took a prefix off, and bytes that do not belong into one.
func TestRecordURI(t *testing.T) {
	r := httptest.NewRequest("GET", "/support/members/m1000042", nil)
	rec := serve(t, capture.Records{}, r, http.StripPrefix("/support", http.NotFoundHandler()).ServeHTTP)
	if rec.Route != "GET /support/members/{member}" {
		t.Errorf("route %q", rec.Route)
	}
	r = httptest.NewRequest("GET", "/x", nil)
	r.RequestURI = "/회원/\"\\\x01"
	serve(t, capture.Records{}, r, func(http.ResponseWriter, *http.Request) {})
}

func TestRecordOptions(t *testing.T) {
	c := capture.Records{
		ClientIP:  func(r *http.Request) netip.Addr { return netip.MustParseAddr("203.0.113.9") },
		RequestID: func(r *http.Request) string { return r.Header.Get("X-Request-Id") },
	}
	r := httptest.NewRequest("GET", "/my/orders", nil)
	r.Header.Set("X-Request-Id", "r1")
	rec := serve(t, c, r, func(http.ResponseWriter, *http.Request) {})
	if rec.ID != "r1" || rec.Client.IP.String() != "203.0.113.9" {
		t.Errorf("client %v", rec.Client.IP)
	}
	r.Header.Set("X-Request-Id", "r\x01")
	r.RemoteAddr = "pipe"
	c.ClientIP = nil
	if rec = serve(t, c, r, func(http.ResponseWriter, *http.Request) {}); rec.ID == "" || rec.ID == "r\x01" || rec.Client.IP.IsValid() {
		t.Error("an unfit id went through")
	}
}

// A hundred thousand subjects do not fit into a line of 1 MiB: none is named.
func TestRecordTooMany(t *testing.T) {
	for _, n := range []int{event.MaxSubjects, event.MaxSubjects + 1, 150_000} {
		var errs told
		rec := serve(t, capture.Records{Report: errs.report}, httptest.NewRequest("GET", "/seller/shipments/export", nil), func(w http.ResponseWriter, r *http.Request) {
			for i := range n {
				capture.Subject(r.Context(), fmt.Sprintf("m%07d", i))
			}
		})
		if n == event.MaxSubjects {
			errs.expect(t)
			if len(rec.Subjects) != n || rec.Rows != event.RowsUnknown {
				t.Errorf("%d: %d subjects, %d rows", n, len(rec.Subjects), rec.Rows)
			}
			continue
		}
		errs.expect(t, capture.ErrTooMany)
		if len(rec.Subjects) != 0 || int(rec.Rows) != n {
			t.Errorf("%d: %d subjects, %d rows", n, len(rec.Subjects), rec.Rows)
		}
	}
}

// Both ways at once share what was said.
func TestRecordsAroundHeaders(t *testing.T) {
	var out bytes.Buffer
	rec := httptest.NewRecorder()
	h := capture.Records{Sink: capture.Lines(&out)}.Wrap(capture.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		capture.Actor(r.Context(), "m1000001", event.Member)
	})))
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/my/orders", nil))
	if got := rec.Header().Get(capture.HeaderActorID); got != "m1000001" {
		t.Errorf("header %q", got)
	}
	if recs := decode(t, out.Bytes()); len(recs) != 1 || len(recs[0].Subjects) != 1 {
		t.Error("the record does not know it")
	}
}

// failing writes n bytes of its first line and fails.
type failing struct {
	bytes.Buffer
	n    int
	once bool
}

func (f *failing) Write(p []byte) (int, error) {
	if !f.once {
		f.once = true
		f.Buffer.Write(p[:f.n])
		return f.n, errors.New("disk full")
	}
	return f.Buffer.Write(p)
}

// A line that was torn does not take the next one with it.
func TestLinesAfterAFailure(t *testing.T) {
	for _, n := range []int{0, 7} {
		f := &failing{n: n}
		s := capture.Lines(f)
		if err := s.WriteRecord([]byte("{\"first\":1}\n")); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Fatalf("error %v", err)
		}
		if err := s.WriteRecord([]byte("{}\n")); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Split(f.String(), "\n"); lines[len(lines)-2] != "{}" {
			t.Errorf("%d bytes written: %q", n, f.String())
		}
	}
	var errs told
	capture.Records{Sink: capture.Lines(&failing{}), Report: errs.report}.Wrap(http.NotFoundHandler()).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if len(errs.errs) != 1 {
		t.Errorf("a lost record was reported %d times", len(errs.errs))
	}
}
