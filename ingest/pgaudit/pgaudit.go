// Package pgaudit reads the logs of PostgreSQL, as csvlog or jsonlog, in which the
// extension pgaudit says what was read and written: who, from where, which statement
// with which values, and how many rows.
//
// The central idea: an audit line is about one statement, or with
// pgaudit.log_relation about one table in it. Package statement says what it reads;
// the line adds the values that were bound and the full name of the table.
//
//	record            line
//	Time              log_time; a zone without a number is the source's
//	ID                session_id/session_line_num
//	Actor.ID          user_name
//	Credential.Token  session_id
//	Client.IP         connection_from; on the machine itself there is none
//	Client.Agent      application_name
//	Action            from the statement
//	Status            200; 206 as below; 404 where the line says that no row was found
//	Rows              of pgaudit.log_rows
//
// Connections are sign-ins. A SELECT that failed while it ran is a record of status
// 206: its answer may have been sent in part. All other lines (checkpoints, other
// errors, durations) tell of no access and are passed over.
//
// What stands in a statement reaches no error. Of a line that is set aside nothing is
// kept but its punctuation and its time.
package pgaudit

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ingest/statement"
)

// Columns of a csvlog, and how few and how many there are: those behind the
// application's name came with later versions.
const (
	columnTime        = 0
	columnUser        = 1
	columnDatabase    = 2
	columnFrom        = 4
	columnSession     = 5
	columnLine        = 6
	columnCommand     = 7
	columnState       = 12
	columnMessage     = 13
	columnStatement   = 19
	columnApplication = 22
	leastColumns      = 23
	mostColumns       = 40
)

// Reads reports whether a text looks like a record of such a log. It may be cut off.
func Reads(text []byte) bool {
	if len(text) > 0 && text[0] == '{' {
		return bytes.Contains(text, []byte(`"error_severity"`)) && bytes.Contains(text, []byte(`"timestamp"`))
	}
	return len(text) > 30 && text[4] == '-' && text[7] == '-' && text[10] == ' ' && text[19] == '.' && bytes.Count(text, []byte(",")) >= 13
}

// entry is what is looked at of a record.
type entry struct {
	time, user, database, host, session, number, command, state, message, statement, application []byte
}

// Decoder reads records. It belongs to one goroutine.
type Decoder struct {
	times  *line.Times
	zone   *time.Location
	clock  line.Clock
	fields [][]byte
	audit  [][]byte
	params [][]byte
	block  []byte // where texts are made that outlive a record
	uri    []byte
	last   previous

	statements *statement.Cache
	audits     map[string]audited // by session
}

// audited is the line of a session before: session audit and object audit each write
// one about the same table.
type audited struct {
	number, object string
	ofObject       bool
}

// maxSessions bounds what is remembered of them.
const maxSessions = 10_000

// previous is the statement that a session logged last, for lines that only say that
// it was logged before.
type previous struct {
	session, number string
	text, params    []byte
}

// New makes a decoder; now bounds its clock.
func New(src *catalog.Source, now time.Time) *Decoder {
	zone := time.UTC
	if src != nil && src.Zone != nil {
		zone = src.Zone
	}
	return &Decoder{times: line.NewTimes(zone), zone: zone, clock: line.NewClock(now), statements: statements, audits: make(map[string]audited)}
}

// Begin forgets what was read before.
func (d *Decoder) Begin() {
	d.last = previous{}
	clear(d.audits)
}

// Decode implements ingest.Decoder.
func (d *Decoder) Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error {
	var e entry
	var err *line.Error
	if len(text) > 0 && text[0] == '{' {
		err = e.fromJSON(text)
	} else {
		err = d.fromCSV(&e, text)
	}
	if err != nil {
		return err
	}
	audit, isAudit := bytes.CutPrefix(e.message, []byte("AUDIT: "))
	signIn := e.signIn()
	failed := !isAudit && signIn == 0 && e.failedMidway()
	if !isAudit && signIn == 0 && !failed {
		return line.NoAccess
	}
	if !utf8.Valid(e.message) || failed && !utf8.Valid(e.statement) {
		return &line.Error{Field: "message", Cause: line.UTF8}
	}
	if err := d.who(&e, rec, req); err != nil {
		return err
	}
	if failed {
		if !d.failed(&e, rec, req) {
			return line.NoAccess
		}
		return nil
	}
	if !isAudit {
		rec.Status = signIn
		req.Method, req.Does, req.Says = "POST", event.ActionSignIn, true
		if signIn != 200 { // a stranger chose the name
			e.database = nil
		}
		d.path(req, false, &e, []byte("connect"), nil)
		return nil
	}
	return d.audited(&e, audit, rec, req)
}

// signIn gives the outcome of a connection, or 0 if the record is about something
// else. The words are those of lc_messages = C or English; the codes are of any.
func (e *entry) signIn() uint16 {
	switch {
	case string(e.command) == "authentication" && bytes.HasPrefix(e.message, []byte("connection authorized:")):
		return 200
	case string(e.state) == "28P01" || string(e.state) == "28000":
		return 401
	}
	return 0
}

// failedMidway: a statement ended in an error that comes while it runs (a value, a
// resource, a cancellation), and not before.
func (e *entry) failedMidway() bool {
	if len(e.statement) == 0 || len(e.state) != 5 {
		return false
	}
	switch string(e.state[:2]) {
	case "08", "21", "22", "40", "53", "54", "55", "57", "58", "P0", "XX":
		return true
	}
	return false
}

