// Package statement understands the statements of a database: which tables and
// columns they read, and of which accounts.
//
// The central idea: a condition that every row of the answer fulfils, whatever
// else is asked, says whose rows they are. "id = 'm1000042'" and "id IN (…)" are
// such conditions where they stand under nothing but AND; through joins they hold
// for the columns that are equal to it. Everything else (ranges, LIKE, OR with
// something different, functions of the column) says nothing, and the accounts
// stay unknown. So what is named can be wrong only if the database itself compares
// otherwise, and package catalog asks for that.
//
// A dialect (sub-package) parses a text with the database's own grammar and gives
// it in the words of this page. A column counts as read wherever a statement uses
// its value for an answer or a decision, except where it is only tested for
// equality: who asks for a telephone number has it already.
//
// What it is not: a parser, or something that knows what a table holds.
package statement

// Kind is what a statement does.
type Kind uint8

const (
	// Other statements read and write no table of their own: SET, BEGIN, FETCH.
	Other Kind = iota
	Select
	Insert
	Update
	Delete
	Merge
	// Export writes a table or an answer out of the database: COPY … TO.
	Export
	// Load fills a table: COPY … FROM, LOAD DATA.
	Load
	// Create makes a table of an answer.
	Create
	// Explain gives a plan and no rows, whether it runs the statement or not.
	Explain
	// Prepare keeps a statement for later; Declare opens a cursor of one.
	Prepare
	Declare
	// Upkeep works on tables and shows nothing of what they hold: CHECK TABLE, ALTER,
	// LOCK TABLES.
	Upkeep
)

// Statement is one statement as a dialect gives it.
type Statement struct {
	Kind Kind
	// Inner is what an Explain, Prepare or Declare is about.
	Inner *Statement
	// Query is what is read: of a Select, an Export or a Create, and of an Insert
	// the rows that are inserted.
	Query *Query

	// With are the common tables of a statement that writes; a Query has its own.
	With      []CTE
	Recursive bool
	Target    *Source  // the table that is written; of an Export the one that is read
	Columns   []string // that are inserted, or exported; nil for all of them
	Set       []*Expr  // what columns are set to
	From      []*Source
	Where     *Expr
	Returning []Output
	// Elsewhere: rows may be written and returned that Where and the values say
	// nothing about: ON CONFLICT DO UPDATE, MERGE.
	Elsewhere bool
	// Calls are the functions and procedures that it runs and that are no part of the
	// database itself. What they read the statement does not say.
	Calls []Call
}

// Call is a stored function or procedure with what it is given.
type Call struct {
	Name      []string
	Procedure bool
	Args      []*Expr
}

// Query is a SELECT, a list of values, or several joined by UNION and the like.
type Query struct {
	With      []CTE
	Recursive bool
	Arms      []*Query // of UNION, INTERSECT, EXCEPT; then only With and Rest stand here
	Out       []Output
	Values    [][]*Expr
	From      []*Source
	Where     *Expr
	Rest      []*Expr // of GROUP BY, HAVING, ORDER BY, LIMIT, WINDOW
	// Opaque: a row of the answer is made of several rows, so a condition on what
	// comes out says nothing about what went in.
	Opaque bool
}

// CTE is a common table: a query, or a statement that writes.
type CTE struct {
	Name    string
	Columns []string
	Query   *Query
	Write   *Statement
}

// Output is one thing that is selected. A star has no name.
type Output struct {
	Name string
	Expr *Expr
}

// JoinKind says which side of a join may be missing from a row.
type JoinKind uint8

const (
	Inner JoinKind = iota
	Left
	Right
	Full
)

// Source is one thing in a FROM: a table, a query, a join, or something without
// tables behind it (Args are then what it is made of).
type Source struct {
	Name    []string // of a table: what stands before it, and its name
	Query   *Query
	Join    *Join
	Args    []*Expr
	Alias   string
	Columns []string // new names of its columns
	// Lateral: it may speak of what stands before it.
	Lateral bool
}

// Join is two sources.
type Join struct {
	Kind        JoinKind
	Left, Right *Source
	On          *Expr
	Using       []string
	Natural     bool
}

// Op is what an expression is.
type Op uint8

const (
	Anything Op = iota // of its Args
	Column             // Name
	Star               // Name, of a table, or all
	Literal            // Value
	Equal              // two Args
	In                 // the first of Args in the others
	InQuery            // the first of Args in a Query
	Exists             // a Query has rows
	Subquery           // the value of a Query
	And
	Or
)

// Expr is an expression.
type Expr struct {
	Op    Op
	Name  []string
	Value Value
	Args  []*Expr
	Query *Query
}

// Value is what a statement brings itself.
type Value struct {
	Text string
	// Param is the number of a bound value, from 1; Text is then empty.
	Param int
	// Array: it stands for all elements of a list, as = ANY has it.
	Array bool
	// Whole: it was made a whole number, so the text must be one.
	Whole bool
}
