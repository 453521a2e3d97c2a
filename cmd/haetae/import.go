package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/server"
)

func (a *app) importCommand() *cobra.Command {
	var f folder
	var req server.ImportRequest
	var holdings, register []string
	var workers int
	var asJSON, quiet bool
	c := a.command("import --data DIR [FILE…|-]", importText)
	c.Args = a.argRange(0, -1)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&req.Catalog, "catalog", "", a.say(flagText.catalog))
	fl.StringArrayVar(&holdings, "holdings", nil, a.say(flagText.holdings))
	fl.StringArrayVar(&register, "register", nil, a.say(flagText.register))
	fl.StringVar(&req.Source, "source", "", a.say(flagText.source))
	fl.StringVar(&req.Format, "format", "", a.say(flagText.format))
	fl.BoolVar(&req.New, "new", false, a.say(flagText.importNew))
	fl.BoolVar(&req.Redecode, "redecode", false, a.say(flagText.redecode))
	fl.IntVar(&workers, "workers", 0, a.say(flagText.workers))
	fl.BoolVar(&quiet, "quiet", false, a.say(flagText.quiet))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(server.FormatNames(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		for _, h := range holdings {
			req.Holdings = append(req.Holdings, dated(h))
		}
		for _, r := range register {
			req.Register = append(req.Register, dated(r))
		}
		req.Files = args
		if len(args) == 0 && req.Catalog == "" && len(holdings) == 0 && len(register) == 0 {
			return a.usage(usageText.noFiles)
		}
		for _, name := range args {
			if name == "-" && len(args) > 1 {
				return a.usage(usageText.stdinOnce)
			}
		}
		if err := f.check(a); err != nil {
			return err
		}
		rep, err := a.runImport(cmd.Context(), &f, req, workers, quiet)
		if err != nil {
			return err
		}
		if rep.Remarks() {
			a.code = exitAside
		}
		if asJSON {
			return a.json(rep)
		}
		a.showImport(rep)
		return nil
	}
	return c
}

func dated(s string) server.DatedFile {
	file, date := cutDate(s)
	return server.DatedFile{File: file, From: date}
}

// runImport imports here, or lets the server that owns the folder do it.
func (a *app) runImport(ctx context.Context, f *folder, req server.ImportRequest, workers int, quiet bool) (*server.ImportReport, error) {
	var progress func(server.Progress)
	if !quiet {
		bar := newBar(a)
		defer bar.end()
		progress = bar.show
	}
	if c := a.client(ctx, f); c != nil {
		if !quiet {
			a.notef(importWords.handedOver, c.Listen())
		}
		if err := absolute(&req); err != nil {
			return nil, err
		}
		return c.Import(ctx, req, a.stdin, progress)
	}
	l, err := f.own(a)
	if err != nil {
		return nil, err
	}
	rep, err := server.Import(ctx, l, req, server.ImportOptions{Workers: server.Workers(workers), Stdin: a.stdin, Progress: progress})
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	return rep, err
}

// absolute makes the paths the server's own: it stands in another folder.
func absolute(req *server.ImportRequest) error {
	fix := func(p *string) error {
		if *p == "" || *p == "-" {
			return nil
		}
		abs, err := filepath.Abs(*p)
		*p = abs
		return err
	}
	files := make([]string, len(req.Files))
	copy(files, req.Files)
	req.Files = files
	for i := range req.Files {
		if err := fix(&req.Files[i]); err != nil {
			return err
		}
	}
	for _, list := range [][]server.DatedFile{req.Register, req.Holdings} {
		for i := range list {
			if err := fix(&list[i].File); err != nil {
				return err
			}
		}
	}
	return fix(&req.Catalog)
}

// client returns a client of the server that owns the folder, or nil.
func (a *app) client(ctx context.Context, f *folder) *server.Client {
	address, err := server.ReadAddress(disk.OS, f.data)
	if err != nil {
		return nil
	}
	c := server.NewClient(address)
	if !c.Alive(ctx) {
		return nil
	}
	return c
}

func (a *app) showImport(r *server.ImportReport) {
	if r.Catalog != nil {
		if r.Catalog.Changed {
			a.printf(importWords.catalogNew, r.Catalog.Name, r.Catalog.Edition)
		} else {
			a.printf(importWords.catalogSame, r.Catalog.Name, r.Catalog.Edition)
		}
	}
	edition := func(what text, list []server.EditionReport) {
		for _, e := range list {
			a.printf(what, e.Name, count(e.Good))
			if e.Bad > 0 {
				a.printf(importWords.badLines, count(e.Bad))
				for i, le := range e.Errors {
					if i == 5 {
						break
					}
					fmt.Fprintf(a.stdout, "    %s\n", le)
				}
			}
		}
	}
	edition(importWords.register, r.Register)
	edition(importWords.holdings, r.Holdings)
	for _, f := range r.Files {
		if f.Already {
			a.printf(importWords.already, f.File)
			continue
		}
		a.printf(importWords.file, f.File, f.Source, f.Format, count(f.Records), count(f.Lines))
		if f.Resumed {
			a.printf(importWords.resumed)
		}
		if f.Duplicates > 0 {
			a.printf(importWords.duplicates, count(f.Duplicates))
		}
		if f.Aside > 0 {
			a.printf(importWords.aside, count(f.Aside))
		}
		if f.Broken != "" {
			a.printf(importWords.broken, f.Broken)
		}
	}
	if len(r.Files) > 1 {
		a.printf(importWords.total, count(r.Records), count(r.Lines), count(r.Duplicates), count(r.Aside))
	}
}

// openInput opens a log for reading once, "-" being standard input.
func (a *app) openInput(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(a.stdin), -1, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}
