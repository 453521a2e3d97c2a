package segment

import (
	"encoding/binary"
	"fmt"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// The session table of a partition, column by column:
//
//	number of sessions (varint)
//	homes            packed, differences
//	first start      varint, above the segment's first time
//	form of starts   1
//	starts           packed
//	kinds            packed; see sessionKind
//	visitors         packed, codes into the segment's table
//	other actors     packed
//	clients          packed, of those that are not the last session's
//	agents           packed, likewise
//	tokens           8 each
//
// What a kind says is taken from elsewhere takes no place in a column.

// Forms of starts.
const (
	startPlain = 0 // above the first
	startStep  = 1 // difference to the one before, either way
	startRise  = 2 // difference to the one before, when none is negative
)

// A session's kind is 0 for a visitor, else what it says of the actor, the
// token and the place of access.
const (
	actorNone  = 0
	actorHome  = 1 // the account itself
	actorOther = 2

	tokenNone = 0
	tokenOwn  = 3     // stored with the session
	tokenLast = 2 * 3 // that of the home's session before

	placeOwn  = 0
	placeLast = 9

	kinds = 19
)

func (l *load) sessionKind(i int, codes *visitors) (kind uint64, code uint32) {
	s := &l.table[i]
	visits := s.visits()
	if visits {
		v := s.visitor()
		if c, ok := codes.code(&v); ok {
			return 0, c
		}
	}
	kind = 1
	switch {
	case !visits:
		kind += actorHome
	case s.HasActor:
		kind += actorOther
	}
	var last *Session
	if l.first[i] < uint32(i) {
		last = &l.table[i-1]
	}
	switch {
	case s.Token == 0:
	case last != nil && last.Token == s.Token:
		kind += tokenLast
	default:
		kind += tokenOwn
	}
	if last != nil && last.Client == s.Client && last.Agent == s.Agent {
		kind += placeLast
	}
	return kind, 0
}

// encodeSessions appends the session table.
func (l *load) encodeSessions(out []byte, codes *visitors, base event.Millis) []byte {
	n := len(l.table)
	out = binary.AppendUvarint(out, uint64(n))
	vals := l.vals[:0]
	last := uint32(0)
	for i := range l.table {
		h := l.table[i].Home.Local()
		vals = append(vals, uint64(h-last))
		last = h
	}
	out = pack(out, vals)
	out = l.encodeStarts(out, vals[:0], base)

	var others, clients, agents []uint64
	var visitors []uint64
	var tokens []byte
	vals = vals[:0]
	for i := range l.table {
		kind, code := l.sessionKind(i, codes)
		vals = append(vals, kind)
		if kind == 0 {
			visitors = append(visitors, uint64(code))
			continue
		}
		s := &l.table[i]
		kind--
		if kind%3 == actorOther {
			others = append(others, uint64(s.Actor))
		}
		if kind < placeLast {
			clients, agents = append(clients, uint64(s.Client)), append(agents, uint64(s.Agent))
		}
		if kind/3%3*3 == tokenOwn {
			tokens = binary.LittleEndian.AppendUint64(tokens, s.Token)
		}
	}
	l.vals = vals
	for _, column := range [][]uint64{vals, visitors, others, clients, agents} {
		out = pack(out, column)
	}
	return append(out, tokens...)
}

// encodeStarts stores when sessions began. Accounts that a walk touched one
// after the other begin one after the other, and then the difference to the one
// before is shorter than that to the first.
func (l *load) encodeStarts(out []byte, vals []uint64, base event.Millis) []byte {
	lo, before, rises := l.start[0], l.start[0], true
	for _, s := range l.start {
		lo = min(lo, s)
		rises = rises && s >= before
		before = s
	}
	out = binary.AppendUvarint(out, uint64(lo-base))
	at := len(out)
	out = append(out, startPlain)
	for _, s := range l.start {
		vals = append(vals, uint64(s-lo))
	}
	out = pack(out, vals)
	other := len(out)
	vals, before = vals[:0], lo
	for _, s := range l.start {
		if rises {
			vals = append(vals, uint64(s-before))
		} else {
			vals = append(vals, zigzag(int64(s-before)))
		}
		before = s
	}
	out = append(out, startStep)
	if rises {
		out[other] = startRise
	}
	if out = pack(out, vals); len(out)-other < other-at {
		return append(out[:at], out[other:]...)
	}
	return out[:other]
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

// sessionLimits are what a session's codes must be below.
type sessionLimits struct {
	part            int
	rows            int
	base            event.Millis
	clients, agents int
	visitors        func() ([]visitor, error) // asked for if there are any
}

func decodeSessions(raw []byte, lim sessionLimits) (*Sessions, error) {
	v := &varints{b: raw}
	n := v.int(int64(lim.rows))
	if v.bad || n == 0 {
		return nil, errPack
	}
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	s := &Sessions{
		Home: make([]uint32, n), Start: make([]event.Millis, n), Actor: make([]dictionary.Ref, n), HasActor: make([]bool, n),
		Token: make([]uint64, n), Client: make([]uint32, n), Agent: make([]uint32, n),
	}
	last := uint64(0)
	for i, d := range v.column(n, buf) {
		if last += d; d > noLocal || last > noLocal {
			return nil, errPack
		}
		s.Home[i] = uint32(last)
	}
	lo := lim.base + event.Millis(v.uint())
	form := v.take(1)
	if form == nil || form[0] > startRise {
		return nil, errPack
	}
	before := lo
	for i, d := range v.column(n, buf) {
		switch form[0] {
		case startPlain:
			s.Start[i] = lo + event.Millis(d)
			continue
		case startStep:
			before += event.Millis(unzigzag(d))
		case startRise:
			before += event.Millis(d)
		}
		s.Start[i] = before
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	return s, s.decodeWho(v, n, buf, lim)
}

// decodeWho decodes what follows homes and starts.
func (s *Sessions) decodeWho(v *varints, n int, buf *[]uint64, lim sessionLimits) error {
	kind := make([]uint8, n)
	var count [kinds]int
	for i, k := range v.column(n, buf) {
		if k >= kinds {
			return errPack
		}
		kind[i] = uint8(k)
		count[k]++
	}
	others, places, tokens := 0, 0, 0
	for k, c := range count[1:] {
		if k%3 == actorOther {
			others += c
		}
		if k < placeLast {
			places += c
		}
		if k/3%3*3 == tokenOwn {
			tokens += c
		}
	}
	// Each column is spread over the sessions it belongs to.
	spread := func(m int, limit uint64, on func(k uint8) bool, put func(i int, v uint64)) bool {
		col := v.column(m, buf)
		if len(col) != m {
			return false
		}
		j := 0
		for i, k := range kind {
			if on(k) {
				if col[j] >= limit {
					return false
				}
				put(i, col[j])
				j++
			}
		}
		return true
	}
	var list []visitor
	if count[0] > 0 {
		var err error
		if list, err = lim.visitors(); err != nil {
			return fmt.Errorf("visitors: %w", err)
		}
	}
	ok := true
	if count[0] > 0 {
		ok = spread(count[0], uint64(len(list)), func(k uint8) bool { return k == 0 }, func(i int, c uint64) {
			x := &list[c]
			s.Actor[i], s.HasActor[i], s.Token[i], s.Client[i], s.Agent[i] = x.actor, x.hasActor, x.token, x.client, x.agent
		})
	}
	if ok && others > 0 {
		ok = spread(others, 1<<32, func(k uint8) bool { return k > 0 && (k-1)%3 == actorOther }, func(i int, a uint64) {
			s.Actor[i], s.HasActor[i] = dictionary.Ref(a), true
		})
	}
	place := func(dst []uint32, limit int) bool {
		col := v.column(places, buf)
		if len(col) != places {
			return false
		}
		j := 0
		for i, k := range kind {
			if k-1 >= placeLast { // also of a visitor
				continue
			}
			if col[j] >= uint64(limit) {
				return false
			}
			dst[i] = uint32(col[j])
			j++
		}
		return true
	}
	if !ok || places > 0 && (!place(s.Client, lim.clients) || !place(s.Agent, lim.agents)) {
		return errPack
	}
	if v.bad || len(v.b) != 8*tokens {
		return errPack
	}
	raw := v.b
	for i, k := range kind {
		if k == 0 {
			continue
		}
		k--
		if k%3 == actorHome {
			s.Actor[i], s.HasActor[i] = dictionary.MakeRef(byte(lim.part), s.Home[i]), true
		}
		switch k / 3 % 3 * 3 {
		case tokenOwn:
			s.Token[i] = binary.LittleEndian.Uint64(raw)
			raw = raw[8:]
		case tokenLast:
			if i == 0 {
				return errPack
			}
			s.Token[i] = s.Token[i-1]
		}
		if k >= placeLast {
			if i == 0 {
				return errPack
			}
			s.Client[i], s.Agent[i] = s.Client[i-1], s.Agent[i-1]
		}
	}
	return nil
}
