package main

import (
	"fmt"
	"log/slog"

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
	fl.StringVar(&level, "log-level", "info", a.say(flagText.logLevel))
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
				return &usageError{fmt.Errorf("--follow: %w", err)}
			}
			o.Follow = append(o.Follow, fw)
		}
		s, err := server.New(o)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "http://%s\n", s.Addr())
		return s.Run(cmd.Context())
	}
	return c
}
