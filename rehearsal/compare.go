package rehearsal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/written"
)

// bound is a range of numbers, as a test writes it.
type bound struct {
	text     string
	min, max float64
	set      bool
}

const infinite = 1e300

// Read takes 12, ">= 10", "<= 20" or 3..20.
func (b *bound) Read(r *written.Reader, n *yaml.Node, field string) {
	s, ok := r.Scalar(n, field)
	if !ok {
		return
	}
	s = strings.TrimSpace(s)
	*b = bound{text: s, min: -infinite, max: infinite, set: true}
	number := func(s string) float64 {
		v, e := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if e != nil && !r.Has(field) {
			r.Failf(n, field, "수(12), 하한(>= 10), 상한(<= 20), 범위(3..20) 중 하나가 아닙니다", "is no number (12), bound (>= 10 or <= 20) or range (3..20)")
		}
		return v
	}
	switch {
	case strings.HasPrefix(s, ">="):
		b.min = number(s[2:])
	case strings.HasPrefix(s, "<="):
		b.max = number(s[2:])
	default:
		from, to, ok := strings.Cut(s, "..")
		b.min = number(from)
		if b.max = b.min; ok {
			b.max = number(to)
		}
	}
}

func (b bound) holds(v float64) bool { return !b.set || b.min <= v && v <= b.max }

// compare says in what signals differ from what a case expects. Each expectation
// takes the signal of its rule and group that fits it best.
func compare(signals []detect.Signal, c *Case, forms func(field, id string) []string, zone *time.Location, at place) ([]Difference, error) {
	var out []Difference
	var expected []Expectation
	if c.Expect != nil {
		expected = *c.Expect
	}
	taken := make([]bool, len(signals))
	for k, x := range expected {
		best, diffs := -1, []Difference(nil)
		for i, s := range signals {
			if taken[i] || s.Rule != x.Rule || !fits(s.Group, x.Group, forms) {
				continue
			}
			d, err := x.differences(&s, zone, place{at.read, written.Index(at.at+".expect", k)})
			if err != nil {
				return nil, err
			}
			if best < 0 || len(d) < len(diffs) {
				best, diffs = i, d
			}
		}
		if best < 0 {
			out = append(out, Difference{Kind: Missing, Rule: x.Rule, Group: x.Group})
			continue
		}
		taken[best] = true
		out = append(out, diffs...)
	}
	most, some := detect.ParseSeverity(c.AtMost)
	for i, s := range signals {
		switch d := (Difference{Kind: Unexpected, Rule: s.Rule, Group: s.Group, Field: "severity", Got: s.Severity.String()}); {
		case taken[i]:
		case !some:
			out = append(out, d)
		case s.Severity > most:
			d.Kind, d.Want = TooSevere, c.AtMost
			out = append(out, d)
		}
	}
	return out, nil
}

func fits(group, want map[string]string, forms func(field, id string) []string) bool {
	for field, id := range want {
		if got := group[field]; got != id && !slices.Contains(forms(field, id), got) {
			return false
		}
	}
	return true
}

func (x *Expectation) differences(s *detect.Signal, zone *time.Location, at place) ([]Difference, error) {
	var out []Difference
	differ := func(field, want, got string) {
		out = append(out, Difference{Kind: Differs, Rule: s.Rule, Group: s.Group, Field: field, Want: want, Got: got})
	}
	if x.Severity != "" && x.Severity != s.Severity.String() {
		differ("severity", x.Severity, s.Severity.String())
	}
	if x.Status != "" && x.Status != string(s.Status) {
		differ("status", x.Status, string(s.Status))
	}
	for _, n := range []struct {
		field string
		want  bound
		got   float64
	}{{"count", x.Count, s.Reached}, {"reads", x.Reads, float64(s.Reads)}, {"accounts", x.Accounts, float64(s.Accounts)}, {"people", x.People, float64(s.People)}} {
		if !n.want.holds(n.got) {
			differ(n.field, n.want.text, strconv.FormatFloat(n.got, 'f', -1, 64))
		}
	}
	if x.Reached != "" {
		by, err := at.moment("reached", x.Reached, zone)
		if err != nil {
			return nil, err
		}
		reached, err := time.Parse(time.RFC3339, s.ReachedAt)
		if err != nil {
			return nil, fmt.Errorf("reached: %w", err)
		}
		if reached.After(by) {
			differ("reached", x.Reached, s.ReachedAt)
		}
	}
	return out, nil
}
