package otlp

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

func word(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

func pair(k string, v *common.AnyValue) *common.KeyValue { return &common.KeyValue{Key: k, Value: v} }

// request is one of two services, with everything a log record can hold.
func request() *logs.LogsData {
	nested := &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: []*common.KeyValue{
		pair("list", &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{word("a"), nil, {Value: &common.AnyValue_IntValue{IntValue: math.MinInt64}}}}}}),
		pair("empty", &common.AnyValue{}),
	}}}}
	return &logs.LogsData{ResourceLogs: []*logs.ResourceLogs{
		{
			Resource: &resource.Resource{Attributes: []*common.KeyValue{pair("service.name", word("shop")), pair("host", word("h\"1\n"))}},
			ScopeLogs: []*logs.ScopeLogs{{
				Scope: &common.InstrumentationScope{Name: "access", Version: "1"},
				LogRecords: []*logs.LogRecord{
					{TimeUnixNano: 1740787200_123_456_789, SeverityNumber: 9, SeverityText: "INFO", EventName: "e", Body: word("plain"), Attributes: []*common.KeyValue{
						pair("url.path", word("/my/profile")), pair("time", word("forged")), pair("n", nested),
						pair("b", &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}),
						pair("d", &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: 0.5}}),
						pair("raw", &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte{1, 2, 3}}}),
					}, TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567")},
					{ObservedTimeUnixNano: 1740787201_000_000_000, Body: word("{\"a\":\n{\"b\":1}}")},
				},
			}, {LogRecords: []*logs.LogRecord{{Body: word("{broken")}}}},
		},
		{ScopeLogs: []*logs.ScopeLogs{{LogRecords: []*logs.LogRecord{{TimeUnixNano: 1}}}}},
	}}
}

