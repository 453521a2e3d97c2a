package line

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxOutline is how much of an outline is shown, in characters: an address and a
// time fit, a sentence does not.
const maxOutline = 40

// Outline is the form of a value without the value: letters become a or A, Hangul
// 가, other scripts x, digits #. Punctuation in ASCII stays, since it is what tells
// a date from a phone number. A person sees from it whether a field landed in the
// right place, and learns nobody's data.
func Outline(s []byte) string {
	var b strings.Builder
	n := 0
	for len(s) > 0 {
		if n == maxOutline {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRune(s)
		s = s[size:]
		n++
		switch {
		case r >= 'a' && r <= 'z':
			b.WriteByte('a')
		case r >= 'A' && r <= 'Z':
			b.WriteByte('A')
		case unicode.IsDigit(r):
			b.WriteByte('#')
		case unicode.Is(unicode.Hangul, r):
			b.WriteString("가")
		case unicode.IsLetter(r) || unicode.IsMark(r):
			b.WriteByte('x')
		case r > ' ' && r < 0x7f || r == ' ':
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
