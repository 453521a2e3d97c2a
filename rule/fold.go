package rule

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// Texts are compared without regard to case by Unicode's simple folding, the one
// of strings.EqualFold: É equals é, the Kelvin sign equals k, ſ equals s. It
// never changes the number of characters, so ß does not equal ss, and it knows
// no language, so the Turkish ı equals only itself. Nothing is normalised: é in
// one code point differs from e with an accent after it. Bytes that are no UTF-8
// stay as they are.

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// appendFold appends s in its folded form to dst.
func appendFold[T string | []byte](dst []byte, s T) []byte {
	i, n := 0, len(s)
	at := len(dst)
	dst = append(dst, s...)
	out := dst[at:]
	// Eight bytes at a time: most of what is in a log is ASCII.
	for ; i+8 <= n; i += 8 {
		w := binary.LittleEndian.Uint64(out[i:])
		if w&highs != 0 {
			return appendFoldRunes(dst[:at+i], s[i:])
		}
		upper := (w + (0x80-'A')*ones) &^ (w + (0x80-'Z'-1)*ones) & highs
		if upper != 0 {
			binary.LittleEndian.PutUint64(out[i:], w|upper>>2)
		}
	}
	for ; i < n; i++ {
		switch b := out[i]; {
		case b >= utf8.RuneSelf:
			return appendFoldRunes(dst[:at+i], s[i:])
		case 'A' <= b && b <= 'Z':
			out[i] = b + 'a' - 'A'
		}
	}
	return dst
}

func appendFoldRunes[T string | []byte](dst []byte, s T) []byte {
	text := string(s)
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, text[i])
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += size
	}
	return dst
}

// foldRune picks one of the runes that are equal but for case: the ASCII lower
// case if there is one, else the smallest.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	low := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		if next < low {
			low = next
		}
	}
	if 'A' <= low && low <= 'Z' {
		low += 'a' - 'A'
	}
	return low
}

func fold(s string) string { return string(appendFold(nil, s)) }
