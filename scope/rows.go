package scope

import (
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// rowState is a row whose predicate its group does not decide.
type rowState struct {
	sp      *segmentPlan
	m       *meaningPlan
	session uint32
	time    event.Millis
	rows    int32
	account dictionary.Ref
	has     bool // it has an account that the record names
	facts   facts
	err     error
}

// eachRow evaluates row by row what the group left open.
func (w *worker) eachRow(sp *segmentPlan, pt *segment.Partition, g int, sh *shapePlan, only *meaningPlan, member bool) error {
	if err := w.loadSessions(pt); err != nil {
		return err
	}
	if err := pt.Details(g, w.homes, &w.details, false); err != nil {
		return err
	}
	w.t.stats.RowsDecided += int64(len(w.homes))
	d, ss := &w.details, w.sessions
	flags := sh.shape.Flags
	r := &w.row
	r.sp = sp
	var table []truth
	var rest *leaf
	if w.rest >= 0 {
		if rest = w.pred.leaves[w.rest]; rest.timeOp == "" {
			table = w.table(sp, w.rest)
		}
	}
	defer w.tell()
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
		r.account, r.has = dictionary.MakeRef(byte(w.part), l), m.named && l != noAccount
		if m.moved {
			r.account, r.has = ss.Actor[s], ss.HasActor[s]
		}
		switch {
		case m.verdict == yes:
		case table != nil:
			if !w.restIs[table[s]] {
				continue
			}
		case rest != nil:
			if !w.restIs[of(rest.when(at))] {
				continue
			}
		default:
			r.m, r.session, r.time, r.rows = m, s, at, d.Rows[i]
			if w.byRows && flags&segment.Split != 0 && flags&segment.Primary == 0 {
				r.rows = event.RowsUnknown
				if n, ok := w.rowsOf[keyOf(&sh.shape, at, d.Record[i])]; ok {
					r.rows = n
				}
			}
			ok, err := w.decideRow(r)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
		}
		if err := w.found(sp, sh, m, s, l, i, member); err != nil {
			return err
		}
	}
	return nil
}

// found counts a row that matches.
func (w *worker) found(sp *segmentPlan, sh *shapePlan, m *meaningPlan, s, home uint32, i int, member bool) error {
	d, ss, r, flags := &w.details, w.sessions, &w.row, sh.shape.Flags
	at := d.Time[i]
	e := w.editions(at)
	shown := m.read && r.has
	if w.pass == passMoved {
		return w.gatherMoved(sp, m, s, at, class{0, m.Items, m.Behind, member, e.register, e.holdings}, shown)
	}
	if w.pass == passGroups {
		name, err := w.nameOfRow(sp, m, s, at)
		switch {
		case err != nil:
			return err
		case m.bySplit:
			w.foundSplit(name, keyOf(&sh.shape, at, d.Record[i]), home)
		case flags&segment.Primary != 0:
			w.foundGroup(name, 1)
		}
		return nil
	}
	groups := [2]int32{}
	lines := groups[:1]
	if w.by != nil {
		g, err := w.groupOfRow(sp, m, s, at)
		if err != nil {
			return err
		}
		groups[1], lines = g, groups[:2]
	}
	w.t.first, w.t.last = min(w.t.first, at), max(w.t.last, at)
	w.t.malformed = w.t.malformed || flags&segment.Malformed != 0
	actor := member && ss.HasActor[s]
	w.uses(e, actor || shown, shown)
	for _, g := range lines {
		switch {
		case m.bySplit:
			k := splitKey{keyOf(&sh.shape, at, d.Record[i]), g}
			w.splits[splitHome{k, home}]++
			if w.splitMeaning == nil {
				w.splitMeaning = map[splitKey]*meaningPlan{}
			}
			w.splitMeaning[k] = m
		case flags&segment.Primary != 0:
			rows := returned{told: int64(max(0, d.Rows[i]))}
			if d.Rows[i] < 0 {
				rows.untold = 1
			}
			w.t.counts[g].record(m, 1, rows, r.has || m.anybody && !m.moved)
			if g == 0 {
				if m.read && m.listed {
					w.t.partlyNamed(1, d.Rows[i], w.namedIn(sh, at, d.Record[i]))
				}
				if w.pending != m {
					w.tell()
				}
				w.pending = m
				w.pendingN++
			}
		}
		own := actor && ss.Actor[s] == dictionary.MakeRef(byte(w.part), home)
		if shown && !m.moved {
			w.set(class{g, m.Items, m.Behind, own, e.register, e.holdings}).add(home)
			if own {
				continue
			}
		}
		if actor && e.register >= 0 {
			if ref := ss.Actor[s]; ref.Part() == w.part {
				w.ownSet(g, e.register).add(ref.Local())
			} else {
				w.t.actors[actorKey{g, ref, e.register}] = struct{}{}
			}
		}
	}
	return nil
}

