package element

import "github.com/haetae/haetae/ingest/line"

// Object goes over the members of a JSON object, one after another, without
// decoding what nobody asks for. It checks the grammar of what it passes.
type Object struct {
	s    []byte
	at   int
	done bool
	bad  bool
	any  bool
}

// Members begins to read an object, which must be all of s but for blanks.
func Members(s []byte) Object {
	o := Object{s: s}
	o.blanks()
	if o.at == len(s) || s[o.at] != '{' {
		o.done, o.bad = true, true
	}
	o.at++
	return o
}

// Next gives the next member: its name, and its value as it is written.
func (o *Object) Next() (name, value []byte, ok bool) {
	if o.done {
		return nil, nil, false
	}
	o.blanks()
	if o.peek() == '}' {
		o.at++
		o.blanks()
		o.done, o.bad = true, o.at != len(o.s)
		return nil, nil, false
	}
	if o.any {
		if o.peek() != ',' {
			return o.fail()
		}
		o.at++
		o.blanks()
	}
	o.any = true
	from := o.at
	if !o.text() {
		return o.fail()
	}
	if name, ok = Text(o.s[from:o.at]); !ok {
		return o.fail()
	}
	o.blanks()
	if o.peek() != ':' {
		return o.fail()
	}
	o.at++
	o.blanks()
	from = o.at
	if !o.pass(0) {
		return o.fail()
	}
	return name, o.s[from:o.at], true
}

// Bad reports that what was read is no JSON object. It is known at the end.
func (o *Object) Bad() bool { return o.bad }

// Elements gives the first values of a list as they are written, at most so many;
// nothing where s is no list. s must have been passed by an Object.
func Elements(s []byte, most int) [][]byte {
	var out [][]byte
	Each(s, func(v []byte) bool {
		if len(out) < most {
			out = append(out, v)
		}
		return len(out) < most
	})
	return out
}

// Each gives the values of a list as they are written, one after another, until each
// says false; false where s is no list. s must have been passed by an Object.
func Each(s []byte, each func(value []byte) bool) bool {
	if len(s) == 0 || s[0] != '[' {
		return false
	}
	o := Object{s: s, at: 1}
	for {
		o.blanks()
		if c := o.peek(); c == ']' || c == 0 {
			return true
		}
		from := o.at
		if !o.pass(0) || !each(o.s[from:o.at]) {
			return true
		}
		if o.blanks(); o.peek() != ',' {
			return true
		}
		o.at++
	}
}

func (o *Object) fail() (name, value []byte, ok bool) {
	o.done, o.bad = true, true
	return nil, nil, false
}

func (o *Object) peek() byte {
	if o.at < len(o.s) {
		return o.s[o.at]
	}
	return 0
}

func (o *Object) blanks() {
	for o.at < len(o.s) && (isBlank(o.s[o.at]) || o.s[o.at] == '\n') {
		o.at++
	}
}

// text passes over a string.
func (o *Object) text() bool {
	if o.peek() != '"' {
		return false
	}
	for i := o.at + 1; i < len(o.s); {
		if i = plain(o.s, i); i == len(o.s) || o.s[i] == '\n' {
			return false
		}
		if o.s[i] == '"' {
			o.at = i + 1
			return true
		}
		i += 2
	}
	return false
}

// pass passes over any value.
func (o *Object) pass(depth int) bool {
	switch open := o.peek(); open {
	case '"':
		return o.text()
	case '{', '[':
		if depth == maxDepth {
			return false
		}
		end := open + 2 // as ASCII has them
		o.at++
		if o.blanks(); o.peek() == end {
			o.at++
			return true
		}
		for {
			if open == '{' {
				if !o.text() {
					return false
				}
				if o.blanks(); o.peek() != ':' {
					return false
				}
				o.at++
				o.blanks()
			}
			if !o.pass(depth + 1) {
				return false
			}
			o.blanks()
			c := o.peek()
			o.at++
			if c == end {
				return true
			}
			if c != ',' {
				return false
			}
			o.blanks()
		}
	}
	from := o.at
	for o.at < len(o.s) && isLiteral(o.s[o.at]) {
		o.at++
	}
	return isScalar(o.s[from:o.at])
}

// isScalar holds to JSON's grammar.
func isScalar(s []byte) bool {
	switch string(s) {
	case "true", "false", "null":
		return true
	}
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	if len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' || !digits() {
		return false
	}
	if len(s) > 0 && s[0] == '.' {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if len(s) > 0 && s[0]|0x20 == 'e' {
		if s = s[1:]; len(s) > 0 && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(s) == 0
}

// Text gives what a string as it is written says: part of s, or, where something
// is escaped, its own bytes. false: it is no string.
func Text(s []byte) ([]byte, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return nil, false
	}
	s = s[1 : len(s)-1]
	for i, c := range s {
		if c == '\\' {
			return line.Unescape(append(make([]byte, 0, len(s)), s[:i]...), s[i:])
		}
	}
	return s, true
}
