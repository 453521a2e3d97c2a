package scope

import (
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// View is what a question is asked of: the ledger at one moment.
type View interface {
	Segments() []*segment.Reader
	Lookup(pseudonym.Pseudonym) (dictionary.Ref, bool, error)
	// LookupPerson finds a person of any edition of the holdings, with an
	// account or without.
	LookupPerson(pseudonym.Pseudonym) (dictionary.Ref, bool, error)
	// Count is the number of ordinals given out in a partition.
	Count(part int) uint32
	Pseudonym(dictionary.Ref) (pseudonym.Pseudonym, error)
	Hasher() *pseudonym.Hasher
	Catalog() *catalog.Catalog // nil when none was installed
	// CatalogEdition is the catalog that was installed under a number, so that
	// an answer can tell which items a correction has added.
	CatalogEdition(number uint32) (*catalog.Catalog, error)
	// LiveRule is the live-only rule of a number, for the marks of records.
	LiveRule(number uint32) (ledger.LiveRule, error)
	// LiveRules are the rules of an edition, by number.
	LiveRules(edition uint32) ([]uint32, error)
	Registers() []*edition.Register
	Holdings() []*edition.Holdings
	// Number names the state of the ledger, so that an answer can be repeated.
	Number() uint64
	// RetainedFrom is the time before which records were destroyed by
	// retention; 0 if none were.
	RetainedFrom() event.Millis
	// SetAside is how many lines of each source could not become records.
	SetAside() map[string]int64
	// BrokenFiles is how many files of each source could be read only in part.
	BrokenFiles() map[string]int64
	// Gaps are stretches of followed files that were gone, or cut, before they
	// were read.
	Gaps() []ledger.Gap
}
