package scope_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/scope"
)

// madeView is a view without a ledger, for sizes that are made in the process.
type madeView struct {
	segments  []*segment.Reader
	catalog   *catalog.Catalog
	registers []*edition.Register
	holdings  []*edition.Holdings
}

func (v *madeView) Segments() []*segment.Reader { return v.segments }
func (v *madeView) Lookup(p pseudonym.Pseudonym) (dictionary.Ref, bool, error) {
	return dictionary.MakeRef(p[0], 1), true, nil
}
func (v *madeView) Pseudonym(r dictionary.Ref) (p pseudonym.Pseudonym, _ error) {
	p[0], p[1], p[2], p[3] = byte(r>>24), byte(r>>16), byte(r>>8), byte(r)
	return p, nil
}
func (v *madeView) Hasher() *pseudonym.Hasher      { return pseudonym.NewHasher([32]byte{1}) }
func (v *madeView) Catalog() *catalog.Catalog      { return v.catalog }
func (v *madeView) Registers() []*edition.Register { return v.registers }
func (v *madeView) Holdings() []*edition.Holdings  { return v.holdings }
func (v *madeView) Number() uint64                 { return 1 }
func (v *madeView) Count(int) uint32               { return 0 }
func (v *madeView) CatalogEdition(uint32) (*catalog.Catalog, error) {
	return v.catalog, nil
}
func (v *madeView) LookupPerson(pseudonym.Pseudonym) (dictionary.Ref, bool, error) {
	return 0, false, nil
}
func (v *madeView) RetainedFrom() event.Millis { return 0 }

func (v *madeView) SetAside() map[string]int64 { return nil }

func (v *madeView) BrokenFiles() map[string]int64 { return nil }

func (v *madeView) Gaps() []ledger.Gap { return nil }

func (v *madeView) LiveRules(uint32) ([]uint32, error) { return nil, ledger.ErrCorrupt }
func (v *madeView) LiveRule(uint32) (ledger.LiveRule, error) {
	return ledger.LiveRule{}, ledger.ErrCorrupt
}

