package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// Reader reads a segment. It is safe for concurrent use; the tables are read
// when first asked for.
type Reader struct {
	r     io.ReaderAt
	size  int64
	base  event.Millis
	parts [dictionary.Partitions]place
	spans [sections]span

	names   lazy[*names]
	clients lazy[[]Client]
	tokens  lazy[[]uint64]
	blocks  lazy[[]fileBlocks]
	info    lazy[Info]

	// The groups of each partition, once read: about a hundred bytes each, and
	// without them a question over small groups would spend its time on parsing.
	kept [dictionary.Partitions]atomic.Pointer[directory]
}

// directory is what a partition says of its groups.
type directory struct {
	groups []Group
	pages  [2][]page // of homes and of details
}

// keepGroups bounds what is kept for a partition; a segment with very many keys
// is parsed anew.
const keepGroups = 1 << 10

// The sections, in the order of the footer.
const (
	sectionNames = iota
	sectionClients
	sectionTokens
	sectionBlocks
	sectionInfo
	sectionDirectory
)

// lazy is a table that is read when first asked for.
type lazy[T any] struct {
	once sync.Once
	v    T
	err  error
}

func (l *lazy[T]) get(s *Reader, section int, decode func([]byte) (T, error)) (T, error) {
	l.once.Do(func() {
		var raw []byte
		if raw, l.err = s.read(s.spans[section]); l.err == nil {
			l.v, l.err = decode(raw)
		}
	})
	return l.v, l.err
}

type span struct {
	at, size int64
	crc      uint32
}

type place struct {
	rows  int
	at    int64
	sizes [4]int64 // groups, homes, details, sessions
	crc   [2]uint32
}

// Open reads a segment's footer and directory.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	if size < int64(len(magic))+footerSize {
		return nil, fmt.Errorf("segment of %d bytes is too short: %w", size, ErrCorrupt)
	}
	foot := make([]byte, footerSize)
	if err := readAt(r, foot, size-footerSize); err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	head := make([]byte, len(magic))
	if err := readAt(r, head, 0); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if string(head) != magic || string(foot[int(footerSize)-len(endMagic):]) != endMagic {
		return nil, fmt.Errorf("not a segment, or of a newer release: %w", ErrCorrupt)
	}
	if n := sections * 20; sum(foot[:n]) != binary.LittleEndian.Uint32(foot[n:]) {
		return nil, fmt.Errorf("footer's checksum does not match: %w", ErrCorrupt)
	}
	s := &Reader{r: r, size: size}
	for i := range s.spans {
		b, sp := foot[20*i:], &s.spans[i]
		*sp = span{int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:])), binary.LittleEndian.Uint32(b[16:])}
		if sp.at < 0 || sp.size < 0 || sp.at > size || sp.size > size-sp.at {
			return nil, fmt.Errorf("footer points outside the file: %w", ErrCorrupt)
		}
	}
	raw, err := s.read(s.spans[sectionDirectory])
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	v := &varints{b: raw}
	s.base = event.Millis(unzigzag(v.uint()))
	p := -1
	for len(v.b) > 0 {
		p += 1 + v.int(dictionary.Partitions)
		if p >= dictionary.Partitions {
			v.bad = true
			break
		}
		pl := &s.parts[p]
		pl.rows, pl.at = v.int(MaxRows), int64(v.int(size))
		end := pl.at
		for i := range pl.sizes {
			pl.sizes[i] = int64(v.int(size))
			end += pl.sizes[i]
			switch i {
			case 0:
				pl.crc[0] = v.u32()
			case 3:
				pl.crc[1] = v.u32()
			}
		}
		if end > size || pl.rows == 0 {
			v.bad = true
		}
		if v.bad {
			break
		}
	}
	return s, v.err("directory")
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("file ends early: %w", ErrCorrupt)
	}
	return err
}

func (s *Reader) read(sp span) ([]byte, error) {
	b := make([]byte, sp.size)
	if err := readAt(s.r, b, sp.at); err != nil {
		return nil, err
	}
	if sum(b) != sp.crc {
		return nil, fmt.Errorf("checksum does not match at byte %d: %w", sp.at, ErrCorrupt)
	}
	return b, nil
}

func (s *Reader) load() (*names, error) { return s.names.get(s, sectionNames, decodeNames) }

func (s *Reader) loadBlocks() ([]fileBlocks, error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	return s.blocks.get(s, sectionBlocks, func(raw []byte) ([]fileBlocks, error) { return decodeBlocks(raw, len(t.files)) })
}

