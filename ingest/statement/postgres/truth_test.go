package postgres

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/ingest/statement"
)

// The property: whatever a statement answers, every row it read of a table has an
// account among those that the analysis names for that table. Statements are made at
// random, together with what they answer on a small database, worked out here row by
// row and not with anything of package statement.

// tuple is a row on its way: its values ("" is NULL), and for each table in the
// statement the accounts whose rows went into it.
type tuple struct {
	values []string
	who    []map[string]bool
}

// rowset is something in a FROM: SQL, columns, and rows.
type rowset struct {
	sql     string
	columns []string // qualified
	rows    []tuple
	merged  int // column that an unqualified id means, of a USING; -1
	other   int // the one it was merged with
}

var database = map[string][][2]string{ // id and a value
	"members": {{"1", "2"}, {"2", "1"}, {"3", "3"}, {"4", ""}},
	"orders":  {{"1", "3"}, {"1", "4"}, {"2", "2"}, {"4", "1"}, {"5", "5"}, {"", "2"}},
}

// maker makes statements.
type maker struct {
	*rand.Rand
	names  int
	tables []string // the tables so far, in their order
}

func (m *maker) name() string {
	m.names++
	return fmt.Sprintf("a%d", m.names)
}

func (m *maker) table() rowset {
	t := []string{"members", "orders"}[m.IntN(2)]
	a := m.name()
	n := len(m.tables)
	m.tables = append(m.tables, t)
	s := rowset{sql: t + " " + a, columns: []string{a + ".id", a + ".v"}, merged: -1}
	for _, r := range database[t] {
		who := make([]map[string]bool, n+1)
		who[n] = map[string]bool{r[0]: true}
		s.rows = append(s.rows, tuple{[]string{r[0], r[1]}, who})
	}
	return s
}

// unite puts two rows side by side; one of them may be missing.
func unite(a, b *tuple, na, nb int) tuple {
	var t tuple
	add := func(x *tuple, n int) {
		if x == nil {
			t.values = append(t.values, make([]string, n)...)
			return
		}
		t.values = append(t.values, x.values...)
		for i, w := range x.who {
			for len(t.who) <= i {
				t.who = append(t.who, nil)
			}
			if w != nil {
				t.who[i] = w
			}
		}
	}
	add(a, na)
	add(b, nb)
	return t
}

func (m *maker) source(depth int) rowset {
	switch k := m.IntN(10); {
	case depth <= 0 || k < 4:
		return m.table()
	case k < 6:
		return m.derived(depth - 1)
	}
	a, b := m.source(depth-1), m.source(depth-1)
	kind := []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"}[m.IntN(5)]
	s := rowset{columns: slices.Concat(a.columns, b.columns), merged: -1}
	on := condition{sql: "true", eval: func([]string) int { return 1 }}
	switch {
	case kind == "CROSS JOIN":
		s.sql = fmt.Sprintf("(%s %s %s)", a.sql, kind, b.sql)
	case len(a.columns) == 2 && len(b.columns) == 2 && strings.HasSuffix(a.columns[0], ".id") && strings.HasSuffix(b.columns[0], ".id") && m.IntN(2) == 0:
		s.sql = fmt.Sprintf("(%s %s %s USING (id))", a.sql, kind, b.sql)
		on.eval = func(v []string) int { return equal(v[0], v[2]) }
		if s.merged, s.other = 0, 2; kind == "RIGHT JOIN" {
			s.merged, s.other = 2, 0
		}
	default:
		on = m.condition(s.columns, -1, -1, 2)
		s.sql = fmt.Sprintf("(%s %s %s ON %s)", a.sql, kind, b.sql, on.sql)
	}
	matched := make([]bool, len(b.rows))
	for i := range a.rows {
		found := false
		for j := range b.rows {
			t := unite(&a.rows[i], &b.rows[j], len(a.columns), len(b.columns))
			if on.eval(t.values) == 1 {
				found, matched[j] = true, true
				s.rows = append(s.rows, t)
			}
		}
		if !found && (kind == "LEFT JOIN" || kind == "FULL JOIN") {
			s.rows = append(s.rows, unite(&a.rows[i], nil, len(a.columns), len(b.columns)))
		}
	}
	for j := range b.rows {
		if !matched[j] && (kind == "RIGHT JOIN" || kind == "FULL JOIN") {
			s.rows = append(s.rows, unite(nil, &b.rows[j], len(a.columns), len(b.columns)))
		}
	}
	return s
}

