package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

func (a *app) retainCommand() *cobra.Command {
	var f folder
	var before, keep string
	var yes, asJSON bool
	c := a.command("retain --data DIR (--keep 730d | --before DATE) --yes", retainText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&before, "before", "", a.say(flagText.before))
	c.Flags().StringVar(&keep, "keep", "", a.say(flagText.keep))
	c.Flags().BoolVar(&yes, "yes", false, a.say(flagText.yes))
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if (before == "") == (keep == "") {
			return a.usage(usageText.oneOf, "--before, --keep")
		}
		l, err := f.read(a)
		if err != nil {
			return err
		}
		zone := zoneOf(l.Catalog())
		l.Close()
		var limit event.Millis
		if keep != "" {
			d, err := parseKeep(keep)
			if err != nil {
				return a.usage(usageText.badKeep)
			}
			limit = event.MillisOf(time.Now().Add(-d))
		} else if limit, err = a.parseTime("--before", before, zone); err != nil {
			return err
		}
		if !yes {
			a.notef(retainWords.notYet, limit.Time().In(zone).Format("2006-01-02 15:04"))
			return &saidError{exitUsage}
		}
		var done ledger.Retained
		err = a.change(cmd.Context(), &f, func(l *ledger.Ledger) (err error) {
			done, err = l.Retain(limit)
			return err
		}, func(c *server.Client) (err error) {
			done, err = c.Retain(cmd.Context(), limit)
			return err
		})
		if err != nil {
			return err
		}
		if asJSON {
			return a.json(done)
		}
		a.printf(retainWords.done, count(done.Records), count(done.Segments), count(done.Ids))
		return nil
	}
	return c
}

// parseKeep reads 730d; longer units would be ambiguous by a day or two, and a
// day too early cannot be undone.
func parseKeep(s string) (time.Duration, error) {
	n, ok := strings.CutSuffix(s, "d")
	days, err := strconv.Atoi(n)
	if !ok || err != nil || days < 1 || days > 36500 {
		return 0, errors.New("not a number of days")
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// change does something that needs the owner of the folder: the server that
// owns it, if there is one, else this process for as long as it takes.
func (a *app) change(ctx context.Context, f *folder, own func(*ledger.Ledger) error, ask func(*server.Client) error) error {
	if err := f.check(a); err != nil {
		return err
	}
	if c := a.client(ctx, f); c != nil {
		return ask(c)
	}
	l, err := f.own(a)
	if err != nil {
		return err
	}
	return errors.Join(own(l), l.Close())
}

func (a *app) holdCommand() *cobra.Command {
	return a.group("hold", holdText, a.holdSet(), a.holdLift(), a.holdList())
}

// operator is the account on this machine, for the record of who did it.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func (a *app) holdSet() *cobra.Command {
	var f folder
	var reason string
	c := a.command("set NAME --reason TEXT", holdSetText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&reason, "reason", "", a.say(flagText.reason))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(reason) == "" {
			return a.usage(usageText.needReason)
		}
		h := ledger.Hold{Name: args[0], Reason: reason, By: operator()}
		err := a.change(cmd.Context(), &f, func(l *ledger.Ledger) error { return l.SetHold(h) },
			func(c *server.Client) error { return c.SetHold(cmd.Context(), h) })
		if err == nil {
			a.printf(retainWords.held, args[0])
		}
		return err
	}
	return c
}

func (a *app) holdLift() *cobra.Command {
	var f folder
	c := a.command("lift NAME", holdLiftText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		found := false
		err := a.change(cmd.Context(), &f, func(l *ledger.Ledger) (err error) {
			found, err = l.LiftHold(args[0])
			return err
		}, func(c *server.Client) (err error) {
			found, err = c.LiftHold(cmd.Context(), args[0])
			return err
		})
		if err == nil && !found {
			err = fmt.Errorf("lift hold: no hold has this name: %w", fs.ErrNotExist)
		}
		if err == nil {
			a.printf(retainWords.lifted, args[0])
		}
		return err
	}
	return c
}

func (a *app) holdList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list", holdListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		holds := l.Stats().Holds
		if asJSON {
			return a.json(orEmpty(holds))
		}
		if len(holds) == 0 {
			a.printf(retainWords.noHolds)
			return nil
		}
		t := newTable()
		for _, h := range holds {
			t.add(h.Name, h.Since.Local().Format("2006-01-02 15:04"), h.By, h.Reason)
		}
		t.write(a.stdout)
		return nil
	}
	return c
}
