package feed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

const (
	answerTime  = 30 * time.Second // until the answer begins
	fetchTime   = 2 * time.Minute  // until it has ended
	maxHops     = 5                // on the same host
	maxHeaders  = 64 << 10
	maxRetry    = time.Hour // that a server may ask for
	headerLines = 32
)

// later is a failure after which the server says when to come back.
type later struct {
	error
	after time.Duration
}

func (l *later) Unwrap() error { return l.error }

// address is the one that was written down, or the one in the file.
func (f *Feed) address() (string, error) {
	if f.URLFile == "" {
		return f.URL, nil
	}
	s, err := remote.Secret(f.URLFile)
	if err != nil {
		return "", err
	}
	if problem := remote.WrongURL(s, f.Plain); problem != remote.Sound {
		return "", written.Errorf("파일에 든 주소: %s", "the address in the file: %s", problem)
	}
	return s, nil
}

// headerName is a token of HTTP.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// headers reads a file of them, Name: value a line.
func headers(name string) (http.Header, error) {
	text, err := remote.ReadFile(name, maxHeaders+1)
	if err != nil {
		return nil, err
	}
	out := http.Header{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxHeaders)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok || !headerName.MatchString(name) || value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, written.Errorf("%d번째 줄이 헤더가 아닙니다. 이름: 값으로 쓰십시오", "line %d is no header: write Name: value", n)
		}
		out.Add(name, value)
	}
	if err := lines.Err(); err != nil || len(out) == 0 || len(out) > headerLines {
		return nil, written.Errorf("헤더는 1개 이상 %d개 이하여야 합니다", "expected 1 to %d headers", headerLines)
	}
	return out, nil
}

// get asks a server. What went wrong is said without the address, which may hold a
// secret, and without a word of the answer.
func (f *Feed) get(ctx context.Context, k *kept) (*fetched, error) {
	ctx, stop := context.WithTimeout(ctx, fetchTime)
	defer stop()
	address, err := f.address()
	if err != nil {
		return nil, written.Errorf("url_file: %s", "url_file: %s", written.TextOf(err))
	}
	roots, err := remote.Authorities(f.CAFile)
	if err != nil {
		return nil, written.Errorf("ca_file: %s", "ca_file: %s", written.TextOf(err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, written.Errorf("호출할 수 없는 주소입니다", "the address cannot be called")
	}
	if f.HeadersFile != "" {
		if req.Header, err = headers(f.HeadersFile); err != nil {
			return nil, written.Errorf("headers_file: %s", "headers_file: %s", written.TextOf(err))
		}
	}
	if f.TokenFile != "" {
		token, err := remote.Secret(f.TokenFile)
		if err != nil {
			return nil, written.Errorf("token_file: %s", "token_file: %s", written.TextOf(err))
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("User-Agent", "haetae")
	if req.Header.Get("Accept") == "" {
		accept := "application/json, application/x-ndjson"
		if f.Format == "csv" {
			accept = "text/csv"
		}
		req.Header.Set("Accept", accept)
	}
	if k.Digest != "" { // else there is nothing that could be unchanged
		if k.ETag != "" {
			req.Header.Set("If-None-Match", k.ETag)
		}
		if k.Modified != "" {
			req.Header.Set("If-Modified-Since", k.Modified)
		}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DisableKeepAlives: true, ResponseHeaderTimeout: answerTime, MaxResponseHeaderBytes: maxHeaders,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		// Elsewhere, or in the clear, it would carry the token to a place that nobody
		// wrote down.
		if first := via[0].URL; to.URL.Host != first.Host || to.URL.Scheme != first.Scheme || len(via) > maxHops {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	asked := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return nil, calling(ctx, err)
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
	case code == http.StatusNotModified && k.Digest != "" && (k.ETag != "" || k.Modified != ""):
		return &fetched{unchanged: true, asOf: asked}, nil
	case code >= 300 && code < 400:
		return nil, written.Errorf("응답 코드 %d: 다른 호스트로의 이동(redirect)은 따르지 않습니다", "answered %d: a redirect to another host is not followed", code)
	default:
		err := written.Errorf("응답 코드 %d", "answered %d", code)
		if d := retryAfter(resp.Header.Get("Retry-After"), asked); d > 0 {
			return nil, &later{err, d}
		}
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxFeedBytes+1))
	if err != nil {
		return nil, calling(ctx, err)
	}
	if len(data) > maxFeedBytes {
		return nil, errLarge
	}
	return &fetched{data: data, asOf: asked, etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified")}, nil
}

func calling(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	why := remote.Why(err)
	return written.Errorf("호출: %s", "call: %s", why)
}

func retryAfter(value string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if t, err := http.ParseTime(value); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxRetry)
}
