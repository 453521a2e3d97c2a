package statement

import "slices"

// Analysis is what a statement reads and writes. It is shared: nobody writes to it.
type Analysis struct {
	Kind   Kind
	Tables []Use
	Loose  []Loose
	// Queried: what an Export writes is the answer of a query, and no table.
	Queried bool
	// Params is the highest number of a bound value.
	Params int
	Calls  []Call
}

// Use is a table in a statement.
type Use struct {
	Name    []string
	Target  bool // it is written
	Columns []string
	All     bool
	Named   []Named
}

// Named is a column that has one of some values in every row that was read.
type Named struct {
	Column string
	Sets   [][]Value
}

// Loose is a column of which the statement does not say whose it is; see
// catalog.LooseColumn.
type Loose struct {
	Name   string
	Tables [][]int
}

// Bounds of what is looked at. Statements that people and programs write are far
// from them; one beyond is not understood, and what it reads is unresolved.
const (
	maxSteps  = 200_000
	maxTables = 200
	maxValues = 10_000
	maxDepth  = 200
)

type tooMuch struct{}

// Analyse gives what a statement reads; ok is false if it is beyond all bounds.
func Analyse(s *Statement) (a *Analysis, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(tooMuch); !is {
				panic(r)
			}
			a, ok = nil, false
		}
	}()
	w := &work{}
	root := &node{}
	w.statement(s, root, nil)
	w.name()
	return &Analysis{Kind: s.Kind, Queried: s.Kind == Export && s.Query != nil, Tables: w.uses(), Loose: w.loose, Params: w.params, Calls: s.Calls}, true
}

// node is a part of a statement whose conditions every row from below it fulfils.
type node struct {
	up    *node
	conds []cond
}

func (n *node) below() *node { return &node{up: n} }

type cond struct {
	expr *Expr
	in   *scope
	// Of a USING: two columns that are equal.
	a, b column
}

// column is a column of a table, or one of which only the scope is known.
type column struct {
	rel  *relation
	in   *scope
	name string
}

func (c column) known() bool { return c.rel != nil || c.in != nil }

// relation is something in a FROM.
type relation struct {
	alias  string
	table  []string // of a table; else it is
	out    *result  // the answer of a query
	names  []string // new names of columns
	at     *node
	number int // of a table
	target bool

	columns map[string]bool
	all     bool
	named   []Named
}

// result is a query, or a statement that returns rows, that was placed.
type result struct {
	scope  *scope
	out    []Output
	arms   []*result
	opaque bool
	seen   []bool // outputs that were walked
	values int    // how many columns a list of values has
}

// scope is where names are looked up.
type scope struct {
	up      *scope
	rels    []*relation
	tables  *tables
	aliases map[string]bool // of what is selected: ORDER BY may mean them
	ordered bool            // now in ORDER BY
	place   *node           // what holds for the rows of which something is selected
}

// tables are the common tables that can be seen.
type tables struct {
	up     *tables
	name   string
	cte    *CTE
	in     *scope // where it was written
	seen   *tables
	placed *relation // of one that writes
	open   bool      // it is being placed: it means itself
}

func (t *tables) find(name string) *tables {
	for ; t != nil; t = t.up {
		if t.name == name {
			return t
		}
	}
	return nil
}

type work struct {
	rels   []*relation // the tables
	loose  []Loose
	params int
	steps  int
	depth  int
	skip   *relation // a table whose columns are not read just now
}

func (w *work) step() {
	if w.steps++; w.steps > maxSteps {
		panic(tooMuch{})
	}
}

func (w *work) enter() func() {
	if w.depth++; w.depth > maxDepth {
		panic(tooMuch{})
	}
	return func() { w.depth-- }
}

