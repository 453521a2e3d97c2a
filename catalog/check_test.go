package catalog

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/event"
)

func TestCheck(t *testing.T) {
	c := parse(t, frame+`routes:
  - {route: "GET /users/{user}", items: [name], account: path.user}
  - {route: GET /search, items: [name], account: none}
  - {route: GET /static, items: []}
`)
	halves := []*Check{NewCheck(c), NewCheck(c)}
	n := 0
	add := func(times int, uri string, status uint16, actor string) {
		for range times {
			rec := event.Record{Status: status, Rows: 5, Actor: event.Actor{ID: event.ActorID(actor), Type: "staff"}}
			if uri == "/static" {
				rec.Client.IP = netip.MustParseAddr("203.0.113.1")
			}
			c.Fill(&rec, Request{Method: "GET", URI: uri})
			halves[n%2].Add(&rec)
			n++
		}
	}
	add(4, "/users/m1000001", 200, "s1")
	add(1, "/users/m1000001", 404, "s1")
	add(2, "/search", 200, "s1")
	add(3, "/static", 200, "")
	add(10, "/health", 200, "")
	add(2, "/api/members/m1000001/cards", 200, "s1")
	add(6, "/api/members/m1000001/cards/7", 404, "s1")
	add(3, "/mypage/주문내역", 200, "s1")
	add(1, "/Users/m1000002", 200, "s1")
	k := halves[0]
	k.Merge(halves[1])
	res := k.Result()
	var got []string
	for _, s := range res.Shares {
		got = append(got, fmt.Sprintf("%s %d/%d", s.Name, s.Resolved, s.Of))
		if s.Text.KO == "" || s.Text.EN == "" {
			t.Errorf("%s has no text", s.Name)
		}
	}
	if d := cmp.Diff([]string{"reader 19/32", "address 3/32", "route 10/32", "item 7/32", "account 4/6"}, got); d != "" {
		t.Error(d)
	}
	if res.Records != 32 || res.UnnamedRows != 10 {
		t.Errorf("%d records, %d rows nobody is named for", res.Records, res.UnnamedRows)
	}
	got = nil
	for _, u := range res.Unmapped {
		got = append(got, fmt.Sprintf("%v %d/%d %s %s%s", u.Suspect, u.Answered, u.Records, u.Template, strings.Join(u.Words, "+"), u.Like))
	}
	want := []string{
		"true 2/2 GET /api/members/{account}/cards members+cards",
		"true 3/3 GET /mypage/주문내역 mypage+주문",
		"true 1/1 GET /Users/{account} usersGET /users/{user}",
		"false 10/10 GET /health ",
		"false 0/6 GET /api/members/{account}/cards/{id1} members+cards",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestCheckFlood: made-up paths are counted, not kept, even if they are made of
// words that shapes keep.
func TestCheckFlood(t *testing.T) {
	c := parse(t, "version: 1\n")
	k := NewCheck(c)
	words := strings.Fields(otherWords)
	for i := range maxCheckShapes + 500 {
		rec := event.Record{Status: 404}
		c.Fill(&rec, Request{Method: "GET", URI: "/" + words[i%200] + "/" + words[i/200]})
		k.Add(&rec)
	}
	res := k.Result()
	if len(res.Unmapped) > maxCheckShapes || res.Uncounted == 0 {
		t.Errorf("%d shapes kept, %d left out", len(res.Unmapped), res.Uncounted)
	}
}

// TestTemplatesParse: what Result suggests can be pasted into a catalog.
func TestTemplatesParse(t *testing.T) {
	c := parse(t, frame)
	for _, uri := range []string{"/", "/users/m1000001/x/9/8", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o", "/m1000001/m1000002", "/회원/kim"} {
		shape, _ := c.Shape("GET", uri)
		template, _ := suggest(shape)
		fixed, err := Parse("t.yaml", []byte(fmt.Sprintf("routes:\n  - {route: %q, items: []}\n", template)))
		if err != nil {
			t.Errorf("%s: %v", template, err)
			continue
		}
		if !fixed.Meaning(shape, false, 0).Known {
			t.Errorf("%s does not describe %s", template, shape)
		}
	}
}

// TestEntries: what is suggested is refused until somebody has looked at it, and
// says where the account seems to stand.
func TestEntries(t *testing.T) {
	c := parse(t, frame)
	k := NewCheck(c)
	want := map[string]string{
		"/patients/77/chart":     `- {route: "GET /patients/{id1}/chart", items: [TODO], account: path.id1}`,
		"/api/cards/m1000001":    `- {route: "GET /api/cards/{account}", items: [TODO], account: path.account}`,
		"/users/kim/x/m1000001":  `- {route: "GET /users/{id1}/x/{account}", items: [TODO], account: path.account}`,
		"/orders/77":             `- {route: "GET /orders/{id1}", items: [TODO], account: TODO}`,
		"/members":               `- {route: "GET /members", items: [TODO], account: TODO}`,
		"/members/export?listed": `- {route: "GET /members/export", items: [TODO], account: list}`,
	}
	for uri := range want {
		rec := event.Record{Source: "app", Status: 200}
		list := ""
		if strings.HasSuffix(uri, "listed") {
			list = "m1000001"
		}
		c.Fill(&rec, Request{Method: "GET", URI: uri, List: list})
		k.Add(&rec)
	}
	var got []string
	for _, u := range k.Result().Unmapped {
		entry := u.Entry()
		got = append(got, entry)
		_, err := Parse("t.yaml", []byte("routes:\n  "+entry+"\n"))
		if err == nil || !strings.Contains(err.Error(), "nobody has looked at") {
			t.Errorf("%s is taken: %v", entry, err)
		}
		sound := strings.NewReplacer("[TODO]", "[name]", "account: TODO", "account: none").Replace(entry)
		parse(t, frame+"routes:\n  "+sound+"\n")
	}
	lines := slices.Sorted(maps.Values(want))
	slices.Sort(got)
	if d := cmp.Diff(lines, got); d != "" {
		t.Error(d)
	}
}

// TestEntriesTogether: what is suggested can be pasted as a whole, also where
// several shapes are one template.
func TestEntriesTogether(t *testing.T) {
	c := parse(t, frame)
	k := NewCheck(c)
	for _, uri := range []string{"/users/m1000001/cards", "/users/kim/cards", "/users/77/cards", "/users/m1000002/cards/8", "/orders/77", "/orders/kim"} {
		rec := event.Record{Source: "app", Status: 200}
		c.Fill(&rec, Request{Method: "GET", URI: uri})
		k.Add(&rec)
	}
	unmapped := k.Result().Unmapped
	entries := Entries(unmapped)
	if len(unmapped) != 6 || len(entries) != 3 {
		t.Errorf("%d entries for %d shapes: %q", len(entries), len(unmapped), entries)
	}
	sound := strings.NewReplacer("[TODO]", "[name]", "account: TODO", "account: none").Replace(strings.Join(entries, "\n  "))
	parse(t, frame+"routes:\n  "+sound+"\n")
	if !strings.Contains(sound, "account: path.account") {
		t.Errorf("the shape that shows where the account stands is left out: %s", sound)
	}
}

func TestPersonalWords(t *testing.T) {
	for shape, want := range map[string]string{
		"GET /getMemberAddressList.do": "member address",
		"GET /assets/theme.css":        "",
		"GET /회원정보/{}":                 "회원",
		"GET /api/v2/my-orders":        "my orders",
		"GET /economy/username":        "",
		"GET /images/me.png":           "",
		"GET /account/favicon.ico":     "account",
		"GET /members/export.xlsx":     "members export",
	} {
		if got := strings.Join(personalWords(shape), " "); got != want {
			t.Errorf("%s: %q, want %q", shape, got, want)
		}
	}
}
