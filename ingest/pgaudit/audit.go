package pgaudit

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ingest/statement"
	"github.com/haetae/haetae/ingest/statement/postgres"
)

// Fields of an audit line. With pgaudit.log_rows there is one more.
const (
	auditClass = 3 + iota
	auditCommand
	auditKind
	auditObject
	auditStatement
	auditParams
	auditRows
	auditFields = auditRows
)

// statements are those that were seen lately, of all decoders.
var statements = statement.NewCache(4<<20, postgres.Parse)

// auditLine is one as far as it decides what was read.
type auditLine struct {
	reads, writes bool
	command       string
	object        []string // the table that the line is about, if it names one
	rowsSaid      bool
	database      string
}

// counted are the commands of which the rows are those of an answer or a change; of
// all others pgaudit writes 0.
var counted = map[string]event.Action{
	"SELECT": event.ActionRead, "INSERT": event.ActionCreate, "UPDATE": event.ActionUpdate, "DELETE": event.ActionDelete, "MERGE": event.ActionUpdate,
}

// audited makes a record of an audit line.
func (d *Decoder) audited(e *entry, audit []byte, rec *event.Record, req *catalog.Request) *line.Error {
	f, ok := split(audit, d.audit[:0], d.room)
	d.audit = f
	if !ok || len(f) < auditFields || len(f) > auditFields+1 {
		return &line.Error{Field: "message", Cause: line.Syntax}
	}
	class := string(f[auditClass])
	l := auditLine{reads: class == "READ", writes: class == "WRITE", command: string(f[auditCommand]), rowsSaid: len(f) > auditFields, database: string(e.database)}
	action, counts := counted[l.command]
	if counts = counts && (l.reads || l.writes); counts && l.rowsSaid {
		rec.Rows = number(f[auditRows])
	}
	if rec.Status = 200; rec.Rows == 0 {
		rec.Status = 404
	}
	text, params := f[auditStatement], f[auditParams]
	number := string(f[1]) + "/" + string(f[2])
	if string(text) == "<previously logged>" {
		if text = nil; d.last.session == string(e.session) && d.last.number == number {
			text, params = d.last.text, d.last.params
		}
	} else {
		d.last = previous{string(e.session), number, text, params}
	}
	if d.again(e, f, number, text) {
		return line.NoAccess
	}
	req.Says, req.Does = true, action
	var object []byte
	unread := false
	switch {
	case l.reads || l.writes:
		l.object = identifiers(f[auditObject])
		var done bool
		if done, unread = d.tables(&l, text, params, req); done {
			return nil
		}
	case class == "FUNCTION":
		object = f[auditObject]
	}
	if req.Method = "POST"; l.reads && counts {
		req.Method = "GET"
	}
	d.path(req, unread, e, f[auditCommand], object)
	return nil
}

// again reports whether a line is about what the one before it in the session told:
// where both kinds of audit are on, pgaudit writes of a table first the line of object
// audit and then that of session audit; or, without the names of the relations, first
// one line of session audit and then those of object audit.
func (d *Decoder) again(e *entry, f [][]byte, number string, text []byte) bool {
	is := audited{number, string(f[auditObject]), string(f[0]) == "OBJECT"}
	before, known := d.audits[string(e.session)]
	if known && before.number == number && before.ofObject != is.ofObject {
		if before.object == is.object && is.object != "" {
			return true
		}
		if before.object == "" && text != nil { // it has told of all tables that its statement names
			l := auditLine{object: identifiers(f[auditObject])}
			for _, a := range d.statements.Read(line.String(text)) {
				for _, u := range a.Tables {
					if l.object != nil && l.names(u.Name) {
						return true
					}
				}
			}
		}
	}
	if !known && len(d.audits) >= maxSessions {
		clear(d.audits)
	}
	d.audits[string(e.session)] = is
	return false
}

