package scope

import (
	"fmt"
	"net/netip"
	"slices"

	"cel.dev/cel-go/cel"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
)

// The fields of a predicate, by where they stand in a segment. A leaf that uses
// fields of one place is evaluated once per value of that place.
type level uint8

const (
	levelShape  level = 1 << iota // decided once per shape
	levelClient                   // once per place of access
	levelAgent                    // once per user agent
	levelActor                    // pseudonym, in the session
	levelToken                    // pseudonym, in the session, and whether it was issued
	levelHome                     // pseudonym, the row's account
	levelRow                      // time and rows
)

type field struct {
	name  string
	typ   *cel.Type
	level level
	kind  pseudonymKind
}

type pseudonymKind uint8

const (
	plain pseudonymKind = iota
	pseudoAccount
	pseudoActor
	pseudoToken
	issued // no id at all, but decided where the token is
)

// fields is the one table of what a predicate can speak of. A field the log
// does not fill is the empty value of its type: "" for text, an empty list, 0
// for a status and, since a log that counts no rows says nothing of their
// number, 0 for rows.
var fields = []field{
	{"time", cel.TimestampType, levelRow, plain},
	{"source", cel.StringType, levelShape, plain},
	{"action", cel.StringType, levelShape, plain},
	{"route", cel.StringType, levelShape, plain},
	{"status", cel.IntType, levelShape, plain},
	{"rows", cel.IntType, levelRow, plain},
	{"items", cel.ListType(cel.StringType), levelShape, plain},
	{marksField, cel.ListType(cel.StringType), levelShape, plain},
	{"account", cel.StringType, levelHome, pseudoAccount},
	{"actor.id", cel.StringType, levelActor, pseudoActor},
	{"actor.type", cel.StringType, levelShape, plain},
	{"credential.key", cel.StringType, levelShape, plain},
	{"credential.token", cel.StringType, levelToken, pseudoToken},
	{"credential.issued", cel.BoolType, levelToken, issued},
	{"client.ip", cel.StringType, levelClient, plain},
	{"client.agent", cel.StringType, levelAgent, plain},
	{"client.country", cel.StringType, levelClient, plain},
	{"client.network", cel.StringType, levelClient, plain},
}

// marksField has the ids of the live-only rules that matched the record's line.
const marksField = "marks"

func fieldNamed(name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

// FieldNames lists the fields, for help and completion.
func FieldNames() []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

// pseudonymCall names an account or an actor by its pseudonym instead of its
// id, so that a signal or a saved question need not hold the id.
const pseudonymCall = "pseudonym"

// Predicate is a compiled where-clause. It is immutable.
type Predicate struct {
	text     string
	root     *node
	leaves   []*leaf
	mentions []mention
}

// NamesID reports whether it compares a pseudonymised field, and so may hold an
// id: however that is written, as in credential .token.
func (p *Predicate) NamesID() bool {
	return slices.ContainsFunc(p.leaves, func(l *leaf) bool { return l.pseudo != plain && l.pseudo != issued })
}

type nodeKind uint8

const (
	nodeConst nodeKind = iota
	nodeAnd
	nodeOr
	nodeNot
	nodeIf // c ? a : b, of truth values
	nodeLeaf
)

type node struct {
	kind  nodeKind
	value bool
	args  []*node
	leaf  int
}

// leaf is a subexpression that is evaluated as a whole.
type leaf struct {
	text   string
	at     int // its column in the predicate
	levels level
	names  []string // the fields it uses
	types  []string // words that actor.type is compared with
	marks  []string // texts of a leaf over marks: rules

	program cel.Program       // for plain fields
	test    func(string) bool // the same without CEL, for common questions about one text
	network netip.Prefix      // the same without CEL, for inCIDR

	// quarters: a question about the clock or the calendar, whose answer does not
	// change within a quarter of an hour.
	quarters bool

	// A comparison of one pseudonymised field with constants.
	pseudo pseudonymKind
	ids    []string
	hashes []pseudonym.Pseudonym // constants given as pseudonyms
	empty  bool                  // one of the constants is the empty string
	negate bool

	// A comparison of time with a constant, evaluated without CEL.
	timeOp string
	moment event.Millis
}

var env = func() *cel.Env {
	opts := []cel.EnvOption{
		cel.Function("inCIDR", cel.Overload("in_cidr_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(inCIDR))),
		// It has no binding: the compiler takes its argument, and refuses it
		// anywhere but in a comparison with account or actor.id.
		cel.Function(pseudonymCall, cel.Overload("pseudonym_string", []*cel.Type{cel.StringType}, cel.StringType)),
	}
	for _, f := range fields {
		opts = append(opts, cel.Variable(f.name, f.typ))
	}
	e, err := cel.NewEnv(opts...)
	if err != nil {
		panic(fmt.Sprintf("scope: environment: %v", err)) // a mistake in the table above
	}
	return e
}()
