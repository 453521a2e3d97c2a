package pgaudit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/statement"
	"github.com/haetae/haetae/ingest/statement/statementtest"
)

const testRoutes = `  - {route: "ANY /postgresql/*", items: []}
  - {route: FUNCTION shop.public.of_member, account: argument.1, items: [name]}
`

type tester struct {
	statementtest.Log
	dec *Decoder
}

func newTester(t testing.TB) *tester {
	log, dec := statementtest.NewLog(t, "pgaudit", "shop.public", testRoutes, New)
	return &tester{log, dec}
}

// decode describes what a record of the log becomes.
func (x *tester) decode(text []byte) string {
	rec, aside := x.Record(text)
	if rec == nil {
		return aside
	}
	return fmt.Sprintf("%s %s(%s) %s %s | %s %s | %d rows %d | %s",
		rec.Time, string(rec.Actor.ID), rec.Actor.Type, statementtest.Address(rec), rec.Client.Agent, rec.Action, rec.Route, rec.Status, rec.Rows, statementtest.Who(rec))
}

func cuts(text []byte) []element.Cut {
	c := NewCutter(0)
	return c.End(c.Feed(text, nil))
}

func TestSamples(t *testing.T) {
	want := []string{
		"13:34:52.000Z dba1(staff) 127.0.0.1  | sign_in ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.006Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.members (name) by id | 200 rows 1 | m1000003",
		"13:34:52.006Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.members (name) by id | 200 rows 4 | m1000004",
		"13:34:52.006Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.orders (address) by member_id | 200 rows 4 | m1000004",
		"13:34:52.007Z dba1(staff) 127.0.0.1 report | other ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.007Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.members (phone) by id | 200 rows 2 | m1000005 m1000006",
		"13:34:52.008Z dba1(staff) 127.0.0.1 report | other ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.008Z dba1(staff) 127.0.0.1 report | update TABLE shop.public.members (name) by id | 200 rows 1 | m1000003",
		"13:34:52.018Z dba1(staff) 127.0.0.1 report | export TABLE shop.public.members (name) | 200 rows -1 | ",
		"13:34:52.027Z dba1(staff) 127.0.0.1 report | other ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.031Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.members (name) by id | 200 rows -1 | m1000010",
		"13:34:52.038Z dba1(staff) 127.0.0.1 report | other ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.053Z dba1(staff) 127.0.0.1 report | other ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.063Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.members (name) | 404 rows 0 | ",
		"13:34:52.118Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.members (id, name) | 200 rows 21 | ",
		"13:34:52.141Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.members | 200 rows 1 | ",
		"13:34:52.157Z dba1(staff) 127.0.0.1 report | other ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.159Z dba1(staff) 127.0.0.1 report | read TABLE shop.public.orders ({word}) | 206 rows -1 | ",
		"13:34:52.420Z shop_app(service)   | sign_in ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.427Z shop_app(service)  psql | read TABLE shop.public.members (*) by id | 200 rows -1 | m1000001 m1000002",
		"13:34:52.443Z shop_app(service)  psql | export TABLE shop.public.orders (*) | 200 rows -1 | ",
		"13:34:52.574Z nosuch(staff) 127.0.0.1  | sign_in ANY /postgresql/* | 200 rows -1 | ",
		"13:34:52.574Z nosuch(staff) 127.0.0.1  | sign_in ANY /postgresql/* | 401 rows -1 | ",
	}
	for _, name := range []string{"postgresql-15.csv", "postgresql-15.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		x := newTester(t)
		var got []string
		for _, c := range cuts(text) {
			if !Reads(text[c.From:c.To]) {
				t.Errorf("%s: byte %d is not taken for a record", name, c.From)
			}
			if s := x.decode(text[c.From:c.To]); s != "" {
				got = append(got, strings.TrimPrefix(s, "2026-11-30T"))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestCutter cuts the sample in all ways of receiving it, and from every safe place.
func TestCutter(t *testing.T) {
	text, err := os.ReadFile("testdata/postgresql-15.csv")
	if err != nil {
		t.Fatal(err)
	}
	whole := cuts(text)
	seed := rand.Uint64()
	for n := range 200 {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		c := NewCutter(0)
		var got []element.Cut
		at := 0
		for at < len(text) {
			size := min(len(text)-at, r.IntN(400)+1)
			got = c.Feed(text[at:at+size], got)
			if at += size; r.IntN(10) == 0 { // gone on with later
				at = int(c.Safe())
				c = NewCutter(c.Safe())
			}
		}
		if diff := cmp.Diff(whole, c.End(got)); diff != "" {
			t.Fatalf("seed %d, %d: %s", seed, n, diff)
		}
	}
	// Wherever the log was cut off and gone on with, no more than one record on each
	// side is lost, and nothing becomes one that was none.
	known := make(map[string]bool)
	for _, c := range whole {
		known[string(text[c.From:c.To])] = true
	}
	for at := 1; at < len(text); at++ {
		broken := append(append(bytes.Clone(text[:at]), '\n'), text...)
		sound := 0
		x := newTester(t)
		for _, c := range cuts(broken) {
			one := broken[c.From:c.To]
			if known[string(one)] && !c.Broken {
				sound++
			} else if !c.Broken && !bytes.HasPrefix(one, []byte("2026-11-30 13:34:5")) && !strings.HasPrefix(x.decode(one), "aside") {
				t.Fatalf("cut at %d, this became a record: %.100s", at, one)
			}
		}
		before := 0
		for _, c := range whole {
			if c.To <= int64(at) {
				before++
			}
		}
		if sound < before+len(whole)-1 {
			t.Fatalf("cut at %d: %d records of %d", at, sound, before+len(whole))
		}
	}
}

const good = `2026-11-30 13:34:52.006 KST,"dba1","shop",30604,"127.0.0.1:34046",6b0d7b7b.778c,3,"SELECT",2026-11-30 13:34:51 KST,3/376,0,LOG,00000,"AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.members,select name from members where id='m1000003',<none>,1",,,,,,,,,"report","client backend",,0`

func TestLines(t *testing.T) {
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	const secret = "kim-secret"
	for _, test := range []struct{ name, text, want string }{
		{"good", good, "| read TABLE shop.public.members (name) by id | 200 rows 1 | m1000003"},
		{"zone of the source", good, "2026-11-30T04:34:52.006Z"},
		{"zone in hours", change(" KST", " +03"), "2026-11-30T10:34:52.006Z"},
		{"another zone", change(" KST", " PST"), "aside: log_time: the time cannot be read"},
		{"no zone", change(" KST,\"", ",\""), "aside: log_time"},
		{"before", change("2026-11-30 13:34:52", "1999-11-30 13:34:52"), "aside: log_time: the time is before 2000"},
		{"few columns", good[:60], "aside: the line is not of the declared format"},
		{"cut off", good[:len(good)-80], "aside: the line is not of the declared format"},
		{"a broken audit line", change("SESSION,1,1,READ,", secret+",READ,"), "aside: message: the line is not of the declared format"},
		{"not UTF-8", change("m1000003", secret+"\xff"), "aside: message: the value is not valid UTF-8"},
		{"a user like a token", change(`"dba1"`, `"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"`), "aside: user_name: the field holds a usable token"},
		{"not understood", change("select name from", "select name from from"), "| read TABLE shop.public.members (*) | 200 rows 1 | "},
		{"not understood, no table", change("select name from", "select name from from", "TABLE,public.members", ","), "| read GET /unread/postgresql/shop/SELECT | 200 rows 1 | "},
		{"beyond the pattern", change("m1000003", "m1"), "(name) | 200 rows 1 | "},
		{"another table", change("members,", "guests,", "from members", "from guests"), "| read TABLE shop.public.guests (name) | 200 rows 1 | "},
		{"a name of somebody", change("members,", "kimyounghee,", "from members", "from kimyounghee"), "| read TABLE shop.public.{word} (name) | 200 rows 1 | "},
		{"behind a view", change("from members", "from v"), "| read TABLE shop.public.members (*) | 200 rows 1 | "},
		{"explained while it ran", change("READ,SELECT", "WRITE,DELETE", "select name from", "explain analyze delete from"), "| delete TABLE shop.public.members | 200 rows 1 | "},
		{"of a function that became a part of it", change("TABLE,public.members", ",", "from members where id='m1000003'", "from f('m1000003')"), "| read FUNCTION shop.{}.f | 200 rows 1 | "},
		{"and that is described", change("TABLE,public.members", ",", "from members where id='m1000003'", "from public.of_member('m1000003')"), "| read FUNCTION shop.public.of_member by 1 | 200 rows 1 | m1000003"},
		{"of a function, with the table", change("from members where id='m1000003'", "from f('m1000003')"), "| read TABLE shop.public.members (*) | 200 rows 1 | "},
		{"of a function of PostgreSQL", change("TABLE,public.members", ",", "from members where id='m1000003'", "from unnest('{1}'::int[]) cross join pg_catalog.x() cross join pg_ls_dir('x')"), "| read ANY /postgresql/* | 200 rows 1 | "},
		{"explained", change("select name from", "explain select name from"), "| read ANY /postgresql/* | 200 rows 1 | "},
		{"not logged", change("<none>", "<not logged>", "'m1000003'", "$1"), "(name) | 200 rows 1 | "},
		{"bound", change("<none>", "m1000009", "'m1000003'", "$1"), "by id | 200 rows 1 | m1000009"},
		{"more values than places", change("<none>", `""m1000009,x""`, "'m1000003'", "$1"), "(name) | 200 rows 1 | "},
		{"a long value", change("<none>", "<long param suppressed>", "'m1000003'", "$1"), "(name) | 200 rows 1 | "},
		{"several at once", change("='m1000003'", "='m1000003'; select phone from members where id='m1000004'"), "(name, phone) | 200 rows 1 | "},
		{"several, of two tables", change("='m1000003'", "='m1000003'; select address from orders where member_id='m1000004'"), "(name) by id | 200 rows 1 | m1000003"},
		{"logged before", change("select name from members where id='m1000003',<none>", "<previously logged>,<previously logged>"), "(*) | 200 rows 1 | "},
		{"a checkpoint", `2026-11-30 13:34:52.006 UTC,,,1,,6b0d7b7b.1,1,,2026-11-30 13:34:51 UTC,,0,LOG,00000,"checkpoint starting: time",,,,,,,,,"","checkpointer",,0`, ""},
		{"not an address", change("127.0.0.1:34046", "somewhere"), "dba1(staff)  report"},
		{"no JSON", `{"timestamp":"2026-11-30 13:34:52.006 UTC","message":"AUDIT: ` + secret, "aside: the line is not of the declared format"},
		{"no text", `{"timestamp":"2026-11-30 13:34:52.006 UTC","message":{"` + secret + `":1}}`, "aside: message: the value is of the wrong type"},
	} {
		x := newTester(t)
		got := x.decode([]byte(test.text))
		if !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		if strings.HasPrefix(got, "aside") && strings.Contains(got, secret) {
			t.Errorf("%s: the error says what stood there", test.name)
		}
	}
	x := newTester(t)
	x.decode([]byte(good))
	again := change("select name from members where id='m1000003',<none>", "<previously logged>,<previously logged>")
	if got := x.decode([]byte(again)); !strings.HasSuffix(got, "by id | 200 rows 1 | m1000003") {
		t.Errorf("what was logged before is not known: %s", got)
	}
	x.dec.Begin()
	if got := x.decode([]byte(again)); !strings.HasSuffix(got, "(*) | 200 rows 1 | ") {
		t.Errorf("what another chunk held is remembered: %s", got)
	}
}

// TestBothAudits: session audit and object audit write a line each, and it is one read.
func TestBothAudits(t *testing.T) {
	l := func(session, ids, kind, table, sql string) string {
		if table != "" {
			table = "TABLE," + table
		} else {
			table = ","
		}
		return strings.NewReplacer("6b0d7b7b.778c", session, "SESSION,1,1,", kind+","+ids+",", "TABLE,public.members", table, "select name from members where id='m1000003'", sql).Replace(good)
	}
	const one = "select name from members where id='m1000003'"
	const two = "select name from members join orders on members.id = member_id where id='m1000003'"
	for _, test := range []struct {
		name  string
		lines []string
		want  int
	}{
		{"with relations", []string{l("a", "1,1", "OBJECT", "public.members", one), l("a", "1,1", "SESSION", "public.members", one)}, 1},
		{"another table between", []string{l("a", "1,1", "OBJECT", "public.members", two), l("a", "1,1", "SESSION", "public.members", two), l("a", "1,1", "SESSION", "public.orders", two)}, 2},
		{"another session between", []string{l("a", "1,1", "OBJECT", "public.members", one), l("b", "1,1", "SESSION", "public.members", one), l("a", "1,1", "SESSION", "public.members", one)}, 2},
		{"another statement", []string{l("a", "1,1", "OBJECT", "public.members", one), l("a", "1,2", "SESSION", "public.members", one)}, 2},
		{"without relations", []string{l("a", "1,1", "SESSION", "", two), l("a", "1,1", "OBJECT", "public.members", two), l("a", "1,1", "OBJECT", "public.orders", two)}, 1},
		{"without, and behind a view", []string{l("a", "1,1", "SESSION", "", "select name from v"), l("a", "1,1", "OBJECT", "public.members", "select name from v")}, 2},
		{"without, and not understood", []string{l("a", "1,1", "SESSION", "", "select from from members"), l("a", "1,1", "OBJECT", "public.members", "select from from members")}, 2},
		{"the same again", []string{l("a", "1,1", "SESSION", "public.members", one), l("a", "1,1", "SESSION", "public.members", one)}, 2},
	} {
		x := newTester(t)
		n := 0
		for _, text := range test.lines {
			if s := x.decode([]byte(text)); s != "" {
				n++
			}
		}
		if n != test.want {
			t.Errorf("%s: %d records, want %d", test.name, n, test.want)
		}
	}
}

func TestCover(t *testing.T) {
	statementtest.Covered(t, &Decoder{}, []string{good, good[50:], `{"message":"AUDIT: select m1000003 from members"`}, "m1000003", "members", "select", "dba1", "127.0.0.1")
}

func TestArrays(t *testing.T) {
	for text, want := range map[string]string{
		`{m1,m2}`: "[m1 m2] true", `{"a b","c\"d",NULL}`: `[a b c"d] true`, `{}`: "[] false", `{{a}}`: "[] false", `{a,}`: "[] false",
		`{"a}`: "[] false", `m1`: "[] false", `{NULL}`: "[] false", `{"NULL"}`: "[NULL] true",
	} {
		list, ok := elements(text)
		if !ok {
			list = nil
		}
		if got := fmt.Sprint(list, ok); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// rough is a parser that is there at once and takes words for what they often are: of
// each kind of statement one about the table behind FROM, with a condition on a value
// that the text holds or that is bound.
func rough(text string) ([]*statement.Statement, bool) {
	words := strings.Fields(text)
	if len(words) == 0 || len(text)%11 == 10 {
		return nil, false
	}
	table, value := "members", statement.Value{Text: words[len(words)-1], Array: len(text)%5 == 0, Whole: len(text)%3 == 0}
	for i, w := range words[1:] {
		if strings.EqualFold(words[i], "from") {
			table = w
		}
	}
	if strings.Contains(text, "$") {
		value = statement.Value{Param: 1 + len(text)%3, Array: value.Array}
	}
	id := &statement.Expr{Op: statement.Column, Name: []string{"id"}}
	from := &statement.Source{Name: []string{"", table}}
	s := &statement.Statement{Kind: statement.Kind(len(text) % int(statement.Upkeep+1)), Query: &statement.Query{
		Out: []statement.Output{{Name: "name", Expr: &statement.Expr{Op: statement.Column, Name: []string{"name"}}}}, From: []*statement.Source{from},
		Where: &statement.Expr{Op: statement.Equal, Args: []*statement.Expr{id, {Op: statement.Literal, Value: value}}},
	}}
	if len(text)%2 == 0 {
		s.Target = from
		s.Calls = []statement.Call{{Name: []string{table}, Args: []*statement.Expr{{Op: statement.Literal, Value: value}, id}}}
	}
	return []*statement.Statement{s, s}[:1+len(text)%2], true
}

// FuzzDecode tries lines with a rough parser: PostgreSQL's own takes seconds to start,
// in each process of a fuzz run. FuzzParsed tries less with it.
func FuzzDecode(f *testing.F) {
	x := newTester(f)
	x.dec.statements = statement.NewCache(1<<20, rough)
	x.fuzz(f)
}

// FuzzParsed is FuzzDecode with PostgreSQL's own parser.
func FuzzParsed(f *testing.F) { newTester(f).fuzz(f) }

func (x *tester) fuzz(f *testing.F) {
	seeds := [][]byte{[]byte(good)}
	for _, name := range []string{"postgresql-15.csv", "postgresql-15.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range cuts(text) {
			seeds = append(seeds, text[c.From:c.To])
		}
	}
	statementtest.Fuzz(f, x.Log, seeds...)
}

func FuzzCutter(f *testing.F) {
	f.Add([]byte(good+"\n"+good[:100]+"\n"+good+"\n{}\nx\n"), 7)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		size = max(1, size&0xff)
		c := NewCutter(0)
		var got []element.Cut
		for at := 0; at < len(text); at += size {
			got = c.Feed(text[at:min(len(text), at+size)], got)
		}
		got = c.End(got)
		if diff := cmp.Diff(cuts(text), got); diff != "" {
			t.Fatal(diff)
		}
		end := int64(0)
		for _, c := range got {
			if c.From < end || c.To < c.From || c.To > int64(len(text)) {
				t.Fatalf("%v overlaps what came before", c)
			}
			end = c.To
		}
	})
}
