// Package feed brings registers in from outside and keeps them current: which keys
// there are and who holds them, who holds access and since and until when, lists for
// rules, the register of members, the holdings. A feed is a file, a watched folder, or
// JSON over HTTP.
//
// The central idea: a register that has silently stopped coming looks like a quiet
// one. So the age of each feed is kept with what it brought, as the stretches of time
// over which it was known to be current (detect.FeedCover), and rules that rest on one
// that was too old say that they could not decide. Three things follow:
//
//   - What cannot be read to its end and without a mistake is not taken. The content
//     before goes on, gets older, and the status says why.
//   - What is much shorter than before is not taken either, until somebody says that it
//     is right: from half an export of the personnel system, everybody who is missing
//     would seem to have left.
//   - A look that finds the content unchanged is worth as much as one that finds it
//     changed. What counts is how old the content is by its own source: when the file
//     was written, when the server answered.
//
// On the disk (feeds/ in the data folder) persons are pseudonyms, and each file is
// sealed under the host's key besides, since lists and names of keys are as they came.
// The register of members and the holdings are not kept here: the ledger takes them, as
// an edition dated by their age.
//
// What it is not: it knows no rule, and does not judge what it brings.
package feed