// query makes a SELECT. Its columns are called c0, c1, …
func (m *maker) query(depth int) (s rowset) {
	from := m.source(depth)
	where := m.condition(from.columns, from.merged, from.other, 3)
	var rows []tuple
	for _, r := range from.rows {
		if where.eval(r.values) == 1 {
			rows = append(rows, r)
		}
	}
	if m.IntN(4) == 0 { // grouped
		i, j := m.IntN(len(from.columns)), m.IntN(len(from.columns))
		groups := make(map[string]*tuple)
		var order []string
		for _, r := range rows {
			g := groups[r.values[i]]
			if g == nil {
				g = &tuple{values: []string{r.values[i], r.values[j]}}
				groups[r.values[i]] = g
				order = append(order, r.values[i])
			}
			g.values[1] = max(g.values[1], r.values[j])
			for n, w := range r.who {
				for len(g.who) <= n {
					g.who = append(g.who, nil)
				}
				for id := range w {
					if g.who[n] == nil {
						g.who[n] = make(map[string]bool)
					}
					g.who[n][id] = true
				}
			}
		}
		s.sql = fmt.Sprintf("SELECT %s AS c0, max(%s) AS c1 FROM %s WHERE %s GROUP BY %s", from.columns[i], from.columns[j], from.sql, where.sql, from.columns[i])
		s.columns = []string{"c0", "c1"}
		for _, k := range order {
			s.rows = append(s.rows, *groups[k])
		}
		return s
	}
	var list []string
	var picked []int
	for n := range m.IntN(3) + 1 {
		i := m.IntN(len(from.columns))
		list = append(list, fmt.Sprintf("%s AS c%d", from.columns[i], n))
		picked = append(picked, i)
		s.columns = append(s.columns, fmt.Sprintf("c%d", n))
	}
	for _, r := range rows {
		t := tuple{who: r.who}
		for _, i := range picked {
			t.values = append(t.values, r.values[i])
		}
		s.rows = append(s.rows, t)
	}
	s.sql = fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(list, ", "), from.sql, where.sql)
	return s
}

func (m *maker) derived(depth int) rowset {
	q := m.query(depth)
	a := m.name()
	s := rowset{sql: "(" + q.sql + ") " + a, rows: q.rows, merged: -1}
	for _, c := range q.columns {
		s.columns = append(s.columns, a+"."+c)
	}
	return s
}

// condition is SQL and what it gives: 1 true, 0 false, -1 unknown.
type condition struct {
	sql  string
	eval func(v []string) int
}

func equal(a, b string) int {
	switch {
	case a == "" || b == "":
		return -1
	case a == b:
		return 1
	}
	return 0
}

