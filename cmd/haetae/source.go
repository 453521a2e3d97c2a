package main

import (
	"errors"
	"path"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog/guess"
)

func (a *app) sourceCommand() *cobra.Command {
	return a.group("source", sourceText, a.sourceGuess())
}

func (a *app) sourceGuess() *cobra.Command {
	var name string
	c := a.command("guess LOG|-", sourceGuessText)
	c.Args = a.args(1)
	c.Flags().StringVar(&name, "name", "", a.say(sourceWords.name))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		in, _, err := a.openInput(args[0])
		if err != nil {
			return err
		}
		defer in.Close()
		if name != "" && !sourceName.MatchString(name) {
			return a.usage(sourceWords.badName)
		}
		d, err := guess.From(cmd.Context(), in, guess.Options{File: path.Base(args[0]), Name: name, Korean: a.lang == korean})
		for _, known := range []struct {
			err  error
			what text
		}{{guess.ErrEmpty, sourceWords.empty}, {guess.ErrUnknown, sourceWords.unknown}, {guess.ErrNoTime, sourceWords.noTime}} {
			if errors.Is(err, known.err) {
				return a.failure(err, known.what)
			}
		}
		if err != nil {
			return err
		}
		if _, err := a.stdout.Write(d.Text); err != nil {
			return err
		}
		if d.Aside > 0 {
			a.code = exitAside
		}
		return nil
	}
	return c
}

var sourceName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
