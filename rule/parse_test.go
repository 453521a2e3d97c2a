package rule

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The files of testdata/refused are wrong on purpose. Beside a mistake stands what
// is said of it, after "# !"; " ! " divides several.
func TestRefused(t *testing.T) {
	names, err := filepath.Glob("testdata/refused/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for i, line := range strings.Split(string(text), "\n") {
				if _, notes, ok := strings.Cut(line, " # ! "); ok {
					for note := range strings.SplitSeq(notes, " ! ") {
						want = append(want, fmt.Sprintf("pack.yaml:%d: %s", i+1, note))
					}
				}
			}
			docs, err := Parse("pack.yaml", text)
			if docs != nil || err == nil {
				t.Fatal("the file was taken")
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
			var one Error
			if !errors.As(err, &one) || one.File != "pack.yaml" {
				t.Errorf("errors.As finds no Error in %T", err)
			}
		})
	}
}

func TestNotYAML(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "p.yaml:1: the file holds no rule"},
		{"# nothing\n---\n", "p.yaml:1: the file holds no rule"},
		{"title: T\n  detection: x\n", "p.yaml:2: not readable as YAML: a line is indented wrongly, or a value without quotes holds ': '"},
		{"- x\n", "p.yaml:1: has to be a map"},
		{"? [a]\n: b\n", "p.yaml:1: a key has to be a word"},
	} {
		_, err := Parse("p.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := Parse("p.yaml", bytes.Repeat([]byte{'#'}, maxFileBytes+1)); err == nil {
		t.Error("a huge file was taken")
	}
	many := strings.Repeat("---\ntitle: T\n", 300)
	if _, err := Parse("p.yaml", []byte(many)); !strings.HasSuffix(err.Error(), "and 100 more mistakes") {
		t.Errorf("300 mistakes end with %q", err.Error()[len(err.Error())-40:])
	}
}

// What one document can say of others is checked by Compile.
func TestLinks(t *testing.T) {
	base := func(name string) string {
		return "---\ntitle: " + name + "\nname: " + name + "\nlogsource: {category: test}\ndetection: {sel: {a: x}, condition: sel}\n"
	}
	count := func(name, more string) string {
		return "---\ntitle: " + name + "\nname: " + name + "\ncorrelation:\n  type: event_count\n  timespan: 1h\n  condition: {gte: 2}\n  " + more + "\n"
	}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"no such rule", base("a") + count("c", "rules: [a, b]"), []string{`test.yaml:13: correlation.rules: there is no rule with the name or id "b"`}},
		{"the same name", base("a") + base("a"), []string{`test.yaml:7: "a" is also test.yaml:2`}},
		{"a circle", base("a") + count("c", "rules: [d]") + count("d", "rules: [c]"), []string{"test.yaml:7: correlation: refers to itself: c, d, c"}},
		{"itself", count("c", "rules: [c]"), []string{"test.yaml:2: correlation: refers to itself: c, c"}},
		{"exclude a correlation", base("a") + count("d", "rules: [a]") + count("c", "rules: [a]\n  exclude: [d]"),
			[]string{`test.yaml:22: correlation.exclude: "d" is a correlation: only single events can be left out`}},
		{"aliases", base("a") + base("b") + count("c", "rules: [a, b]\n  group-by: [who]\n  aliases: {who: {a: x, d: y}}"),
			[]string{`test.yaml:18: correlation.aliases.who: says nothing of the rule "b"`, `test.yaml:20: correlation.aliases.who: "d" is none of the correlation's rules`}},
		{"a filter for another log source", base("a") + "---\ntitle: F\nlogsource: {category: other}\nfilter: {rules: [a], sel: {b: x}, condition: not sel}\n",
			[]string{`test.yaml:9: filter.rules: "a" looks at category=test, the filter at category=other`}},
		{"a filter for a correlation", base("a") + count("c", "rules: [a]") + "---\ntitle: F\nlogsource: {category: test}\nfilter: {rules: [c], sel: {b: x}, condition: not sel}\n",
			[]string{`test.yaml:17: filter.rules: "c" is a correlation: filter the rules it refers to`}},
		{"placeholders", "title: P\nlogsource: {category: test}\ndetection:\n  sel:\n    a|expand: ['x', '%who%']\n    b|expand: '%none%'\n  condition: sel\n",
			[]string{"test.yaml:5: detection.sel.a: placeholder %who% was not given a value", "test.yaml:6: detection.sel.b: placeholder %none% was given an empty list"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			docs, err := Parse("test.yaml", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Compile(docs, testSchema(t), Options{Placeholders: map[string][]string{"none": {}}})
			if err == nil {
				t.Fatal("the rules were taken")
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

// A hostile rule is refused, not compiled for minutes.
func TestTooLong(t *testing.T) {
	var b strings.Builder
	b.WriteString("title: T\nlogsource: {category: test}\ndetection:\n")
	for i := range 900 {
		fmt.Fprintf(&b, "  s%d: {a%d|re: x%d}\n", i, i%7, i)
	}
	b.WriteString("  condition: 450 of them\n")
	docs, err := Parse("p.yaml", []byte(b.String()))
	if err == nil {
		started := time.Now()
		_, err = Compile(docs, testSchema(t), Options{})
		if time.Since(started) > 20*time.Second {
			t.Error("compiling took too long")
		}
	}
	if err != nil && !strings.Contains(err.Error(), "takes too long to evaluate") {
		t.Error(err)
	}
	deep := ruleOf("  sel: {a: x}\n  condition: " + strings.Repeat("(", 5000) + "sel" + strings.Repeat(")", 5000))
	if _, err := Parse("p.yaml", []byte(deep)); err == nil || !strings.Contains(err.Error(), "nested more than 100 deep") {
		t.Errorf("5000 parentheses: %v", err)
	}
}

func TestMeta(t *testing.T) {
	docs, err := Parse("p.yaml", []byte(`title: ' Title '
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
name: n
status: test
description: |
  D
author: [A, B]
date: 2025-01-02
modified: 2025/01/03
license: MIT
references: [https://example.com/1]
tags: attack.t1606.001
fields: [x]
falsepositives: [None]
scope: [server]
related: [{id: a, type: derived}]
level: high
custom: {any: thing}
logsource: {category: PROXY, product: p, service: s, definition: text}
detection: {sel: {a: x}, condition: sel}
`))
	if err != nil {
		t.Fatal(err)
	}
	d := *docs[0]
	d.Detection = nil
	want := Document{
		File: "p.yaml", Line: 1, Title: "Title", ID: "929a690e-bef0-4204-a928-ef5e620d6fcc", Name: "n", Status: "test", Description: "D\n",
		Author: "A, B", Date: "2025-01-02", Modified: "2025/01/03", License: "MIT", Level: LevelHigh,
		References: []string{"https://example.com/1"}, Tags: []string{"attack.t1606.001"}, Fields: []string{"x"}, Scope: []string{"server"},
		FalsePositives: []string{"None"}, Related: []Related{{"a", "derived"}}, Custom: []string{"custom"},
		LogSource: LogSource{"proxy", "p", "s"},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}
