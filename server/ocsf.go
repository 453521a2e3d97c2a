package server

import (
	"context"
	"fmt"
	"io"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ocsf"
	"github.com/haetae/haetae/scope"
)

// accessOf is a record as it leaves the house: under its pseudonyms.
func accessOf(r *scope.Record) *ocsf.Access {
	a := &ocsf.Access{UID: r.UID(), Items: r.Items, Stream: r.Stream, Block: r.Block}
	a.Time, a.Source, a.Action, a.Route, a.Status, a.Rows = r.Time, r.Source, r.Action, r.Route, r.Status, r.Rows
	a.Actor = event.Actor{ID: event.ActorID(r.Actor), Type: r.ActorType}
	a.Credential.Key, a.Client = r.Key, r.Client
	if r.Token != 0 {
		a.Credential.Token = event.TokenID(fmt.Sprintf("%016x", r.Token))
	}
	for _, s := range r.Subjects {
		a.Subjects = append(a.Subjects, event.AccountID(s))
	}
	return a
}

// OCSFRequest says what ExportOCSF writes.
type OCSFRequest struct {
	Query scope.Query
	// Signals: also what these rules find, behind the records; nil = none.
	Signals *DetectRequest
	Version string // of the product
}

// OCSFExported counts what it wrote.
type OCSFExported struct {
	Records int64 `json:"records"`
	Signals int64 `json:"signals"`
}

// ExportOCSF writes records, in the order of time, and signals as events of OCSF, one
// a line. Ids are pseudonyms: nothing is opened.
func ExportOCSF(ctx context.Context, l *ledger.Ledger, req OCSFRequest, w io.Writer, progress detect.Progress) (n OCSFExported, err error) {
	v, err := l.View()
	if err != nil {
		return n, err
	}
	defer v.Close()
	p := ocsf.ProductOf(req.Version)
	line := func(b []byte, err error) error {
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		return err
	}
	err = scope.Records(ctx, v, req.Query, func(r *scope.Record) error {
		n.Records++
		return line(ocsf.Encode(accessOf(r), p))
	})
	if err != nil || req.Signals == nil {
		return n, err
	}
	rep, err := Detect(ctx, l, *req.Signals, progress)
	if err != nil {
		return n, err
	}
	for i := range rep.Signals {
		n.Signals++
		if err := line(ocsf.EncodeSignal(&rep.Signals[i], ocsf.Found, 1, p)); err != nil {
			return n, err
		}
	}
	return n, nil
}
