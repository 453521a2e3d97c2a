package segment

import (
	"encoding/binary"

	"github.com/haetae/haetae/event"
)

// The blocks of a partition.
const (
	blockGroups = iota
	blockHomes
	blockDetails
	blockSessions
	blocks
)

// shapeOf is what of a shape decides how its rows are stored, and its source.
type shapeOf struct {
	flags  Flags
	source int
}

// The groups block, column by column, a value for each group:
//
//	number of groups (varint)
//	shapes           packed, differences
//	rows             packed
//	rows without an account, packed
//	first times      packed, above the segment's first
//	spans of time    packed
//	bytes of homes, bytes of details, packed
//	and, if the partition has pages: for homes and for details, their number,
//	their lengths packed, their crc32c (4 each)
//	zeros up to rows / 512 bytes of the partition
type groupColumns struct{ shape, rows, none, first, span, homes, details []uint64 }

// encode fills l.out with the partition's blocks and tells whether it has pages.
func (l *load) encode(t *tables, shapes []shapeOf, base event.Millis, minutes minuteSpan) (paged bool) {
	homes, details := l.out[blockHomes][:0], l.out[blockDetails][:0]
	var g groupColumns
	var homePages, detailPages pages
	lastShape := uint32(0)
	for i := 0; i < len(l.order); {
		shape := l.shape[l.order[i]]
		j := i + 1
		for j < len(l.order) && l.shape[l.order[j]] == shape {
			j++
		}
		rows := l.order[i:j]
		i = j
		// Rows without an account are the last: their place is the largest.
		n := len(rows)
		for n > 0 && !l.table[l.session[rows[n-1]]].Home.IsAccount() {
			n--
		}
		l.times = resize(l.times, len(rows))
		for k, r := range rows {
			l.times[k] = l.time[r]
		}
		lo, hi := l.tally.add(shapes[shape].source, shapes[shape].flags, l.times, minutes)

		from := len(homes)
		homes = l.encodeHomes(homes, rows[:n])
		homePages.add(homes, false)
		g.homes = append(g.homes, uint64(len(homes)-from))

		from = len(details)
		details = l.encodeDetails(details, rows, n, shapes[shape].flags, lo, t.blocks)
		detailPages.add(details, false)
		g.details = append(g.details, uint64(len(details)-from))

		g.shape = append(g.shape, uint64(shape-lastShape))
		lastShape = shape
		g.rows = append(g.rows, uint64(len(rows)))
		g.none = append(g.none, uint64(len(rows)-n))
		g.first = append(g.first, uint64(lo-base))
		g.span = append(g.span, uint64(hi-lo))
	}
	homePages.add(homes, true)
	detailPages.add(details, true)
	sessions := l.encodeSessions(l.out[blockSessions][:0], t.visitors, base)

	groups := binary.AppendUvarint(l.out[blockGroups][:0], uint64(len(g.shape)))
	for _, column := range [][]uint64{g.shape, g.rows, g.none, g.first, g.span, g.homes, g.details} {
		groups = pack(groups, column)
	}
	if paged = len(groups)+len(homes)+len(details)+len(sessions) > pageSize; paged {
		groups = homePages.encode(groups)
		groups = detailPages.encode(groups)
	}
	for len(groups)+len(homes)+len(details)+len(sessions) < len(l.order)/rowsPerByte+1 {
		groups = append(groups, 0)
	}
	l.out = [blocks][]byte{groups, homes, details, sessions}
	return paged
}

func (l *load) encodeHomes(dst []byte, rows []uint32) []byte {
	vals, last := l.vals[:0], uint32(0)
	for _, r := range rows {
		h := l.table[l.session[r]].Home.Local()
		vals = append(vals, uint64(h-last))
		last = h
	}
	l.vals = vals
	return pack(dst, vals)
}

// encodeDetails appends a group's other columns. Of the rows with an account:
//
//	sessions   packed: which of its home's, of the first row of a home in the
//	           group; of the next ones the difference to the row before
//	times      packed, above the start of the row's session
//
// Of those without, which are in order of time and of many sessions:
//
//	times      packed, above the row before
//	sessions   packed: how many have begun between the row's and the row
//
// And of all: rows returned (if the shape has them), record numbers (if the
// shape's are split), files, blocks as distance from the block predicted by the
// time.
func (l *load) encodeDetails(dst []byte, rows []uint32, n int, flags Flags, lo event.Millis, files []fileBlocks) []byte {
	vals := resize(l.vals, len(rows))
	l.vals = vals
	homeFirst, before := ^uint32(0), uint32(0)
	for k, r := range rows[:n] {
		s := l.session[r]
		if f := l.first[s]; f != homeFirst {
			homeFirst, before = f, f
		}
		vals[k] = zigzag(int64(s) - int64(before))
		before = s
	}
	dst = pack(dst, vals[:n])
	for k, r := range rows[:n] {
		vals[k] = uint64(l.times[k] - l.start[l.session[r]])
	}
	dst = pack(dst, vals[:n])

	if none := rows[n:]; len(none) > 0 {
		vals := vals[:len(none)]
		last := lo
		for k := range none {
			t := l.times[n+k]
			vals[k] = uint64(t - last)
			last = t
		}
		dst = pack(dst, vals)
		begun := l.first[l.session[none[0]]]
		for k, r := range none {
			for int(begun)+1 < len(l.start) && l.start[begun+1] <= l.times[n+k] {
				begun++
			}
			vals[k] = uint64(begun - l.session[r])
		}
		dst = pack(dst, vals)
	}
	if flags&HasRows != 0 {
		for k, r := range rows {
			vals[k] = uint64(uint32(l.rows[r]))
		}
		dst = pack(dst, vals)
	}
	if flags&Split != 0 {
		for k, r := range rows {
			vals[k] = l.record[r]
		}
		dst = pack(dst, vals)
	}
	for k, r := range rows {
		vals[k] = uint64(l.file[r])
	}
	dst = pack(dst, vals)
	for k, r := range rows {
		f := &files[l.file[r]]
		vals[k] = zigzag(int64(f.find(l.block[r]) - f.predict(l.times[k])))
	}
	return pack(dst, vals)
}

// pages cuts a block at group boundaries into pieces of about pageSize, each
// with its own checksum.
type pages struct {
	sizes []uint64
	sums  []uint32
	cut   int
}

func (pg *pages) add(block []byte, last bool) {
	if n := len(block) - pg.cut; n >= pageSize || last && n > 0 {
		pg.sizes = append(pg.sizes, uint64(n))
		pg.sums = append(pg.sums, sum(block[pg.cut:]))
		pg.cut = len(block)
	}
}

func (pg *pages) encode(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(pg.sizes)))
	dst = pack(dst, pg.sizes)
	for _, s := range pg.sums {
		dst = binary.LittleEndian.AppendUint32(dst, s)
	}
	return dst
}
