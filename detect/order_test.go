package detect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
)

// everyKind has a rule of each kind that the engine runs.
const everyKind = `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: an issue
name: issue
logsource: {category: access, product: haetae}
detection: {s: {action: issue}, condition: s}
---
title: a failure
name: failure
logsource: {category: access, product: haetae}
detection: {s: {status|gte: 400}, condition: s}
---
title: many
name: many
correlation: {type: event_count, rules: [read], group-by: [actor.id], timespan: 2h, condition: {gte: 4}}
---
title: few
name: few
correlation: {type: event_count, rules: [read], group-by: [credential.key], timespan: 30m, condition: {lte: 3}}
---
title: values
name: values
correlation: {type: value_count, rules: [read], group-by: [credential.key], timespan: 2h, condition: {gte: 6, field: client.ip}}
haetae:
  severity:
    - {level: high, when: {gte: 9}}
---
title: sum
name: sum
correlation: {type: value_sum, rules: [read], group-by: [actor.id], timespan: 1h, condition: {gte: 30, field: rows}}
---
title: median
name: median
correlation: {type: value_median, rules: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 6, field: rows}, min: 4}
---
title: together
name: together
correlation: {type: temporal, rules: [issue, failure], group-by: [actor.id], timespan: 20m}
---
title: in order
name: in_order
correlation: {type: temporal_ordered, rules: [failure, issue, read], group-by: [actor.id], timespan: 20m}
---
title: new
name: new
correlation: {type: first_seen, rules: [read], group-by: [credential.key], memory: 5h, timespan: 2h, condition: {gte: 3, field: client.ip}}
---
title: much from what is new
name: new_much
correlation: {type: first_seen, rules: [read], group-by: [credential.key], memory: 5h, timespan: 2h, min: 4, condition: {gte: 2, field: client.ip}}
---
title: accounts without a reason
name: reasonless
correlation: {type: absent, rules: [failure], issued: [read], group-by: [credential.key], within: 2h, cadence: 90m, timespan: 3h, condition: {gte: 3, field: account}}
---
title: back
name: back
correlation: {type: dormant, rules: [read], group-by: [actor.id], idle: 3h, timespan: 1h, condition: {gte: 2}}
---
title: absent
name: absent
correlation: {type: absent, rules: [read], issued: [issue], group-by: [credential.key], within: 6h, cadence: 90m, timespan: 3h, condition: {gte: 4, field: credential.token}}
---
title: ratio
name: ratio
correlation: {type: ratio, of: [failure], to: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 0.6}, min: 5}
---
title: unknown
name: unknown
correlation: {type: unknown, rules: [read], group-by: [credential.key], grace: 9d, timespan: 4h, condition: {gte: 3, field: actor.id}, share: 0.2}
---
title: odd hour
name: odd
correlation: {type: deviation, rules: [read], group-by: [credential.key], history: 8w, timespan: 1h, condition: {gte: 2}}
---
title: seen in the line
name: seen
logsource: {category: access, product: haetae}
detection: {s: {cs-uri-query|contains: x}, condition: s}
---
title: marked
name: marked
correlation: {type: value_count, rules: [seen], group-by: [credential.key], timespan: 2h, condition: {gte: 3, field: client.ip}}
---
title: read and not marked
name: unmarked
correlation: {type: event_count, rules: [read], exclude: [seen], group-by: [actor.id], timespan: 2h, condition: {gte: 4}}
---
title: dense
name: dense
correlation: {type: density, rules: [read], group-by: [credential.key], timespan: 5h, condition: {gte: 0.22, field: account}}
---
title: without
name: without
correlation: {type: temporal, rules: [failure, issue], group-by: [actor.id], timespan: 20m, condition: failure and not issue}
---
title: at most one of two
name: at_most_one
correlation: {type: temporal, rules: [failure, issue], group-by: [actor.id], timespan: 5m, condition: {lte: 1}}
---
title: failures of one actor under a key
name: failures
correlation: {type: event_count, rules: [failure], group-by: [credential.key, actor.id], timespan: 1h, condition: {gte: 2}}
---
title: places of one actor
name: places
correlation: {type: value_count, rules: [read], group-by: [actor.id], timespan: 90m, condition: {gte: 3, field: client.ip}}
---
title: failures and then places
name: chain_order
correlation: {type: temporal_ordered, rules: [failures, places], group-by: [actor.id], timespan: 1h, generate: true}
---
title: actors with failures
name: chain_values
correlation: {type: value_count, rules: [failures], group-by: [credential.key], timespan: 3h, condition: {gte: 4, field: actor.id}, generate: true}
---
title: three times
name: chain_count
correlation: {type: event_count, rules: [places], group-by: [actor.id], timespan: 8h, condition: {gte: 2}}
---
title: a chain of a chain
name: chain_chain
correlation: {type: temporal, rules: [chain_count, chain_order, issue], group-by: [actor.id], timespan: 4h, condition: {gte: 2}}
---
title: a walk of one actor
name: inner_dense
correlation: {type: density, rules: [read], group-by: [credential.key], timespan: 5h, condition: {gte: 0.2, field: account}}
---
title: new places
name: inner_new
correlation: {type: first_seen, rules: [read], group-by: [credential.key], memory: 5h, timespan: 2h, min: 3, condition: {gte: 2, field: client.ip}}
---
title: not issued
name: inner_absent
correlation: {type: absent, rules: [read], issued: [issue], group-by: [credential.key], within: 6h, cadence: 90m, timespan: 1h, condition: {gte: 2, field: credential.token}}
---
title: odd hours
name: inner_odd
correlation: {type: deviation, rules: [read], group-by: [credential.key], history: 8w, timespan: 1h, condition: {gte: 1.5}}
---
title: of several kinds
name: chain_kinds
correlation: {type: temporal, rules: [inner_dense, inner_new, inner_absent, inner_odd], group-by: [credential.key], timespan: 6h, condition: {gte: 2}}
---
title: dense again and again
name: chain_dense
correlation: {type: event_count, rules: [inner_dense, inner_odd], group-by: [credential.key], timespan: 3d, condition: {gte: 3}}
---
title: first time
name: chain_new
correlation: {type: first_seen, rules: [failures], group-by: [credential.key], memory: 10h, timespan: 2h, condition: {gte: 2, field: actor.id}, generate: true}
`

