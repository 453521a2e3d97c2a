package main

import (
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/server"
)

func (a *app) serveCommand() *cobra.Command {
	var f folder
	var listen, level string
	var follow []string
	c := a.command("serve --data DIR", serveText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	fl := c.Flags()
	fl.StringVar(&listen, "listen", server.DefaultListen, a.say(flagText.listen))
	fl.StringArrayVar(&follow, "follow", nil, a.say(flagText.follow))
	c.RegisterFlagCompletionFunc("follow", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, s := range a.sources(&f, nil)() {
			out = append(out, s+"=")
		}
		return out, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	})
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
		o := server.Options{Data: f.data, KeyDir: f.keys, Listen: listen, Logger: a.logger(lv), Version: version()}
		for _, s := range follow {
			fw, err := server.ParseFollow(s)
			if err != nil {
				return a.usage(usageText.badFollow)
			}
			o.Follow = append(o.Follow, fw)
		}
		s, err := server.New(o)
		if err != nil {
			return err
		}
		if !loopback(s.Addr()) {
			a.notef(serveWords.open)
		}
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
