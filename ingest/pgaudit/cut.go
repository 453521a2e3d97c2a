package pgaudit

import (
	"bytes"

	"github.com/haetae/haetae/ingest/element"
)

// Cutter cuts a log of PostgreSQL into its records. A record of a csvlog goes over
// several lines where a statement does; one of a jsonlog is a line.
//
// The central idea: only the quotes tell where a record ends, never what a line looks
// like, since a statement may hold lines that look like records of somebody else. A
// record that was cut off leaves its quotes open, and the next one closes them in its
// first quoted field: behind such a quote stands a letter, which cannot be, and so the
// record began where that line did.
type Cutter struct {
	at    int64
	safe  int64
	from  int64 // of the record at hand; -1: none
	state state

	// Of the line at hand inside quotes: where it began, whether that looked like a
	// record, and whether the first quote on it follows a comma.
	lineFrom int64
	looks    bool
	comma    bool
	first    bool // no quote was seen on it yet
	doubt    bool // the quote just seen was the first, behind a comma
}

type state uint8

const (
	between  state = iota
	jsonLine       // a record of a jsonlog
	plain          // inside a record of a csvlog, outside of quotes
	quotes         // inside of quotes
	quote          // behind a quote that ends them, or is the first of two
	lost           // up to the end of the line
)

// NewCutter cuts a stream from a place on that Safe gave, or from its beginning.
func NewCutter(at int64) *Cutter { return &Cutter{at: at, safe: at, from: -1} }

// Safe implements ingest.Cutter.
func (c *Cutter) Safe() int64 { return c.safe }

// Open implements ingest.Cutter.
func (c *Cutter) Open() int64 { return c.from }

// End implements ingest.Cutter.
func (c *Cutter) End(cuts []element.Cut) []element.Cut {
	if c.from >= 0 {
		cuts = append(cuts, element.Cut{From: c.from, To: c.at, Broken: true})
	}
	c.from, c.state = -1, between
	return cuts
}

// Feed implements ingest.Cutter.
func (c *Cutter) Feed(p []byte, cuts []element.Cut) []element.Cut {
	begin := c.at
	for i := 0; i < len(p); i++ {
		b := p[i]
		c.at = begin + int64(i)
		switch c.state {
		case between:
			if b == '\n' || b == '\r' {
				c.safe = c.at + 1
				continue
			}
			c.from = c.at
			switch {
			case b >= '0' && b <= '9':
				c.state = plain
			case b == '{':
				c.state = jsonLine
			default:
				c.state = lost
			}
		case jsonLine, lost:
			n := bytes.IndexByte(p[i:], '\n')
			if n < 0 {
				i = len(p)
				continue
			}
			i += n
			c.at = begin + int64(i)
			cuts = c.end(cuts)
		case plain:
			switch b {
			case '\n':
				cuts = c.end(cuts)
			case '"':
				c.state, c.first = quotes, false
			}
		case quotes:
			switch b {
			case '"':
				c.state = quote
				c.doubt = c.first && c.looks && c.comma
				c.first = false
			case '\n':
				c.lineFrom, c.first, c.looks, c.comma = c.at+1, true, false, false
			default:
				if c.at == c.lineFrom && c.first {
					c.looks = b >= '0' && b <= '9'
				}
				c.comma = b == ','
			}
		case quote:
			switch {
			case b == '"':
				c.state = quotes
			case b == ',' || b == '\r':
				c.state = plain
			case b == '\n':
				cuts = c.end(cuts)
			case c.doubt:
				cuts = append(cuts, element.Cut{From: c.from, To: c.lineFrom - 1, Broken: true})
				c.from, c.safe, c.state = c.lineFrom, c.lineFrom, quotes
			default:
				c.state = lost
			}
		}
	}
	c.at = begin + int64(len(p))
	return cuts
}

// end ends the record at hand before a line feed.
func (c *Cutter) end(cuts []element.Cut) []element.Cut {
	cuts = append(cuts, element.Cut{From: c.from, To: c.at, Broken: c.state == lost})
	c.from, c.state, c.safe = -1, between, c.at+1
	return cuts
}
