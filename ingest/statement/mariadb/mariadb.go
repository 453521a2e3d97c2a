// Package mariadb reads statements of MariaDB with the parser of Vitess, which is
// written for MySQL. What only MariaDB knows is not understood, except RETURNING.
//
// The parser must never see less than the server runs. MariaDB runs what stands in
// some comments, so a text with such a comment is not understood.
//
// What it is not: a place whose errors say anything; see package postgres.
package mariadb

import (
	"strings"

	"github.com/haetae/haetae/ingest/statement"
	"vitess.io/vitess/go/vt/sqlparser"
)

// maxText is longer than what people and programs write.
const maxText = 256 << 10

var parser = func() *sqlparser.Parser {
	p, err := sqlparser.New(sqlparser.Options{MySQLServerVersion: "8.0.40"})
	if err != nil {
		panic(err)
	}
	return p
}()

// Parse gives the statement of a text; ok is false if it is none, or not understood.
func Parse(text string) (list []*statement.Statement, ok bool) {
	if len(text) > maxText || strings.IndexByte(text, 0) >= 0 || strings.Contains(text, "/*!") || strings.Contains(text, "/*M!") {
		return nil, false
	}
	tokens, sound := scan(text)
	if !sound {
		return nil, false
	}
	tree := parse(text)
	var returning *sqlparser.SelectExprs
	if tree == nil && tokens.returning > 0 {
		tail, is := parse("select " + text[tokens.returning:]).(*sqlparser.Select)
		if !is || tail.From != nil && !isDual(tail.From) || tail.Where != nil || tail.GroupBy != nil {
			return nil, false
		}
		tree, returning = parse(text[:tokens.returning-len("returning")]), tail.SelectExprs
	}
	switch {
	case tree != nil:
		c := converter{}
		s := c.statement(tree)
		if returning != nil {
			s.Returning = c.outputs(returning)
		}
		return []*statement.Statement{s}, true
	case !tokens.reads:
		return []*statement.Statement{{Kind: statement.Other}}, true
	}
	return nil, false
}

// isDual: the parser writes FROM dual where there is no FROM.
func isDual(from []sqlparser.TableExpr) bool {
	if len(from) != 1 {
		return false
	}
	t, ok := from[0].(*sqlparser.AliasedTableExpr)
	if !ok {
		return false
	}
	name, ok := t.Expr.(sqlparser.TableName)
	return ok && name.Qualifier.IsEmpty() && strings.EqualFold(name.Name.String(), "dual")
}

func parse(text string) (tree sqlparser.Statement) {
	defer func() {
		if recover() != nil {
			tree = nil
		}
	}()
	// Parse would log a statement that it understands in part.
	tree, err := parser.ParseStrictDDL(text)
	if err != nil {
		return nil
	}
	return tree
}

// tokens are what is looked at before a text is parsed.
type tokens struct {
	reads     bool // by its first word, it may read a table
	returning int  // where the list behind RETURNING begins, or 0
}

// reading are the words that a statement begins with which may read a table.
var reading = map[string]bool{
	"select": true, "with": true, "insert": true, "update": true, "delete": true, "replace": true, "table": true, "values": true,
	"handler": true, "analyze": true, "load": true, "execute": true, "call": true, "do": true, "set": true, "(": true, "create": true,
}

// blocks are the words that a block begins with, which the server runs outside of
// stored programs too. Its statements have lines of their own in the log, but not the
// queries in its conditions, assignments and cursors.
var blocks = map[string]bool{
	"begin": true, "declare": true, "if": true, "case": true, "loop": true, "while": true, "repeat": true, "for": true,
}

// scan reads the words of a text. It is not sound if two texts stand side by side,
// which the server makes one of.
func scan(text string) (found tokens, sound bool) {
	t := parser.NewStringTokenizer(text)
	depth, last, first := 0, 0, ""
	for {
		token, value := t.Scan()
		if blocks[first] && (token == sqlparser.LEX_ERROR || last == '(' && reading[strings.ToLower(value)] || strings.EqualFold(value, "cursor")) {
			found.reads = true
		}
		switch {
		case token == 0:
			return found, true
		case token == sqlparser.LEX_ERROR:
			return found, !found.reads
		case token == sqlparser.STRING && last == sqlparser.STRING:
			return found, false
		case token == '(':
			depth++
		case token == ')':
			depth--
		case depth == 0 && strings.EqualFold(value, "returning") && token != sqlparser.STRING:
			found.returning = t.Pos
		}
		if token == sqlparser.COMMENT {
			continue
		}
		if last == 0 {
			if first = strings.ToLower(value); token == '(' {
				first = "("
			}
			found.reads = reading[first]
		}
		last = token
	}
}
