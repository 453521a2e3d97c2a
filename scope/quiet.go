package scope

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Exception (예외) says that somebody decided that signals of a rule stay quiet. In an
// answer it stands because it kept a signal quiet whose records are among the
// answer's, whether or not it is still in force.
type Exception struct {
	ID     string `json:"id"`
	Rule   string `json:"rule"`
	Owner  string `json:"owner"`
	Reason Reason `json:"reason"`
	From   string `json:"from"`
	Until  string `json:"until"`
}

// Reason is a sentence in both languages.
type Reason struct {
	KO string `json:"ko"`
	EN string `json:"en"`
}

// Noted is what Haetae wrote down about an exception, as a record of its own.
type Noted struct {
	Is string `json:"is"` // InForce, Quiet or Ended
	Exception
	Group map[string]string `json:"group,omitempty"` // of the exception, as signals name it
	// Of a signal that was kept quiet: what finds its records, and their span.
	Signal string       `json:"signal,omitempty"`
	Where  string       `json:"where,omitempty"`
	First  event.Millis `json:"first,omitempty"`
	Last   event.Millis `json:"last,omitempty"`
}

// What is noted of an exception.
const (
	InForce = "in force"
	Quiet   = "kept a signal quiet"
	Ended   = "no longer in force"
)

const (
	// ExceptionRoute begins the route of such a record, and notedText its text.
	ExceptionRoute = "EXCEPT /"
	notedText      = "haetae exception "
)

// Text is what the record has as its agent, the only free text of a record.
func (n Noted) Text() (string, error) {
	text, err := json.Marshal(n)
	return notedText + string(text), err
}

// NotedExceptions gives what was noted of exceptions, in the order of time.
func NotedExceptions(v View) ([]Noted, error) {
	type dated struct {
		at event.Millis
		Noted
	}
	var list []dated
	is := func(sh *segment.Shape) bool {
		return sh.Source == ownSource && strings.HasPrefix(sh.Route, ExceptionRoute)
	}
	for _, r := range v.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(shapes, func(sh segment.Shape) bool { return is(&sh) }) {
			continue
		}
		agents, err := r.Agents()
		if err != nil {
			return nil, err
		}
		var homes []uint32
		var d segment.Details
		for part := range dictionary.Partitions {
			pt, err := r.Partition(part)
			if err != nil {
				return nil, err
			}
			for g, gr := range pt.Groups() {
				if !is(&shapes[gr.Shape]) {
					continue
				}
				if homes, err = pt.Homes(g, homes); err != nil {
					return nil, err
				}
				if err := pt.Details(g, homes, &d, false); err != nil {
					return nil, err
				}
				ss, err := pt.Sessions()
				if err != nil {
					return nil, err
				}
				for i, s := range d.Session {
					text, ok := strings.CutPrefix(agents[ss.Agent[s]], notedText)
					var n Noted
					// What an earlier version wrote is a sentence, and of no signal.
					if ok && json.Unmarshal([]byte(text), &n) == nil {
						list = append(list, dated{d.Time[i], n})
					}
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b dated) int { return cmp.Compare(a.at, b.at) })
	out := make([]Noted, len(list))
	for i := range list {
		out[i] = list[i].Noted
	}
	return out, nil
}

// together is how many signals are asked about in one question.
const together = 16

// exceptions lists those that kept a signal quiet of which a record is in the answer.
func (p *plan) exceptions(ctx context.Context, q Query, t *tally) ([]Exception, error) {
	if t.counts[0].records == 0 {
		return nil, nil
	}
	noted, err := NotedExceptions(p.view)
	if err != nil {
		return nil, err
	}
	type key struct{ signal, where string }
	quiet := map[Exception]map[key]Noted{}
	for _, n := range slices.Concat(noted, q.Quiet) {
		if n.Is != Quiet || n.Last < t.first || n.First > t.last {
			continue
		}
		if quiet[n.Exception] == nil {
			quiet[n.Exception] = map[key]Noted{}
		}
		k := key{n.Signal, n.Where}
		// A signal that grew was noted several times.
		if x, ok := quiet[n.Exception][k]; ok {
			n.First, n.Last = min(n.First, x.First), max(n.Last, x.Last)
		}
		quiet[n.Exception][k] = n
	}
	var out []Exception
	for x, signals := range quiet {
		var list []Noted
		for _, n := range signals {
			list = append(list, n)
		}
		slices.SortFunc(list, func(a, b Noted) int {
			return cmp.Or(cmp.Compare(a.First, b.First), strings.Compare(a.Signal, b.Signal), strings.Compare(a.Where, b.Where))
		})
		for some := range slices.Chunk(list, together) {
			touched, err := p.touches(ctx, q, t, some)
			if err != nil {
				return nil, err
			}
			if touched {
				out = append(out, x)
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b Exception) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.ID, b.ID), strings.Compare(a.Until, b.Until), strings.Compare(a.Owner, b.Owner), strings.Compare(a.Reason.EN, b.Reason.EN), strings.Compare(a.Reason.KO, b.Reason.KO), strings.Compare(a.Rule, b.Rule))
	})
	return out, nil
}

// touches reports whether any record of the answer is one of the signals'.
func (p *plan) touches(ctx context.Context, q Query, t *tally, signals []Noted) (bool, error) {
	lo, hi := t.last, t.first
	var parts []string
	for _, n := range signals {
		text := "true"
		if strings.TrimSpace(n.Where) != "" {
			text = "(" + n.Where + "\n)"
		}
		moment := func(m event.Millis) string { return `timestamp("` + m.Time().UTC().Format(time.RFC3339Nano) + `")` }
		parts = append(parts, "("+text+" && time >= "+moment(n.First)+" && time <= "+moment(n.Last)+")")
		lo, hi = min(lo, n.First), max(hi, n.Last)
	}
	where := strings.Join(parts, " || ")
	if strings.TrimSpace(q.Where) != "" {
		where = "(" + q.Where + "\n) && (" + where + ")"
	}
	one, err := newPlan(p.view, Query{Where: where, From: max(lo, t.first), To: min(hi, t.last) + 1})
	if err == nil {
		one.any = true
		var found *tally
		if found, err = one.run(ctx, q.Workers); err == nil {
			return found.counts[0].records > 0, nil
		}
	}
	if bad := new(PredicateError); !errors.As(err, &bad) {
		return false, err
	}
	// A condition of another version, or on a rule that is not known here. What cannot
	// be told of several is asked of each; what cannot be told at all is listed.
	if len(signals) == 1 {
		return true, nil
	}
	for i := range signals {
		if touched, err := p.touches(ctx, q, t, signals[i:i+1]); touched || err != nil {
			return touched, err
		}
	}
	return false, nil
}
