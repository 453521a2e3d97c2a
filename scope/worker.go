package scope

import (
	"context"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// worker evaluates partitions, one after the other. Everything in it belongs to
// one goroutine.
type worker struct {
	*plan
	t    *tally
	pass pass

	part    int
	at      segment.Partition // at hand, of one segment
	classes map[class]*accountSet
	own     map[groupRegister]*accountSet // members who connected as themselves
	splits  map[splitHome]int32
	// splitMeaning tells what those records mean.
	splitMeaning map[splitKey]*meaningPlan
	last         [2]lastSet // the set used last, over all and of a group

	homes    []uint32
	details  segment.Details
	sessions *segment.Sessions // of the partition of one segment
	summary  []truth           // per leaf, what all those sessions have in common
	summed   []bool
	combos   map[combo]truth
	grouper  grouper
	scratch  scratchSets
	inForce  editionsAt
	row      rowState
	rest     int     // the one leaf left open in this group, or -1
	restIs   [2]bool // the predicate when that leaf is false, and true

	pending  *meaningPlan // rows of it, counted and not yet told by route
	pendingN int64
	tables   [][]truth // per leaf, its truth for each of those sessions
	quarters map[quarterLeaf]truth

	movedFound  map[movedAccount]struct{}
	groupsFound map[string]int64
	groupSplits map[groupSplit]int32 // with the account, while a partition is at hand
	groupSplit  map[groupSplit]int32
}

// groupSplit is a record of several fragments under a value of --by.
type groupSplit struct {
	recordKey
	name string
	home uint32
}

type groupRegister struct {
	group    int32
	register int16
}

// movedAccount is an account that was read and lives in another partition than
// the row that says so.
type movedAccount struct {
	name  string // the line of --by
	class class  // without its group
	ref   dictionary.Ref
}

// combo is what a leaf over several tables is evaluated for.
type combo struct {
	leaf          int
	m             *meaningPlan
	client, agent uint32
}

// maxCombos bounds what is remembered of leaves over several tables.
const maxCombos = 1 << 16

// editionsAt remembers the editions in force over a stretch of time.
type editionsAt struct {
	known              bool
	from, to           event.Millis
	register, holdings int16
	nearest            [2]bool
	used               [2]bool // noted already
}

// editions gives the editions in force at a moment.
func (w *worker) editions(at event.Millis) *editionsAt {
	e := &w.inForce
	if e.known && e.from <= at && at < e.to {
		return e
	}
	r, exactR := edition.InForce(w.registers, at)
	h, exactH := edition.InForce(w.holdings, at)
	*e = editionsAt{true, catalog.Always, catalog.Never, int16(r), int16(h), [2]bool{r >= 0 && !exactR, h >= 0 && !exactH}, [2]bool{}}
	for _, b := range w.bounds {
		if b <= at {
			e.from = b
		} else {
			e.to = b
			break
		}
	}
	return e
}

// uses notes that the answer rests on an edition of the register, and, of the
// holdings.
func (w *worker) uses(e *editionsAt, register, holdings bool) {
	if register && e.register >= 0 && !e.used[0] {
		e.used[0] = true
		w.t.registers[e.register] = true
		w.t.nearest[0] = w.t.nearest[0] || e.nearest[0]
	}
	if holdings && e.holdings >= 0 && !e.used[1] {
		e.used[1] = true
		w.t.holdings[e.holdings] = true
		w.t.nearest[1] = w.t.nearest[1] || e.nearest[1]
	}
}

type lastSet struct {
	class class
	set   *accountSet
}

func (w *worker) set(c class) *accountSet {
	last := &w.last[min(c.group, 1)]
	if last.set != nil && last.class == c {
		return last.set
	}
	s := w.classes[c]
	if s == nil {
		s = &accountSet{}
		w.classes[c] = s
	}
	*last = lastSet{c, s}
	return s
}

func (w *worker) ownSet(g int32, register int16) *accountSet {
	k := groupRegister{g, register}
	s := w.own[k]
	if s == nil {
		s = &accountSet{}
		w.own[k] = s
	}
	return s
}

func (w *worker) partition(ctx context.Context, part int) error {
	w.part, w.last = part, [2]lastSet{}
	if w.only != nil && !w.parts[part] {
		return nil
	}
	w.classes, w.own, w.splits = map[class]*accountSet{}, map[groupRegister]*accountSet{}, map[splitHome]int32{}
	if w.pass == passCount {
		for _, m := range w.moved[part] {
			if err := w.addMoved(m); err != nil {
				return err
			}
		}
	}
	for _, sp := range w.segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.pass == passMoved && !sp.moves {
			continue
		}
		if err := w.at.Read(sp.r, part); err != nil {
			return err
		}
		pt := &w.at
		w.sessions, w.summary, w.summed, w.tables = nil, nil, nil, nil
		clear(w.combos)
		if w.by != nil && w.by.local {
			w.grouper.reset()
		} else if w.grouper.codes == nil {
			w.grouper.reset()
		}
		for g := range pt.Groups() {
			if err := w.group(sp, pt, g); err != nil {
				return err
			}
		}
	}
	for k, n := range w.groupSplits {
		k.home = 0
		w.groupSplit[k] = max(w.groupSplit[k], n)
	}
	clear(w.groupSplits)
	if w.pass != passCount {
		return nil
	}
	for k, n := range w.splits {
		m := w.splitMeaning[k.splitKey]
		w.t.addSplit(k.splitKey, splitCount{n, m})
	}
	clear(w.splitMeaning)
	return w.finish()
}

