package play

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/internal/golden"
)

// section is a part of the page, by the line that it begins with.
func section(t *testing.T, head, until string) string {
	t.Helper()
	_, rest, ok := strings.Cut(golden.Page(t, "docs/drills.md"), "\n"+head+"\n")
	part, _, end := strings.Cut(rest, "\n"+until)
	if !ok || !end {
		t.Fatalf("docs/drills.md has no %q before %q", head, until)
	}
	return part
}

// words are what stands in backquotes.
func words(text string) map[string]bool {
	out := map[string]bool{}
	for i, code := range strings.Split(text, "`") {
		if i%2 == 0 {
			continue
		}
		for w := range strings.FieldsFuncSeq(code, func(r rune) bool { return !(r == '_' || r >= 'a' && r <= 'z') }) {
			out[w] = true
		}
	}
	return out
}

// keys calls each with the keys of a struct and of those in it, by a tag.
func keys(typ reflect.Type, tag string, seen map[reflect.Type]bool, each func(string)) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[time.Time]() {
		return
	}
	seen[typ] = true
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get(tag), ",")
		if name != "" && name != "-" {
			each(name)
		}
		if f.IsExported() && (name != "" || f.Anonymous || strings.HasPrefix(typ.Name(), "Table[")) {
			keys(f.Type, tag, seen, each)
		}
	}
}

// TestPageKeys: docs/drills.md names every key of a scenario and of a score.
func TestPageKeys(t *testing.T) {
	for _, x := range []struct {
		head, until, tag string
		typ              reflect.Type
		least            int
	}{
		{"### Keys", "### How traffic", "yaml", reflect.TypeFor[drill.Scenario](), 80},
		{"### Fields", "### What fails", "json", reflect.TypeFor[score.Score](), 90},
	} {
		known, n := words(section(t, x.head, x.until)), 0
		keys(x.typ, x.tag, map[reflect.Type]bool{}, func(key string) {
			if n++; !known[key] {
				t.Errorf("%s does not name `%s`", x.head, key)
			}
		})
		if n < x.least {
			t.Errorf("%s: only %d keys were looked for", x.head, n)
		}
	}
}

// scoreKeys are the keys of `drill run --json`, in order. They may be added to, and none
// may be renamed or go: scripts read them, and docs/drills.md promises version 1.
var scoreKeys = []string{
	"version", "scenario", "title", "scale", "seed", "from", "to", "zone", "run", "passed", "failures", "overall", "phases", "scope", "numbers",
	"ahead", "false_alarms", "rules", "blind", "rings", "faults", "claims", "reality", "invented", "curve",
}

// TestPageScenario: the scenario that the page shows can be read and played, and the
// keys of its score are those that scripts rely on.
func TestPageScenario(t *testing.T) {
	_, text, _ := strings.Cut(section(t, "## Write a scenario", "### Keys"), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	s, err := drill.Parse("my-leak.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := mustPlay(t, s, Options{})
	if sc := r.res.Score; !sc.Passed || sc.Scope.Truth != 900 {
		t.Errorf("truth %d, failures %+v", sc.Scope.Truth, sc.Failures)
	}
	data, err := json.Marshal(r.res.Score)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	d := json.NewDecoder(strings.NewReader(string(data)))
	for depth := 0; ; {
		tok, err := d.Token()
		if err != nil {
			break
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		default:
			if key, ok := tok.(string); ok && depth == 1 {
				got = append(got, key)
				var skip json.RawMessage
				if err := d.Decode(&skip); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !reflect.DeepEqual(got, scoreKeys) {
		t.Errorf("keys of the score:\n%q\nwant\n%q", got, scoreKeys)
	}
}
