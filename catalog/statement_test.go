package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
)

const tablesText = `version: 1
account: {pattern: "m[0-9]{7}"}
items:
  name:    {ko: 성명,         en: name,         class: ordinary}
  phone:   {ko: 휴대전화번호, en: phone number, class: contact}
  address: {ko: 주소,         en: address,      class: contact}
sources:
  db: {format: pgaudit, set: {actor.type: staff}, actors: {app: service}}
routes:
  - {route: TABLE shop.public.members, account: column.id, columns: {name: [name], phone: [phone]}, items: []}
  - {route: TABLE shop.public.orders, account: column.member_id, columns: {address: [address]}, items: []}
  - {route: TABLE shop.public.mailing, account: none, items: [phone]}
  - {route: TABLE shop.public.names, account: column.id, columns: {name: [name]}, items: [], over: [shop.public.members]}
  - {route: TABLE shop.archive.orders, account: column.member_id, columns: {address: [address]}, items: [], action: export}
  - {route: "TABLE *.pg_catalog.*", items: []}
  - {route: FUNCTION shop.name_of, account: argument.2, items: [name], over: [shop.public.members]}
  - {route: CALL shop.report, account: none, items: [phone]}
  - {route: CALL shop.clean, items: []}
`

func parseTables(t testing.TB, text string) *Catalog {
	c, err := Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func by(column string, sets ...[]string) []NamedColumn { return []NamedColumn{{column, sets}} }

func table(name string) []string { return append(make([]string, 0, 3), strings.Split(name, ".")...) }

func TestFillTables(t *testing.T) {
	c := parseTables(t, tablesText)
	one := []string{"m1000001"}
	for _, test := range []struct {
		name string
		req  Request
		want string // route | items of the meaning | accounts
	}{
		{"named", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: []string{"phone", "name"}, Named: by("id", one)}}},
			"TABLE shop.public.members (name, phone) by id | name phone | column | m1000001"},
		{"not named", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: []string{"name"}}}}, "TABLE shop.public.members (name) | name | none | "},
		{"by another column", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("phone", one)}}}, "TABLE shop.public.members (name) | name | none | "},
		{"no schema", Request{Tables: []TableUse{{Parts: table("shop..members"), All: true, Named: by("id", one)}}}, "TABLE shop.public.members (*) by id | name phone | column | m1000001"},
		{"of two schemas", Request{Tables: []TableUse{{Parts: table("shop..orders"), All: true}}}, "unmapped TABLE shop.{}.orders (*) |  | none | "},
		{"another database", Request{Tables: []TableUse{{Parts: table("other.public.members"), All: true}}}, "unmapped TABLE other.public.members (*) |  | none | "},
		{"a name that is nobody's business", Request{Tables: []TableUse{{Parts: table("shop.public.kimyounghee"), Columns: []string{"hongildong", "name"}}}}, "unmapped TABLE shop.public.{word} (name, {word}) |  | none | "},
		{"of the system", Request{Tables: []TableUse{{Parts: table("shop.pg_catalog.pg_class"), All: true}}}, "TABLE *.pg_catalog.* (*) |  | none | "},
		{"nothing shown", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Named: by("id", one)}}}, "TABLE shop.public.members by id |  | column | m1000001"},
		{"an undescribed column", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: []string{"memo", "hongildong"}}}}, "TABLE shop.public.members (memo, {word}) |  | none | "},
		{"two tables", Request{Tables: []TableUse{
			{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("id", one)}, {Parts: table("shop.public.orders"), Columns: []string{"address"}, Named: by("member_id", one)}}},
			"TABLE shop.public.members (name) by id + shop.public.orders (address) by member_id | name address | column | m1000001"},
		{"one of two not named", Request{Tables: []TableUse{
			{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("id", one)}, {Parts: table("shop.public.orders"), Columns: []string{"address"}}}},
			"TABLE shop.public.members (name) + shop.public.orders (address) | name address | none | "},
		{"one of two only tested", Request{Tables: []TableUse{
			{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("id", one)}, {Parts: table("shop.public.orders"), Named: by("member_id", []string{"m1000002"})}}},
			"TABLE shop.public.members (name) by id + shop.public.orders | name | column | m1000001"},
		{"one of two unknown", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("id", one)}, {Parts: table("shop.public.regions"), All: true}}},
			"unmapped TABLE shop.public.members (name) + shop.public.regions (*) |  | none | "},
		{"the same twice", Request{Tables: []TableUse{
			{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("id", one)}, {Parts: table("shop.public.members"), Columns: []string{"phone"}, Named: by("id", []string{"m1000002"})}}},
			"TABLE shop.public.members (name, phone) by id | name phone | column | m1000001 m1000002"},
		{"the same twice, once not named", Request{Tables: []TableUse{
			{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("id", one)}, {Parts: table("shop.public.members"), Columns: []string{"phone"}}}},
			"TABLE shop.public.members (name, phone) | name phone | none | "},
		{"in both sets", Request{Tables: []TableUse{{Parts: table("shop.public.members"), All: true, Named: by("id", []string{"m1000001", "m1000002"}, []string{"m1000002", "m1000003"})}}},
			"TABLE shop.public.members (*) by id | name phone | column | m1000002"},
		{"in no set", Request{Tables: []TableUse{{Parts: table("shop.public.members"), All: true, Named: by("id", one, []string{"m1000003"})}}}, "TABLE shop.public.members (*) | name phone | none | "},
		{"beyond the pattern", Request{Tables: []TableUse{{Parts: table("shop.public.members"), All: true, Named: by("id", []string{"m1000001", "x"})}}}, "TABLE shop.public.members (*) | name phone | none | "},
		{"nobody's table", Request{Tables: []TableUse{{Parts: table("shop.public.mailing"), Columns: []string{"number"}}}}, "TABLE shop.public.mailing (number) | phone | none | "},
		{"a loose column that one declares", Request{Tables: []TableUse{{Parts: table("shop.public.members")}, {Parts: table("shop.public.mailing")}}, Loose: []LooseColumn{{"name", [][]int{{0, 1}}}}},
			"TABLE shop.public.mailing + shop.public.members (name) | name | none | "},
		{"a loose column that none declares", Request{Tables: []TableUse{{Parts: table("shop.public.members")}, {Parts: table("shop.public.mailing")}}, Loose: []LooseColumn{{"number", [][]int{{0}, {1}}}}},
			"TABLE shop.public.mailing (number) + shop.public.members (number) | phone | none | "},
		{"a table beside it", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Beside: true}, {Parts: table("shop.public.mailing")}}, Loose: []LooseColumn{{"name", [][]int{{0, 1}}}}},
			"TABLE shop.public.mailing |  | none | "},
		{"behind a view", Request{Tables: []TableUse{{Parts: table("shop.public.names"), Beside: true}, {Parts: table("shop.public.members"), All: true, Hidden: true}}}, "TABLE shop.public.members |  | none | "},
		{"behind something else", Request{Tables: []TableUse{{Parts: table("shop.public.orders"), Beside: true}, {Parts: table("shop.public.members"), All: true, Hidden: true}}}, "TABLE shop.public.members (*) | name phone | none | "},
		{"a routine that nobody described", Request{Tables: []TableUse{{Parts: table("shop.report"), Routine: Function}}}, "unmapped FUNCTION shop.report |  | none | "},
		{"beside a table", Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: []string{"name"}, Named: by("id", one)}, {Parts: table("shop.hongildong"), Routine: Function}}},
			"unmapped TABLE shop.public.members (name) + FUNCTION shop.{word} |  | none | "},
		{"a procedure", Request{Tables: []TableUse{{Parts: table("shop.report"), Routine: Procedure}}}, "CALL shop.report | phone | none | "},
		{"one that shows nothing", Request{Tables: []TableUse{{Parts: table("shop.clean"), Routine: Procedure}}}, "CALL shop.clean |  | none | "},
		{"a function of an account", Request{Tables: []TableUse{{Parts: table("shop.name_of"), Routine: Function, Named: by("2", one)}}}, "FUNCTION shop.name_of by 2 | name | column | m1000001"},
		{"of two accounts", Request{Tables: []TableUse{{Parts: table("shop.name_of"), Routine: Function, Named: by("2", one)}, {Parts: table("shop.name_of"), Routine: Function, Named: by("2", []string{"m1000002"})}}},
			"FUNCTION shop.name_of by 2 | name | column | m1000001 m1000002"},
		{"of one account and somebody", Request{Tables: []TableUse{{Parts: table("shop.name_of"), Routine: Function, Named: by("2", one)}, {Parts: table("shop.name_of"), Routine: Function}}},
			"FUNCTION shop.name_of | name | none | "},
		{"of another argument", Request{Tables: []TableUse{{Parts: table("shop.name_of"), Routine: Function, Named: by("1", one)}}}, "FUNCTION shop.name_of | name | none | "},
		{"a function over the table", Request{Tables: []TableUse{{Parts: table("shop.name_of"), Routine: Function, Named: by("2", one)}, {Parts: table("shop.public.members"), All: true, Hidden: true}}},
			"TABLE shop.public.members + FUNCTION shop.name_of by 2 | name | column | m1000001"},
		{"a routine whose tables are told", Request{Tables: []TableUse{{Parts: table("shop.nightly"), Routine: Procedure}, {Parts: table("shop.public.members"), All: true, Hidden: true}}},
			"TABLE shop.public.members (*) + CALL shop.{word} (*) | name phone | none | "},
		{"one of them not described", Request{Tables: []TableUse{{Parts: table("shop.nightly"), Routine: Procedure}, {Parts: table("shop.public.regions"), All: true, Hidden: true}}},
			"unmapped TABLE shop.public.regions (*) + CALL shop.{word} (*) |  | none | "},
		{"and one that is written", Request{Tables: []TableUse{{Parts: table("shop.public.orders"), Written: true}, {Parts: table("shop.nightly"), Routine: Function}, {Parts: table("shop.public.members"), All: true, Hidden: true}}},
			"TABLE shop.public.members (*) + shop.public.orders + FUNCTION shop.{word} (*) | name phone | none | "},
		{"its tables may be those of the statement", Request{Tables: []TableUse{{Parts: table("shop.nightly"), Routine: Function}, {Parts: table("shop.public.mailing")}, {Parts: table("shop.public.members"), All: true, Hidden: true}}},
			"unmapped TABLE shop.public.mailing + shop.public.members (*) + FUNCTION shop.{word} |  | none | "},
		{"names in another case", Request{Folds: true, Tables: []TableUse{{Parts: table("SHOP.public.Members"), Columns: []string{"NAME"}, Named: by("ID", []string{"M1000001"})}}},
			"TABLE shop.public.members (name) by id | name | column | m1000001"},
	} {
		rec := event.Record{Source: "db", Actor: event.Actor{ID: "app"}}
		c.Fill(&rec, test.req)
		if rec.Actor.Type != "service" {
			t.Errorf("%s: the actor is %s", test.name, rec.Actor.Type)
		}
		m := c.Meaning(rec.Route, rec.Mapped, rec.Time)
		got := rec.Route
		if !rec.Mapped {
			got = "unmapped " + got
		}
		var who []string
		for _, id := range rec.Subjects {
			who = append(who, string(id))
		}
		if got += fmt.Sprintf(" | %s | %s | %s", strings.Join(c.ItemNames(m.Items), " "), m.Position, strings.Join(who, " ")); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		if (rec.Position == event.PositionColumn) != (len(rec.Subjects) > 0) || m.Known != rec.Mapped {
			t.Errorf("%s: position %s, known %t", test.name, rec.Position, m.Known)
		}
	}
}

