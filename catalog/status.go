package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// StatusSet is the outcomes that count as answered. Statuses go up to 999,
// because some gateways use codes of their own above 599.
type StatusSet [16]uint64

// Contains reports whether a record with this status counts as answered. A
// status of 0, which means the source tells no outcome, always does: to leave
// such records out would turn "not known" into "nothing was read".
func (s StatusSet) Contains(status uint16) bool {
	if status == 0 {
		return true
	}
	return status < 1024 && s[status>>6]>>(status&63)&1 != 0
}

func (s *StatusSet) add(from, to int) {
	for i := from; i <= to; i++ {
		s[i>>6] |= 1 << (i & 63)
	}
}

// String lists the ranges, "200-299, 304".
func (s StatusSet) String() string {
	var parts []string
	in := func(i int) bool { return s[i>>6]>>(i&63)&1 != 0 }
	for i := 100; i < 1000; i++ {
		if !in(i) {
			continue
		}
		j := i
		for j+1 < 1000 && in(j+1) {
			j++
		}
		if i == j {
			parts = append(parts, strconv.Itoa(i))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", i, j))
		}
		i = j
	}
	return strings.Join(parts, ", ")
}

// defaultSuccess is 2xx. A 304 is left out: the client already held the data,
// and the read that gave it to it is a record of its own.
func defaultSuccess() (s StatusSet) {
	s.add(200, 299)
	return s
}

// parseStatuses reads "200", "2xx" or "200-206" into s.
func (s *StatusSet) parse(text string) bool {
	if len(text) == 3 && strings.HasSuffix(text, "xx") && text[0] >= '1' && text[0] <= '9' {
		h := int(text[0]-'0') * 100
		s.add(h, h+99)
		return true
	}
	lo, hi, ranged := strings.Cut(text, "-")
	if !ranged {
		hi = lo
	}
	a, ok := statusNumber(strings.TrimSpace(lo))
	if !ok {
		return false
	}
	b, ok := statusNumber(strings.TrimSpace(hi))
	if !ok || b < a {
		return false
	}
	s.add(a, b)
	return true
}

func statusNumber(t string) (int, bool) {
	if len(t) != 3 {
		return 0, false
	}
	n, err := strconv.Atoi(t)
	return n, err == nil && n >= 100 && n <= 999
}
