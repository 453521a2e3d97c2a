// Package bench measures Haetae against a peer on the same work in one run, and
// prints ratios. It is a module of its own, because the peer, DuckDB, needs cgo
// and must not reach the product's go.mod.
//
//	go test -run TestScope  -v -timeout 2h -rows 200000000 ./...
//	go test -run TestImport -v -timeout 2h -lines 4000000 ./...
//
// The records are made in the process by a generator (traffic.go) with a fixed
// seed: half a terabyte of text would not fit on the machines this has to run on.
package bench
