package jsonlines

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/haetae/haetae/catalog"
)

const choicesCatalog = `
sources:
  app:
    fields:
      time: [when, "{date}T{clock}Z"]
      id: "{host}-{seq}"
      actor.id: [user.id, user.ids.0, user.name]
      actor.type: user.kind
      credential.token: [token.jti, session]
      client.ip: [forwarded.0.ip, ip]
      method: verb
      uri: ["/web/{kind}{+path}", "/app/{kind}/{what.name}", "/other"]
      status: [code, error]
      rows: rows
      subjects: people
    values:
      status: {"-": 200, "*": 400, denied: 403, "200": 200, "404": 404}
      method: {fetch: GET, "-": POST}
`

func chooser(t testing.TB) *Decoder {
	c, err := catalog.Parse("c.yaml", []byte(choicesCatalog))
	if err != nil {
		t.Fatal(err)
	}
	src, _ := c.Source("app")
	d, err := New(src, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestChoices(t *testing.T) {
	tm := `"when":"2025-03-01T00:00:00Z"`
	for _, test := range []struct{ text, want string }{
		{`{` + tm + `}`, "| | |POST /other 200"},
		{`{"date":"2025-03-01","clock":"00:00:00"}`, "| | |POST /other 200"},
		{`{` + tm + `,"host":"h","seq":7}`, "h-7| | |POST /other 200"},
		{`{` + tm + `,"host":"h","seq":"-"}`, "| | |POST /other 200"},
		{`{` + tm + `,"user":{"name":"n"}}`, "|n | |POST /other 200"},
		{`{` + tm + `,"user":{"name":"n","ids":["a","b"]}}`, "|a | |POST /other 200"},
		{`{` + tm + `,"user":{"name":"n","ids":[]},"user.id":"i"}`, "|i | |POST /other 200"},
		{`{` + tm + `,"user":{"id":"","name":"n","kind":"staff"}}`, "|n staff| |POST /other 200"},
		{`{` + tm + `,"session":"s","token":{"jti":"j"}}`, "| |j |POST /other 200"},
		{`{` + tm + `,"session":"s","token":{"jti":null}}`, "| |s |POST /other 200"},
		{`{` + tm + `,"ip":"192.0.2.1"}`, "| | 192.0.2.1|POST /other 200"},
		{`{` + tm + `,"ip":"192.0.2.1","forwarded":[{"x":1,"ip":"192.0.2.9"},{"ip":"192.0.2.8"}]}`, "| | 192.0.2.9|POST /other 200"},
		{`{` + tm + `,"verb":"fetch","kind":"a","path":"/x/y?z=1"}`, "| | |GET /web/a/x/y?z=1 200"},
		{`{` + tm + `,"verb":"DELETE","kind":"a/../b","what":{"name":"q?r"}}`, "| | |DELETE /app/a%2F..%2Fb/q%3Fr 200"},
		{`{` + tm + `,"kind":"..","what":{"name":"."}}`, "| | |POST /app/…/… 200"},
		{`{` + tm + `,"kind":"a","path":"/x/../../../other"}`, "| | |POST /web/a/… 200"},
		{`{` + tm + `,"kind":"a","path":"/x/%2e%2E/%2e./y"}`, "| | |POST /web/a/… 200"},
		{`{` + tm + `,"kind":"a","path":"/x/../y"}`, "| | |POST /web/a/x/../y 200"},
		{`{` + tm + `,"error":"denied"}`, "| | |POST /other 403"},
		{`{` + tm + `,"error":"what"}`, "| | |POST /other 400"},
		{`{` + tm + `,"error":"denied","code":404}`, "| | |POST /other 404"},
		{`{"date":"2025-03-01"}`, "time missing"},
		{`{"when":"noon"}`, "time time"},
		{`{` + tm + `,"user":{"name":{"first":"x"}}}`, "actor.id type"},
		{`{` + tm + `,"user":{"ids":[["x"]]}}`, "actor.id type"},
		{`{` + tm + `,"user":{"ids":["x"`, " syntax"},
		{`{` + tm + `,"user":{"ids":["x" "y"]}}`, " syntax"},
		{`{` + tm + `,"session":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}`, "credential.token bearer"},
		{`{` + tm + `,"host":"h","seq":"` + strings.Repeat("9", 300) + `"}`, "id too_long"},
	} {
		// Whatever the line before was, the outcome is the same.
		for _, before := range []string{`{}`, test.text, `{"session":"old","user":{"id":"old","name":"old"},` + tm + `,"error":"denied","kind":"old"}`} {
			d := chooser(t)
			decode(d, []byte(before))
			got := decode(d, []byte(test.text))
			ip := ""
			if got.rec.Client.IP.IsValid() {
				ip = got.rec.Client.IP.String()
			}
			said := fmt.Sprintf("%s|%s %s|%s %s|%s %s %d", string(got.rec.ID), string(got.rec.Actor.ID), got.rec.Actor.Type, string(got.rec.Credential.Token), ip, got.req.Method, got.req.URI, got.rec.Status)
			if got.err != "" {
				said = got.err
			}
			if said != test.want {
				t.Errorf("%.120s behind %.20s: %s, want %s", test.text, before, said, test.want)
			}
		}
	}
}

// TestRefusedChoice: a token that was refused is covered, not what was chosen from.
func TestRefusedChoice(t *testing.T) {
	d := chooser(t)
	text := `{"when":"2025-03-01T00:00:00Z","session":"Bearer abcdef","ip":"192.0.2.1"}`
	if got := decode(d, []byte(text)); got.err != "credential.token bearer" {
		t.Fatal(got.err)
	}
	for _, s := range d.Refused() {
		if text[s.From:s.To] != `"Bearer abcdef"` {
			t.Errorf("covered: %d to %d", s.From, s.To)
		}
	}
	if len(d.Refused()) != 1 {
		t.Errorf("%d places are covered", len(d.Refused()))
	}
}

// lookup finds a dotted key as the catalog means it.
func lookup(v any, path string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if key == path {
				return inner, true
			}
			if rest, ok := strings.CutPrefix(path, key+"."); ok {
				if found, ok := lookup(inner, rest); ok {
					return found, true
				}
			}
		}
	case []any:
		for i, inner := range v {
			if key := fmt.Sprint(i); key == path {
				return inner, true
			} else if rest, ok := strings.CutPrefix(path, key+"."); ok {
				if found, ok := lookup(inner, rest); ok {
					return found, true
				}
			}
		}
	}
	return nil, false
}

