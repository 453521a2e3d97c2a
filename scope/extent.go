package scope

import (
	"cmp"
	"context"
	"fmt"
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
	// Keep makes the extent carry its accounts and people, to be saved,
	// compared and exported.
	Keep bool
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
	Unregistered int64      `json:"unregistered"`
	Unresolved   Unresolved `json:"unresolved"`
	Unmapped     Unmapped   `json:"unmapped"`
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
	By     []GroupRow       `json:"by,omitempty"`
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
}

// Unmapped are matching records on routes the catalog does not know.
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

// GroupRow is one line of --by.
type GroupRow struct {
	Value    string           `json:"value"`
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
	Groups          int64         `json:"groups"`
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
		return nil, fmt.Errorf("scope: %w", err)
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
	e.Unresolved = Unresolved{c.unresolved, c.unresolvedRows}
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
	if err := p.coverage(e, zone); err != nil {
		return nil, fmt.Errorf("scope: %w", err)
	}
	p.editionsOf(e, t)
	p.limits(e, t)
	if q.By != "" {
		e.By = p.groupRows(t, e)
	}
	e.explain = t.stats
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

func (p *plan) itemCounts(c *counts) map[string]int64 {
	out := map[string]int64{}
	if p.catalog == nil {
		return out
	}
	for i, it := range p.catalog.Items {
		if c.items[i] > 0 {
			out[it.Name] = c.items[i]
		}
	}
	return out
}

func (p *plan) ghostCount(c *counts) *int64 {
	if len(p.registers) == 0 {
		return nil
	}
	n := c.ghosts
	return &n
}

func (p *plan) editionsOf(e *Extent, t *tally) {
	e.Editions = Editions{Decoded: []uint32{}, Register: []string{}, Holdings: []string{}}
	for n := range t.editions {
		e.Editions.Decoded = append(e.Editions.Decoded, n)
	}
	slices.Sort(e.Editions.Decoded)
	for i, r := range p.registers {
		if t.registers[int16(i)] {
			e.Editions.Register = append(e.Editions.Register, r.Name())
		}
	}
	for i, h := range p.holdings {
		if t.holdings[int16(i)] {
			e.Editions.Holdings = append(e.Editions.Holdings, h.Name())
		}
	}
	if t.nearest[1] {
		e.Editions.Nearest = append(e.Editions.Nearest, "holdings")
	}
	if t.nearest[0] {
		e.Editions.Nearest = append(e.Editions.Nearest, "register")
	}
	if p.catalog == nil {
		return
	}
	e.Editions.Catalog = p.catalog.Edition
	for name := range e.Items {
		bit, _ := p.catalog.ItemBit(name)
		e.Known[name] = Basis{How: "declared", Catalog: p.catalog.Edition, Corrected: t.added.Has(bit)}
	}
}

func (p *plan) groupRows(t *tally, e *Extent) []GroupRow {
	out := []GroupRow{}
	if p.by == nil { // item
		for name, n := range e.Items {
			out = append(out, GroupRow{Value: name, People: n, Items: map[string]int64{name: n}})
		}
	}
	for i, name := range t.names {
		if i == 0 {
			continue
		}
		c := &t.counts[i]
		row := GroupRow{
			Value: strings.TrimPrefix(name, byPrefix), Records: c.records, Reads: c.reads, Accounts: c.accounts, People: c.people,
			Items: p.itemCounts(c), Ghosts: p.ghostCount(c),
		}
		if name == restGroup {
			row.Rest = p.rest
		}
		out = append(out, row)
	}
	chronological := p.by != nil && (p.by.name == "day" || p.by.name == "hour" || p.by.name == "month")
	slices.SortFunc(out, func(a, b GroupRow) int {
		if a.Rest != b.Rest {
			return cmp.Compare(a.Rest, b.Rest) // last
		}
		if !chronological {
			if a.People != b.People {
				return int(b.People - a.People)
			}
			if a.Records != b.Records {
				return int(b.Records - a.Records)
			}
		}
		return strings.Compare(a.Value, b.Value)
	})
	return out
}

// levels says where each part of the predicate is decided.
func (p *Predicate) levels() []string {
	var out []string
	for _, l := range p.leaves {
		where := "row by row"
		switch {
		case l.timeOp != "":
			where = "once per group, else by the row's time"
		case l.pseudo != plain:
			where = "by ordinal, per session or account"
		case l.levels&^levelShape == 0:
			where = "once per shape"
		case l.levels == levelClient:
			where = "once per place of access"
		case l.levels == levelAgent:
			where = "once per user agent"
		}
		text := l.text
		if l.pseudo != plain {
			text = l.names[0] + " compared with " + fmt.Sprint(len(l.ids)) + " id(s)"
		}
		out = append(out, text+": "+where)
	}
	return out
}