// statement places a statement. Its answer is shown.
func (w *work) statement(s *Statement, at *node, t *tables) {
	defer w.enter()()
	switch s.Kind {
	case Select, Create:
		if s.Query != nil {
			w.show(w.query(s.Query, at, nil, t))
		}
	case Export:
		if s.Query != nil {
			w.show(w.query(s.Query, at, nil, t))
		} else if s.Target != nil {
			r := w.table(s.Target, at)
			if s.Columns == nil {
				r.all = true
			}
			for _, c := range s.Columns {
				r.columns[c] = true
			}
		}
	case Load:
		if s.Target != nil {
			w.table(s.Target, at).target = true
		}
	case Insert, Update, Delete, Merge:
		w.show(w.write(s, at, t))
	case Declare:
		if s.Inner != nil {
			w.statement(s.Inner, at, t)
		}
	case Prepare:
		// What runs it later is logged by this text.
		if s.Inner != nil {
			w.statement(s.Inner, at, t)
		}
	}
}

// write places a statement that writes, and gives what it returns.
func (w *work) write(s *Statement, at *node, t *tables) *result {
	at = at.below()
	sc := &scope{}
	sc.tables = w.common(s.With, s.Recursive, t, sc)
	var target *relation
	if s.Target != nil {
		target = w.table(s.Target, at)
		target.target = true
		sc.rels = append(sc.rels, target)
	}
	if s.Query != nil {
		w.inserted(s, target, at, sc)
	}
	for _, f := range s.From {
		w.source(f, at, sc)
	}
	if !s.Elsewhere {
		was := w.skip
		if len(s.Returning) == 0 { // nobody sees which rows they were
			w.skip = target
		}
		w.conditions(s.Where, at, sc)
		w.skip = was
	}
	// What others are set to leaves a table; of the table itself it stays there.
	for _, e := range s.Set {
		w.moved(e, target, at, sc)
	}
	if s.Elsewhere {
		w.moved(s.Where, target, at, sc)
	}
	sc.place = at
	return &result{scope: sc, out: s.Returning, opaque: true, seen: make([]bool, len(s.Returning))}
}

// inserted places the rows of an INSERT.
func (w *work) inserted(s *Statement, target *relation, at *node, sc *scope) {
	rows := w.query(s.Query, at, nil, sc.tables)
	w.show(rows)
	if s.Elsewhere || target == nil || len(s.Query.Values) == 0 {
		return
	}
	for i, name := range s.Columns {
		var set []Value
		for _, row := range s.Query.Values {
			if i >= len(row) || row[i].Op != Literal || row[i].Value.Array {
				set = nil
				break
			}
			set = append(set, row[i].Value)
		}
		if set != nil && len(set) <= maxValues {
			target.named = append(target.named, Named{name, [][]Value{set}})
		}
	}
}

// moved walks an expression whose value goes into a table. What a table is changed
// to by its own columns stays where it is.
func (w *work) moved(e *Expr, target *relation, at *node, sc *scope) {
	if e == nil {
		return
	}
	was := w.skip
	w.skip = target
	w.read(e, sc, at)
	w.skip = was
}

// common makes the common tables of a statement known.
func (w *work) common(with []CTE, recursive bool, t *tables, sc *scope) *tables {
	first := t
	for i := range with {
		t = &tables{up: t, name: with[i].Name, cte: &with[i], in: sc}
	}
	for e := t; e != first; e = e.up {
		// A later one is seen by earlier ones only where they are recursive.
		if e.seen = e.up; recursive {
			e.seen = t
		}
	}
	for e := t; e != first; e = e.up {
		if e.cte.Write != nil { // it runs, whether it is used or not
			e.placed = &relation{alias: e.name, out: w.write(e.cte.Write, &node{}, e.seen), names: e.cte.Columns}
		}
	}
	return t
}

// query places a query: its tables below at, so that what is known there holds for
// them. outer is where a name is looked up that it does not know.
func (w *work) query(q *Query, at *node, outer *scope, t *tables) *result {
	defer w.enter()()
	w.step()
	sc := &scope{up: outer, aliases: make(map[string]bool)}
	sc.tables = w.common(q.With, q.Recursive, t, sc)
	at = at.below()
	res := &result{scope: sc, out: q.Out, opaque: q.Opaque}
	if len(q.Arms) > 0 {
		res.opaque = true
		for _, arm := range q.Arms {
			res.arms = append(res.arms, w.query(arm, at, outer, sc.tables))
		}
		return res
	}
	for _, f := range q.From {
		w.source(f, at, sc)
	}
	for i := range q.Out {
		if o := &q.Out[i]; o.Name != "" && !(o.Expr.Op == Column && o.Expr.Name[len(o.Expr.Name)-1] == o.Name) {
			sc.aliases[o.Name] = true
		}
	}
	w.conditions(q.Where, at, sc)
	sc.ordered = true
	for _, e := range q.Rest {
		w.read(e, sc, nil)
	}
	sc.ordered = false
	for _, row := range q.Values {
		res.values = max(res.values, len(row))
		for _, e := range row {
			w.read(e, sc, at)
		}
	}
	res.seen = make([]bool, len(q.Out))
	sc.place = at
	return res
}

