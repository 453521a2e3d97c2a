// Package ingest turns bytes into access records: it unpacks, cuts a stream at
// lines, finds the format, decodes each line once, and follows a live file.
//
// The central idea: a line is either a record or set aside with its cause, and
// nothing else can happen to it. What is good around it goes on, and the counts
// of both add up to the lines there were.
//
// A new format is one sub-package with a Decoder and one line in Formats.
//
// What it is not: a place that stores, or that knows what a route means.
package ingest

import (
	"bytes"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/combined"
	"github.com/haetae/haetae/ingest/jsonlines"
	"github.com/haetae/haetae/ingest/line"
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
}

// Formats is the one list of them, in the order in which they are tried.
func Formats() []Format {
	return []Format{
		{catalog.FormatJSON, jsonlines.Reads, func(s *catalog.Source, now time.Time) (Decoder, error) { return jsonlines.New(s, now) }},
		{catalog.FormatCombined, combined.Reads, func(s *catalog.Source, now time.Time) (Decoder, error) { return combined.New(s, now), nil }},
		{catalog.FormatCommon, combined.ReadsCommon, func(s *catalog.Source, now time.Time) (Decoder, error) { return combined.New(s, now), nil }},
	}
}

// detectLines is how many lines are looked at, and detectShare the share of
// them that must fit: a log begins with a broken line now and then.
const (
	detectLines = 20
	detectShare = 2 // one half
)

// Detect finds the format of a log by its first lines.
func Detect(sample []byte) Verdict {
	lines := splitSample(sample)
	best := Verdict{Lines: len(lines)}
	for _, f := range Formats() {
		n := 0
		for _, l := range lines {
			if f.Reads(l) {
				n++
			}
		}
		if n > best.Fit && n*detectShare >= len(lines) {
			best.Format, best.Fit = f.Name, n
		}
	}
	return best
}

func splitSample(sample []byte) [][]byte {
	var out [][]byte
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

// Counts add up: Lines = Records + Aside + Empty.
type Counts struct {
	Lines, Records, Aside, Empty int64

	// LostAddresses counts records whose line had a client address that cannot
	// be read, LostTexts those of which a text was cut or cleaned.
	LostAddresses, LostTexts int64
}

// refuser is a decoder that can say where in a line stood what must not be kept.
type refuser interface{ Refused() []line.Span }

// covered is a copy of the beginning of a line in which nothing usable is left.
func covered(text []byte, dec Decoder) []byte {
	kept := bytes.Clone(text[:min(len(text), AsideText)])
	var spans []line.Span
	if r, ok := dec.(refuser); ok {
		spans = r.Refused()
	}
	line.Mask(kept, spans...)
	return kept
}

// DecodeChunk decodes every line of a chunk. rec and what it holds are valid
// until each returns, except that its ids stay valid as long as the chunk does.
func DecodeChunk(c *Chunk, file string, src *catalog.Source, cat *catalog.Catalog, networks Networks, dec Decoder, each func(*event.Record), aside func(Aside)) Counts {
	var n Counts
	var rec event.Record
	var req catalog.Request
	subjects := make([]event.AccountID, 0, 16)
	for _, a := range c.Asides {
		a.Origin.File = file
		line.Mask(a.Text)
		n.Lines++
		n.Aside++
		aside(a)
	}
	at, number := c.Offset, c.Line
	for data := c.Data; len(data) > 0; {
		text, rest, ended := cutLine(data)
		size := int64(len(data) - len(rest))
		data = rest
		origin := event.Origin{File: file, Line: number, Offset: at}
		at += size
		number++
		n.Lines++
		if len(text) == 0 {
			n.Empty++
			continue
		}
		rec = event.Record{Source: src.Name, Rows: event.RowsUnknown, Subjects: subjects[:0], Origin: origin}
		req = catalog.Request{}
		if err := c.doubt(at, ended); err != nil {
			n.Aside++
			aside(Aside{Origin: origin, Field: err.Field, Cause: err.Cause, Text: covered(text, nil)})
			continue
		}
		if err := dec.Decode(text, &rec, &req); err != nil {
			n.Aside++
			aside(Aside{Origin: origin, Field: err.Field, Cause: err.Cause, Text: covered(text, dec)})
			continue
		}
		if req.Lost&catalog.LostAddress != 0 {
			n.LostAddresses++
		}
		if req.Lost&catalog.LostText != 0 {
			n.LostTexts++
		}
		Locate(networks, &rec)
		cat.Fill(&rec, req)
		subjects = rec.Subjects
		if len(subjects) > event.MaxSubjects {
			n.Aside++
			aside(Aside{Origin: origin, Field: "subjects", Cause: line.TooMany, Text: covered(text, nil)})
			continue
		}
		n.Records++
		each(&rec)
	}
	return n
}
