package records

import (
	"bytes"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

const catalogText = `version: 1
account: {pattern: "m[0-9]+"}
items:
  name: {ko: 성명, en: name, class: ordinary}
sources:
  app:
    format: json
    fields: {time: time, uri: uri}
routes:
  - {route: "GET /members/{member}", items: [name], account: path.member}
  - {route: GET /export, items: [name], account: list}
`

func decoder(t testing.TB) *Decoder {
	cat, err := catalog.Parse("c.yaml", []byte(catalogText))
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(cat, "app", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecode(t *testing.T) {
	var rec event.Record
	full := `{"time":"2025-03-01T00:12:29.348+09:00","id":"f13f","actor":{"id":"s103","type":"staff"},"credential":{"key":"k","token":"t"},"client":{"ip":"10.1.2.3","agent":"a","country":"KR","network":"AS4766"},"method":"GET","uri":"/members/m42?x=1","status":200,"rows":1}`
	if err := decoder(t).Decode([]byte(full), &rec); err != nil {
		t.Fatal(err)
	}
	if rec.Source != "app" || string(rec.ID) != "f13f" || string(rec.Actor.ID) != "s103" || rec.Actor.Type != "staff" || rec.Credential.Key != "k" ||
		string(rec.Credential.Token) != "t" || rec.Client.IP.String() != "10.1.2.3" || rec.Client.Country != "KR" || rec.Client.Network != "AS4766" ||
		rec.Route != "GET /members/{member}" || rec.Status != 200 || rec.Rows != 1 || len(rec.Subjects) != 1 || string(rec.Subjects[0]) != "m42" {
		t.Fatalf("%+v", rec)
	}
	list := `{"time":1740755549.348,"method":"GET","uri":"/export","status":200,"subjects":["m1","m2"]}`
	if err := decoder(t).Decode([]byte(list), &rec); err != nil || len(rec.Subjects) != 2 || rec.Rows != event.RowsUnknown || rec.ID != "" {
		t.Fatalf("%+v %v", rec, err)
	}
	route := `{"time":1740755549.348,"route":"GET /export","subjects":["m1"]}`
	if err := decoder(t).Decode([]byte(route), &rec); err != nil || rec.Route != "GET /export" || !rec.Mapped {
		t.Fatalf("%+v %v", rec, err)
	}
	same := `{"time":1740755549.348,"uri":"/export","source":"app","more":12}`
	if err := decoder(t).Decode([]byte(same), &rec); err != nil || rec.Source != "app" || rec.Rows != 12 {
		t.Fatalf("%+v %v", rec, err)
	}
	d := decoder(t)
	for _, text := range []string{`{"time":1740755549,"uri":"/x","client":{"ip":"999.1.2.3"}}`, `{"time":1740755549,"uri":"/x","client":{"agent":"\u001b"}}`} {
		if err := d.Decode([]byte(text), &rec); err != nil {
			t.Fatal(err)
		}
	}
	if d.Lost != (Lost{Addresses: 1, Texts: 1}) {
		t.Errorf("lost: %+v", d.Lost)
	}
	// What is refused is not left in the line that its receiver keeps.
	secret := []byte(`{"time":1740755549,"uri":"/x","credential":{"token":"Bearer s3cr3t"}}`)
	if err := decoder(t).Decode(secret, &rec); err == nil || bytes.Contains(secret, []byte("s3cr3t")) {
		t.Errorf("%s", secret)
	}
	bad := func(text, want string) {
		t.Helper()
		err := decoder(t).Decode([]byte(text), &rec)
		if err == nil || err.Field+" "+err.Cause.Code != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	bad(`{"time":1740755549,"uri":"/x","sujects":["m1"]}`, "sujects unknown_field")
	bad(`{"time":1740755549,"uri":"/x","actor":{"name":"x"}}`, "actor.name unknown_field")
	bad(`{"time":1740755549,"uri":"/x","m1000001":1}`, " unknown_field") // a key that may be somebody
	bad(`{"time":1740755549,"uri":"/x","source":"other"}`, "source other_source")
	bad(`{"time":1740755549}`, "uri missing")
	bad(`{"uri":"/x"}`, "time missing")
	bad(`{"time":1740755549,"uri":"/x","subjects":[{"a":1}]}`, "subjects type")
	bad(`{"time":1740755549,"uri":"/x","credential":{"token":"Bearer x"}}`, "credential.token bearer")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"time":1740755549.348,"method":"GET","uri":"/export","status":200,"subjects":["m1","m2"]}`))
	d := decoder(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		var rec event.Record
		if d.Decode(text, &rec) == nil && (rec.Time == 0 || rec.Route == "") {
			t.Fatal("a record without a time or a route")
		}
	})
}
