// Package play runs a drill through the real product: the traffic of a scenario goes
// in as logs, by the import or over HTTP, the rules run over it, somebody sets a hold
// when they ring, and the record is asked whom it reached.
//
// The central idea: nothing here knows the answer. The player has the logs, catalog,
// register and holdings that a company would have, and hands what it found to package
// drill/score, which has the truth. What stands in for people is said: how long after
// an alarm somebody sets a hold, and which question an investigator asks.
//
// A package of its own, because it needs server, which package drill and the score of
// any other tool must not.
package play
