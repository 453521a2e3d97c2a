package main

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
)

func (a *app) initCommand() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("init --data DIR", initText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		if err := f.check(a); err != nil {
			return err
		}
		if f.keys == "" {
			f.keys = ledger.KeyDirOf(f.data)
		}
		if inside(f.keys, f.data) {
			return a.usage(usageText.keysInside)
		}
		if err := ledger.Create(disk.OS, f.data, f.keys); err != nil {
			return err
		}
		hash, open := path.Join(f.keys, pseudonym.HashKeyName), path.Join(f.keys, pseudonym.OpenKeyName)
		if asJSON {
			return a.json(map[string]string{"data": f.data, "hash_key": hash, "open_key": open})
		}
		a.printf(initWords.done, f.data, hash, open)
		return nil
	}
	return c
}

// inside reports whether a folder is another one or below it.
func inside(dir, parent string) bool {
	d, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	p, err := filepath.Abs(parent)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(p, d)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
