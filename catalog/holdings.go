package catalog

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
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
	return (*Catalog)(nil).ReadHoldings(name, r, fn)
}

// ReadHoldings is the function of that name, and says in the Report which items
// the catalog does not know: "fone" for "phone" leaves people out of every
// answer about phones, and only this tells. The lines are sound all the same,
// since a later catalog may know the item.
func (c *Catalog) ReadHoldings(name string, r io.Reader, fn func(HoldingLine) error) (Report, error) {
	items := newNames()
	var line HoldingLine
	rep, err := readTable(name, r, []column{
		{name: "account", need: true}, {name: "person", need: true}, {name: "items", need: true, list: true}, {name: "relation"},
	}, func(row *row) error {
		account, person := row.id(0), row.id(1)
		line = HoldingLine{Account: event.AccountID(account), Person: event.PersonID(person), Items: line.Items[:0], Holder: account == person}
		row.eachName(2, func(s string) {
			if len(line.Items) == maxLineItems {
				row.bad(2, valueItems)
				return
			}
			n, ok := items.name(s)
			if !ok {
				row.bad(2, valueItem)
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
			row.bad(3, valueRelation)
		}
		if row.failed {
			return nil
		}
		return fn(line)
	})
	if c != nil {
		items.unknownTo(c, &rep)
	}
	return rep, err
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
				row.bad(1, valueMoment)
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

	// Unknown names items of the holdings that the catalog does not have, and
	// UnknownEntries counts how often any stood there, named here or not.
	Unknown        []UnknownItem `json:"unknown_items,omitempty"`
	UnknownEntries int64         `json:"unknown_entries,omitempty"`
}

// UnknownItem is an item name of a holdings file that the catalog does not have.
type UnknownItem struct {
	Name    string `json:"name"`
	Entries int64  `json:"entries"`
	Like    string `json:"like,omitempty"` // the item that was probably meant
}

// maxLineErrors bounds the memory a wholly broken file can take.
const maxLineErrors = 1000

// LineError is one bad line. It holds no value of the line.
type LineError struct {
	Name   string `json:"name"` // the file
	Line   int64  `json:"line"`
	Column int    `json:"column,omitempty"` // byte the field begins at, from 1; 0 when the whole line is meant
	Field  string `json:"field,omitempty"`
	Code   string `json:"code"`
	Cause  string `json:"cause"`

	CauseKO string `json:"cause_ko"`
}

func (e LineError) Error() string { return e.text(e.Cause) }

// KO is Error in Korean.
func (e LineError) KO() string { return e.text(cmp.Or(e.CauseKO, e.Cause)) }

func (e LineError) text(cause string) string {
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
	return string(append(b, cause...))
}

// ErrHeading is returned when a file's first line names no column we need.
var ErrHeading = errors.New("the first line is not a heading")

// headingError says which columns the first line lacks. What stands there
// instead may be somebody's data: it is not quoted.
type headingError struct {
	file    string
	some    bool // it is a heading, but one without these columns
	columns string
}

func (e *headingError) Error() string {
	if e.some {
		return fmt.Sprintf("read %s: line 1: %v with the column %s", e.file, ErrHeading, e.columns)
	}
	return fmt.Sprintf("read %s: line 1: %v: expected the columns %s", e.file, ErrHeading, e.columns)
}

// KO is Error in Korean.
func (e *headingError) KO() string {
	if e.some {
		return fmt.Sprintf("%s: 1번째 줄: 머리글에 %s 열이 없습니다", e.file, e.columns)
	}
	return fmt.Sprintf("%s: 1번째 줄: 머리글이 아닙니다. 열 이름이 있어야 합니다: %s", e.file, e.columns)
}

func (e *headingError) Unwrap() error { return ErrHeading }

// names keeps one string per item name, so that millions of lines share them,
// and how often each stood there.
type names struct {
	known map[string]*nameCount
	rest  int64 // entries of names that were too many to be kept
}

type nameCount struct {
	name    string
	entries int64
}

func newNames() *names { return &names{known: make(map[string]*nameCount)} }

func (n *names) name(s string) (string, bool) {
	if k, ok := n.known[s]; ok {
		k.entries++
		return k.name, true
	}
	if !isItemName(s) {
		return "", false
	}
	k := strings.Clone(s)
	if len(n.known) < 4096 {
		n.known[k] = &nameCount{k, 1}
	} else {
		n.rest++
	}
	return k, true
}

// maxUnknown is how many unknown names are printed. A typing mistake makes one
// or two; many different ones are another column of the file, and then what
// stands there may be ids.
const maxUnknown = 20

// unknownTo reports the names that c has no item for. A name with digits is only
// counted: m1000001 is a fine item name and somebody's account.
func (n *names) unknownTo(c *Catalog, rep *Report) {
	known := make([]string, len(c.Items))
	for i := range c.Items {
		known[i] = c.Items[i].Name
	}
	rep.UnknownEntries = n.rest
	for _, k := range n.known {
		if slices.Contains(known, k.name) {
			continue
		}
		rep.UnknownEntries += k.entries
		if !strings.ContainsAny(k.name, "0123456789") {
			rep.Unknown = append(rep.Unknown, UnknownItem{k.name, k.entries, written.Nearest(k.name, known)})
		}
	}
	if len(rep.Unknown) > maxUnknown {
		rep.Unknown = nil
	}
	slices.SortFunc(rep.Unknown, func(a, b UnknownItem) int {
		return cmp.Or(cmp.Compare(b.Entries, a.Entries), cmp.Compare(a.Name, b.Name))
	})
}

// jsonValue reads one value of an NDJSON line into text or a list.
func jsonValue(raw json.RawMessage, list bool) (text string, items []string, cause mistake) {
	var err error
	switch {
	case string(raw) == "null":
		return "", nil, sound
	case len(raw) > 0 && raw[0] == '"':
		err = json.Unmarshal(raw, &text)
	case list && len(raw) > 0 && raw[0] == '[':
		err = json.Unmarshal(raw, &items)
	case list:
		return "", nil, valueList
	default:
		return "", nil, valueText
	}
	if err != nil {
		return "", nil, valueNested
	}
	return text, items, sound
}
