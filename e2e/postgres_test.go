//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// postgres is one running in a folder of its own, with pgaudit.
type postgres struct {
	t              *testing.T
	bin, dir, port string
	as             *syscall.Credential // nobody's administrator; nil: who runs the test
}

func startPostgres(t *testing.T) *postgres {
	t.Helper()
	p := &postgres{t: t}
	for _, dir := range []string{os.Getenv("HAETAE_POSTGRES"), "/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin"} {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); dir != "" && err == nil {
			p.bin = dir
			break
		}
	}
	if p.bin == "" {
		t.Fatal("PostgreSQL is missing, and this test cannot do without it.\n" +
			"Run `make e2e`, which installs it on Debian, or name the folder of initdb in HAETAE_POSTGRES.")
	}
	p.dir, p.as = unprivileged(t, "postgres")
	p.run("", filepath.Join(p.bin, "initdb"), "-D", p.dir+"/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C")
	for try := 1; ; try++ {
		p.port = freePort(t)
		conf := fmt.Sprintf(`
listen_addresses = '127.0.0.1'
port = %s
unix_socket_directories = '%s'
fsync = off
logging_collector = on
log_directory = '%s/log'
log_filename = 'postgresql-audit.log'
`, p.port, p.dir, p.dir) + settings(t, "postgresql.conf") + "\nlog_destination = 'csvlog,jsonlog'\n"
		if err := os.WriteFile(p.dir+"/data/postgresql.auto.conf", []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := p.command("", filepath.Join(p.bin, "pg_ctl"), "-D", p.dir+"/data", "-w", "-l", p.dir+"/start.log", "start").CombinedOutput()
		if err == nil {
			break
		}
		if try == 5 {
			said, _ := os.ReadFile(p.dir + "/start.log")
			t.Fatalf("PostgreSQL does not start: %v\n%s%s", err, out, said)
		}
	}
	t.Cleanup(func() {
		p.command("", filepath.Join(p.bin, "pg_ctl"), "-D", p.dir+"/data", "-m", "immediate", "stop").Run()
	})
	return p
}

// unprivileged gives a folder, and the user that a server of the test runs as.
func unprivileged(t *testing.T, names ...string) (dir string, as *syscall.Credential) {
	t.Helper()
	dir, err := os.MkdirTemp("", "haetae-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Geteuid() != 0 {
		return dir, nil
	}
	for _, name := range append(names, "nobody") {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			if err := os.Chown(dir, uid, gid); err != nil {
				t.Fatal(err)
			}
			return dir, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("there is no user but root to run the server as")
	return "", nil
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (p *postgres) command(input, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + p.dir}
	if p.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	}
	return cmd
}

func (p *postgres) run(input, name string, args ...string) string {
	p.t.Helper()
	out, err := p.command(input, name, args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
	return string(out)
}

// psql runs statements as one program.
func (p *postgres) psql(program, options, input string) string {
	p.t.Helper()
	cmd := p.command(input, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", p.port, "-U", "postgres", "shop")
	cmd.Env = append(cmd.Env, "PGAPPNAME="+program, "PGOPTIONS="+options)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("psql: %v\n%s%s", err, errs.String(), out)
	}
	return strings.TrimSpace(string(out))
}

// settings are those of docs/sources.md for a file.
func settings(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```conf\n# "+name+"\n")
	block, _, closed := strings.Cut(block, "```")
	if !found || !closed {
		t.Fatalf("docs/sources.md has no block of %s", name)
	}
	return block
}

// json runs a command and reads what it prints.
func (h *haetae) json(into any, args ...string) {
	h.t.Helper()
	if err := json.Unmarshal(h.run(args...), into); err != nil {
		h.t.Fatal(err)
	}
}

// bound runs a script with pgbench, which binds values as a program does.
func (p *postgres) bound(program, script, value string) question {
	p.t.Helper()
	path := filepath.Join(p.dir, "script.sql")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.command("", filepath.Join(p.bin, "pgbench"), "-n", "-M", "extended", "-t", "1", "-D", value, "-f", path, "-h", "127.0.0.1", "-p", p.port, "-U", "postgres", "shop")
	cmd.Env = append(cmd.Env, "PGAPPNAME="+program)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("pgbench: %v\n%s", err, out)
	}
	return question{text: script, who: "bound", items: "address name"}
}

