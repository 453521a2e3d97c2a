package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
)

// newLogs is a world whose catalog is the one for OpenTelemetry that ships.
func newLogs(t *testing.T, fsys disk.FS, dir string) *world {
	t.Helper()
	w := newWorld(t, fsys, dir)
	text, err := fs.ReadFile(packs.FS, "catalogs/otel.yaml")
	if err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, fsys, dir, ledger.Options{})
	s := strings.Replace(string(text), "\nroutes: []\n", "\naccount: {pattern: \"m[0-9]{7}\"}\nroutes:\n"+
		"  - {route: \"GET /support/members/{member}\", items: [name, phone], account: path.member}\n"+
		"  - {route: POST /otel/db/shop/members/SELECT, items: [name], account: list, action: read}\n", 1)
	s = strings.Replace(s, "\nsources:\n", "\nsources:\n  shipped: {format: combined}\n", 1)
	if _, _, err := l.InstallCatalog("otel.yaml", []byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if w.token, _, err = AddToken(fsys, dir, "otel"); err != nil {
		t.Fatal(err)
	}
	return w
}

// logRecord is the log record of a request, by attributes: texts, numbers, lists.
func logRecord(at int64, attributes map[string]any) *logs.LogRecord {
	var value func(v any) *common.AnyValue
	value = func(v any) *common.AnyValue {
		switch v := v.(type) {
		case int:
			return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(v)}}
		case []string:
			var all []*common.AnyValue
			for _, s := range v {
				all = append(all, value(s))
			}
			return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: all}}}
		}
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: fmt.Sprint(v)}}
	}
	r := &logs.LogRecord{TimeUnixNano: uint64(1740787200_000+at) * 1_000_000}
	for k, v := range attributes {
		r.Attributes = append(r.Attributes, &common.KeyValue{Key: k, Value: value(v)})
	}
	return r
}

func logRequest(records ...*logs.LogRecord) *logs.LogsData {
	return &logs.LogsData{ResourceLogs: []*logs.ResourceLogs{{ScopeLogs: []*logs.ScopeLogs{{LogRecords: records}}}}}
}

// visits are n requests of staff for a member's page.
func visits(prefix string, n int) []*logs.LogRecord {
	var out []*logs.LogRecord
	for i := range n {
		out = append(out, logRecord(int64(i), map[string]any{
			"log.record.uid": fmt.Sprintf("%s%d", prefix, i), "http.request.method": "GET", "url.path": fmt.Sprintf("/support/members/m%07d", i), "http.response.status_code": 200,
			"enduser.id": "s101", "haetae.actor.type": "staff", "session.id": "t1", "client.address": "192.0.2.1",
		}))
	}
	return out
}

