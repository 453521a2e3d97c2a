// Package scope answers whose data was reached, and which items: from a
// predicate over access records to the exact extent.
//
// The central idea is exactness that knows its edges. Four numbers stand side
// by side and are never mixed: reads (records), accounts, people, and people
// for whom one item was shown and not empty. Beside them stands what the record
// could not tell: reads that name nobody (unresolved), or fewer accounts than the
// rows they returned (partly named), routes the catalog does not know (unmapped),
// members the register does not know (ghosts), hours a source was silent (gaps),
// sources nobody declared a cadence for (coverage unknown), fields no record has
// (absent). A zero here always means "looked, and there was none"; a word that
// nothing can be equal to is refused.
//
// Why it is exact and still fast: accounts are the shard key, so sets of them
// add over partitions. Nothing else does. People with one account are counted
// in its partition; people who stand in several address books, and actors, are
// united where their own hash lives.
//
// What it is not: a search engine. It does not show records, except to follow
// one person's (Subject).
package scope
