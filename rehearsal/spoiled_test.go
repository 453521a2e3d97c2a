package rehearsal_test

import (
	"testing"

	"github.com/haetae/haetae/internal/written/writtentest"
)

// whole has one of everything that a test file may hold.
const whole = `catalog: |
  version: 1
  zone: Asia/Seoul
  items:
    name: {ko: 성명, en: name, class: ordinary}
  sources:
    app: {format: json, fields: {time: ts, uri: u}}
  routes:
    - {route: "GET /support/members/{m}", items: [name], account: path.m}
register: [m1..m3]
register_from: 2026-01-01
holdings:
  - {account: m1..m2, person: p1..p2, items: [name]}
keys: |
  key,custodian,custodian_left
  k1,kim,2026-03-01
calendar:
  events:
    - {day: 2026-03-02, ko: 할인, en: sale}
exceptions:
  - {id: x, rule: many, group: {actor.id: s9}, owner: o, reason: {ko: 가, en: a}, from: 2026-01-01, until: 2026-12-01}
lists: {vips: [m1]}
defaults: {type: staff, ip: 10.1.1.1}
background:
  - {at: 2026-03-02 08:00, actor: s3, request: GET /support/members/m1, status: 200, rows: 1}
cases:
  - name: c
    since: 2026-03-01
    now: 2026-03-05
    records:
      - at: 2026-03-02 09:00
        every: 1s
        times: 2
        days: 2
        on: weekdays
        actor: s1
        request: [GET /support/members/m1, GET /support/members/m2]
        subjects: m1..m2
    expect: []
  - name: d
    alone: true
    records: [{at: 2026-03-02 09:00, every: 1s, times: 12, actor: s2, request: 'GET /support/members/m{n}'}]
    expect:
      - {rule: many, severity: medium, group: {actor.id: s2}, count: '>= 10', reads: 3..20, accounts: 12, status: open, reached: 2026-03-02 10:00}
  - {name: e, at_most: high, records: []}
`

// TestSpoiledTests: however a test is written wrongly, no mistake repeats what stands
// there, and each is told in both languages.
func TestSpoiledTests(t *testing.T) {
	// Half of them: each that is no mistake is played.
	n := 0
	writtentest.Private(t, "r.test.yaml:", whole, func(text string) error {
		if n++; n%2 == 0 {
			return nil
		}
		_, err := run(t, text)
		return err
	})
}
