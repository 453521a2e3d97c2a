// Package edition keeps the dated editions of two lists that only the platform
// has: the register (회원대장), which accounts exist, and the holdings
// (보유현황), which people stand behind an account and which items are not empty
// for each.
//
// The central idea: an edition never changes. A question about a read uses the
// edition that was in force when the read happened, else the nearest one, and
// says which. So an answer given in March can be given again in June.
//
// What it is not: a copy of the member database. It holds ordinals and which
// items exist, never their values.
package edition

import "github.com/haetae/haetae/event"

// Dated is what InForce asks of an edition.
type Dated interface{ From() event.Millis }

// InForce chooses the edition for a moment from editions sorted by date: the
// last that began before or at it (exact), else the nearest, which is the first
// (not exact). Of several with one date it is the one that came last, since it
// corrects the others. It returns -1 when there are none.
func InForce[T Dated](editions []T, at event.Millis) (index int, exact bool) {
	if len(editions) == 0 {
		return -1, false
	}
	for i := len(editions) - 1; i >= 0; i-- {
		if editions[i].From() <= at {
			return i, true
		}
	}
	i := 0
	for i+1 < len(editions) && editions[i+1].From() == editions[0].From() {
		i++
	}
	return i, false
}
