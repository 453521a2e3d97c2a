package scope

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/segment"
)

// truth is what is known of a part of the predicate at some level: for a whole
// shape, a session, a row.
type truth uint8

const (
	no truth = iota
	yes
	unknown // not decided at this level
	failed  // decided, and it is an error, as items[3] is for two items
)

func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

// eval evaluates the logic above the leaves, by Kleene's rules, as CEL does: an
// error counts only when nothing else decides, in whatever order.
func (n *node) eval(leaf func(i int) truth) truth {
	switch n.kind {
	case nodeConst:
		return of(n.value)
	case nodeLeaf:
		return leaf(n.leaf)
	case nodeNot:
		switch t := n.args[0].eval(leaf); t {
		case yes:
			return no
		case no:
			return yes
		default:
			return t
		}
	case nodeAnd, nodeOr:
		decisive, out := no, yes
		if n.kind == nodeOr {
			decisive, out = yes, no
		}
		for _, a := range n.args {
			switch t := a.eval(leaf); {
			case t == decisive:
				return decisive
			case t == unknown, t == failed && out != unknown:
				out = t
			}
		}
		return out
	default: // nodeIf
		c := n.args[0].eval(leaf)
		switch c {
		case yes:
			return n.args[1].eval(leaf)
		case no:
			return n.args[2].eval(leaf)
		}
		a, b := n.args[1].eval(leaf), n.args[2].eval(leaf)
		switch {
		case a == b && a <= yes: // whichever it will be
			return a
		case c == unknown || a == unknown || b == unknown:
			return unknown
		}
		return failed
	}
}

// facts are the plain fields of one record as far as a level knows them.
type facts struct {
	shape  *meaningPlan
	client *segment.Client
	agent  string
	time   event.Millis
	rows   int32
}

// ResolveName makes facts what CEL asks for values.
func (f *facts) ResolveName(name string) (any, bool) {
	switch name {
	case "client.ip", "client.country", "client.network", "client.agent":
		return f.text(name), true
	case "time":
		return f.time.Time(), true
	case "rows":
		return int64(max(0, f.rows)), true
	case "status":
		return f.shape.status, true
	case "items":
		return f.shape.names, true
	case marksField:
		return f.shape.marks, true
	case "source", "action", "route", "actor.type", "credential.key":
		return f.text(name), true
	}
	return nil, false
}

// Parent says that there is nobody else to ask.
func (f *facts) Parent() cel.Activation { return nil }

// text gives a field that is text.
func (f *facts) text(name string) string {
	switch name {
	case "client.ip":
		return address(f.client)
	case "client.country":
		return f.client.Country
	case "client.network":
		return f.client.Network
	case "client.agent":
		return f.agent
	case "source":
		return f.shape.shape.Source
	case "action":
		return f.shape.shape.Action.String()
	case "route":
		return f.shape.route
	case "actor.type":
		return f.shape.shape.ActorType
	default:
		return keyOfShape(f.shape.shape)
	}
}

// ownSource is the source of the records that Haetae writes about itself:
// openings of real ids. They stand where other records stand, and are told
// apart where a field has another meaning.
const ownSource = "haetae"

// keyOfShape is the credential's key. Openings of an earlier release keep there
// to whom they went, which is no key anybody connected with.
func keyOfShape(sh *segment.Shape) string {
	if sh.Source == ownSource {
		return ""
	}
	return sh.Key
}

func address(c *segment.Client) string {
	if !c.IP.IsValid() {
		return ""
	}
	return c.IP.Unmap().String()
}

// value evaluates a plain leaf.
func (l *leaf) value(f *facts) (truth, error) {
	switch {
	case l.test != nil:
		return of(l.test(f.text(l.names[0]))), nil
	case l.network.IsValid():
		return of(f.client.IP.IsValid() && l.network.Contains(f.client.IP.Unmap())), nil
	}
	v, _, err := l.program.Eval(f)
	if err != nil {
		why := withoutQuotes(err.Error())
		e := mistake("", nil, phrase{"값이 없는 기록이 있습니다: " + inKorean(why), "for some record this has no value: " + why}, phrase{
			"값이 있는지 먼저 묻습니다: size(items) > 2 && items[2] == \"phone\"",
			"ask first whether it has one, as in size(items) > 2 && items[2] == \"phone\"",
		})
		e.At = l.at
		return failed, e
	}
	b, ok := v.(types.Bool)
	return of(bool(b) && ok), nil
}

// when evaluates a comparison of time.
func (l *leaf) when(t event.Millis) bool {
	switch l.timeOp {
	case operators.Less:
		return t < l.moment
	case operators.LessEquals:
		return t <= l.moment
	case operators.Greater:
		return t > l.moment
	default:
		return t >= l.moment
	}
}

// span decides a comparison of time for all of lo..hi, if it can.
func (l *leaf) span(lo, hi event.Millis) truth {
	a, b := l.when(lo), l.when(hi)
	if a == b {
		return of(a)
	}
	return unknown
}

// pseudonyms hashes the leaf's constants. The log does not say in a predicate
// whether an actor is a member, so that an actor's id is looked for as both.
func (l *leaf) pseudonyms(h *pseudonym.Hasher) []pseudonym.Pseudonym {
	out := slices.Clone(l.hashes)
	for _, id := range l.ids {
		out = append(out, h.Account(event.AccountID(id)))
		if l.pseudo == pseudoActor {
			out = append(out, h.Actor(event.ActorID(id), ""))
		}
	}
	return out
}
