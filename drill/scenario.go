package drill

import (
	"time"

	"github.com/haetae/haetae/internal/written"
)

// Scenario is one leak, or one year without a leak. Keys that are not named here are
// mistakes.
type Scenario struct {
	Version int    `yaml:"version"`
	ID      string `yaml:"id"` // small letters, digits and -: coupang-2025
	Title   Text   `yaml:"title"`
	// Summary is what happened, as it is reconstructed.
	Summary Text `yaml:"summary"`
	// Unsettled is what no authority or court has settled, or where sources disagree.
	Unsettled []Text `yaml:"unsettled"`

	// Scale is at which 1:so-much it is played if nobody says otherwise.
	Scale int    `yaml:"scale"`
	Zone  string `yaml:"zone"` // of every moment below
	From  Moment `yaml:"from"` // the first moment of traffic
	To    Moment `yaml:"to"`   // the end, not included

	// Sources are addresses by a short name, which figures refer to.
	Sources Table[string]  `yaml:"sources"`
	Figures Table[*Figure] `yaml:"figures"`

	Population Population      `yaml:"population"`
	Items      Table[*Item]    `yaml:"items"`
	Networks   Table[*Network] `yaml:"networks"`
	Logs       Table[*Log]     `yaml:"logs"`
	Pages      Table[*Page]    `yaml:"pages"`
	Actors     Table[*Actors]  `yaml:"actors"`
	Keys       []Key           `yaml:"keys"`

	Background []Traffic `yaml:"background"`
	Changes    []Change  `yaml:"changes"`
	Attack     []Phase   `yaml:"attack"` // none: a quiet year
	Faults     []Fault   `yaml:"faults"`
	Outside    []Outside `yaml:"outside"`

	Reality  Reality    `yaml:"reality"`
	Question []Question `yaml:"question"`
	Expect   Expect     `yaml:"expect"`

	common   *Common
	used     []string
	location *time.Location
	read     *written.Reader
}

// Text is a sentence in both languages.
type Text struct {
	KO string `yaml:"ko" json:"ko"`
	EN string `yaml:"en" json:"en"`
}

// Figure is a quantity and where it comes from: exactly one of Source, Calc and
// Invented. Calc may name the sources of what it is computed from.
type Figure struct {
	Value    string   `yaml:"value"` // a decimal number
	Unit     string   `yaml:"unit"`  // accounts, reads, days, percent …
	Source   []string `yaml:"source"`
	Calc     Text     `yaml:"calc"`     // the arithmetic, where it is ours
	Invented Text     `yaml:"invented"` // why this number, where no source has one
	// Uncertain says why a number with a source should not be relied on: one source
	// only, a weak one, two that disagree.
	Uncertain Text `yaml:"uncertain"`
	// Fixed figures do not shrink with the scale: a share, a number of days, of staff.
	Fixed bool `yaml:"fixed"`

	number float64
}

// Amount is a quantity that stands in Figures under this name. The zero Amount is 0.
type Amount struct {
	Figure string
	figure *Figure
}

// Moment is a time in the scenario's zone: 2025-04-14, 2025-04-14 03:00 or with
// seconds. The zero Moment was not given.
type Moment struct {
	Text string
	time.Time
}

