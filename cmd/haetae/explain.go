package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

// errNoCatalog: the folder has none yet.
var errNoCatalog = errors.New("the folder has no catalog yet")

// explain prints an error as "haetae: what: cause" and a hint where one is
// known, and gives the exit code.
func (a *app) explain(cmd *cobra.Command, err error) int {
	var said *saidError
	if errors.As(err, &said) {
		return said.code
	}
	what := "haetae"
	if cmd != nil {
		if path := strings.TrimPrefix(cmd.CommandPath(), "haetae"); path != "" {
			what = "haetae:" + path
		}
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.stderr, "%s: %s\n", what, a.say(hintText.interrupted))
		return exitFailed
	}
	// A catalog's mistakes stand in lines of their own, so that an editor can
	// jump to them.
	var mistakes catalog.Errors
	if errors.As(err, &mistakes) {
		fmt.Fprintf(a.stderr, "%s: %s\n", what, a.sayf(hintText.catalogMistakes, len(mistakes)))
		for _, m := range mistakes {
			fmt.Fprintln(a.stderr, a.say(text{m.KO(), m.Error()}))
		}
	} else if said := a.said(err); strings.Contains(said, "\n") && errors.As(err, new(written.Mistakes)) {
		fmt.Fprintf(a.stderr, "%s: %s\n%s\n", what, a.sayf(hintText.mistakes, 1+strings.Count(said, "\n")), said)
	} else {
		fmt.Fprintf(a.stderr, "%s: %s\n", what, said)
	}
	if hint := a.hint(cmd, err); hint != "" {
		fmt.Fprintf(a.stderr, "%s: %s\n", a.say(scopeText.hint), hint)
	}
	var usage *usageError
	var predicate *scope.PredicateError
	if errors.As(err, &usage) || errors.As(err, &predicate) || isUsage(err) {
		return exitUsage
	}
	return exitFailed
}

// said is an error in the user's language, where it knows it.
func (a *app) said(err error) string {
	var predicate *scope.PredicateError
	if a.lang == korean && errors.As(err, &predicate) {
		ko, _ := predicate.KO()
		return ko
	}
	var whole *failure // in the user's language already, whatever its cause
	if a.lang == korean && !errors.As(err, &whole) {
		if ko := errorKO(err); ko != "" {
			return ko
		}
	}
	return err.Error()
}

// damaged reports that a file is not what was written, whatever kind it is of.
func damaged(err error) bool {
	for _, kind := range []error{ledger.ErrCorrupt, segment.ErrCorrupt, dictionary.ErrCorrupt, edition.ErrCorrupt, scope.ErrCorrupt} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// isUsage recognises cobra's own complaints, which have no type.
func isUsage(err error) bool {
	s := err.Error()
	return strings.HasPrefix(s, "unknown command") || strings.HasPrefix(s, "required flag") || strings.HasPrefix(s, "unknown flag") ||
		strings.HasPrefix(s, "if any flags in the group")
}

// hint says what to do about an error.
func (a *app) hint(cmd *cobra.Command, err error) string {
	var (
		usage     *usageError
		newer     *ledger.VersionError
		overlap   *ledger.OverlapError
		held      *ledger.HeldError
		missing   *ledger.MissingError
		predicate *scope.PredicateError
		answer    *server.Answer
		mistakes  catalog.Errors
	)
	switch {
	case errors.As(err, &usage), isUsage(err):
		if cmd != nil {
			return a.sayf(hintText.usage, cmd.CommandPath())
		}
	case errors.As(err, &predicate):
		if predicate.Hint != "" {
			_, ko := predicate.KO()
			return a.say(text{ko, predicate.Hint})
		}
		return a.say(hintText.predicate)
	case errors.As(err, &newer):
		return a.say(hintText.newer)
	case errors.As(err, &overlap):
		return a.say(hintText.overlap)
	case errors.As(err, &held):
		return a.say(hintText.held)
	case errors.As(err, &mistakes):
		return a.say(hintText.catalog)
	case errors.Is(err, ledger.ErrInUse):
		return a.say(hintText.inUse)
	case errors.Is(err, ledger.ErrNotFolder):
		return a.say(hintText.notFolder)
	case errors.As(err, &missing) && missing.File != "": // at the opening
		return a.say(hintText.missing)
	case damaged(err):
		return a.say(hintText.corrupt)
	case errors.Is(err, ledger.ErrImporting):
		return a.say(hintText.importing)
	case errors.Is(err, errNoCatalog), errors.Is(err, server.ErrNoCatalog):
		return a.say(hintText.noCatalog)
	case errors.Is(err, server.ErrNoSource):
		return a.say(hintText.noSource)
	case errors.Is(err, pseudonym.ErrKey), errors.Is(err, pseudonym.ErrSealed):
		return a.say(hintText.key)
	case errors.Is(err, disk.ErrLocked):
		return a.say(hintText.inUse)
	case errors.Is(err, syscall.ENOSPC):
		return a.say(hintText.diskFull)
	case errors.Is(err, syscall.EADDRINUSE):
		return a.say(hintText.portTaken)
	case errors.As(err, &answer):
		if answer.Status == 401 {
			return a.say(hintText.otherServer)
		}
	case errors.Is(err, fs.ErrPermission):
		return a.say(hintText.permission)
	case errors.Is(err, fs.ErrExist):
		return a.say(hintText.exists)
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(err.Error(), pseudonym.HashKeyName):
		return a.say(hintText.noKeys)
	}
	return ""
}
