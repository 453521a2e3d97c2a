package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/haetae/haetae/packs"
)

const wholeCatalog = `version: 1
zone: Asia/Seoul
account: {pattern: "m[0-9]{7}", member_types: [member, buyer]}
items:
  name: {ko: 성명, en: name, class: ordinary}
  rrn: {ko: 주민등록번호, en: resident registration number, class: unique_identifier}
sources:
  app:
    format: json
    match: "app*.log"
    cadence: 10m
    zone: UTC
    fields: {time: ts, uri: http.request.path, actor.id: user.id, subjects: who}
    separator: "|"
    set: {actor.type: staff, method: GET}
routes:
  - {route: "GET /a/{id}", items: [name], account: path.id, from: 2025-01-01, until: 2025-03-01T00:00:00+09:00}
  - {route: "GET /a/{id}", items: [name, rrn], account: path.id, from: 2025-03-01, success: [2xx, 304, 400-403], note: as of March}
  - {route: "GET /b", items: [name], account: query.ids, separator: ",", shows: account_holder, action: export}
  - {route: "ANY /static/*", items: []}
  - {route: TABLE shop.members, items: [], columns: {name: [name]}, account: column.id}
  - {route: FUNCTION shop.name_of, items: [name], account: argument.1, over: [shop.members]}
  - {route: CALL shop.report, items: [name], account: none}
`

func TestParse(t *testing.T) {
	c, err := Parse("whole.yaml", []byte(wholeCatalog))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Items) != 2 || c.Items[1].Class != UniqueIdentifier || c.Items[1].KO != "주민등록번호" {
		t.Errorf("items: %+v", c.Items)
	}
	s, ok := c.SourceFor("logs/app-1.log")
	if !ok || s.Fields[FieldURI] != "http.request.path" || s.Cadence.String() != "10m0s" || s.Zone.String() != "UTC" || s.Separator != "|" {
		t.Errorf("source: %+v", s)
	}
	if got := len(c.Routes()); got != 6 {
		t.Errorf("%d routes, want 6: two answers of one route are one route", got)
	}
	r := c.byName["GET /a/{id}"]
	if len(r.Answers) != 2 || r.Answers[0].Until != r.Answers[1].From {
		t.Errorf("answers: %+v", r.Answers)
	}
	if got := r.Answers[1].Success.String(); got != "200-299, 304, 400-403" {
		t.Errorf("success: %s", got)
	}
}

