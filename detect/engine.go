package detect

import (
	"fmt"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
)

// World is what the engine asks of the ledger beside the records.
type World interface {
	Catalog() *catalog.Catalog // nil when none was installed
	Registers() []*edition.Register
	Pseudonym(dictionary.Ref) (pseudonym.Pseudonym, error)
	Hasher() *pseudonym.Hasher
	// Bucket names the block of ids an account's number lies in, and how many
	// accounts of it each of Registers has; where there is none, how many are known.
	// The block is 0 when the id is no number. Nobody writes to known.
	Bucket(dictionary.Ref) (block uint64, known []int, err error)
	// LiveRules are the live-only rules of an edition, by number, and LiveRule is the
	// one of a number.
	LiveRules(edition uint32) (numbers []uint32, err error)
	LiveRule(number uint32) (ledger.LiveRule, error)
}

// Options of an engine.
type Options struct {
	Zone *time.Location // in which days and hours are meant; default UTC

	Calendar   *Calendar   // holidays, sale days, migrations; may be nil
	Exceptions []Exception // signals that somebody has looked into
	Keys       []Key       // the register of keys, for rules on custody
	Holders    []Holder    // who holds access, and since and until when; nil: nobody says
	Feeds      []FeedCover // which of these come from outside, and how current they were
	Lists      Lists       // what %name% stands for in rules; may be nil

	// Lateness is how much later than the newest record of all another may come and
	// still be counted where it belongs. What comes later than that is counted in
	// Late, and only a run over history takes it in.
	Lateness time.Duration // default 10 minutes

	// Bounds. When one is reached, coverage is lost and a signal says so.
	MaxGroups int // of a correlation; default 10 million
	MaxValues int // told apart in a window of one group; default 10,000
	MaxTexts  int // and addresses, as many again, told apart of all records; default 16 million, about 2 GB

	// SliceRows is about how many rows of history are gathered at once; default 4
	// million, 200 MB. Two such slices are in memory at a time.
	SliceRows int
}

const (
	defaultLateness  = 10 * time.Minute
	defaultMaxGroups = 10_000_000
	defaultMaxValues = 10_000
	defaultMaxTexts  = 16 << 20
	defaultSliceRows = 4 << 20
)

// Engine runs rules over rows. It belongs to one goroutine.
type Engine struct {
	o       Options
	world   World
	catalog *catalog.Catalog
	zone    *time.Location
	set     *rule.Set
	matcher *matcher
	codes   *codes
	facts   map[segment.Shape]*shapeFacts
	plans   map[string]*plan
	batch   batch
	named   named

	kinds        map[rule.FieldID]fieldKind // that can be grouped by or counted
	inputs       [][]input                  // by rule
	groupings    []grouping                 // that they group by, each once
	countings    []counting                 // and what they count by them
	correlations []*correlation
	live         liveRules
	notRun       []string // group or count by what the record does not hold
	elsewhere    []string // look at no access record
	emptyLists   []string // that rules ask for and nobody has filled
	holders      holders

	began, newest, watermark event.Millis
	late                     int64
	rows                     int64
	losses                   map[lossKey]*loss
	gaps, missing            []ledger.Gap // as told, and their spans
	stale                    []staleFeed
	staleAt                  event.Millis // when it was told
	missed                   bool         // missing has changed, or a loss is still to be told
	err                      error

	shift, shiftFrom, shiftTo event.Millis

	hourly func(at event.Millis) error // see EachHour
}

// New prepares rules for a ledger.
func New(docs []*rule.Document, w World, o Options) (*Engine, error) {
	if o.Lateness == 0 {
		o.Lateness = defaultLateness
	}
	if o.MaxGroups == 0 {
		o.MaxGroups = defaultMaxGroups
	}
	if o.MaxValues == 0 {
		o.MaxValues = defaultMaxValues
	}
	if o.MaxTexts == 0 {
		o.MaxTexts = defaultMaxTexts
	}
	if o.SliceRows == 0 {
		o.SliceRows = defaultSliceRows
	}
	e := &Engine{o: o, world: w, catalog: w.Catalog(), zone: o.Zone, codes: newCodes(o.MaxTexts), facts: map[segment.Shape]*shapeFacts{}, plans: map[string]*plan{}, losses: map[lossKey]*loss{}, began: catalog.Never, newest: catalog.Always, watermark: catalog.Always}
	if e.zone == nil {
		e.zone = time.UTC
	}
	for _, k := range o.Keys { // before any record, so that there is room for them
		e.codes.text(k.ID)
	}
	schema := Schema()
	var lists map[string][]string
	lists, e.emptyLists = o.forRules(docs)
	set, err := rule.Compile(docs, schema, rule.Options{Zone: e.zone, Pseudonym: e.constant(schema), Placeholders: lists, Only: notLive})
	if err != nil {
		return nil, err
	}
	e.set, e.matcher, e.kinds = set, newMatcher(set, schema), fieldKindsOf(schema)
	e.holders = holdersOf(o.Holders)
	e.holders.gone(e.named.add)
	if err := e.compile(set); err != nil {
		return nil, err
	}
	if err := e.checkExceptions(); err != nil {
		return nil, err
	}
	return e, nil
}