// Info describes the segment.
func (s *Reader) Info() (Info, error) { return s.info.get(s, sectionInfo, decodeInfo) }

// Shapes are the segment's shapes, sorted.
func (s *Reader) Shapes() ([]Shape, error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	return t.shapes, nil
}

// Clients are the segment's places of access, sorted.
func (s *Reader) Clients() ([]Client, error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	return s.clients.get(s, sectionClients, func(raw []byte) ([]Client, error) { return decodeClients(raw, t.clients) })
}

// Agents are the segment's user agents, sorted.
func (s *Reader) Agents() ([]string, error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	return t.agents, nil
}

// Files are the names of the streams the rows came from, sorted.
func (s *Reader) Files() ([]string, error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	return t.files, nil
}

// Group is the rows of one shape in one partition.
type Group struct {
	Shape            uint32
	Rows             int
	MinTime, MaxTime event.Millis

	none           int // rows at the end without an account
	homeAt, homeN  int
	detailAt, detN int
}

// Partition is one partition's groups. Its methods may be called side by side.
type Partition struct {
	s  *Reader
	t  *names
	n  int
	pl *place
	*directory

	mu       sync.Mutex
	sessions *Sessions
}

type page struct {
	end int
	sum uint32
}

// Partition reads the groups of partition n; there may be none.
func (s *Reader) Partition(n int) (*Partition, error) {
	pl := &s.parts[n]
	p := &Partition{s: s, n: n, pl: pl, directory: &directory{}}
	if pl.rows == 0 {
		return p, nil
	}
	var err error
	if p.t, err = s.load(); err != nil {
		return nil, err
	}
	if d := s.kept[n].Load(); d != nil {
		p.directory = d
		return p, nil
	}
	raw, err := s.read(span{pl.at, pl.sizes[0], pl.crc[0]})
	if err != nil {
		return nil, fmt.Errorf("partition %d: %w", n, err)
	}
	v := &varints{b: raw}
	count := v.int(int64(len(raw)))
	p.groups = make([]Group, 0, count)
	shape, rows, ha, da := 0, 0, 0, 0
	for i := range count {
		d := v.int(int64(len(p.t.shapes)))
		if i > 0 && d == 0 {
			v.bad = true
		}
		shape += d
		g := Group{Shape: uint32(shape), Rows: v.int(int64(pl.rows)), none: v.int(int64(pl.rows))}
		g.MinTime = event.Millis(unzigzag(v.uint()))
		g.MaxTime = g.MinTime + event.Millis(v.uint())
		g.homeAt, g.homeN = ha, v.int(pl.sizes[1])
		g.detailAt, g.detN = da, v.int(pl.sizes[2])
		ha += g.homeN
		da += g.detN
		rows += g.Rows
		if v.bad || shape >= len(p.t.shapes) || g.none > g.Rows || g.Rows == 0 {
			v.bad = true
			break
		}
		p.groups = append(p.groups, g)
	}
	for i := range p.pages {
		at := 0
		for range v.int(int64(len(raw))) {
			at += v.int(pl.sizes[1+i])
			pg := page{at, v.u32()}
			if v.bad {
				break
			}
			p.pages[i] = append(p.pages[i], pg)
		}
		if int64(at) != pl.sizes[1+i] {
			v.bad = true
		}
	}
	if v.bad || rows != pl.rows || int64(ha) != pl.sizes[1] || int64(da) != pl.sizes[2] || len(v.b) != 0 {
		return nil, fmt.Errorf("partition %d: groups do not add up: %w", n, ErrCorrupt)
	}
	if count <= keepGroups {
		s.kept[n].Store(p.directory)
	}
	return p, nil
}

// Groups are the partition's groups, by shape.
func (p *Partition) Groups() []Group { return p.groups }

// bytes reads part of the homes (0) or details (1), verified.
func (p *Partition) bytes(which, at, n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	pages := p.pages[which]
	first, from := 0, 0
	for first < len(pages) && pages[first].end <= at {
		from = pages[first].end
		first++
	}
	last := first
	for last < len(pages) && pages[last].end < at+n {
		last++
	}
	if last >= len(pages) {
		return nil, fmt.Errorf("partition %d: column out of place: %w", p.n, ErrCorrupt)
	}
	base := p.pl.at + p.pl.sizes[0]
	if which == 1 {
		base += p.pl.sizes[1]
	}
	buf := make([]byte, pages[last].end-from)
	if err := readAt(p.s.r, buf, base+int64(from)); err != nil {
		return nil, err
	}
	start := from
	for i := first; i <= last; i++ {
		if sum(buf[start-from:pages[i].end-from]) != pages[i].sum {
			return nil, fmt.Errorf("partition %d: checksum does not match at byte %d: %w", p.n, base+int64(start), ErrCorrupt)
		}
		start = pages[i].end
	}
	return buf[at-from : at-from+n], nil
}

