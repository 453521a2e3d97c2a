package catalog

import (
	"strings"

	"github.com/haetae/haetae/internal/written"
)

// templateSegment is one segment of a template: a literal or a {variable}.
type templateSegment struct {
	text     string
	variable bool
}

// maxSegments bounds the depth of templates and of the part of a path that is
// looked at. Deeper paths can only meet a wildcard. REST resources rarely go
// beyond ten.
const maxSegments = 32

// splitTemplate reads "GET /a/{b}/*".
func splitTemplate(s string) (m method, segs []templateSegment, wild bool, bad *wrong) {
	refused := func(m mistake) (method, []templateSegment, bool, *wrong) {
		return 0, nil, false, wrongOf(m)
	}
	name, p, ok := strings.Cut(s, " ")
	if !ok || p == "" {
		return refused(routeForm)
	}
	if name == "ANY" {
		m = methodAny
	} else if m = methodOf(name); m == methodOther || methodNames[m] != name {
		return refused(routeMethod)
	}
	if p[0] != '/' {
		return refused(routeSlash)
	}
	if strings.ContainsAny(p, "?#") {
		return refused(routeQuery)
	}
	if strings.ContainsAny(p, " \t") {
		return refused(routeSpace)
	}
	if strings.ContainsFunc(p, written.Unprintable) {
		return 0, nil, false, &wrong{kind: written.Control}
	}
	if len(p) > maxTemplate {
		return refused(routeLong)
	}
	if p == "/" {
		return m, nil, false, nil
	}
	parts := strings.Split(strings.TrimSuffix(p[1:], "/"), "/")
	if len(parts) > maxSegments {
		return refused(routeDeep)
	}
	seen := make(map[string]bool)
	for i, part := range parts {
		switch {
		case part == "*" && i == len(parts)-1:
			return m, segs, true, nil
		case part == "":
			return refused(routeEmptySegment)
		case part == "." || part == "..":
			return refused(routeDots)
		case strings.Contains(part, "*"):
			return refused(routeStar)
		case part[0] == '{' && part[len(part)-1] == '}':
			v := part[1 : len(part)-1]
			if !isWord(v) {
				return refused(routeVariable)
			}
			if seen[v] {
				return refused(routeTwice)
			}
			seen[v] = true
			segs = append(segs, templateSegment{v, true})
		case strings.ContainsAny(part, "{}"):
			return refused(routeHalf)
		case strings.ContainsAny(part, ";%"):
			return refused(routeEscaped)
		default:
			segs = append(segs, templateSegment{part, false})
		}
	}
	return m, segs, false, nil
}

const maxTemplate = 1024

// isWord reports whether s is a name as the catalog uses them.
func isWord(s string) bool {
	if s == "" || len(s) > 40 || !isLower(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isLower(c) && !(c >= 'A' && c <= 'Z') && !isDigit(c) && c != '_' {
			return false
		}
	}
	return true
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
