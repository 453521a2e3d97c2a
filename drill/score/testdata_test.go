package score

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/haetae/haetae/drill"
)

// A small scenario with everything that a score speaks of.
const small = `
version: 1
id: small
title: {ko: 작은 유출, en: a small leak}
summary: {ko: 시험, en: a test}
scale: 10
zone: Asia/Seoul
from: 2025-03-01
to: 2025-03-31
sources: {S: https://news.example/1}
figures:
  accounts: {value: 9000, unit: accounts, source: [S]}
  first: {value: 1, unit: number, fixed: true, invented: {ko: 정함, en: chosen}}
  reads: {value: 20000, unit: reads, source: [S], uncertain: {ko: 보도 하나, en: one report}}
  all: {value: 50.5, unit: percent, fixed: true, calc: {ko: 절반쯤, en: about half}}
  pool: {value: 4, unit: addresses, fixed: true, invented: {ko: 모름, en: unknown}}
  claimed: {value: 60000, unit: reads, source: [S]}
  count_1: {value: 90, unit: accounts, source: [S]}
  count_2: {value: 9000, unit: people, source: [S]}
population: {prefix: m, digits: 5, first: first, accounts: accounts}
items:
  name: {ko: 성명, en: name, class: ordinary}
  phone: {ko: 전화번호, en: phone, class: contact, members: all}
  door: {ko: 공동현관 비밀번호, en: door code, class: authentication_secret, members: all}
networks:
  out: {cidr: 198.18.0.0/24, addresses: pool}
logs: {web: {format: nginx}}
pages:
  profile: {log: web, request: GET /profile, items: [name, phone, door], whose: actor}
keys: [{id: old, purpose: tokens, from: 2025-03-01}]
attack:
  - {name: probe, what: {ko: 시험 접속, en: a probe}, from: 2025-03-03, to: 2025-03-04, credential: forged, key: old, accounts: accounts, network: out, agent: script, pages: [{page: profile, reads: reads}]}
  - {name: bulk, what: {ko: 수집, en: bulk}, from: 2025-03-10, to: 2025-03-20, credential: forged, key: old, accounts: accounts, network: out, agent: script, pages: [{page: profile, reads: reads}]}
faults:
  - {kind: silent, log: web, from: 2025-03-12, to: 2025-03-13, what: {ko: 기록 중단, en: nothing was logged}}
  - {kind: retention, at: 2025-03-25, before: 2025-03-11, what: {ko: 보존기간 작업, en: a retention job}}
outside:
  - {at: 2025-03-28, kind: ransom, what: {ko: 협박, en: a threat}, source: [S], claims: [{item: name, amount: claimed, of: reads}, {item: door, amount: claimed, of: people}]}
reality:
  began: 2025-03-03
  known: 2025-03-28 12:00
  by: {ko: 신문, en: a newspaper}
  source: [S]
  counts:
    - {on: 2025-03-29, number: count_1, of: {ko: 계정, en: accounts}, by: {ko: 회사, en: the company}, source: [S]}
    - {on: 2025-04-29, number: count_2, of: {ko: 사람, en: people}, by: {ko: 기관, en: the authority}, source: [S]}
question: [{where: 'credential.key == "old"'}]
expect:
  rings: [{phase: bulk, severity: high, by: 2025-03-10 12:00}]
  blind: [{ko: 저장 여부, en: what was kept}]
`

