package capture_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/haetae/haetae/capture"
	"github.com/haetae/haetae/event"
)

// told collects what was reported.
type told struct {
	mu   sync.Mutex
	errs []error
}

func (t *told) report(_ *http.Request, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errs = append(t.errs, err)
}

func (t *told) expect(tb testing.TB, want ...error) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.errs) != len(want) {
		tb.Fatalf("reported %v, want %v", t.errs, want)
	}
	for i := range want {
		if !errors.Is(t.errs[i], want[i]) {
			tb.Errorf("reported %v, want %v", t.errs[i], want[i])
		}
	}
}

// ask answers one request and returns the headers of ours, and what was reported.
func ask(t *testing.T, h http.HandlerFunc, change ...func(*http.Request)) (map[string]string, *told) {
	t.Helper()
	var errs told
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/x", nil)
	for _, c := range change {
		c(r)
	}
	capture.Headers{Report: errs.report}.Wrap(h).ServeHTTP(rec, r)
	out := map[string]string{}
	for name, values := range rec.Result().Header {
		if strings.HasPrefix(strings.ToLower(name), "x-haetae-") {
			out[name] = strings.Join(values, "|")
		}
	}
	return out, &errs
}

func equal(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: %q, want no such header", k, got[k])
		}
	}
}

func TestHeaders(t *testing.T) {
	got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		capture.Actor(ctx, "v7", "partner")
		capture.Credential(ctx, "partner-2025-01", "t1")
		capture.Subject(ctx, "m1", "m2")
		capture.Subject(ctx, []event.AccountID{"m2", "m3", ""}...)
		capture.Items(ctx, "name", "phone", "name")
		capture.Rows(ctx, 9)
		capture.Rows(ctx, 4)
		io.WriteString(w, "hello")
	})
	errs.expect(t)
	equal(t, got, map[string]string{
		capture.HeaderActorID: "v7", capture.HeaderActorType: "partner", capture.HeaderKey: "partner-2025-01",
		capture.HeaderToken: "t1", capture.HeaderSubjects: "m1,m2,m3", capture.HeaderItems: "name,phone", capture.HeaderRows: "4",
	})
}

// Whatever begins an answer, what was said before goes with it.
func TestEveryBeginning(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"nothing":     func(w http.ResponseWriter) {},
		"write":       func(w http.ResponseWriter) { w.Write([]byte("x")) },
		"string":      func(w http.ResponseWriter) { io.WriteString(w, "x") },
		"empty write": func(w http.ResponseWriter) { w.Write(nil) },
		"copy":        func(w http.ResponseWriter) { io.Copy(w, strings.NewReader("x")) },
		"status":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
		"error":       func(w http.ResponseWriter) { http.Error(w, "no", http.StatusForbidden) },
		"flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller":  func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
		"not found":   func(w http.ResponseWriter) { http.NotFound(w, httptest.NewRequest("GET", "/", nil)) },
		"two answers": func(w http.ResponseWriter) { w.WriteHeader(200); w.WriteHeader(200) },
	} {
		t.Run(name, func(t *testing.T) {
			got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
				capture.Subject(r.Context(), "m1")
				begin(w)
			})
			errs.expect(t)
			equal(t, got, map[string]string{capture.HeaderSubjects: "m1"})
		})
	}
}

// The same over a real connection, where headers really leave.
func TestOverTheWire(t *testing.T) {
	said := make(chan struct{})
	var errs told
	srv := httptest.NewServer(capture.Headers{Report: errs.report}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		capture.Subject(r.Context(), "m1")
		if _, ok := w.(http.Hijacker); !ok {
			t.Error("the writer of an HTTP/1 connection is no Hijacker any more")
		}
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Errorf("full duplex: %v", err)
		}
		w.WriteHeader(http.StatusEarlyHints)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("flush: %v", err)
		}
		<-said // the client has the headers before the body exists
		capture.Subject(r.Context(), "m2")
		io.WriteString(w, "body")
	})))
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	close(said)
	if got := res.Header.Get(capture.HeaderSubjects); got != "m1" {
		t.Errorf("subjects %q, want m1", got)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || string(body) != "body" {
		t.Fatalf("body %q, %v", body, err)
	}
	srv.Close()
	errs.expect(t, capture.ErrLate)
}

