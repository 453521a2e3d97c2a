package house

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the program is linked from is a decision: each module stands in
// docs/decisions with its reason, and none stands there that is not used.

var (
	requirePattern = regexp.MustCompile(`(?m)^(?:require )?\t?([a-z0-9.-]+\.[a-z]+/\S+|cel\.dev/\S+) v\S+`)
	reasonPattern  = regexp.MustCompile("(?m)^\\| `([a-z0-9.-]+\\.[a-z]+/[^`]+)` \\|")
)

func checkModules(tr *tree) []string {
	var problems []string
	var modules []string
	for _, m := range requirePattern.FindAllStringSubmatch(string(tr.read("go.mod")), -1) {
		modules = append(modules, m[1])
	}
	reasons := map[string]bool{}
	for _, page := range tr.files {
		if path.Dir(page) == "docs/decisions" {
			for _, m := range reasonPattern.FindAllStringSubmatch(string(tr.read(page)), -1) {
				reasons[m[1]] = true
			}
		}
	}
	sources, err := tr.sources()
	if err != nil {
		return []string{err.Error()}
	}
	used := map[string]string{} // module to a file that imports it
	fits := func(full, module string) bool { return full == module || strings.HasPrefix(full, module+"/") }
	for _, s := range sources {
		if within(s.dir, "bench/...") || within(s.dir, "e2e/exporter") {
			continue
		}
		for _, spec := range s.Imports {
			full, _ := strconv.Unquote(spec.Path.Value)
			if first, _, _ := strings.Cut(full, "/"); !strings.Contains(first, ".") || fits(full, module) {
				continue
			}
			for r := range reasons {
				if fits(full, r) {
					used[r] = s.name
				}
			}
			i := slices.IndexFunc(modules, func(m string) bool { return fits(full, m) })
			if i < 0 {
				problems = append(problems, fmt.Sprintf("%s imports %s, which is not in go.mod", s.name, full))
			} else if used[modules[i]] == "" || !s.test {
				used[modules[i]] = s.name
			}
		}
	}
	for _, m := range slices.Sorted(maps.Keys(used)) {
		named := reasons[m] || slices.ContainsFunc(slices.Collect(maps.Keys(reasons)), func(r string) bool { return fits(r, m) })
		if !named {
			problems = append(problems, fmt.Sprintf("%s imports %s: no table in docs/decisions says what for", used[m], m))
		}
	}
	for _, r := range slices.Sorted(maps.Keys(reasons)) {
		if used[r] == "" {
			problems = append(problems, fmt.Sprintf("docs/decisions gives a reason for %s, which nothing imports", r))
		}
	}
	if strings.Contains(string(tr.read("go.mod")), "\nreplace") {
		problems = append(problems, "go.mod replaces a module: go install from elsewhere would build something else")
	}
	return problems
}

func TestModules(t *testing.T) {
	report(t, checkModules(repository(t)))
}

func TestCheckModules(t *testing.T) {
	tr := made(map[string]string{
		"go.mod":              "module " + module + "\n\nrequire (\n\texample.com/used v1.0.0\n\texample.com/silent/v2 v2.0.0 // indirect\n\tcel.dev/cel v0.1.0\n)\n\nreplace example.com/used => ../x\n",
		"a/a.go":              "package a\nimport (\n_ \"example.com/used/deep\"\n_ \"example.com/silent/v2\"\n_ \"cel.dev/cel/x\"\n_ \"example.com/lost\"\n_ \"time\"\n_ \"" + module + "/event\"\n)\n",
		"bench/b.go":          "package bench\nimport _ \"example.com/peer\"\n",
		"docs/decisions/1.md": "| `example.com/used` | x |\n| `cel.dev/cel` | y |\n| `example.com/gone` | z |\n",
	})
	expect(t, checkModules(tr), "imports example.com/silent/v2: no table", "imports example.com/lost, which is not in go.mod", "reason for example.com/gone", "go.mod replaces")
}

// TestCommands: the README's commands are the ones that are checked.
func TestCommands(t *testing.T) {
	tr := repository(t)
	readme, makefile, ci := string(tr.read("README.md")), string(tr.read("Makefile")), string(tr.read(".ci/run"))
	for _, want := range []string{"make test", "go run ./cmd/haetae quickstart"} {
		if !strings.Contains(readme, want) {
			t.Errorf("README.md does not say %s", want)
		}
	}
	if !strings.Contains(ci, "\nmake test\n") || !strings.Contains(ci, "set -euo pipefail") {
		t.Error(".ci/run does not run the README's test command, or goes on after a failure")
	}
	for _, want := range []string{"run", "test", "bench", "check", "fuzz", "race", "help"} {
		if !strings.Contains(makefile, "\n"+want+":") || !strings.Contains("\n"+makefile, "\n# make "+want+" ") {
			t.Errorf("the Makefile has no target %s, or no word about it", want)
		}
	}
	if info, err := fs.Stat(tr.fs, ".ci/run"); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf(".ci/run cannot be run: %v", err)
	}
	if l := string(tr.read("LICENSE")); !strings.Contains(l, "Apache License") || !strings.Contains(l, "Version 2.0, January 2004") || !strings.Contains(l, "END OF TERMS AND CONDITIONS") {
		t.Error("LICENSE is not the whole Apache-2.0")
	}
	if !strings.Contains(readme, "Apache-2.0") {
		t.Error("README.md does not name the licence")
	}
}
