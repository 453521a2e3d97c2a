package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStory types the commands of "One story over three logs" in docs/sources.md and
// compares what they print with what the page says they print. There … stands for lines,
// or for the rest of a word, that the page leaves out.
func TestStory(t *testing.T) {
	page, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, story, found := strings.Cut(string(page), "\n## One story over three logs\n")
	story, _, _ = strings.Cut(story, "\n## ")
	if !found {
		t.Fatal("docs/sources.md does not tell the story")
	}
	files, err := filepath.Glob("../../testdata/story/*")
	if err != nil {
		t.Fatal(err)
	}
	script, wants := storyScript(t, story, files)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "story.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("LANG", "en_US.UTF-8")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			for _, name := range files {
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(e.WorkDir, filepath.Base(name)), data, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// prints N: what was printed is the page's Nth answer.
			"prints": func(ts *testscript.TestScript, _ bool, args []string) {
				var n int
				if _, err := fmt.Sscan(args[0], &n); err != nil {
					ts.Fatalf("%v", err)
				}
				if got := strings.Join(strings.Fields(ts.ReadFile("stdout")), " "); !wants[n].MatchString(got) {
					ts.Fatalf("docs/sources.md says otherwise: answer %d is not of the form\n%s", n+1, wants[n])
				}
			},
		},
	})
}

// storyScript makes a script of the commands, and a pattern of each answer. Spaces are one.
func storyScript(t *testing.T, story string, files []string) (script string, wants []*regexp.Regexp) {
	t.Helper()
	var b strings.Builder
	command := func(line string) {
		line = strings.ReplaceAll(line, "/tmp/story", "$WORK/story")
		for _, word := range strings.Fields(line) {
			if !strings.Contains(word, "-*.") {
				continue
			}
			var names []string
			for _, f := range files {
				if ok, err := filepath.Match(word, filepath.Base(f)); err == nil && ok {
					names = append(names, filepath.Base(f))
				}
			}
			if len(names) == 0 {
				t.Fatalf("no file of the story is called %s", word)
			}
			line = strings.ReplaceAll(line, word, strings.Join(names, " "))
		}
		b.WriteString(line + "\n")
	}
	for i, block := range strings.Split(story, "```") {
		if i%2 == 0 { // prose, with commands that are indented
			for _, line := range strings.Split(strings.ReplaceAll(block, "\\\n", ""), "\n") {
				if rest, ok := strings.CutPrefix(line, "    haetae "); ok {
					command("haetae " + rest)
				}
			}
			continue
		}
		typed, answer, _ := strings.Cut(strings.TrimPrefix(block, "console\n$ "), "\n")
		command(typed)
		fmt.Fprintf(&b, "prints %d\n", len(wants))
		parts := strings.Split(strings.Join(strings.Fields(answer), " "), "…")
		for k := range parts {
			parts[k] = regexp.QuoteMeta(parts[k])
		}
		wants = append(wants, regexp.MustCompile("^"+strings.Join(parts, ".*")+"$"))
	}
	if len(wants) < 5 {
		t.Fatalf("%d answers in the story", len(wants))
	}
	return b.String(), wants
}
