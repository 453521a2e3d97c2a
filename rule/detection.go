package rule

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

// Detection is a condition over one event.
type Detection struct {
	Searches  []Search
	Condition Expr // over the names of the searches
}

// Search is one search identifier: a map of fields, a list of such maps, or a
// list of keywords.
type Search struct {
	Name string
	Line int
	any  [][]item // one of these holds, each with all its items
}

// item is one line of a search: a field with its modifiers, and the values.
type item struct {
	field  string // "" for keywords
	mods   []string
	values []scalar
	list   bool // the values stood in a list
	line   int
	path   string // for messages: detection.sel.Image

	// node is what the item means, nil as long as its placeholders are unknown.
	node *node
}

type scalarKind uint8

const (
	scalarText scalarKind = iota
	scalarNumber
	scalarBool
	scalarNull
)

// scalar is a value as it stands in the rule.
type scalar struct {
	kind scalarKind
	text string
	line int
}

const maxSearches = 1000

// detection reads a detection; leave are keys that are no searches.
func (p *parser) detection(n *yaml.Node, path string, leave ...string) *Detection {
	d := &Detection{}
	entries := p.mapping(n, path)
	if entries == nil {
		return d
	}
	var condition *yaml.Node
	for _, e := range entries {
		switch {
		case slices.Contains(leave, e.key):
		case e.key == "condition":
			condition = e.value
		case e.key == "timeframe":
			p.fail(e.at, join(path, e.key), "timeframe is of Sigma 1: write a correlation with a timespan")
		default:
			if len(d.Searches) == maxSearches {
				p.fail(e.at, path, "has more than %d searches", maxSearches)
				return d
			}
			d.Searches = append(d.Searches, p.search(e, path))
		}
	}
	switch {
	case condition == nil:
		p.fail(n, join(path, "condition"), "is missing")
	case len(d.Searches) == 0:
		p.fail(n, path, "has no search")
	default:
		d.Condition = p.condition(condition, join(path, "condition"), d.names())
	}
	return d
}

func (d *Detection) names() []string {
	names := make([]string, len(d.Searches))
	for i, s := range d.Searches {
		names[i] = s.Name
	}
	return names
}

// condition reads one condition, or a list of which one has to hold.
func (p *parser) condition(n *yaml.Node, field string, names []string) Expr {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	var conditions []Expr
	for _, c := range list {
		text, ok := p.text(c, field)
		if !ok {
			continue
		}
		e, err := parseCondition(text, names)
		if err != nil {
			p.fail(c, field, "%s", err)
			continue
		}
		conditions = append(conditions, e)
	}
	switch {
	case len(list) == 0:
		p.fail(n, field, "is empty")
		return Expr{}
	case len(conditions) == 0:
		return Expr{}
	case len(conditions) == 1:
		return conditions[0]
	}
	return Expr{Op: ExprOr, Args: conditions}
}

func (p *parser) search(e entry, path string) Search {
	s := Search{Name: e.key, Line: e.at.Line}
	path = join(path, e.key)
	n := p.node(e.value)
	switch n.Kind {
	case yaml.MappingNode:
		if items := p.items(n, path); items != nil {
			s.any = [][]item{items}
		}
	case yaml.SequenceNode:
		if len(n.Content) == 0 {
			p.fail(n, path, "is empty")
		}
		words := item{line: n.Line, path: path, list: true}
		for _, c := range n.Content {
			switch c = p.node(c); c.Kind {
			case yaml.MappingNode:
				if items := p.items(c, path); items != nil {
					s.any = append(s.any, items)
				}
			case yaml.ScalarNode:
				if v, ok := p.scalar(c, path); ok {
					words.values = append(words.values, v)
				}
			default:
				p.fail(c, path, "a list within a list has no meaning here")
			}
		}
		if len(words.values) > 0 {
			s.any = append(s.any, []item{p.lowered(words)})
		}
	case yaml.ScalarNode:
		if v, ok := p.scalar(n, path); ok {
			s.any = [][]item{{p.lowered(item{values: []scalar{v}, line: n.Line, path: path})}}
		}
	}
	return s
}

// items reads a map of fields.
func (p *parser) items(n *yaml.Node, path string) []item {
	entries := p.mapping(n, path)
	if entries != nil && len(entries) == 0 {
		p.fail(n, path, "is empty")
	}
	var out []item
	for _, e := range entries {
		parts := strings.Split(e.key, "|")
		it := item{field: strings.TrimSpace(parts[0]), mods: parts[1:], line: e.at.Line}
		if it.path = join(path, it.field); it.field == "" {
			it.path = path
			if len(it.mods) == 0 {
				p.fail(e.at, path, "a field has no name")
				continue
			}
		}
		v := p.node(e.value)
		switch v.Kind {
		case yaml.ScalarNode:
			if s, ok := p.scalar(v, it.path); ok {
				it.values = []scalar{s}
			}
		case yaml.SequenceNode:
			it.list = true
			if len(v.Content) == 0 {
				p.fail(e.at, it.path, "has no value: an empty value is '', a missing one is null")
				continue
			}
			for _, c := range v.Content {
				c = p.node(c)
				if c.Kind != yaml.ScalarNode {
					p.fail(c, it.path, "a value has to be a text, a number, true, false or null")
					continue
				}
				if s, ok := p.scalar(c, it.path); ok {
					it.values = append(it.values, s)
				}
			}
		default:
			p.fail(e.at, it.path, "a value has to be a text, a number, true, false or null, or a list of these")
			continue
		}
		if len(it.values) > 0 {
			out = append(out, p.lowered(it))
		}
	}
	return out
}

func (p *parser) scalar(n *yaml.Node, field string) (scalar, bool) {
	p.nodes++
	s := scalar{text: n.Value, line: n.Line}
	switch n.Tag {
	case "!!null":
		s.kind = scalarNull
	case "!!bool":
		s.kind = scalarBool
	case "!!int", "!!float":
		s.kind = scalarNumber
	case "!!str", "!!timestamp": // a date is compared as it is written
	default:
		p.fail(n, field, "a value of this YAML type is not supported")
		return s, false
	}
	return s, true
}

// lowered checks what an item means. Its placeholders get their meaning in
// Compile; until then each stands for a word.
func (p *parser) lowered(it item) item {
	l := &lowering{item: &it, fail: func(line int, problem written.Text) { p.failAt(line, it.path, "%s", problem) }}
	node := l.lower()
	if !l.placeholders {
		it.node = node
	}
	return it
}

// numberTexts is how a number of a rule may stand in an event: as it was
// written, and in its shortest decimal form.
func numberTexts(written string) []string {
	texts := []string{written}
	short := written
	plain := strings.ReplaceAll(written, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		short = strconv.FormatInt(i, 10)
		if strings.TrimLeft(plain, "+-0123456789") == "" {
			// Leading zeros make no octal number of a value in a log.
			if i, err := strconv.ParseInt(plain, 10, 64); err == nil {
				short = strconv.FormatInt(i, 10)
			}
		}
	} else if f, err := strconv.ParseFloat(plain, 64); err == nil {
		short = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if short != written {
		texts = append(texts, short)
	}
	return texts
}
