package catalog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a catalog names time zones; a container may have none

	"go.yaml.in/yaml/v3"
)

const (
	// maxCatalogBytes is a hundred times the largest catalog imagined: ten
	// thousand routes with every key take 3 MB.
	maxCatalogBytes = 16 << 20
	// maxCatalogErrors keeps a wrong file (a log, say) from printing itself.
	maxCatalogErrors = 100
	maxRoutes        = 100_000
	maxWords         = 10_000
	maxText          = 200 // bytes of a Korean or English name
	maxNote          = 1000
	catalogVersion   = 1
)

// Parse reads a catalog. name is only for messages. All mistakes are reported
// at once, as Errors.
func Parse(name string, text []byte) (*Catalog, error) {
	p := &parser{file: name}
	c := p.catalog(text)
	if len(p.errs) > 0 {
		slices.SortStableFunc(p.errs, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
		if n := len(p.errs); n > maxCatalogErrors {
			t := manyMore.say(n - maxCatalogErrors)
			p.errs = append(p.errs[:maxCatalogErrors], Error{File: name, Code: manyMore.code(), Problem: t.EN, ProblemKO: t.KO})
		}
		return nil, p.errs
	}
	return c, nil
}

type parser struct {
	file string
	errs Errors
	zone *time.Location
}

// fail reports a mistake at a node; without one, at the beginning of the file.
func (p *parser) fail(n *yaml.Node, field string, m mistake, args ...any) {
	p.failText(n, field, m, m.say(args...))
}

func (p *parser) failText(n *yaml.Node, field string, m mistake, t Text) {
	e := Error{File: p.file, Line: 1, Field: field, Code: m.code(), Problem: t.EN, ProblemKO: t.KO}
	if n != nil && n.Line > 0 {
		e.Line, e.Column = n.Line, n.Column
	}
	p.errs = append(p.errs, e)
}

func (p *parser) catalog(text []byte) *Catalog {
	if len(text) > maxCatalogBytes {
		p.fail(nil, "", tooLarge)
		return nil
	}
	root := p.document(text)
	if root == nil {
		return nil
	}
	c := &Catalog{
		Name: p.file, zone: time.UTC, memberTypes: []string{"member"},
		byName: make(map[string]*Route), words: make(map[string]bool), pool: new(sync.Pool),
	}
	keys := p.mapping(root, "", "version", "zone", "account", "items", "words", "sources", "routes")
	if keys == nil {
		return nil
	}
	if n := keys["version"]; n != nil {
		p.version(n)
	}
	if n := keys["zone"]; n != nil {
		c.zone = p.timeZone(n, "zone")
	}
	p.zone = c.zone
	if n := keys["account"]; n != nil {
		p.account(c, n)
	}
	if n := keys["items"]; n != nil {
		p.items(c, n)
	}
	if n := keys["words"]; n != nil {
		p.words(c, n)
	}
	if n := keys["sources"]; n != nil {
		p.sources(c, n)
	}
	if n := keys["routes"]; n != nil {
		p.routes(c, n)
	}
	if len(p.errs) == 0 {
		c.build()
	}
	return c
}

// document returns the one mapping a catalog is.
func (p *parser) document(text []byte) (root *yaml.Node) {
	// The YAML library has panicked on broken input before; a catalog may come
	// in over HTTP, and a mistake in it must not end the server.
	defer func() {
		if recover() != nil {
			root = nil
			p.fail(nil, "", unreadableYAML, "")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		p.fail(nil, "", emptyCatalog)
		return nil
	case err != nil:
		p.yamlError(text, err)
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			p.yamlError(text, err)
		} else {
			p.fail(&second, "", secondDocument)
		}
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		p.fail(&doc, "", emptyCatalog)
		return nil
	}
	return doc.Content[0]
}

// mapping returns the values of a mapping by key, and reports keys that are
// unknown, repeated or not plain words. nil if n is no mapping.
func (p *parser) mapping(n *yaml.Node, field string, known ...string) map[string]*yaml.Node {
	pairs, ok := p.pairs(n, field)
	if !ok {
		return nil
	}
	out := make(map[string]*yaml.Node, len(pairs))
	for _, kv := range pairs {
		if !slices.Contains(known, kv.name) {
			p.fail(kv.key, join(field, kv.name), unknownKey, meant(kv.name, known))
			continue
		}
		if isNull(kv.value) {
			p.fail(kv.key, join(field, kv.name), noValue)
			continue
		}
		out[kv.name] = kv.value
	}
	return out
}

type pair struct {
	name       string
	key, value *yaml.Node
}

func (p *parser) pairs(n *yaml.Node, field string) ([]pair, bool) {
	if n.Kind == yaml.AliasNode {
		p.alias(n, field)
		return nil, false
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, field, wantMapping, kindOf(n))
		return nil, false
	}
	seen := make(map[string]int)
	var out []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			p.fail(k, field, plainKey)
			continue
		}
		if line, twice := seen[k.Value]; twice {
			p.fail(k, join(field, k.Value), repeatedKey, line)
			continue
		}
		seen[k.Value] = k.Line
		out = append(out, pair{k.Value, k, v})
	}
	return out, true
}