// failed makes a record of a statement that ended in an error while it ran. With
// pgaudit.log_rows it has no audit line, and part of its answer may have been sent.
func (d *Decoder) failed(e *entry, rec *event.Record, req *catalog.Request) bool {
	l := auditLine{reads: true, command: "SELECT", database: string(e.database)}
	list := d.statements.Read(line.String(e.statement))
	for _, a := range list {
		if a.Kind == statement.Select || a.Kind == statement.Export {
			d.add(&l, a, len(list) == 1, nil, req)
		}
	}
	rec.Status, req.Says, req.Does = 206, true, event.ActionRead
	return len(req.Tables) > 0
}

// tables fills in which tables a line is about. done is false if it is about none;
// unread: it is about some, and its statement is not understood.
func (d *Decoder) tables(l *auditLine, text, params []byte, req *catalog.Request) (done, unread bool) {
	switch l.command {
	case "PREPARE", "EXECUTE", "EXPLAIN": // what they run is a line of its own
		return false, false
	case "DECLARE CURSOR":
		// With the rows, pgaudit 1.7 logs no SELECT of a cursor; without, it does.
		if !l.rowsSaid {
			return false, false
		}
		req.Does = event.ActionRead
	}
	var list []*statement.Analysis
	if text != nil {
		list = d.statements.Read(line.String(text))
	}
	if list == nil {
		if l.object == nil {
			return false, true
		}
		use := d.use(l, l.object)
		use.All = true // it may have returned them
		req.Tables = []catalog.TableUse{use}
		return true, false
	}
	if list = l.meant(list); len(list) == 0 {
		return false, false
	}
	var values []string
	if len(list) == 1 {
		values = d.bound(params, list[0].Params)
	}
	if l.command == "COPY" {
		req.Does = event.ActionCreate
	}
	for _, a := range list {
		if a.Kind == statement.Export && l.reads {
			req.Does = event.ActionExport
		}
		d.add(l, a, len(list) == 1, values, req)
	}
	if l.object == nil && l.reads {
		// Without the names of the tables, a function in a FROM may have become a part
		// of the statement, and what it reads has no line.
		for _, a := range list {
			for _, call := range a.Calls {
				req.Tables = append(req.Tables, d.called(l, call, len(list) == 1, values))
			}
		}
	}
	if l.object != nil && !about(req.Tables) && l.reads && list[0].Kind != statement.Explain && list[0].Kind != statement.Other {
		// Behind a view, or a function that became a part of the statement: which
		// columns and whose rows it does not say.
		use := d.use(l, l.object)
		use.All, use.Hidden = true, true
		req.Tables = append(req.Tables, use)
	}
	if l.object != nil && !about(req.Tables) && l.writes {
		req.Tables = append(req.Tables, d.use(l, l.object))
	}
	if !about(req.Tables) {
		req.Tables, req.Loose = nil, nil
		return false, false
	}
	return true, false
}

// meant are the statements of a text that a line can be about: of several that were
// sent together each line has the text of all.
func (l *auditLine) meant(list []*statement.Analysis) []*statement.Analysis {
	var out []*statement.Analysis
	for _, a := range list {
		fits := false
		switch l.command {
		case "SELECT":
			fits = a.Kind != statement.Load && a.Kind != statement.Other
		case "DECLARE CURSOR":
			fits = a.Kind == statement.Declare
		case "COPY": // of a query there is a line of its own
			fits = a.Kind == statement.Load || a.Kind == statement.Export && !a.Queried
		default:
			fits = a.Kind == statement.Explain // which may run it
			for _, u := range a.Tables {
				fits = fits || u.Target
			}
		}
		if fits {
			out = append(out, a)
		}
	}
	if l.object == nil || len(out) < 2 {
		return out
	}
	var named []*statement.Analysis
	for _, a := range out {
		for _, u := range a.Tables {
			if l.names(u.Name) {
				named = append(named, a)
				break
			}
		}
	}
	if named == nil {
		return out
	}
	return named
}

// names reports whether a name in the statement is the table of the line.
func (l *auditLine) names(name []string) bool {
	n, m := len(name)-1, len(l.object)-1
	if name[n] != l.object[m] {
		return false
	}
	return n == 0 || m == 0 || name[n-1] == "" || name[n-1] == l.object[m-1]
}

