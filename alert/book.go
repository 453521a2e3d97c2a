package alert

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/haetae/haetae/detect"
)

const (
	// maxSignalBytes is some thirty times an ordinary signal in JSON.
	maxSignalBytes = 64 << 10
	// maxBookBytes bounds all of them together, in memory and, three times, on
	// the disk. 10,000 ordinary signals take 20 MB.
	maxBookBytes = 64 << 20
	maxID        = 128
	maxAcks      = 20 // kept for a signal; of more, the oldest goes
	maxWho       = 200
	maxNote      = 2000
)

// book is what is known: signals, who was told of them, who has taken them. It
// knows neither disk nor clock nor network.
type book struct {
	cfg     *Config
	item    func(id string) detect.Text // the name of an item; nil: ids are told
	entries map[string]*entry
	bytes   int64
	lost    int64     // signals given up because there was no room
	decided time.Time // up to where the detection has decided that hands signals in
}

// entry is a signal and what became of it. Its JSON stands in the queue file.
type entry struct {
	Signal   detect.Signal `json:"signal"`
	Revision int64         `json:"revision"` // counts what there was to tell
	Since    time.Time     `json:"since"`    // first accepted
	Changed  time.Time     `json:"changed"`  // last change of the signal
	// Decided is up to where the detection had decided that found the signal. One that
	// has decided less, as after a restart, says nothing about it yet.
	Decided time.Time `json:"decided,omitzero"`
	// Raised is when the escalation began: with the signal, when its severity
	// reached the bound, or when it came up again. Zero: there is none.
	Raised time.Time  `json:"raised,omitzero"`
	Steps  int        `json:"steps,omitempty"` // taken since Raised
	Called time.Time  `json:"called,omitzero"` // when the last of Steps was taken
	Acks   []ack      `json:"acks,omitempty"`
	Taken  bool       `json:"taken,omitempty"` // the last of Acks holds
	Told   []*telling `json:"told,omitempty"`

	size int64
}

type ack struct {
	Who      string          `json:"who"`
	At       time.Time       `json:"at"`
	Note     string          `json:"note,omitempty"`
	Severity detect.Severity `json:"severity"` // what was acknowledged
}

// telling is a signal's state on one channel. There is one per channel and step,
// whatever the number of revisions.
type telling struct {
	Channel string `json:"channel"`
	Step    int    `json:"step,omitempty"` // 0: not by the escalation
	Role    string `json:"role,omitempty"`
	Nobody  bool   `json:"nobody,omitempty"` // the role had nobody on call
	Round   int    `json:"round,omitempty"`  // how often the step was taken again
	State   state  `json:"state"`
	// Due is the moment before which a queued one does not leave.
	Due      time.Time       `json:"due,omitzero"`
	Revision int64           `json:"revision,omitempty"` // last sent or refused
	Severity detect.Severity `json:"severity,omitempty"` // of that
	Tried    time.Time       `json:"tried,omitzero"`     // when that was
	Sent     bool            `json:"sent,omitempty"`     // ever
	Gone     bool            `json:"gone,omitempty"`     // the last sent said that the signal is withdrawn
	Error    string          `json:"error,omitempty"`
	ErrorKO  string          `json:"error_ko,omitempty"`

	// Not kept over a restart:
	attempts int       // since the last success
	retry    time.Time // back-off
	flying   bool      // an attempt is being made
}

type state string

const (
	queued state = "queued"
	sent   state = "sent"
	failed state = "failed" // for good
)

// goodID: ids go into headers, addresses and Message-IDs.
func goodID(id string) bool {
	for _, r := range []byte(id) {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
			return false
		}
	}
	return id != "" && len(id) <= maxID
}

// ErrUnknown is returned for a signal that the queue does not hold.
var ErrUnknown = errors.New("no such signal in the alert queue")

// ErrFull is returned for a new signal when the queue holds its bound of signals
// that are graver, or as grave and not yet told. The loss is counted and told.
var ErrFull = errors.New("the alert queue is full")

// Refused reports that err says nothing but ErrFull: what was refused need not be
// handed in again, which would count it again.
func Refused(err error) bool {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(all.Unwrap(), func(err error) bool { return !Refused(err) })
	}
	return errors.Is(err, ErrFull)
}

