// Package event defines the access record, the one thing every part of Haetae
// speaks about: who (Actor), with what (Credential), from where (Client), did
// what (Action on Route), to whose data (Subjects), with what Outcome, when.
//
// If you are connecting a log, this page is the contract. A decoder turns one
// line of a log into one Record, once; nothing downstream ever sees the line
// again. The record carries the five fields that Korean law asks of an access
// record (접속기록; Safety Measures Standard, PIPC Notice 2026-9, Art. 2(3)):
//
//	statute               record            Korean
//	identifier            Actor             식별자
//	time of access        Time              접속일시
//	place of access       Client            접속지 정보
//	data subject handled  Subjects          처리한 정보주체 정보
//	task performed        Action, Route     수행업무
//
// and, beyond the statute, what a leak is recognised by: the Credential that
// was presented, the outcome (Status), how many Rows were returned, the id the
// source gave the record, and the place in the source it was read from.
//
// Three rules hold everywhere:
//
//   - A record stores facts, not conclusions. Which items of personal data an
//     answer carried is not in the record: it follows from the catalog at the
//     time of the question, so that a corrected catalog re-answers history.
//   - What the log does not say stays unsaid: Rows is RowsUnknown, a missing id
//     is the empty string. A zero is a zero that somebody wrote down.
//   - The ids in a Record are real ids, in memory only. They become pseudonyms
//     before anything is written; no String method, error or log line of this
//     module prints one. ID types format as "‹redacted›" on purpose.
//
// What it is not: a log line with string maps for later stages to fill in.
package event

import (
	"net/netip"
	"time"
)

// Record is one access, as one source told it.
//
// A decoder may let the strings of a Record point into its read buffer: they
// are valid until the function the Record was handed to returns. Whoever keeps
// a Record longer calls Clone.
type Record struct {
	// Time is when the source says the access happened, in milliseconds UTC.
	Time Millis

	// Source is the catalog's name for the log this came from ("gateway").
	Source string

	// ID is the source's own id of the record (a request id), or empty. With
	// an id a record counts once however often it is delivered.
	ID RecordID

	Actor      Actor
	Credential Credential
	Client     Client

	// Action says what kind of thing was done.
	Action Action

	// Route is the catalog's template ("GET /support/members/{member}") when
	// Mapped, else the shape of the path with ids lifted out
	// ("GET /api/v2/users/{}/cards").
	Route  string
	Mapped bool

	// Status is the outcome as the source gave it (an HTTP status for web
	// logs); 0 when the source gives none.
	Status uint16

	// Rows is how many rows the answer held, where the source says so, else
	// RowsUnknown.
	Rows int32

	// Subjects are the accounts whose data the line says was touched, without
	// repeats. Empty means: the line names nobody. At most MaxSubjects.
	Subjects []AccountID

	// Position is where in the line the subjects stood.
	Position Position

	// Lifted is an id found in the path of an unmapped request that fits the
	// catalog's account pattern, kept (as a pseudonym) so that the route can
	// be mapped later without the raw log. Empty if there is none.
	Lifted AccountID

	// Edition is the number of the catalog edition that decoded this record.
	Edition uint32

	// Looked is the number of the edition of live-only rules that looked at the
	// line while it was at hand; 0: none did. Marks are those of its rules that
	// matched, by their number, ascending: all that is kept of what they saw.
	Looked uint32
	Marks  []uint32

	Origin Origin
}

// RowsUnknown is the value of Record.Rows when the source does not count rows.
const RowsUnknown int32 = -1

// Actor is who connected.
type Actor struct {
	ID ActorID
	// Type is one of the catalog's words: "member", "staff", "partner",
	// "service", … Empty when the source does not say. An actor of type
	// Member is a data subject, and its id is an account id.
	Type string
}

// MaxSubjects bounds the accounts that one record names. Each becomes a row, of
// some hundred bytes on its way; a page shows dozens of people and a report
// thousands, and a line of a megabyte could name half a million.
const MaxSubjects = 10_000

// Member is the actor type of a data subject using an account of their own.
const Member = "member"

// Credential is what the actor presented. Bearer values are never stored: a
// decoder refuses a Token that is one (see ingest).
type Credential struct {
	Key   string  // id of the signing or access key, e.g. "sig-2024-09"
	Token TokenID // id of the token or session, e.g. a JWT's jti
}

// Client is where the access came from.
type Client struct {
	IP      netip.Addr // zero when the source gives none or an unreadable one
	Agent   string
	Country string // ISO 3166-1 alpha-2, from the source or the operator's network file
	Network string // autonomous system, "AS4766"
}

// Origin leads an auditor from a number back to a line.
type Origin struct {
	// File is the source's name for its stream, without its folder: personal
	// data hides in paths. Offset counts decompressed bytes from its start.
	File   string
	Line   int64 // 1-based; 0 when the source is not made of lines
	Offset int64
}

// Millis is a moment, in milliseconds since 1970-01-01T00:00:00Z.
type Millis int64

// MillisOf converts t, dropping what is finer than a millisecond.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time converts m to a time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// String formats m in RFC 3339 with milliseconds, UTC.
func (m Millis) String() string { return m.Time().Format("2006-01-02T15:04:05.000Z") }
