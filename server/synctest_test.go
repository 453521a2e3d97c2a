package server

import (
	"context"
	"fmt"
	"io"
	"net"
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

// piped hands a server connections that are made in a bubble.
type piped struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func (p *piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error   { p.once.Do(func() { close(p.ended) }); return nil }
func (p *piped) Addr() net.Addr { return &net.TCPAddr{} }

// TestStreamStuck: a reader that does not read is let go, whether it gets the list or
// changes or a sign of life, and one that reads is not.
func TestStreamStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work, stop := context.WithCancel(t.Context())
		defer stop()
		s := &Server{work: work}
		s.detector = newDetector(s, nil, nil)
		web := &http.Server{Handler: http.HandlerFunc(s.getSignalStream)}
		l := &piped{conns: make(chan net.Conn), ended: make(chan struct{})}
		go web.Serve(l)
		defer web.Close()
		// open begins a stream and reads until a text has come.
		open := func(until string) net.Conn {
			t.Helper()
			here, there := net.Pipe()
			l.conns <- there
			if _, err := fmt.Fprint(here, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			got := ""
			for b := make([]byte, 1); until != "" && !strings.Contains(got, until); got += string(b) {
				if _, err := here.Read(b); err != nil {
					t.Fatalf("%v after %q", err, got)
				}
			}
			synctest.Wait()
			return here
		}
		readers := func() int {
			synctest.Wait()
			s.detector.mu.Lock()
			defer s.detector.mu.Unlock()
			return len(s.detector.stream.subs)
		}
		change := func(id string) {
			s.detector.mu.Lock()
			defer s.detector.mu.Unlock()
			s.detector.signals[id] = detect.Signal{ID: id}
			s.detector.stream.send(detect.Signal{ID: id})
		}
		good := open("id: ")
		defer good.Close()
		go io.Copy(io.Discard, good)
		for name, begin := range map[string]func() net.Conn{
			"a change":       func() net.Conn { c := open("id: "); time.Sleep(time.Second); change("sig-a"); return c },
			"a sign of life": func() net.Conn { return open("id: ") },
			"the list":       func() net.Conn { change("sig-b"); return open("") },
		} {
			c := begin()
			if n := readers(); n != 2 {
				t.Fatalf("%s: %d readers, want 2", name, n)
			}
			time.Sleep(streamPing + streamStuck + 2*time.Second)
			if n := readers(); n != 1 {
				t.Errorf("%s: %d readers when one was stuck for %v, want 1", name, n, streamStuck)
			}
			c.Close()
		}
		time.Sleep(10 * streamPing)
		if n := readers(); n != 1 {
			t.Errorf("%d readers, want the one that reads", n)
		}
		stop()
	})
}
