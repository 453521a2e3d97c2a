package postgres

import (
	"strconv"
	"strings"

	"github.com/haetae/haetae/ingest/statement"
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// converter puts a statement into the words of package statement.
type converter struct {
	calls *[]statement.Call
}

// own are the functions of PostgreSQL that answer with rows; those that begin with pg_
// are its own too. Only what stands in a FROM is asked: of a function elsewhere, what it
// runs has lines of its own, while one in a FROM may have become a part of the
// statement.
var own = func() map[string]bool {
	known := make(map[string]bool)
	for name := range strings.FieldsSeq(`
		aclexplode generate_series generate_subscripts json_array_elements json_array_elements_text json_each json_each_text
		json_object_keys json_populate_record json_populate_recordset json_to_record json_to_recordset jsonb_array_elements
		jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys jsonb_path_query jsonb_path_query_tz
		jsonb_populate_record jsonb_populate_recordset jsonb_to_record jsonb_to_recordset regexp_matches regexp_split_to_table
		string_to_table ts_debug ts_parse ts_stat ts_token_type txid_snapshot_xip unnest now current_database current_schema
		version regexp_match string_to_array`) {
		known[name] = true
	}
	return known
}()

// called keeps a function in a FROM, if it is none of PostgreSQL's own.
func (c converter) called(f *pg.FuncCall) {
	if f == nil || c.calls == nil {
		return
	}
	var name []string
	for _, part := range f.Funcname {
		name = append(name, part.GetString_().GetSval())
	}
	if n := len(name); n == 0 || n > 1 && name[n-2] == "pg_catalog" || n == 1 && (own[name[0]] || strings.HasPrefix(name[0], "pg_")) {
		return
	}
	*c.calls = append(*c.calls, statement.Call{Name: name, Args: c.exprs(f.Args)})
}

func (c converter) statement(n *pg.Node) *statement.Statement {
	switch n := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		if n.SelectStmt.IntoClause != nil {
			return &statement.Statement{Kind: statement.Create, Query: c.query(n.SelectStmt)}
		}
		return &statement.Statement{Kind: statement.Select, Query: c.query(n.SelectStmt)}
	case *pg.Node_InsertStmt:
		return c.insert(n.InsertStmt)
	case *pg.Node_UpdateStmt:
		u := n.UpdateStmt
		s := &statement.Statement{Kind: statement.Update, Target: c.table(u.Relation), From: c.sources(u.FromClause), Where: c.expr(u.WhereClause), Returning: c.outputs(u.ReturningList)}
		s.With, s.Recursive = c.with(u.WithClause)
		s.Set = c.set(u.TargetList)
		return s
	case *pg.Node_DeleteStmt:
		d := n.DeleteStmt
		s := &statement.Statement{Kind: statement.Delete, Target: c.table(d.Relation), From: c.sources(d.UsingClause), Where: c.expr(d.WhereClause), Returning: c.outputs(d.ReturningList)}
		s.With, s.Recursive = c.with(d.WithClause)
		return s
	case *pg.Node_MergeStmt:
		m := n.MergeStmt
		s := &statement.Statement{Kind: statement.Merge, Target: c.table(m.Relation), From: c.sources([]*pg.Node{m.SourceRelation}), Where: c.expr(m.JoinCondition), Returning: c.outputs(m.ReturningList), Elsewhere: true}
		s.With, s.Recursive = c.with(m.WithClause)
		for _, w := range m.MergeWhenClauses {
			if w := w.GetMergeWhenClause(); w != nil {
				s.Set = append(s.Set, c.expr(w.Condition))
				s.Set = append(s.Set, c.set(w.TargetList)...)
				s.Set = append(s.Set, c.exprs(w.Values)...)
			}
		}
		return s
	case *pg.Node_CopyStmt:
		return c.copy(n.CopyStmt)
	case *pg.Node_CreateTableAsStmt:
		s := c.statement(n.CreateTableAsStmt.Query)
		if s.Kind == statement.Select {
			s.Kind = statement.Create
		}
		return s
	case *pg.Node_ExplainStmt:
		return &statement.Statement{Kind: statement.Explain, Inner: c.statement(n.ExplainStmt.Query)}
	case *pg.Node_PrepareStmt:
		return &statement.Statement{Kind: statement.Prepare, Inner: c.statement(n.PrepareStmt.Query)}
	case *pg.Node_DeclareCursorStmt:
		return &statement.Statement{Kind: statement.Declare, Inner: c.statement(n.DeclareCursorStmt.Query)}
	}
	return &statement.Statement{Kind: statement.Other}
}

