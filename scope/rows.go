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
	other   bool // take the account for one that the predicate does not speak of
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
		r.m, r.session, r.time, r.rows = m, s, at, d.Rows[i]
		ok := true
		switch {
		case m.verdict == yes:
		case table != nil:
			ok = w.restIs[table[s]]
		case rest != nil:
			ok = w.restIs[of(rest.when(at))]
		default:
			var err error
			if ok, err = w.decideRow(r); err != nil {
				return err
			}
		}
		if w.only != nil {
			if _, is := w.only[movedKey{keyOf(sh.shape, d, i), dictionary.MakeRef(byte(w.part), l)}]; is && ok {
				w.t.counts[0].records++
			}
			continue
		}
		counted := countNot
		switch {
		case m.bySplit:
			counted = w.countSplit(r, flags, d.Record[i], ok)
		case ok && flags&segment.Primary != 0:
			counted = countHere
		}
		if !ok && counted == countNot {
			continue
		}
		if err := w.found(sp, sh, m, s, l, i, member, ok, counted); err != nil {
			return err
		}
	}
	return nil
}

// counted says which row a record is counted by.
type counted uint8

const (
	countNot    counted = iota // another one, or none
	countHere                  // this one
	countShared                // several may match, and are told to be one by their number
)

// countSplit decides by which of its fragments a record is counted, where they
// can differ in whether they match. They differ by their account alone, and only
// in whether that is one the predicate speaks of. So all fragments know of a
// record that matches by any other account whether it has one: then the primary
// one counts, even where its own account does not match. Where only one account
// is asked for, its fragment counts. What is left are records found by one of
// several accounts asked for, and records that name no account but those: they
// are kept until they can be told apart, which takes about 150 bytes for each.
func (w *worker) countSplit(r *rowState, flags segment.Flags, record uint64, ok bool) counted {
	others := ok
	if r.m.verdict != yes && slices.Contains(w.asked, r.account) {
		r.other = true
		others, _ = w.decideRow(r) // an error is told of by the fragment of such an account
		r.other = false
	}
	switch {
	case flags&segment.Lifted != 0: // the only one with an account
	case others && segment.Fragments(record) > len(w.asked):
		ok = flags&segment.Primary != 0
	case !others && len(w.asked) == 1:
	case ok:
		return countShared
	}
	if ok {
		return countHere
	}
	return countNot
}

// found takes a row in: itself if it matches, and its record if that is counted
// by it.
func (w *worker) found(sp *segmentPlan, sh *shapePlan, m *meaningPlan, s, home uint32, i int, member, matches bool, by counted) error {
	d, ss, r, flags := &w.details, w.sessions, &w.row, sh.shape.Flags
	at := d.Time[i]
	e := w.editions(at)
	shown := m.read && r.has && matches
	if w.pass == passMoved {
		return w.gatherMoved(sp, sh.shape, m, s, at, class{0, m.Items, m.Behind, member, e.register, e.holdings}, shown)
	}
	if w.pass == passGroups {
		if by == countNot {
			return nil
		}
		name, err := w.nameOfRow(sp, sh.shape, m, s, at)
		switch {
		case err != nil:
			return err
		case by == countShared:
			w.foundSplit(name, keyOf(sh.shape, d, i), home)
		default:
			w.foundGroup(name, 1)
		}
		return nil
	}
	groups := [2]int32{}
	lines := groups[:1]
	if w.by != nil {
		g, err := w.groupOfRow(sp, sh.shape, m, s, at)
		if err != nil {
			return err
		}
		groups[1], lines = g, groups[:2]
	}
	w.t.first, w.t.last = min(w.t.first, at), max(w.t.last, at)
	w.t.malformed = w.t.malformed || flags&segment.Malformed != 0
	actor := member && ss.HasActor[s] && matches
	w.uses(e, actor || shown, shown)
	for _, g := range lines {
		switch by {
		case countShared:
			k := splitKey{keyOf(sh.shape, d, i), g}
			w.splits[splitHome{k, home}]++
			if w.splitMeaning == nil {
				w.splitMeaning = map[splitKey]*meaningPlan{}
			}
			w.splitMeaning[k] = m
		case countHere:
			rows := returned{told: int64(max(0, d.Rows[i]))}
			if d.Rows[i] < 0 {
				rows.untold = 1
			}
			w.t.counts[g].record(m, 1, rows, m.bySplit || r.has || m.anybody && !m.moved)
			if g == 0 {
				if m.read && m.listed {
					w.t.partlyNamed(1, d.Rows[i], segment.Fragments(d.Record[i]))
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

// keyOf is the key of the record of a row.
func keyOf(sh *segment.Shape, d *segment.Details, i int) recordKey {
	return recordKey{d.Time[i], d.Record[i], d.Rows[i], sh.Edition, sh.Status, sh.Source, sh.Route}
}

// gatherMoved notes an account that is read where it does not live.
func (w *worker) gatherMoved(sp *segmentPlan, sh *segment.Shape, m *meaningPlan, s uint32, at event.Millis, c class, shown bool) error {
	if !m.moved || !shown {
		return nil
	}
	name := ""
	if w.by != nil {
		var err error
		if name, err = w.nameOfRow(sp, sh, m, s, at); err != nil {
			return err
		}
	}
	if w.movedFound == nil {
		w.movedFound = map[movedAccount]struct{}{}
	}
	w.movedFound[movedAccount{name, c, w.row.account}] = struct{}{}
	return nil
}

func (w *worker) nameOfRow(sp *segmentPlan, sh *segment.Shape, m *meaningPlan, s uint32, at event.Millis) (string, error) {
	if w.by.ofShape != nil {
		return w.by.ofShape(sh, m), nil
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
		return of((r.has && !r.other && slices.Contains(w.refs[i], r.account) || l.empty && !r.has) != l.negate)
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
