package rule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a rule file. It prints as
// `pack.yaml:12: detection.sel.Image: modifier "foo" is not known`.
type Error struct {
	File    string `json:"file"`
	Line    int    `json:"line"`            // 1-based; 0 when no line can be named
	Field   string `json:"field,omitempty"` // as a path: detection.sel.Image
	Problem string `json:"problem"`
}

func (e Error) Error() string {
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
	b.WriteString(e.Problem)
	return b.String()
}

// Errors is all mistakes of the files looked at, by file and line.
type Errors []Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
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

// maxErrors keeps a wrong file (a log, say) from printing itself.
const maxErrors = 200

// orNil sorts the mistakes and is nil when there are none.
func (es Errors) orNil() error {
	if len(es) == 0 {
		return nil
	}
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	if n := len(es); n > maxErrors {
		es = append(es[:maxErrors:maxErrors], Error{File: es[maxErrors].File, Problem: fmt.Sprintf("and %d more mistakes", n-maxErrors)})
	}
	return es
}
