package statement

import (
	"maps"
	"slices"
)

// resolve gives the column of a table that a name means, if it can be told.
func (w *work) resolve(name []string, sc *scope) column {
	w.step()
	last := name[len(name)-1]
	if len(name) > 1 {
		if rels := find(sc, name[len(name)-2]); len(rels) == 1 {
			return w.follow(rels[0], last)
		}
		return column{}
	}
	for ; sc != nil; sc = sc.up {
		var bases, owners []*relation
		other := false
		for _, r := range sc.rels {
			switch {
			case r.has(last):
				owners = append(owners, r)
			case r.table != nil:
				bases = append(bases, r)
			case r.out == nil || r.out.wide():
				other = true
			}
		}
		switch {
		case len(owners) > 0:
			return w.follow(owners[0], last)
		case len(sc.rels) == 1 && other:
			return w.follow(sc.rels[0], last)
		case len(bases) == 1 && !other:
			return column{rel: bases[0], name: last}
		case len(bases) > 0 || other:
			return column{in: sc, name: last}
		}
	}
	return column{}
}

// follow gives the column of a table that a column of a relation is.
func (w *work) follow(r *relation, name string) column {
	defer w.enter()()
	w.step()
	if r.table != nil {
		if slices.Contains(r.names, name) {
			return column{}
		}
		return column{rel: r, name: name}
	}
	if r.out == nil || r.out.opaque || len(r.out.arms) > 0 {
		return column{}
	}
	wide := r.out.wide()
	i := slices.Index(r.names, name)
	if i >= 0 && wide {
		return column{}
	}
	if i < 0 {
		i = r.out.index(name)
	}
	if i >= 0 && i < len(r.out.out) {
		if e := r.out.out[i].Expr; e.Op == Column {
			return w.resolve(e.Name, r.out.scope)
		}
		return column{}
	}
	if !wide || len(r.out.out) != 1 {
		return column{}
	}
	rels := w.starred(r.out.out[0].Expr.Name, r.out.scope)
	if len(rels) == 1 {
		return w.follow(rels[0], name)
	}
	return column{}
}

// fact is what a condition says: one column has one of some values, or two are
// equal.
type fact struct {
	a, b column
	set  []Value
}

// fact gives what a condition says; ok is false where it says nothing that helps.
func (w *work) fact(e *Expr, sc *scope) (f fact, ok bool) {
	defer w.enter()()
	w.step()
	switch e.Op {
	case Equal:
		a, b := e.Args[0], e.Args[1]
		if a.Op == Literal {
			a, b = b, a
		}
		if a.Op != Column {
			return fact{}, false
		}
		f.a = w.resolve(a.Name, sc)
		switch b.Op {
		case Literal:
			f.set = []Value{b.Value}
		case Column:
			f.b = w.resolve(b.Name, sc)
			return f, f.a.known() && f.b.known()
		default:
			return fact{}, false
		}
		return f, f.a.known()
	case In:
		if e.Args[0].Op != Column || len(e.Args) > maxValues {
			return fact{}, false
		}
		f.a = w.resolve(e.Args[0].Name, sc)
		for _, v := range e.Args[1:] {
			if v.Op != Literal || v.Value.Array {
				return fact{}, false
			}
			f.set = append(f.set, v.Value)
		}
		return f, f.a.known() && len(f.set) > 0
	case Or:
		for i, a := range e.Args {
			one, ok := w.fact(a, sc)
			if !ok || one.set == nil || i > 0 && one.a != f.a || len(f.set)+len(one.set) > maxValues {
				return fact{}, false
			}
			f.a = one.a
			f.set = slices.Concat(f.set, one.set)
		}
		return f, len(e.Args) > 0
	case And: // under an OR: any of them holds there
		for _, a := range e.Args {
			if one, ok := w.fact(a, sc); ok && one.set != nil {
				return one, true
			}
		}
	}
	return fact{}, false
}

// name finds, for each table, the columns whose values its rows can only have.
func (w *work) name() {
	facts := make(map[*node][]fact)
	for _, r := range w.rels {
		up := make(map[column]column)
		var root func(c column) column
		root = func(c column) column {
			for {
				p, ok := up[c]
				if !ok {
					return c
				}
				c = p
			}
		}
		var sets []fact
		seen := make(map[column]bool)
		for n := r.at; n != nil; n = n.up {
			known, ok := facts[n]
			if !ok {
				for _, c := range n.conds {
					if c.expr == nil {
						if c.a.known() && c.b.known() {
							known = append(known, fact{a: c.a, b: c.b})
						}
					} else if f, ok := w.fact(c.expr, c.in); ok {
						known = append(known, f)
					}
				}
				facts[n] = known
			}
			for _, f := range known {
				w.step()
				seen[f.a] = true
				if f.set != nil {
					sets = append(sets, f)
					continue
				}
				seen[f.b] = true
				if a, b := root(f.a), root(f.b); a != b {
					up[a] = b
				}
			}
		}
		if len(sets) == 0 {
			continue
		}
		by := make(map[string][][]Value)
		for c := range seen {
			if c.rel != r && !(c.in != nil && slices.Contains(c.in.rels, r)) {
				continue
			}
			for _, f := range sets {
				w.step()
				if root(f.a) == root(c) {
					by[c.name] = append(by[c.name], f.set)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(by)) {
			r.named = append(r.named, Named{name, by[name]})
		}
	}
}

// uses gives the tables.
func (w *work) uses() []Use {
	uses := make([]Use, len(w.rels))
	for i, r := range w.rels {
		uses[i] = Use{Name: r.table, Target: r.target, All: r.all, Named: r.named}
		if !r.all {
			uses[i].Columns = slices.Sorted(maps.Keys(r.columns))
		}
	}
	return uses
}