// Population is who exists. Accounts have numbers, most of the possible ones or few of
// them; each has one person of its own, and may list others, with accounts or without.
type Population struct {
	Prefix string `yaml:"prefix"` // of an account's id: m
	Digits int    `yaml:"digits"` // of its number: 8
	First  Amount `yaml:"first"`  // the lowest number; a fixed figure
	// Accounts is how many are registered.
	Accounts Amount `yaml:"accounts"`
	// Unused is how many of the numbers between First and the highest are nobody's.
	Unused Amount `yaml:"unused"`
	// Empty is how many of the accounts have no item that is not empty.
	Empty Amount `yaml:"empty"`
	// Joined is how many of the accounts signed up during the scenario, evenly.
	Joined Amount `yaml:"joined"`
	// Strangers is how many people without an account stand in address books.
	Strangers Amount `yaml:"strangers"`
	// Books is in how many accounts' books the strangers stand, evenly spread; without it,
	// in all.
	Books Amount `yaml:"books"`
	// Shared is how many in a hundred strangers stand in a second book too.
	Shared Amount `yaml:"shared"`
	// Listed is how many in a hundred accounts list another member in their book, with
	// the items that Strangers may have.
	Listed Amount `yaml:"listed"`
	// Register is the day as of which the register was exported; later accounts are not
	// in it. Without it the register has everybody.
	Register Moment `yaml:"register"`
}

// Item is a kind of personal data.
type Item struct {
	KO    string `yaml:"ko"`
	EN    string `yaml:"en"`
	Class string `yaml:"class"` // as in a catalog
	// Members is for how many in a hundred members it is not empty; Strangers for how
	// many in a hundred people without an account. Without a figure: 100 and 0.
	Members   *Amount `yaml:"members"`
	Strangers *Amount `yaml:"strangers"`
	// Among says how many of the accounts that the attack reads on a page hold it,
	// instead of Members, for those accounts.
	Among *Among `yaml:"among"`
}

// Among is so many of the accounts that a phase of the attack reads on a page.
type Among struct {
	Phase    string `yaml:"phase"`
	Page     string `yaml:"page"`
	Accounts Amount `yaml:"accounts"`
}

// Network is a pool of addresses.
type Network struct {
	CIDR      string `yaml:"cidr"` // of a range that is nobody's: 10/8, 100.64/10, 198.18/15, 240/4, 2001:db8::/32
	Addresses Amount `yaml:"addresses"`
	Country   string `yaml:"country"` // two letters, where the log says it
}

// Log is a source.
type Log struct {
	Format string `yaml:"format"` // nginx, pgaudit, cloudtrail
	// Cadence is the longest silence that is ordinary: 6h.
	Cadence string `yaml:"cadence"`
}

// Page is something that can be read: a route, a table, an object.
type Page struct {
	Log string `yaml:"log"`
	// Request is method and path, with {account}, {actor} or {n} in it.
	Request string `yaml:"request"`
	// Table and Columns are for pgaudit: database.schema.table, and item to columns; an
	// item without columns stands in one of its own name. The account stands in id. Of a
	// sign_in it is the database alone. An export copies the whole table.
	Table   string              `yaml:"table"`
	Columns map[string][]string `yaml:"columns"`
	// Object is for cloudtrail: bucket/key, with {account} or {n} in it. Of a sign_in it
	// is console: staff sign in there, services take their role.
	Object string   `yaml:"object"`
	Items  []string `yaml:"items"`
	// Whose the items are: actor, path (the account in the path, the statement, the
	// object), list (the log lists the accounts), nobody (only rows are known). Empty
	// with items empty: no personal data.
	Whose string `yaml:"whose"`
	// Book: it also shows the people in the account's address book.
	Book bool `yaml:"book"`
	// Rows are how many accounts one answer of a list, or rows of nobody, has.
	Rows Amount `yaml:"rows"`
	// Does is the action where it is not a read: sign_in, issue, export.
	Does string `yaml:"does"`
}

// Actors is a group of those who read. The members are the group `members` and need
// no entry.
type Actors struct {
	Type    string `yaml:"type"` // staff, partner, service
	Prefix  string `yaml:"prefix"`
	Count   Amount `yaml:"count"`
	Network string `yaml:"network"`
	// Key is the key that their tokens carry; without it, the one in use.
	Key string `yaml:"key"`
	// Left is when all of them had left.
	Left Moment `yaml:"left"`
}

