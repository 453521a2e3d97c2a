package segment

import (
	"cmp"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// tables are the codes of a segment, each table sorted and without repeats, so
// that the same rows always make the same file.
type tables struct {
	shapes   []Shape
	clients  []Client
	agents   []string
	files    []string
	blocks   []fileBlocks // per file
	visitors *visitors
}

// compareShapes begins with what is asked for when it matters most, so that the
// groups of one source and signing key stand together and are read at once.
func compareShapes(a, b Shape) int {
	return cmp.Or(
		strings.Compare(a.Source, b.Source), strings.Compare(a.Key, b.Key), strings.Compare(a.Route, b.Route),
		strings.Compare(a.ActorType, b.ActorType), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.Position, b.Position), cmp.Compare(a.Edition, b.Edition), cmp.Compare(a.Flags, b.Flags),
		cmp.Compare(a.Looked, b.Looked), strings.Compare(a.Marks, b.Marks),
	)
}

func compareClients(a, b Client) int {
	return cmp.Or(a.IP.Compare(b.IP), strings.Compare(a.Country, b.Country), strings.Compare(a.Network, b.Network))
}

// keyOfShape: shapes are few.
func keyOfShape(*Shape) uint64 { return 0 }

// keyOfClient: none, then addresses of four bytes, then those of sixteen.
func keyOfClient(c *Client) uint64 {
	switch a := c.IP; {
	case !a.IsValid():
		return 0
	case a.Is4():
		b := a.As4()
		return 1<<62 | uint64(binary.BigEndian.Uint32(b[:]))
	default:
		b := a.As16()
		return 1<<63 | binary.BigEndian.Uint64(b[:])>>1
	}
}

// keyOfString is its first eight bytes.
func keyOfString(s *string) uint64 {
	if len(*s) >= 8 {
		return binary.BigEndian.Uint64([]byte((*s)[:8]))
	}
	var b [8]byte
	copy(b[:], *s)
	return binary.BigEndian.Uint64(b[:])
}

// used is a table of one of the segment's inputs: where on is nil all entries
// are in use.
type used[T any] struct {
	list []T
	on   []bool
}

func (u *used[T]) has(i int) bool { return u.on == nil || u.on[i] }

// canonical sorts the entries in use, without repeats, and maps the index of
// each entry of each input to its code. key is a number that comes in the order of
// compare, though equal for several: comparing that decides nearly always, without
// a look at the entries.
func canonical[T comparable](in []used[T], key func(*T) uint64, compare func(a, b T) int) (table []T, codes [][]uint32) {
	type entry struct {
		key      uint64
		list, at uint32
	}
	n := 0
	for i := range in {
		n += len(in[i].list)
	}
	all := make([]entry, 0, n)
	for i := range in {
		for j := range in[i].list {
			if in[i].has(j) {
				all = append(all, entry{key(&in[i].list[j]), uint32(i), uint32(j)})
			}
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		if a.key != b.key {
			if a.key < b.key {
				return -1
			}
			return 1
		}
		return compare(in[a.list].list[a.at], in[b.list].list[b.at])
	})
	codes = make([][]uint32, len(in))
	for i := range in {
		codes[i] = make([]uint32, len(in[i].list))
	}
	for _, e := range all {
		v := in[e.list].list[e.at]
		if len(table) == 0 || table[len(table)-1] != v {
			table = append(table, v)
		}
		codes[e.list][e.at] = uint32(len(table) - 1)
	}
	return table, codes
}

func encodeShapes(list []Shape) []byte {
	b := binary.AppendUvarint(nil, uint64(len(list)))
	var last Shape
	for _, s := range list {
		b = appendString(b, last.Source, s.Source)
		b = appendString(b, last.Route, s.Route)
		b = appendString(b, last.Key, s.Key)
		b = appendString(b, last.ActorType, s.ActorType)
		for _, v := range []uint64{uint64(s.Action), uint64(s.Status), uint64(s.Position), uint64(s.Edition), uint64(s.Flags) | s.lookedFlags()} {
			b = binary.AppendUvarint(b, v)
		}
		if s.Looked != 0 {
			b = binary.AppendUvarint(b, uint64(s.Looked))
		}
		if s.Marks != "" {
			b = appendString(b, last.Marks, s.Marks)
		}
		last = s
	}
	return b
}

