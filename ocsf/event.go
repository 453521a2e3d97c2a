package ocsf

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/haetae/haetae/event"
)

// Access is a record on its way out.
type Access struct {
	event.Record // ids as they are to be written
	UID          string
	Items        []string // the answer held, by the names of the catalog
	Stream       string   // where the line stood
	Block        uint32   // which MiB of it
}

// Product is who writes the events.
type Product struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version,omitempty"`
}

// ProductOf is Haetae in a version.
func ProductOf(version string) Product { return Product{"Haetae", "Haetae", version} }

// head is what every event begins with.
type head struct {
	Class        int      `json:"class_uid"`
	ClassName    string   `json:"class_name"`
	Category     int      `json:"category_uid"`
	CategoryName string   `json:"category_name"`
	Activity     int      `json:"activity_id"`
	ActivityName string   `json:"activity_name"`
	Type         int      `json:"type_uid"`
	TypeName     string   `json:"type_name"`
	Severity     int      `json:"severity_id"`
	SeverityName string   `json:"severity"`
	Time         int64    `json:"time"`
	Metadata     metadata `json:"metadata"`
	Status       int      `json:"status_id"`
	StatusName   string   `json:"status"`
	StatusCode   string   `json:"status_code,omitempty"`
}

type metadata struct {
	Version     string   `json:"version"`
	UID         string   `json:"uid,omitempty"`
	Correlation string   `json:"correlation_uid,omitempty"`
	Product     Product  `json:"product"`
	LogName     string   `json:"log_name,omitempty"`
	Profiles    []string `json:"profiles,omitempty"`
	Labels      []string `json:"labels,omitempty"`
}

// Pseudonyms is the label of events whose ids are no real ones.
const Pseudonyms = "pseudonyms"

// class of an event: its number, and its activities by number.
type class struct {
	uid        int
	name       string
	category   string
	activities map[int]string
}

var (
	apiActivity = class{6003, "API Activity", "Application Activity", map[int]string{1: "Create", 2: "Read", 3: "Update", 4: "Delete"}}
	datastore   = class{6005, "Datastore Activity", "Application Activity", map[int]string{
		1: "Read", 2: "Update", 3: "Connect", 4: "Query", 5: "Write", 6: "Create", 7: "Delete"}}
	authentication = class{3002, "Authentication", "Identity & Access Management", map[int]string{1: "Logon", 2: "Logoff", 3: "Authentication Ticket"}}
	finding        = class{2004, "Detection Finding", "Findings", map[int]string{1: "Create", 2: "Update", 3: "Close"}}
)

// other is the activity that no class has a number for; its name is the source's.
const other = 99

func (c *class) head(activity int, name string, at int64) head {
	if n, ok := c.activities[activity]; ok {
		name = n
	}
	return head{
		Class: c.uid, ClassName: c.name, Category: c.uid / 1000, CategoryName: c.category,
		Activity: activity, ActivityName: name, Type: c.uid*100 + activity, TypeName: c.name + ": " + name, Time: at,
	}
}

type access struct {
	head
	Actor    *actor        `json:"actor,omitempty"`
	User     *user         `json:"user,omitempty"`
	Session  *named        `json:"session,omitempty"`
	Service  *named        `json:"service,omitempty"`
	Source   endpoint      `json:"src_endpoint"`
	API      *api          `json:"api,omitempty"`
	Database *named        `json:"database,omitempty"`
	Table    *named        `json:"table,omitempty"`
	Request  *request      `json:"http_request,omitempty"`
	Response *response     `json:"http_response,omitempty"`
	Subjects *dataSubjects `json:"data_subjects,omitempty"`
	Unmapped *unmapped     `json:"unmapped,omitempty"`
}

type named struct {
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
}

type actor struct {
	User    *user  `json:"user,omitempty"`
	Session *named `json:"session,omitempty"`
	App     string `json:"app_name,omitempty"`
}

type user struct {
	UID        string `json:"uid,omitempty"`
	Account    *named `json:"account,omitempty"`
	Type       string `json:"type,omitempty"`
	TypeID     *int   `json:"type_id,omitempty"`
	Credential string `json:"credential_uid,omitempty"`
}

type endpoint struct {
	IP       string    `json:"ip,omitempty"`
	Name     string    `json:"name,omitempty"`
	Location *location `json:"location,omitempty"`
}

type location struct {
	Country string `json:"country"`
}

type api struct {
	Operation string `json:"operation"`
	Service   named  `json:"service"`
}

type request struct {
	Method string `json:"http_method,omitempty"`
	URL    *url   `json:"url,omitempty"`
	Agent  string `json:"user_agent,omitempty"`
}

type url struct {
	Path string `json:"path"`
}

type response struct {
	Code uint16 `json:"code"`
}

// dataSubjects is the profile of the same name (docs/sources.md).
type dataSubjects struct {
	UIDs  []event.AccountID `json:"uids,omitempty"`
	Rows  *int32            `json:"rows,omitempty"`
	Items []string          `json:"items,omitempty"`
}

