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
		{"EXPLAIN SELECT * FROM members", ""}, {"SET NAMES utf8", ""}, {"SHOW TABLES", ""}, {"BEGIN", ""}, {"SELECT 1", ""},
		{"HANDLER members READ FIRST", "not understood"}, {"SELECT FROM WHERE", "not understood"},
		{"FLUSH SOMETHING NEW", ""},

		{"CALL p('m1')", "CALL p(m1)"}, {"call shop.p", "CALL shop.p()"}, {"CALL p;", "CALL p()"}, {"CALL p(@x, f((SELECT name FROM members)))", "members(name); CALL p(?, ?); f(?)"},
		{"SELECT f()", "f()"}, {"SELECT shop.f('m1', 2)", "shop.f(m1, 2)"}, {"DO f()", "f()"}, {"SET @x = f()", "f()"},
		{"SELECT F (id), upper(name) FROM members WHERE id = 'm1'", "members(id, name) id=m1; F(?)"},
		{"SELECT shop.upper(name) FROM members WHERE id = 'm1'", "members(name) id=m1; shop.upper(?)"},
		{"SELECT name FROM members WHERE id = 'm1' ORDER BY g(1)", "members(name) id=m1; g(1)"},
		{"UPDATE orders SET address = f() WHERE no = 5 ORDER BY g() LIMIT 1", ">orders no=5; f(); g()"},
		{"DELETE FROM orders WHERE no = 5 RETURNING f()", ">orders no=5; f()"},
		{"SELECT * FROM (SELECT f() AS x) y", "f()"}, {"SELECT 1 LIMIT 1 OFFSET 2", ""},
		{"CREATE TABLE t AS SELECT f()", "f()"}, {"EXPLAIN SELECT f()", ""}, {"PREPARE s FROM 'SELECT f()'", ""}, {"CREATE VIEW v AS SELECT f()", ""},
		{"SELECT regexp_like('a', 'b'), regexp_replace('a', 'b', 'c'), json_pretty('{}'), st_astext(point(1, 2)), nvl(1, 2)", "regexp_like()"},
		{"SELECT group_concat(name), count(*), avg(visits), row_number() OVER () FROM members", "members(name, visits)"},
		{"SELECT if(1, 2, 3), now(), cast('1' AS char), convert('1', char), date_add(now(), interval 1 day), coalesce(1), substring('abc' FROM 2), trim(both 'x' FROM 'y'), extract(year FROM now())", ""},
		{"SELECT /*!40001 SQL_NO_CACHE */ * FROM members", "members(*)"},

		// What shows nothing, and what nobody knows.
		{"ALTER TABLE members ADD x int", ""}, {"CHECK TABLE members", ""}, {"ANALYZE TABLE members PERSISTENT FOR ALL", ""}, {"SHOW ALL SLAVES STATUS", ""},
		{"CREATE OR REPLACE DEFINER=a@b PROCEDURE p() SELECT name FROM members", ""}, {"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT name FROM members", ""},
		{"CREATE OR REPLACE TABLE `procedure` AS SELECT * FROM members FOR SYSTEM_TIME ALL", "not understood"},
		{"ANALYZE FORMAT=JSON SELECT name FROM members", "not understood"}, {"SHOW VARIABLES WHERE value = (SELECT name FROM members LIMIT 1)", "not understood"},
		{"EXECUTE s", "not understood"}, {"EXECUTE IMMEDIATE concat('SELECT na', 'me FROM members')", "not understood"},
		{"SELEKT name FROM members", "not understood"}, {"SET STATEMENT max_statement_time=1 FOR SELECT name FROM members", "not understood"},
		{"TABLE members", "not understood"}, {"MERGE INTO members", "not understood"}, {"FETCH c INTO x", "not understood"},
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
