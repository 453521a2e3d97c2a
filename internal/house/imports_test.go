package house

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// rule says what a package may import of ours. A name that ends in /... means
// the packages below too.
type rule struct {
	dir     string
	may     []string
	outside bool // may import modules of others
	why     string
}

// rules: dependencies point one way, from what runs to what is spoken about.
var rules = []rule{
	{"event", nil, false,
		"event is the vocabulary: whoever connects a log reads it alone"},
	{"packs", nil, false,
		"packs is data; whatever reads a pack lives in the package it is for"},
	{"capture", []string{"event"}, false,
		"capture is linked into other people's services: it must bring nothing along"},
	{"internal/digits", nil, false,
		"a number is written without knowing what is counted"},
	{"internal/disk", nil, true,
		"the file system knows nothing of what is stored in it"},
	{"internal/pseudonym", []string{"event", "internal/disk"}, true,
		"ids become pseudonyms before anything else may see them"},
	{"journal/...", []string{"journal", "internal/disk"}, false,
		"journal is a seam: another engine must be able to take its place"},
	{"blob/...", []string{"blob", "internal/disk"}, false,
		"blob is a seam: another engine must be able to take its place"},
	{"catalog", []string{"event", "internal/written"}, true,
		"the catalog reads requests; where records are kept is not its business"},
	{"catalog/guess", []string{"event", "catalog", "ingest/...", "packs"}, false,
		"a guess is tried by reading the log as it will be read; nothing is kept, so where records are kept is not its business"},
	{"rule", []string{"event", "internal/written"}, true,
		"a rule says what to look for in an event; where events are kept and what follows from a match is not its business"},
	{"ingest/inputs", []string{"ingest/kafka", "ingest/syslog", "internal/remote", "internal/written"}, true,
		"what may come in is read from a file without a port being opened"},
	{"ingest/kafka", []string{"internal/remote", "internal/written"}, true,
		"topics are read without knowing what a message means, or what makes it durable"},
	{"ingest/syslog", []string{"ingest/line", "internal/remote", "internal/written"}, false,
		"syslog is cut and read without knowing what a message means, or what makes it durable"},
	{"ingest/...", []string{"event", "catalog", "ingest/..."}, true,
		"a line becomes a record without knowing where records go"},
	{"ledger/dictionary", []string{"internal/..."}, true,
		"the dictionary knows pseudonyms and nothing that could name anybody"},
	{"ledger/edition", []string{"event", "ledger/dictionary", "internal/..."}, true,
		"editions speak of ordinals, not of ids"},
	{"ledger/segment", []string{"event", "ledger/dictionary", "internal/..."}, true,
		"segments speak of ordinals, not of ids"},
	{"ledger", []string{"event", "catalog", "blob", "journal", "ledger/...", "internal/..."}, true,
		"the ledger keeps records: how lines are read (ingest) and what is asked (scope) must be able to change without it. " +
			"It knows catalog because editions of it are kept in the folder and number the records"},
	{"scope", []string{"event", "catalog", "ledger/...", "internal/..."}, true,
		"an answer comes from the record and the catalog alone, never from how the record came in"},
	{"detect", []string{"event", "catalog", "rule", "scope", "ledger/...", "internal/..."}, true,
		"detect works on rows and their meaning; how they came in, and who is told, is not its business"},
	{"feed", []string{"event", "detect", "internal/disk", "internal/pseudonym", "internal/remote", "internal/written"}, true,
		"feed brings registers in from outside; which rules rest on them, and where records are kept, must be able to change without it"},
	{"alert", []string{"event", "detect", "internal/digits", "internal/disk", "internal/plural", "internal/remote", "internal/written"}, true,
		"alert tells what detect found: how it was found, and where records are kept, must be able to change without it"},
	{"ocsf", []string{"event", "detect"}, false,
		"an event is made of a record or a signal as it is given; where it is kept, and who gets it, is not its business"},
	{"siem", []string{"internal/remote", "internal/written"}, true,
		"an output sends lines and knows nothing of what they say, nor of where its place is kept"},
	{"rehearsal", []string{"event", "catalog", "rule", "scope", "detect", "feed", "ledger", "packs", "internal/disk", "internal/plural", "internal/pseudonym", "internal/written"}, true,
		"a test of a rule runs the real path from record to signal; how lines are read and who is told is no part of it"},
	{"drill/traffic", []string{"drill", "packs", "internal/..."}, true,
		"traffic is written as other people's servers write it: it must not know how we read it"},
	{"drill", []string{"catalog", "internal/written"}, true,
		"a scenario says what happened; who plays it, and what is found, must be able to change without it"},
	{"drill/score", []string{"drill", "internal/..."}, true,
		"any tool is scored, so the score knows no part of ours"},
	{"drill/report", []string{"drill", "drill/score", "internal/..."}, true,
		"a report shows scores; how they came about is not its business"},
	{"drill/play", []string{"event", "detect", "drill/...", "ledger/...", "scope", "server", "internal/..."}, true,
		"a drill runs the real product, and knows it as the commands do"},
	{"server", []string{"event", "catalog", "ingest/...", "journal", "blob", "ledger/...", "scope", "rule", "detect", "alert", "feed", "ocsf", "siem", "packs", "internal/..."}, true,
		"server sees everything but the commands that start it"},
	{"cmd/haetae", []string{"event", "catalog", "ingest/...", "ledger/...", "scope", "rule", "detect", "feed", "siem", "rehearsal", "drill/...", "server", "packs", "catalog/guess", "internal/..."}, true,
		"cmd sees everything; nothing sees cmd"},
	{"bench/...", []string{"event", "catalog", "ingest/...", "journal", "blob", "ledger/...", "scope", "rule", "detect", "server", "packs", "internal/..."}, true,
		"bench is a module of its own, so that what it compares with stays out of go.mod"},
	{"e2e", nil, false, "e2e is tests"},
	{"e2e/exporter", nil, false, "e2e/exporter is a module of its own, so that what it sends with stays out of go.mod"},
	{"internal/remote", []string{"internal/written"}, false, "a call fails in the same words whoever makes it"},
	{"internal/plural", nil, false, "how English counts is nobody's in particular"},
	{"internal/golden", nil, false, "golden helps the tests of every package, so it needs none of them"},
	{"internal/written/...", []string{"internal/written"}, true, "what is wrong with a file is told without knowing what the file is for"},
	{"internal/house", nil, false, "house is tests"},
}

