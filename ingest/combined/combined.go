// Package combined reads the access logs that nginx and Apache write by
// default: the common format, and the combined one with referrer and agent.
//
//	1.2.3.4 - user [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203 "ref" "agent"
//
// Apache's vhost_combined, which has the virtual host in front, is read as well.
//
// These logs name neither the token nor the account read, unless the path does:
// docs/capture.md shows a better log.
package combined

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

// Decoder reads lines. It belongs to one goroutine.
type Decoder struct {
	times   *line.Times
	clock   line.Clock
	address catalog.AddressRule

	referer int // its place among the fields somebody asks for, +1; 0: nobody does
	noted   [][]byte
}

// New makes a decoder.
func New(src *catalog.Source, now time.Time) *Decoder {
	return &Decoder{times: line.NewTimes(src.Zone), clock: line.NewClock(now), address: src.Address}
}

// fields are the pieces of a line, still escaped.
type fields struct {
	client, user, time, request, status, referer, agent []byte
	combined                                            bool
}

// Reads reports whether text looks like the combined format.
func Reads(text []byte) bool {
	f, ok := split(text)
	return ok && f.combined
}

// ReadsCommon reports whether text looks like the common format.
func ReadsCommon(text []byte) bool {
	f, ok := split(text)
	return ok && !f.combined
}

// split cuts a line into its fields. The user may hold spaces, so the time's
// bracket is looked for from the left.
func split(text []byte) (f fields, ok bool) {
	open := bytes.Index(text, []byte(" ["))
	if open <= 0 {
		return f, false
	}
	f.who(text[:open])
	if len(f.client) == 0 {
		return f, false
	}
	rest := text[open+2:]
	end := bytes.IndexByte(rest, ']')
	if end < 0 || len(rest) < end+3 || rest[end+1] != ' ' || rest[end+2] != '"' {
		return f, false
	}
	f.time = rest[:end]
	rest = rest[end+3:]
	if f.request, rest, ok = quoted(rest); !ok || len(rest) < 2 || rest[0] != ' ' {
		return f, false
	}
	rest = rest[1:]
	f.status, rest, _ = bytes.Cut(rest, []byte(" "))
	_, rest, more := bytes.Cut(rest, []byte(" ")) // bytes sent
	if !more || len(rest) == 0 || rest[0] != '"' {
		return f, len(f.status) > 0
	}
	f.referer, rest, ok = quoted(rest[1:])
	if !ok || len(rest) < 2 || rest[0] != ' ' || rest[1] != '"' {
		return f, false
	}
	if f.agent, _, ok = quoted(rest[2:]); !ok {
		// The line was cut off in its last field. The access happened and all
		// that decides anything stands before; the agent is kept as far as it
		// goes.
		f.agent = rest[2:]
	}
	f.combined = true
	return f, true
}

// who reads what stands before the time: client, ident, user. Two more forms are
// told apart, since both would be read as a user called "- -":
//
//	203.0.113.9, 10.0.0.1 - kim [      a list of addresses, as X-Forwarded-For is
//	shop.example:443 203.0.113.9 - kim [    Apache's vhost_combined: the host first
//
// The host is told from a client by what follows: an address, and a "-" where the
// ident stands. If the first is a bare address as well, either may be the
// client's; then neither is taken, and that is counted.
func (f *fields) who(s []byte) {
	var rest []byte
	f.client, rest, _ = bytes.Cut(s, []byte(" "))
	for len(f.client) > 0 && f.client[len(f.client)-1] == ',' && len(rest) > 0 {
		_, after, _ := bytes.Cut(rest, []byte(" "))
		f.client, rest = s[:len(s)-len(after)], after
		if len(after) == 0 {
			return
		}
		f.client = bytes.TrimSuffix(f.client, []byte(" "))
	}
	ident, user, _ := bytes.Cut(rest, []byte(" "))
	if len(ident) > 1 && bytes.HasPrefix(user, []byte("- ")) && isBare(ident) {
		if isBare(f.client) {
			f.client = s[:len(s)-len(rest)+len(ident)] // both: no address
		} else {
			f.client = ident
		}
		user = user[2:]
	}
	f.user = user
}

