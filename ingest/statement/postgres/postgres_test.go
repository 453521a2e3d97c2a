package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/ingest/statement"
	"github.com/haetae/haetae/ingest/statement/statementtest"
)

func TestStatements(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"SELECT name FROM members WHERE id = 'm1'", "members(name) id=m1"},
		{"select name from shop.members where 'm1' = id", "shop.members(name) id=m1"},
		{"SELECT * FROM members", "members(*)"},
		{"TABLE members", "members(*)"},
		{"SELECT m.* FROM members m", "members(*)"},
		{"SELECT m FROM members m", "members(*)"},
		{"SELECT row_to_json(m) FROM members m WHERE id IN ('m1', $1, NULL)", "members(*) id=m1|$1"},
		{"SELECT count(*) FROM members", "members"},
		{"SELECT 1 FROM members WHERE id = $1", "members id=$1"},
		{"SELECT name FROM members WHERE id = ANY('{m1,m2}')", "members(name) id={m1,m2}[]"},
		{"SELECT name FROM members WHERE id = ANY($1::text[])", "members(name) id=$1[]"},
		{"SELECT name FROM members WHERE id = ANY(ARRAY['m1','m2'])", "members(name) id=m1|m2"},
		{"SELECT name FROM members WHERE id = 'm1' OR id = 'm2'", "members(name) id=m1|m2"},
		{"SELECT name FROM members WHERE (id, phone) = ('m1', '010')", "members(name) id=m1 phone=010"},
		{"SELECT name FROM members WHERE id = 'm1'::text", "members(name) id=m1"},

		// What names nobody.
		{"SELECT name FROM members WHERE id = 'm1' OR phone = '010'", "members(name)"},
		{"SELECT name FROM members WHERE id LIKE 'm1%'", "members(id, name)"},
		{"SELECT name FROM members WHERE id BETWEEN 'm1' AND 'm2'", "members(id, name)"},
		{"SELECT name FROM members WHERE id > 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE id <> 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE NOT id = 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE id NOT IN ('m1')", "members(id, name)"},
		{"SELECT name FROM members WHERE lower(id) = 'm1'", "members(id, name)"},
		{"SELECT name FROM members WHERE id = lower('M1')", "members(name)"},
		{"SELECT name FROM members WHERE id = 'm1000'::varchar(2)", "members(name)"},
		{"SELECT name FROM members WHERE (id = 'm1') IS NOT TRUE", "members(id, name)"},
		{"SELECT name FROM members WHERE id = ALL('{m1}')", "members(id, name)"},
		{"SELECT name FROM members WHERE CASE WHEN true THEN true ELSE id = 'm1' END", "members(id, name)"},
		{"SELECT name FROM members WHERE id = p_id", "members(name)"},
		{"SELECT name FROM members WHERE id IN (SELECT member_id FROM orders WHERE no = 1)", "members(name); orders no=1"},

		// Joins.
		{"SELECT m.name, o.address FROM members m JOIN orders o ON o.member_id = m.id WHERE m.id = 'm1'",
			"members(name) id=m1; orders(address) member_id=m1"},
		{"SELECT m.name, o.address FROM members m, orders o WHERE o.member_id = m.id AND o.member_id = $1",
			"members(name) id=$1; orders(address) member_id=$1"},
		{"SELECT m.name, o.address FROM members m LEFT JOIN orders o ON o.member_id = m.id WHERE m.id = 'm1'",
			"members(name) id=m1; orders(address) member_id=m1"},
		{"SELECT m.name, o.address FROM members m LEFT JOIN orders o ON o.member_id = m.id AND m.id = 'm1'",
			"members(name); orders(address) member_id=m1"},
		{"SELECT m.name, o.address FROM orders o RIGHT JOIN members m ON o.member_id = m.id AND m.id = 'm1'",
			"orders(address) member_id=m1; members(name)"},
		{"SELECT m.name, o.address FROM members m FULL JOIN orders o ON o.member_id = m.id AND m.id = 'm1'",
			"members(name); orders(address)"},
		{"SELECT m.name, o.address FROM members m CROSS JOIN orders o WHERE m.id = 'm1'", "members(name) id=m1; orders(address)"},
		{"SELECT a.name, b.name FROM members a JOIN members b ON b.referrer = a.id WHERE a.id = 'm1'",
			"members(name) id=m1; members(name) referrer=m1"},
		{"SELECT name, address FROM members m JOIN orders USING (member_id) WHERE member_id = 'm1'",
			"members member_id=m1; orders member_id=m1; ?name[[0 1]]; ?address[[0 1]]"},

		// Queries in queries.
		{"SELECT name FROM (SELECT * FROM members) x WHERE x.id = 'm1'", "members(name) id=m1"},
		{"SELECT count(*) FROM (SELECT id, name FROM members) x", "members"},
		{"SELECT x.n FROM (SELECT name AS n, phone AS p, id FROM members) x WHERE id = 'm1'", "members(name) id=m1"},
		{"SELECT * FROM (SELECT max(name) AS n, id FROM members GROUP BY id) x WHERE id = 'm1'", "members(id, name)"},
		{"SELECT * FROM (SELECT max(name) FROM members WHERE id = 'm1') x", "members(name) id=m1"},
		{"SELECT * FROM (SELECT name, lag(name) OVER () FROM members) x WHERE name = 'kim'", "members(name)"},
		{"WITH x AS (SELECT * FROM members) SELECT name FROM x WHERE id = 'm1'", "members(name) id=m1"},
		{"WITH x AS (SELECT * FROM members) SELECT name FROM x WHERE id = 'm1' UNION ALL SELECT name FROM x", "members(name) id=m1; members(name)"},
		{"WITH members AS (SELECT 1 AS id) SELECT * FROM members WHERE id = 'm1'", ""},
		{"WITH RECURSIVE r AS (SELECT id, up FROM members WHERE id = 'm1' UNION ALL SELECT m.id, m.up FROM members m JOIN r ON m.id = r.up) SELECT * FROM r",
			"members(id, up) id=m1; members(id, up)"},
		{"SELECT name FROM members WHERE id = 'm1' UNION SELECT name FROM members WHERE id = 'm2'", "members(name) id=m1; members(name) id=m2"},
		{"SELECT m.name, (SELECT o.address FROM orders o WHERE o.member_id = m.id LIMIT 1) FROM members m WHERE m.id = 'm1'",
			"members(name) id=m1; orders(address) member_id=m1"},
		{"SELECT m.name, x.address FROM members m, LATERAL (SELECT * FROM orders o WHERE o.member_id = m.id) x WHERE m.id = 'm1'",
			"members(name) id=m1; orders(address) member_id=m1"},
		{"SELECT m.name FROM members m WHERE EXISTS (SELECT 1 FROM orders o WHERE o.member_id = m.id AND o.member_id = 'm1')",
			"members(name); orders member_id=m1"},
		{"SELECT (SELECT phone FROM orders LIMIT 1) FROM members", "members; orders; ?phone[[1] [0]]"},

		// What writes.
		{"UPDATE members SET phone = '1' WHERE id = 'm1' RETURNING *", ">members(*) id=m1"},
		{"UPDATE members SET phone = phone || '1' WHERE id = 'm1' AND name LIKE 'k%'", ">members id=m1"},
		{"UPDATE orders o SET address = m.address FROM members m WHERE m.id = o.member_id AND m.id = 'm1'", ">orders member_id=m1; members(address) id=m1"},
		{"DELETE FROM members WHERE id IN ('m1','m2') RETURNING name", ">members(name) id=m1|m2"},
		{"INSERT INTO members (id, name) VALUES ('m1', 'kim'), ($1, 'lee') RETURNING id", ">members(id) id=m1|$1 name=kim|lee"},
		{"INSERT INTO members (id, email) VALUES ('m9', 'k') ON CONFLICT (email) DO UPDATE SET name = 'x' RETURNING *", ">members(*)"},
		{"INSERT INTO archive SELECT * FROM members WHERE id = 'm1'", ">archive; members(*) id=m1"},
		{"WITH d AS (DELETE FROM members WHERE id = 'm1' RETURNING *) SELECT name FROM d", ">members(name) id=m1"},
		{"MERGE INTO members m USING orders o ON m.id = o.member_id AND m.id = 'm1' WHEN MATCHED THEN UPDATE SET phone = o.phone", ">members; orders(member_id, phone)"},
		{"COPY members TO STDOUT", "members(*)"},
		{"COPY members (name, phone) TO '/tmp/x'", "members(name, phone)"},
		{"COPY (SELECT name FROM members WHERE id = 'm1') TO STDOUT", "members(name) id=m1"},
		{"COPY members FROM STDIN", ">members"},
		{"CREATE TABLE t AS SELECT * FROM members WHERE id = 'm1'", "members(*) id=m1"},
		{"SELECT * INTO t FROM members", "members(*)"},
		{"EXPLAIN ANALYZE SELECT * FROM members", ""},
		{"DECLARE c CURSOR FOR SELECT name FROM members WHERE id = 'm1'", "members(name) id=m1"},
		{"PREPARE p AS SELECT name FROM members WHERE id = $1", "members(name) id=$1"},
		{"FETCH 10 FROM c", ""}, {"SET x = 1", ""}, {"SELECT 1", ""}, {"SELECT * FROM generate_series(1, 3) x", ""},
		{`SELECT 1 FROM ONLY "public"."members" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x`, "public.members id=$1"},
		{"SELECT 1; SELECT name FROM members WHERE id = 'm1'", "members(name) id=m1"},
		{"SELECT lower(name) AS n FROM members ORDER BY n", "members(name)"},
		{"SELECT id FROM members ORDER BY phone", "members(id, phone)"},
		{"SELECT coalesce(name, CASE WHEN phone IS NULL THEN email END) FROM members", "members(email, name, phone)"},

		{"SELECT FROM WHERE", "not understood"},
		{"SELECT 'a\x00' FROM members", "not understood"},
		{"SELECT " + strings.Repeat("(SELECT ", 400) + "1" + strings.Repeat(")", 400), "not understood"},
		{"SELECT 1" + strings.Repeat(" + 1", 5000), "not understood"},
	} {
		if got := statementtest.Describe(Parse, test.text); got != test.want {
			t.Errorf("%.200s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
	if parser.broken {
		t.Error("the parser ran out of its stack")
	}
}

// TestNesting holds the bound against what the parser's stack stands: what passes
// it must not end the parser.
func TestNesting(t *testing.T) {
	for _, form := range [][2]string{
		{"(", ")"}, {"(select ", ")"}, {"not ", ""}, {"- ", ""}, {"case when a and b then ", " end"}, {"f(a, ", ")"}, {"array[", "]"},
		{"", " is true"}, {"", "::int"}, {"", " + 1"}, {"", " between 1 and 2 is true"}, {"", " union select 1"}, {"", " or not a"},
	} {
		for n := 1; n < 4000; n = n*3/2 + 1 {
			text := "select " + strings.Repeat(form[0], n) + "1" + strings.Repeat(form[1], n)
			if nesting(text) <= maxNesting {
				Parse(text)
			} else if nesting(text) < n {
				t.Errorf("%q %d times: %d", form, n, nesting(text))
			}
			if parser.broken {
				t.Fatalf("%q %d times ended the parser", form, n)
			}
		}
	}
	for text, want := range map[string]int{
		"'((((' || E'(\\'((' || $a$(((($a$ || \"((\"": 6, "-- ((((\n(": 1, "/* (( /* (( */ ( */ (": 1, "($1, $2)": 1, "a(b(c)), d(e)": 2,
	} {
		if got := nesting(text); got != want {
			t.Errorf("%s: %d", text, got)
		}
	}
}

// FuzzParse: no text ends the parser, and none of its values is lost on the way to
// a table it names.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"SELECT m.name, o.address FROM members m LEFT JOIN orders o USING (id) WHERE m.id = ANY($1::text[])",
		"WITH RECURSIVE r AS (SELECT 1 UNION SELECT * FROM r) UPDATE a SET b = (SELECT c FROM d) FROM r WHERE a.id IN ('m1', $2) RETURNING a.*",
		"MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE", "COPY (TABLE a) TO STDOUT", "EXPLAIN ANALYZE SELECT 1", "E'\\'", "$a$", "((((",
		"SELECT x.* FROM LATERAL (VALUES (1)) x(y), JSON_TABLE('[]', '$' COLUMNS (z int)) j WINDOW w AS (ORDER BY y)",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, ok := Parse(text)
		if parser.broken {
			t.Fatal("the parser was ended")
		}
		if !ok {
			return
		}
		for _, s := range list {
			a, ok := statement.Analyse(s)
			if !ok {
				continue
			}
			for _, l := range a.Loose {
				for _, i := range slices.Concat(l.Tables...) {
					if i < 0 || i >= len(a.Tables) {
						t.Fatalf("table %d of %d", i, len(a.Tables))
					}
				}
			}
		}
	})
}
