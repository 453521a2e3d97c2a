package rule

import (
	"bytes"
	"net/netip"
	"time"
)

// texter makes texts of values in a buffer that is used again for each event.
type texter struct {
	buf  []byte
	zone *time.Location
}

// raw is the text of a value that is no list.
func (x *texter) raw(v *value) []byte {
	at := len(x.buf)
	x.buf = v.appendText(x.buf)
	return x.buf[at:]
}

// folded is the same in its folded form.
func (x *texter) folded(v *value) []byte {
	at := len(x.buf)
	switch v.kind {
	case textValue:
		x.buf = appendFold(x.buf, v.text)
	case timeValue, addrValue, floatValue:
		x.buf = v.appendText(x.buf)
		for i := at; i < len(x.buf); i++ { // the T and Z of a time, NaN
			if b := x.buf[i]; 'A' <= b && b <= 'Z' {
				x.buf[i] = b + 'a' - 'A'
			}
		}
	default: // has no upper case
		x.buf = v.appendText(x.buf)
	}
	return x.buf[at:]
}

// holds answers a test, without an index and without remembering.
func (x *texter) holds(t *test, e *Event) bool {
	if t.field == "" {
		if e.whole {
			return x.eachText(t, &e.values[Message], nil)
		}
		for _, f := range e.set {
			if x.eachText(t, &e.values[f], nil) {
				return true
			}
		}
		return false
	}
	v := &e.values[t.id]
	switch t.kind {
	case testNull:
		return v.empty()
	case testExists:
		return v.kind != absent
	}
	if v.empty() {
		return false
	}
	if t.kind == testRef {
		return x.eachOther(t, v, &e.values[t.otherID])
	}
	return x.eachText(t, v, nil)
}

// eachOther asks of each text of the other field.
func (x *texter) eachOther(t *test, v, other *value) bool {
	if other.empty() {
		return false
	}
	at := len(x.buf)
	if other.kind != listValue {
		return x.eachText(t, v, x.form(t, other))
	}
	for _, s := range other.list {
		if x.eachText(t, v, x.form(t, &value{kind: textValue, text: s})) {
			return true
		}
		x.buf = x.buf[:at]
	}
	return false
}

// form is a text in the form that the test compares.
func (x *texter) form(t *test, v *value) []byte {
	if t.cased {
		return x.raw(v)
	}
	return x.folded(v)
}

// eachText asks of the value, or of each text of a list.
func (x *texter) eachText(t *test, v *value, other []byte) bool {
	if v.kind != listValue {
		return !v.empty() && x.holdsOf(t, v, other)
	}
	at := len(x.buf)
	for _, s := range v.list {
		one := value{kind: textValue, text: s}
		if x.holdsOf(t, &one, other) {
			return true
		}
		x.buf = x.buf[:at]
	}
	return false
}

// holdsOf answers a test of a value that is there and is no list.
func (x *texter) holdsOf(t *test, v *value, other []byte) bool {
	switch t.kind {
	case testText:
		if t.shape == shapeAny {
			return true
		}
		text := x.form(t, v)
		switch t.shape {
		case shapeEqual:
			return string(text) == t.literal
		case shapePrefix:
			return len(text) >= len(t.literal) && string(text[:len(t.literal)]) == t.literal
		case shapeSuffix:
			return len(text) >= len(t.literal) && string(text[len(text)-len(t.literal):]) == t.literal
		case shapeContains:
			return bytes.Contains(text, t.pattern[1].raw) // between two stars
		}
		return t.pattern.match(text)
	case testIn:
		_, ok := t.in[string(x.form(t, v))]
		return ok
	case testRegexp:
		if v.kind == textValue {
			return t.regexp.MatchString(v.text)
		}
		return t.regexp.Match(x.raw(v))
	case testCIDR:
		addr := v.addr
		if v.kind == textValue {
			addr = parseAddr(v.text)
		}
		return addr.IsValid() && t.network.Contains(addr)
	case testNumber:
		n, ok := v.number()
		if t.date != dateNone {
			n, ok = v.datePart(t.date, x.zone)
		}
		return ok && n.is(t.compare, t.number)
	case testRef:
		text := x.form(t, v)
		switch t.shape {
		case shapePrefix:
			return bytes.HasPrefix(text, other)
		case shapeSuffix:
			return bytes.HasSuffix(text, other)
		case shapeContains:
			return bytes.Contains(text, other)
		}
		return bytes.Equal(text, other)
	}
	return false
}

// parseAddr reads an address, and does not allocate an error for most of what is
// none.
func parseAddr(s string) netip.Addr {
	if len(s) < 2 || len(s) > 45 {
		return netip.Addr{}
	}
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case '0' <= b && b <= '9', 'a' <= b && b <= 'f', 'A' <= b && b <= 'F', b == ':', b == '.':
		default: // no zone either: it names an interface of the machine that logged
			return netip.Addr{}
		}
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

// nodeHolds answers a whole tree.
func (x *texter) nodeHolds(n *node, e *Event) bool {
	switch n.op {
	case opTest:
		return x.holds(n.test, e)
	case opAnd:
		for _, k := range n.kids {
			if !x.nodeHolds(k, e) {
				return false
			}
		}
		return true
	case opOr:
		for _, k := range n.kids {
			if x.nodeHolds(k, e) {
				return true
			}
		}
		return false
	case opNot:
		return !x.nodeHolds(n.kids[0], e)
	}
	found := 0
	for _, k := range n.kids {
		if x.nodeHolds(k, e) {
			if found++; found == n.n {
				return true
			}
		}
	}
	return false
}

// nodeMay answers a tree when some fields are open: whether it may hold and
// whether it must, whatever they are.
func (x *texter) nodeMay(n *node, e *Event, open func(FieldID) bool) (may, must bool) {
	if n.op == opTest {
		t := n.test
		if t.field == "" || open(t.id) || t.kind == testRef && open(t.otherID) {
			return true, false
		}
		holds := x.holds(t, e)
		return holds, holds
	}
	able, sure := 0, 0
	for _, k := range n.kids {
		may, must := x.nodeMay(k, e, open)
		if may {
			able++
		}
		if must {
			sure++
		}
	}
	switch n.op {
	case opAnd:
		return able == len(n.kids), sure == len(n.kids)
	case opOr:
		return able > 0, sure > 0
	case opNot:
		return sure == 0, able == 0
	}
	return able >= n.n, sure >= n.n
}
