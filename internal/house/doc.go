// Package house holds the rules of this repository, as tests: which package may
// import which, how packages introduce themselves, how large a file gets, that
// the pages name files that exist.
//
// The central idea: a rule stands here with its reason, and whoever breaks it
// reads the reason in the failure. A rule that is in the way is changed here, in
// the open, and not worked around.
//
// What it is not: a linter for style that gofmt and vet do not care about. There
// is no code here that another package could import.
package house
