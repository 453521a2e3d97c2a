package ledger

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
	"unsafe"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Batch is a set of records on their way into the ledger, already
// pseudonymised. Filling one is the expensive half of an import (hashing, and
// looking up the tuple of low-cardinality facts), needs no lock, and so is what
// the import workers do side by side. A Batch belongs to one goroutine.
//
// Real ids stay in the Batch only until it is handed over, because an id the
// dictionary does not know yet has to be sealed into it.
type Batch struct {
	hasher *pseudonym.Hasher
	valid  func(event.AccountID) bool // the catalog's account pattern

	records int
	newest  event.Millis // of the records
	frags   []fragment
	tables  int   // bytes of shapes, clients and agents
	err     error // the first record that could not be taken, for whoever submits b

	ids     []pseudonym.Pseudonym
	buckets []uint64
	plain   []string // parallel to ids; points into the caller's buffer

	shapes   []segment.Shape
	shapeIdx map[segment.Shape]uint32
	recent   [1 << 10]uint32 // shapes used lately, +1, by a cheap hash

	clients   []segment.Client
	clientIdx clientIndex
	agents    []string
	agentIdx  map[string]uint32

	refs []dictionary.Ref // scratch of an import

	// The last of each: consecutive lines often share them, and a line names the
	// account it is about more than once.
	source     string
	ofSource   pseudonym.SourceHasher
	lastToken  event.TokenID
	lastHash   uint64
	lastID     event.AccountID // that valid was asked about
	lastValid  bool
	lastActor  event.ActorID
	lastType   string
	lastIndex  int32
	lastAgent  uint32
	lastClient uint32
}

// fragment is one row: a record that names three accounts becomes three, the
// first of which is primary. Indexes point into the Batch's own tables.
type fragment struct {
	time   event.Millis
	id     uint64 // fingerprint of the record id; 0 when the source gave none
	sketch uint64 // fingerprint of the content, only for records without an id
	token  uint64
	home   int32 // index into ids, or noIndex
	actor  int32
	shape  uint32
	client uint32
	agent  uint32
	rows   int32
	block  uint32
	record uint32 // number of the record within the batch
	number uint64 // see segment.RecordNumber
	part   byte   // partition when home is noIndex
}

const noIndex int32 = -1

// blockShift makes a block of 1 MiB: small enough to find a line in by eye,
// large enough that its number costs nothing beside the time.
const blockShift = 20

func newBatch(h *pseudonym.Hasher, valid func(event.AccountID) bool) *Batch {
	b := &Batch{
		hasher: h, valid: valid,
		shapeIdx: make(map[segment.Shape]uint32),
		ofSource: h.Of(""),
		agentIdx: make(map[string]uint32),
	}
	b.Reset()
	return b
}

// Reset empties b for the next chunk and lets go of the caller's buffer.
func (b *Batch) Reset() {
	b.records, b.newest, b.err = 0, 0, nil
	b.frags = b.frags[:0]
	b.ids, b.buckets = b.ids[:0], b.buckets[:0]
	clear(b.plain)
	b.plain = b.plain[:0]
	b.lastActor, b.lastType, b.lastIndex = "", "", noIndex
	b.lastToken, b.lastHash = "", 0
	b.lastID, b.lastValid = "", false
	b.lastAgent, b.lastClient = 0, 0
	// The tables survive: the next chunk of the same log has the same shapes
	// and mostly the same agents. They are cut when they have grown out of
	// proportion, so that a flood of agents does not stay in memory, nor comes
	// into every later journal entry.
	large := b.tables > maxTables
	if large || len(b.shapes) > 1<<12 {
		b.shapes, b.recent = b.shapes[:0], [1 << 10]uint32{}
		clear(b.shapeIdx)
	}
	if large || len(b.clients) > 1<<14 {
		b.clients = b.clients[:0]
		b.clientIdx.clear()
	}
	if large || len(b.agents) > 1<<12 {
		b.agents = b.agents[:0]
		clear(b.agentIdx)
	}
	if large {
		b.tables = 0
	}
}

// maxTables is 4 MiB: the tables of a site's own traffic take a tenth of it.
const maxTables = 4 << 20

