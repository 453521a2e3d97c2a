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
	// The programs that copy a database write it into each of their queries.
	text = strings.ReplaceAll(text, "/*!40001 SQL_NO_CACHE */", " ")
	if len(text) > maxText || strings.IndexByte(text, 0) >= 0 || strings.Contains(text, "/*!") || strings.Contains(text, "/*M!") {
		return nil, false
	}
	tokens, sound := scan(text)
	if !sound {
		return nil, false
	}
	if tokens.first == "do" { // of which the parser takes anything
		text = reworded(text, tokens.first)
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
	if tree == nil {
		tree = parse(reworded(text, tokens.first))
	}
	switch {
	case tokens.first == "show" && tokens.hides:
	case tree != nil:
		c := converter{tokens.first}
		s := c.statement(tree)
		if s == nil {
			return nil, false
		}
		s.Calls = c.calls(tree)
		if returning != nil {
			s.Returning = c.outputs(returning)
			s.Calls = append(s.Calls, c.functions(returning)...)
		}
		if s.Kind == statement.Other && (upkeep[tokens.first] || tokens.stored) {
			s.Kind = statement.Upkeep
		}
		return []*statement.Statement{s}, true
	case tokens.readsNothing():
		kind := statement.Upkeep
		if blocks[tokens.first] || tokens.first == "show" {
			kind = statement.Other // what its conditions touched is read
		}
		return []*statement.Statement{{Kind: kind}}, true
	}
	return nil, false
}

// reworded says the same as a text in words that the parser knows.
func reworded(text, first string) string {
	text = strings.TrimSpace(text)
	if len(text) < len(first) || !strings.EqualFold(text[:len(first)], first) { // a comment comes first
		return ""
	}
	switch first {
	case "call": // of a procedure without arguments
		return strings.TrimRight(text, "; \t\r\n") + "\n()"
	case "do":
		return "select " + text[len(first):]
	}
	return ""
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
	first     string // the first word, in small letters
	hides     bool   // a block or SHOW in which something is read that has no line of its own
	stored    bool   // CREATE of something that is no table; ANALYZE TABLE
	returning int    // where the list behind RETURNING begins, or 0
}

// upkeep are the first words of statements that show nothing of what a table holds,
// whatever stands behind them.
var upkeep = words(`alter backup binlog cache change check checksum commit deallocate desc describe drop explain flush get grant
	help install kill lock optimize prepare purge release rename repair reset resignal revoke rollback savepoint shutdown
	signal start stop truncate uninstall unlock use xa`)

// stored are the words behind CREATE of what is kept to be run later, or holds no rows.
var stored = words("procedure function trigger event view user role server package index database schema sequence")

// blocks are the words that a block begins with, which the server runs outside of
// stored programs too. Its statements have lines of their own in the log, but not the
// queries and functions in its conditions, assignments and cursors.
var blocks = words("begin declare if case loop while repeat for")

// selects are the words that a query in brackets begins with.
var selects = words("select with values table (")

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// readsNothing holds for a statement that the parser does not know, and of which the
// words say that it shows nothing. A first word that nobody knows reads.
func (t *tokens) readsNothing() bool {
	switch {
	case t.first == "create" || t.first == "analyze":
		return t.stored
	case t.first == "show":
		return !t.hides
	case blocks[t.first]:
		return !t.hides
	}
	return t.first == "" || upkeep[t.first]
}

// scan reads the words of a text. It is not sound if two texts stand side by side,
// which the server makes one of.
func scan(text string) (found tokens, sound bool) {
	t := parser.NewStringTokenizer(text)
	depth, last, word, qualified := 0, 0, "", false
	for n := 0; ; {
		token, value := t.Scan()
		lower := strings.ToLower(value)
		if blocks[found.first] || found.first == "show" {
			called := token == '(' && last == sqlparser.ID && (qualified || !builtin[word])
			found.hides = found.hides || called || token == sqlparser.LEX_ERROR || last == '(' && selects[lower] || lower == "cursor"
		}
		switch {
		case token == 0:
			return found, true
		case token == sqlparser.LEX_ERROR:
			return found, found.readsNothing()
		case token == sqlparser.COMMENT:
			continue
		case token == sqlparser.STRING && last == sqlparser.STRING:
			return found, false
		case token == '(':
			depth++
		case token == ')':
			depth--
		case depth == 0 && lower == "returning" && token != sqlparser.STRING:
			found.returning = t.Pos
		}
		switch n++; {
		case n == 1 && token == '(':
			found.first = "("
		case n == 1:
			found.first = lower
		case found.first == "analyze" && n <= 3:
			found.stored = found.stored || lower == "table"
		case found.first == "create" && n < 30 && !found.stored:
			// The first of these words says what it makes; a table is none of them.
			if lower == "table" || lower == "select" {
				n = 30
			}
			found.stored = token != sqlparser.STRING && stored[lower]
		}
		qualified = last == '.'
		last, word = token, lower
	}
}
