package siem

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// Event is one thing to send.
type Event struct {
	UID  string // the same whenever the same is sent
	Time time.Time
	Line []byte // a JSON object
}

// outcome is what became of some events. left are to be sent again, if err is nil at
// once: a part of them may be what the receiver takes.
type outcome struct {
	left    []Event
	refused []Event
	why     string // the receiver's word for one that it refused; a word of ours or of its protocol
	err     error
}

// sender makes one request.
type sender interface {
	send(ctx context.Context, events []Event) outcome
}

const (
	attemptTime = time.Minute
	// maxRetryAfter bounds how long the receiver may ask to be left alone.
	maxRetryAfter = 10 * time.Minute
	maxAnswer     = 32 << 20 // an answer about 10,000 events has some 2 MB
)

// trouble is why a request was not taken, in words that hold nothing of it, of the
// answer, or of an address.
type trouble struct {
	text  written.Text
	after time.Duration // the receiver asks to be left alone for so long
}

func (t *trouble) Error() string { return t.text.EN }

// KO is Error in Korean.
func (t *trouble) KO() string { return t.text.KO }

func troublef(ko, en string, args ...any) *trouble {
	return &trouble{text: written.Kind{KO: ko, EN: en}.Say(args...)}
}

var (
	calling = written.Text{KO: "호출", EN: "call"}
	reading = written.Text{KO: "응답 수신", EN: "read the answer"}
)

// caller makes the requests of an output.
type caller struct {
	o      *Output
	client *http.Client
}

func newSender(o *Output) (sender, error) {
	client, err := remote.Client(o.CAFile, true)
	if err != nil {
		return nil, err
	}
	c := &caller{o, client}
	switch o.Kind {
	case Splunk:
		return newSplunk(c), nil
	case Elastic:
		return &elastic{c}, nil
	}
	return &lines{c}, nil
}

// answer is what came back.
type answer struct {
	code  int
	body  []byte
	after time.Duration
}

// below is the address with a path behind it, unless it has one.
func below(address, path string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", troublef("호출할 수 없는 주소입니다", "the address cannot be called")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = path
	}
	return u.String(), nil
}

func (c *caller) address() (string, error) {
	s, err := remote.URLFrom(c.o.URL, c.o.URLFile, c.o.Plain)
	if err != nil {
		return "", troublef("url_file: %s", "url_file: %s", written.TextOf(err))
	}
	return s, nil
}

// post sends a body and gives the answer, whatever it is.
func (c *caller) post(ctx context.Context, address, contentType string, body []byte, headers ...string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	packed := body
	if c.o.Gzip {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(body)
		z.Close()
		packed = b.Bytes()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(packed))
	if err != nil {
		return nil, troublef("호출할 수 없는 주소입니다", "the address cannot be called")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "haetae")
	if c.o.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if c.o.TokenFile != "" {
		token, err := remote.Secret(c.o.TokenFile)
		if err != nil {
			return nil, troublef("token_file: %s", "token_file: %s", written.TextOf(err))
		}
		req.Header.Set("Authorization", authorization(c.o.Scheme, token))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, &trouble{text: remote.Trouble(calling, err)}
	}
	defer resp.Body.Close()
	a := &answer{code: resp.StatusCode, after: remote.RetryAfter(resp.Header.Get("Retry-After"), time.Now(), maxRetryAfter)}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return nil, &trouble{text: remote.Trouble(reading, err)}
	}
	return a, nil
}

func authorization(scheme, token string) string {
	switch scheme {
	case "splunk":
		return "Splunk " + token
	case "apikey":
		return "ApiKey " + token
	case "basic":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(token))
	}
	return "Bearer " + token
}

// refusal says of an answer that is no success what is wrong.
func (a *answer) refusal() *trouble {
	t := troublef("응답 코드 %d", "answered %d", a.code)
	switch {
	case a.code >= 300 && a.code < 400:
		t = troublef("응답 코드 %d: 다른 주소로의 이동(redirect)은 따르지 않습니다", "answered %d: a redirect is not followed", a.code)
	case a.code == http.StatusUnauthorized || a.code == http.StatusForbidden:
		t = troublef("응답 코드 %d: 토큰 또는 권한이 맞지 않습니다", "answered %d: the token is not right, or may not do this", a.code)
	case a.code == http.StatusNotFound:
		t = troublef("응답 코드 404: 주소 또는 색인이 없습니다", "answered 404: there is no such address or index")
	}
	t.after = a.after
	return t
}

func (a *answer) good() bool { return a.code >= 200 && a.code < 300 }

