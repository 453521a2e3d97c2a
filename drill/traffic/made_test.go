package traffic_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/event"
)

// shop is a small scenario with a page of every kind, in every format; attack and
// faults are put behind it.
const shop = `
version: 1
id: made
scale: 1
title: {ko: 시험, en: test}
summary: {ko: 시험, en: test}
zone: Asia/Seoul
from: 2025-03-01
to: 2025-03-11
sources: {S: "https://example.org/"}
population: {prefix: m, digits: 6, first: n100000, accounts: n400, unused: n300, empty: n7, joined: n40, strangers: n150, shared: n20, listed: n30%s}
items:
  name:  {ko: 성명, en: name, class: ordinary, strangers: n100}
  phone: {ko: 전화, en: phone, class: contact, members: n80, strangers: n50}
  memo:  {ko: 메모, en: memo, class: sensitive, members: n20}
networks:
  homes: {cidr: 100.64.0.0/10, addresses: n300, country: KR}
  office: {cidr: 10.1.0.0/24, addresses: n20, country: KR}
  annex: {cidr: 10.2.0.0/24, addresses: n20, country: KR}
  away: {cidr: 203.0.113.0/24, addresses: n50, country: JP}
  six: {cidr: "2001:db8::/32", addresses: n50}
logs:
  gate: {format: nginx, cadence: 12h}
  gate-two: {format: nginx}
  db: {format: pgaudit, cadence: 90m}
  trail: {format: cloudtrail}
pages:
  home: {log: gate, request: GET /}
  item: {log: gate, request: "GET /items/{n}/of/{n}"}
  login: {log: gate, request: POST /login, does: sign_in}
  renew: {log: gate, request: POST /renew, does: issue}
  mine: {log: gate, request: GET /mine, items: [name, phone], whose: actor}
  book: {log: gate, request: "GET /mine/{actor}/book", items: [name, memo], whose: actor, book: true}
  member: {log: gate, request: "GET /members/{account}", items: [name, memo], whose: path}
  found: {log: gate, request: "GET /find?member={account}&page={n}", items: [phone], whose: path, book: true}
  labels: {log: gate-two, request: GET /labels, items: [name, phone], whose: list, rows: n12, does: export}
  dump: {log: gate-two, request: GET /dump, items: [phone, memo], whose: nobody, rows: n70}
  connect: {log: db, table: shop, does: sign_in}
  one: {log: db, table: shop.public.members, columns: {name: [first_name, last_name]}, items: [name, phone], whose: path}
  some: {log: db, table: shop.public.members, columns: {name: [first_name, last_name]}, items: [name], whose: list, rows: n5}
  scan: {log: db, table: shop.public.members, columns: {name: [first_name, last_name]}, items: [name, memo], whose: nobody, rows: n400}
  copy: {log: db, table: shop.public.members, items: [phone], whose: nobody, rows: n400, does: export}
  stock: {log: db, table: shop.public.stock, columns: {}, items: []}
  console: {log: trail, object: console, does: sign_in}
  photo: {log: trail, object: "shop-photos/{account}/{n}", items: [name], whose: path}
  bill: {log: trail, object: "shop-bills/2025/{account}.pdf", items: [name, memo], whose: path}
  backup: {log: trail, object: shop-backup/members.csv, items: [name, phone], whose: nobody, rows: n400}
actors:
  agents: {type: staff, prefix: s, count: n5, network: office}
  shops: {type: partner, prefix: v, count: n4, network: office}
  batch: {type: service, prefix: b, count: n2, network: office}
keys:
  - {id: k-old, purpose: "members, staff", until: 2025-03-04, custodian: d1, custodian_left: 2025-03-05}
  - {id: k-new, purpose: members, from: 2025-03-04, custodian: d2, rotates_by: 2026-03-04}
background:
  - {name: members, who: members, a_day: n200, shape: members, sign_in: login, failures: n20, refresh: renew, network: homes, agent: app,
     steps: [{page: home, times: n100}, {page: item, times: n250}, {page: mine, times: n50}, {page: book, times: n20}]}
  - {name: agents, who: agents, a_day: n50, shape: office, sign_in: login, agent: browser, targets: n50, steps: [{page: member, times: n150}, {page: found, times: n50}]}
  - {name: shops, who: shops, a_day: n5, shape: office, agent: browser, steps: [{page: labels, times: n100}, {page: dump, times: n20}, {page: photo, times: n50}]}
  - {name: dba, who: agents, a_day: n12, shape: flat, sign_in: connect, failures: n20, network: annex, agent: script, steps: [{page: one, times: n150}, {page: some, times: n100}, {page: stock, times: n100}]}
  - {name: cloud, who: agents, a_day: n12, shape: night, sign_in: console, failures: n20, agent: browser, steps: [{page: photo, times: n100}, {page: bill, times: n50}]}
  - {name: nightly, who: batch, daily: "03:10", sign_in: console, agent: script, steps: [{page: backup, times: n100}]}
  - {name: copies, who: batch, daily: "04:10", agent: script, steps: [{page: copy, times: n100}, {page: scan, times: n100}]}
  - {name: robots, who: nobody, a_day: n50, shape: flat, network: homes, agent: script, steps: [{page: item, times: n100}]}
changes:
  - {kind: sale_day, from: 2025-03-08, to: 2025-03-09, factor: n4, announced: true, name: {ko: 할인, en: "sale: spring"}}
  - {kind: new_office, from: 2025-03-06, who: shops, network: annex, announced: true, name: {ko: 이사, en: move}}
  - {kind: key_rotation, from: 2025-03-04, key: k-new, name: {ko: 교체, en: rotation}}
attack:
%s
faults:
%s
reality: {by: {ko: 시험, en: test}, source: [S]}
question: [{where: 'true'}]
`