// A handler that takes the connection over finds what was said in the header
// map, and the connection is really its own.
func TestHijack(t *testing.T) {
	var errs told
	srv := httptest.NewServer(capture.Headers{Report: errs.report}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		capture.Actor(r.Context(), "m1", event.Member)
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n")
		w.Header().Write(rw)
		fmt.Fprint(rw, "\r\nraw")
		rw.Flush()
	})))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(all); !strings.Contains(s, "101 ") || !strings.Contains(s, "X-Haetae-Actor-Id: m1\r\n") || !strings.HasSuffix(s, "raw") {
		t.Errorf("the client got %q", s)
	}
	errs.expect(t)
}

// plain is a writer that can nothing but write.
type plain struct{ http.ResponseWriter }

// wrapped is one that can flush only by what it wraps.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestAbilitiesStayAsTheyWere(t *testing.T) {
	for _, c := range []struct {
		name    string
		w       http.ResponseWriter
		flusher bool
	}{
		{"recorder", httptest.NewRecorder(), true},
		{"plain", plain{httptest.NewRecorder()}, false},
		{"wrapped", wrapped{httptest.NewRecorder()}, true},
	} {
		var errs told
		h := capture.Headers{Report: errs.report}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := w.(http.Flusher); ok != c.flusher {
				t.Errorf("%s: Flusher %v, want %v", c.name, ok, c.flusher)
			}
			if _, ok := w.(http.Hijacker); ok {
				t.Errorf("%s: became a Hijacker", c.name)
			}
			err := http.NewResponseController(w).Flush()
			if c.flusher != (err == nil) || err != nil && !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: flush: %v", c.name, err)
			}
			// After a flush that did nothing it is not too late.
			if !c.flusher {
				capture.Subject(r.Context(), "m1")
			}
		}))
		h.ServeHTTP(c.w, httptest.NewRequest("GET", "/", nil))
		errs.expect(t)
		if !c.flusher && c.w.Header().Get(capture.HeaderSubjects) != "m1" {
			t.Errorf("%s: subject lost", c.name)
		}
	}
}

func TestNothingSlipsIn(t *testing.T) {
	t.Run("a client's headers", func(t *testing.T) {
		got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(capture.HeaderSubjects) != "" {
				t.Error("the handler sees what the client sent")
			}
			w.Header()["x-haetae-subjects"] = []string{"m666"} // an answer that echoes
			w.Header().Set("X-Haetae-Anything", "m666")
			capture.Rows(r.Context(), 0)
		}, func(r *http.Request) { r.Header.Set(capture.HeaderSubjects, "m666") })
		errs.expect(t)
		equal(t, got, map[string]string{capture.HeaderRows: "0"})
	})
	t.Run("line breaks", func(t *testing.T) {
		got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
			capture.Actor(r.Context(), "a\r\nX-Evil: 1", "staff")
			capture.Subject(r.Context(), "m1", "m2\nX-Evil: 1", "m3")
		})
		errs.expect(t, capture.ErrID)
		equal(t, got, map[string]string{capture.HeaderActorType: "staff", capture.HeaderMore: "3", capture.HeaderRows: "3"})
	})
	for name, id := range map[string]string{
		"comma": "m1,m2", "long": strings.Repeat("x", 257), "blank": " m1", "NUL": "m\x001", "invalid": "m\xff", "dash": "-", "delete": "m\x7f",
	} {
		t.Run(name, func(t *testing.T) {
			got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) { capture.Subject(r.Context(), id) })
			errs.expect(t, capture.ErrID)
			equal(t, got, map[string]string{capture.HeaderMore: "1", capture.HeaderRows: "1"})
		})
	}
	t.Run("items", func(t *testing.T) {
		got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
			capture.Items(r.Context(), "door_code", "010-1234-5678", "")
			capture.Rows(r.Context(), -1)
		})
		errs.expect(t, capture.ErrItem, capture.ErrRows)
		equal(t, got, map[string]string{capture.HeaderItems: "door_code"})
	})
}

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtMSJ9.c2lnbmF0dXJl"

