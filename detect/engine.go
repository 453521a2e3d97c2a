package detect

import (
	"fmt"
	"slices"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
)

// World is what the engine asks of the ledger beside the records.
type World interface {
	Catalog() *catalog.Catalog // nil when none was installed
	Registers() []*edition.Register
	Pseudonym(dictionary.Ref) (pseudonym.Pseudonym, error)
	Hasher() *pseudonym.Hasher
	// Bucket names the block of ids an account's number lies in, and how many
	// accounts of it are known; 0 when its id is no number.
	Bucket(dictionary.Ref) (block uint64, known int, err error)
	// LiveRules are the live-only rules of an edition, by number, and LiveRule is the
	// one of a number.
	LiveRules(edition uint32) (numbers []uint32, err error)
	LiveRule(number uint32) (ledger.LiveRule, error)
}

// Options of an engine.
type Options struct {
	Zone *time.Location // in which days and hours are meant; default UTC

	Calendar   *Calendar   // holidays, sale days, migrations; may be nil
	Exceptions []Exception // signals that somebody has looked into
	Keys       []Key       // the register of keys, for rules on custody
	Lists      Lists       // what %name% stands for in rules; may be nil

	// Lateness is how much later than the newest record of all another may come and
	// still be counted where it belongs. What comes later than that is counted in
	// Late, and only a run over history takes it in.
	Lateness time.Duration // default 10 minutes

	// Bounds. When one is reached, coverage is lost and a signal says so.
	MaxGroups int // of a correlation; default 10 million
	MaxValues int // told apart in a window of one group; default 10,000
}

const (
	defaultLateness  = 10 * time.Minute
	defaultMaxGroups = 10_000_000
	defaultMaxValues = 10_000
)

// Engine runs rules over rows. It belongs to one goroutine.
type Engine struct {
	o       Options
	world   World
	catalog *catalog.Catalog
	zone    *time.Location
	set     *rule.Set
	matcher *matcher
	codes   *codes
	facts   map[segment.Shape]*shapeFacts

	kinds        map[rule.FieldID]fieldKind // that can be grouped by or counted
	inputs       [][]input                  // by rule
	correlations []*correlation
	live         liveRules
	notRun       []string // group or count by what the record does not hold
	elsewhere    []string // look at no access record
	emptyLists   []string // that rules ask for and nobody has filled

	began, newest, watermark event.Millis
	late                     int64
	rows                     int64
	losses                   map[lossKey]*loss
	gaps, missing            []ledger.Gap // as told, and their spans
	missed                   bool         // missing has changed
	err                      error

	shift, shiftFrom, shiftTo event.Millis
}

// New prepares rules for a ledger.
func New(docs []*rule.Document, w World, o Options) (*Engine, error) {
	if o.Lateness == 0 {
		o.Lateness = defaultLateness
	}
	if o.MaxGroups == 0 {
		o.MaxGroups = defaultMaxGroups
	}
	if o.MaxValues == 0 {
		o.MaxValues = defaultMaxValues
	}
	e := &Engine{o: o, world: w, catalog: w.Catalog(), zone: o.Zone, codes: newCodes(), facts: map[segment.Shape]*shapeFacts{}, losses: map[lossKey]*loss{}, began: catalog.Never, newest: catalog.Always, watermark: catalog.Always}
	if e.zone == nil {
		e.zone = time.UTC
	}
	schema := Schema()
	var lists map[string][]string
	lists, e.emptyLists = o.Lists.forRules(docs)
	set, err := rule.Compile(docs, schema, rule.Options{Zone: e.zone, Pseudonym: e.constant(schema), Placeholders: lists, Only: notLive})
	if err != nil {
		return nil, err
	}
	e.set, e.matcher, e.kinds = set, newMatcher(set, schema), fieldKindsOf(schema)
	if err := e.compile(set); err != nil {
		return nil, err
	}
	if err := e.checkExceptions(); err != nil {
		return nil, err
	}
	return e, nil
}

