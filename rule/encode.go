package rule

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// encode applies an encoding to each pattern; some make several of one.
func encode(name string, patterns []pattern) ([]pattern, error) {
	var out []pattern
	for _, p := range patterns {
		if name == "windash" {
			out = append(out, windash(p)...)
			if len(out) > maxVariants {
				return nil, failing("windash makes more than %d values of this one", maxVariants)
			}
			continue
		}
		text, ok := p.plain()
		if !ok {
			return nil, failing("a text with wildcards cannot be encoded by %s", name)
		}
		switch name {
		case "base64":
			out = append(out, textPattern(base64.StdEncoding.EncodeToString([]byte(text))))
		case "base64offset":
			for shift := range 3 {
				if s := base64At(text, shift); s != "" {
					out = append(out, textPattern(s))
				}
			}
			if len(out) == 0 {
				return nil, failing("the text is too short for base64offset")
			}
		case "utf16":
			out = append(out, textPattern("\xff\xfe"+wide(text, false)))
		case "utf16be":
			out = append(out, textPattern(wide(text, true)))
		default: // utf16le, wide
			out = append(out, textPattern(wide(text, false)))
		}
	}
	return out, nil
}

// base64At is what text looks like in base64 when it begins shift bytes after a
// multiple of three: the characters that no neighbour has a say in.
func base64At(text string, shift int) string {
	padded := strings.Repeat("\x00", shift) + text
	encoded := base64.RawStdEncoding.EncodeToString([]byte(padded))
	from := (shift*8 + 5) / 6 // the first character made of text alone
	to := len(padded) * 8 / 6 // and after the last one
	if from >= to {
		return ""
	}
	return encoded[from:to]
}

func wide(text string, bigEndian bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		if bigEndian {
			b.WriteByte(byte(u >> 8))
		}
		b.WriteByte(byte(u))
		if !bigEndian {
			b.WriteByte(byte(u >> 8))
		}
	}
	return b.String()
}

// dashes are what Windows programs take as the beginning of a flag.
var dashes = []string{"-", "/", "–", "—", "―"}

// windash gives every way to write the flags of a pattern: a dash is one where
// it begins a word.
func windash(p pattern) []pattern {
	out := []pattern{nil}
	before := rune(' ')
	for _, q := range p {
		if q.kind != partText {
			before = ' '
			for j := range out {
				out[j] = out[j].add(q)
			}
			continue
		}
		text := q.text
		for len(text) > 0 {
			at, size := nextDash(text, before)
			if at < 0 {
				break
			}
			if len(out) > maxVariants {
				return out
			}
			next := make([]pattern, 0, len(out)*len(dashes))
			for _, head := range out {
				head = head.add(part{kind: partText, text: text[:at]})
				for _, d := range dashes {
					next = append(next, head.add(part{kind: partText, text: d}))
				}
			}
			out = next
			before = '-'
			text = text[at+size:]
		}
		for j := range out {
			out[j] = out[j].add(part{kind: partText, text: text})
		}
		before, _ = utf8.DecodeLastRuneInString(q.text)
	}
	return out
}

// nextDash finds the next dash that begins a word, with its length, or -1.
func nextDash(text string, before rune) (at, size int) {
	for i, r := range text {
		size := len(string(r))
		after, n := utf8.DecodeRuneInString(text[min(i+size, len(text)):])
		if strings.ContainsRune("-/–—―", r) && !wordRune(before) && n > 0 && wordRune(after) {
			return i, size
		}
		before = r
	}
	return -1, 0
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
