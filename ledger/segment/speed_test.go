package segment

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// TestSize prints and bounds the bytes per row of kinds of traffic.
func TestSize(t *testing.T) {
	for _, k := range kindsOfTraffic {
		in := traffic(rand.New(rand.NewPCG(7, 7)), 400_000, k.perTok, k.addresses)
		b, _ := write(t, in)
		per := float64(len(b)) / float64(len(in.Rows))
		t.Logf("%s: %.2f bytes a row", k.name, per)
		if per > k.ceiling {
			t.Errorf("%s: %.2f bytes a row, more than %.1f", k.name, per, k.ceiling)
		}
	}
}

// kindsOfTraffic are what size and speed are measured over: the shape of the
// data decides both. The attack's token alone takes eight bytes.
var kindsOfTraffic = []struct {
	name      string
	perTok    int // rows
	addresses int
	ceiling   float64 // bytes a row
}{
	{"attack", 1, 60, 12},
	{"attack_from_2000_addresses", 1, 2000, 12.5},
	{"sessions", 6, 16_000, 7},
}

// traffic makes a day of rows: perTok pages for each token, four routes, and
// accounts at random among a million. With one page a token it is an attack as
// one was: 870,000 reads a day, one account after the other in the order in
// which they were first seen, one tool, a pool of addresses.
func traffic(rnd *rand.Rand, rows, perTok, clients int) *Input {
	in := &Input{Files: []string{"import 1"}}
	for _, route := range []string{"GET /my/addresses", "GET /my/profile", "GET /my/orders", "GET /my/addresses/{n}/edit"} {
		in.Shapes = append(in.Shapes, Shape{Source: "gateway", Route: route, Key: "sig-2024-09", ActorType: event.Member, Status: 200, Flags: Mapped | Named | Primary | HomeIsActor})
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
		jitter := int64(20_000)
		if perTok == 1 {
			start, jitter = int64(at)*86_400_000/870_000, 1
		}
		in.Sessions = append(in.Sessions, Session{Home: home, Actor: home, HasActor: true, Token: rnd.Uint64() | 1, Client: uint32(rnd.IntN(clients)), Agent: uint32(rnd.IntN(agents))})
		for i := range perTok {
			in.Rows = append(in.Rows, Row{
				Time: event.Millis(1_740_000_000_000 + start + int64(i)*30_000 + rnd.Int64N(jitter)), Home: home,
				Shape: uint32(rnd.IntN(4)), Session: uint32(len(in.Sessions) - 1), Rows: event.RowsUnknown,
				Block: uint32(at * 500 >> 20),
			})
			at++
		}
	}
	return in
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}

func BenchmarkWrite(b *testing.B) {
	for _, k := range kindsOfTraffic {
		b.Run(k.name, func(b *testing.B) {
			in := traffic(rand.New(rand.NewPCG(7, 7)), 1_000_000, k.perTok, k.addresses)
			for b.Loop() {
				if _, err := Write(io.Discard, in); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, len(in.Rows))
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, k := range kindsOfTraffic {
		b.Run(k.name, func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(7, 7))
			var rs []*Reader
			for range 8 {
				raw, _ := write(b, traffic(rnd, 100_000, k.perTok, k.addresses))
				rs = append(rs, reader(b, raw))
			}
			for b.Loop() {
				if _, err := Merge(io.Discard, rs); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, 800_000)
		})
	}
}

// BenchmarkOpen opens a segment and one partition, as the first question does.
func BenchmarkOpen(b *testing.B) {
	raw, _ := write(b, traffic(rand.New(rand.NewPCG(7, 7)), 1_000_000, 6, 16_000))
	for b.Loop() {
		if _, err := reader(b, raw).Partition(9); err != nil {
			b.Fatal(err)
		}
	}
}

func eachPartition(b *testing.B, r *Reader, fn func(pt *Partition) error) {
	for p := range dictionary.Partitions {
		pt, err := r.Partition(p)
		if err == nil {
			err = fn(pt)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHomes(b *testing.B) {
	for _, k := range kindsOfTraffic {
		b.Run(k.name, func(b *testing.B) {
			in := traffic(rand.New(rand.NewPCG(7, 7)), 4_000_000, k.perTok, k.addresses)
			raw, _ := write(b, in)
			r := reader(b, raw)
			var dst []uint32
			for b.Loop() {
				eachPartition(b, r, func(pt *Partition) (err error) {
					for g := range pt.Groups() {
						if dst, err = pt.Homes(g, dst); err != nil {
							return err
						}
					}
					return nil
				})
			}
			perRow(b, len(in.Rows))
		})
	}
}

// BenchmarkDetails reads all columns but the origin.
func BenchmarkDetails(b *testing.B) {
	for _, k := range kindsOfTraffic {
		b.Run(k.name, func(b *testing.B) {
			in := traffic(rand.New(rand.NewPCG(7, 7)), 2_000_000, k.perTok, k.addresses)
			raw, _ := write(b, in)
			r := reader(b, raw)
			var dst []uint32
			var d Details
			for b.Loop() {
				eachPartition(b, r, func(pt *Partition) (err error) {
					for g := range pt.Groups() {
						if dst, err = pt.Homes(g, dst); err != nil {
							return err
						}
						if err = pt.Details(g, dst, &d, false); err != nil {
							return err
						}
					}
					return nil
				})
			}
			perRow(b, len(in.Rows))
		})
	}
}
