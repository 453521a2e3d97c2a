package scope

import (
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
)

// Gap is a stretch of time of which it is known that records of a source may be
// missing: a silence longer than the declared cadence, or lines of a followed
// file that were gone before they were read. What happened then is not known. It
// is never counted as "nothing".
type Gap struct {
	Source string `json:"source"`
	From   string `json:"from"`
	To     string `json:"to"`
	// Kind is "cadence" between two moments of the span asked for, "silent" for
	// a silence that still lasted when the question was asked; "lost_file" and
	// "cut_file" for lines of a live file that were gone before they were read, and
	// "removed_messages" for messages of Kafka,
	// between the last record before them and the first one behind.
	Kind string `json:"kind"`
}

// SourceCoverage is what is known about the completeness of one source. Haetae's
// own records (openings) are not a source in this sense: each is written before
// what it tells of happens.
type SourceCoverage struct {
	Source  string `json:"source"`
	Records int64  `json:"records"` // in all, not only matching ones
	First   string `json:"first"`
	Last    string `json:"last"`
	Cadence string `json:"cadence,omitempty"`
	// Coverage is "gaps" when a gap lies in the span asked for, and when a cadence
	// is declared and there is no record at all, so nothing to begin a gap with;
	// else "unknown" when nobody declared a cadence, and "complete" when it was
	// never broken.
	Coverage  string `json:"coverage"`
	Gaps      int    `json:"gaps"`
	Malformed int64  `json:"-"`
}

const (
	coverageUnknown  = "unknown"
	coverageComplete = "complete"
	coverageGaps     = "gaps"
)

// maxGaps bounds the list; the number per source is exact all the same.
const maxGaps = 1000

type activity struct {
	records     int64
	first, last event.Millis
	minutes     []*roaring.Bitmap
}

// coverage reads, from every segment, when each source had records, and finds
// the silences longer than its cadence. Activity is kept by the minute, so a
// cadence finer than that is judged by the minute.
//
// A span that is open at its end is judged up to the moment of the question, or
// up to the last record of any source if that is later or nobody said when it is
// asked. A span that ends in the future is judged up to the same moment.
func (p *plan) coverage(e *Extent, zone *time.Location, now event.Millis) error {
	horizon := now
	acts := map[string]*activity{}
	for _, r := range p.view.Segments() {
		info, err := r.Info()
		if err != nil {
			return err
		}
		for name, s := range info.Sources {
			if name == ownSource {
				continue
			}
			horizon = max(horizon, s.MaxTime)
			a := acts[name]
			if a == nil {
				a = &activity{first: s.MinTime, last: s.MaxTime}
				acts[name] = a
			}
			a.records += s.Records
			a.first, a.last = min(a.first, s.MinTime), max(a.last, s.MaxTime)
			a.minutes = append(a.minutes, s.Minutes)
		}
	}
	// A source that is declared and never sent anything is a gap as a whole.
	if p.catalog != nil {
		for i := range p.catalog.Sources {
			s := &p.catalog.Sources[i]
			if acts[s.Name] == nil && s.Cadence > 0 {
				acts[s.Name] = &activity{}
			}
		}
	}
	lost := p.lost(horizon, acts)
	names := make([]string, 0, len(acts))
	for n := range acts {
		names = append(names, n)
	}
	slices.Sort(names)
	e.Coverage = []SourceCoverage{}
	for _, name := range names {
		a := acts[name]
		c := SourceCoverage{Source: name, Records: a.records, Coverage: coverageUnknown}
		if a.records > 0 {
			c.First, c.Last = stamp(a.first, zone), stamp(a.last, zone)
		}
		var src *catalog.Source
		if p.catalog != nil {
			src, _ = p.catalog.Source(name)
		}
		if src != nil && src.Cadence > 0 {
			c.Cadence = src.Cadence.String()
			// Where neither a record nor the question says when it begins, there
			// is no gap to tell of, only that nothing is known.
			from, to, kind := a.first, horizon, "silent"
			if p.from != catalog.Always {
				from = p.from
			}
			if p.to != catalog.Never && (now == 0 || p.to <= horizon) {
				to, kind = p.to, "cadence"
			}
			c.Coverage = coverageComplete
			if a.records == 0 {
				c.Coverage = coverageGaps
			}
			if a.records > 0 || p.from != catalog.Always {
				for _, g := range silences(a, src.Cadence, from, to) {
					c.Gaps++
					c.Coverage = coverageGaps
					gap := Gap{name, stamp(g[0], zone), stamp(g[1], zone), "cadence"}
					if g[1] == to && now > 0 && to == now {
						gap.Kind = kind
					}
					e.addGap(gap)
				}
			}
		}
		for _, g := range lost[name] {
			c.Gaps++
			c.Coverage = coverageGaps
			e.addGap(Gap{name, stamp(g.From, zone), stamp(g.To, zone), g.Kind})
		}
		e.Coverage = append(e.Coverage, c)
	}
	return nil
}

// Coverage is what is known of each source over all time, up to a moment.
func Coverage(v View, zone *time.Location, now event.Millis) ([]SourceCoverage, error) {
	p := &plan{view: v, catalog: v.Catalog(), from: catalog.Always, to: catalog.Never}
	var e Extent
	if err := p.coverage(&e, zone, now); err != nil {
		return nil, err
	}
	return e.Coverage, nil
}

func (e *Extent) addGap(g Gap) {
	if len(e.Gaps) < maxGaps {
		e.Gaps = append(e.Gaps, g)
	}
}

// lost gives, by source, the losses of following that touch the span asked for.
// A source of which nothing but a loss is known gets its line in acts.
func (p *plan) lost(horizon event.Millis, acts map[string]*activity) map[string][]ledger.Gap {
	out := map[string][]ledger.Gap{}
	for _, g := range p.view.Gaps() {
		g.From, g.To = g.Span(horizon)
		// The records that are missing may be of either end's moment.
		if g.From >= p.to || g.To < p.from {
			continue
		}
		if acts[g.Source] == nil {
			acts[g.Source] = &activity{}
		}
		out[g.Source] = append(out[g.Source], g)
	}
	return out
}

const minuteMillis = 60_000

// silences finds the stretches of [from, to] without an active minute that are
// longer than cadence.
func silences(a *activity, cadence time.Duration, from, to event.Millis) [][2]event.Millis {
	var out [][2]event.Millis
	limit := event.Millis(cadence.Milliseconds())
	at := from // everything up to here is accounted for
	all := roaring.FastOr(a.minutes...)
	it := all.Iterator()
	if from > 0 {
		it.AdvanceIfNeeded(uint32(from / minuteMillis))
	}
	for it.HasNext() {
		start := event.Millis(it.Next()) * minuteMillis
		if start > to {
			break
		}
		if start-at > limit {
			out = append(out, [2]event.Millis{at, start})
		}
		at = max(at, start+minuteMillis)
	}
	if to-at > limit {
		out = append(out, [2]event.Millis{at, to})
	}
	return out
}
