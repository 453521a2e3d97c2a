package jsonlines

import (
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// TestSeveralForms: a mapping may name a key and what is inside it. Of a text the first
// counts, of an object or a list the second; a list of accounts is both.
func TestSeveralForms(t *testing.T) {
	c, err := catalog.Parse("c.yaml", []byte(`
sources:
  app:
    fields:
      time: t
      uri: u
      actor.id: [user.id, user]
      credential.token: ids.0
      credential.key: key
      client.network: key.0.name
      subjects: ids
`))
	if err != nil {
		t.Fatal(err)
	}
	src, _ := c.Source("app")
	d, err := New(src, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ text, want string }{
		{`"user":"kim"`, "actor kim"},
		{`"user":{"id":"m1"}`, "actor m1"},
		{`"user":{"name":"kim"}`, "actor "},
		{`"ids":["m1","m2"]`, "actor  token m1 of m1 m2"},
		{`"ids":[ "m1" ],"user":"kim"`, "actor kim token m1 of m1"},
		{`"ids":[]`, "actor "},
		{`"ids":"m1,m2"`, "actor  list m1,m2"},
		{`"ids":[{"a":["m1"]}]`, "aside subjects: the value is of the wrong type"},
		{`"ids":["m1",]`, "aside the line is not of the declared format"},
		{`"ids":["m1" "m2"]`, "aside the line is not of the declared format"},
		{`"key":"k1"`, "actor  key k1"},
		{`"key":[{"name":"isp"}]`, "actor  network isp"},
	} {
		var rec event.Record
		var req catalog.Request
		got := ""
		if err := d.Decode([]byte(`{"t":"2025-03-01T00:00:00Z","u":"/a",`+test.text+`}`), &rec, &req); err != nil {
			got = "aside " + err.Error()
		} else {
			got = "actor " + string(rec.Actor.ID)
			for _, v := range [][2]string{{"token", string(rec.Credential.Token)}, {"key", rec.Credential.Key}, {"network", rec.Client.Network}, {"list", req.List}} {
				if v[1] != "" {
					got += " " + v[0] + " " + v[1]
				}
			}
			for i, id := range req.Subjects {
				if i == 0 {
					got += " of"
				}
				got += " " + string(id)
			}
		}
		if got != test.want {
			t.Errorf("%s\n is   %s\n want %s", test.text, got, test.want)
		}
	}
}
