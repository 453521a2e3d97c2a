package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

// scopeFlags is what a question is asked with.
type scopeFlags struct {
	folder
	exportFlags
	where, from, to, save string
	by                    []string
	workers               int
	asJSON, explain       bool
}

func (a *app) scopeCommand() *cobra.Command {
	var f scopeFlags
	c := a.command("scope --data DIR --where CEL", scopeHelp)
	a.folderFlags(c, &f.folder)
	fl := c.Flags()
	fl.StringVar(&f.where, "where", "", a.say(flagText.where))
	fl.StringVar(&f.from, "from", "", a.say(flagText.from))
	fl.StringVar(&f.to, "to", "", a.say(flagText.to))
	fl.StringArrayVar(&f.by, "by", nil, a.say(flagText.by)) // a list, to notice a second one
	fl.StringVar(&f.save, "save", "", a.say(flagText.save))
	a.exportFlags(c, &f.exportFlags)
	fl.IntVar(&f.workers, "workers", 0, a.say(flagText.workers))
	fl.BoolVar(&f.explain, "explain", false, a.say(flagText.explain))
	fl.BoolVar(&f.asJSON, "json", false, a.say(flagText.json))
	c.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(scope.Dimensions(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(cmd *cobra.Command, _ []string) error { return a.runScope(cmd, &f) }
	c.AddCommand(a.scopeList(), a.scopeShow(), a.scopeDiff(), a.scopeSet(scope.And, scopeAndText), a.scopeSet(scope.Minus, scopeMinusText))
	return c
}

// query reads the flags, so that a mistake does not have to wait for the folder.
func (a *app) query(f *scopeFlags) (scope.Query, error) {
	q := scope.Query{Where: f.where, Workers: f.workers, Exceptions: true, Sources: true, Keep: f.save != "" || f.export != ""}
	if strings.TrimSpace(f.where) == "" {
		return q, a.usage(usageText.needWhere)
	}
	if len(f.by) > 1 {
		return q, a.usage(scopeText.byOnce)
	}
	if len(f.by) == 1 && f.by[0] != "" {
		by, ok := scope.Dimension(f.by[0])
		if !ok {
			return q, a.usage(usageText.badBy, strings.Join(scope.Dimensions(), ", "))
		}
		q.By = by
	}
	if err := a.natural("--workers", f.workers); err != nil {
		return q, err
	}
	if err := f.exportFlags.check(a); err != nil {
		return q, err
	}
	_, err := scope.Compile(f.where)
	return q, err
}

// span reads --from and --to.
func (a *app) span(q *scope.Query, from, to string, zone *time.Location) (err error) {
	q.Zone = zone
	if q.From, err = a.parseTime("--from", from, zone); err != nil {
		return err
	}
	if q.To, err = a.parseTime("--to", to, zone); err != nil {
		return err
	}
	if q.From != 0 && q.To != 0 && q.From >= q.To {
		return a.usage(scopeText.fromTo)
	}
	return nil
}

func (a *app) runScope(cmd *cobra.Command, f *scopeFlags) error {
	q, err := a.query(f)
	if err != nil {
		return err
	}
	l, err := f.read(a)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := a.span(&q, f.from, f.to, zoneOf(l.Catalog())); err != nil {
		return err
	}
	// What an export needs is looked at before anything is counted or saved.
	ex, err := f.prepare(l)
	if err != nil {
		return err
	}
	view, err := l.View()
	if err != nil {
		return err
	}
	defer view.Close()
	q.Now = event.MillisOf(time.Now())
	e, err := scope.Run(cmd.Context(), view, q)
	if err != nil {
		return err
	}
	if f.save != "" {
		if err := a.saveScope(f, l, q, e); err != nil {
			return err
		}
	}
	if ex != nil {
		if err := a.exportSet(cmd.Context(), &f.folder, ex, view, e.Set()); err != nil {
			return err
		}
	}
	if f.asJSON {
		out := struct {
			*scope.Extent
			Explain *scope.Explain `json:"explain,omitempty"`
		}{Extent: e}
		if f.explain {
			x := e.Explain()
			out.Explain = &x
		}
		return a.json(out)
	}
	a.showExtent(e, l.Catalog(), q.By, f.explain)
	return nil
}

// showExtent prints an answer for people. It shows counts and names of routes and
// items only.
func (a *app) showExtent(e *scope.Extent, cat *catalog.Catalog, by string, explain bool) {
	if server.NamesID(e.Where) || strings.HasPrefix(e.Where, sealedWhere) {
		a.printf(scopeText.titleHidden)
	} else {
		a.printf(scopeText.title, e.Where)
	}
	fmt.Fprintln(a.stdout)
	t := newTable(1)
	row := func(name text, value, note string) { t.add(a.say(name), value, note) }
	if e.From != nil || e.To != nil {
		from, to := "…", "…"
		if e.From != nil {
			from = *e.From
		}
		if e.To != nil {
			to = *e.To
		}
		fmt.Fprintf(a.stdout, "  %s: %s ~ %s\n", a.say(scopeText.period), from, to)
	}
	row(scopeText.records, count(e.Records), a.say(scopeText.recordsNote))
	row(scopeText.reads, count(e.Reads), a.say(scopeText.readsNote))
	accounts := scopeText.accountsNote
	if e.Ghosts == nil { // no register
		accounts = scopeText.accountsNamed
	}
	row(scopeText.accounts, count(e.Accounts), a.say(accounts))
	row(scopeText.people, count(e.People), a.say(scopeText.peopleNote))
	if e.Ghosts != nil {
		row(scopeText.ghosts, count(*e.Ghosts), "")
	} else {
		row(scopeText.ghosts, "-", a.say(scopeText.ghostsUnknown))
	}
	if e.Unregistered > 0 {
		row(scopeText.unregistered, count(e.Unregistered), "")
	}
	row(scopeText.unresolved, count(e.Unresolved.Records), a.unresolvedNote(e.Unresolved))
	if n := e.PartlyNamed; n.Records > 0 {
		row(scopeText.partly, count(n.Records), a.sayf(scopeText.partlyRows, count(n.Rows)))
	}
	row(scopeText.unmapped, count(e.Unmapped.Records), "")
	if e.AccountsWithoutHoldings > 0 {
		row(scopeText.withoutHoldings, count(e.AccountsWithoutHoldings), "")
	}
	t.write(a.stdout)
	a.showItems(e, cat)
	a.showShares(e, cat)
	if len(e.Routes) > 0 && by != "route" {
		a.printf(scopeText.routes)
		t := newTable(1)
		for _, r := range byCount(e.Routes) {
			t.add(r, count(e.Routes[r]))
		}
		t.write(a.stdout)
	}
	if len(e.Unmapped.Routes) > 0 {
		a.printf(scopeText.unmappedRoutes)
		t := newTable(1)
		for _, r := range e.Unmapped.Routes[:min(10, len(e.Unmapped.Routes))] {
			t.add(a.routeText(r.Route), count(r.Records))
		}
		t.write(a.stdout)
	}
	if by != "" {
		a.showGroups(e, by)
	}
	a.showBasis(e)
	if explain {
		x := e.Explain()
		a.printf(scopeText.explain)
		fmt.Fprintf(a.stdout, "  %s\n", a.sayf(scopeText.explainLine, x.Segments, x.SegmentsSkipped, x.Groups, x.GroupsSkipped, count(x.Rows), count(x.RowsDecided)))
		round := func(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
		fmt.Fprintf(a.stdout, "  %s\n", a.sayf(scopeText.explainTime, round(x.Prepare), round(x.Scan), round(x.Unite)))
		for _, s := range x.Levels {
			fmt.Fprintf(a.stdout, "  %s\n", a.say(text{scope.LevelKorean(s), s}))
		}
	}
}

// unresolvedNote says of how many rows the reads are that name nobody, where the
// log says so.
func (a *app) unresolvedNote(u scope.Unresolved) string {
	switch {
	case u.Records == 0:
		return a.say(scopeText.unresolvedNone)
	case u.RowsUnknown == u.Records:
		return a.say(scopeText.unresolvedUnknown)
	case u.RowsUnknown > 0:
		return a.sayf(scopeText.unresolvedMixed, count(u.Rows), count(u.RowsUnknown))
	}
	return a.sayf(scopeText.unresolvedRows, count(u.Rows))
}

// showItems lists the items in the catalog's order, by both names and class.
func (a *app) showItems(e *scope.Extent, cat *catalog.Catalog) {
	if len(e.Items) == 0 {
		if e.Unresolved.Records > 0 { // something was read, and nobody knows of whom
			a.printf(scopeText.itemsUnresolved)
			return
		}
		a.printf(scopeText.itemsNone)
		return
	}
	a.printf(scopeText.items)
	t := newTable(1)
	var items []catalog.Item
	if cat != nil {
		items = cat.Items
	}
	for _, it := range items {
		n, ok := e.Items[it.Name]
		if !ok {
			continue
		}
		class := it.Class.Text()
		note := ""
		if e.Known[it.Name].Corrected {
			note = a.say(scopeText.corrected)
		}
		t.add(it.Name, count(n), it.KO, it.EN, a.say(text{class.KO, class.EN}), note)
	}
	t.write(a.stdout)
}

// routeText is a route as a person reads it: that of what was too much has words.
func (a *app) routeText(route string) string {
	if rest, ok := strings.CutPrefix(route, segment.TooMany); ok {
		return a.say(scopeText.tooMany) + rest
	}
	return route
}

func (a *app) showGroups(e *scope.Extent, by string) {
	a.printf(scopeText.by, a.say(dimensionWords[by]))
	t := newTable(1, 2, 3, 4)
	t.add("", a.say(scopeText.byRecords), a.say(scopeText.byReads), a.say(scopeText.byAccounts), a.say(scopeText.byPeople))
	for _, g := range e.By {
		v := server.OneLine(g.Value) // a user agent can be anything
		switch {
		case g.Rest > 0:
			v = a.sayf(scopeText.rest, g.Rest)
		case v == "":
			v = a.say(scopeText.value)
		case by == "route" || by == "key" || by == "actor_type":
			if v = a.routeText(v); by == "actor_type" {
				v = a.word(typeText, v)
			}
		case by == "action":
			v = a.word(actionText, v)
		}
		t.add(v, count(g.Records), count(g.Reads), count(g.Accounts), count(g.People))
	}
	t.write(a.stdout)
}

// showBasis prints what the numbers rest on and what they do not tell.
func (a *app) showBasis(e *scope.Extent) {
	a.showCoverage(e.Gaps, e.Coverage)
	fmt.Fprintln(a.stdout)
	t := newTable()
	if e.Span != nil {
		t.add(a.say(scopeText.span), e.Span.First+" ~ "+e.Span.Last)
	} else {
		t.add(a.say(scopeText.span), a.say(scopeText.spanNone))
	}
	list := func(used, installed []string) string {
		switch {
		case len(used) > 0:
			return strings.Join(used, ", ")
		case len(installed) > 0:
			return a.sayf(scopeText.unused, strings.Join(installed, ", "))
		}
		return a.say(scopeText.none)
	}
	t.add(a.say(scopeText.editions), a.sayf(scopeText.catalog, e.Editions.Catalog)+"; "+
		a.sayf(scopeText.register, list(e.Editions.Register, e.Editions.Installed.Register))+"; "+
		a.sayf(scopeText.holdings, list(e.Editions.Holdings, e.Editions.Installed.Holdings)))
	t.write(a.stdout)
	a.showLimits(e.Limits)
	a.showExceptions(e.Exceptions)
}

// showExceptions prints by whom it was decided that signals about some of the records
// stay quiet.
func (a *app) showExceptions(list []scope.Exception) {
	if len(list) == 0 {
		return
	}
	a.printf(scopeText.exceptions)
	for _, x := range list {
		fmt.Fprintf(a.stdout, "  - %s\n", a.sayf(scopeText.exception, x.ID, x.Rule, x.Owner, a.say(text{x.Reason.KO, x.Reason.EN}), x.From, x.Until))
	}
}

// showCoverage prints when the sources were silent, and what is known of each.
func (a *app) showCoverage(gaps []scope.Gap, coverage []scope.SourceCoverage) {
	if len(gaps) > 0 {
		const most = 10
		a.printf(scopeText.gaps)
		for i, g := range gaps {
			if i == most {
				fmt.Fprintf(a.stdout, "  %s\n", a.sayf(scopeText.moreGaps, len(gaps)-most))
				break
			}
			line := a.sayf(scopeText.gapLine, g.Source, g.From, g.To)
			switch g.Kind {
			case "silent":
				line = a.sayf(scopeText.gapSilent, g.Source, g.From)
			case ledger.GapLost:
				line += a.say(scopeText.gapLost)
			case ledger.GapCut:
				line += a.say(scopeText.gapCut)
			case ledger.GapRemoved:
				line += a.say(scopeText.gapRemoved)
			}
			fmt.Fprintf(a.stdout, "  %s\n", line)
		}
	}
	if len(coverage) > 0 {
		a.printf(scopeText.coverage)
		t := newTable()
		for _, c := range coverage {
			what, when := a.say(scopeText.coverageUnknown), ""
			switch {
			case c.Gaps > 0 && c.Cadence == "":
				what = a.sayf(scopeText.coverageLost, c.Gaps)
			case c.Records == 0:
				what = a.sayf(scopeText.coverageNever, cadenceText(c.Cadence))
			case c.Cadence == "":
			case c.Coverage == "complete":
				what = a.sayf(scopeText.coverageComplete, cadenceText(c.Cadence))
			default:
				what = a.sayf(scopeText.coverageGaps, c.Gaps, cadenceText(c.Cadence))
			}
			if c.Records > 0 {
				when = a.sayf(scopeText.coverageLine, count(c.Records), c.First, c.Last)
			}
			t.add(c.Source, when, what)
		}
		t.write(a.stdout)
	}
}

// showLimits prints what an answer could not tell.
func (a *app) showLimits(limits []scope.Limit) {
	if len(limits) == 0 {
		return
	}
	a.printf(scopeText.limits)
	for _, l := range limits {
		fmt.Fprintf(a.stdout, "  - %s\n", a.say(text{l.KO, l.EN}))
	}
}

// cadenceText writes a cadence as a catalog does: 6h0m0s as 6h.
func cadenceText(s string) string {
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}

// byCount orders names by how often they occur.
func byCount(m map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(m), func(x, y string) int {
		if m[x] != m[y] {
			return int(m[y] - m[x])
		}
		return strings.Compare(x, y)
	})
}
