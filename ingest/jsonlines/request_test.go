package jsonlines

import (
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// TestRequestLine: where uri holds the whole first line of a request, method and
// address are taken out of it. A method of its own counts before it.
func TestRequestLine(t *testing.T) {
	src := &catalog.Source{Name: "web", Fields: map[catalog.Field]string{catalog.FieldTime: "t", catalog.FieldURI: "r", catalog.FieldMethod: "m"}}
	d, err := New(src, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, method, uri string }{
		{`"r":"GET /members/1?a=b c HTTP/1.1"`, "GET", "/members/1?a=b c"},
		{`"r":"POST http://x.example/a HTTP/2"`, "POST", "http://x.example/a"},
		{`"m":"PUT","r":"GET /a HTTP/1.1"`, "PUT", "/a"},
		{`"r":"GET /a HTTP/1.1","m":"PUT"`, "PUT", "/a"},
		{`"r":"/a HTTP/1.1"`, "", "/a HTTP/1.1"},
		{`"r":"GET /a"`, "", "GET /a"},
		{`"r":"GET  HTTP/1.1"`, "", "GET  HTTP/1.1"},
		{`"r":"Get /a HTTP/1.1"`, "", "Get /a HTTP/1.1"},
		{`"r":"GET /a HTTP/1.1 and more"`, "", "GET /a HTTP/1.1 and more"},
		{`"r":"HTTP/1.1"`, "", "HTTP/1.1"},
	} {
		for range 2 { // by the grammar, and quickly
			var rec event.Record
			var req catalog.Request
			if err := d.Decode([]byte(`{"t":"2025-03-01T00:00:00Z",`+c.line+`,"z":1}`), &rec, &req); err != nil {
				t.Fatalf("%s: %v", c.line, err)
			}
			if req.Method != c.method || req.URI != c.uri {
				t.Errorf("%s: %q %q, want %q %q", c.line, req.Method, req.URI, c.method, c.uri)
			}
		}
	}
}
