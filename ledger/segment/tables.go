package segment

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/event"
)

var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))
)

// tables are the codes of a segment, each table sorted and without repeats, so
// that the same rows always make the same file.
type tables struct {
	shapes  []Shape
	clients []Client
	agents  []string
	files   []string
	tokens  []uint64     // of sessions that are not the account's own
	blocks  []fileBlocks // per file
}

// fileBlocks predicts the block of a row from its time: blocks[i] holds rows
// from times[i] on, in a log written in order.
type fileBlocks struct {
	blocks []uint32
	times  []event.Millis
}

func compareShapes(a, b Shape) int {
	return cmp.Or(
		strings.Compare(a.Source, b.Source), strings.Compare(a.Route, b.Route), strings.Compare(a.Key, b.Key),
		strings.Compare(a.ActorType, b.ActorType), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.Position, b.Position), cmp.Compare(a.Edition, b.Edition), cmp.Compare(a.Flags, b.Flags),
	)
}

func compareClients(a, b Client) int {
	return cmp.Or(a.IP.Compare(b.IP), strings.Compare(a.Country, b.Country), strings.Compare(a.Network, b.Network))
}

// canonical sorts the entries of lists that are used, without repeats, and maps
// the index of each entry of each list to its code.
func canonical[T comparable](lists [][]T, used [][]bool, compare func(a, b T) int) (table []T, codes [][]uint32) {
	for i, l := range lists {
		for j, v := range l {
			if used == nil || used[i][j] {
				table = append(table, v)
			}
		}
	}
	slices.SortFunc(table, compare)
	table = slices.Compact(table)
	codes = make([][]uint32, len(lists))
	for i, l := range lists {
		codes[i] = make([]uint32, len(l))
		for j, v := range l {
			if used == nil || used[i][j] {
				k, _ := slices.BinarySearchFunc(table, v, compare)
				codes[i][j] = uint32(k)
			}
		}
	}
	return table, codes
}

// predict gives the place in f.blocks where a row of time t is expected.
func (f *fileBlocks) predict(t event.Millis) int {
	i := sort.Search(len(f.times), func(i int) bool { return f.times[i] > t })
	return max(0, i-1)
}

// blockTable makes the prediction for one file from the first time seen in each
// block.
func blockTable(first map[uint32]event.Millis) fileBlocks {
	var f fileBlocks
	for b := range first {
		f.blocks = append(f.blocks, b)
	}
	slices.Sort(f.blocks)
	f.times = make([]event.Millis, len(f.blocks))
	for i, b := range f.blocks {
		f.times[i] = first[b]
		if i > 0 { // so that it can be searched
			f.times[i] = max(f.times[i], f.times[i-1])
		}
	}
	return f
}

// encode gives the four tables: shapes with agents and files, clients, tokens,
// blocks.
func (t *tables) encode() [4][]byte {
	var out [4][]byte
	for i, b := range [][]byte{t.encodeNames(), t.encodeClients(), t.encodeTokens(), t.encodeBlocks()} {
		out[i] = encoder.EncodeAll(b, nil)
	}
	return out
}

func (t *tables) encodeNames() []byte {
	var b []byte
	str := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b = binary.AppendUvarint(b, uint64(len(t.shapes)))
	for _, s := range t.shapes {
		str(s.Source)
		str(s.Route)
		str(s.Key)
		str(s.ActorType)
		for _, v := range []uint64{uint64(s.Action), uint64(s.Status), uint64(s.Position), uint64(s.Edition), uint64(s.Flags)} {
			b = binary.AppendUvarint(b, v)
		}
	}
	for _, list := range [][]string{t.agents, t.files} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			str(s)
		}
	}
	// How many there are in the other tables, by which codes are checked.
	b = binary.AppendUvarint(b, uint64(len(t.clients)))
	return binary.AppendUvarint(b, uint64(len(t.tokens)))
}

func (t *tables) encodeClients() []byte {
	var b []byte
	str := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	// Countries and networks are few: a table of their own.
	places, codes := canonical([][]string{placesOf(t.clients)}, nil, strings.Compare)
	b = binary.AppendUvarint(b, uint64(len(places)))
	for _, p := range places {
		str(p)
	}
	b = binary.AppendUvarint(b, uint64(len(t.clients)))
	last4 := uint64(0)
	for i, c := range t.clients {
		b = binary.AppendUvarint(b, uint64(codes[0][2*i]))
		b = binary.AppendUvarint(b, uint64(codes[0][2*i+1]))
		switch {
		case !c.IP.IsValid():
			b = append(b, 0)
		case c.IP.Is4():
			a := c.IP.As4()
			v := uint64(binary.BigEndian.Uint32(a[:]))
			b = append(b, 4)
			b = binary.AppendUvarint(b, v-last4) // sorted, so never negative
			last4 = v
		default:
			a := c.IP.As16()
			b = append(b, 6)
			b = append(b, a[:]...)
		}
	}
	return b
}

