// Package e2e tests Haetae with the programs of others in front of it: Debian's
// nginx before a service that uses package capture, real requests through both,
// a live log that rotates, and `haetae serve --follow` behind it.
//
// The central idea: what was asked for is counted twice, by Haetae from the log
// and by the test from the requests it made, the catalog's words and the holdings
// file. Both must be equal, field by field. The configuration that is tested is
// the one in docs/capture.md, read out of that page.
//
// The tests that need nginx have the build tag e2e, so that `go test ./...` passes
// on a machine with nothing but Go. `make test` runs both and installs nginx
// where it can. Without the tag, the snippets of the page are checked, and that
// lines of their shape are read.
//
// attack_test.go plays an attack with curl while members go about theirs, and
// compares the signal that rings with what was asked for.
//
// postgres_test.go and mariadb_test.go ask Debian's databases, started in folders of
// their own with the settings of docs/sources.md, and hold the extent of each question
// against what the database itself says was read.
//
// story_test.go sends the statements of testdata/story to PostgreSQL, and holds the answers
// over three logs against those of the recorded one.
//
// report_test.go opens the report of a drill in Chromium, on a phone, a screen and paper,
// and measures what its readers would see.
//
// syslog_test.go sends with Debian's logger and rsyslog, by the settings of
// docs/sources.md.
//
// mail_test.go sends signals through a real SMTP server.
//
// What it is not: a benchmark, or a test of nginx.
package e2e
