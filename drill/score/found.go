package score

import "time"

// Alert is something that a tool told somebody. A value that it does not name is
// empty.
type Alert struct {
	Time     time.Time
	Severity string // one of drill.Severities
	Rule     string
	Keys     []string // that tokens are signed with
	Actors   []string
	// Addresses are single ones or networks in CIDR.
	Addresses []string
	Agents    []string
	Routes    []string
	Text      string
}

// Found is what a tool found. Everything may be missing.
type Found struct {
	Proved   *People // reached, by the records that are left
	Possible *People // may have been reached
	Excluded *People // were not reached

	Statements []Statement
	Numbers    Numbers
	// Rules are all rules that were at work, so that those without an alert show.
	Rules []string
}

// Kinds of statements.
const (
	Gap          = "gap"           // nothing was logged, or nothing is left
	Unresolved   = "unresolved"    // rows were read, and the lines name nobody
	CoverageLost = "coverage_lost" // the record is there in part
	Hold         = "hold"          // from From on nothing is destroyed
)

var statementKinds = []string{Gap, Unresolved, CoverageLost, Hold}

// Statement is something a tool says about the record instead of about people.
type Statement struct {
	Kind string
	Log  string    // "" speaks of all
	From time.Time // zero: from the beginning
	To   time.Time // zero: to the end
	Rows int64     // unresolved: how many
}

// overlaps says whether a statement speaks of a log in a span.
func (s Statement) overlaps(log string, from, to time.Time) bool {
	return (s.Log == "" || log == "" || s.Log == log) &&
		(s.From.IsZero() || to.IsZero() || !s.From.After(to)) && (s.To.IsZero() || !s.To.Before(from))
}

// Numbers are what a tool gives out; nil is not given.
type Numbers struct {
	Reads       *int64           `json:"reads"`
	Accounts    *int64           `json:"accounts"`
	People      *int64           `json:"people"` // if not given, how many are proved
	Ghosts      *int64           `json:"ghosts"`
	ByItem      map[string]int64 `json:"people_by_item"` // if not given, counted among the proved
	ReadsByItem map[string]int64 `json:"reads_by_item"`
	// AccountsByItem are the accounts of which a page with the item was read, whether or
	// not it was empty.
	AccountsByItem map[string]int64 `json:"accounts_by_item"`
}
