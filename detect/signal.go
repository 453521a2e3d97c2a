package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Severity is how much a signal asks of whoever is on call.
type Severity uint8

const (
	// Informational: worth a line in a report. "Coverage lost" begins here.
	Informational Severity = iota
	Low
	Medium
	High // somebody is woken
	Critical
)

var severityNames = [...]string{"informational", "low", "medium", "high", "critical"}

func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// ParseSeverity is the inverse of String.
func ParseSeverity(s string) (Severity, bool) {
	i := slices.Index(severityNames[:], s)
	return Severity(max(i, 0)), i >= 0
}

// MarshalText writes the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name.
func (s *Severity) UnmarshalText(b []byte) error {
	v, ok := ParseSeverity(string(b))
	if !ok {
		return fmt.Errorf("severity %q is not one of %s", b, strings.Join(severityNames[:], ", "))
	}
	*s = v
	return nil
}

// Text is a sentence in both languages.
type Text struct {
	KO string `json:"ko" yaml:"ko"`
	EN string `json:"en" yaml:"en"`
}

// Signal (탐지) says that a rule found something, to whom, and which question
// finds the records behind it. One leak is one signal that grows. Its JSON form
// is stable.
type Signal struct {
	ID       string            `json:"id"` // of rule and group, the same live and in a back-run
	Rule     string            `json:"rule"`
	Title    Text              `json:"title"`
	Severity Severity          `json:"severity"`
	Group    map[string]string `json:"group"` // field to value; an actor or account as its pseudonym
	First    string            `json:"first"`
	Last     string            `json:"last"`
	// Episodes are the stretches of records between First and Last in which the rule
	// found something, where they are more than one.
	Episodes [][2]string `json:"episodes,omitempty"`
	// What Where finds between First and Last.
	Reads    int64 `json:"reads"`
	Accounts int64 `json:"accounts"`
	People   int64 `json:"people"`
	// Items counts, per item, the people for whom it was shown and not empty.
	Items  map[string]int64 `json:"items"`
	Reason Text             `json:"reason"`
	Where  string           `json:"where"` // a predicate for haetae scope
	// Exact: Where finds just the records the rule counted. If not, it finds those
	// and others of the same group.
	Exact bool `json:"exact"`
	// Standing: it is about how something stands in a register, whose key is not
	// exchanged, and rings without a record. Where finds what was read meanwhile.
	Standing bool   `json:"-"`
	Status   Status `json:"status"`

	// Reached is the number that made the rule fire, at its largest.
	Reached float64 `json:"reached"`
	// ReachedAt is the moment of the record that made it fire first.
	ReachedAt string   `json:"reached_at"`
	Tags      []string `json:"tags,omitempty"` // ATT&CK and others, as the rule has them
	// Calendar names what was going on: a sale day, a migration.
	Calendar []Text `json:"calendar,omitempty"`
	// Exception is the one that keeps this signal quiet, and why.
	Exception *Exception `json:"exception,omitempty"`
	// Beyond is an exception of its rule and group that does not hold, since some of the
	// signal lies outside its time.
	Beyond *Exception `json:"exception_beyond,omitempty"`
	// Late: records that came after the watermark have changed it.
	Late bool `json:"late,omitempty"`
}

// Status of a signal. What a person decides about it is a fact of a case; here
// it only says whether somebody has to look.
type Status string

const (
	Open         Status = "open"
	Acknowledged Status = "acknowledged"
	Suppressed   Status = "suppressed" // by an exception
	Withdrawn    Status = "withdrawn"  // told of once, and no longer found; alerts only
)

// SignalID is the same for the same rule and group wherever it is computed.
func SignalID(rule string, group map[string]string) string {
	h := sha256.New()
	fmt.Fprintf(h, "haetae signal 1\n%q\n", rule)
	keys := make([]string, 0, len(group))
	for k := range group {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fmt.Fprintf(h, "%q=%q\n", k, group[k])
	}
	return "sig-" + hex.EncodeToString(h.Sum(nil)[:10])
}
