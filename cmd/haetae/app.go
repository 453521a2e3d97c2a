package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/plural"
)

// app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	lang           language
	langFlag       string
	code           int // exit code of a run without an error
}

// folder is the pair of flags that most commands share.
type folder struct {
	data, keys string
}

func (a *app) folderFlags(cmd *cobra.Command, f *folder) {
	cmd.Flags().StringVar(&f.data, "data", a.getenv("HAETAE_DATA"), a.say(flagText.data))
	cmd.Flags().StringVar(&f.keys, "keys", a.getenv("HAETAE_KEYS"), a.say(flagText.keys))
	cmd.MarkFlagDirname("data")
	cmd.MarkFlagDirname("keys")
}

func (f *folder) check(a *app) error {
	if f.data == "" {
		return a.usage(usageText.noData)
	}
	f.data = strings.TrimRight(f.data, "/")
	if f.data == "" {
		f.data = "/"
	}
	return nil
}

// read opens the folder for reading, beside a server that may own it.
func (f *folder) read(a *app) (*ledger.Ledger, error) {
	if err := f.check(a); err != nil {
		return nil, err
	}
	return ledger.Open(disk.OS, f.data, ledger.Options{KeyDir: f.keys, ReadOnly: true})
}

// own opens the folder for writing.
func (f *folder) own(a *app) (*ledger.Ledger, error) {
	if err := f.check(a); err != nil {
		return nil, err
	}
	return ledger.Open(disk.OS, f.data, ledger.Options{KeyDir: f.keys, Logger: a.logger(slog.LevelWarn)})
}

func (a *app) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// json prints v as the answer of --json: indented, one value.
func (a *app) json(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (a *app) printf(t text, args ...any) { io.WriteString(a.stdout, a.sayf(t, args...)) }
func (a *app) notef(t text, args ...any)  { io.WriteString(a.stderr, a.sayf(t, args...)) }

// sayf fills numbers and names into a text. Korean has one form for any number.
func (a *app) sayf(t text, args ...any) string {
	if a.lang == korean {
		return fmt.Sprintf(t.ko, args...)
	}
	return plural.Sprintf(t.en, args...)
}

// usageError is a mistake in how the command was written: exit code 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func (a *app) usage(t text, args ...any) error {
	s := a.say(t)
	if len(args) > 0 {
		s = a.sayf(t, args...)
	}
	return &usageError{errors.New(s)}
}

// failure is an error in the user's language. cause, which may be nil, decides
// about hint and exit code.
func (a *app) failure(cause error, t text, args ...any) error {
	return &failure{a.sayf(t, args...), cause}
}

type failure struct {
	text  string
	cause error
}

func (e *failure) Error() string { return e.text }
func (e *failure) Unwrap() error { return e.cause }

// natural refuses a negative number.
func (a *app) natural(flag string, n int) error {
	if n < 0 {
		return a.usage(usageText.negative, flag)
	}
	return nil
}

// saidError has been told to the user already; only the exit code is left.
type saidError struct{ code int }

func (e *saidError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// root builds the tree of commands.
func (a *app) root() *cobra.Command {
	root := a.command("haetae", rootText)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = version()
	root.SetVersionTemplate("haetae {{.Version}}\n")
	root.PersistentFlags().StringVar(&a.langFlag, "lang", string(a.lang), a.say(flagText.lang))
	root.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"ko", "en"}, cobra.ShellCompDirectiveNoFileComp))
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.langFlag != "ko" && a.langFlag != "en" {
			return a.usage(usageText.badLang)
		}
		return nil
	}
	root.RunE = a.showHelp
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.SetUsageFunc(func(c *cobra.Command) error { _, err := io.WriteString(c.OutOrStderr(), a.usageOf(c)); return err })
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		long := c.Long
		if long == "" {
			long = c.Short
		}
		fmt.Fprintf(c.OutOrStdout(), "%s\n\n%s", strings.TrimRight(long, " \n"), a.usageOf(c))
	})
	root.AddCommand(
		a.quickstartCommand(), a.initCommand(), a.importCommand(), a.unfinishedCommand(), a.serveCommand(),
		a.scopeCommand(), a.exportCommand(), a.detectCommand(), a.signalCommand(), a.feedCommand(), a.ruleCommand(), a.drillCommand(), a.subjectCommand(), a.catalogCommand(), a.sourceCommand(), a.asideCommand(),
		a.statusCommand(), a.retainCommand(), a.holdCommand(), a.tokenCommand(), a.versionCommand(),
	)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Short, c.Long, c.DisableFlagsInUseLine = a.say(helpText.help), a.say(helpText.help), true
			c.Use = "help " + a.say(helpText.anyCommand)
			c.Example = "  haetae help import\n  haetae help token add"
		case "completion":
			a.completionHelp(c)
		}
	}
	a.helpFlags(root)
	return root
}

