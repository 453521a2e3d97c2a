package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/packs"
)

func (a *app) drillCommand() *cobra.Command {
	return a.group("drill", drillText, a.drillList(), a.drillShow(), a.drillRun(), a.drillGenerate(), a.drillScore())
}

// scenarios is a folder of them, or the pack that ships.
type scenarios struct{ dir string }

func (a *app) scenarioFlags(c *cobra.Command, s *scenarios) {
	c.Flags().StringVar(&s.dir, "scenarios", "", a.say(drillFlags.scenarios))
}

func (s *scenarios) files() (fs.FS, error) {
	if s.dir == "" {
		return fs.Sub(packs.FS, "scenarios")
	}
	return os.DirFS(s.dir), nil
}

// read finds one by its id.
func (s *scenarios) read(a *app, id string) (*drill.Scenario, error) {
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	sc, err := drill.Read(files, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, a.usage(drillWords.noScenario)
	}
	return sc, err
}

// ids completes the names of scenarios.
func (a *app) scenarioIDs(s *scenarios) completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		files, err := s.files()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, _ := fs.Glob(files, "*.yaml")
		for i, n := range names {
			names[i] = strings.TrimSuffix(n, ".yaml")
		}
		return slices.DeleteFunc(names, func(n string) bool { return n == "common" }), cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) both(t drill.Text) string { return a.say(text{t.KO, t.EN}) }

// drillLine is a scenario as --json lists it.
type drillLine struct {
	ID    string     `json:"id"`
	Title drill.Text `json:"title"`
	From  string     `json:"from"`
	To    string     `json:"to"`
	Scale int        `json:"scale"` // 1:so-much, unless said otherwise
	// Accounts and Strangers are at full scale.
	Accounts  float64 `json:"accounts"`
	Strangers float64 `json:"strangers"`
	Attack    bool    `json:"attack"`
}

func (a *app) drillList() *cobra.Command {
	var s scenarios
	var asJSON bool
	c := a.command("list", drillListText)
	c.Args = a.args(0)
	a.scenarioFlags(c, &s)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		files, err := s.files()
		if err != nil {
			return err
		}
		list, err := drill.All(files)
		if err != nil {
			return a.fileError(err)
		}
		lines := []drillLine{}
		t := newTable(2, 3)
		t.add(a.say(drillWords.name), a.say(drillWords.span), a.say(drillWords.accounts), a.say(drillWords.scale), a.say(drillWords.title))
		for _, sc := range list {
			l := drillLine{
				ID: sc.ID, Title: sc.Title, From: sc.From.Format(time.RFC3339), To: sc.To.Format(time.RFC3339), Scale: sc.Scale,
				Accounts: sc.Population.Accounts.Value(), Strangers: sc.Population.Strangers.Value(), Attack: len(sc.Attack) > 0,
			}
			lines = append(lines, l)
			t.add(sc.ID, sc.From.Format(time.DateOnly)+" – "+sc.To.Format(time.DateOnly), count(int64(l.Accounts)), "1:"+count(sc.Scale), a.both(sc.Title))
		}
		if asJSON {
			return a.json(lines)
		}
		t.write(a.stdout)
		return nil
	}
	return c
}

func (a *app) drillShow() *cobra.Command {
	var s scenarios
	c := a.command("show NAME", drillShowText)
	c.Args = a.args(1)
	a.scenarioFlags(c, &s)
	c.ValidArgsFunction = a.scenarioIDs(&s)
	c.RunE = func(_ *cobra.Command, args []string) error {
		sc, err := s.read(a, args[0])
		if err != nil {
			return a.fileError(err)
		}
		a.showScenario(sc)
		return nil
	}
	return c
}

func (a *app) showScenario(s *drill.Scenario) {
	fmt.Fprintf(a.stdout, "%s\n\n%s\n", a.both(s.Title), a.both(s.Summary))
	list := func(head text, lines []string) {
		if len(lines) == 0 {
			return
		}
		a.printf(head)
		for _, l := range lines {
			fmt.Fprintf(a.stdout, "  - %s\n", l)
		}
	}
	a.printf(drillWords.reconstruction)
	var lines []string
	for _, u := range s.Unsettled {
		lines = append(lines, a.both(u))
	}
	list(drillWords.unsettled, lines)
	lines = nil
	const minutes = "2006-01-02 15:04"
	for _, p := range s.Attack {
		lines = append(lines, fmt.Sprintf("%s – %s  %s: %s", p.From.Format(minutes), p.To.Format(minutes), p.Name, a.both(p.What)))
	}
	list(drillWords.attack, lines)
	lines = nil
	for _, f := range s.Faults {
		lines = append(lines, a.both(f.What))
	}
	list(drillWords.faults, lines)
	lines = nil
	for _, o := range s.Outside {
		lines = append(lines, fmt.Sprintf("%s  %s", o.At.Format(minutes), a.both(o.What)))
	}
	list(drillWords.outside, lines)
	lines = nil
	for _, b := range s.Expect.Blind {
		lines = append(lines, a.both(b))
	}
	list(drillWords.blind, lines)
	a.printf(drillWords.figures)
	t := newTable(1)
	for _, name := range s.Used() {
		f := s.Figure(name)
		t.add(name, f.Value, f.Unit, a.whence(f))
	}
	t.write(a.stdout)
	lines = nil
	for _, n := range s.Sources.Names {
		lines = append(lines, n+"  "+s.Sources.Of[n])
	}
	list(drillWords.sources, lines)
}

// whence says where a figure is from.
func (a *app) whence(f *drill.Figure) string {
	var said string
	switch {
	case f.Invented.EN != "":
		said = a.say(drillWords.invented) + ": " + a.both(f.Invented)
	case f.Calc.EN != "":
		said = a.say(drillWords.calc) + ": " + a.both(f.Calc)
	}
	if len(f.Source) > 0 {
		if said != "" {
			said += " "
		}
		said += "[" + strings.Join(f.Source, ", ") + "]"
	}
	if f.Uncertain.EN != "" {
		said += " " + a.say(drillWords.uncertain) + ": " + a.both(f.Uncertain)
	}
	return said
}

// emptyFolder makes a folder, or takes one that is empty.
func (a *app) emptyFolder(dir string) error {
	names, err := os.ReadDir(dir)
	if err == nil && len(names) > 0 {
		return a.failure(fs.ErrExist, drillWords.notEmpty, filepath.Base(dir))
	}
	return os.MkdirAll(dir, 0o700)
}
