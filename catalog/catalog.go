package catalog

import (
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/event"
)

// Text is something a user reads, in both languages of the project.
type Text struct {
	KO string `json:"ko"`
	EN string `json:"en"`
}

// Catalog is one edition of the catalog. It does not change after Parse and
// may be used from many goroutines; callers do not write to its fields, except
// that the ledger sets Edition before it hands the catalog on.
type Catalog struct {
	Name    string // the file it was read from
	Edition uint32
	Items   []Item
	Sources []Source

	zone        *time.Location
	pattern     *pattern // nil: any id is an account id
	patternText string
	memberTypes []string

	routes []*Route
	tables []*Route // those of tables of a database, see statement.go
	byName map[string]*Route
	tries  [methodCount]trie
	words  map[string]bool // static segments of all templates: never lifted as ids

	pool *sync.Pool // of *scratch, for Fill
	uses *tableUses
}

// Item is one kind of personal data (개인정보 항목).
type Item struct {
	Name  string `json:"name"` // as routes and predicates name it: "door_code"
	KO    string `json:"ko"`
	EN    string `json:"en"`
	Class Class  `json:"class"`
}

// ItemSet is a set of items of one catalog: bit i stands for Items[i].
type ItemSet uint64

// MaxItems is how many items a catalog can have: a set of them is one machine
// word, so that the union over a billion rows is one instruction a row. The
// largest processing register seen so far had about forty.
const MaxItems = 64

// Has reports whether bit i is in s.
func (s ItemSet) Has(i int) bool { return i >= 0 && i < MaxItems && s>>uint(i)&1 != 0 }

// Len is the number of items in s.
func (s ItemSet) Len() int { return bits.OnesCount64(uint64(s)) }

// ItemNames lists the items of s in the order of the catalog.
func (c *Catalog) ItemNames(s ItemSet) []string {
	names := make([]string, 0, s.Len())
	for i := range c.Items {
		if s.Has(i) {
			names = append(names, c.Items[i].Name)
		}
	}
	return names
}

// ItemBit gives the bit of the item called name.
func (c *Catalog) ItemBit(name string) (int, bool) {
	for i := range c.Items {
		if c.Items[i].Name == name {
			return i, true
		}
	}
	return 0, false
}

// Route is one template with everything said about it.
type Route struct {
	Name    string // "GET /support/members/{member}"
	Answers []Answer

	method   method
	segments []templateSegment
	table    []string // the parts of the name of a table or routine; then the rest is empty
	routine  Routine
	wild     bool   // ends in *
	head     string // the same template under HEAD: no body, so no items
	options  string
	line     int
}

// Answer is what a route's answer carries, between two moments.
type Answer struct {
	// From is the first moment it holds, Until the first it no longer does.
	From, Until event.Millis

	Items     ItemSet
	Position  event.Position
	Name      string // variable or parameter the account stands in
	Separator string // between accounts in one query parameter; empty: only one
	Behind    bool   // also shows the people behind the account
	FanOut    int    // accounts that one answer shows to whoever opens it; 0: not declared
	Success   StatusSet
	Action    event.Action // for a route under ANY, that of the request's method unless declared
	Note      string

	columns map[string]ItemSet // of a table: what each column carries; Items is what the others do
	over    []string           // of a view: the names of the tables that are read through it
	acts    bool               // the catalog names the action; else the method does
	segment int                // index of the path segment Name stands at
	line    int
}

// The ends of time, for answers without a date.
const (
	Always event.Millis = math.MinInt64
	Never  event.Millis = math.MaxInt64
)

// Routes lists the routes in the order of the file, one per template, and then the
// tables.
func (c *Catalog) Routes() []*Route { return slices.Concat(c.routes, c.tables) }

// answer is the one in force at a moment, or nil.
func (r *Route) answer(at event.Millis) *Answer {
	for i := range r.Answers {
		if a := &r.Answers[i]; a.From <= at && at < a.Until {
			return a
		}
	}
	return nil
}

// Zone is the catalog's time zone: dates without a time mean its midnight.
func (c *Catalog) Zone() *time.Location { return c.zone }

// AccountPattern is the pattern account ids must fit, or "" when any id does.
func (c *Catalog) AccountPattern() string { return c.patternText }

// ValidAccount reports whether id fits the catalog's account pattern. What does
// not is counted as malformed and not stored.
func (c *Catalog) ValidAccount(id event.AccountID) bool {
	if id == "" {
		return false
	}
	return c.pattern == nil || c.pattern.match(string(id))
}

// IsMember reports whether an actor type of the log means a data subject using
// an account of their own.
func (c *Catalog) IsMember(actorType string) bool {
	for _, t := range c.memberTypes {
		if t == actorType {
			return true
		}
	}
	return false
}

// Source finds a source by name.
func (c *Catalog) Source(name string) (*Source, bool) {
	for i := range c.Sources {
		if c.Sources[i].Name == name {
			return &c.Sources[i], true
		}
	}
	return nil, false
}
