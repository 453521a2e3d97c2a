//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mariadb is one running in a folder of its own, with server_audit.
type mariadb struct {
	t         *testing.T
	dir, port string
	as        *syscall.Credential
}

func startMariaDB(t *testing.T) *mariadb {
	t.Helper()
	var bin string
	for _, p := range []string{os.Getenv("HAETAE_MARIADBD"), "mariadbd", "/usr/sbin/mariadbd"} {
		if found, err := exec.LookPath(p); p != "" && err == nil {
			bin = found
			break
		}
	}
	if bin == "" {
		t.Fatal("MariaDB is missing, and this test cannot do without it.\n" +
			"Run `make e2e`, which installs it on Debian, or name mariadbd in HAETAE_MARIADBD.")
	}
	m := &mariadb{t: t}
	m.dir, m.as = unprivileged(t, "mysql")
	if out, err := m.command("", "mariadb-install-db", "--no-defaults", "--datadir="+m.dir+"/data", "--auth-root-authentication-method=normal").CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	for try := 1; ; try++ {
		m.port = freePort(t)
		conf := settings(t, "mariadb.cnf") + fmt.Sprintf("port = %s\nbind-address = 127.0.0.1\ndatadir = %[2]s/data\nsocket = %[2]s/socket\nserver_audit_file_path = %[2]s/audit.log\n", m.port, m.dir)
		if err := os.WriteFile(m.dir+"/my.cnf", []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		server := m.command("", bin, "--defaults-file="+m.dir+"/my.cnf")
		server.Stdout, server.Stderr = &said, &said
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { server.Wait(); close(ended) }()
		stop := func() { server.Process.Kill(); <-ended }
		begun := false
		for end := time.Now().Add(time.Minute); !begun && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			select {
			case <-ended:
				end = time.Now()
			default:
				begun = m.client("root", "", "select 1").Run() == nil
			}
		}
		if begun {
			t.Cleanup(stop)
			return m
		}
		stop()
		if try == 5 {
			t.Fatalf("MariaDB does not start:\n%s", said.Bytes())
		}
	}
}

func (m *mariadb) command(input, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = m.dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + m.dir}
	if m.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: m.as}
	}
	return cmd
}

// client runs statements as a user; each user is one question.
func (m *mariadb) client(user, database, input string) *exec.Cmd {
	args := []string{"--no-defaults", "--batch", "--skip-column-names", "--comments", "-h", "127.0.0.1", "-P", m.port, "-u", user}
	if database != "" {
		args = append(args, database)
	}
	return m.command(input, "mariadb", args...)
}

func (m *mariadb) run(user, database, input string) string {
	m.t.Helper()
	cmd := m.client(user, database, input)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("mariadb: %v\n%s\n%s", err, errs.Bytes(), input)
	}
	return strings.TrimSpace(string(out))
}

const mariadbTables = `
create table members (id varchar(20) primary key, name text, email text, phone text, visits int default 0);
create table orders (no int primary key, member_id varchar(20), address text);
insert into members (id, name, email, phone) select concat('m', 1000000 + seq), concat('name ', seq), concat('e', seq), concat('010-', seq) from seq_1_to_200;
insert into orders select seq, concat('m', 1000000 + seq % 40 + 1), concat('street ', seq) from seq_1_to_120;
create view names as select id, name from members;
create procedure one(who varchar(20)) select name from members where id = who;
create function all_names() returns text return (select group_concat(name) from members);
create function name_of(who varchar(20)) returns text return (select name from members where id = who);
create function phone_of(who varchar(20)) returns text return (select phone from members where id = who);
create function shout(x text) returns text return upper(x);
create view everything as select all_names() as x;
create table visits (no int auto_increment primary key, member_id varchar(20), foreign key (member_id) references members (id) on delete cascade);
create table notes (no int primary key, text text);
create trigger noted before insert on notes for each row set new.text = (select name from members where id = new.text);
delimiter //
create procedure dumped() begin declare n text; declare c cursor for select name from members; open c; fetch c into n; select n; close c; end//
create procedure tested() begin if (select count(*) from orders where address like 'street%') > 0 then select 1; end if; end//
create procedure nested() begin call dumped(); end//
create procedure prepared() begin execute immediate 'select all_names()'; end//
delimiter ;
`