func (c converter) insert(i *pg.InsertStmt) *statement.Statement {
	s := &statement.Statement{Kind: statement.Insert, Target: c.table(i.Relation), Returning: c.outputs(i.ReturningList)}
	s.With, s.Recursive = c.with(i.WithClause)
	for _, col := range i.Cols {
		s.Columns = append(s.Columns, col.GetResTarget().GetName())
	}
	if q := i.SelectStmt.GetSelectStmt(); q != nil {
		s.Query = c.query(q)
	}
	if o := i.OnConflictClause; o != nil && o.Action == pg.OnConflictAction_ONCONFLICT_UPDATE {
		s.Elsewhere = true
		s.Set = append(c.set(o.TargetList), c.expr(o.WhereClause))
		// What was to be inserted stands there under this name.
		s.From = append(s.From, &statement.Source{Alias: "excluded"})
	}
	return s
}

func (c converter) copy(y *pg.CopyStmt) *statement.Statement {
	s := &statement.Statement{Kind: statement.Export}
	if y.IsFrom {
		s.Kind = statement.Load
	}
	if y.Query != nil {
		inner := c.statement(y.Query)
		if inner.Kind != statement.Select {
			return inner
		}
		s.Query = inner.Query
		return s
	}
	s.Target = c.table(y.Relation)
	for _, a := range y.Attlist {
		s.Columns = append(s.Columns, a.GetString_().GetSval())
	}
	return s
}

// set gives what columns are set to.
func (c converter) set(list []*pg.Node) []*statement.Expr {
	var out []*statement.Expr
	for _, n := range list {
		out = append(out, c.expr(n.GetResTarget().GetVal()))
	}
	return out
}

func (c converter) with(w *pg.WithClause) (list []statement.CTE, recursive bool) {
	for _, n := range w.GetCtes() {
		e := n.GetCommonTableExpr()
		t := statement.CTE{Name: e.Ctename, Columns: texts(e.Aliascolnames)}
		if q := e.Ctequery.GetSelectStmt(); q != nil {
			t.Query = c.query(q)
		} else {
			t.Write = c.statement(e.Ctequery)
		}
		list = append(list, t)
	}
	return list, w.GetRecursive()
}

func texts(list []*pg.Node) []string {
	var out []string
	for _, n := range list {
		out = append(out, n.GetString_().GetSval())
	}
	return out
}

func (c converter) query(s *pg.SelectStmt) *statement.Query {
	q := &statement.Query{}
	q.With, q.Recursive = c.with(s.WithClause)
	for _, list := range [][]*pg.Node{s.SortClause, {s.LimitOffset, s.LimitCount}} {
		q.Rest = append(q.Rest, c.exprs(list)...)
	}
	if s.Op != pg.SetOperation_SETOP_NONE {
		for _, arm := range []*pg.SelectStmt{s.Larg, s.Rarg} {
			q.Arms = append(q.Arms, c.query(arm))
		}
		q.Rest = nil // of what comes out, by name or number
		return q
	}
	q.Out = c.outputs(s.TargetList)
	for _, row := range s.ValuesLists {
		q.Values = append(q.Values, c.exprs(row.GetList().GetItems()))
	}
	q.From = c.sources(s.FromClause)
	q.Where = c.expr(s.WhereClause)
	for _, list := range [][]*pg.Node{s.GroupClause, {s.HavingClause}, s.WindowClause, s.DistinctClause} {
		q.Rest = append(q.Rest, c.exprs(list)...)
	}
	// Any function may be an aggregate.
	q.Opaque = len(s.GroupClause) > 0 || s.HavingClause != nil || len(s.WindowClause) > 0
	for _, o := range q.Out {
		q.Opaque = q.Opaque || calls(o.Expr)
	}
	return q
}

