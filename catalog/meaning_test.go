package catalog

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/event"
)

func parse(t testing.TB, text string) *Catalog {
	t.Helper()
	c, err := Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const frame = `zone: Asia/Seoul
account: {pattern: "m[0-9]{7}", member_types: [member, buyer]}
items:
  name: {ko: 성명, en: name, class: ordinary}
  phone: {ko: 휴대전화번호, en: phone number, class: contact}
  door_code: {ko: 공동현관 비밀번호, en: door code, class: authentication_secret}
sources:
  app:
    format: json
    fields: {time: t, uri: u, subjects: s}
    separator: "|"
    set: {actor.type: staff, client.country: KR}
`

func TestMeaning(t *testing.T) {
	c := parse(t, frame+`routes:
  - {route: "GET /api/users/{user}/cards", items: [name], account: path.user}
  - {route: "GET /api/{team}/users/{user}", items: [name], account: path.user}
  - {route: "GET /files/*", items: [phone], account: none}
  - {route: GET /my/addresses, items: [name, phone], account: actor, shows: people_behind_account, success: [2xx, 304]}
  - {route: POST /login, items: [], action: sign_in}
  - {route: ANY /any, items: [name], account: actor}
`)
	for _, test := range []struct {
		stored   string
		mapped   bool
		route    string // "" for unknown
		items    string
		position event.Position
	}{
		{"GET /api/users/{user}/cards", true, "GET /api/users/{user}/cards", "name", event.PositionPath},
		{"GET /api/users/{}/cards", false, "GET /api/users/{user}/cards", "name", event.PositionPath},
		{"GET /api/users/{account}/cards", false, "GET /api/users/{user}/cards", "name", event.PositionPath},
		{"GET /api/users/kim/cards", false, "GET /api/users/{user}/cards", "name", event.PositionPath},
		{"GET /api/users/{id}/cards", true, "GET /api/users/{user}/cards", "name", event.PositionPath}, // renamed since
		{"GET /api/{}/cards", false, "", "", event.PositionNone},
		{"GET /{}/users/{}/cards", false, "", "", event.PositionNone}, // a lifted id is not the word "api"
		// The id kept is the first {account}; it must be the one the template means.
		{"GET /api/{}/users/{account}", false, "GET /api/{team}/users/{user}", "name", event.PositionPath},
		{"GET /api/{account}/users/{account}", false, "GET /api/{team}/users/{user}", "name", event.PositionNone},
		{"GET /api/{account}/users/{}", false, "GET /api/{team}/users/{user}", "name", event.PositionNone},
		{"GET /files/a/b/…", false, "GET /files/*", "phone", event.PositionNone},
		{"GET /files/*", true, "GET /files/*", "phone", event.PositionNone},
		{"GET /api/users/{}/cards/…", false, "", "", event.PositionNone},
		{"GET /my/addresses", false, "GET /my/addresses", "name phone", event.PositionActor},
		{"HEAD /my/addresses", true, "GET /my/addresses", "", event.PositionActor},
		{"OPTIONS /my/addresses", true, "GET /my/addresses", "", event.PositionActor},
		{"PUT /my/addresses", false, "", "", event.PositionNone},
		{"POST /login", true, "POST /login", "", event.PositionNone},
		{"ANY /any", true, "ANY /any", "name", event.PositionActor},
		{"PUT /any", false, "ANY /any", "name", event.PositionActor},
		{"", true, "", "", event.PositionNone},
		{"GET", true, "", "", event.PositionNone},
		{"GET ", false, "", "", event.PositionNone},
	} {
		m := c.Meaning(test.stored, test.mapped, 0)
		items := strings.Join(c.ItemNames(m.Items), " ")
		if m.Route != test.route || m.Known != (test.route != "") || items != test.items || m.Position != test.position || m.Personal != (items != "") {
			t.Errorf("%s: %+v (%s)", test.stored, m, items)
		}
		if want := !test.mapped && items != ""; m.Added != want {
			t.Errorf("%s: added %v", test.stored, m.Added)
		}
	}
	m := c.Meaning("GET /my/addresses", true, 0)
	if !m.Behind || !m.Success.Contains(304) || !m.Success.Contains(204) || m.Success.Contains(404) || !m.Success.Contains(0) || m.Success.Contains(65535) {
		t.Errorf("%+v", m)
	}
	if c.Meaning("HEAD /my/addresses", true, 0).Behind {
		t.Error("HEAD shows people")
	}
	if m := c.Meaning("POST /login", true, 0); m.Action != event.ActionSignIn {
		t.Errorf("login is %v", m.Action)
	}
}

func TestMeaningDates(t *testing.T) {
	c := parse(t, frame+`routes:
  - {route: GET /a, items: [name], account: actor, until: 2025-01-01}
  - {route: GET /a, items: [name, phone], account: actor, from: 2025-03-01, until: 2025-03-10T12:00:00+09:00}
  - {route: GET /a, items: [door_code], account: actor, from: "2025-03-10T03:00:00Z"}
`)
	at := func(s string) event.Millis {
		tm, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return event.MillisOf(tm)
	}
	for _, test := range []struct{ at, items string }{
		{"2024-12-31T23:59:59+09:00", "name"},
		{"2025-01-01T00:00:00+09:00", "-"},
		{"2025-02-28T23:59:59+09:00", "-"},
		{"2025-03-01T00:00:00+09:00", "name phone"},
		{"2025-03-10T11:59:59+09:00", "name phone"},
		{"2025-03-10T12:00:00+09:00", "door_code"},
	} {
		m := c.Meaning("GET /a", true, at(test.at))
		got := strings.Join(c.ItemNames(m.Items), " ")
		if !m.Known {
			got = "-"
		}
		if got != test.items {
			t.Errorf("%s: %s, want %s", test.at, got, test.items)
		}
		if at(test.at) < m.From || at(test.at) >= m.Until {
			t.Errorf("%s lies outside its own meaning", test.at)
		}
		// A record of a moment the catalog says nothing about is unmapped.
		rec := event.Record{Time: at(test.at), Actor: event.Actor{ID: "m1000001", Type: "member"}}
		c.Fill(&rec, Request{Method: "GET", URI: "/a"})
		if rec.Mapped != m.Known {
			t.Errorf("%s: mapped %v", test.at, rec.Mapped)
		}
	}
	ms := c.Meanings("GET /a", true)
	var got []string
	for i, m := range ms {
		got = append(got, fmt.Sprint(m.Known, m.Items))
		if i > 0 && m.From != ms[i-1].Until {
			t.Error("meanings do not follow each other")
		}
	}
	if d := cmp.Diff([]string{"true 1", "false 0", "true 3", "true 4"}, got); d != "" || ms[0].From != Always || ms[3].Until != Never {
		t.Error(d)
	}
	if got := len(c.Meanings("GET /nothing", false)); got != 1 {
		t.Errorf("%d meanings of an unknown route", got)
	}
}

func TestAddedSince(t *testing.T) {
	old := parse(t, "items:\n  name: {ko: 성명, en: name, class: ordinary}\nroutes:\n  - {route: GET /a, items: [name], account: actor}\n")
	now := parse(t, frame+"routes:\n  - {route: GET /a, items: [door_code, name], account: actor}\n  - {route: GET /b, items: [name], account: actor}\n")
	for _, test := range []struct {
		route  string
		mapped bool
		want   string
	}{{"GET /a", true, "door_code"}, {"GET /b", false, "name"}, {"GET /c", false, ""}} {
		if got := strings.Join(now.ItemNames(now.AddedSince(old, test.route, test.mapped, 0)), " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.route, got, test.want)
		}
	}
	if now.AddedSince(nil, "GET /a", true, 0).Len() != 2 || now.AddedSince(now, "GET /a", true, 0) != 0 {
		t.Error("against nothing, or against itself")
	}
}

func TestFill(t *testing.T) {
	c := parse(t, frame+`routes:
  - {route: "GET /users/{user}", items: [name], account: path.user}
  - {route: GET /find, items: [name], account: query.ids, separator: ","}
  - {route: GET /one, items: [name], account: query.id}
  - {route: GET /my, items: [name], account: actor}
  - {route: GET /export, items: [name], account: list, action: export}
  - {route: GET /search, items: [name], account: none}
  - {route: ANY /any, items: [name], account: actor}
`)
	c.Edition = 7
	type result struct {
		Route, Lifted string
		Mapped        bool
		Action        event.Action
		Position      event.Position
		Subjects      string
	}
	member := event.Actor{ID: "m1000009", Type: "buyer"}
	staff := event.Actor{ID: "s1", Type: ""}
	for _, test := range []struct {
		name  string
		actor event.Actor
		req   Request
		want  result
	}{
		{"path", staff, Request{Method: "GET", URI: "/users/m1000001?x=1"}, result{"GET /users/{user}", "", true, event.ActionRead, event.PositionPath, "m1000001"}},
		{"path escaped", staff, Request{Method: "GET", URI: "/users/%6d1000001"}, result{"GET /users/{user}", "", true, event.ActionRead, event.PositionPath, "m1000001"}},
		{"path malformed stays in", staff, Request{Method: "GET", URI: "/users/x"}, result{"GET /users/{user}", "", true, event.ActionRead, event.PositionPath, "x"}},
		{"head", staff, Request{Method: "HEAD", URI: "/users/m1000001"}, result{"HEAD /users/{user}", "", true, event.ActionRead, event.PositionPath, "m1000001"}},
		{"query", staff, Request{Method: "GET", URI: "/find?a=b&ids=m1000001,m1000002,m1000001&ids=m1000003"}, result{"GET /find", "", true, event.ActionRead, event.PositionQuery, "m1000001 m1000002 m1000003"}},
		{"query escaped", staff, Request{Method: "GET", URI: "/find?%69ds=m1000001%2Cm1000002"}, result{"GET /find", "", true, event.ActionRead, event.PositionQuery, "m1000001 m1000002"}},
		{"query without separator", staff, Request{Method: "GET", URI: "/one?id=m1000001,m2"}, result{"GET /one", "", true, event.ActionRead, event.PositionQuery, "m1000001,m2"}},
		{"query absent", staff, Request{Method: "GET", URI: "/one?ids=m1000001&idx"}, result{"GET /one", "", true, event.ActionRead, event.PositionNone, ""}},
		{"actor", member, Request{Method: "GET", URI: "/my"}, result{"GET /my", "", true, event.ActionRead, event.PositionActor, "m1000009"}},
		{"actor is staff", staff, Request{Method: "GET", URI: "/my"}, result{"GET /my", "", true, event.ActionRead, event.PositionNone, ""}},
		{"any", member, Request{Method: "DELETE", URI: "/any"}, result{"ANY /any", "", true, event.ActionDelete, event.PositionActor, "m1000009"}},
		{"list", staff, Request{Method: "GET", URI: "/export", List: "m1000001| m1000002 ||-|m1000001"}, result{"GET /export", "", true, event.ActionExport, event.PositionList, "m1000001 m1000002"}},
		{"list given as one", staff, Request{Method: "GET", URI: "/export", Subjects: []event.AccountID{"m1000001", "m1000001"}}, result{"GET /export", "", true, event.ActionExport, event.PositionList, "m1000001"}},
		{"list empty", staff, Request{Method: "GET", URI: "/export", List: "-"}, result{"GET /export", "", true, event.ActionExport, event.PositionNone, ""}},
		{"none", staff, Request{Method: "GET", URI: "/search", List: "m1000001"}, result{"GET /search", "", true, event.ActionRead, event.PositionNone, ""}},
		{"unmapped", staff, Request{Method: "PUT", URI: "/users/m1000001/cards/3"}, result{"PUT /users/{account}/cards/{}", "m1000001", false, event.ActionUpdate, event.PositionNone, ""}},
		{"unmapped list", staff, Request{Method: "GET", URI: "/x/m1000001", List: "m1000002"}, result{"GET /x/{account}", "", false, event.ActionRead, event.PositionList, "m1000002"}},
		{"nothing", staff, Request{}, result{"OTHER /", "", false, event.ActionOther, event.PositionNone, ""}},
		{"route", staff, Request{Route: "GET /users/{user}", List: "m1000001"}, result{"GET /users/{user}", "", true, event.ActionRead, event.PositionPath, "m1000001"}},
		{"route renamed", staff, Request{Route: "GET /users/{id}", Subjects: []event.AccountID{"m1000001"}}, result{"GET /users/{user}", "", true, event.ActionRead, event.PositionPath, "m1000001"}},
		{"route query", staff, Request{Route: "GET /one", List: "m1000001"}, result{"GET /one", "", true, event.ActionRead, event.PositionQuery, "m1000001"}},
		{"route unknown", staff, Request{Route: "POST /teams/{team}/x"}, result{"POST /teams/{}/x", "", false, event.ActionCreate, event.PositionNone, ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rec := event.Record{Source: "app", Actor: test.actor, Subjects: []event.AccountID{"old"}, Lifted: "old", Rows: event.RowsUnknown}
			c.Fill(&rec, test.req)
			var subjects []string
			for _, s := range rec.Subjects {
				subjects = append(subjects, string(s))
			}
			got := result{rec.Route, string(rec.Lifted), rec.Mapped, rec.Action, rec.Position, strings.Join(subjects, " ")}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
			want := "staff"
			if test.actor.Type == "buyer" {
				want = event.Member
			}
			if rec.Actor.Type != want || rec.Client.Country != "KR" || rec.Edition != 7 {
				t.Errorf("actor type %s, country %s, edition %d", rec.Actor.Type, rec.Client.Country, rec.Edition)
			}
		})
	}
}

// TestFillManySubjects crosses from comparing to hashing.
func TestFillManySubjects(t *testing.T) {
	c := parse(t, frame+"routes:\n  - {route: GET /x, items: [name], account: list}\n")
	for _, n := range []int{1, 2, 12, 13, 1000} {
		var list []string
		for i := range n {
			id := fmt.Sprintf("m%07d", i)
			list = append(list, id, id)
		}
		var rec event.Record
		rec.Source = "app"
		c.Fill(&rec, Request{Method: "GET", URI: "/x", List: strings.Join(list, "|") + "|" + list[0]})
		if len(rec.Subjects) != n || string(rec.Subjects[n-1]) != list[2*n-1] {
			t.Errorf("%d accounts named, %d found", n, len(rec.Subjects))
		}
	}
}

func TestFillAllocatesNothing(t *testing.T) {
	c := parse(t, frame+"routes:\n  - {route: \"GET /users/{user}\", items: [name], account: path.user}\n  - {route: GET /my, items: [name], account: actor}\n")
	rec := event.Record{Source: "app"}
	for _, uri := range []string{"/users/m1000001", "/my?x", "/cards/m1000001/77"} {
		req := Request{Method: "GET", URI: uri}
		// Without the pool, which the collector may empty at any moment.
		s := &scratch{shapes: make(map[string]string)}
		fill := func() {
			rec.Actor = event.Actor{ID: "m1000001", Type: "member"}
			c.fill(&rec, &req, s)
		}
		fill()
		if n := testing.AllocsPerRun(1000, fill); n != 0 {
			t.Errorf("%s: %v allocations", uri, n)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	c := parse(b, frame+"routes:\n  - {route: \"GET /support/members/{user}\", items: [name], account: path.user}\n  - {route: GET /my/orders, items: [name], account: actor}\n")
	for _, uri := range []string{"/support/members/m1000001?view=full", "/my/orders?page=3", "/api/v2/cards/m1000001/77"} {
		b.Run(strings.ReplaceAll(uri[1:], "/", "."), func(b *testing.B) {
			b.ReportAllocs()
			rec := event.Record{Source: "app"}
			req := Request{Method: "GET", URI: uri}
			for b.Loop() {
				rec.Actor = event.Actor{ID: "m1000001", Type: "member"}
				c.Fill(&rec, req)
			}
		})
	}
}

// TestManyGoroutines is for the race detector: one catalog, many readers.
func TestManyGoroutines(t *testing.T) {
	c := parse(t, frame+"routes:\n  - {route: \"GET /users/{user}\", items: [name], account: path.user}\n")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rec := event.Record{Source: "app"}
			id := fmt.Sprintf("m%07d", g)
			for i := range 500 {
				uri := "/users/%6d" + id[1:]
				if i%2 == 1 {
					uri = "/cards/" + id
				}
				c.Fill(&rec, Request{Method: "GET", URI: uri})
				if i%2 == 0 && string(rec.Subjects[0]) != id || i%2 == 1 && string(rec.Lifted) != id {
					t.Error("another goroutine's account")
				}
				c.Meaning(rec.Route, rec.Mapped, 0)
			}
		})
	}
	wg.Wait()
}