const shopTables = `
drop table if exists orders, members, notes cascade;
create table members (id text primary key, name text, email text, phone text, visits int default 0);
create table orders (no int primary key, member_id text, address text);
insert into members select 'm' || (1000000 + i), 'name ' || i, 'e' || i || '@shop.example', '010-' || i from generate_series(1, 200) i;
insert into orders select i, 'm' || (1000000 + (i % 40) + 1), 'street ' || i from generate_series(1, 120) i;
create view names as select id, name from members;
create or replace function name_of(who text) returns text language plpgsql as $$ declare r text; begin select name into r from members where id = who; return r; end $$;
create or replace function all_names() returns int language plpgsql as $$ declare r record; n int = 0; begin for r in select name from members loop n = n + 1; end loop; return n; end $$;
create or replace function one(who text) returns setof members language plpgsql as $$ begin return query execute 'select * from members where id = $1' using who; end $$;
create or replace function inlined() returns setof text stable language sql as 'select name from members';
create or replace function standard() returns setof text stable language sql begin atomic select name from members; end;
create or replace procedure dumped(inout n int) language plpgsql as $$ declare r record; begin for r in select name from members loop n = n + 1; end loop; end $$;
create or replace view everything as select inlined() as x;
create table if not exists notes (no int, text text);
create or replace function noted() returns trigger language plpgsql as $$ begin select name into new.text from members where id = new.text; return new; end $$;
create or replace trigger noted before insert on notes for each row execute function noted();
do $$ begin create role auditor; exception when duplicate_object then end $$;
grant select on members, orders to auditor;
`

// question is something that is asked of a database, and what of it can be known.
type question struct {
	text string
	// who are the accounts whose data was in the answer, as the database itself says;
	// empty: nobody's. With unresolved the log cannot name them.
	who        string
	unresolved bool
	items      string // that were shown
	rows       int    // of the unresolved ones; -1: more than one way to count
	inlined    bool   // hidden, unless the log names the table
	hidden     bool   // no catalog says what was read: it is unmapped
	reads      int    // how many, where one must not count twice
}

