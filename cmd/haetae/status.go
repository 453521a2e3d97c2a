package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/server"
)

// statusView is the answer of status --json.
type statusView struct {
	Data string `json:"data"`
	server.Contents
	FreeBytes uint64         `json:"free_bytes"`
	Server    *server.Status `json:"server"` // null when none runs
}

func (a *app) statusCommand() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("status --data DIR", statusHelp)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		v := statusView{Data: f.data}
		if v.Contents, err = server.ContentsOf(l); err != nil {
			return err
		}
		v.FreeBytes, _ = disk.OS.Free(f.data)
		address := ""
		if c := a.client(cmd.Context(), &f); c != nil {
			if v.Server, err = c.Status(cmd.Context()); err != nil {
				return err
			}
			address = c.Listen()
		}
		if asJSON {
			return a.json(v)
		}
		a.showStatus(&v, address)
		return nil
	}
	return c
}

func (a *app) showStatus(v *statusView, address string) {
	t := newTable()
	row := func(name text, value string) { t.add(a.say(name), value) }
	list := func(names []string) string {
		if len(names) == 0 {
			return a.say(statusText.none)
		}
		return strings.Join(names, ", ")
	}
	row(statusText.folder, v.Data)
	row(statusText.records, count(v.Records))
	if v.First != nil {
		row(statusText.span, v.First.Format("2006-01-02 15:04")+" ~ "+v.Last.Format("2006-01-02 15:04")+" UTC")
	}
	row(statusText.segments, count(v.Files))
	row(statusText.identities, count(int64(v.Ids)))
	if v.Catalog != nil {
		row(statusText.catalog, fmt.Sprintf("%s (%d)", v.Catalog.Name, v.Catalog.Edition))
	} else {
		row(statusText.catalog, a.say(statusText.none))
	}
	row(statusText.registers, list(v.Registers))
	row(statusText.holdings, list(v.Holdings))
	imports := count(v.Imports)
	if v.Interrupted > 0 {
		imports = fmt.Sprintf(a.say(statusText.unfinished), imports, count(v.Interrupted))
	}
	row(statusText.imports, imports)
	row(statusText.aside, count(v.Aside))
	if v.Holds > 0 {
		row(statusText.holds, count(v.Holds))
	}
	if v.RetainedFrom != nil {
		row(statusText.retained, v.RetainedFrom.Format("2006-01-02 15:04")+" UTC")
	}
	row(statusText.free, bytesText(int64(v.FreeBytes)))
	if v.Server == nil {
		row(statusText.server, a.say(statusText.noServer))
	} else {
		row(statusText.server, "http://"+address)
		for _, fw := range v.Server.Follow {
			line := fmt.Sprintf(a.say(statusText.behind), fw.Source, fw.File, bytesText(fw.Behind))
			if fw.Error != "" {
				line += " (" + fw.Error + ")"
			}
			row(statusText.follow, line)
		}
	}
	t.write(a.stdout)
}
