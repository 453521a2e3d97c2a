package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/segment"
)

// A journal entry is one or more batches that were acknowledged together, in
// pseudonymised form: tables first, then fragments that point into them. Sealed
// real ids stand beside those pseudonyms that no dictionary file holds yet.
//
//	entry    magic, batches, checkpoints
//	batch    file, shapes, clients, agents, ids, fragments
//	id       16 bytes, bucket, sealed (empty when the dictionary has it)
//
// Integers are varints; strings are length and bytes. The journal's own frame
// carries the checksum.

type entryBatch struct {
	batch  *Batch
	sealed [][]byte // parallel to batch.ids
	file   string
}

// looked, among the flags of a shape: the edition of live-only rules that looked at
// its lines follows, and the marks.
const looked = 1 << 8

type entry struct {
	batches     []entryBatch
	checkpoints map[string][]byte
}

type encoder struct{ b []byte }

func (e *encoder) uint(v uint64)  { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)    { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) fixed(v uint64) { e.b = binary.LittleEndian.AppendUint64(e.b, v) }
func (e *encoder) str(s string)   { e.uint(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) bytes(s []byte) { e.uint(uint64(len(s))); e.b = append(e.b, s...) }

func encodeEntry(en *entry, keep [][]bool) []byte {
	e := &encoder{b: make([]byte, 0, 64<<10)}
	e.b = append(e.b, batchMagic...)
	e.uint(uint64(len(en.batches)))
	for i := range en.batches {
		encodeBatch(e, &en.batches[i], keep[i])
	}
	e.uint(uint64(len(en.checkpoints)))
	for k, v := range en.checkpoints {
		e.str(k)
		e.bytes(v)
	}
	return e.b
}

func encodeBatch(e *encoder, eb *entryBatch, keep []bool) {
	b := eb.batch
	e.str(eb.file)
	e.uint(uint64(len(b.shapes)))
	for _, s := range b.shapes {
		e.str(s.Source)
		e.str(s.Route)
		e.str(s.Key)
		e.str(s.ActorType)
		e.uint(uint64(s.Action))
		e.uint(uint64(s.Status))
		e.uint(uint64(s.Position))
		e.uint(uint64(s.Edition))
		if s.Looked == 0 {
			e.uint(uint64(s.Flags))
			continue
		}
		e.uint(uint64(s.Flags) | looked)
		e.uint(uint64(s.Looked))
		e.str(s.Marks)
	}
	e.uint(uint64(len(b.clients)))
	for _, c := range b.clients {
		ip, _ := c.IP.MarshalBinary()
		e.bytes(ip)
		e.str(c.Country)
		e.str(c.Network)
	}
	e.uint(uint64(len(b.agents)))
	for _, a := range b.agents {
		e.str(a)
	}
	e.uint(uint64(len(b.ids)))
	for i, p := range b.ids {
		e.b = append(e.b, p[:]...)
		e.fixed(b.buckets[i])
		e.bytes(eb.sealed[i])
	}
	n := 0
	for i := range b.frags {
		if keep == nil || keep[b.frags[i].record] {
			n++
		}
	}
	e.uint(uint64(n))
	last := int64(0)
	for i := range b.frags {
		f := &b.frags[i]
		if keep != nil && !keep[f.record] {
			continue
		}
		e.int(int64(f.time) - last)
		last = int64(f.time)
		if e.fixed(f.id); f.id == 0 {
			e.fixed(f.sketch)
		}
		e.fixed(f.token)
		e.int(int64(f.home))
		e.int(int64(f.actor))
		e.uint(uint64(f.shape))
		e.uint(uint64(f.client))
		e.uint(uint64(f.agent))
		e.int(int64(f.rows))
		e.uint(uint64(f.block))
		e.uint(uint64(f.record))
		e.uint(f.number)
		e.b = append(e.b, f.part)
	}
}

// The fewest bytes each thing takes, so that a claimed number of them can be
// checked before memory is taken. One too many refuses a journal that is whole:
// TestSmallestEntries has the smallest of each.
const (
	minBatch    = 6              // a name and five numbers, all empty
	minShape    = 9              // four strings and five numbers
	minClient   = 3              // address, country, network
	minID       = 16 + 8 + 1     // pseudonym, bucket, length of the sealed id
	minFragment = 1 + 8 + 8 + 10 // time, id, token, nine numbers and the partition
)

var errShortEntry = errors.New("journal entry ends early")

// decoder reads what encoder wrote. It never allocates more than the input
// could hold, whatever the lengths in it claim.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %w", errShortEntry, ErrCorrupt)
	}
	d.b = nil
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) fixed() uint64 {
	v := d.take(8)
	if v == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(v)
}

