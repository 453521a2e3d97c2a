package cloudtrail

import (
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// TestAsk: fields of an event are found by their dotted names, in one that EventBridge
// has wrapped too, and those of the event before are forgotten.
func TestAsk(t *testing.T) {
	d := New(nil, now)
	d.Ask([]string{"eventName", "userIdentity.type", "requestParameters", "requestParameters.bucketName", "errorCode", "userIdentity.none.deeper"})
	look := func(text []byte) []string {
		t.Helper()
		var rec event.Record
		var req catalog.Request
		if err := d.Decode(text, &rec, &req); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, v := range d.Fields() {
			out = append(out, string(v))
		}
		return out
	}
	same := func(got, want []string) {
		t.Helper()
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("field %d is %s, not %s", i, got[i], want[i])
			}
		}
	}
	plain := merge(t, map[string]any{"errorCode": "AccessDenied", "requestParameters": map[string]any{"bucketName": "b"}})
	want := []string{`"GetObject"`, `"IAMUser"`, `{"bucketName":"b"}`, `"b"`, `"AccessDenied"`, ""}
	same(look(plain), want)
	same(look([]byte(`{"detail-type":"AWS API Call via CloudTrail","detail":`+string(plain)+`}`)), want)
	want[2], want[3], want[4] = "", "", ""
	same(look(merge(t, map[string]any{"requestParameters": nil})), want)
	d.Ask(nil)
	if got := look(plain); len(got) != 0 {
		t.Error("fields nobody asks for")
	}
}
