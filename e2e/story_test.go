//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// storyTables are those of the shop of testdata/story.
const storyTables = `
create extension if not exists pgaudit;
create role shop_app login;
create role s900 login;
create table members (id text primary key, name text, email text, phone text);
create table orders (no int primary key, member_id text, address text);
insert into members select 'm' || (1000000 + i), 'name ' || i, 'e' || i || '@shop.example', '010-' || i from generate_series(1, 60) i;
insert into orders select i, 'm' || (1000000 + (i % 60) + 1), 'street ' || i from generate_series(1, 120) i;
grant select on members, orders to shop_app, s900;
`

// answer is what the story says of the reads, whenever they were.
type answer struct {
	Reads      int64            `json:"reads"`
	Accounts   int64            `json:"accounts"`
	People     int64            `json:"people"`
	Items      map[string]int64 `json:"items"`
	Unresolved json.RawMessage  `json:"unresolved"`
	Routes     map[string]int64 `json:"routes"`
	Sources    []struct {
		Source     string           `json:"source"`
		Reads      int64            `json:"reads"`
		Accounts   int64            `json:"accounts"`
		People     int64            `json:"people"`
		PeopleOnly int64            `json:"people_only"`
		Items      map[string]int64 `json:"items"`
		Unresolved json.RawMessage  `json:"unresolved"`
	} `json:"sources"`
}

// TestStory sends the statements of testdata/story to a real server. Its log, beside the
// logs of the web server and of Keycloak, must give the answers that the recorded one
// gives; those are in docs/sources.md and compared there by a test of cmd/haetae.
func TestStory(t *testing.T) {
	p := startPostgres(t)
	p.run("", filepath.Join(p.bin, "createdb"), "-h", "127.0.0.1", "-p", p.port, "-U", "postgres", "shop")
	p.psql("setup", "-c pgaudit.log=none", storyTables)
	const (
		profile = "SELECT name, email FROM members WHERE id = :who;\n"
		orders  = "SELECT no, address FROM orders WHERE member_id = :who;\n"
		console = "SELECT name, email, phone FROM members WHERE id = :who;\n"
	)
	for _, s := range []struct{ script, who string }{
		{profile, "m1000007"}, {orders, "m1000007"}, {profile, "m1000012"}, {console, "m1000042"}, {console, "m1000007"}, {console, "m1000020"},
	} {
		p.service(s.script, s.who)
	}
	p.as900("select name, phone from members where id in ('m1000007', 'm1000031');\nselect * from members;\ncopy orders (member_id, address) to stdout;\n")
	p.service(console, "m1000051")
	p.service(console, "m1000052")

	const dir = "../testdata/story/"
	recorded := storyLedger(t, dir+"postgresql-2025-03-12.csv")
	live := filepath.Join(t.TempDir(), "postgresql-live.csv")
	var told []byte
	await(t, "the last statement in the log", func() bool { // the collector writes a moment later
		var err error
		told, err = os.ReadFile(p.dir + "/log/postgresql-audit.csv")
		return err == nil && bytes.Contains(told, []byte("m1000052"))
	})
	if err := os.WriteFile(live, told, 0o600); err != nil {
		t.Fatal(err)
	}
	lived := storyLedger(t, live)
	some := int64(0)
	for _, where := range []string{
		"true", `actor.id == "s900"`, `account == "m1000007"`, `account in ["m1000042", "m1000031"]`, `source == "postgresql"`, `"phone" in items`,
		`actor.type == "service"`, `actor.type == "partner" && source == "postgresql"`, `route.contains(".members (*)")`,
		`credential.token != "" && !credential.issued`, `source == "web" && credential.token != "" && !credential.issued`,
	} {
		var was, is answer
		recorded.json(&was, "scope", "--data", recorded.data, "--where", where, "--json")
		lived.json(&is, "scope", "--data", lived.data, "--where", where, "--json")
		if d := cmp.Diff(was, is); d != "" {
			t.Errorf("where %s: by the recorded log (-) and by a server now (+):\n%s", where, d)
		}
		some += was.Reads
	}
	if some == 0 {
		t.Error("no answer has a read")
	}
	for _, member := range []string{"m1000007", "m1000031", "m1000042", "m1000060"} {
		type told struct {
			Total, Reads int
			Sources      []struct {
				Source                      string
				Accesses, Reads, Unresolved int
			}
		}
		var was, is told
		recorded.json(&was, "subject", "show", member, "--data", recorded.data, "--json")
		lived.json(&is, "subject", "show", member, "--data", lived.data, "--json")
		if d := cmp.Diff(was, is); d != "" {
			t.Errorf("%s: by the recorded log (-) and by a server now (+):\n%s", member, d)
		}
	}
}

// storyLedger imports the story with one log of the database.
func storyLedger(t *testing.T, database string) *haetae {
	t.Helper()
	const dir = "../testdata/story/"
	text, err := os.ReadFile(dir + "catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h := newLedger(t, string(text), database)
	h.run("import", "--data", h.data, "--register", dir+"register.csv@2025-01-01", "--holdings", dir+"holdings.csv@2025-01-01",
		dir+"web-2025-03-12.json", dir+"keycloak-2025-03-12.json")
	return h
}

// service asks as the web service does: with a role of its own, and a bound value.
func (p *postgres) service(script, who string) {
	p.t.Helper()
	path := filepath.Join(p.dir, "script.sql")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.must("", "shop_app", filepath.Join(p.bin, "pgbench"), "-n", "-M", "extended", "-t", "1", "-D", "who="+who, "-f", path)
}

// as900 types statements as the contractor.
func (p *postgres) as900(statements string) {
	p.t.Helper()
	p.must(statements, "s900", "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
}

func (p *postgres) must(input, role, program string, args ...string) {
	p.t.Helper()
	cmd := p.command(input, program, append(args, "-h", "127.0.0.1", "-p", p.port, "-U", role, "shop")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}
