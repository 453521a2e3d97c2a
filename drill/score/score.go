package score

import (
	"time"

	"github.com/haetae/haetae/drill"
)

// Version is that of the score's JSON; a field is never given another meaning.
const Version = 1

// Score is how a tool did in one drill. Its JSON is stable and is explained field by
// field in docs/drills.md. A ratio that has no meaning, as recall where nobody was
// reached, is left out.
type Score struct {
	Version  int        `json:"version"`
	Scenario string     `json:"scenario"`
	Title    drill.Text `json:"title"`
	Scale    int64      `json:"scale"` // quantities are 1 in Scale of reality's
	Seed     uint64     `json:"seed"`
	From     time.Time  `json:"from"`
	To       time.Time  `json:"to"`
	Zone     string     `json:"zone"`
	Run      Run        `json:"run"`

	Passed   bool      `json:"passed"`
	Failures []Failure `json:"failures"`

	Overall Part   `json:"overall"`
	Phases  []Part `json:"phases"`
	Scope   Scope  `json:"scope"`
	Numbers Pairs  `json:"numbers"`

	// Ahead are alerts that named a credential of the attack before a phase that was still
	// to come, and while none went on: a key whose custodian had left, say.
	Ahead       []Warning   `json:"ahead"`
	FalseAlarms FalseAlarms `json:"false_alarms"`
	Rules       []RuleScore `json:"rules"`
	// Blind says what the records of this scenario cannot show to any tool.
	Blind   []drill.Text `json:"blind"`
	Rings   []Ring       `json:"rings"`
	Faults  []Fault      `json:"faults"`
	Hold    *time.Time   `json:"hold,omitempty"` // the first that was set
	Claims  []Claim      `json:"claims"`
	Reality *Reality     `json:"reality,omitempty"`
	// Invented are the figures that no source gives as they are.
	Invented []Invented `json:"invented"`
	// Curve is how many people had been reached by the end of each day.
	Curve []Point `json:"curve"`
}

// Run says who was scored and how that is repeated. The caller fills it in.
type Run struct {
	Tool    string `json:"tool"`
	Version string `json:"version"`
	Command string `json:"command"`
	Aside   int64  `json:"aside"` // lines of the findings that could not be read
}

// Failure is a reason why a drill was not passed.
type Failure struct {
	Code string `json:"code"` // wrong_person, excluded_person, missed_person, ring, false_high
	drill.Text
}

// Part is the whole attack or one phase of it.
type Part struct {
	Name  string     `json:"name"`
	What  drill.Text `json:"what"`
	First time.Time  `json:"first,omitzero"` // without a record, there is none
	Last  time.Time  `json:"last,omitzero"`
	// People whom the attack reached, first within this part; ByItem those of whom the
	// item was shown and not empty.
	People int64            `json:"people"`
	ByItem map[string]int64 `json:"people_by_item"`
	Proved int64            `json:"proved"` // of People
	Recall *float64         `json:"recall,omitempty"`

	FirstCorrect *Alarm `json:"first_correct,omitempty"` // of any severity
	FirstHigh    *Alarm `json:"first_high,omitempty"`    // high or critical
}

// Alarm is a correct alert and how far the attack had got when it rang.
type Alarm struct {
	Time     time.Time `json:"time"`
	Severity string    `json:"severity"`
	Rule     string    `json:"rule"`
	After    int64     `json:"after"` // seconds since the part began
	// People reached by then, including that second. A person counts under each item
	// that the attack came to show, though it may have shown some later.
	People int64            `json:"people_reached"`
	ByItem map[string]int64 `json:"people_by_item"`
	// Prevented is the share of the people not yet reached: what is spared if the
	// credential is stopped in that second.
	Prevented       *float64           `json:"share_prevented,omitempty"`
	PreventedByItem map[string]float64 `json:"share_prevented_by_item"`
}

// Warning is an alert ahead of the attack.
type Warning struct {
	Time     time.Time `json:"time"`
	Severity string    `json:"severity"`
	Rule     string    `json:"rule"`
}

// Scope is whether the people that were named are the right ones.
type Scope struct {
	Truth     int64    `json:"truth"`
	Proved    int64    `json:"proved"`
	Right     int64    `json:"right"` // proved and true
	Wrong     int64    `json:"wrong"` // proved and not true
	Missed    int64    `json:"missed"`
	Precision *float64 `json:"precision,omitempty"`
	Recall    *float64 `json:"recall,omitempty"`
	// MissedInGap and MissedUnresolved are those of Missed whom no line names that is
	// left, within a span that was stated as a gap, or as rows that name nobody.
	MissedInGap      int64 `json:"missed_in_gap"`
	MissedUnresolved int64 `json:"missed_unresolved"`
	MissedUnsaid     int64 `json:"missed_unsaid"`
	// Possible are the people listed as possible, PossibleTrue those of them that are
	// true and not proved.
	Possible      int64       `json:"possible"`
	PossibleTrue  int64       `json:"possible_true"`
	Excluded      int64       `json:"excluded"`
	ExcludedWrong int64       `json:"excluded_wrong"`
	Items         []ItemScope `json:"items"`
}

