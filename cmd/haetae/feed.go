package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/server"
)

func (a *app) feedCommand() *cobra.Command {
	return a.group("feed", feedText, a.feedList(), a.feedAccept())
}

func (a *app) feedList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list --data DIR", feedListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := a.running(cmd, &f)
		if err != nil {
			return err
		}
		got, err := client.Feeds(cmd.Context())
		if err != nil {
			return a.feedFailure(err, "")
		}
		if asJSON {
			return a.json(got)
		}
		a.showFeeds(got)
		return nil
	}
	return c
}

func (a *app) showFeeds(got *server.Feeds) {
	w := &feedWords
	if len(got.Feeds) == 0 {
		a.printf(w.none)
	} else {
		t := newTable(3, 4)
		t.add(a.say(w.name), a.say(w.kind), a.say(w.state), a.say(w.age), a.say(w.rows), a.say(w.success))
		for _, f := range got.Feeds {
			age, success := "-", "-"
			if f.State != feed.Never {
				age = a.age(f.Age)
				success = f.Success.Local().Format("2006-01-02 15:04 -07:00")
			}
			t.add(f.Name, a.say(feedKinds[string(f.Kind)]), a.say(feedStates[f.State]), age, count(int64(f.Rows)), success)
		}
		t.write(a.stdout)
	}
	for _, f := range got.Feeds {
		if f.Error != "" {
			a.printf(w.trouble, f.Name, a.either(f.Error, f.ErrorKO), f.Fails)
		}
	}
	if got.Error != "" {
		a.printf(w.settings, a.either(got.Error, got.ErrorKO))
	}
}

// age is so many seconds as a person says it.
func (a *app) age(seconds int64) string {
	w := &feedWords
	switch d := time.Duration(seconds) * time.Second; {
	case d >= 48*time.Hour:
		return a.sayf(w.days, strconv.FormatInt(int64(d/(24*time.Hour)), 10))
	case d >= 2*time.Hour:
		return a.sayf(w.hours, strconv.FormatInt(int64(d/time.Hour), 10))
	default:
		return a.sayf(w.minutes, strconv.FormatInt(int64(d/time.Minute), 10))
	}
}

// feedFailure says in the user's language what the server has said of a feed.
func (a *app) feedFailure(err error, name string) error {
	var answer *server.Answer
	if errors.As(err, &answer) {
		switch answer.Code {
		case "no_feeds":
			return a.failure(err, feedWords.noFeeds)
		case "unknown_feed":
			return a.failure(err, feedWords.unknown, name)
		case "nothing_refused":
			return a.failure(err, feedWords.nothing, name)
		}
	}
	return err
}

func (a *app) feedAccept() *cobra.Command {
	var f folder
	var reason string
	c := a.command("accept --data DIR --reason TEXT NAME", feedAcceptText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&reason, "reason", "", a.say(flagText.reason))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if server.OneLine(reason) == "" {
			return a.usage(feedWords.why)
		}
		client, err := a.running(cmd, &f)
		if err != nil {
			return err
		}
		got, err := client.AcceptFeed(cmd.Context(), server.Acceptance{Name: args[0], By: operator(), Reason: reason})
		if err != nil {
			return a.feedFailure(err, args[0])
		}
		a.printf(feedWords.accepted, args[0], count(int64(got.Rows)), count(int64(got.Before)))
		return nil
	}
	return c
}
