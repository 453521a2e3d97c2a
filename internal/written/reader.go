package written

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// What can be wrong with any file.
var (
	TooLarge  = Kind{"too_large", "파일이 %d MiB보다 큽니다", "the file is larger than %d MiB"}
	ManyMore  = Kind{"more", "그 밖의 오류 %d건", "and %d more mistakes"}
	NotYAML   = Kind{"yaml", "YAML로 읽을 수 없습니다%s", "not readable as YAML%s"}
	Empty     = Kind{"empty", "파일이 비어 있습니다", "the file is empty"}
	Second    = Kind{"second_document", "여기서 두 번째 문서가 시작됩니다. 파일에는 문서가 하나만 있어야 합니다", "a second document begins here; a file holds one"}
	Unknown   = Kind{"unknown_key", "알 수 없는 키가 있습니다%s. 사용할 수 있는 키: %s", "unknown key%s; known are %s"}
	NoValue   = Kind{"no_value", "값이 없습니다", "has no value"}
	WantKeys  = Kind{"want_mapping", "키와 값이 있어야 할 자리에 %s 있습니다", "expected keys and values, found %s"}
	WantList  = Kind{"want_list", "목록이 있어야 할 자리에 %s 있습니다", "expected a list, found %s"}
	WantValue = Kind{"want_value", "값 하나가 있어야 할 자리에 %s 있습니다", "expected one value, found %s"}
	PlainKey  = Kind{"plain_key", "키는 한 단어여야 합니다", "a key is a plain word"}
	Repeated  = Kind{"repeated_key", "같은 키가 두 번 있습니다. 처음은 %d번째 줄입니다", "stands twice; first on line %d"}
	Reference = Kind{"reference", "YAML 참조(*)는 쓸 수 없습니다. 값을 그대로 쓰십시오", "YAML references (*) are not supported: write the value out"}
	TooMany   = Kind{"too_many", "YAML 참조를 풀면 값이 너무 많습니다", "YAML references unfold to too many values"}
	NoText    = Kind{"empty_text", "비어 있습니다", "is empty"}
	LongText  = Kind{"long_text", "%d바이트보다 깁니다", "is longer than %d bytes"}
	Control   = Kind{"control", "제어 문자가 있습니다", "holds a control character"}
	NoNumber  = Kind{"number", "%d 이상 %d 이하의 수여야 합니다", "expected a number from %d to %d"}
	NoWord    = Kind{"one_of", "다음 중 하나여야 합니다: %s", "is not one of %s"}
	Missing   = Kind{"missing", "없습니다", "is missing"}
	NoZone    = Kind{"zone", "알 수 없는 시간대입니다. Asia/Seoul이나 UTC처럼 쓰십시오", "unknown time zone; zones are named like Asia/Seoul or UTC"}
)

// maxMistakes keeps a wrong file (a log, say) from printing itself.
const maxMistakes = 100

// maxNodes bounds what references can unfold to.
const maxNodes = 2_000_000

// Reader reads one file and collects its mistakes. A new one is a Reader with
// its File.
type Reader struct {
	File string // for messages; without its folder
	// References says that YAML's own (&a and *a) may be used.
	References bool
	// Blank says that an empty file, or a key without a value, is no mistake: nothing
	// is said there.
	Blank bool
	// Places says that mistakes will be found by the field alone (FailAt), so that
	// the line of each is kept.
	Places bool

	found  Mistakes
	places map[string]place // by field, for mistakes that are found later
	nodes  int
}

type place struct {
	line, column int
	style        yaml.Style
}

// Fail reports a mistake at a node; without one, at the beginning of the file.
func (r *Reader) Fail(n *yaml.Node, field string, k Kind, args ...any) {
	r.found = append(r.found, r.mistake(n, field, k, args...))
}

func (r *Reader) mistake(n *yaml.Node, field string, k Kind, args ...any) Mistake {
	t := k.Say(args...)
	m := Mistake{File: r.File, Line: 1, Field: field, Code: k.Code, Problem: t.EN, ProblemKO: t.KO}
	if n != nil && n.Line > 0 {
		m.Line, m.Column = n.Line, n.Column
	}
	return m
}

// Failf is Fail for a kind that needs no code.
func (r *Reader) Failf(n *yaml.Node, field, ko, en string, args ...any) {
	r.Fail(n, field, Kind{KO: ko, EN: en}, args...)
}

// FailAt is Failf where only the field is known: the line is that of the field,
// or of what the field stands in.
func (r *Reader) FailAt(field, ko, en string, args ...any) {
	r.Failf(r.At(field), field, ko, en, args...)
}

