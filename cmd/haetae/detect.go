package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/server"
)

func (a *app) detectCommand() *cobra.Command {
	var f folder
	var req server.DetectRequest
	var from, to, least string
	var asJSON, quiet bool
	c := a.command("detect --data DIR [--rules DIR]", detectText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	fl := c.Flags()
	a.ruleFlags(c, &req)
	fl.StringVar(&from, "from", "", a.say(flagText.from))
	fl.StringVar(&to, "to", "", a.say(flagText.to))
	fl.StringVar(&least, "severity", "", a.say(detectFlags.severity))
	fl.BoolVar(&quiet, "quiet", false, a.say(flagText.quiet))
	fl.BoolVar(&asJSON, "json", false, a.say(detectFlags.json))
	c.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(server.Severities(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		floor, err := a.severity(least)
		if err != nil {
			return err
		}
		// A mistake in a rule should not have to wait for the folder.
		if _, err := server.LoadRules(req.Rules); err != nil {
			return a.fileError(err)
		}
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		zone := zoneOf(l.Catalog())
		if req.From, err = a.parseTime("--from", from, zone); err != nil {
			return err
		}
		if req.To, err = a.parseTime("--to", to, zone); err != nil {
			return err
		}
		b := newBar(a)
		rep, err := server.Detect(cmd.Context(), l, req, func(done, all int64) {
			if !quiet {
				b.share(done, all)
			}
		})
		b.end()
		if err != nil {
			return a.fileError(err)
		}
		rep.Signals = server.AtLeast(rep.Signals, floor)
		if asJSON {
			// Each line is a signal, so what was looked at stands beside them.
			beside := *a
			beside.stdout = a.stderr
			beside.showLookedAt(rep)
			return a.jsonLines(rep.Signals)
		}
		for _, s := range rep.Signals {
			a.showSignal(&s, f.data, func(id string) text { return itemName(l.Catalog(), id) })
		}
		a.showLookedAt(rep)
		return nil
	}
	return c
}

// ruleFlags say which rules run, and with what beside them.
func (a *app) ruleFlags(c *cobra.Command, req *server.DetectRequest) {
	fl := c.Flags()
	fl.StringVar(&req.Rules, "rules", "", a.say(detectFlags.rules))
	fl.StringVar(&req.Exceptions, "exceptions", "", a.say(detectFlags.exceptions))
	fl.StringVar(&req.Calendar, "calendar", "", a.say(detectFlags.calendar))
	fl.StringVar(&req.Lists, "lists", "", a.say(detectFlags.lists))
	fl.StringVar(&req.Keys, "key-register", "", a.say(detectFlags.keyRegister))
}

// share shows how much of a known amount is done.
func (b *bar) share(done, all int64) {
	b.show(server.Progress{Read: done, Size: all, Lines: done})
}

// showLookedAt says what was looked at and what could not be seen. "Not seen" is
// said only together with it.
func (a *app) showLookedAt(rep *detect.Report) {
	high := 0
	for _, s := range rep.Signals {
		if s.Severity >= detect.High && s.Status != detect.Suppressed {
			high++
		}
	}
	a.printf(detectWords.summary, len(rep.Signals), high)
	if rep.First == "" {
		a.printf(detectWords.nothing)
	} else {
		a.printf(detectWords.looked, rep.First, rep.Last, count(rep.Rows), len(rep.Rules))
	}
	for _, l := range rep.Losses {
		switch {
		case l.Source != "":
			fmt.Fprintf(a.stdout, "  %s\n", a.say(text{l.Text.KO, l.Text.EN}))
		case l.Feed != "":
			fmt.Fprintf(a.stdout, "  %s: %s\n", a.say(text{l.Text.KO, l.Text.EN}), l.Rule)
		default:
			a.printf(detectWords.lost, l.Rule, a.say(text{l.Text.KO, l.Text.EN}), count(l.Records))
		}
		for i, s := range l.Spans {
			if i == 5 {
				a.printf(detectWords.moreSpans, len(l.Spans)-i)
				break
			}
			fmt.Fprintf(a.stdout, "      %s ~ %s\n", s[0], s[1])
		}
	}
	if len(rep.EmptyLists) > 0 {
		a.printf(detectWords.emptyLists, strings.Join(rep.EmptyLists, ", "))
	}
	a.showLearning(rep.Learning)
	if len(rep.LiveOnly) > 0 {
		var names []string
		for _, r := range rep.LiveOnly[:min(10, len(rep.LiveOnly))] {
			names = append(names, r.Rule)
		}
		a.printf(detectWords.liveOnly, len(rep.LiveOnly), strings.Join(names, ", "))
	}
	if len(rep.NotRun) > 0 {
		a.printf(detectWords.notRun, len(rep.NotRun), strings.Join(rep.NotRun[:min(10, len(rep.NotRun))], ", "))
	}
	if len(rep.Elsewhere) > 0 {
		a.printf(detectWords.elsewhere, len(rep.Elsewhere), strings.Join(rep.Elsewhere[:min(10, len(rep.Elsewhere))], ", "))
	}
	if n := rep.Unresolved.Records; n > 0 {
		a.printf(detectWords.unresolved, count(n))
	}
	if n := rep.Unmapped.Records; n > 0 {
		a.printf(detectWords.unmapped, count(n))
	}
	a.showCoverage(rep.Gaps, rep.Coverage)
}

// showLearning says which rules still learn, those that end together on one line.
func (a *app) showLearning(list []detect.Learning) {
	if len(list) == 0 {
		return
	}
	a.printf(detectWords.learning, len(list))
	for len(list) > 0 {
		until := list[0].Until
		var names []string
		for len(list) > 0 && list[0].Until == until {
			names = append(names, list[0].Rule)
			list = list[1:]
		}
		a.printf(detectWords.learns, until, strings.Join(names, ", "))
	}
}

// showSignal prints a signal; item is the name of an item, which may be empty.
func (a *app) showSignal(s *detect.Signal, data string, item func(id string) text) {
	fmt.Fprintf(a.stdout, "[%s] %s  (%s)\n", a.say(severityWords[s.Severity]), a.say(text{s.Reason.KO, s.Reason.EN}), s.ID)
	if len(s.Items) > 0 {
		var items []string
		for _, n := range byCount(s.Items) {
			items = append(items, cmp.Or(a.say(item(n)), n)+" "+count(s.Items[n]))
		}
		a.printf(detectWords.items, strings.Join(items, ", "))
	}
	a.printf(detectWords.when, s.First, s.Last, s.ReachedAt)
	for _, c := range s.Calendar {
		a.printf(detectWords.during, a.say(text{c.KO, c.EN}))
	}
	if x := s.Exception; x != nil {
		a.printf(detectWords.exception, x.ID, x.Owner, a.say(text{x.Reason.KO, x.Reason.EN}), x.Until)
	}
	if x := s.Beyond; x != nil {
		a.printf(detectWords.beyond, x.ID, x.From, x.Until, x.Owner)
	}
	if s.Where != "" {
		fmt.Fprintf(a.stdout, "    %s scope --data %s --where %s --from %s\n", thisProgram(), shellWord(data), shellQuote(s.Where), s.First)
		if !s.Exact {
			a.printf(detectWords.wider)
		}
	}
	fmt.Fprintln(a.stdout)
}

// itemName is what a catalog calls an item; empty where it does not know it.
func itemName(c *catalog.Catalog, id string) text {
	if c != nil {
		if bit, ok := c.ItemBit(id); ok {
			return text{c.Items[bit].KO, c.Items[bit].EN}
		}
	}
	return text{}
}

// shellQuote writes a text as one word of a command that can be pasted.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// shellWord is shellQuote for what mostly needs no quotes.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%") == "" {
		return s
	}
	return shellQuote(s)
}
