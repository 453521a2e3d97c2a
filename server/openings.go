package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
)

// OwnSource is the source of records that Haetae writes about itself.
const OwnSource = "haetae"

// Opening says that somebody went from pseudonyms back to real ids. It is itself
// an access to personal data, so it becomes an access record, before anything is
// opened.
type Opening struct {
	By     string `json:"by"`   // account on the machine
	What   string `json:"what"` // "scope export", "aside show"
	Reason string `json:"reason"`
	To     string `json:"to,omitempty"` // age recipient of an export
	Rows   int64  `json:"rows"`         // people or lines that are opened
}

func (o *Opening) check() error {
	switch {
	case o.By == "" || o.What == "":
		return errors.New("opening: by and what are needed")
	case OneLine(o.Reason) == "":
		return errors.New("opening: a reason is needed")
	case len(o.Reason) > 1000:
		return errors.New("opening: the reason is longer than 1,000 bytes")
	case len(o.By) > 200 || len(o.What) > 100 || len(o.To) > 200:
		return errors.New("opening: by, what or to is too long")
	}
	return nil
}

// OneLine makes a text that somebody typed fit for a list that is shown on a
// terminal: what would move the cursor, or turn the direction of reading, is a
// space.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// text is what stands where a user agent would, the only free text a record
// has. It is read again by asking
//
//	haetae scope --where 'source == "haetae" && action == "open"' --by agent
//
// The recipient stands here and not among the signing keys: it opened nothing.
func (o *Opening) text() string {
	text := "haetae " + OneLine(o.What) + ": " + OneLine(o.Reason)
	if o.To != "" {
		text += " (to " + OneLine(o.To) + ")"
	}
	return text
}

// record is the access record of an opening.
func (o *Opening) record(now time.Time) event.Record {
	rows := int32(min(o.Rows, 1<<31-1))
	return event.Record{
		Time: event.MillisOf(now), Source: OwnSource,
		Actor:  event.Actor{ID: event.ActorID(o.By), Type: "staff"},
		Client: event.Client{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Agent: o.text()},
		Action: event.ActionOpen, Route: "OPEN /" + strings.ReplaceAll(OneLine(o.What), " ", "/"), Rows: rows,
	}
}

// RecordOpening writes it into a ledger this process owns.
func RecordOpening(ctx context.Context, l *ledger.Ledger, o Opening) error {
	if err := o.check(); err != nil {
		return err
	}
	if _, err := l.Append(ctx, []event.Record{o.record(time.Now())}); err != nil {
		return fmt.Errorf("record the opening: %w", err)
	}
	return nil
}

func (s *Server) postOpenings(w http.ResponseWriter, r *http.Request) {
	var o Opening
	if !readJSON(w, r, &o) {
		return
	}
	if err := o.check(); err != nil {
		refuse(w, http.StatusBadRequest, "opening", err.Error())
		return
	}
	if err := RecordOpening(r.Context(), s.ledger, o); err != nil {
		s.fault(w, "opening", err)
		return
	}
	s.log.Info("opened", "what", o.What, "by", o.By)
	writeJSON(w, http.StatusOK, struct{}{})
}

// RecordOpening asks the server to write it.
func (c *Client) RecordOpening(ctx context.Context, o Opening) error {
	var none struct{}
	return c.ask(ctx, "/v1/openings", o, &none)
}
