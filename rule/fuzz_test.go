package rule

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/written"
)

// Whatever is parsed either is refused with mistakes that name the file, or
// compiles or is refused again, and then matches without harm.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/refused/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(text), "\n---\n") {
			f.Add([]byte(doc))
		}
	}
	f.Add([]byte(ruleOf("  sel: {a|re|i: 'x(y|z)', b|cidr: 10.0.0.0/8, c|windash|contains|all: [-a, -b]}\n  k: [x*y]\n  condition: 1 of them")))
	f.Add([]byte("title: C\nname: c\ncorrelation: {type: absent, rules: [a], issued: [b], within: 1d, timespan: 1h, condition: {gte: 1, field: x}}"))
	schema := testSchema(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, err := Parse("fuzz.yaml", text)
		if (err == nil) == (len(docs) == 0) {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.yaml:") {
				t.Fatalf("a mistake does not name the file: %v", err)
			}
			return
		}
		set, err := Compile(docs, schema, Options{Placeholders: map[string][]string{"x": {"a*"}}})
		if err != nil {
			return
		}
		e, m := set.NewEvent(), set.NewMatcher()
		set.put(e, 1, fields{"f": "x", "g": 5, "a": "ab", "b": []string{"10.0.0.1", ""}, "c": time.Unix(0, 0)})
		agree(t, set, e, m)
	})
}

// agree compares Match with the evaluation without an index.
func agree(t *testing.T, set *Set, e *Event, m *Matcher) {
	t.Helper()
	got := slices.Clone(set.Match(e, m))
	for _, r := range set.Rules() {
		if len(r.Sources) > 0 && set.Holds(r.Index, e, m) != slices.Contains(got, r.Index) {
			t.Fatalf("Match and Holds disagree on %s", r.Doc.File)
		}
	}
}

// A pattern and a text, in every place, with and without case.
func FuzzMatch(f *testing.F) {
	f.Add("a*b?", "xaxb1")
	f.Add("\xba", "Ǻ") // a byte of a character
	f.Add(`\\*é`, "\\\xffÉ")
	f.Add("K", "\u212a")
	f.Add("\xe2", "\u212a")
	f.Add("[Aa]b+|c", "AAbb")
	schema := testSchema(f)
	f.Fuzz(func(t *testing.T, pattern, text string) {
		var items []string
		for _, mods := range []string{"", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|re", "|re|i", "|base64offset|contains", "|windash", "|neq"} {
			it := item{field: "f", list: true, values: []scalar{{kind: scalarText, text: pattern}, {kind: scalarText, text: pattern + "x"}}}
			if mods != "" {
				it.mods = strings.Split(mods[1:], "|")
			}
			l := &lowering{item: &it, fail: func(int, written.Text) {}}
			n := l.lower()
			if n == nil {
				continue // refused
			}
			items = append(items, mods)
			n.tests(func(x *test) { x.id = 1 })
			d := &Document{File: mods, Detection: &Detection{Searches: []Search{{Name: "s", any: [][]item{{it}}}}, Condition: Expr{Name: "s"}}, LogSource: LogSource{Category: "test"}}
			it.node = n
			d.Detection.Searches[0].any[0][0].node = n
			set, err := Compile([]*Document{d}, schema, Options{})
			if err != nil {
				t.Fatal(err)
			}
			e, m := set.NewEvent(), set.NewMatcher()
			e.Reset(1)
			e.SetText(1, text)
			agree(t, set, e, m)
		}
		if len(items) == 0 {
			t.Errorf("%q fits no modifier", pattern)
		}
	})
}
