package traffic_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/event"
)

// small is one log with one page of each kind; figures are put in at random.
const small = `
version: 1
id: made
scale: 1
title: {ko: 시험, en: test}
summary: {ko: 시험, en: test}
zone: %s
from: 2025-03-01 10:30
to: 2025-03-06
sources: {S: "https://example.org/"}
figures:
%s
population: {prefix: m, digits: 5, first: one, accounts: accounts, unused: unused, empty: empty, joined: joined, strangers: strangers, books: books, shared: shared, listed: listed}
items:
  name:  {ko: 성명, en: name, class: ordinary, strangers: shared}
  phone: {ko: 전화, en: phone, class: contact, members: listed}
  code: {ko: 비밀번호, en: code, class: authentication_secret, members: shared, among: {phase: a, page: book, accounts: among}}
networks:
  away: {cidr: 203.0.113.0/24, addresses: pool, country: JP}
  far: {cidr: 198.51.100.0/24, addresses: pool}
logs:
  gate: {format: nginx}
pages:
  login: {log: gate, request: POST /login, does: sign_in}
  mine: {log: gate, request: GET /mine, items: [name, phone], whose: actor}
  book: {log: gate, request: GET /book, items: [name, code], whose: actor, book: true}
  member: {log: gate, request: "GET /members/{account}", items: [phone], whose: path, book: true}
  labels: {log: gate, request: GET /labels, items: [name], whose: list, rows: rows}
  dump: {log: gate, request: GET /dump, items: [phone, code], whose: nobody, rows: rows}
actors:
  agents: {type: staff, prefix: s, count: few, network: far}
keys:
  - {id: k}
background: []
attack:
  - {name: a, what: {ko: 가, en: a}, from: %s, to: %s, credential: forged, key: k, accounts: chosen, ghosts: ghosts, ghost_status: %d, order: %s, shape: %s, network: away, rotate: few, agent: browser, new: %v%s,
     pages: [{page: mine, reads: reads, accounts: some}, {page: book, reads: more, accounts: some}, {page: member, reads: reads}, {page: labels, reads: few, accounts: some}, {page: dump, reads: few, reaches: reach}]}
  - {name: b, what: {ko: 나, en: b}, from: 2025-03-02, to: 2025-03-05 07:00, credential: %s, accounts: some, order: %s, network: far, agent: script,
     pages: [{page: member, reads: more}]}
reality: {by: {ko: 시험, en: test}, source: [S]}
question: [{where: 'true'}]
`

// TestRandom: over random sizes, spans, orders and shapes the lines say what the truth
// says, and each page is read as often as was said.
func TestRandom(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := func(most int) int { return 1 + r.IntN(most) }
		accounts := 2 + r.IntN(120)
		chosen := n(accounts)
		v := map[string]int{
			"one": 1, "accounts": accounts, "unused": r.IntN(150), "empty": r.IntN(accounts/2 + 1), "joined": r.IntN(accounts + 1), "strangers": r.IntN(90), "shared": r.IntN(101),
			"listed": r.IntN(101), "pool": n(200), "few": n(6), "rows": n(20), "chosen": chosen, "some": n(chosen), "reads": n(300), "more": n(500), "ghosts": r.IntN(200),
			"reach": n(accounts), "books": n(accounts), "among": 1,
		}
		figures := ""
		for name, value := range v {
			figures += fmt.Sprintf("  %s: {value: %d, unit: of them, invented: {ko: 시험, en: test}}\n", name, value)
		}
		word := func(of ...string) string { return of[r.IntN(len(of))] }
		peak := ""
		if r.IntN(2) == 0 {
			peak = ", peak: 2025-03-03, peak_reads: reads"
		}
		text := fmt.Sprintf(small, word("Asia/Seoul", "UTC", "Asia/Kolkata", "America/New_York"), figures, word("2025-03-01 10:30", "2025-03-02", "2025-03-02 03:20:10"),
			word("2025-03-05 18:45", "2025-03-03 13:00", "2025-03-06"), []int{200, 401, 403, 404}[r.IntN(4)], word(drill.Orders...), word(drill.Shapes...), r.IntN(2) == 0, peak,
			word("none", "own, who: agents", "own, who: members", "issued, who: agents, actors: few"), word(drill.Orders...))
		run := run(t, parse(t, text), 1, seed)
		f := run.read(t)
		f.take(map[string]int{"GET /dump": v["reach"]}, func(r *event.Record) bool { return true })
		f.hold(run)
		f.spans(run)
		got := map[string]int{}
		for i := range f.records {
			if x := &f.records[i]; x.Status == 200 && len(f.book[string(x.Actor.ID)]) > 0 || x.Actor.ID == "" || x.Actor.Type == "staff" {
				got[x.Route]++
			}
		}
		if got["GET /mine"] != v["reads"] || got["GET /book"] != v["more"] || got["GET /members/{account}"] != v["reads"]+v["more"] || got["GET /labels"] != v["few"] || got["GET /dump"] != v["few"] {
			t.Errorf("pages were read %v of %v", got, v)
		}
		if t.Failed() {
			t.Fatalf("with the seed %d: %+v\n%s", seed, *run.m.Truth(), text)
		}
	}
}
