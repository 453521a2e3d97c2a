package syslog

import (
	"bytes"
	"errors"
	"io"

	"github.com/haetae/haetae/ingest/line"
)

const (
	// Window is how much of a connection is read before what came is made durable.
	Window = 64 << 10
	// MaxMessage is the longest message that is taken, with its header. A longer one is
	// set aside, and its bytes are never held together.
	MaxMessage = 1 << 20
	// maxSkip ends a connection whose next message is said to be longer: either the
	// framing is lost, or nobody should wait for it.
	maxSkip = 64 << 20
	// keptOfLong is how much is kept of a message that is too long.
	keptOfLong = 4 << 10
	// maxCount is how many digits the length of a message may have.
	maxCount = 9
)

// Frame is one message with its header.
type Frame struct {
	Text   []byte // valid until the next Read
	Number int64  // of the message in the connection, 1-based
	Offset int64  // where it begins, in bytes of the connection
	Err    *line.Error
}

// Framer cuts a stream at messages. Each is framed by its length ("123 <…", octet
// counting) or ended by a line feed or NUL; senders differ, and what a frame begins with
// says which it is.
type Framer struct {
	// Grow asks for room for a message that is longer than a window, and may wait; Shrink
	// gives it back. Either may be nil.
	Grow   func() error
	Shrink func()

	r        io.Reader
	buf      []byte
	from, to int   // what was read and not cut yet
	looked   int   // of it, how much has no end of a message: a slow sender is not looked at anew
	offset   int64 // of buf[from]
	number   int64
	grown    bool
	long     *Frame // a message that is too long, whose rest is skipped
	left     int64  // of it, in bytes; -1: up to its end
	err      error
}

// ErrFraming: what comes next cannot be found.
var ErrFraming = errors.New("syslog: the length of a message cannot be read")

// NewFramer cuts r.
func NewFramer(r io.Reader) *Framer { return &Framer{r: r, buf: make([]byte, Window)} }

// Pending reports whether a message has begun that is not at its end.
func (f *Framer) Pending() bool { return f.to > f.from || f.long != nil }

// Grown reports whether what was read is held in the room that Grow gave.
func (f *Framer) Grown() bool { return f.grown }

// Read waits for what comes next and gives the messages that are whole. With an error,
// io.EOF among them, there may be messages too.
func (f *Framer) Read(frames []Frame) ([]Frame, error) {
	frames = frames[:0]
	if f.err != nil {
		return frames, f.err
	}
	if f.from > 0 {
		f.to = copy(f.buf, f.buf[f.from:f.to])
		f.from = 0
	}
	if f.grown && f.to < Window {
		f.grown = false
		f.buf = append(make([]byte, 0, Window), f.buf[:f.to]...)[:Window]
		if f.Shrink != nil {
			f.Shrink()
		}
	}
	if f.to == len(f.buf) { // a whole window without an end
		if f.Grow != nil {
			if f.err = f.Grow(); f.err != nil {
				return frames, f.err
			}
		}
		f.grown = true
		f.buf = append(make([]byte, 0, MaxMessage+maxCount+1), f.buf...)[:MaxMessage+maxCount+1]
	}
	n, err := f.r.Read(f.buf[f.to:])
	f.to += n
	for f.err == nil {
		fr, ok := f.next()
		if !ok {
			break
		}
		if fr != nil {
			frames = append(frames, *fr)
		}
	}
	if f.err == nil && err != nil {
		f.err = err
		if fr := f.tail(); fr != nil {
			frames = append(frames, *fr)
		}
	}
	return frames, f.err
}

// Close gives back the room.
func (f *Framer) Close() {
	if f.grown && f.Shrink != nil {
		f.Shrink()
	}
	f.grown = false
}

// next cuts one message. ok: there may be more; fr is nil where nothing was one.
func (f *Framer) next() (fr *Frame, ok bool) {
	if f.long != nil {
		return f.skip()
	}
	text := f.buf[f.from:f.to]
	if len(text) == 0 {
		return nil, false
	}
	switch c := text[0]; {
	case c == '\n', c == '\r', c == 0: // behind a message that was counted, or an empty one
		f.pass(1)
		return nil, true
	case c >= '1' && c <= '9':
		return f.counted(text)
	}
	end := endOf(text[f.looked:])
	if end < 0 {
		f.looked = len(text)
		if len(text) > MaxMessage {
			f.tooLong(text, -1)
			return nil, true
		}
		return nil, false
	}
	end += f.looked
	fr = f.frame(bytes.TrimSuffix(text[:end], []byte("\r")))
	if end > MaxMessage {
		fr.Text, fr.Err = fr.Text[:keptOfLong], &line.Error{Cause: line.LongLine}
	}
	f.pass(end + 1)
	return fr, true
}

// counted cuts a message that says its length.
func (f *Framer) counted(text []byte) (*Frame, bool) {
	n := int64(0)
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9' && i < maxCount:
			n = n*10 + int64(c-'0')
			continue
		case c != ' ' || n > maxSkip:
			f.err = ErrFraming
			fr := f.frame(text[:min(len(text), keptOfLong)])
			fr.Err = &line.Error{Field: "syslog", Cause: line.Header}
			f.pass(len(text))
			return fr, true
		}
		body := text[i+1:]
		if n > MaxMessage {
			if len(body) < keptOfLong {
				return nil, false
			}
			f.pass(i + 1)
			f.tooLong(body, n)
			return nil, true
		}
		if int64(len(body)) < n {
			return nil, false
		}
		f.offset += int64(i + 1)
		f.from += i + 1
		fr := f.frame(bytes.TrimRight(body[:n], "\r\n\x00"))
		f.pass(int(n))
		if len(fr.Text) == 0 {
			return nil, true
		}
		return fr, true
	}
	return nil, false
}

func (f *Framer) frame(text []byte) *Frame {
	f.number++
	return &Frame{Text: text, Number: f.number, Offset: f.offset}
}

func (f *Framer) pass(n int) {
	f.from += n
	f.offset += int64(n)
	f.looked = 0
}

// endOf is where a message ends that does not say its length, or -1.
func endOf(text []byte) int {
	end := bytes.IndexByte(text, '\n')
	if end >= 0 {
		text = text[:end]
	}
	if null := bytes.IndexByte(text, 0); null >= 0 {
		return null
	}
	return end
}

// tooLong begins to skip a message.
func (f *Framer) tooLong(text []byte, n int64) {
	f.long = f.frame(bytes.Clone(text[:keptOfLong]))
	f.long.Err = &line.Error{Cause: line.LongLine}
	f.left = n
}

// skip passes over the rest of a message that is too long.
func (f *Framer) skip() (*Frame, bool) {
	text := f.buf[f.from:f.to]
	n, done := len(text), false
	if f.left < 0 {
		if end := endOf(text); end >= 0 {
			n, done = end+1, true
		}
		if f.offset-f.long.Offset > maxSkip {
			f.err = ErrFraming
			done = true
		}
	} else {
		if int64(n) >= f.left {
			n, done = int(f.left), true
		}
		f.left -= int64(n)
	}
	f.pass(n)
	if !done {
		return nil, false
	}
	fr := f.long
	f.long = nil
	return fr, true
}

// tail is what the stream ends in: nothing says that it is whole.
func (f *Framer) tail() *Frame {
	if f.long != nil {
		fr := f.long
		f.long = nil
		return fr
	}
	text := f.buf[f.from:f.to]
	if len(text) == 0 {
		return nil
	}
	fr := f.frame(text[:min(len(text), keptOfLong)])
	fr.Err = &line.Error{Cause: line.CutOff}
	f.pass(len(text))
	return fr
}
