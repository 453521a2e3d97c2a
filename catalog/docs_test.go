package catalog

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocs parses every YAML example of docs/catalog.md and looks for every key,
// field, class and action in it, so that the page cannot fall behind.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/catalog.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 5 {
		t.Fatalf("%d examples", len(blocks))
	}
	for i, b := range blocks {
		if _, err := Parse("docs/catalog.md", []byte(b[1])); err != nil {
			t.Errorf("example %d: %v", i+1, err)
		}
	}
	var words []string
	for _, f := range Fields() {
		words = append(words, string(f))
	}
	for _, c := range Classes() {
		words = append(words, c.String())
		if !strings.Contains(page, c.Text().KO) {
			t.Errorf("the page does not give the Korean word of %s", c)
		}
	}
	words = append(words, "version", "zone", "account.pattern", "account.member_types", "items", "sources", "routes",
		"format", "match", "cadence", "fields", "separator", "address", "words", "actor_types", "actors", "columns", "over", "values", "set", "route", "account", "fan_out", "shows", "success", "action", "from", "until", "note", "ko", "en", "class")
	for _, w := range words {
		if !strings.Contains(page, "`"+w+"`") {
			t.Errorf("the page does not explain `%s`", w)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, c := range Classes() {
		if c.Text().KO == "" || c.Text().EN == "" || c.Basis() == "" {
			t.Errorf("%s has no words or no basis", c)
		}
		text, _ := c.MarshalText()
		var back Class
		if err := back.UnmarshalText(text); err != nil || back != c {
			t.Errorf("%s does not come back", c)
		}
	}
	var c Class
	if c.UnmarshalText([]byte("secret")) == nil || Class(99).String() != "class(99)" {
		t.Error("an unknown class is taken for a known one")
	}
}