// TestChoicesAgainstJSON: over random lines, the actor is what a plain reading by
// encoding/json says, whatever line came before.
func TestChoicesAgainstJSON(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	d := chooser(t)
	word := func() any {
		return []any{"", "-", "a", "b\"c", "é", nil, r.IntN(9), true}[r.IntN(8)]
	}
	for range 5000 {
		user := map[string]any{}
		for _, k := range []string{"id", "name", "kind", "x"} {
			if r.IntN(2) == 0 {
				user[k] = word()
			}
		}
		if r.IntN(2) == 0 {
			var ids []any
			for range r.IntN(3) {
				ids = append(ids, word())
			}
			user["ids"] = ids
		}
		doc := map[string]any{"when": 1740784286, "x": []any{map[string]any{"id": "no"}}}
		if r.IntN(2) == 0 {
			doc["user"] = user
		} else {
			for k, v := range user {
				doc["user."+k] = v
			}
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, key := range []string{"user.id", "user.ids.0", "user.name"} {
			if v, ok := lookup(doc, key); ok && v != nil && v != "" && v != "-" {
				want = fmt.Sprint(v)
				break
			}
		}
		if got := decode(d, text); got.err != "" || string(got.rec.Actor.ID) != want {
			t.Fatalf("seed %d, %s: %q %q, want %q", seed, text, got.err, string(got.rec.Actor.ID), want)
		}
	}
}

// FuzzChoices: never a panic; the line before changes nothing; what is accepted
// is JSON.
func FuzzChoices(f *testing.F) {
	f.Add([]byte(`{"when":1740784286,"user":{"ids":["a"]},"forwarded":[{"ip":"192.0.2.1"}],"kind":"..","path":"/../x"}`), []byte(`{"date":"2025-03-01","clock":"00:00:00","error":"denied","session":"Bearer x"}`))
	f.Add([]byte(`{"when":1740784286,"user":{"ids":[{},[],1]}}`), []byte(`{"when":1,"user":[{"id":1}]}`))
	f.Fuzz(func(t *testing.T, before, text []byte) {
		fresh := decode(chooser(t), text)
		d := chooser(t)
		decode(d, before)
		same(t, fresh, decode(d, text))
		for _, s := range d.Refused() {
			if s.From < 0 || s.To > len(text) || s.From > s.To {
				t.Fatal("a place outside the line")
			}
		}
		if fresh.err == "" && !json.Valid(text) && !json.Valid([]byte(strings.Map(func(r rune) rune {
			if r < 0x20 {
				return ' '
			}
			return r
		}, string(text)))) {
			t.Fatal("accepted what is not JSON")
		}
	})
}
