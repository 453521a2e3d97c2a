package mariadb

import (
	"reflect"
	"strings"

	"github.com/haetae/haetae/ingest/statement"
	"vitess.io/vitess/go/vt/sqlparser"
)

// converter puts a statement into the words of package statement. Names of columns
// are in small letters: the server does not tell them apart.
type converter struct {
	first string // the first word
}

// statement gives nil for one that does not say what it reads.
func (c converter) statement(n sqlparser.Statement) *statement.Statement {
	switch n := n.(type) {
	case *sqlparser.Select:
		s := &statement.Statement{Kind: statement.Select, Query: c.query(n)}
		if n.Into != nil && n.Into.FileName != "" {
			s.Kind = statement.Export
		}
		return s
	case *sqlparser.Union:
		s := &statement.Statement{Kind: statement.Select, Query: c.query(n)}
		if n.Into != nil && n.Into.FileName != "" {
			s.Kind = statement.Export
		}
		return s
	case *sqlparser.ValuesStatement:
		return &statement.Statement{Kind: statement.Select, Query: c.query(n)}
	case *sqlparser.Insert:
		return c.insert(n)
	case *sqlparser.Update:
		s := &statement.Statement{Kind: statement.Update, Where: c.where(n.Where)}
		s.With, s.Recursive = c.with(n.With)
		s.Target, s.From = c.target(n.TableExprs)
		for _, e := range n.Exprs {
			s.Set = append(s.Set, c.expr(e.Expr))
		}
		return s
	case *sqlparser.Delete:
		s := &statement.Statement{Kind: statement.Delete, Where: c.where(n.Where)}
		s.With, s.Recursive = c.with(n.With)
		s.Target, s.From = c.target(n.TableExprs)
		return s
	case *sqlparser.CreateTable:
		if n.Select != nil {
			return &statement.Statement{Kind: statement.Create, Query: c.query(n.Select)}
		}
		return &statement.Statement{Kind: statement.Upkeep}
	case *sqlparser.CallProc:
		q := &statement.Query{}
		for _, e := range n.Params {
			q.Out = append(q.Out, statement.Output{Expr: c.expr(e)})
		}
		return &statement.Statement{Kind: statement.Select, Query: q}
	case *sqlparser.OtherAdmin: // the parser passes over all of it
		if !upkeep[c.first] {
			return nil
		}
	case *sqlparser.ExecuteStmt, *sqlparser.Stream, *sqlparser.VStream:
		return nil // it does not say what it runs
	case *sqlparser.ExplainStmt:
		return &statement.Statement{Kind: statement.Explain}
	case *sqlparser.Set:
		// SET @x = (SELECT …) reads.
		q := &statement.Query{}
		for _, e := range n.Exprs {
			q.Out = append(q.Out, statement.Output{Expr: c.expr(e.Expr)})
		}
		return &statement.Statement{Kind: statement.Select, Query: q}
	}
	return &statement.Statement{Kind: statement.Other}
}

// target gives the table that is written, where it is one alone; of several any may
// be.
func (c converter) target(list []sqlparser.TableExpr) (*statement.Source, []*statement.Source) {
	from := c.sources(list)
	if len(from) == 1 && len(from[0].Name) > 0 {
		return from[0], nil
	}
	return nil, from
}

func (c converter) insert(n *sqlparser.Insert) *statement.Statement {
	s := &statement.Statement{Kind: statement.Insert, Target: c.source(n.Table)}
	for _, col := range n.Columns {
		s.Columns = append(s.Columns, col.Lowered())
	}
	switch rows := n.Rows.(type) {
	case sqlparser.Values:
		s.Query = &statement.Query{Values: c.rows(rows)}
	case sqlparser.TableStatement:
		s.Query = c.query(rows)
	}
	if len(n.OnDup) > 0 {
		s.Elsewhere = true
		for _, e := range n.OnDup {
			s.Set = append(s.Set, c.expr(e.Expr))
		}
	}
	return s
}

func (c converter) rows(list sqlparser.Values) [][]*statement.Expr {
	var out [][]*statement.Expr
	for _, row := range list {
		out = append(out, c.exprs(row))
	}
	return out
}

func (c converter) with(w *sqlparser.With) (list []statement.CTE, recursive bool) {
	if w == nil {
		return nil, false
	}
	for _, e := range w.CTEs {
		list = append(list, statement.CTE{Name: lower(e.ID), Columns: names(e.Columns), Query: c.query(e.Subquery)})
	}
	return list, w.Recursive
}

