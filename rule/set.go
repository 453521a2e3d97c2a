package rule

import (
	"crypto/sha256"
	"slices"
	"time"
)

// RuleIndex is the place of a rule in Set.Rules.
type RuleIndex int32

// Options is what rules need to know beside the schema.
type Options struct {
	// Placeholders gives the values of %name% in items with the modifier expand:
	// patterns, of which one has to fit. A rule with a placeholder that is not
	// given is refused.
	Placeholders map[string][]string

	// Unlisted, if set, stands for a placeholder that is not given, instead of its
	// being a mistake: to look at rules that are not to be run.
	Unlisted []string

	// Zone is where the modifiers hour, day and so on read a moment. Default: UTC.
	Zone *time.Location

	// Pseudonym, if set, is applied to the constants that an ID field is compared
	// with, so that rules match events which carry pseudonyms for ids.
	Pseudonym func(field FieldID, id string) string

	// Only, if set, says which rules Match looks for; the others are decided
	// elsewhere.
	Only func(*Rule) bool
}

// Rule is a detection ready to match.
type Rule struct {
	Doc   *Document
	Index RuleIndex

	Fields   []string // what the condition asks about, as the rule calls it
	Missing  []string // of these, what the schema does not have
	Refs     bool     // it compares fields with each other
	BeyondID []string // and ids of which it asks more than whether they equal something
	Keywords bool     // it looks through the whole event
	Sources  []string // of the schema, in whose events it looks; empty: none

	// Signals is whether a match is a signal by itself. Rules that a correlation
	// refers to are its parts, unless it says generate.
	Signals bool

	// Wording tells apart what rules ask: the condition with filters and
	// placeholders filled in, and the log source. Titles, levels and the like are
	// not in it.
	Wording [sha256.Size]byte

	node    *node
	alone   *node // the same, for evaluating the rule alone: see withSets
	filters []*Document
}

// LiveOnly reports that stored records cannot answer the rule in full: it needs
// what only the event itself had.
func (r *Rule) LiveOnly() bool {
	return len(r.Missing) > 0 || len(r.BeyondID) > 0 || r.Keywords
}

// Filters is the filter documents that take matches from the rule.
func (r *Rule) Filters() []*Document { return r.filters }

// Set is rules compiled together. It is immutable and may be used from any number
// of goroutines.
type Set struct {
	schema       *Schema
	zone         *time.Location
	fields       map[string]FieldID // beyond the schema's
	nfields      int
	rules        []*Rule
	correlations []*CorrelationRule
	lanes        []*lane
	bySource     []*lane // by SourceID
}

// Compile resolves what the documents say of each other and prepares them for
// matching. All mistakes are reported at once, as Errors.
func Compile(docs []*Document, schema *Schema, o Options) (*Set, error) {
	s := &Set{schema: schema, zone: o.Zone, fields: make(map[string]FieldID), nfields: len(schema.fields) + 1}
	if s.zone == nil {
		s.zone = time.UTC
	}
	c := &compiler{set: s, o: o}
	c.link(docs)
	for _, r := range s.rules {
		c.lower(r)
	}
	if err := c.errs.orNil(); err != nil {
		return nil, err
	}
	for _, r := range s.rules {
		c.bind(r)
	}
	if s.nfields > maxFields {
		return nil, Errors{(&Document{}).Mistake("the rules ask about more fields than an event can have")}
	}
	c.lanes()
	if err := c.errs.orNil(); err != nil {
		return nil, err
	}
	return s, nil
}

// Rules lists the detections, by their index.
func (s *Set) Rules() []*Rule { return s.rules }

// Correlations lists the correlations, each after those it refers to.
func (s *Set) Correlations() []*CorrelationRule { return s.correlations }

// Field is the id of a field by its name: of the schema's, or of one that only
// rules ask about and a caller may have nonetheless.
func (s *Set) Field(name string) (FieldID, bool) {
	if id, ok := s.schema.Field(name); ok {
		return id, true
	}
	id, ok := s.fields[name]
	return id, ok
}

// NewEvent makes an empty event that has room for all fields.
func (s *Set) NewEvent() *Event { return &Event{values: make([]value, s.nfields)} }

func (s *Set) laneOf(id SourceID) *lane {
	if int(id) < len(s.bySource) {
		return s.bySource[id]
	}
	return nil
}

// Holds evaluates one rule for an event whatever its source, straight from the
// condition. It says the same as Match; for many rules Match is the way.
func (s *Set) Holds(r RuleIndex, e *Event, m *Matcher) bool {
	m.text.buf = m.text.buf[:0]
	return m.text.nodeHolds(s.rules[r].alone, e)
}

// May evaluates one rule for an event of which some fields are open: not known yet.
// It tells whether the rule may hold, and whether it must, whatever they turn out to
// be. So many events that share the other fields can be decided at once.
func (s *Set) May(r RuleIndex, e *Event, m *Matcher, open func(FieldID) bool) (may, must bool) {
	m.text.buf = m.text.buf[:0]
	return m.text.nodeMay(s.rules[r].alone, e, open)
}

// Stats says how well the set is indexed.
type Stats struct {
	Rules        int // detections
	Correlations int
	Unrouted     int // detections that look at no source of the schema
	LiveOnly     int
	Always       int // detections that are evaluated for each event of a source
	ByField      int // and those for each event that has some field
	Atoms        int // distinct tests
	Literals     int // distinct texts that are looked for
	IndexBytes   int // about what finding them takes
}

// Stats counts.
func (s *Set) Stats() Stats {
	st := Stats{Rules: len(s.rules), Correlations: len(s.correlations)}
	for _, r := range s.rules {
		if len(r.Sources) == 0 {
			st.Unrouted++
		}
		if r.LiveOnly() {
			st.LiveOnly++
		}
	}
	always, byField := map[RuleIndex]bool{}, map[RuleIndex]bool{}
	for _, l := range s.lanes {
		for _, r := range l.always {
			always[l.rules[r]] = true
		}
		st.Atoms += len(l.atoms)
		st.Literals += len(l.literals.at) - 1
		for _, x := range l.fields {
			if x == nil {
				continue
			}
			for _, r := range x.present {
				byField[l.rules[r]] = true
			}
			if x.contains != nil {
				st.IndexBytes += x.contains.size()
			}
			for _, t := range [...]*trie{x.prefix, x.suffix} {
				if t != nil {
					st.IndexBytes += 12*len(t.nodes) + 8*len(t.edges)
				}
			}
		}
		if l.words != nil {
			st.IndexBytes += l.words.size()
		}
	}
	st.Always, st.ByField = len(always), len(byField)
	return st
}

// AlwaysEvaluated lists the rules that no index can keep from being evaluated for
// each event of their source.
func (s *Set) AlwaysEvaluated() []*Rule {
	var out []*Rule
	for _, l := range s.lanes {
		for _, r := range l.always {
			if rule := s.rules[l.rules[r]]; !slices.Contains(out, rule) {
				out = append(out, rule)
			}
		}
	}
	return out
}
