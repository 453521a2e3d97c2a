package main

import (
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/server"
)

func (a *app) catalogCommand() *cobra.Command {
	return a.group("catalog", catalogText, a.catalogCheck(), a.catalogList(), a.catalogShow())
}

func readCatalog(file string) (*catalog.Catalog, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	return catalog.Parse(path.Base(file), data)
}

// catalogView is a catalog as --json shows it.
type catalogView struct {
	Name    string         `json:"name"`
	Edition uint32         `json:"edition,omitempty"`
	Zone    string         `json:"zone"`
	Account string         `json:"account_pattern,omitempty"`
	Items   []catalog.Item `json:"items"`
	Sources []sourceView   `json:"sources"`
	Routes  []routeView    `json:"routes"`
}

type sourceView struct {
	Name           string                              `json:"name"`
	Format         string                              `json:"format,omitempty"`
	Match          string                              `json:"match,omitempty"`
	CadenceSeconds float64                             `json:"cadence_seconds,omitempty"`
	Fields         map[catalog.Field]string            `json:"fields,omitempty"`
	Choices        map[catalog.Field][]string          `json:"choices,omitempty"`
	Values         map[catalog.Field]map[string]string `json:"values,omitempty"`
}

type routeView struct {
	Route   string       `json:"route"`
	Answers []answerView `json:"answers"`
}

type answerView struct {
	From    string   `json:"from,omitempty"`
	Until   string   `json:"until,omitempty"`
	Items   []string `json:"items"`
	Account string   `json:"account"`
	Behind  bool     `json:"people_behind_account,omitempty"`
	Action  string   `json:"action"`
	Note    string   `json:"note,omitempty"`
}

func viewCatalog(c *catalog.Catalog) catalogView {
	v := catalogView{Name: c.Name, Edition: c.Edition, Zone: c.Zone().String(), Account: c.AccountPattern(), Items: orEmpty(c.Items)}
	for _, s := range c.Sources {
		sv := sourceView{Name: s.Name, Format: s.Format, Match: s.Match, CadenceSeconds: s.Cadence.Seconds(), Fields: s.Fields}
		for f, c := range s.Choices {
			if sv.Choices == nil {
				sv.Choices, sv.Values = map[catalog.Field][]string{}, map[catalog.Field]map[string]string{}
			}
			for _, form := range c.Of {
				sv.Choices[f] = append(sv.Choices[f], form.String())
			}
			if c.Values != nil {
				sv.Values[f] = c.Values
			}
		}
		v.Sources = append(v.Sources, sv)
	}
	v.Sources = orEmpty(v.Sources)
	day := func(m event.Millis) string {
		if m == catalog.Always || m == catalog.Never {
			return ""
		}
		return m.Time().In(c.Zone()).Format("2006-01-02T15:04:05Z07:00")
	}
	for _, r := range c.Routes() {
		rv := routeView{Route: r.Name}
		for _, ans := range r.Answers {
			rv.Answers = append(rv.Answers, answerView{
				From: day(ans.From), Until: day(ans.Until), Items: c.ItemNames(ans.Items), Account: ans.Account(),
				Behind: ans.Behind, Action: ans.Action.String(), Note: ans.Note,
			})
		}
		v.Routes = append(v.Routes, rv)
	}
	v.Routes = orEmpty(v.Routes)
	return v
}

func (a *app) catalogShow() *cobra.Command {
	var f folder
	var file string
	var edition uint32
	var asJSON bool
	c := a.command("show", catalogShowText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&file, "catalog", "", a.say(flagText.catalog))
	c.Flags().Uint32Var(&edition, "edition", 0, a.say(editionWords.flag))
	c.RegisterFlagCompletionFunc("edition", offerFlag(a.catalogEditions(&f)))
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var cat *catalog.Catalog
		said := cmd.Flags().Changed("edition")
		if said && file != "" {
			return a.usage(usageText.oneOf, "--catalog, --edition")
		}
		if file != "" {
			var err error
			if cat, err = readCatalog(file); err != nil {
				return err
			}
		} else {
			l, err := f.read(a)
			if err != nil {
				return err
			}
			defer l.Close()
			if cat = l.Catalog(); cat == nil {
				return errNoCatalog
			}
			if said {
				if cat, err = a.catalogEdition(l, edition); err != nil {
					return err
				}
			}
		}
		v := viewCatalog(cat)
		if asJSON {
			return a.json(v)
		}
		a.showCatalog(v)
		return nil
	}
	return c
}

func (a *app) showCatalog(v catalogView) {
	if v.Edition > 0 {
		a.printf(catalogWords.edition, v.Name, v.Edition)
	} else {
		a.printf(catalogWords.name, v.Name)
	}
	a.printf(catalogWords.items)
	t := newTable()
	for _, it := range v.Items {
		class := it.Class.Text()
		t.add(it.Name, it.KO, it.EN, a.say(text{class.KO, class.EN}))
	}
	t.write(a.stdout)
	a.printf(catalogWords.sources)
	t = newTable()
	for _, s := range v.Sources {
		format := s.Format
		if format == "" {
			format = a.say(catalogWords.detected)
		}
		cadence := a.say(catalogWords.noCadence)
		if s.CadenceSeconds > 0 {
			cadence = a.sayf(catalogWords.cadence, cadenceText((time.Duration(s.CadenceSeconds * float64(time.Second))).String()))
		}
		t.add(s.Name, format, s.Match, cadence)
	}
	t.write(a.stdout)
	a.printf(catalogWords.routes)
	t = newTable()
	for _, r := range v.Routes {
		for _, ans := range r.Answers {
			items := strings.Join(ans.Items, ", ")
			if items == "" {
				items = "-"
			}
			if ans.Behind {
				items += a.say(catalogWords.behind)
			}
			when := ""
			if ans.From != "" || ans.Until != "" {
				when = ans.From + " … " + ans.Until
			}
			t.add(r.Route, ans.Account, items, when)
		}
	}
	t.write(a.stdout)
}

