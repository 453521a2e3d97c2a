package detect

import (
	"math"
	"slices"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// role is what a base rule is for in a correlation.
type role uint8

const (
	roleEvent role = iota // counted
	roleIssue             // says that a token was issued
	roleTo                // of ratio: what the counted are compared with
)

// correlation is a rule over many records, ready to run, with its state.
type correlation struct {
	id       string // of signals: the rule's id, else its name
	doc      *rule.Document
	rule     *rule.CorrelationRule // nil for a single rule that signals by itself
	single   rule.RuleIndex        // that rule
	kind     rule.CorrelationType
	typ      *rule.Correlation
	grid     grid
	span     event.Millis
	group    []fieldKind
	names    []string      // what signals call the fields of group: an alias by its own name
	byRule   [][]fieldKind // where there is an alias: group by place among the rules; else nil
	values   []fieldKind
	valueOf  []fieldKind // where it is an alias: the counted field by place among the rules; else nil
	account  bool        // it looks at accounts, and so at every fragment of a record
	exclude  []rule.RuleIndex
	ladder   []step
	least    float64 // the smallest number that fires
	needs    int64   // the smallest whole number that fires; 0 where there is none
	monotone bool    // later records can only add to it
	silent   bool    // it is counted by others, and no signal of its own
	timed    bool    // the times of records are kept; see moment

	inner []*correlation   // that it counts
	parts map[tuple][]part // their moments by group; nil if it counts none
	chain *chain           // nil if no other counts it

	crowded []*finding // that have more episodes than are kept

	settled     event.Millis // up to when everything is decided
	settledCell int64        // the cell of it
	groups      groups
	last        *group    // of groups, that was counted in last; nil = look it up
	changed     []changed // since they were evaluated, of those that may fire
	marks       int       // records that changed them
	near        nearCell
	lost        lossEntry // the one before
	findings    map[tuple]*finding
	open        []*group // with cells that are not settled, unless it is monotone
	swept       int64    // cell in which what is past was forgotten last
	filter      filter
	extra       extra // state of kinds that windows do not serve
}

// countsValues reports whether the number is one of distinct values, which are
// told apart up to a bound.
func (c *correlation) countsValues() bool {
	switch c.kind {
	case rule.ValueCount, rule.FirstSeen, rule.Absent, rule.Unknown:
		return true
	}
	return false
}

// settle notes up to when everything is decided.
func (c *correlation) settle(to event.Millis) {
	c.settled, c.settledCell = to, c.grid.of(to)
}

// cell is the cell of a moment.
func (c *correlation) cell(at event.Millis) int64 {
	if at < c.near.begin || at >= c.near.end {
		n := c.grid.of(at)
		c.near = nearCell{n, c.grid.begin(n), c.grid.begin(n + 1)}
	}
	return c.near.cell
}

// nearCell is a cell with its times: the next moment is likely to lie in the cell of
// the one before.
type nearCell struct {
	cell       int64
	begin, end event.Millis
}

// step is a level that is reached at a number.
type step struct {
	bounds []rule.Bound
	of     string
	level  Severity
}

// input is a base rule's part in a correlation.
type input struct {
	c        *correlation
	role     role
	place    int // among the correlation's rules
	value    fieldKind
	counting int // which of the engine's
}

// filter decides which records a correlation counts. Some can be decided only
// when the watermark has passed.
type filter interface {
	// admit is asked for each run of records as they come; it returns counted for those
	// to count now, and keeps the undecided. It answers oneByOne, of more than one
	// record, where their answers may differ.
	admit(e *Engine, c *correlation, k *tuple, v uint64, r run) verdict
	// settle is asked when the watermark moves. It gives back those that are decided
	// to count, and says up to when everything is decided.
	settle(e *Engine, c *correlation, to event.Millis, count func(k tuple, v uint64, at event.Millis)) event.Millis
}

type verdict uint8

const (
	left     verdict = iota // not counted
	counted                 // counted now
	other                   // counted among all, not among those looked for
	oneByOne                // to be asked of each record of the run
)

// extra is the state of a correlation that is not a window over cells.
type extra interface {
	add(e *Engine, c *correlation, k key, place int, v uint64, at event.Millis)
	settle(e *Engine, c *correlation, to event.Millis)
}

// compile makes correlations ready. What cannot be run is an error that names it.
func (e *Engine) compile(set *rule.Set) error {
	var errs []error
	fail := func(d *rule.Document, format string, args ...any) {
		errs = append(errs, d.Mistake(format, args...))
	}
	e.inputs = make([][]input, len(set.Rules()))
	for _, r := range set.Rules() {
		if slices.Contains(r.Fields, "day") {
			fail(r.Doc, "day can be grouped by and counted; a detection asks for time or calendar")
		}
	}
	built := map[*rule.CorrelationRule]*correlation{}
	for _, cr := range set.Correlations() { // each after those that it counts
		d, k := cr.Doc, cr.Doc.Correlation
		targets := slices.Concat(cr.Rules, cr.Of, cr.To)
		if len(cr.Missing) > 0 || slices.ContainsFunc(targets, func(t rule.Target) bool { return t.Correlation != nil && built[t.Correlation] == nil }) {
			e.notRun = append(e.notRun, d.Key())
			continue
		}
		c := &correlation{
			id: d.ID, doc: d, rule: cr, kind: k.Type, typ: k, findings: map[tuple]*finding{},
			grid: gridFor(max(time.Second, k.Timespan.Duration())), span: millis(k.Timespan.Duration()), silent: !cr.Signals,
		}
		if c.id == "" {
			c.id = d.Key()
		}
		if len(k.GroupBy) > maxGroupBy {
			fail(d, "groups by %d fields, and at most %d are supported", len(k.GroupBy), maxGroupBy)
			continue
		}
		bad := false
		places := len(cr.Rules) + len(cr.Of) + len(cr.To)
		// A field is the same in the records of all rules, or by place where it is an alias.
		kindsOf := func(f rule.GroupField) []fieldKind {
			ids := f.ByRule
			if ids == nil {
				ids = []rule.FieldID{f.ID}
			}
			out := make([]fieldKind, max(1, places))
			for i := range out {
				if f.Inner != nil && f.Inner[i] >= 0 {
					out[i] = built[targets[i].Correlation].group[f.Inner[i]]
					continue
				}
				out[i] = e.kinds[ids[min(i, len(ids)-1)]]
				if out[i] == fieldNone {
					fail(d, "field %s cannot be grouped by or counted", f.Name)
					bad = true
					break
				}
			}
			return out
		}
		c.byRule = make([][]fieldKind, places)
		aliased := false
		for _, f := range cr.GroupBy {
			kinds, name := kindsOf(f), f.Name
			switch {
			case f.ByRule != nil:
			case f.Inner != nil && f.Inner[0] >= 0:
				name = built[targets[0].Correlation].names[f.Inner[0]]
			default:
				name = fieldName(kinds[0])
			}
			aliased = aliased || f.ByRule != nil || slices.ContainsFunc(kinds, func(k fieldKind) bool { return k != kinds[0] })
			c.group, c.names = append(c.group, kinds[0]), append(c.names, name)
			for i := range c.byRule {
				c.byRule[i] = append(c.byRule[i], kinds[i])
				c.account = c.account || kinds[i] == fieldAccount
			}
		}
		if !aliased {
			c.byRule = nil
		}
		for _, f := range cr.Values {
			kinds := kindsOf(f)
			c.values = append(c.values, kinds[0])
			c.account = c.account || slices.Contains(kinds, fieldAccount)
			if f.ByRule != nil {
				c.valueOf = kinds
			}
		}
		if len(c.values) > 1 {
			fail(d, "counts combinations of %d fields, and one is supported", len(c.values))
			bad = true
		}
		if k.Type == rule.Custody {
			c.group, c.names = []fieldKind{fieldKey}, []string{fieldName(fieldKey)}
		}
		for _, t := range cr.Exclude {
			c.exclude = append(c.exclude, t.Rule)
		}
		if bad {
			continue
		}
		take := func(ts []rule.Target, r role, from int) {
			for i, t := range ts {
				if t.Correlation != nil {
					c.count(built[t.Correlation], cr, input{c: c, role: r, place: from + i})
					continue
				}
				e.inputs[t.Rule] = append(e.inputs[t.Rule], input{c: c, role: r, place: from + i})
			}
		}
		take(cr.Rules, roleEvent, 0)
		take(cr.Of, roleEvent, len(cr.Rules))
		take(cr.To, roleTo, len(cr.Rules)+len(cr.Of))
		take(cr.Issued, roleIssue, 0)
		c.prepare(e)
		built[cr] = c
		e.correlations = append(e.correlations, c)
	}
	// A rule that signals by itself is one record or more by one actor, or from one
	// address where nobody is signed in.
	for i, r := range set.Rules() {
		if len(r.Sources) == 0 && len(lanes(r)) == 0 {
			e.elsewhere = append(e.elsewhere, r.Doc.Key())
			continue
		}
		if !r.Signals || slices.Contains(r.Doc.Tags, recordTag) {
			continue
		}
		c := &correlation{
			id: r.Doc.ID, doc: r.Doc, single: rule.RuleIndex(i), kind: rule.EventCount, typ: &rule.Correlation{Type: rule.EventCount, Condition: rule.Condition{Bounds: []rule.Bound{{Op: "gte", Value: 1}}}},
			findings: map[tuple]*finding{}, grid: gridFor(24 * time.Hour), span: 86_400_000, group: []fieldKind{fieldActorID}, names: []string{fieldName(fieldActorID)}, monotone: true,
		}
		if c.id == "" {
			c.id = r.Doc.Key()
		}
		c.prepare(e)
		c.byRule = [][]fieldKind{{fieldActorID}}
		e.inputs[i] = append(e.inputs[i], input{c: c})
		e.correlations = append(e.correlations, c)
	}
	for _, c := range e.correlations {
		c.timed = c.chain != nil && (c.kind == rule.EventCount || c.kind == rule.Dormant || c.countsValues() && c.typ.Min > 0)
	}
	e.live.open(e)
	if len(errs) > 0 {
		return rule.Errors(toErrors(errs))
	}
	e.bindInputs()
	return nil
}

// Signalling gives the rules that raise signals of their own, in their order: not
// those that only say what others count or leave out.
func Signalling(docs []*rule.Document) ([]*rule.Document, error) {
	lists, _ := Lists{}.forRules(docs)
	set, err := rule.Compile(docs, Schema(), rule.Options{Placeholders: lists})
	if err != nil {
		return nil, err
	}
	own := map[*rule.Document]bool{}
	for _, r := range set.Rules() {
		own[r.Doc] = r.Signals && !slices.Contains(r.Doc.Tags, recordTag)
	}
	for _, c := range set.Correlations() {
		own[c.Doc] = c.Signals
	}
	return slices.DeleteFunc(slices.Clone(docs), func(d *rule.Document) bool { return !own[d] }), nil
}

// countsPages reports whether a page that the catalog says shows many accounts counts as
// one of them. Where the question is not how many there are but which (unknown ones,
// those of a block, those without a reason), each counts.
func (c *correlation) countsPages() bool {
	switch c.kind {
	case rule.ValueCount, rule.FirstSeen, rule.Deviation:
		return c.doc.Haetae == nil || c.doc.Haetae.FanOut != "observed"
	}
	return false
}

// bindInputs notes of each base rule's part what its records are grouped by and which
// field of them is counted.
func (e *Engine) bindInputs() {
	for _, list := range e.inputs {
		for i := range list {
			in := &list[i]
			c := in.c
			g := grouping{fields: c.group, maybe: c.rule == nil}
			if c.byRule != nil && in.place < len(c.byRule) {
				g.fields = c.byRule[in.place]
			}
			if len(c.values) > 0 {
				in.value = c.values[0]
				if c.valueOf != nil && in.place < len(c.valueOf) && in.role != roleIssue {
					in.value = c.valueOf[in.place]
				}
			}
			x := counting{value: in.value, pages: in.value == fieldAccount && c.countsPages()}
			x.grouping = slices.IndexFunc(e.groupings, func(o grouping) bool { return o.maybe == g.maybe && slices.Equal(o.fields, g.fields) })
			if x.grouping < 0 {
				x.grouping = len(e.groupings)
				e.groupings = append(e.groupings, g)
			}
			in.counting = slices.Index(e.countings, x)
			if in.counting < 0 {
				in.counting = len(e.countings)
				e.countings = append(e.countings, x)
			}
		}
	}
}

// recordTag marks a rule that says what kind of record something is, for others to
// count, and that is no signal even where no other rule of the folder counts it.
const recordTag = "haetae.record"

func toErrors(errs []error) []rule.Error {
	var out []rule.Error
	for _, err := range errs {
		if re, ok := err.(rule.Error); ok {
			out = append(out, re)
		}
	}
	return out
}

func millis(d time.Duration) event.Millis { return event.Millis(d / time.Millisecond) }

// SeverityOf is a rule's own severity; a rule that does not say is medium.
func SeverityOf(d *rule.Document) Severity {
	switch d.Level {
	case rule.LevelInformational:
		return Informational
	case rule.LevelLow:
		return Low
	case rule.LevelHigh:
		return High
	case rule.LevelCritical:
		return Critical
	}
	return Medium
}

// prepare works out what the condition needs.
func (c *correlation) prepare(e *Engine) {
	c.ladder = []step{{c.typ.Bounds, "count", SeverityOf(c.doc)}}
	if x := c.doc.Haetae; x != nil {
		for _, s := range x.Severity {
			l, _ := ParseSeverity(s.Level.String())
			c.ladder = append(c.ladder, step{s.When, s.Of, l})
		}
	}
	c.settle(catalog.Always)
	c.least = 0
	c.monotone = len(c.inner) == 0 // what is counted is decided by the watermark
	for _, b := range c.typ.Bounds {
		switch b.Op {
		case "gte":
			c.least, c.needs = b.Value, int64(math.Ceil(b.Value))
		case "gt":
			c.least, c.needs = b.Value, int64(math.Floor(b.Value))+1
		default:
			c.monotone = false // more records can end it
		}
	}
	switch c.kind {
	case rule.EventCount, rule.ValueCount:
	case rule.Density:
		c.monotone = false
		c.extra = &density{walks: map[tuple]*walk{}}
	case rule.FirstSeen:
		c.filter = newNovelty(millis(c.typ.Memory.Duration()))
	case rule.Dormant:
		c.filter = newReturn(millis(c.typ.Idle.Duration()))
	case rule.Absent:
		c.filter = newIssuance(millis(c.typ.Within.Duration()), millis(c.typ.Cadence.Duration()))
	case rule.Unknown:
		c.filter = &unknown{grace: millis(c.typ.Grace.Duration())}
		c.monotone = c.monotone && c.typ.Share == 0
	case rule.Temporal, rule.TemporalOrdered:
		c.extra = newSequence(c)
	case rule.Deviation:
		c.extra = newDeviation(c)
	case rule.Custody:
	default: // sums, averages, extremes, ratios
		c.monotone = false
	}
}

// level is the severity of a window that fires, as far as its number says; what
// depends on people waits for the extent. A finding keeps the highest of its
// windows: one that fired while the engine learned can still become high.
func (e *Engine) level(c *correlation, reached float64, begin, end event.Millis) Severity {
	l := c.ladder[0].level
	for _, s := range c.ladder[1:] {
		if s.of == "count" && holds(s.bounds, reached) {
			l = max(l, s.level)
		}
	}
	if s, ok := c.filter.(*issuance); ok && s.reaches(begin) || e.learns(c, end) {
		l = min(l, Medium)
	}
	return l
}

// learns reports whether a moment lies in the learning phase. It is about the site,
// not the group: a key that was never seen before is what several rules look for.
func (e *Engine) learns(c *correlation, at event.Millis) bool {
	d := millis(c.typ.Learning.Duration())
	return d > 0 && (e.began == catalog.Never || at < e.began+d)
}

func holds(bs []rule.Bound, x float64) bool {
	for _, b := range bs {
		if !b.Holds(x) {
			return false
		}
	}
	return true
}
