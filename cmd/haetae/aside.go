package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

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
		t.add(a.say(asideWords.source), a.say(asideWords.lines), a.say(asideWords.field), a.say(asideWords.cause))
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
	c.RegisterFlagCompletionFunc("source", offerFlag(a.sources(&f, nil)))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if openKey == "" || server.OneLine(reason) == "" {
			return a.usage(usageText.asideNeeds)
		}
		if err := a.natural("--limit", limit); err != nil {
			return err
		}
		opener, err := a.loadOpening(openKey)
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
			what := a.causeText(ln.Cause)
			if ln.Field != "" {
				what = ln.Field + ": " + what
			}
			fmt.Fprintf(a.stdout, "%s %s:%d: %s\n  %q\n", ln.Source, ln.File, ln.Line, what, ln.Text)
		}
		a.notef(asideWords.opened, a.n(len(lines), nouns.line))
		return nil
	}
	return c
}

// loadOpening reads an opening key, and says so when the other key of a folder
// was given: the two lie side by side after init.
func (a *app) loadOpening(file string) (*pseudonym.Opener, error) {
	opener, err := pseudonym.LoadOpening(disk.OS, file)
	if errors.Is(err, pseudonym.ErrKey) && filepath.Base(file) == pseudonym.HashKeyName {
		return nil, a.usage(usageText.hashKey)
	}
	return opener, err
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
	if err != nil && !errors.Is(err, errNothing) {
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
