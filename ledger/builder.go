package ledger

import (
	"bytes"
	"fmt"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// builder collects rows for one segment: it gives each fact of a Batch its code
// in the segment's own tables.
type builder struct {
	in        segment.Input
	shapeIdx  map[segment.Shape]uint32
	clientIdx clientIndex
	agentIdx  map[string]uint32
	fileIdx   map[string]uint32
	lastFile  uint32
	recent    []recentSession // direct-mapped; the segment writer removes what it lets through
	marks     []mark
	book      *shapeBook // of what is sealed together
	tables    int        // bytes of shapes, clients and agents

	// Scratch: the code of each of the batch's table entries in this builder,
	// +1, filled as rows ask for it.
	shapes, clients, agents []uint32
}

type recentSession struct {
	s    segment.Session
	code uint32 // +1
}

// recentSessions is 400 KB, which a builder takes once it has as many rows: a
// source whose clock is wrong may touch hundreds of months at a time.
const (
	recentSessions = 1 << 13
	fewSessions    = 1 << 6
)

// bytes is about what b holds.
func (b *builder) bytes() int64 {
	return int64(len(b.in.Rows))*40 + int64(len(b.in.Sessions))*32 + int64(len(b.recent))*48 + int64(b.tables) + 2<<10
}

func newBuilder(book *shapeBook) *builder {
	return &builder{
		book:     book,
		shapeIdx: map[segment.Shape]uint32{},
		agentIdx: map[string]uint32{},
		fileIdx:  map[string]uint32{},
		recent:   make([]recentSession, fewSessions),
	}
}

func (b *builder) rows() int { return len(b.in.Rows) }

// reset empties b and keeps its memory: growing sixteen million rows anew for
// each piece of an import cost a twentieth of it.
func (b *builder) reset() {
	b.in.Rows, b.in.Sessions = b.in.Rows[:0], b.in.Sessions[:0]
	clear(b.in.Shapes)
	clear(b.in.Clients)
	clear(b.in.Agents)
	clear(b.in.Files)
	b.in.Shapes, b.in.Clients, b.in.Agents, b.in.Files = b.in.Shapes[:0], b.in.Clients[:0], b.in.Agents[:0], b.in.Files[:0]
	clear(b.shapeIdx)
	b.clientIdx.clear()
	clear(b.agentIdx)
	clear(b.fileIdx)
	clear(b.recent)
	b.marks, b.tables = nil, 0
}

func zeroed(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// begin prepares the code tables for one batch.
func (b *builder) begin(batch *Batch) {
	b.shapes = zeroed(b.shapes, len(batch.shapes))
	b.clients = zeroed(b.clients, len(batch.clients))
	b.agents = zeroed(b.agents, len(batch.agents))
}

func (b *builder) file(name string) uint32 {
	if int(b.lastFile) < len(b.in.Files) && b.in.Files[b.lastFile] == name {
		return b.lastFile
	}
	code, ok := b.fileIdx[name]
	if !ok {
		code = uint32(len(b.in.Files))
		b.in.Files = append(b.in.Files, name)
		b.fileIdx[name] = code
	}
	b.lastFile = code
	return code
}

// add appends one fragment of batch. refs are the dictionary's ordinals for
// batch.ids; file is a code of this builder.
func (b *builder) add(batch *Batch, f *fragment, refs []dictionary.Ref, file uint32) {
	shape := b.shapes[f.shape]
	if shape == 0 {
		sh := batch.shapes[f.shape]
		code, ok := b.shapeIdx[sh]
		if !ok {
			if kept := b.book.bound(sh); kept != sh {
				sh = kept
				code, ok = b.shapeIdx[sh]
			}
		}
		if !ok {
			b.book.added++
			code = uint32(len(b.in.Shapes))
			b.in.Shapes = append(b.in.Shapes, sh)
			b.shapeIdx[sh] = code
			b.tables += 275 + len(sh.Route) + len(sh.Key) + len(sh.Marks)
		}
		shape = code + 1
		b.shapes[f.shape] = shape
	}
	client := b.clients[f.client]
	if client == 0 {
		c := batch.clients[f.client]
		code, ok := b.clientIdx.find(b.in.Clients, &c)
		if !ok {
			code = uint32(len(b.in.Clients))
			b.in.Clients = append(b.in.Clients, c)
			b.clientIdx.add(b.in.Clients)
			b.tables += 180 + len(c.Country) + len(c.Network)
		}
		client = code + 1
		b.clients[f.client] = client
	}
	agent := b.agents[f.agent]
	if agent == 0 {
		a := batch.agents[f.agent]
		code, ok := b.agentIdx[a]
		if !ok {
			code = uint32(len(b.in.Agents))
			b.in.Agents = append(b.in.Agents, a)
			b.agentIdx[a] = code
			b.tables += 60 + len(a)
		}
		agent = code + 1
		b.agents[f.agent] = agent
	}
	home := dictionary.NoAccount(int(f.part))
	if f.home != noIndex {
		home = refs[f.home]
	}
	s := segment.Session{Home: home, Token: f.token, Client: client - 1, Agent: agent - 1}
	if f.actor != noIndex {
		s.Actor, s.HasActor = refs[f.actor], true
	}
	if len(b.recent) == fewSessions && len(b.in.Rows) == recentSessions {
		b.recent = make([]recentSession, recentSessions)
	}
	slot := &b.recent[(uint64(home)*0x9E3779B97F4A7C15^f.token)>>40&uint64(len(b.recent)-1)]
	if slot.code == 0 || slot.s != s {
		b.in.Sessions = append(moreRoom(b.in.Sessions), s)
		*slot = recentSession{s, uint32(len(b.in.Sessions))}
	}
	b.in.Rows = append(moreRoom(b.in.Rows), segment.Row{
		Time: f.time, Home: home, Shape: shape - 1, Session: slot.code - 1,
		Rows: f.rows, File: file, Block: f.block, Record: f.number,
	})
}

// moreRoom makes room for one more. append grows a large slice by a quarter, and so
// copies each row of four million about four times; by this it is once or twice.
// Beyond two million the room grows by half, to bound what stays unused.
func moreRoom[T any](s []T) []T {
	if n := len(s); n == cap(s) && n >= 1<<10 {
		if n > 1<<21 {
			n /= 2
		}
		grown := make([]T, len(s), len(s)+n)
		copy(grown, s)
		return grown
	}
	return s
}

// encode turns the rows into a segment in memory and reads it back, so that
// what is queried before it reaches the disk goes through the same code.
func (b *builder) encode() (*segment.Reader, int64, error) {
	var buf bytes.Buffer
	in := b.in
	in.Rows = append([]segment.Row(nil), b.in.Rows...) // Write may reorder
	if _, err := segment.Write(&buf, &in); err != nil {
		return nil, 0, fmt.Errorf("encode memory segment: %w", err)
	}
	r, err := segment.Open(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	return r, int64(buf.Cap()), err
}

// month numbers the calendar month (UTC) of t: no segment crosses one, so that
// retention drops whole files.
func month(t event.Millis) int {
	y, m, _ := t.Time().Date()
	return y*12 + int(m) - 1
}

// monthCache remembers the span of the month last asked for, since time.Date
// costs more than the rest of adding a row.
type monthCache struct {
	from, to event.Millis
	number   int
}

func (c *monthCache) of(t event.Millis) int {
	if t < c.from || t >= c.to {
		y, m, _ := t.Time().Date()
		start := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		c.from, c.to = event.MillisOf(start), event.MillisOf(start.AddDate(0, 1, 0))
		c.number = month(t)
	}
	return c.number
}

// memtable holds what is in the journal and not yet in a segment, by month. Its
// rows are encoded in chunks as they come (about ten bytes a row instead of
// forty), which also makes a view of a busy ledger cheap: only the newest,
// unfinished chunk has to be encoded for it.
type memtable struct {
	months      map[int]*monthPile
	cache       monthCache
	rows        int
	records     int
	first       event.Millis // of its rows
	chunkBytes  int64        // of the chunks, encoded
	born        time.Time
	marks       []mark
	checkpoints map[string][]byte
	book        *shapeBook
}

type monthPile struct {
	chunks []*segment.Reader
	active *builder
	// The active rows, encoded for a View, and how many they were: for views
	// alone, under Ledger.mu.
	asked  *segment.Reader
	askedN int
}

// A chunk is bounded by rows, since a view has to encode the last one (about 10
// ms), and by bytes, since an encoded row takes a fraction of another.
const (
	chunkRows  = 1 << 16
	chunkBytes = 16 << 20
)

func newMemtable() *memtable {
	return &memtable{months: map[int]*monthPile{}, checkpoints: map[string][]byte{}, book: newShapeBook()}
}

// bytes is about what t holds.
func (t *memtable) bytes() int64 {
	n := t.chunkBytes + int64(len(t.marks))*16
	for _, p := range t.months {
		if p.active != nil {
			n += p.active.bytes()
		}
	}
	return n
}

func (t *memtable) empty() bool { return t.rows == 0 && len(t.checkpoints) == 0 }

// add takes the fragments of batch whose record keep allows.
func (t *memtable) add(batch *Batch, refs []dictionary.Ref, keep []bool, file string) error {
	for _, p := range t.months {
		if p.active != nil {
			p.active.begin(batch)
		}
	}
	for i := range batch.frags {
		f := &batch.frags[i]
		if keep != nil && !keep[f.record] {
			continue
		}
		if t.rows == 0 || f.time < t.first {
			t.first = f.time
		}
		n := t.cache.of(f.time)
		p := t.months[n]
		if p == nil {
			p = &monthPile{}
			t.months[n] = p
		}
		if p.active == nil {
			p.active = newBuilder(t.book)
			p.active.begin(batch)
		}
		p.active.add(batch, f, refs, p.active.file(file))
		t.rows++
		if batch.shapes[f.shape].Flags&segment.Primary != 0 {
			t.records++
		}
	}
	for _, p := range t.months {
		if p.active != nil && (p.active.rows() >= chunkRows || p.active.bytes() >= chunkBytes) {
			r, size, err := p.active.encode()
			if err != nil {
				return err
			}
			p.chunks = append(p.chunks, r)
			t.chunkBytes += size
			p.active, p.asked, p.askedN = nil, nil, 0
		}
	}
	return nil
}

// readers returns everything in t as segments. Ledger.mu is held.
func (t *memtable) readers() ([]*segment.Reader, error) {
	var out []*segment.Reader
	for _, p := range t.months {
		rs, err := p.readers()
		if err != nil {
			return nil, err
		}
		out = append(out, rs...)
	}
	return out, nil
}

// all returns everything in p, for the seal of a frozen memtable: that goes on
// without Ledger.mu, beside views of the same rows, and so keeps nothing in p.
func (p *monthPile) all() ([]*segment.Reader, error) {
	out := append([]*segment.Reader(nil), p.chunks...)
	if p.active != nil && p.active.rows() > 0 {
		r, _, err := p.active.encode()
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// readers is all for a View. Ledger.mu is held.
func (p *monthPile) readers() ([]*segment.Reader, error) {
	out := append([]*segment.Reader(nil), p.chunks...)
	if p.active != nil && p.active.rows() > 0 {
		if p.asked == nil || p.askedN != p.active.rows() {
			r, _, err := p.active.encode()
			if err != nil {
				return nil, err
			}
			p.asked, p.askedN = r, p.active.rows()
		}
		out = append(out, p.asked)
	}
	return out, nil
}
