package event

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A string type for each kind of id, so that the compiler catches a swap. All
// of them are personal data or lead to it, so all of them refuse to be printed.
type (
	// AccountID is a member account as the platform names it.
	AccountID string
	// ActorID is whoever connected; for a member it equals the AccountID.
	ActorID string
	// PersonID is a data subject, who may have no account.
	PersonID string
	// TokenID identifies a token or session without being usable as one.
	TokenID string
	// RecordID is the source's id for one record.
	RecordID string
)

const redacted = "‹redacted›"

// Format keeps ids out of every fmt verb, %v and %q included; the same holds
// for the other id types.
func (AccountID) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }
func (ActorID) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (PersonID) Format(f fmt.State, _ rune)  { io.WriteString(f, redacted) }
func (TokenID) Format(f fmt.State, _ rune)   { io.WriteString(f, redacted) }
func (RecordID) Format(f fmt.State, _ rune)  { io.WriteString(f, redacted) }

// Position is where in a line the account stood.
type Position uint8

const (
	// PositionNone: the line names no account.
	PositionNone Position = iota
	// PositionPath: a segment of the path.
	PositionPath
	// PositionQuery: a parameter of the query string.
	PositionQuery
	// PositionActor: the actor read its own account.
	PositionActor
	// PositionList: a field in which the application lists the accounts.
	PositionList
	// PositionColumn: a statement compares the column of the account with them, so
	// every row it read is of one of them.
	PositionColumn
)

var positionNames = [...]string{"none", "path", "query", "actor", "list", "column"}

func (p Position) String() string {
	if int(p) < len(positionNames) {
		return positionNames[p]
	}
	return fmt.Sprintf("position(%d)", uint8(p))
}

// ParsePosition is the inverse of String.
func ParsePosition(s string) (Position, bool) {
	for i, n := range positionNames {
		if n == s {
			return Position(i), true
		}
	}
	return PositionNone, false
}

// Action is the task performed, in the words of OCSF's API activity.
type Action uint8

const (
	ActionOther Action = iota
	ActionRead
	ActionCreate
	ActionUpdate
	ActionDelete
	ActionExport // a read meant to leave the system: download, print, file
	ActionSignIn // an authentication attempt; Status tells its outcome
	ActionIssue  // a token was issued or refreshed
	ActionOpen   // the dictionary back to real ids was opened
	ActionRevoke // a token or a session was taken back
	actionCount
)

// Actions are all of them. Their numbers are on the disk: a new one comes last.
func Actions() []Action {
	all := make([]Action, actionCount)
	for i := range all {
		all[i] = Action(i)
	}
	return all
}

var actionNames = [...]string{"other", "read", "create", "update", "delete", "export", "sign_in", "issue", "open", "revoke"}

func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// ParseAction is the inverse of String.
func ParseAction(s string) (Action, bool) {
	for i, n := range actionNames {
		if n == s {
			return Action(i), true
		}
	}
	return ActionOther, false
}

// ActionOfMethod gives the action an HTTP method stands for when the catalog
// says nothing better.
func ActionOfMethod(method string) Action {
	switch method {
	case "GET", "HEAD":
		return ActionRead
	case "POST":
		return ActionCreate
	case "PUT", "PATCH":
		return ActionUpdate
	case "DELETE":
		return ActionDelete
	}
	return ActionOther
}

// Clone returns a copy of r that shares no memory with a decoder's buffer.
func (r *Record) Clone() Record {
	c := *r
	c.Source = strings.Clone(r.Source)
	c.ID = RecordID(strings.Clone(string(r.ID)))
	c.Actor = Actor{ActorID(strings.Clone(string(r.Actor.ID))), strings.Clone(r.Actor.Type)}
	c.Credential = Credential{strings.Clone(r.Credential.Key), TokenID(strings.Clone(string(r.Credential.Token)))}
	c.Client.Agent = strings.Clone(r.Client.Agent)
	c.Client.Country = strings.Clone(r.Client.Country)
	c.Client.Network = strings.Clone(r.Client.Network)
	c.Route = strings.Clone(r.Route)
	c.Lifted = AccountID(strings.Clone(string(r.Lifted)))
	c.Origin.File = strings.Clone(r.Origin.File)
	c.Marks = slices.Clone(r.Marks)
	c.Subjects = make([]AccountID, len(r.Subjects))
	for i, s := range r.Subjects {
		c.Subjects[i] = AccountID(strings.Clone(string(s)))
	}
	return c
}