// TestTableMeanings asks corrected catalogs about routes that were stored before.
func TestTableMeanings(t *testing.T) {
	old := parseTables(t, tablesText)
	change := func(pairs ...string) *Catalog {
		return parseTables(t, strings.NewReplacer(pairs...).Replace(tablesText))
	}
	for _, test := range []struct {
		name, route string
		mapped      bool
		cat         *Catalog
		want        string
	}{
		{"a column that carries something after all", "TABLE shop.public.members (memo, name) by id", true, change("name: [name], phone", "name: [name], memo: [address], phone"), "true name address column"},
		{"a table that was not described", "TABLE shop.public.regions (name)", false, change("routes:", "routes:\n  - {route: TABLE shop.public.regions, account: none, items: [name]}"), "true name none"},
		{"a schema nobody said", "TABLE shop.{}.regions (name)", false, change("routes:", "routes:\n  - {route: TABLE shop.public.regions, account: none, items: [name]}"), "true name none"},
		{"another column of the account", "TABLE shop.public.members (name) by id", true, change("account: column.id, columns: {name: [name], phone", "account: column.no, columns: {name: [name], phone"), "true name none"},
		{"a table that is gone", "TABLE shop.public.members (name) by id", true, change("TABLE shop.public.members", "TABLE shop.public.people", "over: [shop.public.members]", "over: []"), "false  none"},
		{"a tested table that shows something", "TABLE shop.public.members (name) by id + shop.public.orders (no)", true, change("columns: {address: [address]}, items: []}\n  - {route: TABLE shop.public.mailing", "columns: {address: [address]}, items: [phone]}\n  - {route: TABLE shop.public.mailing"), "true name phone none"},
		{"a routine that was not described", "FUNCTION shop.f", false, change("CALL shop.clean", "FUNCTION shop.f"), "true  none"},
		{"a procedure is no function", "FUNCTION shop.clean", false, old, "false  none"},
		{"one of which the tables are told", "TABLE shop.public.members (*) + FUNCTION shop.f (*)", true, old, "true name phone none"},
		{"and that shows more", "TABLE shop.public.members (*) + FUNCTION shop.f (*)", true, change("CALL shop.clean, items: []", "FUNCTION shop.f, items: [address], account: none"), "true name phone address none"},
		{"not told", "TABLE shop.public.members (*) + FUNCTION shop.f", true, old, "false  none"},
	} {
		m := test.cat.Meaning(test.route, test.mapped, 0)
		if got := fmt.Sprintf("%t %s %s", m.Known, strings.Join(test.cat.ItemNames(m.Items), " "), m.Position); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if m.Added != (m.Personal && !test.mapped) {
			t.Errorf("%s: added %t", test.name, m.Added)
		}
	}
	if added := change("name: [name], phone", "name: [name], memo: [address], phone").AddedSince(old, "TABLE shop.public.members (memo, name)", true, 0); added.Len() != 1 {
		t.Errorf("%d items were added", added.Len())
	}
	dated := change("items: []}\n  - {route: TABLE shop.public.orders", "items: [], until: 2025-03-10}\n  - {route: TABLE shop.public.orders")
	ms := dated.Meanings("TABLE shop.public.members (name) by id", true)
	if len(ms) != 2 || !ms[0].Known || ms[1].Known || ms[0].Until != ms[1].From {
		t.Errorf("%+v", ms)
	}
}

