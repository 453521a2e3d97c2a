package scope

import (
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// plan is a question made ready for one view: constants hashed, editions
// chosen, the dimension of --by resolved. It is read by all workers.
type plan struct {
	view      View
	pred      *Predicate
	from, to  event.Millis // [from, to)
	by        *dimension
	named     map[string]bool // values of --by that get a line of their own; nil = all
	rest      int             // how many values share a line
	keep      bool
	any       bool                  // whether there is a record at all is enough
	only      map[movedKey]struct{} // the rows to look at, by the account where they live; nil = all
	parts     map[int]bool          // the partitions of them
	ofSource  func(string) bool     // the sources to look at; nil = all
	catalog   *catalog.Catalog
	olds      map[uint32]*catalog.Catalog // that decoded records; without the one in force
	registers []*edition.Register
	holdings  []*edition.Holdings
	maps      []itemMap  // per edition of the holdings
	masks     [][]uint64 // likewise, its sets of items in the catalog's bits
	live      []int      // editions of the holdings that can be in force in the question's time

	refs [][]dictionary.Ref // per pseudonymised leaf, what its constants are
	toks [][]uint64         // per token leaf

	// byAccount: the predicate depends on the row's account, so a record of
	// several fragments may match in any of them, and is counted by its number
	// instead of by its primary fragment.
	byAccount bool
	asked     []dictionary.Ref // all accounts it speaks of

	bounds []event.Millis // moments at which the edition in force changes, sorted

	// Shapes that differ in nothing a question can see have one meaning, over all
	// segments: there may be as many as there are keys.
	means     map[meaningKey]*meaningSet
	keyLeaves []int // leaves over credential.key
	eachKey   bool  // one of them is over other fields too, so that keys are not alike
	byMarks   bool  // the predicate asks for marks

	truths     []byte // scratch of meaningsOf, as are the next
	lastTruths string
	ofKey      facts

	segments []*segmentPlan
	byItem   bool // --by item
	issued   *tokenSet
	moved    [dictionary.Partitions][]movedAccount
}

func newPlan(v View, q Query) (*plan, error) {
	pred, err := Compile(q.Where)
	if err != nil {
		return nil, err
	}
	if !q.anyWord {
		err = pred.knownTo(v)
	}
	if err != nil {
		return nil, err
	}
	p := &plan{
		view: v, pred: pred, from: q.From, to: q.To, keep: q.Keep, catalog: v.Catalog(), olds: map[uint32]*catalog.Catalog{},
		registers: v.Registers(), holdings: v.Holdings(), ofKey: facts{shape: &meaningPlan{}},
	}
	if p.to == 0 {
		p.to = catalog.Never
	}
	if p.from == 0 {
		p.from = catalog.Always
	}
	if q.By != "" {
		if p.by, err = dimensionNamed(q.By, q.Zone); err != nil {
			return nil, err
		}
		p.byItem = p.by == nil
	}
	p.refs, p.toks = make([][]dictionary.Ref, len(pred.leaves)), make([][]uint64, len(pred.leaves))
	for i, l := range pred.leaves {
		p.byMarks = p.byMarks || slices.Contains(l.names, marksField)
		if slices.Contains(l.names, "credential.key") {
			p.keyLeaves = append(p.keyLeaves, i)
			p.eachKey = p.eachKey || len(l.names) > 1
		}
		switch l.pseudo {
		case pseudoToken:
			for _, id := range l.ids {
				p.toks[i] = append(p.toks[i], v.Hasher().Token(event.TokenID(id)))
			}
		case pseudoAccount, pseudoActor:
			p.byAccount = p.byAccount || l.pseudo == pseudoAccount
			for _, ps := range l.pseudonyms(v.Hasher()) {
				ref, ok, err := v.Lookup(ps)
				if err != nil {
					return nil, fmt.Errorf("look up an id of the predicate: %w", err)
				}
				if ok {
					p.refs[i] = append(p.refs[i], ref)
				}
			}
		}
	}
	for i, l := range pred.leaves {
		if l.pseudo == pseudoAccount {
			p.asked = append(p.asked, p.refs[i]...)
		}
	}
	slices.Sort(p.asked)
	p.asked = slices.Compact(p.asked)
	// Before its own date the first edition is only the nearest, so that its
	// date is a bound too.
	for _, r := range p.registers {
		p.bounds = append(p.bounds, r.From())
	}
	for _, h := range p.holdings {
		p.bounds = append(p.bounds, h.From())
		if p.catalog != nil {
			m := newItemMap(p.catalog, h)
			p.maps, p.masks = append(p.maps, m), append(p.masks, m.sets(h))
		}
	}
	slices.Sort(p.bounds)
	return p, nil
}

// segmentsOf prepares the view's segments and drops those that cannot match.
func (p *plan) segmentsOf(stats *Explain) error {
	lo, hi := catalog.Never, catalog.Always
	for _, r := range p.view.Segments() {
		stats.Segments++
		info, err := r.Info()
		if err != nil {
			return err
		}
		if info.MaxTime < p.from || info.MinTime >= p.to {
			stats.SegmentsSkipped++
			continue
		}
		sp, err := p.prepare(r)
		if err != nil {
			return err
		}
		if sp == nil {
			stats.SegmentsSkipped++
			continue
		}
		lo, hi = min(lo, max(info.MinTime, p.from)), max(hi, min(info.MaxTime, p.to))
		p.segments = append(p.segments, sp)
	}
	if len(p.holdings) > 0 && lo <= hi {
		first, _ := edition.InForce(p.holdings, lo)
		last, _ := edition.InForce(p.holdings, hi)
		for h := first; h <= last; h++ {
			p.live = append(p.live, h)
		}
	}
	return nil
}

// within reports whether no edition changes inside lo..hi.
func (p *plan) within(lo, hi event.Millis) bool {
	for _, b := range p.bounds {
		if lo < b && b <= hi {
			return false
		}
	}
	return true
}

// segmentPlan is a plan made ready for one segment.
type segmentPlan struct {
	r       *segment.Reader
	shapes  []shapePlan
	clients []segment.Client
	agents  []string
	// tables hold, per leaf over one table, its truth for each entry.
	tables [][]truth
	all    []truth // per leaf, its truth for every row of the segment
	moves  bool    // some shape has its account elsewhere; see meaningPlan.moved
}

// shapePlan is a shape and what it means.
type shapePlan struct {
	shape *segment.Shape
	*meaningSet
}

// meaningSet is what shapes mean, by time.
type meaningSet struct {
	meanings []meaningPlan
	possible bool // some meaning is not ruled out
	moves    bool // see segmentPlan
}

// meaningKey is what the meanings of a shape follow from.
type meaningKey struct {
	shape  segment.Shape // without the key, if truths say all of it
	truths string        // of the leaves that the segment decides, and of those over the key
}

type meaningPlan struct {
	catalog.Meaning
	shape  *segment.Shape // one that has it; others may have other keys
	route  string         // by this catalog where it knows the route, else as stored
	names  []string
	marks  []string // only if the predicate asks for them
	status int64

	verdict truth
	leaves  []truth // of the leaves decided for all rows of the shape; else unknown
	read    bool    // a successful answer with items
	added   catalog.ItemSet

	// Whose data it is, by the catalog in force now, whatever the catalog that
	// decoded the record said.
	named   bool // the row's account is a subject
	moved   bool // the subject is the actor, who is not the row's account
	carrier bool // another fragment of the record has the subject
	listed  bool // named, in a list of the accounts in the answer
	anybody bool // the record names a subject somewhere (for moved: if there is an actor)
	// bySplit: fragments of one record can differ in whether they match.
	bySplit bool
}

// old gives the edition of the catalog that decoded a record.
func (p *plan) old(number uint32) (*catalog.Catalog, error) {
	if p.catalog == nil || number == p.catalog.Edition || number == 0 {
		return p.catalog, nil
	}
	if c, ok := p.olds[number]; ok {
		return c, nil
	}
	c, err := p.view.CatalogEdition(number)
	if err != nil {
		return nil, err
	}
	p.olds[number] = c
	return c, nil
}

func (p *plan) prepare(r *segment.Reader) (*segmentPlan, error) {
	sp := &segmentPlan{r: r, tables: make([][]truth, len(p.pred.leaves))}
	shapes, err := r.Shapes()
	if err != nil {
		return nil, err
	}
	if sp.clients, err = r.Clients(); err != nil {
		return nil, err
	}
	if sp.agents, err = r.Agents(); err != nil {
		return nil, err
	}
	all := make([]truth, len(p.pred.leaves)) // true of the whole segment
	for i, l := range p.pred.leaves {
		all[i] = unknown
		var f facts
		switch l.levels {
		case levelClient:
			sp.tables[i] = make([]truth, len(sp.clients))
			for k := range sp.clients {
				f.client = &sp.clients[k]
				sp.tables[i][k], _ = l.value(&f) // an error is told of when a row has it
			}
		case levelAgent:
			sp.tables[i] = make([]truth, len(sp.agents))
			for k, a := range sp.agents {
				f.agent = a
				sp.tables[i][k], _ = l.value(&f)
			}
		default:
			continue
		}
		all[i] = agreed(sp.tables[i])
	}
	sp.all = all
	some := false
	for i := range shapes {
		m, err := p.meaningsOf(&shapes[i], all)
		if err != nil {
			return nil, err
		}
		if m.possible && !some {
			some = true
			sp.shapes = make([]shapePlan, len(shapes))
			for k := range i {
				sp.shapes[k] = shapePlan{&shapes[k], &impossible}
			}
		}
		if some {
			sp.shapes[i] = shapePlan{&shapes[i], m}
		}
		sp.moves = sp.moves || m.moves
	}
	if !some {
		return nil, nil
	}
	return sp, nil
}

// agreed gives what all entries of a table have in common.
func agreed(table []truth) truth {
	if len(table) == 0 {
		return unknown
	}
	for _, t := range table {
		if t != table[0] {
			return unknown
		}
	}
	if table[0] == failed {
		return unknown
	}
	return table[0]
}

// impossible are the meanings of a shape whose rows cannot match.
var impossible meaningSet

// meaningsOf prepares the meanings of a shape, once for all that are alike.
func (p *plan) meaningsOf(sh *segment.Shape, all []truth) (*meaningSet, error) {
	k := meaningKey{shape: *sh}
	if !p.byMarks {
		k.shape.Looked, k.shape.Marks = 0, ""
	}
	truths := p.truths[:0]
	for _, t := range all {
		truths = append(truths, byte(t))
	}
	if !p.eachKey {
		k.shape.Key = ""
		p.ofKey.shape.shape = sh
		for _, i := range p.keyLeaves {
			t, _ := p.pred.leaves[i].value(&p.ofKey) // an error is told of when a row has it
			truths = append(truths, byte(t))
		}
	}
	p.truths = truths
	if string(truths) != p.lastTruths { // mostly one for all
		p.lastTruths = string(truths)
	}
	k.truths = p.lastTruths
	if m := p.means[k]; m != nil {
		return m, nil
	}
	m := &meaningSet{}
	if err := p.prepareShape(m, sh, all); err != nil {
		return nil, err
	}
	for i := range m.meanings {
		mp := &m.meanings[i]
		m.moves = m.moves || mp.moved && mp.read && mp.verdict != no
	}
	if p.means == nil {
		p.means = map[meaningKey]*meaningSet{}
	}
	p.means[k] = m
	return m, nil
}

func (p *plan) prepareShape(s *meaningSet, sh *segment.Shape, all []truth) error {
	mapped := sh.Flags&segment.Mapped != 0
	meanings := []catalog.Meaning{{From: catalog.Always, Until: catalog.Never}}
	if p.catalog != nil {
		meanings = p.catalog.Meanings(sh.Route, mapped)
	}
	old, err := p.old(sh.Edition)
	if err != nil {
		return err
	}
	if old != p.catalog {
		meanings = cut(meanings, old.Meanings(sh.Route, mapped))
	}
	marks, err := p.marksOf(sh)
	if err != nil {
		return err
	}
	for _, m := range meanings {
		mp := meaningPlan{Meaning: m, shape: sh, route: sh.Route, names: []string{}, marks: marks, status: int64(sh.Status)}
		if m.Known {
			mp.route = routeName(sh.Route, m.Route)
			mp.names = p.catalog.ItemNames(m.Items)
			if old != p.catalog {
				mp.added = p.catalog.AddedSince(old, sh.Route, mapped, m.From)
			}
		}
		mp.read = m.Known && m.Personal && m.Success.Contains(sh.Status)
		mp.subject()
		p.decideShape(&mp, all)
		s.possible = s.possible || mp.verdict != no
		s.meanings = append(s.meanings, mp)
	}
	return nil
}

// marksOf names the live-only rules that a shape's lines matched.
func (p *plan) marksOf(sh *segment.Shape) ([]string, error) {
	marks := []string{}
	if !p.byMarks {
		return marks, nil
	}
	for n := range segment.MarksOf(sh.Marks) {
		r, err := p.view.LiveRule(n)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(marks, r.ID) {
			marks = append(marks, r.ID)
		}
	}
	return marks, nil
}

// cut divides meanings where the older catalog changed what it said.
func cut(ms, olds []catalog.Meaning) []catalog.Meaning {
	var out []catalog.Meaning
	for _, m := range ms {
		for _, o := range olds {
			if from, until := max(m.From, o.From), min(m.Until, o.Until); from < until {
				piece := m
				piece.From, piece.Until = from, until
				out = append(out, piece)
			}
		}
	}
	return out
}

// routeName is the name by which an answer speaks of a stored route: that of
// the catalog in force, under the method it was asked with where that has no
// body (HEAD, OPTIONS).
func routeName(stored, now string) string {
	method, _, _ := strings.Cut(stored, " ")
	if method == "HEAD" || method == "OPTIONS" {
		if was, path, ok := strings.Cut(now, " "); ok && was != method {
			return method + " " + path
		}
	}
	return now
}

// decideShape evaluates what the shape decides.
func (p *plan) decideShape(mp *meaningPlan, all []truth) {
	mp.leaves = make([]truth, len(p.pred.leaves))
	f := facts{shape: mp}
	for i, l := range p.pred.leaves {
		mp.leaves[i] = all[i]
		switch {
		case l.pseudo == pseudoAccount && !mp.named && !mp.moved:
			mp.leaves[i] = of(l.empty != l.negate) // the record names nobody
		case l.pseudo == plain && l.timeOp == "" && l.levels&^levelShape == 0:
			mp.leaves[i], _ = l.value(&f)
		case l.timeOp != "" && mp.From < mp.Until:
			mp.leaves[i] = l.span(mp.From, mp.Until-1)
		}
	}
	mp.verdict = p.pred.root.eval(func(i int) truth { return mp.leaves[i] })
	mp.bySplit = p.byAccount && mp.named && mp.shape.Flags&segment.Split != 0 && !(mp.Known && mp.Position == event.PositionActor)
	if p.byAccount && mp.carrier {
		mp.verdict = no // decided by the fragment that has the subject
	}
	if p.ofSource != nil && !p.ofSource(mp.shape.Source) {
		mp.verdict = no
	}
}

// liftedAccount stands in the shape of an unmapped path for an id that fits the
// catalog's account pattern.
const liftedAccount = "{account}"

// subject tells whose data the rows of a shape are. A record that was decoded
// by an earlier catalog keeps the accounts that one found and where it found
// them; accounts that stood elsewhere are gone, and the read is unresolved
// unless the subject is the actor.
func (mp *meaningPlan) subject() {
	flags, m := mp.shape.Flags, &mp.Meaning
	has := func(f segment.Flags) bool { return flags&f != 0 }
	// An id lifted from an unmapped path stands in a second fragment, beside
	// the actor's, except that a member's own id stands in the actor's.
	unnamed := !has(segment.Mapped) && mp.shape.Position == event.PositionNone
	ownID := unnamed && has(segment.HomeIsActor) && !has(segment.Split) && strings.Contains(mp.shape.Route, liftedAccount)
	lifted := has(segment.Lifted) || ownID
	beside := unnamed && !lifted && has(segment.Split)
	switch {
	case !m.Known: // what the line says counts, though not as a read
		mp.named, mp.carrier = has(segment.Named) || lifted, beside
	case m.Position == event.PositionActor:
		mp.named = has(segment.HomeIsActor)
		mp.moved = !mp.named && mp.shape.ActorType == event.Member && (has(segment.Named) || has(segment.Lifted))
	case m.Position == event.PositionPath && unnamed:
		mp.named, mp.carrier = lifted, beside
	case m.Position == event.PositionNone:
	default:
		mp.named = has(segment.Named) && mp.shape.Position == m.Position
	}
	mp.listed = mp.named && m.Position == event.PositionList
	mp.anybody = mp.named || mp.moved || mp.carrier
}

// at gives the meaning in force at a moment.
func (s *meaningSet) at(t event.Millis) *meaningPlan {
	for i := range s.meanings {
		if m := &s.meanings[i]; m.From <= t && t < m.Until {
			return m
		}
	}
	return &s.meanings[len(s.meanings)-1]
}

// one gives the meaning in force for all of lo..hi, or nil.
func (s *meaningSet) one(lo, hi event.Millis) *meaningPlan {
	if m := s.at(lo); hi < m.Until {
		return m
	}
	return nil
}
