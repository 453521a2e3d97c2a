package jsonlines

import "github.com/haetae/haetae/ingest/line"

// scalar reads a number, true, false or null.
func (st *state) scalar() ([]byte, bool) {
	from := st.at
	if end := numberEnd(st.s, from); end > 0 {
		st.at = end
		return st.s[from:end], true
	}
	for st.at < len(st.s) {
		switch st.s[st.at] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return st.s[from:st.at], isScalar(st.s[from:st.at])
		}
		st.at++
	}
	return st.s[from:], isScalar(st.s[from:])
}

// isScalar holds to JSON's grammar.
func isScalar(s []byte) bool {
	switch line.String(s) {
	case "true", "false", "null":
		return true
	}
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	zero := i < len(s) && s[i] == '0'
	from := i
	if !digits() || zero && i-from > 1 {
		return false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s)
}

// skip steps over any value.
func (st *state) skip(depth int) bool {
	if depth > maxDepth || st.at >= len(st.s) {
		return false
	}
	switch st.s[st.at] {
	case '"':
		return st.skipString()
	case '{', '[':
		open := st.s[st.at]
		end := byte('}')
		if open == '[' {
			end = ']'
		}
		st.at++
		st.space()
		if st.at < len(st.s) && st.s[st.at] == end {
			st.at++
			return true
		}
		for {
			if open == '{' {
				if !st.skipString() {
					return false
				}
				st.space()
				if st.at >= len(st.s) || st.s[st.at] != ':' {
					return false
				}
				st.at++
				st.space()
			}
			if !st.skip(depth + 1) {
				return false
			}
			st.space()
			if st.at >= len(st.s) {
				return false
			}
			c := st.s[st.at]
			st.at++
			if c == end {
				return true
			}
			if c != ',' {
				return false
			}
			st.space()
		}
	}
	_, ok := st.scalar()
	return ok
}

func (st *state) skipString() bool {
	raw, how := st.str()
	if how == escaped {
		_, ok := line.Unescape(st.d.scratch[:0], raw)
		return ok
	}
	return how != unended
}
