// Package ocsf writes access records and signals as events of the Open Cybersecurity
// Schema Framework (https://schema.ocsf.io), so that a SIEM can take them in.
//
// The central idea: an event says what the record says and no more. The action and
// the route decide the class,
//
//	sign_in, issue           Authentication      3002
//	TABLE shop.members       Datastore Activity  6005
//	anything else            API Activity        6003
//	a signal                 Detection Finding   2004
//
// whose data an answer held stands in the object data_subjects, the profile in which
// packs/catalogs/ocsf.yaml reads it, and what OCSF has no place for in unmapped. What
// goes out comes in again as the same record; a test holds the two together.
//
// Ids are written as they are given. Records that are kept have pseudonyms, so that
// is what a SIEM gets: actor.user.uid and data_subjects.uids are pseudonyms in
// hexadecimal, as pseudonym("…") of a condition reads them, and metadata.labels says
// so.
//
// What it is not: it knows no ledger and sends nothing.
package ocsf

// Version of the schema whose classes and attributes are written.
const Version = "1.3.0"
