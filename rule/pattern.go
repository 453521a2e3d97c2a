package rule

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// pattern is a text with wildcards. Neighbouring literals and stars are one.
type pattern []part

type partKind uint8

const (
	partText        partKind = iota // this text
	partStar                        // any text, also none
	partOne                         // one character
	partPlaceholder                 // a %name% that was not filled in
)

type part struct {
	kind partKind
	text string
	raw  []byte // the text again, once the pattern is ready to match
}

// parsePattern reads a value of a rule. A backslash takes the meaning from the
// wildcard or backslash after it, and stands for itself before anything else.
// With placeholders, %name% is one, and \% a plain percent sign.
func parsePattern(s string, placeholders bool) pattern {
	var p pattern
	var text strings.Builder
	flush := func() {
		p = p.add(part{kind: partText, text: text.String()})
		text.Reset()
	}
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '*' || s[i+1] == '?' || placeholders && s[i+1] == '%'):
			i++
			text.WriteByte(s[i])
		case b == '*':
			flush()
			p = p.add(part{kind: partStar})
		case b == '?':
			flush()
			p = p.add(part{kind: partOne})
		case b == '%' && placeholders:
			end := strings.IndexByte(s[i+1:], '%')
			if end <= 0 {
				text.WriteByte(b)
				continue
			}
			flush()
			p = append(p, part{kind: partPlaceholder, text: s[i+1 : i+1+end]})
			i += end + 1
		default:
			text.WriteByte(b)
		}
	}
	flush()
	return p
}

func textPattern(s string) pattern { return pattern(nil).add(part{kind: partText, text: s}) }

// add appends without mending what is shared: p may be the start of others.
func (p pattern) add(q part) pattern {
	n := len(p)
	switch {
	case q.kind == partText && q.text == "":
		return p
	case n > 0 && q.kind == partText && p[n-1].kind == partText:
		return append(p[:n-1:n-1], part{kind: partText, text: p[n-1].text + q.text})
	case n > 0 && q.kind == partStar && p[n-1].kind == partStar:
		return p
	}
	return append(p[:n:n], q)
}

func (p pattern) join(q pattern) pattern {
	for _, part := range q {
		p = p.add(part)
	}
	return p
}

// plain is the text of a pattern without wildcards.
func (p pattern) plain() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].kind == partText:
		return p[0].text, true
	}
	return "", false
}

// ready is the pattern in the form that match takes, folded unless case matters.
func (p pattern) ready(cased bool) pattern {
	out := make(pattern, len(p))
	for i, q := range p {
		if !cased {
			q.text = fold(q.text)
		}
		q.raw = []byte(q.text)
		out[i] = q
	}
	return out
}

// key tells patterns apart.
func (p pattern) key() string {
	var b strings.Builder
	for _, q := range p {
		b.WriteByte('0' + byte(q.kind))
		b.WriteString(q.text)
		b.WriteByte(0)
	}
	return b.String()
}

// shape is where the literal of a simple pattern has to stand.
type shape uint8

const (
	shapeEqual    shape = iota // the whole text
	shapePrefix                // its beginning
	shapeSuffix                // its end
	shapeContains              // anywhere
	shapeAny                   // a lone star: any value
	shapeGeneral               // needs the wildcard matcher
)

func (p pattern) shape() (shape, string) {
	text, star := 0, 0
	at := -1
	for i, q := range p {
		switch q.kind {
		case partText:
			text++
			at = i
		case partStar:
			star++
		default:
			return shapeGeneral, ""
		}
	}
	switch {
	case text == 0 && star == 0:
		return shapeEqual, ""
	case text == 0:
		return shapeAny, ""
	case text > 1:
		return shapeGeneral, ""
	case star == 0:
		return shapeEqual, p[at].text
	case star == 2:
		return shapeContains, p[at].text
	case at == 0:
		return shapePrefix, p[at].text
	}
	return shapeSuffix, p[at].text
}

// match reports whether the whole of text is as the pattern says. The pattern has
// to be ready.
func (p pattern) match(text []byte) bool {
	// star is where to go on after the last star when the guess that it stands
	// for nothing more was wrong; going back to the last one alone is enough.
	star, starAt := -1, 0
	i, at := 0, 0
	for {
		if i < len(p) && p[i].kind == partStar {
			star, starAt = i+1, at
			i++
			continue
		}
		if i == len(p) && (at == len(text) || star == len(p)) {
			return true
		}
		if i < len(p) {
			if n := p[i].matchAt(text[at:]); n >= 0 {
				i++
				at += n
				continue
			}
		}
		if star < 0 || starAt >= len(text) {
			return false
		}
		starAt += runeLen(text[starAt:])
		if star < len(p) && p[star].kind == partText {
			// Jump to where the literal after the star is next.
			next := bytes.Index(text[starAt:], p[star].raw)
			if next < 0 {
				return false
			}
			starAt += next
		}
		i, at = star, starAt
	}
}

// matchAt is how many bytes of text the part takes, or -1.
func (q part) matchAt(text []byte) int {
	switch {
	case q.kind == partText && bytes.HasPrefix(text, q.raw):
		return len(q.raw)
	case q.kind == partOne && len(text) > 0:
		return runeLen(text)
	}
	return -1
}

func runeLen(text []byte) int {
	if text[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(text)
	return n
}
