package rule

import (
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// CorrelationType is what a correlation looks at.
type CorrelationType string

// The types of the Sigma specification, and after them ours. The package comment
// says what each means.
const (
	EventCount      CorrelationType = "event_count"
	ValueCount      CorrelationType = "value_count"
	ValueSum        CorrelationType = "value_sum"
	ValueAvg        CorrelationType = "value_avg"
	ValueMin        CorrelationType = "value_min"
	ValueMax        CorrelationType = "value_max"
	ValueMedian     CorrelationType = "value_median"
	ValuePercentile CorrelationType = "value_percentile"
	Temporal        CorrelationType = "temporal"
	TemporalOrdered CorrelationType = "temporal_ordered"

	FirstSeen CorrelationType = "first_seen"
	Dormant   CorrelationType = "dormant"
	Absent    CorrelationType = "absent"
	Unknown   CorrelationType = "unknown"
	Ratio     CorrelationType = "ratio"
	Deviation CorrelationType = "deviation"
	Density   CorrelationType = "density"
	Custody   CorrelationType = "custody"
)

// Correlation is a condition over many events. Which fields are set depends on
// Type; Parse has checked that what it needs is there and nothing else.
type Correlation struct {
	Type     CorrelationType
	Rules    []Ref
	GroupBy  []string // fields or aliases; empty: one group for all
	Aliases  []Alias
	Timespan Span
	Generate bool // the rules referred to raise signals of their own too
	Condition

	Min      int   // least number of events before it may fire
	Learning Span  // the phase in which nothing is high
	Exclude  []Ref // events that these match are left out

	Memory  Span     // of first_seen
	Idle    Span     // of dormant
	Issued  []Ref    // of absent
	Within  Span     // of absent
	Cadence Span     // of absent: the longest silence of the issuer that is ordinary
	Grace   Span     // of unknown
	Share   float64  // of unknown: the share of them that is ordinary; 0 when not given
	Of, To  []Ref    // of ratio
	History Span     // of deviation
	When    []string // of custody
}

// Alias is a name that stands for a different field in each rule.
type Alias struct {
	Name   string
	Fields []AliasField
}

// AliasField is the field that an alias means in the events of one rule.
type AliasField struct {
	Rule  Ref
	Field string
}

// Condition says when a correlation matches.
type Condition struct {
	Bounds     []Bound  // all of them hold
	Fields     []string // whose values are counted or computed with
	Percentile float64  // of value_percentile, 0 to 100
	Expr       *Expr    // of temporal: over the names in Rules, instead of Bounds
}

// Bound compares a number with a constant.
type Bound struct {
	Op    string // gt, gte, lt, lte, eq, neq
	Value float64
}

// Holds reports whether x is within the bound.
func (b Bound) Holds(x float64) bool {
	switch b.Op {
	case "gt":
		return x > b.Value
	case "gte":
		return x >= b.Value
	case "lt":
		return x < b.Value
	case "lte":
		return x <= b.Value
	case "neq":
		return x != b.Value
	}
	return x == b.Value
}

// Holds reports whether x is within all bounds.
func (c *Condition) Holds(x float64) bool {
	for _, b := range c.Bounds {
		if !b.Holds(x) {
			return false
		}
	}
	return true
}

// fieldUse says whether the condition of a type names a field.
type fieldUse uint8

const (
	fieldNever fieldUse = iota
	fieldMay
	fieldOne
	fieldMany // one or more
)

// correlationKind is what a type asks of its keys.
type correlationKind struct {
	needs []string // besides type
	may   []string
	field fieldUse
	whole bool    // bounds are whole numbers
	most  float64 // of a bound, 0: any
}

var (
	onceNeeds = []string{"rules", "timespan", "condition"}
	common    = []string{"group-by", "aliases", "generate", "min", "learning", "exclude"}
	custodyOf = []string{"custodian_left", "custodian_moved", "rotation_overdue"}
)

var correlationKinds = map[CorrelationType]correlationKind{
	EventCount:      {needs: onceNeeds, may: common, whole: true},
	ValueCount:      {needs: onceNeeds, may: common, field: fieldMany, whole: true},
	ValueSum:        {needs: onceNeeds, may: common, field: fieldOne},
	ValueAvg:        {needs: onceNeeds, may: common, field: fieldOne},
	ValueMin:        {needs: onceNeeds, may: common, field: fieldOne},
	ValueMax:        {needs: onceNeeds, may: common, field: fieldOne},
	ValueMedian:     {needs: onceNeeds, may: common, field: fieldOne},
	ValuePercentile: {needs: onceNeeds, may: common, field: fieldOne},
	Temporal:        {needs: onceNeeds[:2], may: append([]string{"condition"}, common...), whole: true},
	TemporalOrdered: {needs: onceNeeds[:2], may: append([]string{"condition"}, common...), whole: true},

	FirstSeen: {needs: append([]string{"memory"}, onceNeeds...), may: common, field: fieldOne, whole: true},
	Dormant:   {needs: append([]string{"idle"}, onceNeeds...), may: common, whole: true},
	Absent:    {needs: append([]string{"issued", "within"}, onceNeeds...), may: append([]string{"cadence"}, common...), field: fieldOne, whole: true},
	Unknown:   {needs: append([]string{"grace"}, onceNeeds...), may: append([]string{"share"}, common...), field: fieldOne, whole: true},
	Ratio:     {needs: []string{"of", "to", "timespan", "condition"}, may: common},
	Deviation: {needs: append([]string{"history"}, onceNeeds...), may: common, field: fieldMay},
	Density:   {needs: onceNeeds, may: common, field: fieldOne, most: 1},
	Custody:   {needs: []string{"when"}, may: []string{"group-by", "exclude"}},
}

// correlationTypes lists them as the specification and the package comment do.
var correlationTypes = []string{
	string(EventCount), string(ValueCount), string(ValueSum), string(ValueAvg), string(ValueMin), string(ValueMax),
	string(ValueMedian), string(ValuePercentile), string(Temporal), string(TemporalOrdered),
	string(FirstSeen), string(Dormant), string(Absent), string(Unknown), string(Ratio), string(Deviation),
	string(Density), string(Custody),
}

func (p *parser) correlation(n *yaml.Node) *Correlation {
	const path = "correlation"
	c := &Correlation{}
	entries := p.mapping(n, path)
	if entries == nil {
		return c
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.key == "type" })
	if i < 0 {
		p.fail(n, path+".type", "is missing")
		return c
	}
	c.Type = CorrelationType(p.oneOf(entries[i].value, path+".type", correlationTypes))
	kind, ok := correlationKinds[c.Type]
	if !ok {
		return c
	}
	var condition *entry
	for i, e := range entries {
		switch {
		case e.key == "type":
		case !slices.Contains(kind.needs, e.key) && !slices.Contains(kind.may, e.key):
			p.strayKey(e, c.Type)
		case e.key == "condition":
			condition = &entries[i]
		default:
			p.correlationKey(c, e)
		}
	}
	for _, key := range kind.needs {
		if !hasKey(entries, key) {
			p.fail(n, path+"."+key, "is missing: %s needs it", c.Type)
		}
	}
	if condition != nil {
		p.correlationCondition(c, kind, condition.value)
	}
	p.checkCorrelation(c, n)
	return c
}

