package scope

import (
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger/segment"
)

// Whose tells whose data the rows of a shape are under a meaning of its route, as
// an answer counts it: the row's account is a subject (home), or the actor is, who
// is not the row's account (actor), or nobody is named.
func Whose(sh *segment.Shape, m catalog.Meaning) (home, actor bool) {
	p := meaningPlan{Meaning: m, shape: sh}
	p.subject()
	return p.named, p.moved
}

// RouteName is the name by which an answer speaks of a stored route under a
// meaning.
func RouteName(sh *segment.Shape, m catalog.Meaning) string {
	if !m.Known {
		return sh.Route
	}
	return routeName(sh.Route, m.Route)
}
