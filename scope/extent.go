package scope

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
)

// Query is a question.
type Query struct {
	Where string // CEL; empty matches every record
	// From and To bound the time of the records, [From, To); zero is open.
	From, To event.Millis
	By       string         // one of Dimensions, or empty
	Zone     *time.Location // for days and hours; default UTC
	Workers  int            // default: the number of cores
	// Now is the moment of the question: without To, silence is looked for up to
	// it, since a log that stopped tells nothing of the time after. Zero: up to
	// the last record of any source.
	Now event.Millis
	// Keep makes the extent carry its accounts and people, to be saved,
	// compared and exported.
	Keep bool
	// Exceptions asks for those that kept signals quiet whose records are in the answer,
	// by what the ledger says and by Quiet, which is not written down yet.
	Exceptions bool
	Quiet      []Noted
	// Sources asks for what each source says of the answer. Where several have reads
	// the question is answered more than once.
	Sources bool

	anyWord bool // no word of the condition is refused because nothing holds it
}

// Extent is the answer (유출 가능 범위). Its JSON form is stable.
type Extent struct {
	Where string  `json:"where"`
	From  *string `json:"from,omitempty"` // as asked
	To    *string `json:"to,omitempty"`

	Records  int64 `json:"records"` // that the predicate matches, whatever the outcome
	Reads    int64 `json:"reads"`   // of them, successful answers with items
	Accounts int64 `json:"accounts"`
	People   int64 `json:"people"`
	// Items counts, per item, the people for whom it was shown and not empty.
	Items map[string]int64 `json:"items"`
	// Ghosts are members who connected and whom the register does not know;
	// null without a register.
	Ghosts *int64 `json:"ghosts"`
	// Unregistered are accounts named in answers that the register does not
	// know. They are not in Accounts.
	Unregistered int64       `json:"unregistered"`
	Unresolved   Unresolved  `json:"unresolved"`
	PartlyNamed  PartlyNamed `json:"partly_named"`
	Unmapped     Unmapped    `json:"unmapped"`
	// Routes counts the reads of each route.
	Routes map[string]int64 `json:"routes"`

	// AccountsWithoutHoldings are in Accounts and have no line in the holdings:
	// who stands behind them is not known.
	AccountsWithoutHoldings int64 `json:"accounts_without_holdings"`

	Span     *Span            `json:"span"` // of the matching records; null when there are none
	Gaps     []Gap            `json:"gaps"`
	Coverage []SourceCoverage `json:"coverage"`
	Editions Editions         `json:"editions"`
	// Known says for each item how it is known that the answers carried it.
	Known  map[string]Basis `json:"known"`
	Limits []Limit          `json:"limits"`
	// Sources says of the numbers by which source they are known, when the query asked.
	Sources []SourceShare `json:"sources,omitempty"`
	By      []GroupRow    `json:"by,omitempty"`
	// Exceptions are those that kept a signal quiet of which a record is in the answer.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Ledger numbers the state that was asked: the same question to the same
	// state has the same answer.
	Ledger uint64 `json:"ledger"`

	explain Explain
	kept    *Set
}

// Unresolved are reads whose subjects the log does not name.
type Unresolved struct {
	Records int64 `json:"records"`
	Rows    int64 `json:"rows"` // that they say they returned
	// RowsUnknown are those of the records that do not say how many: Rows is not
	// theirs.
	RowsUnknown int64 `json:"rows_unknown"`
}

// Unmapped are matching records on routes the catalog does not know, but for
// those that Haetae wrote about itself.
type Unmapped struct {
	Records int64        `json:"records"`
	Routes  []RouteCount `json:"routes"` // the most frequent, at most 20
}

// RouteCount is a route and how often it was asked for.
type RouteCount struct {
	Route   string `json:"route"`
	Records int64  `json:"records"`
}

// Span is from the first to the last matching record.
type Span struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

// Editions says which dated lists the answer rests on.
type Editions struct {
	Catalog  uint32   `json:"catalog"`  // by which items were decided; 0 = none
	Decoded  []uint32 `json:"decoded"`  // catalogs that decoded the records
	Register []string `json:"register"` // names, by date
	Holdings []string `json:"holdings"`
	// Nearest names the lists of which no edition was in force yet at the time
	// of some read, so that the earliest stood in.
	Nearest []string `json:"nearest,omitempty"`
	// Installed are the lists there are, whether or not this answer needed them.
	Installed Installed `json:"installed"`
}

// Installed names the dated lists of a ledger, by date.
type Installed struct {
	Register []string `json:"register"`
	Holdings []string `json:"holdings"`
}

// Basis is how an item is known.
type Basis struct {
	How     string `json:"how"` // "declared": by the catalog, not observed in the answer
	Catalog uint32 `json:"catalog"`
	// Corrected: some of these reads were recorded before the catalog said so.
	Corrected bool `json:"added_by_correction,omitempty"`
}

// Limit is something the answer could not tell.
type Limit struct {
	Code string `json:"code"`
	KO   string `json:"ko"`
	EN   string `json:"en"`
}

