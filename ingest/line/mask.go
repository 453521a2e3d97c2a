package line

import "bytes"

// Span is a piece of a line, from one byte up to another.
type Span struct{ From, To int }

// Mask covers, in place, whatever in a line opens something: values a decoder
// refused for that, JSON web tokens, what stands behind an authentication scheme,
// and the values of keys and headers that carry secrets. A line that is set aside
// is kept, sealed; what could be used must not be kept at all, so rather too much
// is covered than too little. The length stays, so that places in the line do.
func Mask(text []byte, refused ...Span) {
	for _, s := range refused {
		cover(text, s.From, s.To)
	}
	maskTokens(text)
	for i := 0; i < len(text); i++ {
		if i > 0 && isAlnum(text[i-1]) || !isAlnum(text[i]) {
			continue
		}
		if n := schemeAt(text[i:]); n > 0 {
			if from := i + n + separators(text[i+n:]); from > i+n {
				to := from
				for to < len(text) && isTokenByte(text[to]) {
					to++
				}
				cover(text, from, to)
			}
		}
		if n, whole := secretKeyAt(text[i:]); n > 0 {
			maskValue(text, i+n, whole)
		}
	}
}

// cover leaves quotes, brackets and the like where they are.
func cover(text []byte, from, to int) {
	for i := max(from, 0); i < min(to, len(text)); i++ {
		if c := text[i]; c > ' ' && c != '"' && c != '\\' {
			text[i] = '*'
		}
	}
}

// maskTokens covers JSON web tokens: base64 of a JSON object begins with eyJ. A
// token that is cut off, or only its head, is covered as well.
func maskTokens(text []byte) {
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("eyJ"))
		if i < 0 {
			return
		}
		from := at + i
		to := from
		for to < len(text) && isTokenByte(text[to]) {
			to++
		}
		if to-from > 10 {
			cover(text, from, to)
		}
		at = to
	}
}

func isAlnum(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// isTokenByte knows base64 in all its alphabets, and as it stands in a URL.
func isTokenByte(c byte) bool {
	switch c {
	case '-', '.', '_', '~', '+', '/', '=', '%', '*':
		return true
	}
	return isAlnum(c)
}

// schemes of RFC 9110 and its registry behind which stands something usable.
var schemes = []string{"bearer", "basic", "negotiate", "ntlm", "dpop", "digest"}

func schemeAt(s []byte) int {
	for _, w := range schemes {
		if hasFold(s, w) && (len(s) == len(w) || !isAlnum(s[len(w)])) {
			return len(w)
		}
	}
	return 0
}

// separators counts what stands between a scheme and its value, in a header, in
// a query or in JSON.
func separators(s []byte) int {
	n := 0
	for n < len(s) {
		switch rest := s[n:]; {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '+' || rest[0] == ':' || rest[0] == '=':
			n++
		case hasFold(rest, "%20") || hasFold(rest, "%3a") || hasFold(rest, "%3d"):
			n += 3
		case hasFold(rest, `\u0020`):
			n += 6
		default:
			return n
		}
	}
	return n
}

// secretKeys are keys and headers whose value is a secret. whole: the value goes
// to the end of its quotes or of the line, for it has blanks in it.
var secretKeys = []struct {
	name  string
	whole bool
}{
	{"authorization", true}, {"cookie", true}, {"access_token", false}, {"refresh_token", false}, {"id_token", false},
	{"auth_token", false}, {"x-auth-token", false}, {"api_key", false}, {"apikey", false}, {"x-api-key", false},
	{"client_secret", false}, {"secret", false}, {"password", false}, {"passwd", false}, {"pwd", false}, {"jsessionid", false},
	{"phpsessid", false},
}

func secretKeyAt(s []byte) (n int, whole bool) {
	for _, k := range secretKeys {
		if hasFold(s, k.name) && (len(s) == len(k.name) || !isAlnum(s[len(k.name)])) {
			return len(k.name), k.whole
		}
	}
	return 0, false
}

// maskValue covers the value of the key that ends at a byte.
func maskValue(text []byte, at int, whole bool) {
	quote := func() bool {
		if at < len(text) && text[at] == '\\' {
			at++
		}
		if at < len(text) && (text[at] == '"' || text[at] == '\'') {
			at++
			return true
		}
		return false
	}
	blanks := func() {
		for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
			at++
		}
	}
	quote()
	blanks()
	switch {
	case at < len(text) && (text[at] == ':' || text[at] == '='):
		at++
	case at+3 <= len(text) && (hasFold(text[at:], "%3d") || hasFold(text[at:], "%3a")):
		at += 3
	default:
		return
	}
	blanks()
	quoted := quote()
	to := at
	for to < len(text) {
		c := text[to]
		if c == '\\' && quoted && to+1 < len(text) {
			if text[to+1] == '"' && to > at && text[at-2] == '\\' {
				break // a quote that was escaped as a whole
			}
			to += 2
			continue
		}
		if c == '"' || c == '\'' && quoted || !quoted && !whole && (c == '&' || c == ',' || c == ';' || c == ' ' || c == '}') {
			break
		}
		to++
	}
	cover(text, at, to)
}

func hasFold(s []byte, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// Usable reports whether a value opens something by itself: a JSON web token,
// signed or encrypted, or anything behind an authentication scheme.
func Usable(s []byte) bool {
	if len(s) < 5 {
		return false
	}
	switch s[0] | 0x20 {
	case 'b', 'n', 'd':
		n := schemeAt(s)
		return n > 0 && n < len(s) && (s[n] == ' ' || s[n] == '\t')
	case 'e':
		return len(s) > 20 && bytes.HasPrefix(s, []byte("eyJ")) && bytes.Count(s, []byte(".")) >= 2
	}
	return false
}
