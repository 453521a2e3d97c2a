package catalog

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/haetae/haetae/event"
)

// A statement of a database reads tables, where a request asks for one path. Its
// route names them, with the columns that were read, since what an answer carries
// follows from those:
//
//	TABLE shop.public.members (email, name) by id
//	TABLE shop.public.members (*) + shop.public.orders (address) by member_id
//
// "by" stands where the statement itself names the accounts, and names the column
// that they stood in. A column or a table stays in it only if it is known to be a
// word, as a segment of a path does: the catalog names it, or the list of words.

//
// What it calls stands behind the tables, as something that answers on its own:
//
//	TABLE shop.public.members (name) by id + FUNCTION shop.address_of by 1
//	CALL shop.report
//
// and "by" has the place of the argument. A star behind it, FUNCTION shop.f (*), says
// that the log names the tables that were opened for it, and that they stand here.

// Routine says what a name in a statement is.
type Routine uint8

const (
	Table     Routine = iota // no routine
	Procedure                // a stored procedure that is called
	Function                 // a stored function that is used
	routineKinds
)

// methods begin their routes.
var methods = [routineKinds]string{"TABLE", "CALL", "FUNCTION"}

// tableMethod begins the routes of tables.
const tableMethod = "TABLE"

// usesOf tells what a route is of, and the name behind its first word. ok is false for
// one of requests.
func usesOf(route string) (kind Routine, name string, ok bool) {
	for kind, method := range methods {
		if name, ok := strings.CutPrefix(route, method+" "); ok && !strings.HasPrefix(name, "/") {
			return Routine(kind), name, true
		}
	}
	return 0, "", false
}

// TableUse is a table that a statement touches.
type TableUse struct {
	// Parts are the table's name: database, schema and table, or database and
	// table; of a routine too. What the statement does not say is empty.
	Parts   []string
	Routine Routine
	// Columns are those that were read, or All of them.
	Columns []string
	All     bool
	// Named are columns that the statement compares with values of its own: every
	// row of this table that was read has one of them.
	Named []NamedColumn
	// Beside: the statement touches it, and the record is not about it; whose columns
	// are whose it tells all the same.
	Beside bool
	// Hidden: the statement does not name it, so it was read through a view or a
	// function.
	Hidden bool
	// Written: the statement names it to be written, and what else reads it is Hidden.
	Written bool
}

// NamedColumn is a column whose value is in each of some sets.
type NamedColumn struct {
	Column string
	Sets   [][]string
}

// LooseColumn was read without saying of which table. It belongs to one of the
// first of these lists in which a table has such a column; they are indexes into
// Request.Tables.
type LooseColumn struct {
	Name   string
	Tables [][]int
}

// answerOf finds what the catalog says about a table at a moment.
func (c *Catalog) answerOf(kind Routine, parts []string, folds bool, at event.Millis) (*Route, *Answer) {
	var best *Route
	most, several := -1, false
	for _, r := range c.tables {
		n, ok := r.meets(parts, folds)
		if !ok || n < most || r.routine != kind {
			continue
		}
		best, several, most = r, n == most, n
	}
	if best == nil || several { // of which schema it is nobody knows
		return nil, nil
	}
	return best, best.answer(at)
}

// meets reports whether a table's name may be that of the route, and how much of
// it is said by both. A schema that is not known meets only a table of that name.
func (r *Route) meets(parts []string, folds bool) (literal int, ok bool) {
	if len(parts) != len(r.table) {
		return 0, false
	}
	last := len(parts) - 1
	for i, want := range r.table {
		switch got := parts[i]; {
		case want == "*" && (got != "" || i < last):
		case got == "" && i < last && r.table[last] != "*":
		case got == want || folds && strings.EqualFold(got, want):
			literal += 1 << i // the table before its schema, that before the database
		default:
			return 0, false
		}
	}
	return literal, true
}

// columnItems gives what a column of a table carries, and the name it is stored by.
func (a *Answer) columnItems(column string, folds bool) (name string, items ItemSet, declared bool) {
	if items, ok := a.columns[column]; ok {
		return column, items, true
	}
	if folds {
		for name, items := range a.columns {
			if strings.EqualFold(name, column) {
				return name, items, true
			}
		}
	}
	return column, a.Items, false
}

