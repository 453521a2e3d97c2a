package jsonlines

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

var mapping = map[catalog.Field]string{
	catalog.FieldTime: "time", catalog.FieldID: "request_id", catalog.FieldActorID: "actor_id", catalog.FieldActorType: "actor_type",
	catalog.FieldKey: "key_id", catalog.FieldToken: "token_id", catalog.FieldIP: "remote_addr", catalog.FieldAgent: "http_user_agent",
	catalog.FieldMethod: "request_method", catalog.FieldURI: "request_uri", catalog.FieldStatus: "status",
	catalog.FieldRows: "data_rows", catalog.FieldSubjects: "data_subjects", catalog.FieldCountry: "geo.country",
	catalog.FieldMore: "data_more",
}

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func decoder(t testing.TB) *Decoder {
	d, err := New(&catalog.Source{Name: "s", Fields: mapping}, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sample(t testing.TB) [][]byte {
	f, err := os.Open("../../testdata/shop/access.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(b), []byte("\n"))
}

type result struct {
	rec event.Record
	req catalog.Request
	err string
}

func decode(d *Decoder, text []byte) result {
	var r result
	r.rec.Rows = event.RowsUnknown
	if err := d.Decode(text, &r.rec, &r.req); err != nil {
		return result{err: err.Field + " " + err.Cause.Code}
	}
	return r
}

func plain(id any) string {
	switch v := id.(type) {
	case event.RecordID:
		return string(v)
	case event.ActorID:
		return string(v)
	case event.TokenID:
		return string(v)
	}
	return ""
}

// TestSample compares every line of the sample with encoding/json.
func TestSample(t *testing.T) {
	d := decoder(t)
	for i, l := range sample(t) {
		got := decode(d, l)
		if got.err != "" {
			t.Fatalf("line %d: %s", i+1, got.err)
		}
		var want map[string]any
		if err := json.Unmarshal(l, &want); err != nil {
			t.Fatal(err)
		}
		at, _ := time.Parse(time.RFC3339Nano, want["time"].(string))
		if got.rec.Time != event.MillisOf(at) || plain(got.rec.ID) != want["request_id"] || plain(got.rec.Actor.ID) != want["actor_id"] ||
			got.rec.Actor.Type != want["actor_type"] || got.rec.Credential.Key != want["key_id"] || plain(got.rec.Credential.Token) != want["token_id"] ||
			got.rec.Client.IP.String() != want["remote_addr"] || got.rec.Client.Agent != want["http_user_agent"] ||
			got.req.URI != want["request_uri"] || float64(got.rec.Status) != want["status"] || got.req.List != want["data_subjects"] {
			t.Fatalf("line %d differs from encoding/json", i+1)
		}
		rows := event.RowsUnknown
		if s := want["data_rows"].(string); s != "" {
			n, _ := strconv.Atoi(s)
			rows = int32(n)
		}
		if got.rec.Rows != rows {
			t.Fatalf("line %d: %d rows, want %d", i+1, got.rec.Rows, rows)
		}
	}
}

func TestLines(t *testing.T) {
	ok := func(text string, want func(*result)) {
		t.Helper()
		w := result{}
		w.rec.Rows = event.RowsUnknown
		w.rec.Time = 1_740_784_286_348
		want(&w)
		// Whatever the line before was, the outcome is the same.
		for _, before := range []string{"", text, `{"x":1,"time":"2025-03-01T00:00:00Z"}`, `{"time":"2025-03-01T00:00:00Z","actor_id":"a","status":1}`} {
			d := decoder(t)
			if before != "" {
				decode(d, []byte(before))
			}
			got := decode(d, []byte(text))
			if diff := cmp.Diff(w, got, cmp.AllowUnexported(result{}), cmpopts.EquateComparable(w.rec.Client.IP)); diff != "" {
				t.Errorf("%s\n(-want +got)\n%s", text, diff)
			}
		}
	}
	bad := func(text, want string) {
		t.Helper()
		if got := decode(decoder(t), []byte(text)); got.err != want {
			t.Errorf("%.80q: %q, want %q", text, got.err, want)
		}
	}
	tm := `"time":"2025-03-01T08:11:26.348+09:00"`
	ok(`{`+tm+`}`, func(r *result) { r.rec.Time = 1_740_784_286_348 })
	ok(`{"time":1740784286.348}`, func(r *result) {})
	ok(`{"time":"1740784286348"}`, func(r *result) {})
	ok(`{"time":"01/Mar/2025:08:11:26.348 +0900"}`, func(r *result) {})
	ok(` { "other" : [1,{"a":"}]"},null] , `+tm+` , "status" : "404" } `, func(r *result) { r.rec.Status = 404 })
	ok(`{`+tm+`,"status":200,"status":404}`, func(r *result) { r.rec.Status = 404 })
	ok(`{`+tm+`,"actor_id":"a\"b\u00e9\ud83d\ude00"}`, func(r *result) { r.rec.Actor.ID = "a\"bé😀" })
	ok(`{`+tm+`,"actor_id":"-","data_rows":"-","token_id":""}`, func(r *result) {})
	ok(`{`+tm+`,"actor_id":12345,"data_rows":7}`, func(r *result) { r.rec.Actor.ID, r.rec.Rows = "12345", 7 })
	ok(`{`+tm+`,"geo":{"city":"x","country":"KR"}}`, func(r *result) { r.rec.Client.Country = "KR" })
	ok(`{`+tm+`,"data_subjects":["m1","m2",3]}`, func(r *result) { r.req.Subjects = []event.AccountID{"m1", "m2", "3"} })
	ok(`{`+tm+`,"remote_addr":"not an address"}`, func(r *result) { r.req.Lost = catalog.LostAddress })
	ok(`{`+tm+`,"remote_addr":"999.1.2.3"}`, func(r *result) { r.req.Lost = catalog.LostAddress })
	ok(`{`+tm+`,"remote_addr":"203.0.113.1, 10.0.0.1"}`, func(r *result) { r.req.Lost = catalog.LostAddress })
	ok(`{`+tm+`,"remote_addr":"-"}`, func(r *result) {})
	// Texts that a client chooses end up on a terminal.
	ok(`{`+tm+`,"http_user_agent":"a\u001b[31mb\u202ec"}`, func(r *result) { r.rec.Client.Agent, r.req.Lost = "a?[31mb?c", catalog.LostText })
	ok(`{`+tm+`,"http_user_agent":"`+"\xff\u0085é"+`"}`, func(r *result) { r.rec.Client.Agent, r.req.Lost = "??é", catalog.LostText })
	ok(`{`+tm+`,"http_user_agent":"`+strings.Repeat("x", 300_000)+`"}`, func(r *result) {
		r.rec.Client.Agent, r.req.Lost = strings.Repeat("x", line.MaxAgent)+"…", catalog.LostText
	})
	ok(`{`+tm+`,"actor_type":"st\u202eaff","key_id":"k\u0000","geo":{"country":"K\u200fR"}}`, func(r *result) {
		r.rec.Actor.Type, r.rec.Credential.Key, r.rec.Client.Country, r.req.Lost = "st?aff", "k?", "K?R", catalog.LostText
	})
	// Accounts that were too many to be named.
	ok(`{`+tm+`,"data_more":"300"}`, func(r *result) { r.rec.Rows = 300 })
	ok(`{`+tm+`,"data_more":300,"data_rows":7}`, func(r *result) { r.rec.Rows = 300 })
	ok(`{`+tm+`,"data_rows":"900","data_more":"300"}`, func(r *result) { r.rec.Rows = 900 })
	ok(`{`+tm+`,"data_more":"","data_rows":""}`, func(r *result) {})
	ok(`{`+tm+`,"data_more":0}`, func(r *result) {})
	ok(`{`+tm+`,"data_more":null}`, func(r *result) {})
	ok(`{`+tm+`,"http_user_agent":null}`, func(r *result) {})

	bad(`{}`, "time missing")
	bad(`{"time":""}`, "time missing")
	bad(`{"time":"yesterday"}`, "time time")
	bad(`{"time":"2025-02-30T00:00:00Z"}`, "time time")
	bad(`{"time":"1970-01-01T00:00:00Z"}`, "time clock")
	bad(`{"time":"2199-01-01T00:00:00Z"}`, "time clock")
	bad(`{"time":true}`, "time time")
	bad(`{"time":{"a":1}}`, "time type")
	bad(`{`+tm+`,"status":"ok"}`, "status type")
	bad(`{`+tm+`,"data_rows":-1}`, "rows type")
	bad(`{`+tm+`,"data_rows":99999999999}`, "rows type")
	bad(`{`+tm+`,"actor_id":"a`+"\x00"+`"}`, "actor.id control")
	bad(`{`+tm+`,"actor_id":"a\u0000"}`, "actor.id control")
	bad(`{`+tm+`,"actor_id":"`+"\xff\xfe"+`"}`, "actor.id utf8")
	bad(`{`+tm+`,"actor_id":"`+strings.Repeat("x", line.MaxID+1)+`"}`, "actor.id too_long")
	bad(`{`+tm+`,"token_id":"Bearer abcdef"}`, "credential.token bearer")
	bad(`{`+tm+`,"token_id":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}`, "credential.token bearer")
	bad(`{`+tm+`,"actor_id":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}`, "actor.id bearer")
	bad(`{`+tm+`,"token_id":"eyJhbGciOiJSU0EifQ.a.b.c.d"}`, "credential.token bearer")
	bad(`{`+tm+`,"key_id":"`+strings.Repeat("x", line.MaxID+1)+`"}`, "credential.key too_long")
	bad(`{`+tm+`,"data_more":"many"}`, "more type")
	bad(`203.0.113.7 - - [10/Mar/2025:09:00:00 +0900] "GET / HTTP/1.1" 200 1 "-" "-"`, " is_access_log")
	for _, s := range []string{"", "x", "{", `{"time"`, `{"time":}`, `{` + tm + `,}`, `{` + tm + `} x`, `[]`, `{` + tm + `,"a":01}`, `{` + tm + `,"a":tru}`,
		`{` + tm + `,"a":"\x41"}`, `{` + tm + `,"a":"\u12"}`, strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)} {
		bad(s, " syntax")
	}
}

// TestAddressList: which address of a list counts, the source says.
func TestAddressList(t *testing.T) {
	for _, test := range []struct {
		rule     catalog.AddressRule
		text, ip string
	}{
		{catalog.OneAddress, "203.0.113.1, 10.0.0.1", ""},
		{catalog.FirstAddress, "203.0.113.1, 10.0.0.1", "203.0.113.1"},
		{catalog.FirstAddress, " 203.0.113.1 ,198.51.100.2,10.0.0.1", "203.0.113.1"},
		{catalog.FirstAddress, "unknown, 10.0.0.1", ""},
		{catalog.FirstAddress, "203.0.113.1", "203.0.113.1"},
		{catalog.LastAddress, "203.0.113.1, 10.0.0.1", "10.0.0.1"},
		{catalog.LastAddress, "203.0.113.1,", ""},
	} {
		d, err := New(&catalog.Source{Name: "s", Fields: mapping, Address: test.rule}, now)
		if err != nil {
			t.Fatal(err)
		}
		got := decode(d, []byte(`{"time":1740784286,"remote_addr":"`+test.text+`"}`))
		ip := ""
		if got.rec.Client.IP.IsValid() {
			ip = got.rec.Client.IP.String()
		}
		if ip != test.ip || (got.req.Lost != 0) != (test.ip == "") {
			t.Errorf("%s of %q: %q, lost %d", test.rule, test.text, ip, got.req.Lost)
		}
	}
}

// TestBlanks: lines of writers that put blanks in different places follow each
// other in one log, in any order.
func TestBlanks(t *testing.T) {
	d := decoder(t)
	forms := []string{
		`{"time":1740784286,"geo":{"country":"KR"},"status":200}`,
		`{"time": 1740784286, "geo": {"country": "KR"}, "status": 200}`,
		`{ "time"	:1740784286 ,"geo" : { "country":	"KR" } ,"status":200 }`,
	}
	for i := range 3 * len(forms) * len(forms) {
		s := forms[i%len(forms)]
		if i >= len(forms)*len(forms) {
			s = forms[i/len(forms)%len(forms)]
		}
		got := decode(d, []byte(s))
		if got.err != "" || got.rec.Status != 200 || got.rec.Client.Country != "KR" {
			t.Errorf("line %d, %s: status %d, country %q, error %q", i, s, got.rec.Status, got.rec.Client.Country, got.err)
		}
	}
}

// FuzzDecode: never a panic; what is accepted is JSON, and the values are those
// encoding/json gives, whatever line came before.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"time":"2025-03-01T08:11:26.348+09:00","actor_id":"m1","status":200}`), []byte(`{"time":1740784286.348,"x":[1,2,{"y":"z\n"}]}`))
	f.Add([]byte(`{"time":1740784286}`), []byte(`{"time": 1740784286.348,"x": [1]}`))
	f.Add([]byte(`{"time":"1740784286","geo":{"country":"KR"},"data_subjects":["a"]}`), []byte(`{"actor_id":"a\u00e9","time":"2025-03-01 08:11:26"}`))
	f.Fuzz(func(t *testing.T, before, text []byte) {
		fresh := decode(decoder(t), text)
		d := decoder(t)
		decode(d, before)
		again := decode(d, text)
		if fresh.err != again.err || fresh.err == "" && (fresh.rec.Time != again.rec.Time || fresh.rec.Actor.ID != again.rec.Actor.ID || fresh.req.URI != again.req.URI || fresh.rec.Status != again.rec.Status) {
			t.Fatal("the line before changed the outcome")
		}
		same(t, fresh, decode(d, text)) // its own members are what is expected now
		if fresh.err != "" {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(text, &want); err != nil {
			// encoding/json refuses raw control characters inside strings, which
			// some servers write; nothing else.
			clean := bytes.Map(func(r rune) rune {
				if r < 0x20 {
					return ' '
				}
				return r
			}, text)
			if json.Unmarshal(clean, &want) != nil {
				t.Fatalf("accepted what is not JSON: %v", err)
			}
			return
		}
		if s, ok := want["actor_id"].(string); ok && s != "-" && plain(fresh.rec.Actor.ID) != s {
			t.Fatalf("actor_id differs from encoding/json")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	lines := sample(b)
	d := decoder(b)
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	b.SetBytes(int64(size))
	var rec event.Record
	var req catalog.Request
	for b.Loop() {
		for _, l := range lines {
			rec, req = event.Record{}, catalog.Request{}
			if err := d.Decode(l, &rec, &req); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(lines))/b.Elapsed().Seconds(), "lines/s")
}
