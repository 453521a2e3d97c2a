// Package postgres reads statements of PostgreSQL with its own parser, compiled to
// WebAssembly (libpg_query) and run without cgo.
//
// The parser is started with the first statement, which takes some seconds of one
// core; after that a statement takes a fraction of a millisecond, and one that was
// seen lately nothing (statement.Cache).
//
// What it is not: a place whose errors say anything. The parser's messages quote the
// statement, and a statement holds personal data.
package postgres

import (
	"strings"
	"sync"

	"github.com/haetae/haetae/ingest/statement"
	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/wasilibs/go-pgquery"
)

// maxText is longer than what people and programs write; a longer statement is a
// load of data, and takes seconds.
const maxText = 256 << 10

// parser is one for the process: each further one would be compiled again. broken:
// it ran out of its stack, and what it says after that cannot be relied on.
var parser struct {
	sync.Mutex
	broken bool
}

// Parse gives the statements of a text; ok is false if it is none, or beyond what is
// looked at.
func Parse(text string) (list []*statement.Statement, ok bool) {
	if len(text) > maxText || strings.IndexByte(text, 0) >= 0 || nesting(text) > maxNesting {
		return nil, false
	}
	tree := parse(text)
	if tree == nil {
		return nil, false
	}
	for _, raw := range tree.Stmts {
		var calls []statement.Call
		s := converter{&calls}.statement(raw.Stmt)
		s.Calls = calls
		list = append(list, s)
	}
	return list, len(list) > 0
}

func parse(text string) (tree *pg.ParseResult) {
	parser.Lock()
	defer parser.Unlock()
	if parser.broken {
		return nil
	}
	parser.broken = true // until it has come back
	defer func() {
		if recover() != nil {
			tree = nil
		}
	}()
	tree, err := pg_query.Parse(text)
	parser.broken = false
	if err != nil {
		return nil
	}
	return tree
}

// maxNesting is how deep what is parsed may be. The parser's stack ends beyond a
// thousand, and then it does not come back in order; so this must be found before.
const maxNesting = 250

// sticky are words by which a statement gets deeper without a bracket.
var sticky = map[string]bool{
	"not": true, "case": true, "is": true, "isnull": true, "notnull": true, "collate": true, "at": true, "like": true,
	"ilike": true, "similar": true, "between": true, "join": true, "union": true, "intersect": true, "except": true,
	"in": true, "overlaps": true, "operator": true,
}

// nesting is at least how deep a text is nested: brackets, and the operators and
// words before and in them. It need not be exact, but never less.
func nesting(s string) int {
	type level struct{ words, marks int }
	stack := []level{{}}
	sum, most := 0, 0
	add := func(n int) {
		sum += n
		most = max(most, sum)
	}
	for i := 0; i < len(s); {
		c := s[i]
		top := &stack[len(stack)-1]
		switch {
		case c == '\'':
			i = quoted(s, i, isEscaped(s, i))
		case c == '"':
			i = quoted(s, i, false)
		case c == '-' && strings.HasPrefix(s[i:], "--"):
			for i < len(s) && s[i] != '\n' && s[i] != '\r' {
				i++
			}
		case c == '/' && strings.HasPrefix(s[i:], "/*"):
			i = comment(s, i)
		case c == '$':
			i = dollar(s, i)
		case c == '(' || c == '[':
			stack = append(stack, level{})
			add(1)
			i++
		case c == ')' || c == ']':
			if len(stack) > 1 {
				add(-top.words - top.marks - 1)
				stack = stack[:len(stack)-1]
			}
			i++
		case c == ',' || c == ';':
			add(-top.marks)
			top.marks = 0
			i++
		case isLetter(c):
			from := i
			for i < len(s) && (isLetter(s[i]) || s[i] >= '0' && s[i] <= '9' || s[i] == '$') {
				i++
			}
			word := strings.ToLower(s[from:i])
			switch {
			case sticky[word]:
				top.words++
				add(1)
			case word == "and" || word == "or":
				add(-top.marks)
				top.marks = 0
			}
		case strings.IndexByte("+-*/<>=~!@#%^&|`?:", c) >= 0:
			top.marks++
			add(1)
			i++
		default:
			i++
		}
	}
	return most
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }

// isEscaped: the quote belongs to E'…', in which a backslash takes the next one.
func isEscaped(s string, i int) bool {
	return i > 0 && s[i-1]|0x20 == 'e' && (i < 2 || !isLetter(s[i-2]) && !(s[i-2] >= '0' && s[i-2] <= '9') && s[i-2] != '$')
}

func quoted(s string, i int, escapes bool) int {
	q := s[i]
	for i++; i < len(s); i++ {
		switch {
		case s[i] == '\\' && escapes:
			i++
		case s[i] == q && i+1 < len(s) && s[i+1] == q:
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

func comment(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			i += 2
			if depth--; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return i
}

// dollar passes over $tag$ … $tag$; a $1 is a parameter.
func dollar(s string, i int) int {
	end := i + 1
	for end < len(s) && (isLetter(s[end]) || end > i+1 && s[end] >= '0' && s[end] <= '9') {
		end++
	}
	if end >= len(s) || s[end] != '$' {
		return i + 1
	}
	tag := s[i : end+1]
	if n := strings.Index(s[end+1:], tag); n >= 0 {
		return end + 1 + n + len(tag)
	}
	return len(s)
}
