package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

func (a *app) subjectCommand() *cobra.Command {
	return a.group("subject", subjectText, a.subjectShow())
}

func (a *app) subjectShow() *cobra.Command {
	var f folder
	var from, to string
	var limit int
	var asJSON bool
	c := a.command("show ID|-", subjectShowText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&from, "from", "", a.say(flagText.from))
	fl.StringVar(&to, "to", "", a.say(flagText.to))
	fl.IntVar(&limit, "limit", 100, a.say(flagText.limit))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		id := args[0]
		if id == "-" {
			data, err := io.ReadAll(io.LimitReader(a.stdin, 4096))
			if err != nil {
				return fmt.Errorf("read id: %w", err)
			}
			id = strings.TrimSpace(string(data))
		}
		if id == "" {
			return a.usage(usageText.noID)
		}
		if err := a.natural("--limit", limit); err != nil {
			return err
		}
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		q := scope.Query{Now: event.MillisOf(time.Now()), Exceptions: true}
		if err := a.span(&q, from, to, zoneOf(l.Catalog())); err != nil {
			return err
		}
		view, err := l.View()
		if err != nil {
			return err
		}
		defer view.Close()
		got, err := scope.Subject(cmd.Context(), view, event.AccountID(id), q, limit)
		if err != nil {
			return err
		}
		if asJSON {
			return a.json(got)
		}
		a.showAccesses(got)
		return nil
	}
	return c
}

// showAccesses prints who read, by type, key and network: enough to recognise a
// colleague's work by, too little to be a list of people.
func (a *app) showAccesses(g *scope.Accesses) {
	if !g.Known {
		a.printf(subjectWords.unknown)
		a.showLimits(g.Limits) // a read that names nobody may have been this person's
		return
	}
	a.printf(subjectWords.total, count(g.Total), count(g.Reads))
	books := slices.ContainsFunc(g.Accesses, func(x scope.Access) bool { return x.Book != "" })
	if books || g.Accounts > 1 {
		a.printf(subjectWords.accounts, count(g.Accounts))
	}
	a.showAccessSources(g.Sources)
	if len(g.Accesses) > 0 {
		t := newTable()
		head := []string{a.say(subjectWords.when), a.say(subjectWords.reader), a.say(subjectWords.key), a.say(subjectWords.did), a.say(subjectWords.status), a.say(subjectWords.items)}
		if books {
			head = append(head, a.say(subjectWords.book))
		}
		t.add(head...)
		for _, x := range g.Accesses {
			t.add(x.Time, a.reader(&x), x.Key, a.word(actionText, x.Action)+" "+x.Route, fmt.Sprint(x.Status), strings.Join(x.Items, ", "), x.Book)
		}
		t.write(a.stdout)
		if books {
			a.printf(subjectWords.bookNote)
		}
	}
	if g.Truncated {
		a.printf(subjectWords.shown, count(len(g.Accesses)))
	}
	a.showLimits(g.Limits)
	a.showExceptions(g.Exceptions)
}

// reader says who connected: with the account itself, which is not to say that
// its holder did, or whom the log names.
func (a *app) reader(x *scope.Access) string {
	switch {
	case x.Own && x.Book == "":
		return a.say(subjectWords.self)
	case x.Own:
		return a.say(subjectWords.holder)
	}
	return strings.TrimSpace(a.word(typeText, x.ActorType) + " " + x.Actor)
}
