// Package exporter sends logs with the exporter that OpenTelemetry ships for Go to a
// running `haetae serve`. It is a module of its own, because the exporter brings
// gRPC and its gateway along, which must not reach the product's go.mod.
//
//	make exporter
//
// The central idea: what was logged is counted twice, by Haetae and by the test, and
// what the server answers is judged by somebody else's reading of the specification.
//
// What it is not: a test of how records are decoded (ingest/otlp, server).
package exporter
