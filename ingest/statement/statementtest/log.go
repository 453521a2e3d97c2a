package statementtest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

// shop describes two tables of a database, in the log that db is.
const shop = `version: 1
account: {pattern: "m[0-9]{7}"}
items:
  name:    {ko: 성명,         en: name,         class: ordinary}
  phone:   {ko: 휴대전화번호, en: phone number, class: contact}
  address: {ko: 주소,         en: address,      class: contact}
sources:
  db: {format: FORMAT, zone: Asia/Seoul, set: {actor.type: staff}, actors: {shop_app: service}}
routes:
  - {route: TABLE SCHEMA.members, account: column.id, columns: {name: [name], phone: [phone]}, items: []}
  - {route: TABLE SCHEMA.orders, account: column.member_id, columns: {address: [address]}, items: []}
`

// Decoder is one of a database's log.
type Decoder interface {
	Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error
	Cover(text []byte)
}

// Log is a log of the shop's database, with its decoder and catalog.
type Log struct {
	Catalog *catalog.Catalog
	Decoder Decoder
}

// NewLog makes one of a format. The tables stand in schema; routes are further ones.
func NewLog[D Decoder](t testing.TB, format, schema, routes string, decoder func(*catalog.Source, time.Time) D) (Log, D) {
	t.Helper()
	c, err := catalog.Parse("c.yaml", []byte(strings.NewReplacer("FORMAT", format, "SCHEMA", schema).Replace(shop)+routes))
	if err != nil {
		t.Fatal(err)
	}
	src, _ := c.Source("db")
	d := decoder(src, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	return Log{c, d}, d
}

// Record is what a line becomes. Without one, aside says why the line is set aside, or
// is empty for one that tells of no access.
func (l Log) Record(text []byte) (rec *event.Record, aside string) {
	rec = &event.Record{Source: "db", Rows: event.RowsUnknown}
	var req catalog.Request
	if err := l.Decoder.Decode(text, rec, &req); err != nil {
		if err == line.NoAccess {
			return nil, ""
		}
		return nil, "aside: " + err.Error()
	}
	l.Catalog.Fill(rec, req)
	return rec, ""
}

// Who names the accounts of a record, which do not print themselves.
func Who(rec *event.Record) string {
	var who []string
	for _, id := range rec.Subjects {
		who = append(who, string(id))
	}
	return strings.Join(who, " ")
}

// Address is that of a record, or empty.
func Address(rec *event.Record) string {
	if !rec.Client.IP.IsValid() {
		return ""
	}
	return rec.Client.IP.String()
}

// Covered holds a decoder to leave nothing of some words in texts that are set aside.
func Covered(t *testing.T, d Decoder, texts []string, words ...string) {
	t.Helper()
	for _, text := range texts {
		b := []byte(text)
		d.Cover(b)
		for _, w := range words {
			if bytes.Contains(b, []byte(w)) {
				t.Errorf("%s is left in %s", w, b)
			}
		}
		if len(b) != len(text) {
			t.Errorf("%s: the length is another one", b)
		}
	}
}

// Fuzz tries lines: none stops a decoder, and none is told at length in an error.
func Fuzz(f *testing.F, l Log, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, aside := l.Record(text); len(aside) > 200 {
			t.Errorf("an error as long as %d bytes", len(aside))
		}
		l.Decoder.Cover(bytes.Clone(text))
	})
}
