package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/written"
)

const (
	attemptTime = 10 * time.Second // for one attempt on any channel, answer included
	// maxRetryAfter bounds how long the other side may ask to be left alone.
	maxRetryAfter = time.Hour
	// maxAnswer is what is read of an answer, only so that the connection ends
	// in order.
	maxAnswer = 64 << 10

	payloadVersion = 1

	headerKey       = "Idempotency-Key"
	headerTime      = "X-Haetae-Timestamp"
	headerSignature = "X-Haetae-Signature"
)

// payload is the body of a generic webhook. Keys are added, not changed; a
// change that a receiver could stumble over gets a new version.
type payload struct {
	Version  int              `json:"version"`
	Kind     string           `json:"kind"` // signal, test
	ID       string           `json:"id"`
	Revision int64            `json:"revision"`
	At       string           `json:"at"`
	Rule     string           `json:"rule"`
	Title    titles           `json:"title"`
	Severity detect.Severity  `json:"severity"`
	Status   detect.Status    `json:"status"`
	First    string           `json:"first,omitempty"`
	Last     string           `json:"last,omitempty"`
	Reads    int64            `json:"reads"`
	Accounts int64            `json:"accounts"`
	People   int64            `json:"people"`
	Items    map[string]int64 `json:"items,omitempty"`
	Link     string           `json:"link,omitempty"`
	Text     string           `json:"text"`

	Escalation *escalated `json:"escalation,omitempty"`
	Personal   *personal  `json:"personal,omitempty"`
}

type titles struct {
	KO string `json:"ko,omitempty"`
	EN string `json:"en,omitempty"`
}

func titlesOf(t detect.Text, l Language) titles {
	out := titles{line(t.KO), line(t.EN)}
	switch l {
	case Korean:
		out.EN = ""
	case English:
		out.KO = ""
	}
	return out
}

type escalated struct {
	Step           int    `json:"step"`
	Role           string `json:"role,omitempty"`
	NobodyOnCall   bool   `json:"nobody_on_call,omitempty"`
	Unacknowledged int64  `json:"unacknowledged_seconds"`
	Round          int    `json:"round,omitempty"` // how often the step was taken before
}

// personal is what only a channel with personal: true is told.
type personal struct {
	Group        map[string]string `json:"group"`
	Where        string            `json:"where"`
	Reason       titles            `json:"reason"`
	Calendar     []titles          `json:"calendar,omitempty"`
	Exception    *detect.Exception `json:"exception,omitempty"`
	Acknowledged *acknowledged     `json:"acknowledged,omitempty"`
}

type acknowledged struct {
	Who  string `json:"who"`
	At   string `json:"at"`
	Note string `json:"note,omitempty"`
}

// stamp is how all times in a payload are written.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func restamp(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return ""
	}
	return stamp(t)
}

func (m message) payload(ch *Channel) ([]byte, error) {
	s := m.signal
	p := payload{
		Version: payloadVersion, Kind: "signal", ID: s.ID, Revision: m.revision, At: stamp(m.at), Rule: line(s.Rule),
		Title: titlesOf(s.Title, ch.Language), Severity: s.Severity, Status: m.status(),
		First: restamp(s.First), Last: restamp(s.Last), Reads: s.Reads, Accounts: s.Accounts, People: s.People, Items: s.Items,
		Link: m.link, Text: plain(m.texts(ch.Language, ch.Personal)),
	}
	if m.test {
		p.Kind = "test"
	}
	if m.step > 0 {
		p.Escalation = &escalated{m.step, m.role, m.nobody, int64(m.open / time.Second), m.round}
	}
	if ch.Personal {
		p.Personal = &personal{Group: s.Group, Where: s.Where, Reason: titlesOf(s.Reason, ch.Language), Exception: s.Exception}
		for _, c := range s.Calendar {
			p.Personal.Calendar = append(p.Personal.Calendar, titlesOf(c, ch.Language))
		}
		if m.taken != nil {
			p.Personal.Acknowledged = &acknowledged{m.taken.Who, stamp(m.taken.At), m.taken.Note}
		}
	}
	return json.Marshal(p)
}

// sign is the value of X-Haetae-Signature. The timestamp is under the signature,
// so that a receiver can refuse what was recorded and sent again later.
func sign(key []byte, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, key)
	io.WriteString(h, timestamp+".")
	h.Write(body)
	return "v1=" + hex.EncodeToString(h.Sum(nil))
}

// poster sends to webhooks, generic ones and Slack's.
type poster struct {
	ch     *Channel
	client *http.Client
}

func newPoster(ch *Channel) (*poster, error) {
	client, err := httpClient(ch.CAFile)
	return &poster{ch, client}, err
}

// httpClient follows no redirect: it would carry the body, and what signs it,
// to a place that nobody wrote down.
func httpClient(caFile string) (*http.Client, error) {
	roots, err := authorities(caFile)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			TLSClientConfig: &tls.Config{RootCAs: roots},
			// Alerts are rare. A connection kept for the next one is a dead one.
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxAnswer,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func (p *poster) send(ctx context.Context, m message) error {
	form := m.payload
	if p.ch.Kind == Slack {
		form = m.slack
	}
	body, err := form(p.ch)
	if err != nil {
		return refusal("메시지를 작성하지 못하였습니다", "the message could not be written")
	}
	address, err := urlFrom(p.ch.URL, p.ch.URLFile, p.ch.Plain)
	if err != nil {
		return trouble("url_file: %s", "url_file: %s", written.TextOf(err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return trouble("호출할 수 없는 주소입니다", "the address cannot be called")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "haetae")
	req.Header.Set(headerKey, m.key)
	if p.ch.TokenFile != "" {
		token, err := written.Secret(p.ch.TokenFile)
		if err != nil {
			return trouble("token_file: %s", "token_file: %s", written.TextOf(err))
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if p.ch.SecretFile != "" {
		key, err := hmacKey(p.ch.SecretFile)
		if err != nil {
			return trouble("secret_file: %s", "secret_file: %s", written.TextOf(err))
		}
		timestamp := strconv.FormatInt(m.at.Unix(), 10)
		req.Header.Set(headerTime, timestamp)
		req.Header.Set(headerSignature, sign(key, timestamp, body))
	}
	return call(p.client, req, m.at)
}

// call makes a request and judges the answer by its code alone.
func call(client *http.Client, req *http.Request, now time.Time) error {
	resp, err := client.Do(req)
	if err != nil {
		return network(calling, err)
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	resp.Body.Close()
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return refusal("응답 코드 %d: 다른 주소로의 이동(redirect)은 따르지 않습니다", "answered %d: a redirect is not followed", code)
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		p := trouble("응답 코드 %d", "answered %d", code)
		p.after = retryAfter(resp.Header.Get("Retry-After"), now)
		return p
	default:
		return refusal("응답 코드 %d", "answered %d", code)
	}
}

func retryAfter(value string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if t, err := http.ParseTime(value); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
