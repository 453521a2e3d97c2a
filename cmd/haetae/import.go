package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/rule"
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
	fl.StringArrayVar(&req.Networks, "networks", nil, a.say(flagText.networks))
	fl.StringVar(&req.Rules, "rules", "", a.say(flagText.importRules))
	fl.StringVar(&req.Lists, "lists", "", a.say(detectFlags.lists))
	fl.StringVar(&req.Source, "source", "", a.say(flagText.source))
	fl.StringVar(&req.Format, "format", "", a.say(flagText.format))
	fl.BoolVar(&req.New, "new", false, a.say(flagText.importNew))
	fl.BoolVar(&req.Again, "again", false, a.say(flagText.again))
	fl.BoolVar(&req.Redecode, "redecode", false, a.say(flagText.redecode))
	fl.IntVar(&workers, "workers", 0, a.say(flagText.workers))
	fl.BoolVar(&quiet, "quiet", false, a.say(flagText.quiet))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RegisterFlagCompletionFunc("source", offerFlag(a.sources(&f, &req.Catalog)))
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
		if err := a.natural("--workers", workers); err != nil {
			return err
		}
		if err := f.check(a); err != nil {
			return err
		}
		rep, err := a.runImport(cmd.Context(), &f, req, workers, quiet)
		// What was done is told also when something was not.
		switch {
		case rep == nil:
		case asJSON:
			err = errors.Join(err, a.json(rep))
		default:
			a.showImport(rep, args)
		}
		if err != nil {
			return a.importError(err)
		}
		if rep.Remarks() {
			a.code = exitAside
		}
		return nil
	}
	return c
}

// importError says what went wrong by the path that was typed, in the user's
// language.
func (a *app) importError(err error) error {
	var some *server.FilesError
	var one *server.FileError
	switch {
	case errors.As(err, &some) && some.Of > 1:
		return a.failure(err, importWords.someFailed, count(len(some.Errs)), count(some.Of))
	case errors.As(err, &one):
		cause := a.importCause(server.KindOf(err), one.Cause())
		switch {
		case errors.Is(err, syscall.ENOTDIR):
			cause = a.say(importWords.notFolder)
		case errors.Is(err, rule.ErrNoRules):
			cause = rule.ErrNoRules.Error()
		}
		var ko interface{ KO() string }
		if a.lang == korean && errors.As(err, &ko) {
			cause = ko.KO()
		}
		return a.failure(err, importWords.oneFailed, one.Path, cause)
	}
	return err
}

// fileError says a FileError that stands alone by the path that was typed.
func (a *app) fileError(err error) error {
	if _, ok := err.(*server.FileError); ok {
		return a.importError(err)
	}
	return err
}

// either is a text of the report in the user's language, where it has one.
func (a *app) either(en, ko string) string {
	if a.lang == korean && ko != "" {
		return ko
	}
	return en
}

