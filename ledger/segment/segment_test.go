package segment

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// seed is drawn anew for each run; HAETAE_SEED repeats one.
func seed(t testing.TB) *rand.Rand {
	n := rand.Uint64()
	if s := os.Getenv("HAETAE_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with HAETAE_SEED=%d go test -run '^%s$' ./ledger/segment", n, t.Name())
		}
	})
	return rand.New(rand.NewPCG(n, 1))
}

// randomInput makes rows of every kind the format has a special case for.
func randomInput(rnd *rand.Rand, rows int) *Input {
	in := &Input{Agents: []string{"", "curl/8", "app"}, Files: []string{"live", "import 1", "import 2"}}
	nShapes := 1 + rnd.IntN(12)
	for range nShapes {
		in.Shapes = append(in.Shapes, Shape{
			Source: []string{"gateway", "db"}[rnd.IntN(2)], Route: "GET /" + strconv.Itoa(rnd.IntN(5)),
			Key: []string{"", "k1", "k2"}[rnd.IntN(3)], ActorType: []string{"member", "staff"}[rnd.IntN(2)],
			Action: event.Action(rnd.IntN(4)), Status: []uint16{0, 200, 404}[rnd.IntN(3)], Edition: uint32(rnd.IntN(3)),
			Flags: Flags(rnd.IntN(256)),
		})
		if sh := &in.Shapes[len(in.Shapes)-1]; rnd.IntN(3) == 0 {
			sh.Looked = 1 + uint32(rnd.IntN(3))
			sh.Marks = PackMarks([][]uint32{nil, {0}, {7}, {0, 7, 300}, {1<<32 - 1}}[rnd.IntN(5)])
		}
	}
	for range 1 + rnd.IntN(20) {
		c := Client{Country: []string{"", "KR", "US"}[rnd.IntN(3)]}
		switch rnd.IntN(3) {
		case 0:
			c.IP = netip.AddrFrom4([4]byte{byte(rnd.Uint32()), 1, 2, byte(rnd.Uint32())})
		case 1:
			c.IP = netip.AddrFrom16([16]byte{0x20, 1, byte(rnd.Uint32()), 15: byte(rnd.Uint32())})
		}
		in.Clients = append(in.Clients, c)
	}
	accounts := 1 + rnd.IntN(300)
	spread := []int64{1, 1000, 86_400_000, 30 * 86_400_000}[rnd.IntN(4)]
	parts := []int{1, 3, 256}[rnd.IntN(3)]
	for range rows {
		home := dictionary.MakeRef(byte(rnd.IntN(parts)), uint32(rnd.IntN(accounts)))
		if rnd.IntN(6) == 0 {
			home = dictionary.NoAccount(rnd.IntN(parts))
		}
		if len(in.Sessions) == 0 || rnd.IntN(3) > 0 {
			s := Session{Home: home, Client: uint32(rnd.IntN(len(in.Clients))), Agent: uint32(rnd.IntN(3))}
			switch rnd.IntN(3) {
			case 0:
				s.Actor, s.HasActor = home, true
			case 1:
				s.Actor, s.HasActor = dictionary.Ref(rnd.Uint32()), true
			}
			if rnd.IntN(2) == 0 {
				s.Token = uint64(rnd.IntN(50)) * 0x9E3779B97F4A7C15
			}
			in.Sessions = append(in.Sessions, s)
		}
		k := len(in.Sessions) - 1 - rnd.IntN(min(5, len(in.Sessions)))
		r := Row{
			Time: event.Millis(1_740_000_000_000 + rnd.Int64N(spread)), Home: in.Sessions[k].Home, Session: uint32(k),
			Shape: uint32(rnd.IntN(nShapes)), Rows: event.RowsUnknown, File: uint32(rnd.IntN(3)), Block: uint32(rnd.IntN(40)),
		}
		if rnd.IntN(50) == 0 {
			r.Time = event.Millis(rnd.Int64()>>rnd.IntN(20) - rnd.Int64()>>1)
		}
		if f := in.Shapes[r.Shape].Flags; f&HasRows != 0 {
			r.Rows = int32(rnd.IntN(1000))
			if f&Split != 0 {
				r.Record = rnd.Uint64()
			}
		} else if f&Split != 0 {
			r.Record = rnd.Uint64()
		}
		in.Rows = append(in.Rows, r)
	}
	return in
}

