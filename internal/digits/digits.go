// Package digits writes numbers for people to read: thousands apart, as Korean and
// English both write them.
//
// The central idea: a number that stands in a report, an alert and a reason is the
// same text in all of them, so that a reader can compare them at a glance.
//
// What it is not: for machines. JSON and metrics have plain numbers.
package digits

import (
	"math"
	"strconv"
	"strings"
)

// Grouped writes a whole number, as 1,234,567.
func Grouped[N int | int32 | int64 | uint32 | uint64](n N) string {
	if n < 0 {
		return "-" + group(strconv.FormatInt(int64(n), 10)[1:])
	}
	return group(strconv.FormatUint(uint64(n), 10))
}

// Decimal writes a number with two places behind the point, or none when it is
// whole.
func Decimal(x float64) string {
	places := 2
	if x == math.Trunc(x) {
		places = 0
	}
	s, sign := strconv.FormatFloat(math.Abs(x), 'f', places, 64), ""
	if x < 0 {
		sign = "-"
	}
	whole, fraction, some := strings.Cut(s, ".")
	if some {
		fraction = "." + fraction
	}
	return sign + group(whole) + fraction
}

// Percent writes a share in hundredths, with one place behind the point at most.
// Less than all of it is never written as 100.
func Percent(share float64) string {
	s := strconv.FormatFloat(share*100, 'f', 1, 64)
	if share < 1 && s == "100.0" {
		s = "99.9"
	}
	return strings.TrimSuffix(s, ".0")
}

func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
