// Package ingest turns bytes into access records: it unpacks, cuts a stream at
// lines, finds the format, decodes each line once, and follows a live file.
//
// The central idea: a line is either a record or set aside with its cause, and
// nothing else can happen to it. What is good around it goes on, and the counts
// of both add up to the lines there were.
//
// A new format is one sub-package with a Decoder and one line in Formats. One whose
// logs are not made of lines brings a Cutter there, and its decoder is given what
// that cuts.
//
// What it is not: a place that stores, or that knows what a route means.
package ingest

import (
	"bytes"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/cloudtrail"
	"github.com/haetae/haetae/ingest/combined"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/jsonlines"
	"github.com/haetae/haetae/ingest/keycloak"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ingest/mariadb"
	"github.com/haetae/haetae/ingest/pgaudit"
)

// Decoder reads one line of one format. It belongs to one goroutine. The
// strings it puts into rec and req may point into text, or be their own.
type Decoder interface {
	Decode(text []byte, rec *event.Record, req *catalog.Request) *line.Error
}

// Format is one kind of log.
type Format struct {
	Name string
	// Reads reports whether a line looks like this format.
	Reads func(text []byte) bool
	// New makes a decoder for a source; now bounds its clock.
	New func(src *catalog.Source, now time.Time) (Decoder, error)
	// Cutter, if set, cuts a log where it is not made of lines (Stream.Elements).
	Cutter func(at int64) Cutter
	// Documents: it is made of JSON documents, and may be sent as one.
	Documents bool
}

// Formats is the one list of them, in the order in which they are tried.
func Formats() []Format {
	return []Format{
		// Its lines of JSON are JSON, too.
		{Name: catalog.FormatKeycloak, Reads: keycloak.Reads, New: func(s *catalog.Source, now time.Time) (Decoder, error) { return keycloak.New(s, now), nil }},
		{Name: catalog.FormatJSON, Reads: jsonlines.Reads, New: func(s *catalog.Source, now time.Time) (Decoder, error) { return jsonlines.New(s, now) }},
		{Name: catalog.FormatCombined, Reads: combined.Reads, New: func(s *catalog.Source, now time.Time) (Decoder, error) { return combined.New(s, now), nil }},
		{Name: catalog.FormatCommon, Reads: combined.ReadsCommon, New: func(s *catalog.Source, now time.Time) (Decoder, error) { return combined.New(s, now), nil }},
		{Name: catalog.FormatCloudTrail, Reads: cloudtrail.Reads, New: func(s *catalog.Source, now time.Time) (Decoder, error) { return cloudtrail.New(s, now), nil },
			Cutter: func(at int64) Cutter { return element.New(cloudtrail.Key, at) }, Documents: true},
		{Name: catalog.FormatPgAudit, Reads: pgaudit.Reads, New: func(s *catalog.Source, now time.Time) (Decoder, error) { return pgaudit.New(s, now), nil },
			Cutter: func(at int64) Cutter { return pgaudit.NewCutter(at) }},
		{Name: catalog.FormatMariaDB, Reads: mariadb.Reads, New: func(s *catalog.Source, now time.Time) (Decoder, error) { return mariadb.New(s, now), nil }},
	}
}

// detectLines is how many lines are looked at, and detectShare the share of
// them that must fit: a log begins with a broken line now and then.
const (
	detectLines = 20
	detectShare = 2 // one half
)

// Detect finds the format of a log by its first lines, or elements. Of two that
// fit, the one that says more of an element is taken.
func Detect(sample []byte) Verdict {
	lines := splitSample(sample)
	best := Verdict{Lines: len(lines)}
	for _, f := range Formats() {
		looked := lines
		if f.Cutter != nil {
			looked = elementsOf(f, sample)
		}
		n := 0
		for _, l := range looked {
			if f.Reads(l) {
				n++
			}
		}
		if n > 0 && (n > best.Fit || f.Cutter != nil) && n*detectShare >= len(looked) {
			best = Verdict{Format: f.Name, Fit: n, Lines: len(looked)}
		}
	}
	return best
}

