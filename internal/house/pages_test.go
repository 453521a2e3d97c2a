package house

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

var (
	linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// A path below one of our folders, as pages and comments name them.
	pathPattern    = regexp.MustCompile("(?:^|[\\s(`\"'])((?:alert|bench|blob|capture|catalog|cmd|detect|docs|e2e|event|ingest|internal|journal|ledger|packs|rehearsal|rule|scope|server|testdata)/[A-Za-z0-9_./*{}-]*[A-Za-z0-9_*}])")
	commentPattern = regexp.MustCompile(`\bdocs/[A-Za-z0-9_/*.-]+\.md\b`)
	makePattern    = regexp.MustCompile("(?m)(?:`|^    |^\\$ )make ([a-z0-9-]+)")
	targetPattern  = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
)

func checkPages(tr *tree) []string {
	var problems []string
	anchors := map[string][]string{}
	for _, page := range tr.with(".md") {
		anchors[page] = headings(string(tr.read(page)))
	}
	targets := map[string]bool{}
	for _, m := range targetPattern.FindAllStringSubmatch(string(tr.read("Makefile")), -1) {
		targets[m[1]] = true
	}
	for _, page := range tr.with(".md") {
		all := string(tr.read(page))
		for _, m := range linkPattern.FindAllStringSubmatch(all, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			to := page
			if target != "" {
				to = path.Join(path.Dir(page), target)
			}
			switch {
			case !tr.exists(to):
				problems = append(problems, fmt.Sprintf("%s links to %s, which is not there", page, m[1]))
			case anchor != "" && strings.HasSuffix(to, ".md") && !slices.Contains(anchors[to], anchor):
				problems = append(problems, fmt.Sprintf("%s links to #%s, and %s has no such heading", page, anchor, to))
			}
		}
		for _, m := range pathPattern.FindAllStringSubmatch(linkPattern.ReplaceAllString(all, "]"), -1) {
			if !tr.named(m[1]) {
				problems = append(problems, fmt.Sprintf("%s names %s, which is not there", page, m[1]))
			}
		}
		for _, m := range makePattern.FindAllStringSubmatch(all, -1) {
			if !targets[m[1]] {
				problems = append(problems, fmt.Sprintf("%s says make %s, which the Makefile does not know", page, m[1]))
			}
		}
	}
	for _, name := range append(tr.with(".go"), "Makefile", ".ci/run") {
		if strings.HasPrefix(name, "internal/house/") {
			continue // it makes names up
		}
		for _, m := range commentPattern.FindAllString(string(tr.read(name)), -1) {
			if !tr.named(m) {
				problems = append(problems, fmt.Sprintf("%s names %s, which is not there", name, m))
			}
		}
	}
	return problems
}

// named reports whether a path on a page is a file or a folder, or matches some.
// package.Name is the package.
func (tr *tree) named(p string) bool {
	if strings.ContainsAny(p, "{}") {
		return true // a template
	}
	if strings.Contains(p, "*") {
		found, err := fs.Glob(tr.fs, p)
		return err == nil && len(found) > 0
	}
	if tr.exists(p) {
		return true
	}
	dir, name := path.Split(p)
	base, ident, ok := strings.Cut(name, ".")
	return ok && ident != "" && unicode.IsUpper(rune(ident[0])) && tr.exists(dir+base)
}

// headings are the anchors of a page, as GitHub makes them.
func headings(page string) []string {
	var out []string
	fenced := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced || !strings.HasPrefix(line, "#") {
			continue
		}
		title := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
		out = append(out, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return r
			}
			return -1
		}, title))
	}
	return out
}

// checkMap: the table of packages in docs/architecture.md is where a newcomer
// looks first, so it leaves none out.
func checkMap(tr *tree) []string {
	sources, err := tr.sources()
	if err != nil {
		return []string{err.Error()}
	}
	page := string(tr.read("docs/architecture.md"))
	var problems []string
	for _, s := range sources {
		row := fmt.Sprintf("docs/architecture.md has no package `%s` in its table", s.dir)
		if !regexp.MustCompile("(?m)^\\|[^|]*`"+regexp.QuoteMeta(s.dir)+"`").MatchString(page) && !slices.Contains(problems, row) {
			problems = append(problems, row)
		}
	}
	return problems
}

func TestMap(t *testing.T) {
	report(t, checkMap(repository(t)))
}