func (w *worker) addMoved(m movedAccount) error {
	c := m.class
	c.group = 0
	w.set(c).add(m.ref.Local())
	if w.by == nil {
		return nil
	}
	g, err := w.groupNamed(m.name)
	if err != nil {
		return err
	}
	c.group = g
	w.set(c).add(m.ref.Local())
	return nil
}

// group evaluates the rows of one shape. When the shape alone decides, and
// nothing asks for a row's time, only the accounts are decoded.
func (w *worker) group(sp *segmentPlan, pt *segment.Partition, g int) error {
	gr := &pt.Groups()[g]
	sh := &sp.shapes[gr.Shape]
	if !sh.possible || gr.MaxTime < w.from || gr.MinTime >= w.to {
		w.t.stats.GroupsSkipped++
		return nil
	}
	flags := sh.shape.Flags
	m := sh.one(gr.MinTime, gr.MaxTime)
	switch w.pass {
	case passMoved:
		if !slices.ContainsFunc(sh.meanings, func(m meaningPlan) bool { return m.moved && m.read }) {
			return nil
		}
	}
	verdict := unknown
	w.rest = -1
	if m != nil {
		var err error
		if verdict, err = w.decideGroup(sp, pt, gr, m); err != nil {
			return err
		}
	}
	if verdict == no {
		w.t.stats.GroupsSkipped++
		return nil
	}
	var err error
	if w.homes, err = pt.Homes(g, w.homes); err != nil {
		return err
	}
	w.t.stats.Groups++
	w.t.stats.Rows += int64(len(w.homes))
	member := sh.shape.ActorType == event.Member
	whole := verdict == yes && w.only == nil && w.pass != passMoved && gr.MinTime >= w.from && gr.MaxTime < w.to && w.within(gr.MinTime, gr.MaxTime) &&
		(w.by == nil || w.by.ofShape != nil) && !m.bySplit && !(m.moved && m.read) &&
		!(m.read && (!m.anybody || m.listed) && flags&(segment.Primary|segment.HasRows) == segment.Primary|segment.HasRows) &&
		!(member && flags&segment.HomeIsActor == 0 && len(w.registers) > 0)
	if whole {
		return w.wholeGroup(sh.shape, m, gr)
	}
	return w.eachRow(sp, pt, g, sh, m, member)
}

// decideGroup decides the predicate for all rows of a group, if it can: by the
// shape, by the group's first and last moment, by the partition, and at last by
// what the partition's sessions have in common.
func (w *worker) decideGroup(sp *segmentPlan, pt *segment.Partition, gr *segment.Group, m *meaningPlan) (truth, error) {
	v := m.verdict
	if v == yes || v == no {
		return v, nil
	}
	lo, hi := max(gr.MinTime, w.from), min(gr.MaxTime, w.to-1)
	leaf := func(i int) truth {
		if v := m.leaves[i]; v != unknown {
			return v
		}
		switch l := w.pred.leaves[i]; {
		case l.timeOp != "":
			return l.span(lo, hi)
		case l.pseudo == pseudoAccount && m.named && !slices.ContainsFunc(w.refs[i], func(r dictionary.Ref) bool { return r.Part() == w.part }):
			return of(l.negate) // a named account, and none of those asked for lives here
		}
		return unknown
	}
	if v = w.pred.root.eval(leaf); v != unknown {
		return v, nil
	}
	if err := w.loadSessions(pt); err != nil {
		return unknown, err
	}
	open, last := 0, 0
	known := func(i int) truth {
		v := leaf(i)
		if v == unknown {
			v = w.summarize(sp, i)
		}
		return v
	}
	v = w.pred.root.eval(known)
	if v != unknown {
		return v, nil
	}
	for i := range w.pred.leaves {
		if known(i) == unknown {
			open, last = open+1, i
		}
	}
	if open == 1 && !m.moved {
		w.restOf(sp, last, known)
	}
	return unknown, nil
}