// Key signs tokens.
type Key struct {
	ID      string `yaml:"id"`
	Purpose string `yaml:"purpose"`
	From    Moment `yaml:"from"`  // in ordinary use from here
	Until   Moment `yaml:"until"` // to here; open if not given
	// Custodian is a made-up id; CustodianLeft is when that person had left.
	Custodian     string `yaml:"custodian"`
	CustodianLeft Moment `yaml:"custodian_left"`
	RotatesBy     Moment `yaml:"rotates_by"`
}

// Traffic is ordinary traffic of one group.
type Traffic struct {
	Name string `yaml:"name"`
	Who  string `yaml:"who"`   // members, a group of Actors, or nobody: no sign-in
	From Moment `yaml:"from"`  // without it, the scenario's
	To   Moment `yaml:"to"`    // without it, the scenario's
	Day  Amount `yaml:"a_day"` // visits a day by the whole group, on a mean day
	// Shape is how visits lie over the week: members (evenings), office (working
	// hours), night, flat. Shapes are drawn after no source and are the same for all.
	Shape string `yaml:"shape"`
	// Daily is a job instead: at this time of day, every day.
	Daily string `yaml:"daily"`
	// Steps are the pages of a visit, in this order.
	Steps []Step `yaml:"steps"`
	// SignIn is the page a visit begins with; Failures is how many in a hundred of
	// those fail first. Refresh is a page that issues the token anew, after Step's.
	SignIn   string `yaml:"sign_in"`
	Failures Amount `yaml:"failures"`
	Refresh  string `yaml:"refresh"`
	Network  string `yaml:"network"` // without it, the group's
	Agent    string `yaml:"agent"`   // browser, app, script
	// Targets is how many accounts a group of staff has to do with, evenly spread over
	// all; without it, anybody.
	Targets Amount `yaml:"targets"`
}

// Step is a page of a visit: Times in a hundred visits, more than once if above 100.
type Step struct {
	Page  string `yaml:"page"`
	Times Amount `yaml:"times"`
}

// Change is something known that makes ordinary traffic look odd.
type Change struct {
	Kind    string `yaml:"kind"` // sale_day, key_rotation, new_office, migration
	From    Moment `yaml:"from"`
	To      Moment `yaml:"to"`
	Factor  Amount `yaml:"factor"` // sale_day: times the visits of members
	Key     string `yaml:"key"`    // key_rotation: the key from then on
	Who     string `yaml:"who"`    // new_office: the group that moves
	Network string `yaml:"network"`
	// Announced: it stands in the calendar that the rules are given.
	Announced bool `yaml:"announced"`
	Name      Text `yaml:"name"`
}

// Phase is a stretch of the attack in which one thing is done.
type Phase struct {
	Name string `yaml:"name"` // small letters, digits, -
	What Text   `yaml:"what"`
	From Moment `yaml:"from"`
	To   Moment `yaml:"to"`
	// Credential: forged (a token of its own for each account, which no sign-in
	// issued), own (valid accounts of Who sign in), guessed (passwords are tried, and
	// what works is used), none (no sign-in needed), issued (a token or key of Who, used
	// without a sign-in of its own, such as a service's).
	Credential string `yaml:"credential"`
	Who        string `yaml:"who"` // group of Actors or members; for forged, members
	// Actors is how many of Who take part; without it one.
	Actors Amount `yaml:"actors"`
	Key    string `yaml:"key"`
	SignIn string `yaml:"sign_in"`
	// Tries are the sign-ins tried in all (guessed); Hits those that worked.
	Tries Amount `yaml:"tries"`
	Hits  Amount `yaml:"hits"`

	// Accounts is how many existing accounts are read; Ghosts how many numbers that
	// are nobody's are tried, each once, on the first of Pages. Ghosts get GhostStatus.
	Accounts    Amount `yaml:"accounts"`
	Ghosts      Amount `yaml:"ghosts"`
	GhostStatus int    `yaml:"ghost_status"` // 200, 401, 403, 404; 404 if not given
	// Order of the accounts: rising, random, spread (every so many-th).
	Order string `yaml:"order"`
	// Pages are read so often in all, by so many of the accounts.
	Pages []Reads `yaml:"pages"`
	// Shape over the week; flat if not given. Peak makes one day have PeakReads.
	Shape     string `yaml:"shape"`
	Peak      Moment `yaml:"peak"`
	PeakReads Amount `yaml:"peak_reads"`
	// Network is where it comes from; Rotate is how many reads an address is used for.
	Network string `yaml:"network"`
	Rotate  Amount `yaml:"rotate"`
	Agent   string `yaml:"agent"` // browser, app, script
	// New: the accounts are those that joined last, rather than any.
	New bool `yaml:"new"`
}

