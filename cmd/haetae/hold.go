package main

import (
	"errors"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

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
		if reason = server.OneLine(reason); reason == "" {
			return a.usage(usageText.holdReason)
		}
		if ledger.CheckHoldName(args[0]) != nil {
			return a.usage(usageText.holdName)
		}
		h := ledger.Hold{Name: args[0], Reason: reason, By: operator()}
		err := a.change(cmd.Context(), &f, func(l *ledger.Ledger) error { return l.SetHold(h) },
			func(c *server.Client) error { return c.SetHold(cmd.Context(), h) })
		var answer *server.Answer
		if errors.Is(err, ledger.ErrHoldStands) || errors.As(err, &answer) && answer.Code == "hold_stands" {
			return a.failure(err, retainWords.stands, args[0])
		}
		if err == nil {
			a.printf(retainWords.held, args[0])
		}
		return err
	}
	return c
}

func (a *app) holdLift() *cobra.Command {
	var f folder
	var reason string
	c := a.command("lift NAME", holdLiftText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&reason, "reason", "", a.say(flagText.reason))
	c.ValidArgsFunction = offer(a.holdNames(&f))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		found := false
		by, reason := operator(), server.OneLine(reason)
		err := a.change(cmd.Context(), &f, func(l *ledger.Ledger) (err error) {
			found, err = l.LiftHoldBy(args[0], by, reason)
			return err
		}, func(c *server.Client) (err error) {
			found, err = c.LiftHold(cmd.Context(), args[0], by, reason)
			return err
		})
		if err == nil && !found {
			err = a.failure(nil, retainWords.noSuchHold)
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
		zone := zoneOf(l.Catalog())
		t := newTable()
		t.add(a.say(retainWords.name), a.say(retainWords.since), a.say(retainWords.by), a.say(retainWords.lift), a.say(retainWords.why))
		for _, h := range holds {
			lifted := a.say(retainWords.standing)
			if !h.Stands() {
				lifted = stamp(h.Lifted, zone)
				if h.LiftedBy != "" {
					lifted += " " + h.LiftedBy
				}
			}
			why := h.Reason
			if h.LiftReason != "" {
				why += " → " + h.LiftReason
			}
			t.add(server.OneLine(h.Name), stamp(h.Since, zone), h.By, lifted, server.OneLine(why))
		}
		t.write(a.stdout)
		return nil
	}
	return c
}
