package ledger

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/haetae/haetae/internal/pseudonym"
)

// The identity of a log is its content: the SHA-256 of its unpacked bytes from
// the first one on. A plain, a gzip and a zstd copy are the same stream, and so
// is a file under another name. Known for ever are the digest at the place up to
// which a stream was read and, to notice what shares a beginning with it, at
// some places before: marks, always behind a line feed. The places follow from
// the content alone, so that equal content has equal marks however it was read.
//
// What is kept of a digest is a keyed hash: the first lines of a log can be
// guessed, and a bare digest would say whether the guess is right.

// Point is what a stream holds up to a place.
type Point struct {
	At  int64  `json:"at"`
	Sum string `json:"sum,omitempty"`
}

const (
	// firstMark is where marks begin behind the one after the first line; each is
	// four times as far as the one before, so that a small copy is noticed too.
	firstMark = 1 << 10
	// markEvery is how far marks are apart at most.
	markEvery = 64 << 20
	// maxMarks bounds what the manifest says of one stream. When there are more,
	// every other one of the later half is forgotten.
	maxMarks = 1 << 10
)

// nextMark is the place behind which the first line feed is the next mark.
func nextMark(at int64) int64 {
	for p := int64(firstMark); p < markEvery; p *= 4 {
		if p > at {
			return p
		}
	}
	return (at/markEvery + 1) * markEvery
}

// Sum takes in a stream from its first byte. It belongs to one goroutine.
type Sum struct {
	hasher *pseudonym.Hasher
	h      hash.Hash
	at     int64
	next   int64   // the first line feed at or behind next-1 makes a mark
	marks  []Point // since Part was called
	line   [sha256.Size]byte
	lineAt int64 // behind the last line feed
	lines  int64 // line feeds
}

// NewSum begins a stream.
func (l *Ledger) NewSum() *Sum { return newSum(l.hasher) }

func newSum(h *pseudonym.Hasher) *Sum { return &Sum{hasher: h, h: sha256.New(), next: 1} }

func (s *Sum) clone() *Sum {
	c := *s
	h, err := s.h.(hash.Cloner).Clone()
	if err != nil {
		panic("ledger: a SHA-256 cannot be cloned: " + err.Error())
	}
	c.h = h
	c.marks = slices.Clone(s.marks)
	return &c
}

// Write takes the next bytes; it cannot fail.
func (s *Sum) Write(p []byte) (int, error) {
	n := len(p)
	for {
		from := max(0, s.next-s.at-1)
		if from >= int64(len(p)) {
			break
		}
		i := bytes.IndexByte(p[from:], '\n')
		if i < 0 {
			break
		}
		end := from + int64(i) + 1
		s.endLine(p[:end])
		s.marks = append(s.marks, s.linePoint())
		s.next = nextMark(s.at)
		p = p[end:]
	}
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		s.endLine(p[:i+1])
		p = p[i+1:]
	}
	s.h.Write(p)
	s.at += int64(len(p))
	return n, nil
}

// endLine takes bytes that end in a line feed.
func (s *Sum) endLine(p []byte) {
	s.h.Write(p)
	s.at += int64(len(p))
	s.lineAt = s.at
	s.lines += int64(bytes.Count(p, []byte{'\n'}))
	s.h.Sum(s.line[:0])
}

func (s *Sum) linePoint() Point { return s.pointOf(s.lineAt, s.line[:]) }

func (s *Sum) point() Point {
	if s.at == s.lineAt {
		return s.linePoint()
	}
	return s.pointOf(s.at, s.h.Sum(nil))
}

func (s *Sum) pointOf(at int64, digest []byte) Point {
	if at == 0 {
		return Point{}
	}
	return Point{at, s.hasher.Stream(digest)}
}

// Offset is how many bytes were taken.
func (s *Sum) Offset() int64 { return s.at }

// Lines is how many line feeds were among them.
func (s *Sum) Lines() int64 { return s.lines }

// Digest is the SHA-256 of all of it, in hex, for whoever wants to check a file;
// "" for a stream so short that its content could be guessed.
func (s *Sum) Digest() string {
	if s.at < 4<<10 {
		return ""
	}
	return hex.EncodeToString(s.h.Sum(nil))
}

// Part is what a piece of a stream adds to what is known of it.
type Part struct {
	Marks []Point // in the piece
	Line  Point   // behind the last line feed so far
	End   Point   // where the piece ends, if that is behind Line
	Lines int64   // line feeds so far
}

// With is p and what comes behind it.
func (p Part) With(next Part) Part {
	next.Marks = append(p.Marks, next.Marks...)
	return next
}

// Part gives what came since it was called last.
func (s *Sum) Part() Part {
	p := Part{Marks: s.marks, Line: s.linePoint(), Lines: s.lines}
	if s.at > s.lineAt {
		p.End = s.point()
	}
	s.marks = nil
	return p
}

// Snapshot is the stream as it is now, with the marks since the one before.
func (s *Sum) Snapshot() *Sum {
	c := s.clone()
	s.marks = nil
	return c
}

type sumState struct {
	Hash  []byte `json:"h"`
	At    int64  `json:"at"`
	Next  int64  `json:"next"`
	Line  []byte `json:"line"`
	LineN int64  `json:"line_at"`
	Lines int64  `json:"lines"`
}

// state is s without the marks, sealed.
func (s *Sum) state() ([]byte, error) {
	h, err := s.h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("state of a stream: %w", err)
	}
	data, err := json.Marshal(sumState{h, s.at, s.next, s.line[:], s.lineAt, s.lines})
	if err != nil {
		return nil, fmt.Errorf("state of a stream: %w", err)
	}
	return s.hasher.SealState(data), nil
}