// accept takes a signal, and reports which entries changed and which had to go.
func (b *book) accept(s detect.Signal, now time.Time) (change, error) {
	if !goodID(s.ID) {
		return change{}, errors.New("a signal's id is 1 to 128 letters, digits and - _ .")
	}
	if s.Status == "" {
		s.Status = detect.Open
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return change{}, fmt.Errorf("signal %s: %w", s.ID, err)
	}
	if len(raw) > maxSignalBytes {
		return change{}, fmt.Errorf("signal %s takes %d bytes, more than %d", s.ID, len(raw), maxSignalBytes)
	}
	// As it will be read back, so that a restart sees no difference. No pointer
	// of the caller is kept either.
	s = detect.Signal{}
	if err := json.Unmarshal(raw, &s); err != nil {
		return change{}, fmt.Errorf("signal %s: %w", s.ID, err)
	}
	var c change
	e := b.entries[s.ID]
	if e != nil {
		s.Late = s.Late || e.Signal.Late // the server that found it first knew, one after a restart does not
	}
	switch {
	case e == nil && !b.concerns(s):
		return c, nil // it may grow, and is then handed in again
	case e == nil && s.ID == overflowID:
		e = &entry{Signal: s, Since: now}
		b.entries[s.ID] = e
	case e == nil:
		if c, err = b.room(s, int64(len(raw))); err != nil {
			return c, err
		}
		e = &entry{Signal: s, Since: now, Decided: b.decided}
		b.entries[s.ID] = e
	case reflect.DeepEqual(e.Signal, s):
		return c, nil
	}
	again := e.Signal.Status == detect.Withdrawn
	if again {
		e.Decided = b.decided
	}
	e.Signal, e.Changed = s, now
	e.Revision++
	if e.Taken && s.Severity > e.Acks[len(e.Acks)-1].Severity {
		e.Taken, e.Raised = false, time.Time{} // what was acknowledged was less than this
	}
	if e.Raised.IsZero() && e.climbs(b.cfg) {
		e.Raised, e.Steps, e.Called = now, 0, time.Time{}
	}
	b.plan(e, now)
	if again && e.open() {
		// Whoever heard that it no longer holds hears at once that it does.
		for _, t := range e.Told {
			if t.Step == 0 && t.Gone {
				t.State, t.Due, t.Error, t.ErrorKO = queued, now, "", ""
			}
		}
	}
	b.measure(e)
	c.Put = append(c.Put, e)
	return c, nil
}

// concerns reports whether anybody would be told.
func (b *book) concerns(s detect.Signal) bool {
	if s.Status == detect.Suppressed {
		return false
	}
	if len(b.cfg.Escalation.Steps) > 0 && s.Severity >= b.cfg.Escalation.MinSeverity {
		return true
	}
	return slices.ContainsFunc(b.cfg.Channels, func(ch Channel) bool { return !ch.Standby && s.Severity >= ch.MinSeverity })
}

// open reports whether somebody has still to look.
func (e *entry) open() bool { return !e.Taken && e.Signal.Status == detect.Open }

// climbs reports whether the entry is one of the escalation.
func (e *entry) climbs(cfg *Config) bool {
	return e.open() && e.Signal.Severity >= cfg.Escalation.MinSeverity
}

func (e *entry) telling(channel string, step int) *telling {
	for _, t := range e.Told {
		if t.Channel == channel && t.Step == step {
			return t
		}
	}
	return nil
}

// plan says when each channel hears of what changed.
func (b *book) plan(e *entry, now time.Time) {
	if e.Signal.Status == detect.Suppressed {
		// Who has heard nothing yet needs not hear that it is over.
		e.Told = slices.DeleteFunc(e.Told, func(t *telling) bool { return t.State == queued && !t.Sent })
	} else {
		for _, ch := range b.cfg.Channels {
			if !ch.Standby && e.Signal.Severity >= ch.MinSeverity && e.telling(ch.Name, 0) == nil {
				e.Told = append(e.Told, &telling{Channel: ch.Name, State: queued, Due: now})
			}
		}
	}
	every := b.growEvery(e)
	for _, t := range e.Told {
		t.grow(e, every, now)
	}
}

// grow queues a telling again after a change.
func (t *telling) grow(e *entry, every time.Duration, now time.Time) {
	if t.Step > 0 && !t.called(e) {
		return // somebody on call is called, and not kept informed
	}
	next := t.Tried.Add(every)
	if e.Signal.Severity > t.Severity || next.Before(now) {
		next = now
	}
	if t.State != queued {
		t.State, t.Due, t.Error, t.ErrorKO = queued, next, "", ""
	} else if next.Before(t.Due) {
		t.Due = next
	}
}

func (b *book) growEvery(e *entry) time.Duration {
	if e.Taken {
		return b.cfg.GrowEveryAcked
	}
	return b.cfg.GrowEvery
}

// called reports whether a telling of a step is to be told of a change: only if
// the severity rose.
func (t *telling) called(e *entry) bool {
	return t.Revision > 0 && e.open() && e.Signal.Severity > t.Severity
}