// allItems is what a whole row carries.
func (a *Answer) allItems() ItemSet {
	all := a.Items
	for _, items := range a.columns {
		all |= items
	}
	return all
}

// storedUse is a table as a stored route says it.
type storedUse struct {
	kind    Routine
	name    string
	columns []string // sorted; "*" for all of them
	by      string
}

// told: what a routine read is told by the tables beside it.
func (u *storedUse) told() bool { return u.kind != Table && len(u.columns) > 0 }

// fillTables completes a record of a statement.
func (c *Catalog) fillTables(rec *event.Record, req *Request, s *scratch) {
	type found struct {
		route  *Route
		answer *Answer
		use    storedUse
		items  ItemSet
		named  bool
	}
	tables := make([]found, len(req.Tables))
	rec.Subjects = rec.Subjects[:0]
	for i := range req.Tables {
		f := &tables[i]
		f.use.kind = req.Tables[i].Routine
		f.route, f.answer = c.answerOf(f.use.kind, req.Tables[i].Parts, req.Folds, rec.Time)
		f.use.name = c.shapeOfTable(req.Tables[i].Parts)
		if f.route != nil {
			_, f.use.name, _ = usesOf(f.route.Name)
		}
		if f.use.kind != Table && f.answer != nil {
			f.items = f.answer.Items
		}
	}
	covered := func(i int) bool {
		return req.Tables[i].Hidden && tables[i].route != nil && slices.ContainsFunc(tables, func(f found) bool {
			return f.answer != nil && slices.Contains(f.answer.over, tables[i].route.Name)
		})
	}
	// What a routine read is told where all tables were opened for routines: none that
	// it also read is taken for one of the statement's own.
	told := false
	for i := range req.Tables {
		if req.Tables[i].Routine == Table && !req.Tables[i].Written {
			if told = req.Tables[i].Hidden && !covered(i); !told {
				break
			}
		}
	}
	mapped := true
	for i := range tables {
		f := &tables[i]
		if f.use.kind != Table && told {
			f.use.columns = []string{"*"}
		}
		mapped = mapped && (f.answer != nil || req.Tables[i].Beside || f.use.kind != Table && told)
	}
	read := func(i int, column string) {
		f := &tables[i]
		declared := false
		if f.answer != nil {
			var items ItemSet
			column, items, declared = f.answer.columnItems(column, req.Folds)
			f.items |= items
		}
		if !declared && !c.words[column] && !keptWord(column, false) {
			column = liftedWord
		}
		f.use.columns = append(f.use.columns, column)
	}
	for i := range req.Tables {
		if covered(i) {
			continue // the view has a record of its own, which says what was read
		}
		if req.Tables[i].All {
			tables[i].use.columns = append(tables[i].use.columns, "*")
			if tables[i].answer != nil {
				tables[i].items |= tables[i].answer.allItems()
			}
		}
		for _, column := range req.Tables[i].Columns {
			read(i, column)
		}
	}
	for _, l := range req.Loose {
		var owners []int
		for _, level := range l.Tables {
			for _, i := range level {
				if a := tables[i].answer; a != nil {
					if _, _, ok := a.columnItems(l.Name, req.Folds); ok {
						owners = append(owners, i)
					}
				}
			}
			if owners != nil {
				break
			}
		}
		if owners == nil { // any of them may have it
			owners = slices.Concat(l.Tables...)
		}
		for _, i := range owners {
			read(i, l.Name)
		}
	}
	rec.Mapped, rec.Action = mapped, req.Does
	if mapped {
		// Where the answer shows some tables and only tests others, it is about the
		// accounts of those it shows.
		shows := false
		for i := range tables {
			shows = shows || tables[i].items != 0 && !req.Tables[i].Beside
		}
		resolved := true
		for i := range tables {
			f := &tables[i]
			if req.Tables[i].Beside || shows && f.items == 0 {
				continue
			}
			if f.answer == nil { // a routine whose tables stand beside it
				continue
			}
			before := len(rec.Subjects)
			f.named = c.addNamed(rec, f.answer, req.Tables[i].Named, req.Folds)
			if f.named {
				f.use.by = f.answer.Name
			} else {
				rec.Subjects = rec.Subjects[:before]
			}
			resolved = resolved && (f.named || !shows)
		}
		if !resolved {
			rec.Subjects = rec.Subjects[:0]
		}
		for i := range tables {
			if a := tables[i].answer; a != nil && a.acts && !req.Tables[i].Beside {
				rec.Action = a.Action
			}
			if len(rec.Subjects) == 0 {
				tables[i].use.by = ""
			}
		}
		s.finish(rec)
		if len(rec.Subjects) > 0 {
			rec.Position = event.PositionColumn
		}
	}
	uses := make([]storedUse, 0, len(tables))
	for i := range tables {
		if !req.Tables[i].Beside {
			uses = append(uses, tables[i].use)
		}
	}
	rec.Route = c.uses.name(uses)
}