func (d *Decoder) fromCSV(e *entry, text []byte) *line.Error {
	f, ok := split(text, d.fields[:0], d.room)
	d.fields = f
	if !ok || len(f) < leastColumns || len(f) > mostColumns {
		return &line.Error{Cause: line.Syntax}
	}
	*e = entry{f[columnTime], f[columnUser], f[columnDatabase], f[columnFrom], f[columnSession], f[columnLine], f[columnCommand], f[columnState], f[columnMessage], f[columnStatement], f[columnApplication]}
	return nil
}

func (e *entry) fromJSON(text []byte) *line.Error {
	o := element.Members(text)
	for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
		var into *[]byte
		switch string(name) {
		case "timestamp":
			into = &e.time
		case "user":
			into = &e.user
		case "dbname":
			into = &e.database
		case "remote_host":
			into = &e.host
		case "session_id":
			into = &e.session
		case "ps":
			into = &e.command
		case "state_code":
			into = &e.state
		case "message":
			into = &e.message
		case "statement":
			into = &e.statement
		case "application_name":
			into = &e.application
		case "line_num":
			e.number = v
			continue
		default:
			continue
		}
		if *into, ok = element.Text(v); !ok {
			return &line.Error{Field: string(name), Cause: line.Type}
		}
	}
	if o.Bad() {
		return &line.Error{Cause: line.Syntax}
	}
	return nil
}

// who fills in the time, and who it was.
func (d *Decoder) who(e *entry, rec *event.Record, req *catalog.Request) *line.Error {
	at, err := d.when(e.time)
	if err != nil {
		return err
	}
	rec.Time = at
	for _, f := range []struct {
		name string
		v    []byte
	}{{"user_name", e.user}, {"session_id", e.session}, {"session_line_num", e.number}} {
		if err := line.CheckToken(f.name, f.v); err != nil {
			return err
		}
	}
	rec.Actor.ID = event.ActorID(line.String(e.user))
	rec.Credential.Token = event.TokenID(line.String(e.session))
	if len(e.session) > 0 && len(e.number) > 0 {
		id := append(append(append(d.room(len(e.session) + 1 + len(e.number))[:0], e.session...), '/'), e.number...)
		rec.ID = event.RecordID(line.String(id))
	}
	if len(e.host) > 0 && string(e.host) != "[local]" {
		if rec.Client.IP = line.IP(e.host); !rec.Client.IP.IsValid() {
			req.Lost |= catalog.LostAddress
		}
	}
	var lost bool
	if rec.Client.Agent, lost = line.Clean(e.application, line.MaxAgent); lost {
		req.Lost |= catalog.LostText
	}
	return nil
}

// when reads "2026-11-30 12:54:26.631 KST". An abbreviation says which zone it is
// only to who knows it; so it must be the one of the source's zone.
func (d *Decoder) when(s []byte) (event.Millis, *line.Error) {
	bad := &line.Error{Field: "log_time", Cause: line.Time}
	i := bytes.LastIndexByte(s, ' ')
	if i < 19 {
		return 0, bad
	}
	stamp, name := s[:i], s[i+1:]
	var at event.Millis
	ok := false
	switch {
	case string(name) == "UTC" || string(name) == "GMT":
		at, ok = d.times.Parse(append(append(d.room(len(stamp) + 1)[:0], stamp...), 'Z'))
	case len(name) > 0 && (name[0] == '+' || name[0] == '-'):
		at, ok = d.times.Parse(s)
	default:
		at, ok = d.times.Parse(stamp)
		is, _ := at.Time().In(d.zone).Zone()
		ok = ok && is == string(name)
	}
	if !ok {
		return 0, bad
	}
	if err := d.clock.Check(at); err != nil {
		return 0, &line.Error{Field: "log_time", Cause: err.Cause}
	}
	return at, nil
}

// path makes a path of what reads no table.
func (d *Decoder) path(req *catalog.Request, unread bool, e *entry, command, object []byte) {
	b := d.uri[:0]
	req.Words = 3
	if unread {
		b = append(b, "/unread"...)
		req.Words++
	}
	if b = append(b, "/postgresql"...); len(e.database) == 0 {
		req.Words--
	}
	for _, s := range [][]byte{e.database, command, object} {
		if len(s) == 0 {
			continue
		}
		b = append(b, '/')
		for _, c := range s {
			switch {
			case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '_', c == '-', c == '.', c >= utf8.RuneSelf:
				b = append(b, c)
			default:
				b = append(b, '_')
			}
		}
	}
	d.uri = b
	req.URI = line.String(append(d.room(len(b))[:0], b...))
}

// room gives n bytes that are not written again: ids may point into them as long as
// the chunk that a record stands in.
func (d *Decoder) room(n int) []byte {
	if cap(d.block)-len(d.block) < n {
		d.block = make([]byte, 0, max(16<<10, n))
	}
	from := len(d.block)
	d.block = d.block[:from+n]
	return d.block[from : from+n : from+n]
}

// number reads a count; -1 if there is none.
func number(s []byte) int32 {
	n, err := strconv.ParseInt(line.String(s), 10, 32)
	if err != nil || n < 0 {
		return event.RowsUnknown
	}
	return int32(n)
}

// Cover covers, in place, everything in a text but its punctuation and the time at
// its beginning: a statement holds personal data anywhere.
func (*Decoder) Cover(text []byte) {
	from := 0
	if len(text) >= 23 && text[4] == '-' && text[10] == ' ' && text[19] == '.' {
		from = 23
		for _, c := range text[:23] {
			if !(c >= '0' && c <= '9' || c == '-' || c == ' ' || c == ':' || c == '.') {
				from = 0
			}
		}
	}
	for i := from; i < len(text); i++ {
		switch text[i] {
		case '{', '}', ':', ',', '"', ' ', '\t', '\r', '\n':
		default:
			text[i] = '*'
		}
	}
}