// makeView makes rows: members on four pages, a tenth of them under one key
// whose tokens are used for a single page each.
func makeView(b *testing.B, rows, accounts, perSegment int) *madeView {
	b.Helper()
	text, err := os.ReadFile("../packs/catalogs/shop.yaml")
	if err != nil {
		b.Fatal(err)
	}
	v := &madeView{}
	if v.catalog, err = catalog.Parse("shop.yaml", text); err != nil {
		b.Fatal(err)
	}
	v.catalog.Edition = 1
	rnd := rand.New(rand.NewPCG(1, 2))
	ref := func(i int) dictionary.Ref { return dictionary.MakeRef(byte(i), uint32(i/dictionary.Partitions)) }
	routes := []string{"GET /my/profile", "GET /my/addresses", "GET /my/addresses/{n}/edit", "GET /my/orders"}
	start := event.MillisOf(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC))
	for done := 0; done < rows; done += perSegment {
		in := &segment.Input{Files: []string{"made"}, Agents: []string{"Shop/1", "Shop/2", "curl"}}
		for i := range 1000 {
			in.Clients = append(in.Clients, segment.Client{IP: netip.AddrFrom4([4]byte{45, byte(i >> 8), byte(i), 1}), Country: "KR"})
		}
		for k := range 2 {
			for _, r := range routes {
				for _, st := range []uint16{200, 401} {
					in.Shapes = append(in.Shapes, segment.Shape{
						Source: "gateway", Route: r, Key: []string{"sig-live", "sig-stolen"}[k], ActorType: event.Member, Action: event.ActionRead,
						Status: st, Position: event.PositionActor, Edition: 1,
						Flags: segment.Mapped | segment.Named | segment.Primary | segment.HomeIsActor,
					})
				}
			}
		}
		begin := start + event.Millis(float64(done)/float64(rows)*30*86_400_000)
		for len(in.Rows) < perSegment {
			home := ref(rnd.IntN(accounts))
			n, key := 6, 0
			if rnd.IntN(10) < 4 { // by visits; a tenth by rows
				n, key = 1, 1
			}
			in.Sessions = append(in.Sessions, segment.Session{
				Home: home, Actor: home, HasActor: true, Token: rnd.Uint64(), Client: uint32(rnd.IntN(1000)), Agent: uint32(rnd.IntN(3)),
			})
			at := begin + event.Millis(rnd.IntN(3_600_000))
			for range n {
				st := 0
				if rnd.IntN(20) == 0 {
					st = 1
				}
				at += event.Millis(rnd.IntN(60_000))
				in.Rows = append(in.Rows, segment.Row{
					Time: at, Home: home, Shape: uint32(key*8 + rnd.IntN(4)*2 + st), Session: uint32(len(in.Sessions) - 1), Rows: event.RowsUnknown,
				})
			}
		}
		var buf bytes.Buffer
		if _, err := segment.Write(&buf, in); err != nil {
			b.Fatal(err)
		}
		r, err := segment.Open(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
		if err != nil {
			b.Fatal(err)
		}
		v.segments = append(v.segments, r)
	}
	var reg bytes.Buffer
	err = edition.BuildRegister(&reg, "register", start, func(yield func(dictionary.Ref) bool) {
		for i := range accounts * 9 / 10 {
			if !yield(ref(i)) {
				return
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	r, err := edition.OpenRegister(bytes.NewReader(reg.Bytes()), int64(reg.Len()))
	if err != nil {
		b.Fatal(err)
	}
	v.registers = []*edition.Register{r}
	h := edition.NewHoldingsBuilder("holdings", start)
	for i := range accounts {
		items := []string{"name", "email", "phone", "address", "door_code", "orders"}[:3+rnd.IntN(4)]
		if err := h.Add(ref(i), ref(i), items, true); err != nil {
			b.Fatal(err)
		}
		if rnd.IntN(5) == 0 {
			if err := h.Add(ref(i), ref(accounts+rnd.IntN(accounts/4)), items[:2], false); err != nil {
				b.Fatal(err)
			}
		}
	}
	var hold bytes.Buffer
	if err := h.Write(&hold); err != nil {
		b.Fatal(err)
	}
	o, err := edition.OpenHoldings(bytes.NewReader(hold.Bytes()), int64(hold.Len()))
	if err != nil {
		b.Fatal(err)
	}
	v.holdings = []*edition.Holdings{o}
	return v
}

// benchRows is how many rows are made; HAETAE_BENCH_ROWS says another number.
func benchRows(b *testing.B) int {
	if s := os.Getenv("HAETAE_BENCH_ROWS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	return 2_000_000
}

// BenchmarkScope asks what a leak makes people ask, of rows that are in memory.
func BenchmarkScope(b *testing.B) {
	rows := benchRows(b)
	v := makeView(b, rows, rows/5, min(rows, 4_000_000))
	bare := &madeView{segments: v.segments, catalog: v.catalog}
	for _, q := range []struct {
		name string
		view *madeView
		q    scope.Query
	}{
		{"key/accounts", bare, scope.Query{Where: `credential.key == "sig-stolen"`}},
		{"key/people", v, scope.Query{Where: `credential.key == "sig-stolen"`}},
		{"everything/people", v, scope.Query{}},
		{"key/by_route", v, scope.Query{Where: `credential.key == "sig-stolen"`, By: "route"}},
		{"key/by_day", v, scope.Query{Where: `credential.key == "sig-stolen"`, By: "day"}},
		{"address", v, scope.Query{Where: `inCIDR(client.ip, "45.0.0.0/24")`}},
		{"hour", v, scope.Query{Where: `time.getHours("Asia/Seoul") == 3 && credential.key == "sig-stolen"`}},
		{"token/none", v, scope.Query{Where: `credential.token == "nobody's"`}},
		{"account", v, scope.Query{Where: `account == "m1"`}},
	} {
		b.Run(q.name, func(b *testing.B) {
			var n int64
			for b.Loop() {
				e, err := scope.Run(context.Background(), q.view, q.q)
				if err != nil {
					b.Fatal(err)
				}
				n = e.Records
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows)*1e3, "ps/row")
			b.ReportMetric(float64(n), "matched")
		})
	}
}

// BenchmarkSubject follows one account.
func BenchmarkSubject(b *testing.B) {
	rows := benchRows(b)
	v := makeView(b, rows, rows/5, min(rows, 4_000_000))
	for b.Loop() {
		if _, err := scope.Subject(context.Background(), v, "m1", scope.Query{}, 0); err != nil {
			b.Fatal(err)
		}
	}
}
