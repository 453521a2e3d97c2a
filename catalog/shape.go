package catalog

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/haetae/haetae/event"
)

// The shape of a path no template describes: its words, with everything else
// lifted out.
//
//	/api/v2/users/m1000001/cards/77   →  /api/v2/users/{account}/cards/{}
//	/doctor/kimyounghee/appointments  →  /doctor/{word}/appointments
//
// {account} is an id that fits the catalog's account pattern; the first of them
// is kept beside the record (as a pseudonym), so that the route can be mapped
// later without the raw log. {word} is a lifted segment of letters, {} any other.
//
// A path is personal data until shown otherwise, and a shape is stored and
// printed in the clear. So a segment stays only if it is known to be a word: by
// the list in words.go, or by the catalog (a literal of a template, or words).
// No count of how many accounts ask for it could show the same: a popular
// doctor's name is asked for by many. What is lifted in error is told apart from
// nothing, see matchStored.
const (
	liftedID      = "{}"
	liftedWord    = "{word}"
	liftedAccount = "{account}"
	shapeRest     = "…" // the path went on
)

// Bounds of a shape: what a real API needs, and so little that a scanner's
// flood cannot fill the table of shapes with long ones.
const (
	maxShapeDepth = 12
	maxShapeBytes = 200
	maxWord       = 40
)

// Shape gives the shape of a request under a catalog without any template, for
// looking at a log before there is a catalog.
func Shape(methodName, uri string) string {
	var r Resolution
	r.parts.cut(uri)
	r.method = methodOf(methodName)
	b, _ := (*Catalog)(nil).appendShape(nil, &r)
	return string(b)
}

// Shape gives the shape of a request and the account lifted out of it, if any.
func (c *Catalog) Shape(methodName, uri string) (string, event.AccountID) {
	var r Resolution
	r.parts.cut(uri)
	r.method = methodOf(methodName)
	b, i := c.appendShape(nil, &r)
	if i < 0 {
		return string(b), ""
	}
	return string(b), event.AccountID(r.parts.kept(i))
}

// appendShape also returns the number of the segment that holds the account,
// or -1. Without an account pattern nothing can be told to be an account.
func (c *Catalog) appendShape(dst []byte, r *Resolution) ([]byte, int) {
	p := &r.parts
	account := -1
	start := len(dst)
	dst = append(dst, methodNames[r.method]...)
	dst = append(dst, ' ')
	if p.count == 0 && !p.deeper {
		return append(dst, '/'), account
	}
	behindPeople := false
	for i := range p.count {
		s := p.text(i)
		lifted := p.segments[i].lifted
		keep := !lifted && (i < r.words || c != nil && c.words[s] || keptWord(s, behindPeople))
		fits := !keep && c != nil && c.pattern != nil && len(s) <= maxIDBytes && c.pattern.match(s)
		if fits && account < 0 {
			account = i
		}
		if i == maxShapeDepth || len(dst)-start > maxShapeBytes-maxWord {
			return append(append(dst, '/'), shapeRest...), account
		}
		dst = append(dst, '/')
		switch {
		case keep:
			dst = append(dst, s...)
		case fits:
			dst = append(dst, liftedAccount...)
		case lifted:
			dst = append(dst, liftedID...)
		default:
			dst = append(dst, liftedAs(s)...)
		}
		behindPeople = keep && isPeopleWord(s)
	}
	if p.deeper {
		dst = append(append(dst, '/'), shapeRest...)
	}
	return dst, account
}

// maxIDBytes is the longest id taken for an account.
const maxIDBytes = 256

// liftedAs says what stands in a shape for a segment that is no account.
func liftedAs(s string) string {
	// A hundred bytes are 33 letters of Hangul; what is longer is a token.
	if len(s) > 100 {
		return liftedID
	}
	letters := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			if !isForeignWord(s) {
				return liftedID
			}
			return liftedWord
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters = true
		case c != '-' && c != '_' && c != '.':
			return liftedID
		}
	}
	if letters {
		return liftedWord
	}
	return liftedID
}

func isForeignWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '-' && r != '_' && r != '.'
	})
}

// keptWord reports whether a segment is known to be a word of APIs. Behind a word
// that names people only few are: /users/search, but not /users/price.
func keptWord(s string, behindPeople bool) bool {
	if s == "" || len(s) > maxWord {
		return false
	}
	if use := knownWords[s]; use != 0 {
		return !behindPeople || use&afterPeople != 0
	}
	if len(s) == 1 { // /p/, /t/: too little to be anybody, unless behind people
		return !behindPeople && isLower(s[0])
	}
	if isVersion(s) || knownFiles[s] {
		return true
	}
	return isCompound(s, behindPeople)
}

// NamesPeople reports whether a segment of a path, or a key, is a word for people:
// what stands behind it is somebody's name or id, unless it is another such word.
func NamesPeople(word string) bool { return word != "" && isPeopleWord(word) }

// IsWord reports whether a segment is known to be a word of APIs, so that a shape
// keeps it.
func IsWord(segment string) bool { return keptWord(segment, false) }

func isPeopleWord(s string) bool {
	if use := knownWords[s]; use != 0 || isLower(s[0]) || len(s) > maxWord {
		return use&namesPeople != 0
	}
	var buf [maxWord]byte
	for i := range len(s) {
		buf[i] = s[i]
		if s[i] >= 'A' && s[i] <= 'Z' {
			buf[i] |= 0x20
		}
	}
	return knownWords[string(buf[:len(s)])]&namesPeople != 0
}

// isVersion knows v2 and v1.1, of which there are a thousand and no more.
func isVersion(s string) bool {
	if s[0] != 'v' || len(s) < 2 || !isDigit(s[1]) {
		return false
	}
	rest := s[2:]
	if rest != "" && isDigit(rest[0]) {
		rest = rest[1:]
	}
	return rest == "" || len(rest) == 2 && rest[0] == '.' && isDigit(rest[1])
}

// isCompound reports whether every part of a segment is a known word:
// getMemberAddressList.do, order-history, Users, user:search. Parts end at - _ .
// : and where a capital begins a word, so that of the many ways to write a word
// in capitals few are kept.
func isCompound(s string, behindPeople bool) bool {
	if i := strings.LastIndexByte(s, '.'); i > 0 {
		switch ending := s[i+1:]; {
		case fileEndings[ending]:
			return false // not one of knownFiles
		case pageEndings[ending]:
			s = s[:i]
		}
	}
	var buf [maxWord]byte
	n, parts := 0, 0
	part := func() bool {
		use := knownWords[string(buf[:n])]
		n = 0
		parts++
		return use != 0 && (!behindPeople || use&afterPeople != 0)
	}
	upper := false // the part so far is in capitals
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isLower(c):
			if upper && n > 1 { // XMLData: the last capital begins a word
				last := buf[n-1]
				n--
				if !part() {
					return false
				}
				buf[0], n = last, 1
			}
			buf[n], n, upper = c, n+1, false
		case c >= 'A' && c <= 'Z':
			if n > 0 && !upper && !part() {
				return false
			}
			buf[n], n, upper = c|0x20, n+1, true
		case c == '-' || c == '_' || c == '.' || c == ':':
			if n == 0 || !part() {
				return false
			}
			upper = false
		default:
			return false
		}
	}
	return n > 0 && part() && parts <= maxParts
}

// maxParts is more than the longest name of a function has.
const maxParts = 8

func isLetter(c byte) bool { return isLower(c|0x20) && c|0x20 >= 'a' }
