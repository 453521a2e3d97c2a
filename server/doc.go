// Package server runs the parts together: it owns a data folder, takes records
// in over HTTP and from live files, imports history, and answers questions.
//
// The central idea: an answer of success is a promise. POST /v1/records answers
// 2xx only when the records are in the journal and the journal is synced; a
// followed file's position is stored in the same journal entry as the records
// that were read up to it; an import that was stopped goes on where its last
// staged piece ended. Whatever cannot be promised is refused early and says when
// to try again, so that memory stays bounded however fast the senders are.
//
// Ids arrive here in the clear and leave as pseudonyms. Nothing in this package
// logs a query string, a request body, a token or an id; ids are asked about in
// bodies, never in addresses, because addresses end up in other people's logs.
//
// What it is not: a place for rules of the domain. What a line means is decided
// in catalog and ingest, what is kept in ledger, what an answer says in scope.
package server