// madeUp puts a scenario together.
func madeUp(_ testing.TB, population, attack, faults string) string {
	return fmt.Sprintf(shop, population, attack, faults)
}

// numbers are the figures of made-up scenarios, named by their value: n12.
func numbers(t testing.TB) *drill.Common {
	t.Helper()
	b := []byte("figures:\n")
	for _, n := range []int{1, 2, 4, 5, 3, 7, 9, 10, 12, 15, 20, 25, 30, 33, 40, 50, 60, 70, 80, 90, 97, 100, 120, 150, 200, 250, 300, 333, 400, 700, 900, 100000} {
		b = fmt.Appendf(b, "  n%d: {value: %d, unit: of them, fixed: true, invented: {ko: 시험, en: test}}\n", n, n)
	}
	c, err := drill.ParseCommon("common.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const phaseHead = "  - {name: p, what: {ko: 가, en: a}, from: 2025-03-02 01:30, to: 2025-03-09 13:00, "

// attacks are phases of each credential, over pages of each kind and format.
var attacks = map[string]string{
	"forged": phaseHead + `credential: forged, key: k-old, accounts: n333, ghosts: n120, order: rising, network: away, rotate: n7, agent: browser,
     peak: 2025-03-06, peak_reads: n700, pages: [{page: mine, reads: n400}, {page: book, reads: n900, accounts: n97}, {page: labels, reads: n20}, {page: dump, reads: n3, reaches: n90}]}`,
	"ghosts answered": phaseHead + `credential: forged, key: k-new, accounts: n100, ghosts: n400, ghost_status: 200, order: random, network: six, agent: script, shape: night, pages: [{page: mine, reads: n100}, {page: home, reads: n50}]}`,
	"newest":          phaseHead + `credential: forged, key: k-new, accounts: n30, new: true, order: spread, network: away, rotate: n1, agent: app, pages: [{page: book, reads: n33}]}`,
	"own staff":       phaseHead + `credential: own, who: agents, actors: n2, accounts: n250, ghosts: n20, order: random, network: office, agent: browser, shape: office, pages: [{page: member, reads: n300}, {page: found, reads: n90}]}`,
	"own member":      phaseHead + `credential: own, who: members, actors: n3, accounts: n200, order: spread, network: away, rotate: n10, agent: browser, pages: [{page: member, reads: n200}]}`,
	"guessed":         phaseHead + `credential: guessed, sign_in: login, tries: n900, hits: n60, order: random, network: away, rotate: n5, agent: script, pages: [{page: mine, reads: n120}, {page: book, reads: n30, accounts: n30}]}`,
	"none":            phaseHead + `credential: none, accounts: n150, ghosts: n150, order: rising, network: away, rotate: n4, agent: script, pages: [{page: found, reads: n150}, {page: dump, reads: n5, reaches: n333}]}`,
	"issued":          phaseHead + `credential: issued, who: shops, accounts: n300, network: office, agent: script, pages: [{page: labels, reads: n40}]}`,
	"database":        phaseHead + `credential: own, who: agents, actors: n2, accounts: n150, network: annex, agent: script, pages: [{page: one, reads: n150, accounts: n50}, {page: some, reads: n15}, {page: scan, reads: n2, reaches: n200}, {page: copy, reads: n1, reaches: n400}]}`,
	"cloud":           phaseHead + `credential: issued, who: batch, accounts: n120, network: away, agent: script, pages: [{page: photo, reads: n120}, {page: bill, reads: n90, accounts: n40}, {page: backup, reads: n2, reaches: n100}]}`,
	"public bucket":   phaseHead + `credential: none, accounts: n90, network: away, agent: script, pages: [{page: bill, reads: n97}]}`,
}

// reached is how many accounts the pages reach that name nobody, by route.
var reached = map[string]map[string]int{
	"forged":   {"GET /dump": 90},
	"none":     {"GET /dump": 333},
	"database": {"TABLE shop.public.members (first_name, last_name, memo)": 200, "TABLE shop.public.members (phone)": 400},
	"cloud":    {"GET /aws/s3/GetObject/shop-backup/members.csv": 100},
}

// quiet gives the lines that ordinary traffic alone has.
func quiet(t testing.TB, population string, seed uint64) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	r := run(t, parse(t, madeUp(t, population, " []", " []")), 1, seed)
	if n := r.m.Truth().Records; n != 0 {
		t.Fatalf("%d records of no attack", n)
	}
	for id := range r.read(t.(*testing.T)).ids {
		out[id] = true
	}
	return out
}

// TestCredentials: for each credential, page and format the lines say what the truth
// says. The attack's are those that the same scenario without the attack does not have.
func TestCredentials(t *testing.T) {
	ordinary := quiet(t, "", 7)
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		t.Run(name, func(t *testing.T) {
			r := run(t, parse(t, madeUp(t, "", "\n"+attacks[name], " []")), 1, 7)
			f := r.read(t)
			others := ordinary
			if name == "own member" { // who takes part is no ordinary member
				others = map[string]bool{}
				for i := range f.records {
					if !strings.HasPrefix(f.records[i].Client.IP.String(), "203.0.113.") {
						others[string(f.records[i].ID)] = true
					}
				}
			}
			f.take(reached[name], func(r *event.Record) bool { return !others[string(r.ID)] })
			f.hold(r)
			truth := r.m.Truth()
			if truth.Reads == 0 || truth.People == 0 || int64(len(f.records)) != truth.Records+truth.Background {
				t.Errorf("%d records: %+v", len(f.records), truth)
			}
			for _, n := range f.ids {
				if n > 1 {
					t.Errorf("an id stands on %d lines", n)
				}
			}
			f.spans(r)
		})
	}
}
