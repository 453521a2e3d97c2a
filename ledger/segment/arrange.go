package segment

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// load is the rows of one partition on their way into a file, in its codes, and
// the memory to arrange them. One worker uses it at a time.
type load struct {
	// The rows, as they came.
	shape, session, file, block []uint32
	record                      []uint64
	time                        []event.Millis
	rows                        []int32
	home                        []dictionary.Ref
	sessions                    []Session // may repeat; each is used

	// What arrange makes of them.
	order []uint32       // of the rows
	table []Session      // sorted by home, start, content; session points into it
	start []event.Millis // of each of table
	first []uint32       // of each of table: its home's first

	out   [4][]byte
	vals  []uint64
	times []event.Millis
	tally *tally

	// Scratch, each for the one use its name says.
	idx, tmp, key, united, place, rank []uint32
	starts                             []event.Millis
	begun                              []bool
}

// grow makes room for n more rows; who asks for it fills it.
func (l *load) grow(n int) (from int) {
	from = len(l.session)
	n += from
	l.session, l.shape, l.file, l.block, l.record = extend(l.session, n), extend(l.shape, n), extend(l.file, n), extend(l.block, n), extend(l.record, n)
	l.time, l.rows, l.home = extend(l.time, n), extend(l.rows, n), extend(l.home, n)
	return from
}

// extend keeps what is there.
func extend[T any](s []T, n int) []T { return slices.Grow(s, n-len(s))[:n] }

// cut keeps the first n rows.
func (l *load) cut(n int) {
	l.session, l.shape, l.file, l.block, l.record = l.session[:n], l.shape[:n], l.file[:n], l.block[:n], l.record[:n]
	l.time, l.rows, l.home = l.time[:n], l.rows[:n], l.home[:n]
}

func (l *load) reset() {
	l.cut(0)
	l.sessions = l.sessions[:0]
}

// arrange sorts sessions and rows into the order of the file. That order is
// total, so that the same rows always make the same file.
func (l *load) arrange() {
	united := l.uniteSessions()
	// A session begins with its first row.
	n := len(l.table)
	l.starts, l.begun = resize(l.starts, n), resize(l.begun, n)
	clear(l.begun)
	for i, s := range l.session {
		u := united[s]
		if t := l.time[i]; !l.begun[u] || t < l.starts[u] {
			l.begun[u], l.starts[u] = true, t
		}
	}
	at := l.orderSessions()
	l.first = resize(l.first, n)
	l.rank = resize(l.rank, n) // of a session's home
	homes, f := uint32(0), uint32(0)
	for i := range l.table {
		if i > 0 && l.table[i].Home != l.table[i-1].Home {
			homes++
			f = uint32(i)
		}
		l.first[i], l.rank[i] = f, homes
	}
	for i, s := range l.session {
		l.session[i] = at[united[s]]
	}
	l.orderRows(homes)
}

// uniteSessions fills table with the distinct sessions by home and content, and
// gives each session's place there.
func (l *load) uniteSessions() []uint32 {
	n := len(l.sessions)
	l.key = resize(l.key, n)
	for i := range l.sessions {
		l.key[i] = l.sessions[i].Home.Local()
	}
	idx := l.radix(l.identity(n), l.key, noLocal)
	for i := 0; i < n; {
		j := i + 1
		for j < n && l.key[idx[j]] == l.key[idx[i]] {
			j++
		}
		sortRun(idx[i:j], func(a, b uint32) int { return compareSessions(&l.sessions[a], &l.sessions[b]) })
		i = j
	}
	l.united = resize(l.united, n)
	l.table = l.table[:0]
	for i, k := range idx {
		s := &l.sessions[k]
		if i == 0 || !sameSession(s, &l.table[len(l.table)-1]) {
			l.table = append(l.table, *s)
		}
		l.united[k] = uint32(len(l.table) - 1)
	}
	return l.united
}

// orderSessions sorts each home's sessions by their start and gives the new
// place of each.
func (l *load) orderSessions() []uint32 {
	n := len(l.table)
	idx := l.identity(n)
	for i := 0; i < n; {
		j := i + 1
		for j < n && l.table[j].Home == l.table[i].Home {
			j++
		}
		sortRun(idx[i:j], func(a, b uint32) int {
			return cmp.Or(cmp.Compare(l.starts[a], l.starts[b]), cmp.Compare(a, b))
		})
		i = j
	}
	l.place = resize(l.place, n)
	l.start = resize(l.start, n)
	l.sessions = append(l.sessions[:0], l.table...) // not needed any more
	for i, k := range idx {
		l.place[k] = uint32(i)
		l.table[i], l.start[i] = l.sessions[k], l.starts[k]
	}
	return l.place
}