func decodeShapes(raw []byte) ([]Shape, error) {
	v := &varints{b: raw}
	var list []Shape
	var last Shape
	for range v.int(int64(len(raw))) {
		s := Shape{Source: v.str(last.Source), Route: v.str(last.Route), Key: v.str(last.Key), ActorType: v.str(last.ActorType)}
		s.Action, s.Status, s.Position = event.Action(v.int(255)), uint16(v.int(1<<16-1)), event.Position(v.int(255))
		s.Edition = uint32(v.int(1<<32 - 1))
		flags := uint64(v.int(1<<16 - 1))
		s.Flags = Flags(flags &^ (flagLooked | flagMarked))
		if flags&flagLooked != 0 {
			s.Looked = uint32(v.int(1<<32 - 1))
		}
		if flags&flagMarked != 0 {
			s.Marks = v.str(last.Marks)
		}
		v.bad = v.bad || s.lookedFlags() != flags&(flagLooked|flagMarked) || !ValidMarks(s.Looked, s.Marks)
		if v.bad {
			break
		}
		list, last = append(list, s), s
	}
	return list, v.err()
}

// Kinds of address.
const (
	addressNone = 0
	address4    = 4
	address6    = 6
	// addressSame: that of the client before, which differs in what is said of it.
	addressSame = 1
)

func encodeClients(list []Client) []byte {
	// Countries and networks are few: a table of their own.
	places, codes := placesOf(list)
	b := encodeStrings(nil, places)
	b = binary.AppendUvarint(b, uint64(len(list)))
	last4 := uint64(0)
	for i, c := range list {
		b = binary.AppendUvarint(b, uint64(codes[c.Country]))
		b = binary.AppendUvarint(b, uint64(codes[c.Network]))
		switch {
		case !c.IP.IsValid():
			b = append(b, addressNone)
		case i > 0 && c.IP == list[i-1].IP:
			b = append(b, addressSame)
		case c.IP.Is4():
			a := c.IP.As4()
			v := uint64(binary.BigEndian.Uint32(a[:]))
			b = append(b, address4)
			b = binary.AppendUvarint(b, v-last4) // sorted, so never negative
			last4 = v
		default:
			a := c.IP.As16()
			b = append(b, address6)
			b = append(b, a[:]...)
		}
	}
	return b
}

// placesOf lists the countries and networks, sorted: a few thousand beside
// millions of addresses.
func placesOf(cs []Client) (places []string, codes map[string]int) {
	codes = map[string]int{}
	for i, c := range cs {
		if i == 0 || c.Country != cs[i-1].Country {
			codes[c.Country] = 0
		}
		if i == 0 || c.Network != cs[i-1].Network {
			codes[c.Network] = 0
		}
	}
	places = slices.Sorted(maps.Keys(codes))
	for i, p := range places {
		codes[p] = i
	}
	return places, codes
}

func decodeClients(raw []byte) ([]Client, error) {
	v := &varints{b: raw}
	places, err := decodeStrings(v)
	if err != nil {
		return nil, err
	}
	n := v.int(int64(len(v.b)) / 3)
	list := make([]Client, 0, n)
	last4 := uint64(0)
	for range n {
		country, network := v.int(int64(len(places))-1), v.int(int64(len(places))-1)
		kind := v.take(1)
		if v.bad {
			break
		}
		c := Client{Country: places[country], Network: places[network]}
		switch kind[0] {
		case addressNone:
		case addressSame:
			if len(list) == 0 {
				v.bad = true
				return nil, v.err()
			}
			c.IP = list[len(list)-1].IP
		case address4:
			last4 += v.uint()
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], uint32(last4))
			c.IP = netip.AddrFrom4(a)
		case address6:
			if a := v.take(16); a != nil {
				c.IP = netip.AddrFrom16([16]byte(a))
			}
		default:
			v.bad = true
		}
		list = append(list, c)
	}
	return list, v.err()
}

func encodeStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	last := ""
	for _, s := range list {
		b = appendString(b, last, s)
		last = s
	}
	return b
}

func decodeStrings(v *varints) ([]string, error) {
	n := v.int(int64(len(v.b)) / 2)
	list := make([]string, 0, n)
	last := ""
	for range n {
		last = v.str(last)
		list = append(list, last)
		if v.bad {
			break
		}
	}
	return list, v.err()
}

func encodeFiles(files []string, blocks []fileBlocks) []byte {
	b := encodeStrings(nil, files)
	for i := range blocks {
		f := &blocks[i]
		b = binary.AppendUvarint(b, uint64(len(f.blocks)))
		lb, lt := uint32(0), event.Millis(0)
		for i := range f.blocks {
			b = binary.AppendUvarint(b, uint64(f.blocks[i]-lb))
			b = binary.AppendUvarint(b, zigzag(int64(f.times[i]-lt)))
			lb, lt = f.blocks[i], f.times[i]
		}
	}
	return b
}

type filesTable struct {
	names  []string
	blocks []fileBlocks
}

func decodeFiles(raw []byte) (filesTable, error) {
	v := &varints{b: raw}
	var t filesTable
	var err error
	if t.names, err = decodeStrings(v); err != nil {
		return t, err
	}
	for range t.names {
		n := v.int(int64(len(v.b)) / 2)
		f := fileBlocks{blocks: make([]uint32, n), times: make([]event.Millis, n)}
		lb, lt := uint32(0), event.Millis(0)
		for i := range n {
			lb += uint32(v.uint())
			lt += event.Millis(unzigzag(v.uint()))
			f.blocks[i], f.times[i] = lb, lt
		}
		f.prepare()
		t.blocks = append(t.blocks, f)
	}
	return t, v.err()
}

// visitor is who reads accounts that are not their own, as a session says it:
// staff, a partner, a crawler. The same one comes to many accounts, in all
// partitions, and then stands once in the segment.
type visitor struct {
	token         uint64
	actor         dictionary.Ref
	client, agent uint32
	hasActor      bool
}

func compareVisitors(a, b visitor) int {
	if a.hasActor != b.hasActor {
		if a.hasActor {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.actor, b.actor), cmp.Compare(a.token, b.token), cmp.Compare(a.client, b.client), cmp.Compare(a.agent, b.agent))
}

// visits tells whether the session is that of somebody else than the account.
func (s *Session) visits() bool { return !s.HasActor || s.Actor != s.Home }

func (s *Session) visitor() visitor {
	v := visitor{token: s.Token, client: s.Client, agent: s.Agent, hasActor: s.HasActor}
	if s.HasActor {
		v.actor = s.Actor
	}
	return v
}

func (v *visitor) hash() uint64 {
	h := v.token ^ uint64(v.actor)<<32 ^ uint64(v.client)<<16 ^ uint64(v.agent)
	h = (h ^ h>>32) * 0x9E3779B97F4A7C15
	h ^= uint64(v.client) * 0xD6E8FEB86659FD93
	return (h ^ h>>29) * 0xBF58476D1CE4E5B9
}

// visitors is the table of those who come to more than one home.
type visitors struct {
	list  []visitor
	slots []uint32 // code + 1, open addressing; only while writing
}

func (t *visitors) code(v *visitor) (uint32, bool) {
	if len(t.list) == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := v.hash() >> 20 & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if k := t.slots[i] - 1; t.list[k] == *v {
			return k, true
		}
	}
	return 0, false
}