// tell counts by route what was counted row by row.
func (w *worker) tell() {
	if w.pendingN > 0 {
		w.t.whole(w.pending, w.pendingN)
	}
	w.pending, w.pendingN = nil, 0
}

func keyOf(sh *segment.Shape, at event.Millis, record uint32) recordKey {
	return recordKey{at, record, sh.Status, sh.Source, sh.Route}
}

// gatherRows notes how many rows the records of several fragments returned.
func (w *worker) gatherRows(sp *segmentPlan, pt *segment.Partition, g int) error {
	var err error
	if w.homes, err = pt.Homes(g, w.homes); err != nil {
		return err
	}
	if err := pt.Details(g, w.homes, &w.details, false); err != nil {
		return err
	}
	if w.rowsFound == nil {
		w.rowsFound = map[recordKey]int32{}
	}
	sh := &sp.shapes[pt.Groups()[g].Shape].shape
	for i, at := range w.details.Time {
		if at >= w.from && at < w.to {
			w.rowsFound[keyOf(sh, at, w.details.Record[i])] = w.details.Rows[i]
		}
	}
	return nil
}

// gatherMoved notes an account that is read where it does not live.
func (w *worker) gatherMoved(sp *segmentPlan, m *meaningPlan, s uint32, at event.Millis, c class, shown bool) error {
	if !m.moved || !shown {
		return nil
	}
	name := ""
	if w.by != nil {
		var err error
		if name, err = w.nameOfRow(sp, m, s, at); err != nil {
			return err
		}
	}
	if w.movedFound == nil {
		w.movedFound = map[movedAccount]struct{}{}
	}
	w.movedFound[movedAccount{name, c, w.row.account}] = struct{}{}
	return nil
}

func (w *worker) nameOfRow(sp *segmentPlan, m *meaningPlan, s uint32, at event.Millis) (string, error) {
	if w.by.ofShape != nil {
		return w.by.ofShape(m), nil
	}
	return w.by.label(w.view, sp, w.by.code(w.sessions, s, at))
}

func (w *worker) decideRow(r *rowState) (bool, error) {
	r.err = nil
	v := w.pred.root.eval(func(i int) truth { return w.leafOfRow(r, i) })
	if v == failed {
		return false, r.err
	}
	return v == yes, nil
}

type quarterLeaf struct {
	leaf int
	at   event.Millis
}

// ofQuarter evaluates a question about the hour, the weekday or the date once
// for every quarter of an hour.
func (w *worker) ofQuarter(r *rowState, i int) truth {
	k := quarterLeaf{i, quarterOf(r.time)}
	if v, ok := w.quarters[k]; ok {
		return v
	}
	v, err := w.pred.leaves[i].value(&r.facts)
	if err != nil {
		r.err = err
		return v
	}
	if len(w.quarters) >= maxCombos {
		clear(w.quarters)
	}
	if w.quarters == nil {
		w.quarters = map[quarterLeaf]truth{}
	}
	w.quarters[k] = v
	return v
}

// leafOfRow gives a leaf's value for a row.
func (w *worker) leafOfRow(r *rowState, i int) truth {
	if v := r.m.leaves[i]; v != unknown && v != failed {
		return v
	}
	l := w.pred.leaves[i]
	switch {
	case l.timeOp != "":
		return of(l.when(r.time))
	case l.pseudo == pseudoAccount:
		return of((r.has && slices.Contains(w.refs[i], r.account) || l.empty && !r.has) != l.negate)
	case l.pseudo != plain:
		return w.leafOfSession(r.sp, i, r.session)
	case l.levels == levelClient, l.levels == levelAgent:
		if v := w.leafOfSession(r.sp, i, r.session); v != failed {
			return v
		}
	}
	// Facts of several places, or of the row itself. Without those of the row
	// there are few combinations.
	f := &r.facts
	c, a := w.sessions.Client[r.session], w.sessions.Agent[r.session]
	*f = facts{r.m, &r.sp.clients[c], r.sp.agents[a], r.time, r.rows}
	k := combo{i, r.m, c, a}
	if l.quarters {
		return w.ofQuarter(r, i)
	}
	if l.levels&levelRow == 0 {
		if v, ok := w.combos[k]; ok {
			return v
		}
	}
	v, err := l.value(f)
	switch {
	case err != nil:
		r.err = err // the outcome may still not depend on it
	case l.levels&levelRow == 0:
		if len(w.combos) >= maxCombos {
			clear(w.combos)
		}
		if w.combos == nil {
			w.combos = map[combo]truth{}
		}
		w.combos[k] = v
	}
	return v
}