func (m *maker) condition(columns []string, merged, other, depth int) condition {
	i := m.IntN(len(columns))
	name := columns[i]
	at := func(v []string) string { return v[i] }
	if merged >= 0 && m.IntN(3) == 0 {
		name = "id"
		at = func(v []string) string {
			if v[merged] == "" {
				return v[other]
			}
			return v[merged]
		}
	}
	value := func() string { return fmt.Sprint(m.IntN(5) + 1) }
	if depth > 0 && m.IntN(2) == 0 {
		a, b := m.condition(columns, merged, other, depth-1), m.condition(columns, merged, other, depth-1)
		switch m.IntN(5) {
		case 0:
			return condition{"NOT (" + a.sql + ")", func(v []string) int {
				if x := a.eval(v); x >= 0 {
					return 1 - x
				}
				return -1
			}}
		case 1:
			return condition{"(" + a.sql + " OR " + b.sql + ")", func(v []string) int {
				x, y := a.eval(v), b.eval(v)
				if x == 1 || y == 1 {
					return 1
				}
				return min(x, y)
			}}
		default:
			return condition{"(" + a.sql + " AND " + b.sql + ")", func(v []string) int {
				x, y := a.eval(v), b.eval(v)
				if x == 0 || y == 0 {
					return 0
				}
				return min(x, y)
			}}
		}
	}
	switch m.IntN(8) {
	case 0, 1, 2:
		c := value()
		if m.IntN(3) == 0 {
			return condition{"'" + c + "' = " + name, func(v []string) int { return equal(at(v), c) }}
		}
		return condition{name + " = '" + c + "'", func(v []string) int { return equal(at(v), c) }}
	case 3:
		c, d := value(), value()
		list := fmt.Sprintf("%s IN ('%s', '%s', NULL)", name, c, d)
		if m.IntN(2) == 0 {
			list = fmt.Sprintf("%s = ANY('{%s,%s,NULL}')", name, c, d)
		}
		return condition{list, func(v []string) int {
			if equal(at(v), c) == 1 || equal(at(v), d) == 1 {
				return 1
			}
			return -1
		}}
	case 4, 5:
		j := m.IntN(len(columns))
		return condition{name + " = " + columns[j], func(v []string) int { return equal(at(v), v[j]) }}
	case 6:
		return condition{name + " IS NULL", func(v []string) int {
			if at(v) == "" {
				return 1
			}
			return 0
		}}
	}
	c := value()
	return condition{name + " >= '" + c + "'", func(v []string) int {
		switch {
		case at(v) == "":
			return -1
		case at(v) >= c:
			return 1
		}
		return 0
	}}
}

func TestNamesNobodyWrongly(t *testing.T) {
	seed := rand.Uint64()
	named, read := 0, 0
	for n := range 2000 {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, uint64(n)))}
		q := m.query(3)
		text := q.sql
		if m.IntN(4) == 0 {
			other := m.query(1)
			if len(other.columns) == len(q.columns) {
				text += " UNION ALL " + other.sql
				q.rows = append(q.rows, other.rows...)
			} else {
				text = fmt.Sprintf("WITH x AS (%s), y AS (%s) SELECT * FROM x WHERE EXISTS (SELECT 1 FROM y)", q.sql, other.sql)
				if len(other.rows) == 0 {
					q.rows = nil
				}
			}
		}
		list, ok := Parse(text)
		if !ok {
			t.Fatalf("not understood: %s", text)
		}
		a, ok := statement.Analyse(list[0])
		if !ok {
			continue // longer than anybody's
		}
		if len(a.Tables) != len(m.tables) {
			t.Fatalf("%d tables of %d: %s", len(a.Tables), len(m.tables), text)
		}
		for i, u := range a.Tables {
			if u.Name[2] != m.tables[i] {
				t.Fatalf("table %d is %s: %s", i, u.Name, text)
			}
			for _, c := range u.Named {
				if c.Column != "id" {
					continue
				}
				named++
				for _, set := range c.Sets {
					has := make(map[string]bool)
					for _, v := range set {
						list := []string{v.Text}
						if v.Array {
							list = strings.Split(strings.Trim(v.Text, "{}"), ",")
						}
						for _, s := range list {
							has[s] = true
						}
					}
					for _, r := range q.rows {
						if i >= len(r.who) {
							continue
						}
						for id := range r.who[i] {
							read++
							if !has[id] {
								t.Fatalf("seed %d, statement %d: table %d (%s) is said to be of %v, and a row of %q went into the answer\n%s", seed, n, i, m.tables[i], set, id, text)
							}
						}
					}
				}
			}
		}
	}
	if named < 500 || read < 250 {
		t.Errorf("%d tables were named and %d rows of them read: too few to show anything", named, read)
	}
	t.Logf("%d tables were named, %d rows of them read", named, read)
}