// checkWords is what catalog check says beside catalogWords.
var checkWords = struct{ all, answered, requests, path, why, others, listOthers, more text }{
	all:        text{"개인정보로 보이지 않는 미등록 경로도 표시", "list the unmapped routes that do not look like personal data too"},
	answered:   text{"응답", "answered"},
	requests:   text{"요청", "requests"},
	path:       text{"경로", "path"},
	why:        text{"사유", "because of"},
	others:     text{"\n그 밖에 카탈로그에 없는 경로\n", "\nother unmapped routes\n"},
	listOthers: text{"  --all을 붙이면 표시합니다.\n", "  --all lists them\n"},
	more:       text{"  표시하지 않은 경로 %s개(--limit)\n", "  and %s more (--limit)\n"},
}

func (a *app) catalogCheck() *cobra.Command {
	var file, source, format string
	var workers, limit int
	var asJSON, all bool
	c := a.command("check LOG --catalog F", catalogCheckText)
	c.Args = a.args(1)
	fl := c.Flags()
	fl.StringVar(&file, "catalog", "", a.say(flagText.catalog))
	fl.StringVar(&source, "source", "", a.say(flagText.source))
	fl.StringVar(&format, "format", "", a.say(flagText.format))
	fl.IntVar(&workers, "workers", 0, a.say(flagText.workers))
	fl.IntVar(&limit, "limit", 15, a.say(flagText.limit))
	fl.BoolVar(&all, "all", false, a.say(checkWords.all))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(server.FormatNames(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if file == "" {
			return a.usage(usageText.needCatalog)
		}
		cat, err := readCatalog(file)
		if err != nil {
			return err
		}
		in, _, err := a.openInput(args[0])
		if err != nil {
			return err
		}
		defer in.Close()
		name := path.Base(args[0])
		rep, err := server.CheckLog(cmd.Context(), in, name, cat, source, format, server.Workers(workers))
		if err != nil {
			return err
		}
		if rep.Aside > 0 || rep.Broken != "" {
			a.code = exitAside
		}
		if asJSON {
			rep.Unmapped = orEmpty(rep.Unmapped)
			return a.json(rep)
		}
		a.showCheck(rep, limit, all)
		return nil
	}
	return c
}

func (a *app) showCheck(r *server.CheckReport, limit int, all bool) {
	a.printf(catalogWords.checked, r.File, r.Source, r.Format, count(r.Lines), count(r.Records))
	t := newTable(0, 1, 2)
	for _, s := range r.Shares {
		percent := "-"
		if s.Of > 0 {
			percent = fmt.Sprintf("%.1f%%", 100*float64(s.Resolved)/float64(s.Of))
		}
		t.add(percent, count(s.Resolved), count(s.Of), a.say(text{s.Text.KO, s.Text.EN}))
	}
	t.write(a.stdout)
	if r.UnnamedRows > 0 {
		a.printf(catalogWords.unnamedRows, count(r.UnnamedRows))
	}
	if r.Aside > 0 {
		a.printf(catalogWords.asideLines, count(r.Aside))
		t := newTable(0)
		for _, c := range r.Causes {
			t.add(count(c.Count), c.Field, a.causeText(c.Cause))
		}
		t.write(a.stdout)
	}
	if r.Broken != "" {
		a.printf(importWords.broken, a.either(r.Broken, r.BrokenKO))
	}
	var suspects, others []catalog.UnmappedShape
	var records int64
	for _, u := range r.Unmapped {
		if u.Suspect {
			suspects = append(suspects, u)
		} else {
			others = append(others, u)
			records += u.Records
		}
	}
	if len(suspects) == 0 {
		a.printf(catalogWords.noUnmapped)
	} else {
		a.printf(catalogWords.unmappedSuspect)
		a.showUnmapped(suspects, limit)
		a.printf(catalogWords.addRoutes)
		for _, entry := range catalog.Entries(suspects[:shown(suspects, limit)]) {
			fmt.Fprintf(a.stdout, "  %s\n", entry)
		}
	}
	switch {
	case len(others) == 0:
	case all:
		a.printf(checkWords.others)
		a.showUnmapped(others, limit)
	default:
		a.printf(catalogWords.unmappedOthers, count(len(others)), count(records))
		a.printf(checkWords.listOthers)
	}
}

func shown(list []catalog.UnmappedShape, limit int) int {
	if limit <= 0 {
		return len(list)
	}
	return min(len(list), limit)
}

func (a *app) showUnmapped(list []catalog.UnmappedShape, limit int) {
	t := newTable(0, 1)
	t.add(a.say(checkWords.answered), a.say(checkWords.requests), a.say(checkWords.path), a.say(checkWords.why))
	n := shown(list, limit)
	for _, u := range list[:n] {
		why := strings.Join(u.Words, ", ")
		if u.Like != "" {
			why = a.sayf(catalogWords.like, u.Like)
		}
		t.add(count(u.Answered), count(u.Records), u.Shape, why)
	}
	t.write(a.stdout)
	if n < len(list) {
		a.printf(checkWords.more, count(len(list)-n))
	}
}
