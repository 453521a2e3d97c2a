package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/haetae/haetae/event"
)

// Followed is a live stream as far as a follower has read it. It is stored with
// the records that were read (Checkpoint), so that a file that was followed is
// known when it is imported, packed or not, and the other way round. It belongs
// to one goroutine and is not changed: Take makes the next.
type Followed struct {
	l       *Ledger
	source  string
	id      string
	sum     *Sum
	marks   []Point // since it was opened
	base    int64   // how far the stream is known, before the next part
	version uint64
	tail    bool
}

var (
	// ErrStreamMoved: somebody else has read on in the stream meanwhile. Resume
	// tells where to go on.
	ErrStreamMoved = errors.New("the stream was read by somebody else meanwhile")
	// ErrNotYet: whether the next bytes are known cannot be told before a line
	// ends.
	ErrNotYet = errors.New("the line that was read last has no end yet")
)

type followState struct {
	ID   string `json:"id"`
	Base int64  `json:"base"`
	Sum  []byte `json:"sum"`
}

// State is what OpenFollowed needs.
func (f *Followed) State() ([]byte, error) {
	sum, err := f.sum.state()
	if err != nil {
		return nil, err
	}
	return json.Marshal(followState{f.id, f.base, sum})
}

// OpenFollowed gives back what State told.
func (l *Ledger) OpenFollowed(source string, state []byte) (*Followed, error) {
	var st followState
	if err := json.Unmarshal(state, &st); err != nil {
		return nil, fmt.Errorf("position in %s: %w", source, ErrCorrupt)
	}
	sum, err := openSum(l.hasher, st.Sum)
	if err != nil {
		return nil, fmt.Errorf("position in %s: %w", source, err)
	}
	return &Followed{l: l, source: source, id: st.ID, base: st.Base, sum: sum}, nil
}

// FollowLog finds out where to begin with a stream, given from its first byte on.
// last says that it will not grow any more.
func (l *Ledger) FollowLog(source, name string, r io.Reader, last bool) (*Followed, error) {
	p, err := l.Probe(ImportSpec{Source: source, Name: name, Fresh: true})
	if err != nil {
		return nil, err
	}
	f := &Followed{l: l, source: source}
	return f.settle(p, r, last)
}

// Resume finds out how far others have read on in the stream; r gives it from
// f's offset on.
func (f *Followed) Resume(name string, r io.Reader, last bool) (*Followed, error) {
	if f.sum.at == 0 {
		return f.l.FollowLog(f.source, name, r, last)
	}
	p := &Probe{l: f.l, spec: ImportSpec{Source: f.source, Name: name}, sum: f.sum.clone()}
	p.start = p.sum.clone()
	f.l.mu.RLock()
	p.version = f.l.streamsVersion
	err := p.addStreams(f.id)
	f.l.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	for _, c := range p.known {
		if c.stream.Line.At == p.sum.at { // others read on within a line
			p.base = c.stream
		}
	}
	next := *f
	return next.settle(p, r, last)
}

func (f *Followed) settle(p *Probe, r io.Reader, last bool) (*Followed, error) {
	if err := p.Read(r); err != nil {
		return nil, err
	}
	for _, c := range p.known {
		if c.finish && !last {
			return nil, ErrNotYet
		}
	}
	if p.already && !last {
		if p.sum.at > p.sum.lineAt {
			return nil, ErrNotYet
		}
		for _, c := range p.known {
			if !c.dead && c.i > 0 && c.i < len(c.points) {
				return nil, &OverlapError{Name: p.spec.Name, Shared: c.at(), Cut: true}
			}
		}
	}
	f.version = p.version
	if p.base != nil {
		f.id, f.base = p.base.ID, p.base.reach()
	}
	f.sum = p.start
	if p.already { // to its end
		f.sum = p.sum
	}
	f.marks = append(slices.Clone(f.marks), f.sum.Part().Marks...)
	if f.id == "" {
		f.id = newStreamID()
	}
	return f, nil
}

// Offset is how far the stream was read, Lines how many line feeds were in that.
func (f *Followed) Offset() int64 { return f.sum.at }

// Lines is how many line feeds lie before Offset.
func (f *Followed) Lines() int64 { return f.sum.lines }

// Moved reports whether somebody else has read on in the stream. It may happen
// right after, too: then the append is refused.
func (f *Followed) Moved() bool {
	r, known, err := f.l.stream(f.source, f.id)
	return err == nil && known && r.reach() != f.base
}

