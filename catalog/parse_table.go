package catalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
	"go.yaml.in/yaml/v3"
)

// maxColumns is more than a table can have.
const maxColumns = 4096

// tableRoute reads a route of a table: TABLE database.schema.table, with the items
// of its columns; or of a routine: CALL database.procedure, FUNCTION database.function.
func (p *parser) tableRoute(c *Catalog, n *yaml.Node, field string, kind Routine, name string, keys map[string]*yaml.Node) {
	var r *Route
	route := keys["route"]
	parts, bad := splitTable(name)
	if bad != nil && kind != Table {
		p.fail(route, written.Key(field, "route"), routineForm)
	} else if bad != nil {
		p.Fail(route, written.Key(field, "route"), bad.kind, bad.args...)
	} else {
		full := methods[kind] + " " + name
		r = c.byName[full]
		if r == nil {
			r = &Route{Name: full, table: parts, routine: kind, line: route.Line}
			c.byName[r.Name] = r
			c.tables = append(c.tables, r)
		}
	}
	for _, key := range []string{"separator", "fan_out", "success"} {
		if n := keys[key]; n != nil {
			unfit := tableKey
			if kind != Table {
				unfit = routineNoKey
			}
			p.fail(n, written.Key(field, key), unfit)
		}
	}
	a := Answer{From: Always, Until: Never, Success: defaultSuccess(), line: n.Line}
	p.routeItems(c, &a, n, keys["items"], written.Key(field, "items"))
	if n := keys["columns"]; n != nil && kind != Table {
		p.fail(n, written.Key(field, "columns"), routineKey)
	} else if n != nil {
		p.columns(c, &a, n, written.Key(field, "columns"))
	}
	if n := keys["over"]; n != nil {
		p.over(&a, n, written.Key(field, "over"))
	}
	p.tableAccount(&a, kind, n, keys["account"], written.Key(field, "account"))
	p.routeShows(&a, keys["shows"], written.Key(field, "shows"), a.allItems())
	p.routeAction(&a, keys["action"], written.Key(field, "action"))
	p.routeTimes(&a, keys, field)
	if r != nil {
		r.Answers = append(r.Answers, a)
	}
}

// splitTable reads the name of a table.
func splitTable(s string) (parts []string, bad *wrong) {
	if len(s) > maxTemplate {
		return nil, wrongOf(routeLong)
	}
	parts = strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, wrongOf(tableForm)
	}
	for _, part := range parts {
		switch {
		case part == "*":
		case part == "" || !isColumnName(part):
			return nil, wrongOf(tableForm)
		}
	}
	return parts, nil
}

// isColumnName holds for what can stand in a stored route.
func isColumnName(s string) bool {
	return s != "" && len(s) <= maxKey && !strings.ContainsAny(s, tableMarks+"{}") && !strings.ContainsFunc(s, written.Unprintable)
}

func (p *parser) columns(c *Catalog, a *Answer, n *yaml.Node, field string) {
	pairs, ok := p.Pairs(n, field)
	if !ok {
		return
	}
	if len(pairs) > maxColumns {
		p.fail(n, field, tooManyColumns)
		return
	}
	a.columns = make(map[string]ItemSet, len(pairs))
	for _, kv := range pairs {
		f := kv.Field
		if !isColumnName(kv.Name) {
			p.fail(kv.Key, f, columnName)
		}
		var one Answer
		p.routeItems(c, &one, kv.Value, kv.Value, f)
		a.columns[kv.Name] = one.Items
	}
}

// over reads which tables are read through a view.
func (p *parser) over(a *Answer, n *yaml.Node, field string) {
	list, ok := p.List(n, field)
	if !ok {
		return
	}
	for i, n := range list {
		f := written.Index(field, i)
		if s, ok := p.Scalar(n, f); ok {
			if _, bad := splitTable(s); bad != nil {
				p.Fail(n, f, bad.kind, bad.args...)
			}
			a.over = append(a.over, tableMethod+" "+s)
		}
	}
}

// tableAccount reads which column, or which argument of a routine, holds the account.
func (p *parser) tableAccount(a *Answer, kind Routine, table, n *yaml.Node, field string) {
	if n == nil {
		if a.allItems() != 0 && !p.Has(field) {
			missing := noTableAccount
			if kind != Table {
				missing = noRoutineAccount
			}
			p.fail(table, field, missing)
		}
		return
	}
	s, ok := p.Scalar(n, field)
	if !ok {
		return
	}
	if kind != Table {
		p.routineAccount(a, n, s, field)
		return
	}
	name, dotted := strings.CutPrefix(s, "column.")
	switch {
	case s == todo || dotted && name == todo:
		p.fail(n, field, todoTableAccount)
	case s == event.PositionNone.String():
	case !dotted || !isColumnName(name):
		p.fail(n, field, tableAccountPlace)
	default:
		a.Name, a.Position = name, event.PositionColumn
	}
}

// maxArgument is more than a routine can have.
const maxArgument = 1000

func (p *parser) routineAccount(a *Answer, n *yaml.Node, s, field string) {
	place, dotted := strings.CutPrefix(s, argument)
	number, err := strconv.Atoi(place)
	switch {
	case s == todo || dotted && place == todo:
		p.fail(n, field, todoRoutineAccount)
	case s == event.PositionNone.String():
	case !dotted || err != nil || number < 1 || number > maxArgument || strconv.Itoa(number) != place:
		p.fail(n, field, routineAccountPlace)
	default:
		a.Name, a.Position = place, event.PositionColumn
	}
}

// argument is in front of the place of an argument.
const argument = "argument."

// keepTableWords lets shapes keep what the catalog names.
func (c *Catalog) keepTableWords() {
	for _, r := range c.tables {
		for _, part := range r.table {
			if part != "*" {
				c.words[part] = true
			}
		}
		for i := range r.Answers {
			if name := r.Answers[i].Name; name != "" && r.routine == Table {
				c.words[name] = true
			}
			for name := range r.Answers[i].columns {
				c.words[name] = true
			}
		}
	}
	slices.SortStableFunc(c.tables, func(a, b *Route) int { return a.line - b.line })
}

// Account says where the account stands, as the catalog writes it.
func (a *Answer) Account() string {
	switch {
	case a.Name == "":
		return a.Position.String()
	case a.Position == event.PositionColumn && a.Name[0] >= '0' && a.Name[0] <= '9':
		return argument + a.Name
	}
	return a.Position.String() + "." + a.Name
}
