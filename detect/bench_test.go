package detect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
)

// wide has what packs/rules may not have at a time: rules of every kind, and rules
// that look at agent, address, hour, calendar and a list of accounts, so that they
// cannot be decided by the shape.
const wide = `
title: any read
name: w_read
logsource: {category: access, product: haetae}
detection: {s: {read: true}, condition: s}
---
title: staff reads
name: w_staff
logsource: {category: access, product: haetae}
detection: {s: {read: true, actor.type: staff}, condition: s}
---
title: staff at night
name: w_night
logsource: {category: access, product: haetae}
detection: {s: {read: true, actor.type: staff}, h: {time|hour|lt: 6}, condition: s and h}
---
title: staff on a holiday
name: w_holiday
logsource: {category: access, product: haetae}
detection: {s: {read: true, actor.type: staff, calendar: [holiday, weekend]}, condition: s}
---
title: staff from abroad
name: w_abroad
logsource: {category: access, product: haetae}
detection: {s: {read: true, actor.type: staff}, home: {client.ip|cidr: [10.0.0.0/8, 192.168.0.0/16]}, condition: s and not home}
---
title: staff look up somebody known
name: w_known
logsource: {category: access, product: haetae}
detection: {s: {read: true, actor.type: staff, account: [m1000001, m1000002, m1000003]}, condition: s}
---
title: a script
name: w_script
logsource: {category: access, product: haetae}
detection: {s: {read: true, client.agent|contains: [curl, python, Go-http-client]}, condition: s}
---
title: sign-in
name: w_issue
logsource: {category: access, product: haetae}
detection: {s: {action: sign_in}, condition: s}
---
title: failure
name: w_failure
logsource: {category: access, product: haetae}
detection: {s: {status|gte: 400}, condition: s}
---
title: night
name: w_c_night
correlation: {type: event_count, rules: [w_night], group-by: [actor.id], timespan: 6h, condition: {gte: 50}}
---
title: holiday
name: w_c_holiday
correlation: {type: value_count, rules: [w_holiday], group-by: [actor.id], timespan: 1d, condition: {gte: 100, field: account}}
---
title: abroad
name: w_c_abroad
correlation: {type: event_count, rules: [w_abroad], group-by: [actor.id], timespan: 1d, condition: {gte: 5}}
---
title: known
name: w_c_known
correlation: {type: event_count, rules: [w_known], group-by: [actor.id], timespan: 30d, condition: {gte: 5}}
---
title: script
name: w_c_script
correlation: {type: value_count, rules: [w_script], group-by: [client.subnet], timespan: 1h, condition: {gte: 50, field: account}}
---
title: many accounts from an address
name: w_c_address
correlation: {type: value_count, rules: [w_read], group-by: [client.ip], timespan: 1d, condition: {gte: 200, field: account}}
---
title: bulk
name: w_c_bulk
correlation: {type: value_count, rules: [w_staff], group-by: [actor.id], timespan: 1d, condition: {gte: 500, field: account}}
---
title: a key's new networks
name: w_c_new
correlation: {type: first_seen, rules: [w_read], group-by: [credential.key], memory: 60d, timespan: 1d, condition: {gte: 1000, field: client.subnet}}
---
title: a key that comes back
name: w_c_back
correlation: {type: dormant, rules: [w_read], group-by: [credential.key], idle: 30d, timespan: 1h, condition: {gte: 10}}
---
title: failures
name: w_c_ratio
correlation: {type: ratio, of: [w_failure], to: [w_read], group-by: [credential.key, route], timespan: 1h, condition: {gte: 2}, min: 100}
---
title: odd hour
name: w_c_odd
correlation: {type: deviation, rules: [w_read], group-by: [credential.key, route], history: 8w, timespan: 1h, condition: {gte: 6}}
---
title: dense
name: w_c_dense
correlation: {type: density, rules: [w_read], group-by: [credential.key], timespan: 1d, min: 200, condition: {gte: 0.6, field: account}}
---
title: unknown
name: w_c_unknown
correlation: {type: unknown, rules: [w_read], group-by: [credential.key], grace: 14d, timespan: 1d, condition: {gte: 20, field: actor.id}, share: 0.02}
`

// benchWorld is a shop of a million accounts.
type benchWorld struct {
	small
	catalog *catalog.Catalog
}

