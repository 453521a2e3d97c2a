package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// MissingError says that a file which the data folder needs is not there. The
// ledger does not go on with the rest: records would be left out of every answer in
// silence. It is a kind of ErrCorrupt, and nothing was changed when it is met.
type MissingError struct {
	File string // below the folder; empty where what is around the error says it
	Err  error
}

func (e *MissingError) Error() string {
	if e.File == "" {
		return "named by the manifest and not there"
	}
	return fmt.Sprintf("%s is not there, and the data folder needs it", e.File)
}

// Unwrap makes it a kind of ErrCorrupt and of fs.ErrNotExist.
func (e *MissingError) Unwrap() []error { return []error{ErrCorrupt, e.Err} }

// notThere is missing where the error is going to say which file.
func notThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &MissingError{Err: err}
	}
	return err
}

// missing makes a MissingError of an error that tells of a file of the folder that is
// not there.
func (l *Ledger) missing(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var at *fs.PathError
	if !errors.As(err, &at) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return &MissingError{strings.TrimPrefix(path.Clean(at.Path), path.Clean(l.dir)+"/"), err}
}
