package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
	"github.com/haetae/haetae/siem"
)

// statusView is the answer of status --json.
type statusView struct {
	Data string `json:"data"`
	server.Contents
	FreeBytes uint64 `json:"free_bytes"`
	// Outlets are the places of outputs in the folder, whether or not a server sends.
	Outlets []ledger.OutletStatus `json:"outlets"`
	Server  *server.Status        `json:"server"` // null when none runs
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
		v.Outlets = l.Outlets()
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
		a.showStatus(&v, address, zoneOf(l.Catalog()))
		return nil
	}
	return c
}

func (a *app) showStatus(v *statusView, address string, zone *time.Location) {
	t := newTable()
	row := func(name text, value string) { t.add(a.say(name), value) }
	// Which edition is in force when is the first thing asked of a number that
	// looks wrong.
	list := func(editions []server.DatedEdition) string {
		if len(editions) == 0 {
			return a.say(statusText.none)
		}
		var out []string
		for _, e := range editions {
			name := e.Name
			if e.From != nil {
				name = a.sayf(statusText.since, name, e.From.In(zone).Format("2006-01-02"))
			}
			out = append(out, name)
		}
		return strings.Join(out, ", ")
	}
	row(statusText.folder, v.Data)
	row(statusText.records, count(v.Records))
	if v.First != nil {
		row(statusText.span, stamp(*v.First, zone)+" ~ "+stamp(*v.Last, zone))
	}
	row(statusText.segments, count(v.Files))
	row(statusText.identities, count(int64(v.Ids)))
	if v.Catalog != nil {
		row(statusText.catalog, a.sayf(statusText.edition, v.Catalog.Name, v.Catalog.Edition))
	} else {
		row(statusText.catalog, a.say(statusText.none))
	}
	row(statusText.registers, list(v.RegisterEditions))
	row(statusText.holdings, list(v.HoldingsEditions))
	imports := count(v.Imports)
	if v.Interrupted > 0 {
		var names []string
		for _, u := range v.Unfinished {
			names = append(names, u.Name)
		}
		imports = a.sayf(statusText.unfinished, imports, count(v.Interrupted), strings.Join(names, ", "))
	}
	row(statusText.imports, imports)
	row(statusText.aside, count(v.Aside))
	if v.Holds > 0 {
		row(statusText.holds, count(v.Holds))
	}
	if v.RetainedFrom != nil {
		row(statusText.retained, stamp(*v.RetainedFrom, zone))
	}
	row(statusText.free, bytesText(int64(v.FreeBytes)))
	if v.Server == nil {
		row(statusText.server, a.say(statusText.noServer))
	} else {
		row(statusText.server, "http://"+address)
		for _, fw := range v.Server.Follow {
			line := a.sayf(statusText.behind, fw.Source, fw.File, bytesText(fw.Behind))
			if fw.Error != "" {
				line += " (" + a.followError(fw.Error) + ")"
			}
			row(statusText.follow, line)
			for _, n := range []struct {
				what text
				n    int64
			}{{statusText.followAside, fw.Aside}, {statusText.lostAddresses, fw.LostAddresses}, {statusText.lostTexts, fw.LostTexts}} {
				if n.n > 0 {
					row(text{}, a.sayf(n.what, count(n.n)))
				}
			}
		}
	}
	a.outputRows(v, zone, row)
	if v.Server != nil {
		for _, in := range v.Server.Inputs {
			a.showInput(row, &in, zone)
		}
	}
	t.write(a.stdout)
}

// showInput is one input of the server.
func (a *app) showInput(row func(text, string), in *server.InputStatus, zone *time.Location) {
	line := a.sayf(statusText.inputKafka, in.Name, count(in.Messages))
	if in.Kind == "syslog" {
		line = a.sayf(statusText.inputSyslog, in.Name, in.Listen, count(in.Connections), count(in.Messages))
	}
	switch {
	case in.Error != "":
		line += " (" + a.say(inputProblems[in.Error]) + ")"
	case in.Kind == "kafka" && !in.Connected:
		line += " (" + a.say(statusText.notConnected) + ")"
	}
	row(statusText.input, line)
	if !in.Last.IsZero() {
		row(text{}, a.sayf(statusText.inputLast, stamp(in.Last, zone)))
	}
	for _, n := range []struct {
		what text
		n    int64
	}{{statusText.inputAside, in.Aside}, {statusText.inputOther, in.Other}, {statusText.inputRemoved, in.Removed}, {statusText.inputRefused, in.Refused}, {statusText.inputFailed, in.Failed}} {
		if n.n > 0 {
			row(text{}, a.sayf(n.what, count(n.n)))
		}
	}
	for _, p := range in.Partitions {
		if p.Lag < 0 {
			row(text{}, a.sayf(statusText.lagUnknown, p.Topic, p.Partition))
		} else {
			row(text{}, a.sayf(statusText.lag, p.Topic, p.Partition, count(p.Lag)))
		}
	}
}

// outputRows say how far each output has come: by the server that sends, or by the
// folder, where none does.
func (a *app) outputRows(v *statusView, zone *time.Location, row func(text, string)) {
	var list []siem.Status
	if v.Server != nil && v.Server.Outputs != nil {
		list = v.Server.Outputs.Outputs
	} else {
		for _, o := range v.Outlets {
			list = append(list, siem.Status{Name: o.Name, Place: siem.Place{From: o.From, Behind: o.Behind, Sent: o.Sent, Refused: o.Refused, Lost: o.Lost, LostEntries: o.LostEntries}, Since: o.From})
		}
	}
	for _, o := range list {
		line := a.sayf(exportWords.place, o.Name, count(o.Sent))
		if !o.From.IsZero() {
			line += a.sayf(exportWords.from, stamp(o.From, zone))
		}
		if o.Behind > 0 {
			since := "-"
			if !o.Since.IsZero() {
				since = stamp(o.Since, zone)
			}
			line += a.sayf(exportWords.waiting, count(o.Behind), since)
		}
		row(statusText.output, line)
		for _, n := range []struct {
			what text
			n    int64
		}{{exportWords.refused, o.Refused}, {exportWords.lost, o.Lost}, {exportWords.gone, o.LostEntries}} {
			if n.n > 0 {
				row(text{}, a.sayf(n.what, count(n.n)))
			}
		}
		if o.Failures > 0 {
			said := o.LastError
			if a.lang == korean {
				said = o.LastErrorKO
			}
			row(text{}, a.sayf(exportWords.failing, count(o.Failures), said))
		}
	}
	if v.Server != nil && v.Server.Outputs != nil && v.Server.Outputs.Settings != "" {
		said := v.Server.Outputs.Settings
		if a.lang == korean {
			said = v.Server.Outputs.SettingsKO
		}
		row(text{}, a.sayf(exportWords.settings, said))
	}
}

// followError is what keeps a log from being followed, in the user's language where
// it is not an error of the system.
func (a *app) followError(said string) string {
	switch said {
	case server.FollowMissing:
		return a.say(statusText.followMissing)
	case server.FollowUnwatched:
		return a.say(statusText.followUnwatched)
	}
	return said
}
