package detect

import (
	"math/bits"
	"slices"

	"github.com/haetae/haetae/event"
)

// tuple is the values of a group's fields, as codes. Rules group by at most
// maxGroupBy fields.
type tuple [maxGroupBy]uint64

const maxGroupBy = 4

// group is what one correlation knows of one group. It belongs to the engine's
// goroutine. Most groups have one value in one cell, and need no memory beside
// themselves. What is looked at together lies together: a group is four lines of the
// processor's caches, of which a record without a new value touches two.
type group struct {
	key   tuple
	hash  uint32 // of key and part
	place uint32 // in the list of those to evaluate, and one more; 0 = not in it
	cells []cell // with records, ascending

	oneCell [1]cell
	total   int64 // records in cells
	found   *finding

	slots   []slot // values and the cells in which they occurred
	oneSlot [1]slot
	held    bool // it is one of groups
	open    bool // in the list of its correlation
	full    bool // values are no longer told apart; see MaxValues
	seen    bool // see groupMore.seenEnd

	edges    []edge // of distinct, ascending
	twoEdges [2]edge
	more     *groupMore
}

// groupMore is what few groups need.
type groupMore struct {
	part  uint64  // that tells it from groups of the same key: of density, the block
	index []int32 // of slots, by value
	// seenEnd: no window that ends with this cell or later reaches its number before
	// the finding says, if seen; see reachedAt.
	seenEnd int64
}

// extra gives more, and makes it if need be.
func (g *group) extra() *groupMore {
	if g.more == nil {
		g.more = &groupMore{}
	}
	return g.more
}

func (g *group) index() []int32 {
	if g.more == nil {
		return nil
	}
	return g.more.index
}

// cell is what happened to a group in one cell of the grid.
type cell struct {
	at       int64
	min, max event.Millis
	n        int64 // records (of ratio: of the second kind)
	of       int64 // of them, of the kind that ratio and unknown look for
	numbers  *numbers
}

// numbers is what the types that measure keep of a cell. The rest, which are many
// more, do without it.
type numbers struct {
	sum    float64
	values []float64 // of min, max, median and percentile

	times []event.Millis // where others count the correlation; see keepTime
}

// edge is a change of the number of distinct values in a window, by the cell in
// which the window ends.
type edge struct {
	at int64
	by int32
}

// slot is a value and one cell in which it occurred. Slots of the same value are
// chained by next, latest cell first.
type slot struct {
	value uint64
	at    int64
	first event.Millis // record with the value in the cell
	next  int32        // index+1 of the value's slot in an earlier cell
}