func names(list sqlparser.Columns) []string {
	var out []string
	for _, n := range list {
		out = append(out, n.Lowered())
	}
	return out
}

func (c converter) query(n sqlparser.TableStatement) *statement.Query {
	q := &statement.Query{}
	switch n := n.(type) {
	case *sqlparser.Select:
		q.With, q.Recursive = c.with(n.With)
		q.Out = c.outputs(n.SelectExprs)
		if !isDual(n.From) {
			q.From = c.sources(n.From)
		}
		q.Where = c.where(n.Where)
		q.Rest = append(q.Rest, c.where(n.Having))
		if n.GroupBy != nil {
			q.Rest = append(q.Rest, c.exprs(n.GroupBy.Exprs)...)
		}
		q.Rest = append(q.Rest, c.within(n.OrderBy), c.within(n.Windows), c.within(n.Limit))
		// Any function may be an aggregate.
		q.Opaque = n.GroupBy != nil || n.Having != nil || len(n.Windows) > 0
		for _, o := range q.Out {
			switch o.Expr.Op {
			case statement.Column, statement.Star, statement.Literal, statement.Subquery, statement.Exists:
			default:
				q.Opaque = true
			}
		}
	case *sqlparser.Union:
		q.With, q.Recursive = c.with(n.With)
		q.Arms = []*statement.Query{c.query(n.Left), c.query(n.Right)}
	case *sqlparser.ValuesStatement:
		q.With, q.Recursive = c.with(n.With)
		q.Values = c.rows(n.Rows)
	}
	return q
}

func (c converter) where(w *sqlparser.Where) *statement.Expr {
	if w == nil {
		return nil
	}
	return c.expr(w.Expr)
}

func (c converter) outputs(list *sqlparser.SelectExprs) []statement.Output {
	var out []statement.Output
	if list == nil {
		return nil
	}
	for _, e := range list.Exprs {
		switch e := e.(type) {
		case *sqlparser.StarExpr:
			star := &statement.Expr{Op: statement.Star}
			if !e.TableName.IsEmpty() {
				star.Name = []string{lower(e.TableName.Name)}
			}
			out = append(out, statement.Output{Expr: star})
		case *sqlparser.AliasedExpr:
			o := statement.Output{Name: e.As.Lowered(), Expr: c.expr(e.Expr)}
			if o.Name == "" && o.Expr.Op == statement.Column {
				o.Name = o.Expr.Name[len(o.Expr.Name)-1]
			}
			out = append(out, o)
		default:
			out = append(out, statement.Output{Expr: c.within(e)})
		}
	}
	return out
}

func (c converter) sources(list []sqlparser.TableExpr) []*statement.Source {
	var out []*statement.Source
	for _, e := range list {
		if s := c.source(e); s != nil {
			out = append(out, s)
		}
	}
	return out
}

func (c converter) source(n sqlparser.TableExpr) *statement.Source {
	switch n := n.(type) {
	case *sqlparser.AliasedTableExpr:
		s := &statement.Source{Alias: lower(n.As), Columns: names(n.Columns)}
		switch e := n.Expr.(type) {
		case sqlparser.TableName:
			s.Name = []string{e.Qualifier.String(), e.Name.String()}
			if s.Alias == "" {
				s.Alias = lower(e.Name)
			}
		case *sqlparser.DerivedTable:
			s.Query, s.Lateral = c.query(e.Select), e.Lateral
		}
		return s
	case *sqlparser.ParenTableExpr:
		var all *statement.Source
		for _, s := range c.sources(n.Exprs) {
			if all == nil {
				all = s
				continue
			}
			all = &statement.Source{Join: &statement.Join{Left: all, Right: s}}
		}
		return all
	case *sqlparser.JoinTableExpr:
		j := &statement.Join{Left: c.source(n.LeftExpr), Right: c.source(n.RightExpr)}
		switch n.Join {
		case sqlparser.LeftJoinType, sqlparser.NaturalLeftJoinType:
			j.Kind = statement.Left
		case sqlparser.RightJoinType, sqlparser.NaturalRightJoinType:
			j.Kind = statement.Right
		}
		if n.Condition != nil {
			if n.Condition.On != nil {
				j.On = c.expr(n.Condition.On)
			}
			j.Using = names(n.Condition.Using)
		}
		if j.Left == nil || j.Right == nil {
			return nil
		}
		return &statement.Source{Join: j}
	case *sqlparser.JSONTableExpr:
		return &statement.Source{Alias: lower(n.Alias), Args: []*statement.Expr{c.expr(n.Expr)}}
	}
	return &statement.Source{Args: []*statement.Expr{c.within(n)}}
}

