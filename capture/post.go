package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Post sends records to POST /v1/records of a Haetae server, in batches and in
// the background. Records wait in memory until the server has said that they are
// on its disk; what a crash of the service loses is at most what waits there.
// Each record has an id, so that a batch sent twice counts once.
type Post struct {
	o      PostOptions
	ctx    context.Context // of requests under way
	cancel context.CancelFunc
	wake   chan struct{} // something waits
	done   chan struct{} // the sender has returned

	mu      sync.Mutex
	queue   [][]byte
	bytes   int           // in queue and on the way
	space   chan struct{} // closed when there is room again
	closing bool
	lost    int64
}

// PostOptions configures a Post.
type PostOptions struct {
	// URL is the server's address, "https://haetae.example". Required. Plain
	// http is refused except to this machine: records carry real ids.
	URL string
	// AllowPlain takes http to another machine nevertheless, for networks that
	// are encrypted below.
	AllowPlain bool
	// Token is the source's, made by `haetae token add SOURCE`. Required.
	Token string

	// MaxQueue is how many bytes of records may wait. Default 8 MiB.
	MaxQueue int
	// MaxBatch is how many bytes go in one request. Default 1 MiB; the server
	// takes 16.
	MaxBatch int
	// Every is how long a record waits for others. Default 200 ms.
	Every time.Duration
	// Patience is how long a request of the service waits for room when the
	// queue is full, before its record is given up and counted as lost. Default
	// 1 s. Longer makes the service as slow as the server is down.
	Patience time.Duration

	// Transport makes the requests. Default http.DefaultTransport.
	Transport http.RoundTripper
	// Report is told of failed and repeated requests, and of lost records.
	// Default: nobody, but WriteRecord's error reaches the middleware's Report.
	Report func(error)
}

var (
	// ErrFull: the queue stayed full for longer than Patience; the record is
	// lost.
	ErrFull = errors.New("capture: records could not be sent for too long; a record is lost")
	// ErrClosed: the sink was closed before; the record is lost.
	ErrClosed = errors.New("capture: the sink is closed; a record is lost")
)

// NewPost starts sending. Close it when the service stops.
func NewPost(o PostOptions) (*Post, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("capture: URL is http://HOST:PORT or https://HOST")
	}
	if u.Scheme == "http" && !o.AllowPlain && !isLoopback(u.Hostname()) {
		return nil, errors.New("capture: plain http would put real ids on the network: use https, or set AllowPlain if the network is encrypted")
	}
	if o.Token == "" {
		return nil, errors.New("capture: no token: make one with haetae token add SOURCE")
	}
	o.URL = strings.TrimSuffix(o.URL, "/") + "/v1/records"
	for _, d := range []struct {
		v   *int
		def int
	}{{&o.MaxQueue, 8 << 20}, {&o.MaxBatch, 1 << 20}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if o.Every <= 0 {
		o.Every = 200 * time.Millisecond
	}
	if o.Patience <= 0 {
		o.Patience = time.Second
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	p := &Post{o: o, wake: make(chan struct{}, 1), done: make(chan struct{}), space: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	go p.run()
	return p, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// WriteRecord queues a record. It waits only when the queue is full.
func (p *Post) WriteRecord(line []byte) error {
	var patience <-chan time.Time
	for {
		p.mu.Lock()
		switch {
		case p.closing:
			p.lost++
			p.mu.Unlock()
			return ErrClosed
		case p.bytes == 0 || p.bytes+len(line) <= p.o.MaxQueue:
			p.queue = append(p.queue, bytes.Clone(line))
			p.bytes += len(line)
			p.mu.Unlock()
			select {
			case p.wake <- struct{}{}:
			default:
			}
			return nil
		}
		space := p.space
		p.mu.Unlock()
		if patience == nil {
			t := time.NewTimer(p.o.Patience)
			defer t.Stop()
			patience = t.C
		}
		select {
		case <-space:
		case <-patience:
			p.mu.Lock()
			p.lost++
			p.mu.Unlock()
			return ErrFull
		}
	}
}

// Lost is how many records were given up. They are in no answer: an operator
// should know this number.
func (p *Post) Lost() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Close sends what waits, until ctx ends. What is left then is lost, and said
// in the error.
func (p *Post) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closing {
		p.closing = true
		close(p.space) // those who wait for room learn that there will be none
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	stop := context.AfterFunc(ctx, p.cancel)
	defer stop()
	<-p.done
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.queue)
	p.lost += int64(n)
	p.queue, p.bytes = nil, 0
	if n > 0 {
		return fmt.Errorf("capture: %d records were not sent: %w", n, context.Cause(ctx))
	}
	return nil
}

func (p *Post) run() {
	defer close(p.done)
	for {
		select {
		case <-p.wake:
		case <-p.ctx.Done():
			return
		}
		p.gather()
		for {
			batch := p.next()
			if len(batch) == 0 {
				break
			}
			if !p.deliver(batch) {
				return // given up: the batch is still in the queue
			}
			p.mu.Lock()
			p.queue = p.queue[len(batch):]
			for _, line := range batch {
				p.bytes -= len(line)
			}
			if !p.closing {
				close(p.space)
				p.space = make(chan struct{})
			}
			p.mu.Unlock()
		}
		p.mu.Lock()
		finished := p.closing && len(p.queue) == 0
		p.mu.Unlock()
		if finished {
			return
		}
	}
}

// gather waits a moment for more records, unless the sink is closing.
func (p *Post) gather() {
	t := time.NewTimer(p.o.Every)
	defer t.Stop()
	for {
		p.mu.Lock()
		enough := p.closing || p.bytes >= p.o.MaxBatch
		p.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-t.C:
			return
		case <-p.wake:
		case <-p.ctx.Done():
			return
		}
	}
}

// next is the beginning of the queue that fits into one request.
func (p *Post) next() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, size := 0, 0
	for n < len(p.queue) && (n == 0 || size+len(p.queue[n]) <= p.o.MaxBatch) {
		size += len(p.queue[n])
		n++
	}
	return p.queue[:n:n]
}

