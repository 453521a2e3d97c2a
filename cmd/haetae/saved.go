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
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/event"
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

// exportFlags is what real ids leave with.
type exportFlags struct {
	export, recipient, reason, openKey string
}

func (a *app) exportFlags(c *cobra.Command, f *exportFlags) {
	fl := c.Flags()
	fl.StringVar(&f.export, "export", "", a.say(flagText.export))
	fl.StringVar(&f.recipient, "to-recipient", "", a.say(flagText.recipient))
	fl.StringVar(&f.reason, "reason", "", a.say(flagText.reason))
	fl.StringVar(&f.openKey, "open-key", "", a.say(flagText.openKey))
}

// check looks at the flags alone.
func (f *exportFlags) check(a *app) error {
	if f.export == "" {
		for name, v := range map[string]string{"--to-recipient": f.recipient, "--reason": f.reason, "--open-key": f.openKey} {
			if v != "" {
				return a.usage(scopeText.exportOnly, name)
			}
		}
		return nil
	}
	if f.recipient == "" || strings.TrimSpace(f.reason) == "" || f.openKey == "" {
		return a.usage(usageText.exportNeeds)
	}
	if filepath.Base(f.openKey) == pseudonym.HashKeyName {
		return a.usage(usageText.hashKey)
	}
	if _, err := pseudonym.SealTo(f.recipient, io.Discard); err != nil {
		return a.usage(scopeText.badRecipient)
	}
	return nil
}

// preparedExport is an export that can only fail by the disk.
type preparedExport struct {
	*exportFlags
	opener *pseudonym.Opener
}

// prepare makes sure of everything an export needs, before anything is saved or
// recorded. nil: none was asked for.
func (f *exportFlags) prepare(l *ledger.Ledger) (*preparedExport, error) {
	if f.export == "" {
		return nil, nil
	}
	if _, err := os.Stat(f.export); err == nil {
		return nil, fmt.Errorf("export: %s: %w", filepath.Base(f.export), fs.ErrExist)
	}
	opener, err := pseudonym.LoadOpening(disk.OS, f.openKey)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if err := l.LoadHeaders(opener); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return &preparedExport{f, opener}, nil
}

// exportSet writes real ids, encrypted. The record of it comes first: what was
// opened cannot be closed again.
func (a *app) exportSet(ctx context.Context, f *folder, ex *preparedExport, view *ledger.View, set *scope.Set) error {
	var out bytes.Buffer
	w, err := pseudonym.SealTo(ex.recipient, &out)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	opening := server.Opening{What: "scope export", Reason: ex.reason, To: ex.recipient, Rows: int64(len(set.People))}
	if err := a.recordOpening(ctx, f, opening); err != nil {
		return err
	}
	n, err := scope.Export(w, set,
		func(r dictionary.Ref) (string, error) { return view.RealID(ex.opener, r) },
		func(r dictionary.Ref) (string, error) { return view.RealPerson(ex.opener, r) })
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := disk.WriteFile(disk.OS, ex.export, out.Bytes()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	a.notef(savedWords.exported, count(n.People), ex.export)
	if n.Destroyed > 0 {
		a.notef(savedWords.destroyed, count(n.Destroyed))
	}
	return nil
}

// exportSaved is exportSet for a set that was saved, or made of saved ones.
func (a *app) exportSaved(ctx context.Context, f *folder, ex *preparedExport, l *ledger.Ledger, set *scope.Set) error {
	view, err := l.View()
	if err != nil {
		return err
	}
	defer view.Close()
	return a.exportSet(ctx, f, ex, view, set)
}

// savedView is a saved scope as --json shows it: with its span written as the
// answer itself writes it.
type savedView struct {
	*scope.Saved
	From   string       `json:"from,omitempty"`
	To     string       `json:"to,omitempty"`
	Counts scope.Counts `json:"counts"`
}

func viewOf(s *scope.Saved, zone *time.Location) savedView {
	v := savedView{Saved: s, Counts: s.Set.Counts()}
	for _, t := range []struct {
		at   event.Millis
		text *string
	}{{s.From, &v.From}, {s.To, &v.To}} {
		if t.at != 0 {
			*t.text = t.at.Time().In(zone).Format("2006-01-02T15:04:05.000Z07:00")
		}
	}
	return v
}

// savedNames completes the names of saved scopes, for the first n arguments.
func (a *app) savedNames(f *folder, n int) completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n || f.check(a) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, _ := scope.List(disk.OS, f.scopes())
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) scopeList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list", scopeListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		zone := zoneOf(l.Catalog())
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
			views = append(views, viewOf(s, zone))
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
			t.add(v.Name, stamp(v.At, zone), count(v.Counts.Accounts), count(v.Counts.People), v.By)
		}
		t.write(a.stdout)
		return nil
	}
	return c
}

func (a *app) scopeShow() *cobra.Command {
	var f folder
	var ef exportFlags
	var asJSON bool
	c := a.command("show NAME", scopeShowText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	a.exportFlags(c, &ef)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.ValidArgsFunction = a.savedNames(&f, 1)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := ef.check(a); err != nil {
			return err
		}
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		s, err := scope.Load(disk.OS, f.scopes(), args[0])
		if err != nil {
			return err
		}
		ex, err := ef.prepare(l)
		if err != nil {
			return err
		}
		if ex != nil {
			if err := a.exportSaved(cmd.Context(), &f, ex, l, &s.Set); err != nil {
				return err
			}
		}
		zone := zoneOf(l.Catalog())
		if asJSON {
			return a.json(viewOf(s, zone))
		}
		a.printf(savedWords.head, s.Name, stamp(s.At, zone), s.By)
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
	c.ValidArgsFunction = a.savedNames(&f, 2)
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
		names := []string{a.sayf(savedWords.diffOnly, args[0]), a.say(savedWords.diffBoth), a.sayf(savedWords.diffOnly, args[1])}
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
	var ef exportFlags
	var save string
	var asJSON bool
	c := a.command(string(op)+" A B", t)
	c.Args = a.args(2)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&save, "save", "", a.say(flagText.save))
	a.exportFlags(c, &ef)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.ValidArgsFunction = a.savedNames(&f, 2)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := ef.check(a); err != nil {
			return err
		}
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
		ex, err := ef.prepare(l)
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
		if ex != nil {
			if err := a.exportSaved(cmd.Context(), &f, ex, l, set); err != nil {
				return err
			}
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
