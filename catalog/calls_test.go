package catalog

import (
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
)

const callsCatalog = `account: {pattern: "m[0-9]{4}"}
items: {name: {ko: 성명, en: name, class: ordinary}}
sources:
  trail:
    actor_types: {IAMUser: staff, EndUser: member}
routes:
  - {route: "GET /aws/s3/GetObject/shop/{member}/x", items: [name], account: path.member}
  - {route: "POST /aws/rdsdata/ExecuteStatement/*", items: [name], account: none, action: export}
  - {route: "ANY /aws/sts/*", items: []}
  - {route: GET /me, items: [name], account: actor}
`

// TestCalls: a log may say itself what was done and which segments are no ids.
func TestCalls(t *testing.T) {
	c := parse(t, callsCatalog)
	for _, test := range []struct {
		req  Request
		kind string
		want string
	}{
		{Request{Method: "GET", URI: "/aws/s3/GetObject/shop/m0001/x", Words: 3, Does: event.ActionRead, Says: true}, "IAMUser", "staff read GET /aws/s3/GetObject/shop/{member}/x m0001"},
		{Request{Method: "GET", URI: "/aws/zorg/ListZorgs/hong/m0001", Words: 3, Does: event.ActionRead, Says: true}, "Root", "Root read GET /aws/zorg/ListZorgs/{word}/{account} "},
		{Request{Method: "GET", URI: "/aws/zorg/ListZorgs/hong"}, "", " read GET /aws/{word}/{word}/{word} "},
		{Request{Method: "POST", URI: "/aws/zorg/ScanZorgs", Words: 3, Says: true}, "", " other POST /aws/zorg/ScanZorgs "},
		{Request{Method: "POST", URI: "/aws/sts/AssumeRole/x", Words: 3, Does: event.ActionIssue, Says: true}, "", " issue ANY /aws/sts/* "},
		{Request{Method: "POST", URI: "/aws/rdsdata/ExecuteStatement/a/b", Words: 3, Says: true}, "", " export POST /aws/rdsdata/ExecuteStatement/* "},
		{Request{Method: "GET", URI: "/me"}, "EndUser", "member read GET /me me"},
	} {
		rec := event.Record{Source: "trail", Actor: event.Actor{ID: "me", Type: test.kind}}
		c.Fill(&rec, test.req)
		var who []string
		for _, s := range rec.Subjects {
			who = append(who, string(s))
		}
		if got := strings.Join([]string{rec.Actor.Type, rec.Action.String(), rec.Route, strings.Join(who, ",")}, " "); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.req.URI, got, test.want)
		}
	}
	// A shape with such words meets the template that has them.
	if m := c.Meaning("GET /aws/s3/GetObject/shop/{account}/x", false, 0); !m.Known || m.Route != "GET /aws/s3/GetObject/shop/{member}/x" {
		t.Errorf("%+v", m)
	}
	// Words are of one request and do not stay for the next.
	var rec event.Record
	c.Fill(&rec, Request{Method: "GET", URI: "/zorg/hong/kim", Words: 2})
	c.Fill(&rec, Request{Method: "GET", URI: "/zorg/hong/kim"})
	if rec.Route != "GET /{word}/{word}/{word}" {
		t.Error(rec.Route)
	}
}
