package guess

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/packs"
)

// now is behind all samples.
var now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// made makes n lines of JSON. The seed is fixed: a draft is a function of its sample.
func made(n int, each func(r *rand.Rand, i int) string) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for i := range n {
		b.WriteString(each(r, i) + "\n")
	}
	return []byte(b.String())
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

// nobody are names that stand in samples and must not stand in a draft.
var nobody = []string{"김영희", "kim.younghee", "younghee@example.com", "010-1234-5678", "hunter2", "lee.chulsoo"}

// korean is the log of an administration tool: Korean keys, no address, no zone.
func korean() []byte {
	at := time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)
	return made(60, func(r *rand.Rand, i int) string {
		at = at.Add(time.Duration(1+r.IntN(300)) * time.Second)
		return fmt.Sprintf(`{"일련번호":%d,"요청일시":"%s","사번":"E%05d","성명":"%s","접속IP":"10.1.%d.%d","수행업무":"%s","회원번호":"C%08d","처리결과":"%s","조회건수":%d}`,
			i+1, at.Format(time.DateTime), r.IntN(40), pick(r, nobody[0], "이철수"), r.IntN(4), 1+r.IntN(250), pick(r, "회원조회", "회원목록", "다운로드", "정보수정"),
			1+r.IntN(5000), pick(r, "성공", "성공", "실패"), r.IntN(30))
	})
}

// nested has everything in objects, the time in milliseconds, a chain of proxies, a
// token that must not be there, and an object whose keys are values.
func nested() []byte {
	at := int64(1740784286348)
	return made(60, func(r *rand.Rand, i int) string {
		at += int64(10 + r.IntN(90000))
		u := 100000 + r.IntN(900000)
		subjects := "[]"
		if i%3 == 0 {
			subjects = fmt.Sprintf(`["%d","%d"]`, u, u+1)
		}
		return fmt.Sprintf(`{"meta":{"eventTime":%d,"service":"orders"},"request":{"id":"%s","http":{"verb":"%s","path":"%s","query":"%s"},`+
			`"headers":{"x-forwarded-for":"203.0.113.%d, 10.0.0.1","user-agent":"Mozilla/5.0 (X11; Linux)","authorization":"Bearer %s%d"}},`+
			`"principal":{"id":"emp%03d","roles":["%s"]},"response":{"status":%d,"subjects":%s},"seen":{"%s%d":1}}`,
			at, uuid(r), pick(r, "GET", "GET", "POST"), pick(r, fmt.Sprintf("/api/v2/users/%d", u), fmt.Sprintf("/api/v2/users/%d/addresses", u), "/api/v2/orders", "/health"),
			pick(r, "", "page=2"), 1+r.IntN(250), nobody[4], i, r.IntN(30), pick(r, "ADMIN", "CS"), []int{200, 200, 404}[r.IntN(3)], subjects, nobody[1], i)
	})
}

// nanos is a log with times in nanoseconds, absolute addresses and outcomes in words.
func nanos() []byte {
	at := int64(1740784286348123456)
	return made(60, func(r *rand.Rand, i int) string {
		at += r.Int64N(5e9)
		return fmt.Sprintf(`{"ts":%d,"level":"info","msg":"access","url":"https://shop.example/members/m%07d?tab=%s","user_email":"%s","login":"%s","result":"%s","peer":"192.0.2.%d:4711"}`,
			at, r.IntN(1e7), pick(r, "a", "b"), nobody[2], pick(r, nobody[1], nobody[5], "s1", "s2"), pick(r, "ok", "ok", "denied"), 1+r.IntN(250))
	})
}

// plain is a log by the ordinary names, with sometimes one id and sometimes the other.
func plain() []byte {
	at := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	return made(60, func(r *rand.Rand, i int) string {
		at = at.Add(time.Duration(r.IntN(9000)) * time.Millisecond)
		who := fmt.Sprintf(`"user_id":"m%07d"`, r.IntN(1e7))
		if i%2 == 1 {
			who = fmt.Sprintf(`"admin_id":"s%03d"`, r.IntN(30))
		}
		return fmt.Sprintf(`{"@timestamp":"%s","request_id":"%s","method":"%s","path":"/mypage/%s","status":"%d","remote_addr":"198.51.100.%d","user_agent":"curl/8.5.0",%s,"jti":"%s","phone":"%s"}`,
			at.Format(time.RFC3339Nano), uuid(r), pick(r, "GET", "PUT"), pick(r, "orders", "profile"), []int{200, 302}[r.IntN(2)], 1+r.IntN(250), who, uuid(r), nobody[3])
	})
}

// twoKeys has the date under one key and the time of day under another.
func twoKeys() []byte {
	return made(40, func(r *rand.Rand, i int) string {
		return fmt.Sprintf(`{"접속일자":"2025.03.%02d","접속시간":"09:%02d:%02d","사용자ID":"%s","요청URL":"/member/detail.do?memberNo=%08d","IP":"10.0.0.%d"}`,
			1+i/20, i%60, r.IntN(60), pick(r, nobody[1], nobody[5]), 1+r.IntN(9e7), 1+r.IntN(200))
	})
}

