package scope

import (
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// class is what the reads of an account have in common as far as people and
// items go. A question has few of them.
type class struct {
	group    int32 // index of the --by value; 0 for the whole
	items    catalog.ItemSet
	behind   bool
	register int16 // index of the edition in force, -1 = none
	holdings int16
}

// tally is what one worker, or the whole question, has counted.
type tally struct {
	counts []counts // per group
	groups map[string]int32
	names  []string

	unmapped map[string]int64
	routes   map[string]int64
	split    map[splitKey]splitState
	shared   []personItems
	actors   map[actorKey]struct{} // member actors whose home is elsewhere
	ghosts   [][]dictionary.Ref    // per group, within the partition at hand
	kept     []keptPart

	first, last event.Millis
	nearest     map[string]bool
	corrected   map[string]bool
	editions    map[uint32]bool
	stats       Explain
}

// counts are the numbers of one group.
type counts struct {
	records, reads                 int64
	unresolved, unresolvedRows     int64
	accounts, unregistered         int64
	people, ghosts, withoutHolding int64
	items                          [catalog.MaxItems]int64
}

type splitKey struct {
	group  int32
	time   event.Millis
	record uint32
	source string
	route  string
}

type splitState struct{ read bool }

// personItems is a person who stands in several accounts, or under several
// editions, and the items shown of them in one place.
type personItems struct {
	group  int32
	person dictionary.Ref
	mask   uint64 // in the bits of the catalog
}

type actorKey struct {
	group    int32
	ref      dictionary.Ref
	register int16
}

type keptPart struct {
	part    int
	locals  []uint32
	persons []personItems
}

func newTally() *tally {
	return &tally{
		groups: map[string]int32{"": 0}, names: []string{""}, counts: make([]counts, 1),
		unmapped: map[string]int64{}, routes: map[string]int64{}, split: map[splitKey]splitState{},
		actors: map[actorKey]struct{}{}, nearest: map[string]bool{}, corrected: map[string]bool{}, editions: map[uint32]bool{},
		first: catalog.Never, last: catalog.Always,
	}
}

// byPrefix keeps a --by value that is empty apart from the whole.
const byPrefix = "="

// maxGroups bounds --by: a report of more lines is not read by anybody.
const maxGroups = 10_000

// ErrTooManyGroups: --by would give more lines than maxGroups.
var errTooManyGroups = fmt.Errorf("--by gives more than %d groups: narrow the predicate or the time", maxGroups)

func (t *tally) group(name string) (int32, error) {
	g, ok := t.groups[name]
	if !ok {
		if len(t.names) > maxGroups {
			return 0, errTooManyGroups
		}
		g = int32(len(t.names))
		t.groups[name] = g
		t.names = append(t.names, name)
		t.counts = append(t.counts, counts{})
	}
	return g, nil
}

// run evaluates a plan with a number of workers. The answer does not depend on
// how many there are.
func (p *plan) run(ctx context.Context, workers int) (*tally, error) {
	start := time.Now()
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	segs := p.view.Segments()
	plans := make([]*segmentPlan, 0, len(segs))
	total := newTally()
	for _, r := range segs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		total.stats.Segments++
		sp, err := p.prepare(r)
		if err != nil {
			return nil, err
		}
		if sp == nil {
			total.stats.SegmentsSkipped++
			continue
		}
		plans = append(plans, sp)
	}
	total.stats.Prepare = time.Since(start)

	start = time.Now()
	var next atomic.Int32
	tallies := make([]*tally, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			wk := &worker{plan: p, t: newTally()}
			tallies[w] = wk.t
			for {
				part := int(next.Add(1)) - 1
				if part >= dictionary.Partitions || ctx.Err() != nil {
					return
				}
				if err := wk.partition(part, plans); err != nil {
					errs[w] = err
					next.Store(dictionary.Partitions)
					return
				}
			}
		}()
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	total.stats.Scan = time.Since(start)
	start = time.Now()
	for _, t := range tallies {
		if err := total.add(t); err != nil {
			return nil, err
		}
	}
	if err := p.settle(total); err != nil {
		return nil, err
	}
	total.stats.Unite = time.Since(start)
	return total, nil
}

// worker evaluates partitions, one after the other.
type worker struct {
	*plan
	t *tally

	part     int
	classes  map[class]*accountSet
	own      map[groupRegister]*accountSet // members who connected as themselves
	lastC    class
	lastSet  *accountSet
	homes    []uint32
	details  segment.Details
	sessions *segment.Sessions
	verdicts []truth
	bitsFree [][]uint64
}

