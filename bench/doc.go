// Package bench measures Haetae against a peer on the same work in one run, and
// prints ratios. It is a module of its own, because the peer, DuckDB, needs cgo
// and must not reach the product's go.mod.
//
//	make peer   ROWS=200000000 LINES=4000000   lines a second, scope, bytes: against DuckDB and Parquet
//	make curve                                 cost per record and per question at 10M, 100M and 1 billion
//	make memory                                40 million accounts and 44 million ghosts
//	make detect-bench                          import with and without rules, live latency, 10 million groups
//
// The records are made in the process by a generator (traffic.go) with a fixed
// seed, in chunks that do not depend on each other: half a terabyte of text would
// not fit on the machines this has to run on.
//
// What it is not: a test of correctness, except that both sides must give the
// same answer.
package bench
