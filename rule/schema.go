package rule

import (
	"fmt"
	"slices"
	"strings"
)

// Field describes a field of the events that a caller has.
type Field struct {
	Name string

	// Aliases are other names that rules may use for it.
	Aliases []string

	// ID marks an id: it is compared with regard to case, and where events are
	// stored it is a pseudonym, which can only be asked whether it equals
	// something. Rules that ask more of it are LiveOnly.
	ID bool

	// Blank: an empty value of this field is set as absent, so that absent is
	// both '' and null to a rule.
	Blank bool
}

// Source describes one kind of events: under which log sources of Sigma rules
// look for them.
type Source struct {
	Name string
	Is   []LogSource
}

// Schema is what a caller's events are made of. It is immutable.
type Schema struct {
	fields  []Field
	sources []Source
	byName  map[string]FieldID
}

// maxFields keeps a FieldID small; SigmaHQ's rules use some 700.
const maxFields = 1 << 15

// NewSchema checks a schema. Fields get the ids 1, 2, … and sources too.
func NewSchema(fields []Field, sources []Source) (*Schema, error) {
	s := &Schema{byName: make(map[string]FieldID)}
	return s.With(fields, sources)
}

// With is the schema with further fields and sources after its own.
func (s *Schema) With(fields []Field, sources []Source) (*Schema, error) {
	out := &Schema{
		fields:  slices.Concat(s.fields, fields),
		sources: slices.Concat(s.sources, sources),
		byName:  make(map[string]FieldID),
	}
	if len(out.fields) >= maxFields || len(out.sources) >= maxFields {
		return nil, fmt.Errorf("a schema has at most %d fields and as many sources", maxFields-1)
	}
	for i, f := range out.fields {
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			if name == "" {
				return nil, fmt.Errorf("field %d has an empty name", i+1)
			}
			if _, ok := out.byName[name]; ok {
				return nil, fmt.Errorf("two fields are called %q", name)
			}
			out.byName[name] = FieldID(i + 1)
		}
	}
	for i := range out.sources {
		src := &out.sources[i]
		src.Is = slices.Clone(src.Is)
		for j, l := range src.Is {
			src.Is[j] = LogSource{strings.ToLower(l.Category), strings.ToLower(l.Product), strings.ToLower(l.Service)}
		}
	}
	return out, nil
}

// Source is the id of a source by its name.
func (s *Schema) Source(name string) (SourceID, bool) {
	i := slices.IndexFunc(s.sources, func(src Source) bool { return src.Name == name })
	return SourceID(i + 1), i >= 0
}

// Field is the id of a field by its name or an alias.
func (s *Schema) Field(name string) (FieldID, bool) {
	id, ok := s.byName[name]
	return id, ok
}

// Names are the name of a field and its aliases; nil if the schema does not have it.
func (s *Schema) Names(id FieldID) []string {
	if id < 1 || int(id) > len(s.fields) {
		return nil
	}
	f := &s.fields[id-1]
	return append([]string{f.Name}, f.Aliases...)
}

// Selects lists the sources at whose events a rule on a log source looks.
func (s *Schema) Selects(l LogSource) []string {
	var out []string
	for i := range s.sources {
		if src := &s.sources[i]; src.selects(l) {
			out = append(out, src.Name)
		}
	}
	return out
}

// selects reports whether a rule on l looks at events of the source.
func (src *Source) selects(l LogSource) bool {
	return slices.ContainsFunc(src.Is, l.covers)
}

// SourcesOf is a source for each log source that the rules name, called by its
// String, for events that come with these words themselves.
func SourcesOf(docs []*Document) []Source {
	var out []Source
	seen := map[LogSource]bool{}
	for _, d := range docs {
		if d.Detection == nil || seen[d.LogSource] {
			continue
		}
		seen[d.LogSource] = true
		out = append(out, Source{Name: d.LogSource.String(), Is: []LogSource{d.LogSource}})
	}
	return out
}
