// Package ledger keeps access records for years and answers from them exactly.
//
// The central idea: the account is the shard key. A record is filed under the
// keyed hash of the account whose data it touched, in one of 256 partitions, so
// that sets of accounts add up over partitions, cores and machines and nothing
// has to be estimated. Records live in immutable segment files, sorted and
// column by column (package segment); ids live in dictionaries that give each
// pseudonym a dense ordinal (package dictionary); dated editions say which
// accounts exist and who stands behind them (package edition). One manifest
// names everything that counts, and is replaced as a whole.
//
// The order of durability, which is the whole safety argument:
//
//  1. A live record is in the journal, fsynced, before Append returns.
//  2. A seal writes the segment, then the new dictionary entries, then the
//     fingerprints, each fsynced; a crash up to here leaves files nobody names,
//     which the next Open removes, and the journal still holds the records.
//  3. The manifest commit names segment, dictionary run, fingerprints and
//     journal position at once. It is the only step that changes an answer.
//  4. Only then is the journal trimmed.
//
// An import of history skips the journal: its segments are staged in the
// manifest as they are written, with the offset reached, and become visible by
// one last commit. Killed half way, it goes on where the last staged piece ended.
//
// A log is known by its content, and nothing counts twice because it came under
// another name, packed, longer, or live and as a file (Probe, Followed).
//
// What it is not: a log store. The line itself is not kept; a record leads back
// to it by file and block. And it is not the place where items are decided:
// those follow from the catalog at the time of the question.
package ledger
