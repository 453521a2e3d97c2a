package ingest

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/packs"
)

// packed reads a catalog that ships, with routes and a pattern of an operator.
func packed(t testing.TB, name, routes string) *catalog.Catalog {
	t.Helper()
	text, err := fs.ReadFile(packs.FS, "catalogs/"+name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Parse(name+".yaml", []byte(strings.Replace(string(text), "\nroutes:\n", "\naccount: {pattern: \"m[0-9]{7}\"}\nroutes:\n"+routes, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// told is what a line becomes, in one line.
func told(t testing.TB, c *catalog.Catalog, text string) string {
	t.Helper()
	src := &c.Sources[0]
	f, err := FormatNamed(src.Format)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := f.New(src, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	out := "nothing"
	DecodeChunk(&Chunk{Data: []byte(text), Line: 1, End: int64(len(text))}, "f", src, c, nil, dec, func(r *event.Record) {
		var whose []string
		for _, s := range r.Subjects {
			whose = append(whose, string(s))
		}
		ip := ""
		if r.Client.IP.IsValid() {
			ip = " from " + r.Client.IP.String()
		}
		rows := ""
		if r.Rows != event.RowsUnknown {
			rows = fmt.Sprintf(" %d rows", r.Rows)
		}
		route := r.Route
		if !r.Mapped {
			route = "?" + route
		}
		out = fmt.Sprintf("%s %s %s %d, %s %s, key %q token %q id %q%s%s of [%s]", r.Time.Time().Format("15:04:05"), r.Action, route, r.Status,
			r.Actor.Type, string(r.Actor.ID), r.Credential.Key, string(r.Credential.Token), string(r.ID), ip, rows, strings.Join(whose, " "))
	}, func(a Aside) { out = "aside: " + a.Field + " " + a.Cause.Code })
	return out
}

func wantTold(t *testing.T, c *catalog.Catalog, tests [][2]string) {
	t.Helper()
	for _, test := range tests {
		if got := told(t, c, test[0]); got != test[1] {
			t.Errorf("%s\nis   %s\nwant %s", test[0], got, test[1])
		}
	}
}

// TestKeycloak: the events that Keycloak writes, and events that are broken.
// TestKeycloakLog: the texts of Keycloak's own log meet the routes of the same catalog.
func TestKeycloakLog(t *testing.T) {
	c := packed(t, "keycloak", "")
	src, ok := c.Source("keycloak-log")
	if !ok {
		t.Fatal("the source is missing")
	}
	c.Sources[0], *src = *src, c.Sources[0]
	head := `2025-03-01 00:00:0`
	for _, test := range [][2]string{
		{head + `0,000 INFO  [org.keycloak.events] (executor-thread-1) type="LOGIN", realmId="5f", realmName="members", clientId="shop", userId="m1000001", sessionId="s1", ipAddress="203.0.113.7", username="kim"`,
			`00:00:00 sign_in POST /keycloak/LOGIN 200, member m1000001, key "" token "s1" id "" from 203.0.113.7 of []`},
		{head + `1,000 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="5f", realmName="members", clientId="shop", userId="null", ipAddress="203.0.113.7", error="user_not_found"`,
			`00:00:01 sign_in POST /keycloak/LOGIN_ERROR 401, member , key "" token "" id "" from 203.0.113.7 of []`},
		{head + `2,000 INFO  [org.keycloak.events] (executor-thread-1) type="USER_INFO_REQUEST", realmId="5f", realmName="members", clientId="shop", userId="m1000001", sessionId="s1", ipAddress="203.0.113.7"`,
			`00:00:02 read POST /keycloak/USER_INFO_REQUEST 200, member m1000001, key "" token "s1" id "" from 203.0.113.7 of [m1000001]`},
		{head + `3,000 INFO  [org.keycloak.events] (executor-thread-1) operationType="UPDATE", realmId="9a", realmName="staff", clientId="x", userId="a1", ipAddress="10.0.0.9", resourceType="USER", resourcePath="users/m1000001"`,
			`00:00:03 other ANY /keycloak/* 200, staff a1, key "" token "" id "" from 10.0.0.9 of []`},
	} {
		if got := told(t, c, test[0]); got != test[1] {
			t.Errorf("%.200s\n is   %s\n want %s", test[0], got, test[1])
		}
		if v := Detect([]byte(test[0] + "\n")); v.Format != catalog.FormatKeycloak {
			t.Errorf("taken for %s", v)
		}
	}
}

func TestKeycloak(t *testing.T) {
	wantTold(t, packed(t, "keycloak", ""), [][2]string{
		{`{"id":"e1","time":1740787200000,"type":"LOGIN","realmId":"2a6c","realmName":"members","clientId":"shop-app","userId":"m1000001","sessionId":"s1","ipAddress":"203.0.113.7","error":null,"details":{"auth_method":"openid-connect","auth_type":"code","redirect_uri":"https://shop.example/cb","consent":"no_consent_required","code_id":"s1","username":"kim"}}`,
			`00:00:00 sign_in POST /keycloak/LOGIN 200, member m1000001, key "" token "s1" id "e1" from 203.0.113.7 of []`},
		{`{"time":1740787200000,"type":"LOGIN_ERROR","realmId":"members","clientId":"shop-app","userId":null,"ipAddress":"203.0.113.7","error":"user_not_found","details":{"username":"maybe a password"}}`,
			`00:00:00 sign_in POST /keycloak/LOGIN_ERROR 401, member , key "" token "" id "" from 203.0.113.7 of []`},
		{`{"time":1740787200000,"type":"LOGIN_ERROR","realmId":"members","userId":"m1000001","error":"user_temporarily_disabled"}`,
			`00:00:00 sign_in POST /keycloak/LOGIN_ERROR 429, member m1000001, key "" token "" id "" of []`},
		{`{"id":"e2","time":1740787201000,"type":"CODE_TO_TOKEN","realmId":"2a6c","realmName":"members","userId":"m1000001","sessionId":"s1","ipAddress":"203.0.113.7","details":{"token_id":"onrtac:t1","grant_type":"authorization_code","refresh_token_type":"Refresh","refresh_token_id":"r1","code_id":"s1"}}`,
			`00:00:01 issue POST /keycloak/CODE_TO_TOKEN 200, member m1000001, key "" token "onrtac:t1" id "e2" from 203.0.113.7 of []`},
		{`{"time":1740787201000,"type":"REFRESH_TOKEN","realmId":"members","userId":"m1000001","sessionId":"s1","details":{"token_id":"t2","refresh_token_id":"r1","updated_refresh_token_id":"r2"}}`,
			`00:00:01 issue POST /keycloak/REFRESH_TOKEN 200, member m1000001, key "" token "t2" id "" of []`},
		{`{"time":1740787201000,"type":"REFRESH_TOKEN_ERROR","realmId":"members","error":"invalid_token","details":{"refresh_token_id":"r1"}}`,
			`00:00:01 other ANY /keycloak/* 401, member , key "" token "" id "" of []`},
		{`{"time":1740787201000,"type":"TOKEN_EXCHANGE","realmId":"staff","clientId":"batch","userId":"u7","sessionId":"s9","details":{"token_id":"t3","audience":"orders","grant_type":"urn:ietf:params:oauth:grant-type:token-exchange"}}`,
			`00:00:01 issue POST /keycloak/TOKEN_EXCHANGE 200, staff u7, key "" token "t3" id "" of []`},
		{`{"time":1740787201000,"type":"TOKEN_EXCHANGE_ERROR","realmId":"staff","error":"not_allowed"}`,
			`00:00:01 other ANY /keycloak/* 403, staff , key "" token "" id "" of []`},
		{`{"time":1740787202000,"type":"LOGOUT","realmId":"members","userId":"m1000001","sessionId":"s1","ipAddress":"203.0.113.7"}`,
			`00:00:02 revoke POST /keycloak/LOGOUT 200, member m1000001, key "" token "s1" id "" from 203.0.113.7 of []`},
		{`{"time":1740787202000,"type":"REVOKE_GRANT","realmId":"members","userId":"m1000001","details":{"token_id":"t2"}}`,
			`00:00:02 revoke POST /keycloak/REVOKE_GRANT 200, member m1000001, key "" token "t2" id "" of []`},
		{`{"time":1740787202000,"type":"USER_INFO_REQUEST","realmId":"members","userId":"m1000001","sessionId":"s1"}`,
			`00:00:02 read POST /keycloak/USER_INFO_REQUEST 200, member m1000001, key "" token "s1" id "" of [m1000001]`},
		// A listener that writes no object around the details.
		{`{"time":1740787200000,"type":"CODE_TO_TOKEN","realmId":"members","userId":"m1000001","ipAddress":"203.0.113.7","token_id":"t4","code_id":"s1"}`,
			`00:00:00 issue POST /keycloak/CODE_TO_TOKEN 200, member m1000001, key "" token "t4" id "" from 203.0.113.7 of []`},
		// An administrator's event.
		{`{"time":1740787203000,"realmId":"members","authDetails":{"realmId":"master","clientId":"x","userId":"u1","ipAddress":"10.0.0.5"},"operationType":"ACTION","resourceType":"USER","resourcePath":"users/633f/reset-password"}`,
			`00:00:03 other ANY /keycloak/* 200, staff u1, key "" token "" id "" from 10.0.0.5 of []`},
		// Whoever chooses a value does not choose the route.
		{`{"time":1740787203000,"realmId":"members","operationType":"X","resourcePath":"../../../keycloak/LOGIN"}`,
			`00:00:03 other ANY /keycloak/* 200, member , key "" token "" id "" of []`},
		{`{"type":"LOGIN","realmId":"members"}`, "aside: time missing"},
		{`{"time":"yesterday","type":"LOGIN"}`, "aside: time time"},
		{`{"time":1740787201000,"type":["LOGIN"]}`, "aside: uri type"},
		{`{"time":1740787201000,"type":"CODE_TO_TOKEN","details":{"token_id":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}}`, "aside: credential.token bearer"},
		{`{"time":1740787201000,"type":"LOGIN"`, "aside:  syntax"},
	})
}

func TestTokens(t *testing.T) {
	wantTold(t, packed(t, "tokens", ""), [][2]string{
		{`{"ts":"2025-03-01T00:12:29Z","event":"login","result":"ok","user":"m1000001","realm":"members","session":"s1","ip":"203.0.113.7","request_id":"r1"}`,
			`00:12:29 sign_in POST /tokens/login 200, member m1000001, key "" token "s1" id "r1" from 203.0.113.7 of []`},
		{`{"ts":"2025-03-01T00:12:29Z","event":"login","result":"bad_password","user":"m1000001","realm":"members"}`,
			`00:12:29 sign_in POST /tokens/login 401, member m1000001, key "" token "" id "" of []`},
		{`{"ts":"2025-03-01T00:12:29Z","event":"refresh","user":"m1000001","jti":"t1","session":"s1","kid":"sig-1"}`,
			`00:12:29 issue POST /tokens/refresh 200,  m1000001, key "sig-1" token "t1" id "" of []`},
		{`{"ts":"2025-03-01T00:12:29Z","event":"exchange","result":"success","user":"batch","jti":"t2"}`,
			`00:12:29 issue POST /tokens/exchange 200,  batch, key "" token "t2" id "" of []`},
		{`{"ts":"2025-03-01T00:12:29Z","event":"revoke","user":"m1000001","jti":"t1"}`,
			`00:12:29 revoke POST /tokens/revoke 200,  m1000001, key "" token "t1" id "" of []`},
		{`{"ts":"2025-03-01T00:12:29Z","event":"password_changed","user":"m1000001"}`,
			`00:12:29 create ?POST /tokens/{word} 200,  m1000001, key "" token "" id "" of []`},
		{`{"ts":"2025-03-01T00:12:29Z","event":"login","user":{"id":"m1"}}`, "aside: actor.id type"},
		{`{"ts":"2025-03-01T00:12:29Z","event":"issue","jti":"Bearer 0123456789"}`, "aside: credential.token bearer"},
	})
}

func TestOCSF(t *testing.T) {
	wantTold(t, packed(t, "ocsf", `
  - {route: "ANY /ocsf/6003/2/support/members/{member}", items: [name, phone], account: path.member, action: read}
  - {route: POST /ocsf/6003/2/members/GetMember, items: [name, email], account: list, action: read}
  - {route: POST /ocsf/6003/2/search, items: [name], account: query.id, action: read}
  - {route: POST /ocsf/6005/4/shop/members, items: [name, phone], account: list, action: read}
`), [][2]string{
		{`{"class_uid":6003,"category_uid":6,"activity_id":2,"type_uid":600302,"severity_id":1,"time":1740787200000,"status_id":1,"metadata":{"uid":"e1","version":"1.3.0","product":{"name":"gw"}},"api":{"operation":"GET /support/members/{id}","service":{"name":"support"}},"actor":{"user":{"uid":"s101","type_id":2,"credential_uid":"AKIA1"},"session":{"uid":"t1"}},"src_endpoint":{"ip":"10.1.2.3"},"http_request":{"http_method":"GET","user_agent":"curl","url":{"path":"/support/members/m1000042"}},"http_response":{"code":200}}`,
			`00:00:00 read ANY /ocsf/6003/2/support/members/{member} 200, staff s101, key "AKIA1" token "t1" id "e1" from 10.1.2.3 of [m1000042]`},
		{`{"class_uid":6003,"activity_id":2,"time":1740787200000,"status_id":1,"api":{"operation":"GetMember","service":{"name":"members"}},"actor":{"user":{"name":"batch","type":"System"}},"data_subjects":{"uids":["m1000001","m1000002"],"rows":2,"items":["name"]}}`,
			`00:00:00 read POST /ocsf/6003/2/members/GetMember 200, service batch, key "" token "" id "" 2 rows of [m1000001 m1000002]`},
		{`{"class_uid":6003,"activity_id":2,"time":1740787200000,"status_id":2,"api":{"operation":"GetMember","service":{"name":"members"}},"data_subjects":{"count":20000}}`,
			`00:00:00 read POST /ocsf/6003/2/members/GetMember 401,  , key "" token "" id "" 20000 rows of []`},
		{`{"class_uid":6003,"activity_id":2,"time":1740787200000,"status_id":1,"api":{"operation":"x"},"http_request":{"url":{"path":"/search","query_string":"x=../../..&id=m1000007"}}}`,
			`00:00:00 read POST /ocsf/6003/2/search 200,  , key "" token "" id "" of [m1000007]`},
		{`{"class_uid":6005,"activity_id":4,"time":1740787200000,"status_id":1,"actor":{"user":{"uid":"u1","type_id":1}},"database":{"name":"shop"},"table":{"name":"members"},"query_info":{"query_string":"select * from members where phone = '010'"},"data_subjects":{"uids":["m1000009"]}}`,
			`00:00:00 read POST /ocsf/6005/4/shop/members 200, member u1, key "" token "" id "" of [m1000009]`},
		{`{"class_uid":6005,"activity_id":4,"time":1740787200000,"database":{"name":"other"}}`,
			`00:00:00 create ?POST /ocsf/6005/4/other 0,  , key "" token "" id "" of []`},
		{`{"class_uid":3002,"activity_id":1,"time":1740787200000,"status_id":1,"user":{"uid":"m1000001","type_id":1},"session":{"uid":"t1"},"src_endpoint":{"ip":"203.0.113.7"}}`,
			`00:00:00 sign_in ANY /ocsf/3002/1/* 200, member m1000001, key "" token "t1" id "" from 203.0.113.7 of []`},
		{`{"class_uid":3002,"activity_id":1,"time":1740787200000,"status_id":2,"status":"Failure","user":{"uid":"m1000001"},"http_request":{"url":{"path":"/login"}}}`,
			`00:00:00 sign_in ANY /ocsf/3002/1/* 401,  m1000001, key "" token "" id "" of []`},
		{`{"class_uid":3002,"activity_id":4,"time_dt":"2025-03-01T00:00:00Z","status":"Success","user":{"uid":"m1000001"},"session":{"uid":"t1"}}`,
			`00:00:00 issue ANY /ocsf/3002/4/* 200,  m1000001, key "" token "t1" id "" of []`},
		// Another path does not make it another class.
		{`{"class_uid":6003,"activity_id":2,"time":1740787200000,"status_id":1,"http_request":{"url":{"path":"/../../3002/1"}}}`,
			`00:00:00 create ?POST /ocsf/6003/2/{} 200,  , key "" token "" id "" of []`},
		{`{"class_uid":6003,"activity_id":2,"status_id":1}`, "aside: time missing"},
		{`{"class_uid":6003,"activity_id":2,"time":1740787200000,"data_subjects":{"uids":[{"uid":"m1"}]}}`, "aside: subjects type"},
		{`{"class_uid":6003,"activity_id":2,"time":1740787200000,"actor":{"session":{"uid":"Bearer abcdefgh"}}}`, "aside: credential.token bearer"},
	})
}

func TestECS(t *testing.T) {
	wantTold(t, packed(t, "ecs", `
  - {route: "GET /support/members/{member}", items: [name, phone], account: path.member}
  - {route: GET /search, items: [name], account: query.id}
  - {route: POST /ecs/database/export, items: [name], account: list, action: export}
`), [][2]string{
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","ecs":{"version":"8.11.0"},"event":{"id":"e1","category":["web"],"outcome":"success"},"url":{"path":"/support/members/m1000042"},"http":{"request":{"method":"GET"},"response":{"status_code":200}},"source":{"ip":"192.0.2.7"},"client":{"ip":"203.0.113.7"},"user":{"id":"s101","roles":["staff"]},"user_agent":{"original":"Mozilla"}}`,
			`00:00:00 read GET /support/members/{member} 200, staff s101, key "" token "" id "e1" from 203.0.113.7 of [m1000042]`},
		// The same with dotted keys.
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","event.id":"e1","url.path":"/search","url.query":"q=../../x&id=m1000007","http.request.method":"GET","http.response.status_code":404,"source.ip":"192.0.2.7","user.name":"kim","labels":{"token_id":"t1","key_id":"k1","rows":"3"}}`,
			`00:00:00 read GET /search 404,  kim, key "k1" token "t1" id "e1" from 192.0.2.7 3 rows of [m1000007]`},
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","url":{"original":"https://shop.example/search?id=m1000008"},"http":{"request":{"method":"GET"},"response":{"status_code":200}}}`,
			`00:00:00 read GET /search 200,  , key "" token "" id "" of [m1000008]`},
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","event":{"category":["authentication","session"],"action":"user-login","outcome":"failure"},"user":{"name":"kim","domain":"members"}}`,
			`00:00:00 sign_in POST /ecs/authentication/user-login 401, member kim, key "" token "" id "" of []`},
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","event":{"category":"database","action":"export","outcome":"success"},"user":{"id":"s1"},"data_subjects":["m1000001","m1000002"]}`,
			`00:00:00 export POST /ecs/database/export 200,  s1, key "" token "" id "" of [m1000001 m1000002]`},
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","event":{"category":["iam"],"action":"../database/export","outcome":"unknown"}}`,
			`00:00:00 create ?POST /ecs/{word}/{} 0,  , key "" token "" id "" of []`},
		{`{"message":"no time"}`, "aside: time missing"},
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","http":{"response":{"status_code":"ok"}}}`, "aside: status type"},
		{`{"@timestamp":"2025-03-01T00:00:00.000Z","user":{"id":["a","b"]}}`, "aside: actor.id type"},
	})
}

// FuzzPacks: no line makes a catalog that ships panic, and what is set aside has a
// cause.
func FuzzPacks(f *testing.F) {
	f.Add(uint8(0), []byte(`{"time":1740787200000,"type":"LOGIN","details":{"token_id":"x"},"resourcePath":"../x"}`))
	f.Add(uint8(2), []byte(`{"class_uid":6003,"activity_id":2,"time":1740787200000,"http_request":{"url":{"path":"/a/%2e%2e/b"}},"data_subjects":{"uids":["m1"]}}`))
	f.Add(uint8(3), []byte(`{"@timestamp":"2025-03-01T00:00:00Z","event":{"category":["a",["b"]]},"url.query":"?"}`))
	var all []*catalog.Catalog
	for _, name := range []string{"keycloak", "tokens", "ocsf", "ecs"} {
		all = append(all, packed(f, name, ""))
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		for _, l := range strings.Split(string(text), "\n") {
			if got := told(t, all[int(which)%len(all)], l); got == "nothing" && strings.TrimRight(l, "\r") != "" && l != "\ufeff" {
				t.Fatal("a line is neither a record nor set aside")
			}
		}
	})
}
