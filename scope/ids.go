package scope

import (
	"encoding/hex"
	"fmt"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
)

// What a predicate can ask of facts that are kept as pseudonyms, and of what
// follows from them.

// constant is an id that a pseudonymised field is compared with.
type constant struct {
	id   string
	hash pseudonym.Pseudonym
	is   bool // hash is meant, not id
}

var pseudonymHint = phrase{
	"actor.id == pseudonym(\"0123456789abcdef0123456789abcdef\"): 32자리 16진수이며, --by actor --json으로 확인합니다",
	"actor.id == pseudonym(\"0123456789abcdef0123456789abcdef\"): 32 hex digits, as --by actor --json gives them",
}

// constantOf reads "…" or pseudonym("…").
func (c *compiler) constantOf(x ast.Expr) (k constant, ok bool, err error) {
	if s, ok := textOf(x); ok {
		return constant{id: s}, true, nil
	}
	if x.Kind() != ast.CallKind || x.AsCall().FunctionName() != pseudonymCall {
		return k, false, nil
	}
	s, ok := textOf(x.AsCall().Args()[0])
	raw, bad := hex.DecodeString(s)
	if !ok || bad != nil || len(raw) != len(k.hash) {
		return k, false, c.fail(x, phrase{"pseudonym의 인자가 32자리 16진수가 아닙니다", "the argument of pseudonym is not 32 hex digits"}, pseudonymHint)
	}
	return constant{hash: pseudonym.Pseudonym(raw), is: true}, true, nil
}

// pseudonymLeaf accepts ==, != and in with constants: the only questions a
// pseudonym can answer.
func (c *compiler) pseudonymLeaf(e ast.Expr, l *leaf, f *field) error {
	refuse := c.fail(e, phrase{
		fmt.Sprintf("%s: 가명처리된 필드이므로 ==, !=, in으로 상수와만 비교할 수 있습니다", f.name),
		fmt.Sprintf("%s is kept as a pseudonym and can only be compared by ==, != or in, with constant text", f.name),
	}, phrase{
		fmt.Sprintf("%s == \"…\", %s in [\"…\", \"…\"]", f.name, f.name),
		fmt.Sprintf("%s == \"…\" or %s in [\"…\", \"…\"]", f.name, f.name),
	})
	if len(l.names) != 1 || e.Kind() != ast.CallKind {
		return refuse
	}
	call := e.AsCall()
	args := call.Args()
	isField := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == f.name }
	var list []ast.Expr
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		l.negate = call.FunctionName() == operators.NotEquals
		if !isField(args[0]) {
			args = []ast.Expr{args[1], args[0]}
		}
		list = args[1:]
	case operators.In:
		if args[1].Kind() != ast.ListKind {
			return refuse
		}
		list = args[1].AsList().Elements()
	default:
		return refuse
	}
	if !isField(args[0]) {
		return refuse
	}
	for _, x := range list {
		k, ok, err := c.constantOf(x)
		switch {
		case err != nil:
			return err
		case !ok:
			return refuse
		case k.is:
			l.hashes = append(l.hashes, k.hash)
		case k.id == "":
			l.empty = true
		default:
			l.ids = append(l.ids, k.id)
		}
	}
	l.pseudo = f.kind
	return nil
}

// issuedLeaf accepts credential.issued alone or compared with true or false.
func (c *compiler) issuedLeaf(e ast.Expr, l *leaf) error {
	isField := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == "credential.issued" }
	l.pseudo = issued
	if isField(e) {
		return nil
	}
	if e.Kind() == ast.CallKind {
		call := e.AsCall()
		args := call.Args()
		if fn := call.FunctionName(); fn == operators.Equals || fn == operators.NotEquals {
			if !isField(args[0]) {
				args = []ast.Expr{args[1], args[0]}
			}
			if args[1].Kind() == ast.LiteralKind && isField(args[0]) {
				if b, ok := args[1].AsLiteral().(types.Bool); ok {
					l.negate = bool(b) == (fn == operators.NotEquals)
					return nil
				}
			}
		}
	}
	return c.fail(e, phrase{
		"credential.issued는 다른 필드와 한 식에서 비교할 수 없습니다",
		"credential.issued cannot be compared with other fields in one expression",
	}, phrase{"&&, ||, !로 연결합니다: credential.token != \"\" && !credential.issued", "join with &&, || and !: credential.token != \"\" && !credential.issued"})
}

// hexOf writes a pseudonym as pseudonym("…") reads it.
func hexOf(p pseudonym.Pseudonym) string { return hex.EncodeToString(p[:]) }

// labelDigits is how much of a pseudonym a report shows.
const labelDigits = 16

// actorGroup names an actor in a report without naming anybody: by the whole
// pseudonym, which the report cuts.
func actorGroup(v View, ref dictionary.Ref, has bool) (string, error) {
	if !has {
		return "", nil
	}
	p, err := v.Pseudonym(ref)
	if err != nil {
		return "", err
	}
	return hexOf(p), nil
}

// labelOf is what a report shows of it.
func labelOf(hex string) string {
	if hex == "" {
		return ""
	}
	return "p:" + hex[:labelDigits]
}
