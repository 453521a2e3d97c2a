package jsonlines

import (
	"encoding/binary"
	"math/bits"
)

// howWritten says what a string is made of.
type howWritten uint8

const (
	unended   howWritten = iota // it does not end
	printable                   // ASCII, nothing to be unescaped
	odd                         // nothing to be unescaped, but control characters or beyond ASCII
	escaped                     // with a backslash
)

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// zeros marks the zero bytes of w in their highest bit. Above a zero byte a mark
// may be false, so only the lowest one counts.
func zeros(w uint64) uint64 { return (w - ones) &^ w & high }

// str reads a string, to behind its closing quote, and returns its inside. Eight
// bytes are looked at in one step: most values of a log are shorter than what the
// call of a vector routine costs.
func (st *state) str() ([]byte, howWritten) {
	s := st.s
	if st.at >= len(s) || s[st.at] != '"' {
		return nil, unended
	}
	from := st.at + 1
	at, how := from, printable
	for ; at+8 <= len(s); at += 8 {
		w := binary.LittleEndian.Uint64(s[at:])
		stop := zeros(w^'"'*ones) | zeros(w^'\\'*ones)
		// Not printable: beyond ASCII, below a blank, or DEL; see marks.
		strange := (w | (w - 0x20*ones) | (w + ones)) & high
		if stop == 0 {
			if strange != 0 {
				how = odd
			}
			continue
		}
		n := bits.TrailingZeros64(stop) &^ 7
		if strange&(1<<n-1) != 0 {
			how = odd
		}
		at += n >> 3
		if s[at] == '"' {
			st.at = at + 1
			return s[from:at], how
		}
		return st.escapedFrom(from, at)
	}
	for ; at < len(s); at++ {
		switch c := s[at]; {
		case c == '"':
			st.at = at + 1
			return s[from:at], how
		case c == '\\':
			return st.escapedFrom(from, at)
		case c < 0x20 || c >= 0x7f:
			how = odd
		}
	}
	return nil, unended
}

// escapedFrom goes on at a backslash.
func (st *state) escapedFrom(from, at int) ([]byte, howWritten) {
	for at < len(st.s) {
		switch st.s[at] {
		case '\\':
			at += 2
		case '"':
			st.at = at + 1
			return st.s[from:at], escaped
		default:
			at++
		}
	}
	return nil, unended
}