func TestBearerValuesStayInside(t *testing.T) {
	for _, c := range []struct {
		name, token string
		request     func(*http.Request)
	}{
		{"a JWT", jwt, nil},
		{"with its scheme", "Bearer abcdef", nil},
		{"the header's", "opaque-secret-1", func(r *http.Request) { r.Header.Set("Authorization", "Token opaque-secret-1") }},
		{"the whole header", "opaque", func(r *http.Request) { r.Header.Set("Authorization", "opaque") }},
		{"an API key", "k-secret", func(r *http.Request) { r.Header.Set("X-API-Key", "k-secret") }},
		{"a cookie's", "c0ffee", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "session", Value: "c0ffee"}) }},
		{"a password", "hunter2", func(r *http.Request) { r.SetBasicAuth("s103", "hunter2") }},
	} {
		for _, say := range []func(context.Context){
			func(ctx context.Context) { capture.Credential(ctx, "", c.token) },
			func(ctx context.Context) { capture.Credential(ctx, c.token, "") },
			func(ctx context.Context) { capture.Actor(ctx, c.token, "") },
		} {
			got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) { say(r.Context()) }, func(r *http.Request) {
				if c.request != nil {
					c.request(r)
				}
			})
			errs.expect(t, capture.ErrBearer)
			if len(got) > 0 {
				t.Errorf("%s: %v", c.name, got)
			}
		}
	}
	got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("session")
		capture.Actor(r.Context(), "s103", "staff") // a user name is no secret
		capture.Credential(r.Context(), "k1", capture.TokenID(c.Value))
	}, func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "session", Value: "c0ffee"})
		r.SetBasicAuth("s103", "hunter2")
	})
	errs.expect(t)
	if id := got[capture.HeaderToken]; len(id) != 32 || id != string(capture.TokenID("c0ffee")) || id == string(capture.TokenID("c0ffef")) {
		t.Errorf("token id %q", id)
	}
	if capture.TokenID("") != "" {
		t.Error("no secret has an id")
	}
}

// A list that does not fit is not cut: the answer names nobody and says how many.
func TestTooMany(t *testing.T) {
	for _, n := range []int{1, 100, 200, 219, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 1000, 200_000} {
		got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
			for i := range n {
				capture.Subject(r.Context(), fmt.Sprintf("m%07d", i))
			}
		})
		total := 0
		for k, v := range got {
			total += len(k) + len(v) + len(": \r\n")
		}
		if total > capture.DefaultMaxBytes {
			t.Errorf("%d subjects: the headers take %d bytes", n, total)
		}
		if list := got[capture.HeaderSubjects]; list != "" {
			errs.expect(t)
			if c := strings.Count(list, ",") + 1; c != n {
				t.Errorf("%d of %d subjects named", c, n)
			}
			continue
		}
		if n < 200 {
			t.Errorf("%d subjects do not fit", n)
		}
		errs.expect(t, capture.ErrTooMany)
		equal(t, got, map[string]string{capture.HeaderMore: fmt.Sprint(n), capture.HeaderRows: fmt.Sprint(n)})
	}
	// Rows that were counted stand as they were said.
	got, _ := ask(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range 1000 {
			capture.Subject(r.Context(), fmt.Sprintf("m%07d", i))
		}
		capture.Rows(r.Context(), 7000)
	})
	equal(t, got, map[string]string{capture.HeaderMore: "1000", capture.HeaderRows: "7000"})
}