// cellAt finds or makes the cell.
func (g *group) cellAt(at int64) *cell {
	n := len(g.cells)
	if n > 0 && g.cells[n-1].at == at {
		return &g.cells[n-1]
	}
	fresh := cell{at: at, min: event.Millis(1) << 62, max: -(event.Millis(1) << 62)}
	if n == 0 || g.cells[n-1].at < at {
		g.cells = append(g.cells, fresh)
		return &g.cells[n]
	}
	i, found := slices.BinarySearchFunc(g.cells, at, func(c cell, at int64) int { return compare(c.at, at) })
	if !found {
		g.cells = slices.Insert(g.cells, i, fresh)
	}
	return &g.cells[i]
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// note counts a record in its cell.
func (g *group) note(at int64, t event.Millis) *cell { return g.noteRun(at, runOf(t)) }

// noteRun counts the records of a run in their cell.
func (g *group) noteRun(at int64, r run) *cell {
	c := g.cellAt(at)
	c.n += r.n
	c.min, c.max = min(c.min, r.first), max(c.max, r.last)
	g.total += r.n
	return c
}

const smallGroup = 8 // slots that are searched without an index

func mix(v uint64) uint64 {
	v ^= v >> 32
	v *= 0x9E3779B97F4A7C15
	return v ^ v>>29
}

// head finds the latest slot of a value: index+1, or 0, and where in the index a
// new one would stand.
func (g *group) head(v uint64) (int32, int) {
	index := g.index()
	if index == nil {
		latest := int32(0)
		for i := range g.slots {
			if s := &g.slots[i]; s.value == v && (latest == 0 || s.at > g.slots[latest-1].at) {
				latest = int32(i + 1)
			}
		}
		return latest, -1
	}
	mask := len(index) - 1
	for i := int(mix(v)) & mask; ; i = (i + 1) & mask {
		s := index[i]
		if s == 0 || g.slots[s-1].value == v {
			return s, i
		}
	}
}

// past reports whether nothing is left of a group before a horizon.
func (g *group) past(before int64) bool {
	n := len(g.cells)
	return n == 0 || g.cells[n-1].at < before
}

// compact drops the slots that are marked as gone. They are the earliest of their
// values, so that what is left are chains that end sooner.
func (g *group) compact() {
	moved := make([]int32, len(g.slots)+1)
	n := 0
	for j := range g.slots {
		if g.slots[j].next >= 0 {
			n++
			moved[j+1] = int32(n)
			g.slots[n-1] = g.slots[j]
		}
	}
	g.slots = g.slots[:n]
	for j := range g.slots {
		g.slots[j].next = moved[g.slots[j].next]
	}
	if g.index() != nil || n > smallGroup {
		g.reindex()
	}
}

func (g *group) reindex() {
	n := 1 << bits.Len(uint(2*len(g.slots)+1))
	index := g.index()
	if n <= len(index) {
		n = len(index)
		clear(index)
	} else {
		index = make([]int32, n)
		g.extra().index = index
	}
	behind := make([]bool, len(g.slots)+1)
	for i := range g.slots {
		behind[g.slots[i].next] = true
	}
	for i := range g.slots {
		if behind[i+1] {
			continue
		}
		at := int(mix(g.slots[i].value)) & (n - 1)
		for index[at] != 0 {
			at = (at + 1) & (n - 1)
		}
		index[at] = int32(i + 1)
	}
}

// add notes that a value occurred in a cell, at a moment, and updates the number
// of distinct values of all windows that the cell belongs to. It reports whether
// any changed.
func (g *group) add(v uint64, at int64, t event.Millis, width int64) bool {
	if n := len(g.slots); n > 0 && g.slots[n-1].value == v && g.slots[n-1].at == at {
		if p := &g.slots[n-1]; t < p.first {
			p.first = t
			g.earlier(t)
		}
		return false
	}
	head, place := g.head(v)
	var later, earlier int32 // the neighbours of the cell among the value's cells
	for s := head; s != 0; s = g.slots[s-1].next {
		p := &g.slots[s-1]
		if p.at == at {
			if t < p.first {
				p.first = t
				g.earlier(t)
			}
			return false
		}
		if p.at < at {
			earlier = s
			break
		}
		later = s
	}
	g.slots = append(g.slots, slot{v, at, t, earlier})
	g.earlier(t)
	mine := int32(len(g.slots))
	index := g.index()
	switch {
	case later != 0:
		g.slots[later-1].next = mine
	case index != nil:
		if place < 0 || index[place] != head {
			_, place = g.head(v)
		}
		index[place] = mine
	}
	if index == nil && len(g.slots) > smallGroup || index != nil && 2*len(g.slots) > len(index) {
		g.reindex()
	}
	// The windows that end in [at, at+width) now hold the value, less those that
	// held it already.
	from, to := at, at+width
	if earlier != 0 {
		from = max(from, g.slots[earlier-1].at+width)
	}
	if later != 0 {
		to = min(to, g.slots[later-1].at)
	}
	if from >= to {
		return false
	}
	g.edge(from, 1)
	g.edge(to, -1)
	return true
}

func (g *group) edge(at int64, by int32) {
	n := len(g.edges)
	if n == 0 || g.edges[n-1].at < at {
		g.edges = append(g.edges, edge{at, by})
		return
	}
	i, found := slices.BinarySearchFunc(g.edges, at, func(e edge, at int64) int { return compare(e.at, at) })
	if !found {
		g.edges = slices.Insert(g.edges, i, edge{at, by})
		return
	}
	if g.edges[i].by += by; g.edges[i].by == 0 {
		g.edges = slices.Delete(g.edges, i, i+1)
	}
}

// distinct gives, for each cell with records, the number of distinct values in the
// window that ends with it.
func (g *group) distinct(yield func(c *cell, n int64) bool) {
	n, e := int64(0), 0
	for i := range g.cells {
		c := &g.cells[i]
		for e < len(g.edges) && g.edges[e].at <= c.at {
			n += int64(g.edges[e].by)
			e++
		}
		if !yield(c, n) {
			return
		}
	}
}

// window gives, for each cell with records, the cells of the window that ends with
// it.
func (g *group) window(width int64, yield func(c *cell, in []cell) bool) {
	from := 0
	for i := range g.cells {
		for g.cells[from].at <= g.cells[i].at-width {
			from++
		}
		if !yield(&g.cells[i], g.cells[from:i+1]) {
			return
		}
	}
}

// expire forgets cells before a horizon. Windows that end before now are final;
// the changes of their numbers become one. It reports whether anything is left.
func (g *group) expire(before, now, width int64) bool {
	n := len(g.cells)
	if n == 0 || g.cells[0].at >= before {
		return n > 0
	}
	i := 0
	for i < len(g.cells) && g.cells[i].at < before {
		g.total -= g.cells[i].n
		i++
	}
	g.cells = slices.Delete(g.cells, 0, i)
	if len(g.slots) == 0 {
		return len(g.cells) > 0
	}
	sum, k := int32(0), 0
	for k < len(g.edges) && g.edges[k].at <= now {
		sum += g.edges[k].by
		k++
	}
	g.edges = slices.Delete(g.edges, 0, k)
	if sum != 0 {
		g.edges = slices.Insert(g.edges, 0, edge{now, sum})
	}
	// What an earlier cell of a value is asked for is where its windows ended. The
	// memory is kept: the group goes on.
	kept := 0
	for j := range g.slots {
		if g.slots[j].at <= now-width {
			g.slots[j].next = -1 // gone
			continue
		}
		kept++
	}
	switch {
	case kept == len(g.slots):
	case kept == 0:
		g.slots = g.slots[:0]
		clear(g.index())
	default:
		g.compact()
	}
	return len(g.cells) > 0
}

// earlier notes that a value occurred at a moment.
func (g *group) earlier(t event.Millis) {
	if g.found != nil && t < g.found.at {
		g.seen = false
	}
}

// reachedAt is nth for a window that fires. It looks only when the answer may be
// earlier than what the finding has: of the moments before that, a window holds no
// more than one that ends sooner and was looked at, unless one of them came since.
// Without this, each record of an attack would cost as much as the window holds.
func (g *group) reachedAt(n int, end, width int64) (at event.Millis, ok bool) {
	if g.found != nil && g.seen && end >= g.more.seenEnd {
		return g.found.at, true
	}
	at = g.nth(n, end, width)
	if at == 0 {
		return 0, false
	}
	if m := g.extra(); !g.seen || end < m.seenEnd {
		g.seen, m.seenEnd = true, end
	}
	return at, true
}

// nth gives the moment at which the n-th distinct value of the window that ends
// with a cell had occurred.
func (g *group) nth(n int, end, width int64) event.Millis {
	first := map[uint64]event.Millis{}
	for i := range g.slots {
		s := &g.slots[i]
		if s.at <= end && s.at > end-width {
			if t, ok := first[s.value]; !ok || s.first < t {
				first[s.value] = s.first
			}
		}
	}
	times := make([]event.Millis, 0, len(first))
	for _, t := range first {
		times = append(times, t)
	}
	slices.Sort(times)
	if n < 1 || n > len(times) {
		return 0
	}
	return times[n-1]
}
