package rule

import (
	"crypto/sha256"
	"io"
	"slices"

	"github.com/haetae/haetae/internal/written"
)

// compiler turns documents into a Set.
type compiler struct {
	set  *Set
	o    Options
	errs Errors
}

func (c *compiler) fail(d *Document, line int, field, format string, args ...any) {
	t := say(format, args...)
	c.errs = append(c.errs, Error{File: d.File, Line: line, Field: field, Problem: t.EN, ProblemKO: t.KO})
}

// lower makes the tree of a rule and its filters, placeholders filled in.
func (c *compiler) lower(r *Rule) {
	before := len(c.errs)
	lower := func(d *Document) func(*item) *node {
		return func(it *item) *node {
			if it.node != nil {
				return it.node
			}
			l := &lowering{item: it, lookup: c.placeholder,
				fail: func(line int, problem written.Text) { c.fail(d, line, it.path, "%s", problem) }}
			if n := l.lower(); n != nil {
				return n
			}
			return anyOf() // the mistake was reported
		}
	}
	nodes := []*node{detectionNode(r.Doc.Detection, lower(r.Doc))}
	for _, f := range r.filters {
		nodes = append(nodes, detectionNode(&f.Filter.Detection, lower(f)))
	}
	// A filter with a mistake belongs to many rules and is reported once.
	c.errs = append(c.errs[:before], slices.DeleteFunc(c.errs[before:], func(e Error) bool {
		return slices.Contains(c.errs[:before], e)
	})...)
	r.node = allOf(nodes...)
	h := sha256.New()
	io.WriteString(h, r.Doc.LogSource.String())
	r.node.write(h)
	h.Sum(r.Wording[:0])
}

func (c *compiler) placeholder(name string) ([]string, bool) {
	values, ok := c.o.Placeholders[name]
	if !ok && c.o.Unlisted != nil {
		return c.o.Unlisted, true
	}
	return values, ok
}

// bind gives the fields of a rule their ids, and notes what the schema lacks.
func (c *compiler) bind(r *Rule) {
	s := c.set
	r.Fields = r.node.fieldsOf()
	r.node.tests(func(t *test) { r.Keywords = r.Keywords || t.field == "" })
	for _, name := range r.Fields {
		if _, ok := s.schema.Field(name); ok {
			continue
		}
		r.Missing = append(r.Missing, name)
		if _, ok := s.fields[name]; !ok {
			s.fields[name] = FieldID(s.nfields)
			s.nfields++
		}
	}
	r.node = c.bound(r, r.node)
	r.alone = withSets(r.node)
	slices.Sort(r.BeyondID)
	r.BeyondID = slices.Compact(r.BeyondID)
	r.Sources = s.schema.Selects(r.Doc.LogSource)
}

// bound is a copy of the tree with ids in it.
func (c *compiler) bound(r *Rule, n *node) *node {
	if n.op != opTest {
		kids := make([]*node, len(n.kids))
		for i, k := range n.kids {
			kids[i] = c.bound(r, k)
		}
		out := &node{op: n.op, n: n.n, kids: kids}
		if n.op == opOr { // a blank field can have added an or below an or
			return anyOf(kids...)
		}
		return out
	}
	t := *n.test
	if t.field == "" {
		t.id = Message
		return leaf(t)
	}
	t.id, _ = c.set.Field(t.field)
	if t.other != "" {
		r.Refs = true
		t.otherID, _ = c.set.Field(t.other)
	}
	if int(t.id) > len(c.set.schema.fields) {
		return leaf(t)
	}
	f := &c.set.schema.fields[t.id-1]
	if f.ID {
		c.bindID(r, f, &t)
	}
	blank := t.kind == testText && t.shape == shapeEqual && t.literal == ""
	if f.Blank && blank {
		null := test{kind: testNull, field: t.field, id: t.id}
		return anyOf(leaf(t), leaf(null))
	}
	return leaf(t)
}

// bindID makes a test on an id one with regard to case, and notes if it asks more
// of the id than whether it equals something.
func (c *compiler) bindID(r *Rule, f *Field, t *test) {
	switch t.kind {
	case testNull, testExists:
	case testText:
		if t.shape == shapeAny {
			return
		}
		p := t.original
		if t.shape != shapeEqual {
			r.BeyondID = append(r.BeyondID, f.Name)
		} else if text, ok := p.plain(); ok && text != "" && c.o.Pseudonym != nil {
			p = textPattern(c.o.Pseudonym(t.id, text))
		}
		*t = *textTest(t.field, p, true).test
		t.id, _ = c.set.Field(t.field)
	case testRef:
		t.cased = true
		if t.shape != shapeEqual {
			r.BeyondID = append(r.BeyondID, f.Name)
		}
	default:
		r.BeyondID = append(r.BeyondID, f.Name)
	}
}

// lanes compiles the rules of each source; sources with the same rules share.
func (c *compiler) lanes() {
	s := c.set
	byKey := map[string]*lane{}
	s.bySource = make([]*lane, len(s.schema.sources)+1)
	for i := range s.schema.sources {
		src := &s.schema.sources[i]
		var rules []*Rule
		for _, r := range s.rules {
			if src.selects(r.Doc.LogSource) && (c.o.Only == nil || c.o.Only(r)) {
				rules = append(rules, r)
			}
		}
		if len(rules) == 0 {
			continue
		}
		key := laneKey(rules)
		l := byKey[key]
		if l == nil {
			var err error
			if l, err = newLane(rules, s.nfields); err != nil {
				if e, ok := err.(Error); ok {
					c.errs = append(c.errs, e)
				}
				continue
			}
			byKey[key] = l
			s.lanes = append(s.lanes, l)
		}
		s.bySource[i+1] = l
	}
}
