package rehearsal_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/haetae/haetae/rehearsal"
)

// TestFanOut: of a page that the catalog says shows many accounts one is counted, unless
// the rule counts what it observes or the page has more rows than declared; where the log
// counts no rows, the declaration is believed. Everybody is in the extent.
func TestFanOut(t *testing.T) {
	files := fstest.MapFS{
		"r.yaml": {Data: []byte(`
title: A page
name: page
tags: [haetae.record]
logsource: {category: access, product: haetae}
detection: {s: {read: 'true'}, condition: s}
---
title: As declared
name: declared
level: low
correlation: {type: value_count, rules: [page], group-by: [actor.id], timespan: 1h, condition: {gte: 2, field: account}}
---
title: As observed
name: observed
level: low
correlation: {type: value_count, rules: [page], group-by: [actor.id], timespan: 1h, condition: {gte: 2, field: account}}
haetae:
  fan_out: observed
`)},
		"r.test.yaml": {Data: []byte(`
catalog: |
  account: {pattern: "m[0-9]{7}"}
  items: {name: {ko: 성명, en: name, class: ordinary}}
  sources: {web: {format: json, match: "*.json", cadence: 1d, fields: {time: time, uri: uri, rows: rows, subjects: subjects}}}
  routes:
    - {route: GET /sent, items: [name], account: list, fan_out: 5}
    - {route: GET /any, items: [name], account: list}
defaults: {type: member, actor: m0000001}
cases:
  - name: one page
    records: [{at: 2026-03-02 21:00, rows: 5, subjects: ['m1000101..m1000105'], request: GET /sent}]
    expect: [{rule: observed, count: 5, people: 5}]
  - name: two pages
    records:
      - {at: 2026-03-02 21:00, rows: 5, subjects: ['m1000101..m1000105'], request: GET /sent}
      - {at: 2026-03-02 21:01, rows: 5, subjects: ['m1000111..m1000115'], request: GET /sent}
    expect: [{rule: observed, count: 10}, {rule: declared, count: 2, people: 10, accounts: 10}]
  - name: more than declared
    records: [{at: 2026-03-02 21:00, rows: 6, subjects: ['m1000101..m1000106'], request: GET /sent}]
    expect: [{rule: observed, count: 6}, {rule: declared, count: 6}]
  - name: rows are not counted
    records: [{at: 2026-03-02 21:00, subjects: ['m1000101..m1000106'], request: GET /sent}]
    expect: [{rule: observed, count: 6}]
  - name: nothing is declared
    records: [{at: 2026-03-02 21:00, rows: 5, subjects: ['m1000101..m1000105'], request: GET /any}]
    expect: [{rule: observed, count: 5}, {rule: declared, count: 5}]
`)},
	}
	show(t, func() (*rehearsal.Result, error) { return rehearsal.Run(context.Background(), files, ".") })
}
