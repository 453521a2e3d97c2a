// Package keycloak reads Keycloak's own log, as a console or a file of it has it: the
// events that its listener jboss-logging writes as a text of keys and values,
//
//	2026-03-01 10:00:00,123 INFO  [org.keycloak.events] (executor-thread-1) type="LOGIN", realmId="…", userId="…", …
//
// or the same text as the message of a line of JSON (log-console-output=json).
//
// The central idea: only what Keycloak itself puts in front is believed. The texts
// behind it hold what strangers typed, so of a key that comes twice the first counts,
// and an event begins nowhere but behind the category of the line.
//
//	record            event
//	Time              of the line; without a zone it is the source's
//	Actor.ID          userId; never the user name, which may be a password
//	Actor.Type        realmName, else realmId: the catalog has the word for it
//	Credential.Token  token_id, else sessionId, else code_id
//	Client.IP         ipAddress
//	route             POST /keycloak/TYPE, POST /keycloak/admin/OPERATION/RESOURCE
//	Status            200; with an error 401, 403, 429
//
// Other lines of the log are no accesses and are passed over.
package keycloak

import (
	"bytes"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
)

// category is that of the events.
const category = "org.keycloak.events"

// stampLength is that of "2026-03-01 10:00:00,123".
const stampLength = 23

// Reads reports whether a line looks like one of Keycloak's log.
func Reads(text []byte) bool {
	if isJSON(text) {
		return bytes.Contains(text[:min(len(text), 512)], []byte(`"loggerName":"org.keycloak`))
	}
	_, name, _, ok := cut(text)
	return ok && bytes.HasPrefix(name, []byte("org.keycloak"))
}

// isJSON: a line of JSON, or one behind what syslog puts in front of it.
func isJSON(text []byte) bool {
	return len(text) > 0 && (text[0] == '{' || text[0] == '<' && bytes.Contains(text, []byte(`{"timestamp"`)))
}

// cut cuts a line of text: when, which category, and the message.
func cut(text []byte) (stamp, name, message []byte, ok bool) {
	if len(text) <= stampLength || text[4] != '-' || text[10] != ' ' || text[13] != ':' || text[19] != ',' || text[stampLength] != ' ' {
		return nil, nil, nil, false
	}
	stamp, rest := text[:stampLength], text[stampLength+1:]
	rest = bytes.TrimLeft(bytes.TrimLeft(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), " ")
	if len(rest) == 0 || rest[0] != '[' {
		return nil, nil, nil, false
	}
	name, rest, ok = bytes.Cut(rest[1:], []byte("] ("))
	if !ok || bytes.IndexByte(name, ' ') >= 0 {
		return nil, nil, nil, false
	}
	_, message, ok = bytes.Cut(rest, []byte(") "))
	return stamp, name, message, ok
}

// Decoder reads lines. It belongs to one goroutine.
type Decoder struct {
	times *line.Times
	clock line.Clock
	block []byte
	uri   []byte
}

// New makes a decoder; now bounds its clock.
func New(src *catalog.Source, now time.Time) *Decoder {
	zone := time.UTC
	if src != nil && src.Zone != nil {
		zone = src.Zone
	}
	return &Decoder{times: line.NewTimes(zone), clock: line.NewClock(now)}
}

// Decode implements ingest.Decoder.
func (d *Decoder) Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error {
	var stamp, name, message []byte
	if isJSON(text) {
		var err *line.Error
		if stamp, name, message, err = fromJSON(text[bytes.IndexByte(text, '{'):]); err != nil {
			return err
		}
	} else {
		stamp, name, message, _ = cut(text)
		stamp = append(d.room(len(stamp))[:0], stamp...)
		if len(stamp) > 0 {
			stamp[19] = '.'
		}
	}
	if string(name) != category {
		return line.NoAccess
	}
	at, ok := d.times.Parse(stamp)
	if !ok {
		return &line.Error{Field: "timestamp", Cause: line.Time}
	}
	if err := d.clock.Check(at); err != nil {
		return &line.Error{Field: "timestamp", Cause: err.Cause}
	}
	rec.Time = at
	var e said
	if !e.read(message) {
		return &line.Error{Field: "message", Cause: line.Syntax}
	}
	return d.record(&e, rec, req)
}

// fromJSON reads a line of JSON.
func fromJSON(text []byte) (stamp, name, message []byte, err *line.Error) {
	o := element.Members(text)
	for key, v, ok := o.Next(); ok; key, v, ok = o.Next() {
		var into *[]byte
		switch string(key) {
		case "timestamp":
			into = &stamp
		case "loggerName":
			into = &name
		case "message":
			into = &message
		default:
			continue
		}
		if *into, ok = element.Text(v); !ok {
			return nil, nil, nil, &line.Error{Field: string(key), Cause: line.Type}
		}
	}
	if o.Bad() {
		return nil, nil, nil, &line.Error{Cause: line.Syntax}
	}
	return stamp, name, message, nil
}

// record fills in what an event says.
func (d *Decoder) record(e *said, rec *event.Record, req *catalog.Request) *line.Error {
	token, field := e.token, "token_id"
	if len(token) == 0 {
		token, field = e.session, "sessionId"
	}
	if len(token) == 0 {
		token, field = e.code, "code_id"
	}
	for _, f := range []struct {
		name string
		v    []byte
	}{{"userId", e.user}, {field, token}, {"realmName", e.realm()}} {
		if err := line.CheckToken(f.name, f.v); err != nil {
			return err
		}
	}
	rec.Actor.ID, rec.Actor.Type = event.ActorID(line.String(e.user)), line.String(e.realm())
	rec.Credential.Token = event.TokenID(line.String(token))
	if !line.Absent(e.address) {
		if rec.Client.IP = line.IP(e.address); !rec.Client.IP.IsValid() {
			req.Lost |= catalog.LostAddress
		}
	}
	switch string(e.failure) {
	case "":
		rec.Status = 200
	case "access_denied", "not_allowed":
		rec.Status = 403
	case "user_temporarily_disabled":
		rec.Status = 429
	default:
		rec.Status = 401
	}
	req.Method = "POST"
	b := append(d.uri[:0], "/keycloak/"...)
	if req.Words = 2; len(e.kind) > 0 {
		b = append(b, e.kind...)
	} else {
		req.Words = 3
		b = append(append(append(b, "admin/"...), e.operation...), '/')
		for _, c := range e.resource {
			if c == '?' || c == '#' || c == ';' || c == '%' || c < ' ' || c == 0x7f {
				c = '_'
			}
			b = append(b, c)
		}
	}
	d.uri = b
	req.URI = line.String(append(d.room(len(b))[:0], b...))
	return nil
}

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

// Cover covers, in place, everything in a text but its punctuation and the time at its
// beginning: an event holds what somebody typed.
func (*Decoder) Cover(text []byte) {
	from := 0
	if len(text) > stampLength && text[10] == ' ' && len(bytes.Trim(text[:stampLength], "0123456789-:, ")) == 0 {
		from = stampLength
	}
	for i := from; i < len(text); i++ {
		switch text[i] {
		case '{', '}', '[', ']', '(', ')', ':', ',', '"', '\'', '=', ' ', '\t':
		default:
			text[i] = '*'
		}
	}
}
