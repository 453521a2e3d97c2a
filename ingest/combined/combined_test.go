package combined

import (
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func decode(text string) (event.Record, catalog.Request, string) {
	var rec event.Record
	var req catalog.Request
	if err := New(&catalog.Source{Name: "web"}, now).Decode([]byte(text), &rec, &req); err != nil {
		return rec, req, err.Field + " " + err.Cause.Code
	}
	return rec, req, ""
}

func TestDecode(t *testing.T) {
	f := func(text, ip, user, method, uri, agent string, status uint16) {
		t.Helper()
		rec, req, err := decode(text)
		if err != "" {
			t.Errorf("%q: %s", text, err)
			return
		}
		addr := ""
		if rec.Client.IP.IsValid() {
			addr = rec.Client.IP.String()
		}
		if addr != ip || string(rec.Actor.ID) != user || req.Method != method || req.URI != uri || rec.Client.Agent != agent || rec.Status != status {
			t.Errorf("%q: got %s %q %s %s %q %d", text, addr, string(rec.Actor.ID), req.Method, req.URI, rec.Client.Agent, rec.Status)
		}
	}
	const at = `[17/May/2015:10:05:03 +0900]`
	f(`1.2.3.4 - - `+at+` "GET /a?b=c HTTP/1.1" 200 5 "-" "curl/8"`, "1.2.3.4", "", "GET", "/a?b=c", "curl/8", 200)
	f(`1.2.3.4 - kim `+at+` "POST /x HTTP/2.0" 404 -`, "1.2.3.4", "kim", "POST", "/x", "", 404)
	f(`2001:db8::1 - - `+at+` "GET / HTTP/1.0" 304 0 "http://r/\"q\"" "a \"b\" \\ c"`, "2001:db8::1", "", "GET", "/", `a "b" \ c`, 304)
	f(`host.example - - `+at+` "GET / HTTP/1.1" 200 1`, "", "", "GET", "/", "", 200)
	f(`1.2.3.4 - a b `+at+` "GET / HTTP/1.1" 200 1`, "1.2.3.4", "a b", "GET", "/", "", 200)
	// A list of addresses, and the virtual host in front.
	f(`203.0.113.9, 10.0.0.1 - - `+at+` "GET / HTTP/1.1" 200 1`, "", "", "GET", "/", "", 200)
	f(`203.0.113.9, 10.0.0.1, 10.0.0.2 - kim `+at+` "GET / HTTP/1.1" 200 1`, "", "kim", "GET", "/", "", 200)
	f(`shop.example:443 203.0.113.9 - - `+at+` "GET / HTTP/1.1" 200 1 "-" "curl/8"`, "203.0.113.9", "", "GET", "/", "curl/8", 200)
	f(`shop.example 2001:db8::1 - kim `+at+` "GET / HTTP/1.1" 200 1`, "2001:db8::1", "kim", "GET", "/", "", 200)
	f(`10.0.0.5:443 203.0.113.9 - kim lee `+at+` "GET / HTTP/1.1" 200 1`, "203.0.113.9", "kim lee", "GET", "/", "", 200)
	// Two addresses: either may be the client's.
	f(`10.0.0.5 203.0.113.9 - - `+at+` "GET / HTTP/1.1" 200 1`, "", "", "GET", "/", "", 200)
	// No host: ident and user as they are.
	f(`203.0.113.9 - - - `+at+` "GET / HTTP/1.1" 200 1`, "203.0.113.9", "- -", "GET", "/", "", 200)
	f(`1.2.3.4 - - `+at+` "GET / HTTP/1.1" 200 1 "-" "a\x1b[31m\xe2\x80\xaeb"`, "1.2.3.4", "", "GET", "/", "a?[31m?b", 200)
	// A TLS greeting on a plain port, an empty request, a request without a path:
	// the access happened and is kept.
	f(`1.2.3.4 - - `+at+` "\x16\x03\x01" 400 0 "-" "-"`, "1.2.3.4", "", "", Unreadable, "", 400)
	f(`1.2.3.4 - - `+at+` "-" 408 0 "-" "-"`, "1.2.3.4", "", "", Unreadable, "", 408)
	f(`1.2.3.4 - - `+at+` "GET  HTTP/1.1" 400 0 "-" "-"`, "1.2.3.4", "", "", Unreadable, "", 400)
	// Cut off in its last field.
	f(`1.2.3.4 - - `+at+` "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0 (com`, "1.2.3.4", "", "GET", "/", "Mozilla/5.0 (com", 200)
	f(`1.2.3.4 - - `+at+` "GET /\xec\x95\x88 HTTP/1.1" 200 1 "-" "\xff"`, "1.2.3.4", "", "GET", "/안", "?", 200)

	for text, lost := range map[string]catalog.Lost{
		`203.0.113.9, 10.0.0.1 - - ` + at + ` "GET / HTTP/1.1" 200 1`:                          catalog.LostAddress,
		`host.example - - ` + at + ` "GET / HTTP/1.1" 200 1`:                                   catalog.LostAddress,
		`10.0.0.5 203.0.113.9 - - ` + at + ` "GET / HTTP/1.1" 200 1`:                           catalog.LostAddress,
		`shop.example:443 203.0.113.9 - - ` + at + ` "GET / HTTP/1.1" 200 1`:                   0,
		`- - - ` + at + ` "GET / HTTP/1.1" 200 1`:                                              0,
		`1.2.3.4 - - ` + at + ` "GET / HTTP/1.1" 200 1 "-" "` + strings.Repeat("x", 600) + `"`: catalog.LostText,
	} {
		if _, req, err := decode(text); err != "" || req.Lost != lost {
			t.Errorf("%.60q: lost %d, want %d %s", text, req.Lost, lost, err)
		}
	}

	rec, _, _ := decode(`1.2.3.4 - - ` + at + ` "GET / HTTP/1.1" 200 1`)
	if want := event.MillisOf(time.Date(2015, 5, 17, 1, 5, 3, 0, time.UTC)); rec.Time != want {
		t.Errorf("time %v, want %v", rec.Time, want)
	}

	bad := func(text, want string) {
		t.Helper()
		if _, _, err := decode(text); err != want {
			t.Errorf("%q: %q, want %q", text, err, want)
		}
	}
	bad(``, " syntax")
	bad(`hello`, " syntax")
	bad(`{"time":"2025-03-01T00:00:00Z"}`, " is_json")
	bad(`1.2.3.4 - - `+at, " syntax")
	bad(`1.2.3.4 - - [17/Foo/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1`, "time time")
	bad(`1.2.3.4 - - [31/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1`, "time time")
	bad(`1.2.3.4 - - [01/Jan/1970:00:00:00 +0000] "GET / HTTP/1.1" 200 1`, "time clock")
	bad(`1.2.3.4 - - [01/Jan/2199:00:00:00 +0000] "GET / HTTP/1.1" 200 1`, "time clock")
	bad(`1.2.3.4 - - `+at+` "GET / HTTP/1.1" abc 1`, "status type")
	bad("1.2.3.4 - a\x00b "+at+` "GET / HTTP/1.1" 200 1`, " control")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`1.2.3.4 - kim [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`))
	f.Add([]byte(`::1 - - [17/May/2015:10:05:03 +0000] "\x16\x03" 400 0`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var rec event.Record
		var req catalog.Request
		if New(&catalog.Source{}, now).Decode(text, &rec, &req) == nil && rec.Time == 0 {
			t.Fatal("a record without a time")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	text := []byte(`83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /presentations/logstash-monitorama-2013/images/kibana-search.png HTTP/1.1" 200 203023 "http://semicomplete.com/presentations/logstash-monitorama-2013/" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36"`)
	d := New(&catalog.Source{}, now)
	b.SetBytes(int64(len(text)))
	var rec event.Record
	var req catalog.Request
	for b.Loop() {
		if err := d.Decode(text, &rec, &req); err != nil {
			b.Fatal(err)
		}
	}
}
