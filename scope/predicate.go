package scope

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

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
	levelToken                    // pseudonym, in the session
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
)

// fields is the one table of what a predicate can speak of.
var fields = []field{
	{"time", cel.TimestampType, levelRow, plain},
	{"source", cel.StringType, levelShape, plain},
	{"action", cel.StringType, levelShape, plain},
	{"route", cel.StringType, levelShape, plain},
	{"status", cel.IntType, levelShape, plain},
	{"rows", cel.IntType, levelRow, plain},
	{"items", cel.ListType(cel.StringType), levelShape, plain},
	{"account", cel.StringType, levelHome, pseudoAccount},
	{"actor.id", cel.StringType, levelActor, pseudoActor},
	{"actor.type", cel.StringType, levelShape, plain},
	{"credential.key", cel.StringType, levelShape, plain},
	{"credential.token", cel.StringType, levelToken, pseudoToken},
	{"client.ip", cel.StringType, levelClient, plain},
	{"client.agent", cel.StringType, levelAgent, plain},
	{"client.country", cel.StringType, levelClient, plain},
	{"client.network", cel.StringType, levelClient, plain},
}

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

// PredicateError says what is wrong with a predicate, and where.
type PredicateError struct {
	Where string // the predicate
	At    int    // column, 1-based; 0 when the whole is meant
	Cause string
	Hint  string
}

func (e *PredicateError) Error() string {
	if e.At > 0 {
		return fmt.Sprintf("predicate, column %d: %s", e.At, e.Cause)
	}
	return "predicate: " + e.Cause
}

// Predicate is a compiled where-clause. It is immutable.
type Predicate struct {
	text   string
	root   *node
	leaves []*leaf
}

// String is the text as it was given.
func (p *Predicate) String() string { return p.text }

type nodeKind uint8

const (
	nodeConst nodeKind = iota
	nodeAnd
	nodeOr
	nodeNot
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
	levels level
	names  []string // the fields it uses

	program cel.Program // for plain fields

	// A comparison of one pseudonymised field with constants.
	pseudo pseudonymKind
	ids    []string
	empty  bool // one of the constants is the empty string
	negate bool

	// A comparison of time with a constant, evaluated without CEL.
	timeOp string
	at     event.Millis
}

