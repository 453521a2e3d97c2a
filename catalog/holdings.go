package catalog

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/haetae/haetae/event"
)

// HoldingLine says that a person stands behind an account, and which items are
// not empty for that person (보유현황).
type HoldingLine struct {
	Account event.AccountID
	Person  event.PersonID
	// Items names the items; the slice is reused after the callback returns.
	Items []string
	// Holder: the person holds the account. Others are contacts: names in its
	// address book, who may have no account of their own.
	Holder bool
}

// RegisterLine says that an account exists (회원대장).
type RegisterLine struct {
	Account event.AccountID
	Since   event.Millis // Always when the file does not say
}

// maxLineItems is more than a catalog can have, so that a broken separator is
// told from a long list.
const maxLineItems = MaxItems

// ReadHoldings reads a holdings file, CSV with a heading or NDJSON, and calls
// fn for each sound line. Columns and keys:
//
//	account   required
//	person    required; equal to account where the holder is meant
//	items     names separated by ";" (in NDJSON also a list); may be empty
//	relation  holder or contact; without it a person whose id equals the
//	          account's is its holder
//
// Bad lines are in the Report, with place and cause and never with a value; the
// others are delivered. The error is for what ends the reading: the file cannot
// be read, the heading is not one, fn returned an error.
func ReadHoldings(name string, r io.Reader, fn func(HoldingLine) error) (Report, error) {
	items := newNames()
	var line HoldingLine
	return readTable(name, r, []column{
		{name: "account", need: true}, {name: "person", need: true}, {name: "items", need: true, list: true}, {name: "relation"},
	}, func(row *row) error {
		account, person := row.id(0), row.id(1)
		line = HoldingLine{Account: event.AccountID(account), Person: event.PersonID(person), Items: line.Items[:0], Holder: account == person}
		row.eachName(2, func(s string) {
			if len(line.Items) == maxLineItems {
				row.bad(2, "more than 64 items")
				return
			}
			n, ok := items.name(s)
			if !ok {
				row.bad(2, "not an item name")
				return
			}
			line.Items = append(line.Items, n)
		})
		switch row.text(3) {
		case "":
		case "holder":
			line.Holder = true
		case "contact":
			line.Holder = false
		default:
			row.bad(3, "neither holder nor contact")
		}
		if row.failed {
			return nil
		}
		return fn(line)
	})
}

// ReadRegister reads a register file: the columns or keys account and, if it is
// known, since (a date, at midnight UTC, or an RFC 3339 time). See ReadHoldings
// for bad lines.
func ReadRegister(name string, r io.Reader, fn func(RegisterLine) error) (Report, error) {
	return ReadRegisterIn(time.UTC, name, r, fn)
}

// ReadRegisterIn is ReadRegister with dates at midnight in another zone.
func ReadRegisterIn(zone *time.Location, name string, r io.Reader, fn func(RegisterLine) error) (Report, error) {
	return readTable(name, r, []column{
		{name: "account", need: true}, {name: "since"},
	}, func(row *row) error {
		line := RegisterLine{Account: event.AccountID(row.id(0)), Since: Always}
		if s := row.text(1); s != "" {
			t, ok := parseMoment(s, zone)
			if !ok {
				row.bad(1, "not a date or RFC 3339 time")
			}
			line.Since = event.MillisOf(t)
		}
		if row.failed {
			return nil
		}
		return fn(line)
	})
}

// Report is what happened to the lines of a file.
type Report struct {
	Name    string      `json:"name"`
	Lines   int64       `json:"lines"` // without the heading and empty lines
	Good    int64       `json:"good"`
	Bad     int64       `json:"bad"`
	Errors  []LineError `json:"errors,omitempty"`  // the first 1,000 bad lines
	Ignored []string    `json:"ignored,omitempty"` // columns that are not read
}

// maxLineErrors bounds the memory a wholly broken file can take.
const maxLineErrors = 1000

// LineError is one bad line. It holds no value of the line.
type LineError struct {
	Name   string `json:"name"` // the file
	Line   int64  `json:"line"`
	Column int    `json:"column,omitempty"` // byte the field begins at, from 1; 0 when the whole line is meant
	Field  string `json:"field,omitempty"`
	Cause  string `json:"cause"`
}

func (e LineError) Error() string {
	b := []byte(e.Name)
	b = append(b, ':')
	b = appendInt(b, e.Line)
	if e.Column > 0 {
		b = append(b, ':')
		b = appendInt(b, int64(e.Column))
	}
	b = append(b, ": "...)
	if e.Field != "" {
		b = append(append(b, e.Field...), ": "...)
	}
	return string(append(b, e.Cause...))
}

// ErrHeading is returned when a file's first line names no column we need.
var ErrHeading = errors.New("the first line is not a heading")

// names keeps one string per item name, so that millions of lines share them.
type names struct{ known map[string]string }

func newNames() *names { return &names{make(map[string]string)} }

func (n *names) name(s string) (string, bool) {
	if k, ok := n.known[s]; ok {
		return k, true
	}
	if !isItemName(s) {
		return "", false
	}
	k := string([]byte(s))
	if len(n.known) < 4096 {
		n.known[k] = k
	}
	return k, true
}

// jsonValue reads one value of an NDJSON line into text or a list.
func jsonValue(raw json.RawMessage, list bool) (text string, items []string, cause string) {
	var err error
	switch {
	case string(raw) == "null":
		return "", nil, ""
	case len(raw) > 0 && raw[0] == '"':
		err = json.Unmarshal(raw, &text)
	case list && len(raw) > 0 && raw[0] == '[':
		err = json.Unmarshal(raw, &items)
	case list:
		return "", nil, "neither text nor a list of texts"
	default:
		return "", nil, "not a text"
	}
	if err != nil {
		return "", nil, "not a text or list of texts"
	}
	return text, items, ""
}