// Wrong is the mistake that FailAt would report, for whoever returns it instead.
func (r *Reader) Wrong(field, ko, en string, args ...any) error {
	return r.mistake(r.At(field), field, Kind{KO: ko, EN: en}, args...)
}

// Inside makes the mistakes of a text that stands in a field those of this file.
// Other errors are left as they are.
func (r *Reader) Inside(field string, err error) error {
	ms, ok := errors.AsType[Mistakes](err)
	if !ok {
		return err
	}
	begins := r.LineOf(field)
	if n := r.At(field); n == nil || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		begins-- // the text begins on the line of its key
	}
	ms = slices.Clone(ms)
	for i := range ms {
		ms[i].File, ms[i].Column = r.File, 0
		if ms[i].Line > 0 {
			ms[i].Line += begins
		}
		if ms[i].Field != "" {
			ms[i].Field = "." + ms[i].Field
		}
		ms[i].Field = field + ms[i].Field
	}
	return ms
}

// At is where a field stands, or what it stands in; nil where that is not known.
func (r *Reader) At(field string) *yaml.Node {
	for field != "" {
		if p, ok := r.places[field]; ok {
			return &yaml.Node{Line: p.line, Column: p.column, Style: p.style}
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return nil
}

// LineOf is the line on which a field stands.
func (r *Reader) LineOf(field string) int {
	if n := r.At(field); n != nil {
		return n.Line
	}
	return 1
}

// Again is a Reader of the same file that knows its places, without mistakes.
func (r *Reader) Again() *Reader { return &Reader{File: r.File, places: r.places} }

// note remembers where a field stands.
func (r *Reader) note(field string, n *yaml.Node) {
	if !r.Places {
		return
	}
	if r.places == nil {
		r.places = map[string]place{}
	}
	r.places[field] = place{n.Line, n.Column, n.Style}
}

// Found is how many mistakes there are so far.
func (r *Reader) Found() int { return len(r.found) }

// Has says whether a field has a mistake already, so that "has no value" is not
// followed by "is missing".
func (r *Reader) Has(field string) bool {
	return slices.ContainsFunc(r.found, func(m Mistake) bool { return m.Field == field })
}

// Add takes mistakes that were found elsewhere. What is no Mistake is not taken.
func (r *Reader) Add(err error) {
	if ms, ok := errors.AsType[Mistakes](err); ok {
		r.found = append(r.found, ms...)
	} else if m, ok := errors.AsType[Mistake](err); ok {
		r.found = append(r.found, m)
	}
}

// Err is all mistakes as Mistakes in the order of their lines, or nil.
func (r *Reader) Err() error {
	if len(r.found) == 0 {
		return nil
	}
	out := slices.Clone(r.found)
	slices.SortStableFunc(out, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	if n := len(out); n > maxMistakes {
		t := ManyMore.Say(n - maxMistakes)
		out = append(out[:maxMistakes:maxMistakes], Mistake{File: r.File, Code: ManyMore.Code, Problem: t.EN, ProblemKO: t.KO})
	}
	return out
}

// Document returns the root of the one YAML document that a file is, nil with a
// mistake or where the file may be empty and is. most is how large the file may be, in MiB.
func (r *Reader) Document(text []byte, most int) (root *yaml.Node) {
	// The YAML library has panicked on broken input before; a file may come in over
	// HTTP, and a mistake in it must not end the server.
	defer func() {
		if recover() != nil {
			root = nil
			r.Fail(nil, "", NotYAML, "")
		}
	}()
	if len(text) > most<<20 {
		r.Fail(nil, "", TooLarge, most)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF), err == nil && (doc.Kind != yaml.DocumentNode || len(doc.Content) != 1):
		if !r.Blank {
			r.Fail(nil, "", Empty)
		}
		return nil
	case err != nil:
		r.unreadable(text, err)
		return nil
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		r.Fail(&second, "", Second)
		return nil
	case !errors.Is(err, io.EOF):
		r.unreadable(text, err)
		return nil
	}
	return doc.Content[0]
}

// Pair is a key and its value. Name is what was written; it goes into no message.
type Pair struct {
	Name       string
	Field      string // how messages name it
	Key, Value *yaml.Node
}

// Pairs is the keys and values of a mapping whose keys are the writer's own words,
// in the order of the file; false if n is none. Each is told by its place.
func (r *Reader) Pairs(n *yaml.Node, field string) ([]Pair, bool) {
	return r.pairs(n, field, func(_ string, i int) string { return Index(field, i) })
}

// pairs is Pairs; called gives the field of a key.
func (r *Reader) pairs(n *yaml.Node, field string, called func(key string, i int) string) ([]Pair, bool) {
	if n = r.follow(n, field); n == nil {
		return nil, false
	}
	if n.Kind != yaml.MappingNode {
		r.Fail(n, field, WantKeys, kindOf(n))
		return nil, false
	}
	seen := map[string]int{}
	var out []Pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := called(k.Value, i/2)
		if k.Kind != yaml.ScalarNode {
			r.Fail(k, field, PlainKey)
			continue
		}
		if line, twice := seen[k.Value]; twice {
			r.Fail(k, at, Repeated, line)
			continue
		}
		seen[k.Value] = k.Line
		out = append(out, Pair{k.Value, at, k, v})
	}
	return out, true
}

// Keys is the values of a mapping by key, nil if n is none. Keys that are not
// known are reported, with the known ones.
func (r *Reader) Keys(n *yaml.Node, field string, known ...string) map[string]*yaml.Node {
	pairs, ok := r.pairs(n, field, func(key string, _ int) string {
		if !slices.Contains(known, key) {
			return field
		}
		return Key(field, key)
	})
	if !ok {
		return nil
	}
	out := make(map[string]*yaml.Node, len(pairs))
	for _, kv := range pairs {
		switch {
		case !slices.Contains(known, kv.Name):
			r.Fail(kv.Key, field, Unknown, Meant(kv.Name, known), strings.Join(known, ", "))
		case IsNull(kv.Value):
			if !r.Blank {
				r.Fail(kv.Key, kv.Field, NoValue)
			}
		default:
			out[kv.Name] = kv.Value
			r.note(kv.Field, kv.Value)
		}
	}
	return out
}

// List is the entries of a list, false if n is none.
func (r *Reader) List(n *yaml.Node, field string) ([]*yaml.Node, bool) {
	if n = r.follow(n, field); n == nil {
		return nil, false
	}
	if n.Kind != yaml.SequenceNode {
		r.Fail(n, field, WantList, kindOf(n))
		return nil, false
	}
	return n.Content, true
}

// Scalar is a single value as it was written.
func (r *Reader) Scalar(n *yaml.Node, field string) (string, bool) {
	if n = r.follow(n, field); n == nil {
		return "", false
	}
	switch {
	case n.Kind != yaml.ScalarNode:
		r.Fail(n, field, WantValue, kindOf(n))
	case IsNull(n):
		r.Fail(n, field, NoValue)
	default:
		return n.Value, true
	}
	return "", false
}

// Text is one line that is not empty, of at most so many bytes.
func (r *Reader) Text(n *yaml.Node, field string, most int) (string, bool) {
	return r.text(n, field, most, "")
}

// Prose is Text that may have line ends.
func (r *Reader) Prose(n *yaml.Node, field string, most int) (string, bool) {
	return r.text(n, field, most, "\n\t")
}

func (r *Reader) text(n *yaml.Node, field string, most int, but string) (string, bool) {
	s, ok := r.Scalar(n, field)
	if !ok {
		return "", false
	}
	switch {
	case strings.TrimSpace(s) == "":
		r.Fail(n, field, NoText)
	case len(s) > most:
		r.Fail(n, field, LongText, most)
	case strings.ContainsFunc(s, func(c rune) bool { return Unprintable(c) && !strings.ContainsRune(but, c) }):
		r.Fail(n, field, Control)
	default:
		return s, true
	}
	return "", false
}

// Unprintable reports what must not reach a terminal: control characters, and
// those that turn the direction of what follows.
func Unprintable(c rune) bool { return c == unicode.ReplacementChar || !unicode.IsGraphic(c) }

// follow goes to what a reference stands for, if references may be used.
func (r *Reader) follow(n *yaml.Node, field string) *yaml.Node {
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.Fail(n, field, TooMany)
		}
		return nil
	}
	if n.Kind != yaml.AliasNode {
		return n
	}
	if !r.References || n.Alias == nil {
		r.Fail(n, field, Reference)
		return nil
	}
	return n.Alias
}

// IsNull reports a key without a value.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindOf is what stands somewhere; in Korean with its particle.
func kindOf(n *yaml.Node) Text {
	switch {
	case n.Kind == yaml.MappingNode:
		return Text{KO: "키와 값이", EN: "keys and values"}
	case n.Kind == yaml.SequenceNode:
		return Text{KO: "목록이", EN: "a list"}
	case IsNull(n):
		return Text{KO: "빈 값이", EN: "nothing"}
	}
	return Text{KO: "값 하나가", EN: "one value"}
}

// Key is the field of a key below a field. The key is one of the format's own.
func Key(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

// Index is the field of an entry of a list, or of a key that the writer chose.
func Index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
