package ingest

import (
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// Watcher looks at lines while they are at hand: at what no record keeps. It
// belongs to one goroutine.
type Watcher interface {
	// Asks names the fields of a line that it wants beside the record's. In JSON
	// they are keys, dotted where they are nested.
	Asks() []string
	// Look is given a line that has become a record, and what stood in the fields,
	// as the format writes it (nil: not there). It may put marks into rec. Nothing
	// that it is given may be kept.
	Look(text []byte, fields [][]byte, rec *event.Record, req *catalog.Request)
}

// Asked is a decoder that can say what stood in fields of the line decoded last.
type Asked interface {
	Ask(names []string)
	Fields() [][]byte
}

// Watched is dec with somebody looking at its lines. now says who, and is asked
// before each chunk; nobody is nil.
func Watched(dec Decoder, now func() Watcher) Decoder { return &watched{Decoder: dec, now: now} }

type watched struct {
	Decoder
	now  func() Watcher
	last Watcher
}

// begin gives the decoder below, and who looks at its lines from now on.
func (w *watched) begin() (Decoder, Watcher) {
	if now := w.now(); now != w.last {
		w.last = now
		if a, ok := w.Decoder.(Asked); ok {
			var names []string
			if now != nil {
				names = now.Asks()
			}
			a.Ask(names)
		}
	}
	return w.Decoder, w.last
}

// look lets the watcher see a line.
func look(w Watcher, dec any, text []byte, rec *event.Record, req *catalog.Request) {
	var fields [][]byte
	if a, ok := dec.(Asked); ok {
		fields = a.Fields()
	}
	w.Look(text, fields, rec, req)
}
