package mariadb

import (
	"strings"
	"testing"

	"github.com/haetae/haetae/ingest/statement/statementtest"
)

func TestStatements(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"SELECT name FROM members WHERE id = 'm1'", "members(name) id=m1"},
		{`select Name from shop.Members where "m1" = ID`, "shop.Members(name) id=m1"},
		{"SELECT * FROM members", "members(*)"},
		{"SELECT m.* FROM members m WHERE m.id IN ('m1', 'm2', NULL)", "members(*) id=m1|m2"},
		{"SELECT M.name FROM members m WHERE M.id = 'm1'", "members(name) id=m1"},
		{"SELECT count(*) FROM members", "members"},
		{"SELECT name FROM members WHERE id <=> 'm1'", "members(name) id=m1"},
		{"SELECT name FROM members WHERE id = 'm1' OR id = 'm2'", "members(name) id=m1|m2"},
		{"SELECT name FROM members WHERE id = 'm1' AND (phone = '1' OR name LIKE 'k%') AND visits > 3", "members(name, visits) id=m1"},
		{"SELECT `name` FROM `members` WHERE `id` = 'it''s \\'x\\''", "members(name) id=it's 'x'"},
		{"SELECT name FROM members WHERE id = 42", "members(name) id=42"},
		{"SELECT name FROM members WHERE id = ?", "members(name)"},
		{"SELECT name FROM members WHERE id = 'm1' || 'm2'", "members(name)"},
		{"SELECT name FROM members WHERE id = concat('m', 1)", "members(name)"},
		{"SELECT name FROM members WHERE id = _utf8'm1' COLLATE utf8_bin", "members(name)"},
		{"SELECT name FROM members WHERE NOT id = 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE id <> 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE id LIKE 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE lower(id) = 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE id = 'm1' OR phone = '1'", "members(name)"},
		{"SELECT name FROM members WHERE id = 'm1' XOR phone = '1'", "members(id, name, phone)"},
		{"SELECT name FROM members WHERE id = 'm1'--1 OR 1=1", "members(name)"},
		{"SELECT name FROM members WHERE id = 'm1' -- OR 1=1", "members(name) id=m1"},
		{"SELECT name FROM members WHERE id = 'm1' # OR 1=1", "members(name) id=m1"},
		{"SELECT name FROM members WHERE id = 'm1' /* OR 1=1 */", "members(name) id=m1"},
		{"SELECT name FROM members WHERE id = 'm1' /*M! OR 1=1 */", "not understood"},
		{"SELECT name FROM members WHERE id = 'm1' /*!50000 OR 1=1 */", "not understood"},
		{"SELECT name FROM members WHERE id = 'm1' '2'", "not understood"},
		{"SELECT m.name, o.address FROM members m JOIN orders o ON o.member_id = m.id WHERE m.id = 'm1'", "members(name) id=m1; orders(address) member_id=m1"},
		{"SELECT m.name, o.address FROM members m LEFT JOIN orders o ON o.member_id = m.id AND m.id = 'm1'", "members(name); orders(address) member_id=m1"},
		{"SELECT a.t.x FROM a.t, b.t WHERE a.t.id = 'm1'", "a.t(x); b.t(x)"},
		{"SELECT M.name FROM orders m, members M WHERE M.id = 'm1'", "orders(name); members(name)"},
		{"WITH x AS (SELECT * FROM members) SELECT name FROM x WHERE id = 'm1'", "members(name) id=m1"},
		{"SELECT name FROM (SELECT * FROM members) x WHERE x.id = 'm1'", "members(name) id=m1"},
		{"(SELECT name FROM members WHERE id = 'm1') UNION (SELECT address FROM orders) ORDER BY 1", "members(name) id=m1; orders(address)"},
		{"SELECT name INTO OUTFILE '/tmp/x' FROM members", "members(name)"},
		{"SET @x = (SELECT name FROM members WHERE id = 'm1')", "members(name) id=m1"},
		{"CREATE TABLE t SELECT * FROM members", "members(*)"},
		{"UPDATE members SET phone = '1' WHERE id = 'm1'", ">members id=m1"},
		{"UPDATE members m JOIN orders o ON o.member_id = m.id SET m.phone = o.address WHERE m.id = 'm1'", "members id=m1; orders(address) member_id=m1"},
		{"DELETE FROM members WHERE id = 'm1'", ">members id=m1"},
		{"DELETE FROM members WHERE id = 'm1' RETURNING name, phone", ">members(name, phone) id=m1"},
		{"INSERT INTO members (id, name) VALUES ('m1', 'kim') RETURNING *", ">members(*) id=m1 name=kim"},
		{"INSERT INTO members (id) VALUES ('m1') ON DUPLICATE KEY UPDATE name = 'x' RETURNING phone", ">members(phone)"},
		{"INSERT INTO archive SELECT * FROM members WHERE id = 'm1'", ">archive; members(*) id=m1"},
		{"EXPLAIN SELECT * FROM members", ""}, {"SET NAMES utf8", ""}, {"SHOW TABLES", ""}, {"BEGIN", ""}, {"SELECT 1", ""}, {"CALL p('m1')", ""},
		{"HANDLER members READ FIRST", "not understood"}, {"SELECT FROM WHERE", "not understood"},
		{"FLUSH SOMETHING NEW", ""},
	} {
		if got := statementtest.Describe(Parse, test.text); got != test.want {
			t.Errorf("%.200s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
	Parse(strings.Repeat("SELECT (", 20_000))
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"SELECT m.name FROM members m JOIN orders o USING (id) WHERE m.id IN ('m1', 2) /* x */ -- y",
		"INSERT INTO a (b) VALUES ('c') ON DUPLICATE KEY UPDATE b = VALUES(b) RETURNING *", "SELECT 'a' 'b'", "SELECT \"\\", "/*M!", "SET @x = (SELECT 1)",
		"DELETE a FROM a, b WHERE a.id = b.id", "SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (z int PATH '$')) j",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { statementtest.Describe(Parse, text) })
}
