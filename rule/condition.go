package rule

import (
	"fmt"
	"strconv"
	"strings"
)

// Expr is a condition over names: of the searches of a detection, or of the
// rules of a temporal correlation.
type Expr struct {
	Op   ExprOp
	Name string // of ExprName
	N    int    // of ExprAtLeast
	Args []Expr
}

// ExprOp is what an Expr does with its arguments.
type ExprOp uint8

const (
	ExprName    ExprOp = iota // the named thing holds
	ExprAnd                   // all arguments hold
	ExprOr                    // one argument holds
	ExprNot                   // the argument does not hold
	ExprAtLeast               // N of the arguments hold
)

// String writes the condition with as few words as it takes, for messages.
func (e Expr) String() string {
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = a.String()
		if a.Op == ExprAnd || a.Op == ExprOr {
			args[i] = "(" + args[i] + ")"
		}
	}
	switch e.Op {
	case ExprAnd:
		return strings.Join(args, " and ")
	case ExprOr:
		return strings.Join(args, " or ")
	case ExprNot:
		return "not " + args[0]
	case ExprAtLeast:
		return fmt.Sprintf("%d of [%s]", e.N, strings.Join(args, ", "))
	}
	return e.Name
}

const (
	maxCondition = 64 << 10 // bytes; the longest of SigmaHQ has 300
	maxDepth     = 100      // parentheses and nots within each other
)

// parseCondition reads a condition over names. Precedence, loosest first: or,
// and, not, N of.
func parseCondition(text string, names []string) (Expr, error) {
	if len(text) > maxCondition {
		return Expr{}, failing("the condition is longer than %d bytes", maxCondition)
	}
	c := &conditionParser{names: names}
	if err := c.split(text); err != nil {
		return Expr{}, err
	}
	if len(c.tokens) == 0 {
		return Expr{}, failing("the condition is empty")
	}
	e, err := c.or(0)
	if err != nil {
		return Expr{}, err
	}
	if c.at < len(c.tokens) {
		return Expr{}, failing("%q is not expected there in the condition", c.tokens[c.at])
	}
	return e, nil
}

type conditionParser struct {
	names  []string
	tokens []string
	at     int
}

func (c *conditionParser) split(text string) error {
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
			i++
		case b == '(' || b == ')':
			c.tokens = append(c.tokens, text[i:i+1])
			i++
		case b == '|':
			return failing("aggregation in a condition (| count, near and the like) is of Sigma 1: write a correlation")
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" \t\n\r()|", rune(text[end])) {
				end++
			}
			c.tokens = append(c.tokens, text[i:end])
			i = end
		}
	}
	return nil
}

// word is the next token in lower case, or "" at the end.
func (c *conditionParser) word() string {
	if c.at < len(c.tokens) {
		return strings.ToLower(c.tokens[c.at])
	}
	return ""
}

func (c *conditionParser) or(depth int) (Expr, error) {
	return c.chain(depth, "or", ExprOr, c.and)
}

func (c *conditionParser) and(depth int) (Expr, error) {
	return c.chain(depth, "and", ExprAnd, c.not)
}

func (c *conditionParser) chain(depth int, word string, op ExprOp, next func(int) (Expr, error)) (Expr, error) {
	if depth > maxDepth {
		return Expr{}, failing("the condition is nested more than %d deep", maxDepth)
	}
	first, err := next(depth)
	if err != nil || c.word() != word {
		return first, err
	}
	e := Expr{Op: op, Args: []Expr{first}}
	for c.word() == word {
		c.at++
		arg, err := next(depth)
		if err != nil {
			return e, err
		}
		e.Args = append(e.Args, arg)
	}
	return e, nil
}

func (c *conditionParser) not(depth int) (Expr, error) {
	if c.word() != "not" {
		return c.primary(depth)
	}
	if depth > maxDepth {
		return Expr{}, failing("the condition is nested more than %d deep", maxDepth)
	}
	c.at++
	arg, err := c.not(depth + 1)
	return Expr{Op: ExprNot, Args: []Expr{arg}}, err
}

func (c *conditionParser) primary(depth int) (Expr, error) {
	switch w := c.word(); {
	case w == "":
		return Expr{}, failing("the condition ends too early")
	case w == "(":
		c.at++
		e, err := c.or(depth + 1)
		if err != nil {
			return e, err
		}
		if c.word() != ")" {
			return e, failing("a parenthesis of the condition is not closed")
		}
		c.at++
		return e, nil
	case w == ")" || w == "and" || w == "or":
		return Expr{}, failing("%q is not expected there in the condition", c.tokens[c.at])
	case c.at+1 < len(c.tokens) && strings.EqualFold(c.tokens[c.at+1], "of"):
		return c.of(w)
	}
	name := c.tokens[c.at]
	c.at++
	for _, n := range c.names {
		if n == name {
			return Expr{Op: ExprName, Name: name}, nil
		}
	}
	if strings.Contains(name, "*") {
		return Expr{}, failing("%q in the condition needs a number before it: 1 of %s, all of %s", name, name, name)
	}
	return Expr{}, failing("the condition speaks of %q, which is not defined", name)
}

// of reads `1 of them`, `all of sel*`, `3 of sel*`.
func (c *conditionParser) of(quantity string) (Expr, error) {
	n := 0
	switch quantity {
	case "all":
	case "any":
		n = 1
	default:
		i, err := strconv.Atoi(quantity)
		if err != nil || i < 1 {
			return Expr{}, failing("%q before of in the condition is neither a number from 1 on, all nor any", quantity)
		}
		n = i
	}
	c.at += 2
	if c.at >= len(c.tokens) {
		return Expr{}, failing("the condition ends too early")
	}
	pattern := c.tokens[c.at]
	c.at++
	var args []Expr
	for _, name := range c.names {
		// By convention a name with an underscore is a helper that them leaves out.
		if strings.EqualFold(pattern, "them") && !strings.HasPrefix(name, "_") || globMatch(pattern, name) {
			args = append(args, Expr{Op: ExprName, Name: name})
		}
	}
	switch {
	case len(args) == 0:
		return Expr{}, failing("the condition speaks of %q, and no name fits", pattern)
	case n > len(args):
		return Expr{}, failing("the condition asks for %d of %q, of which there are only %d", n, pattern, len(args))
	case len(args) == 1:
		return args[0], nil
	case n == 0 || n == len(args):
		return Expr{Op: ExprAnd, Args: args}, nil
	case n == 1:
		return Expr{Op: ExprOr, Args: args}, nil
	}
	return Expr{Op: ExprAtLeast, N: n, Args: args}, nil
}

// globMatch matches names, where * stands for anything.
func globMatch(pattern, name string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, before)
	if !ok {
		return false
	}
	for {
		var middle string
		middle, after, star = strings.Cut(after, "*")
		if !star {
			return strings.HasSuffix(rest, middle)
		}
		_, rest, ok = strings.Cut(rest, middle)
		if !ok {
			return false
		}
	}
}