// alias refuses YAML's references: what a route carries should be readable
// where the route is, and nested references can blow up a small file.
func (p *parser) alias(n *yaml.Node, field string) {
	p.fail(n, field, reference, clip(n.Value))
}

func (p *parser) list(n *yaml.Node, field string) ([]*yaml.Node, bool) {
	switch n.Kind {
	case yaml.SequenceNode:
		return n.Content, true
	case yaml.AliasNode:
		p.alias(n, field)
	default:
		p.fail(n, field, wantList, kindOf(n))
	}
	return nil, false
}

// scalar returns a single value as it was written.
func (p *parser) scalar(n *yaml.Node, field string) (string, bool) {
	switch {
	case n.Kind == yaml.AliasNode:
		p.alias(n, field)
	case n.Kind != yaml.ScalarNode:
		p.fail(n, field, wantScalar, kindOf(n))
	case isNull(n):
		p.fail(n, field, noValue)
	default:
		return n.Value, true
	}
	return "", false
}

// text is a scalar that is shown to people or compared with log values.
func (p *parser) text(n *yaml.Node, field string, limit int) (string, bool) {
	s, ok := p.scalar(n, field)
	if !ok {
		return "", false
	}
	switch {
	case strings.TrimSpace(s) == "":
		p.fail(n, field, emptyText)
	case len(s) > limit:
		p.fail(n, field, longText, limit)
	case strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && unprintable(r) }):
		p.fail(n, field, controlText)
	default:
		return s, true
	}
	return "", false
}

func (p *parser) version(n *yaml.Node) {
	s, ok := p.scalar(n, "version")
	if !ok {
		return
	}
	v, err := strconv.Atoi(s)
	switch {
	case err != nil || v < 1:
		p.fail(n, "version", wantNumber, catalogVersion)
	case v > catalogVersion:
		p.fail(n, "version", newerVersion, v, catalogVersion)
	}
}

func (p *parser) timeZone(n *yaml.Node, field string) *time.Location {
	s, ok := p.scalar(n, field)
	if !ok {
		return time.UTC
	}
	// "Local" would make one catalog mean two things on two machines.
	if z, err := time.LoadLocation(s); err == nil && s != "" && s != "Local" {
		return z
	}
	p.fail(n, field, unknownZone, quote(s))
	return time.UTC
}

func (p *parser) account(c *Catalog, n *yaml.Node) {
	keys := p.mapping(n, "account", "pattern", "member_types")
	if n := keys["pattern"]; n != nil {
		if s, ok := p.text(n, "account.pattern", 1<<20); ok {
			pat, err := compilePattern(s)
			switch {
			case err != nil:
				p.failText(n, "account.pattern", err.mistake, err.text())
			case pat.match(""):
				p.fail(n, "account.pattern", patternEmpty)
			default:
				c.pattern, c.patternText = pat, s
			}
		}
	}
	if n := keys["member_types"]; n != nil {
		if list, ok := p.list(n, "account.member_types"); ok {
			c.memberTypes = nil
			for i, n := range list {
				if s, ok := p.text(n, index("account.member_types", i), maxText); ok {
					c.memberTypes = append(c.memberTypes, s)
				}
			}
			if len(list) == 0 {
				p.fail(n, "account.member_types", noMemberTypes)
			}
		}
	}
}