// profile is its name in metadata.profiles.
const profile = "data_subjects"

// unmapped holds what OCSF has no attribute for.
type unmapped struct {
	Action  string `json:"action"`
	Route   string `json:"route"`
	Network string `json:"client_network,omitempty"`
	Stream  string `json:"stream,omitempty"`
	Block   uint32 `json:"block,omitempty"`
}

// unknown stands where OCSF asks for something the record does not know.
const unknown = "unknown"

// Encode gives the event of an access, one line of JSON without its end.
func Encode(a *Access, p Product) ([]byte, error) { return line(accessOf(a, p)) }

// line is one line of JSON, without its end and without escapes for web pages.
func line(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func accessOf(a *Access, p Product) *access {
	method, rest, _ := strings.Cut(a.Route, " ")
	c, activity := classOf(a, method)
	e := &access{head: c.head(activity, activityName(a.Action), int64(a.Time))}
	e.Severity, e.SeverityName = 1, "Informational"
	e.Metadata = metadata{Version: Version, UID: a.UID, Product: p, LogName: a.Source, Labels: []string{Pseudonyms}}
	switch {
	case a.Status == 0:
		e.Status, e.StatusName = 0, "Unknown"
	case a.Status < 400:
		e.Status, e.StatusName = 1, "Success"
	default:
		e.Status, e.StatusName = 2, "Failure"
	}
	if a.Status != 0 {
		e.Response = &response{a.Status}
	}
	who := userOf(a)
	var session *named
	if a.Credential.Token != "" {
		session = &named{UID: string(a.Credential.Token)}
	}
	if c == &authentication {
		if who == nil {
			who = &user{Account: &named{Name: unknown}}
		}
		e.User, e.Session, e.Service = who, session, &named{Name: orUnknown(a.Source)}
	} else {
		e.Actor = &actor{User: who, Session: session}
		if who == nil && session == nil {
			e.Actor.App = unknown
		}
	}
	if a.Client.IP.IsValid() {
		e.Source.IP = a.Client.IP.String()
	} else {
		e.Source.Name = unknown
	}
	if a.Client.Country != "" {
		e.Source.Location = &location{a.Client.Country}
	}
	switch {
	case c == &datastore:
		// TABLE shop.public.members (name, phone) by id + …: the first of them.
		first, _, _ := strings.Cut(rest, " ")
		if db, name, ok := strings.Cut(first, "."); ok && db != "" {
			e.Database, first = &named{Name: db}, name
		}
		e.Table = &named{Name: orUnknown(first)}
	case c == &apiActivity:
		e.API = &api{orUnknown(a.Route), named{Name: orUnknown(a.Source)}}
	}
	r := request{Agent: a.Client.Agent}
	if strings.HasPrefix(rest, "/") && c != &datastore {
		r.URL = &url{rest}
		if isMethod(method) {
			r.Method = method
		}
	}
	if r != (request{}) {
		e.Request = &r
	}
	if len(a.Subjects) > 0 || a.Rows >= 0 || len(a.Items) > 0 {
		e.Subjects = &dataSubjects{UIDs: a.Subjects, Items: a.Items}
		if a.Rows >= 0 {
			e.Subjects.Rows = &a.Rows
		}
		e.Metadata.Profiles = []string{profile}
	}
	e.Unmapped = &unmapped{a.Action.String(), a.Route, a.Client.Network, a.Stream, a.Block}
	return e
}

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return s
}

// table begins the route of a statement.
const table = "TABLE"

func classOf(a *Access, method string) (*class, int) {
	switch {
	case a.Action == event.ActionSignIn:
		return &authentication, 1
	case a.Action == event.ActionIssue:
		return &authentication, 3
	case method == table:
		return &datastore, numberOf(a.Action, 1, 6, 2, 7)
	}
	return &apiActivity, numberOf(a.Action, 2, 1, 3, 4)
}

func numberOf(a event.Action, read, create, update, remove int) int {
	switch a {
	case event.ActionRead:
		return read
	case event.ActionCreate:
		return create
	case event.ActionUpdate:
		return update
	case event.ActionDelete:
		return remove
	}
	return other
}

// activityName is the name of an activity that has no number.
func activityName(a event.Action) string {
	switch a {
	case event.ActionExport:
		return "Export"
	case event.ActionOpen:
		return "Open"
	}
	return "Other"
}

func isMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return true
	}
	return false
}

// userOf is who connected and what was presented; nil if the record says nothing.
func userOf(a *Access) *user {
	if a.Actor == (event.Actor{}) && a.Credential.Key == "" {
		return nil
	}
	u := &user{UID: string(a.Actor.ID), Credential: a.Credential.Key}
	if u.UID == "" {
		u.Account = &named{Name: unknown} // a user has a name or an id
	}
	if a.Actor.Type != "" {
		n := other
		u.Type, u.TypeID = a.Actor.Type, &n
		switch a.Actor.Type {
		case event.Member:
			u.Type, n = "User", 1
		case "service":
			u.Type, n = "System", 3
		}
	}
	return u
}
