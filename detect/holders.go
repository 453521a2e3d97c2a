package detect

import (
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
)

// Person is somebody who may hold access, as pseudonyms: whether an actor is filed
// as a member or as staff is said by the catalog, which may change, so that both are
// kept. The zero Person is nobody.
type Person struct{ Account, Actor pseudonym.Pseudonym }

// PersonOf hashes an id.
func PersonOf(h *pseudonym.Hasher, id string) Person {
	if id == "" {
		return Person{}
	}
	return Person{h.Account(event.AccountID(id)), h.Actor(event.ActorID(id), "")}
}

// Holder is a time for which somebody held access. Whoever came back has two.
type Holder struct {
	Person Person
	Joined event.Millis // 0: nobody knows, and so always
	Moved  event.Millis // to other work, 0 while they have not
	Left   event.Millis // the first moment without access, 0 while they have it
}

// covers says whether access was held at a moment.
func (h *Holder) covers(at event.Millis) bool { return h.Joined <= at && (h.Left == 0 || at < h.Left) }

// holders finds them by either pseudonym.
type holders map[pseudonym.Pseudonym][]Holder

func holdersOf(list []Holder) holders {
	if list == nil {
		return nil
	}
	out := make(holders, 2*len(list))
	for _, h := range list {
		out[h.Person.Account] = append(out[h.Person.Account], h)
		out[h.Person.Actor] = append(out[h.Person.Actor], h)
	}
	return out
}

// left is when somebody left who held access before a moment and holds none at it;
// 0 for everybody else.
func (l holders) left(p pseudonym.Pseudonym, at event.Millis) (since event.Millis) {
	for _, h := range l[p] {
		if h.covers(at) {
			return 0
		}
		if h.Left != 0 && h.Left <= at {
			since = max(since, h.Left)
		}
	}
	return since
}

// moved is when somebody last went to other work, after one moment and not after
// another; 0 if they have not.
func (l holders) moved(p pseudonym.Pseudonym, after, until event.Millis) (since event.Millis) {
	for _, h := range l[p] {
		if h.Moved > after && h.Moved <= until {
			since = max(since, h.Moved)
		}
	}
	return since
}

// gone are those of whom a rule could find that they have left: a record of theirs is
// looked at by itself.
func (l holders) gone(add func(pseudonym.Pseudonym)) {
	for p, stints := range l {
		for _, h := range stints {
			if h.Left != 0 {
				add(p)
				break
			}
		}
	}
}
