package rehearsal_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rehearsal"
	"github.com/haetae/haetae/rule"
)

// TestExamples runs the tests of the rules in docs/rules.
func TestExamples(t *testing.T) {
	show(t, func() (*rehearsal.Result, error) {
		return rehearsal.Run(context.Background(), os.DirFS("../docs/rules"), ".")
	})
}

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var block = regexp.MustCompile("(?s)```yaml ([a-z.-]+)\n(.*?)```")

// TestPage runs the snippets of docs/rules.md: rules with their tests, and the files
// beside them.
func TestPage(t *testing.T) {
	files := fstest.MapFS{}
	for _, b := range block.FindAllStringSubmatch(page(t), -1) {
		name, text := b[1], []byte(b[2])
		var err error
		switch name {
		case "lists":
			_, err = detect.ReadLists(name, text)
		case "calendar":
			_, err = detect.ReadCalendar(name, text, time.UTC)
		case "exceptions":
			_, err = detect.ReadExceptions(name, text, time.UTC)
		case "correlation":
			err = alone(text)
		default:
			if files[name] != nil {
				t.Errorf("%s stands twice", name)
			}
			files[name] = &fstest.MapFile{Data: text}
		}
		if err != nil {
			t.Error(err)
		}
	}
	if len(files) < 2 {
		t.Fatalf("%d files on the page", len(files))
	}
	show(t, func() (*rehearsal.Result, error) { return rehearsal.Run(context.Background(), files, ".") })
}

// alone parses a correlation that the page shows without the rest of its rule.
func alone(text []byte) error {
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  ")
	_, err := rule.Parse("snippet", fmt.Appendf(nil, "title: x\nname: x\ncorrelation:\n%s\n", indented))
	return err
}

// TestPageNames: the page names every rule of the pack that signals, with the level
// it begins at and the one it can reach, every type of correlation, and every field.
func TestPageNames(t *testing.T) {
	text := page(t)
	names, err := fs.Glob(packs.FS, "rules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".test.yaml") {
			continue
		}
		raw, err := fs.ReadFile(packs.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := rule.Parse(path.Base(name), raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if d.Correlation == nil {
				continue
			}
			levels := d.Level.String()
			if x := d.Haetae; x != nil && len(x.Severity) > 0 {
				levels += " → " + x.Severity[len(x.Severity)-1].Level.String()
			}
			if row := fmt.Sprintf("| `%s` | %s |", d.Name, levels); !strings.Contains(text, row) {
				t.Errorf("the page has no row %s", row)
			}
		}
	}
	for _, k := range []rule.CorrelationType{
		rule.EventCount, rule.ValueCount, rule.ValueSum, rule.ValueAvg, rule.ValueMin, rule.ValueMax, rule.ValueMedian, rule.ValuePercentile,
		rule.Temporal, rule.TemporalOrdered, rule.FirstSeen, rule.Dormant, rule.Absent, rule.Unknown, rule.Ratio, rule.Deviation, rule.Density, rule.Custody,
	} {
		if !strings.Contains(text, "`"+string(k)+"`") {
			t.Errorf("the page does not explain %s", k)
		}
	}
	for _, f := range []string{
		"time", "source", "action", "method", "route", "path", "status", "rows", "account", "actor.id", "actor.type", "credential.key", "credential.token",
		"client.ip", "client.subnet", "client.agent", "client.country", "client.network", "items", "read", "calendar", "day",
	} {
		if _, ok := detect.Schema().Field(f); !ok || !strings.Contains(text, "`"+f+"`") {
			t.Errorf("the page does not explain %s", f)
		}
	}
	if !slices.Contains(names, "rules/pack.test.yaml") {
		t.Error("the pack has no test of all rules together")
	}
}