func TestCheckMap(t *testing.T) {
	tr := made(map[string]string{
		"docs/architecture.md": "`ledger/none` and `scope`\n\n| `ledger` | a |\n| `x`, `ingest/line` | b |\n",
		"ledger/a.go":          "package ledger\n", "ledger/b.go": "package ledger\n", "ledger/none/a.go": "package none\n",
		"ingest/line/a.go": "package line\n", "scope/a.go": "package scope\n", "scope/b.go": "package scope\n",
	})
	expect(t, checkMap(tr), "no package `ledger/none`", "no package `scope`")
}

func TestPages(t *testing.T) {
	report(t, checkPages(repository(t)))
}

func TestCheckPages(t *testing.T) {
	tr := made(map[string]string{
		"Makefile":           "# see docs/none.md\nrun:\n\ttrue\n",
		"README.md":          "# A\n[a](docs/a.md) [b](docs/a.md#two-words) [c](https://x.example/y) [d](docs/b.md) [e](docs/a.md#three) [f](#a)\n`make run` `make tea`\n",
		"docs/a.md":          "## Two words!\n`packs/catalogs/shop.yaml`, packs/catalogs/*.yaml, packs/none.yaml, event.Record, ingest/line, ingest/line.Cause, scope/what\n```\n# three\n```\n",
		"packs/catalogs/a.y": "", "packs/catalogs/shop.yaml": "",
		"ingest/line/line.go": "package line // docs/a.md, docs/c.md\n",
	})
	expect(t, checkPages(tr), "README.md links to docs/b.md", "README.md links to #three", "README.md says make tea",
		"docs/a.md names packs/none.yaml", "docs/a.md names scope/what", "line.go names docs/c.md", "Makefile names docs/none.md")
}

var (
	decisionName = regexp.MustCompile(`^docs/decisions/(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md$`)
	decisionHead = regexp.MustCompile(`^# (\d{4}) \S[^\n]*\n\n(\d{4}-\d{2}-\d{2})\. (Accepted|Superseded by (\d{4}))\b`)
)

func checkDecisions(tr *tree) []string {
	var problems []string
	want := 1
	for _, f := range tr.files {
		if path.Dir(f) != "docs/decisions" {
			continue
		}
		name := decisionName.FindStringSubmatch(f)
		if name == nil {
			problems = append(problems, f+": a decision is called NNNN-what-it-decides.md")
			continue
		}
		if name[1] != fmt.Sprintf("%04d", want) {
			problems = append(problems, fmt.Sprintf("%s: the next number is %04d", f, want))
		}
		want++
		head := decisionHead.FindStringSubmatch(string(tr.read(f)))
		if head == nil {
			problems = append(problems, f+": begins with # NNNN Title, an empty line, and YYYY-MM-DD. Accepted or Superseded by NNNN")
			continue
		}
		if head[1] != name[1] {
			problems = append(problems, f+": the title has another number")
		}
		if _, err := time.Parse(time.DateOnly, head[2]); err != nil {
			problems = append(problems, f+": the date is none")
		}
		if head[4] != "" && !slices.ContainsFunc(tr.files, func(o string) bool { return strings.HasPrefix(o, "docs/decisions/"+head[4]+"-") }) {
			problems = append(problems, f+": superseded by a decision that is not there")
		}
	}
	if want == 1 {
		problems = append(problems, "there are no decisions")
	}
	return problems
}

func TestDecisions(t *testing.T) {
	report(t, checkDecisions(repository(t)))
}

func TestCheckDecisions(t *testing.T) {
	tr := made(map[string]string{
		"docs/decisions/0001-good.md":    "# 0001 Good\n\n2026-01-02. Accepted.\n",
		"docs/decisions/0003-gap.md":     "# 0003 Gap\n\n2026-01-02. Superseded by 0001.\n",
		"docs/decisions/0004-undated.md": "# 0004 Undated\n\nAccepted.\n",
		"docs/decisions/0005-date.md":    "# 0006 Date\n\n2026-13-02. Superseded by 0009.\n",
		"docs/decisions/notes.md":        "",
	})
	expect(t, checkDecisions(tr), "0003-gap.md: the next number is 0002", "0004-undated.md: the next number is 0003", "0004-undated.md: begins with",
		"0005-date.md: the next number is 0004", "0005-date.md: the title has another", "0005-date.md: the date is none", "0005-date.md: superseded by", "notes.md: a decision is called")
}
