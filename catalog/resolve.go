package catalog

import (
	"strings"
	"unsafe"
)

// How paths are compared. The rule behind each choice: match what the server
// behind the log may have served, because the status tells whether it did.
// Where a lenient match would count a page as somebody's data that a server
// serves to anybody, the path stays unmapped instead and is reported as such.
//
//	/my/profile/, //my//profile   empty segments are ignored
//	/my/./profile, /x/../my/…     dot segments are resolved, also as %2e
//	/my/profile;jsessionid=1      ;parameters are ignored
//	/my/%70rofile                 escapes are decoded; %2F stays inside its segment
//	/My/Profile                   case matters: stays unmapped, and Check says so
//	http://host/my/profile        scheme and host are ignored
//	?query and #fragment          ignored
//	longer than 8 KiB             unmapped: common servers refuse it (414)
//	deeper than 32 segments       only a wildcard can match

// maxPath is where nginx and Apache stop reading a request line by default.
const maxPath = 8 << 10

// pathParts is a path cut into segments. It is reused, so that cutting
// allocates nothing.
type pathParts struct {
	src      string // what the spans point into: the URI itself, or buf
	segments [maxSegments]span
	count    int
	deeper   bool // there are more segments than were cut
	tooLong  bool
	decoded  bool // src is buf: whatever is kept of it must be copied
	template bool // cut from a template: segments in braces hold no value
	query    string
	buf      []byte
}

type span struct {
	start, end uint16
	lifted     bool // stands for ids that were lifted out; meets only variables
}

func (p *pathParts) text(i int) string {
	s := p.segments[i]
	return p.src[s.start:s.end]
}

// kept is text that outlives the next use of p.
func (p *pathParts) kept(i int) string {
	if p.decoded {
		return strings.Clone(p.text(i))
	}
	return p.text(i)
}

const (
	plain = iota
	slash
	ends    // ? and #
	special // % and ;
)

var pathClass = func() (t [256]byte) {
	t['/'], t['?'], t['#'], t['%'], t[';'] = slash, ends, ends, special, special
	return
}()

// cut reads a request target.
func (p *pathParts) cut(uri string) {
	p.count, p.query = 0, ""
	p.deeper, p.tooLong, p.decoded, p.template = false, false, false, false
	if len(uri) > 0 && uri[0] != '/' {
		uri = withoutHost(uri)
	}
	p.src = uri
	start, n := 0, 0
	i := 0
	limit := min(len(uri), maxPath+1)
	for ; i < limit; i++ {
		c := pathClass[uri[i]]
		if c == plain {
			continue
		}
		if c == special {
			p.cutSlowly(uri)
			return
		}
		if i > start {
			if uri[start] == '.' && isDots(uri[start:i]) {
				p.cutSlowly(uri)
				return
			}
			if n == maxSegments {
				p.deeper = true
			} else {
				p.segments[n] = span{uint16(start), uint16(i), false}
				n++
			}
		}
		start = i + 1
		if c == ends {
			if uri[i] == '?' {
				p.query = uri[i+1:]
			}
			p.count = n
			return
		}
	}
	if i > maxPath {
		p.tooLong, p.deeper, p.count = true, true, n
		return
	}
	if i > start {
		if uri[start] == '.' && isDots(uri[start:i]) {
			p.cutSlowly(uri)
			return
		}
		if n == maxSegments {
			p.deeper = true
		} else {
			p.segments[n] = span{uint16(start), uint16(i), false}
			n++
		}
	}
	p.count = n
}

func isDots(s string) bool { return s == "." || s == ".." }

