package catalog

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a catalog names time zones; a container may have none

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

const (
	// maxCatalogMiB is a hundred times the largest catalog imagined: ten
	// thousand routes with every key take 3 MB.
	maxCatalogMiB  = 16
	maxRoutes      = 100_000
	maxWords       = 10_000
	maxText        = 200 // bytes of a Korean or English name
	maxNote        = 1000
	catalogVersion = 1
)

// Parse reads a catalog. name is only for messages. All mistakes are reported
// at once, as Errors.
func Parse(name string, text []byte) (*Catalog, error) {
	p := &parser{Reader: &written.Reader{File: name}}
	c := p.catalog(text)
	if ms, ok := errors.AsType[written.Mistakes](p.Err()); ok {
		return nil, Errors(ms)
	}
	return c, nil
}

type parser struct {
	*written.Reader
	zone *time.Location
}

// fail reports a mistake at a node.
func (p *parser) fail(n *yaml.Node, field string, m mistake, args ...any) {
	p.Fail(n, field, m.kind(), args...)
}

func (p *parser) catalog(text []byte) *Catalog {
	root := p.Document(text, maxCatalogMiB)
	if root == nil {
		return nil
	}
	c := &Catalog{
		Name: p.File, zone: time.UTC, memberTypes: []string{"member"},
		byName: make(map[string]*Route), words: make(map[string]bool), pool: new(sync.Pool),
		uses: &tableUses{known: make(map[string]string)},
	}
	keys := p.Keys(root, "", "version", "zone", "account", "items", "words", "sources", "routes")
	if keys == nil {
		return nil
	}
	if n := keys["version"]; n != nil {
		p.version(n)
	}
	if n := keys["zone"]; n != nil {
		c.zone = p.Zone(n, "zone")
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
	if p.Found() == 0 {
		c.build()
	}
	return c
}

func (p *parser) version(n *yaml.Node) {
	s, ok := p.Scalar(n, "version")
	if !ok {
		return
	}
	v, err := strconv.Atoi(s)
	switch {
	case err != nil || v < 1:
		p.fail(n, "version", wantNumber, catalogVersion)
	case v > catalogVersion:
		p.fail(n, "version", newerVersion, catalogVersion)
	}
}

func (p *parser) account(c *Catalog, n *yaml.Node) {
	keys := p.Keys(n, "account", "pattern", "member_types")
	if n := keys["pattern"]; n != nil {
		if s, ok := p.Prose(n, "account.pattern", 1<<20); ok {
			pat, err := compilePattern(s)
			switch {
			case err != nil:
				p.Fail(n, "account.pattern", err.kind, err.args...)
			case pat.match(""):
				p.fail(n, "account.pattern", patternEmpty)
			default:
				c.pattern, c.patternText = pat, s
			}
		}
	}
	if n := keys["member_types"]; n != nil {
		if list, ok := p.List(n, "account.member_types"); ok {
			c.memberTypes = nil
			for i, n := range list {
				if s, ok := p.Prose(n, written.Index("account.member_types", i), maxText); ok {
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
	pairs, ok := p.Pairs(n, "items")
	if !ok {
		return
	}
	for i, kv := range pairs {
		field := kv.Field
		if i == MaxItems {
			p.fail(kv.Key, field, tooManyItems, MaxItems)
			break
		}
		if !isItemName(kv.Name) {
			p.fail(kv.Key, field, itemName)
		}
		// The place is taken even if the item is wrong, so that routes that
		// name it do not fail for it again.
		c.Items = append(c.Items, Item{Name: kv.Name})
		item := &c.Items[len(c.Items)-1]
		keys := p.Keys(kv.Value, field, "ko", "en", "class")
		if keys == nil {
			continue
		}
		for _, l := range []struct {
			key string
			to  *string
		}{{"ko", &item.KO}, {"en", &item.EN}} {
			if n := keys[l.key]; n != nil {
				*l.to, _ = p.Prose(n, written.Key(field, l.key), maxText)
			} else if !p.Has(written.Key(field, l.key)) {
				p.fail(kv.Key, written.Key(field, l.key), itemText)
			}
		}
		n := keys["class"]
		if n == nil {
			if !p.Has(written.Key(field, "class")) {
				p.fail(kv.Key, written.Key(field, "class"), itemClass, classWords())
			}
			continue
		}
		if s, ok := p.Scalar(n, written.Key(field, "class")); ok {
			if item.Class, ok = ParseClass(s); !ok {
				p.fail(n, written.Key(field, "class"), unknownClass, written.Meant(s, classNames()), classWords())
			}
		}
	}
}

// words are segments of the site's own paths that are no ids: the shapes of
// unmapped requests keep them (see shape.go).
func (p *parser) words(c *Catalog, n *yaml.Node) {
	list, ok := p.List(n, "words")
	if !ok {
		return
	}
	if len(list) > maxWords {
		p.fail(n, "words", tooManyWords, maxWords)
		return
	}
	for i, n := range list {
		f := written.Index("words", i)
		s, ok := p.Prose(n, f, maxText)
		if !ok {
			continue
		}
		if strings.ContainsAny(s, "/{}\n") {
			p.fail(n, f, wordText)
		}
		c.words[s] = true
	}
}

func classNames() []string {
	var w []string
	for _, c := range Classes() {
		w = append(w, c.String())
	}
	return w
}

func classWords() string { return strings.Join(classNames(), ", ") }

func isItemName(s string) bool {
	return isWord(s) && s == strings.ToLower(s)
}

// clip keeps what is quoted from a table to a readable length.
func clip(s string) string {
	if len(s) <= 60 {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:60], "?") + "…"
}
