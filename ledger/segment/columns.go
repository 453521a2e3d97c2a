package segment

import (
	"fmt"
	"sort"
	"sync"

	"github.com/haetae/haetae/event"
)

// Group is the rows of one shape in one partition.
type Group struct {
	Shape            uint32
	Rows             int
	MinTime, MaxTime event.Millis

	none      int // rows at the end without an account
	at, sizes [2]int
}

// Partition is one partition's groups. It is for one goroutine, and can be read
// into again: a question that looks at ten thousand partitions needs one.
type Partition struct {
	s      *Reader
	n      int
	pl     *place
	shapes []Shape
	groups []Group
	pages  [2][]page // of homes and of details

	sessions *Sessions
	head     []byte    // the groups, or all of a partition without pages
	near     [2]window // of homes and of details, the small groups read last
	far      []byte    // a large group
}

// page is a checked piece of a column block.
type page struct {
	end int
	sum uint32
}

// window is a verified part of a column block.
type window struct {
	at   int
	b    []byte
	room int // how large the next one may be
}

// windowSize is the most that is read at once when a group is small. Thousands of
// shapes may have a few rows each, and a question may ask for one of them: the first
// window of a partition is the pages of the group, each further one twice as large.
const windowSize = 32 << 10

// Partition reads the groups of partition n; there may be none.
func (s *Reader) Partition(n int) (*Partition, error) {
	p := &Partition{}
	if err := p.Read(s, n); err != nil {
		return nil, err
	}
	return p, nil
}

// Read reads the groups of another partition into p. What p gave before is no
// longer good, its sessions excepted.
func (p *Partition) Read(s *Reader, n int) (err error) {
	defer s.named(&err)
	p.s, p.n, p.pl = s, n, &s.parts[n]
	p.groups, p.pages, p.sessions = p.groups[:0], [2][]page{p.pages[0][:0], p.pages[1][:0]}, nil
	for i := range p.near {
		p.near[i].b, p.near[i].room = p.near[i].b[:0], 0
	}
	if p.pl.rows == 0 {
		return nil
	}
	if p.shapes, err = s.Shapes(); err != nil {
		return err
	}
	size := p.pl.size()
	if p.pl.paged {
		size = p.pl.sizes[blockGroups]
	}
	if p.head, err = s.readInto(p.head, p.pl.at, size, p.pl.crc[0]); err == nil {
		err = p.readGroups(&varints{b: p.head[:p.pl.sizes[blockGroups]]})
	}
	if err != nil {
		return fmt.Errorf("partition %d at byte %d: %w", n, p.pl.at, err)
	}
	return nil
}

func (p *Partition) readGroups(v *varints) error {
	pl := p.pl
	n := v.int(int64(pl.rows))
	p.groups = resize(p.groups, n)
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	column := func(limit uint64, put func(g *Group, v uint64)) {
		for i, x := range v.column(n, buf) {
			if x > limit {
				v.bad = true
				return
			}
			put(&p.groups[i], x)
		}
	}
	const all = ^uint64(0)
	shape := uint64(0)
	column(uint64(len(p.shapes)), func(g *Group, v uint64) { shape += v; g.Shape = uint32(shape) })
	column(uint64(pl.rows), func(g *Group, v uint64) { g.Rows = int(v) })
	column(uint64(pl.rows), func(g *Group, v uint64) { g.none = int(v) })
	column(all, func(g *Group, v uint64) { g.MinTime = p.s.base + event.Millis(v) })
	column(all, func(g *Group, v uint64) { g.MaxTime = g.MinTime + event.Millis(v) })
	column(uint64(pl.sizes[blockHomes]), func(g *Group, v uint64) { g.sizes[0] = int(v) })
	column(uint64(pl.sizes[blockDetails]), func(g *Group, v uint64) { g.sizes[1] = int(v) })
	rows, at := 0, [2]int{}
	for i := range p.groups {
		g := &p.groups[i]
		if int(g.Shape) >= len(p.shapes) || i > 0 && g.Shape <= p.groups[i-1].Shape || g.none > g.Rows || g.Rows == 0 || g.MaxTime < g.MinTime {
			v.bad = true
			break
		}
		g.at = at
		at[0] += g.sizes[0]
		at[1] += g.sizes[1]
		rows += g.Rows
	}
	ends := [2]int{int(pl.sizes[blockHomes]), int(pl.sizes[blockDetails])}
	for i := range p.pages {
		if !pl.paged || v.bad {
			break
		}
		end := 0
		count := v.int(int64(len(v.b)) / 4)
		for _, size := range v.column(count, buf) {
			if size > uint64(ends[i]) {
				v.bad = true
				break
			}
			end += int(size)
			p.pages[i] = append(p.pages[i], page{end: end})
		}
		for k := range p.pages[i] {
			p.pages[i][k].sum = v.u32()
		}
		if end != ends[i] {
			v.bad = true
		}
	}
	for _, b := range v.b { // padding
		v.bad = v.bad || b != 0
	}
	if rows != pl.rows || at != ends {
		v.bad = true
	}
	return v.err()
}

