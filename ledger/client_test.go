package ledger

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/segment"
)

// TestClientIndex: it finds what a map of clients finds, also of clients that
// differ in one part only, as it grows and after it was emptied.
func TestClientIndex(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func() segment.Client {
		var c segment.Client
		n := rnd.Uint32N(3000)
		switch rnd.IntN(4) {
		case 0:
			c.IP = netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
		case 1: // the same address, written as IPv6
			c.IP = netip.AddrFrom16(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n))).As16())
		case 2:
			c.IP = netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(n)<<32)))
		}
		if rnd.IntN(3) == 0 {
			c.Country, c.Network = "K"+strconv.Itoa(rnd.IntN(3)), strconv.Itoa(rnd.IntN(3))
		}
		return c
	}
	var x clientIndex
	for range 3 {
		want := map[segment.Client]uint32{}
		var list []segment.Client
		for range 20_000 {
			c := random()
			code, ok := x.find(list, &c)
			if w, known := want[c]; known != ok || ok && w != code {
				t.Fatalf("found %v at %d; in the map %v at %d", ok, code, known, w)
			}
			if !ok {
				want[c] = uint32(len(list))
				list = append(list, c)
				x.add(list)
			}
		}
		if 2*x.n > len(x.slots) || x.n != len(list) {
			t.Fatalf("%d entries of %d in %d slots", x.n, len(list), len(x.slots))
		}
		x.clear()
	}
}

// TestBatchRemembers: what a batch remembers of the record before changes nothing.
func TestBatchRemembers(t *testing.T) {
	h := pseudonym.NewHasher([32]byte{1})
	valid := func(id event.AccountID) bool { return id != "" && id[0] == 'm' }
	rnd := rand.New(rand.NewPCG(3, 4))
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	together := newBatch(h, valid)
	for range 2000 {
		r := event.Record{
			Source: pick("a", "b", ""), ID: event.RecordID(pick("", "1", "2")), Rows: event.RowsUnknown,
			Actor:      event.Actor{ID: event.ActorID(pick("", "m1", "m2", "x1")), Type: pick(event.Member, "staff", "")},
			Credential: event.Credential{Token: event.TokenID(pick("", "t1", "t2"))},
			Subjects:   []event.AccountID{event.AccountID(pick("m1", "m2", "x1", ""))}[:rnd.IntN(2)],
			Lifted:     event.AccountID(pick("", "m1", "m2")),
		}
		alone := newBatch(h, valid)
		alone.Add(&r)
		first := len(together.frags)
		together.Add(&r)
		if len(together.frags)-first != len(alone.frags) {
			t.Fatalf("%d rows instead of %d", len(together.frags)-first, len(alone.frags))
		}
		who := func(b *Batch, i int32) pseudonym.Pseudonym {
			if i == noIndex {
				return pseudonym.Pseudonym{}
			}
			return b.ids[i]
		}
		for i, f := range together.frags[first:] {
			g := alone.frags[i]
			if f.id != g.id || f.token != g.token || f.sketch != g.sketch || together.shapes[f.shape] != alone.shapes[g.shape] ||
				who(together, f.home) != who(alone, g.home) || who(together, f.actor) != who(alone, g.actor) {
				t.Fatal("a record among others became another row than alone")
			}
		}
		if rnd.IntN(100) == 0 {
			together.Reset()
		}
	}
}

func TestSortHashes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var spare []uint64
	for _, n := range []int{0, 1, 63, 64, 65, 1000, 100_000} {
		for _, shift := range []int{0, 8, 63} { // spread evenly, and not
			ids := make([]uint64, n)
			for i := range ids {
				ids[i] = rnd.Uint64() >> shift
			}
			want := slices.Clone(ids)
			slices.Sort(want)
			if spare = sortHashes(ids, spare); !slices.Equal(ids, want) {
				t.Errorf("%d numbers of %d bits are not sorted", n, 64-shift)
			}
		}
	}
}
