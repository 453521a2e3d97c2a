package main

import (
	"fmt"
	"io"
	"strings"

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
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		zone := zoneOf(l.Catalog())
		q := scope.Query{Zone: zone}
		if q.From, err = a.parseTime("--from", from, zone); err != nil {
			return err
		}
		if q.To, err = a.parseTime("--to", to, zone); err != nil {
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
		return
	}
	a.printf(subjectWords.total, count(len(g.Accesses)), count(g.Reads))
	if len(g.Accesses) > 0 {
		t := newTable()
		t.add(a.say(subjectWords.when), a.say(subjectWords.reader), a.say(subjectWords.key), a.say(subjectWords.did), a.say(subjectWords.status), a.say(subjectWords.items))
		for _, x := range g.Accesses {
			reader := x.ActorType
			if x.Own {
				reader = a.say(subjectWords.self)
			} else if x.Actor != "" {
				reader += " " + x.Actor
			}
			t.add(x.Time, reader, x.Key, x.Action+" "+x.Route, fmt.Sprint(x.Status), strings.Join(x.Items, ", "))
		}
		t.write(a.stdout)
	}
	if g.Truncated {
		a.printf(subjectWords.shown, count(len(g.Accesses)))
	}
}
