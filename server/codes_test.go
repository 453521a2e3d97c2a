package server

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/haetae/haetae/ledger"
)

// sourceOf parses the package in a folder, without its tests.
func sourceOf(t *testing.T, dir string) (*token.FileSet, []*ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(fset, dir+"/"+name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	return fset, files
}

// literal is the text of a string constant.
func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

// codes are what a package may say, each with the statuses it comes with.
type codes map[string]map[int]bool

func (c codes) add(code string, status int) {
	if c[code] == nil {
		c[code] = map[int]bool{}
	}
	if status != 0 {
		c[code][status] = true
	}
}

// statusOf is the number of http.StatusConflict.
func statusOf(e ast.Expr) int {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return 0
	}
	for n := 400; n < 600; n++ {
		if "Status"+strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(n)) == s.Sel.Name {
			return n
		}
	}
	return 0
}

// failures finds every code of an error in the source of the server, and of the
// report of an import. A code that is made in a way it does not know is a failure:
// then it has to learn it.
func failures(t *testing.T) (errs, imports codes) {
	t.Helper()
	errs, imports = codes{}, codes{}
	fset, files := sourceOf(t, ".")
	for _, f := range files {
		for _, d := range f.Decls {
			fn, _ := d.(*ast.FuncDecl)
			in := ""
			if fn != nil {
				in = fn.Name.Name
			}
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					name := ""
					switch fun := n.Fun.(type) {
					case *ast.Ident:
						name = fun.Name
					case *ast.SelectorExpr:
						name = fun.Sel.Name
					}
					switch {
					case (name == "refuse" || name == "busy") && len(n.Args) == 4:
						code, ok := literal(n.Args[2])
						if !ok {
							t.Errorf("%s: %s with a code that is no constant", fset.Position(n.Pos()), name)
						}
						errs.add(code, statusOf(n.Args[1]))
					case name == "writeError":
						lit, ok := n.Args[2].(*ast.CompositeLit)
						if !ok && in == "refuse" {
							return true
						}
						if !ok {
							t.Errorf("%s: an error made elsewhere", fset.Position(n.Pos()))
							return true
						}
						for _, e := range lit.Elts {
							if kv := e.(*ast.KeyValueExpr); kv.Key.(*ast.Ident).Name == "Code" {
								if code, ok := literal(kv.Value); ok {
									errs.add(code, statusOf(n.Args[1]))
								}
							}
						}
					}
				case *ast.CompositeLit:
					if id, ok := n.Type.(*ast.Ident); !ok || id.Name != "failure" {
						return true
					}
					for _, e := range n.Elts {
						kv, ok := e.(*ast.KeyValueExpr)
						if !ok || kv.Key.(*ast.Ident).Name != "Code" {
							continue
						}
						if code, ok := literal(kv.Value); ok {
							errs.add(code, 0)
							continue
						}
						switch {
						case in == "refuse" || in == "busy": // looked at where they are called
						case in == "readSpan": // t.name
							errs.add("from", http.StatusBadRequest)
							errs.add("to", http.StatusBadRequest)
						case in == "postImports": // KindOf a file that cannot be opened
							for _, k := range []string{"missing_file", "folder", "permission"} {
								errs.add(k, http.StatusBadRequest)
							}
						case in == "Import": // KindOf
						default:
							t.Errorf("%s: a code that is no constant, in %s: say here which it can be", fset.Position(n.Pos()), in)
						}
					}
				case *ast.ReturnStmt:
					if in == "KindOf" && len(n.Results) == 1 {
						if code, ok := literal(n.Results[0]); ok {
							imports.add(code, 0)
						}
					}
				}
				return true
			})
		}
	}
	for _, k := range importKinds {
		imports.add(k.kind, 0)
	}
	return errs, imports
}

// literalsOf finds the first argument of every call of a function, and the first
// element of every composite of a type, also one in a list, where it is a constant.
func literalsOf(t *testing.T, dir string, names ...string) codes {
	t.Helper()
	out := codes{}
	_, files := sourceOf(t, dir)
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			var args []ast.Expr
			var of ast.Expr
			switch n := n.(type) {
			case *ast.CallExpr:
				of, args = n.Fun, n.Args
			case *ast.CompositeLit:
				of, args = n.Type, n.Elts
			}
			take := func(args []ast.Expr) {
				if len(args) != 3 {
					return
				}
				first := args[0]
				if kv, ok := first.(*ast.KeyValueExpr); ok {
					first = kv.Value
				}
				if code, ok := literal(first); ok {
					out.add(code, 0)
				}
			}
			if list, ok := of.(*ast.ArrayType); ok {
				if id, ok := list.Elt.(*ast.Ident); ok && slices.Contains(names, id.Name) {
					for _, e := range args {
						if lit, ok := e.(*ast.CompositeLit); ok && lit.Type == nil {
							take(lit.Elts)
						}
					}
				}
			}
			if id, ok := of.(*ast.Ident); ok && slices.Contains(names, id.Name) {
				take(args)
			}
			return true
		})
	}
	return out
}

