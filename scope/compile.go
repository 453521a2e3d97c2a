package scope

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/haetae/haetae/event"
)

// Compile checks a predicate. An empty one matches every record.
func Compile(where string) (*Predicate, error) {
	p := &Predicate{text: where}
	if strings.TrimSpace(where) == "" {
		p.root = &node{kind: nodeConst, value: true}
		return p, nil
	}
	checked, issues := env.Compile(where)
	if issues.Err() != nil {
		return nil, ofCEL(where, issues.Errors()[0])
	}
	if t := checked.OutputType(); t != cel.BoolType {
		return nil, mistake(where, nil, phrase{
			fmt.Sprintf("결과가 참 또는 거짓이어야 하는데 형식이 %s입니다", t), fmt.Sprintf("it gives %s, and must give true or false", t),
		}, phrase{})
	}
	c := &compiler{p: p, native: checked.NativeRep()}
	if err := c.addresses(); err != nil {
		return nil, err
	}
	root, err := c.node(c.native.Expr())
	if err != nil {
		return nil, err
	}
	p.root = root
	if err := p.known("action", actionWords()); err != nil {
		return nil, err
	}
	return p, nil
}

// compiler cuts a predicate into the logic above and the leaves below.
type compiler struct {
	p      *Predicate
	native *ast.AST
}

func (c *compiler) place(e ast.Expr) common.Location {
	return c.native.SourceInfo().GetStartLocation(e.ID())
}

func (c *compiler) fail(e ast.Expr, cause, hint phrase) error {
	return mistake(c.p.text, c.place(e), cause, hint)
}

func (c *compiler) nodes(kind nodeKind, es ...ast.Expr) (*node, error) {
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

func (c *compiler) node(e ast.Expr) (*node, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return &node{kind: nodeConst, value: bool(b)}, nil
		}
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.LogicalAnd:
			return c.nodes(nodeAnd, call.Args()...)
		case operators.LogicalOr:
			return c.nodes(nodeOr, call.Args()...)
		case operators.LogicalNot:
			return c.nodes(nodeNot, call.Args()...)
		case operators.Conditional:
			return c.nodes(nodeIf, call.Args()...)
		}
	}
	return c.leaf(e)
}

// leaf makes the largest piece that the logic above does not take apart.
func (c *compiler) leaf(e ast.Expr) (*node, error) {
	l := &leaf{at: c.place(e).Column() + 1}
	calls := false // pseudonym("…")
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.IdentKind:
			if f := fieldNamed(x.AsIdent()); f != nil && !slices.Contains(l.names, f.name) {
				l.names = append(l.names, f.name)
				l.levels |= f.level
			}
		case ast.CallKind:
			calls = calls || x.AsCall().FunctionName() == pseudonymCall
		}
	}))
	if calls && !slices.Equal(l.names, []string{"account"}) && !slices.Equal(l.names, []string{"actor.id"}) {
		return nil, c.fail(e, phrase{
			"pseudonym(\"…\")은 account, actor.id와만 비교할 수 있습니다",
			"pseudonym(\"…\") can only be compared with account or actor.id",
		}, pseudonymHint)
	}
	var err error
	if l.text, err = parser.Unparse(e, c.native.SourceInfo()); err != nil {
		l.text = strings.Join(l.names, ", ") // only --explain shows it
	}
	for _, name := range l.names {
		f := fieldNamed(name)
		if f.kind == plain {
			continue
		}
		if f.kind == issued {
			err = c.issuedLeaf(e, l)
		} else {
			err = c.pseudonymLeaf(e, l, f)
		}
		if err != nil {
			return nil, err
		}
		return c.add(l), nil
	}
	c.mentioned(e, l)
	if ok, err := c.timeLeaf(e, l); err != nil {
		return nil, err
	} else if ok {
		return c.add(l), nil
	}
	if l.program, err = c.program(e); err != nil {
		cause := withoutQuotes(err.Error())
		return nil, c.fail(e, phrase{inKorean(cause), cause}, phrase{})
	}
	c.direct(e, l)
	l.quarters = onlyCalendar(e, l)
	return c.add(l), nil
}

// program makes a piece of the predicate a program of its own.
func (c *compiler) program(e ast.Expr) (cel.Program, error) {
	sub := ast.NewCheckedAST(ast.NewAST(e, c.native.SourceInfo()), c.native.TypeMap(), c.native.ReferenceMap())
	return env.PlanProgram(ast.Copy(sub), cel.EvalOptions(cel.OptOptimize))
}

func (c *compiler) add(l *leaf) *node {
	c.p.leaves = append(c.p.leaves, l)
	return &node{kind: nodeLeaf, leaf: len(c.p.leaves) - 1}
}

