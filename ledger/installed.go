package ledger

import (
	"slices"
	"time"

	"github.com/haetae/haetae/catalog"
)

// Installed is one edition of the catalog, the register or the holdings, as
// somebody installed it.
type Installed struct {
	Kind   string     `json:"kind"` // "catalog", "register", "holdings"
	Number uint32     `json:"edition"`
	Name   string     `json:"name"`
	From   *time.Time `json:"from"` // from when it is true; null: for all time
	Added  time.Time  `json:"added"`
	Lines  int64      `json:"lines,omitempty"`
}

// Installed lists the editions of a folder, by kind, each in the order in which
// they came. It reads no files.
func (l *Ledger) Installed() []Installed {
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := []Installed{}
	for _, kind := range []struct {
		name string
		refs []editionRef
	}{{"catalog", l.m.Catalogs}, {"register", l.m.Registers}, {"holdings", l.m.Holdings}} {
		refs := slices.Clone(kind.refs)
		slices.SortFunc(refs, func(a, b editionRef) int { return int(a.Number) - int(b.Number) })
		for _, r := range refs {
			e := Installed{Kind: kind.name, Number: r.Number, Name: r.Name, Added: r.Added, Lines: r.Lines}
			if r.From != 0 && r.From != catalog.Always {
				from := r.From.Time()
				e.From = &from
			}
			out = append(out, e)
		}
	}
	return out
}
