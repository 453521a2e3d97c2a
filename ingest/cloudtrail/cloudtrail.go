// Package cloudtrail reads the events of AWS CloudTrail: who called which
// interface of which service, with which key, from where, and what of it was
// answered.
//
// The central idea: a call becomes a request with a path,
//
//	GET  /aws/s3/GetObject/shop-members/profiles/m1000042.json
//	GET  /aws/secretsmanager/GetSecretValue/prod/shop/db
//	GET  /aws/dynamodb/GetItem/Members?memberId=m1000042
//	POST /aws/signin/ConsoleLogin
//
// so that the catalog says of it, as of any other request, which items the answer
// carried and whose. The method is GET where the event only reads, else POST.
//
//	record            event
//	Time, ID          eventTime, eventID
//	Actor.ID          userIdentity: arn, else what names somebody (identity.go)
//	Actor.Type        userIdentity.type, as AWS writes it
//	Credential.Key    the key that lasts: of a user AKIA…, of a session the role it was made from
//	Credential.Token  the session: its key id ASIA…, or credentialId; of an event that
//	                  issues a session, the one that was issued
//	Client.IP         sourceIPAddress; where AWS itself called, Client.Network names the service
//	Client.Agent      userAgent
//	Action            from eventName, where the catalog does not say it
//	Status            200, or what errorCode amounts to (outcome.go)
//
// Of requestParameters and responseElements only what names the object is looked
// at, and the id of an issued key. Passwords, secrets and session tokens stand
// there, too: nothing else of them is kept, not even with an event that is set
// aside (cover.go).
package cloudtrail

import (
	"bytes"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
)

// Key is where the files that CloudTrail delivers have their events.
const Key = "Records"

// Reads reports whether a text looks like an event. It may be cut off.
func Reads(text []byte) bool {
	return bytes.Contains(text, []byte(`"eventVersion"`)) && bytes.Contains(text, []byte(`"eventTime"`))
}

// Decoder reads events. It belongs to one goroutine.
type Decoder struct {
	times *line.Times
	clock line.Clock
	ev    call
	uri   []byte
	block []byte // where texts are made that outlive an event

	text   []byte // the event decoded last
	wants  *wanted
	fields [][]byte
}

// call is an event as far as it is looked at.
type call struct {
	who                                identity
	source, name, error, address       []byte
	agent                              []byte
	parameters, response, resources    []byte // as they are written
	additional, details                []byte
	reads, readsSaid, timed, nameAtAll bool
}

// New makes a decoder; now bounds its clock.
func New(_ *catalog.Source, now time.Time) *Decoder {
	return &Decoder{times: line.NewTimes(nil), clock: line.NewClock(now)}
}

// Decode implements ingest.Decoder.
func (d *Decoder) Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error {
	ev := &d.ev
	*ev = call{}
	if err := d.read(text, rec, 0); err != nil {
		return err
	}
	switch {
	case !ev.timed:
		return &line.Error{Field: "eventTime", Cause: line.Missing}
	case len(ev.source) == 0:
		return &line.Error{Field: "eventSource", Cause: line.Missing}
	case len(ev.name) == 0:
		return &line.Error{Field: "eventName", Cause: line.Missing}
	}
	for _, f := range []struct {
		name string
		v    []byte
	}{{"eventSource", ev.source}, {"eventName", ev.name}} {
		if err := line.CheckID(f.name, f.v); err != nil {
			return err
		}
	}
	if err := d.credential(rec); err != nil {
		return err
	}
	d.client(rec, req)
	d.request(req)
	rec.Status = ev.status()
	return nil
}

// Unfold gives the events of a document that stands on one line.
func (*Decoder) Unfold(text []byte) []element.Cut {
	c := element.New(Key, 0)
	return c.End(c.Feed(text, nil))
}

// read takes what is needed of an event, or of the one that EventBridge wraps.
func (d *Decoder) read(text []byte, rec *event.Record, depth int) *line.Error {
	ev := &d.ev
	d.text = text
	var failed *line.Error
	var detail []byte
	fail := func(field string, c line.Cause) {
		if failed == nil {
			failed = &line.Error{Field: field, Cause: c}
		}
	}
	o := element.Members(text)
	for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
		if string(v) == "null" {
			continue
		}
		word := func(into *[]byte) {
			s, ok := element.Text(v)
			if !ok {
				fail(string(name), line.Type)
			}
			*into = s
		}
		switch string(name) {
		case "eventTime":
			var s []byte
			word(&s)
			at, ok := d.times.Parse(s)
			if !ok {
				fail("eventTime", line.Time)
				continue
			}
			if err := d.clock.Check(at); err != nil {
				fail("eventTime", err.Cause)
				continue
			}
			rec.Time, ev.timed = at, true
		case "eventID":
			var s []byte
			word(&s)
			if err := line.CheckID("eventID", s); err != nil {
				fail("eventID", err.Cause)
			}
			rec.ID = event.RecordID(line.String(s))
		case "eventSource":
			word(&ev.source)
		case "eventName":
			word(&ev.name)
		case "errorCode":
			word(&ev.error)
		case "sourceIPAddress":
			word(&ev.address)
		case "userAgent":
			word(&ev.agent)
		case "readOnly":
			// A boolean; lookup-events writes it as a text.
			ev.readsSaid, ev.reads = true, string(v) == "true" || string(v) == `"true"`
		case "userIdentity":
			if field := ev.who.read(v); field != "" {
				fail(field, line.Type)
			}
		case "requestParameters":
			ev.parameters = v
		case "responseElements":
			ev.response = v
		case "resources":
			ev.resources = v
		case "additionalEventData":
			ev.additional = v
		case "serviceEventDetails":
			ev.details = v
		case "detail":
			detail = v
		case Key:
			if !ev.timed && v[0] == '[' {
				fail("", line.IsDocument)
			}
		}
	}
	switch {
	case o.Bad() && bytes.HasPrefix(text, []byte(`{"`+Key+`":[`)): // some of its events may be sound
		return &line.Error{Cause: line.IsDocument}
	case o.Bad():
		return &line.Error{Cause: line.Syntax}
	case failed != nil:
		return failed
	case !ev.timed && detail != nil && depth == 0:
		return d.read(detail, rec, 1)
	}
	return nil
}

// client says from where.
func (d *Decoder) client(rec *event.Record, req *catalog.Request) {
	ev := &d.ev
	var lost bool
	if rec.Client.IP = line.IP(ev.address); !rec.Client.IP.IsValid() && !line.Absent(ev.address) {
		// "ec2.amazonaws.com", "AWS Internal": nobody's address. What begins as a
		// number was to be one.
		if c := ev.address[0]; c >= '0' && c <= '9' || bytes.IndexByte(ev.address, ':') >= 0 {
			req.Lost |= catalog.LostAddress
		} else if rec.Client.Network, lost = line.Clean(ev.address, line.MaxID); lost {
			req.Lost |= catalog.LostText
		}
	}
	if rec.Client.Agent, lost = line.Clean(ev.agent, line.MaxAgent); lost {
		req.Lost |= catalog.LostText
	}
}

// keep gives b's bytes a place that is not written again: ids may point into the
// path of an event as long as the chunk it stands in.
func (d *Decoder) keep(b []byte) string {
	if cap(d.block)-len(d.block) < len(b) {
		d.block = make([]byte, 0, max(16<<10, len(b)))
	}
	from := len(d.block)
	d.block = append(d.block, b...)
	return line.String(d.block[from:])
}
