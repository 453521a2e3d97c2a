// Command haetae keeps the record of who read whose personal data, and answers
// from it exactly: whose data did this key read, and which items?
//
// Each subcommand is one small file here; the work is done in the packages. What
// this program prints exists in Korean and English, in the text_*.go files or
// beside the command that says it, and never names a person: counts, routes and items, not ids.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes. They are part of the interface: docs/commands.md lists them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	// exitAside: everything was done, but some lines could not become records
	// and were set aside.
	exitAside = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, getenv: os.Getenv}
	a.lang = chooseLang(args, a.getenv)
	cmd := a.root()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	ran, err := cmd.ExecuteContextC(ctx)
	if err == nil {
		return a.code
	}
	return a.explain(ran, err)
}
