package capture

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/records"
)

func answer(h http.HandlerFunc, path string) http.Header {
	rec := httptest.NewRecorder()
	Headers(h).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec.Result().Header
}

func TestHeaders(t *testing.T) {
	h := answer(func(w http.ResponseWriter, r *http.Request) {
		Actor(r.Context(), "s103", "staff")
		Credential(r.Context(), "staff-2025-01", "t1")
		Subject(r.Context(), "m1", "m2", "m1", "")
		Rows(r.Context(), 2)
		fmt.Fprint(w, "hello")
		Subject(r.Context(), "m3") // too late
	}, "/x")
	want := map[string]string{HeaderSubjects: "m1,m2", HeaderRows: "2", HeaderActorID: "s103", HeaderActorType: "staff", HeaderKey: "staff-2025-01", HeaderToken: "t1"}
	for k, v := range want {
		if h.Get(k) != v {
			t.Errorf("%s: %q, want %q", k, h.Get(k), v)
		}
	}
}

// An answer without a body, an error, and a flushed stream all carry them.
func TestHeadersWithoutBody(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing": func(w http.ResponseWriter, r *http.Request) { Subject(r.Context(), "m1") },
		"no body": func(w http.ResponseWriter, r *http.Request) { Subject(r.Context(), "m1"); w.WriteHeader(204) },
		"flushed": func(w http.ResponseWriter, r *http.Request) { Subject(r.Context(), "m1"); w.(http.Flusher).Flush() },
		"unwrapped": func(w http.ResponseWriter, r *http.Request) {
			Subject(r.Context(), "m1")
			http.NewResponseController(w).Flush()
		},
	} {
		if got := answer(h, "/").Get(HeaderSubjects); got != "m1" {
			t.Errorf("%s: subjects %q", name, got)
		}
	}
}

func TestNothingSlipsIn(t *testing.T) {
	h := answer(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(HeaderSubjects) != "" {
			t.Error("a client's header reached the handler")
		}
		Actor(r.Context(), "a\r\nX-Evil: 1", "staff")
		Credential(r.Context(), "Bearer abc", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln")
	}, "/")
	if h.Get("X-Evil") != "" || h.Get(HeaderActorID) != "" || h.Get(HeaderKey) != "" || h.Get(HeaderToken) != "" {
		t.Errorf("headers: %v", h)
	}
}

// Too many subjects for a header: none is named, and the rows say how many.
func TestTooMany(t *testing.T) {
	h := answer(func(w http.ResponseWriter, r *http.Request) {
		for i := range 1000 {
			Subject(r.Context(), fmt.Sprintf("m%07d", i))
		}
	}, "/")
	if h.Get(HeaderSubjects) != "" || h.Get(HeaderRows) != "1000" {
		t.Errorf("subjects %d bytes, rows %q", len(h.Get(HeaderSubjects)), h.Get(HeaderRows))
	}
}

// TestRecords: what Records writes is what ingest/records reads.
func TestRecords(t *testing.T) {
	cat, err := catalog.Parse("c.yaml", []byte("version: 1\nitems:\n  name: {ko: 성명, en: name, class: ordinary}\nsources:\n  app:\n    format: json\n    fields: {time: time, uri: uri, method: method}\nroutes:\n  - route: GET /members/{member}\n    items: [name]\n    account: path.member\n"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	h := Records(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Actor(r.Context(), "s1", "staff")
		Credential(r.Context(), "k", "t")
		Rows(r.Context(), 1)
		http.Error(w, "no", http.StatusForbidden)
	}), &out, func(err error) { t.Error(err) })
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/members/m7?x=1", nil))
	d, err := records.New(cat, "app", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var rec event.Record
	if err := d.Decode([]byte(strings.TrimSpace(out.String())), &rec); err != nil {
		t.Fatal(err)
	}
	if rec.Route != "GET /members/{member}" || rec.Status != 403 || rec.Rows != 1 || rec.Actor.Type != "staff" || rec.Credential.Key != "k" || len(rec.Subjects) != 1 || rec.ID == "" || !rec.Client.IP.IsValid() {
		t.Fatalf("%+v", rec)
	}
}

// A handler works without the middleware.
func TestAlone(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	Subject(r.Context(), "m1")
	Rows(r.Context(), 1)
	Actor(r.Context(), "a", "b")
	Credential(r.Context(), "a", "b")
}
