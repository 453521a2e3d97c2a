package catalog

import (
	"fmt"
	"strings"
)

// Error is one mistake in a catalog. It prints as "shop.yaml:12: field: what".
type Error struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // 1-based; 0 only for "and so many more"
	Column int    `json:"column,omitempty"`
	Field  string `json:"field,omitempty"` // as a path: routes[3].items[0]
	Code   string `json:"code"`            // of the kind of mistake; stable

	Problem   string `json:"problem"`
	ProblemKO string `json:"problem_ko"`
}

func (e Error) Error() string { return e.text(e.Problem) }

// KO is Error in Korean.
func (e Error) KO() string {
	if e.ProblemKO == "" {
		return e.Error()
	}
	return e.text(e.ProblemKO)
}

func (e Error) text(problem string) string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteString(": ")
	}
	b.WriteString(problem)
	return b.String()
}

// Errors is all mistakes of one catalog, in the order of its lines.
type Errors []Error

func (es Errors) Error() string { return es.lines(Error.Error) }

// KO is Error in Korean.
func (es Errors) KO() string { return es.lines(Error.KO) }

func (es Errors) lines(say func(Error) string) string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = say(e)
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single Error.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}