// orderRows sorts the rows by shape, home, time and, so that the order is
// total, everything else.
func (l *load) orderRows(ranks uint32) {
	n := len(l.session)
	l.key = resize(l.key, n)
	for i, s := range l.session {
		l.key[i] = l.rank[s]
	}
	order := l.radix(l.identity(n), l.key, ranks)
	top := uint32(0)
	for _, s := range l.shape {
		top = max(top, s)
	}
	order = l.radix(order, l.shape, top)
	for i := 0; i < n; {
		s, k := l.shape[order[i]], l.key[order[i]]
		j := i + 1
		for j < n && l.shape[order[j]] == s && l.key[order[j]] == k {
			j++
		}
		if j > i+1 {
			sortRun(order[i:j], l.compareRows)
		}
		i = j
	}
	l.order = order
}

func (l *load) compareRows(a, b uint32) int {
	if x, y := l.time[a], l.time[b]; x != y {
		if x < y {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(l.session[a], l.session[b]), cmp.Compare(l.record[a], l.record[b]), cmp.Compare(l.rows[a], l.rows[b]),
		cmp.Compare(l.file[a], l.file[b]), cmp.Compare(l.block[a], l.block[b]))
}

// compareSessions compares sessions of one home.
func compareSessions(a, b *Session) int {
	if a.Token != b.Token {
		if a.Token < b.Token {
			return -1
		}
		return 1
	}
	if c := cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Agent, b.Agent)); c != 0 {
		return c
	}
	if a.HasActor != b.HasActor {
		if a.HasActor {
			return 1
		}
		return -1
	}
	if !a.HasActor {
		return 0
	}
	return cmp.Compare(a.Actor, b.Actor)
}

func sameSession(a, b *Session) bool {
	return a.Home == b.Home && compareSessions(a, b) == 0
}

// sortRun sorts what is mostly one or two entries, or in order already.
func sortRun(s []uint32, compare func(a, b uint32) int) {
	if len(s) > 24 {
		if !slices.IsSortedFunc(s, compare) {
			slices.SortFunc(s, compare)
		}
		return
	}
	for i := 1; i < len(s); i++ {
		x := s[i]
		j := i
		for ; j > 0 && compare(s[j-1], x) > 0; j-- {
			s[j] = s[j-1]
		}
		s[j] = x
	}
}

func (l *load) identity(n int) []uint32 {
	l.idx = resize(l.idx, n)
	for i := range l.idx {
		l.idx[i] = uint32(i)
	}
	return l.idx
}

// radixBits: 2,048 counters stay in the nearest cache.
const radixBits = 11

// radix sorts idx by key, keeping the order of equals. top is at least the
// largest key. Both idx and the result are memory of l.
func (l *load) radix(idx, key []uint32, top uint32) []uint32 {
	if len(idx) <= 48 {
		for i := 1; i < len(idx); i++ {
			x := idx[i]
			j := i
			for ; j > 0 && key[idx[j-1]] > key[x]; j-- {
				idx[j] = idx[j-1]
			}
			idx[j] = x
		}
		return idx
	}
	l.idx, l.tmp = resize(l.idx, len(idx)), resize(l.tmp, len(idx))
	from, to := idx, l.tmp
	if &from[0] == &to[0] {
		to = l.idx
	}
	for shift := 0; shift < bits.Len32(top); shift += radixBits {
		var count [1 << radixBits]uint32
		for _, i := range from {
			count[key[i]>>shift&(1<<radixBits-1)]++
		}
		if count[key[from[0]]>>shift&(1<<radixBits-1)] == uint32(len(from)) {
			continue
		}
		sum := uint32(0)
		for k, c := range count {
			count[k] = sum
			sum += c
		}
		for _, i := range from {
			d := key[i] >> shift & (1<<radixBits - 1)
			to[count[d]] = i
			count[d]++
		}
		from, to = to, from
	}
	return from
}
