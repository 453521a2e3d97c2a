package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"maps"
	"slices"
	"strings"
	"testing"
)

// maxLines is where a file is looked at for a second subject.
const maxLines = 800

func checkSources(tr *tree) []string {
	sources, err := tr.sources()
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	comments := map[string][]string{} // by folder, the files with a package comment
	for _, s := range sources {
		raw := tr.read(s.name)
		if n := bytes.Count(raw, []byte("\n")); n > maxLines {
			problems = append(problems, fmt.Sprintf("%s has %d lines, more than %d: it has a second subject", s.name, n, maxLines))
		}
		if formatted, err := format.Source(raw); err != nil || !bytes.Equal(formatted, raw) {
			problems = append(problems, s.name+" is not as gofmt writes it")
		}
		if _, ok := comments[s.dir]; !ok {
			comments[s.dir] = nil
		}
		if s.Doc != nil && !s.test {
			comments[s.dir] = append(comments[s.dir], s.name)
			problems = append(problems, checkComment(s)...)
		}
		if s.Doc != nil && s.test {
			problems = append(problems, s.name+": a package comment in a test is read by nobody")
		}
		problems = append(problems, checkCalls(s)...)
	}
	for _, dir := range slices.Sorted(maps.Keys(comments)) {
		if n := len(comments[dir]); n != 1 {
			problems = append(problems, fmt.Sprintf("package %s has %d package comments (%s): it has one, that touches the package line", dir, n, strings.Join(comments[dir], ", ")))
		}
	}
	return problems
}

// checkComment: purpose, central idea, what it is not, beginning with the name.
func checkComment(s source) []string {
	var problems []string
	text := s.Doc.Text()
	want := "Package " + s.Name.Name + " "
	if s.Name.Name == "main" {
		want = "Command " + s.dir[strings.LastIndexByte(s.dir, '/')+1:] + " "
	}
	if !strings.HasPrefix(text, want) {
		problems = append(problems, fmt.Sprintf("%s: the package comment begins with %q", s.name, strings.TrimSpace(want)))
	}
	if strings.Count(text, "\n") < 3 {
		problems = append(problems, s.name+": the package comment says too little: purpose, central idea, what it is not")
	}
	return problems
}

// checkCalls finds what makes a package behave behind its caller's back, and
// tests that are quietly left out.
func checkCalls(s source) []string {
	var problems []string
	say := func(n ast.Node, what string) {
		problems = append(problems, fmt.Sprintf("%s: %s", s.set.Position(n.Pos()), what))
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				say(n, "func init runs before anybody asked: formats and commands stand in tables")
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			on, _ := sel.X.(*ast.Ident)
			switch name := sel.Sel.Name; {
			case s.test && (name == "Skip" || name == "Skipf" || name == "SkipNow"):
				say(n, "a test that is left out proves nothing: give it a build tag, or make it run")
			case on == nil || s.test:
			case on.Name == "os" && name == "Exit" && s.name != "cmd/haetae/main.go",
				on.Name == "log" && (strings.HasPrefix(name, "Fatal") || strings.HasPrefix(name, "Panic")):
				say(n, "only main ends the program: return an error")
			}
		}
		return true
	})
	return problems
}

func TestSources(t *testing.T) {
	report(t, checkSources(repository(t)))
}

func TestCheckSources(t *testing.T) {
	doc := "// Package %s is here.\n//\n// It is made up,\n// and nothing else.\npackage %s\n"
	pkg := func(name string) string { return fmt.Sprintf(doc, name, name) }
	tr := made(map[string]string{
		"good/good.go":      pkg("good"),
		"good/good_test.go": "package good\n",
		"none/none.go":      "// Package none has a gap below.\n\npackage none\n",
		"two/a.go":          pkg("two"),
		"two/b.go":          pkg("two"),
		"short/short.go":    "// Package short is short.\npackage short\n",
		"name/name.go":      pkg("other")[:len(pkg("other"))-len("other\n")] + "name\n",
		"ugly/ugly.go":      pkg("ugly") + "func  f() {}\n",
		"long/long.go":      pkg("long") + strings.Repeat("\n// line\n", 500),
		"calls/calls.go":    pkg("calls") + "\nimport (\n\t\"log\"\n\t\"os\"\n)\n\nfunc init() {}\n\nfunc f() { os.Exit(1); log.Fatal() }\n",
		"calls/c_test.go":   "package calls\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { t.Skip() }\n",
	})
	expect(t, checkSources(tr),
		"package none has 0 package comments", "package two has 2 package comments", "short/short.go: the package comment says too little",
		"name/name.go: the package comment begins with", "ugly/ugly.go is not as gofmt", "long/long.go has",
		"func init runs", "calls/calls.go:14:12: only main", "calls/calls.go:14:24: only main", "a test that is left out")
}
