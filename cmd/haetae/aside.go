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
		t.add(a.say(asideWords.source), a.say(asideWords.lines), a.say(asideWords.field), a.say(asideWords.cause), a.say(asideWords.first))
		for _, n := range counts {
			t.add(n.Source, count(n.Count), n.Field, a.causeText(n.Cause), position(n.File, n.Line, n.Offset))
		}
		t.write(a.stdout)
		a.printf(asideWords.how)
		return nil
	}
	return c
}

// position is where a line stood, as editors jump to it; a request that was sent
// has a line and no file.
func position(file string, line, offset int64) string {
	file = server.OneLine(file)
	switch {
	case line > 0:
		return fmt.Sprintf("%s:%d", file, line)
	case file != "":
		return fmt.Sprintf("%s@%d", file, offset)
	}
	return ""
}

// asidePick says which of the lines set aside are wanted; what is empty is any.
type asidePick struct {
	source, file, field, cause string
	limit                      int
}

func (p *asidePick) wants(ln *ledger.AsideLine) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return is(p.source, ln.Source) && is(p.file, ln.File) && is(p.field, ln.Field) && is(p.cause, ln.Cause)
}

func (a *app) asideShow() *cobra.Command {
	var f folder
	var openKey, reason string
	var pick asidePick
	var asJSON bool
	c := a.command("show --open-key FILE --reason TEXT", asideShowText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&openKey, "open-key", "", a.say(flagText.openKey))
	fl.StringVar(&reason, "reason", "", a.say(flagText.reason))
	fl.StringVar(&pick.source, "source", "", a.say(flagText.showSource))
	fl.StringVar(&pick.file, "file", "", a.say(asideWords.onlyFile))
	fl.StringVar(&pick.field, "field", "", a.say(asideWords.onlyField))
	fl.StringVar(&pick.cause, "cause", "", a.say(asideWords.onlyCause))
	fl.IntVar(&pick.limit, "limit", 20, a.say(flagText.limit))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RegisterFlagCompletionFunc("source", offerFlag(a.sources(&f, nil)))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if openKey == "" || server.OneLine(reason) == "" {
			return a.usage(usageText.asideNeeds)
		}
		if err := a.natural("--limit", pick.limit); err != nil {
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
		lines, err := asideLines(l, opener, &pick)
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
			fmt.Fprintf(a.stdout, "%s %s: %s (%s)\n  %q\n", ln.Source, position(ln.File, ln.Line, ln.Offset), what, a.sayf(asideWords.at, ln.Offset), ln.Text)
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

func asideLines(l *ledger.Ledger, opener *pseudonym.Opener, pick *asidePick) ([]ledger.AsideLine, error) {
	var out []ledger.AsideLine
	err := l.OpenAside(opener, func(ln ledger.AsideLine) error {
		if !pick.wants(&ln) {
			return nil
		}
		if pick.limit > 0 && len(out) == pick.limit {
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