// silentKinds are the correlations of everyKind that only others count.
var silentKinds = map[string]bool{"places": true, "chain_count": true, "chain_order": true, "inner_dense": true, "inner_new": true, "inner_absent": true, "inner_odd": true}

// small is a world of a few accounts, half of them in the register.
type small struct {
	hasher    *pseudonym.Hasher
	registers []*edition.Register
}

func (w *small) Catalog() *catalog.Catalog      { return nil }
func (w *small) Registers() []*edition.Register { return w.registers }
func (w *small) Hasher() *pseudonym.Hasher      { return w.hasher }
func (w *small) Pseudonym(r dictionary.Ref) (pseudonym.Pseudonym, error) {
	return pseudonym.Pseudonym{byte(r.Part()), byte(r.Local())}, nil
}
func (w *small) Bucket(r dictionary.Ref) (uint64, []int, error) {
	return uint64(r.Part() + 1), []int{40, 45}[:max(1, len(w.registers))], nil
}

func rules(t testing.TB, text string) []*rule.Document {
	t.Helper()
	docs, err := rule.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// history makes rows of some days, in order of time.
func someHistory(rnd *rand.Rand, days int) (*Table, []Row) {
	t := &Table{Agents: []string{"a"}}
	for i := range 30 {
		t.Clients = append(t.Clients, segment.Client{IP: netip.AddrFrom4([4]byte{10, 0, byte(i), 1})})
	}
	for k := range 3 {
		for _, a := range []event.Action{event.ActionRead, event.ActionIssue} {
			for _, status := range []uint16{200, 404} {
				t.Shapes = append(t.Shapes, segment.Shape{Source: "s", Route: "GET /x", Key: fmt.Sprint("k", k), ActorType: "member", Action: a, Status: status, Flags: segment.Primary | segment.HasRows | segment.Named})
				sh := &t.Shapes[len(t.Shapes)-1]
				switch len(t.Shapes) % 3 {
				case 0:
					sh.Looked = 1 // by the rule, and it did not match
				case 1:
					sh.Looked, sh.Marks = 1, segment.PackMarks([]uint32{0})
				}
			}
		}
	}
	var rows []Row
	at := event.Millis(1_700_000_000_000)
	end := at + event.Millis(days)*86_400_000
	for at < end {
		switch rnd.IntN(40) {
		case 0:
			at += rnd64(rnd, 5*3_600_000) // a pause
		case 1, 2, 3, 4:
			at += rnd64(rnd, 600_000)
		default:
			at += rnd64(rnd, 120_000)
		}
		who := dictionary.MakeRef(byte(rnd.IntN(2)), uint32(rnd.IntN(20)))
		rows = append(rows, Row{
			Time: at, Shape: uint32(rnd.IntN(len(t.Shapes))), Client: uint32(rnd.IntN(1 + rnd.IntN(len(t.Clients)))), Home: who, Actor: who, HasActor: rnd.IntN(10) > 0,
			Token: uint64(rnd.IntN(400)), Rows: int32(rnd.IntN(12)),
		})
	}
	return t, rows
}

func rnd64(rnd *rand.Rand, n int64) event.Millis { return event.Millis(rnd.Int64N(n)) }

func report(t testing.TB, e *Engine) string {
	t.Helper()
	if err := e.Finish(); err != nil {
		t.Fatal(err)
	}
	rep, err := e.Report(context.Background(), nil)
	slices.SortFunc(rep.Signals, func(a, b Signal) int { return strings.Compare(a.Rule+a.ID, b.Rule+b.ID) })
	if err != nil {
		t.Fatal(err)
	}
	if rep.Late != 0 {
		t.Fatalf("%d records were late", rep.Late)
	}
	var b []byte
	for _, s := range rep.Signals {
		line, _ := json.Marshal(s)
		b = append(append(b, line...), '\n')
	}
	line, err := json.MarshalIndent(rep, "", " ")
	b = append(b, line...)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOrder: what a run over history finds, a live run finds as well, whatever the
// order in which records come within the lateness, however many come at a time, and
// whenever the watermark is moved.
func TestOrder(t *testing.T) {
	rnd := seed(t)
	docs := rules(t, everyKind)
	fired := map[string]int{}
	for world := range 12 {
		days := 1 + rnd.IntN(32)
		if world < 2 {
			days = 45 // so that there are hours of the week to compare with
		}
		table, rows := someHistory(rnd, days)
		w := &small{hasher: pseudonym.NewHasher([32]byte{1})}
		w.registers = someRegister(t, rows[0].Time)
		lateness := time.Duration(1+rnd.IntN(90)) * time.Minute
		primary := func(uint32) bool { return true }
		fresh := func() *Engine {
			e, err := New(docs, w, Options{Lateness: lateness, MaxValues: 50})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		// History: in order, the watermark moved once a day.
		again := func() *Table { return &Table{Shapes: table.Shapes, Clients: table.Clients, Agents: table.Agents} }
		back, mine := fresh(), again()
		for i, day := 0, event.Millis(0); i < len(rows); i++ {
			if err := back.Observe(mine, rows[i:i+1], primary); err != nil {
				t.Fatal(err)
			}
			if d := rows[i].Time / 86_400_000; d != day {
				day = d
				if err := back.Advance(); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := report(t, back)
		var rep Report
		if err := json.Unmarshal([]byte(want[strings.Index(want, "\n{\n")+1:]), &rep); err != nil {
			t.Fatal(err)
		}
		for _, s := range rep.Signals {
			fired[s.Rule]++
		}
		unseen := int64(0)
		for _, r := range rows {
			if table.Shapes[r.Shape].Looked == 0 {
				unseen++
			}
		}
		if len(rep.LiveOnly) != 1 || rep.LiveOnly[0].Records != unseen {
			t.Fatalf("%+v, and %d records were never looked at", rep.LiveOnly, unseen)
		}
		for range 3 {
			// Live: each record comes up to the lateness after its time.
			shuffled := slices.Clone(rows)
			delay := map[int]event.Millis{}
			order := make([]int, len(rows))
			for i := range rows {
				order[i] = i
				delay[i] = rows[i].Time + rnd64(rnd, int64(lateness/time.Millisecond))
			}
			slices.SortStableFunc(order, func(a, b int) int { return compare(int64(delay[a]), int64(delay[b])) })
			for i, k := range order {
				shuffled[i] = rows[k]
			}
			live, mine := fresh(), again()
			for i := 0; i < len(shuffled); {
				n := min(1+rnd.IntN(60), len(shuffled)-i)
				if err := live.Observe(mine, shuffled[i:i+n], primary); err != nil {
					t.Fatal(err)
				}
				i += n
				if rnd.IntN(2) == 0 {
					if err := live.Advance(); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := report(t, live)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("live differs from history (-history +live), lateness %v, %d rows:\n%s", lateness, len(rows), d)
			}
		}
	}
	t.Log(fired)
	for _, d := range docs {
		if d.Correlation != nil && fired[d.Key()] == 0 && !silentKinds[d.Key()] {
			t.Errorf("%s never fired: this test says nothing about it", d.Key())
		}
	}
}

// someRegister knows half of the accounts, and three quarters of them two days later.
func someRegister(t testing.TB, from event.Millis) (out []*edition.Register) {
	t.Helper()
	for i, since := range []event.Millis{from - 86_400_000, from + 2*86_400_000} {
		var buf bytes.Buffer
		err := edition.BuildRegister(&buf, "register", since, func(yield func(dictionary.Ref) bool) {
			for p := range byte(2) {
				for a := range uint32(20) {
					if (a%2 == 0 || i > 0 && a%4 == 1) && !yield(dictionary.MakeRef(p, a)) {
						return
					}
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := edition.OpenRegister(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// seenRule is the live-only rule of everyKind, of which edition 1 consists.
var seenRule = sync.OnceValue(func() *rule.Rule {
	docs, err := rule.Parse("test.yaml", []byte(everyKind))
	if err != nil {
		panic(err)
	}
	set, err := rule.Compile(docs, Schema(), rule.Options{})
	if err != nil {
		panic(err)
	}
	i := slices.IndexFunc(set.Rules(), func(r *rule.Rule) bool { return r.Doc.Name == "seen" })
	return set.Rules()[i]
})

func (w *small) LiveRules(uint32) ([]uint32, error)       { return []uint32{0}, nil }
func (w *small) LiveRule(uint32) (ledger.LiveRule, error) { return liveRule(w.hasher, seenRule()), nil }
