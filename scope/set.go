package scope

import (
	"slices"

	"github.com/haetae/haetae/ledger/dictionary"
)

// Set is the accounts and people of an extent, by ordinal: what is compared
// between two counts, and what an export opens.
type Set struct {
	Items    []string         // in the order of the bits of a mask
	Accounts []dictionary.Ref // sorted
	People   []Person         // sorted by Ref
	// Holders: there were no holdings, so People are accounts.
	Holders bool
}

// Person is one person and the items shown.
type Person struct {
	Ref  dictionary.Ref // in the dictionary of persons, or of identities if Holders
	Mask uint64
}

// Set returns the accounts and people, when the query asked to keep them.
func (e *Extent) Set() *Set { return e.kept }

func newSet(p *plan, t *tally) *Set {
	s := &Set{Holders: len(p.holdings) == 0}
	if p.catalog != nil {
		for _, it := range p.catalog.Items {
			s.Items = append(s.Items, it.Name)
		}
	}
	for _, k := range t.kept {
		for _, l := range k.locals {
			s.Accounts = append(s.Accounts, dictionary.MakeRef(byte(k.part), l))
		}
		for _, x := range k.persons {
			s.People = append(s.People, Person{x.person, x.mask})
		}
	}
	for _, x := range t.persons {
		s.People = append(s.People, Person{x.person, x.mask})
	}
	slices.Sort(s.Accounts)
	s.People = unitePeople(s.People)
	return s
}

func unitePeople(ps []Person) []Person {
	slices.SortFunc(ps, func(a, b Person) int {
		switch {
		case a.Ref < b.Ref:
			return -1
		case a.Ref > b.Ref:
			return 1
		}
		return 0
	})
	out := ps[:0]
	for _, p := range ps {
		if n := len(out); n > 0 && out[n-1].Ref == p.Ref {
			out[n-1].Mask |= p.Mask
			continue
		}
		out = append(out, p)
	}
	return out
}