type groupRegister struct {
	group    int32
	register int16
}

// accountSet is a set of places of one partition.
type accountSet struct{ words []uint64 }

func (s *accountSet) add(l uint32) {
	i := int(l >> 6)
	if i >= len(s.words) {
		s.words = append(s.words, make([]uint64, i+1-len(s.words)+len(s.words)/2)...)
	}
	s.words[i] |= 1 << (l & 63)
}

func (w *worker) newSet() *accountSet {
	if n := len(w.bitsFree); n > 0 {
		s := w.bitsFree[n-1]
		w.bitsFree = w.bitsFree[:n-1]
		clear(s)
		return &accountSet{s}
	}
	return &accountSet{}
}

func (w *worker) set(c class) *accountSet {
	if w.lastSet != nil && w.lastC == c {
		return w.lastSet
	}
	s := w.classes[c]
	if s == nil {
		s = w.newSet()
		w.classes[c] = s
	}
	w.lastC, w.lastSet = c, s
	return s
}

func (w *worker) ownSet(g int32, register int16) *accountSet {
	k := groupRegister{g, register}
	s := w.own[k]
	if s == nil {
		s = w.newSet()
		w.own[k] = s
	}
	return s
}

func (w *worker) partition(part int, plans []*segmentPlan) error {
	w.part = part
	w.classes, w.own = map[class]*accountSet{}, map[groupRegister]*accountSet{}
	w.lastSet = nil
	for _, sp := range plans {
		pt, err := sp.r.Partition(part)
		if err != nil {
			return err
		}
		w.sessions = nil
		for g := range pt.Groups() {
			if err := w.group(sp, pt, g); err != nil {
				return err
			}
		}
	}
	if err := w.finish(); err != nil {
		return err
	}
	for _, s := range w.classes {
		w.bitsFree = append(w.bitsFree, s.words)
	}
	for _, s := range w.own {
		w.bitsFree = append(w.bitsFree, s.words)
	}
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
	w.t.stats.Groups++
	m := sh.one(gr.MinTime, gr.MaxTime)
	verdict := unknown
	if m != nil {
		verdict = m.verdict
		if verdict == unknown { // comparisons of time may hold for all of it
			verdict = w.pred.root.eval(func(i int) truth {
				if l := w.pred.leaves[i]; l.timeOp != "" {
					return l.span(gr.MinTime, gr.MaxTime)
				}
				return m.leaves[i]
			})
		}
	}
	if verdict == no {
		return nil
	}
	var err error
	if w.homes, err = pt.Homes(g, w.homes); err != nil {
		return err
	}
	w.t.stats.Rows += int64(len(w.homes))
	flags := sh.shape.Flags
	member := w.member(sh.shape.ActorType)
	whole := verdict == yes && gr.MinTime >= w.from && gr.MaxTime < w.to && w.within(gr.MinTime, gr.MaxTime) &&
		(w.by == nil || w.by.ofShape != nil) && !(w.splitByAccount && flags&segment.Split != 0) &&
		!(m.read && !m.names && flags&(segment.Primary|segment.HasRows) == segment.Primary|segment.HasRows) &&
		!(member && flags&segment.HomeIsActor == 0 && len(w.registers) > 0)
	if whole {
		return w.wholeGroup(sh, m, gr)
	}
	return w.eachRow(sp, pt, g, sh, m, member)
}

// member tells whether the actors of a shape are data subjects.
func (w *worker) member(actorType string) bool { return actorType == event.Member }

// wholeGroup takes all rows of a group at once.
func (w *worker) wholeGroup(sh *shapePlan, m *meaningPlan, gr *segment.Group) error {
	name := ""
	if w.by != nil {
		name = w.by.ofShape(&sh.shape, m)
	}
	groups := []int32{0}
	if w.by != nil {
		g, err := w.t.group(byPrefix + name)
		if err != nil {
			return err
		}
		groups = append(groups, g)
	}
	w.t.first, w.t.last = min(w.t.first, gr.MinTime), max(w.t.last, gr.MaxTime)
	register, holdings := w.editions(gr.MinTime)
	n := int64(0)
	if sh.shape.Flags&segment.Primary != 0 {
		n = int64(gr.Rows)
	}
	w.record(groups, sh, m, n, 0)
	for _, g := range groups {
		if sh.shape.Flags&segment.HomeIsActor != 0 && len(w.registers) > 0 {
			set := w.ownSet(g, register)
			for _, l := range w.homes {
				if l != noAccount {
					set.add(l)
				}
			}
		}
		if m.read && m.named {
			set := w.set(class{g, m.Items, m.Behind, register, holdings})
			for _, l := range w.homes {
				if l != noAccount {
					set.add(l)
				}
			}
		}
	}
	return nil
}

