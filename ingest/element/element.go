// Package element cuts JSON documents into their elements: the members of a list
// at the top, those of a list under one key of an object at the top, and every
// other object there. So a file that is one document on one line, one that is
// written over many, and JSON lines are the same to whoever decodes elements.
//
// The central idea: behind an element nothing needs to be remembered. What may
// follow (a comma, the end of the list, another document) tells by itself where
// it stands. So a stream can be gone on with behind any element, without its
// beginning, and gives the same elements.
//
// What is broken is cut out alone: as soon as the brackets, quotes or commas
// cannot be JSON, the element at hand is given up, and the next text that begins
// as an object does behind an end, a comma or a line feed is an element again.
//
// What it is not: a decoder. What is in an element is checked by whoever reads it.
package element

import (
	"encoding/binary"
	"math/bits"
)

// Cut is one element, from one byte of the stream up to another.
type Cut struct {
	From, To int64
	// Broken: this is no element but what lies between two. It may be empty, where
	// the stream ends inside a list.
	Broken bool
}

type state uint8

const (
	atTop     state = iota // before a document
	behind                 // an element
	wanted                 // an element is to come, or the end of the list
	closed                 // behind the end of a list
	value                  // to come, inside an element
	valueEnd               // or the end of its list
	name                   // of a member
	nameEnd                // or the end of its object
	colon                  //
	next                   // behind a value: a comma, or an end
	text                   // inside quotes
	backslash              //
	literal                // inside a number or a word
	lost                   // until something begins
	lostBrace              // behind a brace that may begin it
)

// maxDepth is deeper than anybody nests what a log says.
const maxDepth = 256

// Cutter finds elements. It belongs to one goroutine.
type Cutter struct {
	key string // of the list in an object at the top; may be empty

	at    int64
	safe  int64
	from  int64 // of the element or the broken piece at hand; -1: none
	last  int64 // behind the last byte of a broken piece that is no blank and no comma
	state state

	depth int
	lists [maxDepth]bool // by depth: it is a list, not an object

	top    bool // the object at hand stands at the top: its key may hold the list
	named  bool // the quotes at hand are a name's
	match  int  // bytes of key that the name at hand has; -1: it is another
	found  bool // the name before the value at hand is key
	armed  bool // lost: an object may begin here
	brace  int64
	open   bool // inside a list of elements, as far as is known
	resume bool // nothing was read yet of a resumed stream
}

// New cuts a stream from an offset on. Behind its beginning that is an offset Safe
// gave, or one inside an element that was cut already: what is left of that is
// passed over, as is what cannot stand behind an element.
func New(key string, at int64) *Cutter {
	c := &Cutter{key: key, at: at, safe: at, from: -1}
	if at > 0 {
		c.state, c.resume = behind, true
	}
	return c
}

// Safe is the last place from which another Cutter would give the same elements.
func (c *Cutter) Safe() int64 { return c.safe }

// Open is where the element or piece begins that is not at its end yet, or -1.
func (c *Cutter) Open() int64 { return c.from }

// End says that the stream ended, and adds what is left.
func (c *Cutter) End(cuts []Cut) []Cut {
	switch {
	case c.from >= 0 && (c.state == lost || c.state == lostBrace):
		cuts = c.broken(cuts)
	case c.from >= 0:
		cuts = append(cuts, Cut{c.from, c.at, true})
	case c.open || c.depth > 0:
		cuts = append(cuts, Cut{c.at, c.at, true})
	}
	c.from, c.open, c.depth = -1, false, 0
	return cuts
}

// broken gives the piece that was lost.
func (c *Cutter) broken(cuts []Cut) []Cut {
	if c.resume { // the rest of an element that was cut before
		c.resume = false
		return cuts
	}
	return append(cuts, Cut{c.from, c.last, true})
}

// Feed takes the next bytes and adds the elements that end in them.
func (c *Cutter) Feed(p []byte, cuts []Cut) []Cut {
	begin := c.at
	for i := 0; i < len(p); {
		b := p[i]
		c.at = begin + int64(i)
		switch c.state {
		case text:
			if c.match < 0 {
				if i = plain(p, i); i == len(p) {
					continue
				}
				b = p[i]
				c.at = begin + int64(i)
			}
			switch {
			case b == '"':
				c.endText()
			case b == '\\':
				c.state, c.match = backslash, -1
			case b == '\n':
				c.lose(b)
				continue
			case c.match >= 0:
				if c.match < len(c.key) && c.key[c.match] == b {
					c.match++
				} else {
					c.match = -1
				}
			}
			i++
		case backslash:
			c.state = text
			i++
		case literal:
			if !isLiteral(b) {
				c.state = next
				continue
			}
			i++
		case lost:
			switch {
			case b == '{' && c.armed:
				c.brace, c.state = c.at, lostBrace
			case b == ',' || b == '}' || b == '\n':
				c.armed = true
			case !isBlank(b):
				c.armed = false
			}
			if !isBlank(b) && b != '\n' && b != ',' && c.state == lost {
				c.last = c.at + 1
			}
			i++
		case lostBrace:
			switch {
			case b == '"':
				cuts = c.broken(cuts)
				c.from, c.safe = c.brace, c.brace
				c.enter(true)
				c.state = nameEnd
			case isBlank(b) || b == '\n':
				i++
			default:
				c.state, c.armed, c.last = lost, false, c.at
			}
		default:
			if isBlank(b) || b == '\n' {
				i++
				continue
			}
			if !c.step(b) {
				c.lose(b)
				continue
			}
			c.resume = false
			i++
			if c.from >= 0 && c.depth == 0 && c.state == next {
				cuts = append(cuts, Cut{From: c.from, To: c.at + 1})
				c.from, c.state, c.safe = -1, behind, c.at+1
			}
		}
	}
	c.at = begin + int64(len(p))
	return cuts
}

