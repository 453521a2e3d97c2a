package detect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// Learning is a rule in its learning phase: nothing is high by it yet.
type Learning struct {
	Rule  string `json:"rule"`
	Until string `json:"until"`
}

// Learning lists the rules that still learned at the newest record, those that learn
// longest last. Without a record there is nothing to say: a phase begins with one.
func (e *Engine) Learning() []Learning {
	if e.newest == catalog.Always {
		return nil
	}
	type phase struct {
		rule  string
		until event.Millis
	}
	var list []phase
	for _, c := range e.correlations {
		if until := e.learnsUntil(c); until > e.newest {
			list = append(list, phase{c.doc.Key(), until})
		}
	}
	slices.SortFunc(list, func(a, b phase) int {
		return cmp.Or(cmp.Compare(a.until, b.until), strings.Compare(a.rule, b.rule))
	})
	var out []Learning
	for _, p := range list {
		out = append(out, Learning{p.rule, e.stamp(p.until)})
	}
	return out
}

// learnsUntil is when a rule's learning phase ends: what it asks for itself, and what
// its type needs before it can judge.
func (e *Engine) learnsUntil(c *correlation) event.Millis {
	until := e.began + millis(c.typ.Learning.Duration())
	switch c.kind {
	case rule.Deviation:
		until = max(until, e.began+minWeeks*weekHours*hourMillis)
	case rule.Absent:
		if s, ok := c.filter.(*issuance); ok && s.first < e.newest {
			until = max(until, s.first+s.within)
		}
	}
	return until
}
