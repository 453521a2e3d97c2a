package detect_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rule"
)

// TestPackIsWordedInBothLanguages: what the rules that ship, and those of the
// manual, say has a title and the same numbers in both languages, and no Korean
// particle hangs on a value: which one is right would follow the value's sound.
func TestPackIsWordedInBothLanguages(t *testing.T) {
	particle := regexp.MustCompile(`\}(은|는|이|가|을|를|과|와|으로|로)( |$|\(|\.|,)`)
	hangul := regexp.MustCompile(`\p{Hangul}`)
	sentences := 0
	for name, folder := range map[string]fs.FS{"packs/rules": sub(t, packs.FS, "rules"), "docs/rules": os.DirFS("../docs/rules")} {
		files, err := fs.Glob(folder, "*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".test.yaml") {
				continue
			}
			data, err := fs.ReadFile(folder, f)
			if err != nil {
				t.Fatal(err)
			}
			docs, err := rule.Parse(name+"/"+f, data)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range docs {
				en, ko, _ := strings.Cut(d.Title, " / ")
				if hangul.MatchString(en) || !hangul.MatchString(ko) {
					t.Errorf("%s/%s: the title %q is not English / Korean", name, f, d.Title)
				}
				if d.Haetae == nil || d.Haetae.Reason.KO.String() == "" {
					continue
				}
				sentences++
				r := d.Haetae.Reason
				if ko, en := placeholders(r.KO), placeholders(r.EN); !slices.Equal(ko, en) {
					t.Errorf("%s/%s: %s: the Korean reason has %v, the English one %v", name, f, d.Name, ko, en)
				}
				if m := particle.FindString(r.KO.String()); m != "" {
					t.Errorf("%s/%s: %s: the particle in %q depends on the value", name, f, d.Name, m)
				}
			}
		}
	}
	if sentences < 30 {
		t.Errorf("only %d reasons were looked at", sentences)
	}
}

func placeholders(x rule.Template) []string {
	names := x.Placeholders()
	slices.Sort(names)
	return slices.Compact(names)
}

func sub(t *testing.T, fsys fs.FS, dir string) fs.FS {
	t.Helper()
	out, err := fs.Sub(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestNationalDays: the five national days are public holidays of every year that
// the calendar has; Constitution Day since 2026.
func TestNationalDays(t *testing.T) {
	text, err := fs.ReadFile(packs.FS, "calendars/kr.yaml")
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := detect.ReadCalendar("kr.yaml", text, seoul)
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{2025, 2026, 2027} {
		for _, day := range []string{"03-01", "07-17", "08-15", "10-03", "10-09"} {
			at, err := time.ParseInLocation(time.DateOnly, fmt.Sprintf("%d-%s", year, day), seoul)
			if err != nil {
				t.Fatal(err)
			}
			is := slices.Contains(calendar.On(event.Millis(at.Add(12*time.Hour).UnixMilli())), "kr-holidays")
			if want := year > 2025 || day != "07-17"; is != want {
				t.Errorf("%d-%s is a holiday: %v, want %v", year, day, is, want)
			}
		}
	}
}