// Waiting times between repetitions.
const (
	firstWait = 250 * time.Millisecond
	lastWait  = 30 * time.Second
	// maxRetryAfter bounds what a server may ask for.
	maxRetryAfter = 5 * time.Minute
)

// deliver repeats until the server has answered for good. It returns false when
// the sink is closed before that.
func (p *Post) deliver(batch [][]byte) bool {
	wait := firstWait
	for {
		again, after := p.send(batch)
		if !again {
			return true
		}
		if after == 0 {
			after = wait
			wait = min(2*wait, lastWait)
		}
		t := time.NewTimer(after)
		select {
		case <-t.C:
		case <-p.ctx.Done():
			t.Stop()
			return false
		}
	}
}

// sendTimeout bounds one request, the server's sync included.
const sendTimeout = 30 * time.Second

// send makes one request. again says that it may succeed later.
func (p *Post) send(batch [][]byte) (again bool, after time.Duration) {
	ctx, cancel := context.WithTimeout(p.ctx, sendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.o.URL, bytes.NewReader(bytes.Join(batch, nil)))
	if err != nil {
		p.drop(len(batch), err)
		return false, 0
	}
	req.Header.Set("Authorization", "Bearer "+p.o.Token)
	req.Header.Set("Content-Type", "application/x-ndjson")
	// RoundTrip, not a client: a redirect would carry the token elsewhere.
	res, err := p.o.Transport.RoundTrip(req)
	if err != nil {
		p.report(fmt.Errorf("capture: send records: %w", withoutURL(err)))
		return true, 0
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var answer struct {
		Accepted *int `json:"accepted"`
		Aside    int  `json:"aside"`
	}
	readable := json.Unmarshal(body, &answer) == nil && answer.Accepted != nil
	switch code := res.StatusCode; {
	case code/100 == 2, code == http.StatusBadRequest && readable:
		if answer.Aside > 0 {
			p.report(fmt.Errorf("capture: the server set %d of %d records aside: haetae aside list", answer.Aside, len(batch)))
		}
		return false, 0
	case code == http.StatusRequestEntityTooLarge && len(batch) > 1:
		// In halves; each is answered for alone.
		half := len(batch) / 2
		return !p.deliver(batch[:half]) || !p.deliver(batch[half:]), 0
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnsupportedMediaType:
		p.drop(len(batch), fmt.Errorf("the server answered %d", code))
		return false, 0
	default:
		// Everything else passes: a full disk, a busy server, a token that is
		// not known yet, a folder without a catalog.
		p.report(fmt.Errorf("capture: send records: the server answered %d; trying again", code))
		if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
			after = min(time.Duration(s)*time.Second, maxRetryAfter)
		}
		return true, after
	}
}

// withoutURL keeps the cause of a network error and drops the rest.
func withoutURL(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (p *Post) drop(n int, err error) {
	p.mu.Lock()
	p.lost += int64(n)
	p.mu.Unlock()
	p.report(fmt.Errorf("capture: %d records are lost: %w", n, err))
}

func (p *Post) report(err error) {
	if p.o.Report != nil {
		p.o.Report(err)
	}
}
