package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

func (a *app) retainCommand() *cobra.Command {
	var f folder
	var before, keep string
	var yes, asJSON bool
	c := a.command("retain --data DIR (--keep 731d | --before DATE) --yes", retainText)
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
		now := time.Now()
		limit, zone, err := a.retainLimit(&f, before, keep, now)
		if err != nil {
			return err
		}
		if !yes {
			a.notef(retainWords.notYet, stamp(limit.Time(), zone))
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
		a.printf(retainWords.done, a.n(done.Records, nouns.record), a.n(done.Segments, nouns.file), a.n(done.Ids, nouns.id))
		if done.Kept > 0 {
			// To the next whole second: what is printed is meant to be typed.
			until := done.KeptUntil.Time().Add(time.Second - time.Millisecond).In(zone)
			a.printf(retainWords.kept, a.n(done.Kept, nouns.record), until.Format(time.RFC3339))
		}
		return nil
	}
	return c
}

// retainLimit finds the moment, and warns when it is nearer than the law allows.
func (a *app) retainLimit(f *folder, before, keep string, now time.Time) (event.Millis, *time.Location, error) {
	l, err := f.read(a)
	if err != nil {
		return 0, nil, err
	}
	defer l.Close()
	cat := l.Catalog()
	zone := zoneOf(cat)
	var limit event.Millis
	if keep != "" {
		d, err := parseKeep(keep)
		if err != nil {
			return 0, nil, a.usage(usageText.badKeep)
		}
		limit = event.MillisOf(now.Add(-d))
	} else if limit, err = a.parseTime("--before", before, zone); err != nil {
		return 0, nil, err
	}
	v, err := l.View()
	if err != nil {
		return 0, nil, err
	}
	defer v.Close()
	accounts := uint64(0)
	for _, r := range v.Registers() {
		accounts = max(accounts, r.Accounts())
	}
	a.warnRetention(limit.Time(), now.In(zone), cat, accounts)
	return limit, zone, nil
}

// manyPeople is the number of data subjects from which two years apply.
const manyPeople = 50_000

// warnRetention says when records would go sooner than Article 8(1) of the
// Standard of Measures to Ensure the Safety of Personal Information allows: one
// year, or two for systems of 50,000 data subjects, of unique identifiers or
// sensitive data, and of facilities-based telecommunications operators. Years
// are those of the calendar, so 730 days are a day short of two of them when a
// 29 February lies between. It warns and does not refuse: whether a system is
// one of these, and whether the law is this one, is not for a program to decide.
func (a *app) warnRetention(limit, now time.Time, cat *catalog.Catalog, accounts uint64) {
	switch {
	case limit.After(now.AddDate(-1, 0, 0)):
		a.notef(retainWords.underOneYear)
	case limit.After(now.AddDate(-2, 0, 0)):
		var why []string
		if accounts >= manyPeople {
			why = append(why, a.sayf(retainWords.manyPeople, count(accounts)))
		}
		if cat != nil {
			for _, it := range cat.Items {
				if it.Class == catalog.UniqueIdentifier || it.Class == catalog.Sensitive {
					class := it.Class.Text()
					why = append(why, a.say(text{class.KO, class.EN})+" "+it.Name)
				}
			}
		}
		if len(why) > 0 {
			a.notef(retainWords.underTwoYears, strings.Join(why, ", "))
		} else {
			a.notef(retainWords.perhapsTwoYears)
		}
	}
}

// parseKeep reads 731d; longer units would be ambiguous by a day or two, and a
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
