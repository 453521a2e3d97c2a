package detect

import (
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// batchRows is how many rows are taken at once: so many that what is done once for
// all of them costs little, so few that they stay in the processor's caches.
const batchRows = 4096

// batch is rows that are taken at once: not row by row through all correlations but
// correlation by correlation through the rows, so that the state of one correlation
// is used many times while it is near. Fields that rules group by or count are
// written into columns, once for all correlations that look at the same rows.
type batch struct {
	table    *Table
	rows     []Row
	facts    []*shapeFacts // by row
	meanings []*meaning
	plans    []*plan // that have rows

	// Of the plan at hand.
	primary bool
	of      []int32 // its rows
	times   []event.Millis
	columns [fieldKinds][]uint64
	have    [fieldKinds]bool
	keys    []keys // by grouping
	runs    []runs // by counting
}

// grouping is the fields that records are grouped by.
type grouping struct {
	fields []fieldKind
	maybe  bool // of a rule by itself: nobody need be signed in
}

// key is a group's key and its hash.
type key struct {
	tuple *tuple
	hash  uint32
}

// keys is the keys of rows. Rows that follow each other with the same key share it.
type keys struct {
	have bool
	of   []int32 // by row: which of list; -1 where the record does not say all of it
	list []tuple
	hash []uint32
}

// plan is what is done with the rows that the same base rules match.
type plan struct {
	primary        bool // they are the first fragments of their records
	issues, counts []input
	rows           []int32 // of the batch
}

// maxPlans bounds what is remembered of plans.
const maxPlans = 1 << 12

// planOf gives the plan of rows that some base rules match.
func (e *Engine) planOf(matched []rule.RuleIndex, primary bool) *plan {
	name := make([]byte, 0, 64)
	if primary {
		name = append(name, 1)
	}
	for _, i := range matched {
		name = append(name, byte(i>>16), byte(i>>8), byte(i))
	}
	p := e.plans[string(name)]
	if p != nil {
		return p
	}
	p = &plan{primary: primary}
	for _, i := range matched {
		for _, in := range e.inputs[i] {
			switch c := in.c; {
			case !primary && !c.account || len(c.exclude) > 0 && excluded(c.exclude, matched):
			case in.role == roleIssue:
				p.issues = append(p.issues, in)
			default:
				p.counts = append(p.counts, in)
			}
		}
	}
	if len(e.plans) >= maxPlans {
		clear(e.plans)
	}
	e.plans[string(name)] = p
	return p
}

// Observe takes rows of one table. primary tells of each row whether it is the
// first fragment of its record, by which records are counted.
func (e *Engine) Observe(t *Table, rows []Row, primary func(shape uint32) bool) error {
	for len(rows) > 0 {
		n := min(batchRows, len(rows))
		e.observe(t, rows[:n], primary)
		rows = rows[n:]
	}
	return e.err
}

func (e *Engine) observe(t *Table, rows []Row, primary func(shape uint32) bool) {
	b := &e.batch
	b.table, b.rows = t, rows
	b.facts, b.meanings = b.facts[:0], b.meanings[:0]
	for i := range rows {
		r := &rows[i]
		s := e.shape(t, r.Shape)
		m := s.at(r.Time)
		b.facts, b.meanings = append(b.facts, s), append(b.meanings, m)
		first := primary(r.Shape)
		if r.Time < e.watermark {
			if first {
				e.late++
			}
			continue
		}
		e.rows++
		// What Haetae writes about itself has the time of its clock. A log may be behind
		// that by days, and is not late for it.
		if !s.own {
			e.began, e.newest = min(e.began, r.Time), max(e.newest, r.Time)
		}
		p := e.plan(t, m, r, first)
		if len(p.rows) == 0 {
			if len(p.issues)+len(p.counts) == 0 {
				continue
			}
			b.plans = append(b.plans, p)
		}
		p.rows = append(p.rows, int32(i))
	}
	// A token that is issued in the same batch is known before its uses are looked at.
	for _, p := range b.plans {
		if len(p.issues) == 0 {
			continue
		}
		b.take(e, p)
		for i := range p.issues {
			e.issue(b, &p.issues[i])
		}
	}
	for _, p := range b.plans {
		b.take(e, p)
		for i := range p.counts {
			e.feed(b, &p.counts[i])
		}
		p.rows = p.rows[:0]
	}
	clear(b.plans)
	b.plans = b.plans[:0]
	b.table, b.rows = nil, nil
}

// take makes a plan the one at hand.
func (b *batch) take(e *Engine, p *plan) {
	b.of, b.primary = p.rows, p.primary
	b.times = b.times[:0]
	for _, i := range b.of {
		b.times = append(b.times, b.rows[i].Time)
	}
	b.have = [fieldKinds]bool{}
	if len(b.keys) < len(e.groupings) {
		b.keys = make([]keys, len(e.groupings))
	}
	for i := range b.keys {
		b.keys[i].have = false
	}
	if len(b.runs) < len(e.countings) {
		b.runs = make([]runs, len(e.countings))
	}
	for i := range b.runs {
		b.runs[i].have = false
	}
}

// column gives a field's codes, by the plan's rows; 0 where a record does not say.
// A number of rows, which can be 0, is one more there. What there was no room for is
// overCode.
func (b *batch) column(e *Engine, k fieldKind) []uint64 {
	if b.have[k] {
		return b.columns[k]
	}
	out := b.columns[k][:0]
	switch k {
	case fieldToken:
		for _, i := range b.of {
			out = append(out, b.rows[i].Token)
		}
	case fieldKey:
		for _, i := range b.of {
			out = append(out, b.facts[i].codes[k])
		}
	case fieldRoute:
		for _, i := range b.of {
			out = append(out, b.meanings[i].routeCode)
		}
	case fieldRows:
		for _, i := range b.of {
			v, ok := e.value(k, b.table, b.facts[i], b.meanings[i], &b.rows[i])
			if ok {
				v++
			}
			out = append(out, v)
		}
	default:
		for _, i := range b.of {
			v, ok := e.value(k, b.table, b.facts[i], b.meanings[i], &b.rows[i])
			if !ok {
				v = 0
			}
			out = append(out, v)
		}
	}
	b.columns[k], b.have[k] = out, true
	return out
}

// keysOf gives the keys by which the plan's rows are grouped.
func (b *batch) keysOf(e *Engine, grouping int) *keys {
	ks := &b.keys[grouping]
	if ks.have {
		return ks
	}
	g := &e.groupings[grouping]
	ks.have, ks.of, ks.list, ks.hash = true, ks.of[:0], ks.list[:0], ks.hash[:0]
	var columns [maxGroupBy][]uint64
	for f, k := range g.fields {
		columns[f] = b.column(e, k)[:len(b.of)]
	}
	for j := range b.of {
		if j > 0 && sameAsBefore(columns[:len(g.fields)], j) {
			ks.of = append(ks.of, ks.of[j-1])
			continue
		}
		var t tuple
		n := int32(len(ks.list))
		for f, k := range g.fields {
			v := columns[f][j]
			if !told(v) && !(v == 0 && g.maybe && k == fieldActorID) {
				n = -1
			}
			if k == fieldRows {
				v--
			}
			t[f] = v
		}
		ks.of = append(ks.of, n)
		if n >= 0 {
			ks.list, ks.hash = append(ks.list, t), append(ks.hash, hashOf(&t, 0))
		}
	}
	return ks
}

// issue tells a correlation of what the plan's rows issue: a token, or where accounts
// are looked for, the account a record is about or whose member it is.
func (e *Engine) issue(b *batch, in *input) {
	s := in.c.filter.(*issuance)
	for j, v := range b.column(e, in.value) {
		r := &b.rows[b.of[j]]
		if v == 0 && in.value == fieldAccount && r.HasActor && b.table.Shapes[r.Shape].ActorType == event.Member {
			v = refCode(r.Actor)
		}
		if v == 0 {
			continue
		}
		if in.value == fieldRows {
			v--
		}
		s.issue(e, in.c, v, r.Time)
	}
}

func sameAsBefore(columns [][]uint64, j int) bool {
	for _, c := range columns {
		if c[j] != c[j-1] {
			return false
		}
	}
	return true
}

// run is records that follow each other and have the same key and value.
type run struct {
	first, last event.Millis
	n           int64
}

func runOf(at event.Millis) run { return run{at, at, 1} }

// runs is the runs of the plan's rows, without those that do not say all that is asked.
type runs struct {
	have bool
	list []placedRun
}

type placedRun struct {
	run
	value    uint64
	from, to int32 // which of the plan's rows
	key      int32 // which of the keys
}

// counting is a field that is counted by groups.
type counting struct {
	grouping int
	value    fieldKind
	pages    bool // of what the catalog says shows many accounts, one is counted
}

// shown reports whether an account is one of those that its page shows to whoever opens
// it, beside the first: the catalog declares how many these are. A page with more rows
// than that is none of these.
func (b *batch) shown(j int) bool {
	i := b.of[j]
	n := b.meanings[i].fanOut
	return n > 0 && !b.primary && b.rows[i].Rows <= n
}

// runsOf gives the runs for a counting.
func (b *batch) runsOf(e *Engine, counting int) []placedRun {
	rs := &b.runs[counting]
	if rs.have {
		return rs.list
	}
	rs.have, rs.list = true, rs.list[:0]
	x := e.countings[counting]
	ks := b.keysOf(e, x.grouping)
	var values []uint64
	if x.value != fieldNone {
		values = b.column(e, x.value)
	}
	for from, to := 0, 0; from < len(b.of); from = to {
		n, v := ks.of[from], uint64(0)
		if values != nil {
			v = values[from]
		}
		r := runOf(b.times[from])
		if to = from + 1; x.pages && b.shown(from) {
			continue
		}
		for ; to < len(b.of) && ks.of[to] == n && (values == nil || values[to] == v) && !(x.pages && b.shown(to)); to++ {
			r.first, r.last = min(r.first, b.times[to]), max(r.last, b.times[to])
			r.n++
		}
		if n < 0 || values != nil && !told(v) {
			continue
		}
		if x.value == fieldRows {
			v--
		}
		rs.list = append(rs.list, placedRun{r, v, int32(from), int32(to), n})
	}
	return rs.list
}

// feed gives the plan's rows to a correlation.
func (e *Engine) feed(b *batch, in *input) {
	c := in.c
	list := b.runsOf(e, in.counting)
	if e.codes.refused {
		e.loseUntold(b, in)
	}
	ks := b.keysOf(e, e.countings[in.counting].grouping)
	for i := range list {
		x := &list[i]
		k := key{&ks.list[x.key], ks.hash[x.key]}
		if c.extra == nil && e.feedRun(c, in, k, x.value, x.run) {
			continue
		}
		for _, at := range b.times[x.from:x.to] {
			if c.extra != nil {
				c.extra.add(e, c, k, in.place, x.value, at)
			} else {
				e.feedRun(c, in, k, x.value, runOf(at))
			}
		}
	}
	e.evaluateChanged(c)
}

// loseUntold notes the records that a correlation cannot decide on, since there was no
// room for a text or an address by which it groups or which it counts.
func (e *Engine) loseUntold(b *batch, in *input) {
	x := e.countings[in.counting]
	g := &e.groupings[x.grouping]
	fields := g.fields
	if x.value != fieldNone {
		fields = append(slices.Clone(fields), x.value)
	}
	for j := range b.of {
		all, over := true, false
		for i, k := range fields {
			v := b.column(e, k)[j]
			over = over || v == overCode
			all = all && (v != 0 || i < len(g.fields) && g.maybe && k == fieldActorID)
		}
		if over && all && !(x.pages && b.shown(j)) {
			e.lose(in.c, spaceFull, b.times[j])
		}
	}
}

// feedRun gives a run to a correlation. It reports whether it could: not if the run
// is in two cells, or a filter cannot decide on all of it at once.
func (e *Engine) feedRun(c *correlation, in *input, k key, v uint64, r run) bool {
	if r.n > 1 && (c.timed || c.cell(r.first) != c.cell(r.last)) {
		return false
	}
	if c.filter == nil {
		e.enter(c, k, v, r, in.role != roleTo)
		return true
	}
	switch c.filter.admit(e, c, k.tuple, v, r) {
	case counted:
		e.enter(c, k, v, r, in.role != roleTo)
	case other:
		e.enter(c, k, 0, r, false)
	case oneByOne:
		return false
	}
	return true
}

// count is enter for a record that was kept back.
func (e *Engine) count(c *correlation, k tuple, v uint64, at event.Millis, looked bool) {
	e.enter(c, key{&k, hashOf(&k, 0)}, v, runOf(at), looked)
	if c.marks >= batchRows { // so that values beyond those told apart are not kept
		e.evaluateChanged(c)
	}
}

// enter enters a run, which lies in one cell, into the windows of its group.
func (e *Engine) enter(c *correlation, k key, v uint64, r run, looked bool) {
	g := c.last
	if g == nil || g.key != *k.tuple {
		g = c.groups.get(k.tuple, 0, k.hash)
	}
	if g == nil {
		if c.groups.n >= e.o.MaxGroups {
			e.loseRun(c, stateFull, r)
			return
		}
		g = c.groups.add(k.tuple, 0, k.hash)
		if len(c.findings) > 0 {
			g.found = c.findings[*k.tuple]
		}
	}
	c.last = g
	if c.waits() && !g.open {
		g.open = true
		c.open = append(c.open, g)
	}
	at, width := c.cell(r.first), c.grid.width
	if len(g.cells) > 0 {
		if from := c.settledCell - width + 1; g.cells[0].at < from-width {
			g.expire(from, c.settledCell, width)
		}
	}
	x := g.noteRun(at, r)
	if looked {
		x.of += r.n
	}
	if c.timed {
		x.keepTime(r.first)
	}
	switch c.kind {
	case rule.EventCount, rule.Dormant:
		if g.total < int64(c.least) && g.found == nil {
			return
		}
	case rule.ValueCount, rule.FirstSeen, rule.Absent, rule.Unknown:
		switch {
		case !looked:
		case c.chain != nil && len(g.slots) >= maxChainCells*e.o.MaxValues:
			e.loseRun(c, stateFull, r)
		case c.chain != nil || !g.full || at <= g.found.cell:
			g.add(v, at, r.first, width)
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
		for range r.n {
			x.numbers.sum += float64(v)
			if c.kind != rule.ValueSum && c.kind != rule.ValueAvg {
				x.numbers.values = append(x.numbers.values, float64(v))
			}
		}
		return
	}
	if c.monotone && !c.silent {
		c.mark(g, at)
	}
}

func excluded(exclude, matched []rule.RuleIndex) bool {
	for _, x := range exclude {
		for _, m := range matched {
			if x == m {
				return true
			}
		}
	}
	return false
}
