package siem

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// splunk sends to the HTTP Event Collector.
type splunk struct {
	*caller
	host    string
	channel string        // of acknowledgement, one for a run
	poll    time.Duration // how often an acknowledgement is asked for
}

const (
	collectorPath = "/services/collector/event"
	ackPath       = "/services/collector/ack"
	// ackTime is how long an indexer may take to say that it has the events. After it
	// they are sent again.
	ackTime = 3 * time.Minute
)

func newSplunk(c *caller) *splunk {
	s := &splunk{caller: c, host: c.o.Host, poll: time.Second}
	if s.host == "" {
		s.host, _ = os.Hostname()
	}
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a GUID
	s.channel = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return s
}

type envelope struct {
	Time       json.Number     `json:"time"`
	Host       string          `json:"host,omitempty"`
	Source     string          `json:"source"`
	SourceType string          `json:"sourcetype"`
	Index      string          `json:"index,omitempty"`
	Event      json.RawMessage `json:"event"`
}

// saidSplunk is the collector's answer.
type saidSplunk struct {
	Code    *int   `json:"code"`
	Invalid *int   `json:"invalid-event-number"`
	Ack     *int64 `json:"ackId"`
}

// What the collector says is wrong with an event, and not with the request.
var splunkRefusals = map[int]string{5: "no_data", 6: "invalid_data_format", 12: "event_field_required", 13: "event_field_blank", 15: "indexed_fields"}

func (s *splunk) send(ctx context.Context, events []Event) outcome {
	address, err := s.address()
	if err == nil {
		address, err = below(address, collectorPath)
	}
	if err != nil {
		return failed(events, err)
	}
	kind := s.o.SourceType
	if kind == "" {
		kind = "haetae:ocsf"
	}
	var body []byte
	for i := range events {
		at := events[i].Time.UnixMilli()
		line, err := json.Marshal(envelope{
			json.Number(fmt.Sprintf("%d.%03d", at/1000, at%1000)), s.host, "haetae", kind, s.o.Index, events[i].Line,
		})
		if err != nil {
			return failed(events, troublef("이벤트를 작성하지 못하였습니다", "the events could not be written"))
		}
		body = append(append(body, line...), '\n')
	}
	var headers []string
	if s.o.Acknowledge {
		headers = []string{"X-Splunk-Request-Channel", s.channel}
	}
	a, err := s.post(ctx, address, "application/json", body, headers...)
	if err != nil {
		return failed(events, err)
	}
	var said saidSplunk
	readable := json.Unmarshal(a.body, &said) == nil && said.Code != nil
	switch {
	case a.code == http.StatusRequestEntityTooLarge:
		return apart(ctx, s, events, "too_large")
	case a.code == http.StatusBadRequest && readable && splunkRefusals[*said.Code] != "":
		why := splunkRefusals[*said.Code]
		if n := said.Invalid; n != nil && *n >= 0 && *n < len(events) {
			// It stops at this one. Whether those before it were taken depends on its
			// version, so they are sent again, under their names.
			left := append(append([]Event(nil), events[:*n]...), events[*n+1:]...)
			return outcome{left: left, refused: events[*n : *n+1], why: why}
		}
		return apart(ctx, s, events, why)
	case !a.good():
		t := a.refusal()
		if readable {
			t = troublef("응답 코드 %d, Splunk 코드 %d", "answered %d, code %d of Splunk", a.code, *said.Code)
			t.after = a.after
		}
		return failed(events, t)
	case !readable || *said.Code != 0:
		return unreadable(events)
	case s.o.Acknowledge && said.Ack == nil:
		return failed(events, troublef("Splunk에서 이 토큰의 색인기 확인(indexer acknowledgement)이 꺼져 있습니다", "indexer acknowledgement is off for this token in Splunk"))
	case s.o.Acknowledge:
		if err := s.acknowledged(ctx, address, *said.Ack); err != nil {
			return failed(events, err)
		}
	}
	return outcome{}
}

// acknowledged waits until the indexer has what was sent.
func (s *splunk) acknowledged(ctx context.Context, address string, id int64) error {
	u, err := url.Parse(address)
	if err != nil {
		return troublef("호출할 수 없는 주소입니다", "the address cannot be called")
	}
	u.Path, u.RawQuery = ackPath, "channel="+s.channel
	ask := fmt.Appendf(nil, `{"acks":[%d]}`, id)
	for end := time.Now().Add(ackTime); time.Now().Before(end); {
		a, err := s.post(ctx, u.String(), "application/json", ask, "X-Splunk-Request-Channel", s.channel)
		if err != nil {
			return err
		}
		var said struct{ Acks map[string]bool }
		if !a.good() {
			return a.refusal()
		}
		if json.Unmarshal(a.body, &said) != nil {
			return troublef("응답을 이해할 수 없습니다", "the answer cannot be understood")
		}
		if said.Acks[strconv.FormatInt(id, 10)] {
			return nil
		}
		if sleep(ctx, s.poll) != nil {
			return errStopped
		}
	}
	return troublef("색인기가 제한 시간 안에 확인하지 않았습니다", "the indexer did not acknowledge in time")
}

// sleep waits, or ends with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return errStopped
	case <-t.C:
		return nil
	}
}