// constant gives the form in which a rule's id is compared with a record's: the
// pseudonym. Whether an actor is a member is told by the id's form.
func (e *Engine) constant(schema *rule.Schema) func(rule.FieldID, string) string {
	token, _ := schema.Field("credential.token")
	actor, _ := schema.Field("actor.id")
	return func(f rule.FieldID, id string) string {
		h := e.world.Hasher()
		if f == token {
			return tokenText(h.Token(event.TokenID(id)))
		}
		p := h.Account(event.AccountID(id))
		if f == actor && (e.catalog == nil || !e.catalog.ValidAccount(event.AccountID(id))) {
			p = h.Actor(event.ActorID(id), "")
		}
		if id != unlisted { // which nobody is
			e.named.add(p)
		}
		return pseudonymText(p)
	}
}

func tokenText(t uint64) string                  { return fmt.Sprintf("t:%016x", t) }
func pseudonymText(p pseudonym.Pseudonym) string { return fmt.Sprintf("p:%x", p[:]) }

func (e *Engine) refText(r dictionary.Ref) string {
	p, err := e.world.Pseudonym(r)
	if err != nil {
		e.fail(err)
		return ""
	}
	return pseudonymText(p)
}

func (e *Engine) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// Advance moves the watermark to what the newest record and the lateness allow,
// decides what could not be decided before, and forgets what is past.
func (e *Engine) Advance() error {
	if e.newest == catalog.Always {
		return e.err
	}
	return e.AdvanceTo(e.newest - millis(e.o.Lateness))
}

// AdvanceIdle is Advance for a live run that has been idle for a while: what is
// longer than the lateness of it counts as time that has passed.
func (e *Engine) AdvanceIdle(idle time.Duration) error {
	if e.newest == catalog.Always {
		return e.err
	}
	return e.AdvanceTo(e.newest + max(0, millis(idle-e.o.Lateness)) - millis(e.o.Lateness))
}

// Decided is the watermark: everything before it is decided.
func (e *Engine) Decided() event.Millis { return e.watermark }

// Newest is the time of the newest record; catalog.Always while there is none.
func (e *Engine) Newest() event.Millis { return e.newest }

// ByClock reports whether more is decided than the records by themselves allow.
func (e *Engine) ByClock() bool { return e.watermark > e.newest-millis(e.o.Lateness) }

// AdvanceTo moves the watermark: no record before it will be counted any more.
func (e *Engine) AdvanceTo(to event.Millis) error {
	if to <= e.watermark {
		return e.err
	}
	e.watermark = to
	for _, c := range e.correlations {
		if to := c.limit(to); to != catalog.Always {
			e.settle(c, to)
		}
		if c.chain != nil {
			e.tell(c)
		}
		if c.parts != nil {
			c.forgetParts()
		}
		if len(c.crowded) > 0 {
			e.fold(c)
		}
	}
	return e.err
}

// settle brings a correlation up to a watermark.
func (e *Engine) settle(c *correlation, to event.Millis) {
	if c.kind == rule.Custody {
		return // it looks at no record
	}
	if c.extra != nil {
		c.settling(true)
		c.extra.settle(e, c, to)
		c.settling(false)
		return
	}
	settled := to
	if c.filter != nil {
		settled = c.filter.settle(e, c, to, func(k tuple, v uint64, at event.Millis) { e.count(c, k, v, at, true) })
		e.evaluateChanged(c)
	}
	from, until := c.settledCell, c.grid.of(settled)
	if c.settled == catalog.Always {
		from = c.grid.of(e.began)
	}
	if settled <= c.settled {
		return
	}
	if from == until {
		c.settle(settled)
		return
	}
	if c.waits() {
		c.settling(true)
		open := c.open[:0]
		for _, g := range c.open {
			if c.mayFire(g) {
				e.evaluate(c, g, from, until)
			}
			if g.open = len(g.cells) > 0 && g.cells[len(g.cells)-1].at >= until; g.open {
				open = append(open, g)
			}
		}
		clear(c.open[len(open):])
		c.open = open
		c.settling(false)
	}
	if c.sweeps(until) {
		c.last = nil
		c.groups.expire(until-c.grid.width+1, until, c.grid.width, nil)
	}
	c.settle(settled)
}

// waits tells whether windows are to be looked at when they are final: where later
// records could take back what they say, or others count it.
func (c *correlation) waits() bool { return !c.monotone || c.chain != nil }

func (c *correlation) settling(yes bool) {
	if c.chain != nil {
		c.chain.settling = yes
	}
}

// sweeps tells whether what is past is to be forgotten now: not with every cell,
// since that looks at every group, but after a quarter of a window.
func (c *correlation) sweeps(now int64) bool {
	if now-c.swept < max(1, c.grid.width/4) {
		return false
	}
	c.swept = now
	return true
}

// Finish decides what is left as if no further record came.
func (e *Engine) Finish() error {
	if e.newest == catalog.Always {
		return e.err
	}
	return e.AdvanceTo(e.newest + 366*86_400_000)
}
