package rule

import (
	"slices"
	"strings"
)

// Target is what a reference means: a detection or a correlation.
type Target struct {
	Rule        RuleIndex        // -1 for a correlation
	Correlation *CorrelationRule // nil for a detection
}

// CorrelationRule is a correlation whose references are resolved.
type CorrelationRule struct {
	Doc *Document

	// In the order of the document's lists of the same names.
	Rules, Exclude, Issued, Of, To []Target

	// GroupBy has for each field of group-by, and Values for each of the
	// condition, the field of the events: ByRule for those an alias names, by the
	// index in Rules, else the same for all.
	GroupBy, Values []GroupField

	// Missing lists the fields of group-by and the condition that the schema does
	// not have. With one of these the correlation is live only.
	Missing []string

	// Signals is whether it raises signals of its own: it is no part of another, or
	// of one that says generate.
	Signals bool
}

// GroupField is a field of group-by or of a condition.
type GroupField struct {
	Name   string
	ID     FieldID   // when it is no alias; Message when no rule or schema knows it
	ByRule []FieldID // when it is one

	// Inner is, by the index in Rules, Of and To, which field of group-by of the
	// correlation there it is; -1 where a detection is. It is nil without correlations.
	Inner []int
}

// link resolves names and ids over all documents.
func (c *compiler) link(docs []*Document) {
	s := c.set
	type named struct {
		doc    *Document
		target Target
	}
	byName := map[string]named{}
	declare := func(d *Document, t Target) {
		for _, name := range [...]string{d.ID, d.Name} {
			if name == "" {
				continue
			}
			if other, ok := byName[name]; ok && (other.doc != d) {
				c.fail(d, d.Line, "", "%q is also %s:%d", name, other.doc.File, other.doc.Line)
				continue
			}
			byName[name] = named{d, t}
		}
	}
	correlations := map[*Document]*CorrelationRule{}
	var filters []*Document
	for _, d := range docs {
		switch {
		case d.Detection != nil:
			r := &Rule{Doc: d, Index: RuleIndex(len(s.rules)), Signals: true}
			s.rules = append(s.rules, r)
			declare(d, Target{Rule: r.Index})
		case d.Correlation != nil:
			cr := &CorrelationRule{Doc: d, Signals: true}
			correlations[d] = cr
			declare(d, Target{Rule: -1, Correlation: cr})
		case d.Filter != nil:
			filters = append(filters, d)
		}
	}
	resolve := func(d *Document, key string, refs []Ref) []Target {
		var out []Target
		for _, r := range refs {
			n, ok := byName[r.Name]
			if !ok {
				c.fail(d, r.Line, key, "there is no rule with the name or id %q", r.Name)
				continue
			}
			out = append(out, n.target)
		}
		return out
	}

	var order []*CorrelationRule
	for _, d := range docs {
		cr := correlations[d]
		if cr == nil {
			continue
		}
		k := d.Correlation
		before := len(c.errs)
		cr.Rules = resolve(d, "correlation.rules", k.Rules)
		cr.Exclude = resolve(d, "correlation.exclude", k.Exclude)
		cr.Issued = resolve(d, "correlation.issued", k.Issued)
		cr.Of = resolve(d, "correlation.of", k.Of)
		cr.To = resolve(d, "correlation.to", k.To)
		for i, t := range cr.Exclude {
			if t.Correlation != nil && len(cr.Exclude) == len(k.Exclude) {
				c.fail(d, k.Exclude[i].Line, "correlation.exclude", "%q is a correlation: only single events can be left out", k.Exclude[i].Name)
			}
		}
		for i, t := range cr.Issued {
			if t.Correlation != nil && len(cr.Issued) == len(k.Issued) {
				c.fail(d, k.Issued[i].Line, "correlation.issued", "%q is a correlation: only single events can issue something", k.Issued[i].Name)
			}
		}
		order = append(order, cr)
		if len(c.errs) == before {
			c.aliases(cr)
			c.chained(cr)
		}
	}
	for _, cr := range order {
		c.quiet(cr)
	}
	c.sortChains(order)
	for _, f := range filters {
		c.filter(f, resolve)
	}
}

