package main

import (
	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

// What the shell offers when a word is to be completed. Nothing here may print
// or fail: a folder that cannot be read has nothing to offer.

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// offer completes the first argument only.
func offer(list func() []string) completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(), cobra.ShellCompDirectiveNoFileComp
	}
}

// offerFlag completes a flag, whatever arguments there are.
func offerFlag(list func() []string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveNoFileComp
	}
}

// sources lists the sources of the catalog file that was named, else of the
// folder's catalog.
func (a *app) sources(f *folder, file *string) func() []string {
	return func() []string {
		var cat *catalog.Catalog
		if file != nil && *file != "" {
			cat, _ = readCatalog(*file)
		} else if l, err := f.read(a); err == nil {
			cat = l.Catalog()
			l.Close()
		}
		if cat == nil {
			return nil
		}
		var out []string
		for _, s := range cat.Sources {
			out = append(out, s.Name)
		}
		return out
	}
}

func (a *app) tokenIDs(f *folder) func() []string {
	return func() []string {
		if f.check(a) != nil {
			return nil
		}
		ts, _ := server.Tokens(disk.OS, f.data)
		var out []string
		for _, t := range ts {
			out = append(out, t.ID+"\t"+t.Source)
		}
		return out
	}
}

func (a *app) holdNames(f *folder) func() []string {
	return func() []string {
		l, err := f.read(a)
		if err != nil {
			return nil
		}
		defer l.Close()
		var out []string
		for _, h := range ledger.Standing(l.Stats().Holds) {
			out = append(out, h.Name+"\t"+server.OneLine(h.Reason))
		}
		return out
	}
}