// TestParseErrors holds one wrong line per case. The sound parts around it are
// the same, so the line number is that of the mistake.
func TestParseErrors(t *testing.T) {
	const items = "items:\n  name: {ko: 성명, en: name, class: ordinary}\n" // lines 1-2
	route := func(s string) string { return items + "routes:\n  - {" + s + "}\n" }
	const ok = `route: "GET /a/{id}", items: [name], account: path.id`
	source := func(s string) string { return "sources:\n  app:\n" + s }
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "c.yaml:1: the file is empty"},
		{"comment only", "# nothing\n", "c.yaml:1: the file is empty"},
		{"text", "hello", "c.yaml:1: expected keys and values, found one value"},
		{"list", "- a\n", "c.yaml:1: expected keys and values, found a list"},
		{"null", "~", "c.yaml:1: expected keys and values, found nothing"},
		{"syntax", "items: [\n", "c.yaml:1: not readable as YAML: a bracket is not closed, or a value is missing"},
		{"tab", "items:\n\tname: x\n", "c.yaml:2: not readable as YAML: a tab before a line, or a character (@, `, %) that needs quotes"},
		{"two documents", "zone: UTC\n---\nzone: UTC\n", "c.yaml:2: a second document begins here; a file holds one"},
		{"unknown key", "zone: UTC\nitmes: {}\n", `c.yaml:2: unknown key; did you mean "items"?; known are version, zone, account, items, words, sources, routes`},
		{"repeated key", "zone: UTC\nzone: UTC\n", "c.yaml:2: zone: stands twice; first on line 1"},
		{"no value", "zone: UTC\nitems:\n", "c.yaml:2: items: has no value"},
		{"key is a list", "? [a]\n: b\n", "c.yaml:1: a key is a plain word"},
		{"reference", "items: &i\n  name: {ko: 성명, en: name, class: ordinary}\nsources: *i\n", "c.yaml:3: sources: YAML references (*) are not supported: write the value out"},
		{"merge key", "items:\n  name: {<<: {ko: 성명}, en: name, class: ordinary}\n", "c.yaml:2: items[0]: unknown key; known are ko, en, class\nc.yaml:2: items[0].ko: is missing: notices and reports name the item in both languages"},
		{"version", "version: 2\n", "c.yaml:1: version: this catalog is of a newer version, and this haetae reads up to version 1: a newer haetae is needed"},
		{"version word", "version: one\n", "c.yaml:1: version: expected a number, like 1"},
		{"zone", "zone: Seoul\n", `c.yaml:1: zone: unknown time zone; zones are named like Asia/Seoul or UTC`},
		{"zone local", "zone: Local\n", `c.yaml:1: zone: unknown time zone; zones are named like Asia/Seoul or UTC`},
		{"zone list", "zone: [UTC]\n", "c.yaml:1: zone: expected one value, found a list"},

		{"fan out of one", route(ok + ", fan_out: 30"), "c.yaml:4: routes[0].fan_out: is only for account: list or query.NAME; anything else names one account"},
		{"fan out", route(`route: GET /a, items: [name], account: list, fan_out: 1`), "c.yaml:4: routes[0].fan_out: expected a number from 2 to 10000"},

		{"pattern", "account: {pattern: \"m[0-9\"}\n", "c.yaml:1: account.pattern: not a regular expression: missing closing ]"},
		{"pattern empty id", "account: {pattern: \"[0-9]*\"}\n", "c.yaml:1: account.pattern: the pattern also fits the empty id"},
		{"pattern long", "account: {pattern: \"" + strings.Repeat("a", 300) + "\"}\n", "c.yaml:1: account.pattern: the pattern is longer than 256 bytes"},
		{"member types", "account: {member_types: []}\n", "c.yaml:1: account.member_types: the list is empty: without members nobody reads their own data"},
		{"member types word", "account: {member_types: member}\n", "c.yaml:1: account.member_types: expected a list, found one value"},

		{"item name", "items:\n  Name: {ko: 성명, en: name, class: ordinary}\n", "c.yaml:2: items[0]: an item name is a small letter followed by small letters, digits and _, at most 40"},
		{"item twice", items + "  name: {ko: 성명, en: name, class: ordinary}\n", "c.yaml:3: items[1]: stands twice; first on line 2"},
		{"item text", "items:\n  name: 성명\n", "c.yaml:2: items[0]: expected keys and values, found one value"},
		{"item ko", "items:\n  name: {en: name, class: ordinary}\n", "c.yaml:2: items[0].ko: is missing: notices and reports name the item in both languages"},
		{"item en empty", "items:\n  name: {ko: 성명, en: ' ', class: ordinary}\n", "c.yaml:2: items[0].en: is empty"},
		{"item en null", "items:\n  name:\n    ko: 성명\n    en:\n    class: ordinary\n", "c.yaml:4: items[0].en: has no value"},
		{"item control", "items:\n  name: {ko: \"성\\0명\", en: name, class: ordinary}\n", "c.yaml:2: items[0].ko: holds a control character"},
		{"item class", "items:\n  name:\n    ko: 성명\n    en: name\n    class: secret\n", `c.yaml:5: items[0].class: unknown class: one of ordinary, contact, unique_identifier, sensitive, financial, authentication_secret, behaviour`},
		{"item class missing", "items:\n  name: {ko: 성명, en: name}\n", "c.yaml:2: items[0].class: is missing: one of ordinary, contact, unique_identifier, sensitive, financial, authentication_secret, behaviour"},
		{"items many", manyItems(65), "c.yaml:66: items[64]: a catalog has at most 64 items"},

		{"source name", "sources:\n  My App: {format: common}\n", "c.yaml:2: sources[0]: a source name is a small letter followed by small letters, digits, - and _, at most 40"},
		{"source list", "sources:\n  - app\n", "c.yaml:2: sources: expected keys and values, found a list"},
		{"source format", source("    format: jsno\n"), `c.yaml:3: sources[0].format: unknown format; did you mean "json"?: one of combined, common, json, cloudtrail, pgaudit, mariadb, keycloak, or leave it out and it is detected`},
		{"source fields missing", source("    format: json\n"), "c.yaml:2: sources[0].fields: is missing: a JSON log needs to be told which key is which field"},
		{"source fields fixed", source("    format: combined\n    fields: {time: t, uri: u}\n"), "c.yaml:4: sources[0].fields: the fields of the combined format are fixed"},
		{"source field unknown", source("    fields:\n      time: t\n      uri: u\n      actor.typ: a\n"), "c.yaml:6: sources[0].fields: unknown field; did you mean \"actor.type\"?: one of time, id, actor.id, actor.type, credential.key, credential.token, client.ip, client.agent, client.country, client.network, method, uri, status, rows, subjects, more"},
		{"source no time", source("    fields: {uri: u}\n"), "c.yaml:3: sources[0].fields.time: is missing: a record without a time cannot be placed"},
		{"source no uri", source("    fields:\n      time: t\n"), "c.yaml:4: sources[0].fields.uri: is missing: without it no request meets a route"},
		{"source dots", source("    fields: {time: t, uri: a..b}\n"), "c.yaml:3: sources[0].fields.uri: a dot leads into a nested object, so a name stands on both sides of it"},
		{"source form open", source("    fields:\n      time: t\n      uri: /a/{b\n"), "c.yaml:5: sources[0].fields.uri: a text made from keys has each in braces, like /app/{event}, or {+path} for a piece of an address"},
		{"source form closed", source("    fields: {time: t, uri: u, id: \"a}\"}\n"), "c.yaml:3: sources[0].fields.id: a text made from keys has each in braces, like /app/{event}, or {+path} for a piece of an address"},
		{"source form empty", source("    fields: {time: t, uri: \"/a/{+}\"}\n"), "c.yaml:3: sources[0].fields.uri: a text made from keys has each in braces, like /app/{event}, or {+path} for a piece of an address"},
		{"source form inside", source("    fields: {time: t, uri: \"/a/{b{c}}\"}\n"), "c.yaml:3: sources[0].fields.uri: a text made from keys has each in braces, like /app/{event}, or {+path} for a piece of an address"},
		{"source form dots", source("    fields: {time: t, uri: [u, \"/a/{b..c}\"]}\n"), "c.yaml:3: sources[0].fields.uri[1]: a dot leads into a nested object, so a name stands on both sides of it"},
		{"source forms none", source("    fields: {time: t, uri: []}\n"), "c.yaml:3: sources[0].fields.uri: a field has 1 to 16 keys to choose from"},
		{"source forms list", source("    fields: {time: t, uri: [u, [v]]}\n"), "c.yaml:3: sources[0].fields.uri[1]: expected one value, found a list"},
		{"source subjects", source("    fields: {time: t, uri: u, subjects: [a, b]}\n"), "c.yaml:3: sources[0].fields.subjects: the accounts stand under one key"},
		{"source keys many", source("    fields: {time: t, uri: u, id: [" + manyForms(16) + "], actor.id: [" + manyForms(16) + "]}\n"), "c.yaml:3: sources[0].fields: the fields name more than 200 keys"},
		{"source values unmapped", source("    fields: {time: t, uri: u}\n    values: {status: {ok: 200}}\n"), "c.yaml:4: sources[0].values.status: the field has no key in fields"},
		{"source values unknown", source("    fields: {time: t, uri: u}\n    values: {stauts: {ok: 200}}\n"), "c.yaml:4: sources[0].values: unknown field; did you mean \"status\"?: one of time, id, actor.id, actor.type, credential.key, credential.token, client.ip, client.agent, client.country, client.network, method, uri, status, rows, subjects, more"},
		{"source values types", source("    fields: {time: t, uri: u, actor.type: k}\n    values: {actor.type: {a: staff}}\n"), "c.yaml:4: sources[0].values.actor.type: the words for actors stand in actor_types"},
		{"source values time", source("    fields: {time: t, uri: u}\n    values: {time: {a: b}}\n"), "c.yaml:4: sources[0].values.time: this field has no words to translate"},
		{"source values none", source("    fields: {time: t, uri: u, status: s}\n    values: {status: {}}\n"), "c.yaml:4: sources[0].values.status: a field has 1 to 1000 words"},
		{"source values status", source("    fields: {time: t, uri: u, status: s}\n    values: {status: {ok: 200, no: 1000}}\n"), "c.yaml:4: sources[0].values.status[1]: a status is a number from 0 to 999"},
		{"source values rows", source("    fields: {time: t, uri: u, rows: s}\n    values: {rows: {none: -1}}\n"), "c.yaml:4: sources[0].values.rows[0]: not a number of rows"},
		{"source values method", source("    fields: {time: t, uri: u, method: s}\n    values: {method: {a: FETCH}}\n"), "c.yaml:4: sources[0].values.method[0]: unknown method"},
		{"source match", source("    format: common\n    match: \"a[\"\n"), "c.yaml:4: sources[0].match: not a file name pattern"},
		{"source match folder", source("    format: common\n    match: logs/*.log\n"), "c.yaml:4: sources[0].match: the pattern is for the file name alone, without its folder"},
		{"source cadence", source("    format: common\n    cadence: often\n"), "c.yaml:4: sources[0].cadence: not a length of time: write 10m, 6h or 1d"},
		{"source cadence short", source("    format: common\n    cadence: 5s\n"), "c.yaml:4: sources[0].cadence: a cadence lies between 1m and 366d"},
		{"source cadence long", source("    format: common\n    cadence: 400d\n"), "c.yaml:4: sources[0].cadence: a cadence lies between 1m and 366d"},
		{"source separator", source("    fields: {time: t, uri: u}\n    separator: \"\"\n"), "c.yaml:4: sources[0].separator: a separator has 1 to 8 bytes"},
		{"source address", source("    format: common\n    address: frist\n"), `c.yaml:4: sources[0].address: is not known; did you mean "first"?: one, first or last`},
		{"words", "words: [a/b]\n", "c.yaml:1: words[0]: a word is one segment of a path, decoded, without / and braces"},
		{"words map", "words: {a: b}\n", "c.yaml:1: words: expected a list, found keys and values"},
		{"route items todo", route("route: GET /a, items: [TODO], account: actor"), "c.yaml:4: routes[0].items[0]: TODO stands for what nobody has looked at yet: write the items the answer carries, or [] if it carries no personal data"},
		{"route account todo", route("route: GET /a, items: [name], account: TODO"), "c.yaml:4: routes[0].account: TODO stands for what nobody has looked at yet: path.NAME, query.NAME, actor, list, or none if the line does not say"},
		{"source set time", source("    format: common\n    set: {time: now}\n"), "c.yaml:4: sources[0].set.time: this field differs from record to record; one of actor.type, credential.key, client.agent, client.country, client.network, method"},
		{"source set unknown", source("    format: common\n    set: {actor.typ: staff}\n"), "c.yaml:4: sources[0].set: unknown field; did you mean \"actor.type\"?: one of actor.type, credential.key, client.agent, client.country, client.network, method"},
		{"source set method", source("    format: common\n    set: {method: FETCH}\n"), `c.yaml:4: sources[0].set.method: unknown method`},

		{"routes map", "routes: {a: b}\n", "c.yaml:1: routes: expected a list, found keys and values"},
		{"route missing", route("items: []"), `c.yaml:4: routes[0].route: is missing: a method and a path, like "GET /members/{member}"`},
		{"route no path", route("route: GET, items: []"), `c.yaml:4: routes[0].route: a route is a method and a path, like "GET /members/{member}"`},
		{"route method", route("route: get /a, items: []"), `c.yaml:4: routes[0].route: unknown method; methods are in capitals, ANY stands for all`},
		{"route slash", route("route: GET a, items: []"), "c.yaml:4: routes[0].route: the path begins with /"},
		{"route query", route("route: \"GET /a?b=1\", items: []"), "c.yaml:4: routes[0].route: a template has no query: say account: query.NAME instead"},
		{"route spaces", route("route: GET /a /b, items: []"), "c.yaml:4: routes[0].route: a path has no spaces; write a method, one space and the path"},
		{"route empty segment", route("route: GET /a//b, items: []"), "c.yaml:4: routes[0].route: the path has an empty segment"},
		{"route dots", route("route: GET /a/../b, items: []"), "c.yaml:4: routes[0].route: the path has a dot segment"},
		{"route star", route("route: \"GET /a/*/b\", items: []"), "c.yaml:4: routes[0].route: * stands only as the last segment, alone"},
		{"route half variable", route("route: \"GET /a/{b}.json\", items: []"), "c.yaml:4: routes[0].route: a {variable} fills a whole segment"},
		{"route variable name", route("route: \"GET /a/{}\", items: []"), "c.yaml:4: routes[0].route: the name in {} is a small letter followed by letters, digits and _"},
		{"route variable twice", route("route: \"GET /{a}/{a}\", items: []"), "c.yaml:4: routes[0].route: a variable stands twice in the path"},
		{"route escape", route("route: GET /a%20b, items: []"), "c.yaml:4: routes[0].route: a literal segment is written decoded and without ;parameters"},
		{"route deep", route("route: GET " + strings.Repeat("/a", 33) + ", items: []"), "c.yaml:4: routes[0].route: the template has more than 32 segments"},
		{"route long", route("route: GET /" + strings.Repeat("a", 1024) + ", items: []"), "c.yaml:4: routes[0].route: the template is longer than 1,024 bytes"},
		{"route unknown key", route(ok + ", shwos: account_holder"), `c.yaml:4: routes[0]: unknown key; did you mean "shows"?; known are route, items, account, separator, fan_out, shows, success, action, from, until, note, columns, over`},
		{"route items missing", route("route: GET /a"), "c.yaml:4: routes[0].items: is missing: list the items the answer carries, or [] if it carries no personal data"},
		{"route items word", route("route: GET /a, items: name, account: actor"), "c.yaml:4: routes[0].items: expected a list, found one value"},
		{"route item unknown", items + "routes:\n  - route: GET /a\n    account: actor\n    items:\n      - name\n      - nane\n", `c.yaml:8: routes[0].items[1]: unknown item; did you mean "name"?`},
		{"route item twice", route("route: GET /a, items: [name, name], account: actor"), `c.yaml:4: routes[0].items[1]: stands twice`},
		{"route account missing", route("route: GET /a, items: [name]"), "c.yaml:4: routes[0].account: is missing: path.NAME, query.NAME, actor, list, or none if the line does not say"},
		{"route account word", route("route: GET /a, items: [name], account: header"), `c.yaml:4: routes[0].account: is not a place an account can stand: path.NAME, query.NAME, actor, list or none`},
		{"route account path", route("route: GET /a, items: [name], account: path"), `c.yaml:4: routes[0].account: is not a place an account can stand: path.NAME, query.NAME, actor, list or none`},
		{"route account actor name", route("route: GET /a, items: [name], account: actor.id"), `c.yaml:4: routes[0].account: is not a place an account can stand: path.NAME, query.NAME, actor, list or none`},
		{"route account no variable", route("route: \"GET /a/{id}\", items: [name], account: path.member"), "c.yaml:4: routes[0].account: the route has no variable of this name"},
		{"route account literal", route("route: \"GET /a/{id}\", items: [name], account: path.a"), "c.yaml:4: routes[0].account: the route has no variable of this name"},
		{"route account no name", route("route: GET /a, items: [name], account: query."), "c.yaml:4: routes[0].account: the name after the dot is missing or longer than 200 bytes"},
		{"route separator", route(ok + ", separator: \",\""), "c.yaml:4: routes[0].separator: is only for account: query.NAME; for a list the source says it"},
		{"route shows", route(ok + ", shows: everybody"), `c.yaml:4: routes[0].shows: is not known: account_holder or people_behind_account`},
		{"route shows nothing", route("route: GET /a, items: [], shows: people_behind_account"), "c.yaml:4: routes[0].shows: shows people, but the route carries no items"},
		{"route success", route(ok + ", success: [200, ok]"), `c.yaml:4: routes[0].success[1]: is no status: write 200, 2xx or 200-206`},
		{"route success backwards", route(ok + ", success: 300-200"), `c.yaml:4: routes[0].success: is no status: write 200, 2xx or 200-206`},
		{"route success empty", route(ok + ", success: []"), "c.yaml:4: routes[0].success: no status counts as answered; for a route without personal data say items: []"},
		{"route action", route(ok + ", action: exprot"), `c.yaml:4: routes[0].action: unknown action; did you mean "export"?: one of other, read, create, update, delete, export, sign_in, issue, revoke`},
		{"route action open", route(ok + ", action: open"), `c.yaml:4: routes[0].action: unknown action: one of other, read, create, update, delete, export, sign_in, issue, revoke`},
		{"route from", route(ok + ", from: March"), "c.yaml:4: routes[0].from: not a date (2025-03-10) or a time (2025-03-10T09:00:00+09:00)"},
		{"route until", route(ok + ", from: 2025-03-10, until: 2025-03-10"), "c.yaml:4: routes[0].until: is not after from"},
		{"route other names", items + "routes:\n  - {route: \"GET /a/{b}\", items: []}\n  - {route: \"GET /a/{c}\", items: []}\n", "c.yaml:5: routes[1].route: the same path stands on line 4 under other names"},
		{"route overlap", items + "routes:\n  - {route: GET /a, items: [], from: 2025-01-01, until: 2025-03-02}\n  - {route: GET /a, items: [name], account: actor, from: 2025-03-01}\n", "c.yaml:5: routes: a second answer of this route holds at the same time as the one on line 4; give them from and until that do not overlap"},
		{"route twice", items + "routes:\n  - {route: GET /a, items: []}\n  - {route: GET /a, items: []}\n", "c.yaml:5: routes: a second answer of this route holds at the same time as the one on line 4; give them from and until that do not overlap"},
		{"all at once", "zone: Seoul\nitems:\n  name: {ko: 성명, en: name, class: x}\nroutes:\n  - {route: /a, items: [phone]}\n",
			"c.yaml:1: zone: unknown time zone; zones are named like Asia/Seoul or UTC\n" +
				"c.yaml:3: items[0].class: unknown class: one of ordinary, contact, unique_identifier, sensitive, financial, authentication_secret, behaviour\n" +
				"c.yaml:5: routes[0].route: a route is a method and a path, like \"GET /members/{member}\"\n" +
				"c.yaml:5: routes[0].items[0]: unknown item\n" +
				"c.yaml:5: routes[0].account: is missing: path.NAME, query.NAME, actor, list, or none if the line does not say"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(test.text))
			if err == nil {
				t.Fatal("no error")
			}
			if err.Error() != test.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, test.want)
			}
			if _, ok := errors.AsType[Error](err); !ok {
				t.Errorf("%T holds no Error", err)
			}
		})
	}
}

