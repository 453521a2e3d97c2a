package drill

import "time"

// Truth is what a drill knows: exactly whom the attack reached, with which items and
// when. It is made beside the traffic, from the scenario, and never from a log.
type Truth struct {
	Scenario string    `json:"scenario"`
	Scale    int64     `json:"scale"`
	Seed     uint64    `json:"seed"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Items    []string  `json:"items"` // in the order of the bits of Reached.Items

	// Records are the lines of the attack, whatever the outcome, each once and also those
	// that a fault took; Reads those that were answered with personal data.
	Records  int64 `json:"records"`
	Reads    int64 `json:"reads"`
	Accounts int64 `json:"accounts"` // registered, whose data was in an answer
	People   int64 `json:"people"`   // for whom at least one item was shown and not empty
	Ghosts   int64 `json:"ghosts"`   // numbers that are nobody's, tried by forged tokens
	// PeopleByItem counts people for whom the item was shown and not empty; ReadsByItem
	// and AccountsByItem the reads of pages that return it, and the accounts they name.
	PeopleByItem   map[string]int64 `json:"people_by_item"`
	ReadsByItem    map[string]int64 `json:"reads_by_item"`
	AccountsByItem map[string]int64 `json:"accounts_by_item"`
	// Unresolved are reads of the attack whose line names nobody, and the rows that such
	// lines say. Whose data they held counts under Accounts and People.
	Unresolved     int64 `json:"unresolved"`
	UnresolvedRows int64 `json:"unresolved_rows"`

	Phases []PhaseTruth `json:"phases"`
	// Marks are what an alert can name that belongs to the attack.
	Marks Marks `json:"marks"`
	// Lost is what faults took away of the attack's lines.
	Lost []Lost `json:"lost"`
	// Background is how many lines were no attack, each once and also those lost.
	Background int64 `json:"background"`
}

// PhaseTruth is what a phase did.
type PhaseTruth struct {
	Name    string    `json:"name"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Records int64     `json:"records"`
	Reads   int64     `json:"reads"`
	People  int64     `json:"people"` // first reached in it
	// Routes are the attack's, and how many lines on each were its own and how many
	// were others' between From and To of the phase.
	Routes map[string]Share `json:"routes"`
}

// Share is how many lines were the attack's and how many were not.
type Share struct {
	Attack int64 `json:"attack"`
	Others int64 `json:"others"`
}

// Marks are values that stand in lines of the attack and, but for routes, in no
// other line: a key that ordinary tokens have too is under SharedKeys.
type Marks struct {
	Keys       []string `json:"keys"`
	SharedKeys []string `json:"shared_keys"`
	Actors     []string `json:"actors"`
	// SharedActors took part with an account of their own that does ordinary work too.
	SharedActors []string `json:"shared_actors"`
	Networks     []string `json:"networks"` // CIDR
	Agents       []string `json:"agents"`
	// SharedNetworks and SharedAgents stand in ordinary lines too: to name one says
	// nothing for or against an alert.
	SharedNetworks []string `json:"shared_networks"`
	SharedAgents   []string `json:"shared_agents"`
	Routes         []string `json:"routes"`
}

// Lost is what a fault took away.
type Lost struct {
	Fault   string    `json:"fault"` // its kind
	Log     string    `json:"log"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Records int64     `json:"records"` // of the attack
	// People whom only lost lines show.
	People int64 `json:"people"`
	// ByHold: a hold that is set in time keeps it.
	ByHold bool `json:"by_hold"`
}

// Reached is one person the attack reached. The account is whose data was read, the
// person who stands behind it or in its book.
type Reached struct {
	Person string
	// Items are the bits of what was shown and not empty.
	Items uint32
	// First is the second in which the person was reached first, since 1970.
	First int64
	// Named: a line that is left names the account by which this person was reached.
	// False: only lines that name nobody, or lines that a fault took.
	Named bool
	// ByHold: the lines that do are those which a retention job destroys unless a hold was
	// set.
	ByHold bool
	// Account: the person is the holder of an account, whose id is the same.
	Account bool
}
