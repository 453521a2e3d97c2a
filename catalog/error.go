package catalog

import "github.com/haetae/haetae/internal/written"

// Error is one mistake in a catalog. It prints as "shop.yaml:12: field: what", in
// Korean as well, and never repeats what stands in the catalog: an id copied from
// a log may be there.
type Error = written.Mistake

// Errors is all mistakes of one catalog, in the order of its lines. It is a type
// of its own so that a command can tell them from those of other files.
type Errors []Error

func (es Errors) Error() string { return written.Mistakes(es).Error() }

// KO is Error in Korean.
func (es Errors) KO() string { return written.Mistakes(es).KO() }

// Unwrap lets errors.As find a single Error, and all of them as Mistakes.
func (es Errors) Unwrap() error { return written.Mistakes(es) }
