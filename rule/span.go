package rule

import (
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Span is a length of time as rules write it: "90m", "30d", "1y".
type Span struct {
	N    int64
	Unit byte // s, m, h, d, w, M (30 days) or y (365 days)
}

var spanUnits = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour,
	'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	'M': 30 * 24 * time.Hour, 'y': 365 * 24 * time.Hour,
}

// maxSpan is longer than any retention: statutes ask for two years of records,
// and for five where health is concerned.
const maxSpan = 30 * 365 * 24 * time.Hour

// Duration is the span with months of 30 and years of 365 days: windows slide,
// so no calendar says which month is meant.
func (s Span) Duration() time.Duration { return time.Duration(s.N) * spanUnits[s.Unit] }

func (s Span) String() string {
	if s.Unit == 0 {
		return ""
	}
	return strconv.FormatInt(s.N, 10) + string(s.Unit)
}

// ParseSpan reads a span.
func ParseSpan(text string) (Span, error) {
	if len(text) < 2 {
		return Span{}, failing("is no length of time such as 90m, 30d or 1y")
	}
	unit := text[len(text)-1]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 40)
	if spanUnits[unit] == 0 || err != nil || text[0] == '+' {
		return Span{}, failing("is no length of time: a number, then s, m, h, d, w, M (30 days) or y")
	}
	if n == 0 {
		return Span{}, failing("is no length of time")
	}
	if n > uint64(maxSpan/spanUnits[unit]) {
		return Span{}, failing("is longer than 30 years")
	}
	return Span{int64(n), unit}, nil
}

func (p *parser) span(n *yaml.Node, field string) Span {
	text, ok := p.text(n, field)
	if !ok {
		return Span{}
	}
	s, err := ParseSpan(text)
	if err != nil {
		p.fail(n, field, "%s", err)
	}
	return s
}
