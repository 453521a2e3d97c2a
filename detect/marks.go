package detect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
)

// liveRules is what an engine knows of the rules that an Intake decides: which of
// them a record is marked with, and at which records each has looked at all.
type liveRules struct {
	used     []rule.RuleIndex // those that some correlation looks at
	byID     map[string]rule.RuleIndex
	wording  map[rule.RuleIndex]ledger.LiveRule
	editions map[uint32]map[ledger.LiveRule]bool
	unseen   map[string]*unseen // by the rules, joined
	changed  bool
}

// unseen are the records of which some rules never saw the lines.
type unseen struct {
	live    *liveRules
	rules   []string
	records int64
	first   event.Millis
	last    event.Millis
	days    map[int64][2]event.Millis // first and last of each day in UTC
}

// notLive reports whether a record answers a rule by itself.
func notLive(r *rule.Rule) bool { return len(lanes(r)) == 0 }

// LiveOnlyRules are those of some documents that an Intake decides, and correlations
// over them; of documents with mistakes, none.
func LiveOnlyRules(docs []*rule.Document) map[*rule.Document]bool {
	out := map[*rule.Document]bool{}
	set, err := rule.Compile(docs, Schema(), rule.Options{Unlisted: []string{unlisted}})
	if err != nil {
		return out
	}
	for _, r := range set.Rules() {
		if !notLive(r) {
			out[r.Doc] = true
		}
	}
	for _, c := range set.Correlations() {
		for _, t := range slices.Concat(c.Rules, c.Exclude, c.Issued, c.Of, c.To) {
			if t.Correlation == nil && out[set.Rules()[t.Rule].Doc] {
				out[c.Doc] = true
			}
		}
	}
	return out
}

// open finds the live-only rules once everything is compiled.
func (l *liveRules) open(e *Engine) {
	l.byID, l.wording = map[string]rule.RuleIndex{}, map[rule.RuleIndex]ledger.LiveRule{}
	l.editions, l.unseen = map[uint32]map[ledger.LiveRule]bool{}, map[string]*unseen{}
	excluded := map[rule.RuleIndex]bool{}
	for _, c := range e.correlations {
		for _, i := range c.exclude {
			excluded[i] = true
		}
	}
	for _, r := range e.set.Rules() {
		if notLive(r) || len(e.inputs[r.Index]) == 0 && !excluded[r.Index] {
			continue
		}
		l.used = append(l.used, r.Index)
		l.wording[r.Index] = liveRule(e.world.Hasher(), r)
		l.byID[markID(r.Doc)] = r.Index
	}
}

// decide gives a meaning of a shape the rules that its records are marked with, and
// notes those that never looked at them.
func (l *liveRules) decide(e *Engine, m *meaning, sh *segment.Shape) {
	if len(l.used) == 0 || sh.Source == ownSource {
		return
	}
	for n := range segment.MarksOf(sh.Marks) {
		r, err := e.world.LiveRule(n)
		if err != nil {
			e.fail(err)
			return
		}
		if i, ok := l.byID[r.ID]; ok && !slices.Contains(m.matched, i) {
			m.matched = append(m.matched, i)
		}
	}
	slices.Sort(m.matched)
	looked, err := l.edition(e, sh.Looked)
	if err != nil {
		e.fail(err)
		return
	}
	var missing []string
	for _, i := range l.used {
		if r := e.set.Rules()[i]; !looked[l.wording[i]] && e.mayBeOf(sh.Source, lanes(r)) {
			missing = append(missing, r.Doc.Key())
		}
	}
	if len(missing) == 0 {
		return
	}
	key := strings.Join(missing, "\x00")
	if l.unseen[key] == nil {
		l.unseen[key] = &unseen{live: l, rules: missing, days: map[int64][2]event.Millis{}}
	}
	m.unseen = l.unseen[key]
}

