// Package segment is the immutable file in which rows lie: sorted, column by
// column, and grouped so that a question reads what it matches and little else.
//
// The central idea: facts come in three sizes. What has few values (source,
// route, key, status, …) is one tuple, the Shape, and the rows of a partition
// are grouped by it; a question about such facts is decided once per shape. What
// has many values but stays the same for a while (token, actor, client, agent)
// stands once per Session of an account. Only account, time and position within
// the session are left for the row, which is why a row takes a few bytes.
//
//	file      partitions one after the other, tables, directory, footer
//	partition groups by shape; in a group, rows by account, then time
//
// What it is not: a general column store. Rows cannot be added, and there are
// no types but these.
package segment

import (
	"net/netip"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// Flags of a shape.
type Flags uint16

const (
	// Mapped: the catalog that decoded the record knew the route.
	Mapped Flags = 1 << iota
	// Named: the home account is a subject that the record names.
	Named
	// Primary: the first fragment of its record. Records are counted by it.
	Primary
	// HomeIsActor: the home account is the member who connected.
	HomeIsActor
	// Lifted: the home is an id lifted from an unmapped path.
	Lifted
	// HasRows: the rows column says how many rows were returned, the same on every
	// fragment of a record.
	HasRows
	// Malformed: an id did not fit the catalog's pattern and was not kept.
	Malformed
	// Split: the record has several fragments, told apart from other records of
	// the same moment by Row.Record.
	Split
)

// Shape is everything of low cardinality about a row. It is comparable.
type Shape struct {
	Source, Route, Key, ActorType string
	Action                        event.Action
	Status                        uint16
	Position                      event.Position
	Edition                       uint32 // of the catalog that decoded the record
	Flags                         Flags

	// Looked is the edition of live-only rules that looked at the line; 0: none.
	// Marks has the numbers of those that matched, see PackMarks.
	Looked uint32
	Marks  string
}

// TooMany is the route of records on unmapped paths that were so many that theirs
// were not kept, and stands for a key or a type of actor that was first seen with
// them. No route and no shape of a path is written so.
const TooMany = "{too_many}"

// Client is a place of access. It is comparable.
type Client struct {
	IP               netip.Addr
	Country, Network string
}

// Session is what an account's rows share.
type Session struct {
	Home     dictionary.Ref
	Actor    dictionary.Ref
	HasActor bool
	Token    uint64 // 0 = none
	Client   uint32 // index into Input.Clients
	Agent    uint32
}

// Row is one fragment of a record. Session, Shape and File are indexes into
// the Input's tables.
type Row struct {
	Time    event.Millis
	Home    dictionary.Ref
	Shape   uint32
	Session uint32
	Rows    int32
	File    uint32
	Block   uint32
	// Record tells the records of one moment apart, and how many fragments they
	// have (see RecordNumber), for rows whose shape is Split; else 0. Fragments of
	// one record share it.
	Record uint64
}

// RecordNumber makes a Row.Record: the number of fragments stands above the hash,
// so that a question about one of them need not go through all partitions to find
// the others.
func RecordNumber(hash uint32, fragments int) uint64 { return uint64(fragments)<<32 | uint64(hash) }

// Fragments is how many fragments a record of this number has; 1 if it is not
// Split.
func Fragments(record uint64) int { return max(1, int(record>>32)) }

// Input is what a segment is written from. Tables may hold entries that no row
// uses, and equal entries; the file holds each used one once.
type Input struct {
	Shapes   []Shape
	Clients  []Client
	Agents   []string
	Files    []string
	Sessions []Session
	Rows     []Row
}

// Zone is what a manifest keeps of a segment, to leave it out of a question
// without opening it.
type Zone struct {
	Rows      int64        `json:"rows"`
	Primaries int64        `json:"records"`
	MinTime   event.Millis `json:"min_time"`
	MaxTime   event.Millis `json:"max_time"`
}

// SourceInfo is what a segment knows of one source.
type SourceInfo struct {
	Records int64
	MinTime event.Millis
	MaxTime event.Millis
	// Minutes since 1970 in which the source has at least one record.
	Minutes *roaring.Bitmap
}

// Info describes a segment.
type Info struct {
	Zone
	Malformed int64
	Sources   map[string]*SourceInfo
}

// MaxRows bounds a segment: it is four times what merges make, and bounds what a
// damaged file can ask for.
const MaxRows = 1 << 26
