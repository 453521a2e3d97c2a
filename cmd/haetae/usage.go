package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// usageOf is the help of a command below its own text, in the chosen language and
// in one order: how to write it, examples, then the rest. The library's own
// template pads by bytes and speaks English.
func (a *app) usageOf(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", a.say(helpText.usage))
	if c.Runnable() {
		fmt.Fprintf(&b, "  %s\n", a.useLine(c))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s %s\n", c.CommandPath(), a.say(helpText.anyCommand))
	}
	if c.HasExample() {
		fmt.Fprintf(&b, "\n%s:\n%s\n", a.say(helpText.examples), c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s:\n", a.say(helpText.commands))
		t := newTable()
		for _, s := range c.Commands() {
			if s.IsAvailableCommand() || s.Name() == "help" {
				t.add(s.Name(), s.Short)
			}
		}
		t.write(&b)
	}
	if c.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\n%s:\n", a.say(helpText.flags))
		a.flagTable(&b, c.LocalFlags().FlagUsages())
	}
	if c.HasAvailableInheritedFlags() {
		fmt.Fprintf(&b, "\n%s:\n", a.say(helpText.globalFlags))
		a.flagTable(&b, c.InheritedFlags().FlagUsages())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s\n", a.sayf(helpText.more, c.CommandPath()))
	}
	return b.String()
}

// useLine is one line of how a command is written.
func (a *app) useLine(c *cobra.Command) string {
	line := c.UseLine() // without "[flags]": see command
	if c.HasAvailableFlags() {
		line += " " + a.say(helpText.anyFlags)
	}
	return line
}

// defaultValue is how the library writes one.
var defaultValue = regexp.MustCompile(` \(default "?([^"]*)"?\)$`)

// flagTable lays out the library's list of flags anew, in columns of equal width
// as a terminal shows them.
func (a *app) flagTable(b *strings.Builder, usages string) {
	t := newTable()
	for line := range strings.Lines(usages) {
		line = strings.TrimRight(line, "\n")
		flag := strings.TrimLeft(line, " ")
		indent := len(line) - len(flag)
		flag, what, _ := strings.Cut(flag, "  ")
		what = strings.TrimLeft(what, " ")
		if m := defaultValue.FindStringSubmatchIndex(what); m != nil {
			what = what[:m[0]] + " " + a.sayf(helpText.byDefault, what[m[2]:m[3]])
		}
		t.add(strings.Repeat(" ", max(0, indent-len(t.indent)))+flag, what)
	}
	t.write(b)
}

// completionHelp gives the commands the library makes for shells a help in the
// chosen language.
func (a *app) completionHelp(c *cobra.Command) {
	c.Short, c.Long = a.say(completionText.short), a.say(completionText.long)
	c.Example = strings.Trim(a.say(completionText.example), "\n")
	for _, s := range c.Commands() {
		s.Short = a.sayf(completionText.shell, s.Name())
		s.Long = s.Short
		s.DisableFlagsInUseLine = true
		lines := ""
		switch s.Name() {
		case "bash":
			lines = "source <(haetae completion bash)\nhaetae completion bash > /etc/bash_completion.d/haetae"
		case "zsh":
			lines = "source <(haetae completion zsh)\nhaetae completion zsh > \"${fpath[1]}/_haetae\""
		case "fish":
			lines = "haetae completion fish | source\nhaetae completion fish > ~/.config/fish/completions/haetae.fish"
		case "powershell":
			lines = "haetae completion powershell | Out-String | Invoke-Expression"
		}
		s.Example = "  " + strings.ReplaceAll(lines, "\n", "\n  ")
		if f := s.Flags().Lookup("no-descriptions"); f != nil {
			f.Usage = a.say(completionText.noDescriptions)
		}
	}
}