// mariadbRoutes are those of what is stored in the database: the log names each table
// that a procedure reads, so a call of one is nothing on its own.
const mariadbRoutes = `  - {route: "CALL shop.*", items: []}
  - {route: FUNCTION shop.phone_of, account: argument.1, items: [phone], over: [shop.members]}
  - {route: TABLE shop.visits, items: []}
`

// asked of MariaDB: its log has no values that were bound, and no rows.
var mariadbQuestions = []question{
	{text: "select name from members where id = 'm1000003';", who: "select 'm1000003'", items: "name"},
	{text: "select NAME from shop.members where ID = \"M1000003\";", who: "select 'm1000003'", items: "name"},
	{text: "select * from members where id in ('m1000003', 'm1000004');", who: "select id from members where id in ('m1000003', 'm1000004')", items: "email name phone"},
	{text: "select m.name, o.address, 'it''s \\'q\\' \\\\'\n  from members m\tjoin orders o on o.member_id = m.id\n where m.id = 'm1000004';", who: "select 'm1000004'", items: "address name"},
	{text: "with x as (select * from members) select name from x where id = 'm1000012';", who: "select 'm1000012'", items: "name"},
	{text: "select name from members where id = 'm1000012' union select address from orders where member_id = 'm1000013';", who: "select 'm1000012' union select 'm1000013'", items: "address name"},
	{text: "select m.name, (select address from orders o where o.member_id = m.id limit 1) from members m where m.id = 'm1000014';", who: "select 'm1000014'", items: "address name"},
	{text: "delete from orders where member_id = 'm1000020' returning address;", who: "select 'm1000020'", items: "address"},
	{text: "insert into members (id, name) values ('m1900001', 'new') returning id, name;", who: "select 'm1900001'", items: "name"},
	{text: "insert into orders (no, member_id, address) select 9000, id, phone from members where id = 'm1000022';", who: "select 'm1000022'", items: "phone"},
	{text: "create table t1 as select name from members where id = 'm1000009';", who: "select 'm1000009'", items: "name"},
	{text: "select name from members where id = 'm1000009' into outfile 'FOLDER/out';", who: "select 'm1000009'", items: "name"},
	{text: "set @x = (select name from members where id = 'm1000010');", who: "select 'm1000010'", items: "name"},
	{text: "select name from names where id = 'm1000015';", who: "select 'm1000015'", items: "name"},
	{text: "select name from members where id = 'm1000016' -- and more\n;", who: "select 'm1000016'", items: "name"},

	{text: "select phone_of('m1000017');", who: "select 'm1000017'", items: "phone"},
	{text: "select phone_of('m1000017'), name from members where id = 'm1000018';", who: "select 'm1000017' union select 'm1000018'", items: "name phone"},
	{text: "select /*!40001 SQL_NO_CACHE */ name from members where id = 'm1000019';", who: "select 'm1000019'", items: "name"},

	// What is stored in the database hides what it reads.
	{text: "select all_names();", unresolved: true, items: "email name phone"},
	{text: "select shop.ALL_names (), upper('x');", unresolved: true, items: "email name phone"},
	{text: "do all_names();", unresolved: true},
	{text: "set @x = all_names();", unresolved: true},
	{text: "set @x = concat(name_of('m1000003'));", unresolved: true},
	{text: "select name_of('m1000003');", unresolved: true},
	{text: "select x from everything;", unresolved: true},
	{text: "prepare p from 'select all_names()'; execute p;", unresolved: true},
	{text: "execute immediate 'select all_names()';", unresolved: true},
	{text: "update notes set text = all_names();", unresolved: true},
	{text: "call dumped();", unresolved: true},
	{text: "call shop.nested;", unresolved: true},
	{text: "call tested();", unresolved: true},
	{text: "call prepared();", unresolved: true},
	{text: "insert into notes values (1, 'm1000003');", unresolved: true},
	{text: "delimiter //\nbegin not atomic declare x text; set x = all_names(); select x; end//", unresolved: true, hidden: true},
	{text: "delimiter //\nbegin not atomic for r in (select name from members) do select r.name; end for; end//", unresolved: true, hidden: true},
	{text: "delimiter //\nbegin not atomic select name from members; end//", unresolved: true, reads: 1},
	{text: "handler members open; handler members read first; handler members close;", hidden: true},
	{text: "select shout('x');", hidden: true},
	{text: "select name, shout(email), name_of('m1000004') from members where id = 'm1000003';", hidden: true},

	{text: "prepare p from 'select name from members where id = ?'; set @a = 'm1000006'; execute p using @a;", unresolved: true, items: "name"},
	{text: "call one('m1000023');", unresolved: true, items: "name"},
	{text: "select name from members where id like 'm100000%';", unresolved: true, items: "name"},
	{text: "select name from members where id between 'm1000001' and 'm1000010';", unresolved: true, items: "name"},
	{text: "select * from members;", unresolved: true, items: "email name phone"},
	{text: "select name from members where id = 'm1000003' or phone = '010-7';", unresolved: true, items: "name"},
	{text: "select name from members where upper(id) = 'M1000003';", unresolved: true, items: "name"},
	{text: "select name from members where id = 'm1000003' /*M! or 1 = 1 */;", unresolved: true, items: "name"},
	{text: "select name from members where id = 'm1000003'--1 or 1 = 1;", unresolved: true, items: "name"},
	{text: "select name from members where id = 'm1000003' '' or id = 'm1000004' 'x';", unresolved: true, items: "name"},
	{text: "select name from members where id = 'm1000003' and 'LONG' <> '';", unresolved: true, items: "name"},
	{text: "insert into members (id, email) values ('m1000001', 'x') on duplicate key update email = 'y' returning phone;", unresolved: true, items: "phone"},

	{text: "select count(*) from members;"},
	{text: "explain select name from members;"},
	{text: "update members set phone = '2', visits = visits + 1 where id = 'm1000003';"},
	{text: "delete from members where name like 'name 19%';"},
	{text: "insert into visits (member_id) values ('m1000003'); update visits set no = no + 100;"},
	{text: "check table members; analyze table members; explain select all_names(); describe members; show create table members;"},
	{text: "create view names2 as select all_names() as x, name from members; drop view names2;"},
	{text: "lock tables members read; unlock tables; show tables; select upper('x'), now();"},
	{text: "insert into members (id, name) values ('m1900002', 'new');"},
	{text: "prepare p from 'select name from members';"},
	{text: "set @y = 1; select 1; show variables like 'port';"},
	{text: "with members as (select 'm1000003' as id, 'x' as name) select name from members where id = 'm1000003';"},
}

