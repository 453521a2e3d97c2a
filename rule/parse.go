package rule

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads the documents of one rule file. name is only for messages. All
// mistakes of the file are reported at once, as Errors; what refers to rules of
// other files is checked by Compile.
func Parse(name string, data []byte) ([]*Document, error) {
	p := &parser{file: name}
	if len(data) > maxFileBytes {
		p.failAt(0, "", "the file is larger than 16 MiB")
		return nil, p.errs.orNil()
	}
	var docs []*Document
	for _, root := range p.documents(data) {
		if d := p.document(root); d != nil {
			docs = append(docs, d)
		}
	}
	if len(docs) == 0 && len(p.errs) == 0 {
		p.failAt(1, "", "the file holds no rule")
	}
	if err := p.errs.orNil(); err != nil {
		return nil, err
	}
	return docs, nil
}

// document reads one rule. It goes on after a mistake, to report the next one.
func (p *parser) document(root *yaml.Node) *Document {
	entries := p.mapping(root, "")
	if entries == nil {
		return nil
	}
	d := &Document{File: p.file, Line: root.Line}
	var kinds []entry
	var source, haetae *entry
	for i, e := range entries {
		switch e.key {
		case "detection", "correlation", "filter":
			kinds = append(kinds, e)
		case "logsource":
			source = &entries[i]
		case "haetae":
			haetae = &entries[i]
		default:
			p.meta(d, e)
		}
	}
	if d.Title == "" && !hasKey(entries, "title") {
		p.fail(root, "title", "is missing")
	}
	if source != nil {
		d.LogSource = p.logSource(source.value)
	}
	switch {
	case collection(entries):
		// Also with a detection: what it says would be missing from the rules after it.
		p.fail(root, "action", "rule collections of Sigma 1 (action: global, repeat, reset) are not supported")
		return nil
	case len(kinds) == 0:
		p.fail(root, "", "the document has none of detection, correlation and filter")
		return nil
	case len(kinds) > 1:
		p.fail(kinds[1].at, kinds[1].key, "a document is either a detection, a correlation or a filter, and this is a %s", kinds[0].key)
		return nil
	}
	if kinds[0].key != "correlation" && source == nil {
		p.fail(root, "logsource", "is missing")
	}
	switch k := kinds[0]; k.key {
	case "detection":
		d.Detection = p.detection(k.value, k.key)
	case "filter":
		d.Filter = p.filter(k.value)
	case "correlation":
		if source != nil {
			p.fail(source.at, "logsource", "belongs to the rules that a correlation refers to")
		}
		d.Correlation = p.correlation(k.value)
	}
	if haetae != nil {
		d.Haetae = p.extension(haetae.value, d)
	}
	return d
}

// collection reports whether a document is part of a rule collection of Sigma 1.
func collection(entries []entry) bool {
	return slices.ContainsFunc(entries, func(e entry) bool {
		return e.key == "action" && slices.Contains([]string{"global", "repeat", "reset"}, e.value.Value)
	})
}

func hasKey(entries []entry, key string) bool {
	for _, e := range entries {
		if e.key == key {
			return true
		}
	}
	return false
}

// meta reads what is written about a rule.
func (p *parser) meta(d *Document, e entry) {
	n, field := e.value, e.key
	if isNull(n) && field != "title" {
		return // `references:` with nothing after it
	}
	one := func(to *string) {
		if s, ok := p.text(n, field); ok {
			*to = s
		}
	}
	switch field {
	case "title":
		d.Title = p.word(n, field)
	case "id":
		d.ID = p.word(n, field)
	case "name":
		d.Name = p.word(n, field)
	case "status":
		d.Status = p.oneOf(n, field, statuses)
	case "description":
		one(&d.Description)
	case "author":
		d.Author = strings.Join(p.texts(n, field), ", ")
	case "date":
		one(&d.Date)
	case "modified":
		one(&d.Modified)
	case "license":
		one(&d.License)
	case "taxonomy":
		one(&d.Taxonomy)
		if d.Taxonomy != "sigma" && d.Taxonomy != "haetae" {
			p.fail(n, field, "is not known: field names are Sigma's or the access record's")
		}
	case "level":
		if s := p.oneOf(n, field, levelNames[1:]); s != "" {
			d.Level, _ = ParseLevel(s)
		}
	case "references", "reference":
		d.References = p.texts(n, field)
	case "tags":
		d.Tags = p.texts(n, field)
	case "fields":
		d.Fields = p.texts(n, field)
	case "scope":
		d.Scope = p.texts(n, field)
	case "falsepositives":
		d.FalsePositives = p.texts(n, field)
	case "related":
		d.Related = p.related(n)
	default:
		d.Custom = append(d.Custom, field)
	}
}

func (p *parser) related(n *yaml.Node) []Related {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, "related", "has to be a list")
		return nil
	}
	var out []Related
	for _, c := range n.Content {
		var r Related
		for _, e := range p.mapping(c, "related") {
			switch e.key {
			case "id":
				r.ID = p.word(e.value, "related.id")
			case "type":
				r.Type = p.word(e.value, "related.type")
			}
		}
		out = append(out, r)
	}
	return out
}

func (p *parser) logSource(n *yaml.Node) LogSource {
	var l LogSource
	for _, e := range p.mapping(n, "logsource") {
		field := "logsource." + e.key
		switch e.key {
		case "category":
			l.Category = strings.ToLower(p.word(e.value, field))
		case "product":
			l.Product = strings.ToLower(p.word(e.value, field))
		case "service":
			l.Service = strings.ToLower(p.word(e.value, field))
		}
	}
	if l == (LogSource{}) {
		p.fail(n, "logsource", "names neither category nor product nor service")
	}
	return l
}

func (p *parser) filter(n *yaml.Node) *Filter {
	f := &Filter{}
	n = p.node(n)
	rules := (*yaml.Node)(nil)
	for _, e := range p.mapping(n, "filter") {
		if e.key == "rules" {
			rules = e.value
		}
	}
	switch {
	case rules == nil:
		p.fail(n, "filter.rules", "is missing")
	case rules.Kind == yaml.ScalarNode && rules.Value == "any":
		f.Any = true
	default:
		f.Rules = p.refs(rules, "filter.rules")
	}
	p.errsOnce(func() { f.Detection = *p.detection(n, "filter", "rules") })
	return f
}

// errsOnce drops what a second look at the same nodes says again.
func (p *parser) errsOnce(look func()) {
	before := len(p.errs)
	seen := make(map[Error]bool, before)
	for _, e := range p.errs {
		seen[e] = true
	}
	look()
	kept := p.errs[:before]
	for _, e := range p.errs[before:] {
		if !seen[e] {
			kept = append(kept, e)
		}
	}
	p.errs = kept
}
