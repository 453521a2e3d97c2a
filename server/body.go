package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A request's body is read whole before any of it is decoded: it becomes one
// journal entry, so all of it counts or none. What it may take is reserved piece
// by piece, before the piece is read.

var (
	errTooLarge = errors.New("larger than the server takes in one request")
	errNoRoom   = errors.New("no room")
	errEncoding = errors.New("unknown content encoding")
)

// zstdWindow is the largest window of the encoders in use at their usual levels.
const zstdWindow = 8 << 20

// decoders are kept since each holds its window.
var (
	gzipReaders sync.Pool
	zstdReaders sync.Pool
)

// bodyPiece is what is reserved and read at a time.
const bodyPiece = 256 << 10

// readBody returns the decompressed body and how many bytes were reserved,
// which the caller gives back when the request is done, whatever the error.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (body []byte, reserved int64, err error) {
	max := s.opts.MaxBody
	if r.ContentLength > max {
		return nil, 0, errTooLarge
	}
	raw := io.Reader(http.MaxBytesReader(w, r.Body, max))
	in := raw
	take := func(n int64) error {
		if !s.limits.take(n) {
			return errNoRoom
		}
		reserved += n
		return nil
	}
	switch strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))) {
	case "", "identity":
	case "gzip", "x-gzip":
		z, ok := gzipReaders.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		defer gzipReaders.Put(z)
		if err := z.Reset(raw); err != nil {
			return nil, reserved, err
		}
		in = z
	case "zstd":
		// The window is the sender's choice, so it is reserved like the body.
		if err := take(zstdWindow); err != nil {
			return nil, reserved, err
		}
		z, ok := zstdReaders.Get().(*zstd.Decoder)
		if !ok {
			z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
			if err != nil {
				return nil, reserved, err
			}
		}
		defer zstdReaders.Put(z)
		defer z.Reset(nil)
		if err := z.Reset(raw); err != nil {
			return nil, reserved, err
		}
		in = z
	default:
		return nil, reserved, errEncoding
	}
	size := int64(bodyPiece)
	if in == raw && r.ContentLength >= 0 {
		size = r.ContentLength + 1
	}
	if err := take(size); err != nil {
		return nil, reserved, err
	}
	body = make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			grown := min(int64(cap(body))*2, max+1)
			if int64(len(body)) > max {
				return nil, reserved, errTooLarge
			}
			if err := take(grown); err != nil { // old and new exist side by side
				return nil, reserved, err
			}
			next := make([]byte, len(body), grown)
			copy(next, body)
			body = next
		}
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > max {
			return nil, reserved, errTooLarge
		}
		if errors.Is(err, io.EOF) {
			return body, reserved, nil
		}
		if err != nil {
			return nil, reserved, err
		}
	}
}

// ndjsonTypes are the media types under which lines of JSON are sent.
func isNDJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch t {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json", "text/plain":
		return true
	}
	return false
}
