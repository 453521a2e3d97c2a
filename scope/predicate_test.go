package scope_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/scope"
)

// TestMistakes: what a predicate cannot mean is refused with its place, in both
// languages, and never repeats what may be an id.
func TestMistakes(t *testing.T) {
	l := loadSample(t, "../testdata/shop")
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for _, c := range []struct{ where, cause, ko, hint string }{
		{`action == "reed"`, "predicate, column 11: there is no such action", "조건 11번째 글자: 그런 업무는 없습니다", "read"},
		{`!(action in ["read", "exprt"])`, "column 22: there is no such action", "업무", "export"},
		{`source == "gatway"`, "column 11: no source of that name", "그런 로그가 없습니다", "gateway, haetae"},
		{`"door-code" in items`, "column 1: the catalog has no such item", "개인정보 항목이 없습니다", "door_code"},
		{`items.exists(i, i == "fone")`, "the catalog has no such item", "개인정보 항목이 없습니다", "phone"},
		{`items.size() > 0 && items[0] == "fone"`, "the catalog has no such item", "개인정보 항목이 없습니다", "phone"},
		{`status + 1`, "it gives int, and must", "참 또는 거짓이어야", ""},
		{`credential.kee == "m1000042"`, "undeclared reference", "알 수 없는 이름", "credential.key"},
		{`status == "200"`, "no matching overload", "함께 쓸 수 없는 값", "timestamp"},
		{`status ==`, "Syntax error", "문법 오류", ""},
		{`account.startsWith("m1000042")`, "account is kept as a pseudonym", "account: 가명처리", "account in"},
		{`inCIDR(client.ip, "45.0.0.0/99")`, "is not a network", "주소 대역이 아닙니다", "client.ip =="},
		{`client.ip == "45.0.0.0/8"`, "column 14: this is not an address", "14번째 글자: IP 주소가 아닙니다", "inCIDR"},
		{`!(client.ip in ["45.1.2.3", "999.1.1.1"])`, "column 29: this is not an address", "IP 주소가 아닙니다", "inCIDR"},
		{`"fe80::1%eth0" != client.ip`, "column 1: this is not an address", "IP 주소가 아닙니다", "inCIDR"},
		{`time > timestamp("m1000042")`, "this is not a moment", "시각이 아닙니다", "timestamp"},
		{`account == pseudonym("m1000042")`, "is not 32 hex digits", "32자리 16진수가 아닙니다", "--by actor"},
		{`credential.token == pseudonym("0123456789abcdef0123456789abcdef")`, "only be compared with account or actor.id", "account, actor.id와만", "actor.id =="},
		{`credential.issued == (status == 200)`, "credential.issued cannot be compared", "한 식에서 비교할 수 없습니다", "!credential.issued"},
	} {
		_, err := scope.Run(context.Background(), v, scope.Query{Where: c.where})
		var pe *scope.PredicateError
		if !errors.As(err, &pe) {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		ko, hint := pe.KO()
		if !strings.Contains(err.Error(), c.cause) || !strings.Contains(ko, c.ko) || !strings.Contains(pe.Hint, c.hint) || !strings.Contains(hint, c.hint) {
			t.Errorf("%s:\n%v\n%s\nhint: %s\nhint: %s", c.where, err, ko, pe.Hint, hint)
		}
		if all := err.Error() + ko + pe.Hint + hint; strings.Contains(all, "m1000042") {
			t.Errorf("%s: the id is repeated: %s", c.where, all)
		}
	}
	for _, where := range []string{`source == ""`, `source == "haetae"`, `action != ""`, `action.startsWith("re")`, `credential.key == "reed"`} {
		if _, err := scope.Run(context.Background(), v, scope.Query{Where: where}); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// TestCorrection: the answer says which items a correction of the catalog has
// added, and that an equal catalog has added none.
func TestCorrection(t *testing.T) {
	l := loadSample(t, "../testdata/shop")
	shop, err := os.ReadFile("../packs/catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const page = "  - route: GET /my/addresses\n    items: [name, phone, address]"
	fixed := strings.Replace(string(shop), page, strings.Replace(page, "address]", "address, door_code]", 1), 1)
	if fixed == string(shop) {
		t.Fatal("the shop's catalog does not look as it did")
	}
	for _, c := range []struct {
		text    string
		edition uint32
		people  int64
		added   []string
	}{
		{string(shop), 1, 25, nil}, // the very same: no new edition
		{string(shop) + "# no news\n", 2, 25, nil},
		{fixed, 3, 133, []string{"door_code"}},
		{string(shop), 4, 25, nil}, // taken back
		{fixed, 5, 133, []string{"door_code"}},
	} {
		if n, _, err := l.InstallCatalog("shop.yaml", []byte(c.text)); err != nil || n != c.edition {
			t.Fatalf("edition %d, %v; want %d", n, err, c.edition)
		}
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		e, err := scope.Run(context.Background(), v, scope.Query{Where: predicates["key sig-2024-04"].Where})
		if err != nil {
			t.Fatal(err)
		}
		var added []string
		for name, b := range e.Known {
			if b.Corrected {
				added = append(added, name)
			}
		}
		if !slices.Equal(added, c.added) || e.Items["door_code"] != c.people || e.Editions.Catalog != c.edition {
			t.Errorf("edition %d: added %v, door codes of %d people; want %v, %d", c.edition, added, e.Items["door_code"], c.added, c.people)
		}
		// Parsed once: the next view has the same.
		for n := range c.edition {
			a, err := v.CatalogEdition(n + 1)
			if err != nil {
				t.Fatal(err)
			}
			w, err := l.View()
			if err != nil {
				t.Fatal(err)
			}
			if b, err := w.CatalogEdition(n + 1); err != nil || a != b || a.Edition != n+1 {
				t.Errorf("edition %d: %p and %p, %v", n+1, a, b, err)
			}
			w.Close()
		}
		if _, err := v.CatalogEdition(c.edition + 1); err == nil {
			t.Error("an edition that was never installed")
		}
		v.Close()
	}
}

// TestAddress: one address and one network are found however they are written.
func TestAddress(t *testing.T) {
	l := loadSample(t, "../testdata/shop")
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	ask := func(where string) int64 {
		e, err := scope.Run(context.Background(), v, scope.Query{Where: where})
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		return e.Records
	}
	for _, group := range [][]string{
		{
			`client.ip == "211.20.234.249"`, `"::ffff:211.20.234.249" == client.ip`, `client.ip in ["::FFFF:D314:EAF9"]`,
			`!(client.ip != "0:0:0:0:0:ffff:211.20.234.249")`, `inCIDR(client.ip, "::ffff:211.20.234.249/128")`,
			`[1].exists(i, client.ip == "::ffff:211.20.234.249" && i == 1)`,
		},
		{`inCIDR(client.ip, "211.20.0.0/16")`, `inCIDR(client.ip, "::ffff:211.20.0.0/112")`, `inCIDR(client.ip, status > 0 ? "::ffff:211.20.0.0/112" : "::/0")`},
	} {
		want := ask(group[0])
		if want == 0 {
			t.Fatalf("%s finds nothing", group[0])
		}
		for _, where := range group[1:] {
			if n := ask(where); n != want {
				t.Errorf("%s: %d records, want %d", where, n, want)
			}
		}
	}
	e, err := scope.Run(context.Background(), v, scope.Query{Where: `client.ip == "2001:0DB8:0::1"`})
	if err != nil {
		t.Fatal(err)
	}
	if x := e.Explain().Levels; len(x) != 1 || !strings.Contains(x[0], `client.ip == "2001:db8::1"`) {
		t.Errorf("asked as %q", x)
	}
	if n := ask(`client.ip == ""`); n != 0 {
		t.Errorf("%d records without an address", n)
	}
}

// TestDimension: --by knows the words of a predicate.
func TestDimension(t *testing.T) {
	for name, want := range map[string]string{
		"actor.id": "actor", "credential.key": "key", "client.ip": "client", "items": "item", "key": "key", "day": "day",
	} {
		if got, ok := scope.Dimension(name); !ok || got != want {
			t.Errorf("%s: %s, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "account", "credential.token", "weekday"} {
		if got, ok := scope.Dimension(name); ok {
			t.Errorf("%q is %s", name, got)
		}
	}
}

// TestLevels: every line of --explain can be said in Korean.
func TestLevels(t *testing.T) {
	l := loadSample(t, "../testdata/shop")
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e, err := scope.Run(context.Background(), v, scope.Query{Where: `status == 200 && account in ["m1000042", "m1000043"] && credential.issued == false &&
		client.ip != "" && client.agent != "" && time.getHours() < 3 && time > timestamp("2025-03-01T00:00:00Z")`})
	if err != nil {
		t.Fatal(err)
	}
	x := e.Explain()
	if len(x.Levels) != 7 || x.Groups < x.GroupsSkipped {
		t.Fatalf("%d groups, %d skipped, levels %q", x.Groups, x.GroupsSkipped, x.Levels)
	}
	for _, s := range x.Levels {
		if ko := scope.LevelKorean(s); ko == s || strings.Contains(ko, "once") || strings.Contains(ko, " id") {
			t.Errorf("%q is %q in Korean", s, ko)
		}
	}
}