func (t *tables) encodeTokens() []byte {
	b := make([]byte, 0, 8*len(t.tokens))
	for _, v := range t.tokens {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func (t *tables) encodeBlocks() []byte {
	var b []byte
	for _, f := range t.blocks {
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

func placesOf(cs []Client) []string {
	out := make([]string, 0, 2*len(cs))
	for _, c := range cs {
		out = append(out, c.Country, c.Network)
	}
	return out
}

func unzip(raw []byte, what string) ([]byte, error) {
	data, err := decoder.DecodeAll(raw, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", what, ErrCorrupt, err)
	}
	return data, nil
}

// names is what the first table holds.
type names struct {
	shapes          []Shape
	agents, files   []string
	clients, tokens int // how many
}

func decodeNames(raw []byte) (*names, error) {
	data, err := unzip(raw, "names")
	if err != nil {
		return nil, err
	}
	v := &varints{b: data}
	t := &names{}
	for range v.int(int64(len(data))) {
		s := Shape{Source: v.str(), Route: v.str(), Key: v.str(), ActorType: v.str()}
		s.Action, s.Status, s.Position = event.Action(v.int(255)), uint16(v.int(1<<16-1)), event.Position(v.int(255))
		s.Edition, s.Flags = uint32(v.int(1<<32-1)), Flags(v.int(1<<16-1))
		if v.bad {
			break
		}
		t.shapes = append(t.shapes, s)
	}
	for _, list := range []*[]string{&t.agents, &t.files} {
		for range v.int(int64(len(data))) {
			*list = append(*list, v.str())
			if v.bad {
				break
			}
		}
	}
	t.clients, t.tokens = v.int(MaxRows), v.int(MaxRows)
	return t, v.err("names")
}

func decodeClients(raw []byte, n int) ([]Client, error) {
	data, err := unzip(raw, "clients")
	if err != nil {
		return nil, err
	}
	v := &varints{b: data}
	var places []string
	for range v.int(int64(len(data))) {
		places = append(places, v.str())
		if v.bad {
			break
		}
	}
	var out []Client
	last4 := uint64(0)
	for range v.int(int64(len(data))) {
		country, network := v.int(int64(len(places))), v.int(int64(len(places)))
		kind := v.take(1)
		if v.bad || country >= len(places) || network >= len(places) {
			v.bad = true
			break
		}
		c := Client{Country: places[country], Network: places[network]}
		switch kind[0] {
		case 0:
		case 4:
			last4 += v.uint()
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], uint32(last4))
			c.IP = netip.AddrFrom4(a)
		case 6:
			a := v.take(16)
			if a != nil {
				c.IP = netip.AddrFrom16([16]byte(a))
			}
		default:
			v.bad = true
		}
		out = append(out, c)
	}
	if len(out) != n {
		v.bad = true
	}
	return out, v.err("clients")
}

func decodeTokens(raw []byte, n int) ([]uint64, error) {
	data, err := unzip(raw, "tokens")
	if err != nil {
		return nil, err
	}
	if len(data) != 8*n {
		return nil, fmt.Errorf("tokens end early: %w", ErrCorrupt)
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	return out, nil
}

func decodeBlocks(raw []byte, files int) ([]fileBlocks, error) {
	data, err := unzip(raw, "blocks")
	if err != nil {
		return nil, err
	}
	v := &varints{b: data}
	var out []fileBlocks
	for range files {
		var f fileBlocks
		lb, lt := uint32(0), event.Millis(0)
		for range v.int(int64(len(data))) {
			lb += uint32(v.uint())
			lt += event.Millis(unzigzag(v.uint()))
			if v.bad {
				break
			}
			f.blocks, f.times = append(f.blocks, lb), append(f.times, lt)
		}
		out = append(out, f)
	}
	return out, v.err("blocks")
}

func (i *Info) encode() ([]byte, error) {
	var b []byte
	for _, v := range []uint64{uint64(i.Rows), uint64(i.Primaries), zigzag(int64(i.MinTime)), zigzag(int64(i.MaxTime)), uint64(i.Malformed), uint64(len(i.Sources))} {
		b = binary.AppendUvarint(b, v)
	}
	names := make([]string, 0, len(i.Sources))
	for n := range i.Sources {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		s := i.Sources[n]
		b = append(binary.AppendUvarint(b, uint64(len(n))), n...)
		b = binary.AppendUvarint(b, uint64(s.Records))
		b = binary.AppendUvarint(b, zigzag(int64(s.MinTime)))
		b = binary.AppendUvarint(b, zigzag(int64(s.MaxTime)))
		s.Minutes.RunOptimize()
		m, err := s.Minutes.ToBytes()
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(len(m))), m...)
	}
	return encoder.EncodeAll(b, nil), nil
}

func decodeInfo(raw []byte) (Info, error) {
	var i Info
	data, err := decoder.DecodeAll(raw, nil)
	if err != nil {
		return i, fmt.Errorf("information: %w: %w", ErrCorrupt, err)
	}
	v := &varints{b: data}
	i.Rows, i.Primaries = int64(v.int(MaxRows)), int64(v.int(MaxRows))
	i.MinTime, i.MaxTime = event.Millis(unzigzag(v.uint())), event.Millis(unzigzag(v.uint()))
	i.Malformed = int64(v.int(MaxRows))
	i.Sources = map[string]*SourceInfo{}
	for range v.int(int64(len(data))) {
		name := v.str()
		s := &SourceInfo{Records: int64(v.int(MaxRows)), MinTime: event.Millis(unzigzag(v.uint())), MaxTime: event.Millis(unzigzag(v.uint()))}
		m := v.take(v.int(int64(len(v.b))))
		if v.bad {
			break
		}
		s.Minutes = roaring.New()
		if _, err := s.Minutes.FromBuffer(m); err != nil {
			return i, fmt.Errorf("information: minutes: %w", ErrCorrupt)
		}
		if err := s.Minutes.Validate(); err != nil && len(m) > 0 && !s.Minutes.IsEmpty() {
			return i, fmt.Errorf("information: minutes: %w", ErrCorrupt)
		}
		i.Sources[name] = s
	}
	return i, v.err("information")
}