func scenario(t testing.TB) *drill.Scenario {
	t.Helper()
	s, err := drill.Parse("small.yaml", []byte(small), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func at(text string) time.Time {
	out, err := time.Parse("2006-01-02 15:04:05 -0700", "2025-03-"+text+" +0900")
	if err != nil {
		panic(err)
	}
	return out
}

// truth of the small scenario without people.
func truth() *drill.Truth {
	return &drill.Truth{
		Scenario: "small", Scale: 10, Seed: 7, From: at("01 00:00:00"), To: at("31 00:00:00"), Items: []string{"name", "phone", "door"},
		Reads: 2000, Accounts: 900, Ghosts: 3, UnresolvedRows: 40, ReadsByItem: map[string]int64{"name": 2000},
		Phases: []drill.PhaseTruth{
			{Name: "probe", First: at("03 00:00:00"), Last: at("04 00:00:00"), Records: 2},
			{Name: "bulk", First: at("10 00:00:00"), Last: at("20 00:00:00"), Records: 1000},
		},
		Marks: drill.Marks{
			Keys: []string{"old"}, SharedKeys: []string{"now"}, Actors: []string{"a1"}, Networks: []string{"198.18.0.0/24"},
			Agents: []string{"curl/8 (x; y)"}, Routes: []string{"GET /profile"},
		},
		Lost: []drill.Lost{
			{Fault: "silent", Log: "web", From: at("12 00:00:00"), To: at("13 00:00:00"), Records: 10},
			{Fault: "retention", Log: "web", From: at("01 00:00:00"), To: at("11 00:00:00"), Records: 10, ByHold: true},
		},
	}
}

// world is a truth with people, and what was found.
type world struct {
	truth   *drill.Truth
	reached []drill.Reached
	proved  map[string]uint32
	maybe   map[string]uint32
	not     map[string]uint32
	said    []Statement
	alerts  []Alert
}

func (w *world) people() iter.Seq2[drill.Reached, error] {
	return func(yield func(drill.Reached, error) bool) {
		for _, p := range w.reached {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func setOf(m map[string]uint32) *People {
	p := NewPeople()
	for id, items := range m {
		p.Add(id, items)
	}
	return p
}

func (w *world) found() *Found {
	return &Found{Proved: setOf(w.proved), Possible: setOf(w.maybe), Excluded: setOf(w.not), Statements: w.said, Rules: []string{"forged", "silent-rule"}}
}

func (w *world) judge(t testing.TB) *Score {
	t.Helper()
	w.truth.People = int64(len(w.reached))
	out, err := Judge(scenario(t), w.truth, w.people(), w.found(), w.alerts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// perfect is a world in which everything was found.
func perfect(r *rand.Rand, n int) *world {
	w := &world{truth: truth(), proved: map[string]uint32{}, maybe: map[string]uint32{}, not: map[string]uint32{}}
	for i := range n {
		p := drill.Reached{Person: fmt.Sprintf("m%05d", i), Items: 1 + r.Uint32N(7), Named: true, Account: true}
		if r.IntN(5) == 0 {
			p.First = at("03 00:00:00").Unix() + r.Int64N(86400)
		} else {
			p.First = at("10 00:00:00").Unix() + r.Int64N(10*86400)
		}
		w.reached = append(w.reached, p)
		w.proved[p.Person] = p.Items
	}
	w.alerts = []Alert{{Time: at("10 01:00:00"), Severity: "high", Rule: "forged", Keys: []string{"old"}}}
	return w
}

// random is a world in which much is wrong.
func random(r *rand.Rand) *world {
	w := perfect(r, r.IntN(200))
	for i := range w.reached {
		p := &w.reached[i]
		p.Named = r.IntN(3) > 0
		switch r.IntN(6) {
		case 0:
			delete(w.proved, p.Person)
		case 1:
			w.proved[p.Person] = r.Uint32N(8)
		case 2:
			delete(w.proved, p.Person)
			w.maybe[p.Person] = 1
		case 3:
			w.not[p.Person] = 0
		}
	}
	for i := range r.IntN(20) {
		w.proved[fmt.Sprintf("c%05d", i)] = r.Uint32N(8)
		w.maybe[fmt.Sprintf("d%05d", i)] = 1
		w.not[fmt.Sprintf("e%05d", i)] = 1
	}
	kinds := statementKinds[:3]
	for range r.IntN(5) {
		s := Statement{Kind: kinds[r.IntN(3)], Rows: r.Int64N(50)}
		if r.IntN(4) > 0 {
			s.From = at("01 00:00:00").Add(time.Duration(r.IntN(30*86400)) * time.Second)
		}
		if r.IntN(4) > 0 {
			s.To = at("01 00:00:00").Add(time.Duration(r.IntN(30*86400)) * time.Second)
			if s.To.Before(s.From) {
				s.From, s.To = s.To, s.From
			}
		}
		w.said = append(w.said, s)
	}
	pick := func(list ...string) []string {
		var out []string
		for _, v := range list {
			if r.IntN(3) == 0 {
				out = append(out, v)
			}
		}
		return out
	}
	for range r.IntN(30) {
		w.alerts = append(w.alerts, Alert{
			Time: at("01 00:00:00").Add(time.Duration(r.IntN(30*86400)) * time.Second), Severity: drill.Severities[r.IntN(5)],
			Rule: []string{"forged", "volume", "new-place"}[r.IntN(3)], Keys: pick("old", "now", "other"), Actors: pick("a1", "a2"),
			Addresses: pick("198.18.0.9", "198.18.0.0/25", "198.18.0.0/16", "10.0.0.1"), Agents: pick("curl/8 (x; y)", "Firefox"), Routes: pick("GET /profile", "GET /"),
		})
	}
	r.Shuffle(len(w.reached), func(a, b int) { w.reached[a], w.reached[b] = w.reached[b], w.reached[a] })
	r.Shuffle(len(w.alerts), func(a, b int) { w.alerts[a], w.alerts[b] = w.alerts[b], w.alerts[a] })
	return w
}

func clone(w *world) *world {
	c := *w
	c.reached, c.said, c.alerts = slices.Clone(w.reached), slices.Clone(w.said), slices.Clone(w.alerts)
	return &c
}