// statements are what is asked of PostgreSQL.
var statements = []question{
	{text: "select name from members where id = 'm1000003';", who: "select 'm1000003'", items: "name"},
	{text: "select * from public.members where id in ('m1000003', 'm1000004');", who: "select id from members where id in ('m1000003', 'm1000004')", items: "email name phone"},
	{text: "select m.name, o.address\n  from members m join orders o on o.member_id = m.id -- it's \"quoted\"\n where m.id = 'm1000004';", who: "select 'm1000004'", items: "address name"},
	{text: "select phone from members where id = any('{m1000005,m1000006}');", who: "select id from members where id in ('m1000005', 'm1000006')", items: "phone"},
	{text: "prepare p(text) as select name from members where id = $1; execute p('m1000006');", who: "select 'm1000006'", items: "name"},
	{text: "prepare p(text[]) as select name from members where id = any($1); execute p('{m1000006,m1000007}');", who: "select id from members where id in ('m1000006', 'm1000007')", items: "name"},
	{text: "with x as (select * from members) select name from x where id = 'm1000012';", who: "select 'm1000012'", items: "name"},
	{text: "select name from members where id = 'm1000012' union select address from orders where member_id = 'm1000013';", who: "values ('m1000012'), ('m1000013')", items: "address name"},
	{text: "select m.name, (select address from orders o where o.member_id = m.id limit 1) from members m where m.id = 'm1000014';", who: "select 'm1000014'", items: "address name"},
	{text: "update members set phone = '1' where id = 'm1000003' returning name;", who: "select 'm1000003'", items: "name"},
	{text: "delete from orders where member_id = 'm1000020' returning address;", who: "select 'm1000020'", items: "address"},
	{text: "insert into members (id, name) values ('m1900001', 'new') returning id, name;", who: "select 'm1900001'", items: "name"},
	{text: "insert into orders (no, member_id, address) select 9000, id, phone from members where id = 'm1000022';", who: "select 'm1000022'", items: "phone"},
	{text: "copy (select name, 'a\nb' from members where id = 'm1000008') to stdout;", who: "select 'm1000008'", items: "name"},
	{text: "create table t1 as select name from members where id = 'm1000009';", who: "select 'm1000009'", items: "name"},
	{text: "select name into t2 from members where id = 'm1000009';", who: "select 'm1000009'", items: "name"},
	{text: "begin; declare c cursor for select name from members where id = 'm1000010'; fetch 10 from c; commit;", who: "select 'm1000010'", items: "name"},
	{text: "do $$ begin perform name from members where id = 'm1000011'; end $$;", who: "select 'm1000011'", items: "name"},
	{text: "select count(*) from one('m1000023');", who: "select 'm1000023'", items: "email name phone"},
	{text: "select name from names where id = 'm1000015';", who: "select 'm1000015'", items: "name"},
	{text: "select name, 'x' || chr(10) from members where id = E'm10000\\x316';", who: "select 'm1000016'", items: "name"},

	// The log cannot say whose.
	{text: "select name from members where id like 'm100000%';", unresolved: true, items: "name", rows: 9},
	{text: "select name from members where id between 'm1000001' and 'm1000010';", unresolved: true, items: "name", rows: 10},
	{text: "select * from members;", unresolved: true, items: "email name phone", rows: -1},
	{text: "table orders;", unresolved: true, items: "address", rows: -1},
	{text: "select name from members where id = 'm1000003' or phone = '010-7';", unresolved: true, items: "name", rows: 2},
	{text: "select name from members where upper(id) = 'M1000003';", unresolved: true, items: "name", rows: 1},
	{text: "copy members to stdout;", unresolved: true, items: "email name phone", rows: -1},
	{text: "copy orders (address) to stdout;", unresolved: true, items: "address", rows: -1},
	{text: "select name_of('m1000007');", unresolved: true, items: "name", rows: 1},
	{text: "select all_names();", unresolved: true, items: "name", rows: -1},
	{text: "select inlined();", unresolved: true, items: "name", rows: -1},
	{text: "select count(*) from inlined() as t where t <> '';", unresolved: true, items: "name", rows: -1, inlined: true},
	{text: "select count(*) from standard() as t where t <> '';", unresolved: true, items: "name", rows: -1, inlined: true},
	{text: "call dumped(0);", unresolved: true, items: "name", rows: -1},
	{text: "select count(x) from everything;", unresolved: true, items: "name", rows: -1},
	{text: "insert into notes values (1, 'm1000003');", unresolved: true, items: "name", rows: -1},
	{text: "do $$ declare r record; begin for r in execute 'select na' || 'me from members' loop end loop; end $$;", unresolved: true, items: "name", rows: -1},
	{text: "begin; declare c cursor for select name from members where id > 'm1000010'; fetch 3 from c; fetch all from c; commit;", unresolved: true, items: "name", rows: -1},
	{text: "insert into members (id, email) values ('m1000001', 'x') on conflict (id) do update set email = 'y' returning phone;", unresolved: true, items: "phone", rows: 1},
	{text: "select name from members limit 5;", unresolved: true, items: "name", rows: 5},
	{text: "\\unset ON_ERROR_STOP\nselect name, 1 / (no - 100) from members join orders on member_id = id order by no;", unresolved: true, items: "name", rows: -1},

	// Nothing was read.
	{text: "select count(*) from members;"},
	{text: "explain select name from members;"},
	{text: "explain analyze select name from members where id = 'm1000003';"},
	{text: "update members set phone = '2', visits = visits + 1 where id = 'm1000003';"},
	{text: "delete from members where name like 'name 19%';"},
	{text: "insert into members (id, name) values ('m1900002', 'new');"},
	{text: "prepare p as select name from members;"},
	{text: "set work_mem = '8MB'; select 1; show work_mem;"},
	{text: "with members as (select 'm1000003' as id, 'x' as name) select name from members where id = 'm1000003';"},
}

