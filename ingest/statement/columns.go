package statement

import "slices"

// show walks everything that a query gives.
func (w *work) show(r *result) {
	if r == nil {
		return
	}
	for i := range r.out {
		w.output(r, i)
	}
	for _, arm := range r.arms {
		w.show(arm)
	}
}

// output walks one thing that is selected, once.
func (w *work) output(r *result, i int) {
	if r.seen[i] {
		return
	}
	r.seen[i] = true
	w.read(r.out[i].Expr, r.scope, r.scope.place)
}

// wide reports whether a query gives columns that it does not name.
func (r *result) wide() bool {
	if len(r.arms) > 0 {
		return slices.ContainsFunc(r.arms, (*result).wide)
	}
	return slices.ContainsFunc(r.out, func(o Output) bool { return o.Expr.Op == Star })
}

// index is which output of a query has a name; -1 if none has, or it gives columns
// that it does not name.
func (r *result) index(name string) int {
	if len(r.arms) > 0 {
		return r.arms[0].index(name)
	}
	return slices.IndexFunc(r.out, func(o Output) bool { return o.Name == name })
}

// has reports whether a relation is known to have a column of a name.
func (r *relation) has(name string) bool {
	return slices.Contains(r.names, name) || r.out != nil && r.out.index(name) >= 0
}

// mayHave reports whether it may, though it does not say so.
func (r *relation) mayHave() bool { return r.table != nil || r.out != nil && r.out.wide() }

// readOf marks a column of a relation.
func (w *work) readOf(r *relation, name string) {
	w.step()
	switch {
	case r == w.skip:
	case r.table != nil:
		if slices.Contains(r.names, name) { // which of its own that is nobody says
			r.all = true
			return
		}
		r.columns[name] = true
	case r.out == nil:
	case r.names != nil:
		i := slices.Index(r.names, name)
		if i < 0 {
			i = r.out.index(name)
		}
		if i < 0 || r.out.wide() {
			w.show(r.out)
			return
		}
		w.nth(r.out, i)
	default:
		w.named(r.out, name)
	}
}

// nth walks the output of a number, in all arms.
func (w *work) nth(r *result, i int) {
	for _, arm := range r.arms {
		w.nth(arm, i)
	}
	if i < len(r.out) {
		w.output(r, i)
	}
}

// named walks the output of a name.
func (w *work) named(r *result, name string) {
	defer w.enter()()
	i := r.index(name)
	switch {
	case len(r.arms) > 0 && (i < 0 || r.wide()):
		w.show(r)
	case i >= 0:
		w.nth(r, i)
	default:
		for _, o := range r.out {
			if o.Expr.Op == Star {
				if rels := w.starred(o.Expr.Name, r.scope); len(rels) > 0 {
					w.column([]string{name}, &scope{rels: rels, tables: r.scope.tables})
				}
			}
		}
	}
}

// starred are the relations that a star stands for.
func (w *work) starred(name []string, sc *scope) []*relation {
	if len(name) == 0 {
		return sc.rels
	}
	return find(sc, name[len(name)-1])
}

// find gives the relations of a name: there are several where they differ in what
// stands before it.
func find(sc *scope, alias string) []*relation {
	for ; sc != nil; sc = sc.up {
		var found []*relation
		for _, r := range sc.rels {
			if r.alias == alias {
				found = append(found, r)
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// whole marks everything of a relation.
func (w *work) whole(r *relation) {
	switch {
	case r == w.skip:
	case r.table != nil:
		r.all = true
	default:
		w.show(r.out)
	}
}

// column marks a column that is read.
func (w *work) column(name []string, sc *scope) {
	w.step()
	last := name[len(name)-1]
	if len(name) > 1 {
		if rels := find(sc, name[len(name)-2]); rels != nil {
			for _, r := range rels {
				w.readOf(r, last)
			}
		} else { // a field of a column, if not of what is unknown
			w.column(name[:1], sc)
		}
		return
	}
	if sc.ordered && sc.aliases[last] {
		return
	}
	var levels [][]int
	count := 0
	for s := sc; s != nil; s = s.up {
		var level []int
		found := false
		for _, r := range s.rels {
			if r.alias == last { // the whole row
				w.whole(r)
				found = true
			}
			if r.has(last) {
				w.readOf(r, last)
				found = true
			}
		}
		if found && count == 0 {
			return
		}
		for _, r := range s.rels {
			if r == w.skip {
				continue
			}
			if r.table != nil {
				level = append(level, r.number)
			} else if r.mayHave() {
				level = append(level, w.within(r.out)...)
			}
		}
		if len(level) > 0 {
			levels = append(levels, level)
			count += len(level)
		}
		if found {
			break
		}
	}
	if count == 1 {
		w.rels[levels[0][0]].columns[last] = true
	} else if count > 1 {
		w.loose = append(w.loose, Loose{last, levels})
	}
}

// within are the tables whose columns a star of a query gives.
func (w *work) within(r *result) []int {
	defer w.enter()()
	w.step()
	var out []int
	for _, o := range r.out {
		if o.Expr.Op != Star {
			continue
		}
		for _, rel := range w.starred(o.Expr.Name, r.scope) {
			if rel.table != nil {
				out = append(out, rel.number)
			} else if rel.out != nil {
				out = append(out, w.within(rel.out)...)
			}
		}
	}
	for _, arm := range r.arms {
		out = append(out, w.within(arm)...)
	}
	return out
}

// read walks an expression whose value is used. Queries in it stand below at.
func (w *work) read(e *Expr, sc *scope, at *node) {
	if e == nil {
		return
	}
	defer w.enter()()
	w.step()
	switch e.Op {
	case Column:
		w.column(e.Name, sc)
	case Star:
		for _, r := range w.starred(e.Name, sc) {
			w.whole(r)
		}
	case Literal:
		w.params = max(w.params, e.Value.Param)
	case Exists:
		w.inner(e.Query, sc, at)
	case InQuery, Subquery:
		for _, a := range e.Args {
			w.read(a, sc, at)
		}
		w.show(w.inner(e.Query, sc, at))
	default:
		for _, a := range e.Args {
			w.read(a, sc, at)
		}
	}
}

// inner places a query that stands in an expression.
func (w *work) inner(q *Query, sc *scope, at *node) *result {
	if at == nil {
		at = &node{}
	}
	return w.query(q, at, sc, sc.tables)
}

// conditions puts what stands under AND where it holds, and walks it.
func (w *work) conditions(e *Expr, at *node, sc *scope) {
	if e == nil {
		return
	}
	if e.Op == And {
		defer w.enter()()
		for _, a := range e.Args {
			w.conditions(a, at, sc)
		}
		return
	}
	at.conds = append(at.conds, cond{expr: e, in: sc})
	w.test(e, sc)
}

// test walks a condition. A column that is only tested for equality is not read.
func (w *work) test(e *Expr, sc *scope) {
	defer w.enter()()
	w.step()
	switch e.Op {
	case And, Or:
		for _, a := range e.Args {
			w.test(a, sc)
		}
	case Equal, In:
		for _, a := range e.Args {
			if a.Op != Column {
				w.read(a, sc, nil)
			}
		}
	case InQuery:
		for _, a := range e.Args {
			if a.Op != Column {
				w.read(a, sc, nil)
			}
		}
		w.tested(w.inner(e.Query, sc, nil))
	default:
		w.read(e, sc, nil)
	}
}

// tested walks what a query gives to be compared with.
func (w *work) tested(r *result) {
	for i := range r.out {
		if r.out[i].Expr.Op != Column {
			w.output(r, i)
		}
	}
	for _, arm := range r.arms {
		w.tested(arm)
	}
}
