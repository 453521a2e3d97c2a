package feed

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/written/writtentest"
)

// site is a server over TLS, and a feed that trusts it and has a token for it.
func site(t *testing.T, h http.HandlerFunc) (*Feed, *httptest.Server) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "token")
	put(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	put(t, token, writtentest.Marker)
	put(t, filepath.Join(dir, "headers"), "X-Tenant: "+writtentest.Marker)
	put(t, filepath.Join(dir, "url"), s.URL+"/people?k="+writtentest.Marker)
	return &Feed{URLFile: filepath.Join(dir, "url"), CAFile: ca, TokenFile: token, HeadersFile: filepath.Join(dir, "headers"), Format: "json"}, s
}

// TestUnchanged: what a server gave for its content is sent back, and that nothing has
// changed makes the content new again.
func TestUnchanged(t *testing.T) {
	var asked []string
	f, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization")+"|"+r.Header.Get("X-Tenant")+"|"+r.Header.Get("If-None-Match")+"|"+r.Header.Get("If-Modified-Since"))
		if r.Header.Get("If-None-Match") == `"e1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Last-Modified", "Mon, 02 Mar 2026 00:00:00 GMT")
		io.WriteString(w, `[{"id":"s1"}]`)
	})
	k := &kept{}
	got, err := f.fetch(t.Context(), k)
	if err != nil || got.etag != `"e1"` || got.unchanged || string(got.data) != `[{"id":"s1"}]` {
		t.Fatalf("%+v, %v", got, err)
	}
	before := time.Now()
	k.ETag, k.Modified, k.Digest = got.etag, got.modified, "x"
	if got, err = f.fetch(t.Context(), k); err != nil || !got.unchanged || got.asOf.Before(before) {
		t.Errorf("unchanged: %+v, %v", got, err)
	}
	k.Digest = "" // there is no content that could be unchanged
	if got, err = f.fetch(t.Context(), k); err != nil || got.unchanged {
		t.Errorf("with nothing kept: %+v, %v", got, err)
	}
	m := writtentest.Marker
	want := []string{"Bearer " + m + "|" + m + "||", "Bearer " + m + "|" + m + `|"e1"|Mon, 02 Mar 2026 00:00:00 GMT`, "Bearer " + m + "|" + m + "||"}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %q", asked)
	}
}

// TestTroubles: whatever goes wrong outside is told without address, token and answer.
func TestTroubles(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Error("a redirect to another host was followed, with " + r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	f, s := site(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, elsewhere.URL+"/"+writtentest.Marker, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		case "/here":
			if r.Header.Get("Authorization") == "" {
				t.Error("the token was not sent to the same host")
			}
			io.WriteString(w, "[]")
		case "/denied":
			http.Error(w, writtentest.Marker, http.StatusUnauthorized)
		case "/busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `[{"id":"`+writtentest.Marker)
		case "/large":
			for range 65 {
				w.Write(make([]byte, 1<<20))
			}
		case "/unasked":
			w.WriteHeader(http.StatusNotModified)
		case "/slow":
			<-r.Context().Done()
		}
	})
	for path, want := range map[string]string{
		"/moved": "", "/elsewhere": "answered 302: a redirect to another host is not followed", "/round": "answered 302",
		"/denied": "answered 401", "/busy": "answered 503", "/cut": "call: the answer broke off", "/large": "is larger than 64 MiB",
		"/unasked": "answered 304", "/slow": "call: no answer in time",
	} {
		put(t, f.URLFile, s.URL+path+"?k="+writtentest.Marker)
		ctx, stop := context.WithCancel(t.Context())
		if path == "/slow" {
			ctx, stop = context.WithTimeout(t.Context(), 200*time.Millisecond)
		}
		_, err := f.fetch(ctx, &kept{})
		stop()
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
			continue
		}
		if problem := writtentest.Told(err, ""); problem != "" {
			t.Errorf("%s: %s", path, problem)
		}
		var wait *later
		if errors.As(err, &wait) != (path == "/busy") || wait != nil && wait.after != 2*time.Minute {
			t.Errorf("%s: %v", path, wait)
		}
	}
	put(t, f.URLFile, s.URL+"/here")
	f.CAFile = ""
	if _, err := f.fetch(t.Context(), &kept{}); err == nil || err.Error() != "call: the certificate is signed by nobody known here" {
		t.Errorf("a server nobody trusts: %v", err)
	}
}

// TestRetryAfter: a server that says when to come back is asked then, and not by the
// doubling of pauses.
func TestRetryAfter(t *testing.T) {
	code := http.StatusServiceUnavailable
	f, _ := site(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(code)
	})
	s := newStand(t, detect.FeedHolders)
	s.feed.File, s.feed.URLFile, s.feed.CAFile, s.feed.Format = "", f.URLFile, f.CAFile, "json"
	s.open()
	if after := s.desk.look(t.Context(), s.desk.slots[0]); after < 9*time.Minute || after > 11*time.Minute {
		t.Errorf("asked again after %v", after)
	}
	list, _ := s.desk.Status(time.Now())
	if list[0].From != "http" || list[0].Error != "answered 503" || list[0].Fails != 1 {
		t.Errorf("%+v", list[0])
	}
}