// Take gives the stream behind a further piece, which copy writes. tail says
// that the piece ends inside a line that made a record all the same.
func (f *Followed) Take(copy func(io.Writer) error, tail bool) (*Followed, error) {
	next := *f
	next.sum = f.sum.clone()
	next.tail = tail
	if err := copy(next.sum); err != nil {
		return nil, err
	}
	next.marks = thin(append(slices.Clone(f.marks), next.sum.Part().Marks...))
	next.base = next.sum.at
	return &next, nil
}

// Checkpoint makes the checkpoint of a piece: before is the stream as it was
// before the piece.
func (f *Followed) Checkpoint(name string, value []byte, before *Followed) *Checkpoint {
	return &Checkpoint{Name: name, Value: value, followed: f, before: before}
}

// advance checks, under claimMu, that nobody has read on in a stream, and gives
// the checkpoint that says how far it is known now. pending are checkpoints that
// go into the same journal entry.
func (l *Ledger) advance(cp *Checkpoint, pending map[string][]byte) (key string, value []byte, err error) {
	f := cp.followed
	key = streamPrefix + f.id
	var was streamRecord
	known := false
	if data, ok := pending[key]; ok {
		was, known, err = streamOfCheckpoint(key, data)
	} else {
		was, known, err = l.stream(f.source, f.id)
	}
	if err != nil {
		return "", nil, err
	}
	switch {
	case !known && (cp.before.sum.at != 0 || l.streamsVersion != cp.before.version):
		return "", nil, ErrStreamMoved
	case known && was.reach() != cp.before.base:
		return "", nil, ErrStreamMoved
	}
	if !known {
		was = streamRecord{ID: f.id, Source: f.source}
	}
	end := Point{}
	if f.sum.at > f.sum.lineAt {
		end = f.sum.point()
	}
	r := was.extend(cp.before.sum.at, f.marks, f.sum.linePoint(), end)
	r.Tail, r.Whole, r.Lines, r.Last = end.At > 0 && f.tail, false, f.sum.lines, 0
	if value, err = json.Marshal(r); err != nil {
		return "", nil, fmt.Errorf("stream: %w", err)
	}
	return key, value, nil
}

// Gap is a stretch of a source of which it is known that records are missing.
type Gap struct {
	Source string       `json:"source"`
	From   event.Millis `json:"from"` // of the last record before it
	// To is of the first record behind it; 0 while none has come.
	To   event.Millis `json:"to"`
	Kind string       `json:"kind"` // GapLost, GapCut or GapRemoved
}

const (
	// GapLost: a followed file was gone before it was read to its end.
	GapLost = "lost_file"
	// GapCut: a followed file was cut, and no copy of it was found.
	GapCut = "cut_file"
	// GapRemoved: messages were removed from a topic before they were read.
	GapRemoved = "removed_messages"
)

// Span is what a gap covers when it is asked about at a moment. Clocks of records
// are not in order, so either end may be the earlier one.
func (g Gap) Span(now event.Millis) (from, to event.Millis) {
	to = g.To
	if to == 0 {
		to = max(now, g.From)
	}
	return min(g.From, to), max(g.From, to)
}

// AddGap records a gap, durably. One with an end takes the place of the same
// without; the same again changes nothing.
func (l *Ledger) AddGap(g Gap) error {
	open := g
	open.To = 0
	known := func(m *manifest) bool {
		return slices.Contains(m.Gaps, g) && (g == open || !slices.Contains(m.Gaps, open))
	}
	l.mu.RLock()
	done := known(l.m)
	l.mu.RUnlock()
	if done {
		return nil
	}
	err := l.commit(func(m *manifest) error {
		i := slices.Index(m.Gaps, open)
		switch {
		case slices.Contains(m.Gaps, g):
			if g != open && i >= 0 {
				m.Gaps = slices.Delete(m.Gaps, i, i+1)
			}
		case i >= 0:
			m.Gaps[i] = g
		default:
			m.Gaps = append(m.Gaps, g)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("gap: %w", err)
	}
	return nil
}

// Gaps are the known gaps, in the order in which they were found.
func (l *Ledger) Gaps() []Gap {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.m.Gaps)
}

// Gaps are the known gaps, in the order in which they were found.
func (v *View) Gaps() []Gap { return slices.Clone(v.gaps) }
