package detect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/internal/pseudonym"
)

const listed = `
title: one
name: one
tags: [list.vips]
logsource: {category: access, product: haetae}
detection: {s: {account|expand: '%vips%'}, condition: s}
---
title: two
name: two
tags: [unless.abroad]
logsource: {category: access, product: haetae}
detection: {s: {actor.type: staff}, f: {actor.id|expand: '%abroad%'}, condition: s and not f}
`

// TestLists: a rule that says which list it looks at runs without it, and the report
// names the list; a rule that does not say is refused.
func TestLists(t *testing.T) {
	w := &small{hasher: pseudonym.NewHasher([32]byte{1})}
	e, err := New(rules(t, listed), w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"vips"}, e.emptyLists); d != "" {
		t.Error(d)
	}
	if e, err = New(rules(t, listed), w, Options{Lists: Lists{"vips": {"m1"}, "abroad": nil}}); err != nil || len(e.emptyLists) != 0 {
		t.Errorf("%v, %v", e.emptyLists, err)
	}
	_, err = New(rules(t, strings.Replace(listed, "tags: [list.vips]", "tags: []", 1)), w, Options{})
	if err == nil || !strings.Contains(err.Error(), "vips") {
		t.Errorf("a list that nobody gave: %v", err)
	}
	_, err = New(rules(t, strings.ReplaceAll(listed, "actor.type: staff", "day: 2026-03-02")), w, Options{})
	if err == nil || !strings.Contains(err.Error(), "day can be grouped by") {
		t.Errorf("a detection on day: %v", err)
	}
}

func TestReadLists(t *testing.T) {
	l, err := ReadLists("lists.yaml", []byte("lists:\n  vips: [m1, m2]\n  none: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Lists{"vips": {"m1", "m2"}, "none": {}}, l); d != "" {
		t.Error(d)
	}
	for _, c := range []struct{ text, want string }{
		{"lists: {a: ['m*']}", "lists.yaml:1: lists[0][0]: has a * or ?"},
		{"lists: {a: [m1, ' ']}", "lists.yaml:1: lists[0][1]: is empty"},
		{"list: {a: [m1]}", `lists.yaml:1: unknown key; did you mean "lists"?`},
		{"lists: {a: {b: c}}", "lists.yaml:1: lists[0]: expected a list"},
	} {
		if _, err := ReadLists("lists.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}
