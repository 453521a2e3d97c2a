package catalog

import "github.com/haetae/haetae/internal/written"

// Error is one mistake in a catalog. It prints as "shop.yaml:12: field: what", in
// Korean as well, and never repeats what stands in the catalog: an id copied from
// a log may be there.
type Error = written.Mistake

// Errors is all mistakes of one catalog, in the order of its lines.
type Errors = written.Mistakes
