package segment

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/haetae/haetae/event"
)

// partition is one partition on its way into a file: its sessions and rows
// sorted, and each row's session a place among its home's.
type partition struct {
	t        *tables
	sessions []partSession
	rows     []Row // Session is an index into sessions
}

type partSession struct {
	s     Session
	start event.Millis
}

func compareSessions(a, b *Session) int {
	c := cmp.Or(cmp.Compare(a.Home, b.Home), cmp.Compare(a.Token, b.Token), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Agent, b.Agent))
	if c != 0 {
		return c
	}
	if a.HasActor != b.HasActor {
		if a.HasActor {
			return 1
		}
		return -1
	}
	return cmp.Compare(a.Actor, b.Actor)
}

// preparePartition sorts. sessions may hold entries other partitions use, and
// repetitions; only those that rows name are kept, once.
func preparePartition(t *tables, sessions []Session, rows []Row) *partition {
	p := &partition{t: t, rows: rows}
	// The sessions in use, with the time each begins.
	type use struct {
		old   uint32
		start event.Millis
	}
	place := make(map[uint32]int32, len(rows)/4+1)
	uses := make([]use, 0, len(rows)/4+1)
	for i := range rows {
		r := &rows[i]
		k, ok := place[r.Session]
		if !ok {
			k = int32(len(uses))
			place[r.Session] = k
			uses = append(uses, use{r.Session, r.Time})
		} else if r.Time < uses[k].start {
			uses[k].start = r.Time
		}
		r.Session = uint32(k)
	}
	// Unite equal ones.
	order := make([]uint32, len(uses))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return compareSessions(&sessions[uses[a].old], &sessions[uses[b].old]) })
	unified := make([]uint32, len(uses)) // place in uses → place in all
	var all []partSession
	for i, k := range order {
		s := &sessions[uses[k].old]
		if i > 0 && compareSessions(&all[len(all)-1].s, s) == 0 {
			last := &all[len(all)-1]
			last.start = min(last.start, uses[k].start)
		} else {
			all = append(all, partSession{*s, uses[k].start})
		}
		unified[k] = uint32(len(all) - 1)
	}
	// By home and start, so that an account's first session comes first.
	final := make([]uint32, len(all))
	for i := range final {
		final[i] = uint32(i)
	}
	slices.SortFunc(final, func(a, b uint32) int {
		x, y := &all[a], &all[b]
		return cmp.Or(cmp.Compare(x.s.Home, y.s.Home), cmp.Compare(x.start, y.start), cmp.Compare(a, b))
	})
	at := make([]uint32, len(all))
	p.sessions = make([]partSession, len(all))
	for i, k := range final {
		at[k] = uint32(i)
		p.sessions[i] = all[k]
	}
	for i := range rows {
		rows[i].Session = at[unified[rows[i].Session]]
	}
	sortRows(rows)
	return p
}

// sortRows sorts by shape, home, time and, so that the order is one, the rest.
func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		ka, kb := uint64(a.Shape)<<32|uint64(a.Home), uint64(b.Shape)<<32|uint64(b.Home)
		switch {
		case ka != kb:
			if ka < kb {
				return -1
			}
			return 1
		case a.Time != b.Time:
			if a.Time < b.Time {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Record, b.Record), cmp.Compare(a.Rows, b.Rows),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Block, b.Block))
	})
}

// encode gives the partition's blocks: groups, homes, details, sessions. sums
// tells which are checked as a whole; the other two are checked by page, with
// the sums in the groups block.
func (p *partition) encode(f *file) (blocks [4][]byte, sums [4]bool) {
	var groups, homes, details []byte
	var homePages, detailPages pages
	vals := make([]uint64, 0, len(p.rows))
	column := func(dst []byte, n int, value func(i int) uint64) []byte {
		vals = vals[:0]
		for i := range n {
			vals = append(vals, value(i))
		}
		return pack(dst, vals)
	}
	// The place of each home's first session.
	firstOf := make([]uint32, len(p.sessions))
	for i := range p.sessions {
		if i > 0 && p.sessions[i].s.Home == p.sessions[i-1].s.Home {
			firstOf[i] = firstOf[i-1]
		} else {
			firstOf[i] = uint32(i)
		}
	}
	n, lastShape := 0, uint32(0)
	for i := 0; i < len(p.rows); {
		j := i
		for j < len(p.rows) && p.rows[j].Shape == p.rows[i].Shape {
			j++
		}
		rows := p.rows[i:j]
		shape := p.t.shapes[rows[0].Shape]
		none := 0
		lo, hi := rows[0].Time, rows[0].Time
		for k := range rows {
			if !rows[k].Home.IsAccount() {
				none++
			}
			lo, hi = min(lo, rows[k].Time), max(hi, rows[k].Time)
		}
		groups = binary.AppendUvarint(groups, uint64(rows[0].Shape-lastShape))
		lastShape = rows[0].Shape
		groups = binary.AppendUvarint(groups, uint64(len(rows)))
		groups = binary.AppendUvarint(groups, uint64(none))
		groups = binary.AppendUvarint(groups, zigzag(int64(lo)))
		groups = binary.AppendUvarint(groups, uint64(hi-lo))

		from := len(homes)
		last := uint32(0)
		homes = column(homes, len(rows)-none, func(k int) uint64 {
			l := rows[k].Home.Local()
			d := l - last
			last = l
			return uint64(d)
		})
		groups = binary.AppendUvarint(groups, uint64(len(homes)-from))
		homePages.add(homes, false)

		from = len(details)
		details = column(details, len(rows), func(k int) uint64 { return uint64(rows[k].Session - firstOf[rows[k].Session]) })
		details = column(details, len(rows), func(k int) uint64 { return uint64(rows[k].Time - p.sessions[rows[k].Session].start) })
		if shape.Flags&HasRows != 0 {
			details = column(details, len(rows), func(k int) uint64 { return uint64(uint32(rows[k].Rows)) })
		}
		if shape.Flags&Split != 0 {
			details = column(details, len(rows), func(k int) uint64 { return uint64(rows[k].Record) })
		}
		details = column(details, len(rows), func(k int) uint64 { return uint64(rows[k].File) })
		details = column(details, len(rows), func(k int) uint64 {
			b := &p.t.blocks[rows[k].File]
			is, _ := slices.BinarySearch(b.blocks, rows[k].Block)
			return zigzag(int64(is - b.predict(rows[k].Time)))
		})
		groups = binary.AppendUvarint(groups, uint64(len(details)-from))
		detailPages.add(details, false)
		i = j
		n++
	}
	homePages.add(homes, true)
	detailPages.add(details, true)
	head := binary.AppendUvarint(nil, uint64(n))
	groups = append(head, groups...)
	groups = homePages.encode(groups)
	groups = detailPages.encode(groups)
	return [4][]byte{groups, homes, details, p.encodeSessions(f)}, [4]bool{true, false, false, true}
}