// manyForms is a list of forms of seven keys each, none of them twice.
func manyForms(n int) string {
	var all []string
	for range n {
		form := ""
		for range 7 {
			formKeys++
			form += fmt.Sprintf("{k%d}", formKeys)
		}
		all = append(all, "\""+form+"\"")
	}
	return strings.Join(all, ", ")
}

var formKeys int

func manyItems(n int) string {
	var b strings.Builder
	b.WriteString("items:\n")
	for i := range n {
		fmt.Fprintf(&b, "  i%d: {ko: 가, en: a, class: ordinary}\n", i)
	}
	return b.String()
}

// TestManyErrors: a wrong file does not print itself.
func TestManyErrors(t *testing.T) {
	_, err := Parse("c.yaml", []byte("items:\n"+strings.Repeat("  - x\n", 3)+"routes:\n"+strings.Repeat("  - {}\n", 500)))
	es, ok := errors.AsType[Errors](err)
	if !ok || len(es) != 101 {
		t.Fatalf("%d errors", len(es))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(wholeCatalog))
	for _, name := range []string{"catalogs/shop.yaml", "catalogs/web.yaml", "catalogs/cloudtrail.yaml", "catalogs/postgresql.yaml", "catalogs/mariadb.yaml", "catalogs/keycloak.yaml", "catalogs/tokens.yaml", "catalogs/ocsf.yaml", "catalogs/ecs.yaml"} {
		text, err := packs.FS.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a: &a [*a]\nb: *a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("c.yaml", text)
		if err != nil {
			for _, e := range err.(Errors) {
				if e.Problem == "" || e.File != "c.yaml" {
					t.Fatalf("an error that says nothing: %#v", e)
				}
			}
			return
		}
		var res Resolution
		for _, r := range c.Routes() {
			if m := c.Meanings(r.Name, true); len(m) < len(r.Answers) {
				t.Fatalf("%s has %d answers and %d meanings", r.Name, len(r.Answers), len(m))
			}
			_, path, _ := strings.Cut(r.Name, " ")
			c.Resolve("GET", path, &res)
		}
	})
}

func TestWebCatalog(t *testing.T) {
	text, err := packs.FS.ReadFile("catalogs/web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("web.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Routes()) != 0 {
		t.Error("the starting catalog maps a route")
	}
	if s, ok := c.SourceFor("apache_combined.log.gz"); !ok || s.Format != FormatCombined {
		t.Error("the starting catalog does not take a combined log")
	}
}
