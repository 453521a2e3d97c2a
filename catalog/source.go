package catalog

import (
	"path"
	"time"
)

// Field names one field of the access record that a JSON log can be mapped to.
type Field string

const (
	FieldTime      Field = "time"
	FieldID        Field = "id"
	FieldActorID   Field = "actor.id"
	FieldActorType Field = "actor.type"
	FieldKey       Field = "credential.key"
	FieldToken     Field = "credential.token"
	FieldIP        Field = "client.ip"
	FieldAgent     Field = "client.agent"
	FieldCountry   Field = "client.country"
	FieldNetwork   Field = "client.network"
	FieldMethod    Field = "method"
	FieldURI       Field = "uri"
	FieldStatus    Field = "status"
	FieldRows      Field = "rows"
	FieldSubjects  Field = "subjects"
	FieldMore      Field = "more"
)

// fieldTable is every field, and whether a source may set it to a constant: a
// constant time or id would be a lie, a constant actor type is often the truth
// (an admin tool's log holds staff only).
var fieldTable = []struct {
	field Field
	set   bool
}{
	{FieldTime, false}, {FieldID, false},
	{FieldActorID, false}, {FieldActorType, true},
	{FieldKey, true}, {FieldToken, false},
	{FieldIP, false}, {FieldAgent, true}, {FieldCountry, true}, {FieldNetwork, true},
	{FieldMethod, true}, {FieldURI, false}, {FieldStatus, false},
	{FieldRows, false}, {FieldSubjects, false}, {FieldMore, false},
}

// Fields lists every field that can be mapped.
func Fields() []Field {
	out := make([]Field, len(fieldTable))
	for i, f := range fieldTable {
		out[i] = f.field
	}
	return out
}

// Formats a source can declare; empty means: look at the first lines.
const (
	FormatDetect   = ""
	FormatCombined = "combined"
	FormatCommon   = "common"
	FormatJSON     = "json"
	// FormatCloudTrail is the record of calls that AWS keeps.
	FormatCloudTrail = "cloudtrail"
	// FormatPgAudit is the log of PostgreSQL with the audit lines of pgaudit.
	FormatPgAudit = "pgaudit"
	// FormatMariaDB is the log of MariaDB's plugin server_audit.
	FormatMariaDB = "mariadb"
	// FormatKeycloak is Keycloak's own log, with the texts of its events.
	FormatKeycloak = "keycloak"
)

// Source is one log the catalog describes.
type Source struct {
	Name   string
	Format string

	// Match is a glob over file names without their folder ("access*.json*").
	// Empty matches nothing by itself.
	Match string

	// Fields maps record fields to keys of a JSON line. A dot in a key leads
	// into a nested object.
	Fields map[Field]string

	// Choices are the fields that are more than the value of one key. A field
	// stands in Fields or here.
	Choices map[Field]Choice

	// Set holds record fields that have one value in this whole log.
	Set map[Field]string

	// ActorTypes are the catalog's words for actor types of the log, by the log's.
	ActorTypes map[string]string

	// Actors are the types of single actors, by their id: the role that a program
	// connects to a database as is a service among people.
	Actors map[string]string

	// Separator stands between the accounts in the subjects field.
	Separator string

	// Address says which address counts where the log gives a list of them, as
	// X-Forwarded-For does.
	Address AddressRule

	// Cadence is how often at least one record is expected; a longer silence
	// is a gap. 0: not declared, and then coverage is unknown.
	Cadence time.Duration

	// Zone is for times that do not name one.
	Zone *time.Location

	constants []constant // Set, in order, for the hot path
	line      int
}

// AddressRule says which of several addresses is the client's.
type AddressRule uint8

const (
	// OneAddress: the field holds one address. A list is not read: which of its
	// addresses is true depends on the proxies, and a client can write the first.
	OneAddress AddressRule = iota
	// FirstAddress is what the proxy furthest out was told or saw.
	FirstAddress
	// LastAddress is what the nearest proxy saw.
	LastAddress
)

var addressRules = []string{"one", "first", "last"}

func (r AddressRule) String() string {
	if int(r) < len(addressRules) {
		return addressRules[r]
	}
	return "unknown"
}

type constant struct {
	field Field
	value string
}

// SourceFor finds the source whose Match fits a file name. The first in the
// order of the catalog wins.
func (c *Catalog) SourceFor(file string) (*Source, bool) {
	base := path.Base(file)
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.Match == "" {
			continue
		}
		if ok, err := path.Match(s.Match, base); err == nil && ok {
			return s, true
		}
	}
	return nil, false
}
