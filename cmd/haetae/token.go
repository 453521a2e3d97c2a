package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/server"
)

func (a *app) tokenCommand() *cobra.Command {
	return a.group("token", tokenText, a.tokenAdd(), a.tokenList(), a.tokenRemove())
}

func (a *app) tokenAdd() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("add SOURCE", tokenAddText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.ValidArgsFunction = offer(a.sources(&f, nil))
	c.RunE = func(_ *cobra.Command, args []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		cat := l.Catalog()
		l.Close()
		known := false
		if cat != nil {
			_, known = cat.Source(args[0])
		}
		text, t, err := server.AddToken(disk.OS, f.data, args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return a.json(struct {
				Token  string `json:"token"`
				Source string `json:"source"`
				ID     string `json:"id"`
				Known  bool   `json:"source_in_catalog"`
			}{text, t.Source, t.ID, known})
		}
		fmt.Fprintln(a.stdout, text)
		a.notef(tokenWords.added, t.Source, t.ID)
		if !known {
			a.notef(tokenWords.unknownSource, t.Source)
		}
		return nil
	}
	return c
}

func (a *app) tokenList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list", tokenListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		if err := f.check(a); err != nil {
			return err
		}
		ts, err := server.Tokens(disk.OS, f.data)
		if err != nil {
			return err
		}
		if asJSON {
			return a.json(orEmpty(ts))
		}
		if len(ts) == 0 {
			a.printf(tokenWords.none)
			return nil
		}
		zone := time.Local
		if l, err := f.read(a); err == nil {
			zone = zoneOf(l.Catalog())
			l.Close()
		}
		t := newTable()
		t.add(a.say(tokenWords.id), a.say(tokenWords.source), a.say(tokenWords.made))
		for _, x := range ts {
			t.add(x.ID, x.Source, stamp(x.Made, zone))
		}
		t.write(a.stdout)
		return nil
	}
	return c
}

func (a *app) tokenRemove() *cobra.Command {
	var f folder
	c := a.command("remove ID", tokenRemoveText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.ValidArgsFunction = offer(a.tokenIDs(&f))
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := f.check(a); err != nil {
			return err
		}
		ok, err := server.RemoveToken(disk.OS, f.data, args[0])
		if err != nil {
			return err
		}
		if !ok {
			return a.failure(nil, tokenWords.noSuch)
		}
		a.printf(tokenWords.removed)
		return nil
	}
	return c
}

// orEmpty makes a list that JSON writes as [], never as null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
