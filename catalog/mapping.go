package catalog

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

// Choice says where a field stands whose value is more than that of one key.
type Choice struct {
	// Of are tried in turn: the first counts whose keys all have a value.
	Of []Form

	// Values are what the field is, by what the log says. Absent is for a log that
	// says nothing, Other for whatever the table does not name; without them nothing
	// stays nothing, and a word stays itself.
	Values map[string]string
}

// The words of Choice.Values that stand for no word.
const (
	Absent = "-" // as an access log writes it
	Other  = "*"
)

// Form is a text put together from keys and what stands between them.
type Form []Piece

// Piece is a text, or the value of a key.
type Piece struct {
	Text string
	Key  bool
	// Raw: the value is a piece of an address, and its slashes and question marks
	// are those of the address.
	Raw bool
}

const (
	maxForms  = 16 // of one field
	maxValues = 1000
	maxKeys   = 200 // keys that choices of one source name: the decoder has a number for each
)

// parseForm reads "key", or "/app/{key}/{+key}". What begins with a slash is no key
// where an address belongs.
func parseForm(to Field, s string) (Form, mistake) {
	if !strings.ContainsAny(s, "{}") && (to != FieldURI || s[0] != '/') {
		return Form{{Text: s, Key: true}}, checkKey(s)
	}
	var f Form
	for s != "" {
		text, behind, open := strings.Cut(s, "{")
		if strings.Contains(text, "}") {
			return nil, formBraces
		}
		if text != "" {
			f = append(f, Piece{Text: text})
		}
		if !open {
			break
		}
		key, rest, closed := strings.Cut(behind, "}")
		if !closed || strings.Contains(key, "{") {
			return nil, formBraces
		}
		key, raw := strings.CutPrefix(key, "+")
		if key == "" {
			return nil, formBraces
		}
		if m := checkKey(key); m != sound {
			return nil, m
		}
		f = append(f, Piece{Text: key, Key: true, Raw: raw})
		s = rest
	}
	return f, sound
}

func checkKey(s string) mistake {
	if strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return keyDots
	}
	return sound
}

// plain is the key of a form that is nothing else.
func (f Form) plain() (string, bool) {
	if len(f) == 1 && f[0].Key {
		return f[0].Text, true
	}
	return "", false
}

// String is the form as a catalog has it.
func (f Form) String() string {
	if key, ok := f.plain(); ok {
		return key
	}
	var b strings.Builder
	for _, p := range f {
		switch {
		case !p.Key:
			b.WriteString(p.Text)
		case p.Raw:
			b.WriteString("{+" + p.Text + "}")
		default:
			b.WriteString("{" + p.Text + "}")
		}
	}
	return b.String()
}

// fields reads which key, or which of several, is which field.
func (p *parser) fields(s *Source, n *yaml.Node, field string) {
	pairs, ok := p.Pairs(n, field)
	if !ok {
		return
	}
	if s.Format != FormatJSON && slices.Contains(formatNames(), s.Format) {
		p.fail(n, field, fixedFields, s.Format)
		return
	}
	s.Format = FormatJSON
	s.Fields, s.Choices = make(map[Field]string, len(pairs)), make(map[Field]Choice)
	complete := true
	for _, kv := range pairs {
		f := written.Key(field, kv.Name)
		if !slices.Contains(Fields(), Field(kv.Name)) {
			p.fail(kv.Key, field, unknownField, written.Meant(kv.Name, fieldWords(false)), strings.Join(fieldWords(false), ", "))
			complete = false
			continue
		}
		forms := p.forms(Field(kv.Name), kv.Value, f)
		if forms == nil {
			complete = false
			continue
		}
		if key, ok := forms[0].plain(); ok && len(forms) == 1 {
			s.Fields[Field(kv.Name)] = key
		} else if Field(kv.Name) == FieldSubjects {
			p.fail(kv.Value, f, oneKey)
		} else {
			s.Choices[Field(kv.Name)] = Choice{Of: forms}
		}
	}
	for _, need := range []struct {
		field Field
		what  mistake
	}{{FieldTime, noTime}, {FieldURI, noURI}} {
		if s.Fields[need.field] == "" && s.Choices[need.field].Of == nil && complete {
			p.fail(n, written.Key(field, string(need.field)), need.what)
		}
	}
}

// forms reads a form or a list of them; nil: there is a mistake.
func (p *parser) forms(to Field, n *yaml.Node, field string) []Form {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		var ok bool
		if nodes, ok = p.List(n, field); !ok {
			return nil
		}
		if len(nodes) == 0 || len(nodes) > maxForms {
			p.fail(n, field, formCount, maxForms)
			return nil
		}
	}
	forms := make([]Form, 0, len(nodes))
	for i, one := range nodes {
		f := field
		if n.Kind == yaml.SequenceNode {
			f = written.Index(field, i)
		}
		s, ok := p.Prose(one, f, maxKey)
		if !ok {
			continue
		}
		form, m := parseForm(to, s)
		if m != sound {
			p.fail(one, f, m)
			continue
		}
		forms = append(forms, form)
	}
	if len(forms) < len(nodes) {
		return nil
	}
	return forms
}

// values reads what the words of a log are.
func (p *parser) values(s *Source, n *yaml.Node, field string) {
	pairs, ok := p.Pairs(n, field)
	if !ok {
		return
	}
	for _, kv := range pairs {
		f := written.Key(field, kv.Name)
		to := Field(kv.Name)
		switch {
		case !slices.Contains(Fields(), to):
			p.fail(kv.Key, field, unknownField, written.Meant(kv.Name, fieldWords(false)), strings.Join(fieldWords(false), ", "))
			continue
		case to == FieldActorType:
			p.fail(kv.Key, f, valuesTypes)
			continue
		case to == FieldSubjects || to == FieldTime || to == FieldID:
			p.fail(kv.Key, f, valuesField)
			continue
		}
		c, chosen := s.Choices[to]
		if key, ok := s.Fields[to]; ok {
			c, chosen = Choice{Of: []Form{{{Text: key, Key: true}}}}, true
		}
		if !chosen {
			p.fail(kv.Key, f, valuesUnmapped)
			continue
		}
		words, ok := p.Pairs(kv.Value, f)
		if !ok {
			continue
		}
		if len(words) == 0 || len(words) > maxValues {
			p.fail(kv.Value, f, valuesCount, maxValues)
			continue
		}
		c.Values = make(map[string]string, len(words))
		for _, w := range words {
			v, ok := p.Prose(w.Value, w.Field, maxText)
			if !ok {
				continue
			}
			if m := checkValue(to, v); m != sound {
				p.fail(w.Value, w.Field, m)
			}
			c.Values[w.Name] = v
		}
		delete(s.Fields, to)
		s.Choices[to] = c
	}
}

// checkValue refuses a constant that no line could have.
func checkValue(to Field, v string) mistake {
	switch to {
	case FieldStatus:
		if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 999 {
			return valuesStatus
		}
	case FieldRows, FieldMore:
		if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 1<<31-1 {
			return valuesNumber
		}
	case FieldMethod:
		if methodOf(v) == methodOther {
			return unknownMethod
		}
	}
	return sound
}

// keysOf counts the keys that the choices of a source name.
func (s *Source) keysOf() int {
	keys := map[string]bool{}
	for _, c := range s.Choices {
		for _, f := range c.Of {
			for _, piece := range f {
				if piece.Key {
					keys[piece.Text] = true
				}
			}
		}
	}
	return len(keys)
}