// nginx has the whole first line of a request under one key.
func nginx() []byte {
	return made(40, func(r *rand.Rand, i int) string {
		return fmt.Sprintf(`{"time_local":"01/Mar/2025:00:%02d:00 +0900","remote_addr":"203.0.113.%d","remote_user":"-","request":"%s /members/%07d HTTP/1.1","status":"200","http_referer":"https://x.example/a","http_user_agent":"Mozilla/5.0"}`,
			i%60, 1+r.IntN(200), pick(r, "GET", "PUT"), 1000000+r.IntN(8e6))
	})
}

// document is a whole log as one document, written over many lines.
func document(t testing.TB, before, behind string) []byte {
	t.Helper()
	var b bytes.Buffer
	list := strings.Join(strings.Split(strings.TrimSpace(string(plain())), "\n"), ",\n")
	if err := json.Indent(&b, []byte(before+list+behind), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func hits(t testing.TB) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"took":3,"hits":{"total":{"value":100},"hits":[`)
	for i, l := range strings.Split(strings.TrimSpace(string(plain())), "\n") {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"_index":"web","_id":"x","_source":` + l + `}`)
	}
	return []byte(b.String() + `]}}`)
}

func ocsf() []byte {
	return made(30, func(r *rand.Rand, i int) string {
		return fmt.Sprintf(`{"class_uid":6003,"category_uid":6,"activity_id":2,"time":%d,"status_id":1,"metadata":{"uid":"%s","version":"1.3.0"},"api":{"operation":"GetMember","service":{"name":"members"}},`+
			`"actor":{"user":{"uid":"s%03d","type_id":2}},"src_endpoint":{"ip":"10.1.2.%d"},"data_subjects":{"uids":["m%07d"],"rows":1}}`, 1740787200000+int64(i)*1000, uuid(r), r.IntN(99), 1+r.IntN(200), r.IntN(1e7))
	})
}

func ecs() []byte {
	return made(30, func(r *rand.Rand, i int) string {
		return fmt.Sprintf(`{"@timestamp":"2025-03-01T00:%02d:00Z","ecs":{"version":"8.11.0"},"event":{"id":"%s","dataset":"nginx.access"},"url":{"path":"/support/members/m%07d"},"http":{"request":{"method":"GET"},"response":{"status_code":200}},`+
			`"user":{"id":"s%03d","name":"%s"},"source":{"ip":"10.1.2.3"}}`, i, uuid(r), r.IntN(1e7), r.IntN(99), nobody[1])
	})
}

func keycloak() []byte {
	return made(30, func(r *rand.Rand, i int) string {
		return fmt.Sprintf(`{"id":"%s","time":%d,"type":"%s","realmId":"2a6c","realmName":"members","clientId":"shop-app","userId":"m%07d","sessionId":"%s","ipAddress":"203.0.113.7","details":{"username":"%s"}}`,
			uuid(r), 1740787200000+int64(i)*1000, pick(r, "LOGIN", "LOGOUT", "CODE_TO_TOKEN"), r.IntN(1e7), uuid(r), nobody[4])
	})
}

func otlpFile() []byte {
	return made(30, func(r *rand.Rand, i int) string {
		return fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"%d","attributes":[`+
			`{"key":"url.path","value":{"stringValue":"/members/m%07d"}},{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"user.id","value":{"stringValue":"s%02d"}}]}]}]}]}`,
			(1740787200+int64(i))*1e9, r.IntN(1e7), r.IntN(99))
	})
}

// records are Haetae's own.
func records() []byte {
	return made(30, func(r *rand.Rand, i int) string {
		return fmt.Sprintf(`{"time":"2025-03-01T00:%02d:29.348+09:00","id":"%s","actor":{"id":"s%03d","type":"staff"},"credential":{"key":"staff-a","token":"t%d"},"client":{"ip":"10.1.2.3","agent":"curl/8"},`+
			`"method":"GET","uri":"/support/members/m%07d","status":200,"rows":1,"subjects":["m%07d"]}`, i, uuid(r), r.IntN(99), i, r.IntN(1e7), r.IntN(1e7))
	})
}

// sampleCase is a log with what a draft of it must say.
type sampleCase struct {
	name, file string
	log        []byte
	format     string
	pack       string
	pattern    string
	jq         string
	aside      int64
	fields     map[catalog.Field]string
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func samples(t testing.TB) []sampleCase {
	shop, err := packs.FS.ReadFile("sample/shop/access.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	hard, err := packs.FS.ReadFile("sample/shop-hard/access.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	gateway := map[catalog.Field]string{"time": "time", "id": "request_id", "actor.id": "actor_id", "actor.type": "actor_type", "credential.key": "key_id", "credential.token": "token_id",
		"client.ip": "remote_addr", "client.agent": "http_user_agent", "method": "request_method", "uri": "request_uri", "status": "status", "rows": "data_rows", "subjects": "data_subjects"}
	ordinary := map[catalog.Field]string{"time": "@timestamp", "id": "request_id", "actor.id": "user_id", "credential.token": "jti", "client.ip": "remote_addr",
		"client.agent": "user_agent", "method": "method", "uri": "path", "status": "status"}
	real := "../../testdata/real/"
	return []sampleCase{
		{name: "shop", file: "access.ndjson.gz", log: shop, format: "json", pattern: "m[0-9]{7}", fields: gateway},
		{name: "shop-hard", file: "access.ndjson.gz", log: hard, format: "json", pattern: "m[0-9]{7}", fields: gateway},
		{name: "apache", file: "apache_combined.log.gz", log: readFile(t, real+"apache_combined.log.gz"), format: "combined"},
		{name: "cloudtrail", file: "trail.json", log: readFile(t, real+"cloudtrail/aws.credential-access.secretsmanager-retrieve-secrets.json"), format: "cloudtrail", pack: "cloudtrail"},
		{name: "console", file: "1_CloudTrail_x.json", log: readFile(t, real+"cloudtrail/aws.initial-access.console-login-without-mfa.json"), format: "cloudtrail", pack: "cloudtrail"},
		{name: "pgaudit-csv", file: "postgresql-15.csv", log: readFile(t, "../../ingest/pgaudit/testdata/postgresql-15.csv"), format: "pgaudit", pack: "postgresql"},
		{name: "pgaudit-json", file: "postgresql-15.json", log: readFile(t, "../../ingest/pgaudit/testdata/postgresql-15.json"), format: "pgaudit", pack: "postgresql"},
		{name: "mariadb", file: "server_audit.log", log: readFile(t, "../../ingest/mariadb/testdata/mariadb-10.11.log"), format: "mariadb", pack: "mariadb"},
		{name: "korean", file: "admin.json", log: korean(), format: "json", pattern: "C[0-9]{8}", fields: map[catalog.Field]string{
			"time": "요청일시", "id": "일련번호", "actor.id": "사번", "client.ip": "접속IP", "status": "처리결과", "rows": "조회건수", "subjects": "회원번호"}},
		{name: "nested", file: "orders-2025-03-01.json", log: nested(), format: "json", pattern: "[0-9]{6}", fields: map[catalog.Field]string{
			"time": "meta.eventTime", "id": "request.id", "actor.id": "principal.id", "actor.type": "principal.roles.0", "client.ip": "request.headers.x-forwarded-for",
			"client.agent": "request.headers.user-agent", "method": "request.http.verb", "uri": "request.http.path", "status": "response.status", "subjects": "response.subjects"}},
		{name: "nanos", file: "app.log", log: nanos(), format: "json", pattern: "m[0-9]{7}", fields: map[catalog.Field]string{
			"time": "ts", "uri": "url", "actor.id": "login", "status": "result", "client.ip": "peer"}},
		{name: "two keys", file: "was.log", log: twoKeys(), format: "json", pattern: "[0-9]{8}", fields: map[catalog.Field]string{
			"time": "접속일자", "actor.id": "사용자ID", "uri": "요청URL", "client.ip": "IP"}},
		{name: "nginx", file: "access.json", log: nginx(), format: "json", pattern: "[0-9]{7}", fields: map[catalog.Field]string{
			"time": "time_local", "client.ip": "remote_addr", "client.agent": "http_user_agent", "uri": "request", "status": "status"}},
		{name: "plain", file: "-", log: plain(), format: "json", fields: ordinary},
		{name: "list", file: "all.json", log: document(t, "[", "]"), format: "json", jq: ".[]", fields: ordinary},
		{name: "document", file: "all.json", log: document(t, `{"version":1,"events":[`, "]}"), format: "json", jq: ".events[]", fields: ordinary},
		{name: "document on a line", file: "all.json", log: fmt.Appendf(nil, `{"events":[%s]}`, bytes.ReplaceAll(bytes.TrimSpace(plain()), []byte("\n"), []byte(","))), format: "json", jq: ".events[]", fields: ordinary},
		{name: "hits", file: "search.json", log: hits(t), format: "json", jq: ".hits.hits[]._source", fields: ordinary},
		{name: "ocsf", file: "events.json", log: ocsf(), format: "json", pack: "ocsf", pattern: "m[0-9]{7}"},
		{name: "ecs", file: "events.json", log: ecs(), format: "json", pack: "ecs", pattern: "m[0-9]{7}"},
		{name: "keycloak", file: "events.json", log: keycloak(), format: "json", pack: "keycloak", pattern: "m[0-9]{7}"},
		{name: "otlp", file: "otlp.json", log: otlpFile(), format: "json", pack: "otel", pattern: "m[0-9]{7}"},
		{name: "records", file: "records.ndjson", log: records(), format: "json", pattern: "m[0-9]{7}", fields: map[catalog.Field]string{
			"time": "time", "id": "id", "actor.id": "actor.id", "actor.type": "actor.type", "credential.key": "credential.key", "credential.token": "credential.token", "client.ip": "client.ip",
			"client.agent": "client.agent", "method": "method", "uri": "uri", "status": "status", "rows": "rows", "subjects": "subjects"}},
	}
}
