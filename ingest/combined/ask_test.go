package combined

import (
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// TestAsk: the referrer is there for who asks, unescaped, and gone with the next line.
func TestAsk(t *testing.T) {
	d := New(&catalog.Source{}, now)
	d.Ask([]string{"cs-host", Referer})
	for _, c := range []struct{ line, want string }{
		{`192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203 "http://x/\"q\"" "agent"`, `http://x/"q"`},
		{`192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203 "-" "agent"`, ""},
		{`192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203 "y" "agent"`, "y"},
		{`192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203`, ""},
	} {
		var rec event.Record
		var req catalog.Request
		if err := d.Decode([]byte(c.line), &rec, &req); err != nil {
			t.Fatal(err)
		}
		if got := d.Fields(); got[0] != nil || string(got[1]) != c.want {
			t.Errorf("the referrer is not as it was written: %d bytes, not %d", len(got[1]), len(c.want))
		}
	}
}
