package server

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	logs "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/haetae/haetae/internal/disk"
)

// grpcCall sends one message as a client of gRPC does, and gives its outcome.
func (r *running) grpcCall(t *testing.T, header map[string]string, body []byte) (status, message string, answer []byte, details string) {
	t.Helper()
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &p}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest("POST", "http://"+r.Addr()+grpcPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"Content-Type": "application/grpc", "Te": "trailers", "Authorization": "Bearer " + r.w.token} {
		req.Header.Set(k, v)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/grpc" {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	of := func(name string) string { return res.Trailer.Get(name) + res.Header.Get(name) }
	message, err = url.PathUnescape(of("Grpc-Message"))
	if err != nil {
		t.Error(err)
	}
	return of("Grpc-Status"), message, answer, of("Grpc-Status-Details-Bin")
}

func grpcMessage(t *testing.T, packed bool, req *logs.LogsData) []byte {
	t.Helper()
	b, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return framed(packed, b)
}

func framed(pack bool, b []byte) []byte {
	flag := byte(0)
	if pack {
		flag, b = 1, []byte(packed(string(b)))
	}
	return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(len(b))), b...)
}

// TestGRPC: the method of OpenTelemetry's exporters takes what POST /v1/logs takes and
// answers with its words, in the statuses of gRPC.
func TestGRPC(t *testing.T) {
	w := newLogs(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	r := w.serve(func(o *Options) { o.MaxBody, o.MaxPerSource = 1<<20, 1 })
	ask := func(what string, header map[string]string, body []byte, want, says string) []byte {
		t.Helper()
		status, message, answer, _ := r.grpcCall(t, header, body)
		if status != want || !strings.Contains(message, says) || strings.Contains(message, "m100") {
			t.Errorf("%s: status %s %q, want %s %q", what, status, message, want, says)
		}
		return answer
	}
	empty := []byte{0, 0, 0, 0, 0}
	if got := ask("plain", nil, grpcMessage(t, false, logRequest(visits("a", 10)...)), "0", ""); !bytes.Equal(got, empty) {
		t.Errorf("answers %x", got)
	}
	ask("packed", map[string]string{"Grpc-Encoding": "gzip"}, grpcMessage(t, true, logRequest(visits("b", 10)...)), "0", "")
	ask("not packed, though others are", map[string]string{"Grpc-Encoding": "gzip"}, grpcMessage(t, false, logRequest(visits("c", 10)...)), "0", "")
	ask("again", nil, grpcMessage(t, false, logRequest(visits("a", 10)...)), "0", "")
	if n := r.count("true"); n != 30 {
		t.Errorf("%d records", n)
	}
	bad := logRecord(3, map[string]any{"url.path": "/x", "session.id": "Bearer abcdefghijkl"})
	got := ask("in part", nil, grpcMessage(t, false, logRequest(append(visits("d", 2), bad)...)), "0", "")
	if len(got) < 6 || int(binary.BigEndian.Uint32(got[1:])) != len(got)-5 {
		t.Fatalf("answers %x", got)
	}
	if rejected, message := readAnswer(t, 200, false, got[5:]); rejected != 1 || !strings.Contains(message, "log record 3 of the request") {
		t.Errorf("%d rejected: %s", rejected, message)
	}
	good := grpcMessage(t, false, logRequest(visits("e", 1)...))
	ask("no token", map[string]string{"Authorization": ""}, good, "16", "Authorization: Bearer TOKEN")
	ask("another token", map[string]string{"Authorization": "Bearer hts_x"}, good, "16", "this token is not known")
	ask("no message", nil, nil, "3", "no message of gRPC")
	ask("flag", nil, append([]byte{2}, good[1:]...), "3", "no message of gRPC")
	ask("packed by nothing", nil, append([]byte{1}, good[1:]...), "3", "grpc-encoding")
	ask("packed by something else", map[string]string{"Grpc-Encoding": "snappy"}, append([]byte{1}, good[1:]...), "12", "Content-Encoding")
	ask("cut", nil, good[:len(good)-1], "3", "nothing of it counts")
	ask("two messages", nil, append(append([]byte(nil), good...), good...), "3", "nothing of it counts")
	ask("no request", nil, framed(false, []byte("\xff\xff")), "3", "no ExportLogsServiceRequest")
	ask("too large", nil, []byte{0, 0x7f, 0xff, 0xff, 0xff}, "8", "larger than 1048576 bytes")
	ask("too large unpacked", map[string]string{"Grpc-Encoding": "gzip"}, framed(true, make([]byte, 2<<20)), "8", "larger than")
	if n := r.count("true"); n != 32 {
		t.Errorf("%d records", n)
	}
	// Who comes when there is no room is told when to come back.
	r.limits.enter("otel")
	status, message, _, details := r.grpcCall(t, nil, good)
	raw, err := base64.RawStdEncoding.DecodeString(details)
	if status != "14" || message == "" || err != nil || !bytes.Contains(raw, []byte("google.rpc.RetryInfo")) {
		t.Errorf("%s %q %q %v", status, message, raw, err)
	}
	r.limits.leave("otel", 0)
	// It is no address for anybody else.
	if status, _, said := r.call("POST", grpcPath, w.token, map[string]string{"Content-Type": "application/grpc"}, bytes.NewReader(good)); status != 415 || !strings.Contains(said, "HTTP/2") {
		t.Errorf("%d %s", status, said)
	}
	if requests, held := r.limits.load(); requests != 0 || held != 0 {
		t.Errorf("%d requests hold %d bytes", requests, held)
	}
	r.end()
}

func TestGRPCText(t *testing.T) {
	for in, want := range map[string]string{"plain": "plain", "100%": "100%25", "회원\n": "%ED%9A%8C%EC%9B%90%0A"} {
		if got := grpcText(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
		if back, err := url.PathUnescape(grpcText(in)); err != nil || back != in {
			t.Errorf("%q comes back as %q", in, back)
		}
	}
}

// FuzzOneMessage: whatever pieces a body comes in, what is read is the message, whole,
// or an error.
func FuzzOneMessage(f *testing.F) {
	f.Add([]byte("abc"), 3, 1)
	f.Add([]byte("abcd"), 3, 2)
	f.Add([]byte("ab"), 3, 9)
	f.Fuzz(func(t *testing.T, body []byte, size, piece int) {
		if size < 0 || size > 1<<16 {
			return
		}
		m := &oneMessage{io.NopCloser(bytes.NewReader(body)), int64(size)}
		var got []byte
		var err error
		for p := make([]byte, 1+(piece&63)); err == nil; {
			var n int
			n, err = m.Read(p)
			got = append(got, p[:n]...)
		}
		if whole := err == io.EOF; whole != (len(body) == size) || whole && !bytes.Equal(got, body) {
			t.Fatal(fmt.Sprint(len(got), " of ", size, ": ", err))
		}
	})
}
