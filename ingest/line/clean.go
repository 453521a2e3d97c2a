package line

import (
	"bytes"
	"net/netip"
	"unicode"
	"unicode/utf8"

	"github.com/haetae/haetae/catalog"
)

// MaxAgent is how much of a user agent is kept, in bytes. Browsers send 100 to
// 300; a client chooses its own, and could otherwise fill the disk with them.
const MaxAgent = 512

// cutMark stands at the end of a text that was cut.
const cutMark = "…"

// Clean makes a free text fit to be kept and printed: control characters, those
// that change the direction of writing or take no room, and what is not UTF-8
// become "?", and a text longer than max bytes is cut. A client chooses these
// texts, and they end up on somebody's terminal.
func Clean(s []byte, max int) (text string, changed bool) {
	if len(s) <= max && isClean(s) {
		return String(s), false
	}
	out := make([]byte, 0, min(len(s), max)+len(cutMark))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsGraphic(r) {
			if len(out)+1 > max {
				return string(append(out, cutMark...)), true
			}
			out = append(out, '?')
		} else {
			if len(out)+n > max {
				return string(append(out, cutMark...)), true
			}
			out = append(out, s[i:i+n]...)
		}
		i += n
	}
	return string(out), true
}

func isClean(s []byte) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsGraphic(r) {
			return false
		}
		i += n
	}
	return true
}

// Address reads the client's address by the rule of the source. lost says that
// something stood there and it is no address: the record is kept without one.
func Address(s []byte, rule catalog.AddressRule) (a netip.Addr, lost bool) {
	if Absent(s) {
		return netip.Addr{}, false
	}
	if a = IP(s); a.IsValid() {
		return a, false
	}
	switch rule {
	case catalog.FirstAddress:
		if i := bytes.IndexByte(s, ','); i >= 0 {
			a = IP(bytes.TrimSpace(s[:i]))
		}
	case catalog.LastAddress:
		if i := bytes.LastIndexByte(s, ','); i >= 0 {
			a = IP(bytes.TrimSpace(s[i+1:]))
		}
	}
	return a, !a.IsValid()
}

// LooksJSON and LooksAccessLog tell a log of another kind than was declared, so
// that the cause can say so. They are asked about lines that were refused.
func LooksJSON(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 1 && text[0] == '{' && text[len(text)-1] == '}'
}

// LooksAccessLog looks for a time in brackets and a request in quotes behind it.
func LooksAccessLog(text []byte) bool {
	i := bytes.Index(text, []byte(" ["))
	return i > 0 && text[0] != '{' && bytes.Contains(text[i:], []byte(`] "`))
}

// Identifier gives a key of a line back if it is a short word, as the fields of a
// schema are, and "" if it may be data: some write {"m1000001": true}.
func Identifier(key string) string {
	if len(key) > 40 {
		return ""
	}
	for i := range len(key) {
		if c := key[i]; !(c|0x20 >= 'a' && c|0x20 <= 'z') && (i == 0 || c != '_' && c != '.' && c != '-') {
			return ""
		}
	}
	return key
}

// Unmarked is the beginning of a text without a byte order mark: what Windows
// writes in front of UTF-8 belongs to no line.
func Unmarked(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\ufeff")) }
