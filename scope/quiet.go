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

// quietSignals are those that exceptions kept quiet, as they were noted last. A signal
// that grows is noted again and again, mostly with another condition each time, and
// what was noted of it before counts only where it reaches beyond that: a rule that was
// changed since found something else then.
func quietSignals(noted []Noted) map[Exception][]Noted {
	type key struct {
		Exception
		signal string
	}
	by := map[key][]Noted{}
	for _, n := range noted {
		if n.Is != Quiet {
			continue
		}
		k := key{n.Exception, n.Signal}
		by[k] = append(slices.DeleteFunc(by[k], func(x Noted) bool { return n.First <= x.First && x.Last <= n.Last }), n)
	}
	out := map[Exception][]Noted{}
	for k, list := range by {
		out[k.Exception] = append(out[k.Exception], list...)
	}
	return out
}

// span is the time from the first record of an answer to the last.
type span struct{ first, last event.Millis }

// exceptions lists those that kept a signal quiet of which a record is in an answer.
// touches says it of some signals.
func exceptions(v View, also []Noted, t span, touches func(signals []Noted) (bool, error)) ([]Exception, error) {
	noted, err := NotedExceptions(v)
	if err != nil {
		return nil, err
	}
	var out []Exception
	for x, list := range quietSignals(slices.Concat(noted, also)) {
		list = slices.DeleteFunc(list, func(n Noted) bool { return n.Last < t.first || n.First > t.last })
		slices.SortFunc(list, func(a, b Noted) int {
			return cmp.Or(cmp.Compare(a.First, b.First), strings.Compare(a.Signal, b.Signal), strings.Compare(a.Where, b.Where))
		})
		for some := range slices.Chunk(list, together) {
			touched, err := touches(some)
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

// touches reports whether any record of an answer is one of the signals'. find says how
// much the answer and a question have in common.
func touches(signals []Noted, t span, find func(Query) (bool, error)) (bool, error) {
	in := span{t.last, t.first}
	var parts []string
	for _, n := range signals {
		text := "true"
		if strings.TrimSpace(n.Where) != "" {
			text = "(" + n.Where + "\n)"
		}
		moment := func(m event.Millis) string { return `timestamp("` + m.Time().UTC().Format(time.RFC3339Nano) + `")` }
		parts = append(parts, "("+text+" && time >= "+moment(n.First)+" && time <= "+moment(n.Last)+")")
		in = span{min(in.first, n.First), max(in.last, n.Last)}
	}
	found, err := find(Query{Where: strings.Join(parts, " || "), From: max(in.first, t.first), To: min(in.last, t.last) + 1})
	if bad := new(PredicateError); !errors.As(err, &bad) {
		return found, err
	}
	// A condition of another version, or on a rule that is not known here. What cannot
	// be told of several is asked of each; what cannot be told at all is listed.
	if len(signals) == 1 {
		return true, nil
	}
	for i := range signals {
		if touched, err := touches(signals[i:i+1], t, find); touched || err != nil {
			return touched, err
		}
	}
	return false, nil
}

// exceptions are those of an extent.
func (p *plan) exceptions(ctx context.Context, q Query, t *tally) ([]Exception, error) {
	if t.counts[0].records == 0 {
		return nil, nil
	}
	in := span{t.first, t.last}
	return exceptions(p.view, q.Quiet, in, func(signals []Noted) (bool, error) {
		return touches(signals, in, func(both Query) (bool, error) {
			if strings.TrimSpace(q.Where) != "" {
				both.Where = "(" + q.Where + "\n) && (" + both.Where + ")"
			}
			return isAny(ctx, p.view, both, q.Workers, nil)
		})
	})
}

// exceptions are those of one person's accesses: each is the part of a record that is
// about one account, and a condition on the account asks for that part alone, as in an
// extent.
func (f *finder) exceptions(ctx context.Context, q Query) ([]Exception, error) {
	if len(f.out.Accesses) == 0 {
		return nil, nil
	}
	in := span{f.out.Accesses[0].at, f.out.Accesses[len(f.out.Accesses)-1].at}
	return exceptions(f.view, q.Quiet, in, func(signals []Noted) (bool, error) {
		return touches(signals, in, func(some Query) (bool, error) { return isAny(ctx, f.view, some, q.Workers, f.rows) })
	})
}

// isAny reports whether a question finds anything, where some rows are given, among them.
func isAny(ctx context.Context, v View, q Query, workers int, rows map[movedKey]struct{}) (bool, error) {
	p, err := newPlan(v, q)
	if err != nil {
		return false, err
	}
	p.any, p.only = true, rows
	if rows != nil {
		p.parts = map[int]bool{}
		for k := range rows {
			p.parts[k.account.Part()] = true
		}
	}
	t, err := p.run(ctx, workers)
	return err == nil && t.counts[0].records > 0, err
}