func linesOf(t testing.TB, e Encoding, body []byte, around bool) []string {
	t.Helper()
	var out []string
	err := Records(e, body, around, func(l []byte) error {
		if l != nil && !json.Valid(l) {
			t.Errorf("not JSON: %s", l)
		}
		out = append(out, string(l))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecords(t *testing.T) {
	binary, err := proto.Marshal(request())
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(request())
	if err != nil {
		t.Fatal(err)
	}
	about := `"resource":{"service.name":"shop","host":"h\"1\u000a"},`
	want := []string{
		`{"url.path":"/my/profile","time":"forged","n":{"list":["a",null,-9223372036854775808],"empty":null},"b":true,"d":0.5,"raw":"AQID",` + about +
			`"scope":{"name":"access","version":"1"},"event_name":"e","severity_text":"INFO","severity_number":9,"body":"plain","time":1740787200123}`,
		`{` + about + `"scope":{"name":"access","version":"1"},"body":{"a": {"b":1}},"time":1740787201000}`,
		`{` + about + `"body":"{broken","time":null}`,
		`{"time":0}`,
	}
	for e, body := range map[Encoding][]byte{Protobuf: binary, JSON: text} {
		if got := linesOf(t, e, body, true); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("encoding %d:\n%s\nwant\n%s", e, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, l := range linesOf(t, e, body, false) {
			if strings.Contains(l, "resource") || strings.Contains(l, "scope") {
				t.Errorf("written though nobody looks: %s", l)
			}
		}
	}
	if got := linesOf(t, Protobuf, nil, true); len(got) != 0 {
		t.Errorf("an empty request has %d records", len(got))
	}
	// As the specification writes JSON: identifiers in hexadecimal, numbers of 64 bits
	// as texts or not, and what is not known is passed over.
	got := linesOf(t, JSON, []byte(`{"new":1,"resourceLogs":[{"new":[],"scopeLogs":[{"logRecords":[{"timeUnixNano":1740787200000000000,"observedTimeUnixNano":"1",`+
		`"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","new":{},"attributes":[{"key":"k","value":{"intValue":7}}]}]}]}]}`), true)
	if len(got) != 1 || got[0] != `{"k":7,"time":1740787200000}` {
		t.Errorf("%q", got)
	}
}

// TestResourceBehind: of a message the order of the fields means nothing.
func TestResourceBehind(t *testing.T) {
	one := request().ResourceLogs[0]
	res, _ := proto.Marshal(one.Resource)
	scope, _ := proto.Marshal(one.ScopeLogs[0])
	group := protowire.AppendBytes(protowire.AppendTag(nil, itsScopeLogs, protowire.BytesType), scope)
	group = protowire.AppendBytes(protowire.AppendTag(group, itsResource, protowire.BytesType), res)
	got := linesOf(t, Protobuf, protowire.AppendBytes(protowire.AppendTag(nil, resourceLogs, protowire.BytesType), group), true)
	if len(got) != 2 || !strings.Contains(got[0], `"service.name":"shop"`) {
		t.Errorf("%q", got)
	}
}

func TestBroken(t *testing.T) {
	binary, err := proto.Marshal(request())
	if err != nil {
		t.Fatal(err)
	}
	count := func(e Encoding, body []byte) (n int, err error) {
		err = Records(e, body, true, func([]byte) error { n++; return nil })
		return n, err
	}
	for _, body := range []string{"", "[]", "null", "7", `{"resourceLogs":`, `{"resourceLogs":{}}`, `{"resourceLogs":[7]}`, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]},{"scopeLogs":7}]}`} {
		if n, err := count(JSON, []byte(body)); !errors.Is(err, ErrBroken) || n != 0 {
			t.Errorf("%s: %d records, %v", body, n, err)
		}
	}
	for cut := 1; cut < len(binary); cut++ {
		n, err := count(Protobuf, binary[:cut])
		// What ends between two messages is one; nothing else is taken in part.
		if err != nil && n != 0 {
			t.Fatalf("cut at %d: %d records of a broken request", cut, n)
		}
	}
	// A record that is none does not take the others along.
	rec := func(b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, itsLogRecords, protowire.BytesType), b)
	}
	scope := append(append(rec(nil), rec([]byte{0xff})...), rec(nil)...)
	group := protowire.AppendBytes(protowire.AppendTag(nil, itsScopeLogs, protowire.BytesType), scope)
	var got []string
	if err := Records(Protobuf, protowire.AppendBytes(protowire.AppendTag(nil, resourceLogs, protowire.BytesType), group), true, func(l []byte) error {
		got = append(got, string(l))
		return nil
	}); err != nil || fmt.Sprint(got) != `[{"time":null}  {"time":null}]` {
		t.Errorf("%q, %v", got, err)
	}
	full := errors.New("full")
	if err := Records(Protobuf, binary, true, func([]byte) error { return full }); err != full {
		t.Errorf("whoever takes the lines cannot stop: %v", err)
	}
}

// TestLong: what is too long is refused, and not written again for each record.
func TestLong(t *testing.T) {
	r := request()
	r.ResourceLogs[0].Resource.Attributes[0].Value = word(strings.Repeat("x", MaxAround))
	r.ResourceLogs[1].ScopeLogs[0].LogRecords = append(r.ResourceLogs[1].ScopeLogs[0].LogRecords, &logs.LogRecord{Body: word(strings.Repeat("x", MaxRecord))})
	for _, e := range []Encoding{Protobuf, JSON} {
		body, err := proto.Marshal(r)
		if e == JSON {
			body, err = protojson.Marshal(r)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := linesOf(t, e, body, true); len(got) != 5 || got[0]+got[1]+got[2]+got[4] != "" || got[3] == "" {
			t.Errorf("%d lines", len(got))
		}
		if got := linesOf(t, e, body, false); len(got) != 5 || got[0] == "" || got[4] != "" {
			t.Errorf("%d lines where nobody looks at the resource", len(got))
		}
	}
	deep := word("x")
	for range 200 {
		deep = &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{deep}}}}
	}
	body, _ := proto.Marshal(&logs.LogsData{ResourceLogs: []*logs.ResourceLogs{{ScopeLogs: []*logs.ScopeLogs{{LogRecords: []*logs.LogRecord{{Body: deep}}}}}}})
	if got := linesOf(t, Protobuf, body, true); len(got) != 1 || strings.Count(got[0], "[") != maxDepth+1 {
		t.Errorf("%q", got)
	}
}

func TestAnswers(t *testing.T) {
	if len(Accepted(Protobuf, 0, "")) != 0 || string(Accepted(JSON, 0, "")) != "{}" {
		t.Error("an answer to a request of which all was taken says something")
	}
	if got := string(Accepted(JSON, 3, "why")); got != `{"partialSuccess":{"errorMessage":"why","rejectedLogRecords":"3"}}` {
		t.Error(got)
	}
	if got := fmt.Sprintf("%x", Accepted(Protobuf, 3, "why")); got != "0a0708031203776879" {
		t.Error(got)
	}
	if got := string(Refused(JSON, "why")); got != `{"message":"why"}` {
		t.Error(got)
	}
	if got := fmt.Sprintf("%x", Refused(Protobuf, "why")); got != "1203776879" {
		t.Error(got)
	}
	for kind, want := range map[string]Encoding{"application/x-protobuf": Protobuf, "application/json; charset=utf-8": JSON, "text/plain": Unknown, "": Unknown} {
		if EncodingOf(kind) != want {
			t.Errorf("%q: %d", kind, EncodingOf(kind))
		}
	}
}

// FuzzRecords: never a panic; every line is one line of JSON; of a broken request
// nothing is given; and protobuf that the reference reads is not broken.
func FuzzRecords(f *testing.F) {
	binary, _ := proto.Marshal(request())
	text, _ := protojson.Marshal(request())
	f.Add(true, binary)
	f.Add(false, text)
	f.Add(false, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"{}"}},null,7]}]}]}`))
	f.Fuzz(func(t *testing.T, binary bool, body []byte) {
		e := JSON
		if binary {
			e = Protobuf
		}
		n := 0
		err := Records(e, body, true, func(l []byte) error {
			n++
			// encoding/json takes for broken what is not UTF-8 nowhere; line feeds it does.
			if l != nil && (!json.Valid(l) || strings.Contains(string(l), "\n")) {
				t.Fatal("not one line of JSON")
			}
			return nil
		})
		if err != nil && n > 0 {
			t.Fatal("records of a broken request")
		}
		if binary && err != nil {
			var whole logs.LogsData
			if proto.Unmarshal(body, &whole) == nil {
				t.Fatal("a request that is none of ours")
			}
		}
	})
}
