package detect

import (
	"context"
	"slices"
	"strings"

	"github.com/haetae/haetae/event"
)

// EachHour has Run call f behind each hour of history, with the end of that hour. A live
// run knew by then what is known there, and up to an hour earlier: its watermark
// follows the newest record more closely, since records come to it in order. f may ask
// Custody, and Risen.
func (e *Engine) EachHour(f func(at event.Millis) error) { e.hourly = f }

// Watch is what somebody has been told of in a run over history.
type Watch struct {
	level map[string]Severity
	asked map[string]event.Millis
}

// watchEvery is how often, in the time of the records, the extent of a signal is asked
// anew whose severity follows from the people in it.
const watchEvery = 6 * hourMillis

// Risen gives the signals that are new at a moment or have become graver since they were
// given last. Other growth it passes over, so that a signal which grows for a year is
// not asked for a year.
func (e *Engine) Risen(ctx context.Context, w *Watch, at event.Millis, ask Asker) ([]Signal, error) {
	if w.level == nil {
		w.level, w.asked = map[string]Severity{}, map[string]event.Millis{}
	}
	var out []Signal
	tell := func(s Signal) {
		if before, known := w.level[s.ID]; !known || s.Severity > before {
			w.level[s.ID] = s.Severity
			out = append(out, s)
		}
	}
	for _, c := range e.correlations {
		people := c.climbsByPeople()
		for _, f := range c.findings {
			if !f.changed {
				continue
			}
			f.changed = false
			group, err := e.groupOf(f)
			if err != nil {
				return nil, err
			}
			id := SignalID(c.id, group)
			before, known := w.level[id]
			if known && f.level <= before && (!people || at-w.asked[id] < watchEvery) {
				f.changed = people // it is looked at again later
				continue
			}
			w.asked[id] = at
			s, err := e.signal(ctx, f, ask)
			if err != nil {
				return nil, err
			}
			tell(*s)
		}
	}
	lost := false
	for _, l := range e.losses {
		lost = lost || l.changed
		l.changed = false
	}
	if lost {
		for _, x := range e.lossList() {
			tell(coverageLost(x))
		}
	}
	slices.SortFunc(out, func(a, b Signal) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// climbsByPeople says whether a severity of the rule asks for more than the number that
// the engine counts itself.
func (c *correlation) climbsByPeople() bool {
	return slices.ContainsFunc(c.ladder, func(s step) bool { return s.of != "count" })
}