var codeWord = regexp.MustCompile("`([a-z][a-z0-9_]*)`")

// documented reads a table of docs/http.md: its rows below a heading, from the line
// that begins with head on. status is the number in the second column.
func documented(t *testing.T, section, head string) (out codes) {
	t.Helper()
	text, err := os.ReadFile("../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	out = codes{}
	_, rest, ok := strings.Cut(string(text), "\n### "+section+"\n")
	if ok {
		rest, _, _ = strings.Cut(rest, "\n## ")
		rest, _, _ = strings.Cut(rest, "\n### ")
		_, rest, ok = strings.Cut(rest, "\n| "+head+" |")
	}
	if !ok {
		t.Fatalf("docs/http.md has no table %q below %q", head, section)
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	for _, row := range strings.Split(rest, "\n")[2:] {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		status, _ := strconv.Atoi(strings.TrimSpace(cells[2]))
		for _, m := range codeWord.FindAllStringSubmatch(cells[1], -1) {
			out.add(m[1], status)
		}
	}
	return out
}

func compareCodes(t *testing.T, what string, said, written codes) {
	t.Helper()
	if len(said) < 3 {
		t.Fatalf("%s: only %d codes were found in the source", what, len(said))
	}
	for _, code := range slices.Sorted(maps.Keys(said)) {
		if written[code] == nil {
			t.Errorf("%s: %q can be returned and is not in docs/http.md", what, code)
			continue
		}
		for status := range said[code] {
			// The one that has two says the second in words.
			if !written[code][status] && fmt.Sprint(code, status) != "no_alerts409" {
				t.Errorf("%s: %q comes with %d, and docs/http.md says %v", what, code, status, slices.Sorted(maps.Keys(written[code])))
			}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(written)) {
		if said[code] == nil {
			t.Errorf("%s: %q stands in docs/http.md and is never returned", what, code)
		}
	}
}

// TestCodes: every code that the server can return stands in docs/http.md, and none
// that it cannot.
func TestCodes(t *testing.T) {
	errs, imports := failures(t)
	compareCodes(t, "errors", errs, documented(t, "Of an error", "`code`"))
	compareCodes(t, "imports", imports, documented(t, "Of an import", "`code`"))
	compareCodes(t, "causes", literalsOf(t, "../ingest/line", "Cause"), documented(t, "Of an import", "`cause`"))
	compareCodes(t, "limits", literalsOf(t, "../scope", "add", "Limit"), documented(t, "Of an answer", "`code`"))

	kinds := codes{ledger.GapLost: {}, ledger.GapCut: {}, ledger.GapRemoved: {}}
	coverage := codes{}
	_, files := sourceOf(t, "../scope")
	word := regexp.MustCompile(`^[a-z_]+$`)
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "coverage" {
				ast.Inspect(fn, func(n ast.Node) bool {
					if e, ok := n.(ast.Expr); ok {
						if s, ok := literal(e); ok && word.MatchString(s) {
							kinds.add(s, 0)
						}
					}
					return true
				})
			}
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
				for _, s := range g.Specs {
					if v := s.(*ast.ValueSpec); strings.HasPrefix(v.Names[0].Name, "coverage") && len(v.Values) == 1 {
						if s, ok := literal(v.Values[0]); ok {
							coverage.add(s, 0)
						}
					}
				}
			}
		}
	}
	text, err := os.ReadFile("../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	for key, said := range map[string]codes{"gaps[].kind": kinds, "coverage[].coverage": coverage} {
		_, row, ok := strings.Cut(string(text), "\n| `"+key+"` |")
		if !ok {
			t.Fatalf("docs/http.md does not say what %s can be", key)
		}
		row, _, _ = strings.Cut(row, "\n")
		written := codes{}
		for _, m := range codeWord.FindAllStringSubmatch(row, -1) {
			written.add(m[1], 0)
		}
		compareCodes(t, key, said, written)
	}
}