// SubjectsError says that a record names more accounts than event.MaxSubjects.
type SubjectsError struct{ Subjects int }

func (e *SubjectsError) Error() string {
	return fmt.Sprintf("a record names %d accounts, and at most %d are taken", e.Subjects, event.MaxSubjects)
}

// TooLargeError says that a request takes more of the journal than one may.
type TooLargeError struct{ Bytes, Max int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the request takes %d bytes of the journal, and at most %d are taken: send it in pieces", e.Bytes, e.Max)
}

// maxRequest is how much of a journal entry one request may take, so that two
// always fit and none makes its neighbours fail. The rest of an entry's room is
// for those that are acknowledged with it.
const maxRequest = journal.MaxEntry / 2

// Err is why b will be refused, once Add could not take a record: a
// SubjectsError or a TooLargeError. Nothing is taken after it.
func (b *Batch) Err() error { return b.err }

// bound is the most that b takes in a journal entry; what is sealed is counted
// for every id, since which of them are new is not known before.
func (b *Batch) bound() int {
	n := 64 + b.tables + len(b.ids)*(16+8+3+sealedExtra)
	for _, p := range b.plain {
		n += len(p)
	}
	last := int64(0)
	for i := range b.frags {
		f := &b.frags[i]
		// time, id, token, home and actor, then the rest by their size
		n += intSize(int64(f.time)-last) + 8 + 8 + intSize(int64(f.home)) + intSize(int64(f.actor)) + intSize(int64(f.rows)) + 1
		n += uintSize(f.shape) + uintSize(f.client) + uintSize(f.agent) + uintSize(f.block) + uintSize(f.record) + uintSize(f.number)
		last = int64(f.time)
	}
	return n
}

// sealedExtra is what sealing adds to an id: the sealer, a counter and a tag.
const sealedExtra = 8 + 8 + 16

func uintSize[T uint32 | uint64](v T) int { return (bits.Len64(uint64(v)|1) + 6) / 7 }
func intSize(v int64) int                 { return (bits.Len64(uint64(v)<<1^uint64(v>>63)|1) + 6) / 7 }

// Len is the number of records in b.
func (b *Batch) Len() int { return b.records }

// Newest is the time of the newest record in b; 0 when there is none.
func (b *Batch) Newest() event.Millis { return b.newest }