// constant gives the form in which a rule's id is compared with a record's: the
// pseudonym. Whether an actor is a member is told by the id's form.
func (e *Engine) constant(schema *rule.Schema) func(rule.FieldID, string) string {
	token, _ := schema.Field("credential.token")
	actor, _ := schema.Field("actor.id")
	return func(f rule.FieldID, id string) string {
		h := e.world.Hasher()
		switch {
		case f == token:
			return tokenText(h.Token(event.TokenID(id)))
		case f == actor && (e.catalog == nil || !e.catalog.ValidAccount(event.AccountID(id))):
			return pseudonymText(h.Actor(event.ActorID(id), ""))
		}
		return pseudonymText(h.Account(event.AccountID(id)))
	}
}

func tokenText(t uint64) string                  { return fmt.Sprintf("t:%016x", t) }
func pseudonymText(p pseudonym.Pseudonym) string { return fmt.Sprintf("p:%x", p[:]) }

func (e *Engine) refText(r dictionary.Ref) string {
	p, err := e.world.Pseudonym(r)
	if err != nil {
		e.fail(err)
		return ""
	}
	return pseudonymText(p)
}

func (e *Engine) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// Observe takes rows of one table. primary tells of each row whether it is the
// first fragment of its record, by which records are counted.
func (e *Engine) Observe(t *Table, rows []Row, primary func(shape uint32) bool) error {
	for i := range rows {
		e.observe(t, &rows[i], primary(rows[i].Shape))
	}
	return e.err
}

func (e *Engine) observe(t *Table, r *Row, primary bool) {
	s := e.shape(t, r.Shape)
	if r.Time < e.watermark {
		if primary {
			e.late++
		}
		return
	}
	e.rows++
	// What Haetae writes about itself has the time of its clock. A log may be behind
	// that by days, and is not late for it.
	if !s.own {
		e.began, e.newest = min(e.began, r.Time), max(e.newest, r.Time)
	}
	m := s.at(r.Time)
	matched := e.rules(t, s, m, r)
	for _, i := range matched {
		for _, in := range e.inputs[i] {
			c := in.c
			if !primary && !c.account || len(c.exclude) > 0 && excluded(c.exclude, matched) {
				continue
			}
			e.feed(c, in, t, s, m, r, primary)
		}
	}
}

func excluded(exclude, matched []rule.RuleIndex) bool {
	for _, x := range exclude {
		if slices.Contains(matched, x) {
			return true
		}
	}
	return false
}

// feed gives a record to a correlation.
func (e *Engine) feed(c *correlation, in input, t *Table, s *shapeFacts, m *meaning, r *Row, primary bool) {
	if in.role == roleIssue {
		if v, ok := e.issuedValue(c.values[0], t, s, m, r); ok {
			c.filter.(*issuance).issue(e, c, v, r.Time)
		}
		return
	}
	fields := c.group
	if c.byRule != nil && in.place < len(c.byRule) {
		fields = c.byRule[in.place]
	}
	var k tuple
	for i, f := range fields {
		v, ok := e.value(f, t, s, m, r)
		if !ok {
			if f == fieldActorID && c.rule == nil {
				continue // a rule by itself: nobody is signed in
			}
			return
		}
		k[i] = v
	}
	v := uint64(0)
	if len(c.values) > 0 {
		var ok bool
		counted := c.values[0]
		if c.valueOf != nil && in.place < len(c.valueOf) {
			counted = c.valueOf[in.place]
		}
		if v, ok = e.value(counted, t, s, m, r); !ok {
			return
		}
	}
	if c.extra != nil {
		c.extra.add(e, c, k, in.place, v, r)
		return
	}
	if c.filter != nil {
		switch c.filter.admit(e, c, k, v, r) {
		case left:
			return
		case other:
			e.count(c, k, 0, r.Time, false, primary)
			return
		}
	}
	e.count(c, k, v, r.Time, in.role != roleTo, primary)
}

// issuedValue is what a record of an issued rule vouches for: its token, or where
// accounts are looked for, the account it is about or whose member it is.
func (e *Engine) issuedValue(k fieldKind, t *Table, s *shapeFacts, m *meaning, r *Row) (uint64, bool) {
	v, ok := e.value(k, t, s, m, r)
	if !ok && k == fieldAccount && r.HasActor && t.Shapes[r.Shape].ActorType == event.Member {
		return refCode(r.Actor), true
	}
	return v, ok
}