// unreadable is an answer that says nothing of what became of the events.
func unreadable(events []Event) outcome {
	return outcome{left: events, err: troublef("응답을 이해할 수 없습니다", "the answer cannot be understood")}
}

func failed(events []Event, err error) outcome { return outcome{left: events, err: err} }

// apart sends events in two halves, to find the one that is not taken.
func apart(ctx context.Context, s sender, events []Event, why string) outcome {
	if len(events) == 1 {
		return outcome{refused: events, why: why}
	}
	mid := len(events) / 2
	first := s.send(ctx, events[:mid])
	if first.err != nil {
		return outcome{left: append(append([]Event(nil), first.left...), events[mid:]...), refused: first.refused, why: first.why, err: first.err}
	}
	second := s.send(ctx, events[mid:])
	out := outcome{left: slices.Concat(first.left, second.left), refused: slices.Concat(first.refused, second.refused), why: second.why, err: second.err}
	if out.why == "" {
		out.why = first.why
	}
	return out
}

// lines sends JSON, an event a line.
type lines struct{ *caller }

func (l *lines) send(ctx context.Context, events []Event) outcome {
	address, err := l.address()
	if err != nil {
		return failed(events, err)
	}
	var body []byte
	for i := range events {
		body = append(append(body, events[i].Line...), '\n')
	}
	a, err := l.post(ctx, address, "application/x-ndjson", body)
	switch {
	case err != nil:
		return failed(events, err)
	case a.good():
		return outcome{}
	case a.code == http.StatusRequestEntityTooLarge:
		return apart(ctx, l, events, "too_large")
	case a.code == http.StatusBadRequest, a.code == http.StatusUnprocessableEntity:
		return apart(ctx, l, events, "bad_request")
	}
	return failed(events, a.refusal())
}

// elastic sends to the bulk API, as create: an _id that is there already is the same
// event sent before.
type elastic struct{ *caller }

func (e *elastic) send(ctx context.Context, events []Event) outcome {
	address, err := e.address()
	if err == nil {
		address, err = below(address, "/_bulk")
	}
	if err != nil {
		return failed(events, err)
	}
	var body []byte
	for i := range events {
		action, _ := json.Marshal(map[string]any{"create": map[string]string{"_index": e.o.Index, "_id": events[i].UID}})
		body = append(append(body, action...), '\n')
		body = append(body, `{"@timestamp":"`...)
		body = events[i].Time.UTC().AppendFormat(body, "2006-01-02T15:04:05.000Z")
		body = append(append(append(body, `",`...), events[i].Line[1:]...), '\n')
	}
	a, err := e.post(ctx, address, "application/x-ndjson", body)
	switch {
	case err != nil:
		return failed(events, err)
	case a.code == http.StatusRequestEntityTooLarge:
		return apart(ctx, e, events, "too_large")
	case !a.good():
		return failed(events, a.refusal())
	}
	return itemsOf(events, a.body)
}

// itemsOf judges each item of a bulk request by itself.
func itemsOf(events []Event, body []byte) outcome {
	var said struct {
		Items []map[string]struct {
			Status int `json:"status"`
			Error  *struct {
				Type string `json:"type"`
			} `json:"error"`
		} `json:"items"`
	}
	if json.Unmarshal(body, &said) != nil || len(said.Items) != len(events) {
		return unreadable(events)
	}
	var out outcome
	for i, item := range said.Items {
		it, ok := item["create"]
		kind := ""
		if it.Error != nil {
			kind = word(it.Error.Type)
		}
		switch {
		case !ok || it.Status == 0:
			return unreadable(events)
		case it.Status < 300, it.Status == http.StatusConflict:
		case it.Status == http.StatusTooManyRequests, it.Status >= 500:
			out.left = append(out.left, events[i])
			out.err = troublef("색인이 일부 이벤트를 지금은 받지 않습니다(%d %s)", "the index does not take some of the events now (%d %s)", it.Status, kind)
		case it.Status == http.StatusUnauthorized, it.Status == http.StatusForbidden, it.Status == http.StatusNotFound:
			out.left = append(out.left, events[i])
			out.err = troublef("색인에 쓸 수 없습니다(%d %s)", "the index cannot be written to (%d %s)", it.Status, kind)
		default:
			out.refused = append(out.refused, events[i])
			out.why = kind
		}
	}
	return out
}

// word is a word of a protocol, if it is one: whatever else stands there may be data.
func word(s string) string {
	if len(s) == 0 || len(s) > 60 || strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) {
		return "refused"
	}
	return s
}

var errStopped = errors.New("stopped")
