package catalog

import (
	"fmt"
	"strings"
)

// Error is one mistake in a catalog. It prints as "shop.yaml:12: field: what".
type Error struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 1-based; 0 when no line can be named
	Column  int    `json:"column,omitempty"`
	Field   string `json:"field,omitempty"` // as a path: routes[3].items[0]
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

// Errors is all mistakes of one catalog, in the order of its lines.
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