// encodeSessions packs the session table, column by column.
func (p *partition) encodeSessions(f *file) []byte {
	vals := make([]uint64, 0, len(p.sessions))
	out := binary.AppendUvarint(nil, uint64(len(p.sessions)))
	column := func(value func(s *partSession) (uint64, bool)) {
		vals = vals[:0]
		for i := range p.sessions {
			if v, ok := value(&p.sessions[i]); ok {
				vals = append(vals, v)
			}
		}
		out = pack(out, vals)
	}
	last := uint32(0)
	column(func(s *partSession) (uint64, bool) {
		l := s.s.Home.Local()
		d := l - last
		last = l
		return uint64(d), true
	})
	lo := p.sessions[0].start
	for i := range p.sessions {
		lo = min(lo, p.sessions[i].start)
	}
	out = binary.AppendUvarint(out, zigzag(int64(lo)))
	// Accounts that a walk touched one after the other begin one after the
	// other, and then the difference to the one before is shorter.
	plain, before := len(out), lo
	column(func(s *partSession) (uint64, bool) { return uint64(s.start - lo), true })
	tail := append([]byte{startPlain}, out[plain:]...)
	out = out[:plain]
	column(func(s *partSession) (uint64, bool) {
		d := s.start - before
		before = s.start
		return zigzag(int64(d)), true
	})
	if len(out)-plain < len(tail)-1 {
		tail = append([]byte{startStep}, out[plain:]...)
	}
	out = append(out[:plain], tail...)
	column(func(s *partSession) (uint64, bool) { return actorKind(&s.s), true })
	column(func(s *partSession) (uint64, bool) { return uint64(s.s.Actor), actorKind(&s.s) == actorOther })
	column(func(s *partSession) (uint64, bool) { return uint64(s.s.Client), true })
	column(func(s *partSession) (uint64, bool) { return uint64(s.s.Agent), true })
	column(func(s *partSession) (uint64, bool) { return tokenKind(&s.s), true })
	// A token of an account's own session occurs in no other account; that of
	// staff or a partner does, and stands once in the segment's table.
	column(func(s *partSession) (uint64, bool) {
		if tokenKind(&s.s) != tokenTable {
			return 0, false
		}
		c, ok := f.tokens[s.s.Token]
		if !ok {
			c = uint32(len(f.tokens))
			f.tokens[s.s.Token] = c
		}
		return uint64(c), true
	})
	for i := range p.sessions {
		if s := &p.sessions[i].s; tokenKind(s) == tokenInline {
			out = binary.LittleEndian.AppendUint64(out, s.Token)
		}
	}
	return out
}

const (
	startPlain = 0
	startStep  = 1

	actorNone  = 0
	actorHome  = 1
	actorOther = 2

	tokenNone   = 0
	tokenInline = 1
	tokenTable  = 2
)

func actorKind(s *Session) uint64 {
	switch {
	case !s.HasActor:
		return actorNone
	case s.Actor == s.Home:
		return actorHome
	}
	return actorOther
}

func tokenKind(s *Session) uint64 {
	switch {
	case s.Token == 0:
		return tokenNone
	case s.HasActor && s.Actor == s.Home:
		return tokenInline
	}
	return tokenTable
}

// pages cuts a block at group boundaries into pieces of about pageSize, each
// with its own checksum.
type pages struct {
	ends []int // in bytes
	sums []uint32
	cut  int
}

func (pg *pages) add(block []byte, last bool) {
	if n := len(block) - pg.cut; n >= pageSize || last && n > 0 {
		pg.sums = append(pg.sums, sum(block[pg.cut:]))
		pg.cut = len(block)
		pg.ends = append(pg.ends, pg.cut)
	}
}

func (pg *pages) encode(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(pg.ends)))
	at := 0
	for i, e := range pg.ends {
		dst = binary.AppendUvarint(dst, uint64(e-at))
		at = e
		dst = binary.LittleEndian.AppendUint32(dst, pg.sums[i])
	}
	return dst
}
