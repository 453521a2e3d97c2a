package catalog

import (
	"strconv"
	"strings"

	"github.com/haetae/haetae/internal/written"
)

// A statement says id = '0042', and the database finds the row of 42 if the column
// holds numbers, or of 0042 if it holds texts. What kind of column it is the log
// does not say. So a value names an account only where every way of comparing finds
// the same one: nobody must be told of a leak because a text looked like their
// number.

// accountValue gives the account that a value of a statement names; ok is false if
// it may be another, or none. folds: the database ignores case and blanks at the
// end, and compares texts with numbers.
func (c *Catalog) accountValue(v string, folds bool) (id string, ok bool) {
	if v == "" || len(v) > maxIDBytes || strings.ContainsFunc(v, written.Unprintable) {
		return "", false
	}
	fits := func(s string) bool { return s != "" && (c.pattern == nil || c.pattern.match(s)) }
	if folds {
		v = strings.TrimRight(v, " ")
		for i := range len(v) {
			if v[i] >= 0x80 { // é may be e there
				return "", false
			}
		}
		lower, upper := strings.ToLower(v), strings.ToUpper(v)
		if lower != upper {
			if fits(lower) == fits(upper) {
				// Both: which of them is stored nobody can tell. None: mixed, or none.
				if fits(lower) || !fits(v) {
					return "", false
				}
			} else if v = lower; fits(upper) {
				v = upper
			}
		}
		// As a number, 42x is 42.
		if n := leadingDigits(v); n != "" && n != v && fits(canonical(n)) {
			return "", false
		}
		if len(v) > 15 && leadingDigits(v) == v { // compared as doubles, where these are not exact
			return "", false
		}
	}
	switch {
	case v == "" || v[0] == ' ' || v[len(v)-1] == ' ':
		return "", false
	case !fits(v):
		return "", false
	}
	if isNumber(v) {
		whole := leadingDigits(strings.TrimPrefix(v, "-"))
		exact := whole == strings.TrimPrefix(v, "-") && canonical(whole) == whole && v != "-0" && !(folds && v == "0")
		// A pattern that only the text fits leaves only the text.
		if !exact && (c.pattern == nil || whole == "" || fits(canonical(whole)) || fits("-"+canonical(whole))) {
			return "", false
		}
	}
	if plain, ok := uuid(v); ok && plain != v && (c.pattern == nil || fits(plain)) {
		return "", false
	}
	return v, true
}

func leadingDigits(s string) string {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i]
}

// canonical takes off zeros in front, as a number has none.
func canonical(digits string) string {
	s := strings.TrimLeft(digits, "0")
	if s == "" && digits != "" {
		return "0"
	}
	return s
}

// isNumber knows what a database may take for a number.
func isNumber(s string) bool {
	if c := s[0]; !isDigit(c) && c != '-' && c != '+' && c != '.' {
		return false
	}
	s = strings.ReplaceAll(s, "_", "")
	if _, err := strconv.ParseFloat(s, 64); err == nil || strings.Contains(err.Error(), "range") {
		return true
	}
	_, err := strconv.ParseInt(s, 0, 64)
	return err == nil
}

// uuid gives the usual form of what may be one, in whatever form it is written.
func uuid(s string) (string, bool) {
	hex := make([]byte, 0, 32)
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c), c >= 'a' && c <= 'f':
			hex = append(hex, c)
		case c >= 'A' && c <= 'F':
			hex = append(hex, c|0x20)
		case c == '-' || c == '{' || c == '}':
		default:
			return "", false
		}
	}
	if len(hex) != 32 {
		return "", false
	}
	h := string(hex)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], true
}
