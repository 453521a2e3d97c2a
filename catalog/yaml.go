package catalog

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	yamlLine   = regexp.MustCompile(`line (\d+): ?`)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '([^']*)' referenced`)
)

// yamlError moves the line number to where all other messages have it, and finds
// the line where the library names none: it leaves it out on the first line, for
// bytes that are no text, and for anchors.
func (p *parser) yamlError(text []byte, err error) {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatchIndex(what); m != nil {
		line, _ = strconv.Atoi(what[m[2]:m[3]])
		what = what[:m[0]] + what[m[1]:]
	} else if m := yamlAnchor.FindStringSubmatch(what); m != nil {
		line = lineOf(text, bytes.Index(text, []byte("*"+m[1])))
	} else if at := firstNonText(text); at >= 0 {
		line = lineOf(text, at)
	}
	t := unreadableYAML.say(": " + what)
	p.errs = append(p.errs, Error{File: p.file, Line: line, Code: unreadableYAML.code(), Problem: t.EN, ProblemKO: t.KO})
}

func lineOf(text []byte, at int) int { return 1 + bytes.Count(text[:max(at, 0)], []byte("\n")) }

// firstNonText finds the first byte that YAML does not take for text.
func firstNonText(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r >= 0x7f && r < 0xa0 && r != 0x85 {
			return i
		}
		i += n
	}
	return -1
}

// unprintable reports what must not reach a terminal: control characters, and
// those that turn the direction of what follows. What stands in a catalog is
// printed in every report.
func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) }