// step takes a byte that is no blank. It reports whether it can stand there.
func (c *Cutter) step(b byte) bool {
	switch c.state {
	case atTop, behind, closed:
		switch {
		case b == '{':
			c.from = c.at
			c.enter(true)
			c.state = nameEnd
		case b == '[':
			c.state, c.open = wanted, true
		case b == ',' && c.state == behind:
			c.state, c.open = wanted, true
		case b == ']' && c.state == behind:
			c.state, c.open = closed, false
		case b == ',' && c.state == closed: // more of the object around the list
			c.enter(true)
			c.state = name
		case b == '}' && c.state == closed:
			c.state, c.depth = atTop, 0
		case c.at < 3 && c.state == atTop && (b == 0xef || b == 0xbb || b == 0xbf): // a byte order mark
		default:
			return false
		}
	case wanted:
		switch b {
		case '{':
			c.from = c.at
			c.enter(false)
			c.state = nameEnd
		case '[':
			c.from = c.at
			c.enter(false)
			c.lists[0], c.state = true, valueEnd
		case ']':
			c.state, c.open = closed, false
		default:
			return false
		}
	case name, nameEnd:
		switch {
		case b == '"':
			c.state, c.named, c.match = text, true, -1
			if c.top && c.depth == 1 && c.key != "" {
				c.match = 0
			}
		case b == '}' && c.state == nameEnd:
			return c.leave(b)
		default:
			return false
		}
	case colon:
		if b != ':' {
			return false
		}
		c.state = value
	case value, valueEnd:
		switch {
		case b == '[' && c.found && c.depth == 1:
			c.from, c.depth, c.state, c.open = -1, 0, wanted, true
		case b == '{' || b == '[':
			if c.depth == maxDepth {
				return false
			}
			c.lists[c.depth] = b == '['
			c.depth++
			if c.state = nameEnd; b == '[' {
				c.state = valueEnd
			}
		case b == '"':
			c.state, c.named, c.match = text, false, -1
		case b == ']' && c.state == valueEnd:
			return c.leave(b)
		case isLiteral(b):
			c.state = literal
		default:
			return false
		}
		c.found = false
	case next:
		switch b {
		case ',':
			if c.state = name; c.lists[c.depth-1] {
				c.state = value
			}
		case '}', ']':
			return c.leave(b)
		default:
			return false
		}
	}
	return true
}

// enter begins an object.
func (c *Cutter) enter(top bool) {
	c.depth, c.lists[0], c.top, c.found = 1, false, top, false
}

func (c *Cutter) leave(b byte) bool {
	if c.lists[c.depth-1] != (b == ']') {
		return false
	}
	c.depth--
	c.state = next
	if c.depth == 0 && c.from < 0 { // the object around a list
		c.state = atTop
	}
	return true
}

func (c *Cutter) endText() {
	c.state = next
	if c.named {
		c.state, c.found = colon, c.match == len(c.key) && c.match > 0
	}
	c.match = -1
}

// lose gives up what is at hand, before a byte that cannot stand there; the byte is
// looked at again.
func (c *Cutter) lose(b byte) {
	// Behind a comma or a whole value an object may begin.
	c.armed = c.state == name || c.state == next || c.state == behind || c.state == closed || c.state == atTop || c.state == wanted
	if c.from < 0 {
		c.from = c.at
	}
	// Whether that is inside a list nobody knows.
	c.state, c.depth, c.match, c.last, c.open = lost, 0, -1, c.at, false
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' }

func isLiteral(b byte) bool {
	return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b == '-' || b == '+' || b == '.'
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// plain steps over what is neither a quote nor a backslash nor a line feed.
func plain(p []byte, i int) int {
	for ; i+8 <= len(p); i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		q, s, n := w^'"'*ones, w^'\\'*ones, w^'\n'*ones
		if stop := ((q-ones)&^q | (s-ones)&^s | (n-ones)&^n) & high; stop != 0 {
			return i + bits.TrailingZeros64(stop)>>3
		}
	}
	for ; i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] != '\n'; i++ {
	}
	return i
}
