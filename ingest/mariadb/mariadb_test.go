package mariadb

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/ingest/statement/statementtest"
)

const testRoutes = `  - {route: "ANY /mariadb/*", items: []}
`

type tester struct {
	statementtest.Log
	dec *Decoder
}

func newTester(t testing.TB) *tester {
	log, dec := statementtest.NewLog(t, "mariadb", "shop", testRoutes, New)
	return &tester{log, dec}
}

// decode describes what a line becomes.
func (x *tester) decode(text []byte) string {
	rec, aside := x.Record(text)
	if rec == nil {
		return aside
	}
	return fmt.Sprintf("%s %s(%s) %s %s | %s %s | %d | %s",
		rec.Time, string(rec.Actor.ID), rec.Actor.Type, string(rec.Credential.Token), statementtest.Address(rec), rec.Action, rec.Route, rec.Status, statementtest.Who(rec))
}

func TestSample(t *testing.T) {
	text, err := os.ReadFile("testdata/mariadb-10.11.log")
	if err != nil {
		t.Fatal(err)
	}
	x := newTester(t)
	var got []string
	for l := range bytes.Lines(text) {
		l = bytes.TrimSuffix(l, []byte("\n"))
		if !Reads(l) {
			t.Errorf("not taken for a line of the log: %s", l)
		}
		if s := x.decode(l); s != "" {
			_, s, _ = strings.Cut(s, "| ")
			got = append(got, s)
		}
	}
	want := []string{
		"read TABLE shop.members (name) by id | 200 | m1000001",
		"read TABLE shop.members (name) by id + shop.orders (address) by member_id | 200 | m1000002",
		"read TABLE shop.members (*) + shop.v (*) | 200 | ",
		"other ANY /mariadb/* | 200 | ",
		"read ANY /mariadb/* | 200 | ",
		"read TABLE shop.members (name) | 200 | ",
		"delete TABLE shop.orders (address) | 200 | ",
		"read TABLE shop.members ({word}) | 400 | ",
		"read GET /unread/mariadb/shop/query | 200 | ",
		"read TABLE shop.members (id, name) | 200 | ",
		"read TABLE shop.members | 200 | ",
		"update TABLE shop.members by id | 200 | m1000001",
		"read ANY /mariadb/* | 200 | ",
		"read TABLE shop.members (name) | 200 | ",
		"read CALL shop.{word} | 200 | ",
		"other ANY /mariadb/* | 200 | ",
		"read TABLE shop.members (*) | 200 | ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const good = `20261130 13:40:38,vm,dba1,10.1.2.3,3,9,QUERY,shop,'select name from members where id=\'m1000001\'',0`

func TestLines(t *testing.T) {
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	const secret = "kim-secret"
	long := func(n int) string {
		head := `20261130 13:40:38,vm,dba1,10.1.2.3,3,9,QUERY,shop,'`
		sql := `select name from members where id=\'m1000001\' -- `
		return head + sql + strings.Repeat("x", n-len(sql)) + `',0`
	}
	for _, test := range []struct{ name, text, want string }{
		{"good", good, "2026-11-30T04:40:38.000Z dba1(staff) vm/3 10.1.2.3 | read TABLE shop.members (name) by id | 200 | m1000001"},
		{"a program", change("dba1", "shop_app"), "shop_app(service)"},
		{"the database of the statement", change("from members", "from shop.members", ",QUERY,shop,", ",QUERY,,"), "shop.members (name) by id"},
		{"no database", change(",QUERY,shop,", ",QUERY,,"), "TABLE shop.members (name) by id"},
		{"capitals", change("members", "Members", "id", "ID", `\'m1`, `\'M1`), "| read TABLE shop.members (name) by id | 200 | m1000001"},
		{"blanks behind", change(`1\'`, `1  \'`), "by id | 200 | m1000001"},
		{"a number like it", change(`\'m1000001\'`, "1000001"), "(name) | 200 | "},
		{"é may be e", change("m1000001", "m100000é"), "(name) | 200 | "},
		{"a wrong column", change("',0", "',1054"), "| 400 | "},
		{"stopped", change("',0", "',1317"), "| 206 | m1000001"},
		{"denied", change("',0", "',1142"), "| 403 | "},
		{"one short of a limit", long(1022), "by id | 200 | m1000001"},
		{"as long as a limit", long(1024), "| read GET /unread/mariadb/shop/query | 200 | "},
		{"one less, as an escape may", long(1023), "| read GET /unread/mariadb/shop/query | 200 | "},
		{"as long as another limit", long(2000), "| read GET /unread/mariadb/shop/query | 200 | "},
		{"connected", `20261130 13:40:38,vm,dba1,10.1.2.3,3,0,CONNECT,shop,,0`, "| sign_in ANY /mariadb/* | 200 | "},
		{"not let in", `20261130 13:40:38,vm,dba1,10.1.2.3,3,0,FAILED_CONNECT,,,1045`, "| sign_in ANY /mariadb/* | 401 | "},
		{"gone", `20261130 13:40:38,vm,dba1,10.1.2.3,3,0,DISCONNECT,shop,,0`, ""},
		{"a table", `20261130 13:40:38,vm,dba1,10.1.2.3,3,9,READ,shop,members,`, ""},
		{"a name for an address", change("10.1.2.3", "somewhere"), "vm/3  |"},
		{"cut off", good[:70], "aside: the line is not of the declared format"},
		{"no quote at the end", change("'',0", "',0"), "aside: object"},
		{"more behind the statement", change("',0", "',0,localhost,8,0,FAILED_CONNECT,,,1044"), "aside: object"},
		{"another time", change("20261130 ", "2026-1-30"), "aside: the line"},
		{"no such day", change("20261130", "20261131"), "aside: timestamp: the time cannot be read"},
		{"not UTF-8", change("m1000001", secret+"\xff"), "aside: object: the value is not valid UTF-8"},
		{"a name with a bell", change("dba1", secret+"\a"), "aside: username: the value holds"},
		{"a word that nobody knows", change("select name", "selekt name"), "| read GET /unread/mariadb/shop/query | 200 | "},
		{"understood by MariaDB alone", change("members where", "members for system_time all where"), "| read GET /unread/mariadb/shop/query | 200 | "},
	} {
		got := newTester(t).decode([]byte(test.text))
		if !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		if strings.HasPrefix(got, "aside") && strings.Contains(got, secret) {
			t.Errorf("%s: the error says what stood there", test.name)
		}
	}
	x := newTester(t)
	x.decode([]byte(`20261130 13:40:38,vm,dba1,10.1.2.3,3,9,READ,shop,members,`))
	only := []byte(change("members where", "members for system_time all where"))
	if got := x.decode(only); !strings.Contains(got, "read TABLE shop.members (*) | 200 | ") {
		t.Errorf("the table before it is not known: %s", got)
	}
	x.dec.Begin()
	if got := x.decode(only); !strings.Contains(got, "/unread/") {
		t.Errorf("what another chunk held is remembered: %s", got)
	}
}

// TestHidden: a table that was opened to be read is read, whoever in the statement did
// it, and once.
func TestHidden(t *testing.T) {
	at := func(rest string) string { return "20261130 13:40:38,vm,dba1,10.1.2.3," + rest }
	query := func(id, text, code string) string {
		return at("3," + id + ",QUERY,shop,'" + strings.ReplaceAll(text, "'", `\'`) + "'," + code)
	}
	touch := func(id, rest string) string { return at("3," + id + "," + rest + ",") }
	for _, test := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"a function", []string{touch("9", "READ,mysql,proc"), touch("9", "READ,shop,members"), query("9", "select f()", "0")}, "TABLE shop.members (*) + FUNCTION shop.f (*) | "},
		{"a function, no lines about tables", []string{query("9", "select f()", "0")}, "FUNCTION shop.f | "},
		{"a function of the server", []string{query("9", "select upper('x'), now()", "0")}, "ANY /mariadb/* | "},
		{"beside the same table", []string{touch("9", "READ,shop,members"), touch("9", "READ,shop,members"), query("9", "select f(), name from members where id = 'm1000001'", "0")},
			"TABLE shop.members (name) + FUNCTION shop.f | "},
		{"a procedure whose statements have lines", []string{touch("9", "READ,shop,members"), query("9", "select name from members", "0"), query("9", "call p()", "0")},
			"TABLE shop.members (name) | ; CALL shop.p | "},
		{"and that reads in a condition", []string{touch("8", "READ,shop,orders"), touch("9", "READ,shop,members"), query("10", "call p()", "0")},
			"TABLE shop.members (*) + shop.orders (*) + CALL shop.p (*) | "},
		{"a trigger", []string{touch("9", "WRITE,shop,orders"), touch("9", "READ,shop,members"), query("9", "insert into orders (no, member_id) values (1, 'm1000001')", "0")},
			"TABLE shop.members (*) + shop.orders | "},
		{"a block counts once", []string{touch("9", "READ,shop,members"), query("9", "select name from members where id = 'm1000001'", "0"), query("9", "begin not atomic select name from members where id = 'm1000001'; end", "0")},
			"TABLE shop.members (name) by id | m1000001; ANY /mariadb/* | "},
		{"a block with a cursor", []string{touch("9", "READ,shop,members"), query("10", "begin not atomic for r in (select name from members) do select r.name; end for; end", "0")},
			"TABLE shop.members (*) | "},
		{"and no lines about tables", []string{query("9", "begin not atomic for r in (select name from members) do select r.name; end for; end", "0")}, "GET /unread/mariadb/shop/query | "},
		{"nothing but the server's own tables", []string{touch("9", "READ,mysql,proc"), query("9", "handler members open", "0")}, "GET /unread/mariadb/shop/query | "},
		{"shows nothing", []string{touch("9", "READ,shop,members"), query("9", "check table members", "0")}, "ANY /mariadb/* | "},
		{"explained", []string{touch("9", "READ,shop,members"), query("9", "explain select f()", "0")}, "ANY /mariadb/* | "},
		{"of another connection", []string{at("4,8,READ,shop,members,"), query("9", "select 1", "0")}, "ANY /mariadb/* | "},
		{"dumped", []string{touch("9", "READ,shop,members"), query("9", "SELECT /*!40001 SQL_NO_CACHE */ `id`, `name` FROM `members`", "0")}, "TABLE shop.members (id, name) | "},
	} {
		x := newTester(t)
		var got []string
		for _, l := range test.lines {
			if s := x.decode([]byte(l)); s != "" {
				_, s, _ = strings.Cut(s, "| ")
				_, s, _ = strings.Cut(s, " ")
				got = append(got, strings.Replace(s, "| 200 | ", "| ", 1))
			}
		}
		if is := strings.Join(got, "; "); is != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, is, test.want)
		}
		if len(x.dec.tables["3"]) > 0 {
			t.Errorf("%s: tables are left over", test.name)
		}
	}
	// However many tables are opened, none is forgotten without a word.
	x := newTester(t)
	for range 2 * maxTouched {
		x.decode([]byte(touch("8", "READ,shop,orders")))
	}
	x.decode([]byte(touch("9", "READ,shop,members")))
	if got := x.decode([]byte(query("9", "call p()", "0"))); !strings.Contains(got, "shop.members (*) + shop.orders (*)") {
		t.Errorf("the same table again and again: %s", got)
	}
	for i := range 2 * maxTouched {
		x.decode([]byte(touch("9", fmt.Sprintf("READ,shop,t%d", i))))
	}
	x.decode([]byte(touch("9", "READ,shop,members")))
	rec, _ := x.Record([]byte(query("9", "call p()", "0")))
	if rec == nil || rec.Mapped {
		t.Error("tables beyond all bounds are taken for described")
	}
}

func TestCover(t *testing.T) {
	statementtest.Covered(t, &Decoder{}, []string{good, good[30:]}, "m1000001", "members", "select", "dba1", "10.1")
}

func FuzzDecode(f *testing.F) {
	text, err := os.ReadFile("testdata/mariadb-10.11.log")
	if err != nil {
		f.Fatal(err)
	}
	seeds := [][]byte{[]byte(good)}
	for l := range bytes.Lines(text) {
		seeds = append(seeds, bytes.TrimSuffix(l, []byte("\n")))
	}
	statementtest.Fuzz(f, newTester(f).Log, seeds...)
}
