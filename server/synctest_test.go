package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/detect"
)

// page is what a handler has written so far.
type page struct {
	mu   sync.Mutex
	text strings.Builder
	head http.Header
}

func (p *page) Header() http.Header { return p.head }
func (p *page) WriteHeader(int)     {}
func (p *page) Flush()              {}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) count(s string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Count(p.text.String(), s)
}

// TestStreamPing: an idle stream says every 20 seconds that it is there, and ends with
// its reader, and with the server.
func TestStreamPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work, stop := context.WithCancel(t.Context())
		s := &Server{work: work}
		s.detector = newDetector(s, nil, nil)
		ended := make(chan string, 2)
		open := func(name string) (*page, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			p := &page{head: http.Header{}}
			go func() {
				s.getSignalStream(p, httptest.NewRequest("GET", "/v1/signals/stream", nil).WithContext(ctx))
				ended <- name
			}()
			synctest.Wait()
			return p, cancel
		}
		first, cancel := open("first")
		second, cancel2 := open("second")
		defer cancel2()
		time.Sleep(streamPing - time.Second)
		synctest.Wait()
		if n := first.count(": still here"); n != 0 {
			t.Errorf("%d comments before the time", n)
		}
		time.Sleep(2*streamPing + time.Second)
		synctest.Wait()
		if n := first.count(": still here"); n != 3 {
			t.Errorf("%d comments in a minute, want 3", n)
		}
		s.detector.mu.Lock()
		for n := range 5 {
			s.detector.stream.send(detect.Signal{ID: fmt.Sprint(n)})
		}
		s.detector.mu.Unlock()
		synctest.Wait()
		if n := second.count("event: signal"); n != 5 {
			t.Errorf("%d signals, want 5", n)
		}
		cancel()
		if name := <-ended; name != "first" {
			t.Errorf("%s has ended", name)
		}
		stop()
		if name := <-ended; name != "second" {
			t.Errorf("%s has ended", name)
		}
		if n := len(s.detector.stream.subs); n != 0 {
			t.Errorf("%d readers are still written to", n)
		}
	})
}