var env = func() *cel.Env {
	opts := []cel.EnvOption{
		cel.Function("inCIDR", cel.Overload("in_cidr_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(inCIDR))),
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

func inCIDR(ip, cidr ref.Val) ref.Val {
	p, err := netip.ParsePrefix(string(cidr.(types.String)))
	if err != nil {
		return types.NewErr("inCIDR: the second argument is not a prefix such as \"45.0.0.0/8\"")
	}
	a, err := netip.ParseAddr(string(ip.(types.String)))
	if err != nil {
		return types.False // no address is in no network
	}
	return types.Bool(p.Contains(a.Unmap()))
}

// Compile checks a predicate. An empty one matches every record.
func Compile(where string) (*Predicate, error) {
	p := &Predicate{text: where}
	if strings.TrimSpace(where) == "" {
		p.root = &node{kind: nodeConst, value: true}
		return p, nil
	}
	checked, issues := env.Compile(where)
	if issues.Err() != nil {
		e := issues.Errors()[0]
		return nil, &PredicateError{Where: where, At: e.Location.Column() + 1, Cause: firstLine(e.Message), Hint: hintFor(e.Message)}
	}
	if checked.OutputType() != cel.BoolType {
		return nil, &PredicateError{Where: where, Cause: fmt.Sprintf("it gives a %s, and must give true or false", checked.OutputType())}
	}
	c := &compiler{p: p, native: checked.NativeRep()}
	root, err := c.node(c.native.Expr())
	if err != nil {
		return nil, err
	}
	p.root = root
	return p, nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func hintFor(message string) string {
	if strings.Contains(message, "undeclared reference") {
		return "the fields are " + strings.Join(FieldNames(), ", ")
	}
	if strings.Contains(message, "no matching overload") {
		return "compare text with \"text\", numbers with 200, times with timestamp(\"2025-03-10T00:00:00+09:00\")"
	}
	return ""
}

type compiler struct {
	p      *Predicate
	native *ast.AST
}

func (c *compiler) column(e ast.Expr) int {
	return c.native.SourceInfo().GetStartLocation(e.ID()).Column() + 1
}

func (c *compiler) node(e ast.Expr) (*node, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return &node{kind: nodeConst, value: bool(b)}, nil
		}
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		many := func(kind nodeKind, es ...ast.Expr) (*node, error) {
			n := &node{kind: kind}
			for _, a := range es {
				m, err := c.node(a)
				if err != nil {
					return nil, err
				}
				n.args = append(n.args, m)
			}
			return n, nil
		}
		switch call.FunctionName() {
		case operators.LogicalAnd:
			return many(nodeAnd, args...)
		case operators.LogicalOr:
			return many(nodeOr, args...)
		case operators.LogicalNot:
			return many(nodeNot, args...)
		case operators.Conditional: // c ? a : b, of truth values
			cond, err := c.node(args[0])
			if err != nil {
				return nil, err
			}
			a, err := c.node(args[1])
			if err != nil {
				return nil, err
			}
			b, err := c.node(args[2])
			if err != nil {
				return nil, err
			}
			return &node{kind: nodeOr, args: []*node{
				{kind: nodeAnd, args: []*node{cond, a}},
				{kind: nodeAnd, args: []*node{{kind: nodeNot, args: []*node{cond}}, b}},
			}}, nil
		}
	}
	return c.leaf(e)
}

func (c *compiler) leaf(e ast.Expr) (*node, error) {
	l := &leaf{}
	seen := map[string]bool{}
	used := func(name string) {
		if f := fieldNamed(name); f != nil && !seen[name] {
			seen[name] = true
			l.names = append(l.names, name)
			l.levels |= f.level
		}
	}
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.IdentKind {
			used(x.AsIdent())
		}
	}))
	var err error
	if l.text, err = parser.Unparse(e, c.native.SourceInfo()); err != nil {
		return nil, &PredicateError{Where: c.p.text, At: c.column(e), Cause: "this part cannot be evaluated by itself"}
	}
	for _, name := range l.names {
		f := fieldNamed(name)
		if f.kind == plain {
			continue
		}
		if err := c.pseudonymLeaf(e, l, f); err != nil {
			return nil, err
		}
		return c.add(l), nil
	}
	if c.timeLeaf(e, l) {
		return c.add(l), nil
	}
	sub, issues := env.Compile(l.text)
	if issues.Err() != nil {
		return nil, &PredicateError{Where: c.p.text, At: c.column(e), Cause: "this part cannot be evaluated by itself"}
	}
	if l.program, err = env.Program(sub, cel.EvalOptions(cel.OptOptimize)); err != nil {
		return nil, &PredicateError{Where: c.p.text, At: c.column(e), Cause: firstLine(err.Error())}
	}
	return c.add(l), nil
}

func (c *compiler) add(l *leaf) *node {
	c.p.leaves = append(c.p.leaves, l)
	return &node{kind: nodeLeaf, leaf: len(c.p.leaves) - 1}
}

