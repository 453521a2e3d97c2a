package detect

import (
	"github.com/haetae/haetae/event"
)

// cause is why something could not be decided.
type cause string

const (
	stateFull    cause = "state_full"        // a bound of the engine was reached
	issuerSilent cause = "issuer_silent"     // no sign-in was logged for longer than the cadence
	noRegister   cause = "no_register"       // there is none
	registerOld  cause = "register_outdated" // members may have joined since
	spaceFull    cause = "too_many_values"   // texts and addresses beyond what is remembered
)

type lossKey struct {
	c     *correlation
	cause cause
}

// loss is what a correlation could not decide, for one cause.
type loss struct {
	first, last event.Millis
	records     int64
	spans       [][2]event.Millis // of silences, at most maxSpans
	changed     bool
}

const maxSpans = 100

// lose notes a record that could not be decided.
func (e *Engine) lose(c *correlation, why cause, at event.Millis) *loss {
	k := lossKey{c, why}
	l := e.losses[k]
	if l == nil {
		l = &loss{first: at, last: at}
		e.losses[k] = l
	}
	l.first, l.last = min(l.first, at), max(l.last, at)
	l.records++
	l.changed = true
	return l
}

// loseSpan notes a record that could not be decided for what was missing over a
// span.
func (e *Engine) loseSpan(c *correlation, why cause, from, to event.Millis) {
	l := e.lose(c, why, from)
	l.last = max(l.last, to)
	span := [2]event.Millis{from, to}
	for _, s := range l.spans {
		if s == span {
			return
		}
	}
	if len(l.spans) < maxSpans {
		l.spans = append(l.spans, span)
	}
}
