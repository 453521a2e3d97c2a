// Package detect recognises a leak: it runs rules over access records, live and
// over all of history, and says of each finding whom it concerns and which
// question brings up the records behind it.
//
// The central idea: a signal is a function of the set of records and of named
// editions (rules, catalog, register). It does not depend on the order in which
// the records came, on how many came at a time, or on when the process was
// restarted: once the watermark has passed, a live run and a run over history
// hold the same signals with the same content. Four things make that so:
//
//   - Time is cut into cells, the same for everybody (grid). A window is a number
//     of cells and so a little longer than the timespan of its rule, never shorter.
//   - What is counted is kept per cell, and a distinct value with every cell in
//     which it occurred, so that a record that comes late changes the windows it
//     belongs to and no other.
//   - What later records could take back (a token that was issued after all, a
//     network that had been seen before) is decided when the watermark has passed,
//     and not earlier. What they can only add to is decided at once.
//   - Nothing is thrown away in silence. What does not fit into the bounds, and what
//     could not be decided because its evidence is missing, is a signal: coverage
//     lost.
//
// The path of a record: rows are taken by the batch, correlation by correlation and
// not row by row (batch).
//
//	rows of a batch or a segment ─▶ which base rules match, decided once for all rows
//	    of a class (match, class) ─▶ rows that the same rules match have one plan; fields
//	    are written into columns, once for all correlations ─▶ per correlation: runs of
//	    rows with the same group and value ─▶ filters (new? issued? known?) ─▶ windows of
//	    the group, evaluated once for the batch ─▶ signal
//
// What is issued in a batch is known before its uses are looked at. In what order a
// batch is taken changes nothing, by the central idea, and TestBatch holds it.
//
// A correlation may count another (chain): what it counts are the moments at which the
// inner one is reached, told when they are final.
//
// A group is a key, an actor, a route, a network: never the account alone, so the
// state does not follow the ledger's shards, and it works on whole records: the
// fragments of one record count once.
//
// What it is not: a store. State is rebuilt from the ledger at start. It does not
// count people either: a signal's extent is what package scope answers to its
// question.
package detect
