// Package syslog receives messages of syslog over TCP and TLS: it cuts the stream
// at messages (RFC 6587, RFC 5425), reads their headers (RFC 5424, and those of RFC 3164 as
// programs write them), and hands on what they carry.
//
// The central idea: syslog has no answer, so a sender believes a message to be safe
// once its own system took it. What can be done here is to hold little: a connection
// is read in windows, and nothing more of it until the messages of the last window are
// durable. What does not fit stays with the sender, whose queue is on its disk.
//
// What it is not: a syslog server. Nothing is filtered, forwarded or kept but what a
// source of the catalog is named for; and datagrams are not taken, since they are
// lost without a trace.
package syslog

import (
	"bytes"
	"strings"
	"time"

	"github.com/haetae/haetae/ingest/line"
)

// Header is what stands before a message. Its strings point into the text.
type Header struct {
	Priority int // facility * 8 + severity
	Version  int // 1: RFC 5424; 0: RFC 3164
	// Time is zero where the header has none, and has no year where it is of RFC 3164's
	// own kind.
	Time time.Time
	Host string
	App  string
}

// maxName bounds a host or a program, and so what is compared. RFC 5424 has 255.
const maxName = 255

var (
	noPriority = &line.Error{Field: "syslog", Cause: line.Header}
	bom        = []byte("\xef\xbb\xbf")
)

// Parse reads a header; what is left is the message.
func Parse(text []byte) (h Header, message []byte, bad *line.Error) {
	pri, rest, ok := priority(text)
	if !ok {
		return h, nil, noPriority
	}
	h.Priority = pri
	if after, ok := bytes.CutPrefix(rest, []byte("1 ")); ok {
		h.Version = 1
		message, ok = h.modern(after)
		if !ok {
			return h, nil, noPriority
		}
	} else {
		message = h.old(rest)
	}
	message = bytes.TrimPrefix(message, bom)
	// What marks JSON for rsyslog and others is no part of it.
	if after, ok := bytes.CutPrefix(message, []byte("@cee:")); ok {
		message = bytes.TrimLeft(after, " ")
	}
	return h, message, nil
}

func priority(text []byte) (pri int, rest []byte, ok bool) {
	if len(text) < 3 || text[0] != '<' {
		return 0, nil, false
	}
	for i, c := range text[1:min(len(text), 5)] {
		switch {
		case c == '>' && i > 0:
			return pri, text[i+2:], pri <= 191
		case c < '0' || c > '9':
			return 0, nil, false
		}
		pri = pri*10 + int(c-'0')
	}
	return 0, nil, false
}

// word cuts at the next space.
func word(text []byte) (w, rest []byte) {
	w, rest, _ = bytes.Cut(text, []byte(" "))
	return w, rest
}

// modern reads what is behind the version: TIMESTAMP HOST APP PROCID MSGID DATA MSG.
func (h *Header) modern(text []byte) (message []byte, ok bool) {
	var stamp, host, app, proc, id []byte
	stamp, text = word(text)
	host, text = word(text)
	app, text = word(text)
	proc, text = word(text)
	id, text = word(text)
	if len(stamp) == 0 || len(host) == 0 || len(app) == 0 || len(proc) == 0 || len(id) == 0 || len(host) > maxName || len(app) > maxName {
		return nil, false
	}
	if !isNil(stamp) {
		t, err := time.Parse(time.RFC3339Nano, line.String(stamp))
		if err != nil {
			return nil, false
		}
		h.Time = t
	}
	if !isNil(host) {
		h.Host = line.String(host)
	}
	if !isNil(app) {
		h.App = line.String(app)
	}
	if text, ok = data(text); !ok {
		return nil, false
	}
	return bytes.TrimPrefix(text, []byte(" ")), true
}

func isNil(w []byte) bool { return len(w) == 1 && w[0] == '-' }

// data passes over STRUCTURED-DATA: "-", or elements in brackets with quoted values in
// which a backslash stands before a quote, a bracket and itself.
func data(text []byte) (rest []byte, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		return text[1:], len(text) == 1 || text[1] == ' '
	}
	if len(text) == 0 || text[0] != '[' {
		return nil, false
	}
	for len(text) > 0 && text[0] == '[' {
		quoted := false
		end := -1
		for i := 1; i < len(text); i++ {
			switch c := text[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case c == ']' && !quoted:
				end = i
			}
			if end >= 0 {
				break
			}
		}
		if end < 0 {
			return nil, false
		}
		text = text[end+1:]
	}
	return text, len(text) == 0 || text[0] == ' '
}

// old reads what is behind the priority as programs write it: a time, of RFC 3164's own
// kind or of RFC 3339, a host, a tag with a process in brackets, a colon. Each of them may
// be left out, and a header that is not understood is part of the message.
func (h *Header) old(text []byte) (message []byte) {
	text = bytes.TrimPrefix(text, []byte(" "))
	rest, stamped := h.stamp(text)
	if !stamped {
		if app, rest, ok := tag(text, true); ok {
			h.App = app
			return rest
		}
		return text
	}
	if app, rest, ok := tag(rest, true); ok { // nginx: nohostname
		h.App = app
		return rest
	}
	host, after := word(rest)
	if len(host) == 0 || len(host) > maxName || !plain(host) {
		return rest
	}
	h.Host = line.String(host)
	if app, rest, ok := tag(after, false); ok {
		h.App = app
		return rest
	}
	return after
}

// stamps are the times in front of RFC 3164's messages: its own, with the day padded by
// a space or, wrongly, by a zero.
const stampLength = len("Jan _2 15:04:05")

func (h *Header) stamp(text []byte) (rest []byte, ok bool) {
	if len(text) > stampLength && text[stampLength] == ' ' {
		for _, layout := range []string{"Jan _2 15:04:05", "Jan 02 15:04:05"} {
			if t, err := time.Parse(layout, line.String(text[:stampLength])); err == nil {
				h.Time = t
				return text[stampLength+1:], true
			}
		}
	}
	w, rest := word(text)
	if len(w) < len("2006-01-02T15:04:05Z") || len(rest) == 0 {
		return text, false
	}
	t, err := time.Parse(time.RFC3339Nano, line.String(w))
	if err != nil {
		return text, false
	}
	h.Time = t
	return rest, true
}

// tag reads TAG: or TAG[PROCESS]: and one space behind it. spaced: there must be one, or
// an address of a host would be a tag.
func tag(text []byte, spaced bool) (app string, rest []byte, ok bool) {
	end := 0
	for end < len(text) && end <= maxName && inTag(text[end]) {
		end++
	}
	if end == 0 || end > maxName || end == len(text) {
		return "", nil, false
	}
	rest = text[end:]
	if rest[0] == '[' {
		i := bytes.IndexByte(rest[:min(len(rest), 64)], ']')
		if i < 0 {
			return "", nil, false
		}
		rest = rest[i+1:]
	}
	if len(rest) == 0 || rest[0] != ':' || spaced && len(rest) > 1 && rest[1] != ' ' {
		return "", nil, false
	}
	return line.String(text[:end]), bytes.TrimPrefix(rest[1:], []byte(" ")), true
}

func inTag(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-_./@", c) >= 0
}

// plain: it may be the name of a host or an address, and no part of a message.
func plain(w []byte) bool {
	for _, c := range w {
		if !inTag(c) && c != ':' && c != '%' {
			return false
		}
	}
	return true
}