// scratch holds a column while it is decoded.
var scratch = sync.Pool{New: func() any { s := make([]uint64, 0, 1<<12); return &s }}

// Homes gives each row's place in the dictionary's partition, ascending; rows
// without an account come last, as 0xFFFFFF.
func (p *Partition) Homes(g int, dst []uint32) ([]uint32, error) {
	gr := &p.groups[g]
	raw, err := p.bytes(0, gr.homeAt, gr.homeN)
	if err != nil {
		return nil, err
	}
	if cap(dst) < gr.Rows {
		dst = make([]uint32, gr.Rows)
	}
	dst = dst[:gr.Rows]
	n := gr.Rows - gr.none
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	vs, rest, err := unpack(raw, n, *buf)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, errPack
	}
	*buf = vs
	l := uint64(0)
	for i, d := range vs {
		l += d
		dst[i] = uint32(l)
	}
	if l >= noLocal && n > 0 {
		return nil, fmt.Errorf("partition %d: an account out of range: %w", p.n, ErrCorrupt)
	}
	for i := n; i < gr.Rows; i++ {
		dst[i] = noLocal
	}
	return dst, nil
}

// Sessions is the session table of a partition, by home, then start.
type Sessions struct {
	Home     []uint32
	Start    []event.Millis
	Actor    []dictionary.Ref
	HasActor []bool
	Token    []uint64
	Client   []uint32
	Agent    []uint32
}

// Sessions reads the partition's session table; it is kept with p.
func (p *Partition) Sessions() (*Sessions, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions != nil {
		return p.sessions, nil
	}
	if p.pl.rows == 0 {
		p.sessions = &Sessions{}
		return p.sessions, nil
	}
	at := p.pl.at + p.pl.sizes[0] + p.pl.sizes[1] + p.pl.sizes[2]
	raw, err := p.s.read(span{at, p.pl.sizes[3], p.pl.crc[1]})
	if err != nil {
		return nil, fmt.Errorf("partition %d: sessions: %w", p.n, err)
	}
	tokens, err := p.s.tokens.get(p.s, sectionTokens, func(raw []byte) ([]uint64, error) { return decodeTokens(raw, p.t.tokens) })
	if err != nil {
		return nil, err
	}
	if p.sessions, err = decodeSessions(raw, p.n, p.pl.rows, p.t, tokens); err != nil {
		return nil, fmt.Errorf("partition %d: sessions: %w", p.n, err)
	}
	return p.sessions, nil
}