func (c converter) exprs(list []sqlparser.Expr) []*statement.Expr {
	var out []*statement.Expr
	for _, e := range list {
		out = append(out, c.expr(e))
	}
	return out
}

func (c converter) expr(n sqlparser.Expr) *statement.Expr {
	switch n := n.(type) {
	case nil:
		return &statement.Expr{}
	case *sqlparser.ColName:
		e := &statement.Expr{Op: statement.Column}
		if !n.Qualifier.IsEmpty() {
			e.Name = append(e.Name, lower(n.Qualifier.Name))
		}
		e.Name = append(e.Name, n.Name.Lowered())
		return e
	case *sqlparser.Literal:
		switch n.Type {
		case sqlparser.StrVal, sqlparser.IntVal, sqlparser.DecimalVal, sqlparser.FloatVal:
			return &statement.Expr{Op: statement.Literal, Value: statement.Value{Text: n.Val}}
		}
		return &statement.Expr{}
	case *sqlparser.AndExpr:
		return flat(statement.And, c.expr(n.Left), c.expr(n.Right))
	case *sqlparser.OrExpr:
		return flat(statement.Or, c.expr(n.Left), c.expr(n.Right))
	case *sqlparser.Subquery:
		return &statement.Expr{Op: statement.Subquery, Query: c.query(n.Select)}
	case *sqlparser.ExistsExpr:
		return &statement.Expr{Op: statement.Exists, Query: c.query(n.Subquery.Select)}
	case *sqlparser.ComparisonExpr:
		return c.comparison(n)
	}
	return c.within(n)
}

// flat makes one AND of several.
func flat(op statement.Op, a, b *statement.Expr) *statement.Expr {
	if a.Op != op {
		a = &statement.Expr{Op: op, Args: []*statement.Expr{a}}
	}
	a.Args = append(a.Args, b)
	return a
}

// lower: whether the names of tables are told apart by their case depends on the
// server. Two that differ in nothing else are both meant.
func lower(n sqlparser.IdentifierCS) string { return strings.ToLower(n.String()) }

func (c converter) comparison(n *sqlparser.ComparisonExpr) *statement.Expr {
	left := c.expr(n.Left)
	_, row := n.Left.(sqlparser.ValTuple)
	switch {
	case row || n.Modifier != sqlparser.Missing:
	case n.Operator == sqlparser.EqualOp || n.Operator == sqlparser.NullSafeEqualOp:
		return &statement.Expr{Op: statement.Equal, Args: []*statement.Expr{left, c.expr(n.Right)}}
	case n.Operator == sqlparser.InOp:
		switch right := n.Right.(type) {
		case sqlparser.ValTuple:
			e := &statement.Expr{Op: statement.In, Args: []*statement.Expr{left}}
			for _, v := range right {
				if _, null := v.(*sqlparser.NullVal); !null {
					e.Args = append(e.Args, c.expr(v))
				}
			}
			return e
		case *sqlparser.Subquery:
			return &statement.Expr{Op: statement.InQuery, Args: []*statement.Expr{left}, Query: c.query(right.Select)}
		}
	}
	return &statement.Expr{Args: []*statement.Expr{left, c.expr(n.Right)}}
}

// within gives the expressions in whatever else there is. Nothing in it may be
// missed.
func (c converter) within(n sqlparser.SQLNode) *statement.Expr {
	e := &statement.Expr{}
	if n == nil || reflect.ValueOf(n).Kind() == reflect.Pointer && reflect.ValueOf(n).IsNil() {
		return e
	}
	first := true
	sqlparser.Walk(func(node sqlparser.SQLNode) (bool, error) {
		if first { // the thing itself
			first = false
			return true, nil
		}
		switch node := node.(type) {
		case *sqlparser.ColName, *sqlparser.Literal, *sqlparser.Subquery, *sqlparser.ExistsExpr, *sqlparser.ComparisonExpr, *sqlparser.AndExpr, *sqlparser.OrExpr:
			e.Args = append(e.Args, c.expr(node.(sqlparser.Expr)))
			return false, nil
		case sqlparser.TableStatement:
			e.Args = append(e.Args, &statement.Expr{Op: statement.Subquery, Query: c.query(node)})
			return false, nil
		}
		return true, nil
	}, n)
	return e
}