// helpFlags gives --help its words in the chosen language.
func (a *app) helpFlags(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	if f := cmd.Flags().Lookup("help"); f != nil {
		f.Usage = a.say(flagText.help)
	}
	for _, c := range cmd.Commands() {
		a.helpFlags(c)
	}
	if cmd.HasParent() {
		return
	}
	cmd.InitDefaultVersionFlag()
	if f := cmd.Flags().Lookup("version"); f != nil {
		f.Usage = a.say(flagText.version)
	}
}

// command makes a command with its help text.
func (a *app) command(use string, t commandText) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: a.say(t.short), Long: a.say(t.long), Example: strings.Trim(a.say(t.example), "\n"),
		DisableFlagsInUseLine: true, // useLine says it in the chosen language
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && (cmd.HasSubCommands() || !cmd.Runnable()) {
				return a.usage(usageText.unknownCommand, args[0], cmd.CommandPath())
			}
			return nil
		},
	}
}

// group is a command that only holds others.
func (a *app) group(use string, t commandText, subs ...*cobra.Command) *cobra.Command {
	c := a.command(use, t)
	c.AddCommand(subs...)
	c.RunE = a.showHelp
	return c
}

// showHelp is what a command does that needs another word behind it.
func (a *app) showHelp(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(a.stderr)
	cmd.Help()
	return &saidError{exitUsage}
}

func (a *app) args(n int) cobra.PositionalArgs { return a.argRange(n, n) }

// argRange accepts between min and max arguments; max < 0 is any number.
func (a *app) argRange(min, max int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < min:
			return a.usage(usageText.tooFew, a.useLine(cmd))
		case max >= 0 && len(args) > max:
			return a.usage(usageText.tooMany, a.useLine(cmd))
		}
		return nil
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	c := a.command("version", versionText)
	c.Args = a.args(0)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		v := struct {
			Version string `json:"version"`
			Go      string `json:"go"`
			Folder  int    `json:"folder_format"`
		}{Version: version(), Folder: ledger.FolderVersion}
		if info, ok := debug.ReadBuildInfo(); ok {
			v.Go = info.GoVersion
		}
		if asJSON {
			return a.json(v)
		}
		fmt.Fprintf(a.stdout, "haetae %s (%s)\n", v.Version, v.Go)
		a.printf(statusText.folderFormat, v.Folder)
		return nil
	}
	return c
}

// parseTime reads a moment as a person writes it: a date is its midnight in the
// catalog's zone.
func (a *app) parseTime(flag, s string, zone *time.Location) (event.Millis, error) {
	if s == "" {
		return 0, nil
	}
	if zone == nil {
		zone = time.Local
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return event.MillisOf(t), nil
		}
	}
	return 0, a.usage(usageText.badTime, flag)
}

func zoneOf(c *catalog.Catalog) *time.Location {
	if c == nil || c.Zone() == nil {
		return time.Local
	}
	return c.Zone()
}

// stamp writes a moment as a person reads it, with the zone it is in.
func stamp(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04 -07:00")
}

// cutDate splits FILE@DATE. A name that merely has an @ in it stays whole.
func cutDate(s string) (file, date string) {
	i := strings.LastIndexByte(s, '@')
	if i <= 0 || i == len(s)-1 {
		return s, ""
	}
	if _, err := os.Stat(s); err == nil {
		return s, ""
	}
	return s[:i], s[i+1:]
}
