package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// message is one telling at the moment of an attempt. It shares nothing that
// changes with the book, and so is read without its lock.
type message struct {
	key      string // the same for a repetition
	test     bool   // asked for by Try; stands in no queue
	at       time.Time
	zone     *time.Location
	link     string
	signal   detect.Signal
	revision int64
	taken    *ack
	step     int
	role     string
	nobody   bool
	open     time.Duration // how long nobody has acknowledged
	round    int           // how often the step was taken before
	every    time.Duration // how often it is taken again
	items    map[string]detect.Text
}

// sender delivers on one channel. Desk makes one attempt at a time with it.
type sender interface {
	send(ctx context.Context, m message) error
}

// status is the signal's, or that somebody has taken it.
func (m message) status() detect.Status {
	if m.taken != nil && m.signal.Status == detect.Open {
		return detect.Acknowledged
	}
	return m.signal.Status
}

// message is what a telling says now.
func (b *book) message(e *entry, t *telling, now time.Time) message {
	m := message{
		key: key(e, t), at: now, zone: b.cfg.Zone, link: link(b.cfg, e.Signal.ID),
		signal: e.Signal, revision: e.Revision, items: map[string]detect.Text{},
	}
	for id := range e.Signal.Items {
		if b.item != nil {
			m.items[id] = b.item(id)
		}
	}
	if e.Taken {
		last := e.Acks[len(e.Acks)-1]
		m.taken = &last
	} else if t.Step > 0 {
		m.step, m.role, m.nobody, m.open, m.round = t.Step, t.Role, t.Nobody, max(0, now.Sub(e.Raised)), t.Round
		if steps := b.cfg.Escalation.Steps; t.Step == len(steps) {
			m.every = steps[t.Step-1].Repeat
		}
	}
	return m
}

func link(cfg *Config, id string) string {
	return strings.ReplaceAll(cfg.Link, "{id}", url.PathEscape(id))
}

// key names a message. The moments are in it because a signal that was dropped
// from the queue and came again counts its revisions anew, and because one that
// came up again is escalated anew. A step that is taken again tells again.
func key(e *entry, t *telling) string {
	var raised int64
	if t.Step > 0 {
		raised = e.Raised.UnixMilli()
	}
	h := sha256.New()
	fmt.Fprintf(h, "haetae alert 1\n%s\n%d\n%d\n%d\n%s\n", e.Signal.ID, e.Since.UnixMilli(), raised, t.Step, t.Channel)
	if t.Step > 0 && t.Round > 0 {
		fmt.Fprintf(h, "%d\n", t.Round)
	}
	return fmt.Sprintf("%s.%d.%s", e.Signal.ID, e.Revision, hex.EncodeToString(h.Sum(nil)[:8]))
}

// problem is why a message was not delivered, in words that hold nothing of the
// message, of the answer, or of an address.
type problem struct {
	text, ko  string // the same in English and in Korean
	permanent bool
	after     time.Duration // the other side asks to be left alone for so long
}

func (p *problem) Error() string { return p.text }

// KO is what Error says, in Korean.
func (p *problem) KO() string { return p.ko }

func refusal(ko, en string, args ...any) *problem {
	p := trouble(ko, en, args...)
	p.permanent = true
	return p
}

func trouble(ko, en string, args ...any) *problem {
	t := written.Kind{KO: ko, EN: en}.Say(args...)
	return &problem{text: t.EN, ko: t.KO}
}

// What was being done when something went wrong.
var (
	sending    = written.Text{KO: "전송", EN: "send"}
	calling    = written.Text{KO: "호출", EN: "call"}
	connecting = written.Text{KO: "연결", EN: "connect"}
	encrypting = written.Text{KO: "TLS 연결", EN: "TLS"}
	greeting   = written.Text{KO: "메일 서버 접속", EN: "greeting"}
	startTLS   = written.Text{KO: "STARTTLS", EN: "STARTTLS"}
	login      = written.Text{KO: "로그인", EN: "login"}
	senderStep = written.Text{KO: "보내는 사람 지정", EN: "sender"}
	dataStep   = written.Text{KO: "본문 전송", EN: "data"}
)

// recipient is the step that names one of the recipients to the server.
func recipient(i, of int) written.Text {
	return written.Kind{KO: "받는 사람 %[2]d명 중 %[1]d번째", EN: "recipient %d of %d"}.Say(i, of)
}

// network puts what the standard library says into words of ours.
func network(doing written.Text, err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	t := remote.Trouble(doing, err)
	return &problem{text: t.EN, ko: t.KO}
}
