// Package e2e holds the tests that need real programs beside Haetae: nginx in
// front of a service that uses package capture. They have the build tag e2e, so
// that `go test ./...` passes on a machine with nothing but Go; `make test` runs
// both, and installs what is missing.
package e2e