// count enters a record into the windows of its group.
func (e *Engine) count(c *correlation, k tuple, v uint64, at event.Millis, looked, record bool) {
	g := c.last
	if g == nil || g.key != k {
		g = c.groups[k]
	}
	if g == nil {
		if len(c.groups) >= e.o.MaxGroups {
			e.lose(c, stateFull, at)
			return
		}
		g = &group{key: k, found: c.findings[k]}
		c.groups[k] = g
	}
	c.last = g
	if !c.monotone && !g.open {
		g.open = true
		c.open = append(c.open, g)
	}
	cellAt := c.grid.of(at)
	if len(g.cells) > 0 {
		if from := c.horizon(); g.cells[0].at < from-c.grid.width {
			g.expire(from, c.grid.of(c.settled), c.grid.width)
		}
	}
	x := g.note(cellAt, at)
	if looked {
		x.of++
	}
	switch c.kind {
	case rule.EventCount, rule.Dormant:
		if g.total < int64(c.least) && g.found == nil {
			return
		}
	case rule.ValueCount, rule.FirstSeen, rule.Absent, rule.Unknown:
		if looked {
			if !g.full || cellAt <= g.found.cell {
				g.add(v, cellAt, at, c.grid.width)
			}
		}
		if len(g.slots) < int(c.least) && g.found == nil {
			return
		}
	case rule.Ratio:
		return
	default:
		if x.numbers == nil {
			x.numbers = &numbers{}
		}
		x.numbers.sum += float64(v)
		if c.kind != rule.ValueSum && c.kind != rule.ValueAvg {
			x.numbers.values = append(x.numbers.values, float64(v))
		}
		return
	}
	if c.monotone {
		e.evaluate(c, g, cellAt, cellAt+c.grid.width)
	}
}

// horizon is the first cell that a window may still need.
func (c *correlation) horizon() int64 { return c.grid.of(c.settled) - c.grid.width + 1 }

// evaluate looks at the windows that end in a cell with records in [from, to).
func (e *Engine) evaluate(c *correlation, g *group, from, to int64) {
	width := c.grid.width
	switch c.kind {
	case rule.EventCount, rule.Dormant:
		g.window(width, func(end *cell, in []cell) bool {
			if end.at < from {
				return true
			}
			if end.at >= to {
				return false
			}
			n := int64(0)
			for i := range in {
				n += in[i].n
			}
			if c.fires(n, float64(n)) {
				e.fire(c, g, in, float64(n), max(in[0].min, c.grid.begin(end.at)))
			}
			return true
		})
	case rule.ValueCount, rule.FirstSeen, rule.Absent, rule.Unknown: // countsValues
		g.distinct(func(end *cell, n int64) bool {
			if end.at < from {
				return true
			}
			if end.at >= to {
				return false
			}
			if c.typ.Min > 0 || c.typ.Share > 0 {
				all, of := g.sums(end.at, width)
				if all < int64(c.typ.Min) || c.typ.Share > 0 && float64(of) < c.typ.Share*float64(all) {
					return true
				}
			}
			if holds(c.typ.Bounds, float64(n)) {
				in := g.in(end.at, width)
				reached := min(n, int64(e.o.MaxValues))
				at, ok := g.reachedAt(int(max(1, c.least)), end.at, width)
				if !ok {
					at = end.max
				}
				if c.typ.Min > 0 {
					at = max(at, min(end.max, c.grid.begin(cellOf(in, int64(c.typ.Min)))))
				}
				e.fire(c, g, in, float64(reached), at)
				g.full = g.full || n >= int64(e.o.MaxValues)
			}
			return true
		})
	default:
		g.window(width, func(end *cell, in []cell) bool {
			if end.at < from {
				return true
			}
			if end.at >= to {
				return false
			}
			if x, n, ok := c.measure(in); ok && c.fires(n, x) {
				e.fire(c, g, in, x, end.max)
			}
			return true
		})
	}
	g.follow(width)
}

// fires reports whether a window of n records, measured x, fulfils the condition.
func (c *correlation) fires(n int64, x float64) bool {
	return n >= int64(c.typ.Min) && holds(c.typ.Bounds, x)
}

// sums counts a window's records, and those that were looked for.
func (g *group) sums(end, width int64) (all, of int64) {
	for _, c := range g.in(end, width) {
		all += c.n
		of += c.of
	}
	return all, of
}

// cellOf is the cell in which the n-th record of a window lies.
func cellOf(in []cell, n int64) int64 {
	for i := range in {
		if n -= in[i].n; n <= 0 {
			return in[i].at
		}
	}
	return in[len(in)-1].at
}

