package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

// quietEvery is how much a signal that an exception keeps quiet grows before it is
// written down again.
const quietEvery = 10 * time.Minute

// maxQuietWhere is how long a condition may be to be written down. A longer one, of a
// rule that names thousands of ids, is replaced by that of the group.
const maxQuietWhere = 16 << 10

// exceptionRecord is the record of our own that notes something about an exception.
// One that says the same is kept once a week at most, since its id is made of what
// it says, and of how often something else was said before.
func exceptionRecord(n scope.Noted, others int, by event.Actor, now time.Time) (event.Record, error) {
	text, err := n.Text()
	if err != nil {
		return event.Record{}, err
	}
	sum := sha256.Sum256(fmt.Append(nil, others, " ", text))
	return event.Record{
		Time: event.MillisOf(now), Source: OwnSource, ID: event.RecordID("exception-" + hex.EncodeToString(sum[:12])),
		Actor: by, Client: event.Client{IP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Agent: text},
		Action: event.ActionUpdate, Route: scope.ExceptionRoute + strings.ReplaceAll(OneLine(n.Rule), " ", "-"), Rows: event.RowsUnknown,
	}, nil
}

// notedException is an exception as it is written down: on one line.
func notedException(x *detect.Exception) scope.Exception {
	return scope.Exception{
		ID: OneLine(x.ID), Rule: OneLine(x.Rule), Owner: OneLine(x.Owner), Reason: scope.Reason{KO: OneLine(x.Reason.KO), EN: OneLine(x.Reason.EN)},
		From: OneLine(x.From), Until: OneLine(x.Until),
	}
}

// recordExceptions keeps who decided that which signals stay quiet, and why, and
// which of those before are in force no longer: as records of our own, like openings.
// forms gives how a value of a field stands in a signal: no real id is written.
func (s *Server) recordExceptions(ctx context.Context, list []detect.Exception, forms func(field, value string) []string) error {
	before, err := s.notedBefore()
	if err != nil {
		return err
	}
	inForce := map[string]scope.Noted{}
	for _, n := range before {
		switch n.Is {
		case scope.InForce:
			inForce[n.ID] = n
		case scope.Ended:
			delete(inForce, n.ID)
		}
	}
	var recs []event.Record
	var said []scope.Noted
	add := func(n scope.Noted, by event.Actor) error {
		others := 0
		for _, x := range before {
			if x.ID == n.ID && !reflect.DeepEqual(x, n) {
				others++
			}
		}
		rec, err := exceptionRecord(n, others, by, time.Now())
		recs, said = append(recs, rec), append(said, n)
		return err
	}
	for i := range list {
		x := &list[i]
		n := scope.Noted{Is: scope.InForce, Exception: notedException(x)}
		for field, v := range x.Group {
			if n.Group == nil {
				n.Group = map[string]string{}
			}
			n.Group[field] = strings.Join(forms(field, v), " ")
		}
		delete(inForce, n.ID)
		if err := add(n, event.Actor{ID: event.ActorID(x.Owner), Type: "staff"}); err != nil {
			return err
		}
	}
	for _, n := range inForce {
		n.Is = scope.Ended
		// By whoever changed the file: nobody that Haetae knows.
		if err := add(n, event.Actor{ID: OwnSource, Type: "system"}); err != nil {
			return err
		}
	}
	if err := s.appendExceptions(ctx, recs); err != nil {
		return err
	}
	for _, n := range said {
		if !reflect.DeepEqual(lastOf(before, n.ID), n) {
			before = append(before, n)
		}
	}
	s.noted = &before
	return nil
}

// notedBefore is what was noted of exceptions but what they keep quiet: read once from
// the ledger, since nobody else writes to it while this server does, and it takes a look
// at every segment.
func (s *Server) notedBefore() ([]scope.Noted, error) {
	if s.noted != nil {
		return *s.noted, nil
	}
	view, err := s.ledger.View()
	if err != nil {
		return nil, err
	}
	defer view.Close()
	list, err := scope.NotedExceptions(view)
	if err != nil {
		return nil, fmt.Errorf("read what is known of exceptions: %w", err)
	}
	return slices.DeleteFunc(list, func(n scope.Noted) bool { return n.Is == scope.Quiet }), nil
}