// calls reports whether an expression is made by anything but naming a column.
func calls(e *statement.Expr) bool {
	switch e.Op {
	case statement.Column, statement.Star, statement.Literal, statement.Subquery, statement.Exists:
		return false
	}
	return true
}

func (c converter) outputs(list []*pg.Node) []statement.Output {
	var out []statement.Output
	for _, n := range list {
		t := n.GetResTarget()
		o := statement.Output{Name: t.GetName(), Expr: c.expr(t.GetVal())}
		if o.Expr == nil {
			o.Expr = &statement.Expr{}
		}
		if o.Name == "" {
			o.Name = nameOf(t.GetVal(), o.Expr)
		}
		out = append(out, o)
	}
	return out
}

// nameOf is what PostgreSQL calls an output without a name of its own.
func nameOf(n *pg.Node, e *statement.Expr) string {
	switch n := n.GetNode().(type) {
	case *pg.Node_FuncCall:
		if list := texts(n.FuncCall.Funcname); len(list) > 0 {
			return list[len(list)-1]
		}
	case *pg.Node_TypeCast:
		if name := nameOf(n.TypeCast.Arg, &statement.Expr{}); name != "" {
			return name
		}
		if list := texts(n.TypeCast.TypeName.GetNames()); len(list) > 0 {
			return list[len(list)-1]
		}
	case *pg.Node_ColumnRef:
		for i := len(n.ColumnRef.Fields) - 1; i >= 0; i-- {
			if s := n.ColumnRef.Fields[i].GetString_(); s != nil {
				if e.Op == statement.Star {
					return ""
				}
				return s.Sval
			}
		}
	}
	return ""
}

func (c converter) table(r *pg.RangeVar) *statement.Source {
	if r == nil {
		return nil
	}
	s := &statement.Source{Name: []string{r.Catalogname, r.Schemaname, r.Relname}}
	s.Alias, s.Columns = alias(r.Alias)
	return s
}

func alias(a *pg.Alias) (string, []string) { return a.GetAliasname(), texts(a.GetColnames()) }

func (c converter) sources(list []*pg.Node) []*statement.Source {
	var out []*statement.Source
	for _, n := range list {
		if s := c.source(n); s != nil {
			out = append(out, s)
		}
	}
	return out
}

func (c converter) source(node *pg.Node) *statement.Source {
	switch n := node.GetNode().(type) {
	case *pg.Node_RangeVar:
		return c.table(n.RangeVar)
	case *pg.Node_RangeSubselect:
		s := &statement.Source{Lateral: n.RangeSubselect.Lateral}
		s.Alias, s.Columns = alias(n.RangeSubselect.Alias)
		if q := n.RangeSubselect.Subquery.GetSelectStmt(); q != nil {
			s.Query = c.query(q)
		}
		return s
	case *pg.Node_RangeTableSample:
		return c.source(n.RangeTableSample.Relation)
	case *pg.Node_JoinExpr:
		j := n.JoinExpr
		s := &statement.Source{Join: &statement.Join{Left: c.source(j.Larg), Right: c.source(j.Rarg), On: c.expr(j.Quals), Using: texts(j.UsingClause), Natural: j.IsNatural}}
		s.Alias, s.Columns = alias(j.Alias)
		switch j.Jointype {
		case pg.JoinType_JOIN_LEFT:
			s.Join.Kind = statement.Left
		case pg.JoinType_JOIN_RIGHT:
			s.Join.Kind = statement.Right
		case pg.JoinType_JOIN_FULL:
			s.Join.Kind = statement.Full
		}
		if s.Join.Left == nil || s.Join.Right == nil {
			return nil
		}
		return s
	case nil:
		return nil
	default:
		s := &statement.Source{Args: c.children(node)}
		switch n := n.(type) {
		case *pg.Node_RangeFunction:
			for _, f := range n.RangeFunction.Functions {
				for _, f := range f.GetList().GetItems() {
					c.called(f.GetFuncCall())
				}
			}
			s.Alias, s.Columns = alias(n.RangeFunction.Alias)
			if s.Alias == "" { // it is called as the function is
				for _, f := range n.RangeFunction.Functions {
					for _, f := range f.GetList().GetItems() {
						if s.Alias == "" {
							s.Alias = nameOf(f, &statement.Expr{})
						}
					}
				}
			}
		case *pg.Node_RangeTableFunc:
			s.Alias, s.Columns = alias(n.RangeTableFunc.Alias)
		}
		return s
	}
}

