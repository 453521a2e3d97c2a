package traffic_test

import (
	"strings"
	"testing"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/traffic"
)

// TestRefused: what no log of a format could say, and what does not fit together, is
// refused with its place.
func TestRefused(t *testing.T) {
	none := phaseHead + "credential: none, network: away, agent: script, accounts: n10, pages: "
	for _, c := range []struct{ old, new, attack, want string }{
		{"{log: db, table: shop.public.stock, columns: {}, items: []}", "{log: db, table: shop.stock, items: []}", "", "pages[15].table"},
		{"{log: db, table: shop, does", "{log: db, table: shop.public.x, does", "", "pages[10].table"},
		{"object: shop-backup/members.csv", "object: shop-backup", "", "pages[19].object"},
		{"items: [name, phone], whose: path}", "items: [name, phone], whose: actor}", "", "pages[11].whose"},
		{"count: n4, network: office}", "count: n4, network: office, key: k-none}", "", "actors[1].key"},
		{"prefix: v,", "prefix: m,", "", "actors[1].prefix"},
		{"", "", none + "[{page: mine, reads: n10}]}", "attack[0].pages[0].page"},
		{"", "", none + "[{page: one, reads: n10}]}", "attack[0].pages[0].page"},
		{"", "", strings.Replace(none, "none,", "none, ghosts: n5,", 1) + "[{page: labels, reads: n10}]}", "attack[0].pages[0].page"},
		{"", "", strings.Replace(none, "none,", "guessed, sign_in: login, tries: n20, hits: n10,", 1) + "[{page: labels, reads: n10}]}", "attack[0].pages[0].page"},
		{"", "", strings.Replace(none, "none,", "forged, key: k-old,", 1) + "[{page: photo, reads: n10}]}", "attack[0].pages[0].page"},
	} {
		attack := " []"
		if c.attack != "" {
			attack = "\n" + c.attack
		}
		text := madeUp(t, "", attack, " []")
		if c.old != "" && strings.Count(text, c.old) < 1 {
			t.Fatalf("%q does not stand there", c.old)
		}
		_, err := drill.Parse("made.yaml", []byte(strings.Replace(text, c.old, c.new, 1)), numbers(t))
		if err == nil || !strings.Contains(err.Error(), c.want+":") {
			t.Errorf("%s: %v", c.want, err)
		}
	}
	for _, c := range []struct{ old, new, attack, want string }{
		{`"GET /members/{account}"`, `"GET /members/{account}.html"`, " []", "pages[6]"},
		{`"shop-bills/2025/{account}.pdf"`, `"shop-bills/2025/x{account}.pdf"`, " []", "pages[18]"},
		{"columns: {name: [first_name, last_name]}, items: [name], whose: list", "columns: {name: [first_name, phone]}, items: [name], whose: list", " []", "pages[12]"},
		{"", "", "\n" + none + "[{page: found, reads: n10}, {page: labels, reads: n10, accounts: n10}]}", ""},
	} {
		s := parse(t, strings.Replace(madeUp(t, "", c.attack, " []"), c.old, c.new, 1))
		_, err := traffic.New(s, traffic.Options{Scale: 1})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want+":") {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