// Reads is how often a page is read in a phase.
type Reads struct {
	Page  string `yaml:"page"`
	Reads Amount `yaml:"reads"`
	// Accounts is of how many of the phase's accounts; without it, of all.
	Accounts Amount `yaml:"accounts"`
	// Reaches is, on a page that names nobody, how many accounts' data the answers held.
	Reaches Amount `yaml:"reaches"`
}

// Fault is what goes wrong with the evidence.
type Fault struct {
	Kind string `yaml:"kind"` // retention, silent, late, doubled, skew, missing
	Log  string `yaml:"log"`
	From Moment `yaml:"from"` // silent, missing: nothing is left of this span
	To   Moment `yaml:"to"`
	// At is when a retention job runs; it destroys what is older than Before, unless a
	// hold was set.
	At     Moment `yaml:"at"`
	Before Moment `yaml:"before"`
	Share  Amount `yaml:"share"` // late, doubled: so many in a hundred lines
	By     string `yaml:"by"`    // late, skew: how much, 90s or 2h
	What   Text   `yaml:"what"`
}

// Outside is something that reaches the company from outside.
type Outside struct {
	At   Moment `yaml:"at"`
	Kind string `yaml:"kind"` // customer, ransom, police, press, authority, whistleblower, partner
	What Text   `yaml:"what"`
	// Claims are how many reads or people the sender says there are, by item or page.
	Claims []Claim  `yaml:"claims"`
	Source []string `yaml:"source"`
}

// Claim is what somebody says about an item.
type Claim struct {
	Item   string `yaml:"item"`
	Amount Amount `yaml:"amount"`
	Of     string `yaml:"of"` // people, reads
}

// Reality is what happened, to stand beside the score.
type Reality struct {
	Began  Moment   `yaml:"began"`  // first hostile access
	Known  Moment   `yaml:"known"`  // the holder recognised it
	By     Text     `yaml:"by"`     // who or what rang
	Counts []Count  `yaml:"counts"` // as they were said, in order
	Source []string `yaml:"source"`
	Notes  []Text   `yaml:"notes"`
}

// Count is a number that was given out.
type Count struct {
	On     Moment   `yaml:"on"`
	Number Amount   `yaml:"number"`
	Of     Text     `yaml:"of"` // accounts, people
	By     Text     `yaml:"by"`
	Source []string `yaml:"source"`
}

// Question is what somebody who investigates asks the record: the condition that a
// tool which supports conditions is scored by. Several are united.
type Question struct {
	Where string `yaml:"where"`
	From  Moment `yaml:"from"`
	To    Moment `yaml:"to"`
}

// Expect is what a run has to reach to pass.
type Expect struct {
	// Rings: a signal of this severity that is correct, by this moment.
	Rings []Ring `yaml:"rings"`
	// Blind says honestly what the records cannot show, and so no rule can.
	Blind []Text `yaml:"blind"`
	// FalseHigh is how many signals of high severity may be wrong in a year; 1 if not
	// given.
	FalseHigh *Amount `yaml:"false_high"`
}

// Ring is a signal that has to be.
type Ring struct {
	Phase    string `yaml:"phase"`
	Severity string `yaml:"severity"` // at least
	By       Moment `yaml:"by"`
}
