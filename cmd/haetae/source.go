package main

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/catalog/guess"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/server"
)

func (a *app) sourceCommand() *cobra.Command {
	return a.group("source", sourceText, a.sourceList(), a.sourceTest(), a.sourceGuess())
}

// sourcesView is the answer of source list --json.
type sourcesView struct {
	Data string `json:"data"`
	// Server is where the answer is from; empty when none runs.
	Server string `json:"server,omitempty"`
	*server.Sources
}

func (a *app) sourceList() *cobra.Command {
	var f folder
	var window time.Duration
	var asJSON bool
	c := a.command("list --data DIR", sourceListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().DurationVar(&window, "window", server.DefaultWindow, a.say(sourceWords.window))
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if !server.CheckWindow(window) {
			return a.usage(sourceWords.badWindow)
		}
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		v := sourcesView{Data: f.data}
		if c := a.client(cmd.Context(), &f); c != nil {
			v.Server = "http://" + c.Listen()
			v.Sources, err = c.Sources(cmd.Context(), window)
		} else {
			v.Sources, err = server.FolderSources(cmd.Context(), disk.OS, f.data, l, window, server.Workers(0))
		}
		if err != nil {
			return err
		}
		if asJSON {
			return a.json(v)
		}
		a.showSources(&v, zoneOf(l.Catalog()))
		return nil
	}
	return c
}

func (a *app) showSources(v *sourcesView, zone *time.Location) {
	if len(v.Sources.Sources) == 0 {
		a.printf(sourceWords.none)
		return
	}
	for i := range v.Sources.Sources {
		s := &v.Sources.Sources[i]
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		name := s.Source
		if s.Format != "" {
			name += " (" + s.Format + ")"
		}
		if !s.Declared {
			name += "  " + a.say(sourceWords.undeclared)
		}
		fmt.Fprintln(a.stdout, name)
		t := newTable()
		row := func(what text, value string) { t.add(a.say(what), value) }
		for j, w := range s.Ways {
			what := sourceWords.way
			if j > 0 {
				what = text{}
			}
			row(what, a.wayText(&w, zone))
		}
		if len(s.Ways) == 0 {
			row(sourceWords.way, a.say(sourceWords.noWay))
		}
		row(sourceWords.records, count(s.Records))
		if s.Last != nil {
			row(sourceWords.last, stamp(*s.Last, zone)+a.sayf(sourceWords.silent, a.ageText(*s.SilentSeconds)))
		}
		if s.LastArrival != nil {
			at := stamp(*s.LastArrival, zone)
			if s.LagSeconds != nil {
				at += a.sayf(sourceWords.lag, a.ageText(*s.LagSeconds))
			}
			row(sourceWords.arrival, at)
		}
		if s.Last != nil {
			row(sourceWords.rate, a.sayf(sourceWords.perHour, rateText(s.Recent.PerHour), count(s.Recent.Records), a.ageText(s.Recent.WindowSeconds)))
		}
		if s.Aside > 0 {
			row(sourceWords.aside, count(s.Aside))
		}
		row(sourceWords.coverage, a.coverageText(s))
		if r := &s.Recent; r.Records > 0 {
			var shares []string
			for _, p := range []struct {
				what text
				n    int64
			}{{sourceWords.actor, r.Actor}, {sourceWords.credential, r.Credential}, {sourceWords.address, r.Address}, {sourceWords.route, r.Route}, {sourceWords.item, r.Item}, {sourceWords.account, r.Account}} {
				shares = append(shares, a.say(p.what)+" "+percent(p.n, r.Records))
			}
			row(sourceWords.shares, strings.Join(shares, ", "))
		}
		t.write(a.stdout)
	}
}

// wayText is one way in. A way that this release has no word for is shown by its own.
func (a *app) wayText(w *server.SourceWay, zone *time.Location) string {
	out := string(w.Way)
	if t, ok := wayTexts[w.Way]; ok {
		out = a.say(t)
	}
	if w.Count > 0 {
		out += a.sayf(sourceWords.count, count(w.Count))
	}
	if w.Last != nil {
		out += ", " + stamp(*w.Last, zone)
	}
	if w.Behind > 0 {
		out += a.sayf(sourceWords.behind, bytesText(w.Behind))
	}
	if w.Error != "" {
		out += " (" + a.followError(w.Error) + ")"
	}
	return out
}

func (a *app) coverageText(s *server.SourceStatus) string {
	switch {
	case s.Coverage == "gaps":
		return a.sayf(sourceWords.gaps, count(s.Gaps))
	case s.Coverage == "complete":
		return a.sayf(sourceWords.complete, cadenceText((time.Duration(s.CadenceSeconds * float64(time.Second))).String()))
	}
	return a.say(sourceWords.noCadence)
}