func (w *benchWorld) Catalog() *catalog.Catalog { return w.catalog }
func (w *benchWorld) Bucket(r dictionary.Ref) (uint64, []int, error) {
	return uint64(r)>>8 + 1, benchKnown, nil
}

var benchKnown = []int{1024}

func shopWorld(b testing.TB) *benchWorld {
	text, err := os.ReadFile("../packs/catalogs/shop.yaml")
	if err != nil {
		b.Fatal(err)
	}
	c, err := catalog.Parse("shop.yaml", text)
	if err != nil {
		b.Fatal(err)
	}
	return &benchWorld{small{hasher: pseudonym.NewHasher([32]byte{1})}, c}
}

// shippedRules is the whole pack.
func shippedRules(b testing.TB) []*rule.Document {
	names, err := filepath.Glob("../packs/rules/*.yaml")
	if err != nil || len(names) == 0 {
		b.Fatal("no rules: ", err)
	}
	var docs []*rule.Document
	for _, n := range names {
		if strings.HasSuffix(n, ".test.yaml") {
			continue
		}
		text, err := os.ReadFile(n)
		if err != nil {
			b.Fatal(err)
		}
		got, err := rule.Parse(filepath.Base(n), text)
		if err != nil {
			b.Fatal(err)
		}
		docs = append(docs, got...)
	}
	return docs
}

// benchTraffic is rows of an hour, in order of time: sign-ins and pages of members,
// pages of 300 staff, refused ones. Of an attack, every page has a token of its own
// and the accounts are walked through.
func benchTraffic(n int, attack bool, from event.Millis) (*Table, []Row) {
	rnd := rand.New(rand.NewPCG(3, 1))
	t := &Table{}
	for i := range 200 {
		t.Agents = append(t.Agents, fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0) Chrome/%d.0", i))
	}
	for range 50_000 {
		v := rnd.Uint32()
		t.Clients = append(t.Clients, segment.Client{IP: netip.AddrFrom4([4]byte{10, byte(v >> 16), byte(v >> 8), byte(v)})})
	}
	shape := func(route, key, actor string, a event.Action, status uint16, f segment.Flags) uint32 {
		t.Shapes = append(t.Shapes, segment.Shape{
			Source: "gateway", Route: route, Key: key, ActorType: actor, Action: a, Status: status,
			Position: event.PositionActor, Flags: f | segment.Mapped | segment.Primary | segment.Named,
		})
		return uint32(len(t.Shapes) - 1)
	}
	const keys = 10
	var login, staff [keys]uint32
	var page [keys][]uint32
	for k := range keys {
		key := fmt.Sprint("sig-", k)
		login[k] = shape("POST /auth/login", key, "member", event.ActionSignIn, 200, segment.HomeIsActor)
		for _, r := range []string{"GET /my/profile", "GET /my/addresses", "GET /my/orders", "GET /my/addresses/{n}/edit"} {
			for _, status := range []uint16{200, 200, 200, 404} {
				page[k] = append(page[k], shape(r, key, "member", event.ActionRead, status, segment.HomeIsActor))
			}
		}
		staff[k] = shape("GET /support/members/{member}", "staff-1", "staff", event.ActionRead, 200, 0)
	}
	const accounts = 1 << 20
	account := func(i int) dictionary.Ref { return dictionary.MakeRef(byte(i), uint32(i>>8%(accounts>>8))) }
	step := 3_600_000 / float64(n)
	at := float64(from)
	rows := make([]Row, 0, n)
	walk := 0
	for len(rows) < n {
		k := rnd.IntN(keys)
		r := Row{Client: uint32(rnd.IntN(len(t.Clients))), Agent: uint32(rnd.IntN(len(t.Agents))), Token: rnd.Uint64() | 1, Rows: event.RowsUnknown}
		put := func(shape uint32) {
			if len(rows) < n {
				at += step
				r.Time, r.Shape = event.Millis(at), shape
				rows = append(rows, r)
			}
		}
		switch {
		case rnd.IntN(40) == 0:
			r.Home, r.Actor, r.HasActor = account(rnd.IntN(accounts)), account(rnd.IntN(300)), true
			put(staff[k])
		case attack && rnd.IntN(10) > 0:
			walk++
			r.Home, r.HasActor = account(walk), true
			r.Actor, r.Client, r.Agent = r.Home, uint32(rnd.IntN(2000)), 0
			put(page[3][rnd.IntN(16)])
		default:
			r.Home, r.HasActor = account(rnd.IntN(accounts)), true
			r.Actor = r.Home
			put(login[k])
			for range 5 {
				put(page[k][rnd.IntN(16)])
			}
		}
	}
	return t, rows
}

