package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

func (a *app) exportCommand() *cobra.Command {
	return a.group("export", exportText, a.exportOCSF())
}

func (a *app) exportOCSF() *cobra.Command {
	var f folder
	var where, from, to, out string
	var signals bool
	var rules server.DetectRequest
	c := a.command("ocsf --data DIR [--where CEL] [-o FILE]", exportOCSFText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&where, "where", "", a.say(flagText.where))
	fl.StringVar(&from, "from", "", a.say(flagText.from))
	fl.StringVar(&to, "to", "", a.say(flagText.to))
	fl.BoolVar(&signals, "signals", false, a.say(exportWords.signals))
	fl.StringVarP(&out, "output", "o", "", a.say(exportWords.output))
	a.ruleFlags(c, &rules)
	c.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		req := server.OCSFRequest{Query: scope.Query{Where: where}, Version: version()}
		if err := a.span(&req.Query, from, to, zoneOf(l.Catalog())); err != nil {
			return err
		}
		if signals {
			rules.From, rules.To = req.Query.From, req.Query.To
			req.Signals = &rules
		}
		w, end, err := a.outputFile(out)
		if err != nil {
			return err
		}
		buffered := bufio.NewWriterSize(w, 1<<16)
		n, err := server.ExportOCSF(cmd.Context(), l, req, buffered, func(int64, int64) {})
		if err == nil {
			err = buffered.Flush()
		}
		if err = end(err); err != nil {
			return a.fileError(err)
		}
		a.notef(exportWords.done, count(n.Records), count(n.Signals))
		return nil
	}
	return c
}

// outputFile opens a file that is not there yet, or is standard output. end closes
// it, and takes away one that was not finished.
func (a *app) outputFile(name string) (w io.Writer, end func(error) error, err error) {
	if name == "" || name == "-" {
		return a.stdout, func(err error) error { return err }, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return nil, nil, a.failure(nil, exportWords.exists, filepath.Base(name))
	}
	if err != nil {
		return nil, nil, err
	}
	return file, func(err error) error {
		err = cmp.Or(err, file.Sync())
		if cerr := file.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(name)
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		return nil
	}, nil
}
