package catalog

import (
	"strings"

	"github.com/haetae/haetae/event"
)

// Meaning is what a stored route meant, by this catalog, at one moment.
type Meaning struct {
	// Known: a template matches and says something about that moment. If not,
	// the record is unmapped and the other fields are zero.
	Known bool
	Route string // the template's name in this catalog

	// Possible names a template that an unmapped record may have meant: one of its
	// literal segments is no word that shapes keep, and something was lifted
	// there. Only decoding the raw log again can tell.
	Possible string

	// Personal: an answer with a body carries at least one item.
	Personal bool
	Items    ItemSet
	// Behind: the answer also shows the people behind the account.
	Behind   bool
	FanOut   int // accounts that one answer shows to whoever opens it; 0: not declared
	Position event.Position
	Success  StatusSet
	Action   event.Action
	Note     string

	// Added: the record was stored as unmapped and carries items only because
	// the catalog was corrected since. See also AddedSince.
	Added bool

	// From and Until bound the time over which this meaning holds, so that a
	// caller asks once for all rows in between.
	From, Until event.Millis
}

// Meaning gives what a stored route, or the stored shape of an unmapped path,
// meant at a moment.
//
// A stored route whose template is gone or renamed is looked up by its
// structure. A shape meets a template when its words are the template's words,
// each lifted segment stands at a variable, and no template that would go before
// could have been meant: then it stays unmapped, with Possible. Where the
// template has the account in the path, Position says so only if the id kept
// beside the record is the one at that place.
func (c *Catalog) Meaning(route string, mapped bool, at event.Millis) Meaning {
	s := c.findStored(route, mapped)
	return s.meaning(at)
}

// Meanings gives every meaning a stored route ever had, in order, covering all
// time from Always to Never; moments the catalog says nothing about are Known:
// false.
func (c *Catalog) Meanings(route string, mapped bool) []Meaning {
	s := c.findStored(route, mapped)
	var out []Meaning
	for at := Always; ; {
		m := s.meaning(at)
		out = append(out, m)
		if m.Until == Never {
			return out
		}
		at = m.Until
	}
}

// stored is a stored route or shape, found again in this catalog.
type stored struct {
	route    *Route // nil: no template matches
	possible string // then: one that may
	mapped   bool
	bodiless bool
	account  int // segment of the lifted id; -1: not known, so where the template says

	// Of a statement: the catalog, the stored route, and the tables it names.
	catalog *Catalog
	name    string
	uses    []storedUse
}

func (s *stored) meaning(at event.Millis) Meaning {
	if s.uses != nil {
		return s.catalog.meaningOfTables(s.name, s.uses, s.mapped, at)
	}
	m := Meaning{From: Always, Until: Never, Possible: s.possible}
	if s.route == nil {
		return m
	}
	a := s.route.answer(at)
	if a == nil {
		s.route.narrow(&m, at)
		return m
	}
	m = Meaning{
		Known: true, Route: s.route.Name, Items: a.Items, Behind: a.Behind, FanOut: a.FanOut, Position: a.Position,
		Success: a.Success, Action: a.Action, Note: a.Note, From: a.From, Until: a.Until,
	}
	if s.bodiless {
		m.Items, m.Behind, m.FanOut = 0, false, 0
	}
	if a.Position == event.PositionPath && s.account >= 0 && s.account != a.segment {
		m.Position = event.PositionNone
	}
	m.Personal = m.Items != 0
	m.Added = !s.mapped && m.Personal
	return m
}

// AddedSince gives the items that this catalog says a stored route carried at a
// moment and the older one did not: "added by catalog correction".
func (c *Catalog) AddedSince(old *Catalog, route string, mapped bool, at event.Millis) ItemSet {
	now := c.Meaning(route, mapped, at).Items
	if old == nil || now == 0 {
		return now
	}
	then := old.Meaning(route, mapped, at).Items
	for i := range old.Items {
		if then.Has(i) {
			if bit, ok := c.ItemBit(old.Items[i].Name); ok {
				now &^= 1 << uint(bit)
			}
		}
	}
	return now
}

func (c *Catalog) findStored(route string, mapped bool) stored {
	s := stored{mapped: mapped, account: -1}
	if uses, ok := readUses(route); ok {
		s.catalog, s.name, s.uses = c, route, uses
		return s
	}
	if mapped {
		if r := c.byName[route]; r != nil {
			s.route = r
			return s
		}
	}
	name, path, ok := strings.Cut(route, " ")
	if !ok {
		return s
	}
	var res Resolution
	res.method = methodOf(name)
	if name == "ANY" { // a template for all methods that is gone or renamed
		res.method = methodGet
	}
	account := res.parts.cutStored(path)
	if mapped {
		c.lookUp(&res)
		s.route, s.bodiless = res.route, res.bodiless
		return s
	}
	if c.lookUpShape(&res) {
		s.possible = res.route.Name
		return s
	}
	s.route, s.bodiless, s.account = res.route, res.bodiless, account
	return s
}

// cutStored cuts a stored route or shape and returns the number of its first
// {account} segment, or -1.
func (p *pathParts) cutStored(path string) (firstAccount int) {
	p.cut("") // empty
	p.src = path
	firstAccount = -1
	if len(path) > maxPath {
		p.tooLong = true
		return firstAccount
	}
	for start := 0; start < len(path); {
		end := start + strings.IndexByte(path[start:], '/')
		if end < start {
			end = len(path)
		}
		seg := path[start:end]
		switch {
		case seg == "":
		case seg == shapeRest, seg == "*" && end == len(path), p.count == maxSegments:
			p.deeper = true
			return firstAccount
		default:
			if seg == liftedAccount && firstAccount < 0 {
				firstAccount = p.count
			}
			p.segments[p.count] = span{uint16(start), uint16(end), seg[0] == '{' && seg[len(seg)-1] == '}'}
			p.count++
		}
		start = end + 1
	}
	return firstAccount
}
