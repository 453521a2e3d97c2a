package guess

import (
	"bytes"
	"slices"
	"strings"

	"github.com/haetae/haetae/ingest/line"
)

// What a value is by its looks.

func isDigits(v []byte) bool {
	return len(v) > 0 && !bytes.ContainsFunc(v, func(r rune) bool { return r < '0' || r > '9' })
}

// isAddress is stricter than line.IP: a number with a colon is no address.
func isAddress(v []byte) bool {
	return len(v) >= 3 && bytes.ContainsAny(v, ".:") && line.IP(v).IsValid()
}

// isChain knows the addresses that proxies string together.
func isChain(v []byte) bool {
	first, rest, ok := bytes.Cut(v, []byte(","))
	return ok && isAddress(bytes.TrimSpace(first)) && len(bytes.TrimSpace(rest)) > 0
}

func isUUID(v []byte) bool {
	if len(v) != 36 {
		return false
	}
	for i, c := range v {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "REPORT", "SEARCH", "QUERY"}

func isMethod(s string) bool { return slices.Contains(methods, strings.ToUpper(s)) }

// isRequest knows the first line of a request: method, address, protocol.
func isRequest(v []byte) bool {
	f := bytes.Fields(v)
	return len(f) == 3 && isMethod(string(f[0])) && bytes.HasPrefix(f[2], []byte("HTTP/"))
}

// isAgent knows what browsers and programs call themselves.
func isAgent(v []byte) bool {
	if bytes.HasPrefix(v, []byte("Mozilla/")) {
		return true
	}
	name, version, ok := bytes.Cut(v, []byte("/"))
	return ok && len(name) > 2 && len(name) < 30 && len(version) > 0 && version[0] >= '0' && version[0] <= '9' &&
		!bytes.ContainsFunc(name, func(r rune) bool { return (r|0x20 < 'a' || r|0x20 > 'z') && r != '-' && r != '_' })
}

// isOpaque knows what may open something by itself though it is no JSON web token: so
// long that nobody made it up, and neither a UUID nor a hash of 32 digits, as ids are.
func isOpaque(v []byte) bool {
	if len(v) <= 40 || bytes.ContainsAny(v, " ,;:") || v[0] == '/' {
		return false
	}
	digits, letters := 0, 0
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters++
		}
	}
	return digits > 3 && letters > 10
}

// isZoned reports whether a time that can be read names its zone.
func isZoned(v []byte) bool {
	if isDigits(bytes.ReplaceAll(v, []byte("."), nil)) {
		return true // since 1970
	}
	if len(v) < 20 {
		return false
	}
	rest := v[19:]
	return rest[len(rest)-1]|0x20 == 'z' || bytes.ContainsAny(rest, "+-")
}