// GroupRow is one line of --by. A line of --by item has the records on routes
// that return the item, whatever the outcome, the reads among them, the accounts
// those name, and the people for whom the item was shown and not empty.
type GroupRow struct {
	Value string `json:"value"`
	// Pseudonym is the whole pseudonym of an actor, as pseudonym("…") reads it.
	Pseudonym string `json:"pseudonym,omitempty"`

	Records  int64            `json:"records"`
	Reads    int64            `json:"reads"`
	Accounts int64            `json:"accounts"`
	People   int64            `json:"people"`
	Items    map[string]int64 `json:"items"`
	Ghosts   *int64           `json:"ghosts"`
	// Rest is how many values share this line, when there are more than get a
	// line of their own.
	Rest int `json:"rest,omitempty"`
}

// Explain says what an answer cost and where it was decided.
type Explain struct {
	Segments        int           `json:"segments"`
	SegmentsSkipped int           `json:"segments_skipped"`
	Groups          int64         `json:"groups"` // in all, as Segments are
	GroupsSkipped   int64         `json:"groups_skipped"`
	Rows            int64         `json:"rows"`         // whose account was decoded
	RowsDecided     int64         `json:"rows_decided"` // that were looked at one by one
	Prepare         time.Duration `json:"prepare_ns"`
	Scan            time.Duration `json:"scan_ns"`
	Unite           time.Duration `json:"unite_ns"`
	Levels          []string      `json:"levels"`
}

// Explain tells how the answer was found.
func (e *Extent) Explain() Explain { return e.explain }

// Run answers a question.
func Run(ctx context.Context, v View, q Query) (*Extent, error) {
	p, err := newPlan(v, q)
	if err != nil {
		return nil, err
	}
	t, err := p.run(ctx, q.Workers)
	if err != nil {
		return nil, err
	}
	zone := q.Zone
	if zone == nil {
		zone = time.UTC
	}
	e := &Extent{Where: q.Where, Ledger: v.Number(), Gaps: []Gap{}, Limits: []Limit{}, Known: map[string]Basis{}, Routes: t.routes}
	if q.From != 0 {
		s := stamp(q.From, zone)
		e.From = &s
	}
	if q.To != 0 {
		s := stamp(q.To, zone)
		e.To = &s
	}
	c := &t.counts[0]
	e.Records, e.Reads, e.Accounts, e.People = c.records, c.reads, c.accounts, c.people
	e.Unregistered, e.AccountsWithoutHoldings = c.unregistered, c.withoutHolding
	e.Items = p.itemCounts(c)
	e.Ghosts = p.ghostCount(c)
	e.Unresolved = Unresolved{c.unresolved, c.unresolvedRows.told, c.unresolvedRows.untold}
	e.PartlyNamed = t.partly
	e.Unmapped.Routes = []RouteCount{}
	for r, n := range t.unmapped {
		e.Unmapped.Records += n
		e.Unmapped.Routes = append(e.Unmapped.Routes, RouteCount{r, n})
	}
	slices.SortFunc(e.Unmapped.Routes, func(a, b RouteCount) int {
		if a.Records != b.Records {
			return int(b.Records - a.Records)
		}
		return strings.Compare(a.Route, b.Route)
	})
	e.Unmapped.Routes = e.Unmapped.Routes[:min(20, len(e.Unmapped.Routes))]
	if c.records > 0 {
		e.Span = &Span{stamp(t.first, zone), stamp(t.last, zone)}
	}
	if err := p.coverage(e, zone, q.Now); err != nil {
		return nil, err
	}
	p.editionsOf(e, t)
	absent, err := p.absentFields()
	if err != nil {
		return nil, err
	}
	types, err := p.unseenTypes()
	if err != nil {
		return nil, err
	}
	marks, err := p.unseenMarks()
	if err != nil {
		return nil, err
	}
	p.limits(e, t, zone)
	e.Limits = append(e.Limits, absent...)
	e.Limits = append(e.Limits, types...)
	e.Limits = append(e.Limits, marks...)
	many, err := p.tooMany()
	if err != nil {
		return nil, err
	}
	e.Limits = append(e.Limits, many...)
	if q.By != "" {
		e.By = p.groupRows(t, e)
	}
	if q.Sources {
		if err := p.sources(ctx, q, t, e); err != nil {
			return nil, err
		}
	}
	if q.Exceptions {
		if e.Exceptions, err = p.exceptions(ctx, q, t); err != nil {
			return nil, err
		}
	}
	e.explain = t.stats
	e.explain.Groups += e.explain.GroupsSkipped
	e.explain.Levels = p.pred.levels()
	if q.Keep {
		e.kept = newSet(p, t)
	}
	return e, nil
}

// stamp writes a moment in the zone the report is for.
func stamp(m event.Millis, zone *time.Location) string {
	return m.Time().In(zone).Format("2006-01-02T15:04:05.000Z07:00")
}