// restOf notes that one leaf alone is left to decide by, so that a row costs a
// look into a table or one comparison.
func (w *worker) restOf(sp *segmentPlan, i int, known func(i int) truth) {
	l := w.pred.leaves[i]
	with := func(t truth) truth {
		return w.pred.root.eval(func(k int) truth {
			if k == i {
				return t
			}
			return known(k)
		})
	}
	n, y := with(no), with(yes)
	if n > yes || y > yes {
		return
	}
	switch {
	case l.timeOp != "":
	case l.ofSession():
		if slices.Contains(w.table(sp, i), failed) {
			return
		}
	default:
		return
	}
	w.rest, w.restIs = i, [2]bool{n == yes, y == yes}
}

func (w *worker) loadSessions(pt *segment.Partition) (err error) {
	if w.sessions == nil {
		w.sessions, err = pt.Sessions()
		n := len(w.pred.leaves)
		w.summary, w.summed, w.tables = make([]truth, n), make([]bool, n), make([][]truth, n)
	}
	return err
}

// summarize gives a leaf's truth where all sessions of the partition agree.
func (w *worker) summarize(sp *segmentPlan, i int) truth {
	if w.summed[i] {
		return w.summary[i]
	}
	w.summed[i], w.summary[i] = true, unknown
	if !w.pred.leaves[i].ofSession() {
		return unknown
	}
	w.summary[i] = agreed(w.table(sp, i))
	return w.summary[i]
}

// table gives a leaf's truth for every session.
func (w *worker) table(sp *segmentPlan, i int) []truth {
	if w.tables[i] == nil {
		w.tables[i] = make([]truth, len(w.sessions.Home))
		for s := range w.tables[i] {
			w.tables[i][s] = w.leafOfSession(sp, i, uint32(s))
		}
	}
	return w.tables[i]
}

// ofSession reports whether a leaf is over one fact that a session's rows share.
func (l *leaf) ofSession() bool {
	switch l.pseudo {
	case pseudoActor, pseudoToken, issued:
		return true
	}
	return l.levels == levelClient || l.levels == levelAgent
}

// leafOfSession gives the truth of a leaf over one fact of a session.
func (w *worker) leafOfSession(sp *segmentPlan, i int, s uint32) truth {
	l, ss := w.pred.leaves[i], w.sessions
	switch {
	case l.pseudo == pseudoActor:
		has := ss.HasActor[s]
		return of((has && slices.Contains(w.refs[i], ss.Actor[s]) || l.empty && !has) != l.negate)
	case l.pseudo == pseudoToken:
		t := ss.Token[s]
		return of((t != 0 && slices.Contains(w.toks[i], t) || l.empty && t == 0) != l.negate)
	case l.pseudo == issued:
		return of(w.issued.has(ss.Token[s]) != l.negate)
	case l.levels == levelClient:
		return sp.tables[i][ss.Client[s]]
	default:
		return sp.tables[i][ss.Agent[s]]
	}
}

const noAccount = 1<<24 - 1

// wholeGroup takes all rows of a group at once.
func (w *worker) wholeGroup(sh *segment.Shape, m *meaningPlan, gr *segment.Group) error {
	flags := m.shape.Flags
	n := int64(0)
	if flags&segment.Primary != 0 {
		n = int64(gr.Rows)
	}
	if w.pass == passGroups {
		w.foundGroup(w.by.ofShape(sh, m), n)
		return nil
	}
	groups := [2]int32{}
	lines := groups[:1]
	if w.by != nil {
		g, err := w.groupNamed(w.by.ofShape(sh, m))
		if err != nil {
			return err
		}
		groups[1], lines = g, groups[:2]
	}
	homes := w.homes
	for len(homes) > 0 && homes[len(homes)-1] == noAccount {
		homes = homes[:len(homes)-1]
	}
	w.t.first, w.t.last = min(w.t.first, gr.MinTime), max(w.t.last, gr.MaxTime)
	w.t.malformed = w.t.malformed || flags&segment.Malformed != 0
	e := w.editions(gr.MinTime)
	own := flags&segment.HomeIsActor != 0 && len(homes) > 0
	shown := m.read && m.named && len(homes) > 0
	w.uses(e, own || shown, shown)
	for _, g := range lines {
		if n > 0 {
			w.t.record(g, m, n, returned{untold: n}, m.anybody) // rows that are told are read one by one
		}
		if own && !shown && e.register >= 0 {
			w.ownSet(g, e.register).addSorted(homes)
		}
		if shown {
			w.set(class{g, m.Items, m.Behind, own, e.register, e.holdings}).addSorted(homes)
		}
	}
	return nil
}

func (w *worker) foundGroup(name string, n int64) {
	if w.groupsFound == nil {
		w.groupsFound = map[string]int64{}
	}
	w.groupsFound[name] += n
}

func (w *worker) foundSplit(name string, k recordKey, home uint32) {
	if w.groupSplits == nil {
		w.groupSplits, w.groupSplit = map[groupSplit]int32{}, map[groupSplit]int32{}
	}
	w.groupSplits[groupSplit{k, name, home}]++
}