func openSum(h *pseudonym.Hasher, sealed []byte) (*Sum, error) {
	data, err := h.OpenState(sealed)
	if err != nil {
		return nil, err
	}
	var st sumState
	s := newSum(h)
	if err := json.Unmarshal(data, &st); err != nil || len(st.Line) != len(s.line) {
		return nil, fmt.Errorf("state of a stream: %w", ErrCorrupt)
	}
	if err := s.h.(encoding.BinaryUnmarshaler).UnmarshalBinary(st.Hash); err != nil {
		return nil, fmt.Errorf("state of a stream: %w", ErrCorrupt)
	}
	s.at, s.next, s.lineAt, s.lines = st.At, st.Next, st.LineN, st.Lines
	copy(s.line[:], st.Line)
	return s, nil
}

// streamRecord is what is known, for ever, of one stream: imports and followers
// that go on with it move its end.
type streamRecord struct {
	ID     string  `json:"id"`
	Source string  `json:"source"`
	Marks  []Point `json:"marks,omitempty"` // ascending
	Line   Point   `json:"line"`            // behind the last line feed that was read
	// End is set when the stream ended inside a line; Tail says that this line
	// made a record all the same.
	End  Point `json:"end,omitzero"`
	Tail bool  `json:"tail,omitempty"`
	// Whole: the log is not one of lines, and End is inside nothing.
	Whole bool  `json:"whole,omitempty"`
	Lines int64 `json:"lines"` // up to Line
	// Last is the import that read the end, 0 for a follower.
	Last uint64 `json:"last,omitempty"`
}

// reach is how far the stream is known.
func (r *streamRecord) reach() int64 { return max(r.Line.At, r.End.At) }

// points are all places that can be compared, ascending.
func (r *streamRecord) points() []Point { return pointsOf(r.Marks, r.Line, r.End) }

func pointsOf(marks []Point, more ...Point) []Point {
	out := slices.Clone(marks)
	for _, p := range more {
		if p.At > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Point) int { return cmp.Compare(a.At, b.At) })
	return slices.Compact(out)
}

// extend is r after a further part: what is behind from is the part's.
func (r *streamRecord) extend(from int64, marks []Point, line, end Point) streamRecord {
	out := *r
	old := slices.DeleteFunc(slices.Clone(r.Marks), func(p Point) bool { return p.At > from })
	// Where an import ended is a place to know its file again by.
	if r.Last != 0 && r.Line.At <= from {
		old = append(old, r.Line)
	}
	if r.Whole && r.End.At <= from {
		old = append(old, r.End)
	}
	out.Marks = thin(pointsOf(append(old, slices.DeleteFunc(slices.Clone(marks), func(p Point) bool { return p.At <= from })...)))
	out.Line, out.End = line, end
	return out
}

// thin forgets marks when there are too many.
func thin(marks []Point) []Point {
	if len(marks) <= maxMarks {
		return marks
	}
	out := slices.Clone(marks[:maxMarks/2])
	for i := maxMarks/2 + 1; i < len(marks); i += 2 {
		out = append(out, marks[i])
	}
	return out
}

// shared is the last place up to which two streams are known to be equal, and
// whether it is more than an equal first line, after which they differ.
func shared(a, b []Point) (at int64, more bool) {
	n, differ := 0, false
	for i, k := 0, 0; i < len(a) && k < len(b); {
		switch {
		case a[i].At < b[k].At:
			i++
		case a[i].At > b[k].At:
			k++
		default:
			if a[i].Sum == b[k].Sum {
				at = a[i].At
				n++
			} else {
				differ = true
			}
			i++
			k++
		}
	}
	return at, n > 1 || n == 1 && !differ
}

// streamPrefix marks the checkpoints that are streams: in the journal a stream
// is stored with the records that were read from it.
const streamPrefix = "stream "

// streams lists what is known of a source's streams, or of all sources' if source is
// "". mu is held, for reading at least.
func (l *Ledger) streams(source string) ([]streamRecord, error) {
	var out []streamRecord
	add := func(r streamRecord) {
		if source != "" && r.Source != source {
			return
		}
		i := slices.IndexFunc(out, func(o streamRecord) bool { return o.ID == r.ID && o.Source == r.Source })
		if i < 0 {
			out = append(out, r)
		} else if r.reach() > out[i].reach() {
			out[i] = r
		}
	}
	for _, r := range l.m.Streams {
		add(r)
	}
	for _, t := range []*memtable{l.frozen, l.mem} {
		if t == nil {
			continue
		}
		for name, value := range t.checkpoints {
			if r, ok, err := streamOfCheckpoint(name, value); err != nil {
				return nil, err
			} else if ok {
				add(r)
			}
		}
	}
	slices.SortFunc(out, func(a, b streamRecord) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

func streamOfCheckpoint(name string, value []byte) (r streamRecord, ok bool, err error) {
	if !strings.HasPrefix(name, streamPrefix) {
		return r, false, nil
	}
	if err := json.Unmarshal(value, &r); err != nil {
		return r, false, fmt.Errorf("checkpoint of a stream: %w", ErrCorrupt)
	}
	return r, true, nil
}

// stream finds one by its id.
func (l *Ledger) stream(source, id string) (streamRecord, bool, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all, err := l.streams(source)
	for _, r := range all {
		if r.ID == id {
			return r, true, err
		}
	}
	return streamRecord{}, false, err
}

// keepStream puts what is known of a stream into m, unless m knows more of it.
func (m *manifest) keepStream(r streamRecord) {
	for i := range m.Streams {
		if m.Streams[i].ID == r.ID {
			if r.reach() >= m.Streams[i].reach() {
				m.Streams[i] = r
			}
			return
		}
	}
	m.Streams = append(m.Streams, r)
}