// ItemScope is Scope for one item: pairs of a person and the item.
type ItemScope struct {
	Item string `json:"item"`
	drill.Text
	Truth     int64    `json:"truth"`
	Proved    int64    `json:"proved"`
	Right     int64    `json:"right"`
	Wrong     int64    `json:"wrong"`
	Missed    int64    `json:"missed"`
	Precision *float64 `json:"precision,omitempty"`
	Recall    *float64 `json:"recall,omitempty"`
}

// Pair is a number in truth and as the tool gave it; nil where it did not.
type Pair struct {
	Truth int64  `json:"truth"`
	Found *int64 `json:"found"`
}

// Pairs are the numbers that are usually mixed up.
type Pairs struct {
	Reads    Pair            `json:"reads"`
	Accounts Pair            `json:"accounts"`
	People   Pair            `json:"people"`
	ByItem   map[string]Pair `json:"people_by_item"`
	// ReadsByItem and AccountsByItem count pages that have the item, also where it was
	// empty.
	ReadsByItem    map[string]Pair `json:"reads_by_item"`
	AccountsByItem map[string]Pair `json:"accounts_by_item"`
	Ghosts         Pair            `json:"ghosts"`
	// Unresolved are the rows of the attack that name nobody, against those stated.
	Unresolved Pair `json:"unresolved_rows"`
}

// FalseAlarms are alerts that are no correct ones.
type FalseAlarms struct {
	Days       float64          `json:"days"` // of traffic
	Alerts     int64            `json:"alerts"`
	Correct    int64            `json:"correct"`
	Ahead      int64            `json:"ahead"`
	Late       int64            `json:"late"`     // names the attack alone, at no time of it, or a shared key and no use of it
	Evidence   int64            `json:"evidence"` // names nothing, while a fault of the evidence was
	False      int64            `json:"false"`
	Mixed      int64            `json:"mixed"` // of False: names the attack and others
	BySeverity map[string]int64 `json:"by_severity"`
	// PerDay is False over Days, by severity.
	PerDay map[string]float64 `json:"per_day"`
	// High are the false ones of high severity or more; Allowed how many may be.
	High        int64   `json:"high"`
	HighPerYear float64 `json:"high_per_year"`
	Allowed     float64 `json:"allowed"`
}

// RuleScore is what one rule did.
type RuleScore struct {
	Rule    string     `json:"rule"`
	Correct int64      `json:"correct"`
	False   int64      `json:"false"`
	Other   int64      `json:"other"` // late, or about evidence
	First   *time.Time `json:"first,omitempty"`
	// Severity is that of the first correct alert.
	Severity string `json:"severity,omitempty"`
}

// Ring is a signal that the scenario expects.
type Ring struct {
	Phase    string     `json:"phase"`
	Severity string     `json:"severity"`
	By       time.Time  `json:"by"`
	Met      bool       `json:"met"`
	At       *time.Time `json:"at,omitempty"` // the first that is correct and severe enough
}

// Fault is what was lost to a fault of the evidence, and whether it was said.
type Fault struct {
	drill.Lost
	What drill.Text `json:"what"`
	// Said: a statement of a gap or of lost coverage overlaps it.
	Said bool `json:"said"`
	// Held: a hold was set before the fault destroyed it, and so nothing was lost.
	Held bool `json:"held"`
}

// Claim is what somebody outside said against what the record proves.
type Claim struct {
	At      time.Time  `json:"at"`
	By      string     `json:"by"` // ransom, press …
	What    drill.Text `json:"what"`
	Item    string     `json:"item"`
	Of      string     `json:"of"` // people, reads
	Claimed int64      `json:"claimed"`
	Proved  *int64     `json:"proved"` // nil: the tool gave no such number
	Truth   int64      `json:"truth"`
	Ratio   *float64   `json:"ratio,omitempty"` // claimed over proved
}

// Reality is what happened when no drill was running, at full scale.
type Reality struct {
	Began  time.Time  `json:"began,omitzero"`
	Known  time.Time  `json:"known,omitzero"`
	Days   float64    `json:"days"` // from one to the other
	By     drill.Text `json:"by"`
	Counts []Count    `json:"counts"`
	// Factor is the last count over the first.
	Factor *float64 `json:"factor,omitempty"`
	// Earlier is how many days before that the first high alert rang in the drill.
	Earlier *float64 `json:"earlier,omitempty"`
}

// Count is a number that was given out.
type Count struct {
	On      time.Time  `json:"on,omitzero"` // not every source says when
	Number  float64    `json:"number"`
	Of      drill.Text `json:"of"`
	By      drill.Text `json:"by"`
	Sources []string   `json:"sources"`
}

// Invented is a figure that should not be relied on as a fact.
type Invented struct {
	Figure  string     `json:"figure"`
	Kind    string     `json:"kind"`     // invented, uncertain, calc
	Value   float64    `json:"value"`    // in full
	AtScale float64    `json:"at_scale"` // as this drill was played
	Unit    string     `json:"unit"`
	Why     drill.Text `json:"why"`
	Sources []string   `json:"sources"`
}

// Point is the end of a day.
type Point struct {
	Day    string `json:"day"` // 2025-04-14, in the scenario's zone
	People int64  `json:"people"`
}