// add adds the tables of a statement. alone: the line is about no other, so the
// accounts it names are those of the line.
func (d *Decoder) add(l *auditLine, a *statement.Analysis, alone bool, values []string, req *catalog.Request) {
	from := len(req.Tables)
	role := false // the table stands there as what the line says: written, or read
	for _, u := range a.Tables {
		role = role || l.object != nil && l.names(u.Name) && u.Target == l.writes
	}
	for _, u := range a.Tables {
		use := d.use(l, u.Name)
		if l.object != nil {
			if use.Beside = !l.names(u.Name) || role && u.Target != l.writes; !use.Beside {
				use.Parts = d.use(l, l.object).Parts
			}
		}
		use.Columns, use.All = u.Columns, u.All
		if alone {
			use.Named = named(u.Named, values)
		}
		req.Tables = append(req.Tables, use)
	}
	for _, loose := range a.Loose {
		c := catalog.LooseColumn{Name: loose.Name}
		for _, level := range loose.Tables {
			var moved []int
			for _, i := range level {
				moved = append(moved, from+i)
			}
			c.Tables = append(c.Tables, moved)
		}
		req.Loose = append(req.Loose, c)
	}
}

// use makes a table of a name.
func (d *Decoder) use(l *auditLine, name []string) catalog.TableUse {
	parts := make([]string, 3)
	copy(parts[3-min(3, len(name)):], name[max(0, len(name)-3):])
	if parts[0] == "" {
		parts[0] = l.database
	}
	if parts[1] == "" && strings.HasPrefix(parts[2], "pg_") { // before any other schema
		parts[1] = "pg_catalog"
	}
	return catalog.TableUse{Parts: parts}
}

// called makes a use of a function.
func (d *Decoder) called(l *auditLine, c statement.Call, alone bool, values []string) catalog.TableUse {
	use := d.use(l, c.Name)
	use.Routine = catalog.Function
	var args []statement.Named
	for i, arg := range c.Args {
		if alone && arg.Op == statement.Literal {
			args = append(args, statement.Named{Column: strconv.Itoa(i + 1), Sets: [][]statement.Value{{arg.Value}}})
		}
	}
	use.Named = named(args, values)
	return use
}

// about reports whether there is a table that the line is about.
func about(uses []catalog.TableUse) bool {
	for i := range uses {
		if !uses[i].Beside {
			return true
		}
	}
	return false
}

// bound gives the values that a statement was run with, if they are as many as it
// has places for: of a statement in a function pgaudit gives all its variables.
func (d *Decoder) bound(params []byte, places int) []string {
	if places == 0 || len(params) == 0 || params[0] == '<' {
		return nil
	}
	f, ok := split(params, d.params[:0], d.room)
	d.params = f
	if !ok || len(f) != places {
		return nil
	}
	out := make([]string, len(f))
	for i, v := range f {
		if !bytes.HasPrefix(v, []byte("<")) { // <long param suppressed>
			out[i] = line.String(v)
		}
	}
	return out
}

// named puts the values in. A set of which a value is not known is left out: the
// column may then have any.
func named(list []statement.Named, values []string) []catalog.NamedColumn {
	var out []catalog.NamedColumn
	for _, n := range list {
		c := catalog.NamedColumn{Column: n.Column}
	sets:
		for _, set := range n.Sets {
			var texts []string
			for _, v := range set {
				text := v.Text
				if v.Param > 0 {
					if v.Param > len(values) || values[v.Param-1] == "" {
						continue sets
					}
					text = values[v.Param-1]
				}
				list := []string{text}
				if v.Array {
					var ok bool
					if list, ok = elements(text); !ok {
						continue sets
					}
				}
				for _, text := range list {
					if v.Whole && !isWhole(text) {
						continue sets
					}
					texts = append(texts, text)
				}
			}
			c.Sets = append(c.Sets, texts)
		}
		if c.Sets != nil {
			out = append(out, c)
		}
	}
	return out
}

// isWhole holds for a whole number as a database writes it.
func isWhole(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == "" && (digits[0] != '0' || s == "0")
}