// The longest single values leave the bound alone, and items give way.
func TestLongestValues(t *testing.T) {
	long := strings.Repeat("x", 256)
	var errs told
	rec := httptest.NewRecorder()
	capture.Headers{MaxBytes: 1, Report: errs.report}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		capture.Actor(r.Context(), long, long)
		capture.Credential(r.Context(), long, long)
		capture.Rows(r.Context(), 1<<40)
		for i := range 60 {
			capture.Items(r.Context(), fmt.Sprintf("item_%d", i))
			capture.Subject(r.Context(), fmt.Sprintf("m%07d", i))
		}
	})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	total := 0
	for k, v := range rec.Header() {
		total += len(k) + len(v[0]) + len(": \r\n")
	}
	if total > 1280 {
		t.Errorf("the headers take %d bytes", total)
	}
	if rec.Header().Get(capture.HeaderMore) != "60" || rec.Header().Get(capture.HeaderRows) != "2147483647" || rec.Header().Get(capture.HeaderToken) != long {
		t.Errorf("more %q, rows %q", rec.Header().Get(capture.HeaderMore), rec.Header().Get(capture.HeaderRows))
	}
	errs.expect(t, capture.ErrTooMany)
}

// Handlers may speak from several goroutines; run with -race.
func TestSeveralGoroutines(t *testing.T) {
	got, errs := ask(t, func(w http.ResponseWriter, r *http.Request) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 10 {
					capture.Subject(r.Context(), fmt.Sprintf("m%d", i*10+j))
					capture.Rows(r.Context(), 80)
				}
			})
		}
		wg.Wait()
	})
	errs.expect(t)
	if n := strings.Count(got[capture.HeaderSubjects], ",") + 1; n != 80 {
		t.Errorf("%d subjects", n)
	}
}

// A handler works without the middleware.
func TestAlone(t *testing.T) {
	ctx := context.Background()
	capture.Subject(ctx, "m1")
	capture.Items(ctx, "name")
	capture.Rows(ctx, 1)
	capture.Actor(ctx, "a", "b")
	capture.Credential(ctx, "a", "b")
}

// FuzzHeaders: whatever a handler says, the head of the answer stays well
// formed and bounded, and a list of subjects is all of them or none.
func FuzzHeaders(f *testing.F) {
	f.Add("m1 m2", "s103", "staff", "key-1", "t1", 2)
	f.Add("m1\r\nSet-Cookie: a=b", "a\nb", "\x00", jwt, "Bearer x", -1)
	f.Add(strings.Repeat("m1 ", 5000), "회원", "직원", "키", "-", 1<<31)
	f.Fuzz(func(t *testing.T, subjects, id, typ, key, token string, rows int) {
		ids := strings.Split(subjects, " ")
		var raw bytes.Buffer
		rec := httptest.NewRecorder()
		capture.Headers{Report: func(*http.Request, error) {}}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			capture.Subject(r.Context(), ids...)
			capture.Actor(r.Context(), id, typ)
			capture.Credential(r.Context(), key, token)
			capture.Rows(r.Context(), rows)
		})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		rec.Header().Write(&raw)
		raw.WriteString("\r\n")
		if raw.Len() > capture.DefaultMaxBytes+2 {
			t.Fatalf("the head takes %d bytes", raw.Len())
		}
		head, err := textproto.NewReader(bufio.NewReader(&raw)).ReadMIMEHeader()
		if err != nil {
			t.Fatalf("not a head: %v", err)
		}
		for name, values := range head {
			known := false
			for _, h := range capture.HeaderNames() {
				known = known || h == name
			}
			if !known || len(values) != 1 {
				t.Fatalf("header %q came in, %d times", name, len(values))
			}
		}
		want := map[string]bool{}
		for _, s := range ids {
			if s != "" {
				want[s] = true
			}
		}
		list := head.Get(capture.HeaderSubjects)
		if list == "" {
			if len(want) > 0 && head.Get(capture.HeaderMore) == "" {
				t.Fatal("subjects are gone without a word")
			}
			return
		}
		for _, s := range strings.Split(list, ",") {
			if !want[s] {
				t.Fatal("a subject came in that nobody named")
			}
			delete(want, s)
		}
		if len(want) > 0 {
			t.Fatal("a part of the subjects is missing")
		}
	})
}
