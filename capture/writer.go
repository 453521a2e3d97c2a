package capture

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// writer lets a middleware act at the last moment before an answer begins. It
// belongs to the goroutine that writes the answer.
type writer struct {
	http.ResponseWriter
	before func(http.Header) // called once, before the headers go out

	status   int // 0 until the answer begins
	hijacked bool
}

// watch wraps w, and returns what handlers get: a writer that is a Flusher and a
// Hijacker exactly if w is, so that handlers that ask by type find what they did
// without the middleware.
func watch(w http.ResponseWriter, before func(http.Header)) (*writer, http.ResponseWriter) {
	base := &writer{ResponseWriter: w, before: before}
	_, hijacks := find[http.Hijacker](w)
	switch flushes := canFlush(w); {
	case flushes && hijacks:
		return base, flushHijackWriter{flushWriter{base}}
	case flushes:
		return base, flushWriter{base}
	case hijacks:
		return base, hijackWriter{base}
	}
	return base, base
}

// find looks for an ability in w and in what it wraps.
func find[T any](w http.ResponseWriter) (T, bool) {
	for {
		if t, ok := w.(T); ok {
			return t, true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			var none T
			return none, false
		}
		w = u.Unwrap()
	}
}

func canFlush(w http.ResponseWriter) bool {
	_, a := find[http.Flusher](w)
	_, b := find[interface{ FlushError() error }](w)
	return a || b
}

// begin is the last moment at which headers can be set.
func (w *writer) begin(status int) {
	if w.status != 0 || w.hijacked {
		return
	}
	w.status = status
	w.before(w.Header())
}

// finish is called when the handler has returned: an answer without a body
// begins there.
func (w *writer) finish() { w.begin(http.StatusOK) }

func (w *writer) WriteHeader(status int) {
	// 1xx are answers before the answer; 101 is the answer.
	if status < 100 || status > 199 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// WriteString spares the copy where w does.
func (w *writer) WriteString(s string) (int, error) {
	w.begin(http.StatusOK)
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom keeps sendfile working.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	return io.Copy(w.ResponseWriter, src)
}

// FlushError is what http.ResponseController calls. It must stand on every
// writer: the controller would otherwise unwrap this one and let the headers out
// behind its back.
func (w *writer) FlushError() error {
	if !canFlush(w.ResponseWriter) {
		return http.ErrNotSupported
	}
	w.begin(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// hijack takes the connection over. What was said until now is in the header
// map, where a proxying handler finds it when it writes the answer itself.
func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	begun := w.status != 0
	if !begun {
		w.before(w.Header())
	}
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && !begun {
		w.status, w.hijacked = http.StatusSwitchingProtocols, true
	}
	return conn, rw, err
}

type flushWriter struct{ *writer }

func (w flushWriter) Flush() { w.FlushError() }

type hijackWriter struct{ *writer }

func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

type flushHijackWriter struct{ flushWriter }

func (w flushHijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

var (
	_ io.ReaderFrom   = (*writer)(nil)
	_ io.StringWriter = (*writer)(nil)
	_ http.Flusher    = flushHijackWriter{}
	_ http.Hijacker   = flushHijackWriter{}
)