// in is the cells of the window that ends with a cell.
func (g *group) in(end, width int64) []cell {
	to := len(g.cells)
	for to > 0 && g.cells[to-1].at > end {
		to--
	}
	from := to
	for from > 0 && g.cells[from-1].at > end-width {
		from--
	}
	return g.cells[from:to]
}

// measure is the number of a window that its condition compares.
func (c *correlation) measure(in []cell) (x float64, n int64, ok bool) {
	var of int64
	var sum float64
	var values []float64
	for i := range in {
		n += in[i].n
		of += in[i].of
		if x := in[i].numbers; x != nil {
			sum += x.sum
			values = append(values, x.values...)
		}
	}
	if n == 0 {
		return 0, 0, false
	}
	switch c.kind {
	case rule.ValueSum:
		return sum, n, true
	case rule.ValueAvg:
		return sum / float64(n), n, true
	case rule.Ratio:
		if to := n - of; to > 0 {
			return float64(of) / float64(to), n, true
		}
		return 0, n, false
	}
	slices.Sort(values)
	switch c.kind {
	case rule.ValueMin:
		return values[0], n, true
	case rule.ValueMax:
		return values[len(values)-1], n, true
	case rule.ValueMedian:
		return percentile(values, 50), n, true
	}
	return percentile(values, c.typ.Percentile), n, true
}

// percentile is the nearest rank: a number that occurred.
func percentile(sorted []float64, p float64) float64 {
	i := int(p/100*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// Advance moves the watermark to what the newest record and the lateness allow,
// decides what could not be decided before, and forgets what is past.
func (e *Engine) Advance() error {
	if e.newest == catalog.Always {
		return e.err
	}
	return e.AdvanceTo(e.newest - millis(e.o.Lateness))
}

// AdvanceIdle is Advance for a live run that has been idle for a while: what is
// longer than the lateness of it counts as time that has passed.
func (e *Engine) AdvanceIdle(idle time.Duration) error {
	if e.newest == catalog.Always {
		return e.err
	}
	return e.AdvanceTo(e.newest + max(0, millis(idle-e.o.Lateness)) - millis(e.o.Lateness))
}

// AdvanceTo moves the watermark: no record before it will be counted any more.
func (e *Engine) AdvanceTo(to event.Millis) error {
	if to <= e.watermark {
		return e.err
	}
	e.watermark = to
	for _, c := range e.correlations {
		e.settle(c, to)
	}
	return e.err
}

// settle brings a correlation up to a watermark.
func (e *Engine) settle(c *correlation, to event.Millis) {
	if c.kind == rule.Custody {
		return // it looks at no record
	}
	if c.extra != nil {
		c.extra.settle(e, c, to)
		return
	}
	settled := to
	if c.filter != nil {
		settled = c.filter.settle(e, c, to, func(k tuple, v uint64, at event.Millis) { e.count(c, k, v, at, true, true) })
	}
	from, until := c.grid.of(c.settled), c.grid.of(settled)
	if c.settled == catalog.Always {
		from = c.grid.of(e.began)
	}
	if settled <= c.settled {
		return
	}
	if from == until {
		c.settled = settled
		return
	}
	if !c.monotone {
		open := c.open[:0]
		for _, g := range c.open {
			e.evaluate(c, g, from, until)
			if g.open = len(g.cells) > 0 && g.cells[len(g.cells)-1].at >= until; g.open {
				open = append(open, g)
			}
		}
		clear(c.open[len(open):])
		c.open = open
	}
	if c.sweeps(until) {
		c.last = nil
		for k, g := range c.groups {
			if !g.expire(until-c.grid.width+1, until, c.grid.width) {
				delete(c.groups, k)
			}
		}
	}
	c.settled = settled
}

// sweeps tells whether what is past is to be forgotten now: not with every cell,
// since that looks at every group, but after a quarter of a window.
func (c *correlation) sweeps(now int64) bool {
	if now-c.swept < max(1, c.grid.width/4) {
		return false
	}
	c.swept = now
	return true
}

// Finish decides what is left as if no further record came.
func (e *Engine) Finish() error {
	if e.newest == catalog.Always {
		return e.err
	}
	return e.AdvanceTo(e.newest + 366*86_400_000)
}