func textOf(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := x.AsLiteral().(types.String)
	return string(s), ok
}

func textsOf(x ast.Expr) ([]string, bool) {
	if x.Kind() != ast.ListKind {
		return nil, false
	}
	var out []string
	for _, el := range x.AsList().Elements() {
		s, ok := textOf(el)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// direct finds a plain Go function for the questions people ask most, because a
// table of a million addresses makes the 500 ns of a CEL program half a second.
// The program stays, and the tests hold the two against each other.
func (c *compiler) direct(e ast.Expr, l *leaf) {
	if len(l.names) != 1 || fieldNamed(l.names[0]).typ != cel.StringType || e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	isField := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == l.names[0] }
	if call.IsMemberFunction() {
		if len(call.Args()) != 1 || !isField(call.Target()) {
			return
		}
		s, ok := textOf(call.Args()[0])
		if !ok {
			return
		}
		switch call.FunctionName() {
		case overloads.StartsWith:
			l.test = func(v string) bool { return strings.HasPrefix(v, s) }
		case overloads.EndsWith:
			l.test = func(v string) bool { return strings.HasSuffix(v, s) }
		case overloads.Contains:
			l.test = func(v string) bool { return strings.Contains(v, s) }
		}
		return
	}
	args := call.Args()
	if len(args) != 2 {
		return
	}
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		if !isField(args[0]) {
			args = []ast.Expr{args[1], args[0]}
		}
		s, ok := textOf(args[1])
		if !ok || !isField(args[0]) {
			return
		}
		same := call.FunctionName() == operators.Equals
		l.test = func(v string) bool { return (v == s) == same }
	case operators.In:
		if xs, ok := textsOf(args[1]); ok && isField(args[0]) {
			l.test = func(v string) bool { return slices.Contains(xs, v) }
		}
	case "inCIDR":
		if s, ok := textOf(args[1]); ok && isField(args[0]) && l.names[0] == "client.ip" {
			l.network, _ = prefix(s)
		}
	}
}

var calendar = []string{
	overloads.TimeGetHours, overloads.TimeGetDayOfWeek, overloads.TimeGetDate, overloads.TimeGetDayOfMonth,
	overloads.TimeGetDayOfYear, overloads.TimeGetMonth, overloads.TimeGetFullYear,
}

// onlyCalendar reports whether a leaf asks time for nothing but the hour and
// the date, in a zone that is a constant.
func onlyCalendar(e ast.Expr, l *leaf) bool {
	if len(l.names) != 1 || l.names[0] != "time" {
		return false
	}
	asked, plainly := 0, 0
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.IdentKind:
			asked++
		case ast.CallKind:
			call := x.AsCall()
			if !call.IsMemberFunction() || !slices.Contains(calendar, call.FunctionName()) {
				return
			}
			if t := call.Target(); t.Kind() == ast.IdentKind && t.AsIdent() == "time" {
				plainly++
			}
		}
	}))
	return asked == plainly
}

var flipped = map[string]string{
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

// timeLeaf recognises a comparison of time with a moment.
func (c *compiler) timeLeaf(e ast.Expr, l *leaf) (bool, error) {
	if len(l.names) != 1 || l.names[0] != "time" || e.Kind() != ast.CallKind {
		return false, nil
	}
	call := e.AsCall()
	op, args := call.FunctionName(), call.Args()
	if flipped[op] == "" || len(args) != 2 {
		return false, nil
	}
	isTime := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == "time" }
	other := args[1]
	if !isTime(args[0]) {
		other, op = args[0], flipped[op]
		if !isTime(args[1]) {
			return false, nil
		}
	}
	constant := true
	ast.PostOrderVisit(other, ast.NewExprVisitor(func(x ast.Expr) {
		constant = constant && x.Kind() != ast.IdentKind
	}))
	if !constant {
		return false, nil
	}
	prog, err := c.program(other)
	if err == nil {
		v, _, evalErr := prog.Eval(map[string]any{})
		if t, ok := v.(types.Timestamp); ok && evalErr == nil {
			if t.Nanosecond()%1e6 != 0 {
				return false, nil
			}
			l.timeOp, l.moment = op, event.MillisOf(t.Time)
			return true, nil
		}
		err = evalErr
	}
	cause := phrase{"시각이 아닙니다", "this is not a moment"}
	if err != nil {
		why := withoutQuotes(err.Error())
		cause = phrase{cause.ko + ": " + inKorean(why), cause.en + ": " + why}
	}
	const how = "timestamp(\"2025-03-10T00:00:00+09:00\")"
	return false, c.fail(other, cause, phrase{how + " 형식으로 씁니다", "write " + how})
}
