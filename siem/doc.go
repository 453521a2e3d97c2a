// Package siem sends records and signals on to where an organisation watches all of
// its systems: Splunk by its HTTP Event Collector, Elasticsearch and what speaks its
// bulk API, or anything that takes lines of JSON by POST.
//
// The central idea: an output is a place in what was acknowledged, and sending moves
// the place. Whoever keeps the place (Feed) keeps what is behind it, so a receiver that
// is down for a day gets the day, in order, and nobody who sends records in waits for
// it. The order of things, for each output alone:
//
//	Feed ─▶ a batch ─▶ sent, tried again, or refused for good ─▶ Batch.Settle ─▶ the next
//
// Delivery is at least once: a batch that was sent and could not be settled is sent
// again after a crash. Every event has a name that follows from what it says, which
// Elasticsearch takes as its _id and so keeps it once.
//
// One event that the receiver will never take holds up no other: it is left out, and
// counted with the receiver's word for why. What is wrong with the connection, the
// token or the index, on the other hand, is tried again until somebody mends it.
//
// What it is not: it encodes nothing and decides nothing about records. What stands in
// an event is said by the Feed.
package siem