func TestTableRoutesAreBounded(t *testing.T) {
	c := parseTables(t, tablesText)
	names := make(map[string]bool)
	for i := range maxTableUses + 100 {
		rec := event.Record{Source: "db"}
		var columns []string
		for b := range 15 {
			if i>>b&1 != 0 {
				columns = append(columns, string(rune('a'+b)))
			}
		}
		c.Fill(&rec, Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: columns}}})
		names[rec.Route] = true
	}
	if len(names) > maxTableUses+1 || !names["TABLE shop.public.members (*)"] {
		t.Errorf("%d routes", len(names))
	}
}

func TestTableMistakes(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"{route: TABLE members, items: []}", `routes[0].route: a table is named with its database`},
		{"{route: TABLE a.b.c.d, items: []}", `routes[0].route: a table is named with its database`},
		{"{route: TABLE a..c, items: []}", `routes[0].route: a table is named with its database`},
		{"{route: TABLE a.b*, items: []}", `routes[0].route: a table is named with its database`},
		{"{route: TABLE a.b}", `routes[0].items: is missing`},
		{"{route: TABLE a.b, items: [nmae]}", `routes[0].items[0]: unknown item`},
		{"{route: TABLE a.b, items: [], columns: {c: [nmae]}}", `routes[0].columns[0][0]: unknown item`},
		{"{route: TABLE a.b, items: [], columns: {c: [TODO]}}", `routes[0].columns[0][0]: TODO stands for`},
		{"{route: TABLE a.b, items: [], columns: {c: name}}", `routes[0].columns[0]: expected a list`},
		{"{route: TABLE a.b, items: [], columns: {\"c, d\": [name]}}", `routes[0].columns[0]: the name of a column`},
		{"{route: TABLE a.b, items: [], columns: {c: [name]}}", `routes[0].account: is missing: column.NAME, or none`},
		{"{route: TABLE a.b, items: [name], account: column.TODO}", `routes[0].account: TODO stands for`},
		{"{route: TABLE a.b, items: [name], account: actor}", `routes[0].account: is not where a table has the account`},
		{"{route: TABLE a.b, items: [], over: [c]}", `routes[0].over[0]: a table is named with its database`},
		{"{route: TABLE a.b, items: [], success: 2xx}", `routes[0].success: is not for a table`},
		{"{route: CALL p, items: []}", `routes[0].route: a procedure or function is named with its database`},
		{"{route: FUNCTION a..f, items: []}", `routes[0].route: a procedure or function is named with its database`},
		{"{route: CALL a.p}", `routes[0].items: is missing`},
		{"{route: CALL a.p, items: [name]}", `routes[0].account: is missing: argument.1`},
		{"{route: CALL a.p, items: [name], account: column.id}", `routes[0].account: is not where a procedure or function has the account`},
		{"{route: CALL a.p, items: [name], account: argument.0}", `routes[0].account: is not where a procedure or function has the account`},
		{"{route: CALL a.p, items: [name], account: argument.01}", `routes[0].account: is not where a procedure or function has the account`},
		{"{route: FUNCTION a.f, items: [name], account: argument.TODO}", `routes[0].account: TODO stands for`},
		{"{route: FUNCTION a.f, items: [], columns: {c: [name]}}", `routes[0].columns: is not for a procedure or function`},
		{"{route: FUNCTION a.f, items: [], fan_out: 3}", `routes[0].fan_out: is not for a procedure or function`},
		{"{route: FUNCTION a.f, items: [], over: [t]}", `routes[0].over[0]: a table is named with its database`},
		{"{route: CALL a.p, items: []}\n  - {route: CALL a.p, items: []}", `routes: a second answer of this route`},
		{"{route: GET /a, items: [], columns: {c: [name]}}", `routes[0].columns: is only for a table`},
		{"{route: GET /a, items: [], over: [a.b]}", `routes[0].over: is only for a table`},
		{"{route: GET /a, items: [name], account: column.id}", `routes[0].account: is not a place an account can stand`},
		{"{route: GET /a, items: [name], account: column}", `routes[0].account: is not a place an account can stand`},
		{"{route: TABLE a.b, items: []}\n  - {route: TABLE a.b, items: []}", `routes: a second answer of this route`},
	} {
		_, err := Parse("c.yaml", []byte("version: 1\nitems:\n  name: {ko: 성명, en: name, class: ordinary}\nroutes:\n  - "+test.line+"\n"))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "c.yaml:") {
			t.Errorf("%s\n got %v\nwant %s", test.line, err, test.want)
		}
	}
}