const noAccount = 1<<24 - 1

// record counts n primary rows of one shape.
func (w *worker) record(groups []int32, sh *shapePlan, m *meaningPlan, n, rows int64) {
	if n == 0 {
		return
	}
	for _, g := range groups {
		c := &w.t.counts[g]
		c.records += n
		if m.read {
			c.reads += n
			if !m.names {
				c.unresolved += n
				c.unresolvedRows += rows
			}
		}
	}
	w.t.editions[sh.shape.Edition] = true
	if m.read {
		w.t.routes[m.Route] += n
		if m.Added {
			w.t.corrected[m.Route] = true
		}
	}
	if !m.Known {
		w.t.unmapped[sh.shape.Route] += n
	}
}

// editions gives the editions in force at a moment, and remembers when the
// nearest had to stand in.
func (w *worker) editions(at event.Millis) (register, holdings int16) {
	r, exact := edition.InForce(w.registers, at)
	if r >= 0 && !exact {
		w.t.nearest["register"] = true
	}
	h, exact := edition.InForce(w.holdings, at)
	if h >= 0 && !exact {
		w.t.nearest["holdings"] = true
	}
	return int16(r), int16(h)
}

// eachRow evaluates row by row what the shape left open.
func (w *worker) eachRow(sp *segmentPlan, pt *segment.Partition, g int, sh *shapePlan, only *meaningPlan, member bool) error {
	if err := pt.Details(g, w.homes, &w.details, false); err != nil {
		return err
	}
	ss, err := pt.Sessions()
	if err != nil {
		return err
	}
	w.t.stats.RowsDecided += int64(len(w.homes))
	d := &w.details
	flags := sh.shape.Flags
	groups := []int32{0}
	var row rowState
	row.sp, row.ss = sp, ss
	for i, l := range w.homes {
		at := d.Time[i]
		if at < w.from || at >= w.to {
			continue
		}
		m := only
		if m == nil {
			m = sh.at(at)
		}
		if m.verdict == no {
			continue
		}
		s := d.Session[i]
		if m.verdict != yes {
			row.m, row.session, row.time, row.rows, row.home = m, s, at, d.Rows[i], l
			ok, err := w.decide(&row)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
		}
		groups = groups[:1]
		if w.by != nil {
			name, err := w.by.ofRow(w.view, &sh.shape, m, sp, ss, s, at)
			if err != nil {
				return err
			}
			k, err := w.t.group(byPrefix + name)
			if err != nil {
				return err
			}
			groups = append(groups, k)
		}
		w.t.first, w.t.last = min(w.t.first, at), max(w.t.last, at)
		switch {
		case w.splitByAccount && flags&segment.Split != 0:
			for _, k := range groups {
				key := splitKey{k, at, d.Record[i], sh.shape.Source, m.Route}
				if !m.Known {
					key.route = sh.shape.Route
				}
				w.t.split[key] = splitState{read: m.read}
			}
			w.t.editions[sh.shape.Edition] = true
		case flags&segment.Primary != 0:
			rows := int64(0)
			if d.Rows[i] > 0 {
				rows = int64(d.Rows[i])
			}
			w.record(groups, sh, m, 1, rows)
		}
		register, holdings := w.editions(at)
		for _, k := range groups {
			if member && ss.HasActor[s] && len(w.registers) > 0 {
				if ref := ss.Actor[s]; ref.Part() == w.part {
					w.ownSet(k, register).add(ref.Local())
				} else {
					w.t.actors[actorKey{k, ref, register}] = struct{}{}
				}
			}
			if m.read && m.named && l != noAccount {
				w.set(class{k, m.Items, m.Behind, register, holdings}).add(l)
			}
		}
	}
	return nil
}