// testRules is what tests may import beyond their package's rule: whatever
// helps, but nothing that starts the whole.
const testWhy = "a test that needs the server belongs into server, cmd or e2e"

func mayTest(dir, imported string) bool {
	switch {
	case within(imported, "cmd/..."):
		return false
	case within(imported, "server"):
		return within(dir, "server") || within(dir, "drill/play") || within(dir, "cmd/...") || within(dir, "e2e") || within(dir, "bench/...")
	}
	return true
}

// within reports whether dir is the package of a pattern.
func within(dir, pattern string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == base || strings.HasPrefix(dir, base+"/")
	}
	return dir == pattern
}

func checkImports(tr *tree, rules []rule) []string {
	sources, err := tr.sources()
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	unknown := map[string]bool{}
	used := map[string]bool{}
	for _, s := range sources {
		i := slices.IndexFunc(rules, func(r rule) bool { return within(s.dir, r.dir) })
		if i < 0 {
			unknown[s.dir] = true
			continue
		}
		r := rules[i]
		used[r.dir] = true
		for _, spec := range s.Imports {
			full, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				problems = append(problems, fmt.Sprintf("%s: import %s", s.name, spec.Path.Value))
				continue
			}
			imported, ours := strings.CutPrefix(full, module+"/")
			first, _, _ := strings.Cut(full, "/")
			switch {
			case full == "C":
				problems = append(problems, s.name+" uses cgo: the program is one static binary")
			case ours && s.test && !mayTest(s.dir, imported):
				problems = append(problems, fmt.Sprintf("%s imports %s: %s", s.name, imported, testWhy))
			case ours && !s.test && imported != s.dir && !slices.ContainsFunc(r.may, func(p string) bool { return within(imported, p) }):
				problems = append(problems, fmt.Sprintf("%s imports %s, which %s may not: %s", s.name, imported, s.dir, r.why))
			case !ours && strings.Contains(first, ".") && !s.test && !r.outside:
				problems = append(problems, fmt.Sprintf("%s imports %s, and %s does with the standard library: %s", s.name, full, s.dir, r.why))
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(unknown)) {
		problems = append(problems, fmt.Sprintf("package %s has no rule: write in internal/house what it may import, and why", dir))
	}
	return problems
}

func TestImports(t *testing.T) {
	report(t, checkImports(repository(t), rules))
}

// The table has no leftovers, or nobody would believe it.
func TestRulesAreOfPackages(t *testing.T) {
	tr := repository(t)
	for _, r := range rules {
		dir := strings.TrimSuffix(r.dir, "/...")
		if !slices.ContainsFunc(tr.with(".go"), func(f string) bool { return within(path.Dir(f), dir+"/...") }) {
			t.Errorf("the rule for %s is about no package", r.dir)
		}
		if r.why == "" {
			t.Errorf("the rule for %s has no reason", r.dir)
		}
	}
}

func TestCheckImports(t *testing.T) {
	tr := made(map[string]string{
		"event/event.go":           "package event\nimport \"time\"\n",
		"event/bad.go":             "package event\nimport _ \"" + module + "/catalog\"\n",
		"capture/bad.go":           "package capture\nimport (\n_ \"" + module + "/event\"\n_ \"example.com/logging\"\n)\n",
		"capture/good_test.go":     "package capture\nimport (\n_ \"" + module + "/ledger\"\n_ \"example.com/cmp\"\n)\n",
		"scope/bad_test.go":        "package scope\nimport _ \"" + module + "/server\"\n",
		"server/bad.go":            "package server\nimport _ \"" + module + "/cmd/haetae\"\n",
		"ledger/segment/bad.go":    "package segment\nimport _ \"" + module + "/ledger\"\n",
		"ingest/jsonlines/good.go": "package jsonlines\nimport _ \"" + module + "/ingest/line\"\n",
		"catalog/bad.go":           "package catalog\nimport \"C\"\n",
		"utils/utils.go":           "package utils\n",
	})
	expect(t, checkImports(tr, rules),
		"event/bad.go imports catalog", "capture/bad.go imports example.com/logging", "scope/bad_test.go imports server",
		"server/bad.go imports cmd/haetae", "ledger/segment/bad.go imports ledger", "catalog/bad.go uses cgo", "package utils has no rule")
}

// made is a tree of these files.
func made(files map[string]string) *tree {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return &tree{fs: m, files: slices.Sorted(maps.Keys(files))}
}
