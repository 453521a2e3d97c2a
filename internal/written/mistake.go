// Package written reads what a person wrote in a file, and says what is wrong
// with it.
//
// The central idea: a mistake names the file, the line and the field, exists in
// Korean and in English, and never repeats what stands in the file. A value may
// be an id, a name, an address or a token, and so may a key that is indented
// wrongly: mistakes go to logs, status pages and answers of a server, where none
// of these may be. Keys that a file may choose itself (a person of a rota, a list)
// are therefore told by their place, as people[2], and not by their name.
//
// What it is not: it knows no format. Which keys there are, and what may stand
// below them, is said by the package whose file it is.
package written

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Text is a sentence, or a piece of one, in both languages.
type Text struct{ KO, EN string }

// Kind is a kind of mistake: a stable code, and what it says in both languages,
// with the same verbs in the same order.
type Kind struct{ Code, KO, EN string }

// Say fills in numbers and words of the format. An argument that is a Text differs
// between the languages.
func (k Kind) Say(args ...any) Text {
	if len(args) == 0 {
		return Text{KO: k.KO, EN: k.EN}
	}
	ko, en := make([]any, len(args)), make([]any, len(args))
	for i, a := range args {
		ko[i], en[i] = a, a
		if both, ok := a.(Text); ok {
			ko[i], en[i] = both.KO, both.EN
		}
	}
	return Text{KO: fmt.Sprintf(k.KO, ko...), EN: fmt.Sprintf(k.EN, en...)}
}

// Mistake is one mistake in a file. It prints as "shop.yaml:12: field: what".
type Mistake struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // 1-based; 0 when no line can be named
	Column int    `json:"column,omitempty"`
	Field  string `json:"field,omitempty"` // as a path: routes[3].items[0]
	Code   string `json:"code,omitempty"`  // of the kind of mistake; stable

	Problem   string `json:"problem"`
	ProblemKO string `json:"problem_ko"`
}

func (m Mistake) Error() string { return m.text(m.Problem) }

// KO is Error in Korean.
func (m Mistake) KO() string { return m.text(cmp.Or(m.ProblemKO, m.Problem)) }

func (m Mistake) text(problem string) string {
	var b strings.Builder
	b.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d", m.Line)
	}
	b.WriteString(": ")
	if m.Field != "" {
		b.WriteString(m.Field + ": ")
	}
	b.WriteString(problem)
	return b.String()
}

// Mistakes is all mistakes of a file, in the order of its lines, or of several
// files.
type Mistakes []Mistake

func (ms Mistakes) Error() string { return ms.lines(Mistake.Error) }

// KO is Error in Korean.
func (ms Mistakes) KO() string { return ms.lines(Mistake.KO) }

func (ms Mistakes) lines(say func(Mistake) string) string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = say(m)
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a single Mistake.
func (ms Mistakes) Unwrap() []error {
	out := make([]error, len(ms))
	for i, m := range ms {
		out[i] = m
	}
	return out
}

// Errorf is an error in both languages that has no place: of a file that is
// looked at because another names it, say.
func Errorf(ko, en string, args ...any) error { return &trouble{Kind{KO: ko, EN: en}.Say(args...)} }

type trouble struct{ text Text }

func (t *trouble) Error() string { return t.text.EN }
func (t *trouble) KO() string    { return t.text.KO }

// TextOf is an error in both languages.
func TextOf(err error) Text { return Text{KO: Korean(err), EN: err.Error()} }

// Joined is errors.Join whose result can be said in Korean, each error in its
// own words where it has Korean ones. A single error stays as it is.
func Joined(errs ...error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return &several{errs}
}

type several struct{ errs []error }

func (s *several) Error() string   { return errors.Join(s.errs...).Error() }
func (s *several) Unwrap() []error { return s.errs }

func (s *several) KO() string {
	lines := make([]string, len(s.errs))
	for i, err := range s.errs {
		lines[i] = Korean(err)
	}
	return strings.Join(lines, "\n")
}

// Korean is what an error says in Korean, or Error where it has no Korean.
func Korean(err error) string {
	if said, ok := errors.AsType[interface {
		error
		KO() string
	}](err); ok {
		return said.KO()
	}
	return err.Error()
}