// findVisitors goes through all sessions twice. each calls its argument with
// every session in use, in the segment's codes, some perhaps repeatedly. The
// first time two bits a session find those whose visitor may have come before;
// only these are then looked at exactly.
func findVisitors(sessions int, each func(func(*Session)) error) (*visitors, error) {
	words := 1 << 4
	for words*64 < 8*sessions {
		words *= 2
	}
	once, again := make([]uint64, words), make([]uint64, words)
	place := func(h uint64) (int, uint64) { return int(h >> 6 & uint64(words-1)), 1 << (h & 63) }
	err := each(func(s *Session) {
		if s.visits() {
			v := s.visitor()
			w, bit := place(v.hash())
			again[w] |= once[w] & bit
			once[w] |= bit
		}
	})
	if err != nil {
		return nil, err
	}
	type seen struct {
		visitor
		home  dictionary.Ref
		homes bool // more than one
	}
	var list []seen
	slots := make([]uint32, 1<<8)
	err = each(func(s *Session) {
		if !s.visits() {
			return
		}
		v := s.visitor()
		h := v.hash()
		if w, bit := place(h); again[w]&bit == 0 {
			return
		}
		if len(list)*2 >= len(slots) {
			slots = make([]uint32, len(slots)*4)
			for k := range list {
				i := list[k].hash() >> 20 & uint64(len(slots)-1)
				for slots[i] != 0 {
					i = (i + 1) & uint64(len(slots)-1)
				}
				slots[i] = uint32(k) + 1
			}
		}
		mask := uint64(len(slots) - 1)
		i := h >> 20 & mask
		for ; slots[i] != 0; i = (i + 1) & mask {
			if e := &list[slots[i]-1]; e.visitor == v {
				e.homes = e.homes || e.home != s.Home
				return
			}
		}
		list = append(list, seen{visitor: v, home: s.Home})
		slots[i] = uint32(len(list))
	})
	if err != nil {
		return nil, err
	}
	t := &visitors{}
	for i := range list {
		if list[i].homes {
			t.list = append(t.list, list[i].visitor)
		}
	}
	slices.SortFunc(t.list, compareVisitors)
	t.slots = make([]uint32, max(2, 4<<bitsFor(len(t.list))))
	for k := range t.list {
		i := t.list[k].hash() >> 20 & uint64(len(t.slots)-1)
		for t.slots[i] != 0 {
			i = (i + 1) & uint64(len(t.slots)-1)
		}
		t.slots[i] = uint32(k) + 1
	}
	return t, nil
}

func encodeVisitors(list []visitor) []byte {
	b := binary.AppendUvarint(nil, uint64(len(list)))
	var last visitor
	for i, v := range list {
		kind := byte(0)
		if v.hasActor {
			kind |= 1
		}
		if i > 0 && v.token == last.token {
			kind |= 2
		}
		b = append(b, kind)
		if v.hasActor {
			b = binary.AppendUvarint(b, uint64(v.actor-last.actor)) // sorted
		}
		if kind&2 == 0 {
			b = binary.LittleEndian.AppendUint64(b, v.token)
		}
		b = binary.AppendUvarint(b, uint64(v.client))
		b = binary.AppendUvarint(b, uint64(v.agent))
		last = v
	}
	return b
}

func decodeVisitors(raw []byte, clients, agents int) ([]visitor, error) {
	v := &varints{b: raw}
	n := v.int(int64(len(raw)) / 3)
	list := make([]visitor, 0, n)
	var last visitor
	for i := range n {
		kind := v.take(1)
		if v.bad || kind[0] > 3 || i == 0 && kind[0]&2 != 0 {
			v.bad = true
			break
		}
		x := visitor{hasActor: kind[0]&1 != 0, token: last.token, actor: last.actor}
		if x.hasActor {
			x.actor += dictionary.Ref(v.int(1<<32 - 1))
		}
		if kind[0]&2 == 0 {
			if t := v.take(8); t != nil {
				x.token = binary.LittleEndian.Uint64(t)
			}
		}
		x.client, x.agent = uint32(v.int(int64(clients)-1)), uint32(v.int(int64(agents)-1))
		list, last = append(list, x), x
	}
	return list, v.err()
}