// BenchmarkEngine is what a row costs: one core, the rows in memory, the watermark
// moved once in a second of their time as a live run would.
func BenchmarkEngine(b *testing.B) {
	shop := shopWorld(b)
	pack := shippedRules(b)
	for _, c := range []struct {
		name   string
		docs   []*rule.Document
		attack bool
	}{{"pack/ordinary", pack, false}, {"pack/attack", pack, true}, {"wide/ordinary", rules(b, wide), false}, {"wide/attack", rules(b, wide), true}} {
		b.Run(c.name, func(b *testing.B) {
			const span = event.Millis(3_600_000)
			begin := event.Millis(1_740_787_200_000)
			t, rows := benchTraffic(500_000, c.attack, begin)
			w := *shop
			w.registers = someRegister(b, begin)
			e, err := New(c.docs, &w, Options{Zone: time.UTC, Lateness: time.Minute, Calendar: holidays(b)})
			if err != nil {
				b.Fatal(err)
			}
			primary := func(s uint32) bool { return t.Shapes[s].Flags&segment.Primary != 0 }
			b.ReportAllocs()
			b.ResetTimer()
			var worked time.Duration
			for left := b.N; left > 0; {
				n, began := min(left, len(rows)), processorTime()
				for i := 0; i < n; {
					k := min(i+140, n) // a second
					if err := e.Observe(t, rows[i:k], primary); err != nil {
						b.Fatal(err)
					}
					if err := e.Advance(); err != nil {
						b.Fatal(err)
					}
					i = k
				}
				left -= n
				worked += processorTime() - began
				b.StopTimer()
				for i := range rows { // the next hour, by other tokens
					rows[i].Time += span
					rows[i].Token += 0x9E3779B97F4A7C15
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(worked.Nanoseconds())/float64(b.N), "processor-ns/row")
		})
	}
}

// processorTime is what the process has used, which other work on the machine changes
// less than the clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func holidays(b testing.TB) *Calendar {
	text, err := os.ReadFile("../packs/calendars/kr.yaml")
	if err != nil {
		b.Fatal(err)
	}
	c, err := ReadCalendar("kr.yaml", text, time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkHeld is the cost of a distinct value while 100,000 and a million values
// are held, in many groups: what the processor's caches do not hold costs more, what
// the window holds does not.
func BenchmarkHeld(b *testing.B) {
	docs := rules(b, `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: many accounts
name: many
correlation: {type: value_count, rules: [read], group-by: [client.ip], timespan: 1d, condition: {gte: 100000, field: account}}
`)
	for _, held := range []int{100_000, 1_000_000} {
		for _, per := range []int{10, 1000} {
			b.Run(fmt.Sprintf("%d values in groups of %d", held, per), func(b *testing.B) {
				e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{})
				if err != nil {
					b.Fatal(err)
				}
				c := e.correlations[0]
				at := event.Millis(1_740_787_200_000)
				e.began = at
				put := func(i int) {
					n := i % held
					at += event.Millis(86_400_000 / held / 4)
					e.count(c, tuple{uint64(n%(held/per)) + 1}, uint64(n)*0x9E3779B97F4A7C15, at, true)
				}
				for i := range held {
					put(i)
				}
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					put(held + i)
				}
			})
		}
	}
}

// TestGroupBytes keeps the memory of a group with one value small: ten million of
// them, the bound of a correlation, have to fit into 4 GiB.
func TestGroupBytes(t *testing.T) {
	const n = 200_000
	docs := rules(t, `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: many accounts
name: many
correlation: {type: value_count, rules: [read], group-by: [client.ip], timespan: 1d, condition: {gte: 100, field: account}}
`)
	e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	for i := range n {
		e.count(e.correlations[0], tuple{uint64(i) + 1}, uint64(i), 1_740_787_200_000, true)
	}
	each := (used() - before) / n
	t.Logf("%d bytes a group", each)
	if each > 4<<30/10_000_000 {
		t.Errorf("%d bytes a group: ten million of them do not fit into 4 GiB", each)
	}
	runtime.KeepAlive(e)
}