func (c converter) exprs(list []*pg.Node) []*statement.Expr {
	var out []*statement.Expr
	for _, n := range list {
		if e := c.expr(n); e != nil {
			out = append(out, e)
		}
	}
	return out
}

func (c converter) expr(node *pg.Node) *statement.Expr {
	switch n := node.GetNode().(type) {
	case nil:
		return nil
	case *pg.Node_ColumnRef:
		e := &statement.Expr{Op: statement.Column}
		for _, f := range n.ColumnRef.Fields {
			if s := f.GetString_(); s != nil {
				e.Name = append(e.Name, s.Sval)
			} else if f.GetAStar() != nil {
				e.Op = statement.Star
			}
		}
		if e.Op == statement.Column && len(e.Name) == 0 {
			return &statement.Expr{}
		}
		return e
	case *pg.Node_AStar:
		return &statement.Expr{Op: statement.Star}
	case *pg.Node_ParamRef:
		return &statement.Expr{Op: statement.Literal, Value: statement.Value{Param: int(n.ParamRef.Number)}}
	case *pg.Node_AConst:
		switch v := n.AConst.Val.(type) {
		case *pg.A_Const_Ival:
			return literal(strconv.Itoa(int(v.Ival.GetIval())))
		case *pg.A_Const_Fval:
			return literal(v.Fval.GetFval())
		case *pg.A_Const_Sval:
			return literal(v.Sval.GetSval())
		}
		return &statement.Expr{}
	case *pg.Node_TypeCast:
		return c.cast(n.TypeCast)
	case *pg.Node_BoolExpr:
		e := &statement.Expr{Args: c.exprs(n.BoolExpr.Args)}
		switch n.BoolExpr.Boolop {
		case pg.BoolExprType_AND_EXPR:
			e.Op = statement.And
		case pg.BoolExprType_OR_EXPR:
			e.Op = statement.Or
		}
		return e
	case *pg.Node_AExpr:
		return c.operator(n.AExpr)
	case *pg.Node_SubLink:
		return c.subLink(n.SubLink)
	}
	return &statement.Expr{Args: c.children(node)}
}

func literal(s string) *statement.Expr {
	return &statement.Expr{Op: statement.Literal, Value: statement.Value{Text: s}}
}

// cast keeps a value whose text stays as it is; a shortened or rounded one is
// something else.
func (c converter) cast(t *pg.TypeCast) *statement.Expr {
	arg := c.expr(t.Arg)
	if arg == nil {
		arg = &statement.Expr{}
	}
	other := &statement.Expr{Args: []*statement.Expr{arg}}
	if arg.Op != statement.Literal || len(t.TypeName.GetTypmods()) > 0 {
		return other
	}
	array := len(t.TypeName.GetArrayBounds()) > 0
	names := texts(t.TypeName.GetNames())
	if len(names) == 0 || array != arg.Value.Array && array && arg.Value.Param == 0 && arg.Value.Text == "" {
		return other
	}
	v := arg.Value
	switch names[len(names)-1] {
	case "text", "varchar":
	case "int2", "int4", "int8":
		v.Whole = true
	case "uuid":
	default:
		return other
	}
	v.Array = v.Array || array
	return &statement.Expr{Op: statement.Literal, Value: v}
}