func (d *decoder) bytes() []byte { return d.take(d.uint()) }
func (d *decoder) str() string   { return string(d.bytes()) }

// count reads a length of things that take at least size bytes each.
func (d *decoder) count(size uint64) int {
	n := d.uint()
	if n*size > uint64(len(d.b)) || n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func decodeEntry(data []byte) (*entry, error) {
	d := &decoder{b: data}
	if string(d.take(uint64(len(batchMagic)))) != batchMagic {
		return nil, fmt.Errorf("not a batch of records, or of a newer release: %w", ErrCorrupt)
	}
	en := &entry{checkpoints: map[string][]byte{}}
	for range d.count(minBatch) {
		eb := decodeBatch(d)
		if d.err != nil {
			return nil, d.err
		}
		en.batches = append(en.batches, eb)
	}
	for range d.count(2) {
		k := d.str()
		en.checkpoints[k] = append([]byte(nil), d.bytes()...)
	}
	if d.err == nil && len(d.b) != 0 {
		return nil, fmt.Errorf("journal entry has %d bytes too many: %w", len(d.b), ErrCorrupt)
	}
	return en, d.err
}

func decodeBatch(d *decoder) entryBatch {
	b := &Batch{}
	eb := entryBatch{batch: b, file: d.str()}
	for range d.count(minShape) {
		s := segment.Shape{
			Source: d.str(), Route: d.str(), Key: d.str(), ActorType: d.str(),
			Action: event.Action(d.uint()), Status: uint16(d.uint()), Position: event.Position(d.uint()),
			Edition: uint32(d.uint()),
		}
		flags := d.uint()
		if s.Flags = segment.Flags(flags &^ looked); flags&looked != 0 {
			if s.Looked, s.Marks = uint32(d.uint()), d.str(); s.Looked == 0 || !segment.ValidMarks(s.Looked, s.Marks) {
				d.fail()
			}
		}
		b.shapes = append(b.shapes, s)
	}
	for range d.count(minClient) {
		var c segment.Client
		if ip := d.bytes(); len(ip) > 0 {
			if err := c.IP.UnmarshalBinary(ip); err != nil {
				d.fail()
			}
			if c.IP.Zone() != "" {
				c.IP = netip.Addr{}
				d.fail()
			}
		}
		c.Country, c.Network = d.str(), d.str()
		b.clients = append(b.clients, c)
	}
	for range d.count(1) {
		b.agents = append(b.agents, d.str())
	}
	for range d.count(minID) {
		var p pseudonym.Pseudonym
		copy(p[:], d.take(16))
		b.ids = append(b.ids, p)
		b.buckets = append(b.buckets, d.fixed())
		eb.sealed = append(eb.sealed, d.bytes())
	}
	last := int64(0)
	for range d.count(minFragment) {
		last += d.int()
		f := fragment{time: event.Millis(last), id: d.fixed()}
		if f.id == 0 {
			f.sketch = d.fixed()
		}
		f.token = d.fixed()
		f.home, f.actor = int32(d.int()), int32(d.int())
		f.shape, f.client, f.agent = uint32(d.uint()), uint32(d.uint()), uint32(d.uint())
		f.rows, f.block, f.record = int32(d.int()), uint32(d.uint()), uint32(d.uint())
		f.number = d.uint()
		if p := d.take(1); p != nil {
			f.part = p[0]
		}
		if f.home < noIndex || int(f.home) >= len(b.ids) || f.actor < noIndex || int(f.actor) >= len(b.ids) ||
			int(f.shape) >= len(b.shapes) || int(f.client) >= len(b.clients) || int(f.agent) >= len(b.agents) {
			d.fail()
			break
		}
		b.frags = append(b.frags, f)
		b.records = max(b.records, int(f.record)+1)
	}
	return eb
}