// isBare reports whether s is an address and nothing else.
func isBare(s []byte) bool {
	a, err := netip.ParseAddr(line.String(s))
	return err == nil && a.IsValid()
}

// quoted reads up to the closing quote, which a backslash can escape.
func quoted(s []byte) (in, rest []byte, ok bool) {
	for from := 0; ; {
		i := bytes.IndexByte(s[from:], '"')
		if i < 0 {
			return nil, nil, false
		}
		i += from
		back := 0
		for back < i && s[i-1-back] == '\\' {
			back++
		}
		if back%2 == 0 {
			return s[:i], s[i+1:], true
		}
		from = i + 1
	}
}

// unescape undoes \" \\ \n \r \t \v and \xHH.
func unescape(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'v':
			out = append(out, '\v')
		case 'b':
			out = append(out, '\b')
		case 'x':
			if i+2 < len(s) {
				if v, err := strconv.ParseUint(line.String(s[i+1:i+3]), 16, 8); err == nil {
					out = append(out, byte(v))
					i += 2
					continue
				}
			}
			out = append(out, '\\', 'x')
		default:
			out = append(out, s[i])
		}
	}
	return out
}

// Unreadable stands for a request line that is none: a TLS greeting on a plain
// port, or nothing at all. The access happened, so the record is kept.
const Unreadable = "(unreadable request)"

// Decode implements ingest.Decoder.
func (d *Decoder) Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error {
	if bytes.IndexByte(text, 0) >= 0 {
		return &line.Error{Cause: line.Control}
	}
	f, ok := split(text)
	if !ok {
		if line.LooksJSON(text) {
			return &line.Error{Cause: line.IsJSON}
		}
		return &line.Error{Cause: line.Syntax}
	}
	at, ok := d.times.Parse(f.time)
	if !ok {
		return &line.Error{Field: "time", Cause: line.Time}
	}
	if err := d.clock.Check(at); err != nil {
		return err
	}
	rec.Time = at
	var lost bool
	if rec.Client.IP, lost = line.Address(f.client, d.address); lost {
		req.Lost |= catalog.LostAddress
	}
	if !line.Absent(f.user) {
		user := unescape(f.user)
		if err := line.CheckID("actor.id", user); err != nil {
			return err
		}
		rec.Actor.ID = event.ActorID(line.String(user))
	}
	if !line.Absent(f.status) {
		if rec.Status, ok = line.Status(f.status); !ok {
			return &line.Error{Field: "status", Cause: line.Type}
		}
	}
	if !line.Absent(f.agent) {
		if rec.Client.Agent, lost = line.Clean(unescape(f.agent), line.MaxAgent); lost {
			req.Lost |= catalog.LostText
		}
	}
	req.Method, req.URI = request(f.request)
	if d.referer > 0 {
		if d.noted[d.referer-1] = nil; !line.Absent(f.referer) {
			d.noted[d.referer-1] = unescape(f.referer)
		}
	}
	return nil
}

// Referer is the one field of a line that no record keeps, as it is asked for.
const Referer = "cs-referer"

// Ask implements ingest.Asked.
func (d *Decoder) Ask(names []string) {
	d.referer, d.noted = slices.Index(names, Referer)+1, make([][]byte, len(names))
}

// Fields implements ingest.Asked.
func (d *Decoder) Fields() [][]byte { return d.noted }

// request splits "GET /a HTTP/1.1".
func request(s []byte) (method, uri string) {
	m, rest, ok := bytes.Cut(s, []byte(" "))
	if !ok || !isMethod(m) {
		return "", Unreadable
	}
	if i := bytes.LastIndex(rest, []byte(" HTTP/")); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) == 0 {
		return "", Unreadable
	}
	return line.String(m), line.String(unescape(rest))
}

func isMethod(s []byte) bool {
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 20
}