// ageText is a length of time as a person says it: one unit, the largest of which
// there are two.
func (a *app) ageText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	for _, u := range []struct {
		of   time.Duration
		text text
	}{{24 * time.Hour, sourceWords.days}, {time.Hour, sourceWords.hours}, {time.Minute, sourceWords.minutes}} {
		if d >= 2*u.of {
			return a.sayf(u.text, count(int64(d/u.of)))
		}
	}
	return a.sayf(sourceWords.seconds, count(int64(max(0, d)/time.Second)))
}

// rateText has a place behind the point where it says something.
func rateText(f float64) string {
	if f < 10 {
		return fmt.Sprintf("%.1f", f)
	}
	return count(int64(f + 0.5))
}

func (a *app) sourceGuess() *cobra.Command {
	var name string
	c := a.command("guess LOG|-", sourceGuessText)
	c.Args = a.args(1)
	c.Flags().StringVar(&name, "name", "", a.say(sourceWords.name))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		in, _, err := a.openInput(args[0])
		if err != nil {
			return err
		}
		defer in.Close()
		if name != "" && !sourceName.MatchString(name) {
			return a.usage(sourceWords.badName)
		}
		d, err := guess.From(cmd.Context(), in, guess.Options{File: path.Base(args[0]), Name: name, Korean: a.lang == korean})
		for _, known := range []struct {
			err  error
			what text
		}{{guess.ErrEmpty, sourceWords.empty}, {guess.ErrUnknown, sourceWords.unknown}, {guess.ErrNoTime, sourceWords.noTime}} {
			if errors.Is(err, known.err) {
				return a.failure(err, known.what)
			}
		}
		if err != nil {
			return err
		}
		if _, err := a.stdout.Write(d.Text); err != nil {
			return err
		}
		if d.Aside > 0 {
			a.code = exitAside
		}
		return nil
	}
	return c
}

var sourceName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

func (a *app) sourceTest() *cobra.Command {
	var f folder
	var file, format string
	var workers int
	var asJSON bool
	c := a.command("test SOURCE FILE|- [--catalog F | --data DIR]", sourceTestText)
	c.Args = a.args(2)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&file, "catalog", "", a.say(flagText.catalog))
	fl.StringVar(&format, "format", "", a.say(flagText.format))
	fl.IntVar(&workers, "workers", 0, a.say(flagText.workers))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(server.FormatNames(), cobra.ShellCompDirectiveNoFileComp))
	names := a.sources(&f, &file)
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return names(), cobra.ShellCompDirectiveNoFileComp
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cat, err := a.catalogOf(&f, file)
		if err != nil {
			return err
		}
		in, _, err := a.openInput(args[1])
		if err != nil {
			return err
		}
		defer in.Close()
		t, err := server.TryLog(cmd.Context(), in, path.Base(args[1]), cat, args[0], format, server.Workers(workers))
		if err != nil {
			return err
		}
		if t.Aside > 0 || t.Broken != "" {
			a.code = exitAside
		}
		if asJSON {
			return a.json(t)
		}
		a.showSourceTest(t)
		return nil
	}
	return c
}

// catalogOf is the catalog of a file, else the one in force in the folder.
func (a *app) catalogOf(f *folder, file string) (*catalog.Catalog, error) {
	if file != "" {
		return readCatalog(file)
	}
	if f.data == "" {
		return nil, a.usage(sourceWords.needCatalog)
	}
	l, err := f.read(a)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if cat := l.Catalog(); cat != nil {
		return cat, nil
	}
	return nil, errNoCatalog
}

func (a *app) showSourceTest(r *server.SourceTest) {
	a.printf(catalogWords.checked, r.File, r.Source, r.Format, count(r.Lines), count(r.Records))
	t := newTable(0, 1, 2)
	for _, s := range r.Shares {
		t.add(percent(s.Resolved, s.Of), count(s.Resolved), count(s.Of), a.say(text{s.Text.KO, s.Text.EN}))
	}
	t.write(a.stdout)
	a.printf(sourceWords.fields)
	t = newTable(0, 1)
	t.add("", a.say(sourceWords.records), a.say(sourceWords.field), a.say(sourceWords.forms))
	for _, f := range r.Fields {
		var forms []string
		for _, e := range r.Examples {
			for _, v := range e.Fields {
				form := v.Form
				if v.Field == "unmapped" && f.Field == "route" {
					form = a.say(sourceWords.unmapped) + " " + form
				} else if v.Field != f.Field {
					continue
				}
				if !slices.Contains(forms, form) {
					forms = append(forms, form)
				}
			}
		}
		t.add(percent(f.Records, r.Records), count(f.Records), f.Field, strings.Join(forms, "   "))
	}
	t.write(a.stdout)
	if r.Aside > 0 {
		a.printf(catalogWords.asideLines, count(r.Aside))
		t := newTable(0)
		for _, c := range r.Causes {
			t.add(count(c.Count), c.Field, a.causeText(c.Cause), a.sayf(importWords.first, r.File, c.Line))
		}
		t.write(a.stdout)
	}
	if r.Broken != "" {
		a.printf(importWords.broken, a.either(r.Broken, r.BrokenKO))
	}
}

// percent is a share as a person reads it.
func percent(n, of int64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}
