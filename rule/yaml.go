package rule

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

const (
	// maxFileBytes is a hundred times the largest rule file seen (SigmaHQ's list
	// of vulnerable drivers, 110 kB).
	maxFileBytes = 16 << 20
	// maxNodes bounds what aliases can unfold to.
	maxNodes = 2_000_000
)

// parser reads one file.
type parser struct {
	file  string
	errs  Errors
	nodes int
}

func (p *parser) fail(n *yaml.Node, field, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.Line
	}
	p.failAt(line, field, format, args...)
}

func (p *parser) failAt(line int, field, format string, args ...any) {
	t := say(format, args...)
	p.errs = append(p.errs, Error{File: p.file, Line: line, Field: field, Problem: t.EN, ProblemKO: t.KO})
}

// documents is the roots of a file's documents. What is wrong with the YAML
// itself ends the reading, since nothing after it can be trusted.
func (p *parser) documents(data []byte) (roots []*yaml.Node) {
	// The YAML library has panicked on broken input before; rules may come in over
	// HTTP, and a mistake in them must not end the server.
	defer func() {
		if recover() != nil {
			p.failAt(0, "", "not readable as YAML")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return roots
		case err != nil:
			line, why := written.YAML(data, err)
			p.failAt(line, "", "not readable as YAML%s", why)
			return roots
		}
		if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || isNull(doc.Content[0]) {
			continue // an empty document, such as after a last ---
		}
		roots = append(roots, doc.Content[0])
	}
}

// node follows aliases.
func (p *parser) node(n *yaml.Node) *yaml.Node {
	p.nodes++
	for depth := 0; n.Kind == yaml.AliasNode && n.Alias != nil && depth < 16; depth++ {
		n = n.Alias
	}
	return n
}

// entry is a key of a mapping with its value.
type entry struct {
	key   string
	at    *yaml.Node // the key, for its line
	value *yaml.Node
}

// mapping lists the entries of n, or says that n is none.
func (p *parser) mapping(n *yaml.Node, field string) []entry {
	n = p.node(n)
	if n.Kind != yaml.MappingNode {
		p.fail(n, field, "has to be a map")
		return nil
	}
	if p.nodes > maxNodes {
		p.fail(n, field, "the file unfolds to more than %d nodes", maxNodes)
		return nil
	}
	out := make([]entry, 0, len(n.Content)/2)
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := p.node(n.Content[i]), p.node(n.Content[i+1])
		if k.Kind != yaml.ScalarNode {
			p.fail(k, field, "a key has to be a word")
			continue
		}
		if k.Tag == "!!merge" {
			p.fail(k, field, "merge keys (<<) are not supported")
			continue
		}
		if seen[k.Value] {
			p.fail(k, join(field, k.Value), "stands there twice")
			continue
		}
		seen[k.Value] = true
		out = append(out, entry{k.Value, k, v})
	}
	return out
}

func join(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// text is a scalar that is not null.
func (p *parser) text(n *yaml.Node, field string) (string, bool) {
	n = p.node(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Tag == "!!binary" {
		p.fail(n, field, "has to be a text")
		return "", false
	}
	return n.Value, true
}

// word is a text that is not empty.
func (p *parser) word(n *yaml.Node, field string) string {
	s, ok := p.text(n, field)
	if ok && strings.TrimSpace(s) == "" {
		p.fail(n, field, "is empty")
	}
	return strings.TrimSpace(s)
}

// texts is a list of texts, or one.
func (p *parser) texts(n *yaml.Node, field string) []string {
	n = p.node(n)
	if isNull(n) {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		s, ok := p.text(n, field)
		if !ok {
			return nil
		}
		return []string{s}
	}
	if n.Kind != yaml.SequenceNode {
		p.fail(n, field, "has to be a list")
		return nil
	}
	var out []string
	for _, c := range n.Content {
		if s, ok := p.text(c, field); ok {
			out = append(out, s)
		}
	}
	return out
}

// refs is a list of names of other rules, each with its line.
func (p *parser) refs(n *yaml.Node, field string) []Ref {
	n = p.node(n)
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	if len(list) == 0 {
		p.fail(n, field, "names no rule")
	}
	var out []Ref
	for _, c := range list {
		name := p.word(c, field)
		if name == "" {
			continue
		}
		if slices.ContainsFunc(out, func(r Ref) bool { return r.Name == name }) {
			p.fail(c, field, "names %q twice", name)
			continue
		}
		out = append(out, Ref{name, c.Line})
	}
	return out
}

// number is a finite number.
func (p *parser) number(n *yaml.Node, field string) (float64, bool) {
	n = p.node(n)
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		if f, ok := yamlNumber(n.Value); ok {
			return f, true
		}
	}
	p.fail(n, field, "has to be a number")
	return 0, false
}

// count is a whole number from least on.
func (p *parser) count(n *yaml.Node, field string, least int) int {
	f, ok := p.number(n, field)
	if !ok {
		return 0
	}
	if f != math.Trunc(f) || f < float64(least) || f > 1<<53 {
		p.fail(n, field, "has to be a whole number from %d on", least)
		return 0
	}
	return int(f)
}

func yamlNumber(s string) (float64, bool) {
	s = strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(s, 0, 64); err == nil {
		return float64(i), true
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

func (p *parser) boolean(n *yaml.Node, field string) bool {
	n = p.node(n)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		p.fail(n, field, "has to be true or false")
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// oneOf is a text out of a list.
func (p *parser) oneOf(n *yaml.Node, field string, words []string) string {
	s, ok := p.text(n, field)
	if ok && !slices.Contains(words, s) {
		p.fail(n, field, "is not known: it is one of %s", strings.Join(words, ", "))
		return ""
	}
	return s
}