// strayKey says to what a key belongs that does not belong here.
func (p *parser) strayKey(e entry, typ CorrelationType) {
	var of []string
	for _, t := range correlationTypes {
		k := correlationKinds[CorrelationType(t)]
		if slices.Contains(k.needs, e.key) || slices.Contains(k.may, e.key) {
			of = append(of, t)
		}
	}
	if len(of) == 0 {
		p.fail(e.at, "correlation."+e.key, "is not known")
		return
	}
	p.fail(e.at, "correlation."+e.key, "does not go with %s: it is of %s", typ, strings.Join(of, ", "))
}

func (p *parser) correlationKey(c *Correlation, e entry) {
	n, path := e.value, "correlation."+e.key
	switch e.key {
	case "rules":
		c.Rules = p.refs(n, path)
	case "issued":
		c.Issued = p.refs(n, path)
	case "of":
		c.Of = p.refs(n, path)
	case "to":
		c.To = p.refs(n, path)
	case "exclude":
		c.Exclude = p.refs(n, path)
	case "group-by":
		c.GroupBy = p.texts(n, path)
		for i, f := range c.GroupBy {
			if strings.TrimSpace(f) == "" || slices.Contains(c.GroupBy[:i], f) {
				p.fail(n, path, "names %q twice or nothing", f)
			}
		}
	case "aliases":
		p.aliases(c, n)
	case "generate":
		c.Generate = p.boolean(n, path)
	case "min":
		c.Min = p.count(n, path, 1)
	case "share":
		c.Share, _ = p.number(n, path)
		if c.Share < 0 || c.Share > 1 {
			p.fail(n, path, "is a share from 0 to 1")
		}
	case "when":
		c.When = p.texts(n, path)
		if len(c.When) == 0 {
			p.fail(n, path, "is empty")
		}
		for _, w := range c.When {
			if !slices.Contains(custodyOf, w) {
				p.fail(n, path, "is not known: it is one of %s", strings.Join(custodyOf, ", "))
			}
		}
	default:
		span := map[string]*Span{
			"timespan": &c.Timespan, "learning": &c.Learning, "memory": &c.Memory,
			"idle": &c.Idle, "within": &c.Within, "cadence": &c.Cadence, "grace": &c.Grace, "history": &c.History,
		}[e.key]
		*span = p.span(n, path)
	}
}

func (p *parser) aliases(c *Correlation, n *yaml.Node) {
	for _, e := range p.mapping(n, "correlation.aliases") {
		a := Alias{Name: e.key}
		path := "correlation.aliases." + e.key
		for _, f := range p.mapping(e.value, path) {
			field := p.word(f.value, join(path, f.key))
			a.Fields = append(a.Fields, AliasField{Ref{f.key, f.at.Line}, field})
		}
		c.Aliases = append(c.Aliases, a)
	}
}

