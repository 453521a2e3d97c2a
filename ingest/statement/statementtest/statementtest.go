// Package statementtest writes what a statement was found to read, for the tests of
// the dialects.
//
// What it is not: used by anything but tests.
package statementtest

import (
	"fmt"
	"strings"

	"github.com/haetae/haetae/ingest/statement"
)

// Describe writes a statement as a part for each table:
//
//	members(email, name) id=m1|m2
//
// with a star for all columns, > in front of a table that is written, and at the end
// the routines with what they are given, and the columns that may be of several.
func Describe(parse func(string) ([]*statement.Statement, bool), text string) string {
	list, ok := parse(text)
	if !ok {
		return "not understood"
	}
	var out []string
	for _, s := range list {
		a, ok := statement.Analyse(s)
		if !ok {
			return "beyond all bounds"
		}
		for _, u := range a.Tables {
			part := strings.Trim(strings.Join(u.Name, "."), ".")
			if u.Target {
				part = ">" + part
			}
			if u.All {
				part += "(*)"
			} else if len(u.Columns) > 0 {
				part += "(" + strings.Join(u.Columns, ", ") + ")"
			}
			for _, n := range u.Named {
				for _, set := range n.Sets {
					part += " " + n.Column + "=" + values(set)
				}
			}
			out = append(out, part)
		}
		for _, c := range a.Calls {
			var args []string
			for _, e := range c.Args {
				text := "?"
				if e.Op == statement.Literal {
					text = e.Value.Text
				}
				args = append(args, text)
			}
			part := strings.Trim(strings.Join(c.Name, "."), ".") + "(" + strings.Join(args, ", ") + ")"
			if c.Procedure {
				part = "CALL " + part
			}
			out = append(out, part)
		}
		for _, l := range a.Loose {
			out = append(out, fmt.Sprint("?", l.Name, l.Tables))
		}
	}
	return strings.Join(out, "; ")
}

func values(set []statement.Value) string {
	var out []string
	for _, v := range set {
		s := v.Text
		if v.Param > 0 {
			s = fmt.Sprintf("$%d", v.Param)
		}
		if v.Array {
			s += "[]"
		}
		out = append(out, s)
	}
	return strings.Join(out, "|")
}
