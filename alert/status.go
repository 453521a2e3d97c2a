package alert

import (
	"cmp"
	"slices"
	"time"

	"github.com/haetae/haetae/detect"
)

// maxListed bounds the lists of a Status. Its numbers are always whole.
const maxListed = 200

// Status is how the desk stands. Its JSON is stable. It holds no field of a
// signal that could name anybody, and of an address nothing.
type Status struct {
	At      time.Time `json:"at"`
	Signals int       `json:"signals"` // held
	Bound   int       `json:"bound"`   // of them
	Lost    int64     `json:"lost"`    // dropped for want of room, ever
	Disk    string    `json:"disk,omitempty"`
	DiskKO  string    `json:"disk_ko,omitempty"`
	// Settings is what is wrong with the settings that were read since those in force.
	Settings   string          `json:"settings_error,omitempty"`
	SettingsKO string          `json:"settings_error_ko,omitempty"`
	Channels   []ChannelStatus `json:"channels"`
	// Unacknowledged counts the signals of the escalation's severity that nobody
	// has taken; Waiting lists them, the gravest and oldest first.
	Unacknowledged int             `json:"unacknowledged"`
	Waiting        []Waiting       `json:"waiting"`
	Failures       []Failure       `json:"failures"`
	Heartbeat      HeartbeatStatus `json:"heartbeat"`
	// Uncovered are hours of an ordinary week in which a role has nobody.
	Uncovered []string `json:"uncovered,omitempty"`
}

// ChannelStatus is one channel.
type ChannelStatus struct {
	Name        string    `json:"name"`
	Kind        Kind      `json:"kind"`
	Queued      int       `json:"queued"`
	Failed      int       `json:"failed"` // for good
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorKO string    `json:"last_error_ko,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	Failing     time.Time `json:"failing_since,omitzero"`
	NextTry     time.Time `json:"next_try,omitzero"` // back-off
}

// Waiting is a signal that nobody has taken.
type Waiting struct {
	Signal   string          `json:"signal"`
	Rule     string          `json:"rule"`
	Severity detect.Severity `json:"severity"`
	Since    time.Time       `json:"since"`
	Age      string          `json:"age"`
	Step     int             `json:"step"` // of the escalation, taken
	// NextStep is when the escalation goes on; zero if it has come to its end.
	NextStep time.Time `json:"next_step,omitzero"`
	NextTo   string    `json:"next_to,omitempty"` // channel or role
}

// Failure is a message that was refused for good. Retry sends it again.
type Failure struct {
	Signal   string    `json:"signal"`
	Rule     string    `json:"rule"`
	Channel  string    `json:"channel"`
	Step     int       `json:"step,omitempty"`
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
	Error    string    `json:"error"`
	ErrorKO  string    `json:"error_ko,omitempty"`
}

// HeartbeatStatus is the sign of life.
type HeartbeatStatus struct {
	Watched     bool      `json:"watched"`
	Alive       time.Time `json:"alive,omitzero"` // detection, last
	Sent        time.Time `json:"sent,omitzero"`  // and arrived
	Withheld    string    `json:"withheld,omitempty"`
	WithheldKO  string    `json:"withheld_ko,omitempty"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorKO string    `json:"last_error_ko,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
}

// Status says how the desk stands.
func (d *Desk) Status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.stamp()
	h := d.heart
	s := Status{
		At: now, Signals: len(d.book.entries), Bound: d.cfg.MaxSignals, Lost: d.book.lost,
		Settings: d.refused.EN, SettingsKO: d.refused.KO, Waiting: []Waiting{}, Failures: []Failure{},
		Heartbeat: HeartbeatStatus{d.cfg.Heartbeat.Watched(), h.alive, h.sent, h.withheld.EN, h.withheld.KO, h.err.EN, h.err.KO, h.errAt},
	}
	if d.diskErr != nil {
		s.Disk, s.DiskKO = unwritable.EN, unwritable.KO
	}
	if d.cfg.Rota != nil {
		s.Uncovered = d.cfg.Rota.Uncovered()
	}
	byName := map[string]int{}
	for i, l := range d.routes {
		byName[l.ch.Name] = i
		c := ChannelStatus{Name: l.ch.Name, Kind: l.ch.Kind, LastSuccess: l.success, LastError: l.err.EN, LastErrorKO: l.err.KO, LastErrorAt: l.errAt, Failing: l.failing}
		if l.retry.After(now) {
			c.NextTry = l.retry
		}
		s.Channels = append(s.Channels, c)
	}
	for _, e := range d.book.sorted() {
		for _, t := range e.Told {
			switch c := &s.Channels[byName[t.Channel]]; t.State {
			case queued:
				c.Queued++
			case failed:
				c.Failed++
				s.Failures = append(s.Failures, Failure{e.Signal.ID, line(e.Signal.Rule), t.Channel, t.Step, t.Revision, t.Tried, t.Error, t.ErrorKO})
			}
		}
		if e.climbs(d.cfg) {
			w := Waiting{Signal: e.Signal.ID, Rule: line(e.Signal.Rule), Severity: e.Signal.Severity, Since: e.Since, Step: e.Steps, NextStep: e.nextStep(d.cfg)}
			if !e.Raised.IsZero() {
				w.Since = e.Raised
			}
			w.Age = now.Sub(w.Since).Round(time.Second).String()
			if !w.NextStep.IsZero() {
				next, _ := d.cfg.upcoming(e.Steps)
				w.NextTo = next.Channel + next.Role
			}
			s.Waiting = append(s.Waiting, w)
		}
	}
	s.Unacknowledged = len(s.Waiting)
	slices.SortStableFunc(s.Waiting, func(x, y Waiting) int {
		return cmp.Or(cmp.Compare(y.Severity, x.Severity), x.Since.Compare(y.Since))
	})
	slices.SortStableFunc(s.Failures, func(x, y Failure) int { return y.At.Compare(x.At) })
	s.Waiting = s.Waiting[:min(len(s.Waiting), maxListed)]
	s.Failures = s.Failures[:min(len(s.Failures), maxListed)]
	return s
}
