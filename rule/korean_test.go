package rule

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/internal/written/writtentest"
)

// sayers are the functions that are given a sentence, and which of their arguments
// it is.
var sayers = map[string]int{"fail": 2, "failAt": 2, "failf": 1, "failing": 0, "say": 0, "Mistake": 0}

// TestKorean: every sentence that the source says of a mistake is in Korean, with the
// same values, and every Korean one is said.
func TestKorean(t *testing.T) {
	said := map[string]bool{"%s": true}
	for _, dir := range []string{".", "../detect"} {
		names, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := goparser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				called := ""
				switch fn := call.Fun.(type) {
				case *ast.Ident:
					called = fn.Name
				case *ast.SelectorExpr:
					called = fn.Sel.Name
				}
				at, ok := sayers[called]
				if dir != "." {
					at, ok = 1, called == "fail" && filepath.Base(name) == "correlation.go"
				} else if x, compiler := call.Fun.(*ast.SelectorExpr); compiler && called == "fail" {
					if of, ok := x.X.(*ast.Ident); ok && of.Name == "c" {
						at = 3 // a compiler's, with the document first
					}
				}
				if !ok || at >= len(call.Args) {
					return true
				}
				if lit, ok := call.Args[at].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					format, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					said[format] = true
				}
				return true
			})
		}
	}
	if len(said) < 100 {
		t.Fatalf("only %d sentences were found", len(said))
	}
	hangul := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Hangul, r) })
	}
	verb := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	for format := range said {
		ko, ok := korean[format]
		if !ok {
			t.Errorf("%q is not in Korean", format)
			continue
		}
		if format != "%s" && !hangul(ko) || len(verb.FindAllString(ko, -1)) != len(verb.FindAllString(format, -1)) {
			t.Errorf("%q and %q are not the same", format, ko)
		}
	}
	for format, ko := range korean {
		if !said[format] {
			t.Errorf("nobody says %q", format)
		}
		if regexp.MustCompile(`\([는가를과]\)|\(으\)로`).MatchString(ko) {
			t.Errorf("put a noun before the value, so that the particle is known: %s", ko)
		}
	}
}

// TestRefusedInKorean: each mistake of the files that are wrong on purpose is told in
// both languages.
func TestRefusedInKorean(t *testing.T) {
	names, err := filepath.Glob("testdata/refused/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse("pack.yaml", text)
		if problem := writtentest.Told(err, "pack.yaml:"); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
		if strings.Contains(written.Korean(err), "%!") {
			t.Errorf("%s: %s", name, written.Korean(err))
		}
	}
}

// TestValuesAreNotRepeated: what a rule compares with may be somebody's id, and no
// mistake repeats it. Names of rules, searches and fields are words of the language,
// and are told.
func TestValuesAreNotRepeated(t *testing.T) {
	const sound = `title: VALUE
name: one
level: high
status: test
date: VALUE
taxonomy: haetae
logsource: {category: access, product: haetae}
detection:
  sel:
    actor.id: VALUE
    account:
      - VALUE
      - VALUE
    rows|gte: 10
    client.ip|cidr: 10.0.0.0/8
    agent|re: VALUE
    key|contains|all: [VALUE, VALUE]
    token|base64offset|contains: VALUE
    path|windash: VALUE
    seen|exists: true
    time|hour: 3
  words: [VALUE]
  condition: sel and words
---
title: VALUE
name: two
correlation: {type: value_count, rules: [one], group-by: [actor.id], timespan: 1h, generate: true, condition: {gte: 5, field: account}}
haetae:
  reason: {ko: VALUE, en: VALUE}
  fan_out: declared
  severity: [{level: critical, when: {gte: 9, of: people}}]
`
	if _, err := Parse("p.yaml", []byte(sound)); err != nil {
		t.Fatal(err)
	}
	const m = writtentest.Marker
	refused := 0
	for _, at := range regexp.MustCompile(`VALUE|: (high|test|haetae|10|10\.0\.0\.0/8|true|3|1h|declared|critical|people|5|9)\b`).FindAllStringIndex(sound, -1) {
		begin := at[0]
		if strings.HasPrefix(sound[begin:], ": ") {
			begin += 2
		}
		for _, way := range []string{
			m, `"` + m, "[" + m, "*" + m, "!" + m + " x", "@" + m, "\x01" + m, "\xff" + m, `"` + m + `\q"`, "(" + m, "'[" + m + "'", "'(?<=" + m + ")x'",
			"[[" + m + "]]", "{x: {y: " + m + "}}", "10.0.0.0/" + m, "'%" + m + "%*'", m + "h", "!!binary " + m, "<<: " + m, "{<<: " + m + "}", "? " + m, "4815162342q", "~",
		} {
			text := sound[:begin] + way + sound[at[1]:]
			docs, err := Parse("p.yaml", []byte(text))
			if err == nil {
				_, err = Compile(docs, testSchema(t), Options{})
			}
			if err == nil {
				continue
			}
			refused++
			if problem := writtentest.Told(err, ""); problem != "" {
				t.Fatalf("%s\n%s", problem, text)
			}
		}
	}
	if refused < 200 {
		t.Errorf("only %d were refused", refused)
	}
}