// pseudonymLeaf accepts ==, != and in with constants: the only questions a
// pseudonym can answer.
func (c *compiler) pseudonymLeaf(e ast.Expr, l *leaf, f *field) error {
	refuse := &PredicateError{
		Where: c.p.text, At: c.column(e),
		Cause: fmt.Sprintf("%s is kept as a pseudonym and can only be compared by ==, != or in, with constant text", f.name),
		Hint:  fmt.Sprintf("%s == \"…\" or %s in [\"…\", \"…\"]", f.name, f.name),
	}
	if len(l.names) != 1 || e.Kind() != ast.CallKind {
		return refuse
	}
	call := e.AsCall()
	args := call.Args()
	isField := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == f.name }
	constant := func(x ast.Expr) bool {
		s, ok := x.AsLiteral().(types.String)
		if x.Kind() != ast.LiteralKind || !ok {
			return false
		}
		if s == "" {
			l.empty = true
		} else {
			l.ids = append(l.ids, string(s))
		}
		return true
	}
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		l.negate = call.FunctionName() == operators.NotEquals
		if !(isField(args[0]) && constant(args[1]) || isField(args[1]) && constant(args[0])) {
			return refuse
		}
	case operators.In:
		if !isField(args[0]) || args[1].Kind() != ast.ListKind {
			return refuse
		}
		for _, x := range args[1].AsList().Elements() {
			if !constant(x) {
				return refuse
			}
		}
	default:
		return refuse
	}
	l.pseudo = f.kind
	return nil
}

// timeLeaf recognises a comparison of time with a moment.
func (c *compiler) timeLeaf(e ast.Expr, l *leaf) bool {
	if len(l.names) != 1 || l.names[0] != "time" || e.Kind() != ast.CallKind {
		return false
	}
	call := e.AsCall()
	op, args := call.FunctionName(), call.Args()
	flip := map[string]string{operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals, operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals}
	if flip[op] == "" || len(args) != 2 {
		return false
	}
	isTime := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == "time" }
	other := args[1]
	if !isTime(args[0]) {
		if !isTime(args[1]) {
			return false
		}
		other, op = args[0], flip[op]
	}
	text, err := parser.Unparse(other, c.native.SourceInfo())
	if err != nil {
		return false
	}
	sub, issues := env.Compile(text)
	if issues.Err() != nil {
		return false
	}
	prog, err := env.Program(sub)
	if err != nil {
		return false
	}
	v, _, err := prog.Eval(map[string]any{})
	if err != nil {
		return false
	}
	t, ok := v.(types.Timestamp)
	if !ok || t.Nanosecond()%1e6 != 0 {
		return false
	}
	l.timeOp, l.at = op, event.MillisOf(t.Time)
	return true
}

// truth is three-valued: a leaf that is not decided yet is unknown.
type truth uint8

const (
	no truth = iota
	yes
	unknown
)

func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

// eval evaluates the logic above the leaves, by Kleene's rules.
func (n *node) eval(leaf func(i int) truth) truth {
	switch n.kind {
	case nodeConst:
		return of(n.value)
	case nodeLeaf:
		return leaf(n.leaf)
	case nodeNot:
		switch n.args[0].eval(leaf) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	case nodeAnd:
		out := yes
		for _, a := range n.args {
			switch a.eval(leaf) {
			case no:
				return no
			case unknown:
				out = unknown
			}
		}
		return out
	default:
		out := no
		for _, a := range n.args {
			switch a.eval(leaf) {
			case yes:
				return yes
			case unknown:
				out = unknown
			}
		}
		return out
	}
}

// value evaluates a plain leaf for the given fields.
func (l *leaf) value(vars map[string]any) (bool, error) {
	v, _, err := l.program.Eval(vars)
	if err != nil {
		return false, fmt.Errorf("predicate part %q: %w", l.text, errors.New(firstLine(err.Error())))
	}
	b, ok := v.(types.Bool)
	return bool(b) && ok, nil
}

// when evaluates a comparison of time.
func (l *leaf) when(t event.Millis) bool {
	switch l.timeOp {
	case operators.Less:
		return t < l.at
	case operators.LessEquals:
		return t <= l.at
	case operators.Greater:
		return t > l.at
	default:
		return t >= l.at
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

// pseudonyms hashes the leaf's constants.
func (l *leaf) pseudonyms(h *pseudonym.Hasher) []pseudonym.Pseudonym {
	var out []pseudonym.Pseudonym
	for _, id := range l.ids {
		out = append(out, h.Account(event.AccountID(id)))
		if l.pseudo == pseudoActor {
			out = append(out, h.Actor(event.ActorID(id), ""))
		}
	}
	return out
}