const tablesCatalog = `version: 1
account: {pattern: "m[0-9]{7}"}
items:
  name:    {ko: 성명,         en: name,           class: ordinary}
  email:   {ko: 전자우편주소, en: e-mail address, class: contact}
  phone:   {ko: 휴대전화번호, en: phone number,   class: contact}
  address: {ko: 주소,         en: address,        class: contact}
sources:
  database: {format: FORMAT, match: "*", set: {actor.type: staff}}
routes:
  - {route: "ANY /DIALECT/*", items: []}
  - {route: TABLE SCHEMA.members, account: column.id, columns: {name: [name], email: [email], phone: [phone]}, items: []}
  - {route: TABLE SCHEMA.orders, account: column.member_id, columns: {address: [address]}, items: []}
  - {route: TABLE SCHEMA.names, account: column.id, columns: {name: [name]}, items: [], over: [SCHEMA.members]}
  - {route: TABLE SCHEMA.t1, items: []}
  - {route: TABLE SCHEMA.t2, items: []}
  - {route: FUNCTION SCHEMA.one, items: []}
  - {route: TABLE SCHEMA.notes, items: []}
  - {route: TABLE SCHEMA.everything, items: []}
`

// TestPostgreSQL asks a real server, and compares the extent of each question with
// what it answered.
func TestPostgreSQL(t *testing.T) {
	p := startPostgres(t)
	p.run("", filepath.Join(p.bin, "createdb"), "-h", "127.0.0.1", "-p", p.port, "-U", "postgres", "shop")
	ways := []string{
		"", // as docs/sources.md has it
		"-c pgaudit.log_relation=off",
		"-c pgaudit.log_rows=off",
		"-c pgaudit.log_relation=off -c pgaudit.log_rows=off",
		"-c pgaudit.log_statement_once=on",
		"-c pgaudit.role=auditor",
		"-c pgaudit.log_relation=off -c pgaudit.role=auditor",
	}
	// The way of which each reads as often: object audit beside session audit adds none.
	same := map[int]int{5: 0, 6: 1}
	truth := make(map[string][]string)
	for w, options := range ways {
		p.psql("setup", "-c pgaudit.log=none", shopTables)
		for i, a := range statements {
			program := fmt.Sprintf("w%dq%d", w, i)
			if a.who != "" && !strings.Contains(a.text, "'m19") {
				truth[program] = strings.Fields(p.psql("truth", "-c pgaudit.log=none", a.who))
			} else if a.who != "" {
				truth[program] = []string{"m1900001"}
			}
			p.psql(program, options, a.text)
			// As it was.
			p.psql("cleanup", "-c pgaudit.log=none", `drop table if exists t1, t2; delete from members where id like 'm19%'; delete from orders where no > 200`)
		}
	}
	bound := p.bound("bound", "select name from members where id = :who;\nselect address from orders where member_id in (:who, 'm1000001');\n", "who=m1000005")
	logs := map[string]string{"csvlog": p.dir + "/log/postgresql-audit.csv", "jsonlog": p.dir + "/log/postgresql-audit.json"}
	time.Sleep(time.Second / 2) // the collector writes a moment later
	for kind, log := range logs {
		t.Run(kind, func(t *testing.T) {
			h := newLedger(t, strings.NewReplacer("FORMAT", "pgaudit", "DIALECT", "postgresql", "SCHEMA", "shop.public").Replace(tablesCatalog), log)
			h.compare("client.agent == \"bound\"", bound, []string{"m1000001", "m1000005"}, true, "")
			reads := make(map[string]int)
			for w, options := range ways {
				if kind == "jsonlog" && w > 0 {
					break // the same lines in other brackets
				}
				for i, a := range statements {
					if _, ok := same[w]; ok && i%3 > 0 {
						continue // each takes a second, and the lines are of the same kinds
					}
					program := fmt.Sprintf("w%dq%d", w, i)
					reads[program] = h.compare(fmt.Sprintf("client.agent == %q", program), a, truth[program], !strings.Contains(options, "log_rows=off"), options)
					if like, ok := same[w]; ok && !a.inlined && reads[program] != reads[fmt.Sprintf("w%dq%d", like, i)] {
						t.Errorf("%s (%s): %d reads, %d without object audit", a.text, options, reads[program], reads[fmt.Sprintf("w%dq%d", like, i)])
					}
				}
			}
		})
	}
}

