package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
)

// TestHelp: every command teaches by example, in either language, in columns
// that are straight on a terminal, and the Korean one has no English left in it
// that came with a library.
func TestHelp(t *testing.T) {
	for _, lang := range []language{korean, english} {
		a := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, getenv: func(string) string { return "" }, lang: lang}
		seen := 0
		var walk func(c *cobra.Command)
		walk = func(c *cobra.Command) {
			seen++
			if c.Example == "" {
				t.Errorf("%s, %s: no example", lang, c.CommandPath())
			}
			var out bytes.Buffer
			c.SetOut(&out)
			if err := c.Help(); err != nil {
				t.Fatal(err)
			}
			text := out.String()
			if lang == korean {
				for _, english := range []string{"[flags]", "(default", "Usage:", "Flags:", "[command]", "Generate", "autocompletion", "string", "help for"} {
					if strings.Contains(text, english) {
						t.Errorf("%s says %q in Korean:\n%s", c.CommandPath(), english, text)
					}
				}
				if !hangul(c.Short) {
					t.Errorf("%s: %q is not Korean", c.CommandPath(), c.Short)
				}
			}
			straight(t, text)
			for _, s := range c.Commands() {
				walk(s)
			}
		}
		walk(a.root())
		if seen < 30 {
			t.Errorf("only %d commands were looked at", seen)
		}
	}
}

// meaning is where the meaning of a flag begins.
var meaning = regexp.MustCompile(`^( +(?:-\w, )?--\S+(?: \S+)?  +)\S`)

// straight checks that what flags mean begins in one column within a block.
func straight(t *testing.T, help string) {
	t.Helper()
	column := -1
	for line := range strings.Lines(help) {
		m := meaning.FindStringSubmatch(line)
		if m == nil {
			column = -1
			continue
		}
		at := cellWidth(m[1])
		if column >= 0 && at != column {
			t.Errorf("column %d after %d: %s", at, column, line)
		}
		column = at
	}
}

func TestSelf(t *testing.T) {
	none := func(string) (string, error) { return "", errors.New("not found") }
	dir := t.TempDir()
	binary := filepath.Join(dir, "haetae")
	if err := os.WriteFile(binary, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	found := func(string) (string, error) { return binary, nil }
	clone := func(string) bool { return true }
	elsewhere := func(string) bool { return false }
	for _, c := range []struct {
		args0, executable string
		look              func(string) (string, error)
		exists            func(string) bool
		want              string
	}{
		{"/tmp/go-build123/b001/exe/haetae", "/tmp/go-build123/b001/exe/haetae", none, clone, "go run ./cmd/haetae"},
		{"/tmp/go-build123/b001/exe/haetae", "/tmp/go-build123/b001/exe/haetae", none, elsewhere, "go run github.com/haetae/haetae/cmd/haetae@latest"},
		{"x", "/cache/18/" + strings.Repeat("0a", 32) + "-d/haetae", none, clone, "go run ./cmd/haetae"},
		{"haetae", binary, found, elsewhere, "haetae"},
		{"./haetae", "/opt/other/haetae", found, clone, "./haetae"},
		{"./haetae", "/opt/other/haetae", none, clone, "./haetae"},
	} {
		if got := self(c.args0, c.executable, c.look, c.exists); got != c.want {
			t.Errorf("self(%s, %s) = %s, want %s", c.args0, c.executable, got, c.want)
		}
	}
}

// TestWarnRetention: below the legal minimum it warns, names the rule, and knows
// what makes the minimum two years.
func TestWarnRetention(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse("2006-01-02", s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	parse := func(class string) *catalog.Catalog {
		c, err := catalog.Parse("c.yaml", []byte("version: 1\nitems:\n  rrn: {ko: 주민등록번호, en: resident number, class: "+class+"}\nsources:\n  app: {format: json, fields: {time: t, uri: u}}\nroutes:\n  - {route: GET /a, items: [rrn], account: none}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	plain, special := parse("ordinary"), parse("unique_identifier")
	for _, c := range []struct {
		limit, now string
		cat        *catalog.Catalog
		accounts   uint64
		want       string
	}{
		{"2025-12-01", "2026-01-01", plain, 0, "at least one year"},
		{"2025-01-02", "2026-01-01", nil, 0, "at least one year"},
		{"2025-01-01", "2026-01-01", plain, 0, "facilities-based telecommunications operators"},
		{"2025-01-01", "2026-01-01", plain, 49_999, "facilities-based telecommunications operators"},
		{"2025-01-01", "2026-01-01", plain, 50_000, "because of: 50,000 accounts"},
		{"2025-01-01", "2026-01-01", special, 0, "because of: unique identifier rrn"},
		{"2024-01-01", "2026-01-01", special, 50_000, ""},
		// 730 days before 1 January 2025, with a 29 February between, are no two years.
		{"2023-01-02", "2025-01-01", special, 0, "because of"},
	} {
		for _, lang := range []language{english, korean} {
			var out bytes.Buffer
			a := &app{stderr: &out, lang: lang}
			a.warnRetention(day(c.limit), day(c.now), c.cat, c.accounts)
			got := out.String()
			switch {
			case c.want == "" && got != "":
				t.Errorf("%s at %s: %q, want no warning", c.limit, c.now, got)
			case lang == english && (!strings.Contains(got, c.want) || c.want != "" && !strings.Contains(got, "Article 8(1)")):
				t.Errorf("%s at %s: %q, want %q", c.limit, c.now, got, c.want)
			case lang == korean && c.want != "" && !strings.Contains(got, "개인정보의 안전성 확보조치 기준 제8조제1항"):
				t.Errorf("%s at %s: %q does not name the rule", c.limit, c.now, got)
			}
		}
	}
}