func (c converter) operator(a *pg.A_Expr) *statement.Expr {
	name := texts(a.Name)
	equal := len(name) > 0 && name[len(name)-1] == "=" && (len(name) == 1 || name[0] == "pg_catalog")
	left, right := c.expr(a.Lexpr), c.expr(a.Rexpr)
	if equal && left != nil {
		switch a.Kind {
		case pg.A_Expr_Kind_AEXPR_OP:
			if l, r := rowOf(a.Lexpr), rowOf(a.Rexpr); right != nil && len(l) == len(r) && len(l) > 0 {
				e := &statement.Expr{Op: statement.And}
				for i := range l {
					e.Args = append(e.Args, &statement.Expr{Op: statement.Equal, Args: []*statement.Expr{c.expr(l[i]), c.expr(r[i])}})
				}
				return e
			}
			if right != nil && !(right.Op == statement.Literal && right.Value.Array) && !(left.Op == statement.Literal && left.Value.Array) {
				return &statement.Expr{Op: statement.Equal, Args: []*statement.Expr{left, right}}
			}
		case pg.A_Expr_Kind_AEXPR_IN:
			list := c.exprs(a.Rexpr.GetList().GetItems())
			return &statement.Expr{Op: statement.In, Args: append([]*statement.Expr{left}, withoutNull(a.Rexpr.GetList().GetItems(), list)...)}
		case pg.A_Expr_Kind_AEXPR_OP_ANY:
			if array := a.Rexpr.GetAArrayExpr(); array != nil {
				return &statement.Expr{Op: statement.In, Args: append([]*statement.Expr{left}, c.exprs(array.Elements)...)}
			}
			if right != nil && right.Op == statement.Literal {
				v := right.Value
				v.Array = true
				return &statement.Expr{Op: statement.Equal, Args: []*statement.Expr{left, {Op: statement.Literal, Value: v}}}
			}
		}
	}
	if list := a.Rexpr.GetList(); list != nil {
		right = &statement.Expr{Args: c.exprs(list.Items)}
	}
	e := &statement.Expr{}
	for _, x := range []*statement.Expr{left, right} {
		if x != nil {
			e.Args = append(e.Args, x)
		}
	}
	return e
}

// withoutNull leaves out NULL, which equals nothing.
func withoutNull(nodes []*pg.Node, list []*statement.Expr) []*statement.Expr {
	if len(nodes) != len(list) {
		return list
	}
	var out []*statement.Expr
	for i, n := range nodes {
		if k := n.GetAConst(); k == nil || !k.Isnull {
			out = append(out, list[i])
		}
	}
	return out
}

func rowOf(n *pg.Node) []*pg.Node { return n.GetRowExpr().GetArgs() }

func (c converter) subLink(l *pg.SubLink) *statement.Expr {
	q := l.Subselect.GetSelectStmt()
	if q == nil {
		return &statement.Expr{}
	}
	e := &statement.Expr{Op: statement.Subquery, Query: c.query(q)}
	test := c.expr(l.Testexpr)
	switch l.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		e.Op = statement.Exists
	case pg.SubLinkType_ANY_SUBLINK:
		if op := texts(l.OperName); len(op) == 0 || op[0] == "=" {
			e.Op = statement.InQuery
		}
	}
	if test != nil {
		e.Args = []*statement.Expr{test}
	}
	return e
}

// children gives the expressions of whatever else there is: functions, CASE,
// COALESCE, arrays, and what comes with later versions. Nothing in it may be missed,
// so it looks at every field of the message.
func (c converter) children(n *pg.Node) []*statement.Expr {
	var out []*statement.Expr
	n.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Message() != nil {
			c.fields(v.Message(), &out)
		}
		return true
	})
	return out
}

func (c converter) fields(m protoreflect.Message, out *[]*statement.Expr) {
	take := func(m protoreflect.Message) {
		if n, ok := m.Interface().(*pg.Node); ok {
			if e := c.expr(n); e != nil {
				*out = append(*out, e)
			}
			return
		}
		if q, ok := m.Interface().(*pg.SelectStmt); ok {
			*out = append(*out, &statement.Expr{Op: statement.Subquery, Query: c.query(q)})
			return
		}
		c.fields(m, out)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case strings.HasSuffix(string(f.Message().Name()), "TypeName"):
		case f.IsList():
			for i := range v.List().Len() {
				take(v.List().Get(i).Message())
			}
		default:
			take(v.Message())
		}
		return true
	})
}
