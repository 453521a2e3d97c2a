package ingest

import (
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

// Message is what a sender says at once: one line for the decoder, whatever stands
// in it, or a document of a format that is made of them.
type Message struct {
	Text   []byte
	Origin event.Origin
	// Err, if set, is why the message cannot be decoded.
	Err *line.Error
}

// Messages decodes what comes in as messages. It belongs to one goroutine.
type Messages struct {
	Source   *catalog.Source
	Catalog  *catalog.Catalog
	Networks Networks
	Format   Format
	dec      Decoder
}

// NewMessages makes the decoder of a source. sample is the first of the messages,
// by which a format that the catalog does not say is found; ok: it is known.
func NewMessages(src *catalog.Source, cat *catalog.Catalog, networks Networks, now time.Time, sample []byte, watch func(format string, dec Decoder) Decoder) (m *Messages, ok bool, err error) {
	name := src.Format
	if name == catalog.FormatDetect {
		if name = Detect(sample).Format; name == "" {
			return nil, false, nil
		}
	}
	m = &Messages{Source: src, Catalog: cat, Networks: networks}
	if m.Format, err = FormatNamed(name); err != nil {
		return nil, false, err
	}
	if m.dec, err = m.Format.New(src, now); err != nil {
		return nil, false, err
	}
	m.dec = watch(name, m.dec)
	return m, true, nil
}

// Decode decodes messages that came one after another. rec and what it holds are valid
// until each returns, except that its ids stay valid as long as the messages do.
func (m *Messages) Decode(messages []Message, each func(*event.Record), aside func(Aside)) Counts {
	dec := m.dec
	var watch Watcher
	if w, ok := dec.(*watched); ok {
		dec, watch = w.begin()
	}
	d := decoding{src: m.Source, cat: m.Catalog, networks: m.Networks, dec: dec, watch: watch, each: each, aside: aside, subjects: make([]event.AccountID, 0, 16)}
	if b, ok := dec.(beginner); ok {
		b.Begin()
	}
	for i := range messages {
		msg := &messages[i]
		d.file = msg.Origin.File
		p := piece{text: msg.Text, offset: msg.Origin.Offset, line: msg.Origin.Line, err: msg.Err}
		if p.err == nil && len(p.text) > MaxLine {
			p.err = &line.Error{Cause: line.LongLine}
		}
		if p.err != nil || !m.Format.Documents {
			d.take(p)
			continue
		}
		c := Documents(p.text, m.Format.Cutter)
		if len(c.cuts) == 0 {
			d.take(p)
			continue
		}
		// The elements of a document stand where the message does.
		at := piece{line: 1}
		for k := range c.cuts {
			at = c.element(k, &at)
			e := at
			e.offset, e.line = p.offset, p.line
			d.take(e)
		}
	}
	return d.n
}
