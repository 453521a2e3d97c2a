package mariadb

import "testing"

// TestBlock: a query in a block that the log has no line for is not passed over; a
// block of nothing but statements with lines of their own reads nothing more.
func TestBlock(t *testing.T) {
	for text, understood := range map[string]bool{
		"begin not atomic for r in (select name from members) do select r.name; end for; end":                   false,
		"BEGIN NOT ATOMIC IF (/* x */ SELECT COUNT(*) FROM members) THEN SELECT 2; END IF; END":                 false,
		"begin not atomic declare x text; set x = (select name from members); select x; end":                    false,
		"begin not atomic declare c cursor for select name from members; open c; fetch c into x; select x; end": false,
		"for r in (select name from members) do select r.name; end for":                                         false,
		"for r in (with m as (select * from members) select name from m) do select r.name; end for":             false,
		"while (select 1 from members) do select 1; end while":                                                  false,
		"declare x text; begin x := (select name from members); select x; end":                                  false,

		"begin not atomic declare x text; set x = f(); select x; end":               false,
		"begin not atomic declare x text; set x = shop.upper(1); select x; end":     false,
		"begin not atomic declare x varchar(20); set x = upper('a'); select x; end": true,
		"begin not atomic select name from members; end":                            true,
		"if 1 then select name from members; end if":                                true,
		"begin":      true,
		"BEGIN WORK": true,
	} {
		if list, ok := Parse(text); ok != understood {
			t.Errorf("%q: understood %t, want %t: %v", text, ok, understood, list)
		}
	}
}
