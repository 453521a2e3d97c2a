package rule

import (
	"slices"
	"strings"

	"github.com/haetae/haetae/event"
)

// The fields of the access record, by id.
const (
	fieldTime FieldID = iota + 1
	fieldSource
	fieldAction
	fieldMethod
	fieldRoute
	fieldPath
	fieldStatus
	fieldRows
	fieldAccount
	fieldActorID
	fieldActorType
	fieldKey
	fieldToken
	fieldIP
	fieldAgent
	fieldCountry
	fieldNetwork
)

// recordFields is the access record in the words of rules. Beside each stands
// what Sigma's taxonomy calls the same thing in web server and proxy logs.
//
// Of the requested address the record keeps the path's template or shape, with
// ids lifted out, so cs-uri-stem means that. What stood in the query, the host,
// the referrer and cookies are not in the record: rules on c-uri, cs-uri,
// cs-uri-query, cs-host, cs-referer and cs-cookie are LiveOnly, and Line is what
// they are decided by.
var recordFields = []Field{
	fieldTime - 1:      {Name: "time"},
	fieldSource - 1:    {Name: "source"},
	fieldAction - 1:    {Name: "action"},
	fieldMethod - 1:    {Name: "method", Aliases: []string{"cs-method"}, Blank: true},
	fieldRoute - 1:     {Name: "route"},
	fieldPath - 1:      {Name: "path", Aliases: []string{"cs-uri-stem", "c-uri-stem"}, Blank: true},
	fieldStatus - 1:    {Name: "status", Aliases: []string{"sc-status"}},
	fieldRows - 1:      {Name: "rows"},
	fieldAccount - 1:   {Name: "account", ID: true, Blank: true},
	fieldActorID - 1:   {Name: "actor.id", Aliases: []string{"cs-username"}, ID: true, Blank: true},
	fieldActorType - 1: {Name: "actor.type", Blank: true},
	fieldKey - 1:       {Name: "credential.key", Blank: true},
	fieldToken - 1:     {Name: "credential.token", ID: true, Blank: true},
	fieldIP - 1:        {Name: "client.ip", Aliases: []string{"c-ip", "src_ip"}, Blank: true},
	fieldAgent - 1:     {Name: "client.agent", Aliases: []string{"c-useragent", "cs-user-agent", "cs-useragent"}, Blank: true},
	fieldCountry - 1:   {Name: "client.country", Blank: true},
	fieldNetwork - 1:   {Name: "client.network", Blank: true},
}

// RecordSource is the source of access records in the schema of AccessRecord.
const RecordSource SourceID = 1

// recordSources: rules on web server and proxy logs look at access records, and
// rules of ours say product: haetae or category: access.
var recordSources = []Source{{Name: "access", Is: []LogSource{
	{Category: "webserver"},
	{Category: "proxy"},
	{Category: "access", Product: "haetae"},
}}}

// CloudTrailSource is the source of CloudTrail's events in the schema of Line; that
// of every other line is RecordSource.
const CloudTrailSource SourceID = 2

var lineSources = []Source{recordSources[0], {Name: "cloudtrail", Is: []LogSource{
	{Product: "aws", Service: "cloudtrail"},
	{Category: "access", Product: "haetae"},
}}}

// lineFields are what a line of a web server or proxy says beside its record, in
// the words of Sigma's taxonomy. What is asked for as cs-uri-stem is the path as it
// was requested, and no template.
var lineFields = []Field{
	{Name: "c-uri", Aliases: []string{"cs-uri"}},
	{Name: "cs-uri-stem", Aliases: []string{"c-uri-stem"}},
	{Name: "cs-uri-query", Aliases: []string{"c-uri-query"}},
	{Name: "c-uri-extension"},
	{Name: "cs-host"},
	{Name: "cs-referer", Aliases: []string{"cs-referrer"}},
	{Name: "cs-cookie"},
}

// Line is the schema of a line while it is at hand: its record, and what else a
// line of a web server is known to say. Other fields of a line are those that rules
// ask about (Set.Field).
func Line() *Schema {
	fields := slices.Clone(recordFields)
	fields[fieldPath-1].Aliases = nil
	s, err := NewSchema(slices.Concat(fields, lineFields), lineSources)
	if err != nil {
		panic("rule: line: " + err.Error()) // a mistake in the tables above
	}
	return s
}

// AccessRecord is the schema of event.Record, in which rules find the fields and
// Event.SetRecord puts them.
func AccessRecord() *Schema {
	s, err := NewSchema(recordFields, recordSources)
	if err != nil {
		panic("rule: access record: " + err.Error()) // a mistake in the tables above
	}
	return s
}

// SetRecord makes e an event of an access record. What the record does not say
// stays absent. e has to come from a Set whose schema begins with AccessRecord's.
func (e *Event) SetRecord(r *event.Record) {
	e.Reset(RecordSource)
	e.SetTime(fieldTime, int64(r.Time))
	e.SetText(fieldSource, r.Source)
	e.SetText(fieldAction, r.Action.String())
	if r.Route != "" {
		e.SetText(fieldRoute, r.Route)
		if method, path, ok := strings.Cut(r.Route, " "); ok {
			e.SetText(fieldMethod, method)
			e.SetText(fieldPath, path)
		}
	}
	if r.Status != 0 {
		e.SetInt(fieldStatus, int64(r.Status))
	}
	if r.Rows != event.RowsUnknown {
		e.SetInt(fieldRows, int64(r.Rows))
	}
	for _, a := range r.Subjects {
		e.AddText(fieldAccount, string(a))
	}
	e.setIf(fieldActorID, string(r.Actor.ID))
	e.setIf(fieldActorType, r.Actor.Type)
	e.setIf(fieldKey, r.Credential.Key)
	e.setIf(fieldToken, string(r.Credential.Token))
	if r.Client.IP.IsValid() {
		e.SetAddr(fieldIP, r.Client.IP)
	}
	e.setIf(fieldAgent, r.Client.Agent)
	e.setIf(fieldCountry, r.Client.Country)
	e.setIf(fieldNetwork, r.Client.Network)
}

func (e *Event) setIf(f FieldID, s string) {
	if s != "" {
		e.SetText(f, s)
	}
}