// addNamed adds the accounts that the statement names for a table. It reports
// whether they are all whose rows it can have read.
func (c *Catalog) addNamed(rec *event.Record, a *Answer, named []NamedColumn, folds bool) bool {
	if a.Name == "" {
		return false
	}
	var accounts []string
	found := false
	for _, n := range named {
		if n.Column != a.Name && !(folds && strings.EqualFold(n.Column, a.Name)) {
			continue
		}
		for _, set := range n.Sets {
			ids, ok := c.accountValues(set, folds)
			switch {
			case !ok:
			case !found:
				accounts, found = ids, true
			default:
				accounts = slices.DeleteFunc(accounts, func(id string) bool { return !slices.Contains(ids, id) })
			}
		}
	}
	for _, id := range accounts {
		rec.Subjects = append(rec.Subjects, event.AccountID(id))
	}
	return found && len(accounts) > 0
}

func (c *Catalog) accountValues(set []string, folds bool) ([]string, bool) {
	ids := make([]string, 0, len(set))
	for _, v := range set {
		id, ok := c.accountValue(v, folds)
		if !ok {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// shapeOfTable is what is stored of the name of a table that the catalog does not
// describe.
func (c *Catalog) shapeOfTable(parts []string) string {
	kept := make([]string, len(parts))
	for i, p := range parts {
		switch {
		case p == "":
			kept[i] = liftedID
		case p != "" && !strings.ContainsAny(p, tableMarks) && (c.words[p] || keptWord(p, false)):
			kept[i] = p
		default:
			kept[i] = liftedWord
		}
	}
	return strings.Join(kept, ".")
}

// tableMarks separate what a stored route of tables is made of.
const tableMarks = ".,()+* "

// tableUses bounds how many different routes statements make: whoever writes
// statements chooses which columns to read, and could fill the table of shapes.
type tableUses struct {
	mu    sync.Mutex
	known map[string]string
}

// maxTableUses is far more than the statements of programs make.
const maxTableUses = 10_000

// name writes a route. When there are too many, the columns of a further one are
// no longer told apart: it counts as a read of all of them.
func (u *tableUses) name(uses []storedUse) string {
	uses = unite(uses)
	name := writeUses(uses)
	u.mu.Lock()
	defer u.mu.Unlock()
	if known, ok := u.known[name]; ok {
		return known
	}
	if len(u.known) >= maxTableUses {
		for i := range uses {
			if len(uses[i].columns) > 0 {
				uses[i].columns = []string{"*"}
			}
		}
		return writeUses(uses)
	}
	u.known[name] = name
	return name
}

// unite makes one use of those of one table, and sorts them. The accounts are named
// only if they are for each.
func unite(uses []storedUse) []storedUse {
	slices.SortStableFunc(uses, func(a, b storedUse) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
	})
	out := uses[:0]
	for _, u := range uses {
		if n := len(out); n > 0 && out[n-1].name == u.name && out[n-1].kind == u.kind {
			last := &out[n-1]
			switch {
			case u.kind != Table && last.by != u.by:
				last.by = ""
			case len(u.columns) == 0 && u.by == "": // shows nothing
			case len(last.columns) == 0 && last.by == "":
				last.by = u.by
			case last.by != u.by:
				last.by = ""
			}
			last.columns = append(last.columns, u.columns...)
			continue
		}
		out = append(out, u)
	}
	for i := range out {
		u := &out[i]
		slices.Sort(u.columns)
		if u.columns = slices.Compact(u.columns); slices.Contains(u.columns, "*") {
			u.columns = []string{"*"}
		}
	}
	return out
}

func writeUses(uses []storedUse) string {
	var b strings.Builder
	for i, u := range uses {
		if i > 0 {
			b.WriteString(" + ")
		}
		if i == 0 || u.kind != Table {
			b.WriteString(methods[u.kind] + " ")
		}
		b.WriteString(u.name)
		if len(u.columns) > 0 {
			b.WriteString(" (" + strings.Join(u.columns, ", ") + ")")
		}
		if u.by != "" {
			b.WriteString(" by " + u.by)
		}
	}
	return b.String()
}

// readUses is the inverse of writeUses.
func readUses(route string) (uses []storedUse, ok bool) {
	if _, _, ok := usesOf(route); !ok {
		return nil, false
	}
	for part := range strings.SplitSeq(route, " + ") {
		var u storedUse
		if kind, name, ok := usesOf(part); ok {
			u.kind, part = kind, name
		}
		part, u.by, _ = strings.Cut(part, " by ")
		if name, columns, ok := strings.Cut(part, " ("); ok {
			part, u.columns = name, strings.Split(strings.TrimSuffix(columns, ")"), ", ")
		}
		u.name = part
		uses = append(uses, u)
	}
	return uses, true
}

// meaningOfTables is Meaning for a stored route of tables.
func (c *Catalog) meaningOfTables(route string, uses []storedUse, mapped bool, at event.Millis) Meaning {
	m := Meaning{Known: true, Route: route, From: Always, Until: Never, Success: defaultSuccess(), Action: event.ActionRead}
	resolved, by := true, false
	for _, u := range uses {
		r := c.byName[methods[u.kind]+" "+u.name]
		if r == nil {
			parts := strings.Split(u.name, ".")
			for i := range parts {
				if parts[i] == liftedID {
					parts[i] = ""
				}
			}
			if r, _ = c.answerOf(u.kind, parts, false, at); r == nil {
				m.Known = m.Known && u.told()
				continue
			}
		}
		a := r.answer(at)
		if a == nil && u.told() {
			r.narrow(&m, at)
			continue
		}
		if a == nil {
			m.Known = false
			r.narrow(&m, at)
			continue
		}
		m.From, m.Until = max(m.From, a.From), min(m.Until, a.Until)
		items := ItemSet(0)
		for _, column := range u.columns {
			if u.kind != Table {
				break
			}
			if column == "*" {
				items |= a.allItems()
				continue
			}
			_, is, _ := a.columnItems(column, false)
			items |= is
		}
		if u.kind != Table {
			items = a.Items
		}
		m.Items |= items
		m.Behind = m.Behind || items != 0 && a.Behind
		if a.acts {
			m.Action = a.Action
		}
		if m.Note == "" {
			m.Note = a.Note
		}
		named := u.by != "" && u.by == a.Name
		by = by || named
		resolved = resolved && (named || items == 0)
	}
	if !m.Known {
		return Meaning{From: m.From, Until: m.Until}
	}
	if by && resolved {
		m.Position = event.PositionColumn
	}
	m.Personal = m.Items != 0
	m.Added = !mapped && m.Personal
	return m
}

// narrow bounds a meaning by the answers around a moment at which a route has none.
func (r *Route) narrow(m *Meaning, at event.Millis) {
	for i := range r.Answers {
		if b := &r.Answers[i]; b.Until <= at {
			m.From = max(m.From, b.Until)
		} else if b.From > at {
			m.Until = min(m.Until, b.From)
		}
	}
}