// edition is the set of rules in force together.
func (l *liveRules) edition(e *Engine, number uint32) (map[ledger.LiveRule]bool, error) {
	if set, ok := l.editions[number]; ok || number == 0 {
		return set, nil
	}
	numbers, err := e.world.LiveRules(number)
	if err != nil {
		return nil, err
	}
	set := make(map[ledger.LiveRule]bool, len(numbers))
	for _, n := range numbers {
		r, err := e.world.LiveRule(n)
		if err != nil {
			return nil, err
		}
		set[r] = true
	}
	l.editions[number] = set
	return set, nil
}

// mayBeOf reports whether lines of a source may be of one of the lanes, by the format
// that the catalog in force declares for it.
func (e *Engine) mayBeOf(source string, lanes []string) bool {
	format := catalog.FormatDetect
	if e.catalog != nil {
		if src, ok := e.catalog.Source(source); ok {
			format = src.Format
		}
	}
	switch format {
	case catalog.FormatDetect:
		return true
	case catalog.FormatCloudTrail:
		return slices.Contains(lanes, sourceName(rule.CloudTrailSource))
	}
	return slices.Contains(lanes, sourceName(rule.RecordSource))
}

const dayMillis = 86_400_000

func (u *unseen) add(at event.Millis) {
	if u.records == 0 {
		u.first, u.last = at, at
	}
	u.records++
	u.live.changed = true
	u.first, u.last = min(u.first, at), max(u.last, at)
	d := int64(at) / dayMillis
	if x, ok := u.days[d]; !ok {
		u.days[d] = [2]event.Millis{at, at}
	} else if at < x[0] || at > x[1] {
		u.days[d] = [2]event.Millis{min(at, x[0]), max(at, x[1])}
	}
}

// spans are the stretches of days with such records, at most maxSpans.
func (u *unseen) spans() (out [][2]event.Millis) {
	last := int64(0)
	for _, d := range slices.Sorted(maps.Keys(u.days)) {
		if n := len(out); n > 0 && d == last+1 {
			out[n-1][1] = u.days[d][1]
		} else if n == maxSpans {
			break
		} else {
			out = append(out, u.days[d])
		}
		last = d
	}
	return out
}

// LiveOnly is a rule that is decided while a line is at hand, and at how much of the
// record that was looked at it never looked.
type LiveOnly struct {
	Rule    string `json:"rule"`
	Records int64  `json:"not_seen"`
	First   string `json:"first,omitempty"` // of them
	Last    string `json:"last,omitempty"`
}

// sets are the unseen with records, in one order.
func (l *liveRules) sets() []*unseen {
	var out []*unseen
	for _, key := range slices.Sorted(maps.Keys(l.unseen)) {
		if u := l.unseen[key]; u.records > 0 {
			out = append(out, u)
		}
	}
	return out
}

func (l *liveRules) report(e *Engine) []LiveOnly {
	var out []LiveOnly
	for _, i := range l.used {
		x := LiveOnly{Rule: e.set.Rules()[i].Doc.Key()}
		var first, last event.Millis
		for _, u := range l.sets() {
			if !slices.Contains(u.rules, x.Rule) {
				continue
			}
			if x.Records == 0 {
				first, last = u.first, u.last
			}
			x.Records += u.records
			first, last = min(first, u.first), max(last, u.last)
			x.First, x.Last = e.stamp(first), e.stamp(last)
		}
		out = append(out, x)
	}
	return out
}

// namedRules is how many rules a loss names where it stands for several; Rules has
// all of them.
const namedRules = 3

// losses says of which records no mark could come.
func (l *liveRules) losses(e *Engine) []Loss {
	var out []Loss
	for _, u := range l.sets() {
		name := strings.Join(u.rules[:min(len(u.rules), namedRules)], ", ")
		if n := len(u.rules) - namedRules; n > 0 {
			name += fmt.Sprintf(" +%d", n)
		}
		x := Loss{Rule: name, Cause: string(notInForce), Text: lossTexts[notInForce], Records: u.records, First: e.stamp(u.first), Last: e.stamp(u.last)}
		if len(u.rules) > 1 {
			x.Rules = u.rules
		}
		for _, s := range u.spans() {
			x.Spans = append(x.Spans, [2]string{e.stamp(s[0]), e.stamp(s[1])})
		}
		out = append(out, x)
	}
	return out
}
