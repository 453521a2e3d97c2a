package pgaudit

import "bytes"

// split cuts a record of a csvlog, or an audit line, into its fields. Those with
// doubled quotes are written out into keep's memory. ok is false if it is no CSV.
func split(text []byte, fields [][]byte, keep func(n int) []byte) ([][]byte, bool) {
	for {
		if len(text) > 0 && text[0] == '"' {
			field, rest, ok := quoted(text[1:], keep)
			if !ok {
				return fields, false
			}
			fields = append(fields, field)
			if len(rest) == 0 {
				return fields, true
			}
			if rest[0] != ',' {
				return fields, false
			}
			text = rest[1:]
			continue
		}
		field, rest, more := bytes.Cut(text, []byte(","))
		if bytes.IndexByte(field, '"') >= 0 {
			return fields, false
		}
		fields = append(fields, field)
		if !more {
			return fields, true
		}
		text = rest
	}
}

// quoted reads up to the closing quote.
func quoted(text []byte, keep func(n int) []byte) (field, rest []byte, ok bool) {
	doubled := 0
	for i := 0; ; i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return nil, nil, false
		}
		if i += n; i+1 < len(text) && text[i+1] == '"' {
			doubled++
			i++
			continue
		}
		field, rest = text[:i], text[i+1:]
		break
	}
	if doubled == 0 {
		return field, rest, true
	}
	out := keep(len(field) - doubled)[:0]
	for {
		i := bytes.IndexByte(field, '"')
		if i < 0 {
			return append(out, field...), rest, true
		}
		out = append(out, field[:i+1]...)
		field = field[i+2:]
	}
}

// identifiers cuts the name of a table as PostgreSQL writes it: public."Odd.Name".
func identifiers(name []byte) []string {
	var out []string
	for len(name) > 0 {
		var part []byte
		if name[0] == '"' {
			var ok bool
			part, name, ok = quoted(name[1:], func(n int) []byte { return make([]byte, n) })
			if !ok {
				return nil
			}
			name = bytes.TrimPrefix(name, []byte("."))
		} else {
			part, name, _ = bytes.Cut(name, []byte("."))
		}
		out = append(out, string(part))
	}
	return out
}

// elements cuts an array as PostgreSQL writes it: {m1,"a b",NULL}. Arrays of arrays
// are none that a column can equal.
func elements(s string) ([]string, bool) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return nil, false
	}
	s = s[1 : len(s)-1]
	var out []string
	for s != "" {
		var b []byte
		if s[0] == '"' {
			i := 1
			for ; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
				if i < len(s) {
					b = append(b, s[i])
				}
			}
			if i >= len(s) {
				return nil, false
			}
			s = s[i+1:]
			out = append(out, string(b))
		} else {
			i := 0
			for i < len(s) && s[i] != ',' {
				if s[i] == '{' || s[i] == '"' || s[i] == '\\' || s[i] == ' ' {
					return nil, false
				}
				i++
			}
			if s[:i] == "" {
				return nil, false
			}
			if s[:i] != "NULL" && s[:i] != "null" {
				out = append(out, s[:i])
			}
			s = s[i:]
		}
		if s != "" {
			if s[0] != ',' || len(s) == 1 {
				return nil, false
			}
			s = s[1:]
		}
	}
	return out, len(out) > 0
}
