// Package rehearsal tests rules: it plays made-up records through the same path as
// real ones and compares the signals with what the rule's author wrote down.
//
// The central idea: a rule is tested as it runs. The records of a case go through
// the catalog into a ledger in memory; the engine reads that ledger's segments, and
// the numbers of a signal are the ledger's own answer to its predicate. Nothing
// stands in for anything, so what passes here cannot differ in the field by more
// than its records do.
//
// Beside a rule file x.yaml stands x.test.yaml (File says what may be in it). The
// rules in x.yaml run, with those of the folder that they refer to; a case looks at
// their signals, and at what they could not decide. Where a folder has a
// pack.test.yaml, its cases look at the signals of all rules together.
//
// It is a package of its own because it needs both the ledger, whose owner's side
// detect must not know, and scope; and because package server, which knows all of
// them, is too much for the tests of a pack. What it is not: text for people. It
// says what differed, the command says it in their language.
package rehearsal
