package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/server"
)

func (a *app) serveCommand() *cobra.Command {
	var f folder
	var listen, level, alerts, feeds, outputs, inputs string
	var follow, networks []string
	var rules server.DetectRequest
	var noDetect bool
	var linger time.Duration
	c := a.command("serve --data DIR", serveText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&listen, "listen", server.DefaultListen, a.say(flagText.listen))
	fl.StringArrayVar(&follow, "follow", nil, a.say(flagText.follow))
	fl.StringVar(&inputs, "inputs", "", a.say(flagText.inputs))
	fl.DurationVar(&linger, "linger", server.DefaultLinger, a.say(flagText.linger))
	fl.StringArrayVar(&networks, "networks", nil, a.say(flagText.networks))
	c.RegisterFlagCompletionFunc("follow", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, s := range a.sources(&f, nil)() {
			out = append(out, s+"=")
		}
		return out, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	})
	a.ruleFlags(c, &rules)
	fl.StringVar(&feeds, "feeds", "", a.say(feedFlags.feeds))
	fl.StringVar(&alerts, "alerts", "", a.say(detectFlags.alerts))
	fl.StringVar(&outputs, "outputs", "", a.say(exportWords.outputs))
	fl.DurationVar(&rules.Lateness, "lateness", 10*time.Minute, a.say(detectFlags.lateness))
	fl.BoolVar(&noDetect, "no-detect", false, a.say(detectFlags.noDetect))
	fl.StringVar(&level, "log-level", "info", a.say(flagText.logLevel))
	c.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.check(a); err != nil {
			return err
		}
		var lv slog.Level
		if err := lv.UnmarshalText([]byte(level)); err != nil {
			return a.usage(usageText.badLevel)
		}
		if linger <= 0 {
			return a.usage(usageText.badLinger)
		}
		o := server.Options{Data: f.data, KeyDir: f.keys, Listen: listen, Inputs: inputs, LingerFor: linger, Networks: networks, Feeds: feeds, Outputs: outputs, Logger: a.logger(lv), Version: version()}
		if !noDetect {
			o.Detect, o.Alerts = &rules, alerts
		} else if alerts != "" {
			return a.usage(detectWords.alertsWithout)
		}
		for _, s := range follow {
			fw, err := server.ParseFollow(s)
			if err != nil {
				return a.usage(usageText.badFollow)
			}
			o.Follow = append(o.Follow, fw)
		}
		s, err := server.New(o)
		if err != nil {
			return a.fileError(err)
		}
		if !loopback(s.Addr()) {
			a.notef(serveWords.open)
		}
		for _, name := range s.InputsInTheClear() {
			a.notef(serveWords.openInput, name)
		}
		// As daemons do: SIGHUP reads the rules and the settings of alerts, feeds and outputs again.
		again := make(chan os.Signal, 1)
		signal.Notify(again, syscall.SIGHUP)
		defer signal.Stop(again)
		go func() {
			for {
				select {
				case <-cmd.Context().Done():
					return
				case <-again:
					if err := s.ReloadRules(); err != nil {
						a.notef(serveWords.reload, a.said(err))
					}
				}
			}
		}()
		fmt.Fprintf(a.stdout, "http://%s\n", s.Addr())
		return s.Run(cmd.Context())
	}
	return c
}

// loopback reports whether an address can be reached from this machine alone.
func loopback(address string) bool {
	ap, err := netip.ParseAddrPort(address)
	return err == nil && ap.Addr().IsLoopback()
}