// Add takes one record in. The record may be reused as soon as Add returns,
// but the memory its strings point into must stay until b is submitted.
func (b *Batch) Add(rec *event.Record) {
	// Every row takes thirty bytes at least, so this stops before a request that
	// would be refused anyway takes more memory than one that is not.
	if rough := len(b.frags)*30 + b.tables; b.err == nil && rough > journal.MaxEntry {
		b.err = &TooLargeError{rough, maxRequest}
	}
	if len(rec.Subjects) > event.MaxSubjects && b.err == nil {
		b.err = &SubjectsError{len(rec.Subjects)}
	}
	if b.err != nil {
		return
	}
	b.newest = max(b.newest, rec.Time)
	sh := segment.Shape{
		Source: rec.Source, Route: rec.Route, Key: rec.Credential.Key, ActorType: rec.Actor.Type,
		Action: rec.Action, Status: rec.Status, Position: rec.Position, Edition: rec.Edition, Looked: rec.Looked,
	}
	if len(rec.Marks) > 0 {
		sh.Marks = segment.PackMarks(rec.Marks)
	}
	if rec.Mapped {
		sh.Flags |= segment.Mapped
	}
	if rec.Rows >= 0 {
		sh.Flags |= segment.HasRows
	}
	f := fragment{
		time:   rec.Time,
		token:  b.token(rec.Credential.Token),
		id:     b.fingerprint(rec.Source, rec.ID),
		home:   noIndex,
		rows:   rec.Rows,
		block:  uint32(rec.Origin.Offset >> blockShift),
		record: uint32(b.records),
		client: b.client(rec.Client),
		agent:  b.agent(rec.Client.Agent),
	}
	member := rec.Actor.Type == event.Member
	f.actor = b.actor(rec.Actor)
	if rec.Actor.ID != "" && f.actor == noIndex {
		sh.Flags |= segment.Malformed
	}
	if f.id == 0 {
		f.sketch = b.sketch(rec)
	}

	first := len(b.frags)
	// Before any fragment takes the shape: each says that an id is missing, in
	// whatever order the ids came.
	for _, s := range rec.Subjects {
		if !b.isValid(s) {
			sh.Flags |= segment.Malformed
			break
		}
	}
	for _, s := range rec.Subjects {
		if !b.isValid(s) {
			continue
		}
		g, gs := f, sh
		gs.Flags |= segment.Named
		if member && string(s) == string(rec.Actor.ID) && f.actor != noIndex {
			g.home = f.actor
			gs.Flags |= segment.HomeIsActor
		} else {
			g.home = b.account(s)
		}
		b.emit(&g, &gs, first)
	}
	if len(b.frags) == first { // nobody named
		switch {
		case member && f.actor != noIndex:
			g, gs := f, sh
			g.home = f.actor
			gs.Flags |= segment.HomeIsActor
			b.emit(&g, &gs, first)
			if rec.Lifted != "" && string(rec.Lifted) != string(rec.Actor.ID) {
				g, gs = f, sh
				g.home = b.account(rec.Lifted)
				gs.Flags |= segment.Lifted
				b.emit(&g, &gs, first)
			}
		case rec.Lifted != "":
			g, gs := f, sh
			g.home = b.account(rec.Lifted)
			gs.Flags |= segment.Lifted
			b.emit(&g, &gs, first)
		default:
			g := f
			switch {
			case f.actor != noIndex:
				g.part = b.ids[f.actor][0]
			case f.token != 0:
				g.part = byte(f.token >> 56)
			default:
				g.part = byte(f.id>>56) ^ byte(f.sketch>>56)
			}
			b.emit(&g, &sh, first)
		}
	}
	if len(b.frags)-first > 1 {
		b.split(first)
	}
	b.records++
}

// split marks the fragments of one record as belonging together, so that a
// question which matches several of them still counts one record.
func (b *Batch) split(first int) {
	for i := first; i < len(b.frags); i++ {
		f := &b.frags[i]
		sh := b.shapes[f.shape]
		sh.Flags |= segment.Split
		f.shape = b.shape(&sh)
		hash := uint32(f.id>>32) ^ uint32(f.sketch>>32) ^ uint32(f.token>>32)
		f.number = segment.RecordNumber(hash, len(b.frags)-first)
	}
}

// emit appends a fragment; the first of a record is its primary one. How many
// rows were returned stands on each, so that a question about it need not look
// for the primary one, which lives elsewhere.
func (b *Batch) emit(f *fragment, sh *segment.Shape, first int) {
	if len(b.frags) == first {
		sh.Flags |= segment.Primary
	}
	f.shape = b.shape(sh)
	b.frags = append(b.frags, *f)
}

func (b *Batch) shape(p *segment.Shape) uint32 {
	sh := *p
	// Templates are interned by the catalog and one log has few statuses, so
	// this small table catches nearly every line; equality is checked in full.
	slot := uint32(uintptr(unsafe.Pointer(unsafe.StringData(sh.Route)))>>4) ^ uint32(sh.Status)*31 ^ uint32(sh.Flags)*7
	if n := len(sh.Key); n > 0 {
		slot ^= uint32(sh.Key[n-1])*193 ^ uint32(sh.Key[n/2])*13 // the keys of one site differ near their end
	}
	slot &= uint32(len(b.recent) - 1)
	if c := b.recent[slot]; c != 0 && b.shapes[c-1] == sh {
		return c - 1
	}
	code, ok := b.shapeIdx[sh]
	if !ok {
		sh.Source, sh.Route = strings.Clone(sh.Source), strings.Clone(sh.Route)
		sh.Key, sh.ActorType = strings.Clone(sh.Key), strings.Clone(sh.ActorType)
		code = uint32(len(b.shapes))
		b.shapes = append(b.shapes, sh)
		b.tables += len(sh.Source) + len(sh.Route) + len(sh.Key) + len(sh.ActorType) + len(sh.Marks) + 48
		b.shapeIdx[sh] = code
	}
	b.recent[slot] = code + 1
	return code
}

