package rule

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Extension is the `haetae:` map of a rule: what a signal of it says, and how bad
// it is.
type Extension struct {
	Reason    Reason
	Severity  []Escalation // by rising level
	FanOut    string       // "declared", "observed" or "" for the default, declared
	Calendars []string     // names of calendar files whose days are named in the signal
}

// Reason is one sentence in both languages of the project.
type Reason struct {
	KO, EN Template
}

// Escalation is a level that a signal reaches.
type Escalation struct {
	Level Level
	Of    string // what is compared: one of the measures; "count" unless said
	When  []Bound
}

// measures is what a signal counts; count is what its condition compares.
var measures = []string{"count", "reads", "accounts", "people", "items"}

// Template is a text with placeholders in braces.
type Template struct {
	text  string
	parts []templatePart
}

type templatePart struct {
	text string
	name string // of a placeholder; text is empty then
}

// String is the template as it was written.
func (t Template) String() string { return t.text }

// Placeholders lists the names used, in their order: "count", "group.route".
func (t Template) Placeholders() []string {
	var out []string
	for _, p := range t.parts {
		if p.name != "" {
			out = append(out, p.name)
		}
	}
	return out
}

// Render fills in the placeholders.
func (t Template) Render(value func(name string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		if p.name != "" {
			b.WriteString(value(p.name))
		}
	}
	return b.String()
}

// parseTemplate reads a template. Two braces stand for one.
func parseTemplate(s string) (Template, error) {
	t := Template{text: s}
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '{' && s[i] != '}':
			text.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == s[i]:
			text.WriteByte(s[i])
			i++
		case s[i] == '}':
			return t, failing("a } closes nothing: a brace is written twice to stand for itself")
		default:
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return t, failing("a { is not closed")
			}
			t.parts = append(t.parts, templatePart{text: text.String()}, templatePart{name: s[i+1 : i+end]})
			text.Reset()
			i += end
		}
	}
	if text.Len() > 0 {
		t.parts = append(t.parts, templatePart{text: text.String()})
	}
	return t, nil
}

// plainPlaceholders is what a reason can say beside the group's fields.
var plainPlaceholders = []string{"count", "percent", "reads", "accounts", "people", "items", "first", "last", "min"}

func (p *parser) extension(n *yaml.Node, d *Document) *Extension {
	x := &Extension{}
	for _, e := range p.mapping(n, "haetae") {
		path := "haetae." + e.key
		switch e.key {
		case "reason":
			for _, r := range p.mapping(e.value, path) {
				switch r.key {
				case "ko":
					x.Reason.KO = p.template(r.value, join(path, r.key), d)
				case "en":
					x.Reason.EN = p.template(r.value, join(path, r.key), d)
				default:
					p.fail(r.at, join(path, r.key), "is not known: a reason is given in ko and en")
				}
			}
			if (x.Reason.KO.text == "") != (x.Reason.EN.text == "") {
				p.fail(e.at, path, "has to be given in both ko and en")
			}
		case "severity":
			x.Severity = p.severity(e.value, path, d)
		case "fan_out":
			x.FanOut = p.oneOf(e.value, path, []string{"declared", "observed"})
		case "calendar":
			x.Calendars = p.texts(e.value, path)
		default:
			p.fail(e.at, path, "is not known")
		}
	}
	if d.Filter != nil {
		p.fail(n, "haetae", "does not go with a filter")
	}
	return x
}

func (p *parser) template(n *yaml.Node, path string, d *Document) Template {
	text := p.word(n, path)
	t, err := parseTemplate(text)
	if err != nil {
		p.fail(n, path, "%s", err)
		return t
	}
	for _, name := range t.Placeholders() {
		field, group := strings.CutPrefix(name, "group.")
		switch {
		case slices.Contains(plainPlaceholders, name):
			if name == "min" && (d.Correlation == nil || d.Correlation.Min == 0) {
				p.fail(n, path, "{min} is not set by the correlation")
			}
			if name == "percent" && (d.Correlation == nil || d.Correlation.Type != Density) {
				p.fail(n, path, "{percent} is for a correlation of type density: nothing else compares a share of one")
			}
		case !group:
			p.fail(n, path, "placeholder {%s} is not known: it is one of group.<field>, %s", name, strings.Join(plainPlaceholders, ", "))
		case d.Correlation == nil || !slices.Contains(d.Correlation.GroupBy, field):
			p.fail(n, path, "placeholder {%s} is no field of group-by", name)
		}
	}
	return t
}

func (p *parser) severity(n *yaml.Node, path string, d *Document) []Escalation {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fail(n, path, "has to be a list of {level, when}")
		return nil
	}
	var out []Escalation
	for _, c := range n.Content {
		e := Escalation{Of: "count"}
		var level, when *yaml.Node
		for _, k := range p.mapping(c, path) {
			switch k.key {
			case "level":
				level = k.value
				if s := p.oneOf(k.value, path+".level", levelNames[1:]); s != "" {
					e.Level, _ = ParseLevel(s)
				}
			case "when":
				when = k.value
				for _, b := range p.mapping(k.value, path+".when") {
					switch {
					case b.key == "of":
						e.Of = p.oneOf(b.value, path+".when.of", measures)
					case slices.Contains(boundOps, b.key):
						if x, ok := p.number(b.value, path+".when."+b.key); ok {
							e.When = append(e.When, Bound{b.key, x})
						}
					default:
						p.fail(b.at, path+".when."+b.key, "is not known")
					}
				}
				p.checkBounds(e.When, k.value, path+".when")
			default:
				p.fail(k.at, join(path, k.key), "is not known")
			}
		}
		switch {
		case level == nil || when == nil:
			p.fail(c, path, "an escalation has a level and a when")
		case len(out) > 0 && e.Level != LevelNone && e.Level <= out[len(out)-1].Level:
			p.fail(c, path, "levels have to rise from one entry to the next")
		case e.Level != LevelNone && e.Level <= d.Level:
			p.fail(c, path, "is not above the rule's own level %s", d.Level)
		}
		out = append(out, e)
	}
	return out
}