func (b *book) acknowledge(id, who, note string, when, now time.Time) (change, error) {
	e := b.entries[id]
	if e == nil {
		return change{}, fmt.Errorf("acknowledge %s: %w", id, ErrUnknown)
	}
	if e.Taken {
		last := e.Acks[len(e.Acks)-1]
		if last.Who == who && last.Note == note && last.At.Equal(when) && last.Severity == e.Signal.Severity {
			return change{}, nil // the same again
		}
	}
	e.Acks = append(e.Acks, ack{who, when, note, e.Signal.Severity})
	if n := len(e.Acks); n > maxAcks {
		e.Acks = slices.Clone(e.Acks[n-maxAcks:])
	}
	first := !e.Taken
	e.Taken, e.Raised, e.Steps, e.Called = true, time.Time{}, 0, time.Time{}
	if first && e.Signal.Status != detect.Withdrawn {
		// Whoever was told is told that it is taken, once and at once; whoever
		// was to be called need not be.
		e.Revision++
		e.Told = slices.DeleteFunc(e.Told, func(t *telling) bool { return t.Step > 0 && !t.Sent && !t.flying })
		for _, t := range e.Told {
			if t.Sent || t.flying {
				t.State, t.Due, t.Error, t.ErrorKO = queued, now, "", ""
			}
		}
	}
	b.measure(e)
	return change{Put: []*entry{e}}, nil
}

// escalate takes the steps that are due.
func (b *book) escalate(now time.Time) change {
	var c change
	for _, e := range b.entries {
		if e.Raised.IsZero() || !e.climbs(b.cfg) {
			continue
		}
		before := e.Steps
		called := e.Called
		for e.Steps < len(b.cfg.Escalation.Steps) && !now.Before(e.nextStep(b.cfg)) {
			s := b.cfg.Escalation.Steps[e.Steps]
			e.Steps++
			e.Called = now
			b.call(e, s, e.Steps, now)
		}
		// However often it was missed while nothing ran, it is taken again once.
		if next := e.nextStep(b.cfg); e.Steps == before && !next.IsZero() && !now.Before(next) {
			e.Called = now
			s, step := b.cfg.upcoming(e.Steps)
			b.call(e, s, step, now)
			for _, t := range e.Told {
				if t.Step == step {
					t.Round++
				}
			}
		}
		if e.Steps != before || !e.Called.Equal(called) {
			b.measure(e)
			c.Put = append(c.Put, e)
		}
	}
	slices.SortFunc(c.Put, byID)
	return c
}

// call queues what a step tells.
func (b *book) call(e *entry, s Step, step int, now time.Time) {
	channels, nobody := []string{s.Channel}, false
	if s.Role != "" {
		channels = nil
		if b.cfg.Rota != nil {
			channels = b.cfg.Rota.People[b.cfg.Rota.OnCall(s.Role, now)]
		}
		if nobody = len(channels) == 0; nobody {
			channels = b.everybody()
		}
	}
	for _, ch := range slices.Compact(slices.Sorted(slices.Values(channels))) {
		t := e.telling(ch, step)
		if t == nil {
			t = &telling{Channel: ch, Step: step}
			e.Told = append(e.Told, t)
		}
		t.Role, t.Nobody, t.State, t.Due, t.Error, t.ErrorKO = s.Role, nobody, queued, now, "", ""
	}
}

// everybody is who is told when nobody is on call: every channel that is told of
// new signals, else every channel there is.
func (b *book) everybody() []string {
	var all, ordinary []string
	for _, ch := range b.cfg.Channels {
		all = append(all, ch.Name)
		if !ch.Standby {
			ordinary = append(ordinary, ch.Name)
		}
	}
	if len(ordinary) > 0 {
		return ordinary
	}
	return all
}

// nextStep is when the escalation of an entry goes on; zero if it does not.
func (e *entry) nextStep(cfg *Config) time.Time {
	s, step := cfg.upcoming(e.Steps)
	switch {
	case e.Raised.IsZero() || !e.climbs(cfg) || step == 0:
		return time.Time{}
	case step > e.Steps:
		return e.Raised.Add(s.After)
	case e.Called.Before(e.Raised): // it was taken before repetitions were kept
		return e.Raised.Add(s.After + s.Repeat)
	}
	return e.Called.Add(s.Repeat)
}

// upcoming is the step that comes after so many were taken, and its number from 1:
// the next one, or the last again. 0: there is none.
func (cfg *Config) upcoming(taken int) (Step, int) {
	steps := cfg.Escalation.Steps
	if taken < len(steps) {
		return steps[taken], taken + 1
	}
	if n := len(steps); n > 0 && steps[n-1].Repeat > 0 {
		return steps[n-1], n
	}
	return Step{}, 0
}

// measure keeps the size of an entry, for the bound in bytes.
func (b *book) measure(e *entry) {
	raw, _ := json.Marshal(e) // it was marshalled before, or read
	b.bytes += int64(len(raw)) - e.size
	e.size = int64(len(raw))
}

func (b *book) drop(e *entry) {
	b.bytes -= e.size
	delete(b.entries, e.Signal.ID)
}

// sorted is in the order of ids, so that what is written is the same each time.
func (b *book) sorted() []*entry {
	return slices.SortedFunc(maps.Values(b.entries), byID)
}

func byID(x, y *entry) int { return cmp.Compare(x.Signal.ID, y.Signal.ID) }