// importCause is why a file was not imported.
func (a *app) importCause(kind, message string) string {
	if t, ok := importCauses[kind]; ok && a.lang == korean {
		return t.ko
	}
	return message
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
		if _, err := server.Missing(&req); err != nil {
			return nil, err
		}
		typed, err := absolute(&req)
		if err != nil {
			return nil, err
		}
		rep, err := c.Import(ctx, req, a.stdin, progress)
		asTyped(err, typed)
		return rep, err
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

// absolute makes the paths the server's own: it stands in another folder. typed
// gives each as it was.
func absolute(req *server.ImportRequest) (typed map[string]string, err error) {
	typed = map[string]string{}
	var errs []error
	fix := func(p *string) {
		if *p == "" || *p == "-" {
			return
		}
		abs, err := filepath.Abs(*p)
		errs = append(errs, err)
		typed[abs] = *p
		*p = abs
	}
	req.Files, req.Register, req.Holdings = slices.Clone(req.Files), slices.Clone(req.Register), slices.Clone(req.Holdings)
	req.Networks = slices.Clone(req.Networks)
	for i := range req.Networks {
		fix(&req.Networks[i])
	}
	for i := range req.Files {
		fix(&req.Files[i])
	}
	for _, list := range [][]server.DatedFile{req.Register, req.Holdings} {
		for i := range list {
			fix(&list[i].File)
		}
	}
	fix(&req.Catalog)
	fix(&req.Rules)
	fix(&req.Lists)
	return typed, errors.Join(errs...)
}

// asTyped gives the paths in an error their first form again.
func asTyped(err error, typed map[string]string) {
	var some *server.FilesError
	var one *server.FileError
	if !errors.As(err, &some) {
		if errors.As(err, &one) && typed[one.Path] != "" {
			one.Path = typed[one.Path]
		}
		return
	}
	for _, e := range some.Errs {
		var fe *server.FileError
		if errors.As(e, &fe) && typed[fe.Path] != "" {
			fe.Path = typed[fe.Path]
		}
	}
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

// showImport prints what was done. files are the logs as they were typed.
func (a *app) showImport(r *server.ImportReport, files []string) {
	if r.Catalog != nil {
		if r.Catalog.Changed {
			a.printf(importWords.catalogNew, r.Catalog.Name, r.Catalog.Edition)
		} else {
			a.printf(importWords.catalogSame, r.Catalog.Name, r.Catalog.Edition)
		}
	}
	edition := func(what text, list []server.EditionReport, of noun) {
		for _, e := range list {
			a.printf(what, e.Name, a.n(e.Good, of))
			if e.Bad > 0 {
				a.printf(importWords.badLines, a.n(e.Bad, nouns.line))
				for i, le := range e.Errors {
					if i == 5 {
						break
					}
					said := le.Error()
					if a.lang == korean {
						said = le.KO()
					}
					fmt.Fprintf(a.stdout, "    %s\n", said)
				}
			}
			if len(e.Ignored) > 0 {
				a.printf(importWords.ignored, strings.Join(e.Ignored, ", "))
			}
			if e.UnknownEntries > 0 {
				a.printf(importWords.unknownItems, count(e.UnknownEntries))
				for _, u := range e.Unknown {
					like := ""
					if u.Like != "" {
						like = a.sayf(importWords.like, u.Like)
					}
					fmt.Fprintf(a.stdout, "    %s %s%s\n", u.Name, count(u.Entries), like)
				}
			}
		}
	}
	edition(importWords.register, r.Register, nouns.account)
	edition(importWords.holdings, r.Holdings, nouns.line)
	for i, f := range r.Files {
		typed := f.File
		if i < len(files) && files[i] != "-" {
			typed = files[i]
		}
		if f.Error != nil {
			if len(files) > 1 { // of a single file the error itself says it
				a.printf(importWords.refused, typed, a.either(a.importCause(f.Error.Code, f.Error.Message), f.Error.Korean))
			}
			continue
		}
		if f.Already {
			a.printf(importWords.already, f.File)
			if f.Broken != "" {
				a.printf(importWords.broken, a.either(f.Broken, f.BrokenKO))
			}
			continue
		}
		a.printf(importWords.file, f.File, f.Source, f.Format, a.n(f.Records, nouns.record), a.n(f.Lines, nouns.line))
		if f.Known > 0 {
			a.printf(importWords.known, a.n(f.Known, nouns.line))
		}
		if f.Resumed {
			a.printf(importWords.resumed)
		}
		if f.Duplicates > 0 {
			a.printf(importWords.duplicates, a.n(f.Duplicates, nouns.record))
		}
		if f.Aside > 0 {
			a.printf(importWords.aside, a.n(f.Aside, nouns.line))
			a.showCauses(f.Causes, typed)
		}
		if f.LostAddresses > 0 {
			a.printf(importWords.lostAddresses, a.n(f.LostAddresses, nouns.record))
		}
		if f.LostTexts > 0 {
			a.printf(importWords.lostTexts, a.n(f.LostTexts, nouns.record))
		}
		if f.Broken != "" {
			a.printf(importWords.broken, a.either(f.Broken, f.BrokenKO))
		}
	}
	if len(r.Files) > 1 {
		a.printf(importWords.total, a.n(r.Records, nouns.record), a.n(r.Lines, nouns.line), count(r.Duplicates), count(r.Aside))
	}
}

// showCauses prints why lines were set aside, and where the first of each stands,
// as editors jump to it.
func (a *app) showCauses(causes []server.CauseCount, file string) {
	t := newTable(0)
	t.indent = "    "
	for _, c := range causes {
		t.add(count(c.Count), c.Field, a.causeText(c.Cause), a.sayf(importWords.first, file, c.Line))
	}
	t.write(a.stdout)
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
