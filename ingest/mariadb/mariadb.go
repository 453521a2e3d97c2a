// Package mariadb reads the log of MariaDB's plugin server_audit: who, from where,
// which statement, and whether it went well.
//
// The central idea: a QUERY line is a record, and package statement says what it
// reads. The lines about tables that come before it name what the server opened. A
// table that was opened to be read and that the statement does not name was read by
// something else in it (a function, a trigger, a view): all of its columns, whose
// nobody knows. Where the statement is not understood, so were all of them. The log
// has no bound values and no rows.
//
//	record            line
//	Time              timestamp, in the source's zone
//	Actor.ID          username
//	Credential.Token  serverhost/connectionid
//	Client.IP         host, if it is an address
//	Action            from the statement
//	Status            from retcode (outcome)
//
// The plugin cuts a statement off at server_audit_query_log_limit, and does not say
// so. What is as long as such a limit may be cut off, and is not understood.
//
// What stands in a statement reaches no error. Of a line that is set aside nothing is
// kept but its punctuation and its time.
package mariadb

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ingest/statement"
	"github.com/haetae/haetae/ingest/statement/mariadb"
)

// operations are what the lines are about.
var operations = map[string]bool{
	"CONNECT": true, "FAILED_CONNECT": true, "DISCONNECT": true, "QUERY": true,
	"READ": true, "WRITE": true, "CREATE": true, "ALTER": true, "RENAME": true, "DROP": true,
}

// Reads reports whether a line looks like one of this log.
func Reads(text []byte) bool {
	_, ok := cut(text)
	return ok
}

// entry is a line, cut.
type entry struct {
	time, server, user, host, connection, query, operation, database, object, code []byte
}

// cut reads a line. Its last field is a number, except of lines about tables; a
// statement may hold commas, and stands in quotes.
func cut(text []byte) (e entry, ok bool) {
	for _, into := range []*[]byte{&e.time, &e.server, &e.user, &e.host, &e.connection, &e.query, &e.operation, &e.database} {
		field, rest, more := bytes.Cut(text, []byte(","))
		if !more {
			return e, false
		}
		*into, text = field, rest
	}
	if len(e.time) != 17 || e.time[8] != ' ' || !operations[string(e.operation)] || !isNumber(e.connection) || !isNumber(e.query) {
		return e, false
	}
	i := bytes.LastIndexByte(text, ',')
	if i < 0 {
		return e, false
	}
	e.object, e.code = text[:i], text[i+1:]
	return e, len(e.code) == 0 || isNumber(e.code)
}

func isNumber(s []byte) bool {
	return len(s) > 0 && len(s) <= 20 && len(bytes.Trim(s, "0123456789")) == 0
}

// statements are those that were seen lately, of all decoders.
var statements = statement.NewCache(4<<20, mariadb.Parse)

// Decoder reads lines. It belongs to one goroutine.
type Decoder struct {
	times  *line.Times
	clock  line.Clock
	block  []byte
	tables map[string][]touched // by connection
}

// touched is a table of a statement that is still to come.
type touched struct {
	parts []string
	reads bool
	shows bool // it may be in an answer: it was read or written
}

// Bounds of what is remembered between lines.
const (
	maxConnections = 10_000
	maxTouched     = 100
)

// New makes a decoder; now bounds its clock.
func New(src *catalog.Source, now time.Time) *Decoder {
	zone := time.UTC
	if src != nil && src.Zone != nil {
		zone = src.Zone
	}
	return &Decoder{times: line.NewTimes(zone), clock: line.NewClock(now), tables: make(map[string][]touched)}
}

// Begin forgets what was read before.
func (d *Decoder) Begin() { clear(d.tables) }

// Decode implements ingest.Decoder.
func (d *Decoder) Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error {
	e, ok := cut(text)
	if !ok {
		return &line.Error{Cause: line.Syntax}
	}
	switch string(e.operation) {
	case "DISCONNECT":
		return line.NoAccess
	case "QUERY", "CONNECT", "FAILED_CONNECT":
	default:
		d.touch(&e)
		return line.NoAccess
	}
	if err := d.who(&e, rec, req); err != nil {
		return err
	}
	rec.Status = outcome(e.code)
	req.Says, req.Folds = true, true
	if string(e.operation) != "QUERY" {
		if req.Does = event.ActionSignIn; rec.Status == 200 && e.operation[0] == 'F' {
			rec.Status = 401
		}
		if rec.Status != 200 { // a stranger chose the name
			e.database = nil
		}
		d.path(req, false, &e, "connect")
		return nil
	}
	sql := e.object
	if len(sql) < 2 || sql[0] != '\'' || sql[len(sql)-1] != '\'' {
		return &line.Error{Field: "object", Cause: line.Syntax}
	}
	sql = sql[1 : len(sql)-1]
	whole := !mayBeCut(len(sql))
	if sql, ok = d.unescape(sql); !ok {
		return &line.Error{Field: "object", Cause: line.Syntax}
	}
	if !utf8.Valid(sql) && whole {
		return &line.Error{Field: "object", Cause: line.UTF8}
	}
	d.statement(&e, sql, whole, req)
	return nil
}