// quiet takes the signals of their own from the parts of a correlation.
func (c *compiler) quiet(cr *CorrelationRule) {
	if cr.Doc.Correlation.Generate {
		return
	}
	for _, list := range [...][]Target{cr.Rules, cr.Exclude, cr.Issued, cr.Of, cr.To} {
		for _, t := range list {
			if t.Correlation != nil {
				t.Correlation.Signals = false
			} else {
				c.set.rules[t.Rule].Signals = false
			}
		}
	}
}

// aliases resolves the fields of a correlation.
func (c *compiler) aliases(cr *CorrelationRule) {
	k := cr.Doc.Correlation
	id := func(name string) FieldID {
		if id, ok := c.set.schema.Field(name); ok {
			return id
		}
		if !slices.Contains(cr.Missing, name) {
			cr.Missing = append(cr.Missing, name)
		}
		if _, ok := c.set.fields[name]; !ok {
			c.set.fields[name] = FieldID(c.set.nfields)
			c.set.nfields++
		}
		return c.set.fields[name]
	}
	refs := slices.Concat(k.Rules, k.Of, k.To)
	targets := slices.Concat(cr.Rules, cr.Of, cr.To)
	field := func(name string) GroupField {
		i := slices.IndexFunc(k.Aliases, func(a Alias) bool { return a.Name == name })
		if i < 0 && len(targets) > 0 && !slices.ContainsFunc(targets, func(t Target) bool { return !hasAlias(t, name) }) {
			return GroupField{Name: name, ID: ofInner}
		}
		if i < 0 {
			return GroupField{Name: name, ID: id(name)}
		}
		g := GroupField{Name: name, ByRule: make([]FieldID, len(refs))}
		for _, f := range k.Aliases[i].Fields {
			// The rule may be called by name here and by id there.
			at := slices.IndexFunc(refs, func(r Ref) bool { return r.Name == f.Rule.Name })
			if at < 0 {
				at = slices.IndexFunc(targets, func(t Target) bool { return c.called(t, f.Rule.Name) })
			}
			if at < 0 {
				c.fail(cr.Doc, f.Rule.Line, "correlation.aliases."+name, "%q is none of the correlation's rules", f.Rule.Name)
				continue
			}
			if hasAlias(targets[at], f.Field) {
				g.ByRule[at] = ofInner
				continue
			}
			g.ByRule[at] = id(f.Field)
		}
		for i, f := range g.ByRule {
			if f == Message {
				c.fail(cr.Doc, refs[i].Line, "correlation.aliases."+name, "says nothing of the rule %q", refs[i].Name)
			}
		}
		return g
	}
	for _, name := range k.GroupBy {
		cr.GroupBy = append(cr.GroupBy, field(name))
	}
	for _, name := range k.Fields {
		cr.Values = append(cr.Values, field(name))
	}
}

// hasAlias reports whether a reference means a correlation that has an alias of a name.
func hasAlias(t Target, name string) bool {
	return t.Correlation != nil && slices.ContainsFunc(t.Correlation.Doc.Correlation.Aliases, func(a Alias) bool { return a.Name == name })
}

// ofInner stands for a field that only the group of a correlation has, by an alias.
const ofInner FieldID = 1<<16 - 1

