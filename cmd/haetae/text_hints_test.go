package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/haetae/haetae/server"
)

// TestRuleHints: each hint answers a mistake that there is.
func TestRuleHints(t *testing.T) {
	const source = "logsource: {category: access, product: haetae}\n"
	unused := map[string]bool{}
	for _, h := range ruleHints {
		unused[h.problem.String()] = true
	}
	for _, rule := range []string{
		"title: x\n" + source + "detection: {s: {a|cotnains: b}, condition: s}\n",
		"title: x\n" + source + "detection: {s: {account|expand: '%vips%'}, condition: s}\n",
		"title: x\nname: x\ncorrelation: {type: event_count, rules: [nobody], group-by: [actor.id], timespan: 1h, condition: {gte: 1}}\n",
		"title: x\n" + source + "detection: {s: {a: b}, condition: t}\n",
		"title: x\n" + source,
		"title: x\nlogsource: {}\ndetection: {s: {a: b}, condition: s}\n",
		"# nothing\n",
		"title: x\ntitle: y\n" + source + "detection: {s: {a: b}, condition: s}\n",
		"title: x\nname: x\ncorrelation: {type: event_count, rules: [x], group-by: [actor.id], timespan: 1h, condition: {}, nosuch: 1}\n",
		"title: x\n" + source + "detection: {s: {'a|re': '(?=b)'}, condition: s}\n",
	} {
		file := filepath.Join(t.TempDir(), "r.yaml")
		if err := os.WriteFile(file, []byte(rule), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := server.CheckRules([]string{file}, server.DetectRequest{}, "")
		mistakes, rest := server.Mistakes(err)
		if len(mistakes) == 0 || len(rest) > 0 {
			t.Errorf("%v: %v", mistakes, rest)
		}
		for _, m := range mistakes {
			for _, h := range ruleHints {
				if h.problem.MatchString(m.Problem) {
					delete(unused, h.problem.String())
				}
			}
		}
	}
	for p := range unused {
		t.Errorf("no mistake is like %s", p)
	}
}
