package alert

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/haetae/haetae/detect"
)

// Settle takes the signals of a detection that has been through all of history and
// has decided everything before a moment: these hold, and no others, and of them those
// are new or have changed. A signal of the queue that does not hold is withdrawn. What was not yet told of it is not told,
// its escalation ends, and whoever was told is told once that it no longer holds. If
// it is found again, it comes up again, with the acknowledgements that it had.
//
// A signal of the same rule and group under another id goes on under that one, with
// who was told of it and who has acknowledged it.
//
// A detection that has decided less than the one that found a signal says nothing
// about it yet. again is the moment that has to be decided before Settle is called
// once more; zero if there is nothing left to settle.
//
// Settle compares with what the queue holds on the disk, so that it finds what has
// become of signals while no process ran. One that has not changed and had to leave the
// queue, for want of room, does not come into it again. An error means the same as of
// Found.
func (d *Desk) Settle(all, changed []detect.Signal, decided time.Time) (again time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return time.Time{}, ErrClosed
	}
	now := d.stamp()
	d.book.decided = decided.UTC().Round(0)
	c, again := d.book.settle(all, now)
	if n := len(c.Put) + len(c.Gone); n > 0 {
		d.log.Info("signals of the alert queue were withdrawn or go on under another id", "signals", n)
	}
	next, errs := d.take(changed, now)
	c.merge(next)
	if err := d.persist(c); err != nil {
		errs = append(errs, fmt.Errorf("write alert queue: %w", err))
	}
	d.stir()
	return again, errors.Join(errs...)
}

// kin is the same for signals of the same rule and group.
func kin(s *detect.Signal) string { return detect.SignalID(s.Rule, s.Group) }

// settle withdraws what is not among the signals that hold.
func (b *book) settle(all []detect.Signal, now time.Time) (c change, again time.Time) {
	holds, heirs := make(map[string]bool, len(all)), make(map[string]string, len(all))
	for i := range all {
		holds[all[i].ID] = true
		heirs[kin(&all[i])] = all[i].ID
	}
	for _, e := range b.sorted() {
		id := e.Signal.ID
		heir, inherited := heirs[kin(&e.Signal)]
		switch {
		case id == overflowID:
		case holds[id]:
			if e.Decided.After(b.decided) {
				e.Decided = b.decided
				b.measure(e)
				c.merge(change{Put: []*entry{e}})
			}
		case inherited:
			c.merge(b.inherit(e, heir))
		case e.Signal.Status == detect.Withdrawn:
		case e.Decided.After(b.decided):
			if again.IsZero() || e.Decided.Before(again) {
				again = e.Decided
			}
		default:
			c.merge(b.withdraw(e, now))
		}
	}
	return c, again
}

// withdraw takes a signal back.
func (b *book) withdraw(e *entry, now time.Time) change {
	e.Signal.Status, e.Signal.Exception = detect.Withdrawn, nil
	e.Changed, e.Raised, e.Steps, e.Called = now, time.Time{}, 0, time.Time{}
	e.Revision++
	e.Told = slices.DeleteFunc(e.Told, func(t *telling) bool { return !t.Sent && !t.flying })
	if e.forgotten() {
		b.drop(e)
		return change{Gone: []string{e.Signal.ID}}
	}
	for _, t := range e.Told {
		if t.State, t.Due, t.Error, t.ErrorKO = queued, now, "", ""; t.Gone && !t.flying {
			t.State, t.Due = sent, time.Time{} // it knows of nothing else
		}
	}
	b.measure(e)
	return change{Put: []*entry{e}}
}

// forgotten reports that nobody has heard of a withdrawn signal or acknowledged it.
func (e *entry) forgotten() bool {
	return e.Signal.Status == detect.Withdrawn && len(e.Told) == 0 && len(e.Acks) == 0
}

// inherit lets a signal go on under another id, which may be in the queue already.
func (b *book) inherit(e *entry, heir string) change {
	c := change{Gone: []string{e.Signal.ID}}
	h := b.entries[heir]
	b.drop(e)
	if h == nil {
		// The rest of the signal comes when it is accepted.
		e.size, e.Signal.ID = 0, heir
		b.entries[heir] = e
		b.measure(e)
		c.Put = []*entry{e}
		return c
	}
	first, second := e, h
	if e.Taken && (!h.Taken || e.Acks[len(e.Acks)-1].Severity > h.Acks[len(h.Acks)-1].Severity) {
		first, second = h, e
	}
	h.Acks = slices.Concat(first.Acks, second.Acks)
	if n := len(h.Acks); n > maxAcks {
		h.Acks = slices.Clone(h.Acks[n-maxAcks:])
	}
	if second.Taken && h.Acks[len(h.Acks)-1].Severity >= h.Signal.Severity {
		h.Taken, h.Raised, h.Steps, h.Called = true, time.Time{}, 0, time.Time{}
	}
	for _, t := range e.Told {
		switch x := h.telling(t.Channel, t.Step); {
		case x == nil && (t.Sent || t.flying):
			h.Told = append(h.Told, t)
		case x != nil:
			x.Sent = x.Sent || t.Sent
			x.Gone = x.Gone && t.Gone
		}
	}
	if h.Taken {
		h.Told = slices.DeleteFunc(h.Told, func(t *telling) bool { return t.Step > 0 && !t.Sent && !t.flying })
	}
	h.Revision = max(h.Revision, e.Revision) + 1
	if e.Since.Before(h.Since) {
		h.Since = e.Since
	}
	b.measure(h)
	c.Put = []*entry{h}
	return c
}

// holder is the entry that has a telling: that of the id, or the one under which the
// signal has gone on meanwhile. Nil: it was dropped.
func (b *book) holder(id string, t *telling) *entry {
	if e := b.entries[id]; e != nil && slices.Contains(e.Told, t) {
		return e
	}
	for _, e := range b.entries {
		if slices.Contains(e.Told, t) {
			return e
		}
	}
	return nil
}