func (p *parser) items(c *Catalog, n *yaml.Node) {
	pairs, ok := p.pairs(n, "items")
	if !ok {
		return
	}
	for i, kv := range pairs {
		field := join("items", kv.name)
		if i == MaxItems {
			p.fail(kv.key, field, tooManyItems, MaxItems)
			break
		}
		if !isItemName(kv.name) {
			p.fail(kv.key, field, itemName)
		}
		// The place is taken even if the item is wrong, so that routes that
		// name it do not fail for it again.
		c.Items = append(c.Items, Item{Name: kv.name})
		item := &c.Items[len(c.Items)-1]
		keys := p.mapping(kv.value, field, "ko", "en", "class")
		if keys == nil {
			continue
		}
		for _, l := range []struct {
			key string
			to  *string
		}{{"ko", &item.KO}, {"en", &item.EN}} {
			if n := keys[l.key]; n != nil {
				*l.to, _ = p.text(n, join(field, l.key), maxText)
			} else if !p.reported(join(field, l.key)) {
				p.fail(kv.key, join(field, l.key), itemText)
			}
		}
		n := keys["class"]
		if n == nil {
			if !p.reported(join(field, "class")) {
				p.fail(kv.key, join(field, "class"), itemClass, classWords())
			}
			continue
		}
		if s, ok := p.scalar(n, join(field, "class")); ok {
			if item.Class, ok = ParseClass(s); !ok {
				p.fail(n, join(field, "class"), unknownClass, quote(s), classWords())
			}
		}
	}
}

// words are segments of the site's own paths that are no ids: the shapes of
// unmapped requests keep them (see shape.go).
func (p *parser) words(c *Catalog, n *yaml.Node) {
	list, ok := p.list(n, "words")
	if !ok {
		return
	}
	if len(list) > maxWords {
		p.fail(n, "words", tooManyWords, maxWords)
		return
	}
	for i, n := range list {
		f := index("words", i)
		s, ok := p.text(n, f, maxText)
		if !ok {
			continue
		}
		if strings.ContainsAny(s, "/{}\n") {
			p.fail(n, f, wordText)
		}
		c.words[s] = true
	}
}

// reported says whether a field has a mistake already, so that "has no value"
// is not followed by "is missing".
func (p *parser) reported(field string) bool {
	return slices.ContainsFunc(p.errs, func(e Error) bool { return e.Field == field })
}

func classWords() string {
	var w []string
	for _, c := range Classes() {
		w = append(w, c.String())
	}
	return strings.Join(w, ", ")
}

func isItemName(s string) bool {
	return isWord(s) && s == strings.ToLower(s)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindOf is what stands somewhere; in Korean with its particle.
func kindOf(n *yaml.Node) Text {
	switch n.Kind {
	case yaml.MappingNode:
		return Text{KO: "키와 값이", EN: "keys and values"}
	case yaml.SequenceNode:
		return Text{KO: "목록이", EN: "a list"}
	case yaml.ScalarNode:
		if isNull(n) {
			return Text{KO: "빈 값이", EN: "nothing"}
		}
		return Text{KO: "값 하나가", EN: "one value"}
	}
	return Text{KO: "다른 것이", EN: "something else"}
}

func join(field, key string) string {
	key = clip(key)
	if field == "" {
		return key
	}
	return field + "." + key
}

func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// clip keeps what is quoted from a catalog to a readable length.
func clip(s string) string {
	if len(s) <= 60 {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:60], "?") + "…"
}

func quote(s string) string { return strconv.Quote(clip(s)) }

// nearest is the known word that was probably meant, or "".
func nearest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(word, k, distance); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	return best
}

// meant suggests the known word that was probably meant.
func meant(word string, known []string) Text {
	best := nearest(word, known)
	if best == "" {
		return Text{}
	}
	return Text{KO: fmt.Sprintf(" (혹시 %q?)", best), EN: fmt.Sprintf("; did you mean %q?", best)}
}

// editDistance is Levenshtein's, given up at limit.
func editDistance(a, b string, limit int) int {
	if len(a) > 60 || len(b) > 60 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return min(row[len(b)], limit)
}