func (b *Batch) client(c event.Client) uint32 {
	k := segment.Client{IP: c.IP, Country: c.Country, Network: c.Network}
	if int(b.lastClient) < len(b.clients) && b.clients[b.lastClient] == k {
		return b.lastClient
	}
	// A zone names a local interface, not a place of access.
	if k.IP.Zone() != "" {
		k.IP = k.IP.WithZone("")
	}
	code, ok := b.clientIdx.find(b.clients, &k)
	if !ok {
		k.Country, k.Network = strings.Clone(k.Country), strings.Clone(k.Network)
		code = uint32(len(b.clients))
		b.clients = append(b.clients, k)
		b.tables += len(k.Country) + len(k.Network) + 24
		b.clientIdx.add(b.clients)
	}
	b.lastClient = code
	return code
}

func (b *Batch) agent(a string) uint32 {
	if int(b.lastAgent) < len(b.agents) && b.agents[b.lastAgent] == a {
		return b.lastAgent
	}
	code, ok := b.agentIdx[a]
	if !ok {
		a = strings.Clone(a)
		code = uint32(len(b.agents))
		b.agents = append(b.agents, a)
		b.tables += len(a) + 5
		b.agentIdx[a] = code
	}
	b.lastAgent = code
	return code
}

func (b *Batch) actor(a event.Actor) int32 {
	if a.ID == "" {
		return noIndex
	}
	if a.ID == b.lastActor && a.Type == b.lastType {
		return b.lastIndex
	}
	b.lastActor, b.lastType = a.ID, a.Type
	if a.Type == event.Member && !b.isValid(event.AccountID(a.ID)) {
		b.lastIndex = noIndex
	} else {
		b.lastIndex = b.push(b.hasher.Actor(a.ID, a.Type), string(a.ID))
	}
	return b.lastIndex
}

// isValid asks the catalog's account pattern.
func (b *Batch) isValid(id event.AccountID) bool {
	if id != b.lastID || id == "" {
		b.lastID, b.lastValid = id, b.valid(id)
	}
	return b.lastValid
}

func (b *Batch) token(id event.TokenID) uint64 {
	if id != b.lastToken {
		b.lastToken, b.lastHash = id, b.hasher.Token(id)
	}
	return b.lastHash
}

func (b *Batch) fingerprint(source string, id event.RecordID) uint64 {
	if source != b.source {
		b.source, b.ofSource = strings.Clone(source), b.hasher.Of(source)
	}
	return b.ofSource.Fingerprint(id)
}

func (b *Batch) account(a event.AccountID) int32 {
	return b.push(b.hasher.Account(a), string(a))
}

func (b *Batch) push(p pseudonym.Pseudonym, plain string) int32 {
	b.ids = append(b.ids, p)
	b.buckets = append(b.buckets, b.hasher.Bucket(plain))
	b.plain = append(b.plain, plain)
	return int32(len(b.ids) - 1)
}

// sketch fingerprints what a record without an id says, to notice a copy of a
// log that was imported before.
func (b *Batch) sketch(rec *event.Record) uint64 {
	var buf [512]byte
	s := buf[:0]
	s = append(s, rec.Source...)
	for i := 0; i < 64; i += 8 {
		s = append(s, byte(uint64(rec.Time)>>i))
	}
	ip := rec.Client.IP
	if ip == (netip.Addr{}) {
		s = append(s, 0)
	} else {
		a := ip.As16()
		s = append(s, a[:]...)
	}
	s = append(s, rec.Route...)
	s = append(s, byte(rec.Status), byte(rec.Status>>8), byte(rec.Action))
	s = append(s, rec.Actor.ID...)
	s = append(s, 0)
	s = append(s, rec.Credential.Token...)
	s = append(s, 0)
	s = append(s, rec.Client.Agent...)
	for _, a := range rec.Subjects {
		s = append(s, 0)
		s = append(s, a...)
	}
	return b.hasher.Line(s)
}
