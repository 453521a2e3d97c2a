package ocsf

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/haetae/haetae/detect"
)

// Change says what has become of a signal since a receiver was told of it last; it is
// the activity of a finding.
type Change int

const (
	Found     Change = 1
	Grown     Change = 2
	Withdrawn Change = 3
)

type detection struct {
	head
	Message string       `json:"message"`
	Start   int64        `json:"start_time,omitempty"`
	End     int64        `json:"end_time,omitempty"`
	Info    info         `json:"finding_info"`
	Rest    restOfSignal `json:"unmapped"`
}

type info struct {
	UID      string   `json:"uid"`
	Title    string   `json:"title"`
	Desc     string   `json:"desc,omitempty"`
	Created  int64    `json:"created_time,omitempty"`
	First    int64    `json:"first_seen_time,omitempty"`
	Last     int64    `json:"last_seen_time,omitempty"`
	Types    []string `json:"types,omitempty"`
	Analytic analytic `json:"analytic"`
}

type analytic struct {
	UID    string `json:"uid"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	TypeID int    `json:"type_id"`
}

// restOfSignal is what a Detection Finding has no attribute for, under the names of
// GET /v1/signals.
type restOfSignal struct {
	Version  int               `json:"version"`
	Title    detect.Text       `json:"title"`
	Reason   detect.Text       `json:"reason"`
	Group    map[string]string `json:"group,omitempty"`
	Reads    int64             `json:"reads"`
	Accounts int64             `json:"accounts"`
	People   int64             `json:"people"`
	Items    map[string]int64  `json:"items,omitempty"`
	Where    string            `json:"where"`
	Exact    bool              `json:"exact"`
	Reached  float64           `json:"reached"`
	Episodes [][2]string       `json:"episodes,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	Calendar []detect.Text     `json:"calendar,omitempty"`
	Late     bool              `json:"late,omitempty"`
}

// SignalUID names one state of a signal: two that differ in anything have two names,
// and the same state has the same wherever it is worked out.
func SignalUID(s *detect.Signal, c Change) (string, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	if c == Withdrawn {
		b = append(b, " withdrawn"...)
	}
	sum := sha256.Sum256(b)
	return s.ID + "-" + hex.EncodeToString(sum[:8]), nil
}

// EncodeSignal gives the event of a signal. version counts the states that a receiver
// was told of.
func EncodeSignal(s *detect.Signal, c Change, version int, p Product) ([]byte, error) {
	uid, err := SignalUID(s, c)
	if err != nil {
		return nil, err
	}
	e := &detection{
		head: finding.head(int(c), "", millis(s.Last)), Message: s.Title.EN, Start: millis(s.First), End: millis(s.Last),
		Info: info{
			UID: s.ID, Title: s.Title.EN, Desc: s.Reason.EN, Created: millis(s.ReachedAt), First: millis(s.First), Last: millis(s.Last),
			Types: []string{s.Rule}, Analytic: analytic{s.Rule, s.Rule, "Rule", 1},
		},
		Rest: restOfSignal{
			version, s.Title, s.Reason, s.Group, s.Reads, s.Accounts, s.People, s.Items, s.Where, s.Exact, s.Reached, s.Episodes, s.Tags, s.Calendar, s.Late,
		},
	}
	if e.Time == 0 {
		e.Time = millis(s.ReachedAt)
	}
	e.Severity = int(s.Severity) + 1
	e.SeverityName = [...]string{"Informational", "Low", "Medium", "High", "Critical"}[min(s.Severity, detect.Critical)]
	e.Status, e.StatusName = statusOf(s, c)
	e.Metadata = metadata{Version: Version, UID: uid, Correlation: s.ID, Product: p, Labels: []string{Pseudonyms}}
	return line(e)
}

func statusOf(s *detect.Signal, c Change) (int, string) {
	switch {
	case c == Withdrawn:
		return other, string(detect.Withdrawn) // nobody has resolved it: it is no longer found
	case s.Status == detect.Acknowledged:
		return 2, "In Progress"
	case s.Status == detect.Suppressed:
		return 3, "Suppressed"
	}
	return 1, "New"
}

func millis(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}
