package rule

import (
	"cmp"
	"slices"

	"github.com/haetae/haetae/internal/written"
)

// Error is one mistake in a rule file. It prints as
// `pack.yaml:12: detection.sel.Image: modifier "foo" is not known`, in Korean as well.
// It names rules, searches and fields, which are words of the language, and repeats
// no value that is compared: that may be somebody's id.
type Error = written.Mistake

// Errors is all mistakes of the files looked at, by file and line.
type Errors []Error

func (es Errors) Error() string { return written.Mistakes(es).Error() }

// KO is Error in Korean.
func (es Errors) KO() string { return written.Mistakes(es).KO() }

// Unwrap lets errors.As find a single Error, and all of them as Mistakes.
func (es Errors) Unwrap() error { return written.Mistakes(es) }

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
		t := say("and %d more mistakes", n-maxErrors)
		es = append(es[:maxErrors:maxErrors], Error{File: es[maxErrors].File, Problem: t.EN, ProblemKO: t.KO})
	}
	return es
}

// ErrNoRules: a folder of rules has none.
var ErrNoRules = written.Errorf("폴더에 규칙 파일(*.yaml)이 없습니다", "there is no rule file in the folder (*.yaml)")
