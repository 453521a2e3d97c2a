// Package records is the JSON form of an access record, one object a line, as
// POST /v1/records takes it and as a service writes it that knows what it
// answered (package capture).
//
//	{"time":"2025-03-01T00:12:29.348+09:00","id":"f13f…","actor":{"id":"s103","type":"staff"},
//	 "credential":{"key":"staff-2025-01","token":"t95…"},
//	 "client":{"ip":"10.1.2.3","agent":"…","country":"KR","network":"AS4766"},
//	 "method":"GET","uri":"/support/members/m1000042","status":200,"rows":1,"subjects":["m1000042"]}
//
//	key         type                       meaning; what is absent is not known
//	time        text or number, required   RFC 3339, or seconds, milli-, micro- or nanoseconds since 1970
//	id          text                       makes the record count once however often it is sent
//	actor       {id, type}                 who connected; type is a word of the catalog
//	credential  {key, token}               ids of the signing key and of the token, never their values
//	client      {ip, agent, country, network}
//	method, uri text                       the catalog finds the route by them
//	route       text                       instead of uri: the template, where the service knows it
//	status      0 to 999                   the outcome, as HTTP has it
//	rows        0 to 2,147,483,647         how many rows the answer held
//	subjects    list of texts              the accounts whose data the answer held
//	more        0 to 2,147,483,647         how many accounts they are, where they are too many to be named
//	source      text                       the source the token was made for, and no other
//
// The source need not be in the line: it is the one the token was made for. A key
// that is not in this table is an error, so that a typing mistake is noticed.
package records

import (
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/jsonlines"
	"github.com/haetae/haetae/ingest/line"
)

// keys is the table above.
var keys = map[catalog.Field]string{
	catalog.FieldTime: "time", catalog.FieldID: "id",
	catalog.FieldActorID: "actor.id", catalog.FieldActorType: "actor.type",
	catalog.FieldKey: "credential.key", catalog.FieldToken: "credential.token",
	catalog.FieldIP: "client.ip", catalog.FieldAgent: "client.agent",
	catalog.FieldCountry: "client.country", catalog.FieldNetwork: "client.network",
	catalog.FieldMethod: "method", catalog.FieldURI: "uri", jsonlines.FieldRoute: "route",
	catalog.FieldStatus: "status", catalog.FieldRows: "rows", catalog.FieldSubjects: "subjects",
	catalog.FieldMore: "more", jsonlines.FieldSource: "source",
}

// Decoder reads records of one source. It belongs to one goroutine.
type Decoder struct {
	lines  *jsonlines.Decoder
	cat    *catalog.Catalog
	source string

	// Lost counts what could not be kept of records that were decoded.
	Lost Lost

	watch ingest.Watcher  // nil: nobody
	req   catalog.Request // of the line decoded last
}

// Watch lets somebody look at the lines, when Look is called.
func (d *Decoder) Watch(w ingest.Watcher) {
	d.watch = w
	d.lines.Ask(w.Asks())
}

// Look lets whoever watches see the line decoded last, once all is known of it.
func (d *Decoder) Look(text []byte, rec *event.Record) {
	if d.watch != nil {
		d.watch.Look(text, d.lines.Fields(), rec, &d.req)
	}
}

// Lost is how many records lack something that stood in their lines: a client
// address that cannot be read, a text that was cut or cleaned.
type Lost struct{ Addresses, Texts int64 }

// New makes a decoder; now bounds the clock of what it accepts.
func New(cat *catalog.Catalog, source string, now time.Time) (*Decoder, error) {
	d, err := jsonlines.NewStrict(keys, now)
	if err != nil {
		return nil, err
	}
	return &Decoder{lines: d, cat: cat, source: source}, nil
}

// Decode reads one line into rec. Its ids point into text. If it gives an error,
// it has covered in text what must not be kept with a line that is set aside.
func (d *Decoder) Decode(text []byte, rec *event.Record) *line.Error {
	*rec = event.Record{Source: d.source, Rows: event.RowsUnknown}
	var req catalog.Request
	err := d.lines.Decode(text, rec, &req)
	if err == nil && req.URI == "" && req.Route == "" {
		err = &line.Error{Field: "uri", Cause: line.Missing}
	}
	if err != nil {
		line.Mask(text, d.lines.Refused()...)
		return err
	}
	if req.Lost&catalog.LostAddress != 0 {
		d.Lost.Addresses++
	}
	if req.Lost&catalog.LostText != 0 {
		d.Lost.Texts++
	}
	d.cat.Fill(rec, req)
	if len(rec.Subjects) > event.MaxSubjects {
		line.Mask(text)
		return &line.Error{Field: "subjects", Cause: line.TooMany}
	}
	d.req = req
	return nil
}
