package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

// quickstartMark is in a folder that quickstart made, so that it never touches
// one that somebody else made.
const quickstartMark = "quickstart"

// stolenKey is the key of the sample whose reach is shown.
const stolenKey = `credential.key == "sig-2024-04"`

func (a *app) quickstartCommand() *cobra.Command {
	var data, listen string
	var once bool
	c := a.command("quickstart", quickstartText)
	c.Args = a.args(0)
	c.Flags().StringVar(&data, "data", "haetae-data", a.say(flagText.data))
	c.Flags().StringVar(&listen, "listen", server.DefaultListen, a.say(flagText.listen))
	c.Flags().BoolVar(&once, "once", false, a.say(flagText.once))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.quickstart(cmd.Context(), &folder{data: data}, listen, once)
	}
	return c
}

func (a *app) quickstart(ctx context.Context, f *folder, listen string, once bool) error {
	if err := f.check(a); err != nil {
		return err
	}
	if err := a.quickstartFolder(f); err != nil {
		return err
	}
	begin := time.Now()
	s, err := server.New(server.Options{Data: f.data, Listen: listen, Logger: a.logger(slog.LevelWarn), Version: version()})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.Run(ctx) }()
	err = a.quickstartShow(ctx, f, s, begin)
	if err == nil && !once {
		a.printf(quickWords.serving, s.Addr())
		select {
		case err = <-served:
			return err
		case <-ctx.Done():
		}
	}
	stop()
	return errors.Join(err, <-served)
}

// quickstartFolder makes the folder, or takes one that an earlier run made.
func (a *app) quickstartFolder(f *folder) error {
	mark := filepath.Join(f.data, quickstartMark)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if names, err := os.ReadDir(f.data); err == nil && len(names) > 0 {
		return a.failure(fs.ErrExist, quickWords.notOurs, f.data)
	}
	if err := ledger.Create(disk.OS, f.data, ""); err != nil {
		return err
	}
	return disk.WriteFile(disk.OS, mark, []byte("made by haetae quickstart from the sample of a made-up shop\n"))
}

func (a *app) quickstartShow(ctx context.Context, f *folder, s *server.Server, begin time.Time) error {
	// The sample goes the way every file goes, so it becomes files first.
	tmp, err := os.MkdirTemp("", "haetae-sample-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	file := func(name string) (string, error) {
		data, err := fs.ReadFile(packs.FS, name)
		if err != nil {
			return "", err
		}
		out := filepath.Join(tmp, filepath.Base(name))
		return out, os.WriteFile(out, data, 0o600)
	}
	var req server.ImportRequest
	var paths [4]string
	for i, name := range []string{"catalogs/shop.yaml", "sample/shop/register.csv", "sample/shop/holdings.csv", "sample/shop/access.ndjson.gz"} {
		if paths[i], err = file(name); err != nil {
			return fmt.Errorf("sample: %w", err)
		}
	}
	req.Files = paths[3:]
	c, err := server.ContentsOf(s.Ledger())
	if err != nil {
		return err
	}
	if c.Catalog == nil { // else an earlier run has done it, and the user may have changed it since
		req.Catalog = paths[0]
	}
	if len(c.Registers) == 0 {
		req.Register = []server.DatedFile{{File: paths[1]}}
		req.Holdings = []server.DatedFile{{File: paths[2]}}
	}
	a.printf(quickWords.begin, f.data, ledger.KeyDirOf(f.data))
	rep, err := server.Import(ctx, s.Ledger(), req, server.ImportOptions{Workers: server.Workers(0)})
	if err != nil {
		return err
	}
	a.showImport(rep, req.Files)
	view, err := s.Ledger().View()
	if err != nil {
		return err
	}
	defer view.Close()
	asked := time.Now()
	cat := s.Ledger().Catalog()
	e, err := scope.Run(ctx, view, scope.Query{Where: stolenKey, Zone: zoneOf(cat)})
	if err != nil {
		return err
	}
	name := thisProgram()
	a.printf(quickWords.question, name, f.data, stolenKey)
	a.showExtent(e, cat, "", false)
	a.printf(quickWords.took, time.Since(asked).Round(time.Millisecond), time.Since(begin).Round(10*time.Millisecond))
	a.printf(quickWords.noticed, name, f.data)
	start, err := fs.ReadFile(packs.FS, "catalogs/web.yaml")
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	next := filepath.Join(f.data, "web.yaml")
	if old, err := os.ReadFile(next); err != nil || bytes.Equal(old, start) {
		if err := disk.WriteFile(disk.OS, next, start); err != nil {
			return err
		}
	}
	a.printf(quickWords.next, next, name, name, name, name)
	if name != "haetae" {
		a.printf(quickWords.install)
	}
	return nil
}
