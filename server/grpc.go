package server

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// OTLP over gRPC is one method with one message each way, over the HTTP/2 that the
// standard library speaks without TLS on the same listener: a prefix of five bytes
// before a message, and the outcome in trailers. Whose logs they are, what is taken
// and what is answered is what POST /v1/logs says; this file only carries it.
// docs/decisions/0013-grpc-by-hand.md says why no library does.

// grpcPath is the method of OpenTelemetry's exporters.
const grpcPath = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

// Statuses of gRPC.
const (
	grpcOK              = 0
	grpcInvalid         = 3
	grpcExhausted       = 8
	grpcUnimplemented   = 12
	grpcInternal        = 13
	grpcUnavailable     = 14
	grpcUnauthenticated = 16
)

func (s *Server) postGRPC(w http.ResponseWriter, r *http.Request) {
	kind := r.Header.Get("Content-Type")
	if r.ProtoMajor < 2 || kind != "application/grpc" && kind != "application/grpc+proto" {
		refuse(w, http.StatusUnsupportedMediaType, "media_type", "this is a method of gRPC: send application/grpc over HTTP/2")
		return
	}
	g := &grpcWriter{ResponseWriter: w, header: http.Header{}}
	one := r.Clone(r.Context())
	one.Header.Set("Content-Type", "application/x-protobuf")
	one.Header.Del("Content-Encoding")
	var prefix [5]byte
	_, err := io.ReadFull(r.Body, prefix[:])
	size := int64(binary.BigEndian.Uint32(prefix[1:]))
	switch {
	case err != nil || prefix[0] > 1:
		g.end(grpcInvalid, "the request is no message of gRPC; nothing of it counts", "")
		return
	case prefix[0] == 1:
		packed := r.Header.Get("Grpc-Encoding")
		if packed == "" || packed == "identity" {
			g.end(grpcInvalid, "the message is packed and grpc-encoding does not say how", "")
			return
		}
		one.Header.Set("Content-Encoding", packed)
	}
	one.Body, one.ContentLength = &oneMessage{r.Body, size}, size
	s.postLogs(g, one)
	g.finish()
}

// oneMessage is a body that ends where its message does, and not before.
type oneMessage struct {
	io.ReadCloser
	left int64
}

var errSecondMessage = errors.New("more than one message")

func (m *oneMessage) Read(p []byte) (int, error) {
	if m.left == 0 {
		var more [1]byte
		n, err := m.ReadCloser.Read(more[:])
		if n > 0 {
			err = errSecondMessage
		}
		return 0, err
	}
	n, err := m.ReadCloser.Read(p[:min(int64(len(p)), m.left)])
	if m.left -= int64(n); err == io.EOF && m.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// grpcWriter keeps the answer of POST /v1/logs until it is whole.
type grpcWriter struct {
	http.ResponseWriter
	header http.Header
	status int
	body   []byte
}

// Unwrap lets http.ResponseController find the connection.
func (g *grpcWriter) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *grpcWriter) Header() http.Header { return g.header }

func (g *grpcWriter) WriteHeader(status int) {
	if g.status == 0 {
		g.status = status
	}
}

func (g *grpcWriter) Write(b []byte) (int, error) {
	g.WriteHeader(http.StatusOK)
	g.body = append(g.body, b...)
	return len(b), nil
}

// finish answers as gRPC what was answered as HTTP. The statuses are those that the
// specification of OTLP gives the same meaning: which of them a sender tries again.
func (g *grpcWriter) finish() {
	if g.status == http.StatusOK {
		w := g.ResponseWriter
		w.Header().Set("Content-Type", "application/grpc")
		w.WriteHeader(http.StatusOK)
		prefix := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(g.body)))
		w.Write(append(prefix, g.body...))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", strconv.Itoa(grpcOK))
		return
	}
	code := grpcInternal
	switch g.status {
	case http.StatusBadRequest:
		code = grpcInvalid
	case http.StatusUnauthorized:
		code = grpcUnauthenticated
	case http.StatusRequestEntityTooLarge:
		code = grpcExhausted // without a time to come back: it is not sent again
	case http.StatusUnsupportedMediaType:
		code = grpcUnimplemented
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		code = grpcUnavailable
	}
	g.end(code, messageOf(g.body), g.header.Get("Retry-After"))
}

// end answers with a status alone.
func (g *grpcWriter) end(code int, message, after string) {
	h := g.ResponseWriter.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(code))
	h.Set("Grpc-Message", grpcText(message))
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil && code == grpcUnavailable {
		h.Set("Grpc-Status-Details-Bin", retryInfo(code, message, seconds))
	}
	g.ResponseWriter.WriteHeader(http.StatusOK)
}

// messageOf is the message of a google.rpc.Status, as otlp.Refused writes it.
func messageOf(status []byte) string {
	for len(status) > 0 {
		n, kind, k := protowire.ConsumeTag(status)
		if k < 0 {
			break
		}
		status = status[k:]
		if n == 2 && kind == protowire.BytesType {
			s, _ := protowire.ConsumeString(status)
			return s
		}
		if k = protowire.ConsumeFieldValue(n, kind, status); k < 0 {
			break
		}
		status = status[k:]
	}
	return ""
}

// grpcText writes a message into a header: bytes that are not printable ASCII, and the
// percent sign, as %XX.
func grpcText(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// retryInfo is a google.rpc.Status that says when to come back, in base64.
func retryInfo(code int, message string, seconds uint64) string {
	field := func(b []byte, n protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	number := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
	}
	delay := field(nil, 1, number(1, seconds)) // RetryInfo{retry_delay: Duration{seconds}}
	detail := field(field(nil, 1, []byte("type.googleapis.com/google.rpc.RetryInfo")), 2, delay)
	status := field(field(number(1, uint64(code)), 2, []byte(message)), 3, detail)
	return base64.RawStdEncoding.EncodeToString(status)
}