func TestAccountValue(t *testing.T) {
	texts := parseTables(t, tablesText)
	digits := parseTables(t, strings.Replace(tablesText, "m[0-9]{7}", "[0-9]{7}", 1))
	any := parseTables(t, strings.Replace(tablesText, "account: {pattern: \"m[0-9]{7}\"}\n", "", 1))
	both := parseTables(t, strings.Replace(tablesText, "m[0-9]{7}", "[mM][0-9]{1,7}|[0-9]+", 1))
	for _, test := range []struct {
		c     *Catalog
		value string
		folds bool
		want  string // "" is no account
	}{
		{texts, "m1000001", false, "m1000001"}, {texts, "m1", false, ""}, {texts, "M1000001", false, ""}, {texts, "m1000001 ", false, ""},
		{texts, "M1000001", true, "m1000001"}, {texts, "m1000001  ", true, "m1000001"}, {texts, " m1000001", true, ""}, {texts, "", false, ""},
		{texts, "m100000\x01", false, ""},
		// 0000042 can only be a text here, and 42 no account.
		{digits, "0000042", false, "0000042"}, {digits, "42", false, ""}, {digits, "1000042", true, "1000042"}, {digits, "1000042x", true, ""},
		{any, "m1", false, "m1"}, {any, "42", false, "42"}, {any, "042", false, ""}, {any, "42.0", false, ""}, {any, "4e1", false, ""}, {any, "+42", false, ""},
		{any, "-42", false, "-42"}, {any, "0x2a", false, ""}, {any, "1_000", false, ""}, {any, "m1", true, ""}, {any, "42", true, "42"}, {any, "0", true, ""},
		{any, "42x", true, ""}, {any, "1234567890123456", true, ""}, {any, "é", true, ""}, {any, "kim@shop.example", false, "kim@shop.example"},
		{any, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", false, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{any, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", false, ""}, {any, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", false, ""},
		{both, "m1", true, ""}, {both, "m1", false, "m1"}, {both, "042", false, ""}, {both, "42", true, "42"},
	} {
		id, ok := test.c.accountValue(test.value, test.folds)
		if !ok {
			id = ""
		}
		if id != test.want {
			t.Errorf("%q (%s, folds %t): %q, want %q", test.value, test.c.AccountPattern(), test.folds, id, test.want)
		}
	}
}

func TestCheckNamesTables(t *testing.T) {
	c := parseTables(t, tablesText)
	k := NewCheck(c)
	for _, use := range [][]string{table("shop.public.regions"), table("shop..customers"), table("shop.public.kimyounghee")} {
		rec := event.Record{Source: "db", Status: 200}
		c.Fill(&rec, Request{Tables: []TableUse{{Parts: use, Columns: []string{"phone"}}, {Parts: table("shop.public.members")}}})
		k.Add(&rec)
	}
	for _, kind := range []Routine{Procedure, Function} {
		rec := event.Record{Source: "db", Status: 200}
		c.Fill(&rec, Request{Tables: []TableUse{{Parts: table("shop.public.members"), Columns: []string{"name"}}, {Parts: table("shop.kimyounghee"), Routine: kind}}})
		k.Add(&rec)
	}
	entries := Entries(k.Result().Unmapped)
	want := []string{
		`- {route: "CALL shop.TODO", items: [TODO], account: argument.TODO}`,
		`- {route: "FUNCTION shop.TODO", items: [TODO], account: argument.TODO}`,
		`- {route: "TABLE shop.TODO.customers", columns: {TODO: [TODO]}, items: [TODO], account: column.TODO}`,
		`- {route: "TABLE shop.public.regions", columns: {TODO: [TODO]}, items: [TODO], account: column.TODO}`,
		`- {route: "TABLE shop.public.TODO", columns: {TODO: [TODO]}, items: [TODO], account: column.TODO}`,
	}
	slices.Sort(entries)
	slices.Sort(want)
	if strings.Join(entries, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(entries, "\n"))
	}
}
