package alert

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// heart is the heartbeat at work. The Desk's mu guards it.
type heart struct {
	alive    time.Time // when detection last said so
	next     time.Time
	busy     bool
	sent     time.Time // last that arrived
	err      written.Text
	errAt    time.Time
	withheld written.Text // why the last one was not sent
}

// unwritable is what is said while the queue cannot be written.
var unwritable = written.Text{KO: "알림 대기열을 기록할 수 없습니다", EN: "the alert queue cannot be written"}

// deadChannels is how long every channel in use must have failed before the
// heartbeat is withheld. It is then the only thing that still tells anybody.
const deadChannels = 15 * time.Minute

// Alive says that detection was alive at a moment. The heartbeat is sent only
// while that is not long ago.
func (d *Desk) Alive(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at.After(d.heart.alive) {
		d.heart.alive = at
	}
}

// silent is why no heartbeat is to be sent; empty if one is.
func (d *Desk) silent(now time.Time) (why written.Text) {
	switch {
	case d.heart.alive.IsZero():
		return written.Text{KO: "탐지가 아직 동작 신호를 보내지 않았습니다", EN: "detection has not yet said that it is alive"}
	case now.Sub(d.heart.alive) > d.cfg.Heartbeat.Within:
		return written.Kind{KO: "%s 이후 탐지의 동작 신호가 없습니다", EN: "detection has not said that it is alive since %s"}.Say(stamp(d.heart.alive))
	case d.diskErr != nil:
		return unwritable
	}
	used := false
	for _, l := range d.routes {
		if l.success.IsZero() && l.failing.IsZero() {
			continue // not yet used
		}
		used = true
		if l.failing.IsZero() || now.Sub(l.failing) < deadChannels {
			return why
		}
	}
	if used {
		return written.Text{KO: "동작하는 알림 채널이 없습니다", EN: "no channel works"}
	}
	return why
}

// beat sends a heartbeat when one is due, and says when the next is.
func (d *Desk) beat(ctx context.Context, flights *sync.WaitGroup, now time.Time) time.Time {
	h := &d.heart
	if !d.cfg.Heartbeat.Watched() || h.busy {
		return time.Time{} // a result will wake the loop
	}
	// A clock that was put back must not silence it for long.
	if now.Before(h.next) && h.next.Sub(now) <= d.cfg.Heartbeat.Every {
		return h.next
	}
	h.next = now.Add(d.cfg.Heartbeat.Every)
	why := d.silent(now)
	if why.EN != "" && h.withheld.EN == "" {
		d.log.Warn("the heartbeat is withheld", "why", why.EN)
	}
	h.withheld = why
	if why.EN != "" {
		return h.next
	}
	h.busy = true
	b := d.cfg.Heartbeat
	flights.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, min(attemptTime, b.Every))
		defer cancel()
		d.results <- result{err: ping(ctx, d.pulse, b, now)}
	})
	return h.next
}

// ping carries nothing but the fact of itself.
func ping(ctx context.Context, client *http.Client, b Heartbeat, now time.Time) error {
	address, err := remote.URLFrom(b.URL, b.URLFile, b.Plain)
	if err != nil {
		return trouble("url_file: %s", "url_file: %s", written.TextOf(err))
	}
	req, err := http.NewRequestWithContext(ctx, b.Method, address, nil)
	if err != nil {
		return trouble("호출할 수 없는 주소입니다", "the address cannot be called")
	}
	req.Header.Set("User-Agent", "haetae")
	return call(client, req, now)
}

func (d *Desk) beaten(err error, now time.Time) {
	d.heart.busy = false
	if err == nil {
		d.heart.sent = now
		return
	}
	p := network(calling, err)
	d.heart.err, d.heart.errAt = written.TextOf(p), now
	d.log.Warn("the heartbeat did not arrive", "error", p.text)
}