// rowState is a row whose predicate is not decided by its shape.
type rowState struct {
	sp      *segmentPlan
	ss      *segment.Sessions
	m       *meaningPlan
	session uint32
	time    event.Millis
	rows    int32
	home    uint32
	err     error
}

func (w *worker) decide(r *rowState) (bool, error) {
	r.err = nil
	v := w.pred.root.eval(func(i int) truth { return w.leafOfRow(r, i) })
	return v == yes, r.err
}

// leafOfRow gives a leaf's value for a row.
func (w *worker) leafOfRow(r *rowState, i int) truth {
	if v := r.m.leaves[i]; v != unknown {
		return v
	}
	l := w.pred.leaves[i]
	s := r.session
	switch {
	case l.timeOp != "":
		return of(l.when(r.time))
	case l.pseudo == pseudoAccount:
		ref := dictionary.MakeRef(byte(w.part), r.home)
		return of((r.m.named && ref.IsAccount() && slices.Contains(w.refs[i], ref) || l.empty && !(r.m.named && ref.IsAccount())) != l.negate)
	case l.pseudo == pseudoActor:
		has := r.ss.HasActor[s]
		return of((has && slices.Contains(w.refs[i], r.ss.Actor[s]) || l.empty && !has) != l.negate)
	case l.pseudo == pseudoToken:
		t := r.ss.Token[s]
		return of((t != 0 && slices.Contains(w.toks[i], t) || l.empty && t == 0) != l.negate)
	case l.levels == levelClient:
		return of(r.sp.leafClients[i][r.ss.Client[s]])
	case l.levels == levelAgent:
		return of(r.sp.leafAgents[i][r.ss.Agent[s]])
	}
	// Fields of several places, or of the row: evaluated for this row.
	vars := make(map[string]any, len(r.m.vars)+8)
	for k, v := range r.m.vars {
		vars[k] = v
	}
	for k, v := range clientVars(r.sp.clients[r.ss.Client[s]]) {
		vars[k] = v
	}
	vars["client.agent"] = r.sp.agents[r.ss.Agent[s]]
	vars["time"] = r.time.Time()
	vars["rows"] = int64(max(0, r.rows)) // absent fields are empty values
	v, err := l.value(vars)
	if err != nil && r.err == nil {
		r.err = err
	}
	return of(v)
}

// add joins what another worker counted.
func (t *tally) add(o *tally) error {
	code := make([]int32, len(o.names))
	for i, n := range o.names {
		g, err := t.group(n)
		if i == 0 {
			g, err = 0, nil
		}
		if err != nil {
			return err
		}
		code[i] = g
		a, b := &t.counts[g], &o.counts[i]
		a.records += b.records
		a.reads += b.reads
		a.unresolved += b.unresolved
		a.unresolvedRows += b.unresolvedRows
		a.accounts += b.accounts
		a.unregistered += b.unregistered
		a.people += b.people
		a.ghosts += b.ghosts
		a.withoutHolding += b.withoutHolding
		for k := range a.items {
			a.items[k] += b.items[k]
		}
	}
	for k, v := range o.unmapped {
		t.unmapped[k] += v
	}
	for k, v := range o.routes {
		t.routes[k] += v
	}
	for k, v := range o.split {
		k.group = code[k.group]
		t.split[k] = v
	}
	for _, s := range o.shared {
		s.group = code[s.group]
		t.shared = append(t.shared, s)
	}
	for k := range o.actors {
		k.group = code[k.group]
		t.actors[k] = struct{}{}
	}
	for g, refs := range o.ghosts {
		k := code[g]
		for len(t.ghosts) <= int(k) {
			t.ghosts = append(t.ghosts, nil)
		}
		t.ghosts[k] = append(t.ghosts[k], refs...)
	}
	t.kept = append(t.kept, o.kept...)
	t.first, t.last = min(t.first, o.first), max(t.last, o.last)
	for k := range o.nearest {
		t.nearest[k] = true
	}
	for k := range o.corrected {
		t.corrected[k] = true
	}
	for k := range o.editions {
		t.editions[k] = true
	}
	t.stats.Groups += o.stats.Groups
	t.stats.GroupsSkipped += o.stats.GroupsSkipped
	t.stats.Rows += o.stats.Rows
	t.stats.RowsDecided += o.stats.RowsDecided
	return nil
}

func popcount(ws []uint64) int64 {
	n := 0
	for _, w := range ws {
		n += bits.OnesCount64(w)
	}
	return int64(n)
}