// who fills in the time, and who it was.
func (d *Decoder) who(e *entry, rec *event.Record, req *catalog.Request) *line.Error {
	t := e.time // 20261130 13:40:38
	stamp := d.room(19)[:0]
	stamp = append(append(append(append(append(append(stamp, t[:4]...), '-'), t[4:6]...), '-'), t[6:8]...), t[8:]...)
	at, ok := d.times.Parse(stamp)
	if !ok {
		return &line.Error{Field: "timestamp", Cause: line.Time}
	}
	if err := d.clock.Check(at); err != nil {
		return &line.Error{Field: "timestamp", Cause: err.Cause}
	}
	rec.Time = at
	if err := line.CheckToken("username", e.user); err != nil {
		return err
	}
	if err := line.CheckID("serverhost", e.server); err != nil {
		return err
	}
	rec.Actor.ID = event.ActorID(line.String(e.user))
	session := append(append(append(d.room(len(e.server) + 1 + len(e.connection))[:0], e.server...), '/'), e.connection...)
	rec.Credential.Token = event.TokenID(line.String(session))
	if len(e.host) > 0 && string(e.host) != "localhost" {
		if rec.Client.IP = line.IP(e.host); !rec.Client.IP.IsValid() {
			req.Lost |= catalog.LostAddress
		}
	}
	return nil
}

// outcome is what an error of MariaDB amounts to.
func outcome(code []byte) uint16 {
	switch string(code) {
	case "0", "":
		return 200
	case "1044", "1045", "1698":
		return 401
	case "1142", "1143", "1227", "1370":
		return 403
	// While it ran: its answer may have been sent in part.
	case "1158", "1159", "1160", "1161", "1184", "1205", "1213", "1242", "1317", "1365", "1690", "1927", "1928", "1969", "3024":
		return 206
	}
	return 400
}

// touch remembers a table of the statement that follows.
func (d *Decoder) touch(e *entry) {
	list, known := d.tables[string(e.connection)]
	if !known && len(d.tables) >= maxConnections {
		clear(d.tables)
	}
	is := touched{[]string{string(e.database), string(e.object)}, string(e.operation) == "READ", false}
	is.shows = is.reads || string(e.operation) == "WRITE"
	// A procedure that reads in a loop opens the same tables again and again.
	for _, t := range list {
		if t.reads == is.reads && t.shows == is.shows && t.parts[0] == is.parts[0] && t.parts[1] == is.parts[1] {
			return
		}
	}
	switch {
	case len(list) == maxTouched:
		is = touched{[]string{"", others}, true, true}
	case len(list) > maxTouched:
		return
	}
	d.tables[string(e.connection)] = append(list, is)
}

// others stands for the tables beyond maxTouched. No catalog describes it.
const others = "…"

// mayBeCut holds for what is as long as a limit that somebody would choose, a
// multiple of 500 or 512. The plugin counts the bytes that it writes, and leaves one
// out where two of them would not fit.
func mayBeCut(n int) bool { return n%500 == 0 || n%512 == 0 || (n+1)%500 == 0 || (n+1)%512 == 0 }

// own are the databases of the server itself. It opens their tables for every
// statement, to find a procedure or to plan; who reads them names them.
var own = map[string]bool{"mysql": true, "information_schema": true, "performance_schema": true, "sys": true}