// flat is a row with every code replaced by what it stands for.
type flat struct {
	Time    event.Millis
	Home    dictionary.Ref
	Shape   Shape
	Session Session
	Client  Client
	Agent   string
	Rows    int32
	File    string
	Block   uint32
	Record  uint64
}

func flatten(in *Input) []flat {
	var out []flat
	for _, r := range in.Rows {
		s := in.Sessions[r.Session]
		f := flat{r.Time, r.Home, in.Shapes[r.Shape], s, in.Clients[s.Client], in.Agents[s.Agent], r.Rows, in.Files[r.File], r.Block, r.Record}
		f.Session.Client, f.Session.Agent = 0, 0
		out = append(out, f)
	}
	sortFlat(out)
	return out
}

func sortFlat(out []flat) {
	type keyed struct {
		key string
		flat
	}
	ks := make([]keyed, len(out))
	for i, f := range out {
		ks[i] = keyed{fmt.Sprint(f), f}
	}
	slices.SortFunc(ks, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	for i := range ks {
		out[i] = ks[i].flat
	}
}

func readBack(t testing.TB, r *Reader) []flat {
	t.Helper()
	var out []flat
	clients, err := r.Clients()
	if err != nil {
		t.Fatal(err)
	}
	agents, _ := r.Agents()
	files, _ := r.Files()
	shapes, _ := r.Shapes()
	for p := range dictionary.Partitions {
		err := eachGroup(r, p, func(ss *Sessions, g *Group, d *Details) {
			for i, s := range d.Session {
				home := dictionary.MakeRef(byte(p), ss.Home[s])
				out = append(out, flat{
					d.Time[i], home, shapes[g.Shape],
					Session{Home: home, Actor: ss.Actor[s], HasActor: ss.HasActor[s], Token: ss.Token[s]},
					clients[ss.Client[s]], agents[ss.Agent[s]], d.Rows[i], files[d.File[i]], d.Block[i], d.Record[i],
				})
				if d.Time[i] < g.MinTime || d.Time[i] > g.MaxTime {
					t.Errorf("row at %v outside its group's span %v..%v", d.Time[i], g.MinTime, g.MaxTime)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sortFlat(out)
	return out
}

func write(t testing.TB, in *Input) ([]byte, Info) {
	t.Helper()
	var buf bytes.Buffer
	info, err := Write(&buf, in)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), info
}

func reader(t testing.TB, b []byte) *Reader {
	t.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func diff(t *testing.T, got, want []flat) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows came back of %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("row %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

// TestReadBack: what is written is what is read, rows, tables and information.
func TestReadBack(t *testing.T) {
	rnd := seed(t)
	for _, n := range []int{0, 1, 2, 127, 128, 129, 3000} {
		for range 8 {
			in := randomInput(rnd, n)
			want := flatten(in)
			b, info := write(t, in)
			r := reader(t, b)
			diff(t, readBack(t, r), want)
			got, err := r.Info()
			if err != nil {
				t.Fatal(err)
			}
			if got.Zone != info.Zone || got.Rows != int64(n) {
				t.Fatalf("information %+v, written as %+v", got.Zone, info.Zone)
			}
			minutes := map[string]map[uint32]bool{}
			for _, f := range want {
				if f.Shape.Flags&Primary != 0 && f.Time >= 0 && f.Time/60000 < 1<<32 {
					if minutes[f.Shape.Source] == nil {
						minutes[f.Shape.Source] = map[uint32]bool{}
					}
					minutes[f.Shape.Source][uint32(f.Time/60000)] = true
				}
			}
			for s, m := range minutes {
				if int(got.Sources[s].Minutes.GetCardinality()) != len(m) {
					t.Fatalf("source %s: %d active minutes, want %d", s, got.Sources[s].Minutes.GetCardinality(), len(m))
				}
			}
		}
	}
}

// TestOneForm: the same rows make the same bytes, whatever their order.
func TestOneForm(t *testing.T) {
	rnd := seed(t)
	in := randomInput(rnd, 2000)
	again := *in
	again.Rows = slices.Clone(in.Rows)
	rnd.Shuffle(len(again.Rows), func(i, j int) { again.Rows[i], again.Rows[j] = again.Rows[j], again.Rows[i] })
	a, _ := write(t, in)
	b, _ := write(t, &again)
	if !bytes.Equal(a, b) {
		t.Fatal("another order of the rows made another file")
	}
}

// TestMerge: a merge holds what its inputs held; a filter leaves out one file.
func TestMerge(t *testing.T) {
	rnd := seed(t)
	for range 10 {
		var rs []*Reader
		var want, without []flat
		all := &Input{}
		for range 1 + rnd.IntN(5) {
			in := randomInput(rnd, rnd.IntN(800))
			rows := flatten(in)
			want = append(want, rows...)
			all.append(in)
			b, _ := write(t, in)
			rs = append(rs, reader(t, b))
		}
		for _, f := range want {
			if f.File != "import 1" {
				without = append(without, f)
			}
		}
		sortFlat(want)
		sortFlat(without)
		var buf bytes.Buffer
		if _, err := Merge(&buf, rs); err != nil {
			t.Fatal(err)
		}
		diff(t, readBack(t, reader(t, buf.Bytes())), want)
		if once, _ := write(t, all); !bytes.Equal(once, buf.Bytes()) {
			t.Fatal("a merge is not what writing all rows at once makes")
		}
		buf.Reset()
		info, err := Filter(&buf, rs, func(f string) bool { return f == "import 1" })
		if err != nil {
			t.Fatal(err)
		}
		r := reader(t, buf.Bytes())
		diff(t, readBack(t, r), without)
		if info.Rows != int64(len(without)) {
			t.Fatalf("filter says %d rows, want %d", info.Rows, len(without))
		}
		some := &Input{Shapes: all.Shapes, Clients: all.Clients, Agents: all.Agents, Files: all.Files, Sessions: all.Sessions}
		for _, row := range all.Rows {
			if all.Files[row.File] != "import 1" {
				some.Rows = append(some.Rows, row)
			}
		}
		if once, _ := write(t, some); !bytes.Equal(once, buf.Bytes()) {
			t.Fatal("a filter is not what writing the rows that are left makes")
		}
		if files, _ := r.Files(); slices.Contains(files, "import 1") {
			t.Fatal("the filtered file is still named")
		}
	}
}

// append adds the rows of other, with its tables behind those of in.
func (in *Input) append(other *Input) {
	shapes, clients, agents := uint32(len(in.Shapes)), uint32(len(in.Clients)), uint32(len(in.Agents))
	files, sessions := uint32(len(in.Files)), uint32(len(in.Sessions))
	in.Shapes, in.Clients, in.Agents = append(in.Shapes, other.Shapes...), append(in.Clients, other.Clients...), append(in.Agents, other.Agents...)
	in.Files = append(in.Files, other.Files...)
	for _, s := range other.Sessions {
		s.Client, s.Agent = s.Client+clients, s.Agent+agents
		in.Sessions = append(in.Sessions, s)
	}
	for _, r := range other.Rows {
		r.Shape, r.File, r.Session = r.Shape+shapes, r.File+files, r.Session+sessions
		in.Rows = append(in.Rows, r)
	}
}

// TestFindHome: what it finds is what a walk over all homes finds.
func TestFindHome(t *testing.T) {
	rnd := seed(t)
	b, _ := write(t, randomInput(rnd, 2000))
	r := reader(t, b)
	for p := range dictionary.Partitions {
		pt, err := r.Partition(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, local := range []uint32{0, 1, uint32(rnd.IntN(300)), noLocal} {
			found := map[int]int{}
			ranges, err := pt.FindHome(local)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range ranges {
				found[x.Group] = x.To - x.From
			}
			for g := range pt.Groups() {
				homes, err := pt.Homes(g, nil)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for _, h := range homes {
					if h == local {
						n++
					}
				}
				if found[g] != n {
					t.Fatalf("partition %d, group %d: %d rows of the account found, want %d", p, g, found[g], n)
				}
			}
		}
	}
}

// TestSide: a segment's partitions may be read side by side, and a Partition may be
// read into again and again.
func TestSide(t *testing.T) {
	var rs []*Reader
	for i := range uint64(2) {
		b, _ := write(t, traffic(rand.New(rand.NewPCG(3, i)), 100_000, 6, 1000))
		rs = append(rs, reader(t, b))
	}
	type group struct {
		Group
		Homes   []uint32
		Details Details
	}
	read := func(p *Partition) (out []group) {
		for g := range p.Groups() {
			at := group{Group: p.Groups()[g]}
			var err error
			if at.Homes, err = p.Homes(g, nil); err == nil {
				err = p.Details(g, at.Homes, &at.Details, true)
			}
			if err != nil {
				t.Error(err)
			}
			out = append(out, at)
		}
		return out
	}
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, w))
			var again Partition
			for range 2 * dictionary.Partitions {
				r, n := rs[rnd.IntN(len(rs))], rnd.IntN(dictionary.Partitions)
				fresh, err := r.Partition(n)
				if err == nil {
					err = again.Read(r, n)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if a, b := read(fresh), read(&again); !reflect.DeepEqual(a, b) {
					t.Errorf("partition %d: %d groups, read again %d of them or others", n, len(a), len(b))
				}
			}
		})
	}
	wg.Wait()
}

// TestForeignSession: a row of another account's session is refused, since the
// file could not say it.
func TestForeignSession(t *testing.T) {
	in := traffic(rand.New(rand.NewPCG(3, 3)), 100, 6, 1000)
	in.Rows[7].Home ^= 1
	if _, err := Write(io.Discard, in); !errors.Is(err, errHome) {
		t.Fatalf("a row with another home than its session: %v", err)
	}
}

// TestSame: rows that are all the same cost next to nothing, and still bytes
// enough for their number to be believed.
func TestSame(t *testing.T) {
	in := randomInput(seed(t), 1)
	for range 50_000 {
		in.Rows = append(in.Rows, in.Rows[0])
	}
	b, _ := write(t, in)
	if len(b) > 2048 {
		t.Errorf("%d equal rows take %d bytes", len(in.Rows), len(b))
	}
	diff(t, readBack(t, reader(t, b)), flatten(in))
}

// TestSmall: what a live flush of a few rows costs, and how often it is read.
func TestSmall(t *testing.T) {
	in := traffic(rand.New(rand.NewPCG(3, 3)), 300, 6, 1000)
	b, _ := write(t, in)
	t.Logf("%d rows: %d bytes", len(in.Rows), len(b))
	if len(b) > 12_000 {
		t.Errorf("%d rows take %d bytes", len(in.Rows), len(b))
	}
	c := &counting{Reader: bytes.NewReader(b)}
	r, err := Open(c, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := readAll(r); err != nil {
		t.Fatal(err)
	}
	if c.n != 1 {
		t.Errorf("%d reads of a small file, want 1", c.n)
	}
}

// TestManyShapes: groups of a row or two stay cheap and are not read one by one.
func TestManyShapes(t *testing.T) {
	in := traffic(rand.New(rand.NewPCG(3, 3)), 300_000, 6, 1000)
	base := in.Shapes[0]
	for k := range 100_000 {
		base.Key = "key " + strconv.Itoa(k)
		in.Shapes = append(in.Shapes, base)
	}
	for i := range in.Rows {
		in.Rows[i].Shape = uint32(4 + i%100_000)
	}
	b, _ := write(t, in)
	per := float64(len(b)) / float64(len(in.Rows))
	t.Logf("%.1f bytes a row in groups of one", per)
	if per > 24 {
		t.Errorf("%.1f bytes a row", per)
	}
	c := &counting{Reader: bytes.NewReader(b)}
	r, err := Open(c, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	c.n = 0
	if err := eachGroup(r, 3, func(*Sessions, *Group, *Details) {}); err != nil {
		t.Fatal(err)
	}
	if c.n > 10 {
		t.Errorf("%d reads for a partition of small groups", c.n)
	}
}

// counting counts reads.
type counting struct {
	*bytes.Reader
	n int
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	c.n++
	return c.Reader.ReadAt(b, at)
}

func TestPack(t *testing.T) {
	rnd := seed(t)
	for range 3000 {
		n := rnd.IntN(400)
		vs := make([]uint64, n)
		width := rnd.IntN(65)
		base := rnd.Uint64() >> rnd.IntN(64)
		for i := range vs {
			if width > 0 {
				vs[i] = rnd.Uint64() >> (64 - width)
			}
			if rnd.IntN(3) > 0 {
				vs[i] += base
			}
		}
		b := pack(nil, vs)
		got, rest, err := unpack(append(slices.Clone(b), 1, 2, 3), n, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, vs) || len(rest) != 3 {
			t.Fatalf("%d values of width %d do not come back", n, width)
		}
	}
}