// chained finds the fields of a correlation in the groups of the correlations that it
// refers to: an event of these has no other fields than its group's.
func (c *compiler) chained(cr *CorrelationRule) {
	k := cr.Doc.Correlation
	refs := slices.Concat(k.Rules, k.Of, k.To)
	targets := slices.Concat(cr.Rules, cr.Of, cr.To)
	inner := func(key string, fields []GroupField) {
		for f := range fields {
			g := &fields[f]
			g.Inner = make([]int, len(targets))
			for i, t := range targets {
				g.Inner[i] = -1
				if t.Correlation == nil {
					continue
				}
				name := g.Name
				for _, a := range k.Aliases {
					for _, x := range a.Fields {
						if a.Name == g.Name && (x.Rule.Name == refs[i].Name || c.called(t, x.Rule.Name)) {
							name = x.Field
						}
					}
				}
				g.Inner[i] = c.groupField(t.Correlation.Doc.Correlation, name)
				if g.Inner[i] < 0 {
					c.fail(cr.Doc, refs[i].Line, key, "%q is no field by which the correlation %q groups", name, refs[i].Name)
				}
			}
		}
	}
	any := false
	for i, t := range targets {
		if t.Correlation == nil {
			continue
		}
		any = true
		if t.Correlation.Doc.Correlation.Type == Custody {
			c.fail(cr.Doc, refs[i].Line, "correlation.rules", "%q looks at no events, and so has no moment at which it is reached", refs[i].Name)
			return
		}
	}
	if any {
		inner("correlation.group-by", cr.GroupBy)
		inner("correlation.condition.field", cr.Values)
	}
}

// groupField is the place of a field in a correlation's group-by, by any of its names;
// -1 if it is not there.
func (c *compiler) groupField(k *Correlation, name string) int {
	if i := slices.Index(k.GroupBy, name); i >= 0 {
		return i
	}
	id, ok := c.set.schema.Field(name)
	if !ok {
		return -1
	}
	return slices.IndexFunc(k.GroupBy, func(other string) bool {
		if slices.ContainsFunc(k.Aliases, func(a Alias) bool { return a.Name == other }) {
			return false
		}
		x, ok := c.set.schema.Field(other)
		return ok && x == id
	})
}

func (c *compiler) called(t Target, name string) bool {
	d := (*Document)(nil)
	if t.Correlation != nil {
		d = t.Correlation.Doc
	} else {
		d = c.set.rules[t.Rule].Doc
	}
	return d.Name == name || d.ID == name
}

// sortChains puts each correlation after those it refers to, and finds those that
// refer to themselves.
func (c *compiler) sortChains(all []*CorrelationRule) {
	const (
		unseen = iota
		open
		done
	)
	state := make(map[*CorrelationRule]int, len(all))
	var visit func(cr *CorrelationRule, chain []*CorrelationRule)
	visit = func(cr *CorrelationRule, chain []*CorrelationRule) {
		switch state[cr] {
		case done:
			return
		case open:
			names := make([]string, 0, len(chain)+1)
			for _, x := range append(chain[slices.Index(chain, cr):], cr) {
				names = append(names, x.Doc.Key())
			}
			c.fail(cr.Doc, cr.Doc.Line, "correlation", "refers to itself: %s", strings.Join(names, ", "))
			return
		}
		state[cr] = open
		for _, list := range [...][]Target{cr.Rules, cr.Issued, cr.Of, cr.To} {
			for _, t := range list {
				if t.Correlation != nil {
					visit(t.Correlation, append(chain, cr))
				}
			}
		}
		state[cr] = done
		c.set.correlations = append(c.set.correlations, cr)
	}
	for _, cr := range all {
		visit(cr, nil)
	}
}

// filter gives a filter to the rules it is for.
func (c *compiler) filter(f *Document, resolve func(*Document, string, []Ref) []Target) {
	if f.Filter.Any {
		for _, r := range c.set.rules {
			if f.LogSource.covers(r.Doc.LogSource) {
				r.filters = append(r.filters, f)
			}
		}
		return
	}
	for _, ref := range f.Filter.Rules {
		for _, t := range resolve(f, "filter.rules", []Ref{ref}) {
			if t.Correlation != nil {
				c.fail(f, ref.Line, "filter.rules", "%q is a correlation: filter the rules it refers to", ref.Name)
				continue
			}
			r := c.set.rules[t.Rule]
			if !f.LogSource.covers(r.Doc.LogSource) {
				c.fail(f, ref.Line, "filter.rules", "%q looks at %s, the filter at %s", ref.Name, r.Doc.LogSource, f.LogSource)
				continue
			}
			r.filters = append(r.filters, f)
		}
	}
}