// TestMariaDB asks a real server, and compares the extent of each question with
// what it answered.
func TestMariaDB(t *testing.T) {
	m := startMariaDB(t)
	m.run("root", "", "create database shop")
	m.run("root", "shop", mariadbTables)
	for i := range mariadbQuestions {
		m.run("root", "", fmt.Sprintf("create user q%d@localhost; grant all on *.* to q%[1]d@localhost; create user q%[1]d@'127.0.0.1'; grant all on *.* to q%[1]d@'127.0.0.1'", i))
	}
	truth := make([][]string, len(mariadbQuestions))
	for i, q := range mariadbQuestions {
		if q.who != "" {
			truth[i] = strings.Fields(m.run("root", "shop", q.who))
		}
		text := strings.NewReplacer("FOLDER", m.dir, "LONG", strings.Repeat("x", 70_000)).Replace(q.text)
		m.run(fmt.Sprintf("q%d", i), "shop", text)
	}
	h := newLedger(t, strings.NewReplacer("FORMAT", "mariadb", "DIALECT", "mariadb", "SCHEMA", "shop").Replace(tablesCatalog)+mariadbRoutes, filepath.Join(m.dir, "audit.log"))
	for i, q := range mariadbQuestions {
		h.compare(fmt.Sprintf("actor.id == %q", fmt.Sprintf("q%d", i)), q, truth[i], false, "")
	}
}