// source places one thing of a FROM.
func (w *work) source(f *Source, at *node, sc *scope) {
	defer w.enter()()
	w.step()
	switch {
	case f.Join != nil:
		w.join(f, at, sc)
	case f.Query != nil:
		outer := sc.up
		if f.Lateral {
			outer = sc
		}
		sc.rels = append(sc.rels, &relation{alias: f.Alias, out: w.query(f.Query, at, outer, sc.tables), names: f.Columns})
	case len(f.Name) > 0:
		if len(f.Name) == 1 || onlyLast(f.Name) {
			if t := sc.tables.find(f.Name[len(f.Name)-1]); t != nil {
				sc.rels = append(sc.rels, w.commonTable(t, f, at))
				return
			}
		}
		sc.rels = append(sc.rels, w.table(f, at))
	default:
		for _, e := range f.Args {
			w.read(e, sc, at)
		}
		sc.rels = append(sc.rels, &relation{alias: f.Alias, names: f.Columns})
	}
}

func onlyLast(name []string) bool {
	for _, n := range name[:len(name)-1] {
		if n != "" {
			return false
		}
	}
	return true
}

// commonTable places a common table where it is used.
func (w *work) commonTable(t *tables, f *Source, at *node) *relation {
	alias := f.Alias
	if alias == "" {
		alias = t.name
	}
	r := &relation{alias: alias, names: f.Columns}
	if r.names == nil {
		r.names = t.cte.Columns
	}
	switch {
	case t.cte.Write != nil:
		if t.placed != nil {
			r.out = t.placed.out
		}
	case t.cte.Query != nil && !t.open:
		t.open = true
		r.out = w.query(t.cte.Query, at, t.in.up, t.seen)
		t.open = false
	}
	return r
}

func (w *work) table(f *Source, at *node) *relation {
	if len(w.rels) == maxTables {
		panic(tooMuch{})
	}
	alias := f.Alias
	if alias == "" {
		alias = f.Name[len(f.Name)-1]
	}
	r := &relation{alias: alias, table: f.Name, names: f.Columns, at: at, number: len(w.rels), columns: make(map[string]bool)}
	w.rels = append(w.rels, r)
	return r
}

func (w *work) join(f *Source, at *node, sc *scope) {
	j := f.Join
	left, right := at, at
	holds := at // where the condition of the join holds
	switch j.Kind {
	case Left:
		right = at.below()
		holds = right
	case Right:
		left = at.below()
		holds = left
	case Full:
		left, right, holds = at.below(), at.below(), nil
	}
	from := len(sc.rels)
	w.source(j.Left, left, sc)
	middle := len(sc.rels)
	w.source(j.Right, right, sc)
	if holds == nil {
		holds = &node{} // of nobody
	}
	w.conditions(j.On, holds, sc)
	for _, name := range j.Using {
		for _, a := range sc.rels[from:middle] {
			for _, b := range sc.rels[middle:] {
				holds.conds = append(holds.conds, cond{a: w.follow(a, name), b: w.follow(b, name)})
			}
		}
	}
	if f.Alias != "" { // (a JOIN b) AS x hides them
		rels := slices.Clone(sc.rels[from:])
		sc.rels = append(sc.rels[:from], &relation{alias: f.Alias, names: f.Columns,
			out: &result{scope: &scope{up: sc.up, rels: rels, tables: sc.tables}, out: []Output{{Expr: &Expr{Op: Star}}}, seen: make([]bool, 1)}})
	}
}