var boundOps = []string{"gt", "gte", "lt", "lte", "eq", "neq"}

func (p *parser) correlationCondition(c *Correlation, kind correlationKind, n *yaml.Node) {
	const path = "correlation.condition"
	temporal := c.Type == Temporal || c.Type == TemporalOrdered
	if n.Kind == yaml.ScalarNode && temporal {
		names := make([]string, len(c.Rules))
		for i, r := range c.Rules {
			names[i] = r.Name
		}
		e := p.condition(n, path, names)
		c.Expr = &e
		return
	}
	hasField, hasPercentile := false, false
	for _, e := range p.mapping(n, path) {
		field := join(path, e.key)
		switch {
		case slices.Contains(boundOps, e.key):
			x, ok := p.number(e.value, field)
			switch {
			case !ok:
			case kind.whole && (x != math.Trunc(x) || x < 0):
				p.fail(e.value, field, "has to be a whole number: %s counts", c.Type)
			case kind.most > 0 && (x < 0 || x > kind.most):
				p.fail(e.value, field, "has to be from 0 to %g", kind.most)
			default:
				c.Bounds = append(c.Bounds, Bound{e.key, x})
			}
		case e.key == "field":
			hasField = true
			c.Fields = p.texts(e.value, field)
			switch {
			case kind.field == fieldNever:
				p.fail(e.at, field, "does not go with %s", c.Type)
			case len(c.Fields) == 0 || slices.Contains(c.Fields, ""):
				p.fail(e.at, field, "is empty")
			case len(c.Fields) > 1 && kind.field != fieldMany:
				p.fail(e.at, field, "has to be one field: only value_count takes several")
			}
		case e.key == "percentile" && c.Type == ValuePercentile:
			hasPercentile = true
			c.Percentile, _ = p.number(e.value, field)
			if c.Percentile < 0 || c.Percentile > 100 {
				p.fail(e.value, field, "has to be from 0 to 100")
			}
		default:
			p.fail(e.at, field, "is not known")
		}
	}
	if !hasField && kind.field >= fieldOne {
		p.fail(n, path+".field", "is missing: %s needs it", c.Type)
	}
	if !hasPercentile && c.Type == ValuePercentile {
		p.fail(n, path+".percentile", "is missing: which percentile, from 0 to 100?")
	}
	p.checkBounds(c.Bounds, n, path)
}

// checkBounds finds bounds that nothing or everything fulfils.
func (p *parser) checkBounds(bounds []Bound, n *yaml.Node, path string) {
	if len(bounds) == 0 {
		p.fail(n, path, "has no bound: one of %s", strings.Join(boundOps, ", "))
		return
	}
	low, high := math.Inf(-1), math.Inf(1)
	open := false
	lows, highs := 0, 0
	for _, b := range bounds {
		switch b.Op {
		case "gt", "gte":
			low = b.Value
			lows++
			open = open || b.Op == "gt"
		case "lt", "lte":
			high = b.Value
			highs++
			open = open || b.Op == "lt"
		case "eq", "neq":
			if len(bounds) > 1 {
				p.fail(n, path, "%s stands alone", b.Op)
				return
			}
		}
	}
	switch {
	case lows > 1:
		p.fail(n, path, "gt and gte do not go together")
	case highs > 1:
		p.fail(n, path, "lt and lte do not go together")
	case low > high || low == high && open:
		p.fail(n, path, "nothing is within these bounds")
	}
}

// checkCorrelation is what the keys have to do with each other.
func (p *parser) checkCorrelation(c *Correlation, n *yaml.Node) {
	if len(c.Rules) == 1 && (c.Type == Temporal || c.Type == TemporalOrdered) {
		p.failAt(c.Rules[0].Line, "correlation.rules", "%s needs two rules or more", c.Type)
	}
	for _, a := range c.Aliases {
		if !slices.Contains(c.GroupBy, a.Name) && !slices.Contains(c.Fields, a.Name) {
			p.fail(n, "correlation.aliases."+a.Name, "is used neither in group-by nor in the condition's field")
		}
	}
	longer := func(key string, s Span) {
		if s.N > 0 && c.Timespan.N > 0 && s.Duration() < c.Timespan.Duration() {
			p.fail(n, "correlation."+key, "%s is shorter than the timespan %s", s, c.Timespan)
		}
	}
	longer("memory", c.Memory)
	longer("idle", c.Idle)
	longer("history", c.History)
	for _, r := range c.Of {
		if c.Type == Ratio && slices.ContainsFunc(c.To, func(t Ref) bool { return t.Name == r.Name }) && len(c.To) == 1 && len(c.Of) == 1 {
			p.failAt(r.Line, "correlation.of", "is the same as to")
		}
	}
}
