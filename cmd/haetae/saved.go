package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

func (f *folder) scopes() string { return path.Join(f.data, ledger.ScopeDir) }

// sealedWhere begins a condition that was sealed because it holds an id: the
// data folder has no real id in it, saved questions included.
const sealedWhere = "age:"

func sealWhere(l *ledger.Ledger, where string) (string, error) {
	if !server.NamesID(where) {
		return where, nil
	}
	var buf bytes.Buffer
	w, err := pseudonym.SealTo(l.Recipient(), &buf)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(w, where); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return sealedWhere + base64.StdEncoding.EncodeToString(buf.Bytes()), nil
}

// saveScope keeps an answer under a name.
func (a *app) saveScope(f *scopeFlags, l *ledger.Ledger, q scope.Query, e *scope.Extent) error {
	where, err := sealWhere(l, e.Where)
	if err != nil {
		return fmt.Errorf("save scope: %w", err)
	}
	kept := *e
	kept.Where = where
	s := &scope.Saved{
		Name: f.save, At: time.Now().UTC().Truncate(time.Second), By: operator(), Where: where,
		From: q.From, To: q.To, Ledger: e.Ledger, Extent: &kept, Set: *e.Set(),
	}
	if err := scope.Save(disk.OS, f.scopes(), s); err != nil {
		return err
	}
	a.notef(savedWords.saved, f.save)
	return nil
}

// exportScope writes real ids, encrypted. The record of it comes first: what was
// opened cannot be closed again.
func (a *app) exportScope(ctx context.Context, f *scopeFlags, l *ledger.Ledger, view *ledger.View, e *scope.Extent) error {
	if _, err := os.Stat(f.export); err == nil {
		return fmt.Errorf("export: %s: %w", filepath.Base(f.export), fs.ErrExist)
	}
	opener, err := pseudonym.LoadOpening(disk.OS, f.openKey)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := l.LoadHeaders(opener); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	var out bytes.Buffer
	w, err := pseudonym.SealTo(f.recipient, &out)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	opening := server.Opening{What: "scope export", Reason: f.reason, To: f.recipient, Rows: int64(len(e.Set().People))}
	if err := a.recordOpening(ctx, &f.folder, opening); err != nil {
		return err
	}
	n, err := scope.Export(w, e.Set(),
		func(r dictionary.Ref) (string, error) { return view.RealID(opener, r) },
		func(r dictionary.Ref) (string, error) { return view.RealPerson(opener, r) })
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := disk.WriteFile(disk.OS, f.export, out.Bytes()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	a.notef(savedWords.exported, count(n.People), f.export)
	if n.Destroyed > 0 {
		a.notef(savedWords.destroyed, count(n.Destroyed))
	}
	return nil
}

// savedView is a saved scope as --json shows it.
type savedView struct {
	*scope.Saved
	Counts scope.Counts `json:"counts"`
}

func (a *app) scopeList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list", scopeListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		if err := f.check(a); err != nil {
			return err
		}
		names, err := scope.List(disk.OS, f.scopes())
		if err != nil {
			return err
		}
		views := []savedView{}
		for _, n := range names {
			s, err := scope.Load(disk.OS, f.scopes(), n)
			if err != nil {
				return err
			}
			s.Extent = nil
			views = append(views, savedView{s, s.Set.Counts()})
		}
		if asJSON {
			return a.json(views)
		}
		if len(views) == 0 {
			a.printf(savedWords.none)
			return nil
		}
		t := newTable(2, 3)
		t.add(a.say(savedWords.name), a.say(savedWords.when), a.say(savedWords.accounts), a.say(savedWords.people), a.say(savedWords.by))
		for _, v := range views {
			t.add(v.Name, v.At.Local().Format("2006-01-02 15:04"), count(v.Counts.Accounts), count(v.Counts.People), v.By)
		}
		t.write(a.stdout)
		return nil
	}
	return c
}