// export sends a request and reads the answer as the specification has it.
func (r *running) export(t *testing.T, header map[string]string, text bool, req *logs.LogsData) (status int, answered http.Header, rejected int64, message string) {
	t.Helper()
	body, kind := []byte(nil), "application/x-protobuf"
	var err error
	if text {
		kind = "application/json"
		body, err = protojson.Marshal(req)
	} else {
		body, err = proto.Marshal(req)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := map[string]string{"Content-Type": kind}
	for k, v := range header {
		h[k] = v
	}
	sent := string(body)
	if h["Content-Encoding"] == "gzip" {
		sent = packed(sent)
	}
	status, answered, got := r.call("POST", "/v1/logs", r.w.token, h, strings.NewReader(sent))
	if answered.Get("Content-Type") != kind {
		t.Errorf("%d: the answer is %s to a request that is %s", status, answered.Get("Content-Type"), kind)
	}
	rejected, message = readAnswer(t, status, text, []byte(got))
	return status, answered, rejected, message
}

// readAnswer reads an ExportLogsServiceResponse, or a google.rpc.Status.
func readAnswer(t *testing.T, status int, text bool, body []byte) (rejected int64, message string) {
	t.Helper()
	if text {
		var a struct {
			PartialSuccess struct {
				RejectedLogRecords json.Number `json:"rejectedLogRecords,string"`
				ErrorMessage       string      `json:"errorMessage"`
			} `json:"partialSuccess"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatalf("%d %s: %v", status, body, err)
		}
		rejected, _ = a.PartialSuccess.RejectedLogRecords.Int64()
		return rejected, a.PartialSuccess.ErrorMessage + a.Message
	}
	fields := func(b []byte, each func(n protowire.Number, v []byte, num uint64)) {
		for len(b) > 0 {
			n, kind, size := protowire.ConsumeTag(b)
			if size < 0 {
				t.Fatalf("%d: the answer is no protobuf: %x", status, body)
			}
			b = b[size:]
			switch kind {
			case protowire.BytesType:
				v, size := protowire.ConsumeBytes(b)
				each(n, v, 0)
				b = b[size:]
			case protowire.VarintType:
				v, size := protowire.ConsumeVarint(b)
				each(n, nil, v)
				b = b[size:]
			default:
				t.Fatalf("%d: the answer has a field of kind %d", status, kind)
			}
		}
	}
	fields(body, func(n protowire.Number, v []byte, _ uint64) {
		if status != http.StatusOK {
			message = string(v)
			return
		}
		fields(v, func(n protowire.Number, v []byte, num uint64) {
			if n == 1 {
				rejected = int64(num)
			} else {
				message = string(v)
			}
		})
	})
	return rejected, message
}

// TestLogs: logs of OpenTelemetry become records by the names of their attributes, in
// both encodings, packed or not; what cannot be a record is told as partial success,
// and what was sent twice counts once.
func TestLogs(t *testing.T) {
	w := newLogs(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	for i, text := range []bool{false, true} {
		for _, encoding := range []string{"", "gzip"} {
			prefix := fmt.Sprintf("%v%s-", text, encoding)
			for range 2 {
				if status, _, rejected, message := r.export(t, map[string]string{"Content-Encoding": encoding}, text, logRequest(visits(prefix, 20)...)); status != 200 || rejected != 0 || message != "" {
					t.Fatalf("%d: %d rejected, %s", status, rejected, message)
				}
			}
		}
		dump := logRecord(0, map[string]any{"log.record.uid": fmt.Sprint("db", text), "db.namespace": "shop", "db.collection.name": "members", "db.operation.name": "SELECT",
			"enduser.id": "s101", "haetae.subjects": []string{"m0000001", "m0000002"}, "db.response.returned_rows": 2})
		usable := logRecord(0, map[string]any{"log.record.uid": fmt.Sprint("bad", text), "url.path": "/x", "session.id": "Bearer abcdefghijk"})
		untimed := logRecord(0, map[string]any{"log.record.uid": fmt.Sprint("untimed", text), "url.path": "/x"})
		untimed.TimeUnixNano = 0
		status, _, rejected, message := r.export(t, nil, text, logRequest(dump, usable, untimed))
		if status != 200 || rejected != 2 || !strings.Contains(message, "log record 2") || !strings.Contains(message, "credential.token") || !strings.Contains(message, "do not send them again") || strings.Contains(message, "abcdefghijk") {
			t.Errorf("%d: %d rejected, %s", status, rejected, message)
		}
		for where, want := range map[string]int64{
			`source == "otel"`: 41 * int64(i+1),
			`route == "GET /support/members/{member}" && actor.type == "staff" && status == 200 && action == "read"`: 40 * int64(i+1),
			`"phone" in items`: 40 * int64(i+1),
			`route == "POST /otel/db/shop/members/SELECT" && rows == 2 && action == "read"`: int64(i + 1),
		} {
			if n := r.count(where); n != want {
				t.Errorf("%s: %d records, want %d", where, n, want)
			}
		}
	}
	// An empty request is one.
	if status, _, rejected, _ := r.export(t, nil, false, &logs.LogsData{}); status != 200 || rejected != 0 {
		t.Errorf("an empty request: %d", status)
	}
	r.end()
	if strings.Contains(w.logs.String(), "abcdefghijk") {
		t.Error("a token that was refused stands in the log")
	}
}

// TestLogsRefused: what is refused is said in the encoding of the request, with the
// statuses after which a sender tries again or does not.
func TestLogsRefused(t *testing.T) {
	w := newLogs(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	shipped, _, err := AddToken(w.fs, w.dir, "shipped")
	if err != nil {
		t.Fatal(err)
	}
	unknown, _, err := AddToken(w.fs, w.dir, "unknown")
	if err != nil {
		t.Fatal(err)
	}
	r := w.serve(func(o *Options) { o.MaxBody = 64 << 10; o.MaxInFlight = 600 << 10 })
	whole, err := proto.Marshal(logRequest(visits("a", 10)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, token, kind string
		header            [2]string
		body              []byte
		status            int
		says              string
		again             bool
	}{
		{"no token", "", "application/x-protobuf", [2]string{}, whole, 401, "haetae token add", false},
		{"a wrong token", "hts_none", "application/json", [2]string{}, whole, 401, "not known", false},
		{"no media type", w.token, "text/plain", [2]string{}, whole, 415, "application/x-protobuf", false},
		{"cut off", w.token, "application/x-protobuf", [2]string{}, whole[:len(whole)-3], 400, "nothing of it counts", false},
		{"the other encoding", w.token, "application/json", [2]string{}, whole, 400, "nothing of it counts", false},
		{"not packed", w.token, "application/x-protobuf", [2]string{"Content-Encoding", "gzip"}, whole, 400, "Content-Encoding", false},
		{"unknown encoding", w.token, "application/x-protobuf", [2]string{"Content-Encoding", "br"}, whole, 415, "Content-Encoding", false},
		{"too large", w.token, "application/x-protobuf", [2]string{}, make([]byte, 65<<10), 413, "larger than", false},
		{"no room for its lines", w.token, "application/json", [2]string{}, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat("{},", 20000) + `{}]}]}]}`), 503, "come back", true},
		{"a source without fields", shipped, "application/x-protobuf", [2]string{}, whole, 503, "otel.yaml", true},
		{"a source the catalog does not know", unknown, "application/x-protobuf", [2]string{}, whole, 503, "no source", true},
	} {
		header := map[string]string{"Content-Type": c.kind}
		if c.header[0] != "" {
			header[c.header[0]] = c.header[1]
		}
		status, h, body := r.call("POST", "/v1/logs", c.token, header, bytes.NewReader(c.body))
		_, message := readAnswer(t, status, c.kind == "application/json", []byte(body))
		if status != c.status || !strings.Contains(message, c.says) || (h.Get("Retry-After") != "") != c.again {
			t.Errorf("%s: %d %q, again %q; want %d %q", c.what, status, message, h.Get("Retry-After"), c.status, c.says)
		}
	}
	if n := r.count("true"); n != 0 {
		t.Errorf("%d records of requests that were refused", n)
	}
	if _, bytes := r.limits.load(); bytes != 0 {
		t.Errorf("%d bytes are reserved for nothing", bytes)
	}
}

// TestLogsDurable: what was acknowledged is there after a power cut, and a full disk
// is a reason to come back, and not to throw the logs away.
func TestLogsDurable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	w := newLogs(t, disk.NewMem(), "d")
	acked := int64(0)
	for round := range 4 {
		r := w.serve(nil)
		for n := range 3 {
			if status, _, _, _ := r.export(t, nil, n%2 == 0, logRequest(visits(fmt.Sprintf("r%d-%d-", round, n), 10)...)); status != 200 {
				t.Fatal(status)
			}
			acked += 10
		}
		crashed := w.fs.(*disk.Mem).Crash(rnd)
		r.Server.Close()
		w.fs = crashed
	}
	mem := w.fs
	faulty := disk.NewFaulty(mem)
	w.fs = faulty
	r := w.serve(nil)
	if n := r.count("true"); n != acked {
		t.Errorf("%d records after power cuts, %d were acknowledged", n, acked)
	}
	faulty.FailAt(1, syscall.ENOSPC)
	if status, h, _, message := r.export(t, nil, false, logRequest(visits("full", 5)...)); status != 503 || h.Get("Retry-After") != logsRetryAfter || !strings.Contains(message, "full") {
		t.Errorf("on a full disk: %d %s", status, message)
	}
	r.Server.Close()
	w.fs = mem
	r = w.serve(nil)
	if n := r.count("true"); n != acked {
		t.Errorf("%d records after a full disk, want %d", n, acked)
	}
	r.end()
}

// TestLogsFlood: a request of a few kilobytes that unpacks to 16 MiB of messages of
// two bytes takes little memory, whatever becomes of it.
func TestLogsFlood(t *testing.T) {
	w := newLogs(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	const size = 16<<20 - 100
	in := func(number protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), b)
	}
	filled := func(s string, n int) []byte { return []byte(strings.Repeat(s, n/len(s))) }
	const tops, records, attributes = "\x0a\x00", "\x12\x00", "\x32\x00"
	for _, test := range []struct {
		name string
		text bool
		body []byte
	}{
		{"groups", false, filled(tops, size)},
		{"records", false, in(1, in(2, filled(records, size)))},
		{"attributes", false, in(1, in(2, bytes.Repeat(in(2, filled(attributes, 1<<20)), 15)))},
		{"records as text", true, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat("{},", size/3-100) + `{}]}]}]}`)},
		{"groups as text", true, []byte(`{"resourceLogs":[` + strings.Repeat("{},", size/3-100) + `{}]}`)},
		{"attributes as text", true, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat(`{"attributes":[`+strings.Repeat("{},", 340_000)+"{}]},", 15) + `{}]}]}]}`)},
	} {
		kind := "application/x-protobuf"
		if test.text {
			kind = "application/json"
		}
		body := packed(string(test.body))
		var status int
		var got string
		runtime.GC()
		peak := peakHeap(func() {
			status, _, got = r.call("POST", "/v1/logs", w.token, map[string]string{"Content-Type": kind, "Content-Encoding": "gzip"}, strings.NewReader(body))
		})
		rejected, message := readAnswer(t, status, test.text, []byte(got))
		t.Logf("%s: %d KiB packed: %d, %d rejected, %s, peak heap %d MiB", test.name, len(body)>>10, status, rejected, message, peak>>20)
		if status != 200 && status != 503 || status == 200 && strings.Contains(test.name, "attributes") && rejected < 15 {
			t.Errorf("%s: %d, %d rejected", test.name, status, rejected)
		}
		if peak > 512<<20 {
			t.Errorf("%s: %d MiB are more than one request may take", test.name, peak>>20)
		}
	}
	if _, bytes := r.limits.load(); bytes != 0 {
		t.Errorf("%d bytes are reserved for nothing", bytes)
	}
	r.end()
}