// statement fills in what a statement reads. It takes all tables that were opened on
// its connection since the last one: what a procedure reads in a condition has the
// number of no statement.
func (d *Decoder) statement(e *entry, sql []byte, whole bool, req *catalog.Request) {
	before := slices.DeleteFunc(d.tables[string(e.connection)], func(t touched) bool { return own[strings.ToLower(t.parts[0])] })
	delete(d.tables, string(e.connection))
	var list []*statement.Analysis
	if whole {
		list = statements.Read(line.String(sql))
	}
	if list == nil {
		req.Does = event.ActionRead
		for _, t := range before {
			req.Tables = append(req.Tables, catalog.TableUse{Parts: t.parts, All: t.shows})
		}
		if len(req.Tables) == 0 {
			d.path(req, true, e, "query")
		}
		return
	}
	a := list[0]
	named := make(map[string]bool) // that are read
	for _, u := range a.Tables {
		use := catalog.TableUse{Parts: inDatabase(e, u.Name), Columns: u.Columns, All: u.All}
		for _, c := range u.Named {
			use.Named = append(use.Named, catalog.NamedColumn{Column: c.Column, Sets: texts(c.Sets)})
		}
		if use.Written = u.Target; !u.Target {
			named[folded(use.Parts)] = true
		}
		req.Tables = append(req.Tables, use)
	}
	for _, l := range a.Loose {
		req.Loose = append(req.Loose, catalog.LooseColumn{Name: l.Name, Tables: l.Tables})
	}
	for _, c := range a.Calls {
		req.Tables = append(req.Tables, called(e, c))
	}
	if a.Kind != statement.Explain && a.Kind != statement.Upkeep {
		for _, t := range before {
			if key := folded(t.parts); t.reads && !named[key] {
				named[key] = true
				req.Tables = append(req.Tables, catalog.TableUse{Parts: t.parts, All: true, Hidden: true})
			}
		}
	}
	switch a.Kind {
	case statement.Select, statement.Create:
		req.Does = event.ActionRead
	case statement.Export:
		req.Does = event.ActionExport
	case statement.Insert:
		req.Does = event.ActionCreate
	case statement.Update:
		req.Does = event.ActionUpdate
	case statement.Delete:
		req.Does = event.ActionDelete
	default:
		if len(req.Tables) > 0 {
			req.Does = event.ActionRead
		}
	}
	if len(req.Tables) == 0 {
		d.path(req, false, e, "query")
	}
}

// called is a stored function or procedure with the values that it was given.
func called(e *entry, c statement.Call) catalog.TableUse {
	use := catalog.TableUse{Parts: inDatabase(e, c.Name), Routine: catalog.Function}
	if c.Procedure {
		use.Routine = catalog.Procedure
	}
	for i, arg := range c.Args {
		if arg.Op == statement.Literal {
			use.Named = append(use.Named, catalog.NamedColumn{Column: strconv.Itoa(i + 1), Sets: [][]string{{arg.Value.Text}}})
		}
	}
	return use
}

// inDatabase gives a name with the database that it stands in, where that is known.
func inDatabase(e *entry, name []string) []string {
	parts := []string{string(e.database), name[len(name)-1]}
	if n := len(name); n > 1 && name[n-2] != "" {
		parts[0] = name[n-2]
	}
	return parts
}

// folded is a name by which two are compared: whether the case of letters tells
// tables apart depends on the server.
func folded(parts []string) string { return strings.ToLower(strings.Join(parts, ".")) }

func texts(sets [][]statement.Value) [][]string {
	out := make([][]string, len(sets))
	for i, set := range sets {
		for _, v := range set {
			out[i] = append(out[i], v.Text)
		}
	}
	return out
}

// path makes a path of what reads no table.
func (d *Decoder) path(req *catalog.Request, unread bool, e *entry, what string) {
	req.Method, req.Words = "POST", 3
	b := d.room(len("/unread/mariadb//") + len(e.database) + len(what))[:0]
	if unread {
		req.Method, req.Words = "GET", 4
		b = append(b, "/unread"...)
	}
	b = append(b, "/mariadb/"...)
	for _, c := range e.database {
		if c == '/' || c == '?' || c == '#' || c == ';' || c == '%' || c < ' ' || c == 0x7f {
			c = '_'
		}
		b = append(b, c)
	}
	if len(e.database) > 0 {
		b = append(b, '/')
	} else {
		req.Words--
	}
	req.URI = line.String(append(b, what...))
}

// unescape takes out the backslashes that the plugin puts before quotes, line ends
// and the like.
func (d *Decoder) unescape(s []byte) ([]byte, bool) {
	if bytes.IndexByte(s, '\\') < 0 {
		return s, bytes.IndexByte(s, '\'') < 0
	}
	out := d.room(len(s))[:0]
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\'':
			return nil, false // it ends here, and something else follows
		case c != '\\':
		case i+1 == len(s):
			return nil, false
		default:
			i++
			if c = s[i]; escapes[c] != 0 {
				c = escapes[c]
			}
		}
		out = append(out, c)
	}
	return out, true
}

var escapes = [256]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', '0': 0, 'Z': 26}

// room gives n bytes that are not written again: ids may point into them as long as
// the chunk that a line stands in.
func (d *Decoder) room(n int) []byte {
	if cap(d.block)-len(d.block) < n {
		d.block = make([]byte, 0, max(16<<10, n))
	}
	from := len(d.block)
	d.block = d.block[:from+n]
	return d.block[from : from+n : from+n]
}

// Cover covers, in place, everything in a text but its punctuation and the time at
// its beginning: a statement holds personal data anywhere.
func (*Decoder) Cover(text []byte) {
	from := 0
	if len(text) >= 18 && text[8] == ' ' && text[17] == ',' && len(bytes.Trim(text[:17], "0123456789 :")) == 0 {
		from = 17
	}
	for i := from; i < len(text); i++ {
		switch text[i] {
		case ',', '\'', '(', ')', ' ', '\t':
		default:
			text[i] = '*'
		}
	}
}
