package main

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/server"
)

func (a *app) signalCommand() *cobra.Command {
	return a.group("signal", signalText, a.signalList(), a.signalAck(), a.signalReload())
}

// running finds the server that owns a folder.
func (a *app) running(cmd *cobra.Command, f *folder) (*server.Client, error) {
	if err := f.check(a); err != nil {
		return nil, err
	}
	address, err := server.ReadAddress(disk.OS, f.data)
	if err != nil {
		return nil, a.failure(err, detectWords.noServer, f.data)
	}
	c := server.NewClient(address)
	if !c.Alive(cmd.Context()) {
		return nil, a.failure(server.ErrNoServer, detectWords.noServer, f.data)
	}
	return c, nil
}

func (a *app) signalList() *cobra.Command {
	var f folder
	var least string
	var asJSON bool
	c := a.command("list --data DIR", signalListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&least, "severity", "", a.say(detectFlags.severity))
	c.Flags().BoolVar(&asJSON, "json", false, a.say(detectFlags.json))
	c.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(server.Severities(), cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		floor, err := a.severity(least)
		if err != nil {
			return err
		}
		client, err := a.running(cmd, &f)
		if err != nil {
			return err
		}
		got, err := client.Signals(cmd.Context())
		if err != nil {
			return err
		}
		got.Signals = server.AtLeast(got.Signals, floor)
		if asJSON {
			// Each line is a signal, so how detection stands is said beside them.
			beside := *a
			beside.stdout = a.stderr
			beside.showDetection(&got.Status)
			return a.jsonLines(got.Signals)
		}
		for i := range got.Signals {
			a.showSignal(&got.Signals[i], f.data, func(id string) text { return text{got.ItemNames[id].KO, got.ItemNames[id].EN} })
		}
		a.showDetection(&got.Status)
		return nil
	}
	return c
}

// showDetection says how detection stands.
func (a *app) showDetection(st *server.DetectorStatus) {
	decided := "-"
	if !st.Watermark.IsZero() {
		decided = st.Watermark.Format("2006-01-02T15:04:05Z07:00")
	}
	a.printf(detectWords.state, st.State, st.Rules, decided)
	a.showLearning(st.Learning)
}

// severity reads --severity; nothing is every severity.
func (a *app) severity(s string) (detect.Severity, error) {
	if s == "" {
		return detect.Informational, nil
	}
	v, ok := detect.ParseSeverity(s)
	if !ok {
		return 0, a.usage(detectWords.badSeverity, strings.Join(server.Severities(), ", "))
	}
	return v, nil
}

// jsonLines prints a signal a line.
func (a *app) jsonLines(list []detect.Signal) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	for i := range list {
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) signalAck() *cobra.Command {
	var f folder
	var who, note string
	c := a.command("ack --data DIR --who NAME SIGNAL", signalAckText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.Flags().StringVar(&who, "who", "", a.say(detectFlags.who))
	c.Flags().StringVar(&note, "note", "", a.say(detectFlags.note))
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(who) == "" {
			return a.usage(detectWords.needWho)
		}
		client, err := a.running(cmd, &f)
		if err != nil {
			return err
		}
		err = client.Acknowledge(cmd.Context(), server.Acknowledgement{ID: args[0], Who: who, Note: note})
		var answer *server.Answer
		if errors.As(err, &answer) {
			switch answer.Code {
			case "unknown_signal":
				return a.failure(err, detectWords.noSignal, args[0])
			case "no_alerts":
				return a.failure(err, detectWords.noAlerts)
			}
		}
		if err != nil {
			return err
		}
		a.printf(detectWords.acknowledged, args[0])
		return nil
	}
	return c
}

func (a *app) signalReload() *cobra.Command {
	var f folder
	c := a.command("reload --data DIR", signalReloadText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := a.running(cmd, &f)
		if err != nil {
			return err
		}
		if err := client.ReloadRules(cmd.Context()); err != nil {
			return err
		}
		a.printf(detectWords.reloaded)
		return nil
	}
	return c
}
