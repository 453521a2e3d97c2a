package rule

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pcreOnly names the first thing in a regular expression that Go's engine, which
// runs in linear time, does not have. It is empty if there is none.
func pcreOnly(re string) string {
	class := false // between [ and ]
	for i := 0; i < len(re); i++ {
		rest := re[i:]
		switch {
		case re[i] == '\\' && i+1 < len(re):
			i++
			switch b := re[i]; {
			case '1' <= b && b <= '9' && !class:
				return "a back-reference (\\" + string(b) + ")"
			case (b == 'k' || b == 'g') && !class:
				return "a back-reference (\\" + string(b) + ")"
			case (b == 'K' || b == 'G') && !class:
				return "\\" + string(b)
			case b == 'Q':
				if end := strings.Index(re[i:], `\E`); end >= 0 {
					i += end + 1
				} else {
					return ""
				}
			}
		case class:
			class = re[i] != ']'
		case re[i] == '[':
			class = true
			// A bracket that comes first is a member.
			if strings.HasPrefix(rest, "[]") {
				i++
			} else if strings.HasPrefix(rest, "[^]") {
				i += 2
			}
		case strings.HasPrefix(rest, "(?="), strings.HasPrefix(rest, "(?!"):
			return "a lookahead (" + rest[:3] + ")"
		case strings.HasPrefix(rest, "(?<="), strings.HasPrefix(rest, "(?<!"):
			return "a lookbehind (" + rest[:4] + ")"
		case strings.HasPrefix(rest, "(?>"):
			return "an atomic group ((?>)"
		case strings.HasPrefix(rest, "(?("):
			return "a conditional group ((?()"
		case strings.HasPrefix(rest, "(?R)"), strings.HasPrefix(rest, "(?&"), strings.HasPrefix(rest, "(?P>"):
			return "recursion"
		case i > 0 && re[i] == '+' && strings.IndexByte("*+?}", re[i-1]) >= 0 && !escaped(re, i-1):
			return "a possessive quantifier (" + re[i-1:i+1] + ")"
		}
	}
	return ""
}

// escaped reports whether the byte at i has a backslash before it that counts.
func escaped(re string, i int) bool {
	n := 0
	for i > 0 && re[i-1] == '\\' {
		n++
		i--
	}
	return n%2 == 1
}

const (
	// minLiteral is how long a literal has to be to tell texts apart at all.
	minLiteral = 3
	// maxLiterals is how many alternatives are worth looking for.
	maxLiterals = 64
)

// requiredLiterals gives texts, folded, of which every match of the expression
// holds at least one; nil if there are none of use.
func requiredLiterals(re string) []string {
	parsed, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return nil
	}
	set := required(parsed)
	for _, s := range set {
		if len(s) < minLiteral {
			return nil
		}
	}
	return set
}

// required is a set of which one is in every match; nil if unknown.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if s, ok := spelling(re); ok {
			return []string{s}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			set := required(sub)
			if set == nil || len(out)+len(set) > maxLiterals {
				return nil
			}
			out = append(out, set...)
		}
		return out
	case syntax.OpConcat:
		return requiredOfConcat(re.Sub)
	}
	return nil
}

// requiredOfConcat picks the best of what the parts need. Neighbours of a single
// spelling, such as [Pp] and "ower", are one literal.
func requiredOfConcat(subs []*syntax.Regexp) []string {
	var best []string
	run := ""
	consider := func(set []string) {
		if set != nil && better(set, best) {
			best = set
		}
	}
	for _, sub := range subs {
		if s, ok := spelling(sub); ok {
			run += s
			continue
		}
		if run != "" {
			consider([]string{run})
		}
		run = ""
		consider(required(sub))
	}
	if run != "" {
		consider([]string{run})
	}
	return best
}

// spelling is the one text, folded, that an expression matches.
func spelling(re *syntax.Regexp) (string, bool) {
	switch re.Op {
	case syntax.OpLiteral:
		// The engine takes a byte that is no UTF-8 for U+FFFD; folding does not.
		return foldRunes(re.Rune), !slices.Contains(re.Rune, utf8.RuneError)
	case syntax.OpCharClass:
		one := utf8.RuneError
		count := 0
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				f := foldRune(r)
				if count++; count > 4 || one != utf8.RuneError && one != f || f > unicode.MaxRune {
					return "", false
				}
				one = f
			}
		}
		return string(one), one != utf8.RuneError
	case syntax.OpCapture:
		return spelling(re.Sub[0])
	}
	return "", false
}

// better prefers sets whose shortest text is longer; many texts cost.
func better(a, b []string) bool {
	if b == nil {
		return true
	}
	return worth(a) > worth(b)
}

func worth(set []string) int {
	shortest := 1 << 10
	for _, s := range set {
		shortest = min(shortest, len(s))
	}
	return min(shortest, 12)*4 - len(set)
}

func foldRunes(rs []rune) string {
	var b []byte
	for _, r := range rs {
		b = utf8.AppendRune(b, foldRune(r))
	}
	return string(b)
}
