package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
)

// cause is why something could not be decided.
type cause string

const (
	stateFull    cause = "state_full"        // a bound of the engine was reached
	episodesFull cause = "episodes_full"     // of one signal
	issuerSilent cause = "issuer_silent"     // no sign-in was logged for longer than the cadence
	noRegister   cause = "no_register"       // there is none
	registerOld  cause = "register_outdated" // members may have joined since
	spaceFull    cause = "too_many_values"   // texts and addresses beyond what is remembered
	notInForce   cause = "not_in_force"      // the rule, when the lines were at hand
	lostFile     cause = ledger.GapLost      // lines of a followed file were gone before they were read
	cutFile      cause = ledger.GapCut       // or cut
	feedStale    cause = "feed_stale"        // a register or list was older than it may be
	removed      cause = ledger.GapRemoved   // messages of a topic were removed before they were read
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

// lossEntry is one of the engine's losses.
type lossEntry struct {
	cause cause
	loss  *loss
}

const maxSpans = 100

// lose notes a record that could not be decided.
func (e *Engine) lose(c *correlation, why cause, at event.Millis) *loss {
	return e.loseRun(c, why, runOf(at))
}

// loseRun notes a run of them.
func (e *Engine) loseRun(c *correlation, why cause, r run) *loss {
	l := c.lost.loss
	if l == nil || c.lost.cause != why {
		k := lossKey{c, why}
		if l = e.losses[k]; l == nil {
			l = &loss{first: r.first, last: r.last}
			e.losses[k] = l
		}
		c.lost = lossEntry{why, l}
	}
	l.first, l.last = min(l.first, r.first), max(l.last, r.last)
	l.records += r.n
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

// Missing tells the engine of what following has lost between from and to: no
// rule could see those records. They are told all at once; HasChanged says
// whether there are others than before.
func (e *Engine) Missing(gaps []ledger.Gap, from, to, now event.Millis) {
	// One that is still open grows with every moment; that is no news.
	if slices.Equal(gaps, e.gaps) {
		return
	}
	var in []ledger.Gap
	for _, g := range gaps {
		if g.From, g.To = g.Span(now); g.From < to && g.To >= from {
			in = append(in, g)
		}
	}
	e.gaps = gaps
	e.missing, e.missed = in, e.missed || !slices.Equal(in, e.missing)
}

// missingList makes a loss of the gaps of each source and kind.
func (e *Engine) missingList() []Loss {
	by := map[[2]string]*Loss{}
	gaps := slices.Clone(e.missing)
	slices.SortFunc(gaps, func(a, b ledger.Gap) int { return cmp.Compare(a.From, b.From) })
	for _, g := range gaps {
		k := [2]string{g.Source, g.Kind}
		l := by[k]
		if l == nil {
			t := lossTexts[cause(g.Kind)]
			l = &Loss{
				Rule: "*", Cause: g.Kind, Source: g.Source, First: e.stamp(g.From), Last: e.stamp(g.To),
				Text: Text{KO: fmt.Sprintf(t.KO, g.Source), EN: fmt.Sprintf(t.EN, g.Source)},
			}
			by[k] = l
		}
		l.Last = max(l.Last, e.stamp(g.To))
		if len(l.Spans) < maxSpans {
			l.Spans = append(l.Spans, [2]string{e.stamp(g.From), e.stamp(g.To)})
		}
	}
	var out []Loss
	for _, l := range by {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Loss) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Cause, b.Cause))
	})
	return out
}