// lastOf is what was noted last of an exception.
func lastOf(list []scope.Noted, id string) scope.Noted {
	for _, n := range slices.Backward(list) {
		if n.ID == id {
			return n
		}
	}
	return scope.Noted{}
}

func (s *Server) appendExceptions(ctx context.Context, recs []event.Record) error {
	if len(recs) == 0 {
		return nil
	}
	if _, err := s.ledger.Append(ctx, recs); err != nil {
		return fmt.Errorf("record the exceptions: %w", err)
	}
	return nil
}

// quietOf is what is noted of a signal that an exception keeps quiet.
func quietOf(x *detect.Signal) (scope.Noted, bool) {
	first, err1 := time.Parse(time.RFC3339Nano, x.First)
	last, err2 := time.Parse(time.RFC3339Nano, x.Last)
	if x.Exception == nil || err1 != nil || err2 != nil {
		return scope.Noted{}, false
	}
	n := scope.Noted{Is: scope.Quiet, Exception: notedException(x.Exception), Signal: x.ID, Where: x.Where, First: event.MillisOf(first), Last: event.MillisOf(last)}
	if len(n.Where) > maxQuietWhere {
		n.Where = groupWhere(x.Group)
	}
	return n, true
}

// groupWhere is the condition that a signal's group is, as far as one can be written.
func groupWhere(group map[string]string) string {
	var parts []string
	for field, v := range group {
		if p, ok := strings.CutPrefix(v, "p:"); ok {
			parts = append(parts, field+" == pseudonym("+strconv.Quote(p)+")")
		} else if text := field + " == " + strconv.Quote(v); slices.Contains(scope.FieldNames(), field) {
			if _, err := scope.Compile(text); err == nil {
				parts = append(parts, text)
			}
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " && ")
}

// note writes down which signals are kept quiet: those that are new, that fall under
// another exception, or have grown by a while; all that have grown at the end.
func (d *detector) note(ctx context.Context, end bool) {
	var due []scope.Noted
	for _, n := range d.quiet() {
		if before, known := d.noted[n.Signal]; !known || dueAgain(n, before, end) {
			due = append(due, n)
		}
	}
	var recs []event.Record
	for _, n := range due {
		if rec, err := exceptionRecord(n, 0, event.Actor{ID: OwnSource, Type: "system"}, time.Now()); err == nil {
			recs = append(recs, rec)
		}
	}
	if err := d.s.appendExceptions(ctx, recs); err != nil {
		if d.noting.failed(time.Now()) {
			d.s.log.Error("what exceptions keep quiet could not be written down; it is tried again", "error", err, "signals", len(recs))
		}
		return
	}
	if d.noting.succeeded() {
		d.s.log.Info("what exceptions keep quiet could be written down again", "signals", len(recs))
	}
	for _, n := range due {
		d.noted[n.Signal] = n
	}
	d.unnoted = false
}

// dueAgain reports whether a signal that was written down is to be so again.
func dueAgain(n, before scope.Noted, end bool) bool {
	grown := n.Last - before.Last
	switch {
	case n.Exception != before.Exception || n.First != before.First || grown < 0:
		return true
	case grown == 0 || end:
		return grown > 0 || n.Where != before.Where
	}
	// The condition of several episodes has the moment of the last record, and so is
	// another one with each record.
	return grown >= event.Millis(quietEvery/time.Millisecond)
}

// quiet is what exceptions keep quiet now.
func (d *detector) quiet() []scope.Noted {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []scope.Noted
	for _, x := range d.signals {
		if n, ok := quietOf(&x); ok {
			out = append(out, n)
		}
	}
	return out
}
