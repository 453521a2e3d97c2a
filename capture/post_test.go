package capture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/capture"
)

// server stands in for a Haetae server: it takes lines, or does what a test says.
type server struct {
	mu     sync.Mutex
	lines  []string
	calls  int
	errors []error
	act    func(call int, lines []string) (status int, body string, header http.Header)
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.Header.Get("Authorization") != "Bearer secret" || r.URL.Path != "/v1/records" || r.Header.Get("Content-Type") != "application/x-ndjson" {
		return nil, errors.New("not the request it should be")
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(body), "\n")+"\n", "\n")
	lines = lines[:len(lines)-1]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	status, text, header := 200, `{"accepted":1}`, http.Header{}
	if s.act != nil {
		status, text, header = s.act(s.calls, lines)
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	if status == 200 {
		s.lines = append(s.lines, lines...)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader([]byte(text)))}, nil
}

// seen is how many requests and records there were so far.
func (s *server) seen() (calls, lines int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, len(s.lines)
}

func (s *server) post(t *testing.T, change func(*capture.PostOptions)) *capture.Post {
	t.Helper()
	o := capture.PostOptions{URL: "http://127.0.0.1:7420/", Token: "secret", Transport: s, Report: func(err error) { s.errors = append(s.errors, err) }}
	if change != nil {
		change(&o)
	}
	p, err := capture.NewPost(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func line(i int) []byte { return fmt.Appendf(nil, "{\"id\":\"r%d\"}\n", i) }

func TestPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		p := s.post(t, nil)
		for i := range 10 {
			if err := p.WriteRecord(line(i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if calls, _ := s.seen(); calls != 0 {
			t.Error("records did not wait for one another")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if calls, lines := s.seen(); calls != 1 || lines != 10 {
			t.Errorf("%d records in %d requests", lines, calls)
		}
		p.WriteRecord(line(10))
		if err := p.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(s.lines) != 11 || p.Lost() != 0 {
			t.Errorf("%d records, %d lost", len(s.lines), p.Lost())
		}
		if err := p.WriteRecord(line(11)); !errors.Is(err, capture.ErrClosed) || p.Lost() != 1 {
			t.Errorf("after closing: %v", err)
		}
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
}

// The server may be away, full, or not ready: the records wait, in order.
func TestPostRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{act: func(call int, _ []string) (int, string, http.Header) {
			switch call {
			case 1:
				return 0, "", nil
			case 2:
				return 503, "", http.Header{"Retry-After": {"60"}}
			case 3:
				return 401, "", http.Header{}
			case 4:
				return 302, "", http.Header{"Location": {"http://elsewhere.example/"}}
			}
			return 200, `{"accepted":3,"aside":1}`, http.Header{}
		}}
		p := s.post(t, nil)
		begun := time.Now()
		for i := range 3 {
			p.WriteRecord(line(i))
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if calls, lines := s.seen(); calls != 5 || lines != 3 || p.Lost() != 0 {
			t.Errorf("%d requests, %d records, %d lost", calls, lines, p.Lost())
		}
		if len(s.errors) != 5 || !strings.Contains(s.errors[4].Error(), "set 1 of 3 records aside") {
			t.Errorf("reported %v", s.errors)
		}
		if time.Since(begun) < time.Minute {
			t.Error("the server's wish to wait was not heard")
		}
		p.Close(context.Background())
	})
}

// What no repetition can mend is dropped, counted and reported.
func TestPostDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{act: func(call int, lines []string) (int, string, http.Header) {
			if len(lines) > 1 {
				return 413, "", http.Header{}
			}
			if lines[0] == string(line(2)) {
				return 400, "no JSON", http.Header{}
			}
			return 200, `{"accepted":1}`, http.Header{}
		}}
		p := s.post(t, nil)
		for i := range 5 {
			p.WriteRecord(line(i))
		}
		if err := p.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(s.lines) != 4 || p.Lost() != 1 {
			t.Errorf("%d records, %d lost", len(s.lines), p.Lost())
		}
		// A bad line among good ones is the server's business: the good ones count.
		s = &server{act: func(int, []string) (int, string, http.Header) {
			return 400, `{"accepted":1,"aside":1}`, http.Header{}
		}}
		p = s.post(t, nil)
		p.WriteRecord(line(0))
		p.WriteRecord(line(1))
		p.Close(context.Background())
		if s.calls != 1 || p.Lost() != 0 {
			t.Errorf("%d requests, %d lost", s.calls, p.Lost())
		}
	})
}

// Memory is bounded: a full queue makes the service wait, then lose records,
// and says so.
func TestPostFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		s := &server{act: func(int, []string) (int, string, http.Header) {
			if away.Load() {
				return 0, "", nil
			}
			return 200, `{"accepted":1}`, http.Header{}
		}}
		p := s.post(t, func(o *capture.PostOptions) { o.MaxQueue, o.MaxBatch = 30, 15 })
		if p.WriteRecord(line(0)) != nil || p.WriteRecord(line(1)) != nil {
			t.Fatal("no room for two")
		}
		begun := time.Now()
		if err := p.WriteRecord(line(2)); !errors.Is(err, capture.ErrFull) || time.Since(begun) != time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := p.WriteRecord(line(3)); err != nil {
				t.Errorf("while room was being made: %v", err)
			}
		})
		synctest.Wait()
		away.Store(false)
		wg.Wait()
		if err := p.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(s.lines) != 3 || p.Lost() != 1 {
			t.Errorf("%d records, %d lost", len(s.lines), p.Lost())
		}
	})
}

func TestPostGivesUpWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{act: func(int, []string) (int, string, http.Header) { return 0, "", nil }}
		p := s.post(t, nil)
		p.WriteRecord(line(0))
		p.WriteRecord(line(1))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := p.Close(ctx)
		if err == nil || !strings.Contains(err.Error(), "2 records were not sent") || !errors.Is(err, context.DeadlineExceeded) || p.Lost() != 2 {
			t.Errorf("%v, %d lost", err, p.Lost())
		}
		for _, err := range s.errors {
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "r0") {
				t.Errorf("an error says too much: %v", err)
			}
		}
	})
}

func TestPostOptions(t *testing.T) {
	for _, c := range []struct {
		o    capture.PostOptions
		want string
	}{
		{capture.PostOptions{URL: "ftp://x", Token: "t"}, "URL is"},
		{capture.PostOptions{URL: "::", Token: "t"}, "URL is"},
		{capture.PostOptions{URL: "https://x"}, "no token"},
		{capture.PostOptions{URL: "http://haetae.example", Token: "t"}, "plain http"},
		{capture.PostOptions{URL: "http://haetae.example", Token: "t", AllowPlain: true}, ""},
		{capture.PostOptions{URL: "http://[::1]:7420", Token: "t"}, ""},
		{capture.PostOptions{URL: "http://localhost:7420", Token: "t"}, ""},
		{capture.PostOptions{URL: "https://haetae.example", Token: "t"}, ""},
	} {
		p, err := capture.NewPost(c.o)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.o.URL, err, c.want)
		}
		if p != nil {
			p.Close(context.Background())
		}
	}
}