// Groups are the partition's groups, by shape.
func (p *Partition) Groups() []Group { return p.groups }

// bytes gives a group's part of the homes (0) or details (1), verified. It is
// good until the next call.
func (p *Partition) bytes(which int, g *Group) ([]byte, error) {
	at, n := g.at[which], g.sizes[which]
	if n == 0 {
		return nil, nil
	}
	if !p.pl.paged {
		at += int(p.pl.sizes[blockGroups])
		if which == 1 {
			at += int(p.pl.sizes[blockHomes])
		}
		return p.head[at : at+n], nil
	}
	small := n <= windowSize/4
	w := &p.near[which]
	if small && at >= w.at && at+n <= w.at+len(w.b) {
		return w.b[at-w.at : at-w.at+n], nil
	}
	pages := p.pages[which]
	first := sort.Search(len(pages), func(i int) bool { return pages[i].end > at })
	from := 0
	if first > 0 {
		from = pages[first-1].end
	}
	last := first
	for last < len(pages) && (pages[last].end < at+n || small && last+1 < len(pages) && pages[last+1].end <= from+w.room) {
		last++
	}
	if last >= len(pages) {
		return nil, fmt.Errorf("partition %d: a column out of place: %w", p.n, ErrCorrupt)
	}
	base := p.pl.at + p.pl.sizes[blockGroups]
	if which == 1 {
		base += p.pl.sizes[blockHomes]
	}
	size := pages[last].end - from
	mem := &p.far
	if small {
		mem = &w.b
	}
	b := resize(*mem, size)
	*mem = b[:0] // until it is verified
	if err := readAt(p.s.r, b, base+int64(from)); err != nil {
		return nil, fmt.Errorf("partition %d: %w", p.n, err)
	}
	start := from
	for i := first; i <= last; i++ {
		if !p.s.check(b[start-from:pages[i].end-from], pages[i].sum) {
			return nil, fmt.Errorf("partition %d: checksum does not match at byte %d: %w", p.n, base+int64(start), ErrCorrupt)
		}
		start = pages[i].end
	}
	if *mem = b; small {
		w.at, w.room = from, min(max(2*w.room, 2*pageSize), windowSize)
	}
	return b[at-from : at-from+n], nil
}

// scratch is memory for a column while it is decoded.
var scratch = sync.Pool{New: func() any { s := make([]uint64, 0, 1<<12); return &s }}

// Homes gives each row's place in the dictionary's partition, ascending; rows
// without an account come last, as 0xFFFFFF.
func (p *Partition) Homes(g int, dst []uint32) (_ []uint32, err error) {
	defer p.s.named(&err)
	gr := &p.groups[g]
	raw, err := p.bytes(0, gr)
	if err != nil {
		return nil, err
	}
	dst = resize(dst, gr.Rows)
	n := gr.Rows - gr.none
	rest, err := unpackSums(raw, dst[:n])
	if err == nil && len(rest) != 0 {
		err = errPack
	}
	if err != nil {
		return nil, fmt.Errorf("partition %d: homes: %w", p.n, err)
	}
	for i := n; i < gr.Rows; i++ {
		dst[i] = noLocal
	}
	return dst, nil
}

// Range is the rows of one account in a group.
type Range struct{ Group, From, To int }

// FindHome finds an account's rows. Groups that hold none are not in the result.
func (p *Partition) FindHome(local uint32) ([]Range, error) {
	var out []Range
	var homes []uint32
	for g := range p.groups {
		var err error
		if homes, err = p.Homes(g, homes); err != nil {
			return nil, err
		}
		from := sort.Search(len(homes), func(i int) bool { return homes[i] >= local })
		to := from
		for to < len(homes) && homes[to] == local {
			to++
		}
		if from < to {
			out = append(out, Range{g, from, to})
		}
	}
	return out, nil
}