func splitSample(sample []byte) [][]byte {
	var out [][]byte
	sample = line.Unmarked(sample)
	for len(sample) > 0 && len(out) < detectLines {
		l, rest, more := cutLine(sample)
		if !more && len(out) > 0 {
			break // the last line of a sample is cut off anywhere
		}
		sample = rest
		if len(l) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// Aside is a line that cannot become a record.
type Aside struct {
	Origin event.Origin
	Field  string
	Cause  line.Cause
	Text   []byte // at most AsideText of it; valid during the call
}

// AsideText is how much of a line is kept for inspection.
const AsideText = 4 << 10

// Counts add up: Lines = Records + Aside + Empty. Empty are lines without a byte,
// and those of a log of many things that tell of no access.
type Counts struct {
	Lines, Records, Aside, Empty int64

	// LostAddresses counts records whose line had a client address that cannot
	// be read, LostTexts those of which a text was cut or cleaned.
	LostAddresses, LostTexts int64
}

// refuser is a decoder that can say where in a line stood what must not be kept.
type refuser interface{ Refused() []line.Span }

// coverer is a decoder of a format whose texts may hold what must not be kept
// anywhere: it covers that in the beginning of a text, whether it can be decoded
// or not.
type coverer interface{ Cover(text []byte) }

// beginner is a decoder that remembers lines. It forgets them before each chunk, so
// that what a line becomes does not depend on who decoded what came before.
type beginner interface{ Begin() }

// covered is a copy of the beginning of a line in which nothing usable is left.
func covered(text []byte, dec Decoder, decoded bool) []byte {
	kept := bytes.Clone(text[:min(len(text), AsideText)])
	cover(kept, dec, decoded)
	return kept
}

func cover(kept []byte, dec Decoder, decoded bool) {
	var spans []line.Span
	if r, ok := dec.(refuser); ok && decoded {
		spans = r.Refused()
	}
	if c, ok := dec.(coverer); ok {
		c.Cover(kept)
	}
	line.Mask(kept, spans...)
}

// DecodeChunk decodes every line of a chunk. rec and what it holds are valid
// until each returns, except that its ids stay valid as long as the chunk does.
func DecodeChunk(c *Chunk, file string, src *catalog.Source, cat *catalog.Catalog, networks Networks, dec Decoder, each func(*event.Record), aside func(Aside)) Counts {
	var watch Watcher
	if w, ok := dec.(*watched); ok {
		dec, watch = w.begin()
	}
	d := decoding{file: file, src: src, cat: cat, networks: networks, dec: dec, watch: watch, each: each, aside: aside, subjects: make([]event.AccountID, 0, 16)}
	if b, ok := dec.(beginner); ok {
		b.Begin()
	}
	for _, a := range c.Asides {
		a.Origin.File = file
		cover(a.Text, dec, false)
		d.n.Lines++
		d.n.Aside++
		aside(a)
	}
	if c.Documents() {
		p := piece{offset: c.Offset, line: c.Line}
		for i := range c.cuts {
			p = c.element(i, &p)
			d.take(p)
		}
		return d.n
	}
	at, number := c.Offset, c.Line
	for data := c.Data; len(data) > 0; {
		text, rest, ended := cutLine(data)
		size := int64(len(data) - len(rest))
		data = rest
		from := at
		at += size
		if from == 0 {
			text = line.Unmarked(text)
		}
		p := piece{text: text, offset: from, line: number}
		if len(text) > 0 {
			p.err = c.doubt(at, ended)
		}
		d.take(p)
		number++
	}
	return d.n
}

// decoding is a chunk being decoded.
type decoding struct {
	file     string
	src      *catalog.Source
	cat      *catalog.Catalog
	networks Networks
	dec      Decoder
	watch    Watcher // nil: nobody
	each     func(*event.Record)
	aside    func(Aside)

	n        Counts
	rec      event.Record
	req      catalog.Request
	subjects []event.AccountID
}

// take decodes one line or element.
func (d *decoding) take(p piece) {
	n, rec, req := &d.n, &d.rec, &d.req
	n.Lines++
	if len(p.text) == 0 && p.err == nil {
		n.Empty++
		return
	}
	*rec = event.Record{Source: d.src.Name, Rows: event.RowsUnknown, Subjects: d.subjects[:0], Origin: event.Origin{File: d.file, Line: p.line, Offset: p.offset}}
	*req = catalog.Request{}
	if p.err != nil {
		d.refuse(p, p.err, false)
		return
	}
	if err := d.dec.Decode(p.text, rec, req); err != nil {
		if err == line.NoAccess {
			n.Empty++
			return
		}
		if u, ok := d.dec.(unfolder); ok && err.Cause == line.IsDocument && !p.inside {
			d.unfold(p, u.Unfold(p.text))
			return
		}
		d.refuse(p, err, true)
		return
	}
	if req.Lost&catalog.LostAddress != 0 {
		n.LostAddresses++
	}
	if req.Lost&catalog.LostText != 0 {
		n.LostTexts++
	}
	Locate(d.networks, rec)
	d.cat.Fill(rec, *req)
	d.subjects = rec.Subjects
	if len(d.subjects) > event.MaxSubjects {
		d.refuse(p, &line.Error{Field: "subjects", Cause: line.TooMany}, false)
		return
	}
	n.Records++
	if d.watch != nil {
		look(d.watch, d.dec, p.text, rec, req)
	}
	d.each(rec)
}

// refuse sets aside; decoded: the decoder has seen it.
func (d *decoding) refuse(p piece, err *line.Error, decoded bool) {
	d.n.Aside++
	d.aside(Aside{Origin: d.rec.Origin, Field: err.Field, Cause: err.Cause, Text: covered(p.text, d.dec, decoded)})
}
