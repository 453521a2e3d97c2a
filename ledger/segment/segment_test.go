package segment

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
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
				r.Record = rnd.Uint32()
			}
		} else if f&Split != 0 {
			r.Record = rnd.Uint32()
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
	Record  uint32
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
	slices.SortFunc(out, func(a, b flat) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
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
		err := eachRow(r, p, func(pt *Partition, ss *Sessions, g *Group, d *Details, i int) {
			s := d.Session[i]
			home := dictionary.MakeRef(byte(p), ss.Home[s])
			out = append(out, flat{
				d.Time[i], home, shapes[g.Shape],
				Session{Home: home, Actor: ss.Actor[s], HasActor: ss.HasActor[s], Token: ss.Token[s]},
				clients[ss.Client[s]], agents[ss.Agent[s]], d.Rows[i], files[d.File[i]], d.Block[i], d.Record[i],
			})
			if d.Time[i] < g.MinTime || d.Time[i] > g.MaxTime {
				t.Errorf("row at %v outside its group's span %v..%v", d.Time[i], g.MinTime, g.MaxTime)
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

func open(t testing.TB, b []byte) *Reader {
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
			r := open(t, b)
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
		for range 1 + rnd.IntN(5) {
			in := randomInput(rnd, rnd.IntN(800))
			rows := flatten(in)
			want = append(want, rows...)
			b, _ := write(t, in)
			rs = append(rs, open(t, b))
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
		diff(t, readBack(t, open(t, buf.Bytes())), want)
		buf.Reset()
		info, err := Filter(&buf, rs, func(f string) bool { return f == "import 1" })
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, buf.Bytes())
		diff(t, readBack(t, r), without)
		if info.Rows != int64(len(without)) {
			t.Fatalf("filter says %d rows, want %d", info.Rows, len(without))
		}
		if files, _ := r.Files(); slices.Contains(files, "import 1") {
			t.Fatal("the filtered file is still named")
		}
	}
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

// FuzzOpen reads mutated segments: an error or rows, never a panic, and no
// allocation out of proportion to the file.
func FuzzOpen(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 60} {
		in := randomInput(rnd, n)
		var buf bytes.Buffer
		if _, err := Write(&buf, in); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		r.Info()
		r.Clients()
		if _, err := r.Shapes(); err != nil {
			return
		}
		for p := range dictionary.Partitions {
			eachRow(r, p, func(*Partition, *Sessions, *Group, *Details, int) {})
		}
	})
}

// TestDamage flips each byte of a small segment: reading it all must fail, or
// give the same rows (a byte nobody reads does not exist in this format).
func TestDamage(t *testing.T) {
	rnd := seed(t)
	b, _ := write(t, randomInput(rnd, 40))
	for i := range b {
		bad := slices.Clone(b)
		bad[i] ^= 1 << rnd.IntN(8)
		err := func() error {
			r, err := Open(bytes.NewReader(bad), int64(len(bad)))
			if err != nil {
				return err
			}
			if _, err := r.Info(); err != nil {
				return err
			}
			if _, err := r.Clients(); err != nil {
				return err
			}
			for p := range dictionary.Partitions {
				if err := eachRow(r, p, func(*Partition, *Sessions, *Group, *Details, int) {}); err != nil {
					return err
				}
			}
			return nil
		}()
		if err == nil {
			t.Fatalf("a flipped bit in byte %d of %d went unnoticed", i, len(b))
		}
	}
}

// TestSize prints and bounds the bytes per row of two shapes of traffic.
func TestSize(t *testing.T) {
	for _, c := range []struct {
		name    string
		perTok  int
		ceiling float64
	}{{"attack, one page a token", 1, 14}, {"ordinary sessions, six pages a token", 6, 8}} {
		rnd := rand.New(rand.NewPCG(7, 7))
		in := traffic(rnd, 400_000, c.perTok)
		b, _ := write(t, in)
		per := float64(len(b)) / float64(len(in.Rows))
		t.Logf("%s: %.2f bytes a row", c.name, per)
		if per > c.ceiling {
			t.Errorf("%s: %.2f bytes a row, more than %.0f", c.name, per, c.ceiling)
		}
	}
}

// traffic makes a day of rows: perTok pages for each token, four routes, and
// accounts at random among a million. With one page a token it is an attack as
// they were: one account after the other in the order of their numbers, one
// tool, a pool of addresses.
func traffic(rnd *rand.Rand, rows, perTok int) *Input {
	in := &Input{Files: []string{"import 1"}}
	for _, route := range []string{"GET /my/addresses", "GET /my/profile", "GET /my/orders", "GET /my/addresses/{n}/edit"} {
		in.Shapes = append(in.Shapes, Shape{Source: "gateway", Route: route, Key: "sig-2024-09", ActorType: event.Member, Status: 200, Flags: Mapped | Named | Primary | HomeIsActor})
	}
	clients := rows / perTok / 4
	if perTok == 1 {
		clients = 2000 // an attacker's pool of addresses
	}
	for range clients {
		in.Clients = append(in.Clients, Client{IP: netip.AddrFrom4([4]byte{byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())})})
	}
	for i := range 60 {
		in.Agents = append(in.Agents, "agent "+strconv.Itoa(i))
	}
	var next [dictionary.Partitions]uint32
	for at := 0; at < rows; {
		home := dictionary.Ref(rnd.Uint32()&0xff000000 | uint32(rnd.IntN(1_000_000/256)))
		agents := 60
		if perTok == 1 {
			home = dictionary.MakeRef(byte(home.Part()), next[home.Part()])
			next[home.Part()]++
			agents = 1
		}
		start := int64(at) * 86_400_000 / int64(rows)
		in.Sessions = append(in.Sessions, Session{Home: home, Actor: home, HasActor: true, Token: rnd.Uint64() | 1, Client: uint32(rnd.IntN(clients)), Agent: uint32(rnd.IntN(agents))})
		for i := range perTok {
			in.Rows = append(in.Rows, Row{
				Time: event.Millis(1_740_000_000_000 + start + int64(i)*30_000 + rnd.Int64N(20_000)), Home: home,
				Shape: uint32(rnd.IntN(4)), Session: uint32(len(in.Sessions) - 1), Rows: event.RowsUnknown,
				Block: uint32(at * 500 >> 20),
			})
			at++
		}
	}
	return in
}

func BenchmarkWrite(b *testing.B) {
	rnd := rand.New(rand.NewPCG(7, 7))
	in := traffic(rnd, 1_000_000, 6)
	rows := slices.Clone(in.Rows)
	for b.Loop() {
		in.Rows = slices.Clone(rows)
		var buf bytes.Buffer
		if _, err := Write(&buf, in); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(buf.Len()))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}

func BenchmarkHomes(b *testing.B) {
	rnd := rand.New(rand.NewPCG(7, 7))
	in := traffic(rnd, 4_000_000, 1)
	raw, _ := write(b, in)
	r := open(b, raw)
	var dst []uint32
	n := 0
	for b.Loop() {
		for p := range dictionary.Partitions {
			pt, err := r.Partition(p)
			if err != nil {
				b.Fatal(err)
			}
			for g := range pt.Groups() {
				if dst, err = pt.Homes(g, dst); err != nil {
					b.Fatal(err)
				}
				n += len(dst)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
}