// newLedger imports a log of a database.
func newLedger(t *testing.T, catalog, log string) *haetae {
	t.Helper()
	dir := t.TempDir()
	h := &haetae{t: t, bin: filepath.Join(dir, "haetae"), data: filepath.Join(dir, "data")}
	build := exec.Command("go", "build", "-o", h.bin, "../cmd/haetae")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "catalog.yaml")
	if err := os.WriteFile(file, []byte(catalog), 0o644); err != nil {
		t.Fatal(err)
	}
	h.run("init", "--data", h.data)
	out := h.run("import", "--data", h.data, "--catalog", file, log)
	if bytes.Contains(out, []byte("aside")) {
		t.Errorf("lines were set aside: %s", out)
	}
	return h
}

// extentOf is what is looked at of an answer.
type extentOf struct {
	Reads      int            `json:"reads"`
	Accounts   int            `json:"accounts"`
	Items      map[string]any `json:"items"`
	Unresolved struct{ Records, Rows int }
	Unmapped   struct{ Records int }
	Partly     struct{ Records int } `json:"partly_named"`
	Routes     map[string]int        `json:"routes"`
}

// compare holds the extent of a question against what is true.
func (h *haetae) compare(where string, a question, who []string, rows bool, options string) (reads int) {
	h.t.Helper()
	fail := func(e extentOf, format string, args ...any) {
		h.t.Helper()
		h.t.Errorf("%s (%s)\n  %s\n  %v", a.text, options, fmt.Sprintf(format, args...), e.Routes)
	}
	var e extentOf
	h.json(&e, "scope", "--data", h.data, "--where", where, "--json")
	switch {
	case a.hidden, a.inlined && strings.Contains(options, "log_relation=off"):
		if e.Unmapped.Records == 0 {
			fail(e, "nothing is unmapped")
		}
		if a.unresolved && !a.inlined && e.Unresolved.Records == 0 {
			fail(e, "nothing is unresolved")
		}
		return e.Reads
	case e.Unmapped.Records > 0:
		fail(e, "%d records are unmapped", e.Unmapped.Records)
	case e.Partly.Records > 0:
		fail(e, "partly named")
	case a.unresolved:
		if e.Accounts != 0 || e.Unresolved.Records == 0 || e.Unresolved.Records != e.Reads {
			fail(e, "%d accounts, %d unresolved of %d reads", e.Accounts, e.Unresolved.Records, e.Reads)
		}
		if a.reads > 0 && e.Reads != a.reads {
			fail(e, "%d reads, want %d", e.Reads, a.reads)
		}
		// With a line for each table, one read may be two records.
		if rows && a.rows > 0 && e.Unresolved.Rows != a.rows {
			fail(e, "%d rows, want %d", e.Unresolved.Rows, a.rows)
		}
		return e.Reads
	case len(who) == 0:
		if e.Reads != 0 || e.Accounts != 0 {
			fail(e, "%d reads, where nothing was read", e.Reads)
		}
		return e.Reads
	}
	var items []string
	for name := range e.Items {
		items = append(items, name)
	}
	slices.Sort(items)
	if e.Accounts != len(who) || e.Unresolved.Records != 0 || strings.Join(items, " ") != a.items {
		fail(e, "%d accounts of %d, %d unresolved, items %v", e.Accounts, len(who), e.Unresolved.Records, items)
	}
	var quoted []string
	for _, id := range who {
		quoted = append(quoted, strconv.Quote(id))
	}
	var same extentOf
	h.json(&same, "scope", "--data", h.data, "--where", where+" && account in ["+strings.Join(quoted, ", ")+"]", "--json")
	if same.Accounts != len(who) {
		fail(e, "%d of the %d accounts are those that were read", same.Accounts, len(who))
	}
	return e.Reads
}
