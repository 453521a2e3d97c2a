package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rehearsal"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/server"
)

func (a *app) ruleCommand() *cobra.Command {
	return a.group("rule", ruleText, a.ruleCheck(), a.ruleTest(), a.ruleList())
}

// rulesAt is a folder of rules, or the pack that ships.
func rulesAt(args []string) (files fs.FS, root string) {
	if len(args) == 0 {
		return packs.FS, "rules"
	}
	return os.DirFS(args[0]), "."
}

// atRoot names the folder that was given in an error that knows it as "." only.
func atRoot(err error, args []string) error {
	var at *fs.PathError
	switch {
	case len(args) == 0:
		return err
	case errors.Is(err, rule.ErrNoRules):
		return &server.FileError{Path: args[0], Err: rule.ErrNoRules}
	case errors.As(err, &at) && at.Path == ".":
		return &server.FileError{Path: args[0], Err: err}
	}
	return err
}

func (a *app) ruleCheck() *cobra.Command {
	var asJSON bool
	var req server.DetectRequest
	var feeds string
	c := a.command("check FILE|DIR…", ruleCheckText)
	c.Args = a.argRange(1, -1)
	fl := c.Flags()
	fl.StringVar(&req.Exceptions, "exceptions", "", a.say(detectFlags.exceptions))
	fl.StringVar(&req.Calendar, "calendar", "", a.say(detectFlags.calendar))
	fl.StringVar(&req.Keys, "key-register", "", a.say(detectFlags.keyRegister))
	fl.StringVar(&req.Lists, "lists", "", a.say(detectFlags.lists))
	fl.StringVar(&feeds, "feeds", "", a.say(feedFlags.feeds))
	fl.BoolVar(&asJSON, "json", false, a.say(detectFlags.json))
	c.RunE = func(_ *cobra.Command, args []string) error {
		n, err := server.CheckRules(args, req, feeds)
		mistakes, rest := server.Mistakes(err)
		if len(mistakes) > 0 {
			a.code = exitFailed
		}
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		for _, m := range mistakes {
			hint := ruleHint(m)
			if asJSON {
				if err := enc.Encode(mistakeView{m, hint.en, hint.ko}); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintln(a.stdout, a.say(text{m.KO(), m.Error()}))
			if hint.en != "" {
				fmt.Fprintf(a.stdout, "    %s\n", a.say(hint))
			}
		}
		switch {
		case asJSON:
		case len(mistakes) > 0:
			a.printf(ruleWords.mistakes, len(mistakes))
		case len(rest) == 0:
			a.printf(ruleWords.sound, n)
		}
		if len(rest) == 1 {
			return a.fileError(rest[0])
		}
		return written.Joined(rest...)
	}
	return c
}

// mistakeView is a mistake as --json prints it.
type mistakeView struct {
	written.Mistake
	Hint   string `json:"hint,omitempty"`
	HintKO string `json:"hint_ko,omitempty"`
}

func (a *app) ruleTest() *cobra.Command {
	var asJSON bool
	c := a.command("test [DIR]", ruleTestText)
	c.Args = cobra.MaximumNArgs(1)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(ruleFlags.json))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		files, root := rulesAt(args)
		res, err := rehearsal.Run(cmd.Context(), files, root)
		if err != nil {
			return a.fileError(atRoot(err, args))
		}
		passed, all := res.Passed()
		if passed < all {
			a.code = exitFailed
		}
		if asJSON {
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			return enc.Encode(res)
		}
		for _, t := range res.Tests {
			a.showTest(&t)
		}
		if len(res.Untested) > 0 {
			a.printf(ruleWords.untested, strings.Join(res.Untested, ", "))
		}
		a.printf(ruleWords.passed, all, passed)
		return nil
	}
	return c
}

func (a *app) showTest(t *rehearsal.Test) {
	for _, c := range t.Cases {
		if len(c.Differences) == 0 {
			a.printf(ruleWords.ok, t.File, c.Name, count(int64(c.Records)), len(c.Signals))
			continue
		}
		a.printf(ruleWords.failed, t.File, c.Name)
		for _, d := range c.Differences {
			a.printf(ruleWords.kinds[d.Kind], d.Rule, groupText(d.Group), d.Field, d.Want, d.Got)
		}
	}
}

// groupText writes a group's fields in one order.
func groupText(group map[string]string) string {
	var out []string
	for field, v := range group {
		out = append(out, field+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (a *app) ruleList() *cobra.Command {
	var asJSON bool
	c := a.command("list [DIR]", ruleListText)
	c.Args = cobra.MaximumNArgs(1)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(detectFlags.json))
	c.RunE = func(_ *cobra.Command, args []string) error {
		dir := ""
		if len(args) > 0 {
			dir = args[0]
		}
		docs, err := server.LoadRules(dir)
		live := detect.LiveOnlyRules(docs)
		if err == nil {
			docs, err = detect.Signalling(docs)
		}
		if err != nil {
			return a.fileError(err)
		}
		type view struct {
			Rule  string   `json:"rule"`
			File  string   `json:"file"`
			Level string   `json:"level"`
			Title string   `json:"title"`
			Tags  []string `json:"tags"`
			// Live: decided as a line is taken in, since no record holds what it asks.
			Live bool `json:"live_only,omitempty"`
		}
		t := newTable()
		t.indent = ""
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		for _, d := range docs {
			level := detect.SeverityOf(d)
			if asJSON {
				if err := enc.Encode(view{d.Key(), d.File, level.String(), d.Title, orEmpty(d.Tags), live[d]}); err != nil {
					return err
				}
				continue
			}
			en, ko, ok := strings.Cut(d.Title, " / ")
			if !ok {
				ko = en
			}
			title := a.say(text{ko, en})
			if live[d] {
				title += a.say(ruleWords.live)
			}
			t.add(d.Key(), a.say(severityWords[level]), title)
		}
		t.write(a.stdout)
		return nil
	}
	return c
}