// Sessions reads the partition's session table; it is kept with p.
func (p *Partition) Sessions() (_ *Sessions, err error) {
	defer p.s.named(&err)
	if p.sessions != nil {
		return p.sessions, nil
	}
	if p.pl.rows == 0 {
		p.sessions = &Sessions{}
		return p.sessions, nil
	}
	size := p.pl.sizes[blockSessions]
	at := p.pl.size() - size
	var raw []byte
	if p.pl.paged {
		raw, err = p.s.read(p.pl.at+at, size, p.pl.crc[1])
	} else {
		raw = p.head[at:]
	}
	var ss *Sessions
	if err == nil {
		ss, err = decodeSessions(raw, sessionLimits{
			part: p.n, rows: p.pl.rows, base: p.s.base, clients: p.s.nClients, agents: p.s.nAgents, visitors: p.s.visitorTable,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("partition %d: sessions at byte %d: %w", p.n, p.pl.at+at, err)
	}
	p.sessions = ss
	return ss, nil
}

// Details are the columns of a group beside its homes.
type Details struct {
	Session []uint32 // index into Sessions
	Time    []event.Millis
	Rows    []int32
	Record  []uint64
	File    []uint32 // index into Files
	Block   []uint32
}

// Details decodes a group's other columns. homes is what Homes returned; d may
// be used again. Without origin, File and Block are not decoded.
func (p *Partition) Details(g int, homes []uint32, d *Details, origin bool) (err error) {
	defer p.s.named(&err)
	ss, err := p.Sessions()
	if err != nil {
		return err
	}
	raw, err := p.bytes(1, &p.groups[g])
	if err != nil {
		return err
	}
	v := &varints{b: raw}
	p.details(v, &p.groups[g], homes, ss, d)
	if origin && !v.bad {
		t, err := p.s.fileTable()
		if err != nil {
			return err
		}
		p.origin(v, &t, d)
		v.bad = v.bad || len(v.b) != 0
	}
	if err := v.err(); err != nil {
		return fmt.Errorf("partition %d: details: %w", p.n, err)
	}
	return nil
}

func (p *Partition) details(v *varints, gr *Group, homes []uint32, ss *Sessions, d *Details) {
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	rows, n := gr.Rows, gr.Rows-gr.none
	d.Session, d.Time = resize(d.Session, rows), resize(d.Time, rows)
	at, home, last := 0, uint32(noLocal), int64(0)
	for i, k := range v.column(n, buf) {
		if h := homes[i]; h != home {
			for at < len(ss.Home) && ss.Home[at] < h {
				at++
			}
			home, last = h, int64(at)
		}
		last += unzigzag(k)
		if uint64(last) >= uint64(len(ss.Home)) || ss.Home[last] != home {
			v.bad = true
			return
		}
		d.Session[i] = uint32(last)
	}
	for i, t := range v.column(n, buf) {
		d.Time[i] = ss.Start[d.Session[i]] + event.Millis(t)
	}
	if gr.none > 0 && !v.bad {
		p.without(v, gr, ss, d, buf)
	}
	flags := p.shapes[gr.Shape].Flags
	d.Rows, d.Record = resize(d.Rows, rows), resize(d.Record, rows)
	if flags&HasRows != 0 {
		for i, x := range v.column(rows, buf) {
			d.Rows[i] = int32(uint32(x))
		}
	} else {
		for i := range d.Rows {
			d.Rows[i] = event.RowsUnknown
		}
	}
	if flags&Split != 0 {
		for i, x := range v.column(rows, buf) {
			d.Record[i] = x
		}
	} else {
		clear(d.Record)
	}
}

// without decodes times and sessions of the rows without an account.
func (p *Partition) without(v *varints, gr *Group, ss *Sessions, d *Details, buf *[]uint64) {
	n := gr.Rows - gr.none
	last := gr.MinTime
	for i, t := range v.column(gr.none, buf) {
		last += event.Millis(t)
		d.Time[n+i] = last
	}
	first := sort.Search(len(ss.Home), func(i int) bool { return ss.Home[i] >= noLocal })
	begun := first
	for i, k := range v.column(gr.none, buf) {
		for begun+1 < len(ss.Start) && ss.Start[begun+1] <= d.Time[n+i] {
			begun++
		}
		if k > uint64(begun-first) || begun >= len(ss.Start) {
			v.bad = true
			return
		}
		d.Session[n+i] = uint32(begun - int(k))
	}
}

func (p *Partition) origin(v *varints, t *filesTable, d *Details) {
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	n := len(d.Time)
	d.File, d.Block = resize(d.File, n), resize(d.Block, n)
	for i, f := range v.column(n, buf) {
		if f >= uint64(len(t.names)) {
			v.bad = true
			return
		}
		d.File[i] = uint32(f)
	}
	for i, x := range v.column(n, buf) {
		f := &t.blocks[d.File[i]]
		if len(f.blocks) == 0 {
			v.bad = true
			return
		}
		k := int64(f.predict(d.Time[i])) + unzigzag(x)
		if uint64(k) >= uint64(len(f.blocks)) {
			v.bad = true
			return
		}
		d.Block[i] = f.blocks[k]
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