func (a *app) scopeShow() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("show NAME", scopeShowText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(_ *cobra.Command, args []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		s, err := scope.Load(disk.OS, f.scopes(), args[0])
		if err != nil {
			return err
		}
		if asJSON {
			return a.json(savedView{s, s.Set.Counts()})
		}
		a.printf(savedWords.head, s.Name, s.At.Local().Format("2006-01-02 15:04"), s.By)
		if s.Extent != nil {
			a.showExtent(s.Extent, l.Catalog(), "", false)
			return nil
		}
		fmt.Fprintf(a.stdout, "  %s\n\n", s.Of)
		a.showSet(s.Set.Counts(), l)
		return nil
	}
	return c
}

// showSet prints the numbers of a set.
func (a *app) showSet(n scope.Counts, l *ledger.Ledger) {
	t := newTable(1)
	t.add(a.say(savedWords.accounts), count(n.Accounts))
	t.add(a.say(savedWords.people), count(n.People))
	t.write(a.stdout)
	a.showItems(&scope.Extent{Items: n.Items}, l.Catalog())
}

func (f *folder) loadTwo(a, b string) (*scope.Saved, *scope.Saved, error) {
	x, err := scope.Load(disk.OS, f.scopes(), a)
	if err != nil {
		return nil, nil, err
	}
	y, err := scope.Load(disk.OS, f.scopes(), b)
	return x, y, err
}

func (a *app) scopeDiff() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("diff A B", scopeDiffText)
	c.Args = a.args(2)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := f.check(a); err != nil {
			return err
		}
		x, y, err := f.loadTwo(args[0], args[1])
		if err != nil {
			return err
		}
		var parts [3]scope.Counts
		for i, op := range []func() (*scope.Set, error){
			func() (*scope.Set, error) { return scope.Apply(scope.Minus, &x.Set, &y.Set) },
			func() (*scope.Set, error) { return scope.Apply(scope.And, &x.Set, &y.Set) },
			func() (*scope.Set, error) { return scope.Apply(scope.Minus, &y.Set, &x.Set) },
		} {
			s, err := op()
			if err != nil {
				return err
			}
			parts[i] = s.Counts()
		}
		if asJSON {
			return a.json(struct {
				A     string       `json:"a"`
				B     string       `json:"b"`
				OnlyA scope.Counts `json:"only_a"`
				Both  scope.Counts `json:"both"`
				OnlyB scope.Counts `json:"only_b"`
			}{args[0], args[1], parts[0], parts[1], parts[2]})
		}
		t := newTable(1, 2)
		t.add("", a.say(savedWords.accounts), a.say(savedWords.people))
		names := []string{fmt.Sprintf(a.say(savedWords.diffOnly), args[0]), a.say(savedWords.diffBoth), fmt.Sprintf(a.say(savedWords.diffOnly), args[1])}
		for i, p := range parts {
			t.add(names[i], count(p.Accounts), count(p.People))
		}
		t.write(a.stdout)
		a.printf(savedWords.diffNote)
		return nil
	}
	return c
}

// scopeSet is "and" and "minus".
func (a *app) scopeSet(op scope.Operation, t commandText) *cobra.Command {
	var f folder
	var save string
	var asJSON bool
	c := a.command(string(op)+" A B", t)
	c.Args = a.args(2)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&save, "save", "", a.say(flagText.save))
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(_ *cobra.Command, args []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		x, y, err := f.loadTwo(args[0], args[1])
		if err != nil {
			return err
		}
		set, err := scope.Apply(op, &x.Set, &y.Set)
		if err != nil {
			return err
		}
		of := args[0] + " " + string(op) + " " + args[1]
		if save != "" {
			s := &scope.Saved{Name: save, At: time.Now().UTC().Truncate(time.Second), By: operator(), Of: of, Ledger: x.Ledger, Set: *set}
			if err := scope.Save(disk.OS, f.scopes(), s); err != nil {
				return err
			}
			a.notef(savedWords.saved, save)
		}
		if asJSON {
			return a.json(struct {
				Of string `json:"of"`
				scope.Counts
			}{of, set.Counts()})
		}
		fmt.Fprintf(a.stdout, "%s\n\n", of)
		a.showSet(set.Counts(), l)
		return nil
	}
	return c
}
