package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

func (a *app) asideCommand() *cobra.Command {
	return a.group("aside", asideText, a.asideList(), a.asideShow())
}

// causeText is why a line was set aside, in the user's language.
func (a *app) causeText(code string) string { return line.CauseText(code, a.lang == korean) }

func (a *app) asideList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list", asideListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		counts, err := l.Aside()
		if err != nil {
			return err
		}
		if asJSON {
			return a.json(orEmpty(counts))
		}
		if len(counts) == 0 {
			a.printf(asideWords.none)
			return nil
		}
		t := newTable(1)
		for _, n := range counts {
			t.add(n.Source, count(n.Count), n.Field, a.causeText(n.Cause))
		}
		t.write(a.stdout)
		return nil
	}
	return c
}

func (a *app) asideShow() *cobra.Command {
	var f folder
	var openKey, reason, source string
	var limit int
	var asJSON bool
	c := a.command("show --open-key FILE --reason TEXT", asideShowText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&openKey, "open-key", "", a.say(flagText.openKey))
	fl.StringVar(&reason, "reason", "", a.say(flagText.reason))
	fl.StringVar(&source, "source", "", a.say(flagText.showSource))
	fl.IntVar(&limit, "limit", 20, a.say(flagText.limit))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if openKey == "" || strings.TrimSpace(reason) == "" {
			return a.usage(usageText.asideNeeds)
		}
		opener, err := pseudonym.LoadOpening(disk.OS, openKey)
		if err != nil {
			return err
		}
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		// The record of the opening comes first: what was seen cannot be unseen.
		lines, err := asideLines(l, opener, source, limit)
		if err != nil {
			return err
		}
		if err := a.recordOpening(cmd.Context(), &f, server.Opening{What: "aside show", Reason: reason, Rows: int64(len(lines))}); err != nil {
			return err
		}
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		for _, ln := range lines {
			if asJSON {
				if err := enc.Encode(asideView{ln, string(ln.Text)}); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(a.stdout, "%s %s:%d: %s: %s\n  %q\n", ln.Source, ln.File, ln.Line, ln.Field, a.causeText(ln.Cause), ln.Text)
		}
		a.notef(asideWords.opened, count(len(lines)))
		return nil
	}
	return c
}

// errNothing ends a walk that has what it wants.
var errNothing = errors.New("nothing more is wanted")

// asideView is a line set aside with its text readable.
type asideView struct {
	ledger.AsideLine
	Text string `json:"text"`
}

func asideLines(l *ledger.Ledger, opener *pseudonym.Opener, source string, limit int) ([]ledger.AsideLine, error) {
	var out []ledger.AsideLine
	err := l.OpenAside(opener, func(ln ledger.AsideLine) error {
		if source != "" && ln.Source != source {
			return nil
		}
		if limit > 0 && len(out) == limit {
			return errNothing
		}
		out = append(out, ln)
		return nil
	})
	if err != nil && err != errNothing {
		return nil, err
	}
	return out, nil
}

// recordOpening writes the access record of an opening, through the server if
// one owns the folder.
func (a *app) recordOpening(ctx context.Context, f *folder, o server.Opening) error {
	o.By = operator()
	return a.change(ctx, f, func(l *ledger.Ledger) error { return server.RecordOpening(ctx, l, o) },
		func(c *server.Client) error { return c.RecordOpening(ctx, o) })
}