// cutSlowly does the same where something has to be decoded or resolved.
func (p *pathParts) cutSlowly(uri string) {
	path := uri
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		path = uri[:i]
		if uri[i] == '?' {
			p.query = uri[i+1:]
		}
	}
	p.decoded, p.deeper = true, false
	if len(path) > maxPath {
		p.tooLong, p.deeper = true, true
		path = path[:maxPath]
	}
	p.buf = p.buf[:0]
	// depth counts all segments, also those past what is kept, so that ".."
	// far below takes away the right one.
	depth := 0
	for len(path) > 0 {
		var seg string
		seg, path, _ = strings.Cut(path, "/")
		if i := strings.IndexByte(seg, ';'); i >= 0 {
			seg = seg[:i]
		}
		if seg == "" {
			continue
		}
		start := len(p.buf)
		p.buf = appendUnescaped(p.buf, seg, false)
		switch s := p.buf[start:]; {
		case len(s) == 1 && s[0] == '.':
			p.buf = p.buf[:start]
			continue
		case len(s) == 2 && s[0] == '.' && s[1] == '.':
			p.buf = p.buf[:start]
			if depth > 0 {
				depth--
			}
			continue
		}
		if depth < maxSegments {
			p.segments[depth] = span{uint16(start), uint16(len(p.buf)), false}
		}
		depth++
	}
	p.count = min(depth, maxSegments)
	p.deeper = p.tooLong || depth > maxSegments
	p.src = unsafe.String(unsafe.SliceData(p.buf), len(p.buf))
}

// withoutHost takes scheme and host off "http://host/path".
func withoutHost(uri string) string {
	i := strings.Index(uri, "://")
	if i <= 0 || i > 10 || strings.ContainsAny(uri[:i], "/?#") {
		return uri
	}
	rest := uri[i+3:]
	if j := strings.IndexAny(rest, "/?#"); j >= 0 {
		return rest[j:]
	}
	return "/"
}

// appendUnescaped decodes %XX; what is not a proper escape stays as it is.
func appendUnescaped(dst []byte, s string, plus bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		if c == '+' && plus {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Resolution is what a method and URI resolve to. Reuse one: then Resolve
// allocates nothing. It points into the URI it was made from.
type Resolution struct {
	Mapped bool
	// Route is the template's name as a record stores it. HEAD on a GET
	// template and OPTIONS on any carry no body and so no items; they get a
	// name of their own ("HEAD /my/profile").
	Route string

	route    *Route
	bodiless bool
	method   method
	words    int // see Request.Words
	parts    pathParts
}

// Resolve finds the template for a request. out is overwritten.
func (c *Catalog) Resolve(methodName, uri string, out *Resolution) {
	out.parts.cut(uri)
	out.method = methodOf(methodName)
	c.lookUp(out)
}

func (c *Catalog) lookUp(out *Resolution) {
	out.Mapped, out.Route, out.route, out.bodiless = false, "", nil, false
	p := &out.parts
	if p.tooLong {
		return
	}
	m := out.method
	if t := &c.tries[m]; t.count > 0 {
		if r := t.match(p, 0, 0); r != none {
			out.Mapped, out.route = true, c.routes[r]
			out.Route = out.route.Name
			return
		}
	}
	switch m {
	case methodHead:
		if t := &c.tries[methodGet]; t.count > 0 {
			if r := t.match(p, 0, 0); r != none {
				out.Mapped, out.route, out.bodiless = true, c.routes[r], true
				out.Route = out.route.head
			}
		}
	case methodOptions:
		for i := range c.tries {
			t := &c.tries[i]
			if t.count == 0 {
				continue
			}
			if r := t.match(p, 0, 0); r != none {
				out.Mapped, out.route, out.bodiless = true, c.routes[r], true
				out.Route = out.route.options
				return
			}
		}
	}
}

// Var gives the value of a template's variable, decoded.
func (r *Resolution) Var(name string) (string, bool) {
	if r.route == nil {
		return "", false
	}
	for i, s := range r.route.segments {
		if s.variable && s.text == name {
			return r.parts.kept(i), true
		}
	}
	return "", false
}

// Query is the raw query string, without the question mark.
func (r *Resolution) Query() string { return r.parts.query }

// eachParam calls fn with every value of a query parameter, decoded.
func eachParam(query, name string, fn func(value string)) {
	for len(query) > 0 {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if key != name {
			if !strings.ContainsAny(key, "%+") {
				continue
			}
			var buf [64]byte
			if string(appendUnescaped(buf[:0], key[:min(len(key), 3*len(name)+3)], true)) != name {
				continue
			}
		}
		if strings.ContainsAny(value, "%+") {
			value = string(appendUnescaped(nil, value, true))
		}
		fn(value)
	}
}