func decodeSessions(raw []byte, part, rows int, t *names, tokens []uint64) (*Sessions, error) {
	v := &varints{b: raw}
	n := v.int(int64(rows))
	if v.bad || n == 0 {
		return nil, errPack
	}
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	column := func(n int, put func(i int, v uint64) bool) error {
		vs, rest, err := unpack(v.b, n, *buf)
		if err != nil {
			return err
		}
		v.b = rest
		*buf = vs
		for i, x := range vs {
			if !put(i, x) {
				return errPack
			}
		}
		return nil
	}
	s := &Sessions{
		Home: make([]uint32, n), Start: make([]event.Millis, n), Actor: make([]dictionary.Ref, n), HasActor: make([]bool, n),
		Token: make([]uint64, n), Client: make([]uint32, n), Agent: make([]uint32, n),
	}
	last := uint64(0)
	err := column(n, func(i int, v uint64) bool { last += v; s.Home[i] = uint32(last); return last <= noLocal })
	if err != nil {
		return nil, err
	}
	lo := event.Millis(unzigzag(v.uint()))
	form := v.take(1)
	if form == nil || form[0] > startStep {
		return nil, errPack
	}
	step := lo
	err = column(n, func(i int, v uint64) bool {
		if form[0] == startPlain {
			s.Start[i] = lo + event.Millis(v)
			return true
		}
		step += event.Millis(unzigzag(v))
		s.Start[i] = step
		return true
	})
	if err != nil {
		return nil, err
	}
	var others []int
	err = column(n, func(i int, v uint64) bool {
		switch v {
		case actorNone:
		case actorHome:
			s.HasActor[i], s.Actor[i] = true, dictionary.MakeRef(byte(part), s.Home[i])
		case actorOther:
			s.HasActor[i] = true
			others = append(others, i)
		default:
			return false
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	err = column(len(others), func(i int, v uint64) bool { s.Actor[others[i]] = dictionary.Ref(v); return v < 1<<32 })
	if err != nil {
		return nil, err
	}
	if err := column(n, func(i int, v uint64) bool { s.Client[i] = uint32(v); return v < uint64(t.clients) }); err != nil {
		return nil, err
	}
	if err := column(n, func(i int, v uint64) bool { s.Agent[i] = uint32(v); return v < uint64(len(t.agents)) }); err != nil {
		return nil, err
	}
	var inline, table []int
	err = column(n, func(i int, v uint64) bool {
		switch v {
		case tokenInline:
			inline = append(inline, i)
		case tokenTable:
			table = append(table, i)
		}
		return v <= tokenTable
	})
	if err != nil {
		return nil, err
	}
	err = column(len(table), func(i int, v uint64) bool {
		if v >= uint64(len(tokens)) {
			return false
		}
		s.Token[table[i]] = tokens[v]
		return true
	})
	if err != nil {
		return nil, err
	}
	if len(v.b) != 8*len(inline) {
		return nil, errPack
	}
	for i, k := range inline {
		s.Token[k] = binary.LittleEndian.Uint64(v.b[8*i:])
	}
	return s, nil
}

// Details are the columns of a group beside its homes.
type Details struct {
	Session []uint32 // index into Sessions
	Time    []event.Millis
	Rows    []int32
	Record  []uint32
	File    []uint32 // index into Files
	Block   []uint32
}

// Details decodes a group's other columns. homes is what Homes returned; d may
// be used again. With only what is left of the origin is not decoded.
func (p *Partition) Details(g int, homes []uint32, d *Details, origin bool) error {
	gr := &p.groups[g]
	ss, err := p.Sessions()
	if err != nil {
		return err
	}
	raw, err := p.bytes(1, gr.detailAt, gr.detN)
	if err != nil {
		return err
	}
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	column := func() ([]uint64, error) {
		vs, rest, err := unpack(raw, gr.Rows, *buf)
		if err == nil {
			raw, *buf = rest, vs
		}
		return vs, err
	}
	vs, err := column()
	if err != nil {
		return err
	}
	d.Session = resize(d.Session, gr.Rows)
	at := 0
	for i, k := range vs {
		for at < len(ss.Home) && ss.Home[at] < homes[i] {
			at++
		}
		k += uint64(at)
		if k >= uint64(len(ss.Home)) || ss.Home[k] != homes[i] {
			return fmt.Errorf("partition %d: a row's session is not its account's: %w", p.n, ErrCorrupt)
		}
		d.Session[i] = uint32(k)
	}
	if vs, err = column(); err != nil {
		return err
	}
	d.Time = resize(d.Time, gr.Rows)
	for i, t := range vs {
		d.Time[i] = ss.Start[d.Session[i]] + event.Millis(t)
	}
	flags := p.t.shapes[gr.Shape].Flags
	d.Rows = resize(d.Rows, gr.Rows)
	if flags&HasRows != 0 {
		if vs, err = column(); err != nil {
			return err
		}
		for i, v := range vs {
			d.Rows[i] = int32(uint32(v))
		}
	} else {
		for i := range d.Rows {
			d.Rows[i] = event.RowsUnknown
		}
	}
	d.Record = resize(d.Record, gr.Rows)
	if flags&Split != 0 {
		if vs, err = column(); err != nil {
			return err
		}
		for i, v := range vs {
			d.Record[i] = uint32(v)
		}
	} else {
		clear(d.Record)
	}
	if !origin {
		return nil
	}
	if vs, err = column(); err != nil {
		return err
	}
	d.File, d.Block = resize(d.File, gr.Rows), resize(d.Block, gr.Rows)
	for i, v := range vs {
		if v >= uint64(len(p.t.files)) {
			return errPack
		}
		d.File[i] = uint32(v)
	}
	if vs, err = column(); err != nil {
		return err
	}
	blocks, err := p.s.loadBlocks()
	if err != nil {
		return err
	}
	for i, v := range vs {
		b := &blocks[d.File[i]]
		k := b.predict(d.Time[i]) + int(unzigzag(v))
		if k < 0 || k >= len(b.blocks) {
			return errPack
		}
		d.Block[i] = b.blocks[k]
	}
	if len(raw) != 0 {
		return errPack
	}
	return nil
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
